"""The ground floor: files of people's choices become frozen, validated types.

Every file a person writes (a study, a model, a simulation) is TOML. Numbers are read as `decimal.Decimal`, because the
difference between ``0.4`` and ``0.40`` is information: it is how precisely somebody printed. Whatever is wrong with a
file ends in one `InputError` that names the file, the key, what was found and what is accepted.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

__all__ = [
    "InputError",
    "Spec",
    "digest",
    "json_schema",
    "named_file",
    "read_spec",
    "read_toml",
    "shipped_files",
    "unknown_name",
    "validated",
]


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

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy with some fields changed."""
        return type(self).model_validate({**self.model_dump(exclude_unset=True), **changes})


def unknown_name(kind: str, found: str, known: Iterable[str]) -> str:
    """Say that a name does not exist, which ones do, and which one was probably meant.

    Examples
    --------
    >>> unknown_name("measure", "aeg", ["age", "sex"])
    "there is no measure 'aeg'; there are: age, sex (did you mean 'age'?)"
    """
    names = sorted(known)
    near = get_close_matches(found, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"there is no {kind} {found!r}; there are: {', '.join(names) or 'none'}{hint}"


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file with its numbers as `decimal.Decimal`.

    Raises
    ------
    InputError
        The file does not exist, is empty, is not UTF-8 or is not TOML.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", source=path) from None
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 text (byte {error.start}); save it as UTF-8", source=path) from None
    if not text.strip():
        raise InputError("is empty; a TOML file is expected", source=path)
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"is not valid TOML: {error}", source=path) from None


def _key_path(parts: tuple[int | str, ...], content: Any) -> str:
    """Write a path as ``fact['age_mean'].value``: entries by their own name where they have one, else by number."""
    path = ""
    for part in parts:
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            content = None
        if isinstance(part, int):
            path += f"[{_own_name(content) or part!r}]"
        else:
            path += f".{part}" if path else part
    return path


def _own_name(entry: Any) -> str | None:
    return str(entry.get("id") or entry.get("name") or "") if isinstance(entry, Mapping) else None


def _accepted_keys(spec: type[BaseModel], parts: tuple[int | str, ...]) -> list[str]:
    """List the keys accepted at a path by following the schema, for the "did you mean" of a misspelt key."""
    schema = spec.model_json_schema()
    definitions, node = schema.get("$defs", {}), schema
    for part in parts:
        node = _resolve(node, definitions)
        entry = node.get("properties", {}).get(part) or node.get("additionalProperties") or {}
        node = node.get("items", {}) if isinstance(part, int) else entry
    return list(_resolve(node, definitions).get("properties", {}))


def _resolve(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    for option in node.get("anyOf", []):
        if "$ref" in option or "items" in option:
            node = option
    return definitions[node["$ref"].rsplit("/", 1)[-1]] if "$ref" in node else node


def _message(spec: type[BaseModel], problem: Mapping[str, Any]) -> str:
    where = tuple(problem["loc"])
    if problem["type"] == "extra_forbidden":
        return unknown_name("key", str(where[-1]), _accepted_keys(spec, where[:-1]))
    if problem["type"] == "missing":
        return "is missing"
    text = problem["msg"].removeprefix("Value error, ")
    found = problem["input"]
    return text if isinstance(found, dict | list) else f"{text}; found {str(found)!r}"


def validated[T: BaseModel](spec: type[T], content: Mapping[str, Any], source: str | Path) -> T:
    """Turn parsed content into a spec.

    Raises
    ------
    InputError
        The first problem found, with file and key path; the number of further problems is told.
    """
    try:
        return spec.model_validate(content)
    except ValidationError as error:
        # a misspelt key also makes the right one "missing": the misspelling is what the person wants to hear of
        problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        key = _key_path(problems[0]["loc"], content)
        raise InputError(_message(spec, problems[0]) + more, source=source, key=key) from None


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
    if str(name) in shipped:
        return shipped[str(name)]
    path = Path(name)
    if path.suffix != ".toml" and not path.exists():
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
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"is not JSON: {error}", source=source) from None
    if not isinstance(content, dict):
        raise InputError("is not a JSON object", source=source)
    return content


def digest(spec: BaseModel) -> str:
    """Return the SHA-256 of a spec's resolved content: equal content, equal digest, whatever the file looked like."""
    content = json.dumps(spec.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def json_schema(spec: type[BaseModel]) -> str:
    """Return the JSON Schema of a spec, for editors that check TOML while it is written."""
    return json.dumps(spec.model_json_schema(), indent=2, ensure_ascii=False)
