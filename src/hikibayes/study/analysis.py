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
from .addresses import address_of, is_column, outline_of
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
        kind, group = KINDS[fact.quantity], self.study.analysis.group
        if kind.value is None or (fact.term and not is_column(self.study, str(fact.step), fact.term)):
            return False
        if fact.with_ and group in (fact.of, fact.with_) and len(self.study.groups) > 2:
            return False
        known = {*map(str, self.moments["measure"].values), group}
        named = {fact.of, fact.with_, *(part.partition("[")[0] for part in (fact.term or "").split(":"))} - {None, ""}
        if fact.step:
            named |= {part for term in self.study.terms(fact.step) for part in term.split(":")}
            named.add(self.study.analysis.outcome)
        return named <= known and not (kind.raw and named & self._unitless)

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
