"""What a formula is about: slopes in every cell, their differences, adjusted mean differences, shares of variance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from ...spec import InputError, unknown_name, validated
from ...study.measures import term_parts
from ...study.study import Study
from ..models.specs import ModelSpec, formula_alone
from .columns import OwnColumn

MOST_CELLS = 40
"""Cells of one predictor's partners; beyond, its slopes are averages over the sample."""

type Cell = dict[str, str | float]
type Entry = dict[str, Any]


def own_estimands(
    study: Study,
    model: ModelSpec,
    columns: Mapping[str, OwnColumn],
    *,
    steps: str = "",
    at: Mapping[str, Sequence[float]] | None = None,
) -> Study:
    """Give a study the steps and estimands that follow from a model's formula.

    Parameters
    ----------
    study : Study
        Of the measures.
    model : ModelSpec
        Of the formula.
    columns : mapping of str to OwnColumn
        For the values of `at`.
    steps : str
        Terms of successive steps, separated by semicolons.
    at : mapping of str to sequence of float, optional
        Values, in their own unit, at which conditional effects are wanted beside mean ± 1 SD.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        A step has a term that the formula lacks, `at` names no number of it, or nothing follows from it.

    Notes
    -----
    Every number has a slope in each cell of the categories that it interacts with and, of numbers that it interacts
    with, at their means, one SD to either side and where else is asked for. Categories have the difference of every
    pair of levels, in slopes and in adjusted means.
    """
    wanted = {name: _in_sd(name, values, study, columns) for name, values in (at or {}).items()}
    found = _Formula(study, model, wanted)
    content = study.model_dump(exclude_unset=True, by_alias=True)
    content["step"] = _steps(model, steps)
    content["estimand"] = _named([*found.slopes(), *found.gaps(), *_shares(content["step"], model)])
    if not content["estimand"]:
        raise InputError(
            "has nothing to estimate: what enters by a comparison has no slope; make a column of 0 and 1 of it",
            key=f"formula {model.formula!r}",
        )
    return validated(Study, content, "the formula")


class _Formula:
    """Which measures of a formula interact with which."""

    def __init__(self, study: Study, model: ModelSpec, at: Mapping[str, Mapping[float, str]]) -> None:
        self.terms = list(model.measures.values())
        self.levels = {m.id: [level.id for level in m.levels] for m in study.measures if m.levels}
        fixed = [name for name in model.variables[1:] if any(name in measures for measures in self.terms)]
        self.numbers = [name for name in fixed if name not in self.levels]
        self.categories = [name for name in fixed if name in self.levels]
        # what enters by a comparison has steps and no slope; of what is inside a function there is an average one
        self.sloped = [name for name in self.numbers if name not in model.written.jumping]
        self.at = {name: [-1.0, 1.0, *at.get(name, ())] for name in self.numbers}
        self.said: dict[tuple[str, str | float], str] = {
            (name, z): text for name, written in at.items() for z, text in written.items()
        }

    def partners(self, *names: str) -> list[str]:
        """Return the measures that share a term with all of these."""
        shared = set().union(*(measures for measures in self.terms if set(names) <= measures))
        return [name for name in (*self.categories, *self.numbers) if name in shared - set(names)]

    def cells(self, *names: str) -> list[Cell]:
        """Return where an effect of these is looked at: every cell of its categories, and each number's values."""
        partners = self.partners(*names)
        categories = [name for name in partners if name in self.levels]
        if np.prod([len(self.levels[name]) for name in categories]) > MOST_CELLS:
            categories = []
        combined = [dict(zip(categories, c, strict=True)) for c in product(*(self.levels[n] for n in categories))]
        values = [{name: z} for name in partners if name in self.numbers for z in self.at[name]]
        return [{**cell, **value} for cell in combined for value in [{}, *values]]

    def slopes(self) -> Iterator[Entry]:
        """Yield slopes, their differences between levels, and their change with other numbers."""
        for of in self.sloped:
            yield from (self._entry("slope", f"slope_{of}", cell, of=of) for cell in self.cells(of))
            for by in self.partners(of):
                if by in self.levels:
                    for cell in self.cells(of, by):
                        yield from self._pairs("slope_difference", f"slope_difference_{of}", by, cell, of=of)
                elif self.numbers.index(of) < self.numbers.index(by) and by in self.sloped:
                    categories = [c for c in self.cells(of, by) if not set(c) & set(self.numbers)]
                    name = f"slope_change_{of}_by_{by}"
                    yield from (self._entry("slope_change", name, cell, of=of, by=by) for cell in categories)

    def gaps(self) -> Iterator[Entry]:
        """Yield the adjusted mean differences of every pair of levels."""
        for by in self.categories:
            for cell in self.cells(by):
                yield from self._pairs("adjusted_difference", f"difference_{by}", by, cell)

    def _pairs(self, kind: str, name: str, by: str, cell: Cell, **of: str) -> Iterator[Entry]:
        for low, high in combinations(self.levels[by], 2):
            yield self._entry(kind, f"{name}_{high}_minus_{low}", cell, **of, by=by, between=[high, low])

    def _entry(self, kind: str, name: str, cell: Cell, **more: Any) -> Entry:
        said = {measure: self.said[measure, z] for measure, z in cell.items() if (measure, z) in self.said}
        # a minus sign and a decimal point would be lost with the other signs
        spelt = {measure: text.replace("-", "minus_").replace(".", "p") for measure, text in said.items()}
        where = [f"{measure}_{spelt.get(measure) or _where(value)}" for measure, value in cell.items()]
        full = re.sub(r"\W+", "_", "_".join([name, *where])).strip("_")
        entry = {"name": full, "kind": kind, "meaning": "follows from the formula", **more}
        return {**entry, **({"at": dict(cell)} if cell else {}), **({"said": said} if said else {})}


def _where(value: str | float) -> str:
    if isinstance(value, str):
        return value
    side = "plus" if value > 0 else "minus"
    return f"{side}_{abs(value):.3g}_sd".replace(".", "p") if value else "mean"


def _named(entries: list[Entry]) -> list[Entry]:
    """Tell names apart that levels such as ``-1`` and ``1`` would make the same."""
    seen: dict[str, int] = {}
    for entry in entries:
        seen[entry["name"]] = seen.get(entry["name"], 0) + 1
        if seen[entry["name"]] > 1:
            entry["name"] += f"_{seen[entry['name']]}"
    return entries


def _steps(model: ModelSpec, steps: str) -> list[Entry]:
    """Return the steps: those written, and a last one with what is left of the formula's terms."""
    known = {term_parts(term): term for term in model.terms}
    left, found = dict(known), []
    for text in filter(str.strip, steps.split(";")):
        adds = [term for part in _terms_of(text, model.outcome) for term in [left.pop(term_parts(part), None)] if term]
        unknown = [part for part in _terms_of(text, model.outcome) if term_parts(part) not in known]
        if unknown or not adds:
            named = unknown[0] if unknown else text.strip()
            raise InputError(unknown_name("further term of the formula", named, left.values()), key="--steps")
        found.append(adds)
    found += [list(left.values())] if left or not found else []
    return [
        {"id": f"step{i}", "label": f"Step {i}: {' + '.join(adds)}", "adds": adds}
        | ({"after": f"step{i - 1}"} if i > 1 else {})
        for i, adds in enumerate(found, start=1)
    ]


def _terms_of(text: str, outcome: str) -> tuple[str, ...]:
    return formula_alone(f"{outcome} ~ {text.strip()}", key="--steps").terms


def _shares(steps: Sequence[Entry], model: ModelSpec) -> list[Entry]:
    if model.beyond_gaussian:
        return []
    meaning = "share of the outcome's variance that the terms explain"
    kinds = [("r2", "r2"), *[("delta_r2", "delta_r2")] * (len(steps) - 1)]
    return [
        {"name": f"{name}_{step['id']}", "kind": kind, "meaning": meaning, "step": step["id"]}
        for step, (name, kind) in zip(steps, kinds, strict=True)
    ]


def _in_sd(name: str, values: Sequence[float], study: Study, columns: Mapping[str, OwnColumn]) -> dict[float, str]:
    """Return values in SD from the mean of the rows that are used, and what each is called."""
    numbers = [each for each, column in columns.items() if column.numbers is not None]
    if name not in numbers or study.measure(name).levels:
        raise InputError(unknown_name("number in the formula", name, numbers), key="--at")
    complete = np.all([column.known for column in columns.values()], axis=0)
    own = columns[name].numbers
    assert own is not None
    mean, sd = own[complete].mean(), own[complete].std(ddof=1)
    return {float((value - mean) / sd): f"at {value:g}" for value in values}
