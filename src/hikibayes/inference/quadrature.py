"""Where to evaluate a density of log sigma so that a dozen points integrate it.

References
----------
.. [1] Trefethen L. N., Weideman J. A. C. (2014). The exponentially convergent trapezoidal rule. SIAM Review 56(3),
   385-458. https://doi.org/10.1137/130932132
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

from .sufficient import FloatArray, IntArray, Refusal

__all__ = ["quadrature", "refuse_second_peaks"]


def quadrature(
    log_density: Callable[[FloatArray], FloatArray], start: FloatArray, n: FloatArray, nodes: int, refusals: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Nodes in log sigma, and log (density x weight) there; data sets without one clear peak are refused.

    If the posterior of 1/sigma² were a gamma distribution, log sigma = mode + δ would have log density -κ w², where
    w² = δ + (exp(-2δ) - 1)/2 and 2κ is minus the curvature at the mode. In δ that is a skew peak, badly covered by an
    even grid where κ is small; in w it is a Gaussian. So the grid is even in w, and three terms of the series back,
    δ = w + w²/3 + w³/9, place the nodes: monotone, and any monotone map is fair as long as its slope is counted. The
    half width, a fall of π/2 (nodes - 1) in log density, cuts off as little as the steps themselves are wrong by.
    """
    mode, kappa = _peak(log_density, start, 0.1 / np.sqrt(2 * n), refusals)
    drop = np.pi / 2 * (nodes - 1)
    w = np.linspace(-1, 1, nodes) * np.sqrt(drop / kappa)[:, None]
    log_sigma = mode[:, None] + w + w**2 / 3 + w**3 / 9
    step = (w[:, 1] - w[:, 0])[:, None] * (1 + 2 * w / 3 + w**2 / 3)
    log_weights = log_density(log_sigma) + np.log(step)
    # Every other node must tell nearly the same integral; a second peak, or a misplaced one, does not.
    halved = logsumexp(log_weights[:, ::2], axis=1) + np.log(2) - logsumexp(log_weights, axis=1)
    refusals[~(np.abs(halved) < 0.1) & (refusals == 0)] = Refusal.NO_SINGLE_PEAK
    log_sigma[refusals != 0] = log_weights[refusals != 0] = np.nan
    return log_sigma, log_weights


def _peak(
    log_density: Callable[[FloatArray], FloatArray], mode: FloatArray, eps: FloatArray, refusals: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Mode of log sigma and half the curvature there, by Newton on a parabola through three points `eps` apart.

    Both only place the nodes, so three digits are plenty.
    """
    offsets = eps[:, None] * np.array([-1.0, 0.0, 1.0])
    for _ in range(60):
        low, middle, high = np.moveaxis(log_density(mode[:, None] + offsets), 1, 0)
        slope, curvature = (high - low) / (2 * eps), (high - 2 * middle + low) / eps**2
        uphill = np.where(curvature < 0, -slope / np.where(curvature < 0, curvature, -1.0), np.sign(slope))
        step = np.where(refusals == 0, np.clip(uphill, -0.5, 0.5), 0.0)
        mode = mode + step
        settled = np.abs(step) <= eps / 100
        if settled.all():
            break
    good = settled & (curvature < 0) & (refusals == 0)
    refusals[~good & (refusals == 0)] = Refusal.NO_SINGLE_PEAK
    return np.where(good, mode, 0.0), np.where(good, -curvature / 2, 1.0)


def refuse_second_peaks(
    log_density: Callable[[FloatArray], FloatArray],
    nodes: tuple[FloatArray, FloatArray],
    low: FloatArray,
    high: FloatArray,
    refusals: IntArray,
) -> None:
    """Refuse data sets whose density is not negligible outside their nodes, between `low` and `high`.

    Where priors and data conflict, a small sigma may suit the data and a large one the priors, and the posterior has
    two peaks. The nodes cover one of them.
    """
    log_sigma, log_weights = nodes
    doubtful = (refusals == 0) & ((high > log_sigma[:, -1]) | (low < log_sigma[:, 0]))
    if not doubtful.any():
        return
    wide = np.linspace(low, high, 48, axis=1)
    outside = (wide < log_sigma[:, :1]) | (wide > log_sigma[:, -1:])
    highest = np.where(outside, log_density(wide), -np.inf).max(axis=1)
    reach = 0.6 * np.pi / 2 * (log_sigma.shape[1] - 1)
    two = doubtful & ~(highest < log_density(log_sigma).max(axis=1) - reach)
    refusals[two] = Refusal.NO_SINGLE_PEAK
    log_sigma[two] = log_weights[two] = np.nan
