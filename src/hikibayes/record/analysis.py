"""The published analysis, run on group moments: the number that each fact speaks of.

Whatever asks "does this data set print what the paper printed?" (audit, calibration, a check of synthetic
participants) asks it here, one fact at a time or all at once, for one data set or for thousands of draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import xarray as xr
from scipy import stats

from ..spec import InputError
from .facts import Fact
from .moments import compare_groups, correlations, in_raw_units, total_moments
from .regression import Coding, Products, Regression, regress, simple_slopes
from .study import Study

__all__ = ["PublishedAnalysis", "evaluate"]

IN_RAW_UNITS = {"mean", "sd", "mean_difference"}


class PublishedAnalysis:
    """A study's steps, tests and correlations on given moments.

    Parameters
    ----------
    study : Study
        With its readings decided (`Study.read`).
    moments : xarray.Dataset
        Group moments (see `hikibayes.record.moments`), with any leading dims.

    Notes
    -----
    Regressions are run once and kept, however many facts speak of them.
    """

    def __init__(self, study: Study, moments: xr.Dataset) -> None:
        self.study = study
        self.moments = in_raw_units(moments)
        self._unitless = _measures_without_units(moments)
        self._regressions: dict[tuple[str, Coding, Products], Regression] = {}

    # -- the analysis ------------------------------------------------------------------------------------------------

    def regression(self, step: str, coding: Coding | None = None, products: Products | None = None) -> Regression:
        """Return the regression of a step; coding and products are the study's own where none are given."""
        analysis = self.study.analysis
        key = (step, coding or analysis.coding, products or analysis.products)
        if key not in self._regressions:
            self._regressions[key] = regress(
                self.moments,
                analysis.outcome,
                self.study.terms(step),
                group=analysis.group,
                coding=key[1],
                products=key[2],
            )
        return self._regressions[key]

    def slopes(self, of: str, step: str) -> xr.Dataset:
        """Return the simple slopes of a measure in a step, as `simple_slopes` does."""
        analysis = self.study.analysis
        terms = self.study.terms(step)
        return simple_slopes(self.moments, of, analysis.outcome, terms, group=analysis.group, coding=analysis.coding)

    def increment(self, step: str) -> xr.Dataset:
        """Return what a step explains beyond the one it comes after (beyond nothing, for a first one).

        Returns
        -------
        xarray.Dataset
            ``r2``, ``adjusted_r2``, ``r2_p`` of the step; ``delta_r2``, ``delta_adjusted_r2``, ``f`` and ``p`` of the
            increment.
        """
        here, before = self.regression(step), self.study.step(step).after
        earlier = self.regression(before) if before else None
        base, base_adjusted, base_df = (
            (earlier.r2, earlier.adjusted_r2, earlier.df) if earlier else (0.0, 0.0, here.n - 1)
        )
        added = base_df - here.df
        f = (here.r2 - base) / added / ((1 - here.r2) / here.df)
        return xr.Dataset(
            {
                "r2": here.r2,
                "adjusted_r2": here.adjusted_r2,
                "r2_p": here.f_p,
                "delta_r2": here.r2 - base,
                "delta_adjusted_r2": here.adjusted_r2 - base_adjusted,
                "f": f,
                "p": f.copy(data=stats.f.sf(f.values, added, here.df)),
            }
        )

    def hierarchy(self) -> xr.Dataset:
        """Return `increment` for every step, along the dim ``step``."""
        steps = [step.id for step in self.study.steps]
        return xr.concat([self.increment(step) for step in steps], dim=xr.Variable("step", steps))

    # -- facts -------------------------------------------------------------------------------------------------------

    def determines(self, fact: Fact) -> bool:
        """Tell whether these moments have what a fact speaks of."""
        if fact.quantity not in EVALUATORS or not fact.usual:
            return False
        known = {*map(str, self.moments["measure"].values), self.study.analysis.group}
        named = {fact.of, fact.with_, *(fact.term or "").split(":")} - {None, ""}
        if fact.step:
            named |= {part for term in self.study.terms(fact.step) for part in term.split(":")}
            named.add(self.study.analysis.outcome)
        return named <= known and not (fact.quantity in IN_RAW_UNITS and named & self._unitless)

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
        return EVALUATORS[fact.quantity](self, fact).drop_vars(NOT_LEADING, errors="ignore")

    def values(self) -> xr.Dataset:
        """Return the number of every fact that the moments determine, by fact id."""
        return xr.Dataset({fact.id: self.value(fact) for fact in self.study.facts if self.determines(fact)})


NOT_LEADING = ["measure", "measure_2", "kind", "group", "term", "term_2", "step"]


def evaluate(fact: Fact, moments: xr.Dataset, study: Study) -> xr.DataArray:
    """Return the number a fact speaks of, computed from moments; for many facts use `PublishedAnalysis`.

    Raises
    ------
    InputError
        The moments do not determine it.
    """
    return PublishedAnalysis(study, moments).value(fact)


def _measures_without_units(moments: xr.Dataset) -> set[str]:
    """Name the measures that are in SD units only: the Dataset knows units, but not theirs."""
    if "location" not in moments:
        return set()
    other_dims = [dim for dim in moments["location"].dims if dim != "measure"]
    empty = moments["location"].isnull().any(other_dims) & (moments["kind"] != "category")
    return set(map(str, moments["measure"].values[empty.values]))


# -- one small function a quantity -----------------------------------------------------------------------------------


def _n(run: PublishedAnalysis, fact: Fact) -> xr.DataArray:
    n = run.moments["n"]
    return n.sel(group=fact.group) if fact.group else n.sum()


def _mean(run: PublishedAnalysis, fact: Fact) -> xr.DataArray:
    mean = run.moments["mean"].sel(group=fact.group) if fact.group else total_moments(run.moments)[0]
    return mean.sel(measure=fact.of)


def _sd(run: PublishedAnalysis, fact: Fact) -> xr.DataArray:
    cov = run.moments["cov"].sel(group=fact.group) if fact.group else total_moments(run.moments)[1]
    return cov.sel(measure=fact.of, measure_2=fact.of) ** 0.5


def _proportion(run: PublishedAnalysis, fact: Fact) -> xr.DataArray:
    if fact.of == run.study.analysis.group:
        return run.moments["n"].sel(group=fact.level) / run.moments["n"].sum()
    share = _mean(run, fact)
    return share if _is_second_level(run.study, fact) else 1 - share


def _is_second_level(study: Study, fact: Fact) -> bool:
    levels = [level.id for level in study.measure(str(fact.of)).levels]
    return levels.index(str(fact.level)) == 1


def _proportion_difference(run: PublishedAnalysis, fact: Fact) -> xr.DataArray:
    difference = _comparison("difference")(run, fact)
    return difference if _is_second_level(run.study, fact) else -difference


def _comparison(which: str) -> Callable[[PublishedAnalysis, Fact], xr.DataArray]:
    def compute(run: PublishedAnalysis, fact: Fact) -> xr.DataArray:
        between = cast("tuple[str, str]", fact.between)
        return compare_groups(run.moments, str(fact.of), between, fact.test or "welch")[which]

    return compute


def _correlation(run: PublishedAnalysis, fact: Fact) -> xr.DataArray:
    group = run.study.analysis.group
    pair = {str(fact.of), str(fact.with_)}
    if group not in pair:
        return correlations(run.moments, fact.group).sel(measure=fact.of, measure_2=fact.with_)
    # a correlation with the group itself is the slope on it, standardised
    other = (pair - {group}).pop()
    return regress(run.moments, other, [group], group=group, products="raw").standardised.isel(term=0)


def _of_step(which: str) -> Callable[[PublishedAnalysis, Fact], xr.DataArray]:
    def compute(run: PublishedAnalysis, fact: Fact) -> xr.DataArray:
        adjusted = which == "delta_r2" and fact.adjusted
        return run.increment(str(fact.step))["delta_adjusted_r2" if adjusted else which]

    return compute


def _of_term(raw: str, standardised: str) -> Callable[[PublishedAnalysis, Fact], xr.DataArray]:
    def compute(run: PublishedAnalysis, fact: Fact) -> xr.DataArray:
        fit = run.regression(str(fact.step), fact.coding, fact.products)
        found: xr.DataArray = getattr(fit, standardised if _standardised(run, fact) else raw)
        return found.sel(term=fact.term)

    return compute


def _standardised(run: PublishedAnalysis, fact: Fact) -> bool:
    return run.study.analysis.standardised if fact.standardised is None else fact.standardised


def _vif(run: PublishedAnalysis, fact: Fact) -> xr.DataArray:
    """Return a term's VIF; a statement about each of them is decided by the largest, or the smallest for ``>``."""
    vif = run.regression(str(fact.step), fact.coding, fact.products).vif
    if fact.term:
        return vif.sel(term=fact.term)
    return vif.min("term") if fact.relation in (">", ">=") else vif.max("term")


def _slope(raw: str, standardised: str) -> Callable[[PublishedAnalysis, Fact], xr.DataArray]:
    def compute(run: PublishedAnalysis, fact: Fact) -> xr.DataArray:
        which = standardised if _standardised(run, fact) else raw
        return run.slopes(str(fact.of), str(fact.step))[which].sel(group=fact.group)

    return compute


EVALUATORS: dict[str, Callable[[PublishedAnalysis, Fact], xr.DataArray]] = {
    "n": _n,
    "mean": _mean,
    "sd": _sd,
    "proportion": _proportion,
    "proportion_difference": _proportion_difference,
    "mean_difference": _comparison("difference"),
    "t": _comparison("t"),
    "df": _comparison("df"),
    "p": _comparison("p"),
    "d": _comparison("d"),
    "correlation": _correlation,
    "r2": _of_step("r2"),
    "adjusted_r2": _of_step("adjusted_r2"),
    "r2_p": _of_step("r2_p"),
    "delta_r2": _of_step("delta_r2"),
    "delta_r2_p": _of_step("p"),
    "coefficient": _of_term("coefficient", "standardised"),
    "coefficient_se": _of_term("se", "standardised_se"),
    "coefficient_p": _of_term("p", "p"),
    "vif": _vif,
    "slope": _slope("slope", "standardised"),
    "slope_se": _slope("se", "standardised_se"),
    "slope_p": _slope("p", "p"),
}
