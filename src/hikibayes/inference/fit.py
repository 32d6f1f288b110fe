"""One model on one table: a posterior, the study's estimands in it, and whether to believe it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeGuard

import numpy as np
import pandas as pd

from .. import apa
from ..defaults import DEFAULT_SEED, DEFAULT_STUDY
from ..renamed import renamed, typed
from ..shown import Shown
from ..spec import InputError, checked_seed
from ..study.study import Study
from ..study.study_file import load_study
from .answers.diagnostics import quadrature_error, sound
from .answers.estimates import (
    COLUMNS,
    Reporting,
    draw_estimates,
    exact_estimates,
    least_squares_estimates,
    refused_estimates,
)
from .answers.groups import MOST, arviz_groups
from .answers.johnson_neyman import JohnsonNeyman, gap_weights, johnson_neyman, moderators
from .answers.plots import Plots
from .answers.remarks import Remark, design_remarks, remark_table
from .answers.summary import orderings, summary
from .data.files import RawTable, as_text
from .data.mapping import TableMapping, load_mapping
from .data.tables import Participants, participants
from .estimands import Answers, answers
from .gaussian.exact import GaussianPosterior
from .gaussian.least_squares import LeastSquares
from .gaussian.sufficient import ExactEngineError
from .models.compile import exact_posterior, exact_priors
from .models.design import Design, design
from .models.layout import term_variables
from .models.specs import DEFAULT_VARIANT, INTERCEPT, ModelSpec, formula_alone, load_model
from .models.units import other_in_z_scores, refuse_implied
from .nuts.sampling import Sampling, sample, verdict
from .nuts.store import Store
from .own.data import OwnData, formula_model, own_data

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Fit", "Sampling", "fit"]

type Engine = Literal["nuts", "exact"]

MAPPED = {"reference": {"group": "control"}, "set_prior": {"group:x": "Normal(0, .25)"}, "at": {"x": [10, 20]}}
"""Choices that are mappings, as they are written."""
USUAL: tuple[object, ...] = (None, "", {}, "gaussian", "sample")
"""What a choice is where nothing is chosen."""
MOST_SHOWN = 24
"""Rows of the summary that a notebook shows of a fit."""
FINE_NODES = 41
"""Nodes of the quadrature that the exact engine's usual one is held against."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Fit(Shown):
    """A fitted model.

    Parameters
    ----------
    model, study, variant, engine, seed
        What was asked for.
    participants : Participants
        The rows that were used, and those left out.
    design : Design
        The design matrix, and the scaling that makes it.
    drawn : callable
        Makes `draws`.
    estimates : pandas.DataFrame
        The study's estimands, with the columns of ``estimates.csv`` and ``note``: one that the model does not answer
        has no numbers, and the reason there.
    diagnostics : pandas.DataFrame
        Columns ``check, of, value, accepted, ok``.
    remarks : pandas.DataFrame
        Reference levels, rows left out, and what is odd about the table: columns ``kind, of, count, remark``.
    answers : Answers
        The estimands on the design.
    own : OwnData, optional
        What a formula and its table were understood as; None for a fit of a model and a study.
    """

    model: ModelSpec
    study: Study
    variant: str
    engine: Engine
    seed: int
    participants: Participants
    design: Design
    drawn: Callable[[], xr.DataTree] = field(repr=False)
    estimates: pd.DataFrame
    diagnostics: pd.DataFrame
    remarks: pd.DataFrame
    answers: Answers
    own: OwnData | None = None

    @cached_property
    def draws(self) -> xr.DataTree:
        """Group ``posterior``, with Bambi's variable names whichever engine made it, and of NUTS ``sample_stats``."""
        return self.drawn()

    @cached_property
    def posterior(self) -> xr.DataTree:
        """The draws with all that ArviZ asks for, made when first wanted; see `arviz_groups`."""
        return arviz_groups(self)

    def summary(self) -> pd.DataFrame:
        """Return the estimands in words, standardised and raw side by side, least squares beside the posterior."""
        return summary(self)

    def contrasts(self) -> pd.DataFrame:
        """Return the differences between levels: those rows of `summary`."""
        pairs = {estimand.name for estimand in self.study.estimands if estimand.between or estimand.pairs}
        table = summary(self)
        return table[table["estimand"].isin(pairs)].reset_index(drop=True)

    def orderings(self) -> pd.DataFrame:
        """Return how probable each order of three to five levels is, before and after the data."""
        return orderings(self)

    @typed
    def save(self, folder: str | Path) -> Path:
        """Write the files of a run of ``hikibayes fit`` into a folder; ``hikibayes report`` adds its page and figures.

        Raises
        ------
        InputError
            The folder cannot be written to, or holds something else.
        """
        from .saved_fit import save_fit

        return save_fit(self, Path(folder))

    @property
    def plot(self) -> Plots:
        """Figures: ``slopes, effects, prior_posterior, johnson_neyman, checks``, each returning matplotlib axes."""
        return Plots(self)

    def _repr_html_(self) -> str:
        shown = summary(self).drop(columns=["estimand", "kind"]).head(MOST_SHOWN)
        table = shown.to_html(index=False, float_format=lambda value: f"{value:.3g}", na_rep="")
        return f"<p>{escape(self.model.formula)}</p>{table}"

    @property
    def sound(self) -> bool:
        """Whether every diagnostic is accepted."""
        return sound(self.diagnostics)

    @property
    def moderators(self) -> tuple[str, ...]:
        """The numeric measures along which the adjusted mean difference changes in a straight line."""
        return moderators(self.design)

    @typed
    def johnson_neyman(self, moderator: str, effect: str = "") -> JohnsonNeyman:
        """Return where along a moderator an effect excludes 0, by the exact posterior of the fit's model and priors.

        Parameters
        ----------
        moderator : str
            Id of a numeric measure.
        effect : str
            Name of a slope or of a difference of two levels; by default the gap between the study's two groups.

        Raises
        ------
        InputError
            The model has no exact posterior, or its gap between the groups does not change with the moderator.
        """
        exact = exact_posterior(self.design, self.variant)
        asked = self.study.estimand(effect) if effect else None
        return johnson_neyman(exact, self.design, moderator, asked, rng=np.random.default_rng(self.seed))

    def regions(self) -> list[JohnsonNeyman]:
        """Return `johnson_neyman` of every effect that changes with a number; none without an exact posterior."""
        try:
            exact_priors(self.design, self.variant)
        except InputError:
            return []
        gap = [(name, "") for name in self.moderators]
        return [self.johnson_neyman(*pair) for pair in (*gap, *(self._moderated(bool(gap)) if self.own else ()))]

    def _moderated(self, gap: bool) -> Iterator[tuple[str, str]]:
        """Yield (moderator, effect) of slopes and differences that share a term with a number."""
        for estimand in self.answers.linear:
            own = estimand.of or estimand.by
            elsewhere = any(not isinstance(value, str) for value in estimand.at.values())
            known = gap and own == self.study.analysis.group
            if elsewhere or known or estimand.kind not in ("slope", "adjusted_difference"):
                continue
            for name in self.design.scaling.scale:
                if name != own and any({own, name} <= measures for measures in self.model.measures.values()):
                    with suppress(InputError):
                        gap_weights(self.design, name, estimand)
                        yield name, estimand.name


@renamed(variant="prior", priors="set_prior")
def fit(
    model: str | Path | ModelSpec,
    data: str | Path | pd.DataFrame,
    *,
    prior: str = DEFAULT_VARIANT,
    engine: Engine | None = None,
    seed: int = DEFAULT_SEED,
    reference: Mapping[str, object] | str | None = None,
    rows: str = "",
    set_prior: Mapping[str, str] | str | None = None,
    steps: str | Sequence[str] = "",
    at: Mapping[str, float | Sequence[float]] | None = None,
    contrasts: str = "",
    family: str = "gaussian",
    sigma_by: str = "",
    scaling: str = "sample",
    study: str | Path | Study | None = None,
    columns: Mapping[str, str] | None = None,
    mapping: str | Path | TableMapping | None = None,
    estimand: str = "",
    sampling: Sampling | None = None,
    reporting: Reporting | None = None,
    reading: str = "",
    store: str | Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> Fit:
    """Fit one model to one table of participants.

    Parameters
    ----------
    model : str, Path or ModelSpec
        A formula over the table's columns; or the name of a shipped model, a model file, or a model.
    data : str, Path or pandas.DataFrame
        A CSV, TSV or SPSS file, or a table, with a row a participant.
    prior : str
        Which of the model's priors: `weakly_informative`, `flat`, ... (``--prior``).
    engine : {"nuts", "exact"}, optional
        NUTS by nutpie, on a graph with the density of Bambi's; or the exact engine, which has gaussian models with
        Normal priors alone. By default NUTS, and for a formula the exact engine where it can.
    seed : int
        Of the draws.
    reference, rows, set_prior, steps, at, contrasts, family, sigma_by, scaling
        With a formula, as `hikibayes.inference.own.data.own_data` has them: reference levels by column, a condition for
        rows, priors by term, steps of R², values of a number, whether every pair of levels is compared or each with the
        reference, the errors' family, groups with a sigma each, and whether columns are z scores.
    study : str, Path or Study, optional
        Whose measures and estimands these are; by default `nonaka2021`, and for a formula the table itself.
    columns : mapping of str to str, optional
        Header by measure id, for measures whose column is called otherwise.
    mapping : str, Path or TableMapping, optional
        What headers, labels and codes of the table mean, or a file that says so.
    estimand : str
        What the fit is about, and what is asked of it further: a name among the estimates. By default the study's main
        one; of a formula its first product, else its first predictor.
    sampling : Sampling, optional
        Number of draws and the like.
    reporting : Reporting, optional
        Interval, ROPE, raw units.
    reading : str
        What to write into the estimates' column ``reading``.
    store : str or Path, optional
        A folder of NUTS runs that were made already; an equal one is taken from there, a new one is put into it.
    tell : callable, optional
        Told what begins.

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        Model, table, variant or engine cannot be used; one message says what was found and what is accepted.
    """
    if engine not in {"nuts", "exact", None}:
        raise InputError(f"there is no engine {engine!r}; there are: exact, nuts")
    if not isinstance(prior, str):
        raise InputError(
            f"found {prior!r}; a variant's name is expected, and set_prior takes priors by term", key="prior"
        )
    if not isinstance(store, str | Path | None):
        raise InputError(f"found {store!r}; a folder is expected", key="store")
    seed = checked_seed(seed)
    choices = {"reference": reference, "rows": rows, "set_prior": set_prior, "steps": steps, "at": at}
    choices |= {"contrasts": contrasts, "family": family, "sigma_by": sigma_by, "scaling": scaling}
    asked = _asked(model, data, study, columns=columns, mapping=mapping, estimand=estimand, choices=choices)
    spec, about, engine = asked.model, asked.study.asking(estimand), engine or asked.engine
    people = participants(asked.data, about, spec.variables, columns=asked.columns, mapping=asked.mapping)
    laid_out = design(spec, people.frame, about)
    refuse_implied(laid_out)
    in_z_scores = tuple(_in_z_scores(laid_out, refuse=_is_formula(model)))
    found = answers(laid_out)
    _ = spec.prior_set(prior)
    if tell:
        tell("fitting")
    labels = {"study": about.id, "reading": reading, "model": spec.name, "prior": prior, "engine": engine}
    job = _Job(laid_out, found, prior, seed, sampling or Sampling(), reporting or Reporting(), labels, store)
    drawn, estimates, diagnostics = (_nuts if engine == "nuts" else _exact)(job)
    beside = least_squares_estimates(laid_out, found, labels=labels)
    missing = refused_estimates(found, labels=labels, n=len(laid_out.frame))
    return Fit(
        model=spec,
        study=about,
        variant=prior,
        engine=engine,
        seed=seed,
        participants=people,
        design=laid_out,
        drawn=drawn,
        estimates=_stacked(estimates, beside, missing),
        diagnostics=diagnostics,
        remarks=remark_table(
            (
                *design_remarks(laid_out, asked.own.why if asked.own else {}),
                *(asked.own.remarks if asked.own else ()),
                *_of_each_level(laid_out, prior),
                *_no_regions(laid_out, prior),
                *_no_least_squares(spec),
                *in_z_scores,
                *_beyond_the_data(laid_out, people.frame),
                *(_overruled(laid_out, found, estimates) if asked.own else ()),
                *_large(len(people.frame), job.sampling),
                *people.remarks,
            )
        ),
        answers=found,
        own=asked.own,
    )


def _in_z_scores(laid_out: Design, *, refuse: bool) -> Iterator[Remark]:
    """Name the measures whose zero or unit decides which model a formula is; refuse it where nobody chose z scores."""
    if names := other_in_z_scores(laid_out):
        told = ", ".join(names)
        text = (
            f"formula {laid_out.model.formula!r} is another model with z scores of {told} than with the columns' own"
            " units: it leaves out a lower term of a product or power, or has a function of numbers"
        )
        if refuse:
            raise InputError(
                f"{text}. scaling raw (--scaling raw) fits it as written, with priors in the columns' own units; with"
                " every lower term, as a * b and x + I(x**2) have them, both are one model"
            )
        yield Remark(kind="z_scores", of=told, count=len(names), text=f"{text}; here they are z scores")


def _large(n: int, sampling: Sampling) -> Iterator[Remark]:
    """Say that a group of ArviZ's with a number for each row and draw is left out."""
    if (numbers := n * sampling.draws * sampling.chains) > MOST:
        yield Remark(
            kind="large",
            of="",
            count=n,
            text=f"{n:,} rows times draws are {numbers:,} numbers, more than {MOST:,}; the posterior in ArviZ's schema"
            " goes without log_likelihood and predictions",
        )


def _of_each_level(laid_out: Design, variant: str) -> Iterator[Remark]:
    """Name the terms of three and more levels whose prior favours the reference."""
    for name, prior in laid_out.model.prior_set(variant).priors.items():
        measures = laid_out.model.measures.get(name, frozenset())
        levels = max((len(laid_out.levels.get(measure, ())) for measure in measures), default=0)
        if levels > 2 and not prior.exchangeable:
            yield Remark(
                kind="prior_of_reference",
                of=name,
                count=levels,
                text=f"the prior {prior} is of each level against the reference, so the answer depends on which that"
                " is; only Normal with mean 0 can be the same for every pair of levels",
            )


def _no_regions(laid_out: Design, variant: str) -> Iterator[Remark]:
    """Say why it is not told where along a measure the groups differ, of a model without an exact posterior."""
    try:
        exact_priors(laid_out, variant)
    except InputError as error:
        if not (along := moderators(laid_out)):
            return
        yield Remark(
            kind="no_johnson_neyman",
            of=", ".join(along),
            count=len(along),
            text=f"where along it the groups differ (Johnson-Neyman) is not given: {error}",
        )


def _no_least_squares(model: ModelSpec) -> Iterator[Remark]:
    """Say why least squares does not stand beside a model with clusters."""
    if model.varying:
        clusters = ", ".join(model.varying)
        text = f"least squares (ols) is left out: it knows nothing of {clusters}, and takes all rows for independent"
        yield Remark(kind="no_ols", of="", count=len(model.varying), text=text)


def _overruled(laid_out: Design, found: Answers, estimates: pd.DataFrame) -> Iterator[Remark]:
    """Name the focal estimand, else the first one, whose least-squares value is outside its interval: priors decide."""
    if laid_out.model.beyond_gaussian or laid_out.model.varying:
        return
    intervals = estimates[["estimand", "unit", "mean", "lower", "upper"]].to_dict("records")
    by_name = {(row["estimand"], row["unit"]): row for row in intervals}
    least = LeastSquares(stats=laid_out.statistics).estimates(found.weights)[0]
    known = [(e, value, by_name.get((e.name, e.unit))) for e, value in zip(found.linear, least.tolist(), strict=True)]
    rows = [(e, value, row) for e, value, row in known if row]
    outside = [(e, value, row) for e, value, row in rows if value < row["lower"] or value > row["upper"]]
    if outside:
        focal = laid_out.study.focal_estimand
        estimand, value, row = min(outside, key=lambda each: each[0] != focal)
        mean, lower, upper = (apa.number(row[key]) for key in ("mean", "lower", "upper"))
        others = f" ({len(outside)} of {len(rows)} estimands are so)" if len(outside) > 1 else ""
        yield Remark(
            kind="priors_overrule",
            of=estimand.name,
            count=len(outside),
            text=f"{mean} [{lower}, {upper}] with these priors, {apa.number(value)} by least squares, which is outside"
            f" that interval{others}: the priors decide as much as the rows; --prior flat goes without them, and"
            " --set-prior makes one wider",
        )


def _beyond_the_data(laid_out: Design, frame: pd.DataFrame) -> Iterator[Remark]:
    """Name the values, of those at which effects are taken, that nobody has or is near to."""
    taken = {(name, z): e for e in laid_out.study.estimands for name, z in e.at.items() if not isinstance(z, str)}
    for name in dict.fromkeys(name for name, _ in taken):
        low, high = float(frame[name].min()), float(frame[name].max())
        location, scale = (float(part[name][0]) for part in (laid_out.scaling.location, laid_out.scaling.scale))
        values = sorted(location + scale * z for own, z in taken if own == name)
        if beyond := [value for value in values if not low - scale / 1e6 <= value <= high + scale / 1e6]:
            yield Remark(
                kind="beyond_the_data",
                of=name,
                count=len(beyond),
                text=f"effects are taken at {', '.join(f'{value:.4g}' for value in beyond)}; the rows that are used go"
                f" from {low:.4g} to {high:.4g}, and beyond it is the model alone that answers",
            )


def _is_formula(model: str | Path | ModelSpec) -> TypeGuard[str]:
    return isinstance(model, str) and "~" in model


class _Asked(NamedTuple):
    """What is to be fitted, whichever way it was said."""

    model: ModelSpec
    study: Study
    data: str | Path | pd.DataFrame | RawTable
    columns: Mapping[str, str] | None
    mapping: str | Path | TableMapping | None
    engine: Engine
    own: OwnData | None = None


def _asked(
    model: str | Path | ModelSpec,
    data: str | Path | pd.DataFrame,
    study: str | Path | Study | None,
    *,
    columns: Mapping[str, str] | None,
    mapping: str | Path | TableMapping | None,
    estimand: str,
    choices: Mapping[str, Any],
) -> _Asked:
    chosen = {name: _written(name, value) for name, value in choices.items() if value not in USUAL}
    if not _is_formula(model):
        if chosen:
            raise InputError(f"{next(iter(chosen))!r} goes with a formula; a model and a study file say it themselves")
        return _Asked(load_model(model), load_study(study or DEFAULT_STUDY), data, columns, mapping, "nuts")
    if priors := chosen.pop("set_prior", None):
        chosen["priors"] = priors
    if study is None:
        stated = load_mapping(mapping).with_columns(columns or {})
        own = own_data(model, data, mapping=stated, estimand=estimand, **chosen)
        return _Asked(own.model, own.study, own.table, None, own.mapping, _engine(own.model), own)
    about = load_study(study)
    if wrong := [name for name in ("reference", "rows", "steps", "at", "contrasts") if name in chosen]:
        raise InputError(f"{wrong[0]!r} is for a formula without a study; the study says it")
    outline = formula_alone(model, sigma_by=chosen.pop("sigma_by", ""))
    made = formula_model(outline, about, **chosen)
    return _Asked(made, about, data, columns, mapping, _engine(made))


def _written(name: str, value: Any) -> Any:
    """Return a choice in the form that it is taken in: ``"group=control"`` is read as on the command line.

    A level may be a number, a value of a column stand alone, and steps come one by one.
    """
    if name == "steps" and isinstance(value, list | tuple):
        value = "; ".join(map(str, value))
    if name not in MAPPED:
        if not isinstance(value, str):
            raise InputError(f"found {value!r}; a text is expected", key=name)
        return value
    if isinstance(value, str) and name != "at":
        key, _, of = map(str.strip, value.partition("="))
        value = {key: of} if key and of else value
    try:
        return {str(key): _OF_EACH[name](each) for key, each in value.items()}
    except (AttributeError, TypeError, ValueError):
        raise InputError(f"found {value!r}; write it as {MAPPED[name]}", key=name) from None


def _finite(value: Any) -> float:
    if isinstance(value, bool | np.bool_) or not np.isfinite(number := float(value)):
        raise ValueError
    return number


_OF_EACH: Mapping[str, Callable[[Any], Any]] = {
    "reference": lambda level: as_text(level) or "",
    "set_prior": str,
    "at": lambda values: [_finite(value) for value in (values if isinstance(values, Iterable) else [values])],
}


def _engine(model: ModelSpec) -> Engine:
    """Return the exact engine where a model's priors and family allow it."""
    normal = all(model.priors[name].dist == "Normal" for name in (INTERCEPT, *model.terms) if name in model.priors)
    sigma = model.priors.get("sigma")
    known = sigma is not None and sigma.dist in {"HalfStudentT", "HalfNormal", "Exponential"}
    return "exact" if normal and known and not model.beyond_gaussian else "nuts"


class _Job(NamedTuple):
    """What an engine is handed."""

    design: Design
    found: Answers
    variant: str
    seed: int
    sampling: Sampling
    reporting: Reporting
    labels: Mapping[str, str]
    store: str | Path | None


type Outcome = tuple[Callable[[], xr.DataTree], pd.DataFrame, pd.DataFrame]
"""What makes the draws, estimates, diagnostics."""


def _exact(job: _Job) -> Outcome:
    try:
        posterior = exact_posterior(job.design, job.variant)
        finer = exact_posterior(job.design, job.variant, nodes=FINE_NODES)
    except ExactEngineError as error:
        raise InputError(f"model {job.design.model.name!r}: {error}") from None
    for_tree, for_shares = np.random.default_rng(job.seed).spawn(2)
    estimates = exact_estimates(posterior, job.found, rng=for_shares, reporting=job.reporting, labels=job.labels)
    # few ask for draws of what is known in closed form
    return partial(_drawn, posterior, job, for_tree), estimates, quadrature_error(posterior, finer)


def _drawn(posterior: GaussianPosterior, job: _Job, rng: np.random.Generator) -> xr.DataTree:
    """Draw from an exact posterior, under Bambi's variables and dimensions, so that one code reads both engines'."""
    import xarray as xr

    draws, chains = job.sampling.draws, job.sampling.chains
    drawn = posterior.draws(rng, draws * chains)
    intercept, sigma = (
        xr.DataArray(v[0].reshape(chains, draws), dims=("chain", "draw")) for v in (drawn.intercept, drawn.sigma)
    )
    beta = drawn.coefficients[0].reshape(chains, draws, -1)
    variables = {INTERCEPT: intercept, **term_variables(beta, job.design), "sigma": sigma}
    coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
    attrs = {"inference_library": "hikibayes", "sampler": "exact"}
    return xr.DataTree.from_dict({"posterior": xr.Dataset(variables, coords=coords, attrs=attrs)})


def _nuts(job: _Job) -> Outcome:
    store = Store(job.store) if job.store else None
    tree = sample(job.design, job.seed, variant=job.variant, sampling=job.sampling, store=store)
    conditional = _conditional(job.design, job.variant)
    estimates = draw_estimates(
        tree, job.design, job.found, conditional=conditional, reporting=job.reporting, labels=job.labels
    )
    return (lambda: tree), estimates, verdict(tree, job.design, job.found)


def _conditional(laid_out: Design, variant: str) -> GaussianPosterior | None:
    """Return the exact engine's view of the model where it has one: for Bayes factors, nothing else."""
    try:
        return exact_posterior(laid_out, variant)
    except (InputError, ExactEngineError):
        return None


def _stacked(*tables: pd.DataFrame) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    together = pd.concat(filled, ignore_index=True) if filled else tables[0]
    notes = together["note"].astype(object) if "note" in together else pd.Series(np.nan, together.index, dtype=object)
    return together.reindex(columns=list(COLUMNS)).assign(note=notes.where(notes.notna(), ""))
