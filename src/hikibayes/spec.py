"""The ground floor: files of people's choices become frozen, validated types.

Every file a person writes (a study, a model, a simulation) is TOML. Numbers are read as `decimal.Decimal`, because the
difference between ``0.4`` and ``0.40`` is information: it is how precisely somebody printed. Whatever is wrong with a
file ends in one `InputError` that names the file, the key, what was found and what is accepted.

Every number of a spec has one of the types below: finite, no boolean, and between limits that no study comes near, so
that nothing behind them meets an overflow, a sample that fills the memory, or ``true`` taken for 1.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticKnownError

from .defaults import LARGEST_SEED
from .problems import LARGEST, MOST_PROBLEMS, SMALLEST, problems_of
from .problems import ProblemsError as ProblemsError  # noqa: PLC0414  offered from here
from .problems import unknown_name as unknown_name  # noqa: PLC0414
from .shown import overview, overview_html
from .texts import CONTROL

LARGEST_SAMPLE = 10**7
MOST_ITEMS = 500
MOST_DIGITS = 30
DEEPEST = 20
"""Levels of tables and lists inside each other."""
LARGEST_FILE = 5_000_000
"""Bytes; the longest record so far has 70,000."""
MOST_ENTRIES = 100_000
"""Values, lists and tables of a file; the longest record so far has 2,414."""
MOST_DOTS = 2_000
"""On a line of TOML: the parser takes time by the square of a dotted key's length."""


def _a_number(value: object) -> object:
    """Refuse what Pydantic would take for a number: ``true``, and a text of digits."""
    if isinstance(value, bool | str):
        raise PydanticKnownError("float_type")
    return value


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticKnownError("decimal_type")
    return value


def _few_digits(value: Decimal) -> Decimal:
    _, digits, exponent = value.as_tuple()
    if len(digits) > MOST_DIGITS or not isinstance(exponent, int) or abs(exponent) > MOST_DIGITS:
        raise ValueError(f"has more than {MOST_DIGITS} digits, which nobody prints")
    return value


Number = Annotated[float, BeforeValidator(_a_number), Field(allow_inf_nan=False, ge=-LARGEST, le=LARGEST)]
"""A finite number."""
Positive = Annotated[Number, Field(gt=0), Field(ge=SMALLEST)]
"""A scale: an SD, a ratio, a width."""
Probability = Annotated[Number, Field(gt=0, lt=1)]
"""Above 0 and below 1."""
Share = Annotated[Number, Field(ge=0, le=1)]
"""From 0 to 1, both included."""
Whole = Annotated[int, BeforeValidator(_a_number), Field(ge=-LARGEST, le=LARGEST)]
"""A whole number."""
Count = Annotated[int, BeforeValidator(_a_number), Field(ge=1, le=LARGEST_SAMPLE)]
"""How many there are: people, replicates."""
Items = Annotated[int, BeforeValidator(_a_number), Field(ge=1, le=MOST_ITEMS)]
"""How many items a questionnaire has."""
Seed = Annotated[int, BeforeValidator(_a_number), Field(ge=0, le=LARGEST_SEED)]
Printed = Annotated[
    Decimal,
    BeforeValidator(_no_boolean),
    Field(allow_inf_nan=False, ge=-LARGEST, le=LARGEST),
    AfterValidator(_few_digits),
]
"""A number with the decimals it was printed with."""


def _code_text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError("a code is a number or a text")  # noqa: TRY004
    return str(value).strip()


Code = Annotated[str, BeforeValidator(_code_text)]
"""What stands in a cell of a table, as text: ``-9``, ``99``, ``n.a.``"""


class InputError(ValueError):
    """What a person handed in cannot be used, and the message says what to change.

    Parameters
    ----------
    message : str
        What was found and what is accepted.
    source : str, optional
        The file (or option) it was found in.
    key : str, optional
        The key path or column inside the source, for example ``fact[3].value``.
    """

    def __init__(self, message: str, *, source: str | Path | None = None, key: str | None = None) -> None:
        where = ": ".join(str(part) for part in (source, key) if part)
        super().__init__(f"{where}: {message}" if where else message)
        self.source, self.key = source, key


class Spec(BaseModel):
    """A frozen value type; an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        # files speak of one thing at a time ([[fact]]), code of many (study.facts): aliases hold the singular
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )

    def __repr__(self) -> str:
        return overview(type(self).__name__, self._parts())

    def _repr_html_(self) -> str:
        return overview_html(type(self).__name__, self._parts())

    def _parts(self) -> list[tuple[str, object]]:
        return [(name, getattr(self, name)) for name in type(self).model_fields]

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy with some fields changed."""
        # a field may be named as in code (facts) or as in a file (fact)
        fields = type(self).model_fields
        changed = {(fields[name].alias or name) if name in fields else name: value for name, value in changes.items()}
        return type(self).model_validate({**self.model_dump(exclude_unset=True), **changed})


def checked_seed(seed: int) -> int:
    """Return a seed; raises `InputError` where it is no whole number that every generator takes."""
    try:
        return TypeAdapter(Seed).validate_python(seed)
    except ValidationError:
        raise InputError(f"a seed is a whole number from 0 to {LARGEST_SEED}; found {seed!r}", key="seed") from None


def read_text(path: Path, *, most: int = LARGEST_FILE) -> str:
    """Read a text file.

    Raises
    ------
    InputError
        It cannot be read, is larger than `most` bytes, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", source=path) from None
    except ValueError:  # a path with a NUL byte
        raise InputError("is no path; NUL bytes have no place in one", source=repr(str(path))) from None
    if len(content) > most:
        raise InputError(f"is larger than {most:,} bytes, which no file of this kind is", source=path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 text (byte {error.start}); save it as UTF-8", source=path) from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file with its numbers as `decimal.Decimal`.

    Raises
    ------
    InputError
        The file does not exist, is empty, huge, not UTF-8 or not TOML, has a number that no computer holds, or tables
        inside tables beyond any use.
    """
    text = read_text(path)
    if not text.strip():
        raise InputError("is empty; a TOML file is expected", source=path)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MOST_DOTS:
            raise InputError(f"has more than {MOST_DOTS:,} dots in line {number}; so many are not read", source=path)
    content: dict[str, Any] = _parsed(lambda: tomllib.loads(text, parse_float=Decimal), "TOML", path)
    return content


def _parsed(parse: Callable[[], Any], kind: str, source: str | Path) -> Any:
    """Return what a parser of TOML or JSON makes of a text, whatever the text does to the parser."""
    too_deep = f"has more than {DEEPEST} tables or lists inside each other"
    try:
        content = parse()
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"is not valid {kind}: {error}", source=source) from None
    except (ValueError, ArithmeticError):  # from int() and Decimal()
        raise InputError(f"is not valid {kind}: a number has too many digits", source=source) from None
    except RecursionError:
        raise InputError(too_deep, source=source) from None
    level, entries = [content], 0
    for _ in range(DEEPEST + 1):
        level = [part for each in level for part in _inside(each)]
        entries += len(level)
        for text in level:
            if isinstance(text, str) and (found := CONTROL.search(text)):
                raise InputError(f"has the character U+{ord(found[0]):04X}, which no text shows", source=source)
    if level:
        raise InputError(too_deep, source=source)
    if entries > MOST_ENTRIES:
        raise InputError(f"has {entries:,} entries; at most {MOST_ENTRIES:,} are accepted", source=source)
    return content


def _inside(content: Any) -> Iterable[Any]:
    if isinstance(content, Mapping):
        return (*content.keys(), *content.values())
    return content if isinstance(content, list) else ()


def validated[T: BaseModel](spec: type[T], content: Mapping[str, Any], source: str | Path) -> T:
    """Turn parsed content into a spec.

    Raises
    ------
    InputError
        Every problem found, at most ten, each on a line of its own with file and key path.
    """
    try:
        return spec.model_validate(content)
    except ValidationError as error:
        problems = problems_of(spec, error, content)
    except RecursionError:
        raise InputError(f"has more than {DEEPEST} tables or lists inside each other", source=source) from None
    shown = [InputError(problem.text, source=source, key=problem.key) for problem in problems[:MOST_PROBLEMS]]
    more = [f"and {len(problems) - len(shown)} more"] if len(problems) > len(shown) else []
    if len(problems) == 1:
        raise shown[0]
    several = InputError("\n".join([*map(str, shown), *more]))
    several.source = source  # each line names it
    raise several


def shipped_files(kind: str) -> dict[str, Path]:
    """Return the files of a kind (``models``, ``simulations``) that come with the package, by name."""
    packaged = Path(str(files("hikibayes") / kind))
    # in a checkout they lie beside the package, where people look for them
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / kind
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def named_file(kind: str, name: str | Path, shipped: Mapping[str, Path]) -> Path:
    """Return the path of a shipped file by its name, or of a person's own by its path.

    Raises
    ------
    InputError
        It is neither; the message lists the shipped ones.
    """
    if not isinstance(name, str | Path):
        raise InputError(f"found {name!r}; the name or the path of a {kind} file is expected", key=kind)
    if str(name) in shipped:
        return shipped[str(name)]
    path = Path(name)
    if path.suffix != ".toml" and not os.path.exists(path):  # noqa: PTH110  Path.exists raises for too long a name
        raise InputError(f"{unknown_name(kind, str(name), shipped)}; or give the path of a {kind} file")
    return path


def read_spec[T: BaseModel](spec: type[T], path: Path) -> T:
    """Read and validate one TOML file; raises `InputError`."""
    return validated(spec, read_toml(path), path)


def spec_text(specs: BaseModel | Mapping[str, BaseModel]) -> str:
    """Write a spec, or several by name, as the JSON that `read_object` and `validated` read again."""

    def content(spec: BaseModel) -> dict[str, Any]:
        return spec.model_dump(mode="json", exclude_unset=True)

    named = content(specs) if isinstance(specs, BaseModel) else {name: content(spec) for name, spec in specs.items()}
    return json.dumps(named, indent=1, ensure_ascii=False) + "\n"


def read_object(text: str, source: str | Path) -> dict[str, Any]:
    """Read a JSON object; raises `InputError` with the source where it is none."""
    content = _parsed(lambda: json.loads(text), "JSON", source)
    if not isinstance(content, dict):
        raise InputError("is not a JSON object", source=source)
    return content


def digest(spec: BaseModel) -> str:
    """Return the SHA-256 of a spec's resolved content: equal content, equal digest, whatever the file looked like.

    Notes
    -----
    What a spec's class lists as ``BESIDE`` does not count: questions that are kept with a thing, and do not change it.
    """
    counts = spec.model_dump(mode="json", exclude=set(getattr(spec, "BESIDE", ())))
    content = json.dumps(counts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def json_schema(spec: type[BaseModel]) -> str:
    """Return the JSON Schema of a spec, for editors that check TOML while it is written."""
    return json.dumps(spec.model_json_schema(), indent=2, ensure_ascii=False)
