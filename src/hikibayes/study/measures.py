"""What was measured: instruments with their items, ranges, direction and reliability; numbers; categories."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator

from ..spec import InputError, Items, Number, Spec, Whole

Identifier = Annotated[str, StringConstraints(pattern=r"^[^\W\d_]\w*$")]
"""A name that can stand in a formula: letters of any script, digits and underscores."""
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Source(Spec):
    """Where a statement stands: a place a reader can find, and the quoted words."""

    locator: Text
    """Section and paragraph, for example ``Results, paragraph 3``."""
    quote: Text | Literal[""] = ""
    """The words as printed."""


class Subscale(Spec):
    """A named part of an instrument; ``items`` stays empty where the number of its items is not printed."""

    id: Identifier
    label: Text
    items: Items | None = None


class Level(Spec):
    """One value of a categorical measure."""

    id: Text
    label: Text


class Measure(Spec):
    """One column of the participants' table.

    Notes
    -----
    ``scale``: a questionnaire; its range follows from items and response format, and its direction is mandatory,
    because a reader who takes a high score for a bad one reads every result upside down.
    ``number``: a number; what needs its range asks for it. ``category``: named levels; the first is the
    reference (coded 0).
    """

    id: Identifier
    label: Text
    kind: Literal["scale", "number", "category"]
    unit: Text | None = None
    items: Items | None = None
    response: tuple[Whole, Whole] | None = None
    score: Literal["sum", "mean"] = "sum"
    direction: Text | None = None
    subscales: tuple[Subscale, ...] = ()
    inventory: Text | None = None
    """The questionnaire that this scale is one of the subscales of."""
    range: tuple[Number, Number] | None = None
    integer: bool = True
    levels: tuple[Level, ...] = ()
    only_in: Identifier | None = None
    """The one group that has this measure; it is empty in the others."""
    source: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _fields_fit_kind(self) -> Self:
        wanted: dict[str, tuple[str, ...]] = {
            "scale": ("items", "response", "direction"),
            "number": ("range",),
            "category": ("levels",),
        }
        for kind, names in wanted.items():
            for name in names:
                given, own = bool(getattr(self, name)), kind == self.kind
                if given != own and not (own and name == "range"):
                    raise ValueError(f"measure {self.id!r}: a {self.kind} {'needs' if own else 'takes no'} {name!r}")
        for name, pair in (("response", self.response), ("range", self.range)):
            if pair and pair[0] >= pair[1]:
                raise ValueError(f"measure {self.id!r}: {name} runs from {pair[0]:g} to {pair[1]:g}, not upwards")
        called = [name for level in self.levels for name in {level.id, level.label}]
        if twice := [name for name in called if called.count(name) > 1]:
            raise ValueError(f"measure {self.id!r}: {twice[0]!r} names two levels; ids and labels belong to one each")
        if self.kind == "category" and len(self.levels) < 2:
            raise ValueError(f"measure {self.id!r}: a category needs at least two levels")
        return self

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest possible value.

        Raises
        ------
        InputError
            A category has none, and a number without a range none that is known.
        """
        if self.kind == "scale" and self.response and self.items:
            factor = self.items if self.score == "sum" else 1
            return self.response[0] * factor, self.response[1] * factor
        if self.range:
            return self.range
        if self.kind == "number":
            raise InputError(f"measure {self.id!r} has no 'range', which is needed here; add range = [lowest, highest]")
        raise InputError(f"measure {self.id!r} is a category and has no limits")

    @property
    def possible(self) -> tuple[float, float]:
        """Lowest and highest possible value as far as they are known: infinite where they are not."""
        return self.limits if self.kind != "number" or self.range else (-math.inf, math.inf)

    @property
    def grain(self) -> float:
        """Distance between neighbouring possible values; 0 for a continuous number, or where it is not known."""
        if self.kind == "scale" and self.items and self.score == "mean":
            return 1 / self.items
        known = self.kind != "number" or self.range or "integer" in self.model_fields_set
        return 1.0 if self.integer and known else 0.0


def term_parts(term: str) -> frozenset[str]:
    """Return what a term is a product of: neither the order nor blanks matter.

    Examples
    --------
    >>> term_parts("group:age") == term_parts("age : group")
    True
    >>> sorted(term_parts("group:I(age ** 2)"))
    ['I(age**2)', 'group']
    """
    return frozenset(part for part in re.split(r":(?![^()]*\))", re.sub(r"\s+", "", term)) if part)
