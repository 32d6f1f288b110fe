"""Simulation-based calibration of an exact posterior, for any design and priors.

Truths are drawn from the prior, data from the truths, and each truth is located in its own posterior. If engine, priors
and likelihood are one model, those locations are uniform (Talts et al. 2018, https://arxiv.org/abs/1804.06788); whether
they are is judged by the simultaneous band of Säilynoja, Bürkner and Vehtari (2022, https://doi.org/10.1007/s11222-022-10090-6).
"""

import numpy as np
from scipy import stats as st

from hikibayes.inference.gaussian.exact import posterior
from hikibayes.inference.gaussian.normal_priors import Exponential, HalfNormal, HalfStudentT, NormalPriors
from hikibayes.inference.gaussian.sufficient import SufficientStatistics


def draw_sigma(prior, rng, size):
    """Draw residual sds from their prior."""
    match prior:
        case HalfStudentT(nu=nu, scale=scale):
            return np.abs(rng.standard_t(nu, size)) * scale
        case HalfNormal(scale=scale):
            return np.abs(rng.standard_normal(size)) * scale
        case Exponential(lam=lam):
            return rng.exponential(1 / np.asarray(lam), size)


def locations(X, priors: NormalPriors, *, datasets: int, rng: np.random.Generator, contrasts=None):
    """Posterior probability below the truth, for every coefficient (or contrast), the intercept and sigma.

    Parameters
    ----------
    X : array, shape (n, p)
        A design, shared by all data sets; columns in the order of ``priors.names``.
    priors : NormalPriors
        Of the fit and of the truths alike.
    datasets : int
        How many.
    rng : numpy.random.Generator
        Source of randomness.
    contrasts : mapping of named weights, optional
        By default every coefficient.

    Returns
    -------
    dict of str to array, shape (datasets,)
    """
    names = list(priors.names)
    contrasts = contrasts or {name: {name: 1.0} for name in names}
    beta = priors.mean + rng.standard_normal((datasets, len(names))) * priors.sd
    alpha = priors.intercept_mean + rng.standard_normal(datasets) * priors.intercept_sd
    sigma = draw_sigma(priors.sigma, rng, datasets)
    Xc = X - X.mean(axis=0)
    y = alpha[:, None] + beta @ Xc.T + sigma[:, None] * rng.standard_normal((datasets, len(X)))
    fitted = posterior(SufficientStatistics.from_rows(X, y, names), priors)
    truth = np.array([sum(w * beta[:, names.index(k)] for k, w in row.items()) for row in contrasts.values()])
    below = fitted.marginal(contrasts).cdf(truth.T)
    result = dict(zip(contrasts, below.T, strict=True))
    result["centred intercept"] = fitted.marginal(np.zeros((1, len(names))), intercept=1.0).cdf(alpha[:, None])[:, 0]
    result["sigma"] = fitted.sigma().cdf(sigma[:, None])[:, 0]
    return result


def band_level(datasets: int, prob: float, rng: np.random.Generator, *, points: int = 100, simulations: int = 10_000):
    """Pointwise tail probability that a uniform sample's ECDF stays above, at all points at once, with `prob`."""
    counts = rng.multinomial(datasets, np.full(points, 1 / points), size=simulations)
    return np.quantile(_smallest_tail(counts.cumsum(axis=1)[:, :-1], datasets), 1 - prob)


def outside_band(located: dict, *, prob: float, rng: np.random.Generator, points: int = 100) -> list[str]:
    """Name the quantities whose ECDF leaves its band; the band holds all of them at once with probability `prob`."""
    datasets = len(next(iter(located.values())))
    level = band_level(datasets, 1 - (1 - prob) / len(located), rng, points=points, simulations=10_000)
    edges = np.linspace(0, 1, points + 1)[1:-1]
    counts = {name: np.searchsorted(np.sort(u), edges)[None] for name, u in located.items()}
    return [name for name, count in counts.items() if _smallest_tail(count, datasets)[0] < level]


def _smallest_tail(counts, datasets):
    edges = np.arange(1, counts.shape[1] + 1) / (counts.shape[1] + 1)
    possible = np.arange(datasets + 1)[:, None]
    tails = 2 * np.minimum(st.binom.cdf(possible, datasets, edges), st.binom.sf(possible - 1, datasets, edges))
    return np.take_along_axis(tails, counts, axis=0).min(axis=1)
