"""What exact posteriors say of several coefficients at once: the variance that they explain together.

References
----------
.. [1] Box G. E. P., Tiao G. C. (1973). Bayesian Inference in Statistical Analysis, section 2.8. Addison-Wesley.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from scipy.special import fdtr, ndtri

from ...arrays import FloatArray, IntArray
from ...reconstruction.compiled import compiler
from .exact import GaussianPosterior, posterior
from .normal_priors import NormalPriors, Priors
from .sufficient import SufficientStatistics
from .summaries import PER_CONTRAST, Summaries, summaries

POINTS = 1024
"""Quasi-random points at which a posterior is looked at; probabilities are then right to about .005."""
RIDGE = 1e-12
NOTHING = 1e-6
"""Prior SD, over that of the model, of coefficients that are taken to be 0."""


def block_summaries(
    stats: SufficientStatistics,
    priors: Priors,
    before: IntArray,
    block: IntArray,
    *,
    prob: float = 0.95,
    rope: tuple[float, float] = (-0.1, 0.1),
) -> Summaries:
    """Summarise the share of variance that a block of columns explains beyond others.

    Parameters
    ----------
    stats : SufficientStatistics
        B data sets.
    priors : NormalPriors or FlatPrior
    before, block : array of int
        Columns of the block, and those beyond which it explains.
    prob, rope
        As `summaries`, of the share.

    Returns
    -------
    Summaries
        Of one quantity, (B, 1). ``p_positive`` is the probability of the smallest region of the block's coefficients
        that reaches 0: under a flat prior 1 - p of the F test. ``log_bf10`` is against all of them being 0.

    Notes
    -----
    Mean, SD, interval and mass in the ROPE by `POINTS` quasi-random points, the same for every data set; the Bayes
    factor by evidences; the region by the t distribution that has the posterior's mean and covariance, which under a
    flat prior is the posterior [1]_.
    """
    fitted = posterior(stats, priors, on_error="flag")
    share = _shares(fitted, before, block)
    lower, upper = np.quantile(share, [(1 - prob) / 2, (1 + prob) / 2], axis=1)
    columns = {
        "mean": share.mean(axis=1),
        "sd": share.std(axis=1),
        "lower": lower,
        "upper": upper,
        "p_positive": _region_to_zero(fitted, block),
        "p_rope": ((share > rope[0]) & (share < rope[1])).mean(axis=1),
        "log_bf10": _log_bf10(stats, priors, block),
    }
    bad = fitted.refusals != 0
    return Summaries(
        **{name: np.where(bad, np.nan, values)[:, None] for name, values in columns.items()},
        log_evidence=np.full(len(stats), np.nan),
        refusals=fitted.refusals,
    )


@cache
def _points(p: int) -> FloatArray:
    """Uniform points in p dimensions, (S, p)."""
    from scipy.stats import qmc  # half a second, which plans of one coefficient need not wait for

    return np.asarray(qmc.Sobol(p, rng=np.random.default_rng(0)).random(POINTS))


def _shares(fitted: GaussianPosterior, before: IntArray, block: IntArray) -> FloatArray:
    """Return the share at every point, (B, S)."""
    form, p = fitted.form, len(fitted.names)
    V = fitted.stats.sxx / (fitted.stats.n - 1)[:, None, None]
    V = V + RIDGE * V * np.eye(p)
    here = np.concatenate([before, block])
    # columns one after another, each without what those before it say
    root = np.linalg.cholesky(V[:, here][:, :, here])
    own = np.linalg.solve(root, V[:, here])[:, len(before) :]
    parts = np.concatenate([own, np.linalg.cholesky(V).swapaxes(1, 2)], axis=1)
    v, uniform = np.exp(2 * fitted.log_sigma), _points(p + 1)
    spectrum = form.spectrum(v)
    out = np.empty((len(V), POINTS))
    _fill(
        np.ascontiguousarray(uniform[:, 0]),
        ndtri(uniform[:, 1:]),
        np.cumsum(fitted.weights, axis=1),
        v,
        form.score[:, None] / spectrum,
        np.sqrt(v[..., None] / spectrum),
        np.ascontiguousarray(parts @ form.basis),
        (parts @ np.broadcast_to(form.prior_mean, form.score.shape)[..., None])[..., 0],
        len(block),
        out,
    )
    return out


@compiler()(nogil=True)
def _fill(uniform, z, cumulated, v, mean, sd, parts, offset, q, out):
    """Look at each posterior at every point: which sigma, which coefficients, and what their block explains."""
    for b in range(len(out)):
        for s in range(len(uniform)):
            k = 0
            while k < v.shape[1] - 1 and cumulated[b, k] < uniform[s]:
                k += 1
            explained, total = 0.0, v[b, k]
            for i in range(parts.shape[1]):
                value = offset[b, i]
                for j in range(parts.shape[2]):
                    value += parts[b, i, j] * (mean[b, k, j] + z[s, j] * sd[b, k, j])
                if i < q:
                    explained += value * value
                else:
                    total += value * value
            out[b, s] = explained / total


def _region_to_zero(fitted: GaussianPosterior, block: IntArray) -> FloatArray:
    """Return the probability of the smallest region of the block's coefficients that reaches 0, (B,)."""
    form, v, weights = fitted.form, np.exp(2 * fitted.log_sigma), fitted.weights[..., None]
    spectrum, basis = form.spectrum(v), form.basis[:, block]
    means = form.score[:, None] / spectrum
    mean = (weights * means).sum(axis=1)
    within = (weights * v[..., None] / spectrum).sum(axis=1)
    away = np.sqrt(weights) * (means - mean[:, None]) @ basis.swapaxes(1, 2)
    covariance = (basis * within[:, None]) @ basis.swapaxes(1, 2) + away.swapaxes(1, 2) @ away
    centre = (basis @ mean[..., None])[..., 0] + np.broadcast_to(form.prior_mean, mean.shape)[:, block]
    distance = (centre * np.linalg.solve(covariance, centre[..., None])[..., 0]).sum(axis=-1)
    q, df = len(block), np.maximum(fitted.stats.n - len(fitted.names) - 1, 3)
    return np.asarray(fdtr(q, df, distance / q * df / (df - 2)))


def _log_bf10(stats: SufficientStatistics, priors: Priors, block: IntArray) -> FloatArray:
    if not isinstance(priors, NormalPriors):
        return np.full(len(stats), np.nan)
    gone = np.flatnonzero(np.isin(priors.names, [stats.names[j] for j in block]))
    without = priors.with_normals(gone, 0.0, NOTHING * priors.normals[1][..., gone])
    return summaries(stats, priors).log_evidence - summaries(stats, without).log_evidence


def interleaved(linear: Summaries | None, shares: Mapping[int, Summaries]) -> Summaries:
    """Put shares of variance among contrasts, each at its own place."""
    first = next(iter(shares.values()))
    columns = {}
    for name in PER_CONTRAST:
        others = np.zeros((len(first.refusals), 0)) if linear is None else getattr(linear, name)
        for i, each in sorted(shares.items()):
            others = np.insert(others, i, getattr(each, name)[:, 0], axis=1)
        columns[name] = others
    kept = first if linear is None else linear
    return Summaries(**columns, log_evidence=kept.log_evidence, refusals=kept.refusals)
