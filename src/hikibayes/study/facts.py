"""A fact is not an assumption.

A `Fact` is a number the paper printed, with its decimals, the place where it stands and the words around it. An
`Assumption` is what the paper did not print and the work needs nevertheless: a distribution and a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator, model_validator

from ..distributions import Distribution
from ..quantities import KINDS
from ..spec import Number, Printed, Spec, unknown_name
from .intervals import Interval, rounding_interval
from .measures import Identifier, Source, Text
from .values import STARS, is_p, read_value

ADDRESS = (
    "of",
    "with",
    "group",
    "between",
    "level",
    "subscale",
    "step",
    "term",
    "test",
    "tail",
    "kind",
    "adjusted",
    "standardised",
    "separate",
    "at",
    "confidence",
    "errors",
    "coding",
    "products",
)


def _pairs(at: Any) -> Any:
    """Accept a table of values by measure; keep it as pairs, which can be compared and hashed."""
    return tuple(sorted(at.items())) if isinstance(at, dict) else at


At = Annotated[
    tuple[tuple[Identifier, Number | Text], ...],
    BeforeValidator(_pairs),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": ["number", "string"]}}),
]
"""Values that measures are held at."""
PrintedText = Annotated[Printed, PlainSerializer(str, when_used="json")]


LINEAR = "can be entered instead: linear regressions, comparisons, correlations, descriptives, counts by group"
OUTSIDE = {
    **dict.fromkeys(
        ("odds", "logistic", "hazard", "rate_ratio", "risk_ratio"),
        f"is of a model for categories, which is not taken; {LINEAR} (`count`, `chi2`)",
    ),
    **dict.fromkeys(
        ("icc", "variance_component", "random", "deviance", "aic", "bic"),
        f"is of a multilevel model, not taken; {LINEAR}",
    ),
    **dict.fromkeys(
        ("indirect", "mediat"),
        f"is a product of two coefficients, not taken; {LINEAR}: each regression of a mediation is a [[step]] with its"
        " own `outcome`",
    ),
    **dict.fromkeys(("loading", "rmsea", "cfi", "srmr"), f"is of a structural equation model, not taken; {LINEAR}"),
}
"""Numbers of models that are not taken, by a part of their name, and what to enter."""


class Fact(Spec):
    """A printed number.

    Notes
    -----
    ``value`` keeps its printed decimals. ``relation`` is ``=`` for a rounded number, an inequality as printed
    (``p < .001``), or ``about`` for a number in words, which then needs ``within``: how far off it may be.
    ``implied`` marks what follows from the text without being printed as a number.

    Raises
    ------
    pydantic.ValidationError
        An unknown quantity, a key that the quantity does not take or lacks, an impossible value, or a wrong unit.
    """

    id: Identifier
    quantity: str
    of: Identifier | None = None
    with_: Annotated[Identifier | None, Field(alias="with")] = None
    group: Identifier | None = None
    between: tuple[Identifier, Identifier] | None = None
    """First group minus second."""
    level: Identifier | None = None
    subscale: Identifier | None = None
    """A subscale's id; ``any`` for a statement about each of them."""
    step: Identifier | None = None
    term: str | None = None
    test: Literal["welch", "student"] | None = None
    tail: Literal["two", "one", "lower", "upper"] | None = None
    """Of a p: two-sided, one-sided in the direction of the estimate, or that of a smaller, or a greater, value."""
    kind: Literal["cohen", "hedges", "glass_first", "glass_second", "average", "divisor_n"] | None = None
    """Of a d: over the pooled SD, corrected by Hedges, over the first or second group's SD, over the root of the
    average variance, or over the pooled SD with divisor n."""
    adjusted: bool | None = None
    """For ``delta_r2``: whether the difference is of adjusted coefficients."""
    standardised: bool | None = None
    """Outcome and scales in SD units; the study's analysis says so where this is silent."""
    separate: bool | None = None
    """Of a slope: from a regression of its group alone (standardised: in that group's SDs), not from one model."""
    at: At | None = None
    """Of a slope or predicted value: ``{age = -1}`` is one SD below the mean, ``{age = "40"}`` a value, or a level."""
    confidence: Annotated[Number, Field(gt=0.5, lt=1)] | None = None
    """Of confidence limits: their level; 0.95 where nothing is said."""
    errors: Literal["robust", "bootstrap"] | None = None
    """What a standard error and all that follows from it rests on, where it is not ordinary least squares."""
    coding: Literal["dummy", "effect", "half", "sum", "helmert"] | None = None
    products: Literal["z", "z_again", "raw", "centred", "centred_both", "centred_scores"] | None = None
    relation: Literal["=", "<", "<=", ">", ">=", "about"] = "="
    value: PrintedText
    within: PrintedText | None = None
    absolute: bool = False
    """The statement is about the absolute value."""
    unit: str | None = None
    implied: bool = False
    note: str | None = None
    source: Source

    @model_validator(mode="before")
    @classmethod
    def _as_printed(cls, content: Any) -> Any:
        """Take a value as it stands in print: ``"<.001"``, ``"12.4%"``, ``"n.s."``, ``"**"``."""
        if not isinstance(content, dict) or not isinstance(content.get("value"), str):
            return content
        return {**content, **_read(content["value"], content)}

    @field_validator("quantity")
    @classmethod
    def _known_quantity(cls, name: str) -> str:
        if name not in KINDS:
            outside = next((words for part, words in OUTSIDE.items() if part in name.lower()), None)
            raise ValueError(f"quantity {name!r} {outside}" if outside else unknown_name("quantity", name, KINDS))
        return name

    @model_validator(mode="after")
    def _address_fits(self) -> Self:
        kind, given = KINDS[self.quantity], self.address
        needs = [key.split("|") for key in kind.needs]
        if missing := [keys for keys in needs if sum(key in given for key in keys) != 1]:
            said = ", ".join(" or ".join(map(repr, keys)) for keys in missing)
            raise ValueError(f"fact {self.id!r}: quantity {self.quantity!r} needs {said}")
        keys = [*(key for each in needs for key in each), *kind.may]
        if extra := [key for key in given if key not in keys]:
            accepted = ", ".join(keys)
            raise ValueError(f"fact {self.id!r}: {extra[0]!r} does not belong to {self.quantity!r}, takes {accepted}")
        if (self.relation == "about") != (self.within is not None):
            raise ValueError(f"fact {self.id!r}: 'within' goes with relation = 'about', and 'about' needs it")
        if (self.test and self.with_) or (self.quantity == "p" and self.group and self.between):
            raise ValueError(f"fact {self.id!r}: 'test' goes with 'between', and 'group' of a p with 'with'")
        if kind.estimate == "slope" and not (self.group or self.at):
            raise ValueError(f"fact {self.id!r}: quantity {self.quantity!r} needs 'group' or 'at': whose slope it is")
        if self.between and self.between[0] == self.between[1]:
            raise ValueError(f"fact {self.id!r}: 'between' names the same group twice")
        return self

    @model_validator(mode="after")
    def _value_possible(self) -> Self:
        kind = KINDS[self.quantity]
        units = {"proportion": ("proportion", "percent")}.get(kind.unit, (kind.unit,))
        if self.unit and kind.unit != "measure" and self.unit not in units:
            accepted = " or ".join(filter(None, units)) or "no unit"
            raise ValueError(f"fact {self.id!r}: unit {self.unit!r} does not fit {self.quantity!r}, takes {accepted}")
        number = float(self.value) / self._divisor
        if self.absolute and number < 0:
            raise ValueError(f"fact {self.id!r}: an absolute value cannot be {self.value}; at least 0 is accepted")
        if not kind.low <= number <= kind.high:
            possible = f"[{kind.low:g}, {kind.high:g}]"
            raise ValueError(f"fact {self.id!r}: {self.quantity} {self.value} is impossible; it lies in {possible}")
        return self

    @property
    def address(self) -> dict[str, object]:
        """Which number of its kind it is: the keys that are given."""
        values = {key: getattr(self, "with_" if key == "with" else key) for key in ADDRESS}
        return {key: value for key, value in values.items() if value is not None}

    @property
    def usual(self) -> bool:
        """Whether nothing unusual is declared: a p is two-sided and not a correlation's, a d Cohen's, the model one."""
        of_correlation = self.quantity == "p" and self.with_ is not None
        unusual = self.separate or of_correlation or self.errors or (self.quantity == "n" and self.step)
        return self.tail in (None, "two") and self.kind in (None, "cohen") and not unusual

    @property
    def _divisor(self) -> int:
        return 100 if self.unit == "percent" else 1

    @property
    def interval(self) -> Interval:
        """The values the printed number leaves possible, in the quantity's own unit (percents as proportions)."""
        kind = KINDS[self.quantity]
        low, high = (0.0, max(abs(kind.low), abs(kind.high))) if self.absolute else (kind.low, kind.high)
        value = float(self.value) / self._divisor
        match self.relation:
            case "=" if kind.whole:
                found = Interval(value, value)
            case "=":
                printed = rounding_interval(self.value)
                found = Interval(printed.low / self._divisor, printed.high / self._divisor)
            case "<" | "<=":
                return Interval(low, value)
            case ">" | ">=":
                return Interval(value, high)
            case _:
                slack = float(self.within or 0) / self._divisor
                found = Interval(value - slack, value + slack)
        return Interval(max(found.low, low), min(found.high, high))

    @property
    def printed(self) -> str:
        """The number as the paper has it, for tables: relation, digits, percent sign."""
        sign = {"=": "", "about": "about "}.get(self.relation, f"{self.relation} ")
        value = f"{sign}{self.value}{'%' if self.unit == 'percent' else ''}"
        return f"|·| {value}" if self.absolute else value

    def holds(self, value: float, slack: float = 1e-9) -> bool:
        """Tell whether a computed number, printed as this one was, would read the same."""
        return (abs(value) if self.absolute else value) in self.interval.widened(slack)

    def __str__(self) -> str:
        between = {"between": "/".join(self.between)} if self.between else {}
        at = {"at": " and ".join(f"{name} = {value}" for name, value in self.at)} if self.at else {}
        parts = [f"{key} {value}" for key, value in (self.address | between | at).items()]
        return f"{self.quantity}({', '.join(parts)}) {self.printed}"


def _read(text: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return value, relation and unit of a printed text; raises `ValueError` where it is no single number."""
    with suppress(InvalidOperation):
        return {"value": Decimal(text)}
    found = read_value(text)
    if found.marks and (found.number is not None or not is_p(str(content.get("quantity")))):
        raise ValueError(
            f"{text!r} is of more than one number; a [[table]] takes stars, and here the p is its own fact"
        )
    said: dict[str, Any] = found.threshold(STARS) if found.marks else {"value": found.number}
    if found.relation != "=":
        said["relation"] = found.relation
    if "relation" in said and content.get("relation", said["relation"]) != said["relation"]:
        raise ValueError(f"{text!r} and relation = {content['relation']!r} say different things")
    return said | ({"unit": "percent"} if found.percent else {})


class Assumption(Spec):
    """What was not printed: a distribution and the reason for it.

    Notes
    -----
    ``quantity`` is one of the facts' quantities or a name that calibration knows; ``about`` lists what it is of,
    several at once where the same sentence holds for each.
    """

    id: Identifier
    quantity: Identifier
    about: tuple[str, ...] = ()
    group: Identifier | None = None
    distribution: Distribution
    rationale: Annotated[Text, Field(min_length=20)]
    """A full sentence: why this distribution and not another."""
