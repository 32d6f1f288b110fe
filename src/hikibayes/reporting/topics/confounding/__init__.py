"""How strong something that nobody measured must be for the answer to fall."""

from __future__ import annotations

from typing import Any

from ....study import wording
from ...findings import Findings
from ...topic import Topic
from .figures import FIGURES

BASES = {"printed": "Printed numbers", "data_sets": "Least squares", "posterior": "Posterior"}


def _confounding(f: Findings) -> dict[str, Any]:
    """Return how strong a confounder must be, and what one as strong as each covariate would leave."""
    table, bounds = (f.about_focal(name) for name in ("confounding", "confounding_bounds"))
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
    }


CONFOUNDING = Topic(
    id="confounding",
    title="What nobody measured",
    needs=("study.json", "confounding", "confounding_bounds"),
    context=_confounding,
    figures=FIGURES,
    main=True,
)
