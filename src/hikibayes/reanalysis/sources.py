"""Where a reanalysis takes its data sets and its NUTS from: the rooms that make them, behind two small interfaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from ..inference.design import Design
from ..record.study import Study
from .readings import ByReading

if TYPE_CHECKING:
    import xarray as xr

    from .pipeline import Progress

__all__ = ["Reconstructed", "nuts", "reconstruct"]


@dataclass(frozen=True, kw_only=True)
class Reconstructed:
    """Versions of the study's own sample.

    Parameters
    ----------
    data_sets : tuple of pandas.DataFrame
        Synthetic participants under the default readings, each table printing every fact.
    moments : mapping of str to xarray.Dataset
        Reconstructed group moments by reading (see `hikibayes.reanalysis.readings`).
    calibration : pandas.DataFrame
        What the record pins down.
    verification : pandas.DataFrame
        Columns ``dataset, fact, printed, recomputed, matches``.
    """

    data_sets: tuple[pd.DataFrame, ...]
    moments: ByReading
    calibration: pd.DataFrame
    verification: pd.DataFrame


def reconstruct(study: Study, datasets: int, *, seed: int, progress: Progress) -> Reconstructed:
    """Make the data sets, and fetch the reconstructions of every reading that has them."""
    raise NotImplementedError


def nuts(designs: Sequence[Design], seed: int) -> Iterator[xr.DataTree]:
    """Fit one model to many data sets by NUTS, compiled once."""
    raise NotImplementedError
