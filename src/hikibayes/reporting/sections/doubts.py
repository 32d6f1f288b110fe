"""Two doubts: something that nobody measured, and a category in which the groups differ."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...study import wording
from .. import doubt_labels
from .findings import Findings

__all__ = ["confounding", "imbalance"]

BASES = {"printed": "Printed numbers", "data_sets": "Least squares", "posterior": "Posterior"}


def confounding(f: Findings) -> dict[str, Any]:
    """Return how strong a confounder must be, and what one as strong as each covariate would leave."""
    focal = f.read.focal_estimand
    table, bounds = (_about(f, name, focal.name) for name in ("confounding", "confounding_bounds"))
    bases = [{**row, "title": BASES[row["basis"]]} for row in table]
    draws = [row for row in bounds if row["basis"] == "posterior"]
    covariates = [
        {
            "name": wording.term_name(f.read, name),
            "left": [row for row in draws if row["benchmark"] == name],
            "breaks_at": next(r["breaks_at"] for r in bounds if r["benchmark"] == name and r["basis"] == "data_sets"),
        }
        for name in dict.fromkeys(row["benchmark"] for row in draws)
    ]
    return {
        "bases": bases,
        "covariates": sorted(covariates, key=lambda row: row["breaks_at"]),
        "multiples": list(dict.fromkeys(row["k"] for row in draws)),
        "estimand": wording.estimand_name(f.read, focal),
        "unit": focal.unit,
        "outcome": f.outcome,
        "is_product": focal.kind == "slope_difference",
        "sentence": _sentence(f, "confounding"),
    }


def imbalance(f: Findings) -> dict[str, Any]:
    """Return the main estimate under every adjustment, and what it would take for the imbalance to explain it."""
    focal = f.read.focal_estimand
    rows = _about(f, "imbalance", focal.name)
    named = [{**row, "title": doubt_labels.adjustment_name(f.read, row)} for row in rows]
    shares = f.table("imbalance_shares")
    level = doubt_labels.level_name(f.read, rows[0]["balance"], rows[0]["level"])
    groups = [
        {"name": f.group(str(group)), **_spread(own["share"])}
        for group, own in shares[shares["estimand"] == focal.name].groupby("group", sort=False)
    ]
    mixes = f.table("imbalance_mixes").drop_duplicates("what").to_dict("records")
    return {
        "rows": named,
        "groups": groups,
        "level": level,
        "category": wording.term_name(f.read, rows[0]["balance"]),
        "estimand": wording.estimand_name(f.read, focal),
        "unit": focal.unit,
        "followup": f.table("imbalance_followup").to_dict("records"),
        "costs": f.table("imbalance_costs").to_dict("records"),
        "assumed": [m for m in mixes if m["what"] in {a.id for a in f.read.assumptions}],
        # one's own data have counts, and say themselves whether the category changes a slope
        "printed": int(shares["dataset"].max()) == 1 or _counted(f, rows[0]["balance"]),
        "sentence": _sentence(f, "imbalance"),
    }


def _about(f: Findings, name: str, estimand: str) -> list[dict[str, Any]]:
    table = f.table(name)
    return [{str(k): v for k, v in row.items()} for row in table[table["estimand"] == estimand].to_dict("records")]


def _counted(f: Findings, measure: str) -> bool:
    """Tell whether the record prints shares of a category, and not only their direction."""
    return any(fact.relation == "=" for fact in f.read.facts_of("proportion", of=measure))


def _spread(values: pd.Series[float]) -> dict[str, float]:
    low, middle, high = values.quantile([0.05, 0.5, 0.95])
    return {"low": float(low), "middle": float(middle), "high": float(high)}


def _sentence(f: Findings, doubt: str) -> str:
    """Return what a clinician can repeat: the last of a doubt's tipping rows, which needs no statistics."""
    table = f.table("tipping")
    own = table[table["doubt"] == doubt] if len(table) else table
    return str(own["sentence"].iloc[-1]) if len(own) else ""
