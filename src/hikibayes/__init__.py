"""Question a published study from its printed numbers.

Every verb of the command line is one function here. It takes the name of something shipped, a path, or what is loaded
already; it returns labelled objects and writes nothing. Names are looked up when first used, so that
``import hikibayes`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .inference.fit import fit
    from .inference.models import ModelSpec as Model
    from .inference.models import load_model
    from .planning.designs import Simulation, load_simulation
    from .planning.diagnose import diagnose
    from .planning.power import power
    from .reanalysis.pipeline import reanalyze
    from .reconstruction.calibrate import calibrate
    from .reconstruction.synthesize import synthesize
    from .reconstruction.verify import verify
    from .record.audit import audit
    from .record.study import Study
    from .record.study_file import load_study
    from .reporting.html import report
    from .reporting.replay import replay
    from .robustness.confounding import confounding
    from .robustness.imbalance import imbalance
    from .robustness.priors import priors
    from .spec import InputError
    from .validation.engines import engines

__version__ = version("hikibayes")

_HOME = {
    "InputError": "spec",
    "Model": "inference.models",
    "Simulation": "planning.designs",
    "Study": "record.study",
    "audit": "record.audit",
    "calibrate": "reconstruction.calibrate",
    "confounding": "robustness.confounding",
    "diagnose": "planning.diagnose",
    "engines": "validation.engines",
    "fit": "inference.fit",
    "imbalance": "robustness.imbalance",
    "load_model": "inference.models",
    "load_simulation": "planning.designs",
    "load_study": "record.study_file",
    "power": "planning.power",
    "priors": "robustness.priors",
    "reanalyze": "reanalysis.pipeline",
    "replay": "reporting.replay",
    "report": "reporting.html",
    "synthesize": "reconstruction.synthesize",
    "verify": "reconstruction.verify",
}
"""Where each public name lives."""
_THERE = {"Model": "ModelSpec"}
"""What it is called there, where that differs."""

__all__ = [
    "InputError",
    "Model",
    "Simulation",
    "Study",
    "audit",
    "calibrate",
    "confounding",
    "diagnose",
    "engines",
    "fit",
    "imbalance",
    "load_model",
    "load_simulation",
    "load_study",
    "power",
    "priors",
    "reanalyze",
    "replay",
    "report",
    "synthesize",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), _THERE.get(name, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
