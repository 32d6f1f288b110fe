"""Power-scaling: what moves when the prior, or the likelihood, is made a little stronger or weaker.

A quantity that moves with the prior and with the data alike is one on which they disagree; one that moves with the
prior alone is one on which the data say little.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...arrays import FloatArray
from ...inference.gaussian.exact import Draws, GaussianPosterior
from ...inference.gaussian.normal_priors import NormalPriors
from ...spec import InputError
from ..case import TOLERANCE, Case

if TYPE_CHECKING:
    import xarray as xr

THRESHOLD = 0.05
"""Sensitivity from which on a quantity is said to move."""
CONFLICT, STRONG, FINE = "prior-data conflict", "strong prior or weak likelihood", "unremarkable"
DATA_SETS = 5
"""Data sets looked at: the diagnostic is about orders of magnitude."""
DRAWS = 4000
"""Of each; they are independent."""


def power_scaling(case: Case, *, seed: int) -> pd.DataFrame:
    """Diagnose every coefficient, the residual SD and every slope or gap that the model answers.

    Parameters
    ----------
    case : Case
        Its variant must have proper priors.
    seed : int
        Of the draws.

    Returns
    -------
    pandas.DataFrame
        A row a quantity. Columns ``of, kind`` (``estimand``, ``coefficient`` or ``sigma``), ``prior, prior_low,
        prior_high`` (all priors scaled together), ``focal_prior`` (the focal estimand's coefficients' alone),
        ``likelihood, likelihood_low, likelihood_high``, ``diagnosis`` and ``data_sets``. Sensitivities are medians over
        the data sets, with the smallest and the largest.

    Raises
    ------
    InputError
        A flat prior: there is nothing to scale.

    Notes
    -----
    The prior of the intercept speaks of centred predictors and is evaluated there; evaluated at the intercept as it is
    reported it would move with every slope, and flag slopes without a cause.

    References
    ----------
    .. [1] Kallioinen N., Paananen T., Bürkner P.-C., Vehtari A. (2024). Detecting and diagnosing prior and likelihood
       sensitivity with power-scaling. Statistics and Computing 34, 57. https://doi.org/10.1007/s11222-023-10366-5
    """
    chosen = np.arange(min(DATA_SETS, len(case.data_sets)))
    posterior = case.posterior().take(chosen)
    priors = posterior.priors
    if not isinstance(priors, NormalPriors):
        raise InputError(f"variant {case.variant!r} has flat priors; power-scaling needs priors that can be scaled")
    draws = posterior.draws(np.random.default_rng(seed), DRAWS)
    log_prior, focal_prior = _log_priors(posterior, priors, draws, case.focal[chosen])
    log_likelihood = posterior.stats.log_likelihood(draws.centred_intercept, draws.coefficients, draws.sigma)
    quantities = _quantities(case, draws)
    rows = []
    for b in chosen:
        mine = {name: values[b] for name, values in quantities.items()}
        components = {"prior": log_prior[b], "focal_prior": focal_prior[b], "likelihood": log_likelihood[b]}
        rows.append(pd.DataFrame({name: sensitivity(mine, component) for name, component in components.items()}))
    return _reduced(case, pd.concat(rows, keys=range(len(chosen)), names=["data_set", "of"]))


def sensitivity(quantities: Mapping[str, FloatArray], component: FloatArray) -> pd.Series[float]:
    """Return how far quantities move where a component of the log density is multiplied by .99 and by 1.01.

    Parameters
    ----------
    quantities : mapping of str to array, shape (S,)
        Posterior draws.
    component : array, shape (S,)
        Log prior or log likelihood at these draws.

    Returns
    -------
    pandas.Series
        Cumulative Jensen-Shannon distance over the change of log2 of the power, by quantity.
    """
    from arviz_stats.psense import psense

    found = psense(_tree(quantities, component), group="likelihood")
    return pd.Series(found["quantity"].values, index=list(quantities))


def diagnosis(prior: float, likelihood: float) -> str:
    """Return the category of a pair of sensitivities."""
    if prior < THRESHOLD:
        return FINE
    return CONFLICT if likelihood >= THRESHOLD else STRONG


def _tree(quantities: Mapping[str, FloatArray], component: FloatArray) -> xr.DataTree:
    import xarray as xr

    # one variable for all quantities: each of its own takes ArviZ longer than the arithmetic
    posterior = xr.Dataset({"quantity": (("chain", "draw", "of"), np.stack([*quantities.values()], axis=-1)[None])})
    # ArviZ scales whatever stands in this group: which component it is, the caller says
    scaled = xr.Dataset({"component": (("chain", "draw", "part"), component[None, :, None])})
    return xr.DataTree.from_dict({"posterior": posterior, "log_likelihood": scaled})


def _log_priors(
    posterior: GaussianPosterior, priors: NormalPriors, draws: Draws, focal: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Log density of all priors, and of the focal coefficients' alone, at the draws, each (B, S), up to constants."""
    aligned = priors.align(posterior.names)
    terms = -0.5 * aligned.precision[:, None] * (draws.coefficients - aligned.mean[:, None]) ** 2
    away = draws.centred_intercept - aligned.intercept_mean[:, None]
    intercept = -0.5 * aligned.intercept_precision[:, None] * away**2
    everything = terms.sum(axis=-1) + intercept + priors.sigma.log_density(draws.sigma)
    used = (np.abs(focal) > TOLERANCE).astype(float)
    return everything, np.einsum("bsp,bp->bs", terms, used)


def _quantities(case: Case, draws: Draws) -> dict[str, FloatArray]:
    """Draws of what is diagnosed, each (B, S): estimands, then coefficients, then sigma."""
    B = len(draws.sigma)
    found = {
        estimand.name: np.einsum("bsp,bp->bs", draws.coefficients, case.answers.weights[:B, j])
        for j, estimand in enumerate(case.answers.linear)
    }
    found |= {name: draws.coefficients[..., j] for j, name in enumerate(case.design.columns)}
    return found | {"sigma": draws.sigma}


def _reduced(case: Case, table: pd.DataFrame) -> pd.DataFrame:
    by_quantity = table.groupby("of", sort=False)
    middle, low, high = by_quantity.median(), by_quantity.min(), by_quantity.max()
    estimands = {estimand.name for estimand in case.answers.linear}
    columns = {
        "of": middle.index,
        "kind": ["estimand" if of in estimands else "sigma" if of == "sigma" else "coefficient" for of in middle.index],
        "prior": middle["prior"],
        "prior_low": low["prior"],
        "prior_high": high["prior"],
        "focal_prior": middle["focal_prior"],
        "likelihood": middle["likelihood"],
        "likelihood_low": low["likelihood"],
        "likelihood_high": high["likelihood"],
        "diagnosis": [diagnosis(*pair) for pair in zip(middle["prior"], middle["likelihood"], strict=True)],
        "data_sets": table.index.get_level_values("data_set").nunique(),
    }
    return pd.DataFrame(columns).reset_index(drop=True)
