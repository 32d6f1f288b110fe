"""Posteriors of the estimands as a table: from the exact engine, for one data set or an ensemble, and from draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from ...arrays import FloatArray
from ...renamed import refuse_misfits
from ...spec import InputError
from ...study.study import Estimand
from ..estimands import Answers, raw_unit
from ..gaussian.exact import GaussianPosterior
from ..gaussian.mixture import Mixture
from ..gaussian.normal_priors import FlatPrior
from ..models.design import Design
from ..models.layout import coefficient_draws
from ..models.moment_design import MomentDesign
from .effects import effect_draws

if TYPE_CHECKING:
    import xarray as xr

COLUMNS = (
    *("study", "reading", "model", "prior", "engine", "n", "datasets", "estimand", "unit"),
    *("mean", "sd", "median", "lower", "upper", "ci_prob", "ci_kind"),
    *("p_positive", "rope_low", "rope_high", "p_rope", "bf10", "bf10_low", "bf10_high"),
    *("sd_within", "sd_between", "sd_readings", "rhat", "ess_bulk", "ess_tail", "mcse_mean"),
)
"""Columns of ``estimates.csv``; what does not apply stays empty."""
WHERE = COLUMNS[: COLUMNS.index("n")]
NUMBERS = frozenset(COLUMNS[COLUMNS.index("mean") :]) - {"ci_kind"}

VARIANCE_DRAWS = 4000
"""Draws behind a share of variance, which has no closed form; at least this many, and 100 of each data set."""

type Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reporting:
    """How posteriors are summarised.

    Parameters
    ----------
    ci_prob : float
        Probability of the interval.
    ci_kind : {"eti", "hdi"}
        Equal-tailed, or of highest density.
    rope : float
        Half width of the region of practical equivalence around 0, in standardised units.
    raw : bool
        Whether to add a row in raw units for each estimand that has them.
    """

    ci_prob: float = 0.95
    ci_kind: Literal["eti", "hdi"] = "eti"
    rope: float = 0.10
    raw: bool = False

    def __post_init__(self) -> None:
        refuse_misfits(self)
        if not 0 < self.ci_prob < 1:
            raise InputError(f"an interval's probability lies between 0 and 1; found {self.ci_prob:g}")
        if self.ci_kind not in {"eti", "hdi"}:
            raise InputError(f"an interval is 'eti' or 'hdi'; found {self.ci_kind!r}")
        if not self.rope > 0:
            raise InputError(f"the half width of the ROPE must be above 0; found {self.rope:g}")


def exact_estimates(
    posterior: GaussianPosterior,
    found: Answers,
    *,
    rng: np.random.Generator,
    reporting: Reporting | None = None,
    labels: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Summarise the estimands in exact posteriors: of one data set, or of B as one answer.

    Parameters
    ----------
    posterior : GaussianPosterior
        Of B data sets.
    found : Answers
        The estimands on the same design.
    rng : numpy.random.Generator
        For shares of variance, which are computed on draws.
    reporting : Reporting, optional
        Interval and ROPE.
    labels : mapping, optional
        What to write into the columns ``study, reading, model, prior, engine``.

    Returns
    -------
    pandas.DataFrame
        A row an estimand, with `COLUMNS`.

    Notes
    -----
    B data sets are one posterior in which each has weight 1/B. Its sd² is sd_within², the mean of their posterior
    variances, plus sd_between², the variance (ddof 0) of their posterior means. The Bayes factor is one for each data
    set; its median and its 5 % and 95 % quantiles are given.
    """
    reporting = reporting or Reporting()
    rows = []
    if found.linear:
        mixture = posterior.marginal(found.weights)
        rows += _mixture_rows(mixture, found.linear, reporting)
        if reporting.raw:
            raw = _mixture_rows(
                posterior.marginal(found.weights * found.raw_factor[..., None]), found.linear, reporting
            )
            rows += [_in_raw_units(row, e, found) for row, e in zip(raw, found.linear, strict=True)]
    rows += _variance_rows(posterior, found, rng, reporting)
    stats = posterior.stats
    return _table(rows, labels, n=int(stats.n[0]), datasets=len(stats))


def draw_estimates(
    tree: xr.DataTree,
    design: Design,
    found: Answers,
    *,
    conditional: GaussianPosterior | None = None,
    reporting: Reporting | None = None,
    labels: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Summarise the estimands in a sampled posterior of one data set.

    Parameters
    ----------
    tree : xarray.DataTree
        Group ``posterior`` with Bambi's variables.
    design : Design
        What was fitted.
    found : Answers
        The estimands on that design.
    conditional : GaussianPosterior, optional
        The same model in the exact engine: it knows the density at 0 given sigma, which averaged over the draws of
        sigma is a Bayes factor without a kernel estimate. Without it Bayes factors stay empty.
    reporting, labels
        As in `exact_estimates`.

    Returns
    -------
    pandas.DataFrame
        A row an estimand, with `COLUMNS`, R-hat, effective sample sizes and Monte Carlo error of the mean.
    """
    reporting = reporting or Reporting()
    beta, sigma = coefficient_draws(tree, design)
    values = effect_draws(tree, design, found)
    rows = [_draw_row(values[..., j], e, reporting) for j, e in enumerate(found.linear)]
    if conditional is not None and found.linear and not isinstance(conditional.priors, FlatPrior):
        for row, log_bf in zip(rows, _rao_blackwell_log_bf10(conditional, found.weights, sigma), strict=True):
            row["bf10"] = _capped_exp(log_bf)
    if reporting.raw:
        rows += [
            _in_raw_units(_draw_row(values[..., j] * found.raw_factor[0, j], e, reporting), e, found)
            for j, e in enumerate(found.linear)
        ]
    for estimand in found.variance:
        shares = found.explained.of(estimand, beta, sigma)
        rows.append(_share_only(_draw_row(shares, estimand, reporting)))
    return _table(rows, labels, n=len(design.frame), datasets=1)


def least_squares_estimates(
    design: Design | MomentDesign, found: Answers, *, labels: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Return the OLS values of shares of variance, to stand beside their posteriors: the mean over the data sets."""
    rows = [_row(e, mean=float(found.explained.least_squares(e).mean())) for e in found.variance]
    labels = {**(labels or {}), "engine": "ols", "prior": ""}
    return _table(rows, labels, n=int(design.statistics.n[0]), datasets=len(design.statistics))


def refused_estimates(found: Answers, *, labels: Mapping[str, str] | None = None, n: int) -> pd.DataFrame:
    """Return a row without numbers for each estimand that the model does not answer, with the reason in ``note``."""
    # no engine: whoever picks one engine's rows picks those with numbers
    rows, labels = [_row(e) for e in found.refused], {**(labels or {}), "engine": ""}
    return _table(rows, labels, n=n, datasets=1).assign(note=list(found.refused.values()))


def pooled(mixture: Mixture) -> Mixture:
    """Make one mixture of those of B data sets, each with weight 1/B."""
    B, k, K = mixture.means.shape
    return Mixture(
        weights=mixture.weights.reshape(1, B * K) / B,
        means=mixture.means.swapaxes(0, 1).reshape(1, k, B * K),
        sds=mixture.sds.swapaxes(0, 1).reshape(1, k, B * K),
    )


# -- rows -----------------------------------------------------------------------------------------------------------


def _table(rows: Sequence[Row], labels: Mapping[str, str] | None, *, n: int, datasets: int) -> pd.DataFrame:
    constant = {**dict.fromkeys(WHERE, ""), **(labels or {}), "n": n, "datasets": datasets}
    columns: dict[str, Any] = {}
    for name in COLUMNS:
        values = [constant[name]] * len(rows) if name in constant else [row.get(name) for row in rows]
        columns[name] = np.array(values, dtype=np.float64) if name in NUMBERS else values
    return pd.DataFrame(columns)


def _row(estimand: Estimand, **values: Any) -> Row:
    return {"estimand": estimand.name, "unit": estimand.unit, **values}


def _mixture_rows(mixture: Mixture, estimands: Sequence[Estimand], reporting: Reporting) -> list[Row]:
    whole = pooled(mixture)
    lower, upper = (whole.hdi if reporting.ci_kind == "hdi" else whole.eti)(reporting.ci_prob)
    columns = {
        "mean": whole.mean()[0],
        "sd": whole.sd()[0],
        "median": whole.quantile(0.5)[0],
        "lower": lower[0],
        "upper": upper[0],
        "p_positive": whole.p_positive()[0],
        "p_rope": whole.probability(-reporting.rope, reporting.rope)[0],
    }
    columns |= _bayes_factors(mixture)
    if len(mixture.means) > 1:
        columns["sd_within"] = np.sqrt((mixture.sd() ** 2).mean(axis=0))
        columns["sd_between"] = mixture.mean().std(axis=0)
    return [
        _row(e, **{name: float(values[j]) for name, values in columns.items()}, **_how(reporting))
        for j, e in enumerate(estimands)
    ]


def _how(reporting: Reporting) -> Row:
    return {
        "ci_prob": reporting.ci_prob,
        "ci_kind": reporting.ci_kind,
        "rope_low": -reporting.rope,
        "rope_high": reporting.rope,
    }


def _bayes_factors(mixture: Mixture) -> dict[str, FloatArray]:
    if mixture.prior_mean is None:
        return {}
    low, middle, high = np.quantile(mixture.log_bf10(), [0.05, 0.5, 0.95], axis=0)
    spread = {"bf10_low": _capped_exp(low), "bf10_high": _capped_exp(high)} if len(mixture.means) > 1 else {}
    return {"bf10": _capped_exp(middle), **spread}


def _capped_exp(log_value: Any) -> Any:
    """Exponentiate without overflow: what is beyond the largest float is written as that."""
    return np.exp(np.minimum(log_value, np.log(np.finfo(float).max)))


def _variance_rows(
    posterior: GaussianPosterior, found: Answers, rng: np.random.Generator, reporting: Reporting
) -> list[Row]:
    if not found.variance:
        return []
    B = len(posterior.stats)
    size = max(100, -(-VARIANCE_DRAWS // B))
    draws = posterior.draws(rng, size)
    rows = []
    for e in found.variance:
        shares = found.explained.of(e, draws.coefficients, draws.sigma)
        row = _share_only(_draw_summary(shares, e, reporting))
        if B > 1:
            row["sd_within"] = float(np.sqrt(shares.var(axis=1).mean()))
            row["sd_between"] = float(shares.mean(axis=1).std())
        # the draws are independent within a data set, and the data sets are what they are
        row["mcse_mean"] = float(np.sqrt(shares.var(axis=1, ddof=1).mean() / (B * size)))
        rows.append(row)
    return rows


def _draw_row(values: FloatArray, estimand: Estimand, reporting: Reporting) -> Row:
    """Summarise draws of shape (chain, draw), with what they say about their own convergence."""
    import arviz as az

    return _draw_summary(values, estimand, reporting) | {
        "rhat": float(az.rhat(values)),
        "ess_bulk": float(az.ess(values, method="bulk")),
        "ess_tail": float(az.ess(values, method="tail", prob=(0.05, 0.95))),
        "mcse_mean": float(az.mcse(values, method="mean")),
    }


def _draw_summary(values: FloatArray, estimand: Estimand, reporting: Reporting) -> Row:
    flat = values.reshape(-1)
    tail = (1 - reporting.ci_prob) / 2
    hdi = reporting.ci_kind == "hdi"
    lower, upper = _shortest(flat, reporting.ci_prob) if hdi else np.quantile(flat, [tail, 1 - tail])
    return _row(
        estimand,
        mean=float(flat.mean()),
        sd=float(flat.std(ddof=1)),
        median=float(np.median(flat)),
        lower=float(lower),
        upper=float(upper),
        p_positive=float((flat > 0).mean()),
        p_rope=float((np.abs(flat) < reporting.rope).mean()),
        **_how(reporting),
    )


def _shortest(values: FloatArray, prob: float) -> tuple[float, float]:
    ordered = np.sort(values)
    inside = int(np.floor(prob * len(ordered)))
    start = int(np.argmin(ordered[inside:] - ordered[: len(ordered) - inside]))
    return float(ordered[start]), float(ordered[start + inside])


def _share_only(row: Row) -> Row:
    """Drop what says nothing of a share of variance, which is positive by construction."""
    empty = ("p_positive", "p_rope", "rope_low", "rope_high", "bf10")
    return {name: value for name, value in row.items() if name not in empty}


def _in_raw_units(row: Row, estimand: Estimand, found: Answers) -> Row:
    """Give a row its raw unit; the ROPE is defined in standardised units, and stays with these."""
    kept = {name: value for name, value in row.items() if name not in {"rope_low", "rope_high", "p_rope"}}
    return kept | {"unit": raw_unit(estimand, found.explained.study)}


def _rao_blackwell_log_bf10(posterior: GaussianPosterior, weights: FloatArray, sigma: FloatArray) -> FloatArray:
    """Log Bayes factors by Savage and Dickey, the density at 0 averaged over draws of sigma; shape (k,)."""
    prior = posterior.marginal(weights)
    if prior.prior_mean is None or prior.prior_sd is None:
        raise AssertionError("only proper priors come here")
    mean, variance = posterior.form.contrast(sigma.reshape(1, -1) ** 2, weights, np.zeros(weights.shape[1]))
    at_zero = logsumexp(_log_height_at_zero(mean[0], np.sqrt(variance[0])), axis=1) - np.log(sigma.size)
    return np.asarray(_log_height_at_zero(prior.prior_mean[0], prior.prior_sd[0]) - at_zero)


def _log_height_at_zero(mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Log density of normals at 0, but for the constant that cancels in a ratio."""
    return np.asarray(-0.5 * (mean / sd) ** 2 - np.log(sd))
