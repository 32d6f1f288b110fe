"""Many short Hamiltonian chains side by side, for records that independent proposals do not serve.

Where little is printed the posterior is thin and curved, and its thin directions turn from place to place: no proposal
made at one point holds at another. Sixty-four chains are compiled as one function. They begin near the prior's middle
and are cooled together until they stand at temperature 1; only then is anything kept, so that what is returned is plain
Markov chain Monte Carlo. Where most is printed but the weights of proposals are too uneven, the chains begin at such
proposals, in coordinates that are white at the best point.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...arrays import BoolArray, FloatArray
from .traced import Traced, compiled, jax

type Progress = Callable[[int, int], None]

CHAINS, LANES = 4, 16
"""Independent groups of lanes; the lanes of a group share step size and metric."""
CHUNK = 5
"""Hamiltonian steps between two looks, and between two kept states."""
HOT = 30.0
ANNEALED, SETTLING = 30, 20
"""Chunks on the way down to temperature 1, and there before anything is kept."""
FEWEST = 16
"""States that each lane keeps, at least: fewer say nothing of their own effective number."""
TRAJECTORY = 1.6
LONGEST = 80
"""Leapfrog steps of a trajectory, on average, at most; half of it on the way down."""
JITTER = (0.4, 1.2)
"""Each trajectory of each lane takes its own share of the step size: small steps free the lanes that are where the
density is steepest, and would otherwise stay there."""
TARGET_ACCEPT = 0.8
LOST = 40.0
"""So far below the median log density a lane is given up before anything is kept, and goes on from another's place."""


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """Where the lanes begin.

    Attributes
    ----------
    u : ndarray, shape (points, size)
        Points that describe a sample.
    root : ndarray, shape (size, size), optional
        What turns coordinates that are white near the posterior into free numbers. Without it the lanes are annealed,
        and find the scales themselves.
    """

    u: FloatArray
    root: FloatArray | None = None


@dataclass(frozen=True, kw_only=True)
class Lanes:
    """What the lanes returned.

    Attributes
    ----------
    u : ndarray, shape (CHAINS, LANES, draws, size)
        Whitened free numbers.
    log_density : ndarray, shape (CHAINS, LANES, draws)
    more : callable
        Goes on until there are so many draws, and returns these and the earlier ones.
    """

    u: FloatArray
    log_density: FloatArray
    more: Callable[[int], Lanes]


def lanes(
    traced: Traced,
    beginning: Beginning,
    *,
    draws: int,
    seed: int,
    cores: int | None = None,
    progress: Progress | None = None,
) -> Lanes:
    """Draw by many chains.

    Parameters
    ----------
    traced : Traced
    beginning : Beginning
    draws : int
        At least so many, over all lanes.
    seed : int
        Same seed and same machine, same draws, on any number of cores.
    cores : int, optional
        Groups that run at once (default: as many as there are cores).
    progress : callable, optional
        Told how many chunks of how many are done.
    """
    cooling = ANNEALED if beginning.root is None else 0
    # before the threads, so that it is compiled once
    block = partial(compiled(("lanes", traced.shape), lambda: _compiled_block(traced)), traced.arguments)
    groups = [_Group(block, traced, beginning, own) for own in np.random.SeedSequence(seed).spawn(CHAINS)]
    done, failed = [0], list[BaseException]()

    def settled(here: _Group, tell: Callable[[], None]) -> None:
        for temperature in [*np.geomspace(HOT, 1.0, cooling), *np.ones(SETTLING)]:
            here.settle(float(temperature))
            tell()

    def kept(draws: int) -> Lanes:
        rounds = max(FEWEST, -(-draws // (CHAINS * LANES)))
        total = CHAINS * (cooling + SETTLING + rounds)

        def tell() -> None:
            if failed:
                raise failed[0]
            done[0] += 1
            try:
                if progress is not None:
                    progress(min(done[0], total), total)
            except BaseException as error:
                failed.append(error)
                raise

        def group(here: _Group) -> tuple[FloatArray, FloatArray]:
            if not here.kept:
                settled(here, tell)
            return here.sample(rounds, tell)

        with ThreadPoolExecutor(min(cores or os.cpu_count() or 1, CHAINS)) as pool:
            try:
                found = list(pool.map(group, groups))
            except BaseException as error:  # an interrupted run does not go on to its end
                failed.append(error)
                raise
        return Lanes(u=np.stack([u for u, _ in found]), log_density=np.stack([value for _, value in found]), more=kept)

    return kept(draws)


def _compiled_block(traced: Traced) -> Callable[..., Any]:
    """Compile a chunk of Hamiltonian steps of all lanes; one jittered number of leapfrog steps for all of them."""
    library = jax()
    xp = library.numpy

    def value_and_slope(u: Any, temperature: Any, arguments: Any) -> Any:
        value, slope = library.value_and_grad(lambda at: traced.log_density(arguments, at, temperature))(u)
        ok = xp.isfinite(value) & xp.isfinite(slope).all()
        return xp.where(ok, value, -xp.inf), xp.where(ok, slope, 0.0)

    both = library.vmap(value_and_slope, (0, None, None))

    def block(
        arguments: Any, u: Any, key: Any, temperature: Any, step: Any, root: Any, longest: Any, adapt: Any
    ) -> Any:
        def one(carried: Any, _: Any) -> Any:
            u, key, log_step, count = carried
            key, of_momentum, of_length, of_step, of_accept = library.random.split(key, 5)
            momentum = library.random.normal(of_momentum, u.shape)
            length = 1 + library.random.randint(of_length, (), 0, 2 * longest - 1)
            share = library.random.uniform(of_step, (len(u), 1), minval=JITTER[0], maxval=JITTER[1])
            steps = xp.exp(log_step) * share

            # the first pass moves nothing: one call of the density in the loop is one less to compile
            def leap(i: Any, state: Any) -> Any:
                at, p, _, slope, first = state
                size = xp.where(i == 0, 0.0, steps)
                p = p + 0.5 * size * (slope @ root)
                at = at + size * (p @ root.T)
                value, slope = both(at, temperature, arguments)
                return at, p + 0.5 * size * (slope @ root), value, slope, xp.where(i == 0, value, first)

            nothing = xp.zeros(len(u))
            state = (u, momentum, nothing, xp.zeros_like(u), nothing)
            moved, p, new, _, old = library.lax.fori_loop(0, length + 1, leap, state)
            change = new - old - 0.5 * (p**2 - momentum**2).sum(1)
            change = xp.where(xp.isnan(change), -xp.inf, change)
            taken = xp.log(library.random.uniform(of_accept, change.shape)) < change
            u, value = xp.where(taken[:, None], moved, u), xp.where(taken, new, old)
            rate = xp.minimum(1.0, xp.exp(change)).mean()
            push = xp.clip(1.2 / xp.sqrt(count + 1) * (rate - TARGET_ACCEPT), -0.4, 0.3)
            return (u, key, log_step + adapt * push, count + 1), (value, log_step, taken)

        begin = (u, key, xp.log(step), 0.0)
        (u, key, _, _), (value, log_step, taken) = library.lax.scan(one, begin, None, length=CHUNK)
        # the last step alone would be as noisy as one acceptance
        return u, key, xp.exp(log_step.mean()), value[-1], taken.any(axis=0)

    sizes = (xp.zeros((LANES, traced.size)), library.random.key(0), 1.0, 0.05, xp.eye(traced.size), 6, 1.0)
    return library.jit(block).lower(traced.arguments, *sizes).compile()  # type: ignore[no-any-return]


class _Group:
    """One group of lanes on its way."""

    def __init__(
        self, block: Callable[..., Any], traced: Traced, beginning: Beginning, seed: np.random.SeedSequence
    ) -> None:
        library = jax()
        self.rng = np.random.default_rng(seed)
        self.key = library.random.key(int(self.rng.integers(2**31)))
        self.block, self.xp = block, library.numpy
        self.annealed = beginning.root is None
        self.root = np.eye(traced.size) if beginning.root is None else beginning.root
        self.u = self.xp.asarray(_beginnings(traced, beginning, self.rng))
        self.step, self.recent, self.steps = 0.05 if self.annealed else 0.3, [], []  # type: ignore[var-annotated]
        self.kept: list[tuple[FloatArray, FloatArray]] = []

    def advance(self, temperature: float, longest: int, adapt: float) -> tuple[float, FloatArray, BoolArray]:
        """Run a chunk; returns the step size it would go on with, log densities, and which lanes moved."""
        state = (self.u, self.key, temperature, self.step, self.xp.asarray(self.root), self.xp.asarray(longest), adapt)
        self.u, self.key, step, value, moved = self.block(*state)
        return float(step), np.asarray(value), np.asarray(moved)

    def settle(self, temperature: float) -> None:
        """Run a chunk that adapts step size and metric, and puts lost lanes in others' places."""
        self.step, value, moved = self.advance(temperature, self.longest(LONGEST // 2), 1.0)
        self.steps.append(self.step)
        u = np.array(self.u)
        lost = ~(value > np.median(value) - LOST) | ~moved
        if lost.any() and not lost.all():
            u[lost] = u[self.rng.choice(np.flatnonzero(~lost), lost.sum())]
            self.u = self.xp.asarray(u)
        if self.annealed:
            # old places are forgotten while the temperature falls
            self.recent = [*self.recent, u][-(4 if temperature > 1 else 12) :]
            # a plain variance would be spoilt by two runaway lanes
            low, high = np.quantile(np.concatenate(self.recent), [0.1, 0.9], axis=0)
            self.root = np.diag(np.sqrt(((high - low) / 2.563) ** 2 + 1e-3))

    def longest(self, most: int) -> int:
        """Return the mean number of leapfrog steps that makes a trajectory as long as it should be."""
        return int(np.clip(round(TRAJECTORY / self.step / np.mean(JITTER)), 2, most))

    def sample(self, rounds: int, tell: Callable[[], None]) -> tuple[FloatArray, FloatArray]:
        """Keep one state of each chunk until there are so many; nothing is adapted any more."""
        self.step = float(np.exp(np.log(self.steps[-SETTLING // 2 :]).mean()))
        longest = self.longest(LONGEST)
        while len(self.kept) < rounds:
            _, value, _ = self.advance(1.0, longest, 0.0)
            self.kept.append((np.asarray(self.u), value))
            tell()
        u, values = zip(*self.kept, strict=True)
        return np.stack(u, axis=1), np.stack(values, axis=1)


@np.errstate(all="ignore")
def _beginnings(traced: Traced, beginning: Beginning, rng: np.random.Generator) -> FloatArray:
    """Return a point for each lane that describes a sample: a given one, or one near the prior's middle."""
    found = beginning.u[rng.integers(len(beginning.u), size=LANES)].copy()
    if beginning.root is not None:
        return found
    away = rng.standard_normal((LANES, traced.size))
    # the coordinates' tolerances are not stretched on the way: a lane must fit them from the start
    cold = np.ones((LANES, len(traced.problem.statements)))
    for middle, size in ((found, 0.05), (found, 0.15), (np.zeros_like(away), 0.1), (np.zeros_like(away), 0.3)):
        tried = middle + size * away
        fits = np.isfinite(traced.linearised(tried, cold)[2])
        found[fits] = tried[fits]
    return found
