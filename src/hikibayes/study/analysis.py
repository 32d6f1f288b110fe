"""The published analysis, run on group moments: the number that each fact speaks of.

Whatever asks "does this data set print what the paper printed?" (audit, calibration, a check of synthetic
participants) asks it here, one fact at a time or all at once, for one data set or for thousands of draws.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import xarray as xr

from ..moments import Fit
from ..quantities import KINDS, Analysis
from ..quantities.conventions import DECLARED
from ..spec import InputError
from .addresses import address_of, measures_of, outline_of
from .facts import Fact
from .moments import as_group_moments, in_raw_units
from .study import Study


class PublishedAnalysis:
    """A study's steps, tests and correlations on given moments.

    Parameters
    ----------
    study : Study
        With its readings decided (`Study.read`).
    moments : xarray.Dataset
        Group moments (see `hikibayes.study.moments`), with any leading dims.
    """

    def __init__(self, study: Study, moments: xr.Dataset) -> None:
        self.study = study
        self.moments = in_raw_units(moments)
        self._unitless = _measures_without_units(moments)

    def regression(self, step: str) -> Fit:
        """Return the regression of a step, its coding and products as the study has them."""
        analysis = self.study.analysis
        coding, products = DECLARED["coding"][analysis.coding][0], DECLARED["products"][analysis.products][0]
        return self.run.regression(step, coding, products)  # type: ignore[arg-type]

    # -- facts -------------------------------------------------------------------------------------------------------

    def determines(self, fact: Fact) -> bool:
        """Tell whether these moments have what a fact speaks of."""
        named, known = measures_of(self.study, fact), set(map(str, self.moments["measure"].values))
        return named is not None and named <= known and not (KINDS[fact.quantity].raw and named & self._unitless)

    def value(self, fact: Fact) -> xr.DataArray:
        """Return the number a fact speaks of, over the moments' leading dims.

        Raises
        ------
        InputError
            The moments do not determine it.
        """
        if not self.determines(fact):
            raise InputError(
                f"moments of {', '.join(map(str, self.moments['measure'].values))} do not determine {fact}"
            )
        value = KINDS[fact.quantity].value
        assert value is not None
        found = np.asarray(value(self.run, address_of(self.study, fact)))
        # a number of participants is the same in every draw
        return self._leading.copy(data=found) if found.ndim else xr.DataArray(found)

    @cached_property
    def run(self) -> Analysis:
        """The analysis in plain arrays."""
        return Analysis(outline_of(self.study), as_group_moments(self.moments), checked=True)

    @cached_property
    def _leading(self) -> xr.DataArray:
        """An array over the leading dims."""
        return self.moments["mean"].isel(group=0, measure=0, drop=True).astype(float)


def _measures_without_units(moments: xr.Dataset) -> set[str]:
    """Name the measures that are in SD units only: the Dataset knows units, but not theirs."""
    if "location" not in moments:
        return set()
    other_dims = [dim for dim in moments["location"].dims if dim != "measure"]
    empty = moments["location"].isnull().any(other_dims) & (moments["kind"] != "category")
    return set(map(str, moments["measure"].values[empty.values]))
