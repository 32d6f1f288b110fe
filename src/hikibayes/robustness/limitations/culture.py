"""Other levels than the sample's: what the answer would be where people differ in the measures, if it depends on them.

How much it depends on them is assumed: not at all, in a straight line, or curved. Levels that hardly anybody in the
sample has are marked: what is said of them is extrapolated.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import apa
from ...arrays import FloatArray
from ...spec import InputError
from ...study.study import Limitation
from ...study.wording import term_name
from ..case import Case
from .scenario import Answer, answered, as_noun, known_from, numeric, shifted, tip, z_scores

NUMBERS = {"shift": 1.0, "linear": 0.1, "curved": 0.1}
"""SDs by which a level elsewhere lies away, and how much the answer changes for one of them."""
SHIFTS = np.linspace(-2, 2, 9)
INSIDE = 0.025
"""A level elsewhere is within the sample where at least this share of it lies farther out."""


def moved(shift: float, *, linear: float = 0.0, curved: float = 0.0) -> float:
    """Return by how much an average effect moves where a measure's mean does, its spread staying as it is.

    Notes
    -----
    An effect that is ``a + linear z + curved z²`` in a person averages to ``a + curved`` here, z having mean 0 and
    variance 1, and to ``a + linear d + curved (1 + d²)`` where the mean lies at d.
    """
    return linear * shift + curved * shift**2


def culture_of(case: Case, said: Limitation, *, rng: np.random.Generator) -> Answer:
    """Ask how much the answer must depend on the level of a measure to vanish at another level."""
    del rng  # nothing is drawn
    if not said.of:
        raise InputError("limitation 'culture' needs 'of', the measures whose levels differ elsewhere")
    numeric(case, said.of, "culture")
    numbers = said.numbers
    if not numbers["shift"]:
        raise InputError("limitation 'culture': shift is 0; a level elsewhere differs")
    marginal = case.marginal
    estimate = marginal.mean()[:, 0]
    side = float(np.sign(np.median(estimate)))
    rows = [row for name in said.of for row in _rows(case, name, estimate, numbers["linear"], numbers["curved"])]
    worst = -side * (
        abs(moved(numbers["shift"], linear=numbers["linear"])) + abs(moved(numbers["shift"], curved=numbers["curved"]))
    )
    now = known_from(shifted(marginal, np.full(len(estimate), worst)))
    at = -estimate / numbers["shift"]
    name, away = term_name(case.study, said.of[0]), f"{numbers['shift']:g} SD away"
    each, square = (apa.bounded(numbers[kind]) for kind in ("linear", "curved"))
    return Answer(
        corrected=now,
        tables={"limitation_culture": pd.DataFrame(rows)},
        what=f"change of the answer for each SD of {name}, {away}",
        values=at,
        known="the record prints no product of three",
        assumed=f"{name} {away}; a change by {each} for each SD, and {square} for its square, both the wrong way",
        sentence=(
            f"Where {name} lies {away}, the {as_noun(case)} would be {answered(case, now)} if it changed by {each} for"
            f" each SD and by {square} for its square, both the wrong way; nothing would be left at {tip(at)} for each"
            " SD alone."
        ),
    )


def _rows(case: Case, name: str, estimate: FloatArray, linear: float, curved: float) -> list[dict[str, object]]:
    z = z_scores(case, name)
    effects = {
        "none": {},
        "linear, up": {"linear": linear},
        "linear, down": {"linear": -linear},
        "curved, up": {"curved": curved},
        "curved, down": {"curved": -curved},
    }
    low, middle, high = np.quantile(estimate, [0.05, 0.5, 0.95])
    rows: list[dict[str, object]] = []
    for effect, parts in effects.items():
        for shift in SHIFTS:
            farther = float((z * np.sign(shift) > abs(shift)).mean()) if shift else 0.5
            by = moved(float(shift), **parts)
            where = {"measure": name, "effect": effect, "shift": float(shift), "extrapolated": farther < INSIDE}
            rows.append({**where, "estimate": middle + by, "lower": low + by, "upper": high + by})
    return rows
