"""A replication: the answers in words, and both studies in one figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....apa import bayes_factor, bounded, interval, probability
from ....replication.words import sentences
from ....study.wording import estimand_name
from ...drawing import FOCAL, INK, REFERENCE, FigureOf, draw_span, plain_ticks, row_axes
from ...findings import Findings
from ...saved import SavedRun, records
from ...topic import Topic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEEDS = ("study.json", "joint", "replication")
COLOURS = {"original": REFERENCE, "new": REFERENCE, "both": FOCAL}


def _replication(f: Findings) -> dict[str, Any]:
    """Return the sentences and the table of effects."""
    joint, measures = f.table("joint"), f.table("replication")
    rows = [
        {
            "label": row["label"],
            "effect": f"{bounded(row['mean'])} {interval(row['lower'], row['upper'])}",
            "positive": probability(row["p_positive"]),
            "bf": bayes_factor(row["bf10"]),
        }
        for row in joint.to_dict("records")
    ]
    first = joint.to_dict("records")[0]
    name = str(f.run.record.arguments.get("estimand") or f.read.focal_estimand.name)
    reconstructions = measures.set_index("measure").loc["reconstructions"]
    return {
        "asked": estimand_name(f.read, f.read.estimand(name)),
        "sentences": sentences(joint, measures),
        "rows": rows,
        "shared": f.run.record.arguments.get("share") == "all",
        "within": first["sd_within"],
        "between": first["sd_between"],
        "effective": reconstructions["value"],
        "of": reconstructions["note"],
    }


def _forest(run: SavedRun) -> Figure:
    rows = records(run.table("joint"))
    figure, ax = row_axes([str(row["label"]) for row in rows], "effect, 95 % interval; SDs of the original")
    for i, row in enumerate(rows):
        draw_span(ax, -i, row, COLOURS.get(str(row["what"]), INK))
    plain_ticks(ax.xaxis)
    return figure


REPLICATION = Topic(
    id="replication",
    title="Did it replicate?",
    needs=NEEDS,
    context=_replication,
    figures={"forest": FigureOf(needs=NEEDS, draw=_forest)},
    plain=True,
    tells=("joint",),
)
