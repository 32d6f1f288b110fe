"""How a planned study will be analysed: the model's columns, its priors, and the estimands as weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from ...arrays import FloatArray, IntArray
from ...estimands import KINDS
from ...inference.gaussian.normal_priors import Priors
from ...inference.models.compile import exact_priors
from ...inference.models.specs import ModelSpec
from ...inference.nuts.graph import sum_score_limits
from ...spec import InputError, digest
from ...study.study import Estimand
from ..designs.simulation import Simulation
from ..populations.columns import CellColumns


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """How the planned study will be analysed.

    Parameters
    ----------
    model : ModelSpec
        Formula, family, priors.
    variant : str
        Which of its priors.
    columns : CellColumns
        Its design, by cell.
    weights : array, shape (k, p)
        Weights of each estimand over the columns; 0 for a share of variance.
    blocks : mapping of int to two arrays of int
        Of the estimands that are shares of variance: columns beyond which they explain, and their own.
    engine : {"exact", "nuts"}
        Who computes the posterior.
    priors : Priors or None
        For the exact engine; None where each data set makes its own.
    """

    model: ModelSpec
    variant: str
    columns: CellColumns
    weights: FloatArray
    blocks: Mapping[int, tuple[IntArray, IntArray]]
    engine: Literal["exact", "nuts"]
    priors: Priors | None

    def identity(self) -> list[str]:
        """Return what tells this analysis from others."""
        return [digest(self.model), self.variant, self.engine]


def analysis_of(
    columns: CellColumns, variant: str, simulation: Simulation, estimands: Sequence[Estimand], mix: FloatArray
) -> Analysis:
    """Lay out an analysis.

    Parameters
    ----------
    columns : CellColumns
        The model's design, by cell.
    variant : str
        Which of the model's priors.
    simulation : Simulation
        Which engine it wants, and which decisions it will take.
    estimands : sequence of Estimand
        What the model must answer.
    mix : array, shape (L,)
        Shares of the category's levels at which they are taken.

    Raises
    ------
    InputError
        The model does not answer an estimand, or no engine takes it as it is.
    """
    model = columns.model
    blocks = {i: columns.step_columns(each) for i, each in enumerate(estimands) if not KINDS[each.kind].scenarios}
    weights = np.stack(
        [
            np.zeros(len(columns.names)) if i in blocks else columns.weights(estimand, mix)
            for i, estimand in enumerate(estimands)
        ]
    )
    engine, priors = _engine(columns, variant, simulation.run.engine)
    if engine == "nuts":
        _refuse_nuts(columns, variant, simulation)
        if blocks:
            raise InputError(
                f"estimand {estimands[min(blocks)].name!r}: a share of variance comes from the exact engine, not NUTS"
            )
    return Analysis(
        model=model, variant=variant, columns=columns, weights=weights, blocks=blocks, engine=engine, priors=priors
    )


def _engine(
    columns: CellColumns, variant: str, wanted: Literal["auto", "exact", "nuts"]
) -> tuple[Literal["exact", "nuts"], Priors | None]:
    """Choose the engine: the exact one wherever it applies, unless a person says otherwise."""
    model = columns.model
    if wanted == "nuts":
        return "nuts", None
    if model.family == "gaussian" and model.prior_set(variant).rule == "bambi_default":
        return "exact", None
    try:
        # in its cells, too, a model has the terms, columns and codings that priors are of
        return "exact", exact_priors(cast("Any", columns), variant)
    except InputError:
        if wanted == "exact":
            raise
        return "nuts", None


def _refuse_nuts(columns: CellColumns, variant: str, simulation: Simulation) -> None:
    model, axes = columns.model, simulation.axes
    if model.family == "beta_binomial":
        sum_score_limits(model, columns.frame.study)
        if set(axes.answers) != {"likert"}:
            raise InputError(
                f"model {model.name!r} is of whole numbers; answers = ['likert'] draws them", key="axes.answers"
            )
    if model.measurement_error and any(not isinstance(each, str) for each in axes.reliability):
        raise InputError(
            f"model {model.name!r} says itself how reliable its measures are; reliability stays 'as_printed'",
            key="axes.reliability",
        )
    if model.prior_set(variant).rule == "flat":
        raise InputError(
            f"prior {variant!r} of model {model.name!r} is for the exact engine; NUTS needs it written out"
        )
    if asking := simulation.asking_bayes_factor:
        raise InputError(f"decision {asking[0]!r}: a Bayes factor comes from the exact engine, not from NUTS")
