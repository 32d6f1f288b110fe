"""A draft as the text of a study file, with what is left to a person on top."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from .draft import Draft

KEY = re.compile(r"[A-Za-z0-9_-]+")
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")


def file_text(draft: Draft, drafted_by: str) -> str:
    """Return the TOML of a drafted study.

    Parameters
    ----------
    draft : Draft
    drafted_by : str
        The command, for the first line.
    """
    lines = [f"# Drafted by `{drafted_by}`: hold it against the paper."]
    if draft.conflicts:
        lines += ["#", "# Tables disagree; both numbers are below:", *(f"# - {what}" for what in draft.conflicts)]
    lines += ["#", "# Left to you:", *(f"# - {what}" for what in draft.unknown)] if draft.unknown else []
    lines += ["#", "# Not entered:", *(f"# - {w}: {what}: {why}" for w, what, why in draft.left)] if draft.left else []
    content = draft.content
    lines += ["", f"id = {_value(content['id'])}"]
    for name, entry in content.items():
        if name in ("group", "measure"):
            lines += [f"{name} = [", *(f"    {_value(each)}," for each in entry), "]"]
    for name, entry in content.items():
        if isinstance(entry, dict):
            lines += ["", f"[{name}]", *_pairs(entry)]
        elif name in ("step", "table"):
            for each in entry:
                lines += ["", f"[[{name}]]", *_pairs(each)]
    return "\n".join(lines) + "\n"


def _pairs(entry: Mapping[str, Any]) -> Iterator[str]:
    for key, value in entry.items():
        if key == "rows":
            yield from ("rows = [", *(f"    [{', '.join(map(_cell, row))}]," for row in value), "]")
        else:
            yield f"{key} = {_value(value)}"


def _value(value: Any) -> str:
    """Return a value of TOML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    """Return a cell: a number with its printed decimals wherever TOML takes it."""
    return text if NUMBER.fullmatch(text) else _value(text)


def _key(key: str) -> str:
    return key if KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
