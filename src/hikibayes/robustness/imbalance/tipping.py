r"""How strong a slope that differs between a category's levels, and how uneven the groups, make a difference of slopes.

Leave the product of category and measure out of the model, and the estimate is off by the product's coefficient times
what the model's columns take over of it. In one data set that is exact. In a population in which the measure is spread
alike at both levels, what they take over for a difference of slopes is the difference of the level's shares. So an
effect :math:`\delta` and an imbalance :math:`\Delta` together make a difference of :math:`\delta\Delta`.

The same imbalance costs people once the product is in the model: the variance of the difference of slopes grows by
:math:`1/(1 - \varphi^2)`, where :math:`\varphi` is the correlation of category and group.

References
----------
.. [1] Angrist J. D., Pischke J.-S. (2009). Mostly Harmless Econometrics. Princeton University Press, section 3.2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats

from ... import apa
from ...arrays import FloatArray
from ...inference.gaussian.exact import GaussianPosterior
from ...study.wording import estimand_noun, term_name
from ..case import Case
from ..tipping import over_data_sets, tipping_row
from ..treatment import Treatment, group_slope
from .balance import Balance

GRID = 21
"""Values along each side of the surface."""
PARTS = (0.0, 0.25, 0.5, 1.0)
"""Effects to look at, in parts of the steeper group's slope; 1 is a slope of 0 at one level of the category."""


@dataclass(frozen=True, kw_only=True)
class Omitted:
    """A difference of slopes, and the product of category and measure that its model leaves out; B data sets.

    Parameters
    ----------
    case : Case
        About a difference of the focal measure's slopes.
    balance : Balance
        The category.
    leverage : array, shape (B,)
        Bias of the estimand per unit of the product's coefficient (slope at the category's second level minus first).
    inflation : array, shape (B,)
        Variance of the estimate with the product in the model over that without, at equal residual variance.
    """

    case: Case
    balance: Balance
    leverage: FloatArray
    inflation: FloatArray

    @cached_property
    def posterior(self) -> GaussianPosterior:
        """Of the case's own model."""
        return self.case.posterior()

    @cached_property
    def estimate(self) -> FloatArray:
        """Posterior mean of the estimand in each data set, (B,)."""
        return np.asarray(self.case.marginal.mean()[:, 0])

    @cached_property
    def limit(self) -> FloatArray:
        """The limit of its 95 % interval that is nearer to 0, (B,); 0 where the interval covers 0."""
        lower, upper = (limit[:, 0] for limit in self.case.marginal.eti(0.95))
        return np.asarray(np.where(lower > 0, lower, np.where(upper < 0, upper, 0.0)))

    @cached_property
    def treatment(self) -> Treatment:
        """The estimand by least squares."""
        return Treatment(stats=self.posterior.stats, weights=self.case.focal)

    @property
    def imbalance(self) -> FloatArray:
        """Share of the level spoken of in the estimand's first group minus in the one it is taken from, (B,)."""
        second, reference = map(self.case.study.group_names.index, self.groups)
        return self.balance.shares[:, second] - self.balance.shares[:, reference]

    @property
    def groups(self) -> tuple[str, str]:
        """The two groups that are compared, the one whose slope is taken away last."""
        return self.case.estimand.between or self.case.study.group_ids[::-1]

    @cached_property
    def steepest(self) -> FloatArray:
        """The steeper group's slope of the measure, in size, (B,)."""
        of = self.case.study.analysis.focal
        weights = np.stack([group_slope(self.case.design, of, group) for group in self.groups], axis=1)
        return np.asarray(np.abs(self.posterior.marginal(weights).mean()).max(axis=1))

    # -- what it takes ----------------------------------------------------------------------------------------------

    def effect_needed(self, *, for_conclusion: bool = False) -> FloatArray:
        """Return how much the slope must differ between the levels for the imbalance to make the estimate, (B,).

        Parameters
        ----------
        for_conclusion : bool
            Ask for so much that the 95 % interval, moved by the bias, reaches 0.
        """
        with np.errstate(divide="ignore"):
            return np.abs((self.limit if for_conclusion else self.estimate) / self.leverage)

    def surface(self) -> pd.DataFrame:
        """Return what is left of the difference, over imbalances and effects, in the direction that explains it.

        Returns
        -------
        pandas.DataFrame
            Columns ``imbalance`` and ``effect`` (difference of the shares, and of the slopes between the levels, each
            from 0 up), ``left`` (posterior mean less the bias) and ``p_same_sign`` (posterior probability that the rest
            is on the estimate's side of 0).
        """
        steepest, needed = float(np.median(self.steepest)), float(np.median(self.effect_needed()))
        widest = float(np.clip(1.25 * needed, 2 * steepest, 6 * steepest))
        imbalance, effect = np.linspace(0, 1, GRID), np.linspace(0, widest, GRID)
        product = np.outer(imbalance, effect).ravel()
        side = np.sign(self.estimate.mean())
        above = np.array([float(1 - self.case.marginal.cdf(side * bias).mean()) for bias in np.unique(product)])
        p_positive = above[np.searchsorted(np.unique(product), product)]
        return pd.DataFrame(
            {
                "imbalance": np.repeat(imbalance, GRID),
                "effect": np.tile(effect, GRID),
                "left": self.estimate.mean() - side * product,
                "p_same_sign": p_positive if side > 0 else 1 - p_positive,
            }
        )

    # -- the next study ---------------------------------------------------------------------------------------------

    def followup(self, rng: np.random.Generator) -> pd.DataFrame:
        """Return what a balanced study of the same size would find, were the slope to differ between the levels.

        Parameters
        ----------
        rng : numpy.random.Generator
            Of the posterior draws.

        Returns
        -------
        pandas.DataFrame
            Columns ``effect`` (how much the slope differs, in the direction that explains), ``part`` (of the steeper
            group's slope), ``truth`` (the difference without its bias: posterior mean), ``lower, upper`` (95 % of what
            a balanced study would estimate) and ``p_found`` (probability that its 95 % interval, by least squares and
            with the product in the model, lies on the estimate's side of 0).
        """
        drawn, _ = self.treatment.of_draws(self.case.draws(rng))
        side = np.sign(self.estimate.mean())
        se, df = self.treatment.se[:, None], int(self.treatment.df[0]) - 1
        reach, noise = stats.t.isf(0.025, df), rng.standard_normal(drawn.shape)
        rows = []
        for part in PARTS:
            effect = part * float(np.median(self.steepest))
            truth = drawn * side - effect * np.abs(self.leverage)[:, None]
            found = truth + se * noise
            lower, upper = np.quantile(found * side, [0.025, 0.975])
            p_found = float(stats.norm.sf(reach - truth / se).mean())
            row = {"effect": effect, "part": part, "truth": float(truth.mean() * side), "lower": lower, "upper": upper}
            rows.append({**row, "p_found": p_found})
        return pd.DataFrame(rows)

    def costs(self) -> pd.DataFrame:
        """Return how many more people an imbalance asks for, in equally large groups with half of them at each level.

        Returns
        -------
        pandas.DataFrame
            Columns ``imbalance`` (difference of the shares), ``inflation`` (of the variance of the difference of
            slopes, once the product of category and measure is in the model), ``n`` (participants for the precision
            that ``n_balanced`` have in balanced groups) and ``more``.
        """
        imbalance = np.linspace(0, 0.9, 19)
        inflation = 1 / (1 - correlation_of_shares(0.5 - imbalance / 2, 0.5 + imbalance / 2) ** 2)
        n = int(self.posterior.stats.n[0])
        needed = np.ceil(n * inflation - 1e-9).astype(np.int64)
        return pd.DataFrame(
            {"imbalance": imbalance, "inflation": inflation, "n_balanced": n, "n": needed, "more": needed - n}
        )


def omitted_product(case: Case, balance: Balance) -> Omitted:
    """Find what leaving the product of a category and the focal measure out of a case's model does to its estimand.

    Parameters
    ----------
    case : Case
        About a difference of the focal measure's slopes, with a model without that product.
    balance : Balance
        The category.

    Returns
    -------
    Omitted
    """
    treatment = Treatment(stats=case.design.statistics, weights=case.focal)
    product = _product(case, balance)
    centred = product - product.mean(axis=1, keepdims=True)
    onto = np.einsum("bnp,bn->bp", case.design.rows, centred)
    taken_over = np.einsum("bij,bj->bi", treatment.fitted.inverse, onto)
    left = (centred**2).sum(axis=1) - np.einsum("bi,bi->b", onto, taken_over)
    leverage = np.einsum("bi,bi->b", case.focal, taken_over)
    return Omitted(case=case, balance=balance, leverage=leverage, inflation=1 + leverage**2 / left / treatment.spread)


def _product(case: Case, balance: Balance) -> FloatArray:
    """Category (second level 1) times focal measure in SD, (B, n), so that 1 is one SD of the outcome."""
    laid_out, focal = case.design, case.study.analysis.focal
    second = balance.has_level if balance.is_second else ~balance.has_level
    values = laid_out.frame[focal].to_numpy(dtype=np.float64)
    if laid_out.standardised:
        return np.asarray(second * values.reshape(second.shape))
    sd = laid_out.scaling.scale[case.model.outcome][:, None]
    return np.asarray(second * sd * laid_out.scaling.z(focal, values).reshape(second.shape))


def correlation_of_shares(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the correlation of a category with the group, from its level's share in each of two equal groups."""
    overall = (first + second) / 2
    return np.asarray((second - first) / 2 / np.sqrt(overall * (1 - overall)))


# -- in words -------------------------------------------------------------------------------------------------------


def tipping_rows(omitted: Omitted) -> list[dict[str, str | float]]:
    """Return what would have to be true of the category for the case's estimand to be 0."""
    return [_effect_row(omitted), _imbalance_row(omitted)]


def _effect_row(omitted: Omitted) -> dict[str, str | float]:
    measure, steeper, flatter = _who(omitted, omitted.leverage)
    needed, conclusion = omitted.effect_needed(), float(np.median(omitted.effect_needed(for_conclusion=True)))
    value = float(np.median(needed))
    limit = (
        f"{apa.number(conclusion)} would let the 95% interval reach 0"
        if conclusion > 0
        else "the 95% interval covers 0 as it is"
    )
    sentence = (
        f"For the imbalance in {_category(omitted)} alone to make the {_conclusion(omitted)}, the slope of {measure}"
        f" would have to be {apa.number(value)} SD per SD steeper among {steeper} than among {flatter} participants,"
        f" {apa.number(value / float(np.median(omitted.steepest)), 1)} times the steeper group’s whole slope; {limit}."
    )
    what = f"difference of the slope of {measure} between {steeper} and {flatter} participants (SD per SD)"
    return tipping_row("imbalance", what, float(np.median(needed)), over_data_sets(needed), sentence)


def _imbalance_row(omitted: Omitted) -> dict[str, str | float]:
    imbalance = omitted.imbalance if omitted.balance.is_second else -omitted.imbalance
    measure, steeper, flatter = _who(omitted, imbalance)
    needed, level = np.abs(omitted.estimate) / omitted.steepest, omitted.balance.name()
    asked = (
        f"the share of {level} participants would have to differ by {apa.number(100 * float(np.median(needed)), 0)}"
        " percentage points between the groups"
    )
    asked = asked if np.median(needed) <= 1 else "no imbalance between the groups would be enough"
    sentence = (
        f"Even if {measure} mattered among {steeper} participants and not at all among {flatter} ones, {asked} to make"
        f" the {_conclusion(omitted)}; {_seen(omitted)}."
    )
    what = (
        f"difference of the share of {level} participants between the groups, if {measure} mattered at one level only"
    )
    return tipping_row("imbalance", what, float(np.median(needed)), over_data_sets(needed), sentence)


def _seen(omitted: Omitted) -> str:
    found = 100 * np.abs(omitted.imbalance)
    seen = f"it differs by {apa.number(float(np.median(found)), 0)}"
    if len(found) == 1:
        return f"{seen} points"
    low, high = (apa.number(float(q), 0) for q in np.quantile(found, [0.05, 0.95]))
    return f"{seen} ({low} to {high}) in the data sets that the record allows"


def _who(omitted: Omitted, leverage: FloatArray) -> tuple[str, str, str]:
    """Name the measure, and the levels at which it would have to be steeper and flatter, given the bias per unit."""
    balance = omitted.balance
    second, first = (balance.level, balance.other) if balance.is_second else (balance.other, balance.level)
    order = (second, first) if np.median(omitted.estimate * np.sign(leverage)) >= 0 else (first, second)
    steeper, flatter = (balance.name(level) for level in order)
    return term_name(omitted.case.study, str(omitted.case.estimand.of)), steeper, flatter


def _category(omitted: Omitted) -> str:
    return term_name(omitted.case.study, omitted.balance.measure)


def _conclusion(omitted: Omitted) -> str:
    return estimand_noun(omitted.case.study, omitted.case.estimand)
