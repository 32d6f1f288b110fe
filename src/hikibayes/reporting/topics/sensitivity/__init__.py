"""What other priors would have given."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ....study import wording
from ...findings import Findings
from ...saved import records
from ...topic import Topic
from .figures import FIGURES


def sensitivity(f: Findings) -> dict[str, Any]:
    """Return the main estimate under every prior, tipping priors, power-scaling, pooling and the next study's size."""
    widths = f.table("prior_widths")
    model = str(widths["model"].iloc[0]) if len(widths) else f.difference.step
    rows, variants = _under_each_prior(f, model), f.models[model].variants
    shown = []
    for row in records(rows):
        described = variants[row["prior"]].description if row["prior"] in variants else "The answer's own prior."
        named = {"variant": row["prior"].replace("_", " "), "about": described}
        shown.append(row | named)
    return {
        "rows": shown,
        "families": records(f.table("prior_families")),
        "scaling": _scaling(f),
        "pooled": _pooled(f),
        "design": _design(f.table("prior_design")),
        "ci": float(rows["ci_prob"].iloc[0]),
        **_widths(widths, model),
    }


def _under_each_prior(f: Findings, model: str) -> pd.DataFrame:
    """Return the main estimate under every named prior: a reanalysis has it among its estimates."""
    if f.has("estimates"):
        return f.estimates(engine="exact", model=model, estimand=f.difference.name)
    table = f.table("priors")
    return table[table["estimand"] == f.difference.name]


def _scaling(f: Findings) -> dict[str, Any]:
    """Return what moves with the prior, flagged quantities named in words."""
    table = f.table("power_scaling")
    if table.empty:
        return {"rows": [], "flagged": []}
    estimands = {e.name: wording.estimand_name(f.read, e) for e in f.read.estimands}
    flagged = table["diagnosis"] != "unremarkable"
    table = table.assign(name=[estimands.get(of) or wording.term_name(f.study, of) for of in table["of"]])
    # every estimand, and of the coefficients those that move
    shown = table[(table["kind"] == "estimand") | flagged]
    return {
        "rows": records(shown),
        "flagged": list(table.loc[flagged & (table["kind"] == "estimand"), "name"]),
        "others": len(table) - len(shown),
        "data_sets": int(table["data_sets"].iloc[0]),
    }


def _pooled(f: Findings) -> dict[str, Any] | None:
    """Return the focal product by itself and drawn towards 0 together with the others."""
    table = f.table("shrinkage")
    analysis = f.study.analysis
    name = f"{analysis.group}:{analysis.focal}"
    if table.empty or name not in set(table["coefficient"]):
        return None
    own, pooled = (table[table["prior"] == prior].set_index("coefficient") for prior in ("own", "pooled"))
    count = len(own)
    return {"own": own.loc[name].to_dict(), "pooled": pooled.loc[name].to_dict(), "count": count}


def _design(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return participants per group by prior width, both kinds of worlds side by side."""
    if table.empty:
        return []
    wide = table.pivot_table(index=["prior_sd", "is_models"], columns="worlds", values="n_per_group")
    return records(wide.reset_index())


def _widths(table: pd.DataFrame, model: str) -> dict[str, Any]:
    own = table[table["model"] == model] if len(table) else table
    if own.empty:
        return {"curve": False}
    peak = own.sort_values("bf10").iloc[-1]
    mine = own[own["is_models"]]
    return {
        "curve": True,
        "peak_sd": float(peak["prior_sd"]),
        "peak": float(peak["bf10"]),
        "own_sd": float(mine["prior_sd"].iloc[0]) if len(mine) else float("nan"),
        "own": float(mine["bf10"].iloc[0]) if len(mine) else float("nan"),
        "widest": float(own["bf10"].iloc[-1]),
        "widest_sd": float(own["prior_sd"].iloc[-1]),
    }


SENSITIVITY = Topic(
    id="sensitivity",
    title="Prior sensitivity",
    needs=("study.json", "models.json", "prior_widths"),
    context=sensitivity,
    figures=FIGURES,
    main=True,
)
