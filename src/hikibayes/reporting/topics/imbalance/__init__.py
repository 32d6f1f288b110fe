"""What the groups' imbalance in a category does to the answer."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ....study import wording
from ...findings import Findings
from ...topic import Topic
from . import names
from .figures import FIGURES


def _imbalance(f: Findings) -> dict[str, Any]:
    """Return the main estimate under every adjustment, and what it would take for the imbalance to explain it."""
    rows = f.about_focal("imbalance")
    means = pd.Series([row["mean"] for row in rows], dtype=float)
    named = [{**row, "title": names.adjustment_name(f.read, row)} for row in rows]
    shares = f.table("imbalance_shares")
    level = wording.level_name(f.read, rows[0]["balance"], rows[0]["level"])
    groups = [
        {"name": f.group(str(group)), **_spread(own["share"])}
        for group, own in shares[shares["estimand"] == f.difference.name].groupby("group", sort=False)
    ]
    mixes = f.table("imbalance_mixes").drop_duplicates("what").to_dict("records")
    return {
        "rows": named,
        "low": means.min(),
        "high": means.max(),
        "groups": groups,
        "level": level,
        "category": wording.term_name(f.read, rows[0]["balance"]),
        "followup": f.table("imbalance_followup").to_dict("records"),
        "costs": f.table("imbalance_costs").to_dict("records"),
        "assumed": [m for m in mixes if m["what"] in {a.id for a in f.read.assumptions}],
        # one's own data have counts, and say themselves whether the category changes a slope
        "printed": int(shares["dataset"].max()) == 1 or _counted(f, rows[0]["balance"]),
    }


def _counted(f: Findings, measure: str) -> bool:
    """Tell whether the record prints shares of a category, and not only their direction."""
    return any(fact.relation == "=" for fact in f.read.facts_of("proportion", of=measure))


def _spread(values: pd.Series[float]) -> dict[str, float]:
    low, middle, high = values.quantile([0.05, 0.5, 0.95])
    return {"low": float(low), "middle": float(middle), "high": float(high)}


IMBALANCE = Topic(
    id="imbalance",
    title="If the groups had been alike",
    needs=("study.json", "imbalance", "imbalance_mixes", "imbalance_shares"),
    context=_imbalance,
    figures=FIGURES,
    main=True,
)
