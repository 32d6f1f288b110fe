"""The answers of a replication as sentences that a clinician can repeat; made from the tables alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

import pandas as pd

from ..apa import bounded, probability, stated

VERDICTS = ((10.0, "Yes, strongly"), (3.0, "Yes"), (1 / 3, "Undecided"), (0.1, "No"), (0.0, "No, clearly"))
"""By the replication Bayes factor: at least this."""
SMALLER = ((0.975, "Yes"), (0.8, "Probably"), (0.2, "Not clear"), (0.025, "Probably not"), (0.0, "No"))
"""By the probability that the new effect is smaller."""


def verdict(bayes_factor: float) -> str:
    """Return the word for a replication Bayes factor; from fixed thresholds."""
    return next(word for least, word in VERDICTS if bayes_factor >= least)


def sentences(joint: pd.DataFrame, replication: pd.DataFrame) -> list[str]:
    """Say what the tables of a replication hold: ``joint.csv`` and ``replication.csv``."""
    effect = joint.set_index("what").to_dict("index")
    of = replication.set_index("measure").to_dict("index")
    bf, predicted, difference = (of[name] for name in ("replication_bf", "predicted", "difference"))
    inside = "inside" if 0.025 <= of["predicted_below"]["value"] <= 0.975 else "outside"
    smaller, usual = of["p_smaller"]["value"], effect["differing_0.5"]
    little, much = (probability(effect[name]["p_positive"]) for name in ("differing_0.25", "differing_1"))
    chance = of["original_weight"]["value"]
    by_chance = f"{100 * of['predicted_if_none']['value']:.0f} %"
    given = ", given slopes that both share," if "share" in difference["note"] else ""
    return [
        f"Did it replicate? {verdict(bf['value'])}. The new data are {_times(bf['value'])} as likely if the original"
        " was right as if there were nothing (3 times would be some evidence, 1/3 some against). They fall"
        f" {inside} what the original predicted ({_range(predicted)}); without any effect {by_chance} of such studies"
        " fall inside.",
        f"Smaller than first? {next(word for least, word in SMALLER if smaller >= least)}: new less original"
        f"{given} {bounded(difference['value'])} ({_range(difference)}); P(smaller) {stated(smaller)},"
        f" P(less than half of it) {stated(of['p_less_than_half']['value'])}.",
        f"Does the old study still count? Even chances before, {100 * chance:.0f} % now.",
        f"If studies differ, the mean effect is {bounded(usual['mean'])} ({_range(usual)}), P(> 0)"
        f" {stated(usual['p_positive'])}; {little} if they differ little, {much} if much. How much they differ, two"
        " studies cannot say.",
        *_more(replication),
    ]


def _more(replication: pd.DataFrame) -> Iterator[str]:
    """Say what `--more` adds, if it was asked for."""
    of = dict(zip(replication["measure"], replication["value"], strict=True))
    if "sceptical_bf" not in of:
        return
    bf = of["sceptical_bf"]
    narrow, wide = (value for name, value in of.items() if name.startswith("replication_bf_prior_"))
    yield (
        f"Would it convince who doubts the original? Sceptical p: golden {stated(of['sceptical_p_golden'])},"
        f" controlled {stated(of['sceptical_p_controlled'])}; sceptical Bayes factor"
        f" {'does not exist' if isnan(bf) else f'{bf:.2g}'}; both from normal estimates."
        f" By a prior of half the width the new data are {_times(narrow)} as likely if the original was right, by one"
        f" of double the width {_times(wide)}."
    )


def _times(bayes_factor: float) -> str:
    if bayes_factor >= 0.01:
        return f"{bayes_factor:.2f} times" if bayes_factor < 1 else f"{bayes_factor:.3g} times"
    return "less than .01 times"


def _range(row: Mapping[Any, Any]) -> str:
    return f"{bounded(row['lower'])} to {bounded(row['upper'])}"
