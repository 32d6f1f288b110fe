"""A run as its folder holds it: what a report is made of, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from ..folders import RECORD, csv_table, csv_text, read_record
from ..inference.models.specs import ModelSpec
from ..provenance import RunRecord
from ..reconstruction.reconstructions import NOTE
from ..spec import InputError, read_object, read_text, validated
from ..study.study import Study

KINDS = (".csv", ".json", ".svg")
OLD_COLUMNS = {"doubt": "analysis"}
"""Names that columns had in the version before this one."""
LARGEST_TEXT = 500_000_000
"""Bytes of a table."""
RATIOS = ("allocation", "mix")
"""Columns of ratios such as 2:1, which are text also where one sample has nothing but 1."""


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows, values by column."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


@dataclass(frozen=True, kw_only=True)
class SavedRun:
    """The files of a run folder.

    Parameters
    ----------
    record : RunRecord
        How it was made.
    texts : mapping of str to str
        Content of every CSV, JSON and SVG file, by name.
    """

    record: RunRecord
    texts: Mapping[str, str]

    @classmethod
    def of_folder(cls, folder: Path, kinds: Collection[str] = KINDS) -> Self:
        """Read a run folder, its files of some kinds; raises `InputError` where it is none, or one of them is gone."""
        record = read_record(folder)
        paths = sorted(path for path in folder.iterdir() if path.suffix in kinds and path.name != RECORD)
        paths += sorted((folder / "figures").glob("*.svg")) if ".svg" in kinds else []
        texts = {path.relative_to(folder).as_posix(): read_text(path, most=LARGEST_TEXT) for path in paths}
        if missing := [
            name for name in record.outputs if name not in texts and Path(name).suffix in {*kinds} - {".svg"}
        ]:
            raise InputError(f"has no {missing[0]}, which the run had written", source=folder)
        return cls(record=record, texts=texts)

    @classmethod
    def of_contents(cls, contents: Mapping[str, object], record: RunRecord) -> Self:
        """Take a run's files before they are written; tables go through CSV, so that both ways see the same digits."""
        texts = {}
        for name, content in contents.items():
            if isinstance(content, pd.DataFrame):
                texts[name] = csv_text(content)
            elif isinstance(content, str) and name.endswith((".csv", ".json")):
                texts[name] = content
        return cls(record=record, texts=texts)

    def has(self, *names: str) -> bool:
        """Tell whether the run has all these files, given without ``.csv`` where they are tables."""
        return all(name in self.texts or f"{name}.csv" in self.texts for name in names)

    def table(self, name: str) -> pd.DataFrame:
        """Return a table by its file's name without ``.csv``; empty cells are missing values.

        Raises
        ------
        InputError
            The run has no such file, or it is no table.
        """
        if f"{name}.csv" not in self.texts:
            raise InputError(f"has no {name}.csv, which this needs", source=self.record.verb)
        try:
            return self.parse(self.texts[f"{name}.csv"])
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise InputError(f"is not a table: {error}", source=f"{name}.csv") from None

    def about_focal(self, name: str) -> pd.DataFrame:
        """Return a table's rows about the focal estimand."""
        table = self.table(name)
        return table[table["estimand"] == self.study.read().focal_estimand.name]

    @staticmethod
    def parse(text: str) -> pd.DataFrame:
        """Read CSV as it is written here: only an empty cell is missing; older columns get today's names."""
        return csv_table(text, dtype=dict.fromkeys(RATIOS, str)).rename(columns=OLD_COLUMNS)

    @cached_property
    def study(self) -> Study:
        """The study, its readings open; raises `InputError` where the run did not save it."""
        return validated(Study, self.json_object("study.json"), "study.json")

    @cached_property
    def models(self) -> dict[str, ModelSpec]:
        """The models by step."""
        content = self.json_object("models.json")
        return {step: validated(ModelSpec, model, f"models.json: {step}") for step, model in content.items()}

    @cached_property
    def reconstructions(self) -> dict[str, Any]:
        """What the sampler said of the reconstructions that the run rests on: ``verdict``, ``converged``; or empty."""
        return self.json_object(NOTE) if NOTE in self.texts else {}

    def json_object(self, name: str) -> dict[str, Any]:
        """Return the content of a JSON file; raises `InputError` where the run has none."""
        if name not in self.texts:
            raise InputError(f"this run of {self.record.verb!r} has no {name}; a report is made of a reanalysis")
        return read_object(self.texts[name], name)
