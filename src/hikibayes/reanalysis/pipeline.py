"""The main job: from a printed record to what a Bayesian says about the study, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..auditing.audit import audit
from ..defaults import DEFAULT_SEED, DEFAULT_STUDY
from ..inference.answers.ensemble import DEFAULT_READING, StepFit, estimates_of, lay_out_moments, moments_of
from ..inference.models.specs import DEFAULT_VARIANT, ModelSpec
from ..inference.models.steps import step_models, step_of
from ..reconstruction.participants.codebook import codebook, marked
from ..reconstruction.reconstructions import has_converged, reconstructions_note
from ..robustness.analyses import sensitivity_analyses
from ..robustness.case import Case
from ..shown import Shown
from ..spec import InputError, checked_seed, spec_text
from ..study.study import Study
from ..study.study_file import load_study
from .checks import left_out, posterior_predictive, prior_predictive
from .curves import conditional_effects, difference_curve
from .engines import AGREEMENT_COLUMNS, Beside, Sampler, accepted
from .published import published_against_posterior
from .readings import reading_estimates, readings_table, spread_over_readings

if TYPE_CHECKING:
    from .sources import Reconstructed

type Progress = Callable[[str], None]
"""Told what begins now, in a few words for a person who waits."""

LEFT_OUT_DATA_SETS = 20
"""Data sets on which the steps' predictions are compared: it takes rows, and these say enough."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Reanalysis(Shown):
    """What the main job found. Every table has the columns of the file of its name.

    Parameters
    ----------
    study : Study
        With its readings open.
    models : mapping of str to ModelSpec
        By step.
    audit : pandas.DataFrame
        Whether the printed numbers agree with each other.
    calibration, verification : pandas.DataFrame
        What the record pins down; and every printed number recomputed from every synthetic data set.
    estimates : pandas.DataFrame
        Every estimand by model, prior, engine and reading.
    readings : pandas.DataFrame
        The same estimands under every reading, side by side.
    published : pandas.DataFrame
        Printed numbers against posteriors.
    johnson_neyman, conditional_effects : pandas.DataFrame
        Curves over the focal measure.
    prior_predictive, posterior_predictive, posterior_statistics, loo : pandas.DataFrame
        Predictive checks, and the steps compared by leave-one-out.
    diagnostics, agreement : pandas.DataFrame
        Of NUTS, and of NUTS against the exact engine; empty where NUTS was left out.
    participants : pandas.DataFrame
        The first synthetic data set.
    sensitivity : mapping of str to pandas.DataFrame
        What would have to be true for the conclusion to fail, and the tables behind it.
    planning : mapping of str to pandas.DataFrame or str
        Files on the next study; see `hikibayes.planning.results.tables`. Empty where planning has no model for it.
    verdict : str
        What the sampler said of the reconstructions that everything rests on, in words.
    """

    study: Study
    models: Mapping[str, ModelSpec]
    audit: pd.DataFrame
    calibration: pd.DataFrame
    verification: pd.DataFrame
    estimates: pd.DataFrame
    readings: pd.DataFrame
    published: pd.DataFrame
    johnson_neyman: pd.DataFrame
    conditional_effects: pd.DataFrame
    prior_predictive: pd.DataFrame
    posterior_predictive: pd.DataFrame
    posterior_statistics: pd.DataFrame
    loo: pd.DataFrame
    diagnostics: pd.DataFrame
    agreement: pd.DataFrame
    participants: pd.DataFrame
    sensitivity: Mapping[str, pd.DataFrame]
    planning: Mapping[str, pd.DataFrame | str]
    verdict: str = ""

    @property
    def unsound(self) -> tuple[str, ...]:
        """What is wrong, in words; empty where the record agrees, every fact is printed and the engines converge."""
        found = {
            "the record contradicts itself": (self.audit["verdict"] == "inconsistent").any(),
            "a synthetic data set misses a printed number": not self.verification["matches"].all(),
            "the reconstructions did not converge": not has_converged(self.verdict),
            "NUTS did not converge": not self.diagnostics["ok"].all() if len(self.diagnostics) else False,
            "NUTS and the exact engine differ": not accepted(self.agreement) if len(self.agreement) else False,
        }
        return tuple(words for words, wrong in found.items() if wrong)


def reanalyze(
    study: str | Path | Study = DEFAULT_STUDY,
    *,
    seed: int = DEFAULT_SEED,
    datasets: int = 200,
    nuts_datasets: int = 20,
    fast: bool = False,
    progress: Progress | None = None,
    reconstructions: str | Path | None = None,
    reconstructed: Reconstructed | None = None,
    sampler: Sampler | None = None,
) -> Reanalysis:
    """Reanalyse a published study from its printed numbers alone; writes nothing.

    Parameters
    ----------
    study : str, Path or Study
        Name of a shipped study, a study file, or a study; with its readings open, and at least one estimand.
    seed : int
        Everything random follows from it.
    datasets : int
        Synthetic data sets, each printing what the paper printed; the exact engine fits all of them.
    nuts_datasets : int
        How many of them NUTS fits too.
    fast : bool
        Leave NUTS out.
    progress : callable, optional
        Told what begins.
    reconstructions : path, optional
        A file that `hikibayes calibrate` wrote for the default readings; by default those shipped with the study, those
        drawn before on this machine, or new ones.
    reconstructed : Reconstructed, optional
        Data sets and reconstructions to use instead of making them.
    sampler : Sampler, optional
        NUTS to use instead of the house's own.

    Returns
    -------
    Reanalysis

    Raises
    ------
    InputError
        The study has no estimand, or a number of data sets below 2 (below 1 for NUTS).
    """
    study, seed = load_study(study), checked_seed(seed)
    _refuse(study, datasets, None if fast else nuts_datasets)
    say = progress or (lambda _: None)
    say("auditing the record")
    audited = audit(study)
    beside = None if fast else _beside(study, nuts_datasets, sampler, seed)
    if beside:
        say(f"{nuts_datasets} data sets will be fitted by NUTS too, beside the rest")
    if reconstructed is None:
        from .sources import reconstruct

        each = (lambda data: beside.see(data.participants)) if beside else None
        reconstructed = reconstruct(
            study, datasets, seed=seed, fast=fast, reconstructions=reconstructions, progress=say, each=each
        )
    elif beside:
        for table in reconstructed.data_sets[:nuts_datasets]:
            beside.see(table)
    job = _Job(study=study, reconstructed=reconstructed, seed=seed, say=say)
    say(f"fitting {len(job.data_sets)} data sets by the exact engine")
    estimates = estimates_of(job.fits, reading=DEFAULT_READING, seed=job.seed_of("estimates"))
    say("asking the same under the other readings")
    other = reading_estimates(study, reconstructed.moments, seed=job.seed_of("readings"))
    say("checking the models")
    checks, sensitivity = {**job.curves(), **job.checks()}, job.sensitivity()
    if beside:
        say("waiting for NUTS")
    engines = beside.result() if beside else None
    side_by_side = readings_table(study, other)
    every = _stacked(estimates, engines.estimates if engines else None, other[other["reading"] != DEFAULT_READING])
    every = _with_readings(job.read, every, spread := spread_over_readings(side_by_side))
    published = published_against_posterior(job.read, every, spread)
    return Reanalysis(
        study=study,
        models=job.models,
        audit=audited,
        calibration=reconstructed.calibration,
        verification=reconstructed.verification,
        estimates=every,
        readings=side_by_side,
        published=published,
        diagnostics=engines.diagnostics if engines else pd.DataFrame(columns=["check", "ok"]),
        agreement=engines.agreement if engines else pd.DataFrame(columns=list(AGREEMENT_COLUMNS)),
        participants=job.data_sets[0],
        sensitivity=sensitivity,
        planning=job.planning(published),
        verdict=reconstructed.verdict,
        **checks,
    )


def reanalysis_files(result: Reanalysis) -> dict[str, pd.DataFrame | str]:
    """Return a reanalysis as files: name to content. Tables without a row are left out."""
    tables = {name: value for name, value in vars(result).items() if isinstance(value, pd.DataFrame) and len(value)}
    tables |= result.sensitivity
    first = tables.pop("participants", None)
    files: dict[str, pd.DataFrame | str] = {f"{name}.csv": table for name, table in tables.items()}
    if first is not None:
        files |= {"dataset-0001.csv": marked(first, 1), "codebook.csv": codebook(result.study)}
    files |= {**result.planning, **reconstructions_note(result.verdict)}
    return files | {"study.json": spec_text(result.study), "models.json": spec_text(result.models)}


# -- stages ---------------------------------------------------------------------------------------------------------


def _refuse(study: Study, datasets: int, nuts_datasets: int | None) -> None:
    if not study.estimands:
        raise InputError(f"study {study.id!r} has no estimand; a reanalysis needs to know what the study is about")
    if not study.citation:
        raise InputError(f"study {study.id!r} has no [citation]; a reanalysis names what it is of")
    if datasets < 2:
        raise InputError(f"the number of data sets is {datasets}; at least 2 are accepted")
    if nuts_datasets is not None and not 1 <= nuts_datasets <= datasets:
        raise InputError(f"NUTS is to fit {nuts_datasets} data sets; between 1 and {datasets} are accepted")


STAGES = ("estimates", "readings", "prior_predictive", "posterior_predictive", "engines", "sensitivity", "planning")


def _seed_of(seed: int, stage: str) -> np.random.SeedSequence:
    """Return a stage's own randomness: what another stage draws does not change it."""
    return np.random.SeedSequence(seed, spawn_key=(STAGES.index(stage),))


def _beside(study: Study, count: int, sampler: Sampler | None, seed: int) -> Beside:
    read = study.read()
    return Beside(
        step_models(read)[step_of(read, read.focal_estimand)],
        read,
        count,
        sampler,
        seed=int(_seed_of(seed, "engines").generate_state(1)[0]),
        labels={"study": study.id, "reading": DEFAULT_READING},
    )


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What the stages share."""

    study: Study
    reconstructed: Reconstructed
    seed: int
    say: Progress

    @property
    def data_sets(self) -> tuple[pd.DataFrame, ...]:
        return self.reconstructed.data_sets

    @cached_property
    def read(self) -> Study:
        """The study with its readings decided by their defaults."""
        return self.study.read()

    @property
    def answering(self) -> str:
        """The step whose model answers what the study is about."""
        return step_of(self.read, self.read.focal_estimand)

    @cached_property
    def models(self) -> dict[str, ModelSpec]:
        return step_models(self.read)

    @cached_property
    def fits(self) -> dict[str, StepFit]:
        return lay_out_moments(self.read, self.models, moments_of(self.read, self.data_sets))

    def seed_of(self, stage: str) -> np.random.SeedSequence:
        return _seed_of(self.seed, stage)

    def sensitivity(self) -> dict[str, pd.DataFrame]:
        self.say("sensitivity analyses")
        case = Case(
            study=self.read,
            model=self.models[self.answering],
            estimand=self.read.focal_estimand,
            data_sets=self.data_sets,
            synthetic=True,
            reconstructions=self.reconstructed.draws,
        )
        return sensitivity_analyses(case, seed=int(self.seed_of("sensitivity").generate_state(1)[0]))

    def planning(self, published: pd.DataFrame) -> dict[str, pd.DataFrame | str]:
        from ..planning.designs.follow_up import follow_up
        from ..planning.power import power
        from ..planning.results.tables import planning_tables

        self.say("planning the next study")
        model = self.models[self.answering]
        upwards = bool(published.set_index("estimand")["mean"][self.read.focal_estimand.name] >= 0)
        seed = int(self.seed_of("planning").generate_state(1)[0])
        draws = self.reconstructed.draws
        plan = follow_up(self.read, model.name, upwards=upwards, seed=seed)
        try:
            found = power(plan, study=self.read, reconstructions=draws, models={model.name: model})
        except InputError as error:
            self.say(f"left out: {error}")
            return {}
        return planning_tables(found, {model.name: model})

    def curves(self) -> dict[str, pd.DataFrame]:
        answering, focal = self.fits[self.answering], self.study.analysis.focal
        if not focal:
            return dict.fromkeys(("johnson_neyman", "conditional_effects"), pd.DataFrame())
        return {
            "johnson_neyman": difference_curve(answering, focal),
            "conditional_effects": conditional_effects(answering, focal),
        }

    def checks(self) -> dict[str, pd.DataFrame]:
        first, study = self.data_sets[0], self.read
        before, after = (np.random.default_rng(self.seed_of(f"{which}_predictive")) for which in ("prior", "posterior"))
        bins, statistics = posterior_predictive(self.models[self.answering], first, study, rng=after)
        return {
            "prior_predictive": prior_predictive(self.models, first, study, rng=before),
            "posterior_predictive": bins,
            "posterior_statistics": statistics,
            "loo": left_out(self.models, self.data_sets[:LEFT_OUT_DATA_SETS], study),
        }


def _stacked(*tables: pd.DataFrame | None) -> pd.DataFrame:
    return pd.concat([table for table in tables if table is not None and len(table)], ignore_index=True)


def _with_readings(study: Study, estimates: pd.DataFrame, spread: pd.DataFrame) -> pd.DataFrame:
    """Write the spread over the readings beside the answer: default reading, default prior, the estimand's own step."""
    own = {e.name: step_of(study, e) for e in study.estimands}
    here = (estimates["model"] == estimates["estimand"].map(own)) & (estimates["reading"] == DEFAULT_READING)
    here &= (estimates["prior"] == DEFAULT_VARIANT) & (estimates["engine"] == "exact")
    values = estimates["estimand"].map(spread["sd_readings"])
    return estimates.assign(sd_readings=values.where(here))
