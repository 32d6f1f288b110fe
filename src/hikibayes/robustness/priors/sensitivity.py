"""Prior sensitivity: what I would believe if I had thought otherwise before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ...defaults import DEFAULT_SEED, DEFAULT_STUDY
from ...inference.answers.estimates import exact_estimates, refused_estimates
from ...inference.fit import Fit
from ...inference.gaussian.normal_priors import FlatPrior
from ...renamed import renamed
from ...shown import Shown
from ...spec import InputError
from ...study.study import Study
from ..case import Case, case_of
from .design import followup_sizes
from .power_scaling import power_scaling
from .shrinkage import shrinkage
from .surface import FocalPrior, families, surface, width_curve
from .tipping import tipping_rows


@dataclass(frozen=True, kw_only=True, repr=False)
class PriorSensitivity(Shown):
    """What other priors would have given. Every table is a file of its name.

    Parameters
    ----------
    priors : pandas.DataFrame
        Every estimand under every named variant of the model's priors, with the columns of ``estimates.csv``.
    prior_widths, prior_surface : pandas.DataFrame
        The focal estimand over the width of a prior at 0, and over location and width.
    prior_families : pandas.DataFrame
        The focal estimand under priors with heavier tails.
    power_scaling : pandas.DataFrame
        What moves with the prior; empty under a flat one.
    shrinkage : pandas.DataFrame
        The products with group, drawn towards 0 together; empty where there is one only.
    prior_design : pandas.DataFrame
        Participants that a follow-up needs, by the width of its analysis' prior; empty where it was not asked for.
    tipping : pandas.DataFrame
        What would have to be true of a prior for the conclusion to fail; see `hikibayes.robustness.tipping`.
    """

    priors: pd.DataFrame
    prior_widths: pd.DataFrame
    prior_surface: pd.DataFrame
    prior_families: pd.DataFrame
    power_scaling: pd.DataFrame
    shrinkage: pd.DataFrame
    prior_design: pd.DataFrame
    tipping: pd.DataFrame

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Tables with rows, by name, without the tipping rows."""
        each = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "tipping"}
        return {name: table for name, table in each.items() if len(table)}


@renamed()
def priors(
    what: str | Path | Study | Fit | Case = DEFAULT_STUDY,
    *,
    seed: int = DEFAULT_SEED,
    datasets: int = 200,
    shares: bool = True,
    design: bool = True,
    tell: Callable[[str], None] | None = None,
    **readings: str,
) -> PriorSensitivity:
    """Ask what other priors would have given: of a study, or of a fit of one's own.

    Parameters
    ----------
    what : str, Path, Study, Fit or Case
        The name of a shipped study, a study file, the folder of a fit, or one of these that is loaded already.
    seed : int
        Everything random follows from it.
    datasets : int
        Versions of a study's sample; a fit has its own data.
    shares : bool
        Whether shares of variance are shown under every variant: they take draws, and so seconds.
    design : bool
        Whether to simulate what the prior's width costs a follow-up.
    tell : callable, optional
        Told what begins.
    **readings : str
        Option by reading, of a study.

    Returns
    -------
    PriorSensitivity

    Raises
    ------
    InputError
        There is no such study or folder; its model does not answer what the study is about, or is none that the exact
        engine takes.

    Examples
    --------
    ::

        import hikibayes
        found = hikibayes.priors("nonaka2021", seed=1)
        print(found.tipping["sentence"].to_string(index=False))
    """
    case, say = case_of(what, datasets=datasets, seed=seed, tell=tell, **readings), tell or (lambda _: None)
    say("exchanging priors")
    focal = FocalPrior(case=case)
    seeds = [int(child.generate_state(1)[0]) for child in np.random.SeedSequence(seed).spawn(3)]
    proper = not isinstance(case.posterior().priors, FlatPrior)
    return PriorSensitivity(
        priors=_variants(case, seeds[0], say, shares=shares),
        prior_widths=width_curve(focal),
        prior_surface=surface(focal),
        prior_families=_families(focal, say),
        power_scaling=power_scaling(case, seed=seeds[1]) if proper else pd.DataFrame(),
        shrinkage=shrinkage(case) if proper else pd.DataFrame(),
        prior_design=_design(focal, seeds[2], say) if design else pd.DataFrame(),
        tipping=tipping_rows(focal),
    )


def _variants(case: Case, seed: int, say: Callable[[str], None], *, shares: bool) -> pd.DataFrame:
    """Every estimand under every variant; one child seed each, so that a further variant changes no other row.

    A variant without a posterior, as a flat one in a singular design, is said and has rows without numbers.
    """
    names, found = case.model.variant_names, case.answers if shares else replace(case.answers, variance=())
    tables = []
    for name, child in zip(names, np.random.SeedSequence(seed).spawn(len(names)), strict=True):
        labels = {"study": case.study.id, "model": case.model.name, "prior": name, "engine": "exact"}
        try:
            fitted = case.posterior(name)
        except InputError as error:
            say(f"no answer under the priors {name!r}: {error}")
            refused = replace(found, refused=dict.fromkeys((*found.linear, *found.variance), str(error)))
            n, datasets = int(case.design.statistics.n[0]), len(case.data_sets)
            tables.append(refused_estimates(refused, labels=labels, n=n).assign(datasets=datasets))
        else:
            tables.append(exact_estimates(fitted, found, rng=np.random.default_rng(child), labels=labels))
    return pd.concat(tables, ignore_index=True)


def _families(focal: FocalPrior, say: Callable[[str], None]) -> pd.DataFrame:
    try:
        return families(focal)
    except InputError as error:
        say(f"no other families of priors: {error}")
        return pd.DataFrame()


def _design(focal: FocalPrior, seed: int, say: Callable[[str], None]) -> pd.DataFrame:
    say("simulating follow-ups under narrower and wider priors")
    try:
        return followup_sizes(focal, seed=seed)
    except InputError as error:
        say(f"no follow-up was simulated: {error}")
        return pd.DataFrame()
