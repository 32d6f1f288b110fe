"""Kinds of printed numbers: address, value from group moments, conventions, words.

Facts, audit, calibration, report and the table of `docs/study-format.md` read this one description. The independent
recomputation from rows (`hikibayes.reconstruction.verify`) does not. What is estimated with a standard error is an
`Estimate`: its t, p, confidence limits and so on are kinds by themselves. Each file has some of a sort; a new kind is
one more in a file's ``KINDS``, or a new file and its name here.
"""

from . import (
    coefficient,
    correlation,
    description,
    difference,
    groups,
    slope,
    variance,
)
from .analysis import Analysis, Outline
from .conventions import meanings
from .kind import Address, Kind

__all__ = ["KINDS", "Address", "Analysis", "Kind", "Outline", "meanings"]

KINDS: dict[str, Kind] = {
    kind.name: kind
    for module in (
        description,
        difference,
        groups,
        correlation,
        variance,
        coefficient,
        slope,
    )
    for kind in module.KINDS
}
"""Every kind of printed number, by the name that a study file has for it."""
