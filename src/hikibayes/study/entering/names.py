"""What a paper's labels are called in a study file: one id for a label, however much of it a table repeats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import combinations

from ..tables import identifier

UNITS = (
    r"(?:years?|yrs?|months?|weeks?|days?|hours?|h|minutes?|min|seconds?|points?|kg|m?g|[cm]m|km|mmHg|bpm|kcal)"
    r"(?:/(?:\w+))?"
)
INNER = re.compile(r"[(\[]([A-Z][\w-]{1,11})[)\]]")
UNIT = re.compile(rf"(?<=\w),\s*(?:in )?{UNITS}\s*$")


class Names:
    """Ids by label; ``Perceived stress (PSS)``, ``Perceived stress`` and ``PSS`` are one."""

    def __init__(self, shared: frozenset[str] = frozenset()) -> None:
        self._shared = shared
        self.labels: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def id(self, label: str) -> str:
        """Return the id of a label, a new one where nothing is called so yet."""
        forms = [form for form in forms_of(label) if form not in self._shared or form == identifier(label)]
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
    if not (one and other):
        return False
    if forms_of(one)[0] == forms_of(other)[0]:
        first, second = ({*INNER.findall(label)} for label in (one, other))
        return not (first and second) or bool(first & second)
    return bool({*forms_of(one)} & {*forms_of(other)} - shared_forms([[one], [other]]))


def shared_forms(tables: Iterable[Iterable[str]]) -> frozenset[str]:
    """Return the forms that several measures have: ``DASS`` of ``Anxiety (DASS)`` and ``Stress (DASS)``.

    Notes
    -----
    In one table labels are of different measures; in different tables an abbreviation is shared by names without a word
    in common.
    """
    found, seen = set[str](), dict[str, dict[str, str]]()
    for labels in tables:
        here: dict[str, set[str]] = {}
        for label in labels:
            for form in forms_of(label):
                if form != identifier(label):
                    here.setdefault(form, set()).add(identifier(label))
                    seen.setdefault(form, {})[forms_of(label)[0]] = label
        found |= {form for form, of in here.items() if len(of) > 1}
    for form, labels_of in seen.items():
        if any(not near(one, other) for one, other in combinations(labels_of, 2)):
            found.add(form)
    return frozenset(found)


def near(one: str, other: str) -> bool:
    """Tell whether two names are of one thing by their words: some are left out, or one is misspelt.

    Examples
    --------
    >>> near("Burden", "Burden index"), near("Lonelines", "loneliness"), near("Burden T1", "Burden T2")
    (True, True, False)
    """
    first, second = (identifier(text).split("_") for text in (one, other))
    if len(first) != len(second):
        return {*first} < {*second} or {*second} < {*first}
    return all(a == b or (min(len(a), len(b)) > 3 and a[0] == b[0] and _ratio(a, b) > 0.8)
               for a, b in zip(first, second, strict=True))  # fmt: skip


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()


def forms_of(label: str) -> list[str]:
    """Return what a label may be shortened to: without what is in brackets, and what is in them."""
    bare = re.sub(r"\s*[(\[][^)\]]*[)\]]", "", label).strip() or label
    bare = UNIT.sub("", bare)
    inner = INNER.findall(label)
    return list(dict.fromkeys(identifier(form) for form in (bare, label, *inner)))
