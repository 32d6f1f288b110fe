"""The first page: what it would take for the answer to fall, a line for each kind, and the next study."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .... import apa
from ....study import wording
from ...findings import Findings

CERTAIN = 1.959964
"""SDs to either side of a normal prior that hold 95 % of it."""
SURE = 0.975
"""A probability of the sign above this is the same as a 95 % interval on one side of 0."""
type Row = Mapping[Any, Any]


def stands(f: Findings) -> bool:
    """Tell whether there is something that could fall: the main answer's 95 % interval leaves out 0."""
    p = f.main["p_positive"]
    return bool(p > SURE or p < 1 - SURE)


def falling(f: Findings) -> list[dict[str, str]]:
    """Return in the order of `KINDS_OF` a kind, its section, and how "it would fall if" ends, or what else is found."""
    table = f.table("tipping")
    every = list(dict.fromkeys(table["analysis"])) if len(table) else []
    found = []
    for analysis in sorted(every, key=_place):
        kind, section, words = KINDS_OF.get(analysis, (analysis, analysis, _as_said))
        rows = f.tipping(analysis)
        told = stands(f) and math.isfinite(rows[0]["value"]) and (analysis == "prior" or f.has(analysis))
        line = words(f, rows) if told else _as_said(f, rows)
        found.append({"kind": kind, "section": section, "line": line})
    return [*found, *_readings(f)]


def _place(analysis: str) -> int:
    return list(KINDS_OF).index(analysis) if analysis in KINDS_OF else len(KINDS_OF)


def _as_said(_: Findings, rows: Sequence[Row]) -> str:
    return str(rows[0]["sentence"]).rstrip(".")


def _prior(_: Findings, rows: Sequence[Row]) -> str:
    return f"one had been 95% sure beforehand that it lies within ±{apa.bounded(CERTAIN * rows[0]['value'])}"


def _imbalance(f: Findings, rows: Sequence[Row]) -> str:
    balance = f.table("imbalance").iloc[0].to_dict()
    first, second = (wording.level_name(f.read, balance["balance"], each) for each in _levels(f, balance))
    steeper = apa.number(rows[0]["value"])
    return (
        f"the slope were {steeper} SD per SD steeper among {first} than among {second} participants, which alone would "
        "make all of it"
    )


def _levels(f: Findings, balance: Row) -> tuple[str, str]:
    level = str(balance["level"])
    others = [each.id for each in f.read.measure(balance["balance"]).levels if each.id != level]
    return others[0], level


def _confounding(f: Findings, rows: Sequence[Row]) -> str:
    focal = f.read.focal_estimand
    row = next(row for row in f.about_focal("confounding") if row["basis"] == "data_sets")
    term = wording.term_name(f.read, wording.term_of(f.read, focal))
    return (
        f"something unmeasured explained {apa.percent(row['rv_alpha'])} of what the model leaves open of {term}, "
        f"and as much of {f.outcome} "
        f"({apa.percent(rows[0]['value'])} to leave nothing)"
    )


KINDS_OF: Mapping[str, tuple[str, str, Callable[[Findings, Sequence[Row]], str]]] = {
    "prior": ("Expectation", "sensitivity", _prior),
    "imbalance": ("Imbalance", "imbalance", _imbalance),
    "confounding": ("Confounding", "confounding", _confounding),
    "limitations": ("Limits", "limits", _as_said),
    "multiverse": ("Choices", "multiverse", _as_said),
}
"""By what ``tipping.csv`` calls an analysis: its name, its section, its line. Another one says its own sentence."""


def _readings(f: Findings) -> list[dict[str, str]]:
    """Say whether another reading of the paper's ambiguous words would do; empty where it has none."""
    table = f.table("readings")
    if not len(table) or not len(own := table[table["estimand"] == f.difference.name]):
        return []
    unit = f.difference.unit
    low, high = (apa.value(each, unit) for each in (own["mean"].min(), own["mean"].max()))
    p = own["p_positive"]
    sure = ((p > SURE) | (p < 1 - SURE)).all()
    line = (
        f"{'nothing here: it' if stands(f) else 'It'} stays between {low} and {high}, however the paper’s ambiguous"
        " words are read"
        if sure or not stands(f)
        else f"the paper’s ambiguous words are read in another way: it lies between {low} and {high}"
    )
    return [{"kind": "Reading", "section": "readings", "line": line}]


def next_study(f: Findings) -> str:
    """Return the size of a follow-up in a sentence; empty where none was planned."""
    if not f.has("sample_size", "planning.json") or not len(table := f.table("sample_size")):
        return ""
    rule = f.run.json_object("planning.json")["rules"][0]
    own = table[(table["decision"] == rule["decision"]) & (table["target"] == table["target"].min())]
    rows = own.drop_duplicates("worlds").set_index("worlds").to_dict("index")
    people = "people per group" if f.study.groups else "people"
    said = [
        words.format(_size(rows[worlds], people * (worlds == "posterior")))
        for worlds, words in WORLDS.items()
        if worlds in rows
    ]
    if not said:
        return ""
    chance, meant = apa.percent(own["target"].iloc[0]), rule["rule"].replace(" %", "%")
    return f"For a chance of {chance} of the same conclusion ({meant}) it needs {', and '.join(said)}."


WORLDS = {
    "posterior": "{}, counting all that this study leaves open",
    "printed": "{} if its estimate were exactly right",
}


def _size(row: Row, of: str) -> str:
    if not row["reached"]:
        return f"more {of or 'of them'} than were simulated"
    span = f" [{row['lower']:.0f}, {row['upper']:.0f}]" if math.isfinite(row["lower"] + row["upper"]) else ""
    return f"{row['n_per_group']:.0f}{span} {of}".strip()
