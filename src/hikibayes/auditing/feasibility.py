"""Whether whole numbers can give the printed mean and SD.

Scores of a questionnaire are whole numbers (or whole numbers over the number of items), so the sum of ``n`` of them is
a whole number too, and so is the sum of their squares, which is odd exactly when the sum is. A printed mean and SD
leave few pairs of such sums; often they leave one, and then the unrounded mean and SD are known. For scores of 0 and 1
the two sums are the same number, and the same test is known as DEBIT.

References
----------
Brown, N. J. L., & Heathers, J. A. J. (2017). The GRIM test. Social Psychological and Personality Science, 8(4),
363-369. https://doi.org/10.1177/1948550616673876

Allard, A. (2018). Analytic-GRIMMER: a new way of testing the possibility of standard deviations.

Heathers, J. A. J., & Brown, N. J. L. (2019). DEBIT: a simple consistency test for binary data.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..study.intervals import Interval

SLACK = 1e-9
SEARCH_LIMIT = 2_000


@dataclass(frozen=True, kw_only=True)
class Sums:
    """The sum and the sum of squares of ``n`` scores that are multiples of ``grain``.

    Parameters
    ----------
    n : int
        Number of scores.
    total, squares : int
        Sum and sum of squares, counted in grains: whole numbers.
    grain : float
        Distance between neighbouring scores: 1 for a sum of items, 1/k for a mean of k items.
    """

    n: int
    total: int
    squares: int
    grain: float = 1.0

    @property
    def mean(self) -> float:
        """The unrounded mean, in the scores' own unit."""
        return self.grain * self.total / self.n

    @property
    def variance(self) -> float:
        """The unrounded variance (divisor n - 1), from one exact integer."""
        return self.grain**2 * (self.n * self.squares - self.total**2) / (self.n * (self.n - 1))

    @property
    def sd(self) -> float:
        """The unrounded standard deviation (divisor n - 1)."""
        return math.sqrt(self.variance)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What is known of ``n`` scores before their mean and SD: how many, how fine, how far apart.

    Parameters
    ----------
    n : int
        Number of scores, at least 1.
    low, high : float
        The lowest and highest value a score can take.
    grain : float
        Distance between neighbouring values.
    attained : tuple of float
        Values that are known to occur, for example a printed minimum and maximum.
    """

    n: int
    low: float
    high: float
    grain: float = 1.0
    attained: tuple[float, ...] = ()

    @property
    def is_binary(self) -> bool:
        """Whether only two values are possible, so that the mean alone decides the SD."""
        return round((self.high - self.low) / self.grain) == 1

    def totals(self, mean: Interval) -> range:
        """Return the whole-number sums (in grains) that lie in a printed mean (GRIM).

        Parameters
        ----------
        mean : Interval
            The rounding interval of the mean, in the scores' own unit.

        Returns
        -------
        range
            Empty where no whole numbers have that mean.
        """
        low, high = self._grains(self.low), self._grains(self.high)
        first = max(_up(self.n * mean.low / self.grain), self.n * low)
        last = min(_down(self.n * mean.high / self.grain), self.n * high)
        return range(first, max(first, last + 1))

    def squares(self, total: int, sd: Interval) -> range:
        """Return the sums of squares that lie in a printed SD and have the parity of ``total``.

        Parameters
        ----------
        total : int
            Sum of the scores, in grains.
        sd : Interval
            The rounding interval of the SD (divisor n - 1), in the scores' own unit.

        Returns
        -------
        range
            In steps of two; not yet tested for being attainable within the scores' range.
        """
        share = total**2 / self.n
        first, last = (
            share + (self.n - 1) * (max(end, 0.0) / self.grain) ** 2 for end in (sd.low, min(sd.high, self._widest))
        )
        low = max(_up(first), _up(share))
        low += (low - total) % 2
        return range(low, max(low, _down(last) + 1), 2)

    def admissible(self, mean: Interval, sd: Interval, *, limit: int = 5_000) -> tuple[Sums, ...] | None:
        """Return every pair of sums that prints the given mean and SD.

        Parameters
        ----------
        mean, sd : Interval
            Rounding intervals, in the scores' own unit.
        limit : int
            How many pairs are worth listing.

        Returns
        -------
        tuple of Sums or None
            Empty where no whole numbers have that mean and SD; None where the numbers are printed so coarsely that
            more than ``limit`` pairs would have to be looked at, and the test says nothing.
        """
        candidates = [(total, self.squares(total, sd)) for total in self.totals(mean)[: limit + 1]]
        if sum(max(1, len(squares)) for _, squares in candidates) > limit:
            return None
        return tuple(
            Sums(n=self.n, total=total, squares=square, grain=self.grain)
            for total, squares in candidates
            for square in squares
            if self._attainable(total, square)
        )

    def _attainable(self, total: int, squares: int) -> bool:
        fixed = [self._grains(value) for value in self.attained]
        rest = total - sum(fixed), squares - sum(value**2 for value in fixed)
        return attainable(self.n - len(fixed), *rest, self._grains(self.low), self._grains(self.high))

    def _grains(self, value: float) -> int:
        return round(value / self.grain)

    @property
    def _widest(self) -> float:
        return (self.high - self.low) * math.sqrt(self.n / max(self.n - 1, 1))


def attainable(n: int, total: int, squares: int, low: int, high: int) -> bool:
    """Tell whether ``n`` whole numbers between ``low`` and ``high`` have this sum and this sum of squares.

    Parameters
    ----------
    n : int
        How many numbers; 0 is accepted.
    total, squares : int
        Their sum and sum of squares.
    low, high : int
        The smallest and the largest number allowed.

    Returns
    -------
    bool
        Exact, except that after 2,000 dead ends the answer is a benevolent True.

    Notes
    -----
    Depth-first: the largest number first, each followed by no larger one. With k numbers left, sum s and the rest at
    most c, the sum of squares lies between that of the most even spread and that of the most uneven one, and it has
    the parity of s. There are gaps only within c² of the most uneven spread (seen for every k up to 12 and c up to 10,
    and some larger ones): anything below is there without a search.

    Examples
    --------
    >>> attainable(2, 10, 52, 0, 10)  # 4 and 6
    True
    >>> attainable(2, 10, 54, 0, 10)
    False
    """
    # counted from the low end, so that every number is at least 0
    rest = (n, total - n * low, squares - 2 * low * total + n * low**2)
    stack: list[Iterator[tuple[int, int, int, int]]] = [iter([(*rest, high - low)])]
    dead_ends: set[tuple[int, int, int, int]] = set()
    while stack:
        state = next(stack[-1], None)
        if state is None:
            stack.pop()
            continue
        if state in dead_ends:
            continue
        spread = _spread(state[0], state[1], state[3])
        if spread is None or not spread[0] <= state[2] <= spread[1] or (state[2] - state[1]) % 2:
            continue
        if state[2] in spread or spread[1] - state[2] >= state[3] ** 2:
            return True
        if len(dead_ends) == SEARCH_LIMIT:
            return True
        dead_ends.add(state)
        stack.append(_followers(*state))
    return False


def _spread(k: int, total: int, cap: int) -> tuple[int, int] | None:
    """Return the least and the greatest sum of squares of k numbers in 0..cap with that sum."""
    if not 0 <= total <= k * cap:
        return None
    if k == 0 or cap == 0:
        return 0, 0
    even, above = divmod(total, k)
    full, remainder = divmod(total, cap)
    return k * even**2 + above * (2 * even + 1), full * cap**2 + remainder**2


def _followers(k: int, total: int, squares: int, cap: int) -> Iterator[tuple[int, int, int, int]]:
    for largest in range(min(cap, math.isqrt(squares)), -1, -1):
        yield k - 1, total - largest, squares - largest**2, largest


def counts(n: int, proportion: Interval) -> range:
    """Return the numbers of participants, out of ``n``, whose share lies in a printed proportion.

    Examples
    --------
    >>> counts(200, Interval(0.0545, 0.0555))
    range(11, 12)
    """
    first, last = max(_up(n * proportion.low), 0), min(_down(n * proportion.high), n)
    return range(first, max(first, last + 1))


def people_together(parts: Sequence[range]) -> range:
    """Return what numbers of people, one from each range, can add up to: from the least to the greatest."""
    return range(sum(part[0] for part in parts), sum(part[-1] for part in parts) + 1)


def _up(value: float) -> int:
    return math.ceil(value - SLACK * (1 + abs(value)))


def _down(value: float) -> int:
    return math.floor(value + SLACK * (1 + abs(value)))
