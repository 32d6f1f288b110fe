"""A small plan for any study: its main question, asked again of more people. What a reanalysis shows of planning."""

from __future__ import annotations

from ...study.study import Study
from .simulation import Simulation

SIZES = (25, 50, 100, 200, 400, 800)
REPLICATES = 2_000


def follow_up(study: Study, model: str, *, upwards: bool, seed: int) -> Simulation:
    """Return the plan of a follow-up that asks a study's main question again.

    Parameters
    ----------
    study : Study
        Whose main estimand is asked about.
    model : str
        Name of the analysis' model.
    upwards : bool
        Whether the conclusion is a value above 0, rather than below.
    seed : int
        Of everything random.
    """
    side = "above" if upwards else "below"
    groups = max(len(study.groups), 1)
    # an even split of two groups is the default
    further = {"allocation": [":".join("1" * groups)]} if groups != 2 else {}
    # without groups the sizes are of everybody
    sizes = SIZES if study.groups else tuple(2 * size for size in SIZES)
    return Simulation.model_validate(
        {
            "description": f"A follow-up of {study.id}, in brief",
            "study": study.id,
            "model": model,
            "worlds": {"source": ["posterior", "printed", "shrunken"]},
            "axes": {"n_per_group": sizes, **further},
            "decision": [
                {
                    "name": f"interval_{side}_zero",
                    "estimand": study.focal_estimand.name,
                    "rule": {"interval": 0.95, side: 0.0},
                }
            ],
            "targets": {"power": [0.8, 0.9]},
            "run": {"replicates": REPLICATES, "seed": seed},
        }
    )
