"""Intervals: what a printed number leaves possible.

A number printed as ``0.40`` says that the computed one lay in [0.395, 0.405]. Both ends belong to the interval, because
programs round halves differently and the paper does not say which one it used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import product


@dataclass(frozen=True)
class Interval:
    """A closed interval of real numbers; infinite ends are allowed.

    Raises
    ------
    ValueError
        The lower end is above the upper one, or an end is not a number.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"an interval needs low <= high; found {self.low} and {self.high}")

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __sub__(self, other: Interval) -> Interval:
        return Interval(self.low - other.high, self.high - other.low)

    def meets(self, other: Interval) -> bool:
        """Tell whether the two have a point in common."""
        return self.low <= other.high and other.low <= self.high

    def meet(self, other: Interval) -> Interval | None:
        """Return the common part, or nothing where there is none."""
        return Interval(max(self.low, other.low), min(self.high, other.high)) if self.meets(other) else None

    @property
    def middle(self) -> float:
        """The midpoint of a bounded interval."""
        return (self.low + self.high) / 2

    @property
    def half_width(self) -> float:
        """Half the distance between the ends; infinite for an unbounded interval."""
        return (self.high - self.low) / 2

    @property
    def bounded(self) -> bool:
        """Whether both ends are finite."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def widened(self, slack: float = 1e-9) -> Interval:
        """Return the interval with room for floating-point error, relative to its ends."""
        low, high = (slack * (1 + abs(end)) if math.isfinite(end) else 0.0 for end in (self.low, self.high))
        return Interval(self.low - low, self.high + high)

    def __str__(self) -> str:
        return f"[{self.low:.6g}, {self.high:.6g}]"


def rounding_interval(value: Decimal) -> Interval:
    """Return the numbers that round to a printed one.

    Examples
    --------
    >>> rounding_interval(Decimal("0.40"))
    Interval(low=0.395, high=0.405)
    >>> rounding_interval(Decimal("6.1"))
    Interval(low=6.05, high=6.15)
    """
    exponent = value.as_tuple().exponent
    half = Decimal(5).scaleb(int(exponent) - 1)
    return Interval(float(value - half), float(value + half))


def image(function: Callable[..., float], *boxes: Interval) -> Interval:
    """Return the range of a function over a box; exact for functions monotone in each argument.

    Notes
    -----
    A function that is monotone in each argument separately takes its extremes over a box at corners, so all of them
    are evaluated. A function that is not must not be given to this.
    """
    corners = [function(*corner) for corner in product(*((box.low, box.high) for box in boxes))]
    return Interval(min(corners), max(corners))
