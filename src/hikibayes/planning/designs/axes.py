"""What a person varies: the populations to plan for, and axes that multiply into a grid."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, field_validator, model_validator

from ...arrays import FloatArray, IntArray
from ...distributions import Distribution
from ...inference.models.specs import DEFAULT_VARIANT
from ...spec import Count, Number, Share, Spec
from ...study.measures import Identifier, Text
from ..populations.fixed import FixedWorld, InSD, Reliability

AS_PRINTED = "as_printed"

Size = Annotated[Count, Field(ge=2)]
Lost = Annotated[Share, Field(lt=1)]
Reliabilities = Annotated[dict[Identifier, Reliability], Field(min_length=1)]
PART = r"\d{1,7}(\.\d{1,7})?"
RATIO = rf"\s*{PART}(\s*:\s*{PART})+\s*"


def _ratio(text: str) -> str:
    if re.search(r"\d{8}", text):
        raise ValueError("a part of a ratio has at most seven digits before the point and after it")
    if not re.fullmatch(rf"\s*{PART}(\s*:\s*{PART})*\s*", text):
        raise ValueError("a ratio of two numbers is expected, such as 2:1; of one for each group where there are more")
    if 0.0 in map(float, text.split(":")):
        raise ValueError(f"the ratio {text} leaves a group empty; both parts are above 0, such as 2:1")
    return text


def _mix(text: str) -> str:
    if text != AS_PRINTED and not re.fullmatch(rf"{RATIO}(/{RATIO})*", text):
        raise ValueError(f"{AS_PRINTED!r} is expected, or a ratio such as 1:1, or one for each group such as 3:1/1:3")
    if text != AS_PRINTED and any(sum(map(float, ratio.split(":"))) == 0 for ratio in text.split("/")):
        raise ValueError(f"{text} is no ratio: a part must be above 0")
    return text


Ratio = Annotated[str, AfterValidator(_ratio)]
Mix = Annotated[str, AfterValidator(_mix)]
Kind = Literal["posterior", "printed", "shrunken", "conditional", "fixed"]


class DropOut(Spec):
    """Participants lost depending on a score: a logistic curve with a given average."""

    share: Lost
    """Average probability of being lost."""
    on: Identifier
    """The score, or the outcome, on which it depends."""
    strength: InSD
    """Change of the log odds per SD of that score: above 0, those with high scores are lost more often."""


class Stated(Distribution):
    """What a person holds to be true of an estimand, and why."""

    reason: Text

    @model_validator(mode="after")
    def _of_a_number(self) -> Self:
        self.frozen()  # says which families have no draws
        return self


class Heterogeneity(Spec):
    """How much the effect of the planned study differs from the mean of such studies: Normal around it, with SD tau."""

    tau: Annotated[Number, Field(ge=0, le=1000)] | Distribution
    """A number, or a distribution above 0."""
    reason: Text | None = None

    @model_validator(mode="after")
    def _not_negative(self) -> Self:
        if isinstance(self.tau, Distribution) and self.tau.frozen().support()[0] < 0:
            raise ValueError(f"tau is an SD, from 0 upwards; {self.tau} goes below")
        return self

    def draw(self, rng: np.random.Generator, size: int, studies: int = 1) -> FloatArray:
        """Draw what studies' effects differ from their mean by, in `size` populations; shape (studies, size)."""
        tau = self.tau.frozen().rvs(size=size, random_state=rng) if isinstance(self.tau, Distribution) else self.tau
        return np.asarray(tau * rng.standard_normal((studies, size)))


class Clusters(Spec):
    """How people are grouped beyond the study's groups, in schools or clinics: a varying intercept of the analysis."""

    size: Size
    """People recruited in each."""
    icc: Lost
    """Intraclass correlation: the share of the outcome's residual variance that lies between the clusters."""
    crossed: bool = True
    """Whether each cluster has people of all groups (several sites), or of one (randomised by cluster)."""

    def count(self, sizes: Sequence[int]) -> int:
        """Return how many clusters there are, given the participants in each group."""
        parts = [sum(sizes)] if self.crossed else sizes
        return sum(max(1, round(part / self.size)) for part in parts)

    def members(self, group: IntArray, rng: np.random.Generator) -> IntArray:
        """Put participants of known groups into clusters, as evenly as can be; returns each one's cluster."""
        cluster, first = np.empty(len(group), dtype=np.int64), 0
        for part in np.unique(group):
            own = rng.permutation(np.flatnonzero(group == part))
            number = self.count([len(group)] if self.crossed else [len(own)])
            place = np.arange(len(own))
            # crossed: the next group goes on where the last one ended, so that it does not fill the same clusters first
            cluster[own] = (first + place) % number if self.crossed else first + place % number
            first += len(own) if self.crossed else number
        return cluster


class WorldsSpec(Spec):
    """The populations to plan for: the design prior.

    Notes
    -----
    ``posterior``: drawn from the posterior given a reconstruction; ``printed``: the reconstruction taken as the
    population; ``shrunken``: the first decision's estimand of ``printed`` times ``shrink``; ``conditional``: as much of
    it as is likely, given that it had to be significant to be printed; ``fixed``: what ``fixed`` says.
    """

    source: tuple[Kind, ...] = ("posterior",)
    model: str | None = None
    """The model that the worlds follow; the analysis' own where none is given."""
    prior: str = DEFAULT_VARIANT
    """Variant of that model's priors under which the posterior is taken."""
    shrink: Share | Literal["estimated"] = 0.5
    """What is left of the first decision's estimand in ``shrunken`` worlds; ``"estimated"``: as much as its own z says,
    1 - 1/z² of it (empirical Bayes)."""
    effect: dict[Identifier, Stated] = Field(default_factory=dict)
    """Instead of the sources' own values of an estimand, a distribution for each that is named."""
    heterogeneity: Heterogeneity | None = None
    """Of the first decision's estimand between studies; what is true is the mean of such studies."""
    clusters: dict[Identifier, Clusters] = Field(default_factory=dict)
    """By the category of a varying intercept, such as ``school``."""
    reason: Text | None = None
    """Why these populations."""
    fixed: FixedWorld | None = None

    def statements(self, named: Callable[[str], str]) -> list[str]:
        """Say what is held to be true beyond the sources, and why, of estimands as they are `named`."""
        said = [f"{named(name)} ~ {stated}: {stated.reason}" for name, stated in self.effect.items()]
        if spread := self.heterogeneity:
            tau = f"{spread.tau:g}" if isinstance(spread.tau, float) else str(spread.tau)
            why = f": {spread.reason}" if spread.reason else ""
            said.append(f"between studies the effect differs with SD tau, {tau}{why}")
        said += [
            f"{name}: {each.size} people each, intraclass correlation {each.icc:g}, "
            f"{'every group in each' if each.crossed else 'one group in each'}"
            for name, each in self.clusters.items()
        ]
        return [*said, *([self.reason] if self.reason else [])]

    @property
    def uncertain(self) -> bool:
        """Whether what is true is drawn, whatever the source."""
        return bool(self.effect) or self.heterogeneity is not None

    @field_validator("source", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("source")
    @classmethod
    def _each_source_once(cls, value: tuple[Kind, ...]) -> tuple[Kind, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError(
                f"each kind of populations is named once, and at least one; found {', '.join(value) or 'none'}"
            )
        return value

    @model_validator(mode="after")
    def _fixed_given(self) -> Self:
        if ("fixed" in self.source) != (self.fixed is not None):
            raise ValueError("source 'fixed' and a table [worlds.fixed] belong together; found one of them only")
        if (shares := sum(each.icc for each in self.clusters.values())) >= 1:
            raise ValueError(
                f"the clusters' icc sum to {shares:g}; they are shares of one variance, and leave some of it"
            )
        return self


def shrunk(part: float | str) -> str:
    """Say how much is left of an effect."""
    return "what its own z leaves" if isinstance(part, str) else f"{part:.0%}"


class Axes(Spec):
    """What is varied; every combination is a cell."""

    n_per_group: tuple[Size, ...] = ()
    """Participants in the smallest group, as recruited; of a written population, by default around what it needs."""
    allocation: tuple[Ratio, ...] = ("1:1",)
    """Ratio of the groups in the study's order, such as ``2:1`` for two controls to each case; ``1`` of one group."""
    mix: tuple[Mix, ...] = (AS_PRINTED,)
    """The model's categories beside the groups (such as sex): ``as_printed`` leaves them to chance, with the world's
    shares; ``1:1`` is a quota of the levels in their order, of several categories of their combinations, the last
    category's levels changing first; ``1:1/2:1`` gives each group its own."""
    model: tuple[str, ...] = ()
    """Models of the analysis; by default the simulation's."""
    prior: tuple[Identifier, ...] = (DEFAULT_VARIANT,)
    """Variants of the analysis' priors."""
    effect: tuple[InSD, ...] = ()
    """True values of the first decision's estimand, in SD units; by default the worlds' own."""
    tau: tuple[Annotated[Number, Field(ge=0, le=1000)], ...] = ()
    """SDs of the first decision's estimand between studies; by default ``worlds.heterogeneity``."""
    reliability: tuple[Literal["as_printed"] | Reliabilities, ...] = ("as_printed",)
    """Reliabilities of the planned study's measures, for example ``{instrumental_support = 0.9}``."""
    attrition: tuple[Lost, ...] = (0.0,)
    """Share lost completely at random."""
    missing: tuple[Literal["none"] | DropOut, ...] = ("none",)
    """Loss that depends on a score."""
    answers: tuple[Literal["gaussian", "likert"], ...] = ("gaussian",)
    """``likert``: scores as the whole numbers that the instruments can give."""
    predictors: tuple[Literal["random", "fixed"], ...] = ("random",)
    """``fixed``: scores with exactly the world's means and covariances in every sample; only the outcome is random."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name in type(self).model_fields:
            values = Counter(_plain(value) for value in getattr(self, name))
            if twice := [value for value, count in values.items() if count > 1]:
                raise ValueError(f"axis {name!r} has {twice[0]} twice; each of its values makes cells of its own")
        return self

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if empty := [
            name
            for name in type(self).model_fields
            if name not in ("model", "effect", "tau", "n_per_group") and not getattr(self, name)
        ]:
            raise ValueError(f"axis {empty[0]!r} is empty, so the grid has no cells; give it a value")
        return self


def _plain(value: object) -> str:
    """Write a value of an axis so that equal ones are written equally."""
    if isinstance(value, dict):
        return str(dict(sorted(value.items())))
    return repr(value + 0.0) if isinstance(value, float) else str(value).replace(" ", "")
