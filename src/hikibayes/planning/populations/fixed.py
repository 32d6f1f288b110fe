"""A world that a person writes down: slopes, spreads and correlations, everything not mentioned being plain.

What is not mentioned is 0 (means, slopes, correlations, the gap between the groups), 1 (SDs) or one half (shares).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from ...arrays import FloatArray
from ...spec import InputError, Number, Share, Spec, unknown_name
from ...study.measures import Identifier, Text, term_parts
from .columns import Frame
from .worlds import Worlds

Reliability = Annotated[Share, Field(gt=0)]
InSD = Annotated[Number, Field(ge=-1000, le=1000)]
"""A number in the SD units of the published sample; what lies further out is a slip."""
Spread = Annotated[Number, Field(ge=0.001, le=1000)]
"""An SD, in the same units."""
ByGroup = InSD | Annotated[tuple[InSD, ...], Field(min_length=2)]
"""One number for all groups, or one for each in the study's order."""
Spreads = Spread | Annotated[tuple[Spread, ...], Field(min_length=2)]


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
    """One population, in SD units; ``[control, focal]`` where groups differ, one number each in the study's order."""

    where: ClassVar[str] = "worlds.fixed"
    """Where messages say that it stands."""

    residual_sd: Spreads
    """Residual SD of the outcome."""
    gap: ByGroup = 0.0
    """Outcome of the second group minus the first, where every score is 0; or one number for each group."""
    slopes: dict[Text, ByGroup] = Field(default_factory=dict)
    """Slopes of the outcome on the scores, and on products of two (``"x:w"``); for the category: second level minus
    first."""
    means: dict[Identifier, ByGroup] = Field(default_factory=dict)
    sds: dict[Identifier, Spreads] = Field(default_factory=dict)
    correlations: tuple[Correlation, ...] = Field(default=(), alias="correlation")
    share: Share | Annotated[tuple[Share, ...], Field(min_length=2)] = 0.5
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
    each = _Groups(len(frame.groups), spec.where)
    mean = each.table("means", {name: spec.means.get(name, 0.0) for name in numbers})
    slopes = {term_parts(name): value for name, value in spec.slopes.items()}
    slope = each.table("slopes", {name: slopes.get(term_parts(name), 0.0) for name in frame.predictors})
    share = each("share", spec.share if category else 0.0)
    of_level = each("slopes", spec.slopes.get(category[0], 0.0) if category else 0.0)
    level = each.gaps(spec.gap)[:, None] + of_level[:, None] * np.arange(len(frame.levels))
    second = float(share @ frame.sizes / frame.sizes.sum())
    return Worlds(
        frame=frame,
        source="fixed",
        share=share[None],
        mean=mean[None, frame.group_of],
        cov=_covariance(spec, numbers, each)[None],
        level=level.reshape(1, -1),
        slope=slope[None, frame.group_of],
        sigma=each("residual_sd", spec.residual_sd)[None],
        mix=np.array([1 - second, second]) if category else np.ones(1),
        reconstruction=np.array([-1]),
    )


def _refuse_unknown(spec: FixedWorld, frame: Frame) -> None:
    scores, category = frame.measures, tuple(filter(None, [frame.category]))
    accepted = {
        "slopes": (spec.slopes, (*frame.predictors, *category)),
        "means": (spec.means, scores),
        "sds": (spec.sds, scores),
        "correlation": ([name for pair in spec.correlations for name in (pair.of, pair.with_)], scores),
        "reliabilities": (spec.reliabilities, (*scores, frame.study.analysis.outcome)),
    }
    for key, (named, known) in accepted.items():
        for name in named:
            if term_parts(name) not in set(map(term_parts, known)):
                raise InputError(unknown_name("score in this population,", name, known), key=f"{spec.where}.{key}")


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


@dataclass(frozen=True)
class _Groups:
    """Spells numbers out for each of so many groups."""

    count: int
    where: str

    def __call__(self, key: str, value: float | tuple[float, ...]) -> FloatArray:
        values = value if isinstance(value, tuple) else (value,) * self.count
        if len(values) != self.count:
            raise InputError(
                f"has {len(values)} values; one for all groups or one for each of the {self.count} is expected",
                key=f"{self.where}.{key}",
            )
        return np.array(values, dtype=float)

    def table(self, key: str, values: Mapping[str, float | tuple[float, ...]]) -> FloatArray:
        """Numbers of several scores, (G, m)."""
        return np.array([self(f"{key}.{name}", value) for name, value in values.items()]).reshape(-1, self.count).T

    def gaps(self, value: float | tuple[float, ...]) -> FloatArray:
        """How far each group's outcome is from 0, where one number is the second's."""
        if isinstance(value, tuple):
            return self("gap", value)
        if value and self.count > 2:
            raise InputError(
                "one number says it for two groups only; write one for each group", key=f"{self.where}.gap"
            )
        return np.arange(self.count, dtype=float) * value


def _covariance(spec: FixedWorld, names: tuple[str, ...], each: _Groups) -> FloatArray:
    correlation = np.eye(len(names))
    for pair in spec.correlations:
        i, j = names.index(pair.of), names.index(pair.with_)
        if correlation[i, j]:
            found = f"the correlation of {pair.of!r} with {pair.with_!r} is given twice"
            raise InputError(found, key=f"{spec.where}.correlation")
        correlation[i, j] = correlation[j, i] = pair.r
    if names and np.linalg.eigvalsh(correlation)[0] <= 1e-12:
        raise InputError("these correlations are not positive definite: no population has them", key=spec.where)
    sd = each.table("sds", {name: spec.sds.get(name, 1.0) for name in names})
    return np.asarray(correlation * sd[:, :, None] * sd[:, None, :])
