"""Does a table of participants print what the paper printed? Checked as a stranger would, from the table alone.

Nothing here is shared with the search that made the table: regressions are fitted by statsmodels, t-tests run by SciPy,
scores standardised and products formed column by column, simple slopes read off a regression whose reference group is
the one in question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ..arrays import BoolArray, FloatArray
from ..folders import csv_table
from ..kept import kept
from ..spec import InputError, read_text, unknown_name
from ..study.facts import Fact
from ..study.study import Study
from ..study.study_file import load_study
from .meanings import other_meanings, under
from .participants.item_columns import item_columns, subscale_columns

if TYPE_CHECKING:
    from statsmodels.regression.linear_model import RegressionResults


LARGEST_TABLE = 500_000_000
"""Bytes: ten million participants have as much."""
VERIFICATION_COLUMNS = ("fact", "printed", "recomputed", "matches")

CODES = {"effect": (-0.5, 0.5), "half": (-0.5, 0.5), "sum": (-1.0, 1.0)}
"""Codes of two groups that are not 0 and 1."""


@dataclass(frozen=True)
class _Way:
    """How a regression's columns are made: ``reference`` is coded 0, products are around the values ``at`` holds."""

    coding: str
    products: str
    standardised: bool
    reference: str | None = None
    at: tuple[tuple[str, float | str], ...] = ()


def verify(study: str | Path | Study, participants: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Recompute every printed number from a table of participants, and compare.

    Parameters
    ----------
    study : str, Path or Study
        Name of a shipped study, a study file, or a study. Its readings keep their defaults if they are still open.
    participants : str, Path or pandas.DataFrame
        A CSV file, or a table. A row a participant, columns named by measure id, categories by level id. Reliabilities
        are recomputed where the item columns (``<measure>_<nn>``) are there, and left out where they are not.

    Returns
    -------
    pandas.DataFrame
        ``fact``, ``printed``, ``recomputed`` (with the printed number of decimals), ``matches``; a row a fact. Of an
        ambiguous word of ``[analysis]`` (``products = "centred"``) in the meaning with which the most match.

    Raises
    ------
    InputError
        A column is missing, or holds a label that is not one of the measure's levels, or no numbers.
    """
    study = load_study(study)
    study = study.read() if study.readings else study
    participants = participants if isinstance(participants, pd.DataFrame) else _table(Path(participants))
    found = _verified(study, participants)
    for changed in () if found["matches"].all() else other_meanings(study):
        other = _verified(under(study, changed), participants)
        found = other if other["matches"].sum() > found["matches"].sum() else found
    return found


def _verified(study: Study, participants: pd.DataFrame) -> pd.DataFrame:
    stranger = _Stranger(study, participants)
    rows = []
    for fact in study.facts:
        value = stranger.value(fact)
        if value is not None:
            rows.append((fact.id, fact.printed, _as_printed(fact, value), _matches(fact, value)))
    return pd.DataFrame(rows, columns=list(VERIFICATION_COLUMNS))


def _table(path: Path) -> pd.DataFrame:
    """Read CSV as `synthesize` writes it: only an empty cell is missing."""
    text = read_text(path, most=LARGEST_TABLE)
    try:
        return csv_table(text)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"is not a table: {error}", source=path) from None


def recompute(study: Study, participants: pd.DataFrame) -> dict[str, float]:
    """Return the unrounded number of every fact that a table of participants determines."""
    study = study.read() if study.readings else study
    stranger = _Stranger(study, participants)
    found = {fact.id: stranger.value(fact) for fact in study.facts}
    return {name: value for name, value in found.items() if value is not None}


def _matches(fact: Fact, value: float) -> bool:
    bound = float(fact.value) / (100 if fact.unit == "percent" else 1)
    reached = abs(value) if fact.absolute else value
    if fact.relation == "<":
        return reached < bound
    if fact.relation == ">":
        return reached > bound
    return fact.holds(value)


def _as_printed(fact: Fact, value: float) -> str:
    """Write a number with the decimals the paper used; four digits beside an inequality."""
    percent = "%" if fact.unit == "percent" else ""
    shown = 100 * value if percent else value
    if fact.relation != "=":
        return f"{shown:.4g}{percent}"
    decimals = max(0, -int(fact.value.as_tuple().exponent))
    return f"{shown:.{decimals}f}{percent}"


def cronbach_alpha(items: FloatArray) -> float:
    """Return Cronbach's alpha of items, shape (participants, items).

    Notes
    -----
    k / (k - 1) * (1 - sum of item variances / variance of the sum).
    """
    k = items.shape[1]
    of_items, of_sum = items.var(axis=0, ddof=1).sum(), items.sum(axis=1).var(ddof=1)
    return float(k / (k - 1) * (1 - of_items / of_sum))


@dataclass(frozen=True)
class _Stranger:
    """Someone who has the table, the paper's description of its analysis, and ordinary software."""

    study: Study
    table: pd.DataFrame

    def value(self, fact: Fact) -> float | None:
        """Return the number that a fact speaks of; None where the table does not determine it.

        Regressions and correlations are of the rows that have all that they need.
        """
        return self._complete(fact)._value(fact)

    def _complete(self, fact: Fact) -> _Stranger:
        """Return someone who has the rows without empty cells in a regression's, or a correlation's, columns."""
        if fact.step:
            return self._with_all(self._regressed(fact.step))
        return self._with_all((fact.of, fact.with_)) if fact.with_ else self

    @kept
    def _regressed(self, step: str) -> tuple[str, ...]:
        parts = dict.fromkeys(part for term in self.study.terms(step) for part in term.split(":"))
        return (self.study.analysis.outcome, *parts)

    @kept
    def _with_all(self, columns: tuple[str | None, ...]) -> _Stranger:
        """Return someone who has the rows without empty cells in some columns."""
        full = [self._full[name] for name in columns if name in self._full]
        return _Stranger(self.study, self.table[np.all(full, axis=0)]) if full else self

    @cached_property
    def _full(self) -> dict[str, BoolArray]:
        """Which cells are not empty, of the columns that have empty ones."""
        full = self.table.notna()
        return {str(name): full[name].to_numpy() for name in full.columns[~full.all()]}

    def _value(self, fact: Fact) -> float | None:
        if NOT_RECOMPUTED.fullmatch(fact.quantity) or fact.errors:
            return None
        if fact.term and self._place(fact.step or "", fact.term) is None:
            # of three groups as a whole
            return None
        ways: Mapping[str, Callable[[Fact], float | None]] = {
            "n": self._count,
            "mean": lambda fact: float(np.mean(self._values(fact))),
            "sd": lambda fact: float(np.std(self._values(fact), ddof=1)),
            "minimum": lambda fact: float(np.min(self._values(fact))),
            "maximum": lambda fact: float(np.max(self._values(fact))),
            "proportion": lambda fact: self._share(fact, fact.group),
            "proportion_difference": self._share_difference,
            "alpha": self._alpha,
            "correlation": lambda fact: float(np.corrcoef(*self._pair(fact))[0, 1]),
            "count": lambda fact: self._share(fact, fact.group) * self._count(fact),
            "spearman": lambda fact: float(stats.spearmanr(*self._pair(fact)).statistic),
            "median": lambda fact: float(np.median(self._values(fact))),
            **dict.fromkeys(("f", "f_p", "f_df1", "f_df2", "eta2"), self._one_way),
        }
        if fact.quantity in ways:
            return ways[fact.quantity](fact)
        if fact.step is None:
            return self._comparison(fact)
        if fact.quantity == "vif":
            return self._inflation(fact)
        if fact.term or fact.of:
            return self._coefficient(fact)
        return self._fit_statistic(fact)

    # -- columns -----------------------------------------------------------------------------------------------------

    def _column(self, name: str) -> pd.Series:
        if name not in self.table.columns:
            raise InputError(unknown_name("column", name, map(str, self.table.columns)))
        return self.table[name]

    @cached_property
    def _names(self) -> set[str]:
        return set(self.table.columns)

    @cached_property
    def _group(self) -> NDArray[Any]:
        if not self.study.analysis.group:
            return np.full(len(self.table), None)
        return self._column(self.study.analysis.group).to_numpy(dtype=object)

    @cached_property
    def _rows(self) -> dict[str | None, BoolArray]:
        rows: dict[str | None, BoolArray] = {None: np.ones(len(self.table), dtype=bool)}
        for name in self.study.group_names:
            rows[name] = np.asarray(self._group == name, dtype=bool)
        return rows

    @kept
    def _number(self, name: str) -> FloatArray:
        """Return a measure as numbers: a category as 0/1 for its second level."""
        measure = self.study.measure(name)
        if measure.kind != "category":
            return np.asarray(self._column(name), dtype=float)
        levels = [level.id for level in measure.levels]
        labels = self._labels(name)
        if strange := sorted(set(map(str, labels)) - set(levels)):
            raise InputError(unknown_name("level", strange[0], levels), key=f"column {name!r}")
        return np.asarray(labels == levels[1], dtype=float)

    @kept
    def _labels(self, name: str) -> NDArray[Any]:
        return self._column(name).to_numpy(dtype=object)

    def _values(self, fact: Fact, group: str | None = None) -> FloatArray:
        return self._present(fact.of or "", group or fact.group)

    @kept
    def _present(self, of: str, group: str | None) -> FloatArray:
        values = self._number(of)[self._rows[group]]
        return values[~np.isnan(values)]

    # -- without a regression ----------------------------------------------------------------------------------------

    def _one_way(self, fact: Fact) -> float:
        parts = [self._values(fact, name) for name in self.study.group_names]
        test, df1, df2 = stats.f_oneway(*parts), len(parts) - 1, sum(map(len, parts)) - len(parts)
        share = df1 * test.statistic / (df1 * test.statistic + df2)
        values = {"f": test.statistic, "f_p": test.pvalue, "f_df1": df1, "f_df2": df2, "eta2": share}
        return float(values[fact.quantity])

    def _count(self, fact: Fact) -> float:
        return float(self._rows[fact.group].sum())

    def _share(self, fact: Fact, group: str | None) -> float:
        labels = self._labels(fact.of or "")[self._rows[group]]
        return float(np.mean(labels == fact.level))

    def _share_difference(self, fact: Fact) -> float:
        first, second = fact.between or ("", "")
        return self._share(fact, first) - self._share(fact, second)

    def _pair(self, fact: Fact) -> tuple[FloatArray, FloatArray]:
        rows = self._rows[fact.group]
        return self._number(fact.of or "")[rows], self._number(fact.with_ or "")[rows]

    def _correlation_p(self, fact: Fact) -> float:
        test = stats.pearsonr(*self._pair(fact), alternative=_side(fact))
        return float(test.pvalue) / (2 if fact.tail == "one" else 1)

    def _comparison(self, fact: Fact) -> float:
        if fact.with_:
            return self._correlation_p(fact)
        first, second = (self._values(fact, group) for group in fact.between or ("", ""))
        difference = float(first.mean() - second.mean())
        if fact.quantity == "mean_difference":
            return difference
        if fact.quantity == "d":
            return _effect_size(fact.kind or "cohen", first, second)
        test = self._t_test(fact.of or "", fact.between or ("", ""), fact.test, _side(fact))
        p = test.pvalue / (2 if fact.tail == "one" else 1)
        if fact.quantity.startswith("mean_difference_"):
            limits = test.confidence_interval(fact.confidence or 0.95)
            ends = {"mean_difference_ci_low": limits.low, "mean_difference_ci_high": limits.high}
            return float(ends.get(fact.quantity, difference / test.statistic))
        return float({"t": test.statistic, "df": test.df, "p": p}[fact.quantity])

    @kept
    def _t_test(self, of: str, groups: tuple[str, str], test: str | None, side: Side) -> Any:
        parts = [self._present(of, group) for group in groups]
        return stats.ttest_ind(*parts, equal_var=test == "student", alternative=side)

    def _alpha(self, fact: Fact) -> float | None:
        measure = self.study.measure(fact.of or "")
        parts = {"": item_columns(measure)}
        if fact.subscale:
            parts = subscale_columns(measure)
            if fact.subscale != "any":
                parts = {fact.subscale: parts[fact.subscale]}
        if not {name for names in parts.values() for name in names} <= self._names:
            return None
        return _farthest(fact, [self._reliability(tuple(names), fact.group) for names in parts.values()])

    @kept
    def _answers(self, names: tuple[str, ...]) -> FloatArray:
        found: FloatArray = self.table[list(names)].to_numpy(dtype=float)
        return found

    @kept
    def _reliability(self, names: tuple[str, ...], group: str | None) -> float:
        return cronbach_alpha(self._answers(names)[self._rows[group]])

    # -- regressions -------------------------------------------------------------------------------------------------

    @kept
    def _fit(self, step: str, way: _Way) -> RegressionResults:
        """Fit a step."""
        outcome = self._number(self.study.analysis.outcome)
        return _ols(_z(outcome) if way.standardised else outcome, self._design(step, way))

    def _design(self, step: str, way: _Way) -> FloatArray:
        """Return the columns (n, T) of a step's terms."""
        coded = self._coded(way)
        columns = []
        for term in self.study.columns(step):
            parts = term.split(":")
            if len(parts) > 1:
                factors = [self._code_factor(coded[p], way) if p in coded else self._factor(p, way) for p in parts]
                columns.append(np.prod(factors, axis=0))
            else:
                own = coded[term] if term in coded else self._scored(term, way.standardised and way.products == "z")
                columns.append(own)
        if way.standardised and way.products != "z":
            columns = [_z(column) for column in columns]
        return np.column_stack(columns)

    def _place(self, step: str, term: str) -> int | None:
        """Return which column of a step a term is; None for several at once."""
        columns = [set(column.split(":")) for column in self.study.columns(step)]
        return columns.index(set(term.split(":"))) if set(term.split(":")) in columns else None

    def _coded(self, way: _Way) -> dict[str, FloatArray]:
        """Return the columns that stand for the groups, by name."""
        group, names = self.study.analysis.group, list(self.study.group_names)
        if len(names) < 2:
            return {}
        if way.reference:
            names.sort(key=lambda name: name != way.reference)
        is_in = [np.asarray(self._group == name, dtype=float) for name in names]
        if len(names) == 2:
            low, high = CODES.get(way.coding, (0.0, 1.0))
            return {group: low * is_in[0] + high * is_in[1]}
        return dict(zip(self.study.columns_of(group), _codes(way.coding, np.stack(is_in)), strict=True))

    def _is_category(self, name: str) -> bool:
        return self.study.measure(name).kind == "category"

    def _scored(self, name: str, standardised: bool) -> FloatArray:
        """Return a measure as it enters the regression: a z-score, except a category."""
        return _z(self._number(name)) if standardised and not self._is_category(name) else self._number(name)

    def _code_factor(self, coded: FloatArray, way: _Way) -> FloatArray:
        return coded - coded.mean() if way.products in ("centred", "centred_both") else coded

    def _factor(self, name: str, way: _Way) -> FloatArray:
        """Return a measure as it enters a product."""
        x, held = self._number(name), dict(way.at).get(name)
        if held is not None:
            scored = self._scored(name, way.standardised)
            return scored - self._held(name, held, scored)
        if way.products == "raw":
            return x
        if way.products in ("centred", "centred_both") or not (way.standardised or self._is_category(name)):
            return np.asarray(x - x.mean())
        return self._scored(name, way.standardised)

    def _held(self, name: str, value: float | str, scored: FloatArray) -> float:
        """Return where a moderator is held, in the unit of its scores."""
        if not isinstance(value, str):
            return float(scored.mean() + value * scored.std(ddof=1))
        if self._is_category(name):
            return float([level.id for level in self.study.measure(name).levels].index(value))
        x = self._number(name)
        return float((float(value) - x.mean()) / x.std(ddof=1) * scored.std(ddof=1) + scored.mean())

    def _settings(self, fact: Fact) -> _Way:
        analysis = self.study.analysis
        standardised = analysis.standardised if fact.standardised is None else fact.standardised
        return _Way(fact.coding or analysis.coding, fact.products or analysis.products, standardised)

    def _coefficient(self, fact: Fact) -> float:
        way = self._settings(fact)
        if fact.separate:
            return self._separate_slope(fact, way.standardised)
        if fact.quantity.startswith("slope"):
            # with the group in question coded 0, and moderators around where they are held, the measure's own
            # coefficient is the slope there
            way = _Way("dummy", "z", way.standardised, fact.group, fact.at or ())
        fit = self._fit(fact.step or "", way)
        at = 1 + (self._place(fact.step or "", fact.term or fact.of or "") or 0)
        kind = fact.quantity.removeprefix("coefficient").removeprefix("slope")
        return _of_fit(fit, at, kind, fact)

    def _separate_slope(self, fact: Fact, standardised: bool) -> float:
        """Return a slope, its SE or its p from a regression of its group alone, in SDs of that group."""
        rows, group = self._rows[fact.group], self.study.analysis.group
        names = [term for term in self.study.terms(fact.step or "") if group not in term.split(":")]
        scored = {name: self._number(name)[rows] for name in (*names, self.study.analysis.outcome)}
        if standardised:
            scored = {name: x if self._is_category(name) else _z(x) for name, x in scored.items()}
        *columns, outcome = scored.values()
        return _of_fit(
            _ols(outcome, np.column_stack(columns)),
            1 + names.index(fact.of or ""),
            fact.quantity.removeprefix("slope"),
            fact,
        )

    def _inflation(self, fact: Fact) -> float:
        columns = self._design(fact.step or "", self._settings(fact))
        factors = np.diag(np.linalg.inv(np.atleast_2d(np.corrcoef(columns, rowvar=False))))
        if fact.term:
            return float(factors[self._place(fact.step or "", fact.term) or 0])
        # a single number for a step is its greatest; so is one that a bound has to hold for
        return float(min(factors) if fact.relation in (">", ">=") else max(factors))

    def _fit_statistic(self, fact: Fact) -> float:
        way = self._settings(fact)
        fit = self._fit(fact.step or "", way)
        if fact.quantity in DIRECT:
            return float(getattr(fit, DIRECT[fact.quantity]))
        before = self.study.step(fact.step or "").after
        if before is None:
            return float(getattr(fit, DIRECT[fact.quantity.removeprefix("delta_")]))
        shorter = self._fit(before, way)
        if (role := fact.quantity.removeprefix("delta_r2_")) in ("f", "p", "df1"):
            return float(fit.compare_f_test(shorter)[["f", "p", "df1"].index(role)])
        if fact.adjusted:
            return float(fit.rsquared_adj - shorter.rsquared_adj)
        return float(fit.rsquared - shorter.rsquared)


def _ols(outcome: FloatArray, columns: FloatArray) -> RegressionResults:
    from statsmodels.regression.linear_model import OLS

    return OLS(outcome, np.column_stack([np.ones(len(outcome)), columns])).fit()


def _codes(coding: str, is_in: FloatArray) -> FloatArray:
    """Return the columns (k - 1, n) that stand for three groups and more, from what says who is in which (k, n)."""
    k = len(is_in)
    if coding == "helmert":
        # each coefficient is a group's mean minus the mean of those before it
        rows = [np.full(k, 1 / k), *(np.eye(k)[j] - (np.arange(k) < j) / j for j in range(1, k))]
        return np.asarray(np.linalg.inv(np.stack(rows))[:, 1:].T @ is_in)
    shift = {"half": 1 / k, "effect": 1 / k, "sum": is_in[0]}
    return np.asarray(is_in[1:] - shift.get(coding, 0.0))


def _z(values: FloatArray) -> FloatArray:
    z: FloatArray = (values - values.mean()) / values.std(ddof=1)
    return z


DIRECT = {
    "r2": "rsquared",
    "adjusted_r2": "rsquared_adj",
    "r2_f": "fvalue",
    "r2_df1": "df_model",
    "r2_df2": "df_resid",
    "delta_r2_df2": "df_resid",
    "r2_p": "f_pvalue",
}
"""Numbers of a whole regression, by statsmodels' names."""
NOT_RECOMPUTED = re.compile(
    r"(intercept|predicted|jn_|chi2|d_ci|.*quartile|correlation_ci|mean_vif|tolerance|mean_(se|ci)).*"
    r"|coefficient_(f|sr|partial_r|partial_eta2|f2|d)"
)
"""Kinds of numbers that participants are not yet asked for."""

type Side = Literal["two-sided", "less", "greater"]
ALTERNATIVES: Mapping[str, Side] = {"lower": "less", "upper": "greater"}
"""SciPy's names of one-sided tests."""


def _side(fact: Fact) -> Side:
    return ALTERNATIVES.get(fact.tail or "", "two-sided")


def _of_fit(fit: Any, at: int, kind: str, fact: Fact) -> float:
    if kind.startswith("_ci"):
        return float(fit.conf_int(1 - (fact.confidence or 0.95))[at, int(kind == "_ci_high")])
    if kind in ("_df", "_sr2"):
        t, left = fit.tvalues[at], (1 - fit.rsquared) / fit.df_resid
        return float(fit.df_resid if kind == "_df" else t**2 * left)
    if kind != "_p":
        return float({"": fit.params, "_se": fit.bse, "_t": fit.tvalues}[kind][at])
    upper = float(stats.t.sf(fit.tvalues[at], fit.df_resid))
    sides = {"upper": upper, "lower": 1 - upper, "one": fit.pvalues[at] / 2}
    return float(sides.get(fact.tail or "two", fit.pvalues[at]))


def _effect_size(kind: str, first: FloatArray, second: FloatArray) -> float:
    n1, n2 = len(first), len(second)
    v1, v2 = first.var(ddof=1), second.var(ddof=1)
    pooled = ((n1 - 1) * v1 + (n2 - 1) * v2) / (n1 + n2 - 2)
    square = {
        "average": (v1 + v2) / 2,
        "glass_first": v1,
        "glass_second": v2,
        "divisor_n": pooled * (n1 + n2 - 2) / (n1 + n2),
    }
    correction = 1 - 3 / (4 * (n1 + n2 - 2) - 1) if kind == "hedges" else 1.0
    return float(correction * (first.mean() - second.mean()) / np.sqrt(square.get(kind, pooled)))


def _farthest(fact: Fact, values: list[float]) -> float:
    """Return the value, among those that a fact is about, that is hardest for it."""
    if fact.relation in ("<", "<=") or (fact.quantity == "vif" and fact.relation == "="):
        return float(max(values))
    if fact.relation in (">", ">="):
        return float(min(values))
    return float(max(values, key=lambda value: abs(value - fact.interval.middle)))
