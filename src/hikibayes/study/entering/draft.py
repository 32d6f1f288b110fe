"""A study file drafted from tables: what was understood, what was left, what only a person can say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...spec import InputError, validated
from ..intervals import rounding_interval
from ..study import Study
from ..tables import has_p, identifier
from ..values import read_value
from .columns import SEXES, Column, Known, Number, Understood, columns_of
from .grids import Grid
from .headings import read_heading
from .known import explainable, measures_of, refuse_unknown
from .layouts import LAYOUTS
from .layouts.regressions import other_outcomes
from .layouts.slopes import STEP as OPEN_STEP
from .names import Names, near, same, shared_forms
from .notes import names_group, read_words
from .outside import outside
from .sources import read_grids

HIERARCHY = re.compile(r"(?i)step|model|block")
MARKED = re.compile(r"(?i)(.*\d%?)(\*+|[†‡]|n\.?s\.?)")
HOLDERS = re.compile(r"(?i)^(?:group|condition|arm|treatment|cohort|diagnosis)\b")


@dataclass
class Draft:
    """What became of a paper's tables.

    Attributes
    ----------
    content : dict
        The study as its file has it.
    columns : list of (table, column, meaning)
        How each column was understood.
    left : list of (table, what, why)
        Numbers that do not enter.
    unknown : list of str
        What the tables do not say.
    conflicts : list of str
        Numbers that two tables print differently; the study holds both.
    outcomes : list of str
        What the tables' regressions explain.
    printed, entered : int
        How many numbers the tables hold, and how many are facts.
    """

    content: dict[str, Any] = field(default_factory=dict)
    columns: list[tuple[str, str, str]] = field(default_factory=list)
    left: list[tuple[str, str, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    printed: int = 0
    entered: int = 0

    def study(self, source: str | Path) -> Study:
        """Return the study; raises `InputError` where something is missing that its file has to say."""
        return validated(Study, self.content, source)


def draft(paths: Iterable[Path], known: Known, name: str = "") -> Draft:
    """Draft a study from the tables of files.

    Raises
    ------
    InputError
        A file cannot be read; no table can be understood, or columns of one cannot be told apart; what was said
        beforehand is not what the tables have.
    """
    made, read = Draft(), list[tuple[Grid, Understood]]()
    for grid, understood in _understood([grid for path in paths for grid in read_grids(path)], known):
        made.columns += [
            (grid.locator, _heading(grid, index), meaning) for index, meaning in sorted(understood.meanings.items())
        ]
        made.left += [(grid.locator, what, why) for what, why in [*understood.left, *_of_words(grid, understood)]]
        made.unknown += understood.unknown
        made.printed += _printed(grid) - understood.repeated + understood.in_words
        if understood.numbers:
            read.append((grid, understood))
    if not read:
        said = [*map(_line, made.columns), *map(_line, made.left)]
        raise InputError("no number of these tables can be entered:\n" + "\n".join(said))
    refuse_unknown(known, read)
    _Writer(made, known, read).write(name or "draft")
    return made


def _understood(grids: Sequence[Grid], known: Known) -> list[tuple[Grid, Understood]]:
    """Understand tables, those of several outcomes by the one that is asked for, or by the first."""
    read = [(grid, _understand(grid, known)) for grid in grids]
    outcomes = list(dict.fromkeys(outcome for _, understood in read for outcome in understood.outcomes))
    if len(outcomes) > 1 and not known.outcome:
        known = replace(known, outcome=outcomes[0])
        read = [(grid, _understand(grid, known)) for grid in grids]
    if groups := _groups_named(read):
        known = replace(known, groups=groups)
        read = [(g, _understand(g, known) if u.layout == "slopes" else u) for g, u in read]
    _call_alike(read, known)
    if any(same(outcome, known.outcome) for outcome in outcomes):
        for _, understood in read:
            if understood.outcomes and not any(same(each, known.outcome) for each in understood.outcomes):
                understood.numbers = []
                left = other_outcomes(understood.outcomes, known.outcome)
                understood.left = [*(each for each in understood.left if each != left), left]
    return read


def _groups_named(read: Sequence[tuple[Grid, Understood]]) -> tuple[str, ...]:
    """Return the labels of groups, as tables have them first."""
    numbers = [number for _, understood in read for number in understood.numbers]
    return tuple(dict.fromkeys(n.address["group"] for n in numbers if "group" in n.address))


def _call_alike(read: Sequence[tuple[Grid, Understood]], known: Known) -> None:
    """Give groups one label where tables write it with other capitals or hyphens: as it was said, or stands first."""
    labels = {identifier(label): label for label in reversed((*known.sizes, *known.groups))}

    def called(address: Mapping[str, str]) -> dict[str, str]:
        return {key: ",".join(labels.get(identifier(part), part) for part in value.split(","))
                if key in ("group", "between") else value for key, value in address.items()}  # fmt: skip

    for _, understood in read:
        understood.numbers = [
            replace(n, row=called(n.row), column=called(n.column), shared=called(n.shared)) for n in understood.numbers
        ]


def _line(parts: Sequence[str]) -> str:
    return f"{parts[0]}: {parts[1]}: {parts[2]}"


def _understand(grid: Grid, known: Known) -> Understood:
    try:
        if other := outside(grid):
            return Understood("outside", left=[("the whole table", f"{other[0]!r}: {other[1]}")])
        _tell_apart(grid)
        layout = next((layout for layout in LAYOUTS if layout.fits(grid)), None)
        understood = layout.read(grid, known) if layout else Understood("unknown")
    except ValueError as error:
        raise InputError(str(error), source=grid.place, key=grid.locator) from None
    if layout is None:
        understood.left.append(("the whole table", "no heading names a statistic such as M, SD, B, β, r or t"))
    else:
        read_words(understood, grid, known)
    return understood


def _tell_apart(grid: Grid) -> None:
    """Refuse a table two of whose columns say the same; raises `ValueError`."""
    seen: dict[tuple[object, ...], Column] = {}
    of_step = False
    for column in columns_of(grid):
        # behind R2 and its increase stand their tests
        of_step |= bool({*column.statistics} & {"r2", "delta_r2", "delta_f"})
        other = seen.setdefault((column.contexts, column.statistics, of_step), column)
        if other is not column and column.statistics:
            raise ValueError(
                f"columns {other.index + 1} ({other.heading!r}) and {column.index + 1} ({column.heading!r}) cannot be"
                " told apart; write the group, model or outcome into their headings"
            )


def _heading(grid: Grid, index: int) -> str:
    return " / ".join(grid.heading(index)) or f"column {index + 1}"


def _of_words(grid: Grid, understood: Understood) -> Iterator[tuple[str, str]]:
    """Yield the cells in which figures stand among words: they are read by none, and not to be lost."""
    read = {number.text for number in understood.numbers}
    for row, cells in enumerate(grid.body):
        for column in range(grid.labels, len(cells)):
            figures = re.findall(r"-?\d*\.\d+", cells[column])
            if grid.numbers(row, column) is None and figures and not read & {*figures, *(f"<{f}" for f in figures)}:
                yield repr(cells[column]), "words stand between its figures"


def _printed(grid: Grid) -> int:
    """Return how many numbers stand in a table's cells, and how many sizes in its heading."""
    places = ((row, column) for row in range(len(grid.body)) for column in range(grid.labels, len(grid.head[-1])))
    sizes = {column.size for column in columns_of(grid) if column.size}
    in_sections = sum(bool(read_heading(row[0]).size) for row in grid.body if not any(row[grid.labels :]))
    return len(sizes) + in_sections + sum(len(grid.numbers(row, column) or ()) for row, column in places)


class _Writer:
    """Turns numbers with printed names into the content of a study file."""

    def __init__(self, made: Draft, known: Known, read: list[tuple[Grid, Understood]]) -> None:
        self.made, self.known, self.read, self.names = (
            made,
            known,
            _with_steps(read),
            Names(shared_forms(map(_labels, read))),
        )
        numbers = [number for _, understood in read for number in understood.numbers]
        self.groups = list(
            dict.fromkeys([*known.sizes, *(n.address["group"] for n in numbers if "group" in n.address)])
        )
        made.outcomes = list(dict.fromkeys(outcome for _, understood in read for outcome in understood.outcomes))
        self.outcome = known.outcome or next(iter(made.outcomes), "")
        self.holder, self.told_reference = "group", ""
        self.steps: dict[str, list[str]] = {}
        self.levels: dict[str, dict[str, str]] = {}

    def write(self, name: str) -> None:
        """Fill the draft's content."""
        self._name_holder()
        tables = [table for grid, understood in self.read for table in self._tables(grid, understood.numbers)]
        content: dict[str, Any] = {"id": identifier(name)}
        if self.groups:
            content["group"] = [{"id": identifier(group), "label": group} for group in self.groups]
        if self.steps and not self.outcome:
            self.made.unknown.append('what the regressions explain: --outcome "NAME", or the key analysis.outcome')
        content["measure"] = list(self._measures())
        content["analysis"] = {"outcome": self._outcome()} if self.steps else {}
        if self.groups:
            content["analysis"]["group"] = self.holder
        if steps := list(self._steps()):
            content["step"] = steps
        content["table"] = [*self._sizes(), *tables]
        self.made.content = content
        self._compare()
        self._ask()

    # -- names -------------------------------------------------------------------------------------------------------

    def _name_holder(self) -> None:
        """Find the term that is the groups: so called, called by a group, or sex where the groups are men and women.

        Of three groups and more, a term that is called by one of them is the column of that one. Of two, the one that a
        term is called by is not the reference.
        """
        terms = {part for _, u in self.read for n in u.numbers for part in n.address.get("term", "").split(":") if part}
        sexes = bool(self.groups) and {group.lower() for group in self.groups} <= SEXES
        for term in sorted(terms):
            words = term.lower()
            of_sex = sexes and re.match(r"sex|gender|" + "|".join(SEXES), words)
            called = sorted(
                (group for group in self.groups if names_group(group, words)), key=lambda g: words.find(g.lower())
            )
            if called and len(self.groups) > 2:
                self.names.alias(term, f"{self.holder}[{identifier(called[0])}]")
            elif self.groups and (HOLDERS.match(term) or of_sex or called):
                self.names.alias(term, self.holder)
                self.names.alias(re.sub(r"\s*[(\[].*", "", term), self.holder)
            if len(called) == 1 and len(self.groups) == 2 and not self.known.sizes:
                self.groups.sort(key=called.__contains__)
                self.told_reference = term

    def _outcome(self) -> str:
        return self.names.id(self.outcome or "outcome")

    def _address(self, number: Number) -> dict[str, str]:
        found = {}
        for key, value in number.address.items():
            if key == "term":
                found[key] = self.names.term(value)
            elif key in ("of", "with"):
                found[key] = self._outcome() if value == "@outcome" else self.names.id(value)
            elif key == "at":
                measure, _, at = value.rpartition(":")
                found[key] = f"{self.names.id(measure)}:{at}"
            elif key == "between":
                found[key] = ",".join(identifier(part) for part in value.split(","))
            else:
                found[key] = identifier(value) if key in ("group", "level", "step") else value
        return found

    # -- tables ------------------------------------------------------------------------------------------------------

    def _tables(self, grid: Grid, numbers: Sequence[Number]) -> Iterator[dict[str, Any]]:
        """Yield a grid's facts in the compact form: a table for what shares a step and has rows of the same kind."""
        blocks: dict[tuple[Any, ...], dict[tuple[str, ...], dict[str, str]]] = {}
        columns: dict[tuple[Any, ...], dict[str, None]] = {}
        seen: dict[tuple[Any, ...], Number] = {}
        for number in self._distinct(grid, numbers, seen):
            address = self._address(number)
            self._note_names(number, address)
            shared = tuple((key, address[key]) for key in number.shared)
            keys = tuple(number.row)
            block = (shared, keys)
            column = " ".join([number.quantity, *(f"{key}={address[key]}" for key in number.column)])
            columns.setdefault(block, {})[column] = None
            row = blocks.setdefault(block, {}).setdefault(tuple(address[key] for key in keys), {})
            row[column] = self._text(grid, number, address)
            self.made.entered += 1
        for block, rows in blocks.items():
            shared, keys = block
            stars = {"stars": grid.stars} if grid.stars else {}
            yield {
                "source": {"locator": grid.locator},
                **dict(shared),
                **stars,
                "columns": [*keys, *columns[block]],
                "rows": [[*at, *(row.get(column, "") for column in columns[block])] for at, row in rows.items()],
            }

    def _text(self, grid: Grid, number: Number, address: Mapping[str, str]) -> str:
        """Return a number as printed, without marks that stand for no p that can be entered."""
        found = MARKED.fullmatch(number.text)
        if not found or has_p(number.quantity, address):
            return number.text
        what = f"{found[2]!r} of {number.quantity} {found[1]} of {', '.join(number.address.values())}"
        self.made.left.append((grid.locator, what, "nothing says which test the mark is of"))
        return found[1]

    def _distinct(self, grid: Grid, numbers: Sequence[Number], seen: dict[tuple[Any, ...], Number]) -> Iterator[Number]:
        """Yield numbers of different addresses; what has the address of another number is left out."""
        for number in numbers:
            key = (number.quantity, *sorted(self._address(number).items()))
            if key not in seen:
                seen[key] = number
                yield number
            elif seen[key].text != number.text:
                what = f"{number.quantity} {number.text} of {', '.join(number.address.values())}"
                self.made.left.append(
                    (grid.locator, what, f"it stands twice, first as {seen[key].text}; call the rows apart")
                )

    def _note_names(self, number: Number, address: Mapping[str, str]) -> None:
        if "level" in number.address:
            self.levels.setdefault(address["of"], {})[address["level"]] = number.address["level"]
        if "step" in address:
            terms = self.steps.setdefault(address["step"], [])
            self.names.labels.setdefault(f"step {address['step']}", number.address["step"])
            # every column of the groups is added by the groups
            term = re.sub(r"\[[^]]*\]", "", address.get("term", ""))
            if term and term not in terms:
                terms.append(term)

    def _sizes(self) -> Iterator[dict[str, Any]]:
        printed = {n.address.get("group") for _, u in self.read for n in u.numbers if n.quantity == "n"}
        said = [[identifier(group), n] for group, n in self.known.sizes.items() if n and group not in printed]
        if said:
            yield {"source": {"locator": "said with --group"}, "columns": ["group", "n"], "rows": said}

    # -- the rest of the file ----------------------------------------------------------------------------------------

    def _measures(self) -> Iterator[dict[str, Any]]:
        outcome = {self._outcome()} if self.steps else set()
        of_terms = {part for terms in self.steps.values() for term in terms for part in term.split(":")}
        addressed = {n for _, u in self.read for number in u.numbers for n in self._measured(number)}
        for name in dict.fromkeys([*self.names.labels, *outcome]):
            if name in {*outcome, *of_terms, *addressed} and not (self.groups and name == self.holder):
                yield self._measure(name)
        if self.groups:
            levels = [{"id": identifier(group), "label": group} for group in self.groups]
            yield {"id": self.holder, "label": "Group", "levels": levels}

    def _measured(self, number: Number) -> Iterator[str]:
        address = self._address(number)
        yield from (address[key] for key in ("of", "with") if key in address)
        if "at" in address:
            yield address["at"].partition(":")[0]

    def _measure(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {"id": name, "label": self.names.labels[name]}
        if levels := self.levels.get(name):
            others = {} if len(levels) > 1 else {f"not_{next(iter(levels))}": f"not {next(iter(levels.values()))}"}
            found["levels"] = [{"id": level, "label": label} for level, label in {**levels, **others}.items()]
        return found

    def _steps(self) -> Iterator[dict[str, Any]]:
        """Yield the steps; one that repeats the terms before it, or goes on from them, comes after that step."""
        chain: list[tuple[str, tuple[str, ...]]] = []
        for step, terms in sorted(self.steps.items(), key=lambda item: self._place(item[0])):
            label, own = self.names.labels[f"step {step}"], tuple(terms)
            if chain and chain[-1][1] == own:
                chain.pop()  # the same terms again stand beside the step before, not after it
            if not (HIERARCHY.match(label) and chain and (set(chain[-1][1]) <= {*own} or _apart(chain[-1][1], own))):
                chain = []
            earlier = chain[-1][1] if chain else ()
            after = {"after": chain[-1][0]} if chain else {}
            yield {"id": step, "label": label, **after, "adds": [term for term in own if term not in earlier]}
            chain.append((step, tuple(dict.fromkeys([*earlier, *own]))))
            if not own:
                self.made.unknown.append(f"which terms {label} has: the key adds of [[step]] {step}")

    def _place(self, step: str) -> int:
        """Return which step it is by its number: tables of steps side by side name the later ones first."""
        found = re.search(r"(?i)(?:step|model|block)\D{0,3}(\d+)", self.names.labels[f"step {step}"])
        return int(found[1]) if found else 0

    def _compare(self) -> None:
        """Say which tables print different values of the same number."""
        seen: dict[tuple[Any, ...], tuple[str, Number]] = {}
        for grid, understood in self.read:
            for number in understood.numbers:
                key = (number.quantity, *sorted(self._address(number).items()))
                where, first = seen.setdefault(key, (grid.locator, number))
                if where != grid.locator and not _meet(first.text, number.text):
                    what = f"{number.quantity} of {', '.join(first.address.values()) or 'all'}"
                    both = f"{first.text} in {where} and {number.text} in {grid.locator}"
                    self.made.conflicts.append(f"{what} is {both}")

    def _ask(self) -> None:
        """List what no table says."""
        numbers = [number for _, understood in self.read for number in understood.numbers]
        sized = {n.address.get("group") for n in numbers if n.quantity == "n"} | {
            g for g, n in self.known.sizes.items() if n
        }
        unsized = [group for group in self.groups if group not in sized]
        if unsized:
            self.made.unknown.append(f'how many people are in {", ".join(unsized)}: --group "{unsized[0]}=N"')
        if self.told_reference:
            self.made.unknown.append(f"whether {self.groups[0]!r} is the reference, as {self.told_reference!r} says")
        elif self.groups and not self.known.sizes:
            self.made.unknown.append(f"whether {self.groups[0]!r} is the reference: --group in the order of the coding")
        self._ask_outcome()
        if any(n.quantity == "coefficient" and "standardised" not in n.column for n in numbers):
            self.made.unknown.append("whether the coefficients are raw or standardised: analysis.standardised")
        if any(":" in n.address.get("term", "") for n in numbers):
            self.made.unknown.append("what the products are of (z, raw or centred scores): analysis.products")

    def _ask_outcome(self) -> None:
        """Ask whether the outcome is a measure of another table, where nothing but their names speaks for it."""
        if self.outcome and not any(same(self.outcome, label) for label in measures_of(self.read)):
            alike = [label for label in explainable(self.read) if near(self.outcome, label)]
            if alike:
                called = " or ".join(map(repr, alike))
                self.made.unknown.append(f'whether {self.outcome!r} is {called}: --outcome "{alike[0]}" says so')


def _labels(table: tuple[Grid, Understood]) -> list[str]:
    """Return what a table calls measures in rows and columns of their own."""
    told = [number.address.get(key, "") for number in table[1].numbers for key in ("of", "with", "term")]
    return [label for label in dict.fromkeys(told) if label and ":" not in label]


def _with_steps(read: list[tuple[Grid, Understood]]) -> list[tuple[Grid, Understood]]:
    """Let simple slopes whose table does not say of which step be of the only one that has products."""
    every = [number for _, understood in read for number in understood.numbers]
    with_products = {n.address["step"] for n in every if ":" in n.address.get("term", "") and "step" in n.address}
    if len(with_products) == 1:
        (step,) = with_products
        for _, understood in read:
            understood.numbers = [
                replace(n, shared={**n.shared, "step": step}) if n.shared.get("step") == OPEN_STEP else n
                for n in understood.numbers
            ]
    return read


def _meet(one: str, other: str) -> bool:
    """Tell whether two printed numbers can be one; thresholds and marks are left to the audit."""
    values = [read_value(text) for text in (one, other)]
    if any(value.number is None or value.relation != "=" for value in values):
        return True
    first, second = (rounding_interval(value.number) for value in values if value.number is not None)
    return first.meets(second)


def _apart(before: Iterable[str], own: Iterable[str]) -> bool:
    return not {*before} & {*own}
