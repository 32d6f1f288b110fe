"""The functions of one problem, compiled by JAX for a fixed number of points side by side.

A problem's numbers are arguments of what is compiled, its shape is not: a second study of the same shape finds the
compiled code on disk.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays import FloatArray
from .density import centre, log_density, prior_scale, residuals
from .problem import Problem

FEW, MANY = 8, 128
"""Points that are linearised, and whose residuals are computed, at once."""
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"
"""Matrices of a hundred columns are slower on several threads, most of all where groups of lanes run side by side."""
QUICKLY = {"xla_backend_optimization_level": 0}
"""What is called some hundred times is compiled in half the time, and takes half as long again to run."""


def cache_folder() -> Path:
    """Return where this package keeps what takes long to make again (``HIKIBAYES_CACHE``, else the user's cache)."""
    own = os.environ.get("HIKIBAYES_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hikibayes"


def jax() -> Any:
    """Return JAX, in double precision, with compiled code kept on disk."""
    # the compiler's alarm about a busy machine is nothing that a user can act on
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    flags = os.environ.get("XLA_FLAGS", "")
    if ONE_THREAD.split("=", maxsplit=1)[0] not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {ONE_THREAD}".strip()
    import jax as found

    found.config.update("jax_enable_x64", True)
    found.config.update("jax_compilation_cache_dir", str(cache_folder() / "xla"))
    found.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)
    return found


class Traced:
    """A problem's residuals and log density in whitened free numbers: prior mean 0, prior SD (nearly) 1.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.centre, self.scale = centre(problem), prior_scale(problem)

    @property
    def size(self) -> int:
        """Free numbers."""
        return self.problem.size

    def free_numbers(self, u: FloatArray) -> FloatArray:
        """Return free numbers (..., size) as `hikibayes.reconstruction.posterior.density` takes them."""
        return np.asarray(self.centre + self.scale * u)

    def linearised(self, u: FloatArray, temperature: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return residuals, their derivatives and the log density at points.

        Parameters
        ----------
        u : ndarray, shape (points, size)
        temperature : ndarray, shape (points, t + m)
            Stretches the tolerance of each of `Problem.statements`.

        Returns
        -------
        residuals : ndarray, shape (points, size + r)
            The whitened numbers themselves come first: the log density is about minus half the sum of squares.
        jacobian : ndarray, shape (points, size + r, size)
        log_density : ndarray, shape (points,)
            NaN where nothing fits.
        """
        found = [self._linearised(self.arguments, *part) for part in _batches(u, temperature, FEW)]
        left, slope, value = (np.concatenate(parts)[: len(u)] for parts in zip(*found, strict=True))
        eye = np.broadcast_to(np.eye(self.size), (len(u), self.size, self.size))
        return np.concatenate([u, left], axis=1), np.concatenate([eye, slope], axis=1), value

    @cached_property
    def _linearised(self) -> Callable[..., Any]:
        return compiled(("linearised", self.shape), lambda: _linearising(self.problem))

    def residuals(self, u: FloatArray) -> FloatArray:
        """Return the residuals alone at points, shape (points, size + r): a small part of the work of `linearised`."""
        temperature = np.ones((len(u), len(self.problem.statements)))
        found = [self._residuals(self.arguments, *part) for part in _batches(u, temperature, MANY)]
        return np.concatenate([u, np.concatenate(found)[: len(u)]], axis=1)

    @cached_property
    def _residuals(self) -> Callable[..., Any]:
        return compiled(("residuals", self.shape), lambda: _leaving(self.problem))

    @cached_property
    def arguments(self) -> tuple[Any, FloatArray, FloatArray]:
        """The numbers of the problem, as the compiled functions take them."""
        return self.problem.data, self.centre, self.scale

    @cached_property
    def shape(self) -> str:
        """Everything about the problem that is compiled in: two problems that share it share the compiled functions."""
        problem, limits = self.problem, self.problem.priors.difference
        ends = np.isfinite(limits.lower).tolist(), np.isfinite(limits.upper).tolist()
        walls = [(math.isfinite(target.low), math.isfinite(target.high)) for target in problem.statements]
        return repr((problem.said, problem.shapes, walls, ends))

    def log_density(self, arguments: Any, u: Any, temperature: Any) -> Any:
        """Return the log density at one point, for JAX to differentiate; ``arguments`` are `arguments`."""
        data, centre, scale = arguments
        return log_density(self.problem, data, centre + scale * u, temperature)


COMPILED: dict[Any, Callable[..., Any]] = {}
"""What this process has compiled, by shape."""


def compiled(key: Any, make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """Return a compiled function of a shape, made once in a process."""
    if key not in COMPILED:
        COMPILED[key] = make()
    return COMPILED[key]


def _leaving(problem: Problem) -> Callable[..., Any]:
    """Compile the residuals of problems of one shape."""
    library = jax()

    def left(arguments: Any, u: Any, _: Any) -> Any:
        data, centre, scale = arguments
        return residuals(problem, data, centre + scale * u)[0]

    return library.jit(library.vmap(left, (None, 0, 0)), compiler_options=QUICKLY)  # type: ignore[no-any-return]


def _linearising(problem: Problem) -> Callable[..., Any]:
    """Compile residuals, derivatives and log density of problems of one shape."""
    library, t = jax(), len(problem.targets)
    transform = library.jacfwd if problem.size <= 1.5 * t else library.jacrev

    def linearise(arguments: Any, u: Any, temperature: Any) -> Any:
        data, centre, scale = arguments
        data = data._replace(spread=data.spread * temperature[t:])

        def both(at: Any) -> Any:
            left, value = residuals(problem, data, centre + scale * at, temperature[:t])
            return left, (left, value)

        slope, (left, value) = transform(both, has_aux=True)(u)
        return left, slope, value

    return library.jit(library.vmap(linearise, (None, 0, 0)), compiler_options=QUICKLY)  # type: ignore[no-any-return]


def _batches(u: FloatArray, temperature: FloatArray, size: int) -> list[tuple[FloatArray, FloatArray]]:
    """Cut points into batches of one size, the last filled up with its first point."""
    found = []
    for begin in range(0, len(u), size):
        which = np.arange(begin, begin + size)
        which[which >= len(u)] = begin
        found.append((u[which], temperature[which]))
    return found
