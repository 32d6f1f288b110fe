"""What a short study file leaves unsaid because the rest of it says so: labels, measures, steps, tables of facts.

People write the short form, everything else reads the long one. A file that lists measures, or steps, lists all of
them: so a misspelt name is found. A file that lists none means the names that its numbers are of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from .measures import term_parts
from .tables import Table, facts_of_tables

type Entry = dict[str, Any]

SINGULAR = {f"{name}s": name for name in ("group", "measure", "step", "fact", "table")}
"""A field may be named as in code, or as in a file."""
KIND_BY_KEY = {"levels": "category", "items": "scale"}


class _Tables(BaseModel):
    """The tables of a file, so that a message says which of them it is about."""

    table: tuple[Table, ...]


def in_full(content: Mapping[str, Any]) -> Entry:
    """Return a study's content with what follows from it filled in.

    Raises
    ------
    ValueError
        A table of facts cannot be used.
    """
    full = {SINGULAR.get(key, key): value for key, value in content.items()}
    if tables := _Tables.model_validate({"table": full.pop("table", ())}).table:
        taken = (str(fact.get("id")) for fact in _entries(full, "fact"))
        made, own = facts_of_tables(tables, taken), full.get("fact", ())
        full["fact"] = [*own, *made] if isinstance(own, list | tuple) else own
    full.setdefault("description", full.get("id", "a study"))
    for key in ("group", "measure", "step"):
        if isinstance(full.get(key), list | tuple):
            full[key] = [_labelled(entry) for entry in full[key]]
    for measure in _entries(full, "measure"):
        measure.setdefault("kind", next((kind for key, kind in KIND_BY_KEY.items() if key in measure), "number"))
    return _with_names(full) if isinstance(full.setdefault("analysis", {}), dict) else full


def _with_names(full: Entry) -> Entry:
    """Fill in the measure that holds the groups; steps and measures, where the file lists none."""
    analysis, facts, groups = full["analysis"], _entries(full, "fact"), _entries(full, "group")
    if not full.get("step") and (steps := list(_steps(facts))):
        full["step"] = steps
    # a file that names the holder and lists measures has it among them, or a misspelt name
    implied = len(groups) > 1 and not (analysis.get("group") and full.get("measure"))
    if groups and not analysis.get("group"):
        full["analysis"] = analysis = {**analysis, "group": _holder(full, [group.get("id") for group in groups])}
    if not full.get("measure"):
        full["measure"] = list(_measures(full, analysis, facts))
    if implied and not any(measure.get("id") == analysis["group"] for measure in _entries(full, "measure")):
        levels = [{key: group[key] for key in ("id", "label") if key in group} for group in groups]
        holder = {**_labelled(analysis["group"]), "kind": "category", "levels": levels}
        full["measure"] = [*full["measure"], holder]
    return full


def _holder(full: Entry, groups: list[Any]) -> str:
    """Return the category whose levels are the groups, by default one called ``group``."""
    for measure in _entries(full, "measure"):
        if [level.get("id") for level in measure.get("levels") or () if isinstance(level, dict)] == groups:
            return str(measure.get("id"))
    return "group"


def _steps(facts: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the steps that facts are of, with the terms that are printed; a step after the one whose terms it has."""
    terms: dict[str, dict[str, None]] = {}
    for fact in facts:
        if fact.get("step"):
            own = terms.setdefault(str(fact["step"]), {})
            own.update({str(fact["term"]): None} if fact.get("term") else {})
    before = ""
    for step, own in terms.items():
        if before and own and set(terms[before]) <= set(own):
            added = [term for term in own if term not in terms[before]]
            yield {**_labelled(step), "after": before, "adds": added}
        else:
            yield {**_labelled(step), "adds": list(own)}
        before = step


def _measures(full: Entry, analysis: Mapping[str, Any], facts: Iterable[Entry]) -> Iterator[Entry]:
    """Yield a measure for every name, but the groups': a category where shares of its levels are printed."""
    names: dict[str, list[str]] = {str(analysis[key]): [] for key in ("outcome", "focal") if analysis.get(key)}
    for step in _entries(full, "step"):
        for term in step.get("adds") or ():
            names.update({part: [] for part in term_parts(str(term)) if part not in names})
    for fact in facts:
        for term in (fact.get("of"), fact.get("with"), fact.get("term")):
            names.update({part: [] for part in term_parts(str(term or "")) if part not in names})
        if fact.get("level") and fact["level"] not in names[str(fact["of"])]:
            names[str(fact["of"])].append(str(fact["level"]))
    names.pop(str(analysis.get("group")), None)
    for name, levels in names.items():
        if levels:
            others = [f"not_{levels[0]}"] if len(levels) == 1 else []
            yield {**_labelled(name), "kind": "category", "levels": [_labelled(level) for level in (*levels, *others)]}
        else:
            yield {**_labelled(name), "kind": "number"}


def _entries(content: Mapping[str, Any], key: str) -> list[Entry]:
    found = content.get(key)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list | tuple) else []


def _labelled(entry: Any) -> Any:
    """Return an entry, and its levels, with labels: what is said, else the id in words. A text is an entry's id."""
    entry = {"id": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, dict):
        return entry
    words = str(entry.get("id") or "without an id").replace("_", " ")
    more: dict[str, Any] = {"label": words[:1].upper() + words[1:]} if "label" not in entry else {}
    if isinstance(entry.get("levels"), list | tuple):
        more["levels"] = [_labelled(level) for level in entry["levels"]]
    return {**entry, **more}
