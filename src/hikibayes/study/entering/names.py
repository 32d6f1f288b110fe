"""What a paper's labels are called in a study file: one id for a label, however much of it a table repeats."""

from __future__ import annotations

import re

from ..tables import identifier

UNITS = (
    r"(?:years?|yrs?|months?|weeks?|days?|hours?|h|minutes?|min|seconds?|points?|kg|m?g|[cm]m|km|mmHg|bpm|kcal)"
    r"(?:/(?:\w+))?"
)
UNIT = re.compile(rf"(?<=\w),\s*(?:in )?{UNITS}\s*$")


class Names:
    """Ids by label; ``Perceived stress (PSS)``, ``Perceived stress`` and ``PSS`` are one."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def id(self, label: str) -> str:
        """Return the id of a label, a new one where nothing is called so yet."""
        forms = forms_of(label)
        found = next((self._ids[form] for form in forms if form in self._ids), forms[0])
        self.labels.setdefault(found, label)
        for form in forms:
            self._ids.setdefault(form, found)
        return found

    def alias(self, label: str, name: str) -> None:
        """Let a label be of an id that there is."""
        self._ids[identifier(label)] = name

    def term(self, label: str) -> str:
        """Return a term's id: a measure's, or a product's."""
        return ":".join(self.id(part) for part in label.split(":"))


def same(one: str, other: str) -> bool:
    """Tell whether two labels are of one thing, one of them perhaps shortened."""
    return bool(one and other and {*forms_of(one)} & {*forms_of(other)})


def forms_of(label: str) -> list[str]:
    """Return what a label may be shortened to: without what is in brackets, and what is in them."""
    bare = re.sub(r"\s*[(\[][^)\]]*[)\]]", "", label).strip() or label
    bare = UNIT.sub("", bare)
    inner = re.findall(r"[(\[]([A-Z][\w-]{1,11})[)\]]", label)
    return list(dict.fromkeys(identifier(form) for form in (bare, label, *inner)))
