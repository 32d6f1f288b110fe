"""Hold the compiled density against the plain one and its gradient against differences, without compiling anything.

Run with NUMBA_DISABLE_JIT=1: then the compiled functions are plain Python, and the check takes seconds instead of the
minute that their compilation costs. Prints one JSON object a study.
"""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import made_up
import printing

from hikibayes.reconstruction.posterior.density import plain_log_density
from hikibayes.reconstruction.posterior.kernel.density import log_density
from hikibayes.reconstruction.posterior.problem import Problem
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study

OTHER_READING = {
    "slopes_model": "support_only",
    "vif_step": "centred_step3",
    "step3_terms": "six",
    "delta_r2_step2": "adjusted",
    "products": "raw",
}
TEMPERATURE = 5.0
BETWEEN = {"between": ("plain", "trained")}
DESCRIBED = [
    *printing.descriptives(),
    *printing.correlation_table("plain"),
    ("correlation", {"of": "course", "with": "output"}, 2),
    ("correlation", {"of": "focus", "with": "course"}, 2),
    ("t", {"of": "output", **BETWEEN, "test": "welch"}, 2),
    ("df", {"of": "output", **BETWEEN, "test": "welch"}, 1),
    ("df", {"of": "focus", **BETWEEN, "test": "student"}, 0),
    ("p", {"of": "trust", **BETWEEN, "test": "welch"}, 3),
    ("coefficient", {"step": "third", "term": "course", "products": "raw"}, 2),
    ("slope_se", {"step": "third", "of": "focus", "group": "trained"}, 3),
]


def compare(study: Study, seed: int) -> dict[str, float | list[str]]:
    problem = Problem.of(study)
    rng = np.random.default_rng(seed)
    values, slopes = [], []
    while len(values) < 2:
        x = rng.normal(0, 0.25, problem.size)
        value, gradient = log_density(problem.plan, x, TEMPERATURE)
        if not np.isfinite(value):
            continue
        plain = plain_log_density(problem, x, TEMPERATURE)
        values.append(abs(value - plain) / (1 + abs(plain)))
        for _ in range(4):
            along = rng.normal(size=x.size)
            slopes.append(abs(_slope(problem, x, along) - gradient @ along) / (1 + abs(gradient @ along)))
    kinds = sorted({target.kind for target in (*problem.targets, *problem.coordinates)})
    return {"value": max(values), "slope": max(slopes), "size": problem.size, "kinds": kinds}


def _slope(problem: Problem, x: np.ndarray, along: np.ndarray, h: float = 2e-5) -> float:
    at = [log_density(problem.plan, x + step * h * along, TEMPERATURE)[0] for step in (-2, -1, 1, 2)]
    return (8 * (at[2] - at[1]) - (at[3] - at[0])) / (12 * h)


if __name__ == "__main__":
    nonaka = load_study("nonaka2021")
    shape = printing.Shape(n=(40, 70))
    studies = {
        "default reading": nonaka.read(),
        "other reading": nonaka.read(**OTHER_READING),
        "made up": made_up.printed_study(made_up.raw_data()),
        "described": printing.printed_study(shape, printing.workers(shape, 1), DESCRIBED),
    }
    print(json.dumps({name: compare(study, seed=3) for name, study in studies.items()}))  # noqa: T201
