"""How far the answers move when an assumption's centre or width is another."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ....robustness.assumptions.answered import ENOUGH
from ....robustness.assumptions.evidence import ALL
from ....robustness.assumptions.sensitivity import AS_ASSUMED, UNKNOWN
from ....study import wording
from ...findings import Findings
from ...topic import Topic

ROWS = 12
"""So many changes are shown, those that move an answer most."""


def _assumptions(f: Findings) -> dict[str, Any] | None:
    """Return each known change with the effect that it moves most; None where nothing is known."""
    table = f.table("assumptions")
    effects = {e.name: e for e in f.read.estimands}
    focal = f.read.focal_estimand
    known = table[(table["how"] != UNKNOWN) & (table["change"] != AS_ASSUMED) & table["moved_sds"].notna()]
    if not len(known):
        return None
    lines = [_line(own, effects, focal.name) for _, own in known.groupby(["assumption", "change"], sort=False)]
    lines.sort(key=lambda line: -abs(line["moved_sds"]))
    unknown = table[table["how"] == UNKNOWN].drop_duplicates(["assumption", "change"])
    return {
        "lines": lines[:ROWS],
        "further": max(len(lines) - ROWS, 0),
        "smallest": abs(lines[ROWS]["moved_sds"]) if len(lines) > ROWS else 0.0,
        "most_focal": max(abs(line["focal_sds"]) for line in lines),
        "focal": wording.estimand_name(f.read, focal),
        "focal_unit": focal.unit,
        "unknown": len(unknown),
        "wider": int((unknown["change"] == "width doubled").sum()),
        "draws": int(table["effective"].iloc[0]),
        "enough": ENOUGH,
        "evidence": _evidence(f, focal.name, effects),
    }


def _evidence(f: Findings, focal: str, effects: dict[str, Any]) -> dict[str, Any]:
    """Return the pieces, and answers with all of them and without each: of what moves most, and the focal one."""
    table = f.table("evidence")
    if not len(table):
        return {}
    whole = table[table["evidence"] == ALL]
    known = whole.dropna(subset=["moved_sds"])
    most = str(known["estimand"].iloc[int(known["moved_sds"].abs().argmax())]) if len(known) else focal
    own, at_focal = (table[table["estimand"] == name].set_index("evidence") for name in (most, focal))
    focal_means = at_focal["mean"].to_dict()
    return {
        "pieces": f.study.evidence,
        "effect": most.replace("_", " "),
        "unit": effects[most].unit,
        "rows": [
            {
                "name": str(name).replace("_", " "),
                **{str(k): v for k, v in row.items()},
                "focal": focal_means[name],
            }
            for name, row in own.iterrows()
        ],
    }


def _line(own: pd.DataFrame, effects: dict[str, Any], focal: str) -> dict[str, Any]:
    row = own.iloc[int(own["moved_sds"].abs().argmax())]
    at_focal = own[own["estimand"] == focal]
    return {
        **{str(name): value for name, value in row.items()},
        "name": str(row["assumption"]).replace("_", " "),
        "unit": effects[row["estimand"]].unit,
        "effect": effects[row["estimand"]].name.replace("_", " "),
        "was": row["mean"] - row["moved"],
        "focal_mean": float(at_focal["mean"].iloc[0]) if len(at_focal) else float("nan"),
        "focal_sds": float(at_focal["moved_sds"].iloc[0]) if len(at_focal) else 0.0,
    }


ASSUMPTIONS = Topic(
    id="assumptions",
    title="What the assumptions do to the answers",
    needs=("study.json", "assumptions"),
    context=_assumptions,
    main=True,
)
