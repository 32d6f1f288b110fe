"""What things are called in prose: labels of a study turned into words that fit a sentence."""

from __future__ import annotations

import re

from ..estimands import KINDS as ESTIMANDS
from ..quantities import KINDS
from .facts import Fact
from .measures import Measure
from .study import Estimand, Study

ABBREVIATION = re.compile(r"(?=[^a-z]*[A-Z])(?=[^\s]*(?:[A-Z].*[A-Z]|\d))[^()\s]{2,12}")
OF_STATISTICS = {"SD", "SDS", "SE", "SEM", "CI", "IQR", "VAS", "NRS", "T1", "T2", "T3", "T4"}
"""What stands in brackets behind many names: a name reduced to it would be none."""


def short(label: str) -> str:
    """Return the abbreviation that a label ends with, or the label; a unit is no abbreviation.

    Examples
    --------
    >>> short("Adaptive Behaviors Scale (ABS)"), short("Age"), short("Commute (min)"), short("Dose (SD)")
    ('ABS', 'Age', 'Commute (min)', 'Dose (SD)')
    """
    found = re.search(r"^(.*\w)\W*\(([^()\s]{2,12})\)$", label)
    if not found or not ABBREVIATION.fullmatch(found[2]) or found[2] in OF_STATISTICS:
        return label
    initials = {word[0].lower() for word in re.findall(r"\w+", found[1])}
    return found[2] if found[2][0].lower() in initials else label


def in_prose(label: str) -> str:
    """Return a label as it reads inside a sentence: its first letter small, unless it is a name.

    Examples
    --------
    >>> [in_prose(label) for label in ("Use of support", "Toil Inventory", "Stress Scale (SRS-18)", "Pain (VAS)")]
    ['use of support', 'Toil Inventory', 'SRS-18', 'pain (VAS)']
    """
    name = short(label)
    bare = re.sub(r"\s*\([^()]*\)$", "", name)
    return name[0].lower() + name[1:] if bare[1:] == bare[1:].lower() else name


def header(study: Study, measure: str, level: str = "") -> str:
    """Return what a table's own header calls a measure, or its file a level of it."""
    known = study.measure(measure)
    return next((each.label for each in known.levels if each.id == level), level) if level else known.label


def group_name(study: Study, group: str) -> str:
    """Return a group as a reader calls it: ``hikikomori group``; without a name, that of one sample."""
    return f"{group.replace('_', ' ')} group" if group else "all participants"


def everybody(study: Study) -> str:
    """Return what all of a study's groups together are called; one sample needs no name."""
    return {0: "", 2: "both groups"}.get(len(study.groups), "all groups")


def estimand_name(study: Study, estimand: Estimand, *, brief: bool = False) -> str:
    """Return what a table's row is called; briefly, the measure of a difference of slopes goes without saying."""
    return ESTIMANDS[estimand.kind].words(estimand, _Names(study), brief)


def estimand_noun(study: Study, estimand: Estimand, *, brief: bool = False) -> str:
    """Return the same as it reads inside a sentence."""
    name = estimand_name(study, estimand, brief=brief)
    return name[0].lower() + name[1:] if name[1:2].islower() else name


def question(study: Study) -> str:
    """Say what a study is about, and how to ask something else."""
    main = study.focal_estimand
    alike = [e for e in study.estimands if (e.kind, e.about, e.at) == (main.kind, main.about, main.at)]
    one_of = f", one of {len(alike)} such differences" if len(alike) > 1 else ""
    return f"about: {estimand_noun(study, main)} ({main.name}){one_of}; another with --estimand NAME"


class _Names:
    """A study's names in prose, as the kinds of estimands ask for them."""

    def __init__(self, study: Study) -> None:
        self.study = study

    @property
    def everybody(self) -> str:
        return everybody(self.study) if self.study.citation else ""

    def measure(self, name: str) -> str:
        label = self.study.measure(name).label
        # the headers of a table of one's own stay as they are
        return in_prose(label) if self.study.citation else label

    def level(self, measure: str | None, level: str) -> str:
        if measure is None:
            return group_name(self.study, level)
        label = next(known.label for known in self.study.measure(measure).levels if known.id == level)
        return f"{self.measure(measure)} {label}"

    def pair(self, measure: str | None, between: tuple[str, str]) -> tuple[str, str]:
        labels = {level.id: level.label for level in (self.study.measure(measure).levels if measure else ())}
        first, second = (labels.get(each, each.replace("_", " ")) for each in between)
        return first, second

    def minus(self, measure: str | None, between: tuple[str, str]) -> str:
        return " − ".join(self.pair(measure, between))

    def step(self, step: str) -> str:
        return step_name(self.study, step)


def level_name(study: Study, measure: str, level: str) -> str:
    """Return a category's level as prose has it, a bare number or sign with its category."""
    label = next(known.label for known in study.measure(measure).levels if known.id == level)
    worded = any(character.isalpha() for character in label)
    return in_prose(label) if worded else f"{in_prose(study.measure(measure).label)} {label}"


def step_name(study: Study, step: str) -> str:
    """Return a step's label up to its colon: ``Step 2``."""
    return study.step(step).label.partition(":")[0]


def term_of(study: Study, estimand: Estimand) -> str:
    """Return the term that an estimand is the coefficient of; else that of the measures that it is about."""
    term = ESTIMANDS[estimand.kind].term(estimand, study.analysis.group)
    return term or ":".join(sorted(estimand.about)) or study.analysis.group


def term_name(study: Study, term: str) -> str:
    """Return a model's term in words: a measure, or a product of two."""
    known = {measure.id: measure for measure in study.measures}
    # the headers of a table of one's own, or of a plan, stay as they are
    return " × ".join(
        _term_part(known, part) if study.citation or part not in known else known[part].label
        for part in term.split(":")
    )


def fact_name(study: Study, fact: Fact) -> str:
    """Return what a printed number is of: ``slope of use of support, hikikomori group, Step 3``."""
    known = {measure.id: measure for measure in study.measures}
    of = [term_name(study, part) for part in (fact.of, fact.with_, fact.term) if part]
    words = KINDS[fact.quantity].words + (f" of {' with '.join(of)}" if of else "")
    if fact.level and fact.of:
        words += f": {next(level.label for level in known[fact.of].levels if level.id == fact.level)}"
    if fact.subscale:
        words += f", {fact.subscale.replace('_', ' ')} subscale"
    if fact.between:
        words += f" ({_minus(fact.between)})"
    parts = [
        words,
        group_name(study, fact.group) if fact.group else "",
        step_name(study, fact.step) if fact.step else "",
    ]
    return ", ".join(filter(None, parts))


def listed(items: list[str], last: str = "and") -> str:
    """Return items as a list in prose: ``a, b, and c``."""
    if len(items) < 3:
        return f" {last} ".join(items)
    return f"{', '.join(items[:-1])}, {last} {items[-1]}"


def _term_part(known: dict[str, Measure], part: str) -> str:
    if part not in known:
        return {"sigma": "residual SD"}.get(part, part.lower())
    return in_prose(known[part].label)


def _minus(between: tuple[str, str]) -> str:
    return " − ".join(group.replace("_", " ") for group in between)
