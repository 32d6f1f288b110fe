"""Several products with group were tried: what is left of one when all are drawn towards 0 together.

The products' coefficients share a Normal prior at 0 whose SD is estimated with them. Given that SD everything is exact,
so the whole posterior is a mixture over its nodes, each weighted by its evidence: no sampling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from ...arrays import FloatArray
from ...inference.answers.estimates import pooled
from ...inference.gaussian.exact import posterior
from ...inference.gaussian.mixture import Mixture
from ...inference.gaussian.normal_priors import FlatPrior, NormalPriors
from ...inference.models.compile import exact_priors
from ...spec import InputError
from ..case import Case

NODES = 24
"""Gauss-Legendre nodes over the pool's SD."""
REACH = 6.0
"""The half-normal prior of the pool's SD is followed to this many of its scales."""
CURVATURE = 0.2
"""SDs are a sinh(w) with a this share of the scale: close together near 0, where pooling happens."""
CI = 0.95
POOL_SD = "SD of the pool"


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """Posterior with pooled products, in each of B data sets.

    Parameters
    ----------
    sd : array, shape (M,)
        Nodes of the pool's SD.
    weights : array, shape (B, M)
        Their posterior probabilities.
    marginal : Mixture
        Of the contrasts that were asked for.
    """

    sd: FloatArray
    weights: FloatArray
    marginal: Mixture


def products(case: Case) -> tuple[str, ...]:
    """Return the design's columns that belong to a product with group."""
    group = case.study.analysis.group
    terms = [term for term in case.design.terms if ":" in term and group in case.model.measures[term]]
    return tuple(column for term in terms for column in case.design.terms[term])


def shrinkage(case: Case) -> pd.DataFrame:
    """Set the products with their own priors beside the same products in a pool.

    Parameters
    ----------
    case : Case
        Its variant must have proper priors.

    Returns
    -------
    pandas.DataFrame
        Columns ``coefficient, prior`` (``own`` or ``pooled``), ``mean, sd, lower, upper, p_positive``; the last row is
        the pool's SD. Empty where the model has fewer than two products.

    Raises
    ------
    InputError
        A flat prior.
    """
    names = products(case)
    if len(names) < 2:
        return pd.DataFrame(columns=["coefficient", "prior", "mean", "sd", "lower", "upper", "p_positive"])
    together = pool(case, names)
    rows = [
        *_rows(names, "own", case.posterior().marginal(names)),
        *_rows(names, "pooled", together.marginal),
    ]
    weights = together.weights.mean(axis=0)
    mean = float(weights @ together.sd)
    sd = float(np.sqrt(weights @ (together.sd - mean) ** 2))
    return pd.DataFrame([*rows, {"coefficient": POOL_SD, "prior": "pooled", "mean": mean, "sd": sd}])


def pool(case: Case, names: tuple[str, ...], *, scale: float | None = None, nodes: int = NODES) -> Pooled:
    """Pool coefficients: Normal(0, τ), τ half-normal.

    Parameters
    ----------
    case : Case
        Its variant must have proper priors.
    names : tuple of str
        The columns that share a prior.
    scale : float, optional
        Of τ's half-normal; by default what the model takes these coefficients' SDs to be (their median).
    nodes : int
        Of τ.

    Returns
    -------
    Pooled
        With the marginals of `names`.

    Raises
    ------
    InputError
        A flat prior.

    Notes
    -----
    With w_i the weight of node τ_i under τ's prior and Z_i the evidence given τ_i, the node has posterior probability
    proportional to w_i Z_i.
    """
    priors = exact_priors(case.design, case.variant)
    if not isinstance(priors, NormalPriors):
        raise InputError(f"variant {case.variant!r} has flat priors; pooling needs a prior for everything else")
    columns = [case.design.columns.index(name) for name in names]
    scale = float(np.median(priors.normals[1][..., columns])) if scale is None else scale
    sd, log_prior = _nodes(scale, nodes)
    fits = [posterior(case.design.statistics, priors.with_normals(columns, 0.0, each)) for each in sd]
    log_mass = np.stack([fit.log_evidence for fit in fits], axis=1) + log_prior
    weights = np.exp(log_mass - logsumexp(log_mass, axis=1, keepdims=True))
    marginals = [fit.marginal(names) for fit in fits]
    return Pooled(
        sd=sd,
        weights=weights,
        marginal=Mixture(
            weights=np.concatenate([m.weights * weights[:, i, None] for i, m in enumerate(marginals)], axis=-1),
            means=np.concatenate([m.means for m in marginals], axis=-1),
            sds=np.concatenate([m.sds for m in marginals], axis=-1),
        ),
    )


def pooled_answer(case: Case) -> Mixture | None:
    """Return the estimand's posterior with all products in one pool; None where it is no coefficient of one of several.

    Nor is there one under flat priors, which leave nothing to pool with.
    """
    names, found = products(case), case.coefficient
    if len(names) < 2 or not found or case.design.columns[found[0]] not in names:
        return None
    if isinstance(exact_priors(case.design, case.variant), FlatPrior):
        return None
    every, at, sign = pool(case, names).marginal, names.index(case.design.columns[found[0]]), found[1]
    return Mixture(weights=every.weights, means=sign * every.means[:, [at]], sds=every.sds[:, [at]])


def _nodes(scale: float, count: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes of τ, and the log of quadrature weight times prior density at each."""
    x, weight = np.polynomial.legendre.leggauss(count)
    a, end = CURVATURE * scale, np.arcsinh(REACH / CURVATURE)
    w = 0.5 * end * (x + 1)
    sd = a * np.sinh(w)
    log_density = 0.5 * np.log(2 / np.pi) - np.log(scale) - 0.5 * (sd / scale) ** 2
    return sd, np.log(0.5 * end * weight * a * np.cosh(w)) + log_density


def _rows(names: tuple[str, ...], prior: str, marginal: Mixture) -> list[dict[str, object]]:
    columns = pooled(marginal).summary(CI)
    return [
        {"coefficient": name, "prior": prior, **{key: float(values[0, j]) for key, values in columns.items()}}
        for j, name in enumerate(names)
    ]
