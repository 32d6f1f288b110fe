"""The centre of the report: what was printed, what the posterior says, and what its spread is made of."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .... import apa
from ....estimands import KINDS
from ...findings import Findings
from ...saved import records
from ...topic import Topic
from . import figures, first


def summary(f: Findings) -> dict[str, Any]:
    """Return the answer, what it would take for it to fall, and the size of the next study."""
    return {
        "slopes": [{**f.answers[e.name], "group": f.group(e.group or "")} for e in f.slopes],
        "is_difference": f.difference.kind == "slope_difference",
        "stands": first.stands(f),
        "falling": first.falling(f),
        "next_study": first.next_study(f),
    }


def _pulled(row: dict[str, Any]) -> str:
    """Say where the posterior mean lies compared with the printed number; empty where there is none."""
    if pd.isna(row["printed_low"]):
        return ""
    printed = (row["printed_low"] + row["printed_high"]) / 2
    if row["printed_low"] <= row["mean"] <= row["printed_high"]:
        return "where the printed number lies"
    return "closer to 0 than the printed number" if abs(row["mean"]) < abs(printed) else "further from 0 than the print"


def published(f: Findings) -> dict[str, Any]:
    """Return the rows of the main table: slopes and gaps, then shares of variance."""
    rows = [f.answers[e.name] for e in f.read.estimands if KINDS[e.kind].scenarios]
    priors = {row["estimand"]: _prior_of(f, row) for row in rows}
    return {"rows": rows, "priors": priors, "pulled": _pulled(f.main)}


def _prior_of(f: Findings, row: dict[str, Any]) -> str:
    """Return the prior of an estimand that is one coefficient; empty for a sum of several."""
    estimand = f.read.estimand(row["estimand"])
    term = KINDS[estimand.kind].term(estimand, f.study.analysis.group)
    prior = f.models[estimand.step].priors.get(term)
    if prior is None or prior.dist != "Normal":
        return ""
    return apa.normal(prior.parameters["mu"], prior.parameters["sigma"], "N")


def effects(f: Findings) -> dict[str, Any]:
    """Return the stretches of the focal measure in which the groups differ."""
    curve = f.table("johnson_neyman")
    ends = {"low": float(curve["value"].min()), "high": float(curve["value"].max())}
    return {"stretches": _stretches(curve), **ends}


def _stretches(curve: pd.DataFrame) -> list[dict[str, Any]]:
    sign = (curve["lower"] > 0).astype(int) - (curve["upper"] < 0).astype(int)
    found = []
    for _, part in curve.groupby((sign != sign.shift()).cumsum()):
        here = int(sign[part.index[0]])
        if here:
            found.append({"sign": here, "low": float(part["value"].iloc[0]), "high": float(part["value"].iloc[-1])})
    return found


def explained(f: Findings) -> dict[str, Any]:
    """Return shares of variance by step, and the steps compared by what they predict."""
    rows = [f.answers[e.name] for e in f.read.estimands if not KINDS[e.kind].scenarios]
    steps = {step.id: step.label for step in f.study.steps}
    loo = [{**row, "label": steps[row["model"]], "before": _before(steps, row)} for row in records(f.table("loo"))]
    return {"rows": rows, "loo": loo}


def _before(steps: dict[str, str], row: dict[Any, Any]) -> str:
    before = row["compared_with"]
    return steps[before].partition(":")[0] if isinstance(before, str) else ""


def spread(f: Findings) -> dict[str, Any]:
    """Return each estimand's spread, split."""
    rows = []
    for row in f.answers.values():
        parts = {name: row[name] for name in ("sd_within", "sd_between", "sd_readings")}
        rows.append({"name": row["name"], "unit": row["unit"], "sd": row["sd"], **parts})
    share = f.main["sd_between"] ** 2 / f.main["sd"] ** 2 if f.main["sd"] else float("nan")
    return {"rows": rows, "share_between": share, **_pinned(f)}


def _pinned(f: Findings) -> dict[str, Any]:
    """Return what the record pins down, and the numbers that nobody printed, the most open first."""
    if not f.has("calibration") or "pinned" not in (table := f.table("calibration")):
        return {"unprinted": []}
    unprinted = table[table["fact"].isna() & table["between_over_within"].notna()]
    ranked = unprinted.sort_values("between_over_within", ascending=False).to_dict("records")
    shown = [{**row, "name": f.in_words(str(row["quantity"]))} for row in ranked]
    return {"unprinted": shown, "pinned": int(unprinted["pinned"].sum())}


def readings(f: Findings) -> dict[str, Any]:
    """Return the main estimate under each reading, with the question it answers."""
    table = f.table("readings")
    table = table[table["estimand"] == f.difference.name]
    questions = [
        {
            "question": reading.question,
            "settled_by": reading.settled_by,
            "options": [
                row | {"meaning": reading.options[row["option"]].meaning}
                for row in records(table[table["reading"] == reading.id])
            ],
        }
        for reading in f.study.readings
    ]
    asked = [question for question in questions if question["options"]]
    return {
        "questions": asked,
        "low": float(table["mean"].min()),
        "high": float(table["mean"].max()),
    }


SUMMARY = Topic(id="summary", title="In short", needs=("published",), context=summary)
PUBLISHED = Topic(
    id="published",
    title="Published against posterior",
    needs=("published",),
    context=published,
    figures=figures.PUBLISHED,
    main=True,
)
EFFECTS = Topic(
    id="effects",
    title="Where the groups differ",
    needs=("johnson_neyman",),
    context=effects,
    figures=figures.EFFECTS,
)
EXPLAINED = Topic(
    id="explained",
    title="Explained variance and prediction",
    needs=("published", "loo"),
    context=explained,
    figures=figures.EXPLAINED,
)
SPREAD = Topic(
    id="spread",
    title="What the uncertainty is made of",
    needs=("published",),
    context=spread,
    figures=figures.SPREAD,
)
READINGS = Topic(
    id="readings",
    title="If the paper is read differently",
    needs=("readings",),
    context=readings,
    figures=figures.READINGS,
)
