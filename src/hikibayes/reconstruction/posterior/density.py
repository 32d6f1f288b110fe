"""The posterior of a calibration as a function that JAX differentiates.

It is a sum of squares up to smooth terms, and written so: `residuals` holds the printed numbers, limits and assumptions
about the outcome as standard normal errors (a wall is the root of its log-sigmoid); the log density is minus half their
squares, plus the prior of the free numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ...moments.tails import Array, namespace
from .assembly import Data, Sample, cholesky, conditioned, coordinate_rows, log_diagonal, predictors, sample_of
from .numbers import TINY, target_numbers
from .problem import Problem

TWO_SIDED_SD = 0.7
"""Spread of the normal density around a printed interval's midpoint, in half widths."""
LIMIT_SOFTNESS = 0.01
"""Softness of the limits of assumed differences."""
FAR = 40.0
"""So many of its softnesses inside a wall nothing is felt of it."""


def sample_at(problem: Problem, data: Data, x: Array) -> tuple[Sample, Array, Array, Array]:
    """Return the sample at free numbers (..., size), and of its coordinates rows, whitened midpoints and log scale."""
    values = problem.values(x, data)
    made = predictors(problem.layout, problem.raw, data, values)
    rows = coordinate_rows(problem.coordinates, made)
    coefficients, white, log_root = conditioned(rows, data, values)
    return sample_of(made, data, coefficients, values["residual_ratio"]), rows, white, log_root


def log_density(problem: Problem, data: Data, x: Array, temperature: Any = 1.0) -> Array:
    """Return the log density at one vector of free numbers, without constants; NaN where it describes no sample.

    Parameters
    ----------
    problem : Problem
        Its shape; its numbers come from ``data``.
    data : Data
    x : ndarray, shape (size,)
        Log odds of the shares, arctanh partial correlations, standard normals for everything else, in the order of
        `hikibayes.reconstruction.posterior.problem.Problem.shapes`.
    temperature : float or ndarray, shape (t,)
        Stretches the tolerances of the targets.
    """
    return residuals(problem, data, x, temperature)[1]


def residuals(problem: Problem, data: Data, x: Array, temperature: Any = 1.0) -> tuple[Array, Array]:
    """Return what the squares are of, and the log density; arguments as in `log_density`.

    Returns
    -------
    residuals : ndarray, shape (r,)
    log_density : float
    """
    xp = namespace(x)
    sample, _, white, log_root = sample_at(problem, data, x)
    found = _targets(problem, data, sample)
    away = (sample.gap - data.outcome_difference[0]) / data.outcome_difference[1]
    left = xp.concatenate([away, _limits(problem, data, sample), white, _toward(problem, data, found, temperature)])
    smooth = _log_prior(problem, data, x) + _log_correlations(problem, data, sample) - log_root
    return left, smooth - 0.5 * left @ left


def numbers(problem: Problem, data: Data, x: Array) -> Array:
    """Return the number of each of `Problem.statements`, shape (t + m,): of the targets, then of the coordinates."""
    sample, rows, *_ = sample_at(problem, data, x)
    return namespace(x).concatenate([_targets(problem, data, sample), rows @ sample.coefficients])


def _targets(problem: Problem, data: Data, sample: Sample) -> Array:
    found = target_numbers(problem.targets, sample, data, problem.default)
    absolute = np.array([target.absolute for target in problem.targets], dtype=bool)
    xp = namespace(found)
    return xp.where(absolute, xp.sqrt(found * found + TINY), found)


def _toward(problem: Problem, data: Data, found: Array, temperature: Any) -> Array:
    """Return the distance from a printed interval's middle, or what a wall at a printed bound leaves, in tolerances."""
    xp = namespace(found)
    two = np.array([target.two_sided for target in problem.targets], dtype=bool)
    below = np.array([np.isfinite(target.low) for target in problem.targets], dtype=bool)
    low, high = xp.where(below, data.low, 0.0), xp.where(two | ~below, data.high, 0.0)
    low, high = xp.where(xp.isfinite(low), low, 0.0), xp.where(xp.isfinite(high), high, 0.0)
    middle, sd = 0.5 * (low + high), xp.where(two, TWO_SIDED_SD / 2 * (high - low), data.soft) * temperature
    return xp.where(two, (found - middle) / sd, _wall(xp.where(below, found - low, high - found) / sd))


def _wall(room: Array) -> Array:
    """Return the root of twice the negative log-sigmoid."""
    xp = namespace(room)
    near = xp.clip(-room, -FAR, 1e6)
    return xp.sqrt(2 * (xp.maximum(near, 0.0) + xp.log1p(xp.exp(-xp.abs(near)))))


def _limits(problem: Problem, data: Data, sample: Sample) -> Array:
    """Return walls at the limits of the assumed differences of two groups."""
    xp, prior = namespace(sample.gap), problem.priors.difference
    if problem.layout.k != 2:
        return xp.zeros(0)
    gap = xp.concatenate([sample.made.difference[0], sample.gap])
    lower, upper = np.flatnonzero(np.isfinite(prior.lower)), np.flatnonzero(np.isfinite(prior.upper))
    room = xp.concatenate([gap[lower] - data.lower[lower], data.upper[upper] - gap[upper]])
    return _wall(room / LIMIT_SOFTNESS)


# -- the prior of the free numbers -----------------------------------------------------------------------------------


def _log_prior(problem: Problem, data: Data, x: Array) -> Array:
    """Return beta densities of the shares on the log odds, standard normal ones of all but the partial correlations."""
    xp = namespace(x)
    shares, partial = _slices(problem)["share"], _slices(problem)["partial"]
    z = x[shares].reshape(problem.shapes["share"])
    a, b = data.share[..., 0], data.share[..., 1]
    log_share = -(a * xp.logaddexp(0.0, -z) + b * xp.logaddexp(0.0, z)).sum()
    normal = np.ones(problem.size)
    normal[shares], normal[partial] = 0.0, 0.0
    return log_share - 0.5 * (normal * x**2).sum()


def _log_correlations(problem: Problem, data: Data, sample: Sample) -> Array:
    """Return the LKJ density of the joint correlations, its determinant as the geometric mean over the groups.

    The determinant beyond that of the predictors' total correlations falls to 0 where a group's covariances degenerate
    or the outcome is explained completely: it keeps the sampler off such edges.
    """
    xp, p = namespace(sample.gap), problem.layout.p
    below = np.tril_indices(p, -1)
    left = sample.made.left[below]
    power = data.eta + (p - 2 - below[1]) / 2
    groups = 2 / problem.layout.k * log_diagonal(cholesky(sample.made.groups)).sum()
    return (power * left).sum() + (data.eta - 1) * (groups - left.sum() + xp.log(sample.unexplained))


def centre(problem: Problem) -> Array:
    """Return the free numbers' prior means, shape (size,)."""
    share, x = problem.data.share, np.zeros(problem.size)
    x[_slices(problem)["share"]] = (special.digamma(share[..., 0]) - special.digamma(share[..., 1])).ravel()
    return x


def prior_scale(problem: Problem) -> Array:
    """Return the free numbers' prior SDs, shape (size,): exact for all but shares and partial correlations."""
    share, p, scale = problem.data.share, problem.layout.p, np.ones(problem.size)
    scale[_slices(problem)["share"]] = np.sqrt(special.polygamma(1, share).sum(axis=-1)).ravel()
    shape = float(problem.data.eta) + (p - 2 - np.tril_indices(p, -1)[1]) / 2
    scale[_slices(problem)["partial"]] = np.sqrt(special.polygamma(1, shape) / 2)
    return scale


def _slices(problem: Problem) -> dict[str, slice]:
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in problem.shapes.values())])
    return {name: slice(ends[i], ends[i + 1]) for i, name in enumerate(problem.shapes)}
