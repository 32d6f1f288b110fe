"""What is analysed: one model's answer to what a study is about, on one's own table or on versions of a printed one.

Every analysis asks the same of a case, whether it comes from a published record or from somebody's own fit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self, TypeGuard

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ..arrays import FloatArray
from ..defaults import DEFAULT_STUDY
from ..estimands import KINDS
from ..inference.answers.remarks import remark_table
from ..inference.estimands import Answers, answers
from ..inference.fit import Fit
from ..inference.gaussian.exact import Draws, GaussianPosterior
from ..inference.gaussian.mixture import Mixture
from ..inference.models.compile import exact_posterior
from ..inference.models.design import Design, design
from ..inference.models.moment_design import MomentDesign, design_from_moments
from ..inference.models.specs import DEFAULT_VARIANT, ModelSpec
from ..inference.models.steps import model_of, step_of
from ..inference.saved_fit import SavedFit, load_fit
from ..shown import Shown
from ..spec import InputError, checked_seed
from ..study.study import Estimand, Study
from ..study.study_file import load_study, shipped_studies

DRAWS = 4000
TOLERANCE = 1e-9
"""A column's weight below this is none."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Question(Shown):
    """One model and what it is asked, before there are data.

    Parameters
    ----------
    study : Study
        With its readings decided.
    model : ModelSpec
        It answers `estimand`.
    estimand : Estimand
        What the study is about.
    synthetic : bool
        Whether data are made from a record. Then data sets weigh equally, and are one answer together.
    variant : str
        Which of the model's priors are its own.

    Raises
    ------
    InputError
        It is about a share of variance.
    """

    study: Study
    model: ModelSpec
    estimand: Estimand
    synthetic: bool
    variant: str = DEFAULT_VARIANT

    def __post_init__(self) -> None:
        if not KINDS[self.estimand.kind].scenarios:
            raise InputError(f"{self.estimand.name!r} is a share of variance; what is asked here is of an effect")

    def asking(self, estimand: str) -> Self:
        """Return the same with another question, answered by the model of its step; raises `InputError`."""
        if not estimand:
            return self
        study = self.study.asking(estimand)
        model = model_of(study, step_of(study, study.focal_estimand)) if self.synthetic else self.model
        return replace(self, study=study, estimand=study.focal_estimand, model=model)


@dataclass(frozen=True, kw_only=True, repr=False)
class Case(Question):
    """One model, one question, and the data that answer it.

    Parameters
    ----------
    study, model, estimand, synthetic, variant
        As of a `Question`.
    data_sets : tuple of pandas.DataFrame
        Participants in the measures' own units, columns named by measure id: B synthetic versions of a study's sample,
        all of the same size, or one table of somebody's own. None of a case that is known by `reconstructions` alone.
    verdict : str
        What the sampler said of the reconstructions that synthetic data sets were made of; empty for a fit.
    reconstructions : xarray.Dataset or None
        What synthetic data sets were made of, where it is at hand; or B reconstructions themselves.
    remarks : pandas.DataFrame
        A fit's own: reference levels, and what is odd about its table. Empty for a study.

    Raises
    ------
    InputError
        There are no data, or the model cannot answer the estimand.
    """

    data_sets: tuple[pd.DataFrame, ...] = ()
    verdict: str = ""
    reconstructions: xr.Dataset | None = None
    remarks: pd.DataFrame = field(default_factory=partial(remark_table, ()))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.data_sets and self.reconstructions is None:
            raise InputError("there is no data set; at least one is needed")
        _ = self.focal

    @cached_property
    def laid_out(self) -> Design | MomentDesign:
        """The model over the B data sets, or over the moments of B reconstructions."""
        if self.data_sets:
            return self.design
        assert self.reconstructions is not None
        return design_from_moments(self.model, self.reconstructions, self.study)

    @cached_property
    def design(self) -> Design:
        """The model over the B data sets."""
        return design(self.model, self.data_sets, self.study)

    @cached_property
    def answers(self) -> Answers:
        """Every estimand that the model is asked for."""
        return answers(self.laid_out)

    @cached_property
    def focal(self) -> FloatArray:
        """Weights of the estimand over the design's columns, shape (B, p), in standardised units."""
        asked = self.model.replace(estimands=(self.estimand.name,))
        return answers(replace(self.laid_out, model=asked)).weights[:, 0]

    @cached_property
    def marginal(self) -> Mixture:
        """Posterior of the estimand in each data set, under the case's own priors."""
        return self.posterior().marginal(self.focal[:, None])

    @cached_property
    def coefficient(self) -> tuple[int, int] | None:
        """The one column of the design whose coefficient the estimand is, and its sign; None where it is of several."""
        (columns,) = np.nonzero(np.abs(self.focal).max(axis=0) > TOLERANCE)
        if len(columns) != 1 or not np.allclose(np.abs(self.focal[:, columns]), 1):
            return None
        return int(columns[0]), int(np.sign(self.focal[0, columns[0]]))

    def numbers(self, name: str) -> FloatArray:
        """Return a measure's values in its own unit, (B, n); raises `InputError` where the data have it not."""
        return np.stack([own.to_numpy(dtype=np.float64, na_value=np.nan) for own in self._columns(name)])

    def labels(self, name: str) -> NDArray[np.str_]:
        """Return a category's labels, (B, n); raises `InputError` where the data have it not."""
        return np.stack([own.astype(str).to_numpy(dtype=str) for own in self._columns(name)])

    def _columns(self, name: str) -> list[pd.Series]:
        if name not in self.data_sets[0]:
            raise InputError(f"these data have no {name!r}")
        return [table[name] for table in self.data_sets]

    def draws(self, rng: np.random.Generator) -> Draws:
        """Draw from the posteriors: `DRAWS` times, the data sets together, and from each at least 20 times."""
        return self.posterior().draws(rng, max(20, -(-DRAWS // len(self.data_sets))))

    def posterior(self, variant: str | None = None, *, nodes: int = 15) -> GaussianPosterior:
        """Return the exact posteriors of the B data sets; raises like `exact_posterior`."""
        return exact_posterior(self.laid_out, variant or self.variant, nodes=nodes)


def case_of(
    what: str | Path | Study | Fit | Case = DEFAULT_STUDY,
    *,
    datasets: int = 200,
    seed: int,
    estimand: str = "",
    tell: Callable[[str], None] | None = None,
    **readings: str,
) -> Case:
    """Find out what a person wants analysed: a study, or a fit of their own.

    Parameters
    ----------
    what : str, Path, Study, Fit or Case
        The name of a shipped study, a study file, the folder of a fit, or one of these that is loaded already.
    datasets : int
        How many versions of a study's sample to make; a fit has one.
    seed : int
        Of these versions.
    estimand : str
        What is asked; by default what the study, or the fit, is about.
    tell : callable, optional
        Told what begins.
    **readings : str
        Option by reading, of a study.

    Returns
    -------
    Case

    Raises
    ------
    InputError
        There is no such study or folder, or its model does not answer what the study is about.
    """
    seed = checked_seed(seed)
    asked = question_of(what, estimand, **readings)
    return asked if isinstance(asked, Case) else _by_data_sets(asked, count=datasets, seed=seed, tell=tell)


def question_of(what: str | Path | Study | Fit | Case, estimand: str = "", **readings: str) -> Question:
    """Find out what is asked: of a study a question, for which data are still to be made, of a fit a `Case`.

    Parameters and errors are those of `case_of`.
    """
    if isinstance(what, Case):
        return what.asking(estimand)
    if isinstance(what, Fit) or is_folder(what):
        if readings:
            raise InputError("a fit has no readings: what it is a fit of is decided", source=str(what))
        return _case_of(what, estimand) if isinstance(what, Fit) else case_of_fit(what, estimand)
    study = load_study(what).read(**readings).asking(estimand)
    asked = study.focal_estimand
    return Question(study=study, model=model_of(study, step_of(study, asked)), estimand=asked, synthetic=True)


def is_folder(what: str | Path | Study) -> TypeGuard[str | Path]:
    """Tell whether this names a folder, as of a fit, and not a study."""
    # Path.is_dir raises where a name is too long to be one
    return isinstance(what, str | Path) and str(what) not in shipped_studies() and os.path.isdir(what)  # noqa: PTH112


def _by_data_sets(asked: Question, *, count: int, seed: int, tell: Callable[[str], None] | None) -> Case:
    """Answer a question by versions of a study's sample; raises `InputError` where no data satisfy the record."""
    from ..reconstruction.calibrate import shipped_or_calibrated
    from ..reconstruction.synthesize import synthesize

    reconstructions = shipped_or_calibrated(asked.study, seed=seed, tell=tell)
    if tell:
        tell(f"making {count} data sets that print every fact")
    made = synthesize(asked.study, reconstructions, datasets=count, seed=seed)
    return Case(**_parts(asked), data_sets=made.datasets, verdict=made.verdict, reconstructions=reconstructions)


def _parts(asked: Question) -> dict[str, Any]:
    return {each.name: getattr(asked, each.name) for each in fields(Question)}


def reconstructed(asked: Question, *, count: int, seed: int, tell: Callable[[str], None] | None = None) -> Case:
    """Answer a question by reconstructions of a study's moments: a regression needs no more of its participants.

    Parameters
    ----------
    asked : Question
        Of a study.
    count : int
        How many reconstructions to take of those there are. Where the model is bent in a score, and needs the scores
        themselves, participants are made of them.
    seed, tell
        As `case_of` takes them; and raises like it.
    """
    draws = drawn(asked.study, count=count, seed=seed, tell=tell)
    try:
        return Case(**_parts(asked), reconstructions=draws, verdict=str(draws.attrs.get("verdict", "")))
    except InputError:
        return _by_data_sets(asked, count=count, seed=seed, tell=tell)


def drawn(study: Study, *, count: int, seed: int, tell: Callable[[str], None] | None = None) -> xr.Dataset:
    """Return so many of a study's reconstructions, evenly spaced, or all where there are fewer."""
    from ..reconstruction.calibrate import shipped_or_calibrated

    draws = shipped_or_calibrated(study, seed=seed, tell=tell)
    last = draws.sizes["draw"] - 1
    return draws.isel(draw=np.unique(np.linspace(0, last, count).round().astype(int)))


def case_of_fit(folder: str | Path, estimand: str = "") -> Case:
    """Take up a fit that `hikibayes fit` has written.

    Parameters
    ----------
    folder : str or Path
        Where it lies.
    estimand : str
        What is asked; by default what the fit is about.

    Returns
    -------
    Case

    Raises
    ------
    InputError
        The folder is no fit's, or the fit's model does not answer what the study is about.
    """
    try:
        return _case_of(load_fit(folder), estimand)
    except InputError as error:
        raise InputError(str(error), source=None if str(folder) in str(error) else folder) from None


def _case_of(fitted: Fit | SavedFit, estimand: str) -> Case:
    study = (fitted.study.read() if fitted.study.readings else fitted.study).asking(estimand)
    rows = fitted.participants
    return Case(
        study=study,
        model=fitted.model,
        estimand=study.focal_estimand,
        data_sets=(rows if isinstance(rows, pd.DataFrame) else rows.frame,),
        synthetic=False,
        variant=fitted.variant,
        remarks=fitted.remarks,
    )
