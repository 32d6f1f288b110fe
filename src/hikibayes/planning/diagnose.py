"""From a table of replicates to what it says: figures, sample sizes, and what a reader must be warned of.

Works on a saved table alone, however long ago it was made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from .performance import performance
from .replicates import Replicates, read_replicates
from .sample_size import Curve, curves, monotone, sample_sizes

__all__ = ["REPLICATES_FILE", "Diagnosis", "diagnose"]

REPLICATES_FILE = "replicates.parquet"

DIP = 4.0
"""A fall between neighbouring sizes of more than this many standard errors is not noise."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What simulated studies say.

    Parameters
    ----------
    replicates : Replicates
        The table that it was made from.
    power : DataFrame
        ``power.csv``; see `performance`.
    sample_size : DataFrame
        ``sample_size.csv``; see `sample_sizes`.
    warnings : tuple of str
        What a reader of the tables must know.
    """

    replicates: Replicates
    power: pd.DataFrame
    sample_size: pd.DataFrame
    warnings: tuple[str, ...]


def diagnose(source: Replicates | str | Path) -> Diagnosis:
    """Reduce simulated studies to power, precision and sample sizes.

    Parameters
    ----------
    source : Replicates, str or Path
        A table of replicates, its file, or the folder of a run.

    Returns
    -------
    Diagnosis

    Raises
    ------
    InputError
        There is no such file, or it is no table of replicates.
    """
    replicates = source if isinstance(source, Replicates) else _read(Path(source))
    return Diagnosis(
        replicates=replicates,
        power=performance(replicates),
        sample_size=sample_sizes(replicates),
        warnings=tuple(warnings_of(replicates)),
    )


def _read(path: Path) -> Replicates:
    return read_replicates(path / REPLICATES_FILE if path.is_dir() else path)


def warnings_of(replicates: Replicates) -> list[str]:
    """Say what a reader of the tables must know: targets out of reach, curves that fall, fits that failed."""
    said = []
    failed = int((~np.isfinite(replicates.values[:, 0, 2])).sum())
    if failed:
        said.append(f"{failed} fits failed; they claim nothing and are counted")
    for curve in curves(replicates):
        said += _warnings_of_curve(curve, replicates.simulation.targets.power)
    return said


def _warnings_of_curve(curve: Curve, targets: Sequence[float]) -> Iterator[str]:
    where = ", ".join(f"{name} {value}" for name, value in curve.labels.items())
    what = "assurance" if curve.samples[0].worlds == "posterior" else "power"
    share = monotone(curve.share[None])[0]
    for target in targets:
        if curve.ceiling < target:
            yield (
                f"{curve.decision.name} ({where}): no sample size reaches {target:g}; "
                f"{what} has a ceiling of {curve.ceiling:.3f}, the share of worlds in which the claim is true"
            )
        elif share[-1] < target:
            yield f"{curve.decision.name} ({where}): the grid ends at {share[-1]:.3f} and does not reach {target:g}"
        elif share[0] >= target:
            yield f"{curve.decision.name} ({where}): {target:g} is reached at the smallest n already; it may be less"
    error = np.sqrt((curve.share * (1 - curve.share))[1:] / curve.successes.shape[1] * 2)
    if (np.diff(curve.share) < -DIP * np.maximum(error, 1e-3)).any():
        yield f"{curve.decision.name} ({where}): {what} falls with n somewhere; the smallest n is of its monotone fit"
