"""Points near the record, found in stages; and what is in the way where there are none.

Levenberg-Marquardt from several places at once. What is printed of single measures comes first, then everything with
wide tolerances that narrow. A record contradicts itself only if no start, in no convention, comes near it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...arrays import BoolArray, FloatArray
from .density import numbers
from .problem import Problem
from .traced import Traced

SIMPLE = {"mean", "sd", "proportion", "mean_difference", "proportion_difference", "correlation", "d", "t", "p"}
"""What is printed of single measures and pairs: fitted first."""
LEFT_OUT = 1e4
TEMPERATURES = (10.0, 3.0, 1.0)
FROM_AFAR = (100.0, 30.0, *TEMPERATURES)
"""Where no search ends near the record: begun wider, fewer end in a false minimum."""
STEPS = 25
SPREAD = 0.5
"""SD of the places where the searches begin, in prior SDs."""
OUT_OF_REACH = 1.5
"""A number that misses its interval by so many of its half widths (or wall softnesses) is not reached."""
SAME = 0.1
"""Points whose costs differ by less are one place."""
MOST_SUSPECTS = 3
MOST_CANDIDATES = 24
"""Of hundreds of targets, so many are left out in turn."""


@dataclass(frozen=True, kw_only=True)
class Starts:
    """Points, the best first.

    Attributes
    ----------
    u : ndarray, shape (points, size)
        Whitened free numbers.
    cost : ndarray, shape (points,)
        Half the sum of squares.
    misses : ndarray, shape (points, t + m)
        How far the number of each of `Problem.statements` is outside its interval, in half widths or wall softnesses;
        0 inside.
    """

    u: FloatArray
    cost: FloatArray
    misses: FloatArray

    @property
    def satisfied(self) -> FloatArray:
        """The points that come near every fact, shape (points, size)."""
        return self.u[self._near]

    @property
    def agree(self) -> int:
        """How many of these are as good as the best point."""
        return int((self._near & (self.cost < self.cost[0] + SAME)).sum())

    @property
    def _near(self) -> BoolArray:
        return np.asarray((self.misses <= OUT_OF_REACH).all(axis=1))


def find_starts(traced: Traced, *, points: int, seed: int, temperatures: tuple[float, ...] = TEMPERATURES) -> Starts:
    """Search from several places, in stages."""
    problem, rng = traced.problem, np.random.default_rng(seed)
    said = problem.statements
    u = SPREAD * rng.standard_normal((points, traced.size))
    u[0] = 0.0
    simple = np.array([t.quantity in SIMPLE and not (t.absolute or t.p) for t in said], dtype=bool)
    stages = [np.where(simple, 1.0, LEFT_OUT), *(np.full(len(said), t) for t in temperatures)]
    cost = np.full(points, np.inf)
    for stage in stages:
        u, cost = descend(traced, u, np.broadcast_to(stage, (points, len(said))))
    order = np.argsort(cost)
    return Starts(u=u[order], cost=cost[order], misses=misses(traced, u[order]))


@np.errstate(all="ignore")
def descend(
    traced: Traced, u: FloatArray, temperature: FloatArray, steps: int = STEPS
) -> tuple[FloatArray, FloatArray]:
    """Minimise half the sum of squares from several points by Levenberg-Marquardt.

    Returns
    -------
    u : ndarray, shape (points, size)
    cost : ndarray, shape (points,)
        Infinite where a point describes no sample.
    """
    u = u.copy()
    left, slope, _ = traced.linearised(u, temperature)
    cost = _cost(left, slope)
    # a start that describes no sample begins at the prior's middle
    lost = ~np.isfinite(cost)
    if lost.any():
        u[lost] = 0.0
        left, slope, _ = traced.linearised(u, temperature)
        cost = _cost(left, slope)
    damping = np.ones(len(u))
    for _ in range(steps):
        moved = u - _bounded(_damped_step(left, slope, damping))
        new_left, new_slope, _ = traced.linearised(moved, temperature)
        new_cost = _cost(new_left, new_slope)
        better = new_cost < cost
        gain = np.where(better, cost - new_cost, 0.0)
        u[better], left[better], slope[better] = moved[better], new_left[better], new_slope[better]
        cost = np.where(better, new_cost, cost)
        stuck = ~better & (damping > 1e6)
        damping = np.where(better, np.maximum(damping / 8, 1e-9), damping * 4)
        if (stuck | (better & (gain < 1e-3 * (1 + 1e-3 * cost)))).all():
            break
    return u, cost


def _cost(left: FloatArray, slope: FloatArray) -> FloatArray:
    cost = 0.5 * (left**2).sum(axis=1)
    sane = np.isfinite(cost) & np.isfinite(slope).all(axis=(1, 2))
    return np.where(sane, cost, np.inf)


def _damped_step(left: FloatArray, slope: FloatArray, damping: FloatArray) -> FloatArray:
    left, slope = np.nan_to_num(left, posinf=0.0, neginf=0.0), np.nan_to_num(slope, posinf=0.0, neginf=0.0)
    normal = np.einsum("bri,brj->bij", slope, slope, optimize=True)
    gradient = np.einsum("bri,br->bi", slope, left)
    diagonal = np.einsum("bii->bi", normal)
    diagonal += damping[:, None] * diagonal
    return np.linalg.solve(normal, gradient[..., None])[..., 0]


def _bounded(step: FloatArray) -> FloatArray:
    """Let no number move by more than three prior SDs at once."""
    return step * np.minimum(1.0, 3 / (np.abs(step).max(axis=1, keepdims=True) + 1e-9))


@np.errstate(all="ignore")
def misses(traced: Traced, u: FloatArray) -> FloatArray:
    """Return how far each statement is outside its interval (points, t + m), in half widths or softnesses."""
    problem = traced.problem
    found = np.array([numbers(problem, problem.data, x) for x in traced.free_numbers(u)]).reshape(len(u), -1)
    low, high = (np.array([getattr(target, end) for target in problem.statements]) for end in ("low", "high"))
    tolerance = np.array([(t.high - t.low) / 2 if t.two_sided else t.softness for t in problem.statements])
    away = np.maximum(low - found, found - high) / tolerance
    return np.where(np.isfinite(found), np.maximum(away, 0.0), np.inf)


# -- a record that nothing satisfies ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A fact that stands in the way of the others.

    Attributes
    ----------
    fact : str
        Its id.
    u : ndarray, shape (size,)
        The best point without it (and those before it).
    alone : bool
        Whether leaving it out is enough.
    """

    fact: str
    u: FloatArray
    alone: bool


def suspects(traced: Traced, starts: Starts) -> tuple[Suspect, ...]:
    """Find the smallest set of facts without which the others hold together, the worst first.

    Parameters
    ----------
    traced : Traced
    starts : Starts
        None of which comes near every fact.

    Returns
    -------
    tuple of Suspect
        Where one fact alone would do: all such facts, that whose omission mends most first. Otherwise those that help
        most when left out one after the other, at most three.
    """
    problem = traced.problem
    found: list[Suspect] = []
    best = starts.u[0]
    for _ in range(MOST_SUSPECTS):
        out = {suspect.fact for suspect in found}
        candidates = [fact for fact in _worth_leaving_out(traced, best) if fact not in out]
        temperature = np.array([_without(problem, {*out, fact}) for fact in candidates])
        begin = np.broadcast_to(best, (len(candidates), traced.size))
        u, cost = descend(traced, begin, temperature)
        enough = (np.where(temperature < LEFT_OUT, misses(traced, u), 0.0) <= OUT_OF_REACH).all(axis=1)
        order = np.argsort(cost)
        if enough.any():
            good = [i for i in order if enough[i]]
            last = good if not found else good[:1]
            return (*found, *(Suspect(fact=candidates[i], u=u[i], alone=not found) for i in last))
        best = u[order[0]]
        found.append(Suspect(fact=candidates[order[0]], u=best, alone=False))
    return tuple(found)


def _worth_leaving_out(traced: Traced, u: FloatArray) -> list[str]:
    """Return the facts whose omission could mend much: coordinates, and the targets with the largest expected gains.

    Where a least-squares fit is linear, it loses half of r^2 / (1 - h) without a residual r of leverage h.
    """
    problem = traced.problem
    (left,), (slope,), _ = traced.linearised(u[None], np.ones((1, len(problem.statements))))
    leverage = (np.linalg.qr(slope)[0] ** 2).sum(axis=1)
    # the targets' residuals come last
    gain = (left**2 / np.maximum(1 - leverage, 1e-6))[len(left) - len(problem.targets) :]
    by_fact: dict[str, float] = {}
    for target, own in zip(problem.targets, gain, strict=True):
        by_fact[target.fact] = by_fact.get(target.fact, 0.0) + float(own)
    largest = sorted(by_fact, key=by_fact.__getitem__, reverse=True)[:MOST_CANDIDATES]
    return list(dict.fromkeys([*largest, *(target.fact for target in problem.coordinates)]))


def _without(problem: Problem, facts: set[str]) -> FloatArray:
    return np.array([LEFT_OUT if target.fact in facts else 1.0 for target in problem.statements])
