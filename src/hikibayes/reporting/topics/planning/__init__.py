"""The section on the next study: the rule before the result, design prior and analysis prior apart, sizes, errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ....apa import written_out
from ....planning.designs.axes import WorldsSpec, shrunk
from ....planning.designs.cells import firsts
from ....planning.designs.population import Population
from ....planning.results.detectable import nearest
from ....planning.results.spoken import design, spoken
from ....spec import validated
from ....study import wording
from ...findings import Findings
from ...saved import records
from ...topic import Topic
from .figures import (
    FIGURES,
    asked_widths,
    compared_axis,
    has_costs,
    has_curves,
    has_heterogeneity,
    has_prices,
    has_smallest,
    has_surface,
    meaning,
    unit_of,
)

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
    main = rules[0]["decision"]
    named = {e.name: wording.estimand_noun(f.read, e) for e in f.read.estimands}
    smallest = f.table("detectable") if has_smallest(f.run) else pd.DataFrame()
    compared = compared_axis(power.drop(columns="effect") if len(smallest) else power)
    worlds = list(simulation["worlds"]["source"])
    held = validated(WorldsSpec, simulation["worlds"], "planning.json")
    others = tuple(f"{rule['decision']}, " for rule in rules[1:])
    over = "effect" if len(smallest) else compared
    return {
        "description": simulation["description"],
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
        "sizes": [_size(row, compared) for row in _of_designs(f, spoken(sizes, main, compared), compared)],
        "smallest": [
            _smallest(row, compared) for row in _of_designs(f, spoken(smallest, main, compared, "effect"), compared)
        ],
        "unit": unit_of(f.run),
        "over": over.replace("_", " "),
        "errors": _of_designs(f, _errors(spoken(nearest(power, smallest), main, over), over), over),
        "failed": int(power["failed"].sum()),
        "replicates": int(power["replicates"].max()),
        "seed": simulation["run"]["seed"],
        "whom": plan.get("whom", ""),
        "warnings": [each for each in plan["warnings"] if not each.startswith(others)],
        "further": [each for each in plan["warnings"] if each.startswith(others)],
        "proposal": plan["proposal"],
        "held": held.statements(lambda name: named.get(name, name)),
        "looks": [row | {"true": _truth(row)} for row in records(f.table("looks"))],
        "surface": has_surface(f.run),
        "heterogeneity": has_heterogeneity(f.run),
        "costs": has_costs(f.run),
        "curves": has_curves(f.run),
        "prices": has_prices(f.run),
        "widths": bool(asked_widths(f.run)),
        "over_worlds": "posterior" in worlds,
    }


def _prior(f: Findings, prior: Mapping[str, Any]) -> dict[str, Any]:
    """Return an analysis prior with its terms in words."""
    terms = [term | {"words": wording.term_name(f.study, term["term"])} for term in prior["terms"]]
    return {**prior, "prior": prior["prior"].replace("_", " "), "terms": terms}


def _errors(table: pd.DataFrame, compared: str) -> pd.DataFrame:
    """Write power and assurance in one column; of several worlds the first."""
    own = firsts(table, ["worlds"])
    own = own.assign(compared=own[compared].astype(str).str.replace("_", " "))
    share, error = own["power"].fillna(own["assurance"]), own["power_mcse"].fillna(own["assurance_mcse"])
    by = [name for name in (compared, "allocation", "mix", "tau", "n_per_group") if name in own]
    return own.assign(share=share, share_mcse=error).sort_values(list(dict.fromkeys(by)))


def _of_designs(f: Findings, table: pd.DataFrame, compared: str) -> list[dict[str, Any]]:
    """Return rows with the groups' ratio, the mix and tau in words, as far as the comparison does not say them."""
    given = f.run.json_object("planning.json")["simulation"].get("population")
    population = validated(Population, given, "planning.json") if given else None
    all_rows = f.table("power").drop(columns=[compared, "effect"], errors="ignore")
    rows = records(table)
    for row in rows:
        said = design(row, all_rows, population)
        row["groups"] = said.removeprefix(", groups ") if said.startswith(", groups ") else row["allocation"] + said
    return rows


def _smallest(row: Mapping[str, Any], compared: str) -> dict[str, Any]:
    """Write a smallest effect with its interval, or that no simulated one is found."""
    found = {**row, "compared": meaning(compared, row[compared]), "aim": written_out(row["target"])}
    if not row["reached"]:
        return found | {"shown": "none of those simulated"}
    bound = "≤ " if row["at_most"] else ""
    return found | {"shown": f"{bound}{row['effect']:.2f} [{row['lower']:.2f}, {row['upper']:.2f}]"}


def _size(row: Mapping[str, Any], compared: str) -> dict[str, Any]:
    """Write N with its interval, or why there is none."""
    found = {**row, "compared": meaning(compared, row[compared]), "aim": written_out(row["target"])}
    if row["reached"]:
        lower, upper = (f"{row[end]:.0f}" if pd.notna(row[end]) else word for end, word in OPEN)
        bound = "≤ " if row["at_most"] else ""
        found |= {
            "n": f"{bound}{row['n_per_group']:.0f}",
            "span": f"{lower}–{upper}",
            "of": f"{bound}{row['n_total']:.0f}",
            "price": f"{row['cost']:,.0f}{' (cheapest)' if row['cheapest'] else ''}" if "cost" in row else "",
        }
    else:
        capped = row["limiting_assurance"] < row["target"]
        found |= {"n": "none" if capped else "more than simulated", "span": "–", "of": "–", "price": "–"}
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
