"""How somebody's table says what a study's measures say: a small file, or the same by options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from ...spec import Code, InputError, Spec, read_spec, unknown_name
from ...study.measures import Identifier
from ...study.study import Study
from .labels import exact


class TableMapping(Spec):
    """What in a table means what in a study.

    Raises
    ------
    pydantic.ValidationError
        Two measures are taken from one column.

    Notes
    -----
    ::

        missing = [-9, 99]                    # codes for "no answer", in every column
        reversed = ["abs_h"]                  # scored the other way round than the study has it

        [columns]                             # measure = header
        abs_h = "ABS-H total"

        [labels.group]                        # what the column says = the study's label
        1 = "hikikomori"
        2 = "control"

        [missing_in]                          # codes that are possible values elsewhere
        planning = [9]
    """

    columns: dict[Identifier, str] = Field(default_factory=dict)
    """Header by measure id, or by item column (``abs_h_01``)."""
    labels: dict[Identifier, dict[str, str]] = Field(default_factory=dict)
    """For a category: the study's label of what the column says."""
    missing: tuple[Code, ...] = ()
    """Codes that stand for an empty cell in every column."""
    missing_in: dict[Identifier, tuple[Code, ...]] = Field(default_factory=dict)
    """Codes that stand for an empty cell in one measure's column."""
    reversed: tuple[Identifier, ...] = ()
    """Measures whose totals were scored the other way round; they are mirrored within their range."""

    @model_validator(mode="after")
    def _one_column_each(self) -> Self:
        seen: dict[str, str] = {}
        for measure, header in self.columns.items():
            if other := seen.get(exact(header)):
                raise ValueError(f"column {header!r} is mapped to {other} and {measure}; a column holds one measure")
            seen[exact(header)] = measure
        return self

    def with_columns(self, columns: Mapping[str, str]) -> TableMapping:
        """Return the mapping with headers by measure id added or replaced; raises `InputError`."""
        if not isinstance(columns, Mapping) or not all(
            isinstance(text, str) for pair in columns.items() for text in pair
        ):
            raise InputError(f"found {columns!r}; write it as {{'measure': 'header'}}", key="columns")
        together = {**self.columns, **columns}
        used = [exact(header) for header in together.values()]
        for measure, header in together.items():
            if used.count(exact(header)) > 1:
                both = " and ".join(name for name, other in together.items() if exact(other) == exact(header))
                raise InputError(f"column {header!r} is mapped to {both}; a column holds one measure", key=measure)
        return self.model_copy(update={"columns": together})

    def check(self, study: Study) -> None:
        """Raise `InputError` for a measure or label that the study does not have."""
        known = [measure.id for measure in study.measures]
        named = [*self.labels, *self.missing_in, *self.reversed, *(_measure_of(name, known) for name in self.columns)]
        for name in named:
            if name not in known:
                raise InputError(unknown_name("measure", name, known))
        for name, labels in self.labels.items():
            levels = [level.id for level in study.measure(name).levels]
            for label in labels.values():
                if label not in levels:
                    raise InputError(unknown_name("label", label, levels), key=f"labels.{name}")
        if wrong := [name for name in self.reversed if study.measure(name).kind == "category"]:
            raise InputError("is a category; only scales and numbers can be reversed", key=f"reversed: {wrong[0]}")


def load_mapping(mapping: str | Path | TableMapping | None) -> TableMapping:
    """Load a mapping file; a mapping that is loaded already comes back as it is, None as an empty one.

    Raises
    ------
    InputError
        The file cannot be read, has an unknown key, or takes two measures from one column.
    """
    if mapping is None:
        return TableMapping()
    if isinstance(mapping, TableMapping):
        return mapping
    if not isinstance(mapping, str | Path):
        raise InputError(
            f"found {mapping!r}; a file is expected, and columns={{'measure': 'header'}} names headers alone",
            key="mapping",
        )
    return read_spec(TableMapping, Path(mapping))


def _measure_of(name: str, known: list[str]) -> str:
    """Return the measure that a column name is of: itself, or the one whose item it is."""
    stem = re.sub(r"_\d\d$", "", name)
    return stem if name not in known and stem in known else name
