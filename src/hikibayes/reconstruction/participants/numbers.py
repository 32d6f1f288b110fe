"""Every fact as a number of group moments with an interval to be in, and how the numbers change with the moments.

A p enters as its t, which is nearly linear in the moments where p is not; one of Welch's test, whose degrees of freedom
change with the moments, as the standard normal deviate with that p; one of an F as its root. A statement about an
absolute value is about the side of zero that is printed of its estimate, or else the side that the rows begin on. One
about every VIF becomes one about each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import fdtri, ndtri

from ...arrays import BoolArray, FloatArray
from ...moments import GroupMoments, two_sided_p
from ...quantities import KINDS, Address, Analysis
from ...study.addresses import address_of, measures_of, outline_of
from ...study.facts import Fact
from ...study.study import Study
from ..statistics import OF_F, f_degrees, known_sign, limits, stand_in, t_degrees

HAIR = 1e-6
"""How far inside its interval a number must end, in widths."""
ON_THE_END = 5e-10
"""How far beyond an end is as good as on it: half of what `Fact.holds` overlooks."""
SMALLEST, SMALL = 1e-300, 1e-15
"""A p is taken to be at least this, of a t and of an F."""
HOPELESS = 1e6
"""A number that cannot be computed, because columns do not vary or depend on each other."""
STEP = 1e-5
"""Length of a finite difference, in SDs of a measure."""
INTERCEPT = "intercept"
WIDTHS = {"proportion": 0.01, "correlation": 0.01, "r2": 0.01, "delta_r2": 0.01}
"""What counts as 1 outside a bound that no rounding gives a width; .05 for the others."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A number and the interval it has to be in.

    Attributes
    ----------
    fact : Fact
    address : Address
        Which number it is; a fact about every term has a goal for each.
    low, high : float
        Ends of the interval.
    width : float
        The distance outside that counts as 1: half the interval's width where it has one.
    absolute : bool
        Whether the interval is for the absolute value.
    """

    fact: Fact
    address: Address
    low: float
    high: float
    width: float
    absolute: bool


def _ends_between(fact: Fact) -> tuple[float, float]:
    """Return ends, halfway between whole numbers, for a number that is whole: none is a hair from what is printed."""
    low, high = fact.interval.low, fact.interval.high
    first = np.floor(low) + 0.5 if fact.relation == ">" else np.ceil(low) - 0.5
    last = np.ceil(high) - 0.5 if fact.relation == "<" else np.floor(high) + 0.5
    return float(first), float(last)


class Numbers:
    """The facts that some measures determine, as functions of their group moments.

    Parameters
    ----------
    study : Study
        Without open readings.
    names : sequence of str, length m
        The measures, as the moments have them, then products of two.
    origins : sequence of float, optional
        Of the measures: around what products are.

    Attributes
    ----------
    goals : tuple of Goal
    low, high, width : ndarray, shape (goals,)
        Ends of the intervals, and the distances that count as 1.
    absolute, of_steps : ndarray of bool, shape (goals,)
        Which goals are about absolute values, and which about a regression.
    """

    def __init__(self, study: Study, names: Sequence[str], origins: Sequence[float] = ()) -> None:
        self.study, self.names = study, tuple(names)
        self.pairs = {name: tuple(map(self.names.index, name.split(":"))) for name in names if ":" in name}
        self.origins = {name: (float(origins[one]), float(origins[other])) for name, (one, other) in self.pairs.items()}
        self.sizes = np.array([*study.samples.values()], dtype=float)
        measures = [name for name in names if ":" not in name]
        self.categories = frozenset(name for name in measures if study.measure(name).kind == "category")
        facts = [fact for fact in study.facts if self._determined(fact)]
        self.goals = tuple(goal for fact in facts for goal in self._goals(fact))
        self.low, self.high, self.width = np.reshape([(g.low, g.high, g.width) for g in self.goals], (-1, 3)).T.copy()
        self.absolute = np.array([goal.absolute for goal in self.goals], dtype=bool)
        self.of_steps = np.array([goal.fact.step is not None for goal in self.goals], dtype=bool)
        self._outline, self._dfs = outline_of(study), [t_degrees(study, goal.fact) for goal in self.goals]

    @cached_property
    def regressed(self) -> list[int]:
        """Positions of the measures that regressions use, and of their products."""
        used = {name for goal in self.goals if goal.fact.step for name in self.measures(goal)}
        used |= {name for name in self.pairs if set(name.split(":")) <= used}
        return [index for index, name in enumerate(self.names) if name in used]

    def measures(self, goal: Goal) -> frozenset[str]:
        """Return the measures that have a part in a number, without the groups."""
        return measures_of(self.study, goal.fact) or frozenset()

    def _determined(self, fact: Fact) -> bool:
        named = measures_of(self.study, fact)
        return bool(named and named <= set(self.names)) and not (fact.errors or self._around_unknown_zero(fact))

    def _around_unknown_zero(self, fact: Fact) -> bool:
        """Tell whether a fact is about an intercept, and nothing says where its predictors are zero.

        How products are made does not tell whether the scores beside them were centred, or which of them.
        """
        return KINDS[fact.quantity].estimate == INTERCEPT and address_of(self.study, fact).products != "raw"

    def _goals(self, fact: Fact) -> Iterator[Goal]:
        address = address_of(self.study, fact)
        each = fact.quantity == "vif" and fact.term is None and fact.relation not in ("=", "about")
        low, high, width = self._bounds(fact)
        absolute = fact.absolute or (KINDS[fact.quantity].statistic is not None and address.tail in ("two", "one"))
        for term in self.study.columns(fact.step or "") if each else (fact.term,):
            here = replace(address, term=term)
            yield Goal(fact=fact, address=here, low=low, high=high, width=width, absolute=absolute)

    def _bounds(self, fact: Fact) -> tuple[float, float, float]:
        """Return the interval of a fact's number, and the width of it that counts as 1."""
        if KINDS[fact.quantity].whole:
            return *_ends_between(fact), 0.5
        low, high = limits(self.study, fact, t_degrees(self.study, fact))
        if of_f := fact.quantity in OF_F:
            low, high = np.sqrt((low, high))
        if np.isfinite(low) and np.isfinite(high) and high > low and fact.relation in ("=", "about"):
            width = (high - low) / 2
            # means and shares of whole numbers may lie exactly on an end, and print the same
            room = 0.0 if of_f or KINDS[fact.quantity].statistic else HAIR * width + ON_THE_END
            return low - room, high + room, width
        return low, high, WIDTHS.get(fact.quantity, 0.05)

    # -- values ------------------------------------------------------------------------------------------------------

    def values(self, mean: FloatArray, cov: FloatArray) -> FloatArray:
        """Return all numbers, shape (..., goals), of moments (..., k, m) and (..., k, m, m); divisor n - 1."""
        return self._some(mean, cov, range(len(self.names)), np.ones(len(self.goals), dtype=bool))

    def _some(self, mean: FloatArray, cov: FloatArray, of: Sequence[int], which: BoolArray) -> FloatArray:
        """Return some of the numbers, from the moments of some of the measures; the others are 0."""
        names = tuple(self.names[i] for i in of)
        moments = GroupMoments(
            names=names,
            n=self.sizes,
            mean=mean,
            cov=cov,
            categories=self.categories & frozenset(names),
            origins={name: self.origins[name] for name in names if name in self.origins},
        )
        found = np.zeros((*mean.shape[:-2], len(self.goals)))
        run = Analysis(self._outline, moments)
        with np.errstate(all="ignore"):
            for index in np.flatnonzero(which):
                try:
                    found[..., index] = self._number(run, self.goals[index], self._dfs[index])
                except np.linalg.LinAlgError:
                    found[..., index] = HOPELESS
        return np.nan_to_num(found, nan=HOPELESS, posinf=HOPELESS, neginf=-HOPELESS)

    def _number(self, run: Analysis, goal: Goal, fixed_df: float | None) -> FloatArray:
        statistic, quantity = KINDS[goal.fact.quantity].statistic, goal.fact.quantity
        if statistic is not None and fixed_df is None:
            t, df = statistic(run, goal.address)
            return np.asarray(np.sign(t) * -ndtri(np.maximum(two_sided_p(t, df), SMALLEST) / 2))
        if quantity not in OF_F:
            return np.asarray(stand_in(run, quantity, goal.address))
        p = np.clip(KINDS[quantity].value(run, goal.address), SMALL, 1.0)  # type: ignore[misc]
        return np.asarray(np.sqrt(fdtri(*f_degrees(self.study, goal.fact), 1 - p)))

    def linear(self, mean: FloatArray, cov: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return numbers, and their derivatives by the moments.

        Returns
        -------
        value : ndarray, shape (goals,)
        by_mean : ndarray, shape (goals, k, m)
        by_cov : ndarray, shape (goals, k, m, m)
            Symmetric: half of the derivative by a covariance stands at each of its two places.
        """
        value = np.zeros(len(self.goals))
        by_mean, by_cov = np.zeros((len(value), *mean.shape)), np.zeros((len(value), *cov.shape))
        for of, which in ((self.regressed, self.of_steps), (list(range(len(self.names))), ~self.of_steps)):
            if which.any():
                square = np.ix_(range(len(mean)), of, of)
                part = self._differences(mean[:, of], cov[square], of, which)
                value += part[0]
                by_mean[:, :, of] += part[1]
                by_cov[np.ix_(range(len(value)), *(s.ravel() for s in square))] += part[2]
        return value, by_mean, by_cov

    def _differences(
        self, mean: FloatArray, cov: FloatArray, of: Sequence[int], which: BoolArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        (k, m), sd = mean.shape, np.sqrt(np.diagonal(cov, axis1=1, axis2=2))
        rows, columns = np.tril_indices(m)
        h_mean, h_cov = STEP * sd, STEP * sd[:, rows] * sd[:, columns]
        pairs = len(rows)
        means = np.broadcast_to(mean, (1 + k * (m + pairs), k, m)).copy()
        covs = np.broadcast_to(cov, (len(means), k, m, m)).copy()
        group, measure = (part.ravel() for part in np.indices((k, m)))
        at = 1 + np.arange(k * m)
        means[at, group, measure] += h_mean.ravel()
        group, pair = (part.ravel() for part in np.indices((k, pairs)))
        at = 1 + k * m + np.arange(k * pairs)
        covs[at, group, rows[pair], columns[pair]] += h_cov.ravel()
        off = rows[pair] != columns[pair]
        covs[at[off], group[off], columns[pair][off], rows[pair][off]] += h_cov.ravel()[off]
        found = self._some(means, covs, of, which)
        change = (found[1:] - found[0]).T
        by_mean = (change[:, : k * m] / h_mean.ravel()).reshape(-1, k, m)
        by_pair = (change[:, k * m :] / h_cov.ravel()).reshape(-1, k, pairs)
        by_cov = np.zeros((len(change), k, m, m))
        by_cov[:, :, rows, columns] += by_pair / 2
        by_cov[:, :, columns, rows] += by_pair / 2
        return found[0], by_mean, by_cov

    # -- misses ------------------------------------------------------------------------------------------------------

    @cached_property
    def signs(self) -> FloatArray:
        """Signs of the numbers whose absolute value is printed, 0 where nothing tells them; shape (goals,)."""
        return np.array([known_sign(self.study, goal.fact) if goal.absolute else 0 for goal in self.goals], dtype=float)

    def signed(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ends of the intervals; of absolute values on the printed side of zero, else where the numbers are."""
        below = self.absolute & (np.where(self.signs == 0, values, self.signs) < 0)
        return np.where(below, -self.high, self.low), np.where(below, -self.low, self.high)
