"""A made-up study of another shape than the shipped one: other names, unequal groups, mean scores, other codings.

Its raw data are known. What a paper would print of them is computed here with `recompute`, rounded, and put into a
study; a reconstruction is the data's own moments. Whatever the search then finds can be held against the raw data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hikibayes.reconstruction.verify import recompute
from hikibayes.spec import validated
from hikibayes.study.moments import sample_moments, total_moments
from hikibayes.study.study import Study

SOURCE = {"locator": "made up", "quote": "made up"}
SIZES = {"weekday": 70, "weekend": 45}

MEASURES: list[dict[str, Any]] = [
    {"id": "day", "label": "Day", "kind": "category", "levels": [("weekday", "weekday"), ("weekend", "weekend")]},
    {"id": "regular", "label": "Regular", "kind": "category", "levels": [("no", "no"), ("yes", "yes")]},
    {"id": "visits", "label": "Visits", "kind": "number", "unit": "visits a year", "range": [0, 60]},
    {"id": "warmth", "label": "Warmth", "kind": "scale", "items": 4, "response": [0, 6], "direction": "warmer"},
    {"id": "bustle", "label": "Bustle", "kind": "scale", "items": 3, "response": [1, 7], "direction": "busier"},
    {"id": "scent", "label": "Scent", "kind": "scale", "items": 2, "response": [1, 5], "direction": "stronger"},
    {
        "id": "delight",
        "label": "Delight",
        "kind": "scale",
        "items": 5,
        "response": [1, 5],
        "score": "mean",
        "direction": "more delight",
    },
    {"id": "queue", "label": "Queue", "kind": "number", "unit": "minutes", "range": [0, 40]},
    {
        "id": "weather",
        "label": "Weather",
        "kind": "category",
        "levels": [("sun", "sun"), ("cloud", "cloud"), ("rain", "rain")],
    },
    {"id": "brunch", "label": "Brunch", "kind": "number", "unit": "euros", "range": [5, 90], "only_in": "weekend"},
]

# quantity, address, decimals
PRINTED: list[tuple[str, dict[str, Any], int]] = [
    ("mean", {"of": "visits"}, 1),
    ("sd", {"of": "visits"}, 1),
    ("mean", {"of": "warmth", "group": "weekday"}, 2),
    ("sd", {"of": "warmth", "group": "weekday"}, 2),
    ("mean_difference", {"of": "warmth", "between": ["weekend", "weekday"]}, 2),
    ("t", {"of": "bustle", "between": ["weekday", "weekend"], "test": "student"}, 2),
    ("p", {"of": "bustle", "between": ["weekday", "weekend"], "test": "student"}, 2),
    ("d", {"of": "delight", "between": ["weekday", "weekend"]}, 2),
    ("proportion", {"of": "regular", "level": "no"}, 2),
    ("correlation", {"of": "warmth", "with": "delight"}, 2),
    ("correlation", {"of": "bustle", "with": "delight", "group": "weekend"}, 2),
    ("correlation", {"of": "scent", "with": "delight"}, 2),
    ("r2", {"step": "basis"}, 2),
    ("r2_p", {"step": "basis"}, 2),
    ("delta_r2", {"step": "main", "adjusted": True}, 2),
    ("delta_r2_p", {"step": "joint"}, 2),
    ("coefficient", {"step": "main", "term": "warmth", "standardised": False}, 2),
    ("coefficient_se", {"step": "main", "term": "warmth", "standardised": False}, 3),
    ("coefficient", {"step": "joint", "term": "day", "coding": "effect", "products": "centred"}, 2),
    ("coefficient", {"step": "joint", "term": "day:warmth", "products": "raw"}, 2),
    ("coefficient", {"step": "joint", "term": "warmth", "products": "raw", "coding": "effect"}, 2),
    ("coefficient_p", {"step": "joint", "term": "day", "products": "raw"}, 2),
    ("coefficient", {"step": "joint", "term": "day", "products": "raw"}, 2),
    ("coefficient", {"step": "joint", "term": "day:bustle", "standardised": False}, 3),
    ("slope", {"of": "warmth", "group": "weekend", "step": "joint"}, 2),
    ("slope_se", {"of": "warmth", "group": "weekday", "step": "joint", "standardised": False}, 3),
    ("slope_p", {"of": "bustle", "group": "weekday", "step": "joint"}, 2),
    ("vif", {"step": "joint", "term": "day:warmth", "coding": "effect", "products": "centred"}, 2),
    ("vif", {"step": "joint", "term": "day", "products": "raw"}, 1),
    ("alpha", {"of": "delight"}, 2),
    ("alpha", {"of": "warmth", "group": "weekend"}, 2),
    ("mean", {"of": "queue", "group": "weekday"}, 1),
    ("sd", {"of": "queue", "group": "weekday"}, 1),
    ("t", {"of": "queue", "between": ["weekday", "weekend"], "test": "welch"}, 2),
    ("df", {"of": "queue", "between": ["weekday", "weekend"], "test": "welch"}, 1),
    ("minimum", {"of": "queue"}, 0),
    ("proportion", {"of": "weather", "level": "rain", "group": "weekend"}, 2),
    ("mean", {"of": "brunch", "group": "weekend"}, 1),
    ("maximum", {"of": "brunch", "group": "weekend"}, 0),
]

ASSUMED = [
    ("raw_mean", "bustle", {"dist": "Normal", "mu": 12, "sigma": 0.5}),
    ("raw_sd", "bustle", {"dist": "TruncatedNormal", "mu": 3.5, "sigma": 0.3, "lower": 2.5, "upper": 4.5}),
    ("raw_mean", "scent", {"dist": "Normal", "mu": 6, "sigma": 0.3}),
    ("raw_sd", "scent", {"dist": "Constant", "value": 1.8}),
    ("raw_mean", "delight", {"dist": "Normal", "mu": 3.2, "sigma": 0.1}),
    ("raw_sd", "delight", {"dist": "Constant", "value": 0.7}),
    ("raw_mean", "warmth", {"dist": "Normal", "mu": 13, "sigma": 0.3}),
    ("raw_sd", "warmth", {"dist": "Constant", "value": 4.5}),
    ("alpha", "bustle", {"dist": "Uniform", "lower": 0.6, "upper": 0.8}),
]


def raw_data(seed: int = 4) -> pd.DataFrame:
    """Draw the participants of the made-up study."""
    rng = np.random.default_rng(seed)
    n = sum(SIZES.values())
    weekend = np.repeat([0, 1], list(SIZES.values()))
    warm = rng.normal(size=n) - 0.3 * weekend
    busy = 0.4 * warm + rng.normal(size=n) + 0.5 * weekend
    joy = 0.4 * warm - 0.2 * busy + 0.35 * weekend * warm + rng.normal(size=n) * 0.7

    def answers(trait: np.ndarray, items: int, low: int, high: int, noise: float) -> np.ndarray:
        raw = (low + high) / 2 + (high - low) / 5 * (trait[:, None] + noise * rng.normal(size=(n, items)))
        return np.clip(np.rint(raw), low, high).astype(int)

    scales = {
        "warmth": answers(warm, 4, 0, 6, 0.7),
        "bustle": answers(busy, 3, 1, 7, 0.8),
        "scent": answers(0.5 * warm + rng.normal(size=n), 2, 1, 5, 0.6),
        "delight": answers(joy, 5, 1, 5, 0.6),
    }
    table: dict[str, Any] = {
        "day": np.repeat(list(SIZES), list(SIZES.values())),
        "regular": np.where(rng.random(n) < 0.4 + 0.15 * weekend, "yes", "no"),
        "visits": np.clip(np.rint(22 + 4 * busy + 9 * rng.normal(size=n)), 0, 60).astype(int),
        **{name: items.sum(axis=1) for name, items in scales.items()},
        "queue": np.clip(np.rint(9 + 3 * weekend + 5 * rng.normal(size=n)), 0, 40).astype(int),
        "weather": rng.choice(["sun", "cloud", "rain"], size=n),
        "brunch": np.where(weekend == 1, np.clip(np.rint(30 + 12 * rng.normal(size=n)), 5, 90), np.nan),
    }
    table["delight"] = np.round(table["delight"] / 5, 10)
    for name, items in scales.items():
        table |= {f"{name}_{number:02d}": column for number, column in enumerate(items.T, start=1)}
    return pd.DataFrame(table)


def study_of(facts: list[dict[str, Any]], analysis: dict[str, Any] | None = None) -> Study:
    """Return the made-up study with some facts; the sizes of the groups are added."""
    sizes = [
        {"id": f"n_{group}", "quantity": "n", "group": group, "value": n, "source": SOURCE}
        for group, n in SIZES.items()
    ]
    content = {
        "id": "bakery",
        "description": "Delight in a bakery",
        "citation": {"authors": ["Nobody"], "year": 2020, "title": "Buns", "journal": "Crumbs", "read": "made up"},
        "group": [{"id": name, "label": name} for name in SIZES],
        "measure": [
            {**measure, "levels": [{"id": name, "label": label} for name, label in measure["levels"]]}
            if "levels" in measure
            else measure
            for measure in MEASURES
        ],
        "analysis": {"outcome": "delight", "group": "day", "focal": "warmth", **(analysis or {})},
        "step": [
            {"id": "basis", "label": "basis", "adds": ["regular", "visits", "day"]},
            {"id": "main", "label": "main", "after": "basis", "adds": ["warmth", "bustle"]},
            {"id": "joint", "label": "joint", "after": "main", "adds": ["day:bustle", "day:warmth"]},
            {"id": "alone", "label": "alone", "adds": ["warmth", "regular"]},
        ],
        "fact": [*sizes, *facts],
        "assumption": [
            {
                "id": f"{name}_{quantity}",
                "quantity": quantity,
                "about": [name],
                "distribution": distribution,
                "rationale": "made up for a test of the search",
            }
            for quantity, name, distribution in ASSUMED
        ],
    }
    return validated(Study, content, "made-up study")


def printed_study(table: pd.DataFrame, **more_facts: dict[str, Any]) -> Study:
    """Return the study with the numbers that a paper would print of a table."""
    blank = [
        {"id": f"fact_{number}", "quantity": quantity, **address, "value": _possible(quantity), "source": SOURCE}
        for number, (quantity, address, _) in enumerate(PRINTED)
    ]
    values = recompute(study_of(blank), table)
    facts = [
        {**fact, "value": f"{values[fact['id']]:.{decimals}f}"}
        for fact, (_, _, decimals) in zip(blank, PRINTED, strict=True)
    ]
    return study_of([*facts, *({"id": name, "source": SOURCE, **fact} for name, fact in more_facts.items())])


def _possible(quantity: str) -> str:
    return {"vif": "1", "mean": "10", "minimum": "10", "maximum": "10", "sd": "1"}.get(quantity, "0")


def own_moments(table: pd.DataFrame, study: Study, names: list[str]) -> xr.Dataset:
    """Return a table's own moments in SD units of the total sample, categories as 0/1, as the one draw there is."""
    moments = sample_moments(table, study, names)
    mean, cov = total_moments(moments)
    category = moments["kind"].values == "category"
    location = np.where(category, 0.0, mean.values)
    sd = np.where(category, 1.0, np.sqrt(np.diagonal(cov.values)))
    return xr.Dataset(
        {
            "n": ("group", moments["n"].values),
            "mean": (("draw", "group", "measure"), ((moments["mean"].values - location) / sd)[None]),
            "cov": (("draw", "group", "measure", "measure_2"), (moments["cov"].values / np.outer(sd, sd))[None]),
            "location": (("draw", "measure"), np.where(category, np.nan, location)[None]),
            "scale": (("draw", "measure"), np.where(category, np.nan, sd)[None]),
        },
        coords={"group": list(study.group_ids), "measure": names, "measure_2": names},
    )


def moments_of(table: pd.DataFrame, study: Study, draws: int = 3, noise: float = 0.02, seed: int = 1) -> xr.Dataset:
    """Return the table's moments as a few draws with a little noise, and without raw means and SDs."""
    one = own_moments(table, study, ["regular", "visits", "warmth", "bustle", "delight"])
    rng = np.random.default_rng(seed)
    jitter = rng.normal(size=(draws, 2, one.sizes["measure"])) * noise
    jitter[..., 0] = 0
    scale = np.exp(rng.normal(size=(draws, 1, one.sizes["measure"])) * noise)
    return one.drop_vars(["location", "scale", "mean", "cov"]).assign(
        mean=(("draw", "group", "measure"), one["mean"].values + jitter),
        cov=(("draw", "group", "measure", "measure_2"), one["cov"].values * scale[..., None] * scale[..., None, :]),
    )
