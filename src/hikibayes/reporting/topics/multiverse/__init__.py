"""The same question in every defensible way: what all of them say, and what the answer owes to each choice."""

from __future__ import annotations

from typing import Any

from ....study.study import Study
from ...findings import Findings
from ...saved import records
from ...topic import Topic
from .figures import FIGURES, choice_name


def _multiverse(f: Findings) -> dict[str, Any]:
    """Return how each option decides, how much of the spread each choice makes, and the averages over models."""
    variance = f.table("multiverse_variance").sort_values("alone", ascending=False)
    options = f.table("multiverse_options")
    return {
        "count": len(f.table("multiverse")),
        "variance": [{**row, "choice": choice_name(f.read, row["choice"])} for row in records(variance)],
        "options": [{**row, "choice": choice_name(f.read, row["choice"])} for row in records(options)],
        "average": [{**row, "data": _data(f.read, row)} for row in records(f.table("multiverse_average"))],
    }


def _data(study: Study, row: dict[Any, Any]) -> str:
    """Say which data an average is over, in words."""
    left_out = [str(row["outliers"])] if row["outliers"] != "none" else []
    left_out += [str(row["excluded"])] if row["excluded"] != "nobody" else []
    reading = [] if row["reading"] == "default" else [str(row["reading"])]
    return "; ".join([*reading, f"without {', '.join(left_out)}" if left_out else "everybody", str(row["scale"])])


MULTIVERSE = Topic(
    id="multiverse",
    title="The same question in every defensible way",
    needs=("study.json", "multiverse", "multiverse_variance"),
    context=_multiverse,
    figures=FIGURES,
    main=True,
)
