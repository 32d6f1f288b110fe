"""When studies that are looked at while they run end, and with what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...arrays import BoolArray
from ..designs.cells import axis_labels
from ..run.replicates import LOOK, Replicates

COLUMNS = ("decision", "look", "n_total", "stop", "stop_mcse", "for", "against", "futile", "undecided")


def looks(replicates: Replicates) -> pd.DataFrame:
    """Tabulate where studies end, by cell and look, under the first decision.

    Returns
    -------
    DataFrame
        The axes; ``look`` and the participants recruited by then, ``n_total``; ``stop``, the share of studies that end
        there, with its Monte Carlo standard error; and of all studies the shares that end there ``for`` the conclusion,
        ``against`` it, as ``futile``, or, at the last look, ``undecided``. Empty without looks.
    """
    rows: list[dict[str, object]] = []
    design = replicates.simulation.looks
    decision = replicates.simulation.decisions[0]
    for cell, labels in enumerate(axis_labels(replicates.cells) if design else ()):
        if design is None or not replicates.answers(cell, decision):
            continue
        ended = ends(replicates, cell)
        at = replicates.columns(cell, decision.estimand)[LOOK]
        shared = {name: value for name, value in labels.items() if name != "n_total"}
        for look, sizes in enumerate(design.sizes(replicates.cells[cell].sample.sizes), start=1):
            stop = float((at == look).mean())
            row: dict[str, object] = {"decision": decision.name, "look": look, "n_total": sum(sizes), "stop": stop}
            row["stop_mcse"] = float(np.sqrt(stop * (1 - stop) / len(at)))
            rows.append(shared | row | {name: float((those & (at == look)).mean()) for name, those in ended.items()})
    axes = [name for name in axis_labels(replicates.cells)[0] if name != "n_total"]
    return pd.DataFrame(rows, columns=[*axes, *COLUMNS])


def ends(replicates: Replicates, cell: int) -> dict[str, BoolArray]:
    """Tell how each study of a cell has ended: for, against, futile or undecided."""
    decision, design = replicates.simulation.decisions[0], replicates.simulation.looks
    assert design is not None
    found: dict[str, NDArray[Any]] = replicates.columns(cell, decision.estimand)
    decided = replicates.decides(cell, decision)
    against = decision.against.decides(found) & ~decided if decision.against else np.zeros_like(decided)
    left, early = ~(decided | against), found[LOOK] < len(design.at)
    return {"for": decided, "against": against, "futile": left & early, "undecided": left & ~early}


def expected_n(replicates: Replicates, cell: int) -> tuple[float, float]:
    """Return how many participants a study of a cell recruits on average, with its Monte Carlo standard error."""
    design = replicates.simulation.looks
    assert design is not None
    totals = np.array([sum(sizes) for sizes in design.sizes(replicates.cells[cell].sample.sizes)], dtype=float)
    at = replicates.columns(cell, replicates.simulation.decisions[0].estimand)[LOOK]
    recruited = totals[at.astype(int) - 1]
    return float(recruited.mean()), float(recruited.std(ddof=1) / np.sqrt(len(recruited)))
