"""How strong something that nobody measured must be, to explain an estimate away.

Answered three times: from the printed numbers alone, by least squares in every data set, and on posterior draws. The
measured covariates give the scale: a confounder as strong as this one, twice, three times as strong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ... import apa
from ...defaults import DEFAULT_SEED, DEFAULT_STUDY
from ...inference.fit import Fit
from ...renamed import renamed
from ...shown import Shown
from ...spec import InputError
from ...study.study import Estimand, Study
from ...study.wording import estimand_noun, group_name, term_name, term_of
from ..case import Case, case_of
from ..tipping import NOWHERE, tipping_row
from ..treatment import require_benchmarks
from .estimand import BOUNDS, COLUMNS, ConfoundedEstimand
from .omitted import require_alpha


@dataclass(frozen=True, kw_only=True, repr=False)
class Confounding(Shown):
    """What confounders would have to be.

    Parameters
    ----------
    case : Case
        What was analysed.
    table : pandas.DataFrame
        With `COLUMNS`. Basis ``printed``: from printed numbers, with what rounding leaves possible. ``data_sets``:
        least squares in each, median and 5 % to 95 %. ``posterior``: on draws, mean and sd of the estimand, median and
        interval of probability 1 - alpha of what follows; ``rv_alpha`` is then the strength up to which the estimate
        keeps its side of 0 with probability 1 - alpha/2.
    bounds : pandas.DataFrame
        With `BOUNDS`. What is left of the estimate beside a confounder ``k`` times as strong as a measured covariate
        (with all its products); ``p_same_sign`` is the share of draws (or data sets) left on their side of 0, and
        ``possible`` of those in which a confounder can be so strong; ``breaks_at`` the multiple that leaves nothing.
    strengths : pandas.DataFrame
        Columns ``study, estimand, strength, p_same_sign``: how probable it is that the estimate keeps its side of 0
        beside a confounder that explains this share of what is left of treatment and outcome alike.
    """

    case: Case
    table: pd.DataFrame
    bounds: pd.DataFrame
    strengths: pd.DataFrame

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """By file name without ``.csv``."""
        return {
            "confounding": self.table,
            "confounding_bounds": self.bounds,
            "confounding_strengths": self.strengths,
        }

    @property
    def tipping(self) -> pd.DataFrame:
        """What a confounder would have to be for the case's estimand to be 0; a row for each way."""
        table, bounds = (
            part[(part["estimand"] == self.case.estimand.name) & (part["basis"] == "data_sets")]
            for part in (self.table, self.bounds)
        )
        rows = [_explained_away(self.case, table.iloc[0])]
        if len(bounds):
            rows.append(_as_strong_as_measured(self.case, bounds.sort_values("breaks_at").iloc[0]))
        return pd.DataFrame(rows)


@renamed()
def confounding(
    what: str | Path | Study | Fit | Case = DEFAULT_STUDY,
    *,
    seed: int = DEFAULT_SEED,
    benchmarks: Sequence[str] = (),
    k: Sequence[float] = (1, 2, 3),
    alpha: float = 0.05,
    datasets: int = 200,
    tell: Callable[[str], None] | None = None,
    **readings: str,
) -> Confounding:
    """Ask how strong an unmeasured confounder must be, for every estimand of the answering model.

    Parameters
    ----------
    what : str, Path, Study, Fit or Case
        The name of a shipped study, a study file, the folder of a fit, or one of these that is loaded already.
    seed : int
        Everything random follows from it.
    benchmarks : sequence of str
        Measures of the model to measure confounders by; by default all that can be.
    k : sequence of float, above 0
        How many times as strong.
    alpha : float
        Two-sided error of the limits.
    datasets : int
        Versions of a study's sample; a fit has its own data.
    tell : callable, optional
        Told what begins.
    **readings : str
        Option by reading, of a study.

    Returns
    -------
    Confounding

    Raises
    ------
    InputError
        A benchmark that is not in the model (those that are, are listed), alpha outside 0 and 1, a multiple of 0 or
        below, and whatever `case_of` raises.

    Examples
    --------
    ::

        import hikibayes
        found = hikibayes.confounding("nonaka2021", seed=1)
        print(found.tipping["sentence"].to_string(index=False))
    """
    _refuse(k, alpha)
    case = case_of(what, datasets=datasets, seed=seed, tell=tell, **readings)
    if tell:
        tell("imagining confounders")
    draws = case.draws(np.random.default_rng(seed))
    estimands = [
        ConfoundedEstimand(
            case=case, estimand=estimand, weights=case.answers.weights[:, j], draws=draws, alpha=alpha, k=tuple(k)
        )
        for j, estimand in enumerate(case.answers.linear)
    ]
    estimands = _known(estimands, case, tell or (lambda _: None))
    require_benchmarks(tuple(benchmarks), estimands[0].covariates)
    rows = [row for each in estimands for row in each.rows]
    bounds = [row for each in estimands for row in each.bounds(benchmarks)]
    return Confounding(
        case=case,
        table=pd.DataFrame(rows, columns=list(COLUMNS)),
        bounds=pd.DataFrame(bounds, columns=list(BOUNDS)),
        strengths=pd.concat([each.strengths for each in estimands], ignore_index=True),
    )


def _known(estimands: Sequence[ConfoundedEstimand], case: Case, say: Callable[[str], None]) -> list[ConfoundedEstimand]:
    """Leave out, and say, what least squares does not know; raise where that is the case's own estimand."""
    unknown = [each.estimand.name for each in estimands if not each.treatment.known]
    why = "the design leaves it open (columns that are sums of others, or too few rows); only the priors tell"
    if case.estimand.name in unknown or len(unknown) == len(estimands):
        raise InputError(f"what a confounder could do to {case.estimand.name!r} cannot be said: {why}")
    if unknown:
        say(f"left out: {', '.join(unknown)}: {why}")
    return [each for each in estimands if each.treatment.known]


def _refuse(k: Sequence[float], alpha: float) -> None:
    require_alpha(alpha)
    if not k or not min(k) > 0:
        raise InputError(f"multiples must be above 0, such as 1, 2, 3; found {', '.join(map(str, k)) or 'none'}")


# -- in words -------------------------------------------------------------------------------------------------------


def _explained_away(case: Case, row: pd.Series) -> dict[str, str | float]:
    treatment, outcome = _treatment(case, case.estimand), term_name(case.study, case.study.analysis.outcome)
    what = f"share of what is left of {treatment} and of {outcome} that a confounder explains"
    limit = (
        f"the {1 - row['alpha']:.0%} interval covers 0 as it is"
        if row["rv_alpha"] <= 0
        else f"{apa.percent(row['rv_alpha'])} of both would let the {1 - row['alpha']:.0%} interval cover 0"
    )
    sentence = (
        f"Something that nobody measured would have to explain {apa.percent(row['rv'])} of what the model leaves open"
        f" of {treatment}, and as much of {outcome}, to bring the"
        f" {estimand_noun(case.study, case.estimand)} to 0; {limit}."
    )
    return tipping_row("confounding", what, float(row["rv"]), _limits(case, row, "rv"), sentence)


def _as_strong_as_measured(case: Case, row: pd.Series) -> dict[str, str | float]:
    covariate = term_name(case.study, str(row["benchmark"]))
    what = f"multiple of the strength of {covariate} that a confounder has"
    times, *ends = (apa.number(float(row[f"breaks_at{end}"]), 1) for end in ("", "_lower", "_upper"))
    seen = f" ({' to '.join(ends)} over the data sets)" if len(case.data_sets) > 1 else ""
    sentence = (
        f"A confounder would have to be {times} times as strong as {covariate}{seen}, the measured covariate that comes"
        f" closest, to explain the {estimand_noun(case.study, case.estimand)} away."
    )
    limits = _limits(case, row, "breaks_at")
    return tipping_row("confounding", what, float(row["breaks_at"]), limits, sentence)


def _limits(case: Case, row: pd.Series, name: str) -> tuple[float, float]:
    return (float(row[f"{name}_lower"]), float(row[f"{name}_upper"])) if len(case.data_sets) > 1 else NOWHERE


def _treatment(case: Case, estimand: Estimand) -> str:
    """Name what plays the treatment's part."""
    study = case.study
    if estimand.group:
        return f"{term_name(study, str(estimand.of))} in the {group_name(study, estimand.group)}"
    term = term_of(study, estimand)
    return f"the product {term_name(study, term)}" if ":" in term else term_name(study, term)
