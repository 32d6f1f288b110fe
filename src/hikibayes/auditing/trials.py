"""What an audit would leave contradicted if some numbers were others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..study.facts import Fact
from ..study.study import Study
from .checks.rows import Check

NUMBER = ("value", "relation", "within", "absolute", "unit")
MOST_LOST = 3
"""Checks that a number which is left out may take along; where more are gone, nothing has been explained."""


@dataclass(frozen=True)
class Trial:
    """An audit, and the way to another one.

    Parameters
    ----------
    study : Study
        With its readings decided.
    rows : sequence of Check
        What the audit found.
    audited : callable
        The checks of a study with other numbers, one after the other.
    """

    study: Study
    rows: Sequence[Check]
    audited: Callable[[Study], Iterable[Check]]

    @property
    def wrong(self) -> list[Check]:
        """The contradictions."""
        return [row for row in self.rows if row.verdict == "inconsistent"]

    def left(self, changes: Mapping[str, Fact | None], most: int) -> int | None:
        """Count the contradictions left once some facts have the numbers of others, or none (None).

        None where more than `most` are left, where it is no study, or where what was checked no longer is.
        """
        other = self._edited(changes)
        wrong, keys = 0, set[tuple[str, str, bool]]()
        for row in self.audited(other) if other else ():
            key = (row.check, row.facts[0], row.verdict == "inconsistent")
            wrong += key[2] and key not in keys
            keys.add(key)
            if wrong > most:
                return None
        return wrong if len(keys) >= len(self.rows) - MOST_LOST else None

    def _edited(self, changes: Mapping[str, Fact | None]) -> Study | None:
        """Return the study with other numbers at some addresses, without those that have none; None if it cannot be."""
        content: dict[str, Any] = self.study.model_dump(exclude_unset=True)
        facts = []
        for fact in content["fact"]:
            given = changes.get(fact["id"], self.study.fact(fact["id"]))
            if given is not None:
                number = given.model_dump(exclude_unset=True, include=set(NUMBER))
                facts.append({key: value for key, value in fact.items() if key not in NUMBER} | number)
        try:
            return Study.model_validate({**content, "fact": facts})
        except ValidationError:
            return None
