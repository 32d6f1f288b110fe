"""Facts in a compact form: a printed table with one source becomes a fact a cell.

A column is an address key (``term``, ``of``, ``group``), or a kind of number with what all its cells share:
``"coefficient"``, ``"mean group=patients"``, ``"correlation with=age"``. What the whole table shares stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, model_validator

from ..problems import ProblemsError, problems_of, unknown_name
from ..quantities import KINDS
from ..spec import Printed, Spec
from .facts import ADDRESS, Fact
from .measures import Identifier, Source, Text
from .values import EMPTY, STARS, PrintedValue, is_p, read_value

SHARED = (*ADDRESS, "unit", "absolute", "implied", "note")
"""What a table or a column can say of all its cells."""
NAMING = ("step", "term", "of", "with", "level", "group", "subscale")


class Table(Spec):
    """Printed numbers of one table.

    Notes
    -----
    Beside the fields below it takes the keys of a fact that all its cells share: ``step``, ``group``, ``unit`` …
    """

    model_config = ConfigDict(extra="allow")

    id: Identifier | None = None
    """Begins the ids of its facts; otherwise the locator does."""
    source: Source
    columns: tuple[Text, ...]
    rows: tuple[tuple[Printed | str, ...], ...]
    """Numbers, or texts as printed: ``"<.001"``, ``".24**"``; an empty text where nothing is printed."""
    stars: dict[str, Printed] = Field(default_factory=lambda: dict(STARS))
    """What marks of significance mean, by the table's note."""

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, content: Any) -> Any:
        known = [*cls.model_fields, *SHARED]
        if unknown := [key for key in content if key not in known] if isinstance(content, dict) else ():
            source = content.get("source")
            name = (
                content.get("id") or (source.get("locator") if isinstance(source, dict) else source) or "without source"
            )
            raise ValueError(f"table {name!r}: {unknown_name('key', unknown[0], known)}")
        return content

    @model_validator(mode="after")
    def _fits(self) -> Table:
        for number, row in enumerate(self.rows, 1):
            if len(row) != len(self.columns):
                has = f"has {len(row)} cells, but there are {len(self.columns)} columns"
                raise ValueError(f"{self.name}, row {number} ({row[0] if row else 'empty'}): {has}")
        for column in self.columns:
            _parsed(column, self.name)
        return self

    @property
    def shared(self) -> dict[str, Any]:
        """What all its cells share."""
        return self.__pydantic_extra__ or {}

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"table {self.id or self.source.locator!r}"

    @cached_property
    def _columns(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        return tuple(_parsed(column, self.name) for column in self.columns)

    def facts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield its facts as a study file writes them, without ids, each with its place."""
        for number, row in enumerate(self.rows, 1):
            address = self._address(number, row)
            called = ", ".join(map(str, address.values()))
            for column, (name, own), cell in zip(self.columns, self._columns, row, strict=True):
                if name in ADDRESS or str(cell).strip() in EMPTY:
                    continue
                place = f"{self.name}, row {number}{f' ({called})' if called else ''}, column {column!r}"
                quote = " | ".join(str(each).strip() for each in row)
                for fact in self._of_cell(place, name, {**self.shared, **address}, own, cell):
                    yield place, {**fact, "source": self.source.replace(quote=self.source.quote or quote).model_dump()}

    def _address(self, number: int, row: Iterable[Decimal | str]) -> dict[str, Any]:
        """Return what a row says of all its numbers."""
        texts = [(name, str(cell).strip()) for (name, _), cell in zip(self._columns, row, strict=True)]
        try:
            return {name: _typed(name, text) for name, text in texts if name in ADDRESS and text not in EMPTY}
        except ValueError as error:
            raise ValueError(f"{self.name}, row {number}: {error}") from None

    def _of_cell(
        self, place: str, quantity: str, shared: dict[str, Any], own: dict[str, Any], cell: Decimal | str
    ) -> Iterator[dict[str, Any]]:
        """Yield the number of a cell, and the p that its stars stand for."""
        try:
            found = read_value(cell) if isinstance(cell, str) else PrintedValue(number=cell)
            if found.number is not None:
                unit = {"unit": "percent"} if found.percent else {}
                value = {"relation": found.relation, "value": found.number}
                yield {"quantity": quantity, **_taken(quantity, shared), **own, **unit, **value}
            if found.marks:
                p = quantity if is_p(quantity) else _p_of(quantity, {**shared, **own})
                yield {"quantity": p, **_taken(p, {**shared, **own}), **found.threshold(self.stars)}
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None


def facts_of_tables(tables: Iterable[Table], taken: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Return the facts of tables as a study file writes them, with ids that are not `taken`.

    Raises
    ------
    ProblemsError
        Cells that are no such numbers, by table, row and column.
    """
    used, facts = set(taken), list[dict[str, Any]]()
    problems: list[str] = []
    for table in tables:
        start = table.id or identifier(table.source.locator)
        try:
            for place, fact in table.facts():
                name = _free(identifier("_".join([start, *_naming(fact), fact["quantity"]])), used)
                used.add(name)
                facts.append({"id": name, **fact})
                problems += _wrong(table, place, facts[-1])
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ProblemsError(list(dict.fromkeys(problems)))
    return facts


def identifier(text: str) -> str:
    """Return a name for what is called so in print.

    Examples
    --------
    >>> identifier("Table 2"), identifier("Perceived stress (PSS-10)"), identifier("2. Age")
    ('table_2', 'perceived_stress_pss_10', 'age')
    """
    name = re.sub(r"\W+", "_", text.strip().lower()).strip("_")
    name = re.sub(r"^[\d_]+", "", name) or f"n{name}"
    return name if name != "n" or text.strip().lower() == "n" else "unnamed"


def _wrong(table: Table, place: str, fact: dict[str, Any]) -> Iterator[str]:
    """Say what is wrong with a cell's number; what is said of all the cells of a table is wrong there, and once."""
    try:
        Fact.model_validate(fact)
    except ValidationError as error:
        for problem in problems_of(Fact, error, fact):
            of_table = re.split(r"[.[]", problem.key)[0] in table.shared
            where = f"{table.name}: {problem.key}" if of_table else place
            yield f"{where}: {problem.text.removeprefix(f'fact {fact["id"]!r}: ')}"


def _parsed(column: str, table: str) -> tuple[str, dict[str, Any]]:
    """Return what a column is of and what its cells share: ``"mean group=patients"``."""
    name, *pairs = column.split()
    if name not in KINDS and name not in ADDRESS:
        raise ValueError(f"{table}: {unknown_name('column', name, [*KINDS, *ADDRESS])}")
    own = dict(pair.partition("=")[::2] for pair in pairs)
    if wrong := [key for key, value in own.items() if key not in SHARED or not value]:
        raise ValueError(f"{table}, column {column!r}: write {wrong[0]!r} as KEY=VALUE; keys are {', '.join(SHARED)}")
    try:
        return name, {key: _typed(key, value) for key, value in own.items()}
    except ValueError as error:
        raise ValueError(f"{table}, column {column!r}: {error}") from None


def _typed(key: str, value: str) -> Any:
    if key == "between":
        return value.split(",")
    if key == "at":
        pairs = [[part.strip() for part in pair.partition(":")] for pair in value.split(",")]
        if not all(measure.isidentifier() and at for measure, _, at in pairs):
            how = "MEASURE:-1 (SDs from its mean), MEASURE:'40' (a score) or MEASURE:LEVEL, several parted by commas"
            raise ValueError(f"at {value!r}: where a measure is held is written {how}")
        return {measure: _held(at) for measure, _, at in pairs}
    if key == "confidence" and re.fullmatch(r"\d*\.?\d+", value):
        return Decimal(value)
    return {"true": True, "false": False}.get(value, value)


def _held(at: str) -> Any:
    """Return where a measure is held: SDs from its mean as a number, ``'40'`` a value, otherwise a level."""
    number = re.fullmatch(r"[-+]?\d+(?:\.\d+)?", at)
    return Decimal(at) if number else at.strip("'\"")


def _taken(quantity: str, shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return of what cells share that which belongs to a kind of number."""
    kind = KINDS[quantity]
    keys = {key for each in (*kind.needs, *kind.may) for key in each.split("|")} | {"note", "implied"}
    keys |= ({"unit"} if kind.unit else set()) | (set() if is_p(quantity) else {"absolute"})
    return {key: value for key, value in shared.items() if key in keys}


def has_p(quantity: str, address: Mapping[str, Any]) -> bool:
    """Tell whether a mark of significance beside a number stands for a p that can be entered."""
    try:
        return is_p(quantity) or bool(_p_of(quantity, address))
    except ValueError:
        return False


def _p_of(quantity: str, address: Mapping[str, Any]) -> str:
    """Return the kind of the p of a number with stars."""
    for estimate in (quantity, quantity.removesuffix("_f"), quantity.removesuffix("_t")):
        if f"{estimate}_p" in KINDS:
            return f"{estimate}_p"
    if "of" in address and ("between" in address) != ("with" in address):
        return "p"
    raise ValueError(f"stars beside a {quantity} stand for no p that can be entered; leave them out")


def _naming(fact: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(fact[key]) for key in NAMING if fact.get(key))
    if "standardised" in fact:
        yield "standardised" if fact["standardised"] else "raw"


def _free(name: str, used: set[str]) -> str:
    return name if name not in used else next(n for k in range(2, 10**6) if (n := f"{name}_{k}") not in used)
