"""What the answer would be if the groups had been alike in a category in which they differ.

The counts behind the imbalance need not be printed: they vary over the data sets that the record allows, and are
integrated over. What the category does to a slope need not be printed either. Then the data sets hold nothing of it but
chance, adjusting for it shows what that costs, and how strong it would have to be is asked for instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ...defaults import DEFAULT_SEED, DEFAULT_STUDY
from ...inference.answers.estimates import exact_estimates
from ...inference.fit import Fit
from ...renamed import renamed
from ...shown import Shown
from ...spec import InputError
from ...study.study import Estimand, Study
from ..case import Case, case_of
from ..tipping import COLUMNS as TIPPING
from ..treatment import Treatment
from ..weighting import Population
from .adjustments import Adjustable
from .balance import Balance, Mix, balance_of, mixes_of
from .mixes import everybody, matching, reweighting, within
from .tipping import Omitted, omitted_product, tipping_rows

COLUMNS = (
    *("study", "balance", "level", "estimand", "unit", "approach", "what", "is_own", "n", "datasets"),
    *("mean", "sd", "lower", "upper", "p_positive", "sd_within", "sd_between", "ols", "change", "note"),
)
"""Columns of ``imbalance.csv``. ``approach`` is model, standardised, weighted, matched or within; ``what`` says which;
``n`` is for how many people it counts, and ``change`` the mean less that of the case's own model."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Imbalance(Shown):
    """What becomes of the estimates. Every table is a file of its name.

    Parameters
    ----------
    case : Case
        What was analysed.
    balance : Balance
        The category in which the groups differ.
    imbalance : pandas.DataFrame
        Every estimand under every adjustment, with `COLUMNS`.
    imbalance_mixes : pandas.DataFrame
        Columns ``what, group, share, why``: the mixes that were looked at, averaged over the data sets.
    imbalance_shares : pandas.DataFrame
        By data set: columns ``dataset, group, share, estimand, mean`` (under the case's own model), and for the case's
        estimand ``leverage, inflation`` (see `hikibayes.robustness.imbalance.tipping`).
    imbalance_surface, imbalance_followup, imbalance_costs : pandas.DataFrame
        What is left of a difference of slopes over imbalance and effect, what a balanced study of the same size would
        find, and how many more people an imbalance asks for; empty where the case is about something else.
    tipping : pandas.DataFrame
        What would have to be true of the category for the conclusion to fail; see `hikibayes.robustness.tipping`.
    """

    case: Case
    balance: Balance
    imbalance: pd.DataFrame
    imbalance_mixes: pd.DataFrame
    imbalance_shares: pd.DataFrame
    imbalance_surface: pd.DataFrame
    imbalance_followup: pd.DataFrame
    imbalance_costs: pd.DataFrame
    tipping: pd.DataFrame

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Tables with rows, by name, without the tipping rows."""
        each = {name: table for name, table in vars(self).items() if isinstance(table, pd.DataFrame)}
        return {name: table for name, table in each.items() if name != "tipping" and len(table)}


@renamed()
def imbalance(
    what: str | Path | Study | Fit | Case = DEFAULT_STUDY,
    balance: str | None = None,
    *,
    seed: int = DEFAULT_SEED,
    shares: Mapping[str, float] | None = None,
    mix: Mapping[str, float] | None = None,
    datasets: int = 200,
    tell: Callable[[str], None] | None = None,
    **readings: str,
) -> Imbalance:
    """Ask what the groups' imbalance in a category does to every estimand of the answering model.

    Parameters
    ----------
    what : str, Path, Study, Fit or Case
        The name of a shipped study, a study file, the folder of a fit, or one of these that is loaded already.
    balance : str, optional
        The category, of two levels; by default the one whose difference between the groups the record prints.
    seed : int
        Everything random follows from it.
    shares : mapping of str to float, optional
        A mix to look at beside the usual ones: share of the category's level in each group.
    mix : mapping of str to float, optional
        The same for every group: share of each level.
    datasets : int
        Versions of a study's sample; a fit has its own data.
    tell : callable, optional
        Told what begins.
    **readings : str
        Option by reading, of a study.

    Returns
    -------
    Imbalance

    Raises
    ------
    InputError
        No such category, a group in which all have the same level, a share outside 0 and 1, a mix that does not sum to
        1, and whatever `case_of` raises.

    Examples
    --------
    ::

        import hikibayes
        found = hikibayes.imbalance("nonaka2021", seed=1, shares={"control": 0.5, "hikikomori": 0.4})
        print(found.tipping["sentence"].to_string(index=False))
    """
    case = case_of(what, datasets=datasets, seed=seed, tell=tell, **readings)
    found = balance_of(case, balance)
    case = _about_others(case, found.measure)
    mixes = mixes_of(found, by_group=shares, by_level=mix)
    say = tell or (lambda _: None)
    say(f"balancing {found.measure}")
    job = _Job(case=case, balance=found, mixes=mixes, seed=seed)
    omitted = job.omitted
    if omitted is None:
        say(f"what {found.measure} would have to do to the answer is not asked: the model has it in, or leaves it open")
    return Imbalance(
        case=case,
        balance=found,
        imbalance=job.table,
        imbalance_mixes=job.mix_table,
        imbalance_shares=job.share_table,
        imbalance_surface=omitted.surface() if omitted else pd.DataFrame(),
        imbalance_followup=omitted.followup(job.rng("followup")) if omitted else pd.DataFrame(),
        imbalance_costs=omitted.costs() if omitted else pd.DataFrame(),
        tipping=pd.DataFrame(tipping_rows(omitted) if omitted else [], columns=list(TIPPING)),
    )


def _about_others(case: Case, balance: str) -> Case:
    """Return a case with the estimands that are not about the category itself: a model without it has none of those."""

    def about(estimand: Estimand) -> bool:
        return balance in {*estimand.about, *estimand.at}

    if about(case.estimand):
        raise InputError(
            f"{case.estimand.name!r}, what is asked, is about {balance!r} itself; imbalance asks what a category does "
            "to an answer about something else",
            key="balance",
        )
    asked = (*case.answers.linear, *case.answers.variance)
    kept = tuple(estimand.name for estimand in asked if not about(estimand))
    return replace(case, model=case.model.replace(estimands=kept))


# -- stages ---------------------------------------------------------------------------------------------------------

STAGES = ("matching", "followup")
MATCHED = 50
"""Random choices of matched participants, together; at least one in each data set."""


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One case and one category."""

    case: Case
    balance: Balance
    mixes: tuple[Mix, ...]
    seed: int

    def rng(self, stage: str) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(STAGES.index(stage),)))

    @cached_property
    def adjustable(self) -> Adjustable:
        return Adjustable(case=self.case, balance=self.balance)

    # -- every adjustment -------------------------------------------------------------------------------------------

    @cached_property
    def table(self) -> pd.DataFrame:
        stacked = pd.concat(list(self._adjustments()), ignore_index=True)
        found = replace(self.case.answers, variance=())
        own = exact_estimates(self.case.posterior(), found, rng=np.random.default_rng(0))
        change = stacked["mean"] - stacked["estimand"].map(own.set_index("estimand")["mean"])
        study = {"study": self.case.study.id, "balance": self.balance.measure, "level": self.balance.level}
        return stacked.assign(change=change, **study)[list(COLUMNS)]

    def _adjustments(self) -> Iterator[pd.DataFrame]:
        all_of_them, own = everybody(self.balance), self.adjustable.own
        for extra in self.adjustable.models:
            table = self.adjustable.estimates(extra, all_of_them)
            yield table.assign(approach="model", what=extra, is_own=extra == own, note="")
        for mix in self.mixes:
            table = self.adjustable.estimates("three_way", all_of_them, self.adjustable.at_mix(mix.shares))
            yield table.assign(approach="standardised", what=mix.name, is_own=False, note="")
        for mix in self.mixes:
            yield self._unadjusted("weighted", mix.name, reweighting(self.balance, mix.shares))
        times = -(-MATCHED // len(self.case.data_sets))
        matched = matching(self.balance, self.rng("matching"), times=times)
        yield self._unadjusted("matched", "equal_counts", matched)
        for level in (self.balance.level, self.balance.other):
            yield self._within(level)

    def _unadjusted(self, approach: str, what: str, population: Population, note: str = "") -> pd.DataFrame:
        table = self.adjustable.estimates("unadjusted", population)
        return table.assign(approach=approach, what=what, is_own=False, note=note)

    def _within(self, level: str) -> pd.DataFrame:
        """Estimate among the participants of one level, or say why not."""
        needed, of = len(self.adjustable.columns("unadjusted")) + 1, len(self.case.data_sets)
        population = within(self.balance, level, needed)
        left_out = of - len(population.index)
        few = f"a group has fewer than {needed} {self.balance.name(level)} participants, one for each coefficient"
        if not len(population.index):
            estimands = self.case.answers.linear
            rows = {"estimand": [e.name for e in estimands], "unit": [e.unit for e in estimands]}
            empty = pd.DataFrame(rows, columns=list(COLUMNS)).assign(approach="within", what=level, is_own=False)
            return empty.assign(datasets=0, note=f"not estimated: {few}")
        note = f"in {left_out} of {of} data sets {few}; they are left out" if left_out else ""
        return self._unadjusted("within", level, population, note)

    # -- what was looked at -----------------------------------------------------------------------------------------

    @property
    def mix_table(self) -> pd.DataFrame:
        seen = Mix(name="as_sampled", shares=self.balance.shares, why="as the groups are")
        rows = [
            {"what": mix.name, "group": group, "share": float(mix.shares[:, g].mean()), "why": mix.why}
            for mix in (seen, *self.mixes)
            for g, group in enumerate(self.case.study.group_names)
        ]
        return pd.DataFrame(rows)

    @property
    def share_table(self) -> pd.DataFrame:
        means = self.case.posterior().marginal(self.case.answers.weights).mean()
        parts = []
        for j, estimand in enumerate(self.case.answers.linear):
            own = self.omitted if estimand == self.case.estimand else None
            for g, group in enumerate(self.case.study.group_names):
                columns = {
                    "dataset": np.arange(1, len(means) + 1),
                    "share": self.balance.shares[:, g],
                    "mean": means[:, j],
                    "leverage": own.leverage if own else np.nan,
                    "inflation": own.inflation if own else np.nan,
                }
                parts.append(pd.DataFrame(columns).assign(group=group, estimand=estimand.name))
        stacked = pd.concat(parts, ignore_index=True)
        return stacked[["dataset", "group", "share", "estimand", "mean", "leverage", "inflation"]]

    # -- what it takes ----------------------------------------------------------------------------------------------

    @cached_property
    def omitted(self) -> Omitted | None:
        """The product that the model leaves out; None where the case is about another, has it in, or is singular."""
        estimand, focal = self.case.estimand, self.case.study.analysis.focal
        product = {self.balance.measure, focal}
        has = any(within == product for within in self.case.model.measures.values())
        group = self.case.study.analysis.group
        if has or estimand.kind != "slope_difference" or estimand.of != focal or estimand.by not in (None, group):
            return None
        known = Treatment(stats=self.case.design.statistics, weights=self.case.focal).known
        return omitted_product(self.case, self.balance) if known else None
