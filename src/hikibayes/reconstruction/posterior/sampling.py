"""NUTS over the free numbers of a calibration: chains whose starting points do not depend on which begins first."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .problem import Problem

__all__ = ["Effort", "sample"]

type FloatArray = NDArray[np.float64]
type Progress = Callable[[int, int], None]
type Density = Callable[..., tuple[float, FloatArray]]


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long and how carefully each chain runs.

    Parameters
    ----------
    draws, tune : int
        Of each chain, after and during adaptation.
    target_accept : float
        NUTS's mean acceptance.
    max_depth : int
        A trajectory has at most ``2 ** max_depth`` steps.
    """

    draws: int
    tune: int
    target_accept: float = 0.9
    max_depth: int = 8

    @property
    def greater(self) -> Effort:
        """Twice the adaptation and trajectories four times as long, for what mixes slowly."""
        return replace(self, tune=2 * self.tune, max_depth=self.max_depth + 2)


def sample(
    problem: Problem,
    starts: list[FloatArray],
    effort: Effort,
    *,
    seed: int,
    cores: int | None = None,
    progress: Progress | None = None,
) -> tuple[FloatArray, int]:
    """Run NUTS, one chain from each starting point.

    Parameters
    ----------
    problem : Problem
    starts : list of ndarray
        Where the chains begin.
    effort : Effort
    seed : int
        Same seed and same machine, same draws, whatever the number of cores.
    cores : int, optional
        How many chains run at once (default: as many as there are cores).
    progress : callable, optional
        Told how many steps of how many are done.

    Returns
    -------
    draws : ndarray, shape (chain, draw, size)
        Of the free numbers.
    divergences : int
    """
    import nutpie

    from .kernel.density import log_density

    plan, total = problem.plan, len(starts) * (effort.draws + effort.tune)
    by_seed = dict(zip(_seeds_of_chains(len(starts), seed), starts, strict=True))

    def tell(states: list[Any]) -> None:
        if progress is not None:
            progress(sum(state.finished_draws for state in states), total)

    trace = nutpie.sample(
        _compiled(lambda x, **_: log_density(plan, x, 1.0), problem.size, lambda own: by_seed[int(own)]),
        draws=effort.draws,
        tune=effort.tune,
        chains=len(starts),
        cores=min(cores or os.cpu_count() or 1, len(starts)),
        seed=seed,
        adaptation="draw_diag",
        target_accept=effort.target_accept,
        maxdepth=effort.max_depth,
        save_warmup=False,
        progress_bar=False,
        progress_callback=tell,
    )
    return trace["posterior"]["free_numbers"].values, int(trace["sample_stats"]["diverging"].sum())


def _seeds_of_chains(chains: int, seed: int) -> list[int]:
    """Return the seeds with which nutpie's chains ask for their starting points, by chain.

    Notes
    -----
    Chains on several cores ask in any order. A rehearsal on one core, with a standard normal density, asks in theirs.
    """
    import nutpie

    asked: list[int] = []

    def start(own: int) -> FloatArray:
        asked.append(int(own))
        return np.ones(1)

    rehearsed = _compiled(lambda x, **_: (-0.5 * float(x @ x), -x), 1, start)
    settings = {"save_warmup": False, "progress_bar": False, "adaptation": "draw_diag"}
    nutpie.sample(rehearsed, draws=chains, tune=1, chains=chains, cores=1, seed=seed, **settings)
    return asked


def _compiled(density: Density, size: int, start: Callable[[int], FloatArray]) -> Any:
    """Wrap a density of flat vectors for nutpie."""
    from nutpie.compiled_pyfunc import from_pyfunc

    def expand(*_: object) -> Callable[..., dict[str, FloatArray]]:
        return lambda x, **_: {"free_numbers": x}

    shape, kind = (size,), np.dtype("float64")
    return from_pyfunc(size, lambda: density, expand, [kind], [shape], ["free_numbers"], make_initial_point_fn=start)
