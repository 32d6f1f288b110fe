"""What each limit of the study would have to be for the answer to fall, a line each; and the curves behind it."""

from __future__ import annotations

from typing import Any

from ....study import wording
from ...findings import Findings
from ...saved import records
from ...topic import Topic
from .figures import FIGURES

WORDS = {
    "limitation_panel": "The answer among all who were asked, by how taking part depended on what was measured",
    "limitation_panel_surface": "The same, where taking part depended on both measures in one group alone",
    "limitation_measurement": "The answer about true scores, by the reliability of one score",
    "limitation_duration": "The slope along duration, for changes that are assumed",
    "limitation_culture": "The answer at other levels, for effects that are assumed",
    "limitation_variables": "What the rule of selection chooses and finds in simulated studies",
}
"""What each figure shows."""


def _limits(f: Findings) -> dict[str, Any]:
    """Return a line for each limitation; those left out with the reason."""
    table = f.table("limitations")
    said = {each.kind: each.statement for each in f.study.limitations if each.statement}
    quotes = {statement.id: statement.source for statement in f.study.statements}
    lines = [
        {**row, "source": quotes.get(said.get(row["limitation"], "")), "figures": _figures(f, row["limitation"])}
        for row in records(table)
    ]
    reliability = f.table("limitation_reliability")
    scores = reliability.assign(what=[wording.term_name(f.read, name) for name in reliability.get("what", ())])
    return {
        "answered": [line for line in lines if line["answered"]],
        "left_out": [line for line in lines if not line["answered"]],
        "reliability": scores.to_dict("records"),
    }


def _figures(f: Findings, limitation: str) -> list[tuple[str, str]]:
    return [
        (name, words)
        for name, words in WORDS.items()
        if name.startswith(f"limitation_{limitation}") and FIGURES[name].wanted(f.run)
    ]


LIMITS = Topic(
    id="limits",
    title="The limits of the study, one by one",
    needs=("study.json", "limitations"),
    context=_limits,
    figures=FIGURES,
    main=True,
)
