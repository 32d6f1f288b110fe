"""The exact engine against NUTS, on one fit, for anyone who would rather check than believe.

Three comparisons that share no code: the log joint density at random points against the one that Bambi compiles; means,
SDs and quantiles against a long NUTS run, in its own Monte Carlo errors; and the quadrature against a finer one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from ..arrays import FloatArray
from ..defaults import DEFAULT_SEED, DEFAULT_STUDY
from ..inference.data.mapping import TableMapping
from ..inference.estimands import answers
from ..inference.fit import FINE_NODES, Fit, Sampling, fit
from ..inference.gaussian.exact import GaussianPosterior, log_joint
from ..inference.gaussian.normal_priors import FlatPrior
from ..inference.models.compile import bambi_model, exact_posterior, exact_priors
from ..inference.models.design import Design
from ..inference.models.layout import coefficient_draws
from ..inference.models.specs import DEFAULT_VARIANT, INTERCEPT, ModelSpec
from ..renamed import renamed
from ..shown import Shown
from ..spec import InputError
from ..study.study import Study

if TYPE_CHECKING:
    import xarray as xr

LONG = Sampling(draws=10_000, tune=1_000, chains=4)
"""Long enough for Monte Carlo errors of about a hundredth of a posterior SD."""

QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)

LOG_JOINT = 1e-7
"""Largest accepted difference of the log joint densities."""
LARGEST_Z = 5.0
"""Largest accepted z score. Of the 150 of a right posterior, one run in a hundred (4000 draws) has one above that."""
FREE_SCORES = 2.0
"""How many independent z scores a parameter's seven are worth, at the least (2.2 to 3.3 in runs of exact draws)."""
CHANGE = 1e-4
"""Largest accepted change with a finer quadrature, in posterior SDs."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Engines(Shown):
    """What the comparison found.

    Parameters
    ----------
    table : pandas.DataFrame
        ``engines.csv``: columns ``check, quantity, statistic, exact, other, mcse, difference, z``. ``other`` is NUTS,
        the finer quadrature or Bambi; ``z`` is (NUTS - exact) / MCSE.
    verdict : pandas.DataFrame
        Columns ``check, of, value, accepted, ok``: the largest differences, and the z scores as a whole.
    nuts : Fit
        The NUTS run.
    """

    table: pd.DataFrame
    verdict: pd.DataFrame
    nuts: Fit

    @property
    def agree(self) -> bool:
        """Whether every check is passed."""
        return bool(self.verdict["ok"].all())


@renamed(variant="prior")
def engines(
    model: str | Path | ModelSpec,
    data: str | Path | pd.DataFrame,
    *,
    seed: int = DEFAULT_SEED,
    study: str | Path | Study = DEFAULT_STUDY,
    prior: str = DEFAULT_VARIANT,
    columns: Mapping[str, str] | None = None,
    mapping: str | Path | TableMapping | None = None,
    sampling: Sampling = LONG,
    points: int = 50,
) -> Engines:
    """Hold the exact engine against Bambi and NUTS on one fit.

    Parameters
    ----------
    model, data, study, prior, columns, mapping
        As in `hikibayes.inference.fit.fit`.
    seed : int
        Of the random points and of NUTS.
    sampling : Sampling
        The NUTS run; a long one, for its Monte Carlo error is the yardstick.
    points : int
        Random points for the log joint density.

    Returns
    -------
    Engines

    Raises
    ------
    InputError
        As `fit`, and for the flat variant, which NUTS cannot be given.
    """
    sampled = fit(model, data, seed=seed, study=study, prior=prior, columns=columns, mapping=mapping, sampling=sampling)
    design = sampled.design
    posterior = exact_posterior(design, prior)
    table = pd.concat(
        [
            log_joint_difference(design, prior, rng=np.random.default_rng(seed), points=points),
            nuts_scores(posterior, design, sampled.posterior),
            quadrature_change(posterior, exact_posterior(design, prior, nodes=FINE_NODES), design),
        ],
        ignore_index=True,
    )
    return Engines(table=table, verdict=_verdict(table, sampled), nuts=sampled)


def log_joint_difference(
    design: Design, variant: str = DEFAULT_VARIANT, *, rng: np.random.Generator, points: int = 50
) -> pd.DataFrame:
    """Compare log joint densities at random points in the bulk and far outside it.

    Parameters
    ----------
    design : Design
        One data set.
    variant : str
        Which priors.
    rng : numpy.random.Generator
        Source of the points.
    points : int
        How many.

    Returns
    -------
    pandas.DataFrame
        A row a point, with the columns of `Engines.table`.
    """
    priors = exact_priors(design, variant)
    if isinstance(priors, FlatPrior):
        raise InputError(f"variant {variant!r} is no proper prior; there is no density to compare")
    compiled = bambi_model(design, variant).backend.model.compile_logp(jacobian=False, mode="FAST_COMPILE")
    drawn = exact_posterior(design, variant).draws(rng, points)
    # posterior draws, pushed away from the bulk by ever more, so that priors and likelihood both have a say
    push = np.linspace(0, 2, points)
    beta = drawn.coefficients[0] + push[:, None] * rng.standard_normal(drawn.coefficients[0].shape)
    intercept = drawn.centred_intercept[0] + push * rng.standard_normal(points)
    sigma = drawn.sigma[0] * np.exp(0.5 * push * rng.standard_normal(points))
    ours = log_joint(design.statistics, priors, intercept, beta, sigma)[0]
    theirs = [float(compiled(_point(design, *at))) for at in zip(intercept, beta, sigma, strict=True)]
    rows = zip(ours, theirs, strict=True)
    return _table(_row("log_joint", f"point {i}", "log density", a, b) for i, (a, b) in enumerate(rows, start=1))


def nuts_scores(posterior: GaussianPosterior, design: Design, tree: xr.DataTree) -> pd.DataFrame:
    """Compare means, SDs and quantiles of every coefficient, of sigma and of every linear estimand with NUTS's.

    Parameters
    ----------
    posterior : GaussianPosterior
        Exact, of the same design and priors.
    design : Design
        One data set.
    tree : xarray.DataTree
        The NUTS run, with Bambi's variables.

    Returns
    -------
    pandas.DataFrame
        A row for each quantity and statistic, with the columns of `Engines.table`.
    """
    weights, names = _contrasts(design)
    beta, sigma = coefficient_draws(tree, design)
    marginal, residual = posterior.marginal(weights), posterior.sigma()
    exact = {"mean": marginal.mean()[0], "sd": marginal.sd()[0]}
    exact |= {f"q{q:g}": marginal.quantile(q)[0] for q in QUANTILES}
    rows: list[dict[str, Any]] = []
    for j, name in enumerate(names):
        known = {statistic: float(values[j]) for statistic, values in exact.items()}
        rows += _scores(name, known, beta @ weights[j])
    known = {"mean": float(residual.mean()[0]), "sd": float(residual.sd()[0])}
    known |= {f"q{q:g}": float(residual.quantile(q)[0]) for q in QUANTILES}
    return _table([*rows, *_scores("sigma", known, sigma)])


def quadrature_change(posterior: GaussianPosterior, finer: GaussianPosterior, design: Design) -> pd.DataFrame:
    """Compare means, SDs and quantiles with those of a finer quadrature.

    Parameters
    ----------
    posterior, finer : GaussianPosterior
        The same posterior with fewer and with more nodes.
    design : Design
        One data set.

    Returns
    -------
    pandas.DataFrame
        A row for each quantity and statistic, with the columns of `Engines.table`; differences in posterior SDs.
    """
    weights, names = _contrasts(design)
    coarse, fine = posterior.marginal(weights), finer.marginal(weights)
    sd = fine.sd()[0]
    pairs = {"mean": (coarse.mean()[0], fine.mean()[0]), "sd": (coarse.sd()[0], sd)}
    pairs |= {f"q{q:g}": (coarse.quantile(q)[0], fine.quantile(q)[0]) for q in QUANTILES}
    return _table(
        _row("quadrature", name, statistic, a[j], b[j]) | {"difference": (b[j] - a[j]) / sd[j]}
        for statistic, (a, b) in pairs.items()
        for j, name in enumerate(names)
    )


def rms_band(parameters: int) -> tuple[float, float]:
    """Return where the root mean square of one fit's z scores lies in 998 of 1000 runs of the right posterior.

    The scores are correlated: they are quantiles of the same margins, and estimands are made of coefficients. Their
    mean square therefore varies as that of far fewer independent ones, `FREE_SCORES` for each parameter.
    """
    free = FREE_SCORES * parameters
    low, high = np.sqrt(stats.chi2.ppf([0.001, 0.999], free) / free)
    return float(low), float(high)


def judged(z: FloatArray, parameters: int) -> list[tuple[str, float, str, bool]]:
    """Judge one fit's z scores: statistic, value, what is accepted and whether it is, of their size and the largest."""
    low, high = rms_band(parameters)
    rms, furthest = float(np.sqrt((z**2).mean())), float(np.abs(z).max())
    return [
        ("rms of z", rms, f"{low:.2f} to {high:.2f}", low <= rms <= high),
        ("largest |z|", furthest, f"<= {LARGEST_Z:g}", furthest <= LARGEST_Z),
    ]


def _contrasts(design: Design) -> tuple[FloatArray, list[str]]:
    """Every coefficient, then every linear estimand: weights (k, p) and names."""
    try:
        found = answers(design)
    except InputError:  # a model that answers nothing still has coefficients
        return np.eye(len(design.columns)), list(design.columns)
    weights = np.concatenate([np.eye(len(design.columns)), found.weights[0]])
    return weights, [*design.columns, *(estimand.name for estimand in found.linear)]


def _point(design: Design, intercept: float, beta: FloatArray, sigma: float) -> dict[str, Any]:
    """Write one point as Bambi's model wants it: the centred intercept, log sigma, a scalar or vector a term."""
    values: dict[str, Any] = {INTERCEPT: np.asarray(intercept), "sigma_log__": np.log(sigma)}
    start = 0
    for term, columns in design.terms.items():
        chunk, start = beta[start : start + len(columns)], start + len(columns)
        numeric = design.matrices.common.terms[term].levels is None
        values[term] = np.asarray(chunk[0]) if numeric and len(columns) == 1 else np.asarray(chunk)
    return values


def _scores(name: str, exact: Mapping[str, float], draws: FloatArray) -> Iterator[dict[str, Any]]:
    import arviz as az

    for statistic, value in exact.items():
        if statistic.startswith("q"):
            q = float(statistic[1:])
            sampled, error = np.quantile(draws, q), az.mcse(draws, method="quantile", prob=q)
        else:
            sampled = draws.mean() if statistic == "mean" else draws.std(ddof=1)
            error = az.mcse(draws, method=statistic)
        row = _row("nuts", name, statistic, value, float(sampled))
        yield row | {"mcse": float(error), "z": (float(sampled) - value) / float(error)}


def _row(check: str, quantity: str, statistic: str, exact: float, other: float) -> dict[str, Any]:
    return {
        "check": check,
        "quantity": quantity,
        "statistic": statistic,
        "exact": float(exact),
        "other": float(other),
        "difference": float(other) - float(exact),
    }


def _table(rows: Any) -> pd.DataFrame:
    columns = ["check", "quantity", "statistic", "exact", "other", "mcse", "difference", "z"]
    return pd.DataFrame(list(rows), columns=columns)


def _verdict(table: pd.DataFrame, sampled: Fit) -> pd.DataFrame:
    largest = table.groupby("check")["difference"].agg(lambda d: d.abs().max())
    z = table.loc[table["check"] == "nuts", "z"].to_numpy(dtype=float)
    joint, change, refused = largest["log_joint"], largest["quadrature"], int((~sampled.diagnostics["ok"]).sum())
    rows = [
        ("log_joint", "largest difference", joint, f"<= {LOG_JOINT:g}", joint <= LOG_JOINT),
        *(("nuts", *row) for row in judged(z, len(sampled.design.columns) + 1)),
        ("nuts", "diagnostics not met", refused, "<= 0", refused == 0),
        ("quadrature", "largest change in SD", change, f"<= {CHANGE:g}", change <= CHANGE),
    ]
    return pd.DataFrame(rows, columns=["check", "of", "value", "accepted", "ok"])
