"""What is wrong with a file of a person's choices, in words: what is accepted at a place, and what was found there.

Pydantic tells which values are wrong. What is accepted is read off the schema at that place, so that a value of several
types has one line, too, and nobody meets the names of classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

LARGEST = 10**12
"""The largest size of a number; what is printed about people is far from it."""
SMALLEST = 1e-9
"""The smallest scale, such as an SD: below it squares and ratios lose their digits."""
MOST_PROBLEMS = 10
"""A file with more problems than this has the first ones shown, and the others counted."""
MOST_SHOWN = 12
"""Entries of a list that a message shows; of a longer one their number."""
LONGEST = 100
"""Characters of a value that a message shows."""
NAME = (
    "a name has letters, digits and underscores, and begins with a letter; "
    "what people read goes into `label`, `meaning` or `description`"
)
OF_A_KEY = "[key]"
"""Pydantic's last step of a path where a key itself is wrong."""

type Node = dict[str, Any]
"""A part of a JSON Schema, without references and alternatives."""


class Problem(NamedTuple):
    """One thing that is wrong with a file."""

    key: str
    text: str
    kind: str
    """Pydantic's name for it."""


class ProblemsError(ValueError):
    """Several things that a validator found wrong with one value: each becomes a line of its own.

    Parameters
    ----------
    problems : sequence of str
        One sentence each; raise it only where there is one.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def unknown_name(kind: str, found: str, known: Iterable[str]) -> str:
    """Say that a name does not exist, which ones do, and which one was probably meant.

    Examples
    --------
    >>> unknown_name("measure", "aeg", ["age", "sex"])
    "there is no measure 'aeg'; there are: age, sex (did you mean 'age'?)"
    """
    names = sorted(known)
    # a single letter in the other case is no close match
    near = [name for name in names if name.casefold() == found.casefold()] or get_close_matches(found, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    # a header can have line breaks in it, a message has none
    shown = ", ".join(" ".join(name.splitlines()) for name in names)
    return f"there is no {kind} {found!r}; there are: {shown or 'none'}{hint}"


def problems_of(spec: type[BaseModel], error: ValidationError, content: Any) -> list[Problem]:
    """Return what is wrong with a content, a line each; a misspelt key first, without the one that is then missing."""
    places = [_Place.of(problem, _schema(spec), content) for problem in error.errors(include_url=False)]
    by_key: dict[str, list[_Place]] = {}
    for place in _told(_of_one_type(places)):
        by_key.setdefault(place.key, []).append(place)
    found: list[Problem] = []
    for key, same in sorted(by_key.items(), key=lambda each: each[1][0].kind != "extra_forbidden"):
        # beyond what is shown they are counted only: a thousand names are not looked up
        texts = dict.fromkeys(text for place in same for text in place.texts()) if len(found) <= MOST_PROBLEMS else [""]
        found += [Problem(key, text, same[0].kind) for text in texts]
    hints = "".join(problem.text for problem in found if problem.kind == "extra_forbidden")
    return [p for p in found if p.kind != "missing" or f"did you mean {p.key.rpartition('.')[2]!r}" not in hints]


@cache
def _schema(spec: type[BaseModel]) -> Node:
    return spec.model_json_schema()


def _of_one_type(places: list[_Place]) -> list[_Place]:
    """Keep, where a value can be of several types, what the one says that comes nearest to it."""
    for depth in range(max((len(place.types) for place in places), default=0)):
        tried: dict[tuple[str, ...], dict[str, list[_Place]]] = {}
        for place in places:
            if len(place.types) > depth:
                *before, (at, name) = place.types[: depth + 1]
                tried.setdefault((*map(str, before), at), {}).setdefault(name, []).append(place)
        others = [one for types in tried.values() for one in sorted(types.values(), key=_far_off)[1:]]
        dropped = {id(place) for one in others for place in one}
        places = [place for place in places if id(place) not in dropped]
    return places


def _far_off(places: list[_Place]) -> tuple[int, ...]:
    """Say how far a value is from a type, by what that finds wrong."""
    kinds = [place.kind for place in places]
    other = [place.kind for place in places if place.is_the_value and place.kind.endswith(("_type", "_error"))]
    other = [kind for kind in other if kind != "value_error"]
    return len(other), kinds.count("extra_forbidden"), kinds.count("missing"), len(kinds)


def _told(places: list[_Place]) -> Iterator[_Place]:
    """Leave out that a list is too short because of what is wrong in it."""
    keys = [place.key for place in places]
    for place in places:
        if place.kind != "too_short" or not any(key.startswith(f"{place.key}[") for key in keys):
            yield place


class _Place(NamedTuple):
    """A value that is wrong."""

    key: str
    """``fact['age_mean'].value``: entries by their own name where they have one, else by number."""
    kind: str
    problem: ErrorDetails
    accepted: list[Node]
    around: list[Node]
    """What is accepted one step before."""
    types: tuple[tuple[str, str], ...]
    """Where on the way to it a value could be of several types: its key, and the type that was tried."""

    @classmethod
    def of(cls, problem: ErrorDetails, schema: Node, content: Any) -> _Place:
        definitions = schema.get("$defs", {})
        key, types, loc = "", [], list(problem["loc"])
        nodes = around = list(_options(schema, definitions))
        if problem["type"] == "missing" and isinstance(problem["loc"][-1], int):  # a list that is too short
            loc.pop()
        for part in loc:
            held = isinstance(content, Mapping) and part in content
            below = [each for node in nodes for each in _inside(node, part, held)]
            inner = [option for each in below for option in _options(each, definitions)]
            if part == OF_A_KEY or not (inner or held or isinstance(part, int)):
                types.append((key, str(part)))
                continue
            around, nodes = nodes, inner
            key, content = _step(key, part, content)
        return cls(key, problem["type"], problem, nodes, around, tuple(types))

    @property
    def is_the_value(self) -> bool:
        """Whether it is the value itself that is of another type, and nothing in it."""
        return bool(self.types) and self.types[-1][0] == self.key

    def texts(self) -> Sequence[str]:
        """Return what is wrong in words: usually one sentence, several where a validator looked at everything."""
        found, last = self.problem["input"], next(map(str, self.problem["loc"][::-1]), "")
        if self.kind == "extra_forbidden":
            return [unknown_name("key", last, {name for node in self.around for name in node.get("properties", {})})]
        if self.kind == "missing" and last == self.key.rpartition(".")[2]:
            return ["is missing"]
        if isinstance(error := self.problem.get("ctx", {}).get("error"), ProblemsError):
            return error.problems
        if self.kind == "value_error":
            text = self.problem["msg"].removeprefix("Value error, ")
            return [text if isinstance(found, dict | list) or "; found " in text else f"{text}; found {written(found)}"]
        if self.kind == "string_pattern_mismatch":
            return [f"{NAME}; found {written(found)}"]
        accepted = list(dict.fromkeys(filter(None, (_words(node, found) for node in self.accepted))))
        return [f"{', or '.join(accepted) or 'something else'} is expected; found {written(found)}"]


def _step(key: str, part: int | str, content: Any) -> tuple[str, Any]:
    """Go one step down: return the key path, and what stands there."""
    if isinstance(part, int):
        inner = content[part] if isinstance(content, list | tuple) and part < len(content) else None
        return f"{key}[{_own_name(inner) or part!r}]", inner
    short_form = not isinstance(content, Mapping) and key  # a value that stands for the table that the step is into
    inner = content.get(part) if isinstance(content, Mapping) else content
    return key if short_form else f"{key}.{part}".removeprefix("."), inner


def _own_name(entry: Any) -> str | None:
    return str(entry.get("id") or entry.get("name") or "") if isinstance(entry, Mapping) else None


def _options(node: Node, definitions: Node) -> Iterator[Node]:
    """Yield the alternatives of a part of a schema, references followed."""
    if "$ref" in node:
        yield from _options(definitions[node["$ref"].rsplit("/", 1)[-1]], definitions)
    elif alternatives := node.get("anyOf") or node.get("oneOf") or node.get("allOf"):
        for option in alternatives:
            yield from _options(option, definitions)
    elif node.get("type") != "null":
        yield node


def _inside(node: Node, part: int | str, held: bool) -> Iterator[Node]:
    """Yield what a part of a schema says of one step down; a key of a person's own choice is one that is `held`."""
    if isinstance(part, int):
        first = node.get("prefixItems", [])
        yield from first[part : part + 1] or filter(None, [node.get("items")])
    elif part in node.get("properties", {}):
        yield node["properties"][part]
    elif held:
        yield from filter(None, (node.get("additionalProperties"), *node.get("patternProperties", {}).values()))


def written(value: object) -> str:
    """Write a value as a file has it, and no more of it than a line has room for.

    Examples
    --------
    >>> written("a"), written(True), written({"a": 1}), written([1, 2.5]), written(float("nan"))
    ("'a'", 'true', 'a table', '[1, 2.5]', 'nan')
    """
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple) and (len(value) > MOST_SHOWN or any(isinstance(each, dict) for each in value)):
        return f"{len(value):,} of them"
    if isinstance(value, list | tuple):
        text = f"[{', '.join(map(written, value))}]"
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int | float | Decimal):
        text = str(value).replace("NaN", "nan").replace("Infinity", "inf")
    else:
        text = repr(value if isinstance(value, str) else str(value))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), *words[-1:]] if len(words) > 1 else words)


def _words(node: Node, found: object, many: bool = False) -> str:
    """Say what a part of a schema accepts, one thing or `many`."""
    if "const" in node or "enum" in node:
        return _either([written(each) for each in node.get("enum", [node.get("const")])])
    if "anyOf" in node:
        return _either(list(dict.fromkeys(_words(each, found, many) for each in node["anyOf"])))
    kind = "object" if "$ref" in node else node.get("type")
    if isinstance(kind, list):
        return _either([_words({**node, "type": each}, found, many) for each in kind])
    if kind in ("number", "integer"):
        noun = "whole number" if kind == "integer" else "number"
        return (f"{noun}s" if many else f"a {noun}") + _range(node, found)
    if kind == "array":
        return ("lists" if many else "a list") + _of_a_list(node, found)
    if kind == "string":
        if "\\d" in node.get("pattern", "") and "^(?!" in node["pattern"]:
            return ""  # a decimal as text, which JSON has beside the number
        return "texts" if many else "a text" + " that is not empty" * (found == "")
    nouns = {"object": ("a table", "tables"), "boolean": ("true or false", "true or false")}
    return nouns[str(kind)][many] if kind in nouns else ""


LOW = {"gt": "above", "exclusiveMinimum": "above", "ge": "at least", "minimum": "at least"}
HIGH = {"lt": "below", "exclusiveMaximum": "below", "le": "at most", "maximum": "at most"}


def _range(node: Node, found: object) -> str:
    """Say from where to where numbers are accepted; limits that no study comes near only to who is beyond them."""
    number = found if isinstance(found, int | float | Decimal) and found == found else 0  # noqa: PLR0124  not NaN
    near = {-LARGEST: number >= -LARGEST, LARGEST: number <= LARGEST, SMALLEST: not 0 < number < SMALLEST}

    def ends(names: Mapping[str, str]) -> list[tuple[float, str]]:
        return [(node[name], word) for name, word in names.items() if name in node and not near.get(node[name])]

    low = max(ends(LOW), key=lambda end: (end[0], end[1] == "above"), default=None)
    high = min(ends(HIGH), key=lambda end: (end[0], end[1] != "below"), default=None)
    if low and high and (low[1], high[1]) == ("at least", "at most"):
        return f" from {_number(low[0])} to {_number(high[0])}"
    said = " and ".join(f"{word} {_number(value)}" for value, word in filter(None, (low, high)))
    return f" of {said}" if said.startswith("at") else f" {said}" if said else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) and abs(value) < LARGEST else f"{value:g}"


def _of_a_list(node: Node, found: object) -> str:
    """Say how many of what a list holds."""
    least, most, places = node.get("minItems", 0), node.get("maxItems"), node.get("prefixItems", [])
    inner = list(dict.fromkeys(_words(each, found, many=True) for each in places or [node.get("items", {})]))
    held = inner[0] if len(inner) == 1 else ""
    ends = (f"{least} to {most}" if least else f"at most {most}") if most else f"{least} or more" if least else ""
    count = str(least) if least == most else ends
    return " of " + " ".join(filter(None, [count, held or "values"]))
