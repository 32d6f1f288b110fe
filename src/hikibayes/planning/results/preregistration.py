"""A plan as a table for a preregistration or an ethics board: every choice, and what it leads to."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import pandas as pd

from ...provenance import versions
from .diagnose import Diagnosis
from .proposal import (
    calibration,
    chance,
    errors_of,
    further_rules,
    in_words,
    of_whom,
    original_of,
    people,
    set_up,
    sized,
    smallest_effects,
    where_of,
    words_of,
)
from .spoken import cells, design, other_priors, sizes


def preregistration(diagnosis: Diagnosis) -> pd.DataFrame:
    """Tabulate a plan: its first decision, under its first analysis.

    Returns
    -------
    DataFrame
        ``item`` and ``value``, in the order in which a preregistration asks for them.
    """
    simulation = diagnosis.replicates.simulation
    decision = simulation.decisions[0]
    rows = [
        ("Question", diagnosis.replicates.named(decision.estimand) + f" ({decision.meaning})" * bool(decision.meaning)),
        *([("Original study", original_of(simulation))] if simulation.original else []),
        ("Design and analysis", set_up(simulation, diagnosis)),
        *([("Groups", said)] if (said := of_whom(diagnosis)) else []),
        *(("Held to be true", statement) for statement in simulation.worlds.statements(diagnosis.replicates.named)),
        ("Conclusion", f"if {in_words(decision.rule)}{calibration(diagnosis)}"),
        *([("Opposite conclusion", f"if {in_words(decision.against)}")] if decision.against else []),
        *_looks(diagnosis),
        *_sizes(diagnosis),
        *((f"{said[:1].upper()}{said[1:]}", value) for said, value in smallest_effects(diagnosis)),
        *_errors(diagnosis),
        *(("Further rule", f"{rule}: {found}") for rule, found in further_rules(diagnosis)),
        ("Simulated studies", f"{diagnosis.replicates.count:,} in each cell; seed {simulation.run.seed}"),
        ("Software", f"hikibayes {versions().get('hikibayes', '')}"),
    ]
    return pd.DataFrame(rows, columns=["item", "value"])


def document(table: pd.DataFrame) -> str:
    """Write the table as HTML that a word processor opens as a table."""
    rows = "\n".join(
        f"<tr><th scope='row' style='text-align:left;vertical-align:top'>{escape(item)}</th>"
        f"<td>{escape(value)}</td></tr>"
        for item, value in zip(table["item"], table["value"], strict=True)
    )
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>Preregistration</title></head><body>\n"
        f"<table border='1' cellspacing='0' cellpadding='4'>\n{rows}\n</table>\n</body></html>\n"
    )


def _looks(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    looks = diagnosis.replicates.simulation.looks
    if looks is None:
        return
    yield "Looks", f"at {', '.join(f'{share:.0%}' for share in looks.at)} of the participants"
    if looks.success:
        yield "Concluded before the last look", f"if {words_of(looks.success)}"
    if looks.futility:
        yield "Given up", f"if {words_of(looks.futility)}"


def _sizes(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    for row in sizes(diagnosis).to_dict("records"):
        yield (
            f"Participants for {100 * row['target']:.6g}%",
            f"{sized(row, diagnosis)}, {where_of(row['worlds'], diagnosis)}",
        )


def _errors(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    """Say how often a study ends in which way, in each cell that texts speak of."""
    population = diagnosis.replicates.simulation.population
    for row in cells(diagnosis).sort_values("n_total", kind="stable").to_dict("records"):
        gives = "power" if pd.notna(row["power"]) else "assurance"
        null = row.get("effect") == 0
        name = "Wrong conclusions where there is no effect" if null else "Probability of the conclusion"
        said = f"{chance(row):.3f} (Monte Carlo error {row[f'{gives}_mcse']:.3f}) with {people(row)}"
        others = [
            f"{chance(each):.3f} under {each['prior'].replace('_', ' ')} priors"
            for each in other_priors(row, diagnosis)
        ]
        parts = [said + design(row, diagnosis.power, population), *others]
        parts += [] if null else [where_of(row["worlds"], diagnosis)]
        parts += [f"{key.replace('_', ' ')} {row[key]:.3f}" for key in ("against", "futile", "undecided") if key in row]
        if "expected_n" in row:
            parts.append(f"{row['expected_n']:.0f} participants on average")
        parts += [] if null else errors_of(row, diagnosis)
        yield name, "; ".join(parts)
