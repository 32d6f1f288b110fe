"""Random studies with their raw tables, printed by statsmodels and SciPy as papers print.

Sizes, shapes, decimals and conventions vary; nothing of the package computes a number here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.outliers_influence import variance_inflation_factor
from tests.study.small_studies import number, small_study

GROUPS = ("first", "second")
BETWEEN = {"between": ("second", "first")}


@dataclass
class Printer:
    """The facts of one paper, with its decimals."""

    decimals: int
    facts: list = field(default_factory=list)

    def __call__(self, quantity, value, **address):
        if quantity.endswith("_p") or quantity == "p":
            if value < 0.001:
                return self.facts.append(number(quantity, "0.001", "<", **address))
            return self.facts.append(number(quantity, f"{value:.3f}", **address))
        return self.facts.append(number(quantity, f"{value:.{self.decimals}f}", **address))


def table(rng: np.random.Generator, scores: int) -> pd.DataFrame:
    """Participants: an outcome and some scores, of which some are whole numbers and some are skewed."""
    n = int(np.exp(rng.uniform(math.log(30), math.log(3000))))
    smaller = max(10, int(n * rng.uniform(0.1, 0.5)))
    arm = np.repeat([0, 1], [smaller, n - smaller] if rng.random() < 0.5 else [n - smaller, smaller])
    names = ["y", *(f"x{i}" for i in range(1, scores + 1))]
    root = rng.normal(size=(len(names), len(names))) + 1.5 * np.eye(len(names))
    rows = rng.normal(size=(n, len(names))) @ root + np.outer(arm, rng.normal(0, 0.6, len(names)))
    rows[:, 0] += 0.5 * arm * rows[:, 1]
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    for column in range(len(names)):
        if rng.random() < 0.3:
            rows[:, column] = np.exp(0.6 * rows[:, column])
        rows[:, column] = rng.uniform(5, 60) + rng.uniform(0.5, 15) * rows[:, column]
        if rng.random() < 0.4:
            rows[:, column] = np.rint(rows[:, column])
    return pd.DataFrame(rows, columns=names).assign(arm=arm)


def z(values):
    return (values - values.mean()) / values.std(ddof=1)


def product(people: pd.DataFrame, products: str, codes: np.ndarray, of: str) -> np.ndarray:
    x = people[of].to_numpy()
    if products == "z":
        return codes * z(x)
    if products == "centred":
        return codes * (x - x.mean())
    if products == "centred_both":
        return (codes - codes.mean()) * (x - x.mean())
    return codes * x


def describe(say: Printer, people: pd.DataFrame, measures: list[str], by_group: bool, test: str, kind: str) -> None:
    parts = [people[people.arm == g] for g in (0, 1)]
    for name in measures:
        for label, part in [(None, people), *zip(GROUPS, parts, strict=True)]:
            where = {"of": name} | ({"group": label} if label else {})
            say("mean", part[name].mean(), **where)
            say("sd", part[name].std(ddof=1), **where)
        compare(say, name, parts[1][name], parts[0][name], test, kind)
    for i, one in enumerate(measures):
        say("correlation", np.corrcoef(people.arm, people[one])[0, 1], of="arm", with_=one)
        for other in measures[i + 1 :]:
            for label, part in [(None, people), *(zip(GROUPS, parts, strict=True) if by_group else ())]:
                where = {"of": one, "with_": other} | ({"group": label} if label else {})
                found = stats.pearsonr(part[one], part[other])
                say("correlation", found.statistic, **where)
                say("p", found.pvalue, **where)


def compare(say: Printer, name: str, a: pd.Series, b: pd.Series, test: str, kind: str) -> None:
    found = stats.ttest_ind(a, b, equal_var=test == "student")
    for quantity, value in (("t", found.statistic), ("df", found.df), ("p", found.pvalue)):
        say(quantity, value, of=name, **BETWEEN)
    n, m, v, w = len(a), len(b), a.var(ddof=1), b.var(ddof=1)
    pooled = ((n - 1) * v + (m - 1) * w) / (n + m - 2)
    over = {"average": (v + w) / 2, "glass_second": w, "divisor_n": pooled * (n + m - 2) / (n + m)}.get(kind, pooled)
    shrink = 1 - 3 / (4 * (n + m - 2) - 1) if kind == "hedges" else 1
    say("d", shrink * (a.mean() - b.mean()) / math.sqrt(over), of=name, **BETWEEN)


def regressions(say: Printer, people: pd.DataFrame, steps: dict[str, list[str]], products: str, coding: str) -> None:
    low, high = {"dummy": (0, 1), "effect": (-1, 1), "half": (-0.5, 0.5)}[coding]
    codes = np.where(people.arm == 1, high, low).astype(float)
    before = None
    scale = z if products == "z" else (lambda values: values)
    for step, terms in steps.items():
        columns = {
            term: codes if term == "arm" else scale(people[term].to_numpy()) if ":" not in term else None
            for term in terms
        }
        columns |= {t: product(people, products, codes, t.split(":")[1]) for t in terms if ":" in t}
        X = sm.add_constant(pd.DataFrame(columns, index=people.index))
        fit = sm.OLS(scale(people.y), X).fit()
        for position, term in enumerate(terms):
            where, in_sd = {"step": step, "term": term}, {"standardised": products == "z"}
            say("coefficient", fit.params[term], **where, **in_sd)
            say("coefficient_se", fit.bse[term], **where, **in_sd)
            say("coefficient_p", fit.pvalues[term], **where)
            if products != "z":
                say("coefficient", fit.params[term] * X[term].std() / people.y.std(), **where, standardised=True)
            if len(terms) < 6:
                say("vif", variance_inflation_factor(X.to_numpy(), position + 1), **where)
        say("r2", fit.rsquared, step=step)
        say("adjusted_r2", fit.rsquared_adj, step=step)
        say("r2_p", fit.f_pvalue, step=step)
        if before is not None:
            say("delta_r2", fit.rsquared - before.rsquared, step=step, adjusted=False)
            say("delta_r2_p", fit.compare_f_test(before)[1], step=step)
        before = fit


def slopes(say: Printer, people: pd.DataFrame, step: str, terms: list[str], separate: bool) -> None:
    for g, group in enumerate(GROUPS):
        own = [term for term in terms if "arm" not in term]
        code = (people.arm != g).astype(float)
        columns = {term: people[term] for term in own} | {"arm": code}
        columns |= {term: code * people[term.split(":")[1]] for term in terms if ":" in term}
        rows = people.arm == g if separate else people.arm >= 0
        frame = pd.DataFrame(columns)[own if separate else list(columns)][rows]
        fit = sm.OLS(people.y[rows], sm.add_constant(frame)).fit()
        where = {"of": "x1", "group": group, "step": step}
        say("slope", fit.params["x1"], **where, standardised=False)
        say("slope_se", fit.bse["x1"], **where, standardised=False)
        say("slope_p", fit.pvalues["x1"], **where)


def stranger(seed: int):
    """A study of random sizes, shapes and conventions, from raw data."""
    rng = np.random.default_rng(seed)
    scores = int(rng.integers(1, 5))
    people = table(rng, scores)
    measures = ["y", *(f"x{i}" for i in range(1, scores + 1))]
    say = Printer(decimals=int(rng.integers(2, 4)))
    by_group = rng.random() < 0.6
    test, kind = (
        rng.choice(["welch", "student"]),
        rng.choice(["cohen", "cohen", "hedges", "average", "glass_second", "divisor_n"]),
    )
    describe(say, people, measures, by_group, str(test), str(kind))
    interacting = ["x1"] if rng.random() < 0.6 else measures[1:]
    adds = {"step1": ["arm", *measures[2:]], "step2": ["x1"], "step3": [f"arm:{name}" for name in interacting]}
    steps, terms = {}, []
    for step, added in adds.items():
        terms = [*terms, *added]
        steps[step] = terms
    products, coding = (
        str(rng.choice(["z", "raw", "centred", "centred_both"])),
        str(rng.choice(["dummy", "effect", "half"])),
    )
    regressions(say, people, steps, products, coding)
    slopes(say, people, "step3", steps["step3"], separate=bool(rng.random() < 0.3))
    named = {"z": "z", "raw": "raw", "centred": "centred", "centred_both": "centred"}[products]
    declared = {
        "products": named,
        "coding": "dummy" if coding == "dummy" else "effect",
        "standardised": products == "z",
    }
    chain = [None, *adds]
    return small_study(
        tuple(int((people.arm == g).sum()) for g in (0, 1)),
        *say.facts,
        measures=measures,
        focal="x1",
        steps=[
            {"id": step, "label": step, "adds": added} | ({"after": earlier} if earlier else {})
            for earlier, (step, added) in zip(chain, adds.items(), strict=False)
        ],
        **(declared if rng.random() < 0.6 else {}),
    )
