"""The multiverse of a case: every combination of choices, and what the answer owes to each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ... import apa
from ...arrays import BoolArray, FloatArray, IntArray
from ...defaults import DEFAULT_SEED, DEFAULT_STUDY
from ...inference.fit import Fit
from ...inference.gaussian.normal_priors import NormalPriors, Priors, bambi_default
from ...inference.gaussian.sufficient import SufficientStatistics
from ...inference.gaussian.summaries import summaries
from ...inference.models.compile import exact_priors
from ...renamed import renamed
from ...shown import Shown
from ...spec import InputError, unknown_name
from ...study.study import Study
from ...study.wording import estimand_noun
from ..case import Case, case_of, is_folder
from ..tipping import NOWHERE, tipping_row
from .anatomy import DATA, averaged, by_option, variance_by_choice
from .universe import CODINGS, OUTLIERS, SCALES, Universe

MOST = 10_000
"""Specifications that are computed; of more, so many are drawn at random."""
CHUNK = 60_000
"""Data sets that the engine is given at once."""
IN, OUT = "in", "out"


@dataclass(frozen=True, kw_only=True, repr=False)
class Multiverse(Shown):
    """What every specification says.

    Parameters
    ----------
    case : Case
        Under the default reading.
    specifications : pandas.DataFrame
        A row a specification: its choices, ``n``, ``mean, sd, lower, upper, p_positive`` of the posteriors of the data
        sets together (limits: means of the data sets' limits), ``log_evidence`` (mean), ``decided``.
    variance, options, average : pandas.DataFrame
        Shares of the variance of ``mean`` by choice; how each option decides; models averaged by evidence where they
        share data.
    possible, lost : int
        Combinations that there are; and those of the computed ones that no posterior is of, such as for want of people.
    """

    case: Case
    specifications: pd.DataFrame
    variance: pd.DataFrame
    options: pd.DataFrame
    average: pd.DataFrame
    possible: int
    lost: int

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """By file name without ``.csv``."""
        return {
            "multiverse": self.specifications,
            "multiverse_variance": self.variance,
            "multiverse_options": self.options,
            "multiverse_average": self.average,
        }

    @property
    def tipping(self) -> pd.DataFrame:
        """In how many specifications the conclusion stands."""
        table, name = self.specifications, estimand_noun(self.case.study, self.case.estimand)
        share = float(table["decided"].mean())
        ranked = self.variance[self.variance["choice"] != "combinations"].sort_values("alone", ascending=False)
        first = ranked.iloc[0] if len(ranked) else None
        most = (
            f" The choice of {first['choice']} makes {apa.percent(first['alone'])} of their spread."
            if first is not None
            else ""
        )
        low, high = (apa.bounded(float(end)) for end in np.quantile(table["mean"], [0.025, 0.975]))
        drawn = f" (of {apa.number(self.possible, 0)} that there are)" if self.possible > len(table) else ""
        lost = f" {self.lost} more have no answer." if self.lost else ""
        sentence = (
            f"In {apa.percent(share)} of {apa.number(len(table), 0)} specifications{drawn} the 95% interval of the"
            f" {name} lies on one side of 0, that of most estimates; 95% of them lie from"
            f" {low} to {high}.{most}{lost}"
        )
        what = "share of specifications whose 95% interval lies on the side of 0 of most estimates"
        return pd.DataFrame([tipping_row("multiverse", what, share, NOWHERE, sentence)])


@renamed()
def multiverse(
    what: str | Path | Study | Fit | Case = DEFAULT_STUDY,
    *,
    seed: int = DEFAULT_SEED,
    cross: Sequence[str] = (),
    exclude: Sequence[str] = (),
    most: int = MOST,
    datasets: int = 20,
    tell: Callable[[str], None] | None = None,
    **readings: str,
) -> Multiverse:
    """Ask one question in every defensible way.

    Parameters
    ----------
    what : str, Path, Study, Fit or Case
        The name of a shipped study, a study file, the folder of a fit, or one of these that is loaded already.
    seed : int
        Everything random follows from it.
    cross : sequence of str
        Readings of a study whose options are crossed with all else, each with data sets of its own.
    exclude : sequence of str
        ``MEASURE=LEVEL``: people to leave out, one after the other, as choices.
    most : int
        Specifications to compute; of more, so many are drawn at random.
    datasets : int
        Versions of a study's sample under each reading; a fit has its own data.
    tell : callable, optional
        Told what begins.
    **readings : str
        Option by reading, of a study.

    Returns
    -------
    Multiverse

    Raises
    ------
    InputError
        The model is in raw units or has no exact posterior, or there is no such reading, measure or level; and whatever
        `case_of` raises.
    """
    if most < 2:
        raise InputError(f"the number of specifications is {most}; at least 2 are accepted")
    cases = dict(_cases(what, cross, readings, datasets=datasets, seed=seed, tell=tell))
    universes = {name: Universe(case=each) for name, each in cases.items()}
    first = next(iter(cases.values()))
    choices = _choices(universes, exclude)
    specifications = _Specifications.drawn(choices, most, np.random.default_rng(seed))
    if tell:
        tell(f"asking in {len(specifications.codes):,} ways, {len(first.data_sets)} data sets each")
    found = _computed(universes, specifications)
    table = specifications.table().assign(**_pooled(found))
    able = np.flatnonzero(np.isfinite(table["mean"]))
    if not len(able):
        raise InputError("none of the specifications has an answer: too few people, or a measure that does not vary")
    table, found = table.iloc[able].reset_index(drop=True), {name: values[able] for name, values in found.items()}
    side = np.sign(float(table["mean"].median()))
    table = table.assign(decided=(table["lower"] if side > 0 else -table["upper"]) > 0)
    differing = [name for name, options in choices.items() if len(options) > 1]
    return Multiverse(
        case=first,
        specifications=table,
        variance=variance_by_choice(table, differing),
        options=by_option(table, differing),
        average=averaged(table, found["mean"], found["sd"], found["log_evidence"]),
        possible=prod(len(options) for options in choices.values()),
        lost=len(specifications.codes) - len(able),
    )


# -- the choices ----------------------------------------------------------------------------------------------------


def _cases(
    what: str | Path | Study | Fit | Case,
    cross: Sequence[str],
    readings: Mapping[str, str],
    *,
    datasets: int,
    seed: int,
    tell: Callable[[str], None] | None,
) -> Iterator[tuple[str, Case]]:
    made = {"datasets": datasets, "seed": seed, "tell": tell}
    if not cross or isinstance(what, Fit | Case) or is_folder(what):
        if cross:
            raise InputError("a fit has no readings to cross: what it is a fit of is decided")
        yield "default", case_of(what, **made, **readings)  # type: ignore[arg-type]
        return
    from ...study.study_file import load_study

    study = load_study(what)
    known = {reading.id: reading for reading in study.readings}
    for name in cross:
        if name not in known:
            raise InputError(unknown_name("reading", name, known))
    for options in product(*(known[name].options for name in cross)):
        chosen = {**readings, **dict(zip(cross, options, strict=True))}
        name = ", ".join(f"{reading}={option}" for reading, option in zip(cross, options, strict=True))
        yield name, case_of(study, **made, **chosen)  # type: ignore[arg-type]


def _choices(universes: Mapping[str, Universe], exclude: Sequence[str]) -> dict[str, tuple[str, ...]]:
    first = next(iter(universes.values()))
    case, group = first.case, first.group
    for each in universes.values():
        _refuse_levels(each.case, exclude)
        if {own for own, _ in each.terms} != {own for own, _ in first.terms}:
            raise InputError("the readings differ in the terms of the model; cross those that do not")
    covariates = [name for name in case.model.variables[1:] if name not in first.needed]
    others = [own for own, _ in first.terms if len(own) > 1 and not own <= first.needed]
    return {
        "reading": tuple(universes),
        "excluded": ("nobody", *exclude),
        "outliers": OUTLIERS,
        "scale": SCALES if group else SCALES[:1],
        "coding": tuple(CODINGS) if first.margins else tuple(CODINGS)[:1],
        "products": ("all", "its own alone") if others else ("all",),
        "prior": tuple(name for name in case.model.variant_names if _is_known(case, name)),
        **{f"{name} held equal": (IN, OUT) for name in covariates},
    }


def _is_known(case: Case, variant: str) -> bool:
    try:
        _ = exact_priors(case.design, variant)
    except InputError:
        return False
    return True


def _refuse_levels(case: Case, exclude: Sequence[str]) -> None:
    for each in exclude:
        measure, _, level = each.partition("=")
        levels = [known.id for known in case.study.measure(measure).levels]
        if level not in levels:
            raise InputError(unknown_name(f"level of {measure!r}", level, levels))
        if measure not in case.data_sets[0]:
            raise InputError(f"these data have no {measure!r} by which to leave people out")
        if measure in case.model.variables:
            raise InputError(
                f"{measure!r} is in the model, which is not of one level alone; leave out by another measure"
            )


@dataclass(frozen=True, kw_only=True)
class _Specifications:
    """Combinations of options: codes (S, choices)."""

    choices: Mapping[str, tuple[str, ...]]
    codes: IntArray

    @classmethod
    def drawn(cls, choices: Mapping[str, tuple[str, ...]], most: int, rng: np.random.Generator) -> _Specifications:
        sizes = [len(options) for options in choices.values()]
        count = prod(sizes)
        index = np.arange(count) if count <= most else np.sort(_distinct(rng, count, most))
        return cls(choices=choices, codes=np.stack(np.unravel_index(index, sizes), axis=1))

    @cached_property
    def columns(self) -> dict[str, IntArray]:
        return dict(zip(self.choices, self.codes.T, strict=True))

    def table(self) -> pd.DataFrame:
        named = {name: np.asarray(self.choices[name], dtype=object)[codes] for name, codes in self.columns.items()}
        return pd.DataFrame(named)

    def groups(self, *names: str) -> Iterator[tuple[tuple[str, ...], IntArray]]:
        """Yield the options of some choices, and the rows that have them."""
        codes = np.stack([self.columns[name] for name in names], axis=1)
        kinds, which = np.unique(codes, axis=0, return_inverse=True)
        for i, kind in enumerate(kinds):
            yield tuple(self.choices[name][c] for name, c in zip(names, kind, strict=True)), np.flatnonzero(which == i)


def _distinct(rng: np.random.Generator, count: int, most: int) -> IntArray:
    if count <= 10**7:
        return np.asarray(rng.choice(count, most, replace=False), dtype=np.int64)
    return np.asarray(np.unique(rng.integers(0, min(count, 2**62), 2 * most))[:most], dtype=np.int64)


# -- the engine -----------------------------------------------------------------------------------------------------

ASKED = ("mean", "sd", "lower", "upper", "p_positive")


class _Alike(NamedTuple):
    """Models of S specifications: columns (S, p), weights (p,) of the estimand, data sets (B,), and their rows (S,)."""

    variant: str
    columns: IntArray
    contrast: FloatArray
    data: IntArray
    rows: IntArray


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """One version of the data, and the specifications that use it."""

    universe: Universe
    stats: SufficientStatistics
    weights: FloatArray
    specifications: _Specifications
    rows: IntArray

    def models(self) -> Iterator[_Alike]:
        """Yield models that the engine takes at once: of one prior, one size, and the same weights of the estimand."""
        kept, prior = self._kept(), self.specifications.columns["prior"][self.rows]
        weights, of_data = np.unique(np.round(self.weights, 12), axis=0, return_inverse=True)
        for i, own in enumerate(weights):
            asked = kept & (own != 0)
            for code, variant in enumerate(self.specifications.choices["prior"]):
                correlated = _is_correlated(self.universe.case, variant)
                alike = kept if correlated else np.column_stack([asked, kept.sum(axis=1)])
                _, kinds = np.unique(alike, axis=0, return_inverse=True)
                for kind in np.unique(kinds[prior == code]):
                    here = np.flatnonzero((prior == code) & (kinds == kind))
                    columns = np.nonzero(kept[here])[1].reshape(len(here), -1)
                    order = np.argsort(~asked[here[0]][columns], axis=1, kind="stable")
                    columns = np.take_along_axis(columns, order, axis=1)
                    contrast = np.zeros(columns.shape[1])
                    contrast[: asked[here[0]].sum()] = own[asked[here[0]]]
                    yield _Alike(variant, columns, contrast, np.flatnonzero(of_data == i), self.rows[here])

    def _kept(self) -> BoolArray:
        """Which columns each specification has, (S, p)."""
        own = self.specifications.columns
        kept = np.ones((len(self.rows), len(self.stats.names)), dtype=np.bool_)
        alone = own["products"][self.rows] == 1
        for term, columns in self.universe.terms:
            if len(term) > 1 and not term <= self.universe.needed:
                kept[np.ix_(alone, columns)] = False
            for name in term:
                if f"{name} held equal" in own:
                    out = own[f"{name} held equal"][self.rows] == 1
                    kept[np.ix_(out, columns)] = False
        return kept


def _computed(universes: Mapping[str, Universe], specifications: _Specifications) -> dict[str, FloatArray]:
    datasets = len(next(iter(universes.values())).case.data_sets)
    shape = (len(specifications.codes), datasets)
    found = {name: np.full(shape, np.nan) for name in (*ASKED, "log_evidence", "n")}
    for (reading, excluded, outliers, scale, coding), rows in specifications.groups(*DATA, "coding"):
        universe = universes[reading]
        version = universe.version(universe.kept(outliers, excluded), scale, coding)
        if version is None:
            continue
        stats, weights = version
        batch = _Batch(universe=universe, stats=stats, weights=weights, specifications=specifications, rows=rows)
        for alike in batch.models():
            for part in range(0, len(alike.rows), max(CHUNK // datasets, 1)):
                chosen = slice(part, part + max(CHUNK // datasets, 1))
                some = alike._replace(columns=alike.columns[chosen], rows=alike.rows[chosen])
                _fill(found, universe, stats.take(alike.data), some)
    return found


def _fill(found: dict[str, FloatArray], universe: Universe, stats: SufficientStatistics, alike: _Alike) -> None:
    columns, here = alike.columns, alike.columns[:, None, :]
    S, B, p = len(columns), len(stats), columns.shape[1]
    each = np.arange(B)[None, :, None]
    some = SufficientStatistics(
        names=tuple(f"b{j}" for j in range(p)),
        n=np.tile(stats.n, S),
        x_mean=stats.x_mean[each, here].reshape(S * B, p),
        y_mean=np.tile(stats.y_mean, S),
        sxx=stats.sxx[each[..., None], here[..., None], here[:, :, None, :]].reshape(S * B, p, p),
        sxy=stats.sxy[each, here].reshape(S * B, p),
        syy=np.tile(stats.syy, S),
    )
    summary = summaries(some, _priors(universe.case, alike.variant, some, columns), alike.contrast[None])
    where = np.ix_(alike.rows, alike.data)
    for name in ASKED:
        found[name][where] = getattr(summary, name)[:, 0].reshape(S, B)
    found["log_evidence"][where] = summary.log_evidence.reshape(S, B)
    found["n"][where] = stats.n


def _is_correlated(case: Case, variant: str) -> bool:
    priors = None if case.model.prior_set(variant).rule else exact_priors(case.design, variant)
    return isinstance(priors, NormalPriors) and priors.correlation is not None


def _priors(case: Case, variant: str, stats: SufficientStatistics, columns: IntArray) -> Priors:
    """Return a variant's priors of these columns, one set for each data set."""
    if case.model.prior_set(variant).rule == "bambi_default":
        return bambi_default(stats)
    of_each = np.repeat(columns, len(stats) // len(columns), axis=0)
    return exact_priors(case.design, variant).of_columns(stats.names, of_each)


def _pooled(found: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    columns = {name: found[name].mean(axis=1) for name in (*ASKED, "log_evidence", "n")}
    columns["sd"] = np.sqrt((found["sd"] ** 2).mean(axis=1) + found["mean"].var(axis=1))
    return columns
