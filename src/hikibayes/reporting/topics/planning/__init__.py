"""The section on the next study: the rule before the result, design prior and analysis prior apart, sizes, errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ....planning.designs.axes import WorldsSpec, shrunk
from ....planning.designs.cells import OTHER_AXES, firsts
from ....spec import validated
from ....study import wording
from ...findings import Findings
from ...saved import records
from ...topic import Topic
from .figures import FIGURES, compared_axis, has_costs, has_surface, meaning

SOURCES = {
    "posterior": (
        "assurance",
        "populations drawn from the posterior of the earlier study: what it leaves open, sampling error included",
    ),
    "printed": ("power", "the earlier study's estimates taken as the truth, as if they had no sampling error"),
    "shrunken": ("power", "the same, with {shrink} of its difference"),
    "conditional": ("power", "the same, with what the difference would be likely to be, given that it was significant"),
    "fixed": ("power", "a population that was written down"),
}
OPEN = (("lower", "less"), ("upper", "more"))
"""What stands for an end of an interval that lies outside the simulated sizes."""


def planning(f: Findings) -> dict[str, Any]:
    """Return the plan's rules, priors, sample sizes, and errors at the sizes that were simulated."""
    plan = f.run.json_object("planning.json")
    simulation, rules = plan["simulation"], plan["rules"]
    power, sizes = f.table("power"), f.table("sample_size")
    main = rules[0]
    named = {e.name: wording.estimand_name(f.read, e) for e in f.read.estimands}
    compared = compared_axis(power)
    worlds = list(simulation["worlds"]["source"])
    held = validated(WorldsSpec, simulation["worlds"], "planning.json")
    return {
        "rules": [rule | {"of": named.get(rule["estimand"], rule["estimand"])} for rule in rules],
        "sources": [
            {
                "worlds": name,
                "gives": "assurance" if held.uncertain else SOURCES[name][0],
                "what": SOURCES[name][1].format(shrink=shrunk(held.shrink)),
            }
            for name in worlds
        ],
        "design_prior": simulation["worlds"].get("prior", "").replace("_", " "),
        "analysis_priors": [_prior(f, prior) for prior in plan["analysis_priors"]],
        "compared": compared.replace("_", " "),
        "sizes": [_size(row, compared) for row in records(_main(sizes, main, compared))],
        "errors": records(_errors(_main(power, main, compared), compared)),
        "failed": int(power["failed"].sum()),
        "replicates": int(power["replicates"].max()),
        "seed": simulation["run"]["seed"],
        "warnings": plan["warnings"],
        "proposal": plan["proposal"],
        "held": held.statements(),
        "looks": [row | {"true": _truth(row)} for row in records(f.table("looks"))],
        "surface": has_surface(f.run),
        "costs": has_costs(f.run),
        "over_worlds": "posterior" in worlds,
    }


def _prior(f: Findings, prior: Mapping[str, Any]) -> dict[str, Any]:
    """Return an analysis prior with its terms in words."""
    terms = [term | {"words": wording.term_name(f.study, term["term"])} for term in prior["terms"]]
    return {**prior, "prior": prior["prior"].replace("_", " "), "terms": terms}


def _main(table: pd.DataFrame, rule: Mapping[str, Any], compared: str) -> pd.DataFrame:
    """Keep the first decision, under the first value of every axis but the compared one, allocation and size."""
    own = table[table["decision"] == rule["decision"]] if len(table) else table
    return firsts(own, [axis for axis in OTHER_AXES if axis != compared])


def _errors(table: pd.DataFrame, compared: str) -> pd.DataFrame:
    """Keep the first allocation by size, power and assurance in one column; of several worlds the first."""
    own = firsts(table, ["allocation", "worlds"])
    own = own.assign(compared=own[compared].astype(str).str.replace("_", " "))
    share, error = own["power"].fillna(own["assurance"]), own["power_mcse"].fillna(own["assurance_mcse"])
    return own.assign(share=share, share_mcse=error).sort_values([compared, "n_per_group"])


def _size(row: Mapping[str, Any], compared: str) -> dict[str, Any]:
    """Write N with its interval, or why there is none."""
    found = {**row, "compared": meaning(compared, row[compared])}
    if row["reached"]:
        lower, upper = (f"{row[end]:.0f}" if pd.notna(row[end]) else word for end, word in OPEN)
        bound = "≤ " if row["at_most"] else ""
        found |= {
            "n": f"{bound}{row['n_per_group']:.0f}",
            "span": f"{lower}–{upper}",
            "of": f"{bound}{row['n_total']:.0f}",
        }
    else:
        capped = row["limiting_assurance"] < row["target"]
        found |= {"n": "none" if capped else "more than simulated", "span": "–", "of": "–"}
    return found


def _truth(row: Mapping[str, Any]) -> str:
    """Say which effect a study has; with looks that of 0 stands beside the one planned for."""
    return str(row.get("effect", "")).replace("_", " ").removesuffix(".0")


PLANNING = Topic(
    id="planning",
    title="The next study",
    needs=("study.json", "power", "planning.json"),
    context=planning,
    figures=FIGURES,
    main=True,
)
