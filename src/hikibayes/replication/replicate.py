"""The verb: what a new study says of a published one, and both together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtr

from ..defaults import DEFAULT_SEED
from ..inference.answers.remarks import Remark, remark_table
from ..inference.gaussian.mixture import Mixture
from ..inference.gaussian.reprior import Likelihood, Tabulated
from ..inference.models.specs import DEFAULT_VARIANT
from ..renamed import renamed
from ..robustness.case import Case
from ..shown import Shown
from ..study.study import Study
from . import measures as m
from .pair import Pair, Share, both_studies, paired
from .sceptical import sceptical_bf, sceptical_p
from .words import sentences

JOINT = ("what", "label", "mean", "sd", "lower", "upper", "p_positive", "bf10", "sd_within", "sd_between")
"""Columns of ``joint.csv``."""
MEASURES = ("measure", "value", "lower", "upper", "note")
"""Columns of ``replication.csv``."""
ENOUGH = 50
"""Fewer effective reconstructions than this carry no answer."""
PRINTED = (0.0, 0.2)
"""Chances that a result without significance is printed."""
SCALES = {"little": 0.25, "as usual": 0.5, "much": 1.0}
"""Of tau's half-normal, in SDs of the effect's prior: at a half, studies differ by less than effects do, 95 in 100."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Replication(Shown):
    """What is known after a second study.

    Parameters
    ----------
    case : Case
        The original.
    joint : pandas.DataFrame
        The effect by each study, by both, and by both if studies differ or if the original was printed for its
        significance: columns `JOINT`.
    replication : pandas.DataFrame
        The measures of the replication, with `MEASURES`.
    remarks : pandas.DataFrame
        What is odd about the new data.
    effective : float
        How many reconstructions, or pairs of them, are left by what both studies say; NaN of two tables.
    count : int
        Of how many.
    verdict : str
        What the sampler said of reconstructions; empty for rows.
    """

    case: Case
    joint: pd.DataFrame
    replication: pd.DataFrame
    remarks: pd.DataFrame
    effective: float
    count: int
    verdict: str

    @property
    def sound(self) -> bool:
        """Whether enough reconstructions are left."""
        return not self.effective < min(ENOUGH, 0.5 * self.count)

    @property
    def warning(self) -> str:
        """What is to be known where it is not sound."""
        if self.sound:
            return ""
        return (
            f"the new data leave {self.effective:.1f} effective of {self.count} reconstructions: they"
            " contradict most of what the record left open; take more with --datasets, or look at the scales"
        )

    @property
    def sentences(self) -> list[str]:
        """The answers in words."""
        return sentences(self.joint, self.replication)


@renamed(variant="prior")
def replicate(
    original: str | Path | Study | Case,
    new: str | Path | Study | pd.DataFrame,
    *,
    estimand: str = "",
    prior: str = DEFAULT_VARIANT,
    columns: Mapping[str, str] | None = None,
    mapping: str | Path | None = None,
    own_scale: bool = False,
    share: Share = "effect",
    more: bool = False,
    datasets: int = 100,
    seed: int = DEFAULT_SEED,
    tell: Callable[[str], None] | None = None,
    **readings: str,
) -> Replication:
    """Ask whether a new study replicates an original, and what is known of both.

    Parameters
    ----------
    original : str, Path, Study or Case
        A shipped study, a study file, or the folder of a fit of the original's rows.
    new : str, Path, Study or pandas.DataFrame
        A table of the same measures, the folder of a fit, another study known from print, or a shipped example.
    estimand : str
        By default the one that the original rests on.
    prior : str
        Which of the model's priors.
    columns, mapping
        What headers and labels of a table mean, as `hikibayes.fit` takes them.
    own_scale : bool
        Standardise the new data by their own SDs, not by the original's.
    share : {"effect", "all"}
        What both studies have in common: the effect alone, or intercept, slopes and residual SD, too.
    more : bool
        Add the sceptical measures, and other widths of the prior.
    datasets : int
        Reconstructions of a printed original.
    seed : int
        Of the reconstructions.
    tell : callable, optional
        Told what begins.
    **readings : str
        Option by reading, of the original.

    Returns
    -------
    Replication

    Raises
    ------
    InputError
        A study cannot be read, the new data lack a measure, or hold the original's people.
    """
    case, fresh = both_studies(
        original,
        new,
        estimand=estimand,
        prior=prior,
        columns=columns,
        mapping=mapping,
        share=share,
        datasets=datasets,
        seed=seed,
        tell=tell,
        **readings,
    )
    assert fresh is not None
    return replication_of(paired(case, fresh, own_scale=own_scale, share=share), more=more)


def replication_of(pair: Pair, *, more: bool = False) -> Replication:
    """Ask two studies that were made comparable."""
    original, effects, prior = pair.original, pair.effects, pair.prior
    joint = effects.common()
    many = len(joint) > 1
    return Replication(
        case=pair.case,
        joint=pd.DataFrame(_joint(pair, m.pooled(joint)), columns=list(JOINT)),
        replication=pd.DataFrame(_measures(pair, joint, more), columns=list(MEASURES)),
        remarks=remark_table([*pair.remarks, *_not_significant(original)]),
        effective=m.effective_number(original, joint, prior) if many else float("nan"),
        count=len(joint),
        verdict="; ".join(filter(None, (pair.case.verdict, pair.new.verdict))),
    )


def _not_significant(original: Likelihood) -> Iterator[Remark]:
    """Remark where what is said of a publication by significance does not apply."""
    estimate, error = (float(part.mean()) for part in m.flat_estimate(original))
    if abs(estimate / error) < m.CRITICAL:
        text = (
            f"the original was not significant (z = {estimate / error:.2f}): what is said for the case that it had to"
            " be is of a study that would not have been printed"
        )
        yield Remark(kind="not_significant", of="", count=1, text=text)


# -- the effect --------------------------------------------------------------------------------------------------------


def _joint(pair: Pair, joint: Likelihood) -> Iterator[dict[str, object]]:
    prior, scales = pair.prior, [share * pair.prior.sd for share in SCALES.values()]
    each = {"original": (pair.original, f"original ({pair.case.study.id})"), "new": (pair.renewed, "new data alone")}
    for what, (likelihoods, label) in each.items():
        spread = m.posterior(likelihoods, prior)
        between = float(spread.mean().std()) if len(likelihoods) > 1 else 0.0
        within = float(np.sqrt((spread.sd() ** 2).mean()))
        yield {
            **_row(what, label, m.together(spread), m.log_bf10(m.pooled(likelihoods), prior)),
            "sd_within": within,
            "sd_between": between,
        }
    yield _row("both", "both together", m.together(m.posterior(joint, prior)), m.log_bf10(joint, prior))
    se = float(m.flat_estimate(pair.original)[1].mean())
    for chance in PRINTED:
        how = f"1 in {1 / chance:.0f} null results was printed" if chance else "null results were never printed"
        found = m.selected(joint, se, prior, chance)
        yield _row(f"selected_{chance:g}", f"both, if the original had to be significant and {how}", found)
    for (how, share), differing in zip(SCALES.items(), m.if_studies_differ(pair.effects, prior, scales), strict=True):
        label = f"mean effect if studies differ {how} (scale {share * prior.sd:.2g})"
        yield _row(f"differing_{share:g}", label, differing.mean_effect)


def _row(what: str, label: str, found: Mixture | Tabulated, log_bf: np.ndarray | None = None) -> dict[str, object]:
    numbers = {
        "mean": found.mean(),
        "sd": found.sd(),
        "lower": found.quantile(0.025),
        "upper": found.quantile(0.975),
        "p_positive": found.p_positive(),
        "bf10": np.nan if log_bf is None else np.exp(log_bf),
    }
    return {"what": what, "label": label, **{name: float(np.ravel(value)[0]) for name, value in numbers.items()}}


# -- the replication ---------------------------------------------------------------------------------------------------


def _measures(pair: Pair, joint: Likelihood, more: bool) -> Iterator[dict[str, object]]:
    original, new, effects, prior = pair.original, pair.renewed, pair.effects, pair.prior
    whole, both = m.pooled(original), m.pooled(joint)
    yield _said("replication_bf", np.exp(m.log_replication_bf(whole, both, prior)), note="> 1 speaks for the original")
    predicted, (estimates, errors) = m.prediction(original, new, prior), m.flat_estimate(new)
    yield _described("predicted", interval := m.together(predicted), note="an expectation, no verdict")
    inside = np.diff(ndtr(np.array(interval.eti()).reshape(1, 2) / errors[:, None])).mean()
    yield _said("predicted_if_none", inside, note="chance to fall inside it without any effect; normal form")
    yield _said("predicted_below", predicted.cdf(estimates[:, None]).mean(), note="chance of a smaller estimate")
    difference = m.together(effects.difference())
    given = "given slopes and residual SD that both share" if pair.shared else "all else under the model's priors"
    yield _described("difference", difference, note=f"new less original; both effects under a flat prior, {given}")
    direction = float(np.sign(m.posterior(whole).mean()[0, 0]))
    for name, share in (("p_smaller", 1.0), ("p_less_than_half", 0.5)):
        below = effects.difference(share).cdf(0.0).mean()
        yield _said(name, below if direction > 0 else 1 - below, note="in the original's direction")
    right = m.log_if_right(whole, both, prior)
    vague = np.logaddexp.reduce(effects.log_evidence(*prior)) - np.log(len(joint)) - m.log_evidence(whole, prior)
    yield _said("original_weight", m.original_weight(right, vague), note="of the original's posterior; before: .5")
    yield _said("reconstructions", m.effective_number(original, joint, prior), note=f"effective, of {len(joint)}")
    if more:
        yield from _more(pair, direction)


def _more(pair: Pair, direction: float) -> Iterator[dict[str, object]]:
    (t_o, s_o), (t_r, s_r) = (
        [part.mean() for part in m.flat_estimate(study)] for study in (pair.original, pair.renewed)
    )
    z = (direction * t_o / s_o, direction * t_r / s_r, (s_o / s_r) ** 2)
    for kind in ("nominal", "golden", "controlled"):
        yield _said(f"sceptical_p_{kind}", sceptical_p(*z, kind), note="one-sided; normal form")
    yield _said("sceptical_bf", sceptical_bf(*z), note="> 1 speaks for the effect; empty: does not exist; normal form")
    for factor in (0.5, 2.0):
        again = pair.under(m.NormalPrior(pair.prior.mean, factor * pair.prior.sd))
        bf = m.log_replication_bf(m.pooled(again.original), m.pooled(again.effects.common()), again.prior)
        yield _said(f"replication_bf_prior_{again.prior.sd:.3g}", np.exp(bf), note=f"prior sd {again.prior.sd:.3g}")


def _said(name: str, value: float | np.ndarray, note: str = "") -> dict[str, object]:
    return {"measure": name, "value": float(np.ravel(value)[0]), "note": note}


def _described(name: str, found: Mixture, note: str) -> dict[str, object]:
    lower, upper = (float(limit[0, 0]) for limit in found.eti())
    return {**_said(name, found.mean(), note), "lower": lower, "upper": upper}
