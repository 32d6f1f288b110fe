"""Exact leave-one-out cross-validation of a Gaussian regression: no importance sampling, no refitting.

References
----------
.. [1] Vehtari A., Gelman A., Gabry J. (2017). Practical Bayesian model evaluation using leave-one-out cross-validation
   and WAIC. Statistics and Computing 27, 1413-1432. https://doi.org/10.1007/s11222-016-9696-4
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from ...arrays import FloatArray
from .exact import GaussianPosterior


def log_predictive_left_out(posterior: GaussianPosterior, X: FloatArray, y: FloatArray) -> FloatArray:
    """Log predictive density of each row, given all the others.

    Parameters
    ----------
    posterior : GaussianPosterior
        Of B data sets.
    X : array, shape (B, n, p)
        The rows that it was computed from, not centred.
    y : array, shape (B, n)
        Their outcomes.

    Returns
    -------
    array, shape (B, n)
        Their sum over a data set's rows is its elpd.

    Notes
    -----
    Given sigma, a row's fitted value is Normal with mean m and variance h sigma², h its leverage under the priors.
    Without the row it is Normal with mean ``(m - h y)/(1 - h)``, and the row's own density there follows. Over sigma,
    ``1/p(y_i | others) = Σ_k w_k / p(y_i | others, sigma_k)``, because the weights w of the nodes already contain the
    row once. The columns stay centred where they were: the design is taken as given, also without the row.
    """
    v = np.exp(2 * posterior.log_sigma)[:, None, :]
    centred = X - posterior.stats.x_mean[:, None, :]
    mean, variance = posterior.form.contrast(v[:, 0], centred, np.ones(X.shape[1]))
    leverage = variance / v
    away = y[..., None] - (mean - leverage * y[..., None]) / (1 - leverage)
    spread = v / (1 - leverage)
    log_density = -0.5 * (away**2 / spread + np.log(2 * np.pi * spread))
    log_weights = posterior.log_weights - logsumexp(posterior.log_weights, axis=1, keepdims=True)
    return np.asarray(-logsumexp(log_weights[:, None, :] - log_density, axis=-1))
