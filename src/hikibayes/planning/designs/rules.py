"""Decision rules: what has to be true of a posterior for a study to conclude something.

A rule is evaluated on a table of replicates, so that any rule can be asked of replicates that exist already. What a
condition means stands in one place, a line of `CONDITIONS`; a field of `Rule` makes it something that can be written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import logit

from ...arrays import BoolArray
from ...spec import Number, Positive, Probability, Spec
from ...study.measures import Identifier, Text

type Numbers = NDArray[np.floating[Any]]
type Found = Mapping[str, Numbers]
"""Columns of the replicates (truth, mean, lower, upper, p_positive, p_rope, log_bf10); NaN where a fit failed."""

Pair = tuple[Number, Number]
FAR = 1e6
"""An effect beyond every value that a rule names."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What has to be true of a posterior, and when that is right.

    Parameters
    ----------
    words : str
        With ``{}`` for the value.
    met : callable
        From replicates and the value to whether each meets the condition.
    holds : callable
        From true values, the value and the ROPE to where a study without end meets the condition, and rightly so.
    correct : callable, optional
        From replicates, the value and the ROPE to where meeting the condition is right, if that is not where the truth
        ``holds``: excluding a value, for example, says on which side of it the truth lies.
    of_interval : bool
        Whether it is about an interval, so that ``interval`` must be given.
    of_original : bool
        Whether it is asked under the prior that the original study leaves, so that ``[original]`` must be given.
    of_share : bool or None
        Whether it is about a share of variance, or about anything else; None for both.
    """

    words: str
    met: Callable[[Found, Any], Numbers | BoolArray]
    holds: Callable[[Numbers, Any, Pair], Numbers | BoolArray]
    correct: Callable[[Found, Any, Pair], Numbers | BoolArray] | None = None
    of_interval: bool = False
    of_original: bool = False
    of_share: bool | None = None


def _within(truth: Numbers, region: Pair) -> BoolArray:
    return np.asarray((truth > region[0]) & (truth < region[1]))


def _beyond(truth: Numbers, region: Pair) -> BoolArray:
    return np.asarray((truth < region[0]) | (truth > region[1]))


def _same_side(found: Found, value: float) -> BoolArray:
    return np.asarray((found["mean"] > value) == (found["truth"] > value))


def _everywhere(truth: Numbers) -> BoolArray:
    return np.ones(truth.shape, dtype=bool)


_FOR_EFFECT = Condition(
    words="BF₁₀ above {}",
    met=lambda found, v: found["log_bf10"] > np.log(v),
    holds=lambda truth, *_: truth != 0,
    correct=lambda found, *_: _same_side(found, 0.0),
)
_FOR_NOTHING = Condition(
    words="BF₁₀ below {}",
    met=lambda found, v: found["log_bf10"] < np.log(v),
    holds=lambda truth, *_: truth == 0,
    correct=lambda found, *_: _everywhere(found["truth"]),
)
CONDITIONS: dict[str, Condition] = {
    "above": Condition(
        words="above {}", of_interval=True, met=lambda found, v: found["lower"] > v, holds=lambda truth, v, _: truth > v
    ),
    "below": Condition(
        words="below {}", of_interval=True, met=lambda found, v: found["upper"] < v, holds=lambda truth, v, _: truth < v
    ),
    "excludes": Condition(
        words="excludes {}",
        of_interval=True,
        met=lambda found, v: (found["lower"] > v) | (found["upper"] < v),
        holds=lambda truth, v, _: truth != v,
        correct=lambda found, v, _: _same_side(found, v),
    ),
    "inside": Condition(
        words="inside {}",
        of_interval=True,
        met=lambda found, v: (found["lower"] > v[0]) & (found["upper"] < v[1]),
        holds=lambda truth, v, _: _within(truth, v),
    ),
    "outside": Condition(
        words="outside {}",
        of_interval=True,
        met=lambda found, v: (found["lower"] > v[1]) | (found["upper"] < v[0]),
        holds=lambda truth, v, _: _beyond(truth, v),
        correct=lambda found, *_: _same_side(found, 0.0),
    ),
    "narrower_than": Condition(
        words="narrower than {}",
        of_interval=True,
        met=lambda found, v: found["upper"] - found["lower"] < v,
        holds=lambda truth, *_: _everywhere(truth),
    ),
    "p_positive_above": Condition(
        words="P(> 0) above {}",
        of_share=False,
        met=lambda found, v: found["p_positive"] > v,
        holds=lambda truth, *_: truth > 0,
    ),
    "p_positive_below": Condition(
        words="P(> 0) below {}",
        of_share=False,
        met=lambda found, v: found["p_positive"] < v,
        holds=lambda truth, *_: truth < 0,
    ),
    "region_excludes_zero": Condition(
        words="0 outside the {} region of the coefficients",
        of_share=True,
        met=lambda found, v: found["p_positive"] > v,
        holds=lambda truth, *_: truth > 0,
    ),
    "p_rope_above": Condition(
        words="mass in the ROPE above {}",
        met=lambda found, v: found["p_rope"] > v,
        holds=lambda truth, _, rope: _within(truth, rope),
    ),
    "p_rope_below": Condition(
        words="mass in the ROPE below {}",
        met=lambda found, v: found["p_rope"] < v,
        holds=lambda truth, _, rope: _beyond(truth, rope),
        correct=lambda found, *_: _same_side(found, 0.0),
    ),
    "replication_bf_above": replace(_FOR_EFFECT, words="replication BF above {}", of_original=True),
    "replication_bf_below": replace(_FOR_NOTHING, words="replication BF below {}", of_original=True),
    "joint_p_positive_above": Condition(
        words="P(> 0) of both studies together above {}",
        met=lambda found, v: found["p_positive"] > v,
        holds=lambda truth, *_: truth > 0,
        of_original=True,
    ),
    "joint_p_positive_below": Condition(
        words="P(> 0) of both studies together below {}",
        met=lambda found, v: found["p_positive"] < v,
        holds=lambda truth, *_: truth < 0,
        of_original=True,
    ),
    "original_weight_above": Condition(
        words="weight of the original above {}",
        met=lambda found, v: found["log_right"] > logit(v),
        holds=lambda truth, *_: _everywhere(truth),
        of_original=True,
    ),
    "bf10_above": _FOR_EFFECT,
    "bf10_below": _FOR_NOTHING,
}
"""Every condition that a rule can have, by the name of its field in `Rule`."""


Several = Annotated[tuple["Rule", ...], Field(min_length=2)]


class Rule(Spec):
    """When a posterior counts as a conclusion; exactly one of the conditions below, the first six with ``interval``.

    ``all`` and ``any`` join rules: ``{all = [{interval = 0.95, above = 0}, {interval = 0.95, narrower_than = 0.4}]}``.

    Notes
    -----
    The interval is equal-tailed. ``inside`` accepts, ``outside`` rejects a region of practical equivalence by the
    interval; ``p_rope_*`` do so by the posterior's mass in the simulation's ``rope``.
    """

    interval: Probability | None = None
    """Probability of the interval, for example .95."""
    above: Number | None = None
    """The interval lies above this value."""
    below: Number | None = None
    """The interval lies below this value."""
    excludes: Number | None = None
    """The interval does not hold this value; with .95, 0 and a flat prior: the two-sided t test at .05."""
    inside: Pair | None = None
    """The interval lies inside this region."""
    outside: Pair | None = None
    """The interval and this region do not meet."""
    narrower_than: Positive | None = None
    """The interval is narrower than this."""
    p_positive_above: Probability | Literal["calibrated"] | None = None
    """P(> 0) is above this probability; ``"calibrated"``: above the one that errs in 2.5 % over all looks."""
    p_positive_below: Probability | None = None
    """P(> 0) is below this probability."""
    region_excludes_zero: Probability | None = None
    """Of a share of variance: the credible region of its terms' coefficients with this probability does not hold 0 for
    all of them; with .95 and a flat prior: the F test at .05."""
    p_rope_above: Probability | None = None
    """The posterior's mass in the region of practical equivalence is above this."""
    p_rope_below: Probability | None = None
    """The posterior's mass in the region of practical equivalence is below this."""
    replication_bf_above: Positive | None = None
    """The data are so many times likelier if the original was right than if there is nothing."""
    replication_bf_below: Positive | None = None
    """They are at most so many times as likely; below 1/3, for example, they speak for nothing."""
    joint_p_positive_above: Probability | None = None
    """P(> 0), given the original and the new study, is above this probability."""
    joint_p_positive_below: Probability | None = None
    """P(> 0), given the original and the new study, is below this probability."""
    original_weight_above: Probability | None = None
    """The probability that the original still counts, even before the new study, is above this."""
    bf10_above: Positive | None = None
    """The Bayes factor against 0 is above this."""
    bf10_below: Positive | None = None
    """The Bayes factor against 0 is below this: evidence for 0."""
    all: Several | None = None
    """All of these rules."""
    any: Several | None = None
    """At least one of these rules."""

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        given = [name for name in (*CONDITIONS, *JOINS) if getattr(self, name) is not None]
        if len(given) != 1:
            known = ", ".join((*CONDITIONS, *JOINS))
            raise ValueError(f"a rule has exactly one of {known}; found {', '.join(given) or 'none'}")
        if given[0] in JOINS:
            if self.interval is not None:
                raise ValueError(f"'interval' stands in each of the rules of {given[0]!r} that is about one")
            return self
        of_interval = CONDITIONS[given[0]].of_interval
        if of_interval != (self.interval is not None):
            wants = "needs 'interval', such as 0.95" if of_interval else "takes no 'interval'"
            raise ValueError(f"a rule with {given[0]!r} {wants}")
        if isinstance(self.value, tuple) and self.value[0] >= self.value[1]:
            raise ValueError(f"{given[0]!r} runs from {self.value[0]:g} to {self.value[1]:g}, not upwards")
        return self

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The rules that it joins; none of a plain one."""
        return self.all or self.any or ()

    @property
    def condition(self) -> str:
        """Name of the one condition of a plain rule."""
        return next(name for name in CONDITIONS if getattr(self, name) is not None)

    @property
    def value(self) -> Any:
        """What the condition is about: a number, or a region."""
        return getattr(self, self.condition)

    @property
    def downwards(self) -> bool:
        """Whether it is about a value below another."""
        if self.parts:
            return any(part.downwards for part in self.parts)
        return self.condition in ("below", "p_positive_below", "joint_p_positive_below")

    @property
    def uncalibrated(self) -> bool:
        """Whether its threshold still has to be found."""
        return self.p_positive_above == "calibrated" or any(part.uncalibrated for part in self.parts)

    def with_threshold(self, threshold: float) -> Rule:
        """Return the rule with a threshold in place of ``"calibrated"``."""
        if self.parts:
            return self.replace(**{"all" if self.all else "any": [p.with_threshold(threshold) for p in self.parts]})
        return self.replace(p_positive_above=threshold) if self.uncalibrated else self

    @property
    def intervals(self) -> frozenset[float]:
        """Probabilities of the intervals that it is about."""
        own = {self.interval} if self.interval else set()
        return frozenset(own).union(*(part.intervals for part in self.parts))

    @property
    def needs_bayes_factor(self) -> bool:
        """Whether the rule cannot be asked under a flat prior."""
        if self.parts:
            return any(part.needs_bayes_factor for part in self.parts)
        return "bf" in self.condition.split("_") or self.condition.startswith("bf10") or self.weighs_original

    @property
    def weighs_original(self) -> bool:
        """Whether it compares what the original's posterior and its prior predict of the same data."""
        return any(part.weighs_original for part in self.parts) or self.original_weight_above is not None

    @property
    def of_original(self) -> bool:
        """Whether it is about an original study too."""
        return any(part.of_original for part in self.parts) or (
            not self.parts and CONDITIONS[self.condition].of_original
        )

    def obstacle(self, share: bool) -> str:
        """Say why it cannot be asked of a share of variance, or of another estimand; empty where it can."""
        if self.parts:
            return next(filter(None, (part.obstacle(share) for part in self.parts)), "")
        condition, at = CONDITIONS[self.condition], self.value
        if share and (condition.of_share is False or condition.of_original or (self.condition == "below" and at <= 0)):
            return f"{self} says nothing of a share of variance; {OF_SHARES}"
        if share and self.condition in ("above", "excludes") and at <= 0:
            return f"{self} always holds of a share of variance; {OF_SHARES}"
        if not share and condition.of_share:
            return f"{self} is for shares of variance; of one coefficient it is {{interval = {at:g}, excludes = 0}}"
        return ""

    def decides(self, found: Found) -> BoolArray:
        """Tell which replicates conclude.

        Parameters
        ----------
        found : mapping
            Columns of the replicates by name (lower, upper, p_positive, p_rope, log_bf10), NaN where a fit failed.

        Returns
        -------
        array of bool
            A failed fit concludes nothing.
        """
        if self.parts:
            return self._joined(part.decides(found) for part in self.parts)
        return np.asarray(CONDITIONS[self.condition].met(found, self.value))

    def correct(self, found: Found, rope: Pair) -> BoolArray:
        """Tell in which replicates a conclusion would be right, given the truth.

        A conclusion about a direction is right where the truth has that direction; one of practical equivalence, where
        the truth lies in the region. One of precision, or of evidence for 0, has no direction and counts as right. All
        of several are right where each is; any of several, where one is right that is drawn.
        """
        if self.all:
            return self._joined(part.correct(found, rope) for part in self.all)
        if self.any:
            return self._joined(part.decides(found) & part.correct(found, rope) for part in self.any)
        condition = CONDITIONS[self.condition]
        if condition.correct is None:
            return np.asarray(condition.holds(found["truth"], self.value, rope))
        return np.asarray(condition.correct(found, self.value, rope))

    def holds(self, truth: Numbers, rope: Pair) -> BoolArray:
        """Tell for which true values a study without end concludes, and rightly."""
        if self.parts:
            return self._joined(part.holds(truth, rope) for part in self.parts)
        return np.asarray(CONDITIONS[self.condition].holds(truth, self.value, rope))

    def rises(self, rope: Pair) -> bool:
        """Tell whether a large effect on its side meets it and not every effect does."""
        far = -FAR if self.downwards else FAR
        met = self.holds(np.array([far, 0.0, -far]), rope)
        return bool(met[0]) and not met.all()

    def limiting_assurance(self, truth: Numbers, rope: Pair) -> float:
        """Return the share of populations in which a study without end concludes, rightly: no size gets beyond it."""
        return float(np.mean(self.holds(truth, rope)))

    def _joined(self, parts: Iterable[BoolArray]) -> BoolArray:
        join = np.logical_and if self.all else np.logical_or
        return np.asarray(join.reduce(list(parts)))

    def __str__(self) -> str:
        if self.parts:
            return (" and " if self.all else " or ").join(
                f"({part})" if len(part.parts) > 1 else str(part) for part in self.parts
            )
        shown = "{:g} to {:g}".format(*self.value) if isinstance(self.value, tuple) else f"{self.value:g}"
        words = CONDITIONS[self.condition].words.format(shown)
        return f"{100 * self.interval:g} % interval {words}" if self.interval else words


OF_SHARES = (
    "give region_excludes_zero, bf10_above, p_rope_below, or an interval above a value that matters, such as .02"
)
JOINS = ("all", "any")
"""Fields of a `Rule` that join others."""


class Decision(Spec):
    """A conclusion that the planned study wants to be able to draw: a rule, about an estimand of the study."""

    name: Identifier
    estimand: Identifier | Literal[""] = ""
    """Of a written population, by default what the effect is of."""
    rule: Rule
    meaning: Text | None = None
    against: Rule | None = None
    """What counts as a conclusion against it, for example the interval inside a region of practical equivalence. A
    study that meets neither rule leaves the matter undecided; one that meets both counts for it."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rule, and the one against it if there is one."""
        return (self.rule,) if self.against is None else (self.rule, self.against)
