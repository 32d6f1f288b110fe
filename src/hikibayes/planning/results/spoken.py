"""Which rows of a plan's tables its texts speak of: one choice for proposal, preregistration and report."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pandas as pd

from ..designs.axes import AS_PRINTED
from ..designs.cells import AS_PLANNED, OTHER_AXES, firsts
from ..designs.population import Population
from .detectable import nearest
from .diagnose import Diagnosis

EVERY = ("mix", "tau")
"""Axes whose values all have a row, as those of the allocation and the worlds have; of others the first has."""
CHOSEN = ("allocation", "mix")
"""Axes on which a study's author decides; the others say what is true, or how it is analysed."""
FEW = 2
"""So many designs for one question are all spoken of; of more the best is, and the others are tabulated."""
SAID = ("allocation", *(axis for axis in OTHER_AXES if axis not in ("model", "prior")))


def spoken(table: pd.DataFrame, decision: str, *beside: str) -> pd.DataFrame:
    """Keep one decision's rows under the first analysis, for every mix, tau and value of an axis `beside` them."""
    own = table[table["decision"] == decision] if len(table) else table
    return firsts(own, [axis for axis in OTHER_AXES if axis not in (*EVERY, *beside)])


def sizes(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return the first decision's sizes; where there is no effect none is looked for."""
    own = spoken(diagnosis.sample_size, diagnosis.replicates.simulation.decisions[0].name, "effect")
    return own[own["effect"] != 0] if "effect" in own else own


def recommended(own: pd.DataFrame) -> pd.DataFrame:
    """Keep of many designs that reach a target under the same assumptions the cheapest, or that of the fewest people.

    Of designs that the simulation cannot tell apart, or that all miss the target, the plan's first.
    """
    asked = ["worlds", "target", *(axis for axis in OTHER_AXES if axis in own and axis not in CHOSEN)]
    kept: list[Any] = []
    for _, rows in own.groupby(asked, sort=False, dropna=False) if len(own) else ():
        kept += list(rows.index) if len(rows) <= FEW else [_best(rows)]
    return own.loc[kept]


def _best(rows: pd.DataFrame) -> Any:
    reached = rows[rows["reached"]]
    if not len(reached):
        return rows.index[0]
    least = reached["cost" if "cost" in rows else "n_total"].astype(float)
    share = (reached["lower"] / reached["n_per_group"]).astype(float).fillna(1.0)
    return reached.index[least * share <= least.min()][0]


def cells(diagnosis: Diagnosis, *, brief: bool = False) -> pd.DataFrame:
    """Return the simulated cells nearest to what was found, a curve's largest where nothing was; all without a target.

    Column ``instead`` says of which size found a cell is the nearest.

    Parameters
    ----------
    diagnosis : Diagnosis
        With ``power``, ``sample_size`` and ``detectable``.
    brief : bool
        Whether only of the first target and worlds, and none of no effect.
    """
    decision = diagnosis.replicates.simulation.decisions[0].name
    wanted, effects = sizes(diagnosis), diagnosis.detectable
    if brief:
        wanted, effects = firsts(recommended(wanted), ("target", "worlds")), firsts(effects, ("target", "worlds"))
        wanted = wanted if len(wanted) <= FEW else wanted[:1]
    own = spoken(nearest(diagnosis.power, effects), decision, "effect")
    null = own[own["effect"] == 0] if "effect" in own else own.iloc[:0]
    own = own.drop(null.index)
    own = firsts(own, ("worlds",)) if brief else own
    found = {_nearest(own, row): row for row in reversed(wanted.to_dict("records"))}
    own = own.loc[list(found)[::-1]] if found else own
    own = own.assign(instead=[_instead(size, found.get(label, {})) for label, size in own["n_per_group"].items()])
    return own if brief else pd.concat([own, null])


def _instead(size: int, row: Mapping[Any, Any]) -> str:
    """Say of which size a simulated one is the nearest; nothing where it is that one, or none was found."""
    exact = not row.get("reached") or row["n_per_group"] == size
    return "" if exact else f" (the simulated size nearest to {row['n_per_group']})"


def largest(diagnosis: Diagnosis, row: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the largest simulated cell on the curve of a row of sizes."""
    own = spoken(diagnosis.power, row["decision"], "effect")
    return dict(diagnosis.power.loc[_nearest(own, {**row, "reached": False})])


def other_priors(
    row: Mapping[Any, Any], diagnosis: Diagnosis, table: pd.DataFrame | None = None
) -> list[dict[Any, Any]]:
    """Return the rows like one of ``power``, or of another table, under the plan's other priors."""
    own = diagnosis.power if table is None else table
    own = own[own["prior"] != row["prior"]]
    like = ("decision", "worlds", "allocation", "target", "n_per_group", *OTHER_AXES)
    for name in like if table is None else (name for name in like if name != "n_per_group"):
        own = own[own[name] == row[name]] if name in own and name in row and name != "prior" else own
    rows: list[dict[Any, Any]] = own.to_dict("records")
    return rows


def _nearest(own: pd.DataFrame, row: Mapping[Any, Any]) -> Any:
    """Return the label of the cell whose size is nearest to one that was found, on the same curve."""
    for axis in (*OTHER_AXES, "allocation", "worlds"):
        own = own[own[axis] == row[axis]] if axis in own and axis in row else own
    size = own["n_per_group"]
    return (size - row["n_per_group"]).abs().idxmin() if row["reached"] else size.idxmax()


def design(row: Mapping[Any, Any], table: pd.DataFrame, population: Population | None) -> str:
    """Say what distinguishes a row beside its size: the groups' ratio, and every axis of the table that varies."""
    several = [axis for axis in SAID if axis in table and axis in row and len(set(table[axis])) > 1]
    shown = [axis for axis in SAID if axis in several or (axis == "allocation" and len(set(row[axis].split(":"))) > 1)]
    return "".join(f", {axis_value(axis, row[axis], population)}" for axis in shown)


def axis_value(axis: str, value: Any, population: Population | None) -> str:
    """Say the value of an axis, levels by their names where the plan has them."""
    categories = list(population.levels.items()) if population else []
    categories.sort(key=lambda each: population.formula.find(each[0]) if population else 0)
    named = {"allocation": categories[:1], "mix": categories[1:]}.get(axis, [])
    every = [" ".join(profile) for profile in product(*(levels for _, levels in named))]
    whose = f" ({' : '.join(every)})" if named and len(set(value.split(":"))) > 1 else ""
    if axis == "allocation":
        return f"groups {value}{whose}"
    if axis == "mix":
        of = " and ".join(name.replace("_", " ") for name, _ in named) or "the mix"
        if len(every) > 2 and len({*value.split(":")}) == 1 and value != AS_PRINTED:
            return f"{of} in equal parts"
        return f"{of} left to chance" if value == AS_PRINTED else f"{of} {value}{whose}"
    if axis == "effect" and value == AS_PLANNED:
        return "the effect that is planned for"
    if axis == "tau":
        return f"effects of studies differing with SD {value:.3g}" if value else "effects of studies not differing"
    return f"{axis} {value.replace('_', ' ') if isinstance(value, str) else f'{value:.3g}'}"
