"""Many data sets as one answer: each step's model on every data set at once, under every prior.

Data sets weigh equally. They are versions of one study that all print what the paper printed, not studies of their own:
more of them sharpens what is known about the versions, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...spec import InputError
from ...study.moments import sample_moments
from ...study.study import Study
from ..estimands import Answers, answers
from ..gaussian.exact import GaussianPosterior
from ..models.compile import exact_posterior
from ..models.design import Design, design
from ..models.moment_design import MomentDesign, design_from_moments
from ..models.specs import DEFAULT_VARIANT, ModelSpec
from .estimates import Reporting, exact_estimates, least_squares_estimates

if TYPE_CHECKING:
    import xarray as xr

DEFAULT_READING = "default"
"""What the column ``reading`` says where every reading is decided by its default."""


@dataclass(frozen=True, kw_only=True)
class StepFit:
    """One step's model, laid out over every data set.

    Parameters
    ----------
    model : ModelSpec
        Named as the step.
    design : Design or MomentDesign
        Of B data sets.
    answers : Answers, optional
        The estimands that the step is asked for; None where there are none.
    """

    model: ModelSpec
    design: Design | MomentDesign
    answers: Answers | None

    def posterior(self, variant: str = DEFAULT_VARIANT) -> GaussianPosterior:
        """Return the exact posteriors of the B data sets under one variant of the priors."""
        return exact_posterior(self.design, variant)


def lay_out(study: Study, models: Mapping[str, ModelSpec], data_sets: Sequence[pd.DataFrame]) -> dict[str, StepFit]:
    """Lay out every step's model over tables of participants of the same size; raises `InputError` like `design`."""
    return _fits(study, {step: design(model, data_sets, study) for step, model in models.items()})


def lay_out_moments(study: Study, models: Mapping[str, ModelSpec], moments: xr.Dataset) -> dict[str, StepFit]:
    """Lay out every step's model over group moments with a leading dim; raises like `design_from_moments`."""
    return _fits(study, {step: design_from_moments(model, moments, study) for step, model in models.items()})


def moments_of(study: Study, data_sets: Sequence[pd.DataFrame]) -> xr.Dataset:
    """Return the group moments of tables of participants along a leading dim ``draw``."""
    each = [sample_moments(table, study) for table in data_sets]
    stacked = {
        name: (("draw", *each[0][name].dims), np.stack([m[name].values for m in each])) for name in ("mean", "cov")
    }
    return each[0].drop_vars(["mean", "cov"]).assign(stacked)


def estimates_of(
    fits: Mapping[str, StepFit],
    *,
    reading: str,
    seed: np.random.SeedSequence,
    reporting: Reporting | None = None,
    variants: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Summarise every estimand under every prior, the data sets together as one answer.

    Parameters
    ----------
    fits : mapping of str to StepFit
        By step.
    reading : str
        What the column ``reading`` says.
    seed : numpy.random.SeedSequence
        Of the draws behind shares of variance.
    reporting : Reporting, optional
        Interval and ROPE.
    variants : sequence of str, optional
        Which priors; by default all that each model has.

    Returns
    -------
    pandas.DataFrame
        With the columns of ``estimates.csv``; the OLS values of shares of variance are rows of engine ``ols``.
    """
    tables = list(_tables(fits, reading, seed, reporting, variants))
    return pd.concat(tables, ignore_index=True)


def _fits(study: Study, designs: Mapping[str, Design | MomentDesign]) -> dict[str, StepFit]:
    every = {step: _every_answer(made) for step, made in designs.items()}
    fits = {}
    for step, made in designs.items():
        before = study.step(step).after
        asked = made.model.estimands or _newly_answered(every[step], every.get(before or ""))
        found = _restricted(made, asked)
        fits[step] = StepFit(model=made.model, design=made, answers=found)
    return fits


def _every_answer(made: Design | MomentDesign) -> Answers | None:
    try:
        return answers(replace(made, model=made.model.replace(estimands=())))
    except InputError:
        return None


def _newly_answered(here: Answers | None, before: Answers | None) -> tuple[str, ...]:
    """Name the slopes and gaps that a step beside the main line answers and the step it extends does not."""
    earlier = {estimand.name for estimand in before.linear} if before else set()
    return tuple(estimand.name for estimand in here.linear if estimand.name not in earlier) if here else ()


def _restricted(made: Design | MomentDesign, asked: Sequence[str]) -> Answers | None:
    return answers(replace(made, model=made.model.replace(estimands=tuple(asked)))) if asked else None


def _tables(
    fits: Mapping[str, StepFit],
    reading: str,
    seed: np.random.SeedSequence,
    reporting: Reporting | None,
    variants: Sequence[str] | None,
) -> Iterator[pd.DataFrame]:
    # one child per (step, variant): a further variant leaves the other rows as they were
    for step_seed, fit in zip(seed.spawn(len(fits)), fits.values(), strict=True):
        if fit.answers is None:
            continue
        labels = {"study": fit.design.study.id, "reading": reading, "model": fit.model.name}
        for variant_seed, variant in zip(
            step_seed.spawn(len(fit.model.variant_names)), fit.model.variant_names, strict=True
        ):
            if variants is None or variant in variants:
                yield exact_estimates(
                    fit.posterior(variant),
                    fit.answers,
                    rng=np.random.default_rng(variant_seed),
                    reporting=reporting,
                    labels=labels | {"prior": variant, "engine": "exact"},
                )
        if fit.answers.variance:
            yield least_squares_estimates(fit.design, fit.answers, labels=labels)
