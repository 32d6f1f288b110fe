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
    from .auditing.audit import audit
    from .inference.fit import fit
    from .inference.models.specs import ModelSpec as Model
    from .inference.models.specs import load_model
    from .planning.designs.simulation import Simulation, load_simulation
    from .planning.power import power
    from .planning.results.diagnose import diagnose
    from .reanalysis.pipeline import reanalyze
    from .reconstruction.calibrate import calibrate
    from .reconstruction.synthesize import synthesize
    from .reconstruction.verify import verify
    from .replication.next_study import next_study
    from .replication.replicate import replicate
    from .reporting.gallery import figures
    from .reporting.html import report
    from .robustness.assumptions.sensitivity import assumptions
    from .robustness.confounding.sensitivity import confounding
    from .robustness.imbalance.sensitivity import imbalance
    from .robustness.limitations.sensitivity import limitations
    from .robustness.multiverse.sensitivity import multiverse
    from .robustness.priors.sensitivity import priors
    from .runs.replay import replay
    from .spec import InputError
    from .study.study import Study
    from .study.study_file import load_study
    from .validation.engines import engines
    from .validation.strangers.bench import validate

__version__ = version("hikibayes")

_HOME = {
    "InputError": "spec",
    "Model": "inference.models.specs",
    "Simulation": "planning.designs.simulation",
    "Study": "study.study",
    "assumptions": "robustness.assumptions.sensitivity",
    "audit": "auditing.audit",
    "calibrate": "reconstruction.calibrate",
    "confounding": "robustness.confounding.sensitivity",
    "diagnose": "planning.results.diagnose",
    "engines": "validation.engines",
    "figures": "reporting.gallery",
    "fit": "inference.fit",
    "imbalance": "robustness.imbalance.sensitivity",
    "limitations": "robustness.limitations.sensitivity",
    "load_model": "inference.models.specs",
    "load_simulation": "planning.designs.simulation",
    "load_study": "study.study_file",
    "multiverse": "robustness.multiverse.sensitivity",
    "next_study": "replication.next_study",
    "power": "planning.power",
    "priors": "robustness.priors.sensitivity",
    "reanalyze": "reanalysis.pipeline",
    "replay": "runs.replay",
    "replicate": "replication.replicate",
    "report": "reporting.html",
    "synthesize": "reconstruction.synthesize",
    "validate": "validation.validate",
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
    "assumptions",
    "audit",
    "calibrate",
    "confounding",
    "diagnose",
    "engines",
    "figures",
    "fit",
    "imbalance",
    "limitations",
    "load_model",
    "load_simulation",
    "load_study",
    "multiverse",
    "next_study",
    "power",
    "priors",
    "reanalyze",
    "replay",
    "replicate",
    "report",
    "synthesize",
    "validate",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), _THERE.get(name, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
