"""Question a published study from its printed numbers.

Every verb of the command line is one function here, returning labelled objects and writing nothing. They are looked up
when first used, so that ``import hikibayes`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .inference.fit import fit as fit
    from .inference.models import load_model as load_model
    from .record.audit import audit as audit
    from .record.study_file import load_study as load_study
    from .robustness.confounding import confounding as confounding
    from .robustness.imbalance import imbalance as imbalance
    from .robustness.priors import priors as priors
    from .validation.engines import engines as engines

__version__ = version("hikibayes")

_HOME = {
    "audit": "record.audit",
    "confounding": "robustness.confounding",
    "engines": "validation.engines",
    "fit": "inference.fit",
    "imbalance": "robustness.imbalance",
    "load_model": "inference.models",
    "load_study": "record.study",
    "priors": "robustness.priors",
}

__all__ = ["__version__", "audit", "confounding", "engines", "fit", "imbalance", "load_model", "load_study", "priors"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
