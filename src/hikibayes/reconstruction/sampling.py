"""Draws from the posterior of a calibration: two samplers, chosen by what the record prints.

Where most moments are printed the posterior is nearly normal, and randomise-then-optimise gives independent proposals:
each is the solution of Q'F(u) = xi for a standard normal xi, with F the residuals and Q the range of their derivative
at the best point. Their density is known, so that a Metropolis step between them makes the draws exact. Where little is
printed the constraints curve too much for that, and many short Hamiltonian chains run side by side: they begin near the
prior's middle, are cooled together, and each returned state of a hot chain is cooled by itself.

References
----------
Bardsley, J. M., Solonen, A., Haario, H., & Laine, M. (2014). Randomize-then-optimize: a method for sampling from
posterior distributions in nonlinear inverse problems. SIAM Journal on Scientific Computing, 36(4), A1895-A1910.
https://doi.org/10.1137/140964023
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .traced import Traced, compiled, jax

__all__ = ["Optimiser", "Proposals", "lanes", "metropolis"]

type FloatArray = NDArray[np.float64]
type Progress = Callable[[int, int], None]

# -- randomise, then optimise ----------------------------------------------------------------------------------------

NEWTON_STEPS = 12
SOLVED = 1e-10


@dataclass(frozen=True, kw_only=True)
class Proposals:
    """Independent proposals.

    Attributes
    ----------
    u : ndarray, shape (proposals, size)
    log_weight : ndarray, shape (proposals,)
        Log of posterior over proposal density; minus infinity for those that were not solved.
    """

    u: FloatArray
    log_weight: FloatArray

    @property
    def solved(self) -> float:
        """Share of the equations that were solved."""
        return float(np.isfinite(self.log_weight).mean())

    @property
    def effective(self) -> float:
        """Effective share of the proposals by their weights."""
        if self.solved == 0:
            return 0.0
        weight = np.exp(self.log_weight - self.log_weight.max())
        return float(weight.sum() ** 2 / (weight**2).sum() / len(weight))


class Optimiser:
    """Randomise-then-optimise around a point.

    Parameters
    ----------
    traced : Traced
    best : ndarray, shape (size,)
        The best point known.
    """

    def __init__(self, traced: Traced, best: FloatArray) -> None:
        self.traced = traced
        self._cold = np.ones(len(traced.problem.statements))
        left, slope, _ = self._at(best[None])
        self._range, upper = np.linalg.qr(slope[0])
        self._best, self._middle = best, self._range.T @ left[0]
        self._back = np.linalg.inv(upper)

    def _at(self, u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        return self.traced.linearised(u, np.broadcast_to(self._cold, (len(u), len(self._cold))))

    @np.errstate(all="ignore")
    def propose(self, count: int, rng: np.random.Generator) -> Proposals:
        """Solve for so many proposals."""
        xi = rng.standard_normal((count, self.traced.size))
        u = self._best + (xi - self._middle) @ self._back.T
        missing, slope, value = self._equations(u, xi)
        length = np.ones(count)
        for _ in range(NEWTON_STEPS):
            size = (missing**2).sum(axis=1)
            open_ = np.flatnonzero(~(size < SOLVED))
            if len(open_) == 0:
                break
            # a point that describes no sample is left towards the best one
            step = np.where(
                np.isfinite(size[open_])[:, None], _newton(slope[open_], missing[open_]), u[open_] - self._best
            )
            tried = u[open_] - length[open_, None] * step
            new_missing, new_slope, new_value = self._equations(tried, xi[open_])
            better = ~((new_missing**2).sum(axis=1) >= size[open_]) | ~np.isfinite(size[open_])
            better &= np.isfinite(new_missing).all(axis=1) | ~np.isfinite(size[open_])
            which = open_[better]
            u[which], missing[which], slope[which] = tried[better], new_missing[better], new_slope[better]
            value[which] = new_value[better]
            length[open_] = np.where(better, np.minimum(1.0, 2 * length[open_]), length[open_] / 3)
        solved = ((missing**2).sum(axis=1) < SOLVED) & np.isfinite(value)
        _, log_volume = np.linalg.slogdet(np.where(solved[:, None, None], slope, np.eye(self.traced.size)))
        weight = value + 0.5 * (xi**2).sum(axis=1) - log_volume
        return Proposals(u=u, log_weight=np.where(solved, weight, -np.inf))

    def _equations(self, u: FloatArray, xi: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        left, slope, value = self._at(u)
        return left @ self._range - xi, np.einsum("rk,bri->bki", self._range, slope, optimize=True), value


def _newton(slope: FloatArray, missing: FloatArray) -> FloatArray:
    slope, missing = np.nan_to_num(slope, posinf=0.0, neginf=0.0), np.nan_to_num(missing, posinf=0.0, neginf=0.0)
    singular = np.abs(np.linalg.det(slope)) == 0
    slope = np.where(singular[:, None, None], np.eye(slope.shape[-1]), slope)
    return np.linalg.solve(slope, missing[..., None])[..., 0]


def metropolis(proposals: Proposals, chains: int, rng: np.random.Generator) -> FloatArray:
    """Return the draws (chains, steps, size) of independence Metropolis chains through the proposals.

    Notes
    -----
    Each chain begins at a proposal drawn by weight, and its own share of the proposals is then offered to it in turn.
    """
    per_chain = len(proposals.log_weight) // chains
    weight = np.exp(proposals.log_weight - proposals.log_weight.max())
    current = rng.choice(len(weight), size=chains, p=weight / weight.sum())
    found = np.empty((chains, per_chain), dtype=int)
    for step in range(per_chain):
        offered = np.arange(chains) * per_chain + step
        odds = proposals.log_weight[offered] - proposals.log_weight[current]
        current = np.where(np.log(rng.random(chains)) < odds, offered, current)
        found[:, step] = current
    return proposals.u[found]


# -- many short chains -----------------------------------------------------------------------------------------------

CHAINS, LANES = 4, 16
"""Independent groups of lanes; the lanes of a group share step size and metric."""
CHUNK = 3
"""Hamiltonian steps between two looks."""
HOT, WARM = 30.0, 4.0
ANNEALED, SETTLING = 25, 25
"""Chunks from hot to warm, and at warm, before anything is kept."""
BETWEEN = 4
"""Chunks at the warm temperature between two kept states."""
COOLING = ((2.0, 1.0), (1.0, 1.0), (1.0, 0.5), (1.0, 1.0), (1.0, 0.2), (1.0, 1.0))
"""Temperature of each cold chunk, and the share of the step size found for it that is taken: small steps free the lanes
that are where the density is steepest, and would otherwise stay there."""
COOLING_STEPS = 15
TRIALS = 8
"""Chunks in which each cold stage finds its step size, in the first round; the later half of them counts."""
TRAJECTORY = 1.5
STEP_LIMITS = (3, 30)
TARGET_ACCEPT = 0.8
LOST = 40.0
"""So far below the median log density a lane is given up, and goes on from another one's place."""


def lanes(
    traced: Traced,
    near: FloatArray,
    *,
    draws: int,
    seed: int,
    cores: int | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """Draw by annealed lanes.

    Parameters
    ----------
    traced : Traced
    near : ndarray, shape (points, size)
        Points near the record: a lane that finds no sample near the prior's middle begins beside one of these.
    draws : int
        At least so many, over all lanes.
    seed : int
        Same seed and same machine, same draws, on any number of cores.
    cores : int, optional
        Groups that run at once (default: as many as there are cores).
    progress : callable, optional
        Told how many chunks of how many are done.

    Returns
    -------
    ndarray, shape (CHAINS, LANES x rounds, size)
        Whitened free numbers, a chain for each group: one lane's draws after another's.
    """
    rounds = -(-draws // (CHAINS * LANES))
    total = CHAINS * (ANNEALED + SETTLING + rounds * (BETWEEN + len(COOLING)))
    done = [0]

    def tell() -> None:
        done[0] += 1
        if progress is not None:
            progress(min(done[0], total), total)

    library = jax()
    block = partial(compiled(("lanes", traced.shape), lambda: _compiled_block(traced)), traced.arguments)
    with ThreadPoolExecutor(min(cores or os.cpu_count() or 1, CHAINS)) as pool:
        seeds = np.random.SeedSequence(seed).spawn(CHAINS)
        groups = list(pool.map(partial(_group, library, block, traced, near, rounds=rounds, tell=tell), seeds))
    return np.stack(groups)


def _compiled_block(traced: Traced) -> Callable[..., Any]:
    """Compile so many Hamiltonian steps of all lanes; one trajectory length for all, jittered."""
    library = jax()
    xp = library.numpy

    def value_and_slope(u: Any, temperature: Any, arguments: Any) -> Any:
        value, slope = library.value_and_grad(lambda at: traced.log_density(arguments, at, temperature))(u)
        ok = xp.isfinite(value) & xp.isfinite(slope).all()
        return xp.where(ok, value, -xp.inf), xp.where(ok, slope, 0.0)

    both = library.vmap(value_and_slope, (0, None, None))

    def block(
        arguments: Any, u: Any, key: Any, temperature: Any, step: Any, metric: Any, longest: Any, adapt: Any
    ) -> Any:
        def one(carried: Any, _: Any) -> Any:
            u, key, log_step, count = carried
            key, of_momentum, of_length, of_accept = library.random.split(key, 4)
            step = xp.exp(log_step)
            momentum = library.random.normal(of_momentum, u.shape) / xp.sqrt(metric)
            length = 1 + library.random.randint(of_length, (), 0, 2 * longest - 1)

            # the first pass moves nothing: one call of the density in the loop is one less to compile
            def leap(i: Any, state: Any) -> Any:
                at, p, _, slope, first = state
                size = xp.where(i == 0, 0.0, step)
                p = p + 0.5 * size * slope
                at = at + size * metric * p
                value, slope = both(at, temperature, arguments)
                return at, p + 0.5 * size * slope, value, slope, xp.where(i == 0, value, first)

            nothing = xp.zeros(len(u))
            state = (u, momentum, nothing, xp.zeros_like(u), nothing)
            moved, p, new, _, old = library.lax.fori_loop(0, length + 1, leap, state)
            change = new - old - 0.5 * (metric * (p**2 - momentum**2)).sum(1)
            change = xp.where(xp.isnan(change), -xp.inf, change)
            taken = xp.log(library.random.uniform(of_accept, change.shape)) < change
            u, value = xp.where(taken[:, None], moved, u), xp.where(taken, new, old)
            rate = xp.minimum(1.0, xp.exp(change)).mean()
            push = xp.clip(1.2 / xp.sqrt(count + 1) * (rate - TARGET_ACCEPT), -0.4, 0.3)
            log_step = xp.where(adapt, log_step + push, log_step)
            return (u, key, log_step, count + 1), (value, log_step)

        (u, key, _, _), (value, log_step) = library.lax.scan(one, (u, key, xp.log(step), 0.0), None, length=CHUNK)
        # the last step alone would be as noisy as one acceptance
        return u, key, xp.exp(log_step.mean()), value[-1]

    sizes = (xp.zeros((LANES, traced.size)), library.random.key(0), 1.0, 0.05, xp.ones(traced.size), 6, True)
    return library.jit(block).lower(traced.arguments, *sizes).compile()  # type: ignore[no-any-return]


class _Lanes:
    """One group of lanes on its way."""

    def __init__(
        self,
        library: Any,
        block: Callable[..., Any],
        traced: Traced,
        near: FloatArray,
        seed: np.random.SeedSequence,
    ) -> None:
        size, self.rng = traced.size, np.random.default_rng(seed)
        self.key = library.random.key(int(self.rng.integers(2**31)))
        self.block, self.xp = block, library.numpy
        self.u = self.xp.asarray(_beginnings(traced, near, self.rng))
        self.step, self.metric, self.longest = 0.05, np.ones(size), 6
        self.recent: list[FloatArray] = []

    def advance(self, temperature: float, *, adapt: bool, step: float | None = None, longest: int | None = None) -> Any:
        """Run a chunk; returns the step size it ended with."""
        metric, most = self.xp.asarray(self.metric), self.xp.asarray(longest or self.longest)
        state = (self.u, self.key, 1.0 * temperature, 1.0 * (step or self.step), metric, most, adapt)
        self.u, self.key, ended, self.value = self.block(*state)
        return float(ended)

    def settle(self, temperature: float, remembered: int) -> None:
        """Run a chunk that adapts step size, metric and trajectory, and puts lost lanes in others' places."""
        self.step = self.advance(temperature, adapt=True)
        value, u = np.asarray(self.value), np.array(self.u)
        lost = ~(value > np.median(value) - LOST)
        if lost.any() and not lost.all():
            u[lost] = u[self.rng.choice(np.flatnonzero(~lost), lost.sum())]
            self.u = self.xp.asarray(u)
        self.recent = [*self.recent, u[~lost]][-remembered:]
        # a plain variance would be spoilt by two runaway lanes
        low, high = np.quantile(np.concatenate(self.recent), [0.1, 0.9], axis=0)
        self.metric = ((high - low) / 2.563) ** 2 + 1e-3
        self.longest = int(np.clip(round(TRAJECTORY / self.step), *STEP_LIMITS))


def _group(
    library: Any,
    block: Callable[..., Any],
    traced: Traced,
    near: FloatArray,
    seed: np.random.SeedSequence,
    *,
    rounds: int,
    tell: Any,
) -> FloatArray:
    """Run one group of lanes and return its draws, lane by lane."""
    hot = _Lanes(library, block, traced, near, seed)
    for falling in np.geomspace(HOT, WARM, ANNEALED):
        hot.settle(float(falling), 4)
        tell()
    for _ in range(SETTLING):
        hot.settle(WARM, 12)
        tell()
    found: list[FloatArray] = []
    sizes: list[float] = []
    for _ in range(rounds):
        for _ in range(BETWEEN):
            hot.advance(WARM, adapt=False)
            tell()
        kept = hot.u
        for stage, (temperature, share) in enumerate(COOLING):
            if len(sizes) == stage:
                sizes.append(_cold_step(hot, temperature, sizes[-1] if sizes else hot.step))
            hot.advance(temperature, adapt=False, step=share * sizes[stage], longest=COOLING_STEPS)
            tell()
        found.append(np.asarray(hot.u))
        hot.u = kept
    return np.stack(found, axis=1).reshape(-1, traced.size)


def _cold_step(hot: _Lanes, temperature: float, begin: float) -> float:
    """Find the step size of a cold stage, by running it."""
    steps = [begin]
    for _ in range(TRIALS):
        steps.append(hot.advance(temperature, adapt=True, step=steps[-1], longest=COOLING_STEPS))
    return float(np.exp(np.log(steps[TRIALS // 2 :]).mean()))


@np.errstate(all="ignore")
def _beginnings(traced: Traced, near: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a point for each lane that describes a sample: near the prior's middle, or else near the record."""
    away = rng.standard_normal((LANES, traced.size))
    beside = near[rng.integers(len(near), size=LANES)]
    # the coordinates' tolerances are not stretched on the way: a lane must fit them from the start
    cold = np.ones((LANES, len(traced.problem.statements)))
    found = beside.copy()
    for middle, size in ((beside, 0.05), (beside, 0.15), (np.zeros_like(away), 0.1), (np.zeros_like(away), 0.3)):
        tried = middle + size * away
        fits = np.isfinite(traced.linearised(tried, cold)[2])
        found[fits] = tried[fits]
    return found
