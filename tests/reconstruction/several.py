"""Made-up studies of other designs than two groups: one sample with a moderator, three groups with an interaction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hikibayes.reconstruction.verify import recompute
from hikibayes.spec import validated
from hikibayes.study.moments import sample_moments, total_moments
from hikibayes.study.study import Study

from .printing import Line, fact_of

ARMS = ("none", "low", "high")


def number(name: str, low: float, high: float, *, integer: bool = False) -> dict[str, Any]:
    return {"id": name, "label": name, "kind": "number", "unit": "points", "range": [low, high], "integer": integer}


def skeleton(outcome: str, measures: list[dict[str, Any]], steps: list[list[str]], **more: Any) -> dict[str, Any]:
    """Return a study without facts; each step extends the one before it."""
    names = [f"step{i}" for i in range(1, len(steps) + 1)]
    return {
        "id": "made_up",
        "description": "A made-up study",
        "citation": {"authors": ["Nobody"], "year": 2003, "title": "Made up", "journal": "None", "read": "all"},
        "measure": measures,
        "step": [
            {"id": name, "label": name, "adds": adds, **({"after": before} if before else {})}
            for name, adds, before in zip(names, steps, [None, *names[:-1]], strict=True)
        ],
        **more,
        "analysis": {"outcome": outcome, **more.get("analysis", {})},
    }


def printed(content: dict[str, Any], raw: pd.DataFrame, lines: list[Line]) -> Study:
    """Return the study with what statsmodels and SciPy compute from the rows, rounded."""
    group = content["analysis"].get("group")
    sizes = raw[group].value_counts() if group else None
    counts = [({"group": g["id"]}, int(sizes[g["id"]])) for g in content.get("group", [])] or [({}, len(raw))]
    n = [fact_of(i, "n", where, 0, value=size) for i, (where, size) in enumerate(counts)]
    bare = [fact_of(i, *line, value=2 if line[0] == "vif" else 0.5) for i, line in enumerate(lines, len(n))]
    values = recompute(validated(Study, {**content, "fact": [*n, *bare]}, "made up"), raw)
    facts = [fact_of(i, *line, value=values[f"f{i}"]) for i, line in enumerate(lines, len(n))]
    return validated(Study, {**content, "fact": [*n, *facts]}, "made up")


def own_moments(study: Study, raw: pd.DataFrame) -> xr.Dataset:
    """Return reconstructions that are a table's own moments, in SD units, twice."""
    moments = sample_moments(raw, study)
    mean, cov = total_moments(moments)
    names = [str(name) for name in moments["measure"].values]
    sd = {name: float(cov.sel(measure=name, measure_2=name)) ** 0.5 for name in names}
    sd |= {name: 1.0 for name in names if moments["kind"].sel(measure=name) == "category"}
    location = mean.where(~moments["kind"].isin(["category", "product"]), 0.0)
    scale = location.copy(data=[np.prod([sd[part] for part in name.split(":")]) for name in names])
    other = scale.rename(measure="measure_2").drop_vars("kind")
    scaled = {"mean": (moments["mean"] - location) / scale, "cov": moments["cov"] / scale / other}
    twice = moments.assign({name: values.expand_dims(draw=2) for name, values in scaled.items()})
    unknown = np.full((2, len(names)), np.nan)
    products = np.where([":" in name for name in names], scale.values, unknown)
    return twice.assign(location=(("draw", "measure"), unknown), scale=(("draw", "measure"), products))


# -- three groups ----------------------------------------------------------------------------------------------------


def doses(n: tuple[int, int, int] = (40, 35, 50), seed: int = 1, *, integer: bool = False) -> pd.DataFrame:
    """Draw a trial of three doses: response rises with baseline, the more so the higher the dose."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(np.arange(3), n)
    baseline = rng.standard_normal(len(arm)) + 0.2 * arm
    male = rng.random(len(arm)) < 0.4 + 0.1 * arm
    response = 0.3 * baseline + np.array([0.0, 0.4, 0.6])[arm] + np.array([0.0, 0.1, 0.5])[arm] * baseline
    response = response + 0.2 * male + rng.normal(0, 0.8, len(arm))
    scores = {"baseline": 50 + 10 * baseline, "response": 40 + 8 * response}
    return pd.DataFrame(
        {
            "dose": np.array(ARMS)[arm],
            "sex": np.where(male, "male", "female"),
            **{name: np.clip(np.round(x) if integer else x, 0, 100) for name, x in scores.items()},
        }
    )


def trial(*, integer: bool = False, **analysis: Any) -> dict[str, Any]:
    return skeleton(
        "response",
        [
            {"id": "dose", "label": "dose", "kind": "category", "levels": [{"id": a, "label": a} for a in ARMS]},
            {"id": "sex", "label": "sex", "kind": "category",
             "levels": [{"id": "female", "label": "women"}, {"id": "male", "label": "men"}]},
            number("baseline", 0, 100, integer=integer), number("response", 0, 100, integer=integer),
        ],
        [["sex", "baseline", "dose"], ["dose:baseline"]],
        group=[{"id": arm, "label": arm} for arm in ARMS],
        analysis={"group": "dose", "focal": "baseline", **analysis},
        estimand=[
            {"name": "steeper", "kind": "slope_difference", "of": "baseline", "between": ["high", "none"],
             "step": "step2", "meaning": "how much steeper response rises with baseline under the high dose"},
            {"name": "gap", "kind": "adjusted_difference", "between": ["low", "none"], "step": "step1",
             "meaning": "response under the low dose against none"},
        ],
    )  # fmt: skip


def trial_lines() -> list[Line]:
    """Means, SDs, tests and one regression table, as a trial prints them."""
    where = [{"of": name, "group": arm} for name in ("baseline", "response") for arm in ARMS]
    terms = ["sex", "baseline", "dose[low]", "dose[high]", "dose[low]:baseline", "dose[high]:baseline"]
    return [
        *((quantity, place, 2) for place in where for quantity in ("mean", "sd")),
        *(("proportion", {"of": "sex", "level": "male", "group": arm}, 3) for arm in ARMS),
        *(("correlation", {"of": "baseline", "with": "response", "group": arm}, 2) for arm in ARMS),
        ("correlation", {"of": "sex", "with": "response"}, 2),
        ("f", {"of": "response"}, 2),
        ("f_p", {"of": "baseline"}, 3),
        ("p", {"of": "response", "between": ["high", "none"], "test": "welch"}, 3),
        ("t", {"of": "response", "between": ["low", "none"], "test": "student"}, 2),
        *((q, {"step": "step2", "term": term}, 3) for term in terms for q in ("coefficient", "coefficient_se")),
        ("slope", {"of": "baseline", "group": "low", "step": "step2"}, 2),
        ("r2", {"step": "step2"}, 3),
        ("delta_r2_p", {"step": "step2"}, 3),
    ]


# -- one sample ------------------------------------------------------------------------------------------------------


def sample(n: int = 130, seed: int = 1, *, integer: bool = False) -> pd.DataFrame:
    """Draw one sample: stress harms less where support is high; scores are skewed."""
    rng = np.random.default_rng(seed)
    stress = rng.gamma(4.0, 1.0, n)
    support = rng.normal(0, 1, n) - 0.15 * stress
    z = [(x - x.mean()) / x.std() for x in (stress, support)]
    distress = 0.4 * z[0] - 0.2 * z[1] - 0.25 * z[0] * z[1] + rng.normal(0, 0.8, n)
    scores = {"stress": 5 * stress, "support": 40 + 8 * support, "distress": 30 + 7 * distress}
    return pd.DataFrame({name: np.clip(np.round(x) if integer else x, 0, 80) for name, x in scores.items()})


def moderation(*, integer: bool = False, **analysis: Any) -> dict[str, Any]:
    return skeleton(
        "distress",
        [number(name, 0, 80, integer=integer) for name in ("stress", "support", "distress")],
        [["stress", "support"], ["stress:support"]],
        analysis={"focal": "stress", **analysis},
        estimand=[
            {"name": "buffering", "kind": "slope_change", "of": "stress", "by": "support", "step": "step2",
             "meaning": "how the slope of stress changes with support"},
        ],
    )  # fmt: skip


def moderation_lines(**how: Any) -> list[Line]:
    """A correlation table, one regression with its product, and simple slopes at +/- 1 SD."""
    names = ("stress", "support", "distress")
    pairs = [("stress", "support"), ("stress", "distress"), ("support", "distress")]
    terms = ("stress", "support", "stress:support")
    return [
        *((quantity, {"of": name}, 2) for name in names for quantity in ("mean", "sd")),
        *(("correlation", {"of": a, "with": b}, 2) for a, b in pairs),
        *((q, {"step": "step2", "term": term, **how}, 3) for term in terms for q in ("coefficient", "coefficient_se")),
        ("coefficient_p", {"step": "step2", "term": "stress:support"}, 3),
        *(("slope", {"of": "stress", "step": "step2", "at": {"support": at}}, 2) for at in (-1, 1)),
        ("r2", {"step": "step1"}, 3),
        ("delta_r2", {"step": "step2"}, 3),
        ("vif", {"step": "step2", "term": "stress"}, 2),
    ]


def moderation_in_two_groups() -> dict[str, Any]:
    """Return a study in which a product of two measures differs between two groups."""
    shifts = [{"id": name, "label": name} for name in ("day", "night")]
    content = moderation()
    return content | {
        "group": shifts,
        "estimand": [],
        "measure": [{"id": "shift", "label": "shift", "kind": "category", "levels": shifts}, *content["measure"]],
        "analysis": {**content["analysis"], "group": "shift"},
        "step": [
            {"id": "step1", "label": "1", "adds": ["shift", "stress", "support", "stress:support", "shift:stress"]}
        ],
    }


def shifts(n: int = 120) -> pd.DataFrame:
    raw = sample(n)
    night = np.arange(n) % 3 == 0
    return raw.assign(shift=np.where(night, "night", "day"), stress=raw["stress"] + 4 * night)
