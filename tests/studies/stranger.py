"""Printing a study's facts from raw data, as a stranger with statsmodels and scipy would.

Nothing here is taken from the package but the types, so that what the package recomputes is compared with somebody
else's arithmetic. Any study will do: its facts say what is to be computed, and to how many decimals it is printed.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.outliers_influence import variance_inflation_factor

from hikibayes.spec import validated
from hikibayes.study.facts import Fact
from hikibayes.study.study import Study

# -- the study's regressions on a data frame ------------------------------------------------------------------------


def z(column: pd.Series) -> pd.Series:
    return (column - column.mean()) / column.std(ddof=1)


def column(study: Study, people: pd.DataFrame, name: str, fact: Fact, coding: str | None = None) -> pd.Series:
    """A term as a column: categories as dummies (or -1/2 and 1/2), the rest in SD units where the study says so."""
    measure = study.measure(name)
    if measure.kind == "category":
        low = -0.5 if (coding or fact.coding or study.analysis.coding) == "effect" else 0.0
        return (people[name] == measure.levels[1].id).astype(float) + low
    standardised = study.analysis.standardised if fact.standardised is None else fact.standardised
    return z(people[name]) if standardised else people[name].astype(float)


def design(study: Study, people: pd.DataFrame, fact: Fact, coding: str | None = None) -> pd.DataFrame:
    terms = {
        term: np.prod([column(study, people, name, fact, coding) for name in term.split(":")], axis=0)
        for term in study.terms(fact.step)
    }
    return sm.add_constant(pd.DataFrame(terms, index=people.index))


def regression(study: Study, people: pd.DataFrame, fact: Fact, coding: str | None = None):
    outcome = column(study, people, study.analysis.outcome, fact)
    return sm.OLS(outcome, design(study, people, fact, coding)).fit()


def increase(study: Study, people: pd.DataFrame, fact: Fact):
    """The regression of a step and that of the step before."""
    before = fact.replace(id="before", quantity="r2", step=study.step(fact.step).after, adjusted=None)
    return regression(study, people, fact.replace(quantity="r2", adjusted=None)), regression(study, people, before)


def slope(study: Study, people: pd.DataFrame, fact: Fact):
    """The simple slope as a contrast of the dummy-coded regression."""
    fit = regression(study, people, fact, coding="dummy")
    names = list(fit.params.index)
    contrast = np.zeros(len(names))
    contrast[names.index(fact.of)] = 1
    if fact.group == study.group_ids[1]:
        contrast[names.index(f"{study.analysis.group}:{fact.of}")] = 1
    return fit.t_test(contrast)


def two_groups(study: Study, people: pd.DataFrame, fact: Fact):
    first, second = (people.loc[people[study.analysis.group] == group, fact.of].astype(float) for group in fact.between)
    return first, second, stats.ttest_ind(first, second, equal_var=fact.test != "welch")


def alpha(people: pd.DataFrame, name: str) -> float:
    items = people.filter(regex=rf"^{name}_\d\d$")
    k = items.shape[1]
    return k / (k - 1) * (1 - items.var(ddof=1).sum() / items.sum(axis=1).var(ddof=1))


def inflation(study: Study, people: pd.DataFrame, fact: Fact) -> float:
    """The VIF of a term; the greatest of all where none is named."""
    table = design(study, people, fact)
    names = [fact.term] if fact.term else list(table.columns[1:])
    return max(variance_inflation_factor(table.to_numpy(), table.columns.get_loc(name)) for name in names)


# -- the number that a fact speaks of -------------------------------------------------------------------------------


def number(study: Study, people: pd.DataFrame, fact: Fact) -> float:
    """Compute one fact's number from the participants."""
    group = people[people[study.analysis.group] == fact.group] if fact.group else people
    match fact.quantity:
        case "n":
            return len(group)
        case "mean" | "minimum" | "maximum":
            return getattr(group[fact.of], {"mean": "mean", "minimum": "min", "maximum": "max"}[fact.quantity])()
        case "sd":
            return group[fact.of].std(ddof=1)
        case "proportion":
            return (group[fact.of] == fact.level).mean()
        case "alpha":
            return alpha(group, fact.of)
        case "correlation":
            return stats.pearsonr(group[fact.of].astype(float), group[fact.with_].astype(float)).statistic
        case "proportion_difference" | "mean_difference" | "t" | "df" | "p" | "d":
            return compared(study, people, fact)
        case _:
            return regressed(study, people, fact)


def compared(study: Study, people: pd.DataFrame, fact: Fact) -> float:
    if fact.quantity == "proportion_difference":
        shares = [(people[people[study.analysis.group] == each][fact.of] == fact.level).mean() for each in fact.between]
        return shares[0] - shares[1]
    first, second, test = two_groups(study, people, fact)
    pooled = math.sqrt(
        ((len(first) - 1) * first.var(ddof=1) + (len(second) - 1) * second.var(ddof=1)) / (len(first) + len(second) - 2)
    )
    gap = first.mean() - second.mean()
    return {"mean_difference": gap, "t": test.statistic, "df": test.df, "p": test.pvalue, "d": gap / pooled}[
        fact.quantity
    ]


def regressed(study: Study, people: pd.DataFrame, fact: Fact) -> float:
    match fact.quantity:
        case "r2":
            return regression(study, people, fact).rsquared
        case "adjusted_r2":
            return regression(study, people, fact).rsquared_adj
        case "r2_p":
            return regression(study, people, fact).f_pvalue
        case "delta_r2":
            after, before = increase(study, people, fact)
            kind = "rsquared_adj" if fact.adjusted else "rsquared"
            return getattr(after, kind) - getattr(before, kind)
        case "delta_r2_p":
            after, before = increase(study, people, fact)
            return after.compare_f_test(before)[1]
        case "coefficient":
            return regression(study, people, fact).params[fact.term]
        case "coefficient_se":
            return regression(study, people, fact).bse[fact.term]
        case "coefficient_p":
            return regression(study, people, fact).pvalues[fact.term]
        case "vif":
            return inflation(study, people, fact)
        case "slope":
            return float(slope(study, people, fact).effect[0])
        case "slope_se":
            return float(slope(study, people, fact).sd[0, 0])
        case "slope_p":
            return float(slope(study, people, fact).pvalue)
    raise NotImplementedError(fact.quantity)


# -- printing -------------------------------------------------------------------------------------------------------


def rounded(value: float, decimals: int, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    return Decimal(float(value)).quantize(Decimal(1).scaleb(-decimals), rounding=rounding)


def printed(fact: Fact, value: float, decimals: int | None = None) -> dict[str, object]:
    """Write a number as the fact's own kind of statement: rounded, or as the inequality where that is true."""
    value = value * 100 if fact.unit == "percent" else value
    decimals = max(0, -fact.value.as_tuple().exponent) if decimals is None else decimals
    if fact.quantity == "vif" and fact.term is None:
        return {"relation": "<", "value": rounded(value + 1e-9, decimals, ROUND_CEILING)}
    size = abs(value) if fact.absolute else value
    true = {"<": size < fact.value, "<=": size <= fact.value, ">": size > fact.value, ">=": size >= fact.value}
    if true.get(fact.relation, False):
        return {"relation": fact.relation, "value": fact.value}
    number_ = rounded(value, decimals)
    if fact.quantity in ("p", "r2_p", "delta_r2_p", "coefficient_p", "slope_p") and number_ == 0:
        return {"relation": "<", "value": Decimal(1).scaleb(-decimals), "absolute": False}
    return {"relation": "=", "value": number_, "absolute": False}


def republished(study: Study, people: pd.DataFrame, decimals: dict[str, int] | None = None) -> Study:
    """Print a study's facts anew from raw data.

    Parameters
    ----------
    study : Study
        Which facts there are, and to how many decimals each is printed.
    people : pandas.DataFrame
        A row a participant, a column a measure; items in columns ``<measure>_01`` ... where an alpha is printed.
    decimals : dict, optional
        Other decimals, by quantity.
    """
    read = study.read()
    content = study.model_dump(exclude_unset=True)
    for entry, fact in zip(content["fact"], read.facts, strict=True):
        entry.update(printed(fact, number(read, people, fact), (decimals or {}).get(fact.quantity)))
    return validated(Study, content, f"study {study.id}")
