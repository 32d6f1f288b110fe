"""What was published, in the report: question, variables, audit, limitations in the paper's own words."""

from __future__ import annotations

from typing import Any

from ....study import wording
from ....study.measures import Measure
from ...findings import Findings
from ...topic import Topic


def data(f: Findings) -> dict[str, Any] | None:
    """Return the variables of the regressions, and how the synthetic data were held against the record."""
    if f.planned:
        return None
    used = {part for step in f.read.steps for term in f.read.terms(step.id) for part in term.split(":")}
    used.add(f.study.analysis.outcome)
    variables = [_variable(f, measure) for measure in f.study.measures if measure.id in used]
    checked = f.table("verification")
    return {
        "variables": variables,
        "statements": [s for s in f.study.statements if not s.id.startswith("limitation")],
        "sizes": f.study.sizes if f.synthetic and f.study.facts else {},
        "facts": len(f.study.facts),
        "assumptions": len(f.study.assumptions),
        "checked": checked["fact"].nunique() if len(checked) else 0,
        "missed": int((~checked["matches"]).sum()) if len(checked) else 0,
    }


def _variable(f: Findings, measure: Measure) -> dict[str, str]:
    analysis = f.study.analysis
    roles = {analysis.outcome: "outcome", analysis.group: "groups", analysis.focal: "focal predictor"}
    if measure.kind == "category":
        coding = "; ".join(f"{level.id.replace('_', ' ')} = {i}" for i, level in enumerate(measure.levels))
    else:
        low, high = measure.limits
        coding = f"{low:g}–{high:g}{f' {measure.unit}' if measure.unit else ''}, as z score"
    return {
        "label": measure.label,
        "role": roles.get(measure.id, "predictor"),
        "coding": coding,
        "direction": measure.direction or "",
    }


def audited(f: Findings) -> dict[str, Any]:
    """Return the audit's verdicts counted, and every check that is not simply consistent."""
    table = f.table("audit")
    order = ("inconsistent", "ambiguous", "underdetermined")
    counts = {verdict: int((table["verdict"] == verdict).sum()) for verdict in ("consistent", *order)}
    open_rows = table[table["verdict"].isin(order)]
    ranked = [
        {**row, "check": f.in_words(row["check"]), "note": f.in_words(row["note"])}
        for row in sorted(open_rows.to_dict("records"), key=lambda row: order.index(row["verdict"]))
    ]
    return {"counts": counts, "rows": ranked, "total": len(table)}


def limitations(f: Findings) -> dict[str, Any] | None:
    """Return what the paper says limits it, and what limits a reanalysis from print."""
    if f.planned:
        return None
    own = [s for s in f.study.statements if s.id.startswith("limitation")]
    shorter = [{"about": s.about.removeprefix("limitation: "), "source": s.source} for s in own]
    step = wording.step_name(f.read, f.difference.step) if f.difference.step else "one step"
    read = f.study.citation.read if f.study.citation else ""
    return {"limits": shorter, "read": read, "step": step, "assumed": bool(f.study.assumptions)}


def remarks(f: Findings) -> dict[str, Any] | None:
    """Return what is odd about a table, reference levels first; ``of`` is empty where it is the whole table."""
    table = f.table("remarks")
    first = table["kind"] != "reference_level"
    rows = table.loc[first.sort_values(kind="stable").index, ["of", "remark"]].astype(object).fillna("")
    return {"remarks": rows.to_dict("records")} if len(rows) else None


DATA = Topic(id="data", title="Question and data", needs=("study.json",), context=data)
REMARKS = Topic(
    id="remarks",
    title="Reference levels and remarks",
    needs=("remarks",),
    context=remarks,
    plain=True,
    tells=("remarks",),
)
AUDITED = Topic(id="audited", title="Do the printed numbers agree?", needs=("audit",), context=audited)
LIMITATIONS = Topic(id="limitations", title="What limits all this", needs=("study.json",), context=limitations)
