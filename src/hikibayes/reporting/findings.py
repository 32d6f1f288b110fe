"""What the topics share: the run's study and tables, and the few lookups that more than one of them needs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from .. import apa
from ..inference.models.specs import DEFAULT_VARIANT, ModelSpec
from ..inference.saved_fit import POSTERIOR
from ..kept import kept
from ..quantities import KINDS
from ..study import wording
from ..study.study import Estimand, Study
from .saved import SavedRun, records


class Findings:
    """A saved run as the topics of a report ask for it.

    Parameters
    ----------
    run : SavedRun
        Of a reanalysis.
    """

    def __init__(self, run: SavedRun) -> None:
        self.run = run

    @cached_property
    def study(self) -> Study:
        """The study with its readings open."""
        return self.run.study

    @cached_property
    def read(self) -> Study:
        """The study with its readings decided by their defaults."""
        return self.study.read()

    @cached_property
    def models(self) -> dict[str, ModelSpec]:
        """Models by step."""
        return self.run.models

    @kept
    def table(self, name: str) -> pd.DataFrame:
        """Return a table; an empty one where the run has it not."""
        return self.run.table(name) if self.run.has(name) else pd.DataFrame()

    def has(self, *names: str) -> bool:
        """Tell whether the run has all these files."""
        return self.run.has(*names)

    @property
    def planned(self) -> bool:
        """Whether it is a plan without a publication."""
        return self.run.record.verb == "power" and not self.study.facts

    @property
    def synthetic(self) -> bool:
        """Whether its data are made from the record: those of an analysed fit are somebody's own."""
        return not self.planned and not any(Path(name).name == POSTERIOR for name in self.run.record.inputs)

    # -- estimands --------------------------------------------------------------------------------------------------

    @cached_property
    def answers(self) -> dict[str, dict[str, Any]]:
        """Rows of the published table by estimand, with the names that a reader sees."""
        rows = {}
        for row in records(self.table("published")):
            estimand = self.read.estimand(row["estimand"])
            named = {"name": wording.estimand_name(self.read, estimand), "meaning": estimand.meaning}
            unit = row["unit"] if isinstance(row["unit"], str) else ""
            rows[estimand.name] = row | named | {"unit": unit}
        return rows

    @cached_property
    def difference(self) -> Estimand:
        """The estimand that the study is about."""
        return self.read.focal_estimand

    @cached_property
    def main(self) -> dict[str, Any]:
        """The row of the published table about it."""
        return self.answers[self.difference.name]

    @cached_property
    def asked(self) -> str:
        """The name that a reader sees of it."""
        return wording.estimand_name(self.read, self.difference)

    @cached_property
    def slopes(self) -> list[Estimand]:
        """The slopes in each group that the difference is of, the first group of the difference first."""
        order = list(self.difference.between or ())
        found = [e for e in self.read.estimands if e.kind == "slope" and e.group and e.of == self.difference.of]
        return sorted(found, key=lambda e: order.index(e.group) if e.group in order else len(order))

    def estimates(self, **wanted: str) -> pd.DataFrame:
        """Return the estimates of the default reading whose columns have the wanted values."""
        table = self.table("estimates")
        for name, value in {"reading": "default", **wanted}.items():
            table = table[table[name] == value]
        return table

    def about_focal(self, name: str) -> list[dict[str, Any]]:
        """Return a table's rows about the focal estimand."""
        return records(self.run.about_focal(name))

    def tipping(self, analysis: str) -> list[dict[str, Any]]:
        """Return an analysis' tipping rows; ``shown`` is its value with 5-95 % of the data sets."""
        table = self.table("tipping")
        own = table[table["analysis"] == analysis] if len(table) else table
        return [row | {"shown": _shown(row)} for row in records(own)]

    # -- sizes ------------------------------------------------------------------------------------------------------

    @cached_property
    def datasets(self) -> int:
        """Number of synthetic data sets that the exact engine fitted."""
        return int(self.estimates(engine="exact", prior=DEFAULT_VARIANT)["datasets"].iloc[0])

    @cached_property
    def nuts_datasets(self) -> int:
        """Number of them that NUTS fitted too; 0 where it was left out."""
        rows = self.estimates(engine="nuts")
        return int(rows["datasets"].iloc[0]) if len(rows) else 0

    @cached_property
    def n(self) -> int:
        """Participants of the published study; raises `InputError` where it prints no number."""
        return sum(self.study.samples.values())

    @cached_property
    def ci(self) -> float:
        """Probability of the intervals."""
        return float(self.estimates(engine="exact")["ci_prob"].iloc[0])

    @cached_property
    def rope(self) -> float:
        """Half width of the region of practical equivalence."""
        return float(self.estimates(engine="exact")["rope_high"].dropna().iloc[0])

    # -- words ------------------------------------------------------------------------------------------------------

    @cached_property
    def outcome(self) -> str:
        """The outcome as prose has it."""
        return wording.in_prose(self.study.measure(self.study.analysis.outcome).label)

    @cached_property
    def focal(self) -> str:
        """The focal measure as prose has it."""
        return wording.in_prose(self.study.measure(self.study.analysis.focal).label)

    @cached_property
    def direction(self) -> str:
        """What a high outcome means, as a sentence's end; empty for a plain number."""
        return self.study.measure(self.study.analysis.outcome).direction or ""

    def group(self, group: object) -> str:
        """Return a group's name."""
        # of one sample a table's column of groups is empty
        return wording.group_name(self.study, group if isinstance(group, str) else "")

    def in_words(self, text: str) -> str:
        """Return a text with what files call things replaced by what a reader calls them."""
        return re.sub(r"(')?\b([a-z]\w*(?::[a-z]\w*)?)\b(?:\[(\w+)\])?(?(1)')", self._word, text)

    def _word(self, found: re.Match[str]) -> str:
        name, group = found[2], found[3]
        words = self._words.get(name)
        if words is None and ":" in name and set(name.split(":")) <= set(self._words):
            words = wording.term_name(self.study, name)
        words = words or (name.replace("_", " ") if "_" in name else name)
        return f"{words} ({self.group(group)})" if group else words

    @cached_property
    def _words(self) -> dict[str, str]:
        study = self.study
        return {
            **{kind: each.words for kind, each in KINDS.items()},
            **{measure.id: wording.in_prose(measure.label) for measure in study.measures},
            **{step.id: wording.step_name(study, step.id) for step in study.steps},
            **{fact.id: wording.fact_name(study, fact) for fact in study.facts},
        }

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The groups' names, reference first; none of one sample."""
        return tuple(self.group(group) for group in self.study.group_names)

    @cached_property
    def paper(self) -> str:
        """The paper as a sentence cites it; where nothing is published, the study's title."""
        citation = self.study.citation
        if citation is None:
            return self.study.title
        names = citation.authors
        return f"{_authors(names) if len(names) < 3 else f'{names[0]} et al.'} ({citation.year})"

    @cached_property
    def heading(self) -> str:
        """What the page is, and of what."""
        if self.planned:
            return f"Plan of a study: {self.paper}"
        if self.has("published"):
            return f"A Bayesian reanalysis of {self.paper}"
        return f"{'The next study after' if self.has('planning.json') else 'Sensitivity analyses of'} {self.paper}"

    @cached_property
    def reference(self) -> str:
        """The paper's entry in a list of references; empty where nothing is published."""
        c = self.study.citation
        if c is None:
            return ""
        place = f"{c.volume or ''}{f'({c.issue})' if c.issue else ''}"
        return f"{_authors(c.authors)} ({c.year}). {c.title}. {c.journal}{f', {place}' if place else ''}" + (
            f", {c.pages.replace('-', '–')}." if c.pages else "."
        )


def _shown(row: Mapping[str, Any]) -> str:
    low, high = row["lower"], row["upper"]
    span = "" if math.isnan(low) or math.isnan(high) else f" [{tipping_value(low)}, {tipping_value(high)}]"
    return tipping_value(row["value"]) + span


def tipping_value(value: float) -> str:
    """Return a tipping value: whole from 10 on, two decimals below, a dash where nothing tips.

    Examples
    --------
    >>> tipping_value(159.6), tipping_value(0.128), tipping_value(float("nan"))
    ('160', '.13', '–')
    """
    return apa.number(value, 0) if abs(value) >= 10 else apa.bounded(value)


def _authors(names: tuple[str, ...]) -> str:
    return " & ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])}, & {names[-1]}"
