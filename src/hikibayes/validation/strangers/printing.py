"""What a paper prints of a raw table, computed by pandas, SciPy and statsmodels.

Nothing of the package computes a number here: whatever it makes of them is held against other software.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from .styles import Style
from .tables import FLAG, GROUP, GROUPS, OUTCOME, SITE, SITES, RawTable

SMALLEST_P = 0.001
KEPT = {"descriptives": 0.5, "comparison": 0.5, "correlation": 0.2, "coefficient": 0.6, "vif": 0.3}
"""How likely a part of the record is printed where not everything is; other parts always are."""

type Entry = dict[str, Any]


def steps_of(raw: RawTable, style: Style) -> dict[str, list[str]]:
    """Return the terms of each regression: group and categories, then the scores, then products with the group."""
    first = [GROUP, *raw.flags]
    second = [*first, *raw.scores]
    interacting = raw.scores if style.every_product else raw.scores[:1]
    return {"one": first, "two": second, "three": [*second, *(f"{GROUP}:{name}" for name in interacting)]}


def printed(raw: RawTable, style: Style, rng: np.random.Generator) -> list[Entry]:
    """Return the facts that a paper prints, without names.

    Parameters
    ----------
    raw : RawTable
    style : Style
        What is printed, and by which conventions.
    rng : numpy.random.Generator
        Chooses what a sparse record leaves out.
    """
    parts = list(_parts(raw, style))
    kept = [style.full or rng.random() < KEPT.get(name, 1.0) for name, _ in parts]
    return [entry for keep, (_, part) in zip(kept, parts, strict=True) if keep for entry in part]


def _parts(raw: RawTable, style: Style) -> Iterator[tuple[str, list[Entry]]]:
    """Yield the parts of a record that are printed together or not at all, with their kind."""
    say, finely = Printer(style.decimals), Printer(style.decimals + 1)
    groups = [raw.values[raw.values[GROUP] == code] for code in (0, 1)]
    yield "n", [_entry("n", str(len(part)), group=label) for label, part in zip(GROUPS, groups, strict=True)]
    for name in raw.shapes:
        yield "descriptives", list(_described(say, raw.values, groups, name))
        yield "comparison", list(_compared(say, style, groups[1][name], groups[0][name], name))
    for name in (*raw.flags, SITE):
        yield "proportion", list(_shares(finely, groups, name))
    for a, b in combinations((GROUP, *raw.flags, *raw.scores, OUTCOME), 2):
        yield "correlation", list(_correlated(say, style, raw.values, groups, a, b))
    yield from _regressions(say, style, raw)
    yield "slope", list(_slopes(say, style, raw))


# -- numbers as printed ------------------------------------------------------------------------------------------------


class Printer:
    """Writes numbers with a paper's decimals."""

    def __init__(self, decimals: int) -> None:
        self.decimals = decimals

    def __call__(self, quantity: str, value: float, **address: Any) -> Entry:
        """Return a fact: of a p three decimals, or that it is below .001."""
        if quantity == "p" or quantity.endswith("_p"):
            if value < SMALLEST_P:
                return _entry(quantity, str(SMALLEST_P), relation="<", **address)
            return _entry(quantity, f"{value:.3f}", **address)
        return _entry(quantity, f"{value:.{self.decimals}f}", **address)


def _entry(quantity: str, value: str, **address: Any) -> Entry:
    return {"quantity": quantity, "value": value, **{key.rstrip("_"): each for key, each in address.items()}}


def _described(say: Printer, every: pd.DataFrame, groups: list[pd.DataFrame], name: str) -> Iterator[Entry]:
    for label, part in ((None, every), *zip(GROUPS, groups, strict=True)):
        where = {"of": name} | ({"group": label} if label else {})
        yield say("mean", part[name].mean(), **where)
        yield say("sd", part[name].std(ddof=1), **where)


def _shares(say: Printer, groups: list[pd.DataFrame], name: str) -> Iterator[Entry]:
    labels = SITES if name == SITE else FLAG
    for code, level in enumerate(labels):
        # of two levels one says it all
        for label, part in zip(GROUPS, groups, strict=True) if code or len(labels) > 2 else ():
            yield say("proportion", (part[name] == code).mean(), of=name, level=level, group=label)


def _compared(say: Printer, style: Style, a: pd.Series, b: pd.Series, name: str) -> Iterator[Entry]:
    """Print the second group less the first."""
    between = {"of": name, "between": GROUPS[::-1]}
    test = stats.ttest_ind(a, b, equal_var=style.test == "student")
    how = {**between, **style.said(test=style.test)}
    yield say("t", test.statistic, **how)
    yield Printer(style.decimals - 1)("df", test.df, **how)
    yield say("p", test.pvalue, **how)
    n, m, v, w = len(a), len(b), a.var(ddof=1), b.var(ddof=1)
    pooled = ((n - 1) * v + (m - 1) * w) / (n + m - 2)
    over = {"average": (v + w) / 2, "glass_second": w, "divisor_n": pooled * (n + m - 2) / (n + m)}
    shrink = 1 - 3 / (4 * (n + m - 2) - 1) if style.kind == "hedges" else 1
    d = shrink * (a.mean() - b.mean()) / math.sqrt(over.get(style.kind, pooled))
    yield say("d", d, **between, **style.said(kind=style.kind))


def _correlated(
    say: Printer, style: Style, every: pd.DataFrame, groups: list[pd.DataFrame], a: str, b: str
) -> Iterator[Entry]:
    scored = a != GROUP and not a.startswith("flag") and not b.startswith("flag")
    parts = zip(GROUPS, groups, strict=True) if style.by_group and scored else ()
    for label, part in ((None, every), *parts):
        where = {"of": b, "with_": a} | ({"group": label} if label else {})
        test = stats.pearsonr(part[a], part[b])
        yield say("correlation", test.statistic, **where)
        if scored:
            yield say("p", test.pvalue, **where)


# -- regressions -------------------------------------------------------------------------------------------------------


def _regressions(say: Printer, style: Style, raw: RawTable) -> Iterator[tuple[str, list[Entry]]]:
    before = None
    for step, terms in steps_of(raw, style).items():
        X = pd.DataFrame({term: _column(raw.values, style, term) for term in terms})
        y = _scored(raw.values[OUTCOME], style)
        fit = _ols(y, X)
        for term in terms:
            yield "coefficient", list(_coefficient(say, style, fit, X[term].std() / y.std(), step, term))
        yield "r2", list(_explained(say, fit, before, step))
        yield "vif", list(_inflation(say, X, step))
        before = fit


def _column(values: pd.DataFrame, style: Style, term: str) -> pd.Series:
    """Return a term as a column of the design."""
    low, high = style.codes
    codes = low + (high - low) * values[GROUP]
    if ":" not in term:
        return codes if term == GROUP else values[term] if term.startswith("flag") else _scored(values[term], style)
    x = values[term.split(":")[1]]
    match style.products:
        case "z":
            return codes * _z(x)
        case "centred":
            return codes * (x - x.mean())
        case "centred_both":
            return (codes - codes.mean()) * (x - x.mean())
        case _:
            return codes * x


def _z(x: pd.Series) -> pd.Series:
    return (x - x.mean()) / x.std(ddof=1)


def _scored(x: pd.Series, style: Style) -> pd.Series:
    return _z(x) if style.standardised else x


def _ols(y: pd.Series, X: pd.DataFrame) -> Any:
    from statsmodels.regression.linear_model import OLS

    return OLS(y, X.assign(one=1.0)).fit()


def _coefficient(say: Printer, style: Style, fit: Any, scale: float, step: str, term: str) -> Iterator[Entry]:
    """Print B (of z scores, where these are analysed), its SE and p, and beside raw scores the beta of the column."""
    where, how = {"step": step, "term": term}, {"standardised": style.standardised}
    yield say("coefficient", fit.params[term], **where, **how)
    yield say("coefficient_se", fit.bse[term], **where, **how)
    yield say("coefficient_p", fit.pvalues[term], **where)
    if not style.standardised:
        yield say("coefficient", fit.params[term] * scale, **where, standardised=True)


def _explained(say: Printer, fit: Any, before: Any, step: str) -> Iterator[Entry]:
    yield say("r2", fit.rsquared, step=step)
    yield say("adjusted_r2", fit.rsquared_adj, step=step)
    yield say("r2_p", fit.f_pvalue, step=step)
    if before is not None:
        yield say("delta_r2", fit.rsquared - before.rsquared, step=step, adjusted=False)
        yield say("delta_r2_p", fit.compare_f_test(before)[1], step=step)


def _inflation(say: Printer, X: pd.DataFrame, step: str) -> Iterator[Entry]:
    """Print every VIF of a short regression, the greatest of a long one."""
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    design = X.assign(one=1.0).to_numpy()
    factors = [float(variance_inflation_factor(design, position)) for position in range(X.shape[1])]
    if len(factors) < 6:
        for term, factor in zip(X, factors, strict=True):
            yield say("vif", factor, step=step, term=term)
    else:
        yield say("vif", max(factors), step=step)


def _slopes(say: Printer, style: Style, raw: RawTable) -> Iterator[Entry]:
    """Print the focal measure's slope in each group, from the last regression or from one of the group alone."""
    focal = raw.scores[0]
    for code, label in enumerate(GROUPS):
        fit = _alone(style, raw, code) if style.separate else _recoded(style, raw, code)
        where = {"of": focal, "group": label, "step": "three", **style.said(separate=style.separate)}
        yield say("slope", fit.params[focal], **where, standardised=style.standardised)
        yield say("slope_se", fit.bse[focal], **where, standardised=style.standardised)
        yield say("slope_p", fit.pvalues[focal], **where)


def _alone(style: Style, raw: RawTable, code: int) -> Any:
    part = raw.values[raw.values[GROUP] == code]
    X = part[[*raw.flags]].join(pd.DataFrame({name: _scored(part[name], style) for name in raw.scores}))
    return _ols(_scored(part[OUTCOME], style), X)


def _recoded(style: Style, raw: RawTable, code: int) -> Any:
    """Fit the last regression with the group in question as 0: the score's own coefficient is its slope there."""
    scored = raw.values.assign(**{name: _scored(raw.values[name], style) for name in (*raw.scores, OUTCOME)})
    other = (scored[GROUP] - code).abs()
    columns = {
        term: other * scored[term.split(":")[1]] if ":" in term else other if term == GROUP else scored[term]
        for term in steps_of(raw, style)["three"]
    }
    return _ols(scored[OUTCOME], pd.DataFrame(columns))
