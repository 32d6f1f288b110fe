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
    from .auditing.audit import audit as audit
    from .inference.fit import fit as fit
    from .inference.models.specs import ModelSpec
    from .inference.models.specs import load_model as load_model
    from .planning.designs.simulation import Simulation as Simulation
    from .planning.designs.simulation import load_simulation as load_simulation
    from .planning.power import power as power
    from .planning.results.diagnose import diagnose as diagnose
    from .reanalysis.pipeline import reanalyze as reanalyze
    from .reconstruction.calibrate import calibrate as calibrate
    from .reconstruction.synthesize import synthesize as synthesize
    from .reconstruction.verify import verify as verify
    from .replication.next_study import next_study as next_study
    from .replication.replicate import replicate as replicate
    from .reporting.gallery import figures as figures
    from .reporting.html import report as report
    from .robustness.assumptions.sensitivity import assumptions as assumptions
    from .robustness.confounding.sensitivity import confounding as confounding
    from .robustness.imbalance.sensitivity import imbalance as imbalance
    from .robustness.limitations.sensitivity import limitations as limitations
    from .robustness.multiverse.sensitivity import multiverse as multiverse
    from .robustness.priors.sensitivity import priors as priors
    from .runs.replay import replay as replay
    from .spec import InputError as InputError
    from .study.study import Study as Study
    from .study.study_file import load_study as load_study
    from .validation.engines import engines as engines
    from .validation.validate import validate as validate

    Model = ModelSpec

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

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), _THERE.get(name, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
