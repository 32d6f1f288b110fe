"""Figures of a planned study: how probable a conclusion is at each size, what that size depends on, costs of rules.

Drawn from the tables of a plan, and of what it says of itself the unit and whether costs are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from ....apa import bounded, written_out
from ....arrays import FloatArray
from ....planning.designs.cells import AS_PLANNED, OTHER_AXES, firsts
from ....planning.results.sample_size import between_sizes
from ...drawing import (
    FAINT,
    FOCAL,
    INK,
    MARKS,
    OTHER,
    PRINTED,
    REFERENCE,
    FigureOf,
    legend_above,
    new_axes,
    ticks_at,
)
from ...saved import SavedRun, records

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"posterior": FOCAL, "printed": REFERENCE, "shrunken": PRINTED, "conditional": OTHER, "fixed": INK}
PALETTE = (REFERENCE, FOCAL, PRINTED, OTHER, INK, FAINT)
MEANING = {
    "posterior": "posterior populations (assurance)",
    "printed": "printed effect (power)",
    "shrunken": "shrunken effect (power)",
    "conditional": "effect given significance (power)",
    "fixed": "assumed population (power)",
}
DASHES: tuple[Any, ...] = ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
SIZES = (25, 50, 100, 200, 400, 800, 1600, 3200)
FEWEST_LABELS, MOST_LABELS = 3, 8
"""On an axis of sizes: with fewer round ones the simulated are named, and no more of them than fit."""


def _first(table: pd.DataFrame, *, free: Sequence[str] = ()) -> pd.DataFrame:
    """Keep the first value of every axis but the free ones, and the first decision unless that is free."""
    return firsts(table, [axis for axis in (*OTHER_AXES, "decision") if axis not in free])


def compared_axis(table: pd.DataFrame) -> str:
    """Name the axis whose values a plan compares: the worlds, or where there is one kind the first axis that varies."""
    varied = [axis for axis in ("worlds", *OTHER_AXES) if axis in table and len(set(table[axis])) > 1]
    return varied[0] if varied else "worlds"


def _colours(values: pd.Series[Any]) -> dict[Any, str]:
    """Return a colour for each value, the first six of them."""
    found = list(dict.fromkeys(values))
    return {value: COLOURS.get(value, colour) for value, colour in zip(found, PALETTE, strict=False)}


def meaning(axis: str, value: Any) -> str:
    """Return a value of a plan's axis in words."""
    if axis == "worlds":
        return MEANING[value]
    words = str(value).replace("_", " ").replace("=", " ")
    if axis != "effect":
        return f"{axis} {words}"
    return f"true value {words if value == AS_PLANNED else bounded(float(value))}"


def _sizes_axis(
    ax: Axes,
    sizes: pd.Series[Any],
    label: str = "participants in the smaller group",
    axis: Literal["x", "y"] = "x",
) -> None:
    low, high = float(sizes.min()), float(sizes.max())
    ax.set(**{f"{axis}scale": "log", f"{axis}lim": (low * 0.93, high * 1.07), f"{axis}label": label})
    ticks_at(ax.xaxis if axis == "x" else ax.yaxis, labelled(sizes), lambda x: f"{x:.0f}")


def labelled(sizes: Iterable[float]) -> list[float]:
    """Return which sizes an axis has labels at: round ones, or where these are few the simulated, without a crowd.

    Examples
    --------
    >>> labelled([25, 60, 110, 200]), labelled([60, 61, 75, 90])
    ([25, 50, 100, 200], [60, 75, 90])
    """
    found = sorted(set(sizes))
    usual: list[float] = [size for size in SIZES if found[0] * 0.9 <= size <= found[-1] * 1.1]
    if len(usual) >= FEWEST_LABELS:
        return usual
    apart, kept = (found[-1] / found[0]) ** (1 / MOST_LABELS), found[:1]
    for size in found[1:-1]:
        if kept[-1] * apart <= size <= found[-1] / apart:
            kept.append(size)
    return [*kept, *found[1:][-1:]]


def _probabilities(axis: Any) -> None:
    axis.set_major_formatter(lambda x, _: bounded(x, 1) if 1e-9 < x < 1 - 1e-9 else f"{x:.0f}")


# -- curves ---------------------------------------------------------------------------------------------------------


def _curves(run: SavedRun) -> Figure:
    compared = compared_axis(run.table("power"))
    table = _first(run.table("power"), free=(compared,))
    sizes = _first(run.table("sample_size"), free=(compared,))
    figure, (ax,) = new_axes(3.6)
    allocations = list(dict.fromkeys(table["allocation"]))
    colours = _colours(table[compared])
    for value, colour in colours.items():
        for allocation, dash in zip(allocations, DASHES, strict=False):
            own = table[(table[compared] == value) & (table["allocation"] == allocation)]
            _curve(ax, own.sort_values("n_per_group"), "n_per_group", colour, dash)
    for target in dict.fromkeys(sizes["target"]) if len(sizes) else ():
        ax.axhline(target, color=FAINT, lw=0.7, zorder=0)
    for row in records(sizes):
        if row["reached"] and row["allocation"] == allocations[0]:
            _crossing(ax, row, "n_per_group", colours[row[compared]])
    for value, colour in colours.items():
        ax.plot([], [], MARKS[colour], ls="-", color=colour, lw=2, ms=5, label=meaning(compared, value))
    for allocation, dash in zip(allocations[: 4 if len(allocations) > 1 else 0], DASHES, strict=False):
        ax.plot([], [], color=INK, lw=1.2, ls=dash, label=f"groups {allocation}")
    legend_above(figure, 2, columnspacing=1, handlelength=1.8)
    ax.set_ylim(0, 1)
    _probabilities(ax.yaxis)
    _sizes_axis(ax, table["n_per_group"], people(table))
    ax.set_ylabel("probability of the conclusion")
    return figure


def people(table: pd.DataFrame) -> str:
    """Say whose number ``n_per_group`` is: of one group everybody's."""
    return "participants" + " in the smaller group" * any(":" in str(ratio) for ratio in table["allocation"])


def _against_cost(run: SavedRun) -> Figure:
    figure, (ax,) = new_axes(3.6)
    table, found = _first(run.table("power")), _first(run.table("sample_size"))
    labels = {ratio: f"groups {ratio}" for ratio in dict.fromkeys(table["allocation"])}
    _family(ax, table, found, "allocation", "cost", labels)
    legend_above(figure, 2, columnspacing=1, handlelength=1.8)
    ax.set_xlabel("cost of the study")
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.locator_params(axis="x", nbins=5)
    return figure


def _family(ax: Axes, table: pd.DataFrame, found: pd.DataFrame, by: str, across: str, labels: dict[Any, str]) -> None:
    """Draw a curve of the probability for each of some values, and where it crosses the targets."""
    colours = dict(zip(labels, PALETTE, strict=False))
    for value, colour in colours.items():
        _curve(ax, table[table[by] == value].sort_values(across), across, colour, "-")
        ax.plot([], [], MARKS[colour], ls="-", color=colour, lw=2, ms=5, label=labels[value])
    for target in set(found["target"]):
        ax.axhline(target, color=FAINT, lw=0.7, zorder=0)
    for row in records(found):
        if row["reached"] and row[by] in colours:
            _crossing(ax, row, across, colours[row[by]])
    ax.set_ylim(0, 1)
    _probabilities(ax.yaxis)
    ax.set_ylabel("probability of the conclusion")


def _curve(ax: Axes, own: pd.DataFrame, across: str, colour: str, dash: Any) -> None:
    n = own[across].to_numpy(dtype=float)
    share = own["power"].fillna(own["assurance"]).to_numpy()
    error = 1.96 * own["power_mcse"].fillna(own["assurance_mcse"]).to_numpy()
    fine = _fine(n)
    low, middle, high = (between_sizes(n, share + shift * error, fine) for shift in (-1, 0, 1))
    ax.fill_between(fine, low, high, color=colour, alpha=0.25, lw=0)
    ax.plot(fine, middle, color=colour, lw=1.8 if dash == "-" else 1.2, ls=dash)
    ax.plot(n, share, MARKS[colour], color=colour, ms=4, mew=0)


def _fine(n: FloatArray) -> FloatArray:
    return np.geomspace(n.min(), n.max(), 120) if len(n) > 1 else n


def _crossing(ax: Axes, row: dict[str, Any], across: str, colour: str) -> None:
    """Mark where a curve crosses its target, with the interval that the simulation leaves."""
    names = ("cost_lower", "cost_upper") if across == "cost" else ("lower", "upper")
    low, high = (row[end] if pd.notna(row[end]) else ax.get_xlim()[i] for i, end in enumerate(names))
    ax.plot([low, high], [row["target"]] * 2, color=colour, lw=3.5, alpha=0.45, solid_capstyle="butt")
    ax.plot(row[across], row["target"], MARKS[colour], color=colour, ms=7, mfc="white", mew=1.4)


# -- smallest effects ------------------------------------------------------------------------------------------------


def _smallest(run: SavedRun) -> Figure:
    """Draw power against the true value, a curve for each size, and below it the smallest that each size finds."""
    table = _first(run.table("power"), free=("effect",))
    found = _first(run.table("detectable"), free=("effect",))
    table, found = (own[own["allocation"] == own["allocation"].iloc[0]] for own in (table[table["effect"] != 0], found))
    labels = {n: f"{n} {people(table)}" for n in sorted(set(table["n_per_group"]))}
    several = len(labels) > 1
    figure, axes = new_axes(3.4 + 2.6 * several, rows=1 + several, one_x=False)
    _family(axes[0], table, found, "n_per_group", "effect", labels)
    axes[0].set_xlabel(f"true value ({unit_of(run)})")
    legend_above(figure, 1, handlelength=1.8)
    if several:
        _by_size(axes[1], found[found["reached"]], unit_of(run))
    return figure


def _by_size(ax: Axes, found: pd.DataFrame, unit: str) -> None:
    for target, colour in zip(sorted(set(found["target"])), PALETTE, strict=False):
        own = found[found["target"] == target].sort_values("n_per_group")
        n = own["n_per_group"].to_numpy(dtype=float)
        ax.fill_between(n, own["lower"], own["upper"], color=colour, alpha=0.25, lw=0)
        ax.plot(n, own["effect"], MARKS[colour], ls="-", color=colour, lw=1.6, ms=4, label=written_out(target))
    ax.legend(title="found with probability", frameon=False, fontsize=8, title_fontsize=8)
    ax.set_ylabel(f"smallest effect ({unit})")
    if len(found):
        _sizes_axis(ax, found["n_per_group"], people(found))


# -- precision ------------------------------------------------------------------------------------------------------


def _widths(run: SavedRun) -> Figure:
    """Draw how wide the interval is on average, with the Monte Carlo error of that, and the width that is asked for."""
    compared = compared_axis(run.table("power"))
    table = _first(run.table("power"), free=(compared,))
    table = table[table["allocation"] == table["allocation"].iloc[0]]
    figure, (ax,) = new_axes(3.0)
    for value, colour in _colours(table[compared]).items():
        own = table[table[compared] == value].sort_values("n_per_group")
        n, width, error = (own[name].to_numpy(dtype=float) for name in ("n_per_group", "width", "width_mcse"))
        ax.fill_between(n, width - 1.96 * error, width + 1.96 * error, color=colour, alpha=0.25, lw=0)
        ax.plot(n, width, MARKS[colour], ls="-", color=colour, lw=1.6, ms=4, label=meaning(compared, value))
    for width in asked_widths(run):
        ax.axhline(width, color=FAINT, lw=0.9, zorder=0)
    legend_above(figure, 2, columnspacing=1, handlelength=1.8)
    ax.set_ylim(0, None)
    ax.set_ylabel(f"mean width ({unit_of(run)})")
    _sizes_axis(ax, table["n_per_group"], people(table))
    return figure


# -- surface --------------------------------------------------------------------------------------------------------


def _surface(run: SavedRun) -> Figure:
    table = _whole(run.table("surface"))
    allocations = list(dict.fromkeys(table["allocation"]))
    figure, axes = new_axes(0.8 + 2.0 * len(allocations), rows=len(allocations))
    for ax, allocation in zip(axes, allocations, strict=True):
        own = table[table["allocation"] == allocation]
        x, y = _fine(own["n_per_group"].to_numpy(dtype=float)), np.unique(own["effect"].to_numpy(dtype=float))
        rows = [own[own["effect"] == effect].sort_values("n_per_group") for effect in y]
        grid = np.array([between_sizes(row["n_per_group"].to_numpy(float), row["power"].to_numpy(), x) for row in rows])
        for level in np.arange(0.1, 1, 0.1):  # the darker, the more probable
            ax.contourf(x, y, grid, levels=[level, 2], colors=[REFERENCE], alpha=0.1)
        lines = ax.contour(x, y, grid, levels=[0.5, 0.8, 0.9], colors=[INK], linewidths=[0.7, 1.6, 1.0])
        ax.clabel(lines, fmt=lambda level: bounded(level, 1), fontsize=8)
        if ":" in allocation:
            ax.set_title(f"groups {allocation}", loc="left", fontsize=9)
        ax.set_ylabel(f"true value ({unit_of(run)})")
        _sizes_axis(ax, own["n_per_group"], "" if ax is not axes[-1] else people(table))
    return figure


# -- what a rule costs ----------------------------------------------------------------------------------------------


def _costs(run: SavedRun) -> Figure:
    table = _first(run.table("sample_size"), free=("decision", "prior"))
    table = table[(table["target"] == table["target"].min()) & (table["allocation"] == table["allocation"].iloc[0])]
    rows = list(dict.fromkeys(zip(table["decision"], table["prior"], strict=True)))
    grid = run.table("power")["n_per_group"]
    low, high = float(grid.min()), float(grid.max())
    words = {rule["decision"]: rule["rule"] for rule in run.json_object("planning.json")["rules"]}
    figure, (ax,) = new_axes(0.9 + 0.4 * len(rows))
    for i, (decision, prior) in enumerate(rows):
        own = table[(table["decision"] == decision) & (table["prior"] == prior)]
        label = f"{words[decision]}, {prior.replace('_', ' ')} priors"
        text = ax.text(0, -i + 0.2, label, transform=ax.get_yaxis_transform(), va="bottom", fontsize=8)
        text.set_in_layout(False)
        ax.plot([low, high], [-i, -i], color=FAINT, lw=0.5, zorder=0)
        for row in records(own):
            _cost(ax, -i, row, (low, high))
    for worlds in dict.fromkeys(table["worlds"]):
        ax.plot([], [], MARKS[COLOURS[worlds]], color=COLOURS[worlds], label=MEANING[worlds])
    ax.plot([], [], ">", color=FAINT, label="not within the grid")
    legend_above(figure, 2, handletextpad=0, columnspacing=0.8)
    ax.set_ylim(-len(rows) + 0.4, 0.8)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    target = written_out(float(table["target"].iloc[0]))
    _sizes_axis(ax, grid, f"{people(table)} for {target}")
    return figure


def _cost(ax: Axes, y: float, row: dict[str, Any], ends: tuple[float, float]) -> None:
    colour, (low, high) = COLOURS[row["worlds"]], ends
    if not row["reached"]:
        shift = {"posterior": 0.0, "printed": 0.13, "shrunken": -0.13}.get(row["worlds"], 0.0)
        ax.plot(high * 1.04, y + shift, ">", color=colour, ms=4.5, mew=0, clip_on=False)
        return
    lower = row["lower"] if pd.notna(row["lower"]) else low
    upper = row["upper"] if pd.notna(row["upper"]) else high
    ax.plot([lower, upper], [y, y], color=colour, lw=3, alpha=0.4, solid_capstyle="butt")
    ax.plot(row["n_per_group"], y, MARKS[colour], color=colour, ms=5.5, mec="white", mew=0.8)


# -- if studies differ -----------------------------------------------------------------------------------------------


def _heterogeneity(run: SavedRun) -> Figure:
    table = _first(run.table("sample_size"), free=("tau",))
    table = table[(table["target"] == table["target"].min()) & (table["allocation"] == table["allocation"].iloc[0])]
    sizes = run.table("power")["n_per_group"]
    low, high = float(sizes.min()), float(sizes.max())
    figure, (ax,) = new_axes(3.2)
    taus, kinds = np.unique(table["tau"]), list(dict.fromkeys(table["worlds"]))
    aside = 0.012 * float(np.ptp(taus))  # kinds of populations stand beside each other
    for i, worlds in enumerate(kinds):
        rows = records(table[table["worlds"] == worlds].sort_values("tau"))
        x, colour = [row["tau"] + aside * (i - (len(kinds) - 1) / 2) for row in rows], COLOURS[worlds]
        n = [row["n_per_group"] if row["reached"] else np.nan for row in rows]
        ax.plot(x, n, MARKS[colour], ls="-", color=colour, lw=1.2, ms=5, label=MEANING[worlds])
        for place, row in zip(x, rows, strict=True):
            if not row["reached"]:
                ax.plot(place, high, "^", color=colour, ms=6, mfc="white", clip_on=False)
                continue
            ends = [row[end] if pd.notna(row[end]) else limit for end, limit in (("lower", low), ("upper", high))]
            ax.plot([place, place], ends, color=colour, lw=3, alpha=0.4, solid_capstyle="butt")
    _sizes_axis(ax, sizes, axis="y")
    ax.set_xticks(taus)
    ax.set_xlabel("SD between studies' effects, τ")
    legend_above(figure, 2, columnspacing=1)
    return figure


def has_heterogeneity(run: SavedRun) -> bool:
    """Tell whether sizes were looked for under more than one heterogeneity."""
    sizes = run.table("sample_size")
    return "tau" in sizes and len(set(sizes["tau"])) > 1


def has_surface(run: SavedRun) -> bool:
    """Tell whether there is enough of a surface to draw: two effects and two sizes in every allocation."""
    if not run.has("surface"):
        return False
    table = _whole(run.table("surface"))
    counts = table.groupby("allocation")[["effect", "n_per_group"]].nunique()
    return bool(len(counts)) and bool((counts >= 2).all(axis=None))


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the effects that every size was simulated for; others were added at one size, where it finds them."""
    ends = table.groupby("allocation")["n_per_group"].agg(["min", "max"])
    own = table.groupby(["allocation", "effect"])["n_per_group"].agg(["min", "max"])
    whole = (own == ends.reindex(own.index, level="allocation")).all(axis="columns")
    return table[whole.reindex(pd.MultiIndex.from_frame(table[["allocation", "effect"]])).to_numpy()]


def has_curves(run: SavedRun) -> bool:
    """Tell whether there are sizes to draw a curve over; not in a plan for the smallest effects of given ones."""
    one_size = run.table("power")["n_per_group"].nunique() < 2
    return not one_size and (not has_smallest(run) or bool(len(run.table("sample_size"))))


def has_smallest(run: SavedRun) -> bool:
    """Tell whether smallest effects were looked for."""
    return run.has("detectable") and bool(len(run.table("detectable")))


def has_prices(run: SavedRun) -> bool:
    """Tell whether the plan counts what studies cost."""
    return "cost" in run.table("power")


def asked_widths(run: SavedRun) -> list[float]:
    """Return the widths that the first decision asks of its interval."""
    rule = run.json_object("planning.json")["simulation"]["decision"][0]["rule"]
    parts = [rule, *rule.get("all", ()), *rule.get("any", ())]
    return [part["narrower_than"] for part in parts if "narrower_than" in part]


def unit_of(run: SavedRun) -> str:
    """Return the unit of what the first decision is about."""
    plan = run.json_object("planning.json")
    name = plan["rules"][0]["estimand"]
    unit = next((each.unit for each in run.study.read().estimands if each.name == name), "")
    if unit and plan["simulation"].get("population"):
        return "units of the plan"
    return UNITS.get(unit, "share of variance")


UNITS = {"sd_per_sd": "SD per SD", "sd": "SD"}


def has_costs(run: SavedRun) -> bool:
    """Tell whether there are rules or priors to compare."""
    sizes = run.table("sample_size")
    return bool(len(sizes)) and len(sizes[["decision", "prior"]].drop_duplicates()) > 1


PLAN = ("planning.json", "study.json")
FIGURES = {
    "curves": FigureOf(needs=("power", "sample_size"), draw=_curves, only_if=has_curves),
    "smallest_effects": FigureOf(needs=("power", "detectable", *PLAN), draw=_smallest, only_if=has_smallest),
    "cost_curves": FigureOf(needs=("power", "sample_size"), draw=_against_cost, only_if=has_prices),
    "widths": FigureOf(needs=("power", *PLAN), draw=_widths, only_if=lambda run: bool(asked_widths(run))),
    "heterogeneity": FigureOf(needs=("power", "sample_size"), draw=_heterogeneity, only_if=has_heterogeneity),
    "surface": FigureOf(needs=("power", "surface", *PLAN), draw=_surface, only_if=has_surface),
    "rule_costs": FigureOf(needs=("power", "sample_size", "planning.json"), draw=_costs, only_if=has_costs),
}
