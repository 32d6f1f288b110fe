"""Scores are not what they measure: the answer about true scores, by stated reliabilities and by worse ones.

Error of measurement weakens slopes, and a group in which a score is less reliable looks like one in which it matters
less. What is stated of a reliability is the whole sample's; within a group, where people differ less, it is lower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ... import apa
from ...arrays import FloatArray
from ...distributions import Distribution
from ...inference.gaussian.exact import posterior
from ...inference.gaussian.mixture import Mixture
from ...inference.gaussian.sufficient import SufficientStatistics
from ...inference.models.compile import exact_priors
from ...spec import InputError
from ...study.reliability import stated_reliability
from ...study.study import Limitation
from ...study.wording import group_name, term_name
from ..case import Case
from ..treatment import Treatment
from .errors import ErrorModel, product_reliability
from .scenario import Answer, answered, as_noun, crossing, first_sets, known_from, limits, spread, tip

NUMBERS = {"worse": 0.1}
"""How much lower than stated a reliability is taken to be, in its row of the table."""
GRID = np.linspace(1.0, 0.1, 19)
TRIES = 10
"""How often reliabilities are drawn for a data set in which they cannot be."""
COPIES = 100
"""A data set of one's own is taken so often, each time with other reliabilities."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A case whose scores have error.

    Parameters
    ----------
    case : Case
        What is analysed.
    stated : mapping of str to Distribution
        Reliability of each measure's score in the whole sample; measures of which nothing is stated have no error here.
    """

    case: Case
    stated: Mapping[str, Distribution]

    @cached_property
    def model(self) -> ErrorModel:
        """What errors do to the case's columns."""
        return ErrorModel(design=self.case.design)

    @cached_property
    def middle(self) -> dict[str, float]:
        """The median of what is stated."""
        return {name: _quantile(how, 0.5) for name, how in self.stated.items()}

    def statistics(self, reliability: Mapping[str, FloatArray], seen: FloatArray | None = None) -> SufficientStatistics:
        """Return the regression on true scores, given each measure's reliability (B,) in the whole sample."""
        everywhere = {name: 1 - values for name, values in reliability.items()}
        return self.model.corrected(self.model.error(dict.fromkeys(self.model.groups, everywhere)), seen=seen)

    def alone(self, name: str, reliability: float, group: str | None = None) -> FloatArray:
        """Least-squares value of the estimand where one measure alone has error, (B,); NaN where that cannot be.

        With a group the reliability is that group's, and the other's is as stated.
        """
        at = {g: reliability if group in (None, g) else self.middle[name] for g in self.model.groups}
        variances = {g: {name: np.full(len(self.case.data_sets), 1 - own)} for g, own in at.items()}
        return self.of(self.model.corrected(self.model.error(variances)))

    def of(self, stats: SufficientStatistics) -> FloatArray:
        """Least-squares value of the estimand, (B,)."""
        possible = np.isfinite(stats.sxy).all(axis=1)
        found = np.full(len(stats), np.nan)
        found[possible] = Treatment(stats=stats.take(possible), weights=self.case.focal[possible]).estimate
        return found

    def marginal(self, lower: Mapping[str, float] | None = None, *, rng: np.random.Generator) -> Mixture:
        """Posterior of the estimand about true scores, some reliabilities lower, where they can be.

        Notes
        -----
        Two scores cannot correlate more than their reliabilities allow. So reliabilities are drawn anew for a data set
        in which they leave nothing true, some times over, and data sets without any are left out. What calibrates the
        columns is itself estimated: from people weighted at random (the Bayesian bootstrap), a draw for each data set,
        so that the data sets together carry its uncertainty.
        """
        kept = self._corrected(lower or {}, rng)
        possible = np.isfinite(kept.sxy).all(axis=1)
        if not possible.any():
            raise InputError("with these reliabilities next to nothing of the scores would be true, in any data set")
        priors = exact_priors(self.case.design, self.case.variant).take(np.flatnonzero(possible))
        return posterior(kept.take(possible), priors).marginal(self.case.focal[possible][:, None])

    def _corrected(self, lower: Mapping[str, float], rng: np.random.Generator) -> SufficientStatistics:
        """Return each data set's first statistics, of so many tries, that can be."""
        tries = [self.statistics(self._drawn(lower, rng), self._reweighted(rng)) for _ in range(TRIES)]
        first = np.isfinite([each.sxy for each in tries]).all(axis=2).argmax(axis=0)
        chosen: dict[str, Any] = {
            name: np.stack([getattr(each, name) for each in tries])[first, np.arange(len(first))]
            for name in ("sxx", "sxy", "syy")
        }
        return replace(tries[0], **chosen)

    def _drawn(self, lower: Mapping[str, float], rng: np.random.Generator) -> dict[str, FloatArray]:
        size = len(self.case.data_sets)
        return {
            name: np.maximum(_draws(how, size, rng) - lower.get(name, 0.0), 0.01) for name, how in self.stated.items()
        }

    def within(self) -> pd.DataFrame:
        """Return what is stated of each measure's reliability, and what it is in each group, and in products."""
        rows = []
        for name, total in self.middle.items():
            for group, variance in self._group_variances(name).items():
                own = float(np.median(1 - (1 - total) / variance))
                rows.append({"what": name, "group": group, "whole": total, "reliability": own})
        frame = self.case.design.frame
        for term in self.case.design.terms:
            pair = tuple(self.model.numbers_of(term))
            if len(pair) == 2 and set(pair) <= set(self.middle):
                rho = float(frame[pair[0]].corr(frame[pair[1]]))
                own = float(product_reliability(self.middle[pair[0]], self.middle[pair[1]], rho))
                rows.append({"what": term, "group": "", "whole": own, "reliability": own})
        return pd.DataFrame(rows, columns=["what", "group", "whole", "reliability"])

    def _group_variances(self, name: str) -> dict[str, FloatArray]:
        values = self.case.design.frame[name].to_numpy(dtype=np.float64).reshape(self.case.design.y.shape)
        values = values / self.model.unit(name)[:, None]
        return {
            g: np.array([row[m].var(ddof=1) for row, m in zip(values, own, strict=True)])
            for g, own in self.model.groups.items()
        }

    def _reweighted(self, rng: np.random.Generator) -> FloatArray:
        rows = self.case.design.rows
        weights = rng.exponential(size=rows.shape[:2])
        weights *= rows.shape[1] / weights.sum(axis=1, keepdims=True)
        centred = rows - np.einsum("bn,bnp->bp", weights, rows)[:, None] / rows.shape[1]
        return np.asarray((weights[..., None] * centred).swapaxes(1, 2) @ centred)


def measurement_of(case: Case, said: Limitation, *, rng: np.random.Generator) -> Answer:
    """Ask what the answer is about true scores, and how unreliable a score must be for it to vanish."""
    stated = _stated(case, said)
    focal = case.estimand.of if case.estimand.of in stated else next(iter(stated))
    whole = case if case.synthetic else replace(case, data_sets=case.data_sets * COPIES)
    measured = Measured(case=whole, stated=stated)
    few = Measured(case=first_sets(case), stated=stated)
    curves = {name: np.stack([few.alone(name, float(r)) for r in GRID]) for name in stated}
    one_sided = {g: np.stack([few.alone(str(focal), float(r), g) for r in GRID]) for g in few.model.groups}
    group, at = _tipping(one_sided)
    now = known_from(measured.marginal(rng=rng))
    naive = known_from(case.marginal)
    tables = {
        "limitation_measurement": _scenarios(few, said.numbers["worse"], naive, now, rng),
        "limitation_measurement_curves": _curves(curves, one_sided, focal),
        "limitation_reliability": _sources(measured),
        "limitation_measurement_styles": _styles(few),
    }
    label = term_name(case.study, str(focal))
    whose = f"in the {group_name(case.study, group)} alone" if group else "in the sample"
    what = f"reliability of {label} {whose}"
    stands = (
        f"Corrected for the reliabilities that are stated, the {as_noun(case)} is {answered(case, now)}"
        f" instead of {apa.value(naive['mean'], case.estimand.unit)}"
    )
    falls = (
        f"a reliability of {label} of {tip(at)} {whose}, as stated elsewhere, would leave nothing of it"
        if np.isfinite(spread(at)[0])
        else f"no reliability of {label} in one group alone leaves nothing of it while something of the score is true"
    )
    assumed = [name for name in stated if stated[name].dist != "Constant"]
    return Answer(
        corrected=now,
        tables=tables,
        what=what,
        values=at,
        known=f"stated: {_range(stated[focal])}",
        assumed="error alike in both groups" + (f"; the reliability of {len(assumed)} measures" if assumed else ""),
        sentence=f"{stands}; {falls}.",
    )


def _stated(case: Case, said: Limitation) -> dict[str, Distribution]:
    found = {}
    for name in said.of or case.model.variables[1:]:
        if case.study.measure(name).kind == "category":
            continue
        try:
            found[name] = stated_reliability(case.study, name)
        except InputError:
            if said.of:
                raise
    found = {name: how for name, how in found.items() if name in case.model.variables[1:]}
    if not found:
        raise InputError("nothing is stated of the reliability of any predictor of the model (quantity 'alpha')")
    return found


def _draws(how: Distribution, size: int, rng: np.random.Generator) -> FloatArray:
    drawn = np.full(size, how.value) if how.dist == "Constant" else how.frozen().rvs(size, random_state=rng)
    return np.asarray(drawn, dtype=np.float64)


def _quantile(how: Distribution, probability: float) -> float:
    return float(how.parameters["value"] if how.dist == "Constant" else how.frozen().ppf(probability))


def _tipping(one_sided: Mapping[str, FloatArray]) -> tuple[str, FloatArray]:
    """Return the group in which the least unreliability is enough, and that reliability in each data set."""
    found = {group: crossing(GRID, values) for group, values in one_sided.items()}
    group = max(found, key=lambda g: np.nan_to_num(spread(found[g])[0], nan=-1.0))
    return group, found[group]


def _scenarios(
    measured: Measured,
    worse: float,
    naive: Mapping[str, float],
    corrected: Mapping[str, float],
    rng: np.random.Generator,
) -> pd.DataFrame:
    rows = [{"scenario": "as observed", **naive}, {"scenario": "as stated", **corrected}]
    for name in measured.stated if worse > 0 else ():
        try:
            found = known_from(measured.marginal({name: worse}, rng=rng))
        except InputError:
            found = {}
        rows.append({"scenario": f"{name} {worse:g} lower", **found})
    return pd.DataFrame(rows).assign(basis=["no error", "stated", *["assumed"] * (len(rows) - 2)])


def _curves(curves: Mapping[str, FloatArray], one_sided: Mapping[str, FloatArray], focal: str | None) -> pd.DataFrame:
    named = {(name, ""): values for name, values in curves.items()}
    named |= {(str(focal), group): values for group, values in one_sided.items() if group}
    rows = []
    for (name, group), values in named.items():
        for reliability, own in zip(GRID, values, strict=True):
            row = {"measure": name, "group": group, "reliability": reliability, **limits(own)}
            rows.append({**row, "possible": float(np.isfinite(own).mean())})
    return pd.DataFrame(rows)


def _sources(measured: Measured) -> pd.DataFrame:
    table = measured.within()
    source = {name: "printed" if how.dist == "Constant" else "assumed" for name, how in measured.stated.items()}
    return table.assign(source=table["what"].map(source).fillna("by formula"))


def _styles(few: Measured) -> pd.DataFrame:
    """Return the answer if all scales shared a style of answering, and if scores end where they would go on."""
    study, design = few.case.study, few.case.design
    scales = tuple(name for name in design.model.variables if study.measure(name).kind == "scale")
    rows: list[dict[str, object]] = []
    for share in (0.0, 0.02, 0.04, 0.06, 0.08, 0.1) if len(scales) > 1 else ():
        xx, xy, yy = few.model.shared(scales, np.full(len(few.case.data_sets), share))
        style = {"what": "share of variance that is a style of answering", "group": "", "value": share}
        rows.append({**style, **limits(few.of(few.model.corrected(xx, xy, yy)))})
    outcome, values = study.measure(design.model.outcome), few.case.numbers(design.model.outcome)
    for group, mask in few.model.groups.items():
        for what, end in zip(("floor", "ceiling"), outcome.limits, strict=True):
            at = np.array([(row[own] == end).mean() for row, own in zip(values, mask, strict=True)])
            rows.append({"what": f"share of outcomes at the {what}", "group": group, **limits(at, "value")})
    return pd.DataFrame(rows, columns=["what", "group", "value", "estimate", "lower", "upper"])


def _range(how: Distribution) -> str:
    if how.dist == "Constant":
        return apa.bounded(how.value)
    low, high = (_quantile(how, p) for p in (0.025, 0.975))
    return f"{apa.bounded(low)} to {apa.bounded(high)}, assumed"
