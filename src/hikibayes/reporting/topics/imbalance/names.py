"""What the adjustments for an imbalance are called where a person reads of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....study.study import Study
from ....study.wording import group_name, level_name, term_name


def adjustment_name(study: Study, row: Mapping[str, Any]) -> str:
    """Return a row of ``imbalance.csv`` in words."""
    measure = term_name(study, row["balance"])
    match row["approach"]:
        case "model":
            return _model_name(study, measure, row["what"])
        case "standardised" | "weighted":
            return f"{row['approach']} to {mix_name(study, row['what'])}"
        case "matched":
            return f"groups matched on {measure}"
    return f"{level_name(study, row['balance'], row['what'])} participants only"


def mix_name(study: Study, what: str) -> str:
    """Return a mix in words."""
    groups = {f"as_{group}": f"the {group_name(study, group)}’s mix" for group in study.group_names}
    known = {"equal": "equal shares", "own": "the shares asked for", "own_levels": "the mix asked for", **groups}
    return known.get(what, f"{what.replace('_', ' ')} (assumed)")


def _model_name(study: Study, measure: str, what: str) -> str:
    group, focal = (term_name(study, name) if name else "" for name in (study.analysis.group, study.analysis.focal))
    return {
        "unadjusted": f"{measure} left out",
        "adjusted": f"{measure} held equal",
        "by_group": f"{measure}, and {measure} × {group}",
        "by_focal": f"{measure}, and {measure} × {focal}",
        "three_way": f"{measure}, up to {measure} × {group}{' × ' * bool(focal)}{focal}",
    }[what]
