"""NUTS beside the exact engine on the same data sets: whether they agree, and whether the sampler converged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..arrays import FloatArray
from ..inference.answers.diagnostics import convergence
from ..inference.answers.estimates import COLUMNS, Reporting, draw_estimates, exact_estimates
from ..inference.estimands import answers
from ..inference.models.compile import exact_posterior
from ..inference.models.design import Design, design
from ..inference.models.specs import DEFAULT_VARIANT, ModelSpec
from ..inference.nuts.sampling import quantities
from ..study.study import Study

if TYPE_CHECKING:
    import xarray as xr

type Sampler = Callable[[Sequence[Design], int], Iterator[xr.DataTree]]
"""Fits one model to data sets of the same size by NUTS under the default prior, from a seed; posteriors in order."""

AGREEMENT_COLUMNS = ("dataset", "estimand", "nuts_mean", "exact_mean", "mcse", "z", "nuts_sd", "exact_sd")

FAR = 4.0
"""Largest accepted distance between the engines, in Monte Carlo errors."""


@dataclass(frozen=True, kw_only=True)
class TwoEngines:
    """One model, by both engines, on the same data sets.

    Parameters
    ----------
    estimates : pandas.DataFrame
        Rows of engine ``nuts``: the data sets as one answer, with the columns of ``estimates.csv``.
    diagnostics : pandas.DataFrame
        Columns ``check, of, value, accepted, ok, dataset``: each check's worst value, and which data set has it.
    agreement : pandas.DataFrame
        Columns `AGREEMENT_COLUMNS`; ``z`` is the difference of the means over its Monte Carlo error ``mcse``.
    """

    estimates: pd.DataFrame
    diagnostics: pd.DataFrame
    agreement: pd.DataFrame


def two_engines(
    model: ModelSpec,
    data_sets: Sequence[pd.DataFrame],
    study: Study,
    sampler: Sampler,
    *,
    seed: int,
    labels: dict[str, str],
    reporting: Reporting | None = None,
) -> TwoEngines:
    """Fit one model to each data set by NUTS and by the exact engine.

    Parameters
    ----------
    model : ModelSpec
        A Gaussian model.
    data_sets : sequence of pandas.DataFrame
        K tables of participants of the same size.
    study : Study
        With its readings decided.
    sampler : Sampler
        The NUTS that fits them.
    seed : int
        Of NUTS, and of the exact engine's draws of shares of variance.
    labels : dict
        What the columns ``study`` and ``reading`` of the estimates say.
    reporting : Reporting, optional
        Interval and ROPE.

    Returns
    -------
    TwoEngines
    """
    reporting = reporting or Reporting()
    labels = {**labels, "model": model.name, "prior": DEFAULT_VARIANT, "engine": "nuts"}
    designs = [design(model, table, study) for table in data_sets]
    children = np.random.SeedSequence(seed).spawn(len(designs))
    fits = [
        _Compared.of(laid_out, tree, np.random.default_rng(child), labels, reporting)
        for laid_out, tree, child in zip(designs, sampler(designs, seed), children, strict=True)
    ]
    return TwoEngines(
        estimates=_together(fits, reporting),
        diagnostics=_worst([fit.diagnostics for fit in fits]),
        agreement=pd.concat([fit.agreement(i) for i, fit in enumerate(fits, start=1)], ignore_index=True),
    )


class Beside:
    """Both engines on the first data sets, in a process of its own beside what else there is to do.

    Parameters
    ----------
    model : ModelSpec
        A Gaussian model.
    study : Study
        With its readings decided.
    count : int
        How many data sets at most: when so many were seen, it begins.
    sampler : Sampler, optional
        Instead of the house's own NUTS; it fits when the result is asked for.
    seed, labels
        As in `two_engines`.
    """

    def __init__(
        self, model: ModelSpec, study: Study, count: int, sampler: Sampler | None, *, seed: int, labels: dict[str, str]
    ) -> None:
        self._fit = partial(two_engines, model, study=study, seed=seed, labels=labels)
        self._count, self._sampler = count, sampler
        self._seen: list[pd.DataFrame] = []
        self._answer: Callable[[], TwoEngines] | None = None

    def see(self, data: pd.DataFrame) -> None:
        """Take a data set; those beyond the count are left out."""
        self._seen.append(data)
        if len(self._seen) == self._count:
            self._answer = self._begun()

    def result(self) -> TwoEngines:
        """Wait for the answer; of the data sets that were seen, where they are fewer than the count."""
        return (self._answer or self._begun())()

    def _begun(self) -> Callable[[], TwoEngines]:
        if self._sampler is not None:
            return partial(self._fit, data_sets=self._seen[: self._count], sampler=self._sampler)
        from joblib.externals.loky import ProcessPoolExecutor

        from ..inference.nuts.sampling import nuts

        # not one of the processes that make data sets: those are many, and end when their memory grows
        process = ProcessPoolExecutor(max_workers=1)
        result: Callable[[], TwoEngines] = process.submit(self._fit, data_sets=self._seen[:], sampler=nuts).result
        process.shutdown(wait=False)
        return result


def accepted(agreement: pd.DataFrame) -> bool:
    """Tell whether no two engines' means are further apart than Monte Carlo error allows."""
    return bool((agreement["z"].abs() <= FAR).all())


@dataclass(frozen=True, kw_only=True)
class _Compared:
    """Both engines on one data set."""

    nuts: pd.DataFrame
    exact: pd.DataFrame
    draws: dict[str, FloatArray]
    """(chain, draw) of every parameter and every estimand, by name."""
    diagnostics: pd.DataFrame

    @classmethod
    def of(
        cls, laid_out: Design, tree: xr.DataTree, rng: np.random.Generator, labels: dict[str, str], reporting: Reporting
    ) -> _Compared:
        found, posterior = answers(laid_out), exact_posterior(laid_out)
        draws = quantities(tree, laid_out, found)
        return cls(
            nuts=draw_estimates(tree, laid_out, found, conditional=posterior, reporting=reporting, labels=labels),
            exact=exact_estimates(posterior, found, rng=rng, reporting=reporting, labels=labels),
            draws=draws,
            diagnostics=convergence(draws, tree["sample_stats"].to_dataset()),
        )

    def agreement(self, dataset: int) -> pd.DataFrame:
        error = np.sqrt(self.nuts["mcse_mean"] ** 2 + self.exact["mcse_mean"].fillna(0.0) ** 2)
        table = pd.DataFrame(
            {
                "dataset": dataset,
                "estimand": self.nuts["estimand"],
                "nuts_mean": self.nuts["mean"],
                "exact_mean": self.exact["mean"],
                "mcse": error,
                "z": (self.nuts["mean"] - self.exact["mean"]) / error,
                "nuts_sd": self.nuts["sd"],
                "exact_sd": self.exact["sd"],
            }
        )
        return table[list(AGREEMENT_COLUMNS)]


def _together(fits: Sequence[_Compared], reporting: Reporting) -> pd.DataFrame:
    """Summarise the data sets as one answer; convergence is the worst data set's."""
    first = fits[0].nuts
    rows = []
    for j, row in enumerate(first.to_dict("records")):
        each = pd.DataFrame([fit.nuts.iloc[j] for fit in fits])
        draws = np.stack([fit.draws[row["estimand"]].ravel() for fit in fits])
        rows.append({str(name): value for name, value in row.items()} | _pooled(draws, each, reporting))
    return pd.DataFrame(rows, columns=list(COLUMNS)).assign(datasets=len(fits))


def _pooled(draws: FloatArray, each: pd.DataFrame, reporting: Reporting) -> dict[str, Any]:
    tail = (1 - reporting.ci_prob) / 2
    lower, median, upper = np.quantile(draws, [tail, 0.5, 1 - tail])
    means, sds = each["mean"].to_numpy(float), each["sd"].to_numpy(float)
    within, between = np.sqrt((sds**2).mean()), means.std()
    factors = each["bf10"].to_numpy(float)
    low, middle, high = np.quantile(factors, [0.05, 0.5, 0.95]) if np.isfinite(factors).all() else [np.nan] * 3
    return {
        "mean": means.mean(),
        "sd": np.hypot(within, between),
        "median": median,
        "lower": lower,
        "upper": upper,
        "ci_kind": "eti",
        "p_positive": each["p_positive"].mean(),
        "p_rope": each["p_rope"].mean(),
        "bf10": middle,
        "bf10_low": low,
        "bf10_high": high,
        "sd_within": within,
        "sd_between": between,
        "rhat": each["rhat"].max(),
        "ess_bulk": each["ess_bulk"].min(),
        "ess_tail": each["ess_tail"].min(),
        "mcse_mean": np.sqrt((each["mcse_mean"] ** 2).sum()) / len(each),
    }


def _worst(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Keep each check's worst value over the data sets, and say which data set has it."""
    every = pd.concat([table.assign(dataset=i) for i, table in enumerate(tables, start=1)], ignore_index=True)
    upward = every["accepted"].str.startswith("<")
    # a value that is not a number is the worst there is
    badness = every["value"].where(upward, -every["value"]).fillna(np.inf)
    chosen = badness.groupby([every["check"], every["of"]], sort=False).idxmax()
    return every.loc[chosen].reset_index(drop=True)
