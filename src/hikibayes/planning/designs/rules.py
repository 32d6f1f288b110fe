"""Decision rules: what has to be true of a posterior for a study to claim something.

A rule is evaluated on a table of replicates, so that any rule can be asked of replicates that exist already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from ...spec import Number, Positive, Probability, Spec
from ...study.measures import Identifier, Text

__all__ = ["Decision", "Rule"]

type Numbers = NDArray[np.floating[Any]]
type BoolArray = NDArray[np.bool_]

Pair = tuple[Number, Number]

OF_INTERVAL = ("above", "below", "excludes", "inside", "outside", "narrower_than")
ALONE = ("p_positive_above", "p_positive_below", "p_rope_above", "p_rope_below", "bf10_above", "bf10_below")


class Rule(Spec):
    """When a posterior counts as a claim; exactly one of the conditions below, the first six with ``interval``.

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
    p_positive_above: Probability | None = None
    """P(> 0) is above this probability."""
    p_positive_below: Probability | None = None
    """P(> 0) is below this probability."""
    p_rope_above: Probability | None = None
    """The posterior's mass in the region of practical equivalence is above this."""
    p_rope_below: Probability | None = None
    """The posterior's mass in the region of practical equivalence is below this."""
    bf10_above: Positive | None = None
    """The Bayes factor against 0 is above this."""
    bf10_below: Positive | None = None
    """The Bayes factor against 0 is below this: evidence for 0."""

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        given = [name for name in (*OF_INTERVAL, *ALONE) if getattr(self, name) is not None]
        if len(given) != 1:
            found = ", ".join(given) or "none"
            raise ValueError(f"a rule has exactly one of {', '.join((*OF_INTERVAL, *ALONE))}; found {found}")
        if (given[0] in OF_INTERVAL) != (self.interval is not None):
            wants = "needs 'interval', such as 0.95" if given[0] in OF_INTERVAL else "takes no 'interval'"
            raise ValueError(f"a rule with {given[0]!r} {wants}")
        for name in ("inside", "outside"):
            pair = getattr(self, name)
            if pair and pair[0] >= pair[1]:
                raise ValueError(f"{name!r} runs from {pair[0]:g} to {pair[1]:g}, not upwards")
        return self

    @property
    def condition(self) -> str:
        """Name of the one condition."""
        return next(name for name in (*OF_INTERVAL, *ALONE) if getattr(self, name) is not None)

    @property
    def needs_bayes_factor(self) -> bool:
        """Whether the rule cannot be asked under a flat prior."""
        return self.condition.startswith("bf10")

    def claims(self, found: Mapping[str, Numbers]) -> BoolArray:
        """Tell which replicates claim.

        Parameters
        ----------
        found : mapping
            Columns of the replicates by name (lower, upper, p_positive, p_rope, log_bf10), NaN where a fit failed.

        Returns
        -------
        array of bool
            A failed fit claims nothing.
        """
        lower, upper = found["lower"], found["upper"]
        value = getattr(self, self.condition)
        match self.condition:
            case "above":
                return np.asarray(lower > value)
            case "below":
                return np.asarray(upper < value)
            case "excludes":
                return np.asarray((lower > value) | (upper < value))
            case "inside":
                return np.asarray((lower > value[0]) & (upper < value[1]))
            case "outside":
                return np.asarray((lower > value[1]) | (upper < value[0]))
            case "narrower_than":
                return np.asarray(upper - lower < value)
            case "bf10_above":
                return np.asarray(found["log_bf10"] > np.log(value))
            case "bf10_below":
                return np.asarray(found["log_bf10"] < np.log(value))
            case name:
                column = found["p_positive" if name.startswith("p_positive") else "p_rope"]
                return np.asarray(column > value if name.endswith("above") else column < value)

    def right(self, found: Mapping[str, Numbers], rope: Pair) -> BoolArray:
        """Tell in which replicates a claim would be right, given the truth.

        A claim about a direction is right where the truth has that direction; one of practical equivalence, where the
        truth lies in the region. A claim of precision, or of evidence for 0, has no direction and counts as right.
        """
        truth, mean = found["truth"], found["mean"]
        value = getattr(self, self.condition)
        match self.condition:
            case "above":
                return np.asarray(truth > value)
            case "below":
                return np.asarray(truth < value)
            case "inside":
                return np.asarray((truth > value[0]) & (truth < value[1]))
            case "p_rope_above":
                return np.asarray((truth > rope[0]) & (truth < rope[1]))
            case "p_positive_above":
                return np.asarray(truth > 0)
            case "p_positive_below":
                return np.asarray(truth < 0)
            case "narrower_than" | "bf10_below":
                return np.ones(truth.shape, dtype=bool)
            case "excludes":
                return np.asarray((mean > value) == (truth > value))
            case _:
                return np.asarray((mean > 0) == (truth > 0))

    def ceiling(self, truth: Numbers, rope: Pair) -> float:
        """Return the share of worlds in which an endless study would claim, rightly: no sample size gets beyond it."""
        value = getattr(self, self.condition)
        match self.condition:
            case "above" | "p_positive_above":
                reached = truth > (value if self.condition == "above" else 0.0)
            case "below" | "p_positive_below":
                reached = truth < (value if self.condition == "below" else 0.0)
            case "inside" | "p_rope_above":
                low, high = value if self.condition == "inside" else rope
                reached = (truth > low) & (truth < high)
            case "outside" | "p_rope_below":
                low, high = value if self.condition == "outside" else rope
                reached = (truth < low) | (truth > high)
            case "excludes":
                reached = truth != value
            case "bf10_above" | "bf10_below":
                reached = (truth != 0) if self.condition == "bf10_above" else (truth == 0)
            case _:
                reached = np.ones(truth.shape, dtype=bool)
        return float(np.mean(reached))

    def __str__(self) -> str:
        value = getattr(self, self.condition)
        shown = f"{value[0]:g} to {value[1]:g}" if isinstance(value, tuple) else f"{value:g}"
        words = {
            "above": f"above {shown}",
            "below": f"below {shown}",
            "excludes": f"excludes {shown}",
            "inside": f"inside {shown}",
            "outside": f"outside {shown}",
            "narrower_than": f"narrower than {shown}",
            "p_positive_above": f"P(> 0) above {shown}",
            "p_positive_below": f"P(> 0) below {shown}",
            "p_rope_above": f"mass in the ROPE above {shown}",
            "p_rope_below": f"mass in the ROPE below {shown}",
            "bf10_above": f"BF₁₀ above {shown}",
            "bf10_below": f"BF₁₀ below {shown}",
        }[self.condition]
        return f"{100 * self.interval:g} % interval {words}" if self.interval else words


class Decision(Spec):
    """A claim that the planned study wants to be able to make: a rule, about an estimand of the study."""

    name: Identifier
    estimand: Identifier
    rule: Rule
    meaning: Text | None = None
