"""A world that a person writes down: slopes, spreads and correlations, everything not mentioned being plain.

What is not mentioned is 0 (means, slopes, correlations, the gap between the groups), 1 (SDs) or one half (shares).
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
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
HALF = 0.5
Shares = Annotated[tuple[Share, ...], Field(min_length=2)]
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
    """Slopes of the outcome on the scores, and on products of two (``"x:w"``); of categories beside the groups, a level
    minus the first: ``sex`` where there are two, else ``"site[north]"``; products of these (``"sex:x"``) too."""
    means: dict[Identifier, ByGroup] = Field(default_factory=dict)
    sds: dict[Identifier, Spreads] = Field(default_factory=dict)
    correlations: tuple[Correlation, ...] = Field(default=(), alias="correlation")
    share: Share | Annotated[tuple[Share, ...], Field(min_length=2)] = HALF
    """Share of the second level, of one category with two."""
    shares: dict[Identifier, Shares | tuple[Shares, ...]] = Field(default_factory=dict, exclude_if=operator.not_)
    """Of any categories beside the groups, which are independent: a share of each level, or that for each group; what
    is not mentioned has its levels alike."""
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
    _refuse_unknown(spec, frame)
    each = _Groups(len(frame.groups), spec.where)
    mean = each.table("means", {name: spec.means.get(name, 0.0) for name in frame.measures})
    given = {term_parts(name): each(f"slopes.{name}", value) for name, value in spec.slopes.items()}
    nothing = np.zeros(each.count)

    def of_cells(score: str) -> FloatArray:
        own = [
            np.multiply.outer(given.get(term_parts(":".join((*code, score))), nothing), on)
            for code, on in frame.codes.items()
        ]
        return np.asarray(sum(own))

    level = each.gaps(spec.gap)[:, None] + of_cells("")
    slope = [of_cells(name).ravel() for name in frame.predictors]
    shares = frame.together({name: _shares(spec, frame, name, each) for name in frame.categories})
    shares = np.broadcast_to(shares, (len(frame.groups), len(frame.profiles)))
    return Worlds(
        frame=frame,
        source="fixed",
        shares=shares[None],
        mean=mean[None, frame.group_of],
        cov=_covariance(spec, frame.measures, each)[None],
        level=level.reshape(1, -1),
        slope=np.stack(slope, axis=-1)[None] if slope else np.zeros((1, len(frame.cells), 0)),
        sigma=each("residual_sd", spec.residual_sd)[None],
        mix=frame.sizes / frame.sizes.sum() @ shares,
        reconstruction=np.array([-1]),
    )


def _shares(spec: FixedWorld, frame: Frame, name: str, each: _Groups) -> FloatArray:
    """Return a category's shares by group, (G, levels)."""
    levels = frame.levels_of[name]
    alone = frame.categories == (name,) and len(levels) == 2 and not spec.shares
    if spec.share != HALF and not alone:
        raise InputError(
            f"is for one category of two levels, and goes without shares; write shares = {{{name} = [...]}}, one for "
            f"each of {', '.join(levels)}",
            key=f"{spec.where}.share",
        )
    if alone:
        second = each("share", spec.share)
        return np.stack([1 - second, second], axis=-1)
    own = spec.shares.get(name, (1 / len(levels),) * len(levels))
    rows = own if isinstance(own[0], tuple) else (own,)
    if {len(row) for row in rows} != {len(levels)} or len(rows) not in ({each.count} if rows is own else {1}):
        raise InputError(
            f"one share for each of {', '.join(levels)} is expected, or as many for each of the {each.count} groups",
            key=f"{spec.where}.shares.{name}",
        )
    given = np.array(rows, dtype=float)
    total = given.sum(axis=-1, keepdims=True)
    if not np.allclose(total, 1, atol=0.005):
        raise InputError(f"shares sum to 1; found {total.min():.3g}", key=f"{spec.where}.shares.{name}")
    return np.broadcast_to(given / total, (each.count, len(levels)))


def _refuse_unknown(spec: FixedWorld, frame: Frame) -> None:
    scores, single = frame.measures, (*frame.predictors, *frame.single)
    products = {term_parts(":".join((*code, score))) for code in frame.codes for score in ("", *frame.predictors)}
    unknown = [name for name in spec.slopes if term_parts(name) not in products]
    accepted: dict[str, tuple[Iterable[str], tuple[str, ...]]] = {
        "slopes": (unknown, single),
        "shares": (spec.shares, frame.categories),
        "means": (spec.means, scores),
        "sds": (spec.sds, scores),
        "correlation": ([name for pair in spec.correlations for name in (pair.of, pair.with_)], scores),
        "reliabilities": (spec.reliabilities, (*scores, frame.study.analysis.outcome)),
    }
    for key, (named, known) in accepted.items():
        for name in named:
            if term_parts(name) not in set(map(term_parts, known)):
                raise InputError(_why_not(key, name, known, frame), key=f"{spec.where}.{key}")


INSTEAD = {"slopes": "gap says how they differ", "shares": "the axis allocation says how large they are"}


def _why_not(key: str, name: str, known: tuple[str, ...], frame: Frame) -> str:
    """Say why something is not said of a name: it holds the groups, is a category, or is unknown."""
    if name == frame.study.analysis.group:
        return f"{name!r} holds the groups; {INSTEAD.get(key, 'of a category this is not said')}"
    if name in frame.categories:
        levels = sorted(each for each in known if each.startswith(f"{name}["))
        return f"{name!r} is a category; {f'there are: {", ".join(levels)}' if levels else 'of one this is not said'}"
    what = "category beside the groups" if key == "shares" else "score"
    if not known:
        return f"this population has no {what}; found {name!r}"
    return unknown_name(f"{what} in this population,", name, known)


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
