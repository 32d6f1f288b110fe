"""What is analysed: one model's answer to what a study is about, on one's own table or on versions of a printed one.

Every analysis asks the same of a case, whether it comes from a published record or from somebody's own fit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeGuard

import pandas as pd
import xarray as xr

from ..arrays import FloatArray
from ..defaults import DEFAULT_STUDY
from ..estimands import KINDS
from ..inference.answers.remarks import remark_table
from ..inference.estimands import Answers, answers
from ..inference.fit import Fit
from ..inference.gaussian.exact import GaussianPosterior
from ..inference.gaussian.mixture import Mixture
from ..inference.models.compile import exact_posterior
from ..inference.models.design import Design, design
from ..inference.models.specs import DEFAULT_VARIANT, ModelSpec
from ..inference.models.steps import model_of, step_of
from ..inference.saved_fit import SavedFit, load_fit
from ..shown import Shown
from ..spec import InputError, checked_seed
from ..study.study import Estimand, Study
from ..study.study_file import load_study, shipped_studies


@dataclass(frozen=True, kw_only=True, repr=False)
class Case(Shown):
    """One model, one question, and the data that answer it.

    Parameters
    ----------
    study : Study
        With its readings decided.
    model : ModelSpec
        It answers `estimand`.
    estimand : Estimand
        What the study is about.
    data_sets : tuple of pandas.DataFrame
        Participants in the measures' own units, columns named by measure id: B synthetic versions of a study's sample,
        all of the same size, or one table of somebody's own.
    synthetic : bool
        Whether the data sets are made from a record. Then they weigh equally, and are one answer together.
    variant : str
        Which of the model's priors are the case's own.
    verdict : str
        What the sampler said of the reconstructions that synthetic data sets were made of; empty for a fit.
    reconstructions : xarray.Dataset or None
        What synthetic data sets were made of, where it is at hand.
    remarks : pandas.DataFrame
        A fit's own: reference levels, and what is odd about its table. Empty for a study.

    Raises
    ------
    InputError
        There is no data set, or the model cannot answer the estimand.
    """

    study: Study
    model: ModelSpec
    estimand: Estimand
    data_sets: tuple[pd.DataFrame, ...]
    synthetic: bool
    variant: str = DEFAULT_VARIANT
    verdict: str = ""
    reconstructions: xr.Dataset | None = None
    remarks: pd.DataFrame = field(default_factory=partial(remark_table, ()))

    def __post_init__(self) -> None:
        if not self.data_sets:
            raise InputError("there is no data set; at least one is needed")
        if not KINDS[self.estimand.kind].scenarios:
            raise InputError(f"{self.estimand.name!r} is a share of variance; what is asked here is of an effect")
        _ = self.focal

    @cached_property
    def design(self) -> Design:
        """The model over the B data sets."""
        return design(self.model, self.data_sets, self.study)

    @cached_property
    def answers(self) -> Answers:
        """Every estimand that the model is asked for."""
        return answers(self.design)

    @cached_property
    def focal(self) -> FloatArray:
        """Weights of the estimand over the design's columns, shape (B, p), in standardised units."""
        asked = self.model.replace(estimands=(self.estimand.name,))
        return answers(replace(self.design, model=asked)).weights[:, 0]

    @cached_property
    def marginal(self) -> Mixture:
        """Posterior of the estimand in each data set, under the case's own priors."""
        return self.posterior().marginal(self.focal[:, None])

    def asking(self, estimand: str) -> Case:
        """Return the case with another question, answered by the model of its step; raises `InputError`."""
        if not estimand:
            return self
        study = self.study.asking(estimand)
        model = model_of(study, step_of(study, study.focal_estimand)) if self.synthetic else self.model
        return replace(self, study=study, estimand=study.focal_estimand, model=model)

    def posterior(self, variant: str | None = None, *, nodes: int = 15) -> GaussianPosterior:
        """Return the exact posteriors of the B data sets; raises like `exact_posterior`."""
        return exact_posterior(self.design, variant or self.variant, nodes=nodes)


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
    if isinstance(what, Case):
        return what.asking(estimand)
    if isinstance(what, Fit) or is_folder(what):
        if readings:
            raise InputError("a fit has no readings: what it is a fit of is decided", source=str(what))
        return _case_of(what, estimand) if isinstance(what, Fit) else case_of_fit(what, estimand)
    return case_of_study(load_study(what).read(**readings).asking(estimand), datasets=datasets, seed=seed, tell=tell)


def is_folder(what: str | Path | Study) -> TypeGuard[str | Path]:
    """Tell whether this names a folder, as of a fit, and not a study."""
    # Path.is_dir raises where a name is too long to be one
    return isinstance(what, str | Path) and str(what) not in shipped_studies() and os.path.isdir(what)  # noqa: PTH112


def case_of_study(study: Study, *, datasets: int, seed: int, tell: Callable[[str], None] | None = None) -> Case:
    """Make versions of a study's sample, to be answered by the model of the step that the study rests on.

    Parameters
    ----------
    study : Study
        With its readings decided.
    datasets : int
        How many.
    seed : int
        Of the data sets, and of reconstructions where the study comes with none.
    tell : callable, optional
        Told what begins.

    Returns
    -------
    Case

    Raises
    ------
    InputError
        The study has no estimand, or no data satisfy its record.
    """
    from ..reconstruction.calibrate import shipped_or_calibrated
    from ..reconstruction.synthesize import synthesize

    estimand = study.focal_estimand
    reconstructions = shipped_or_calibrated(study, seed=seed, tell=tell)
    if tell:
        tell(f"making {datasets} data sets that print every fact")
    made = synthesize(study, reconstructions, datasets=datasets, seed=seed)
    model = model_of(study, step_of(study, estimand))
    return Case(
        study=study,
        model=model,
        estimand=estimand,
        data_sets=made.datasets,
        synthetic=True,
        verdict=made.verdict,
        reconstructions=reconstructions,
    )


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
