"""What everybody would have said, if who takes part depends on the outcome, on the focal measure, or on both.

The log odds of taking part are linear in both, within a group. The participants' own chances then follow, so that each
counts for one over them: the study as it would have been with everybody in it. Populations made that way, and selected
by the same chances, return the sample that was published.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ...arrays import BoolArray, FloatArray
from ...inference.gaussian.exact import posterior
from ...inference.gaussian.mixture import Mixture
from ...inference.gaussian.sufficient import SufficientStatistics
from ...inference.models.compile import exact_priors
from ...spec import InputError
from ...study.study import Limitation
from ...study.wording import everybody, group_name, term_name
from ..case import Case
from ..treatment import Treatment
from ..weighting import Population
from .scenario import Answer, answered, as_noun, crossing, first_sets, known_from, numeric, spread, tip, z_scores

NUMBERS = {"share": 0.5, "odds_ratio": 2.0}
"""Share of those asked who take part; and the odds ratio per SD at which the answer is shown."""
PATTERNS = {
    "outcome": (1.0, 0.0, 0.0),
    "focal": (0.0, 1.0, 0.0),
    "both": (1.0, 1.0, 0.0),
    "opposite": (1.0, -1.0, 0.0),
    "product": (0.0, 0.0, 1.0),
}
"""What taking part depends on: outcome, focal measure, and their product, in log odds per SD (or SD times SD)."""
STRONGEST = float(np.log(20))
STEPS = 11
SURFACE = np.log([1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0])
POPULATION = 20_000
SIMULATED = 10

type Strength = Sequence[float] | FloatArray
"""Log odds of taking part per SD of the outcome, of the focal measure, and per unit of their product."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A case whose participants may have been chosen by what was measured.

    Parameters
    ----------
    case : Case
        What is analysed.
    measures : tuple of str
        Outcome and focal measure.
    share : float
        Of those asked, who take part.
    """

    case: Case
    measures: tuple[str, str]
    share: float

    @cached_property
    def scores(self) -> tuple[FloatArray, FloatArray]:
        """Both measures as z scores in each data set, (B, n)."""
        outcome, focal = (z_scores(self.case, name) for name in self.measures)
        return outcome, focal

    @cached_property
    def groups(self) -> dict[str, BoolArray]:
        """Who is meant: each group alone, and everybody; each (B, n)."""
        column, everybody = self.case.study.analysis.group, np.ones(self.scores[0].shape, dtype=np.bool_)
        if not column or column not in self.case.data_sets[0]:
            return {"everybody": everybody}
        labels = self.case.labels(column)
        return {**{name: labels == name for name in self.case.study.group_names}, "everybody": everybody}

    def weights(self, who: str, strength: Strength) -> FloatArray:
        """Return how many of those asked each participant stands for, (B, n); the groups keep their sizes."""
        y, x = self.scores
        lean = np.where(self.groups[who], strength[0] * y + strength[1] * x + strength[2] * y * x, 0.0)
        weights = np.empty_like(lean)
        for own in [mask for name, mask in self.groups.items() if name != "everybody"] or [self.groups["everybody"]]:
            weights = np.where(own, 1 / chances(lean, own, self.share), weights)
        return weights * self.share

    def statistics(self, weights: FloatArray, *, worth: bool = False) -> SufficientStatistics:
        """Reduce the weighted rows; `worth` counts them for as many people as unequal weights are worth (Kish)."""
        if worth:
            weights = weights * (weights.sum(axis=1) / (weights**2).sum(axis=1))[:, None]
        return Population.of_each(weights).statistics(self.case.design)

    def contrast(self, who: str, strength: Strength) -> FloatArray:
        """Least-squares value of the estimand among all who were asked, (B,)."""
        return Treatment(stats=self.statistics(self.weights(who, strength)), weights=self.case.focal).estimate

    def marginal(self, who: str, strength: Strength) -> Mixture:
        """Posterior of the estimand among all who were asked."""
        stats = self.statistics(self.weights(who, strength), worth=True)
        return posterior(stats, exact_priors(self.case.design, self.case.variant)).marginal(self.case.focal[:, None])

    def curves(self) -> Iterator[tuple[dict[str, str], FloatArray, FloatArray]]:
        """Yield who and pattern, log odds ratios from 0 outwards, and the estimand there, (K, B)."""
        outwards = np.linspace(0, STRONGEST, STEPS)
        for who in self.groups:
            for pattern, parts in PATTERNS.items():
                for sign in (1, -1):
                    values = [self.contrast(who, sign * size * np.array(parts)) for size in outwards]
                    yield {"who": who, "pattern": pattern}, sign * outwards, np.stack(values)


def chances(lean: FloatArray, own: BoolArray, share: float) -> FloatArray:
    """Return the chance that each participant had of taking part, (B, n).

    Parameters
    ----------
    lean : array, shape (B, n)
        Log odds, but for a constant.
    own : array of bool, shape (B, n)
        Whose group it is.
    share : float
        Of those asked, who took part; it fixes the constant.

    Notes
    -----
    With chances π the participants stand for 1/π people each, so that the mean of 1/π over them is 1/share. With log
    odds t + η, 1/π = 1 + exp(-t - η), and t follows.
    """
    odds = np.exp(-np.where(own, lean, 0.0))
    mean = (odds * own).sum(axis=1, keepdims=True) / own.sum(axis=1, keepdims=True)
    return np.asarray(1 / (1 + (1 / share - 1) * odds / mean))


def panel_of(case: Case, said: Limitation, *, rng: np.random.Generator) -> Answer:
    """Ask how strongly taking part must depend on what was measured for the answer to vanish."""
    analysis, numbers = case.study.analysis, said.numbers
    measures = said.of or tuple(name for name in (case.model.outcome, case.estimand.of or analysis.focal) if name)
    if len(measures) != 2:
        raise InputError(f"limitation 'panel' is about the outcome and one more measure; found {len(measures)}")
    numeric(case, measures, "panel")
    if not (0 < numbers["share"] < 1 and numbers["odds_ratio"] > 0):
        raise InputError("limitation 'panel': share must lie between 0 and 1, and odds_ratio above 0")
    few = Panel(case=first_sets(case), measures=(measures[0], measures[1]), share=numbers["share"])
    curves = list(few.curves())
    tipped = [(about, crossing(np.abs(grid), values), grid, values) for about, grid, values in curves]
    about, at, grid, _ = min(tipped, key=lambda each: _rank(each[1], each[3]))
    sign, size = float(np.sign(grid[-1])), float(np.log(numbers["odds_ratio"]))
    strength = sign * abs(size) * np.array(PATTERNS[about["pattern"]])
    everyone = Panel(case=case, measures=few.measures, share=few.share)
    tables = {
        "limitation_panel": _table(curves),
        "limitation_panel_surface": _surface(few),
        "limitation_panel_simulated": _simulated(few, about, strength, rng),
    }
    words = _words(case, few.measures, about, sign)
    now = known_from(everyone.marginal(about["who"], strength))
    ratio = max(numbers["odds_ratio"], 1 / numbers["odds_ratio"])
    falls = (
        f"a factor of {tip(np.exp(at), 1)} would leave nothing of it"
        if np.isfinite(spread(at)[0])
        else "no factor up to 20 leaves nothing of it"
    )
    sentence = (
        f"If the odds of taking part changed by a factor of {ratio:g} {words}, the {as_noun(case)} among all who were"
        f" asked would be {answered(case, now)}; {falls}."
    )
    return Answer(
        corrected=now,
        tables=tables,
        what=f"odds ratio of taking part {words}",
        values=np.exp(at),
        known="who was asked and did not take part is not printed",
        assumed=f"{numbers['share']:.0%} of those asked took part; an odds ratio of {numbers['odds_ratio']:g}",
        sentence=sentence,
    )


def _rank(at: FloatArray, values: FloatArray) -> tuple[bool, float]:
    """Order patterns by how weak a dependence is enough; those that never are, by what they leave."""
    middle = spread(at)[0]
    if np.isfinite(middle):
        return False, middle
    return True, float(np.median(values[-1] * np.sign(values[0])))


def _table(curves: list[tuple[dict[str, str], FloatArray, FloatArray]]) -> pd.DataFrame:
    rows = []
    for about, grid, values in curves:
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95], axis=1)
        columns = {"odds_ratio": np.exp(grid), "estimate": middle, "lower": low, "upper": high}
        rows.append(pd.DataFrame({**about, **columns}))
    return pd.concat(rows, ignore_index=True).drop_duplicates(["who", "pattern", "odds_ratio"], ignore_index=True)


def _surface(panel: Panel) -> pd.DataFrame:
    """Return what everybody would have said, by how taking part depends on outcome and focal measure in one group."""
    who = list(panel.groups)[-2 if len(panel.groups) > 1 else 0]
    plain = np.median(panel.contrast(who, (0.0, 0.0, 0.0)))
    rows = []
    for a in SURFACE:
        for b in SURFACE:
            value = float(np.median(panel.contrast(who, (float(a), float(b), 0.0))))
            odds = {"odds_ratio_outcome": np.exp(a), "odds_ratio_focal": np.exp(b)}
            rows.append({"who": who, **odds, "estimate": value, "bias": float(plain - value)})
    return pd.DataFrame(rows)


def _simulated(panel: Panel, about: dict[str, str], strength: Strength, rng: np.random.Generator) -> pd.DataFrame:
    """Make populations, let people take part by their chances, and set what is found beside what was published."""
    weights = panel.weights(about["who"], strength)[:SIMULATED]
    few = Panel(case=first_sets(panel.case, SIMULATED), measures=panel.measures, share=panel.share)
    rows = []
    for i, own in enumerate(weights):
        people = rng.multinomial(POPULATION, own / own.sum())
        taking_part = rng.binomial(people, np.minimum(panel.share / own, 1.0))
        found = {"everybody": people, "participants": taking_part, "published": np.ones(len(own))}
        rows.append({"data_set": i + 1, **about, **{name: _one(few, i, counts) for name, counts in found.items()}})
    return pd.DataFrame(rows)


def _one(panel: Panel, i: int, counts: FloatArray) -> float:
    stats = Population(weights=counts[None].astype(float), index=np.array([i])).statistics(panel.case.design)
    return float(Treatment(stats=stats, weights=panel.case.focal[[i]]).estimate[0])


def _words(case: Case, measures: tuple[str, str], about: dict[str, str], sign: float) -> str:
    outcome, focal = (term_name(case.study, name) for name in measures)
    who = about["who"]
    together = f", in {everybody(case.study)} alike" if case.study.groups else ""
    among = together if who == "everybody" else f", in the {group_name(case.study, who)} alone"
    more, less = ("higher", "lower") if sign > 0 else ("lower", "higher")
    per = {
        "outcome": f"for each SD of {more} {outcome}",
        "focal": f"for each SD of {more} {focal}",
        "both": f"for each SD of {more} {outcome}, and as much for each SD of {more} {focal}",
        "opposite": f"for each SD of {more} {outcome}, and as much for each SD of {less} {focal}",
        "product": f"for each unit of {'' if sign > 0 else 'minus '}{outcome} times {focal}, in SD from their means",
    }
    return f"{per[about['pattern']]}{among}"
