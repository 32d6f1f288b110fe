"""Measures that entered no regression: their moments beside those of a reconstruction.

The paper prints of such a scale, at most, that its correlation with the outcome is small. Differences between the
groups and correlations are therefore drawn from the study's assumptions, and drawn again until what is printed holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...arrays import FloatArray
from ...distributions import Distribution
from ...study.facts import Fact
from ..posterior.layout import contrasts
from .columns import Columns
from .known import Known, sample

type Moments = tuple[FloatArray, FloatArray]

ATTEMPTS = 200
NO_GROUP_DIFFERENCE_KNOWN = Distribution(dist="Normal", mu=0, sigma=0.4)
NO_VARIANCE_RATIO_KNOWN = Distribution(dist="Normal", mu=0, sigma=0.3)
LEAST_WITHIN = 0.1
"""Smallest share of a measure's variance that a group difference may leave within the groups."""


def append_measures(
    known: Known,
    columns: Columns,
    moments: Moments,
    names: Sequence[str],
    extra: Sequence[str],
    *,
    rng: np.random.Generator,
) -> Moments:
    """Append measures one by one: a group difference, a ratio of variances, and mild correlations.

    Parameters
    ----------
    known : Known
        ``standardised_difference`` (second group minus first, in SDs of the total sample), ``log_variance_ratio``,
        ``correlation_matrix`` (LKJ), ``correlation_difference``.
    columns : Columns
        Sizes of the groups, and how many measures there are in the end.
    moments : tuple of ndarray, shapes (groups, k) and (groups, k, k)
        Group means and covariances in SD units of the total sample.
    names, extra : sequence of str
        The measures that these are of, and those to append.
    rng : numpy.random.Generator

    Returns
    -------
    mean, cov : ndarray, shapes (groups, m) and (groups, m, m)

    Notes
    -----
    Under an LKJ(eta) distribution of D variables a correlation is Beta on (-1, 1), with both parameters
    ``eta + (D - 2) / 2``, and canonical partial correlations are independent. Those of a new measure with the ones
    before it are all drawn from that Beta. (LKJ itself would widen the later ones, until the last measure is nearly a
    function of the others.) Both groups get the same ones but for a small difference on Fisher's scale.

    References
    ----------
    Lewandowski, D., Kurowicka, D., & Joe, H. (2009). Generating random correlation matrices based on vines and extended
    onion method. Journal of Multivariate Analysis, 100(9), 1989-2001. https://doi.org/10.1016/j.jmva.2009.04.008
    """
    before = list(names)
    for name in extra:
        printed = _printed_correlations(known, name, before)
        best, best_miss = moments, math.inf
        for _ in range(ATTEMPTS):
            candidate = _appended(known, columns, name, moments, rng)
            miss = _outside(candidate, columns.sizes, printed)
            if miss < best_miss:
                best, best_miss = candidate, miss
            if miss == 0:
                break
        moments = best
        before.append(name)
    return moments


def _appended(known: Known, columns: Columns, name: str, moments: Moments, rng: np.random.Generator) -> Moments:
    mean, cov = moments
    share, codes = np.array(columns.sizes) / sum(columns.sizes), contrasts(len(columns.sizes))
    each = range(codes.shape[1])
    gap = codes @ [known.draw("standardised_difference", name, rng, NO_GROUP_DIFFERENCE_KNOWN) for _ in each]
    ratio = np.exp(codes @ [known.draw("log_variance_ratio", name, rng, NO_VARIANCE_RATIO_KNOWN) for _ in each])
    own = gap - share @ gap
    within = max(1 - share @ own**2, LEAST_WITHIN)
    sd = np.sqrt(ratio * within / (share @ ratio))
    size = cov.shape[1]
    grown = np.zeros((len(share), size + 1, size + 1))
    grown[:, :size, :size] = cov
    for k, row in enumerate(_correlations(known, len(columns.names), cov, rng)):
        grown[k, size, :size] = grown[k, :size, size] = row * np.sqrt(np.diag(cov[k])) * sd[k]
        grown[k, size, size] = sd[k] ** 2
    return np.column_stack([mean, own]), grown


def _correlations(known: Known, dimension: int, cov: FloatArray, rng: np.random.Generator) -> list[FloatArray]:
    """Draw the correlations of a new measure with those there are, in each group."""
    size = cov.shape[1]
    matrix, difference = known.assumed("correlation_matrix"), known.assumed("correlation_difference")
    eta = matrix.eta if matrix is not None and matrix.eta else 1.0
    codes = contrasts(len(cov))
    spread = [
        [sample(difference, rng) if difference is not None else 0.0 for _ in range(size)] for _ in range(codes.shape[1])
    ]
    beta = np.full(size, eta + (dimension - 2) / 2)
    partial = np.arctanh(np.clip(2 * rng.beta(beta, beta) - 1, -0.99, 0.99))
    rows = []
    for k, code in enumerate(codes):
        z = np.tanh(partial + code @ np.reshape(spread, (len(code), size)))
        on_sphere = z * np.sqrt(np.concatenate([[1.0], np.cumprod(1 - z[:-1] ** 2)]))
        sd = np.sqrt(np.diag(cov[k]))
        rows.append(np.linalg.cholesky(cov[k] / np.outer(sd, sd)) @ on_sphere)
    return rows


def _printed_correlations(known: Known, name: str, before: Sequence[str]) -> list[tuple[int, int | None, Fact]]:
    """Return the printed correlations of a measure with those before it: position, group, fact."""
    found = []
    for fact in known.printed("correlation", name):
        partner = fact.with_ if fact.of == name else fact.of
        if partner in before:
            group = known.study.group_names.index(fact.group) if fact.group else None
            found.append((before.index(str(partner)), group, fact))
    return found


def _outside(moments: Moments, sizes: tuple[int, ...], printed: Sequence[tuple[int, int | None, Fact]]) -> float:
    """Return how far the last measure's correlations are outside their printed intervals, summed."""
    mean, cov = moments
    n = np.array(sizes, dtype=float)
    gap = mean - n @ mean / n.sum()
    total = ((n - 1) @ cov.reshape(len(n), -1)).reshape(cov.shape[1:]) + (gap.T * n) @ gap
    miss = 0.0
    for position, group, fact in printed:
        matrix = total if group is None else cov[group]
        r = matrix[-1, position] / math.sqrt(matrix[-1, -1] * matrix[position, position])
        value = abs(r) if fact.absolute else r
        miss += max(fact.interval.low - value, value - fact.interval.high, 0.0)
    return miss
