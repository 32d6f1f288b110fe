"""Where to evaluate a density of log sigma so that few points integrate it, and how to tell that they did.

A ladder of rules, each with its own certificate: few nodes around the one peak, 31 of them, and then even nodes over
all that matters, however many peaks there are. A data set climbs until a rule certifies itself.

References
----------
.. [1] Trefethen L. N., Weideman J. A. C. (2014). The exponentially convergent trapezoidal rule. SIAM Review 56(3),
   385-458. https://doi.org/10.1137/130932132
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from ...arrays import BoolArray, FloatArray
from .conditional import ConditionalForm

MANY = 31
"""Nodes around a peak that few data make too skew, or priors too flat, for a dozen."""
PLENTY, SOME = 40, 6
"""Degrees of freedom, rows less predictors, from which fewer than these are worth a try, and from which these are: with
less, tails are so long that no certificate of a few nodes means much."""
EVERYWHERE = (401, 1601, 6401)
"""Even nodes over all that matters."""
FEW_MAY, MANY_MAY, EVERYWHERE_MAY = (1e-3, -18.0), (1e-4, -30.0), (1e-7, -30.0)
"""Certificates. How far the sum over every other node may be from what it is for a Gaussian, in logs: the error of the
whole sum is about the square of what leaving out every other node does. And the outermost nodes' log weight, less the
largest: what is beyond them must not matter, for the limits of an interval least of all."""
MATTERS = 42.0
"""A density lower than its peak by more than this, in logs, is nothing in double precision."""
FARTHEST = 300.0
"""Nodes of log sigma are kept within this, so that no square of sigma overflows."""


class Nodes(NamedTuple):
    """Quadrature nodes, K for each data set; those that need fewer repeat their last node, with no weight."""

    log_sigma: FloatArray
    """(B, K)"""
    log_weights: FloatArray
    """(B, K) log of density times weight of the rule; their exponentials sum to the integral."""

    @classmethod
    def missing(cls, datasets: int, count: int) -> Nodes:
        """Return nodes that are NaN, for data sets that have none."""
        return cls(np.full((datasets, count), np.nan), np.full((datasets, count), np.nan))

    def widened(self, count: int) -> Nodes:
        """Return at least `count` nodes for each data set."""
        B, K = self.log_sigma.shape
        if count <= K:
            return self
        weights = np.where(np.isnan(self.log_weights[:, :1]), np.nan, np.full((B, count - K), -np.inf))
        return Nodes(
            np.concatenate([self.log_sigma, np.repeat(self.log_sigma[:, -1:], count - K, axis=1)], axis=1),
            np.concatenate([self.log_weights, weights], axis=1),
        )


type Rule = Callable[[ConditionalForm], tuple[Nodes, BoolArray]]


def integrate(density: ConditionalForm, nodes: int, active: BoolArray) -> tuple[Nodes, BoolArray]:
    """Find nodes and weights that integrate densities of log sigma.

    Parameters
    ----------
    density : ConditionalForm
        Of B data sets.
    nodes : int, odd
        Nodes to begin with.
    active : array of bool, shape (B,)
        Data sets to integrate; the others get NaN.

    Returns
    -------
    nodes : Nodes
    certified : array of bool, shape (B,)
        Where a rule has certified itself.
    """
    made, certified = Nodes.missing(len(active), nodes), np.zeros(len(active), dtype=np.bool_)
    for count, least, rule in _ladder(nodes):
        waiting = np.flatnonzero(active & ~certified & (density.df >= least))
        if not len(waiting):
            continue
        found, good = rule(density.take(waiting))
        if not good.any():
            continue
        made, found = made.widened(count), found.widened(made.log_sigma.shape[1])
        for mine, new in zip(made, found, strict=True):
            mine[waiting[good]] = new[good]
        certified[waiting[good]] = True
    return made, certified


def _ladder(nodes: int) -> Iterator[tuple[int, float, Rule]]:
    """Yield number of nodes, least degrees of freedom and rule, in the order in which they are tried."""
    for count in sorted({nodes, max(nodes, MANY)}):
        yield count, PLENTY if count < MANY else SOME, partial(_around_peak, count=count)
    for count in EVERYWHERE:
        yield count, -np.inf, partial(_everywhere, count=count)


def _around_peak(density: ConditionalForm, count: int) -> tuple[Nodes, BoolArray]:
    """Place nodes around the mode, and tell where that is enough.

    If the posterior of 1/sigma² were a gamma distribution, log sigma = mode + δ would have log density -κ w², where
    w² = δ + (exp(-2δ) - 1)/2 and 2κ is minus the curvature at the mode. In δ that is a skew peak, badly covered by an
    even grid where κ is small; in w it is a Gaussian. So the grid is even in w, and three terms of the series back,
    δ = w + w²/3 + w³/9, place the nodes: monotone, and any monotone map is fair as long as its slope is counted. The
    half width, a fall of π/2 (count - 1) in log density, cuts off as little as the steps themselves are wrong by.
    """
    mode, kappa, settled = _peak(density)
    drop, unit = np.pi / 2 * (count - 1), np.linspace(-1, 1, count)
    w = unit * np.sqrt(drop / kappa)[:, None]
    log_sigma = np.clip(mode[:, None] + w + w**2 / 3 + w**3 / 9, -FARTHEST, FARTHEST)
    step = (w[:, 1] - w[:, 0])[:, None] * (1 + 2 * w / 3 + w**2 / 3)
    log_weights = density.log_density(log_sigma) + np.log(step)
    gaussian = np.exp(-drop * unit**2)
    expected = np.log(2 * gaussian[::2].sum() / gaussian.sum())
    relative = log_weights - log_weights.max(axis=1, keepdims=True)
    error, end = FEW_MAY if count < MANY else MANY_MAY
    good = settled & (np.abs(_halved(relative) - expected) < error)
    good &= np.maximum(relative[:, 0], relative[:, -1]) < end
    good &= density.one_peak(log_sigma[:, 0], log_sigma[:, -1])
    return Nodes(log_sigma, log_weights), good


def _halved(relative: FloatArray) -> FloatArray:
    """Log of the sum over every other node, doubled, less that of the whole sum."""
    mass = np.exp(relative)
    return np.asarray(np.log(2 * mass[:, ::2].sum(axis=1) / mass.sum(axis=1)))


def _everywhere(density: ConditionalForm, count: int) -> tuple[Nodes, BoolArray]:
    """Place even nodes over all log sigma that matter: for any density, of one peak or several."""
    low, high = density.support()
    for _ in range(2):  # the second time over what has turned out to matter
        log_sigma = np.linspace(low, high, count, axis=1)
        log_density = density.log_density(log_sigma)
        matters = log_density > log_density.max(axis=1, keepdims=True) - MATTERS
        first, last = matters.argmax(axis=1), count - 1 - matters[:, ::-1].argmax(axis=1)
        rows = np.arange(len(low))
        low, high = log_sigma[rows, np.maximum(first - 1, 0)], log_sigma[rows, np.minimum(last + 1, count - 1)]
    # The range of the last evaluation, not the one that it would lead to.
    log_weights = log_density + np.log(log_sigma[:, 1] - log_sigma[:, 0])[:, None]
    relative = log_density - log_density.max(axis=1, keepdims=True)
    error, end = EVERYWHERE_MAY
    good = np.abs(_halved(relative)) < error
    good &= np.maximum(relative[:, 0], relative[:, -1]) < end
    return Nodes(log_sigma, log_weights), good


def _peak(density: ConditionalForm) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Mode of log sigma, half the curvature there, and whether Newton got there: on parabolas through three points.

    Both only place the nodes, so two digits are plenty: after a step this short Newton leaves less than a hundredth of
    the density's own sd.
    """
    mode, eps = density.start(), 0.1 / np.sqrt(2 * density.n)
    offsets = eps[:, None] * np.array([-1.0, 0.0, 1.0])
    for _ in range(60):
        low, middle, high = np.moveaxis(density.log_density(mode[:, None] + offsets), 1, 0)
        slope, curvature = (high - low) / (2 * eps), (high - 2 * middle + low) / eps**2
        uphill = np.where(curvature < 0, -slope / np.where(curvature < 0, curvature, -1.0), np.sign(slope))
        step = np.clip(uphill, -0.5, 0.5)
        mode = np.clip(mode + step, -FARTHEST / 2, FARTHEST / 2)
        settled = np.abs(step) < eps
        if settled.all():
            break
    return mode, np.maximum(-0.5 * curvature, 0.3), settled
