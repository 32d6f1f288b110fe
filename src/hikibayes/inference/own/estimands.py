"""What a formula is about: slopes in every cell, their differences, adjusted mean differences, shares of variance."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice, product
from math import prod
from typing import Any

import numpy as np

from ...spec import InputError, unknown_name, validated
from ...study.measures import term_parts
from ...study.study import Study
from ..answers.remarks import Remark
from ..models.specs import ModelSpec, formula_alone
from .columns import OwnColumn

MOST_CELLS = 40
"""Cells of one predictor's partners; beyond, its effects are averages over the sample."""
MANY, MOST = 500, 20_000
"""Estimands up to which every pair of levels is compared though nobody asks, and that there may be."""
CONTRASTS = ("pairwise", "reference")
NUMBERS = ("of", "by", "and_by")

type Cell = dict[str, str | float]
type Entry = dict[str, Any]


def own_estimands(
    study: Study,
    model: ModelSpec,
    columns: Mapping[str, OwnColumn],
    *,
    steps: str = "",
    at: Mapping[str, Sequence[float]] | None = None,
    contrasts: str = "",
    question: str = "",
) -> tuple[Study, list[Remark]]:
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
    contrasts : {"", "pairwise", "reference"}
        Whether every pair of levels is compared, or each level with the reference. By default the first, up to 500
        estimands.
    question : str
        Name of the estimand that the study is about. By default it is that of the formula's first product, or of the
        highest one that holds it; without products that of the first predictor.

    Returns
    -------
    Study, list of Remark
        The latter of what the formula has and no estimand is of.

    Raises
    ------
    InputError
        A step has a term that the formula lacks, `at` names no number of it, nothing follows from it or too much does.

    Notes
    -----
    Every number has a slope in each cell of the categories that it interacts with and, of numbers that it interacts
    with, at their means, one SD to either side and where else is asked for. Categories have the difference of every
    pair of levels, in slopes and in adjusted means; categories that interact, the differences of these differences.
    """
    wanted = {name: _in_sd(name, values, study, columns, model.outcome) for name, values in (at or {}).items()}
    found = _Formula(study, model, wanted, contrasts)
    content = study.model_dump(exclude_unset=True, by_alias=True)
    content["step"] = _steps(model, steps)
    content["estimand"] = _named([*found.effects, *_shares(content["step"], model)])
    if not content["estimand"]:
        raise InputError(
            "has nothing to estimate: what enters by a comparison has no slope; make a column of 0 and 1 of it",
            key=f"formula {model.formula!r}",
        )
    made = validated(Study, content, "the formula")
    return made.asking(question or _question(made, model)), [*found.remarks(made)]


def by_interest(terms: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """Return the measures of terms as a person asks of them: the first product, as far as it goes, before all others.

    Examples
    --------
    >>> first = by_interest([frozenset(term) for term in ("z", "a", "b", "c", "ab", "ac", "bc", "abc")])[0]
    >>> sorted(first)
    ['a', 'b', 'c']
    """
    terms = list(terms)
    products = [own for own in terms if len(own) > 1]
    largest = sorted((own for own in products if own >= products[0]), key=len, reverse=True)
    return [*largest, *products, *terms]


def _question(study: Study, model: ModelSpec) -> str:
    """Return what a formula is about, of several levels the first pair: what comes first `by_interest` and is known."""
    for wanted in by_interest(model.measures.values()):
        if found := [e.name for e in study.estimands if e.about == wanted]:
            return found[0]
    return study.estimands[0].name


class _Formula:
    """Which measures of a formula interact with which."""

    def __init__(self, study: Study, model: ModelSpec, at: Mapping[str, Mapping[float, str]], contrasts: str) -> None:
        if contrasts and contrasts not in CONTRASTS:
            raise InputError(f"found {contrasts!r}; there are {', '.join(CONTRASTS)}", key="--contrasts")
        self.contrasts, self.averaged = contrasts or CONTRASTS[0], dict[str, str]()
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
        self.effects = [*islice(self._effects(), MANY if not contrasts else MOST)]
        self.shortened = not contrasts and len(self.effects) == MANY
        if self.shortened:
            self.contrasts = CONTRASTS[1]
            self.effects = [*islice(self._effects(), MOST)]
        if len(self.effects) == MOST:
            raise InputError(
                f"the levels of {', '.join(self.categories)} are so many that {MOST:,} estimands and more follow;"
                " draw levels together",
                key=f"formula {model.formula!r}",
            )

    def _effects(self) -> Iterator[Entry]:
        yield from self._slopes()
        yield from self._gaps()
        yield from self._interactions()

    def remarks(self, study: Study) -> Iterator[Remark]:
        """Say which levels are not compared, what is averaged over, and which products no estimand is of."""
        if self.shortened:
            text = "every pair of levels would give too many estimands, so each level is compared with the reference; "
            yield Remark(kind="contrasts", of="", count=len(self.effects), text=f"{text}--contrasts pairwise has all")
        for names, over in self.averaged.items():
            text = f"its effects are averages over the rows, not given in each of the many cells of {over}"
            yield Remark(kind="averaged", of=names, count=MOST_CELLS, text=text)
        answered = [estimand.about for estimand in study.estimands]
        for own in dict.fromkeys(self.terms):
            if len(own) > 1 and not any(own <= about for about in answered):
                text = "no estimand is of their product; the posterior has its coefficients"
                yield Remark(kind="no_estimand", of=", ".join(sorted(own)), count=1, text=text)

    def pairs(self, by: str) -> list[tuple[str, str]]:
        """Return which levels of a category are compared, each the lower one first."""
        first, *others = self.levels[by]
        return [(first, o) for o in others] if self.contrasts == CONTRASTS[1] else [*combinations(self.levels[by], 2)]

    def partners(self, *names: str) -> list[str]:
        """Return the measures that share a term with all of these."""
        shared = set().union(*(measures for measures in self.terms if set(names) <= measures))
        return [name for name in (*self.categories, *self.numbers) if name in shared - set(names)]

    def cells(self, *names: str) -> list[Cell]:
        """Return where an effect of these is looked at: every cell of its categories, and each number's values."""
        partners = self.partners(*names)
        categories = [name for name in partners if name in self.levels]
        if prod(len(self.levels[name]) for name in categories) > MOST_CELLS:
            self.averaged[", ".join(names)] = ", ".join(categories)
            categories = []
        combined = [dict(zip(categories, c, strict=True)) for c in product(*(self.levels[n] for n in categories))]
        values = [{name: z} for name in partners if name in self.numbers for z in self.at[name]]
        return [{**cell, **value} for cell in combined for value in [{}, *values]]

    def _slopes(self) -> Iterator[Entry]:
        """Yield slopes, their differences between levels, and their change with one or two other numbers."""
        for of in self.sloped:
            yield from (self._entry("slope", f"slope_{of}", cell, of=of) for cell in self.cells(of))
            for by in self.partners(of):
                if by in self.levels:
                    for cell in self.cells(of, by):
                        yield from self._pairs("slope_difference", f"slope_difference_{of}", by, cell, of=of)
            for numbers in self._together(of):
                name, keys = f"slope_change_{'_by_'.join(numbers)}", dict(zip(NUMBERS, numbers, strict=False))
                yield from (self._entry("slope_change", name, cell, **keys) for cell in self.cells(*numbers))

    def _together(self, of: str) -> Iterator[tuple[str, ...]]:
        """Yield a number with one or two later ones with which it shares a term."""
        later = self.sloped[self.sloped.index(of) + 1 :]
        for further in (*combinations(later, 1), *combinations(later, 2)):
            if any({of, *further} <= measures for measures in self.terms):
                yield (of, *further)

    def _gaps(self) -> Iterator[Entry]:
        """Yield the adjusted mean differences of every pair of levels."""
        for by in self.categories:
            for cell in self.cells(by):
                yield from self._pairs("adjusted_difference", f"difference_{by}", by, cell)

    def _interactions(self) -> Iterator[Entry]:
        """Yield the differences of differences: of every product, between every pair of each of its categories."""
        for measures in dict.fromkeys(self.terms):
            categories = [name for name in self.categories if name in measures]
            numbers = [name for name in self.sloped if name in measures]
            known = len(categories) + len(numbers) == len(measures) and categories and len(numbers) <= 3
            if not known or len(measures) < (3 if numbers else 2):
                continue
            of = dict(zip(NUMBERS, numbers, strict=False))
            kind = ("", "slope_", "slope_change_", "slope_change_")[len(numbers)]
            name = "_".join([f"{kind}difference", *filter(None, ["_by_".join(numbers)])])
            for cell in self.cells(*measures):
                for pairs in product(*map(self.pairs, categories)):
                    turned = {each: [high, low] for each, (low, high) in zip(categories, pairs, strict=True)}
                    spelt = [f"{each}_{_spelt(a)}_minus_{_spelt(b)}" for each, (a, b) in reversed(turned.items())]
                    yield self._entry("interaction", "_".join([name, *spelt]), cell, **of, pairs=turned)

    def _pairs(self, kind: str, name: str, by: str, cell: Cell, **of: str) -> Iterator[Entry]:
        for low, high in self.pairs(by):
            yield self._entry(
                kind, f"{name}_{_spelt(high)}_minus_{_spelt(low)}", cell, **of, by=by, between=[high, low]
            )

    def _entry(self, kind: str, name: str, cell: Cell, **more: Any) -> Entry:
        said = {measure: self.said[measure, z] for measure, z in cell.items() if (measure, z) in self.said}
        where = [f"{measure}_{_spelt(said.get(measure) or _where(value))}" for measure, value in cell.items()]
        entry = {"name": "_".join([name, *where]), "kind": kind, "meaning": "follows from the formula", **more}
        return {**entry, **({"at": dict(cell)} if cell else {}), **({"said": said} if said else {})}


def _where(value: str | float) -> str:
    if isinstance(value, str):
        return value
    side = "plus" if value > 0 else "minus"
    return f"{side}_{abs(value):.3g}_sd" if value else "mean"


SIGNS = {
    r"(?<![\w.])[-−](?=\.?\d)|[-−]$": " minus ",
    r"(?<=\d)\.(?=\d)": "p",
    r"<=|≤": " up to ",
    r">=|≥": " from ",
    "<": " below ",
    ">": " above ",
    r"\+": " plus ",
    "%": " percent ",
}
"""Signs that tell levels apart, and what they are in a name."""


def _spelt(level: str) -> str:
    """Write a level so that it can stand in a name: readable, and different where levels are.

    Examples
    --------
    >>> _spelt("6m (new)"), _spelt("-1.5"), _spelt("<6m"), _spelt("A+"), _spelt("non-smoker")
    ('6m_new', 'minus_1p5', 'below_6m', 'A_plus', 'non_smoker')
    """
    for sign, word in SIGNS.items():
        level = re.sub(sign, word, level)
    return re.sub(r"[\W_]+", "_", level).strip("_")


def _named(entries: list[Entry]) -> list[Entry]:
    """Tell names apart that levels of other categories, or levels such as ``a b`` and ``a_b``, would make the same."""
    names = Counter(entry["name"] for entry in entries)
    for entry in entries:
        if names[entry["name"]] > 1 and entry["kind"] == "slope_difference":
            start = f"slope_difference_{entry['of']}"
            entry["name"] = f"{start}_{entry['by']}{entry['name'].removeprefix(start)}"
    seen: Counter[str] = Counter()
    for entry in entries:
        seen[entry["name"]] += 1
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


def _in_sd(
    name: str, values: Sequence[float], study: Study, columns: Mapping[str, OwnColumn], outcome: str
) -> dict[float, str]:
    """Return values in SD from the mean of the rows that are used, and what each is called."""
    numbers = [each for each, column in columns.items() if column.numbers is not None and each != outcome]
    if name not in numbers or study.measure(name).levels:
        raise InputError(unknown_name("number in the formula", name, numbers), key="--at")
    complete = np.all([column.known for column in columns.values()], axis=0)
    own = columns[name].numbers
    assert own is not None
    mean, sd = own[complete].mean(), own[complete].std(ddof=1)
    return {float((value - mean) / sd): f"at {value:g}" for value in values}
