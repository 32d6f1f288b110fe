"""Two studies made comparable: one model, the original's SDs for both, and what each says of one effect.

Everything else (intercept, slopes, residual SD) is each study's own, for other people differ in more than the effect;
unless both are asked to share all of it. A published original is many reconstructions, and the new data weight what was
not printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeGuard, get_args

import numpy as np
import pandas as pd
import xarray as xr

from ..arrays import FloatArray
from ..estimands import KINDS
from ..inference.answers.remarks import Remark
from ..inference.data.tables import Participants, participants
from ..inference.fit import Fit
from ..inference.gaussian.exact import GaussianPosterior
from ..inference.gaussian.normal_priors import NormalPriors
from ..inference.gaussian.reprior import Likelihood, likelihood
from ..inference.gaussian.sufficient import ExactEngineError, SufficientStatistics
from ..inference.models.compile import exact_posterior, exact_priors
from ..inference.models.design import Design, Scaling, design
from ..inference.models.moment_design import MomentDesign, design_from_moments
from ..inference.models.specs import DEFAULT_VARIANT
from ..inference.models.steps import model_of, step_of
from ..inference.saved_fit import load_fit
from ..robustness.case import Case, Question, case_of, drawn, is_folder, question_of, reconstructed
from ..spec import InputError, checked_seed, digest, unknown_name
from ..study.measures import Measure
from ..study.study import Study
from ..study.study_file import load_study, shipped_studies
from .effects import Effects, apart, stacked
from .measures import NormalPrior, flat_estimate, log_evidence, normalised, thinned

type Share = Literal["effect", "all"]
"""What two studies have in common."""
NODES = 15
SPARE = 3
"""Rows more than coefficients: with fewer, the estimate's t distribution has no SD."""
SHARED = Remark(
    kind="shared", of="", count=2, text="one regression of both: intercept, slopes and residual SD are shared, too"
)
OPPOSITE = -3.0
"""Standard errors by which coefficients, as a whole or one of them in both studies, must point the other way."""
ALIKE = 0.02
"""In standard errors, and as a share of them: two studies hardly ever agree so well."""


@dataclass(frozen=True, kw_only=True)
class NewData:
    """The rows of the new study.

    Parameters
    ----------
    name : str
        As it was given.
    data_sets : tuple of pandas.DataFrame
        One table; or participants made of reconstructions, of a new study that is itself known from print.
    moments : xarray.Dataset or None
        Reconstructions themselves, of such a study.
    remarks : tuple of Remark
        What is odd about the table.
    verdict : str
        What the sampler said of a printed new study's reconstructions.
    """

    name: str
    data_sets: tuple[pd.DataFrame, ...] = ()
    moments: xr.Dataset | None = None
    remarks: tuple[Remark, ...] = ()
    verdict: str = ""

    @property
    def printed(self) -> bool:
        """Whether no rows of it are known."""
        return self.moments is not None or len(self.data_sets) > 1

    def laid_out(self, case: Question, scaling: Scaling | None = None) -> Design | MomentDesign:
        """Lay out the original's model over it."""
        if self.moments is None:
            return design(case.model, self.data_sets, case.study, scaling=scaling)
        return design_from_moments(case.model, self.moments, case.study, scaling=scaling)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What two studies say of one effect.

    Parameters
    ----------
    case : Case
        The original, with the model and the estimand.
    new : NewData
        The new rows.
    original, renewed : Likelihood
        Of B reconstructions of the original, and of the new data: one table, or B reconstructions. Of B pairs in all.
    prior : NormalPrior
        Of the effect.
    remarks : tuple of Remark
        What is odd about the new data, on their own or beside the original.
    shared : Effects or None
        Of the original's B reconstructions, each stacked with the new rows; None where both share the effect alone.
    """

    case: Case
    new: NewData
    original: Likelihood
    renewed: Likelihood
    prior: NormalPrior
    remarks: tuple[Remark, ...]
    shared: Effects | None = None

    @cached_property
    def effects(self) -> Effects:
        """What each reconstruction of the original says together with the new data, or with one version of them."""
        return self.shared or apart(self.original, self.renewed)

    def under(self, prior: NormalPrior) -> Pair:
        """Return the same pair under a prior of the effect: reconstructions of a study are equally probable then."""
        return replace(
            self,
            prior=prior,
            original=normalised(self.original, prior),
            renewed=normalised(self.renewed, prior),
            shared=self.shared
            and self.shared.per(log_evidence(self.original, prior) + log_evidence(self.renewed, prior)),
        )


def examples() -> dict[str, Path]:
    """Return the made-up tables that come with the package, by name."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "examples").glob("*.csv"))}


def both_studies(
    original: str | Path | Study | Fit | Case,
    new: str | Path | Study | pd.DataFrame | None,
    *,
    estimand: str = "",
    prior: str = DEFAULT_VARIANT,
    columns: Mapping[str, str] | None = None,
    mapping: str | Path | None = None,
    share: Share,
    datasets: int,
    seed: int,
    tell: Callable[[str], None] | None = None,
    **readings: str,
) -> tuple[Case, NewData | None]:
    """Read both studies, and refuse what can be refused before anything is drawn.

    Parameters
    ----------
    original, new, estimand, prior, columns, mapping, share, datasets, seed, tell, readings
        As `hikibayes.replicate` takes them; `new` may be none.

    Raises
    ------
    InputError
        One of them cannot be read, or the new study not as the original's measures: the message says which estimands it
        could be asked about; or the prior has no proper form.
    """
    seed = checked_seed(seed)
    if share not in get_args(Share.__value__):
        raise InputError(unknown_name("way to share", share, get_args(Share.__value__)), key="share")
    asked = question_of(original, **readings).asking(estimand)
    asked = replace(asked, variant=prior) if asked.synthetic else asked
    if asked.model.prior_set(asked.variant).rule:
        raise InputError(f"prior {asked.variant!r} depends on the data, or is none; both studies need one same prior")
    fresh = None if new is None else new_data(new, asked, columns=columns, mapping=mapping)
    case = asked if isinstance(asked, Case) else reconstructed(asked, count=datasets, seed=seed, tell=tell)
    if isinstance(fresh, Study):
        fresh = _from_print(fresh, case, datasets, seed, tell)
    return case, fresh


def new_data(
    what: str | Path | Study | pd.DataFrame,
    asked: Question,
    *,
    columns: Mapping[str, str] | None = None,
    mapping: str | Path | None = None,
) -> NewData | Study:
    """Read the new study: a table of participants, the folder of a fit, a study known from print, or an example.

    Parameters
    ----------
    what : str, Path, Study or pandas.DataFrame
        A table or its file; a folder that `fit` has written; a study, its file or its name; the name of an example.
    asked : Question
        Of the original.
    columns, mapping
        What headers and labels mean, as `fit` takes them.

    Raises
    ------
    InputError
        It cannot be read as the original's measures: the message says which estimands it could be asked about.
    """
    if isinstance(what, Study) or _names_a_study(what):
        return _other_study(what, asked)
    source = examples().get(str(what), what) if not isinstance(what, pd.DataFrame) else what
    if not isinstance(source, pd.DataFrame) and is_folder(source):
        source = load_fit(source).participants

    possible = _without_observed_ranges(asked)

    def read(measures: Sequence[str]) -> Participants:
        return participants(source, possible, measures, columns=columns, mapping=mapping)

    try:
        rows = read(asked.model.variables)
    except InputError as error:
        raise InputError(f"{error}{_survivors(asked, read)}") from None
    made_up = [Remark(kind="made_up", of="", count=len(rows.frame), text=f"{what} is made up: nobody was asked")]
    remarks = (*(made_up if str(what) in examples() else []), *rows.remarks)
    name = "a table" if isinstance(what, pd.DataFrame) else str(what)
    found = NewData(name=name, data_sets=(rows.frame,), remarks=remarks)
    _refuse_too_few(found.laid_out(asked), name)
    return found


def _without_observed_ranges(asked: Question) -> Study:
    """Return the original's study without the ranges that are only those of its own rows: others may be beyond."""
    if not isinstance(asked, Case) or asked.synthetic:
        return asked.study
    rows = asked.data_sets[0]

    def open_ended(measure: Measure) -> Measure:
        own = measure.kind == "number" and measure.id in rows
        if own and measure.range == (rows[measure.id].min(), rows[measure.id].max()):
            return measure.replace(range=None)
        return measure

    return asked.study.replace(
        measures=[open_ended(measure).model_dump(exclude_unset=True) for measure in asked.study.measures]
    )


def _names_a_study(what: str | Path | pd.DataFrame) -> TypeGuard[str | Path]:
    if isinstance(what, pd.DataFrame):
        return False
    return str(what) in shipped_studies() or Path(what).suffix == ".toml"


def _other_study(what: str | Path | Study, asked: Question) -> Study:
    study = load_study(what).read()
    if digest(study) == digest(asked.study):
        raise InputError("is the original itself; a replication is another study", source=str(what))
    known = [measure.id for measure in study.measures]
    for name in asked.model.variables:
        if name not in known:
            found = unknown_name("measure", name, known)
            raise InputError(f"{found}; both studies need the same measures, under the same ids", source=study.id)
        theirs, ours = _levels(study, name), _levels(asked.study, name)
        if sorted(theirs) != sorted(ours):
            raise InputError(
                f"has the levels {', '.join(theirs) or 'of no category'}; the original has"
                f" {', '.join(ours) or 'a number'}",
                source=study.id,
                key=name,
            )
    return study


def _levels(study: Study, name: str) -> list[str]:
    return [level.id for level in study.measure(name).levels]


def _from_print(study: Study, case: Case, count: int, seed: int, tell: Callable[[str], None] | None) -> NewData:
    """Take as many reconstructions as there are of the original, or, where that is known by its rows, so many.

    They are moments where the model needs no more, and the study counts its categories from the original's level.
    """
    alike = all(_levels(study, name) == _levels(case.study, name) for name in case.model.variables)
    if case.synthetic:
        count = len(case.laid_out.statistics)
    if alike and isinstance(case.laid_out, MomentDesign):
        moments = drawn(study, count=count, seed=seed, tell=tell)
        # each reconstruction meets one of the other study: not the one of the same place in its chain
        met = np.random.default_rng(seed).permutation(count) % moments.sizes["draw"]
        moments = moments.isel(draw=met)
        return NewData(name=study.id, moments=moments, verdict=str(moments.attrs.get("verdict", "")))
    made = case_of(study, datasets=count, seed=seed, tell=tell)
    return NewData(name=study.id, data_sets=made.data_sets, verdict=made.verdict)


def _survivors(case: Question, read: Callable[[Sequence[str]], Participants]) -> str:
    """Say which of the study's effects the new table can be asked about; nothing where it cannot be read at all."""

    def readable(measures: Sequence[str]) -> bool:
        try:
            read(measures)
        except InputError:
            return False
        return True

    if not readable([case.study.analysis.group] if case.study.analysis.group else case.model.variables[:1]):
        return ""

    effects = [e for e in case.study.estimands if KINDS[e.kind].scenarios] if case.synthetic else []
    steps = {step: readable(model_of(case.study, step).variables) for step in {step_of(case.study, e) for e in effects}}
    left = [e.name for e in effects if steps[step_of(case.study, e)]]
    if not left:
        return f"; without it neither {case.estimand.name} nor any other effect of the study can be compared"
    return f"; {case.estimand.name} cannot be compared without it; --estimand {' or '.join(left)} can"


def paired(case: Case, new: NewData, *, own_scale: bool = False, share: Share = "effect") -> Pair:
    """Lay both studies out by one model, and integrate everything out but the effect.

    Parameters
    ----------
    case : Case
        The original.
    new : NewData
        By `new_data`.
    own_scale : bool
        Standardise the new data by their own SDs: where the instrument is another one. Restriction of range then looks
        like a smaller effect.
    share : {"effect", "all"}
        Whether intercept, slopes and residual SD are each study's own, or one for both.

    Raises
    ------
    InputError
        The new data have no posterior; they are the original's own people; or nobody of them is at a level that the
        original has.
    """
    _refuse_same_people(case, new)
    first, original, prior = alone(case)
    scaling, remarks = _scaling(case, new, own_scale)
    laid_out = new.laid_out(case, scaling)
    if laid_out.columns != case.laid_out.columns:
        absent = sorted(set(case.laid_out.columns) ^ set(laid_out.columns))
        raise InputError(f"nobody is at a level that the other study has: {', '.join(absent)}", source=new.name)
    try:
        second = exact_posterior(laid_out, case.variant, nodes=NODES)
        size = len(laid_out.statistics)
        renewed = likelihood(second, np.resize(case.focal, (size, len(laid_out.columns)))[:, None])
        shared = _stacked(case, laid_out.statistics) if share == "all" else None
    except ExactEngineError as error:
        raise InputError(str(error), source=new.name) from None
    original, renewed = thinned(original, prior), thinned(renewed, prior)
    remarks = (*new.remarks, *remarks, *_opposite(first, second), *([SHARED] if shared else []))
    pair = Pair(case=case, new=new, original=original, renewed=renewed, prior=prior, remarks=remarks, shared=shared)
    return replace(pair.under(prior), remarks=(*remarks, *_same_numbers(pair)))


def _refuse_too_few(laid_out: Design | MomentDesign, name: str) -> None:
    """Raise where so few rows are left that an estimate under a flat prior has no standard error."""
    rows, coefficients = int(laid_out.statistics.n[0]), len(laid_out.columns) + 1
    if rows < coefficients + SPARE:
        raise InputError(
            f"{rows} rows for {coefficients} coefficients, intercept included; at least {coefficients + SPARE} rows"
            " say something of the effect",
            source=name,
        )


def _stacked(case: Case, new: SufficientStatistics) -> Effects:
    priors, old = exact_priors(case.laid_out, case.variant), case.laid_out.statistics
    assert isinstance(priors, NormalPriors)  # those that are none are refused
    size = max(len(old), len(new))
    old = old.take(np.arange(size) % len(old))
    return stacked(old, new, priors, np.resize(case.focal, old.x_mean.shape), at=old.x_mean, nodes=NODES)


def alone(case: Case) -> tuple[GaussianPosterior, Likelihood, NormalPrior]:
    """Return one study's posteriors, what it says of the effect, and the model's prior of that.

    Raises
    ------
    InputError
        There is no posterior.
    """
    contrast = case.focal[:, None]
    try:
        found = case.posterior(nodes=NODES)
        said = likelihood(found, contrast)
    except ExactEngineError as error:
        raise InputError(str(error), source=case.study.id) from None
    prior = found.marginal(contrast)
    assert prior.prior_mean is not None
    assert prior.prior_sd is not None
    return found, said, NormalPrior(float(prior.prior_mean.mean()), float(prior.prior_sd.mean()))


def _refuse_same_people(case: Case, new: NewData) -> None:
    """Raise where more rows are equal to the original's than chance explains."""
    if case.synthetic or new.printed:
        return
    names = list(case.model.variables)
    # a whole number may be 65 in one table and 65.0 in the other
    old, fresh = (
        table[names].apply(lambda column: column.astype(str).str.removesuffix(".0"))
        for table in (case.data_sets[0], new.data_sets[0])
    )
    shared = int(fresh.apply(tuple, axis=1).isin(set(old.apply(tuple, axis=1))).sum())
    shares = [(old[n].value_counts(normalize=True) * fresh[n].value_counts(normalize=True)).sum() for n in names]
    if shared > 3 * len(old) * len(fresh) * float(np.prod(shares)) + 1:
        raise InputError(
            f"{shared} of {len(fresh)} rows are rows of the original; a replication needs other people: leave them out",
            source=new.name,
        )


def _same_numbers(pair: Pair) -> list[Remark]:
    """Remark where as many people as the original's, of whom no rows are known, give its estimate and its error."""
    if not pair.case.synthetic or pair.new.printed:
        return []
    rows = len(pair.new.data_sets[0])
    if rows != pair.case.laid_out.statistics.n[0]:
        return []
    (was, se), (now, error) = flat_estimate(pair.original), flat_estimate(pair.renewed)
    if not ((np.abs(now - was) < ALIKE * se) & (np.abs(error / se - 1) < ALIKE)).any():
        return []
    text = "as many people as in the original, with its estimate and its standard error: are these its own people?"
    return [Remark(kind="same_numbers", of="", count=rows, text=text)]


def _scaling(case: Case, new: NewData, own: bool) -> tuple[Scaling | None, tuple[Remark, ...]]:
    """Return the SDs that make both studies' effects one parameter: the original's, where the original prints them.

    Scores that are z-scored by themselves turn a restriction of range into a smaller effect. An SD that is assumed is
    no better: the new data would then weigh the assumption by the priors of coefficients that both do not share.
    """
    if case.model.scaling == "raw":
        return None, ()
    known, fresh = case.laid_out.scaling, new.laid_out(case).scaling
    printed = {str(fact.of) for fact in case.study.facts_of("sd")} if case.synthetic else set(known.scale)
    mine = [name for name in case.model.variables if name in known.scale and (own or name not in printed)]

    def chosen(old: Mapping[str, FloatArray], young: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        return {n: young[n] if n in mine else np.full(len(young[n]), old[n].mean()) for n in old}

    scaling = Scaling(
        location=chosen(known.location, fresh.location),
        scale=chosen(known.scale, fresh.scale),
    )
    why = "as asked" if own else "the original prints none; where the range is restricted, this makes effects smaller"
    text = f"standardised by the new sample's own SDs ({why}): {', '.join(mine)}"
    return scaling, ((Remark(kind="scale", of="", count=len(mine), text=text),) if mine else ())


def _opposite(first: GaussianPosterior, second: GaussianPosterior) -> list[Remark]:
    """Remark where the new coefficients point the other way than the original's: as a whole, or one that is clear."""
    was, now = first.marginal(), second.marginal()
    old, fresh = (of.mean().mean(axis=0) for of in (was, now))
    old_se, se = (of.sd().mean(axis=0) for of in (was, now))
    clear = (old * fresh < 0) & (np.minimum(np.abs(old / old_se), np.abs(fresh / se)) > -OPPOSITE)
    names = ", ".join(name for name, is_clear in zip(first.names, clear, strict=True) if is_clear)
    pull = float((old * fresh / se**2).sum() / np.sqrt((old**2 / se**2).sum()))
    if pull > OPPOSITE and not names:
        return []
    which = f"coefficients of {names} point" if names else "coefficients, as a whole, point"
    text = f"{which} the other way than the original's; is a scale scored, or a group coded, in reverse?"
    return [Remark(kind="opposite_coefficients", of=names, count=int(clear.sum()) or len(old), text=text)]
