"""The stages that a stranger goes through, each by the function that a person would call.

A stage returns what is wrong with its result, in words; nothing where it passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import numpy as np
import pandas as pd

from ...arrays import FloatArray
from ...auditing.audit import audit
from ...folders import write_run
from ...inference.answers.ensemble import DEFAULT_READING, lay_out_moments
from ...inference.fit import fit
from ...inference.models.specs import ModelSpec
from ...inference.models.steps import step_models, step_of
from ...planning.designs.follow_up import follow_up
from ...planning.designs.simulation import Run, Simulation
from ...planning.power import power
from ...provenance import Stopwatch
from ...reanalysis.pipeline import reanalysis_files, reanalyze
from ...reanalysis.sources import Reconstructed
from ...reconstruction.calibrate import Calibration, calibrate
from ...reconstruction.synthesize import Synthesis, synthesize
from ...reporting.html import report, with_report
from ...robustness.case import Case
from ...robustness.confounding.sensitivity import confounding
from ...robustness.imbalance.sensitivity import imbalance
from ...robustness.priors.sensitivity import priors
from ...spec import validated
from ...study.study import Study
from .designs import Designed
from .stranger import Stranger


class NotTriedError(Exception):
    """A stage has nothing to do for a study, which then does not count."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is computed of each study.

    Attributes
    ----------
    draws : int
        Reconstructions.
    datasets : int
        Synthetic tables.
    replicates : int
        Simulated studies in each cell of a plan.
    seconds : float
        Processor time that a stage may take: one that takes longer has failed.
    """

    draws: int = 800
    datasets: int = 20
    replicates: int = 50
    seconds: float = 600.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A posterior of the focal contrast: of one table, or of several that weigh equally."""

    mean: float
    sd_within: float
    sd_between: float
    p_positive: float

    @classmethod
    def of(cls, mean: FloatArray, sd: FloatArray, p_positive: FloatArray) -> Self:
        """Put the posteriors of several tables together, each array of shape (B,)."""
        within, between = float(np.sqrt((sd**2).mean())), float(mean.std())
        return cls(mean=float(mean.mean()), sd_within=within, sd_between=between, p_positive=float(p_positive.mean()))

    @property
    def sd(self) -> float:
        """Of the mixture."""
        return float(np.hypot(self.sd_within, self.sd_between))

    @property
    def determined(self) -> bool:
        """Whether the print determines the contrast: SD between reconstructions at most a tenth of that within."""
        return self.sd_between <= 0.1 * self.sd_within


@dataclass
class Journey:
    """What has been made of a stranger so far. No stage but the last looks at the raw table."""

    stranger: Stranger | Designed
    effort: Effort
    calibration: Calibration | None = None
    synthesis: Synthesis | None = None
    answer: Answer | None = None

    @property
    def study(self) -> Study:
        """What was printed."""
        return self.stranger.study

    @property
    def seed(self) -> int:
        """Of everything random."""
        return self.stranger.seed

    @property
    def model(self) -> ModelSpec:
        """The model of the step that answers what the study is about."""
        return step_models(self.study)[step_of(self.study, self.study.focal_estimand)]

    @property
    def case(self) -> Case:
        """What sensitivity analyses are of."""
        assert self.synthesis is not None
        return Case(
            study=self.study,
            model=self.model,
            estimand=self.study.focal_estimand,
            data_sets=self.synthesis.datasets,
            synthetic=True,
        )


type Stage = Callable[[Journey], str]


def audited(journey: Journey) -> str:
    """Audit: a record printed from a table contradicts nothing."""
    wrong = (found := audit(journey.study))[found["verdict"] == "inconsistent"]
    return "; ".join(f"{row.check} ({row.facts})" for row in wrong.itertuples())


def calibrated(journey: Journey) -> str:
    """Calibrate: the sampler converges."""
    journey.calibration = calibrate(journey.study, draws=journey.effort.draws, seed=journey.seed)
    verdict = journey.calibration.verdict
    return "" if verdict.sound else str(verdict)


def synthesized(journey: Journey) -> str:
    """Synthesize: every table prints every fact."""
    assert journey.calibration is not None
    drawn = journey.calibration.reconstructions
    made = synthesize(journey.study, drawn, datasets=journey.effort.datasets, seed=journey.seed, workers=1)
    journey.synthesis = made
    missed = made.verification.loc[~made.verification["matches"].astype(bool), "fact"]
    return f"not printed: {', '.join(sorted(set(missed)))}" if len(missed) else ""


def fitted(journey: Journey) -> str:
    """Fit every synthetic table, and the reconstructions at once."""
    assert journey.calibration is not None
    assert journey.synthesis is not None
    single = [answer_of(journey, table) for table in journey.synthesis.datasets]
    mean, sd, p_positive = np.array([(each.mean, each.sd, each.p_positive) for each in single]).T
    journey.answer = Answer.of(mean, sd, p_positive)
    return "" if np.isfinite(journey.answer.sd) else "the focal contrast has no posterior"


def answer_of(journey: Journey, table: pd.DataFrame) -> Answer:
    """Return the posterior of the focal contrast of one table."""
    focal = journey.study.focal_estimand.name
    found = fit(journey.model, table, study=journey.study, engine="exact", seed=journey.seed).estimates
    [row] = found.loc[found["estimand"] == focal, ["mean", "sd", "p_positive"]].to_numpy(dtype=float)
    return Answer(mean=row[0], sd_within=row[1], sd_between=0.0, p_positive=row[2])


def answer_between(journey: Journey) -> tuple[Answer, np.ndarray]:
    """Return the posterior over all reconstructions, and the means of each."""
    assert journey.calibration is not None
    model = journey.model
    made = lay_out_moments(journey.study, {model.name: model}, journey.calibration.reconstructions)[model.name]
    assert made.answers is not None
    at = [estimand.name for estimand in made.answers.linear].index(journey.study.focal_estimand.name)
    marginal = made.posterior().marginal(made.answers.weights[:, [at]])
    mean = marginal.mean()[:, 0]
    return Answer.of(mean, marginal.sd()[:, 0], marginal.p_positive()[:, 0]), mean


def questioned(journey: Journey) -> str:
    """Ask for the sensitivity to priors, to confounding, and to an imbalance where the study has a category for it."""
    case = journey.case
    empty = [] if len(priors(case, seed=journey.seed, design=False).tipping) else ["priors"]
    empty += [] if len(confounding(case, seed=journey.seed).tipping) else ["confounding"]
    if isinstance(journey.stranger, Stranger) and journey.stranger.raw.flags:
        empty += [] if len(imbalance(case, seed=journey.seed).tipping) else ["imbalance"]
    return f"nothing is said about {', '.join(empty)}" if empty else ""


def planned(journey: Journey) -> str:
    """Plan a follow-up."""
    assert journey.calibration is not None
    upwards = journey.answer is None or journey.answer.mean >= 0
    plan: Simulation = follow_up(journey.study, journey.model.name, upwards=upwards, seed=journey.seed)
    plan = plan.replace(run=validated(Run, plan.run.model_dump() | {"replicates": journey.effort.replicates}, "bench"))
    drawn, models = journey.calibration.reconstructions, {journey.model.name: journey.model}
    found = power(plan, study=journey.study, reconstructions=drawn, models=models, workers=1)
    failed = int(found.power["failed"].sum())
    return f"{failed} simulated studies were not analysed" if failed else ""


def reported(journey: Journey) -> str:
    """Reanalyse from what there is, write the run folder, and make its report from the files alone."""
    assert journey.calibration is not None
    assert journey.synthesis is not None
    made = Reconstructed(
        data_sets=journey.synthesis.datasets,
        moments={DEFAULT_READING: journey.calibration.reconstructions},
        draws=journey.calibration.reconstructions,
        calibration=journey.calibration.table,
        verification=journey.synthesis.verification,
        verdict=journey.synthesis.verdict,
    )
    watch = Stopwatch()
    found = reanalyze(journey.study, seed=journey.seed, reconstructed=made, fast=True)
    arguments = {"study": journey.study.id, "datasets": journey.effort.datasets, "fast": True, "readings": {}}
    record = watch.record("reanalyze", arguments, seed=journey.seed, inputs={})
    with TemporaryDirectory() as folder:
        write_run(Path(folder), with_report(reanalysis_files(found), record), record)
        page = report(folder)
    return "" if "</html>" in page else "the report is not a whole page"


STAGES: Mapping[str, Stage] = {
    "audit": audited,
    "calibrate": calibrated,
    "synthesize": synthesized,
    "fit": fitted,
    "sensitivity": questioned,
    "power": planned,
    "report": reported,
}
"""In the order of the work."""
