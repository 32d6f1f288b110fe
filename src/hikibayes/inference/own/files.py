"""The study, model and mapping of a formula as files that a person can go on from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

HEADS = {
    "study.toml": """\
# What the table was understood to hold, and what follows from the formula. The first level of a category is the
# reference; ranges are those of the table. Edit it, and fit with
#     hikibayes fit model.toml TABLE --study study.toml --mapping mapping.toml
""",
    "model.toml": """\
# The model, with every prior and why it is this one; in SD of the outcome per SD of a number unless scaling = "raw".
# Intercept speaks of the outcome where every column is at its mean. Edit any of it.
""",
    "mapping.toml": """\
# What in the table means what: [columns] has a header for each name that differs from it, `missing` the codes for no
# answer in every column, [missing_in] those of one column, [labels.NAME] what a level is called in the table.
""",
}


def resolved_files(study: BaseModel, model: BaseModel, mapping: BaseModel) -> dict[str, str]:
    """Return ``study.toml``, ``model.toml`` and ``mapping.toml``, commented."""
    specs = dict(zip(HEADS, (study, model, mapping), strict=True))
    return {name: resolved_file(name, spec) for name, spec in specs.items()}


def resolved_file(name: str, spec: BaseModel) -> str:
    """Return the one of these files that is called so, commented."""
    return f"{HEADS[name]}\n{toml_text(spec.model_dump(mode='json', exclude_unset=True, by_alias=True))}"


def toml_text(content: Mapping[str, Any]) -> str:
    """Write tables as TOML: values first, then a ``[table]`` for each mapping, and ``[[table]]`` for lists of them.

    Examples
    --------
    >>> print(toml_text({"n": 1, "prior": {"g:x": {"mu": 0.5}}}), end="")
    n = 1
    <BLANKLINE>
    [prior]
    "g:x" = {mu = 0.5}
    """
    return "".join(f"{line}\n" for line in _lines(content))


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    tables = {key: value for key, value in content.items() if _is_table(value)}
    yield from (f"{_key(key)} = {_value(value)}" for key, value in content.items() if key not in tables)
    for key, value in tables.items():
        for entry in value if isinstance(value, list) else [value]:
            yield from ("", f"[[{_key(key)}]]" if isinstance(value, list) else f"[{_key(key)}]")
            yield from (f"{_key(name)} = {_value(inner)}" for name, inner in entry.items())


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _value(value: Any) -> str:
    match value:
        case dict():
            return f"{{{', '.join(f'{_key(name)} = {_value(inner)}' for name, inner in value.items())}}}"
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return _text(value)


def _text(value: Any) -> str:
    # the one character that JSON takes as it is and TOML does not
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
