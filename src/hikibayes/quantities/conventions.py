"""What a printed number can mean where nothing is declared: each convention with its values, the usual one first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from .kind import Address, Kind

VALUES: dict[str, tuple[Any, ...]] = {
    "test": ("welch", "student"),
    "tail": ("two", "one", "lower", "upper"),
    "kind": ("cohen", "hedges", "average", "glass_first", "glass_second", "divisor_n"),
    "adjusted": (False, True),
    "separate": (False, True),
    "confidence": (0.95, 0.9, 0.99),
    "coding": ("dummy", "half", "effect"),
    "products": ("z", "z_again", "raw", "centred_both", "centred"),
}
DECLARED: dict[str, dict[str, tuple[str, ...]]] = {
    "coding": {
        "dummy": ("dummy",),
        "effect": ("half", "effect"),
        "half": ("half",),
        "sum": ("effect",),
        "helmert": ("helmert",),
    },
    "products": {
        "z": ("z", "z_again"),
        "z_again": ("z_again",),
        "raw": ("raw",),
        "centred": ("centred_both", "centred"),
        "centred_both": ("centred_both",),
        "centred_scores": ("centred",),
    },
}
"""What a study file's word can stand for, by the names of `hikibayes.moments`; the first is the one that is meant."""
WORDS = {
    ("test", "student"): "Student's t",
    ("tail", "one"): "one-sided in the direction of the estimate",
    ("tail", "lower"): "one-sided for a smaller value",
    ("tail", "upper"): "one-sided for a greater value",
    ("kind", "hedges"): "Hedges' g",
    ("kind", "average"): "d over the average variance",
    ("kind", "glass_first"): "Glass' delta (SD of the first group)",
    ("kind", "glass_second"): "Glass' delta (SD of the second group)",
    ("kind", "divisor_n"): "d with SDs of divisor n",
    ("adjusted", True): "of adjusted R2",
    ("separate", True): "from separate regressions of the groups",
    ("confidence", 0.9): "90 % limits",
    ("confidence", 0.99): "99 % limits",
    ("coding", "half"): "groups coded -1/2 and 1/2",
    ("coding", "effect"): "groups coded -1 and 1",
    ("products", "z_again"): "products of z scores, standardised again",
    ("products", "raw"): "products of raw scores",
    ("products", "centred_both"): "products of centred scores and codes",
    ("products", "centred"): "products of centred scores",
}


def meanings(kind: Kind, address: Address, declared: Mapping[str, object]) -> Iterator[tuple[str, Address]]:
    """Yield what a number can mean: in words (none for the usual meaning) and as an address.

    Parameters
    ----------
    kind : Kind
    address : Address
        The usual meaning.
    declared : mapping of str to object
        The conventions that the study file states, in its own words.
    """
    options = [_options(key, declared) for key in kind.conventions]
    for choice in product(*options):
        changes = dict(zip(kind.conventions, choice, strict=True))
        unusual = [WORDS[each] for each in changes.items() if each[1] != getattr(address, each[0]) and each in WORDS]
        yield ", ".join(unusual), replace(address, **changes)


def _options(key: str, declared: Mapping[str, object]) -> tuple[Any, ...]:
    if key not in declared:
        return VALUES[key]
    said = declared[key]
    return DECLARED[key][str(said)] if key in DECLARED else (said,)
