"""Where a reanalysis takes its data sets and its reconstructions from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..inference.answers.ensemble import DEFAULT_READING, moments_of
from ..spec import InputError
from ..study.study import Study
from .readings import ByReading, other_readings

if TYPE_CHECKING:
    import xarray as xr

    from ..reconstruction.synthesize import SyntheticData

BY_READING = 25
"""Data sets for each reading that no reconstructions come with: made of the same draws under every reading, so that
chance differs little between them."""


@dataclass(frozen=True, kw_only=True)
class Reconstructed:
    """Versions of the study's own sample.

    Parameters
    ----------
    data_sets : tuple of pandas.DataFrame
        Synthetic participants under the default readings, each table printing every fact.
    moments : mapping of str to xarray.Dataset
        Reconstructed group moments by reading (see `hikibayes.reanalysis.readings`).
    draws : xarray.Dataset
        Every reconstruction under the default readings.
    calibration : pandas.DataFrame
        What the record pins down.
    verification : pandas.DataFrame
        Columns ``dataset, fact, printed, recomputed, matches``.
    verdict : str
        What the sampler said of the reconstructions under the default readings, in words.
    """

    data_sets: tuple[pd.DataFrame, ...]
    moments: ByReading
    draws: xr.Dataset
    calibration: pd.DataFrame
    verification: pd.DataFrame
    verdict: str = ""


def reconstruct(
    study: Study,
    datasets: int,
    *,
    seed: int,
    fast: bool = False,
    reconstructions: str | Path | None = None,
    progress: Callable[[str], None],
    each: Callable[[SyntheticData], None] | None = None,
) -> Reconstructed:
    """Make the data sets, and versions of the study's sample under every other reading.

    Parameters
    ----------
    study : Study
        With its readings open.
    datasets : int
        How many data sets.
    seed : int
        Of the data sets, and of reconstructions where the study comes with none.
    fast : bool
        Leave the other readings out, unless reconstructions of all of them come with the package.
    reconstructions : path, optional
        A file that `hikibayes calibrate` wrote for the default readings, to use instead.
    progress : callable
        Told what begins.
    each : callable, optional
        Called with every data set as soon as it is made.

    Returns
    -------
    Reconstructed

    Raises
    ------
    InputError
        No data can satisfy the record, or none were found.
    """
    from ..reconstruction.calibrate import chosen_reconstructions
    from ..reconstruction.quantities import reported_quantities, summarise
    from ..reconstruction.shipped import meant
    from ..reconstruction.synthesize import synthesize

    progress("fetching reconstructions")
    read = study.read()
    default = chosen_reconstructions(read, reconstructions, seed=seed, tell=progress)
    chains = int(json.loads(default.attrs["arguments"])["chains"])
    progress(f"making {datasets} data sets that print every fact")
    made = synthesize(read, default, datasets=datasets, seed=seed, each=each)
    ready = {name: _ready(study.read(**choice)) for name, choice in other_readings(study)}
    moments = {DEFAULT_READING: default, **{name: found for name, found in ready.items() if found is not None}}
    if len(moments) <= len(ready) and not fast:
        moments = {DEFAULT_READING: moments_of(read, made.datasets[:BY_READING])}
        moments |= _by_data_sets(
            study,
            {name: default if found is None else found for name, found in ready.items()},
            seed=seed,
            progress=progress,
        )
    return Reconstructed(
        data_sets=made.datasets,
        moments=moments,
        draws=default,
        calibration=summarise(reported_quantities(meant(read, default), default), chains),
        verification=made.verification,
        verdict=made.verdict,
    )


def _by_data_sets(
    study: Study, draws: ByReading, *, seed: int, progress: Callable[[str], None]
) -> Iterator[tuple[str, xr.Dataset]]:
    """Yield moments of data sets that print every fact as a reading has it, searched for from a reading's draws."""
    from ..reconstruction.synthesize import synthesize

    for name, choice in other_readings(study):
        here = study.read(**choice)
        progress(f"making {BY_READING} data sets under the reading {name}")
        try:
            made = synthesize(here, draws[name], datasets=BY_READING, seed=seed)
        except InputError as error:
            progress(f"no data set prints every fact under it: {error}")
            continue
        yield name, moments_of(here, made.datasets)


def _ready(read: Study) -> xr.Dataset | None:
    from ..reconstruction.shipped import NoneShippedError, shipped_reconstructions

    try:
        return shipped_reconstructions(read)
    except NoneShippedError:
        return None
