"""What simulated studies say about a design: power, assurance, precision, bias, and errors of sign and size.

Every figure comes with its Monte Carlo error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...arrays import BoolArray, FloatArray
from ..designs.cells import axis_labels
from ..designs.rules import Decision
from ..run.replicates import Replicates
from .looks import ends, expected_n

type Column = FloatArray
type Estimate = tuple[float, float]
"""A figure and its Monte Carlo standard error."""

NOTHING: Estimate = (np.nan, np.nan)


def performance(replicates: Replicates) -> pd.DataFrame:
    """Reduce a table of replicates.

    Parameters
    ----------
    replicates : Replicates
        Simulated studies.

    Returns
    -------
    DataFrame
        A row for each cell and decision: the axes; ``n_per_group`` and ``n_total``; ``worlds``; ``estimand`` and
        ``decision``; ``replicates`` and ``failed``; and the figures, each followed by its Monte Carlo standard error
        (``_mcse``); with costs ``cost``. A decision that asks for a Bayes factor has no row under a flat prior.

    Notes
    -----
    ``power`` is P(conclusion) in one world, ``assurance`` P(right conclusion) over the worlds of the posterior; a row
    has one or the other. A fit that failed concludes nothing, and counts. ``width``, ``coverage``, ``bias`` and
    ``rmse`` are of the interval and the posterior mean against each world's truth. ``type_s`` is P(wrong sign |
    conclusion), and ``exaggeration`` the mean absolute estimate over the mean absolute truth, given a conclusion. Where
    a decision has a rule ``against`` it, ``against`` and ``undecided`` are the shares of studies that end there. With
    looks every figure is of what a study has found when it ends, ``expected_n`` the participants that it has recruited
    by then on average, and ``futile`` the share that is given up; both belong to the first decision, by which it ends.

    References
    ----------
    .. [1] O'Hagan A., Stevens J. W., Campbell M. J. (2005). Assurance in clinical trial design. Pharmaceutical
       Statistics 4(3), 187-201. https://doi.org/10.1002/pst.175
    .. [2] Gelman A., Carlin J. (2014). Beyond power calculations: assessing type S (sign) and type M (magnitude)
       errors. Perspectives on Psychological Science 9(6), 641-651. https://doi.org/10.1177/1745691614551642
    .. [3] Morris T. P., White I. R., Crowther M. J. (2019). Using simulation studies to evaluate statistical methods.
       Statistics in Medicine 38(11), 2074-2102. https://doi.org/10.1002/sim.8086
    """
    rows: list[dict[str, object]] = []
    for cell, labels in enumerate(axis_labels(replicates.cells)):
        summaries = {name: _Summary.of(replicates, cell, name) for name in replicates.estimands}
        rows += [
            labels | _figures(replicates, cell, decision, summaries[decision.estimand])
            for decision in replicates.simulation.decisions
            if replicates.answers(cell, decision)
        ]
    return pd.DataFrame(rows)


@dataclass(frozen=True, kw_only=True)
class _Summary:
    """One cell and estimand: its replicates, and the figures that no decision changes."""

    found: dict[str, Column]
    ok: BoolArray
    precision: dict[str, Estimate]

    @classmethod
    def of(cls, replicates: Replicates, cell: int, estimand: str) -> _Summary:
        found = {name: column.astype(float) for name, column in replicates.columns(cell, estimand).items()}
        ok = replicates.ok(cell)[replicates.estimands.index(estimand)]
        return cls(found=found, ok=ok, precision=_precision({name: column[ok] for name, column in found.items()}))


def _figures(replicates: Replicates, cell: int, decision: Decision, summary: _Summary) -> dict[str, object]:
    found, ok = summary.found, summary.ok
    decided = replicates.decides(cell, decision)
    row: dict[str, object] = {
        "estimand": decision.estimand,
        "decision": decision.name,
        "replicates": len(ok),
        "failed": int((~ok).sum()),
    }
    if costs := replicates.simulation.costs:
        row["cost"] = costs.of(replicates.cells[cell].sample.sizes)
    correct = decision.rule.correct(found, replicates.simulation.rope)
    over_worlds = replicates.simulation.over_worlds(replicates.cells[cell].sample)
    figures = {
        "power": NOTHING if over_worlds else _share(decided),
        "assurance": _share(decided & correct) if over_worlds else NOTHING,
        **summary.precision,
        "type_s": _type_s(found, decided),
        "exaggeration": _exaggeration(found, decided),
    }
    if replicates.simulation.looks and decision == replicates.simulation.decisions[0]:
        figures["expected_n"] = expected_n(replicates, cell)
        figures["futile"] = _share(ends(replicates, cell)["futile"])
    if decision.against is not None:
        figures |= _outcomes(decided, decision.against.decides(found))
    for name, (value, error) in figures.items():
        row[name], row[f"{name}_mcse"] = value, error
    return row


def _outcomes(decided: BoolArray, against: BoolArray) -> dict[str, Estimate]:
    """Shares of studies that conclude the opposite, or nothing: what is left of those that decide."""
    return {"against": _share(against & ~decided), "undecided": _share(~(against | decided))}


def _share(events: BoolArray) -> Estimate:
    if not len(events):
        return NOTHING
    share = float(events.mean())
    return share, float(np.sqrt(share * (1 - share) / len(events)))


def _mean(values: Column) -> Estimate:
    if len(values) < 2:
        return NOTHING
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def _precision(found: Mapping[str, Column]) -> dict[str, Estimate]:
    """Width and coverage of the interval, bias and error of the posterior mean."""
    error = found["mean"] - found["truth"]
    mean_square, its_error = _mean(error**2)
    rmse = float(np.sqrt(mean_square))
    return {
        "width": _mean(found["upper"] - found["lower"]),
        "coverage": _share((found["lower"] <= found["truth"]) & (found["truth"] <= found["upper"])),
        "bias": _mean(error),
        "rmse": (rmse, its_error / (2 * rmse)) if rmse else NOTHING,
    }


def _type_s(found: Mapping[str, Column], decided: BoolArray) -> Estimate:
    """Share of conclusions whose estimate has the wrong sign; where the truth is 0 no sign is wrong or correct."""
    signed = decided & (found["truth"] != 0)
    return _share((found["mean"] > 0)[signed] != (found["truth"] > 0)[signed])


def _exaggeration(found: Mapping[str, Column], decided: BoolArray) -> Estimate:
    """Ratio of mean absolute estimate to mean absolute truth among conclusions, with its error by the delta method."""
    estimate, truth = np.abs(found["mean"][decided]), np.abs(found["truth"][decided])
    if len(truth) < 2 or truth.mean() == 0:
        return NOTHING
    ratio = float(estimate.mean() / truth.mean())
    return ratio, float((estimate - ratio * truth).std(ddof=1) / np.sqrt(len(truth)) / truth.mean())
