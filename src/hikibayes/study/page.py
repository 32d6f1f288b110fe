"""A record as a page of text: what was printed, where, and what was not."""

from __future__ import annotations

from collections.abc import Iterator

from .facts import Fact
from .study import Study
from .wording import fact_name, short


def page(study: Study) -> str:
    """Return a study as text: what it is of, its regressions, its facts by the place where they stand."""
    return "\n".join([*_of_what(study), *_regressions(study), *_facts(study), *_open(study)])


def _of_what(study: Study) -> Iterator[str]:
    yield from (study.title, "=" * len(study.title))
    if study.citation:
        yield f"{', '.join(study.citation.authors)} ({study.citation.year}), {study.citation.journal}"
    sizes = {fact.group: fact.printed for fact in study.facts_of("n")}
    for group in study.groups:
        yield f"group {group.id}: {group.label}{f', n = {sizes[group.id]}' if group.id in sizes else ''}"
    for measure in study.measures:
        what = ", ".join(level.label for level in measure.levels) or measure.unit or measure.kind
        limits = f", {measure.limits[0]:g} to {measure.limits[1]:g}" if measure.items or measure.range else ""
        yield f"measure {measure.id}: {measure.label} ({what}{limits})"


def _regressions(study: Study) -> Iterator[str]:
    if study.steps:
        yield from ("", f"Regressions of {study.analysis.outcome}", "-" * 14)
    for step in study.steps:
        after = f" after {step.after}" if step.after else ""
        yield f"{step.id}{after}: {', '.join(step.adds)}"


def _facts(study: Study) -> Iterator[str]:
    places: dict[str, list[Fact]] = {}
    for fact in study.facts:
        places.setdefault(fact.source.locator, []).append(fact)
    for place, facts in places.items():
        yield from ("", f"{place} ({len(facts)} numbers)", "-" * len(place))
        wide = max(len(fact.printed) for fact in facts)
        yield from (f"{fact.printed:>{wide}}  {fact_name(study, fact)}{_declared(fact)}" for fact in facts)


def _declared(fact: Fact) -> str:
    said = {True: " (standardised)", False: " (raw)", None: ""}[fact.standardised]
    return f"{said}{f' ({short(fact.note)})' if fact.note else ''}"


def _open(study: Study) -> Iterator[str]:
    if study.readings or study.assumptions:
        yield from ("", "Not printed", "-" * 11)
    yield from (f"assumption {each.id}: {each.rationale}" for each in study.assumptions)
    yield from (f"reading {each.id}: {each.question} (default: {each.default})" for each in study.readings)
