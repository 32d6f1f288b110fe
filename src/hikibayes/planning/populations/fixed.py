"""A world that a person writes down: slopes, spreads and correlations, everything not mentioned being plain.

What is not mentioned is 0 (means, slopes, correlations, the gap between the groups), 1 (SDs) or one half (shares).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from ...spec import InputError, Number, Share, Spec, unknown_name
from ...study.measures import Identifier
from .columns import FloatArray, Frame
from .worlds import Worlds

__all__ = ["Correlation", "FixedWorld", "fixed_worlds", "stated_variances"]

Reliability = Annotated[Share, Field(gt=0)]
InSD = Annotated[Number, Field(ge=-1000, le=1000)]
"""A number in the SD units of the published sample; what lies further out is a slip."""
Spread = Annotated[Number, Field(ge=0.001, le=1000)]
"""An SD, in the same units."""
ByGroup = InSD | tuple[InSD, InSD]
"""One number for both groups, or one for each in the study's order."""


class Correlation(Spec):
    """Correlation of two scores within the groups."""

    of: Identifier
    with_: Identifier = Field(alias="with")
    r: Annotated[Number, Field(gt=-1, lt=1)]

    @model_validator(mode="after")
    def _of_two(self) -> Self:
        if self.of == self.with_:
            raise ValueError(f"the correlation of {self.of!r} with itself is 1; two scores are expected")
        return self


class FixedWorld(Spec):
    """One population, in SD units; ``[control, focal]`` where the groups differ, in the study's order of the groups."""

    residual_sd: Spread | tuple[Spread, Spread]
    """Residual SD of the outcome."""
    gap: InSD = 0.0
    """Outcome of the second group minus the first, where every score is 0."""
    slopes: dict[Identifier, ByGroup] = Field(default_factory=dict)
    """Slopes of the outcome on the scores; for the category: second level minus first."""
    means: dict[Identifier, ByGroup] = Field(default_factory=dict)
    sds: dict[Identifier, Spread | tuple[Spread, Spread]] = Field(default_factory=dict)
    correlations: tuple[Correlation, ...] = Field(default=(), alias="correlation")
    share: Share | tuple[Share, Share] = 0.5
    """Share of the category's second level."""
    reliabilities: dict[Identifier, Reliability] = Field(default_factory=dict)
    """How reliable scores and outcome are as described here, where a planned study measures them better or worse."""


def fixed_worlds(spec: FixedWorld, frame: Frame) -> Worlds:
    """Make the one world that a person wrote down.

    Parameters
    ----------
    spec : FixedWorld
        What was written.
    frame : Frame
        Cells and scores; what `spec` names must be among them.

    Returns
    -------
    Worlds
        One world.

    Raises
    ------
    InputError
        A name that is no score of the frame, a share outside 0 to 1, or correlations that no population has.
    """
    numbers, category = frame.measures, tuple(filter(None, [frame.category]))
    _refuse_unknown(spec, frame)
    mean = np.array([_pair(spec.means.get(name, 0.0)) for name in numbers]).reshape(-1, 2).T
    slope = np.array([_pair(spec.slopes.get(name, 0.0)) for name in numbers]).reshape(-1, 2).T
    share = np.array(_pair(spec.share if category else 0.0))
    of_level = np.array(_pair(spec.slopes.get(category[0], 0.0))) if category else np.zeros(2)
    level = np.array([0.0, spec.gap])[:, None] + of_level[:, None] * np.arange(len(frame.levels))
    sizes = np.array([frame.study.sizes[group] for group in frame.study.group_ids], dtype=float)
    second = float(share @ sizes / sizes.sum())
    return Worlds(
        frame=frame,
        source="fixed",
        share=share[None],
        mean=mean[None, frame.group_of],
        cov=_covariance(spec, numbers)[None],
        level=level.reshape(1, -1),
        slope=slope[None, frame.group_of],
        sigma=np.array([_pair(spec.residual_sd)]),
        mix=np.array([1 - second, second]) if category else np.ones(1),
        reconstruction=np.array([-1]),
    )


def _refuse_unknown(spec: FixedWorld, frame: Frame) -> None:
    scores, category = frame.measures, tuple(filter(None, [frame.category]))
    accepted = {
        "slopes": (spec.slopes, (*scores, *category)),
        "means": (spec.means, scores),
        "sds": (spec.sds, scores),
        "correlation": ([name for pair in spec.correlations for name in (pair.of, pair.with_)], scores),
        "reliabilities": (spec.reliabilities, (*scores, frame.study.analysis.outcome)),
    }
    for key, (named, known) in accepted.items():
        for name in named:
            if name not in known:
                raise InputError(unknown_name("score in this population,", name, known), key=f"worlds.fixed.{key}")


def stated_variances(spec: FixedWorld, world: Worlds) -> dict[str, tuple[float, float]]:
    """Return true and error variance of each score whose reliability a written population states.

    Parameters
    ----------
    spec : FixedWorld
        With its ``reliabilities``.
    world : Worlds
        What `fixed_worlds` made of it.

    Notes
    -----
    A reliability is a share of the variance in both groups together, which count by the sizes that the study had.
    """
    moments, found = world.moments(), {}
    weight = moments["n"] / moments["n"].sum()
    for name, reliability in spec.reliabilities.items():
        mean, square = (moments[part].sel(measure=name) for part in ("mean", "cov"))
        away = mean - (weight * mean).sum("group")
        total = float((weight * (square.sel(measure_2=name) + away**2)).sum())
        found[name] = reliability * total, (1 - reliability) * total
    return found


def _pair(value: float | tuple[float, float]) -> tuple[float, float]:
    return value if isinstance(value, tuple) else (value, value)


def _covariance(spec: FixedWorld, names: tuple[str, ...]) -> FloatArray:
    correlation = np.eye(len(names))
    for pair in spec.correlations:
        i, j = names.index(pair.of), names.index(pair.with_)
        if correlation[i, j]:
            found = f"the correlation of {pair.of!r} with {pair.with_!r} is given twice"
            raise InputError(found, key="worlds.fixed.correlation")
        correlation[i, j] = correlation[j, i] = pair.r
    if names and np.linalg.eigvalsh(correlation)[0] <= 1e-12:
        raise InputError("these correlations are not positive definite: no population has them", key="worlds.fixed")
    sd = np.array([_pair(spec.sds.get(name, 1.0)) for name in names]).reshape(-1, 2).T
    return np.asarray(correlation * sd[:, :, None] * sd[:, None, :])
