"""Random studies of other designs than two groups, for the audit: printed by statsmodels and SciPy.

One sample with steps, three groups by every coding, a continuous moderator, a regression in each group, and two groups
with raw B and confidence limits; models of a step may have fewer people than the tables describe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...arrays import FloatArray
from ...spec import validated
from ...study.study import Study
from .printing import Entry, Printer
from .tables import LARGEST

SOURCE = {"locator": "made up", "quote": "made up"}
STATISTICS = (("se",), ("se", "p"), ("se", "t", "p"), ("ci_low", "ci_high", "p"), ("se", "ci_low", "ci_high"), ("t",))
"""What a table prints beside B, one of these."""
GROUP, OUTCOME = "arm", "y"


@dataclass
class Paper:
    """A paper that is being printed.

    Attributes
    ----------
    rng : numpy.random.Generator
    values : pandas.DataFrame
        A row a participant; the groups by label.
    say : Printer
    beside : tuple of str
        What stands beside each B.
    facts, steps : list
        What is printed, and the regressions.
    """

    rng: np.random.Generator
    values: pd.DataFrame
    say: Printer
    beside: tuple[str, ...]
    facts: list[Entry] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)

    def estimate(self, name: str, value: float, se: float, df: float, **place: Any) -> None:
        """Print an estimate and what stands beside it; of raw coefficients."""
        far, t = stats.t.ppf(0.975, df) * se, value / se
        numbers = {"se": se, "t": t, "p": 2 * stats.t.sf(abs(t), df), "ci_low": value - far, "ci_high": value + far}
        shown = {"": value, **{role: numbers[role] for role in self.beside}}
        for role, number in shown.items():
            scale = {} if role in ("t", "p") else {"standardised": False}
            self.facts.append(self.say(f"{name}_{role}" if role else name, number, **place, **scale))

    def described(self, rows: pd.DataFrame, names: Sequence[str], **where: Any) -> None:
        """Print means and SDs."""
        for name in names:
            self.facts += [self.say("mean", rows[name].mean(), of=name, **where)]
            self.facts += [self.say("sd", rows[name].std(ddof=1), of=name, **where)]

    def regressed(self, columns: Mapping[str, Sequence[str]], design: pd.DataFrame, *, listwise: bool = False) -> Any:
        """Print steps, each with its terms' coefficients, R2 and F; return the last fit.

        Parameters
        ----------
        columns : mapping of str to sequence of str
            What each step adds.
        design : pandas.DataFrame
            A column a term.
        listwise : bool
            Whether later steps have fewer people than everybody, each as many as the other.
        """
        from statsmodels.regression.linear_model import OLS

        kept = self.rng.random(len(design)) > (0.08 if listwise else 0)
        y, fit, terms = self.values[OUTCOME][kept], None, list[str]()
        for step, added in columns.items():
            terms = [*terms, *added]
            before, fit = fit, OLS(y, design.loc[kept, terms].assign(one=1.0)).fit()
            after = {"after": self.steps[-1]["id"]} if self.steps else {}
            of_steps = list(dict.fromkeys(term.partition("[")[0] + term.partition("]")[2] for term in added))
            self.steps.append({"id": step, "label": step, **after, "adds": of_steps})
            if listwise:
                self.facts.append({"quantity": "n", "value": str(int(kept.sum())), "step": step})
            for term in terms:
                self.estimate("coefficient", fit.params[term], fit.bse[term], fit.df_resid, step=step, term=term)
            self._explained(fit, before, step)
        return fit

    def _explained(self, fit: Any, before: Any, step: str) -> None:
        self.facts += [self.say("r2", fit.rsquared, step=step), self.say("r2_f", fit.fvalue, step=step)]
        self.facts += [self.say("r2_p", fit.f_pvalue, step=step), self.say("adjusted_r2", fit.rsquared_adj, step=step)]
        if before is not None:
            f, p, _ = fit.compare_f_test(before)
            for name, value in (("delta_r2", fit.rsquared - before.rsquared), ("delta_r2_f", f), ("delta_r2_p", p)):
                self.facts.append(self.say(name, value, step=step))


@dataclass(frozen=True)
class Designed:
    """A study of one of `DESIGNS`, and its raw table."""

    seed: int
    table: pd.DataFrame
    study: Study
    strata: dict[str, str]


def designed(seed: int, *, max_n: int = LARGEST, max_scores: int = 3) -> Designed:
    """Draw a study of one of the designs, the next seed another one.

    Parameters
    ----------
    seed : int
    max_n, max_scores : int
        The most participants; scores there are three.
    """
    rng = np.random.default_rng(seed)
    name = list(DESIGNS)[int(rng.integers(len(DESIGNS)))]
    n = int(np.exp(rng.uniform(np.log(40), np.log(min(max_n, 800)))))
    decimals, beside = int(rng.integers(2, 4)), STATISTICS[int(rng.integers(len(STATISTICS)))]
    paper = Paper(rng, _scores(rng, n), Printer(decimals), beside)
    more = DESIGNS[name](paper)
    strata = {"design": name, "beside B": ", ".join(beside), "n": "40 to 99" if n < 100 else "100 and more"}
    return Designed(seed, paper.values, _study(paper, **more), strata | {"decimals": str(decimals)})


def _scores(rng: np.random.Generator, n: int) -> pd.DataFrame:
    root = np.linalg.cholesky(0.7 * np.eye(3) + 0.3)
    x = rng.standard_normal((n, 3)) @ root.T
    x[:, 1] = np.exp(0.5 * x[:, 1])
    y = x @ rng.normal(0, 0.4, 3) + rng.normal(0, 0.3) * x[:, 0] * x[:, 1] + rng.standard_normal(n)
    table = pd.DataFrame(np.column_stack([x, y]), columns=["a", "b", "c", OUTCOME])
    return table * rng.uniform(0.7, 9, 4) + rng.uniform(-5, 60, 4)


def _study(paper: Paper, groups: Sequence[str] = (), **analysis: Any) -> Study:
    numbers = [{"id": name, "kind": "number"} for name in paper.values if name != GROUP]
    levels = [{"id": name, "label": name} for name in groups]
    arm = [{"id": GROUP, "kind": "category", "levels": levels}] if groups else []
    content = {
        "id": "designed",
        "group": levels,
        "measure": [*numbers, *arm],
        "analysis": {"outcome": OUTCOME, "standardised": False, **({"group": GROUP} if groups else {}), **analysis},
        "step": paper.steps,
        "fact": [{"id": f"f{i}", "source": SOURCE, **fact} for i, fact in enumerate(paper.facts)],
    }
    return validated(Study, content, "designed")


# -- designs -----------------------------------------------------------------------------------------------------------


def _one_sample(paper: Paper) -> dict[str, Any]:
    """Print two steps of one sample, with means, SDs and correlations of everybody; some models have fewer people."""
    values, names = paper.values, ["a", "b", "c", OUTCOME]
    paper.facts.append({"quantity": "n", "value": str(len(values))})
    paper.described(values, names)
    for one, other in combinations(names, 2):
        test = stats.pearsonr(values[one], values[other])
        paper.facts += [paper.say("correlation", test.statistic, of=other, **{"with": one})]
        paper.facts += [paper.say("p", test.pvalue, of=other, **{"with": one})]
    paper.regressed({"one": ["a", "b"], "two": ["c"]}, values, listwise=bool(paper.rng.random() < 0.4))
    return {}


def _moderated(paper: Paper) -> dict[str, Any]:
    """Print a product of two measures, centred or raw, slopes at the mean and 1 SD from it, Johnson-Neyman bounds."""
    values, centred = paper.values, bool(paper.rng.random() < 0.5)
    paper.facts.append({"quantity": "n", "value": str(len(values))})
    paper.described(values, ["a", "b", OUTCOME])
    a, b = (values[name] - values[name].mean() if centred else values[name] for name in ("a", "b"))
    fit = paper.regressed({"one": ["a", "b"], "two": ["a:b"]}, pd.DataFrame({"a": a, "b": b, "a:b": a * b}))
    middle, sd = float(b.mean()), float(b.std(ddof=1))
    for at in (-1, 0, 1):
        test = fit.t_test(np.array([1.0, 0.0, middle + at * sd, 0.0]))
        error = float(test.sd.item())
        paper.estimate("slope", float(test.effect[0]), error, fit.df_resid, of="a", step="two", at={"b": at})
    for name, root in zip(("jn_low", "jn_high"), _bounds(fit), strict=False):
        paper.facts.append(paper.say(name, root, of="a", step="two", **{"with": "b"}))
    return {"products": "centred" if centred else "raw"}


def _bounds(fit: Any) -> list[float]:
    """Return where the slope of ``a`` is just significant at .05; none where it is so nowhere or everywhere."""
    b, v, t = fit.params, fit.cov_params(), stats.t.ppf(0.975, fit.df_resid)
    square = [b["a:b"] ** 2, 2 * b["a"] * b["a:b"], b["a"] ** 2]
    error = [v.loc["a:b", "a:b"], 2 * v.loc["a", "a:b"], v.loc["a", "a"]]
    roots = np.roots(np.array(square) - t**2 * np.array(error))
    return [] if np.iscomplex(roots).any() else sorted(roots.real)


def _three_groups(paper: Paper) -> dict[str, Any]:
    """Print a one-way comparison, and a regression whose products with the group follow in a second step."""
    from statsmodels.regression.linear_model import OLS

    labels, coding = ("waiting", "care", "both"), ("dummy", "effect", "helmert")[int(paper.rng.integers(3))]
    paper.values[GROUP] = _dealt(paper, labels)
    parts = _by_group(paper, labels, ["a", OUTCOME])
    test = stats.f_oneway(*(part[OUTCOME] for part in parts))
    share = OLS(paper.values[OUTCOME], pd.get_dummies(paper.values[GROUP], dtype=float)).fit().rsquared
    for name, value in (("f", test.statistic), ("f_p", test.pvalue), ("eta2", share)):
        paper.facts.append(paper.say(name, value, of=OUTCOME))
    codes = {
        f"{GROUP}[{label}]": column for label, column in zip(labels[1:], _codes(paper, labels, coding), strict=True)
    }
    design = pd.DataFrame(
        {**codes, "a": paper.values["a"], **{f"{k}:a": v * paper.values["a"] for k, v in codes.items()}}
    )
    paper.regressed({"one": [*codes, "a"], "two": [f"{name}:a" for name in codes]}, design)
    return {"groups": labels, "coding": coding, "products": "raw"}


def _codes(paper: Paper, labels: Sequence[str], coding: str) -> list[pd.Series]:
    """Return the columns of three groups: each minus the first, minus the mean of all, or minus those before it."""
    first, second, third = (paper.values[GROUP].eq(label).astype(float) for label in labels)
    if coding == "helmert":
        return [second / 2 - first / 2, third * 2 / 3 - (first + second) / 3]
    return [second - first, third - first] if coding == "effect" else [second, third]


def _separate(paper: Paper) -> dict[str, Any]:
    """Print a regression in each of two groups."""
    from statsmodels.regression.linear_model import OLS

    labels = ("usual", "new")
    paper.values[GROUP] = _dealt(paper, labels)
    for label, part in zip(labels, _by_group(paper, labels, ["a", "b", OUTCOME]), strict=True):
        fit = OLS(part[OUTCOME], part[["a", "b"]].assign(one=1.0)).fit()
        for name in ("a", "b"):
            place = {"of": name, "step": "one", "group": label, "separate": True}
            paper.estimate("slope", fit.params[name], fit.bse[name], fit.df_resid, **place)
        for one, other in combinations(("a", "b", OUTCOME), 2):
            r = stats.pearsonr(part[one], part[other]).statistic
            paper.facts.append(paper.say("correlation", r, of=other, group=label, **{"with": one}))
    paper.steps.append({"id": "one", "label": "one", "adds": [GROUP, "a", "b", f"{GROUP}:a", f"{GROUP}:b"]})
    return {"groups": labels}


def _two_groups(paper: Paper) -> dict[str, Any]:
    """Print raw B of two groups by any coding, with a product in the second step and simple slopes of both groups."""
    labels, coding = ("usual", "new"), ("dummy", "effect", "half")[int(paper.rng.integers(3))]
    paper.values[GROUP] = _dealt(paper, labels)
    _by_group(paper, labels, ["a", "b", OUTCOME])
    low, high = {"dummy": (0.0, 1.0), "effect": (-1.0, 1.0), "half": (-0.5, 0.5)}[coding]
    code = paper.values[GROUP].eq(labels[1]) * (high - low) + low
    design = paper.values[["a", "b"]].assign(**{GROUP: code, f"{GROUP}:a": code * paper.values["a"]})
    fit = paper.regressed({"one": [GROUP, "a", "b"], "two": [f"{GROUP}:a"]}, design)
    for label, at in zip(labels, (low, high), strict=True):
        test = fit.t_test(np.array([float(n == "a") + at * (n == f"{GROUP}:a") for n in fit.params.index]))
        place = {"of": "a", "step": "two", "group": label, "separate": False}
        paper.estimate("slope", float(test.effect[0]), float(test.sd.item()), fit.df_resid, **place)
    return {"groups": labels, "coding": {"half": "effect"}.get(coding, coding), "products": "raw"}


def _dealt(paper: Paper, labels: Sequence[str]) -> FloatArray:
    """Return labels of unequal groups, each of ten people or more."""
    n = len(paper.values)
    share = 0.5 / len(labels) + 0.5 * paper.rng.dirichlet(np.full(len(labels), 5.0))
    sizes = np.maximum((share * n).astype(int), 10)
    return np.repeat(labels, [*sizes[:-1], n - sizes[:-1].sum()])


def _by_group(paper: Paper, labels: Sequence[str], names: Sequence[str]) -> list[pd.DataFrame]:
    """Print sizes, means and SDs of groups; return their rows."""
    parts = [paper.values[paper.values[GROUP] == label] for label in labels]
    for label, part in zip(labels, parts, strict=True):
        paper.facts.append({"quantity": "n", "value": str(len(part)), "group": label})
        paper.described(part, names, group=label)
    return parts


DESIGNS: Mapping[str, Callable[[Paper], dict[str, Any]]] = {
    "one sample": _one_sample,
    "moderator": _moderated,
    "three groups": _three_groups,
    "separate": _separate,
    "two groups": _two_groups,
}
