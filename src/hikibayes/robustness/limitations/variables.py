"""Variables chosen by the data that they then explain: the rule in simulated studies, and the answer given the choice.

The rule takes the candidates whose correlation with the outcome is large, puts them and their products with group into
a regression, and speaks of products that are significant. Run in studies drawn from the record, it says how often the
same would be chosen and found; run where no slope differs between the groups, how often something is found for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from ... import apa
from ...arrays import BoolArray, FloatArray
from ...spec import InputError
from ...study.study import Limitation
from ...study.wording import term_name
from ..case import Case
from ..priors.shrinkage import pooled_answer, products
from ..treatment import Treatment
from .scenario import Answer, answered, as_noun, compared, known_from, numeric

NUMBERS = {"threshold": 0.4, "alpha": 0.05}
"""Correlation with the outcome from which a candidate is chosen; two-sided level of the products."""
STUDIES = 600
POINTS = 1201
REACH = 6.0


class Found(NamedTuple):
    """What the rule did in one study."""

    chosen: BoolArray
    """(candidates,)"""
    significant: BoolArray
    """(candidates,) whose product is; False for those not chosen."""
    estimate: FloatArray
    """(candidates,) products' coefficients; NaN for those not chosen."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of selection.

    Parameters
    ----------
    case : Case
        Whose data sets are the populations.
    candidates : tuple of str
        Measures to choose from.
    threshold, alpha : float
        As `NUMBERS`.
    """

    case: Case
    candidates: tuple[str, ...]
    threshold: float
    alpha: float

    @cached_property
    def covariates(self) -> tuple[str, ...]:
        """What the model holds equal besides group and candidates; a category as the 0/1 of its second level."""
        own = {*self.candidates, self.case.study.analysis.group}
        names = [name for name in self.case.model.variables[1:] if name not in own]
        return tuple(name for name in names if len(self.case.study.measure(name).levels) in (0, 2))

    def moments(self, table: pd.DataFrame, *, null: bool) -> list[tuple[int, FloatArray, FloatArray]]:
        """Return n, means and covariance of each group: outcome, candidates, covariates.

        With `null` every group has the covariance of all, pooled within: no slope differs.
        """
        groups = table[self.case.study.analysis.group].astype(str)
        columns = pd.DataFrame({name: self._numbers(table[name]) for name in self._names})
        parts = [columns[groups == name].to_numpy() for name in self.case.study.group_ids]
        cov = [np.cov(part, rowvar=False) for part in parts]
        if null:
            degrees = [len(part) - 1 for part in parts]
            cov = [np.average(cov, axis=0, weights=degrees)] * 2
        return [(len(part), part.mean(axis=0), own) for part, own in zip(parts, cov, strict=True)]

    @property
    def _names(self) -> tuple[str, ...]:
        return (self.case.model.outcome, *self.candidates, *self.covariates)

    def _numbers(self, column: pd.Series) -> FloatArray:
        levels = [level.id for level in self.case.study.measure(str(column.name)).levels]
        second = (column.astype(str) == levels[1]) if levels else column
        return np.asarray(second, dtype=np.float64)

    def apply(self, rows: FloatArray, group: FloatArray) -> Found:
        """Choose, fit and test in one study.

        Parameters
        ----------
        rows : array, shape (n, 1 + candidates + covariates)
            Outcome first.
        group : array, shape (n,)
            0 and 1.
        """
        z = (rows - rows.mean(axis=0)) / rows.std(axis=0, ddof=1)
        count = len(self.candidates)
        r = z[:, 0] @ z[:, 1 : count + 1] / (len(z) - 1)
        chosen = np.abs(r) > self.threshold
        estimate, p = np.full(count, np.nan), np.ones(count)
        if chosen.any():
            own = z[:, 1 : count + 1][:, chosen]
            X = np.column_stack([np.ones(len(z)), z[:, count + 1 :], group, own, group[:, None] * own])
            inverse = np.linalg.pinv(X.T @ X)
            beta = inverse @ (X.T @ z[:, 0])
            df = len(X) - X.shape[1]
            left = ((z[:, 0] - X @ beta) ** 2).sum() / df
            here = slice(-int(chosen.sum()), None)
            t = beta[here] / np.sqrt(left * np.diag(inverse)[here])
            estimate[chosen], p[chosen] = beta[here], 2 * stats.t.sf(np.abs(t), df)
        return Found(chosen, p < self.alpha, estimate)

    def studies(self, rng: np.random.Generator, *, null: bool) -> Iterator[Found]:
        """Draw studies of the same size, normal within each group, and apply the rule to each."""
        tables = self.case.data_sets
        per_table = -(-STUDIES // len(tables)) if len(tables) < STUDIES else 1
        for table in tables[:STUDIES]:
            groups = self.moments(table, null=null)
            group = np.repeat([0.0, 1.0], [n for n, *_ in groups])
            for _ in range(per_table):
                parts = [rng.multivariate_normal(mean, cov, n, method="eigh") for n, mean, cov in groups]
                yield self.apply(np.concatenate(parts), group)


def given_significance(
    estimate: FloatArray, se: FloatArray, prior_mean: FloatArray, prior_sd: FloatArray, *, alpha: float
) -> dict[str, float]:
    """Return the posterior of effects that are looked at because they were significant, data sets together.

    Parameters
    ----------
    estimate, se : array, shape (B,)
        Least-squares values and their standard errors.
    prior_mean, prior_sd : array, shape (B,)
        Normal prior.
    alpha : float
        Two-sided level.

    Returns
    -------
    dict
        ``mean, lower, upper, p_positive``; NaN where no data set is significant.

    Notes
    -----
    The likelihood is a normal one over the probability of being significant,
    ``φ((b - θ)/se) / (Φ(θ/se - c) + Φ(-θ/se - c))``: among studies that are looked at, small effects must have been
    exaggerated. On a grid.
    """
    critical = stats.norm.isf(alpha / 2)
    seen = np.abs(estimate) > critical * se
    if not seen.any():
        return dict.fromkeys(("mean", "lower", "upper", "p_positive"), float("nan"))
    estimate, se, prior_mean, prior_sd = (values[seen, None] for values in (estimate, se, prior_mean, prior_sd))
    end = REACH * float(np.max(se)) + float(np.abs(estimate).max())
    grid = np.linspace(-end, end, POINTS)
    chance = stats.norm.cdf(grid / se - critical) + stats.norm.cdf(-grid / se - critical)
    log = stats.norm.logpdf(estimate, grid, se) - np.log(chance) + stats.norm.logpdf(grid, prior_mean, prior_sd)
    density = np.exp(log - log.max(axis=1, keepdims=True))
    density = (density / density.sum(axis=1, keepdims=True)).mean(axis=0)
    total = np.cumsum(density) - 0.5 * density
    lower, upper = np.interp([0.025, 0.975], total, grid)
    positive = float(density[grid > 0].sum() + 0.5 * density[grid == 0].sum())
    return {"mean": float(density @ grid), "lower": float(lower), "upper": float(upper), "p_positive": positive}


def variables_of(case: Case, said: Limitation, *, rng: np.random.Generator) -> Answer:
    """Ask how often the rule would choose and find the same, and what the answer is given that it was found."""
    focal, *_ = compared(case, "variables")
    numbers = said.numbers
    if focal not in said.of:
        raise InputError(
            "limitation 'variables' needs 'of', the measures that were chosen from, the focal one among them"
        )
    if not (0 < numbers["threshold"] < 1 and 0 < numbers["alpha"] < 1):
        raise InputError("limitation 'variables': threshold and alpha must lie between 0 and 1")
    if absent := [name for name in said.of if name not in case.data_sets[0]]:
        raise InputError(f"limitation 'variables': these data have no {absent[0]!r}, from which was chosen")
    numeric(case, said.of, "variables")
    rule = Rule(case=case, candidates=said.of, threshold=numbers["threshold"], alpha=numbers["alpha"])
    table, summary = _simulated(rule, focal, rng)
    treatment = Treatment(stats=case.design.statistics, weights=case.focal)
    marginal = case.marginal
    wide = np.full(len(treatment.estimate), np.inf)
    mean, sd = (wide * 0 if part is None else part[:, 0] for part in (marginal.prior_mean, marginal.prior_sd))
    sd = np.where(sd > 0, sd, 1e3)
    now = given_significance(treatment.estimate, treatment.se, mean, sd, alpha=rule.alpha)
    if not np.isfinite(now["mean"]):
        raise InputError("the answer is not significant by least squares in any data set: nothing was chosen by that")
    together = pooled_answer(case)
    answers = pd.DataFrame(
        [
            {"answer": "as it is", **known_from(marginal)},
            {"answer": "given that it was significant", **now},
            *([{"answer": "all products drawn to 0 together", **known_from(together)}] if together else []),
        ]
    )
    same, some, nothing = (summary[name] for name in ("same_found", "some_product", "some_product_null"))
    return Answer(
        corrected=now,
        tables={"limitation_variables": table, "limitation_variables_answers": answers},
        what="P(the rule finds the product again)",
        values=np.full(len(case.data_sets), same),
        known=f"{len(products(case))} products were looked at",
        assumed="that this product was spoken of because it was significant; normal scores in the simulated studies",
        sentence=(
            f"Given that it was looked at because it was significant, the {as_noun(case)} is {answered(case, now)}."
            f" In studies drawn from the record the rule chooses the same {int(summary['chosen'])} of"
            f" {len(rule.candidates)} variables in {apa.percent(summary['same_set'])} of them, finds the product of"
            f" {term_name(case.study, focal)} in {apa.percent(same)} and some product in {apa.percent(some)}; where no"
            f" slope differs, some product in {apa.percent(nothing)}."
        ),
    )


def _simulated(rule: Rule, focal: str, rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, float]]:
    rows: list[pd.DataFrame] = []
    summary: dict[str, float] = {}
    mine = np.array([name in rule.case.model.variables for name in rule.candidates])
    at = rule.candidates.index(focal)
    for null in (False, True):
        found = list(rule.studies(rng, null=null))
        chosen, significant, estimate = (np.stack([getattr(each, name) for each in found]) for name in Found._fields)
        columns = {"chosen": chosen.mean(axis=0), "found": significant.mean(axis=0)}
        with np.errstate(invalid="ignore"):
            columns["estimate_found"] = np.array(
                [_mean(own[s]) for own, s in zip(estimate.T, significant.T, strict=True)]
            )
        rows.append(
            pd.DataFrame({"slopes": "none differs" if null else "as recorded", "measure": rule.candidates, **columns})
        )
        end = "_null" if null else ""
        summary |= {
            f"same_set{end}": float((chosen == mine).all(axis=1).mean()),
            f"same_found{end}": float(significant[:, at].mean()),
            f"some_product{end}": float(significant.any(axis=1).mean()),
        }
    table = pd.concat(rows, ignore_index=True).assign(in_model=[*mine, *mine])
    return table, {**summary, "chosen": int(mine.sum())}


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else float("nan")
