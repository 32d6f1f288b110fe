"""How sceptical one has to be for the conclusion to fail, and how unusual such scepticism is.

The sceptic's prior is Normal at 0; its width is what tips the conclusion. With an equal-tailed 95 % interval, "the
interval covers 0" and "P(> 0) < .975" are one rule. A Bayes factor tips at narrow priors, which say next to the same as
0, and at wide ones, which spread over sizes that nobody expects: both are reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr

from ...apa import bounded
from ...arrays import BoolArray, FloatArray, IntArray
from ...inference.gaussian.reprior import NormalRefits
from ...study.wording import estimand_noun
from ..tipping import over_data_sets, tipping_row
from .shrinkage import pooled_answer, products
from .surface import FocalPrior

SURE = 0.975
"""Posterior probability of the estimand's sign above which the conclusion stands."""
ENDS = (1e-2, 1e2)
"""Between which crossings are looked for, in the model's own prior SDs, and further where the data ask for it."""
STEPS, BEYOND = 10, 10.0
"""Points per factor of ten; how much further than the widths at which the data turn."""
BISECTIONS = 30

type Followed = Callable[[FloatArray], FloatArray]
"""From prior SDs of shape (R, C) to C curves over them, of the same shape."""
type Row = dict[str, str | float]


@dataclass(frozen=True, kw_only=True)
class Crossings:
    """Between which widths C curves lie above a level.

    Parameters
    ----------
    rises, falls : array, shape (C,)
        NaN where a curve does not cross the level on that side of its peak.
    stands : array of bool, shape (C,)
        Whether it lies above the level anywhere.
    """

    rises: FloatArray
    falls: FloatArray
    stands: BoolArray


def crossings(follow: Followed, widths: FloatArray, level: float) -> Crossings:
    """Find where curves with one peak rise above a level, and where they fall below it again.

    Parameters
    ----------
    follow : callable
        The curves.
    widths : array, shape (R, C)
        Where to look, increasing along the first axis.
    level : float
        What is crossed.

    Returns
    -------
    Crossings
    """
    values, rows = follow(widths), np.arange(len(widths))[:, None]
    above, peak = values > level, values.argmax(axis=0)
    last_below = np.where(~above & (rows < peak), rows, -1).max(axis=0)
    first_below = np.where(~above & (rows > peak), rows, len(widths)).min(axis=0)
    stands = above.any(axis=0)
    rises = _bisected(follow, widths, last_below, last_below + 1, level)
    falls = _bisected(follow, widths, first_below, first_below - 1, level)
    return Crossings(
        rises=np.where(stands & (last_below >= 0), rises, np.nan),
        falls=np.where(stands & (first_below < len(widths)), falls, np.nan),
        stands=stands,
    )


def _bisected(follow: Followed, widths: FloatArray, below: IntArray, above: IntArray, level: float) -> FloatArray:
    """Halve, on a log scale, the steps of the grid between a point below the level and its neighbour above it.

    Not by SciPy's `elementwise.find_root`: a refit answers for every data set or for none.
    """
    columns = np.arange(widths.shape[1])
    low, high = (np.log(widths[np.clip(index, 0, len(widths) - 1), columns]) for index in (below, above))
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        still_below = follow(np.exp(middle)[None])[0] <= level
        low, high = np.where(still_below, middle, low), np.where(still_below, high, middle)
    return np.asarray(np.exp(0.5 * (low + high)))


@dataclass(frozen=True, kw_only=True)
class TippingPriors:
    """The widths of a Normal prior at 0 at which a conclusion falls.

    Parameters
    ----------
    focal : FocalPrior
        Of a case with B data sets.
    """

    focal: FocalPrior

    @cached_property
    def conclusion(self) -> tuple[Crossings, Crossings]:
        """Where the 95 % interval leaves out 0: all data sets together, and each by itself."""

        def sure(p_positive: FloatArray) -> FloatArray:
            return p_positive if self.focal.upwards else 1 - p_positive

        return self._both(
            SURE,
            lambda refits: sure(refits.together().p_positive()),
            lambda refits: sure(refits.of_each().p_positive().reshape(refits.log_bf10.shape)),
        )

    def bayes_factor(self, threshold: float) -> tuple[Crossings, Crossings]:
        """Where the Bayes factor against 0 is above a threshold: its median over data sets, and each by itself."""
        return self._both(
            float(np.log(threshold)),
            lambda refits: np.median(refits.log_bf10, axis=1, keepdims=True),
            lambda refits: refits.log_bf10,
        )

    def beyond(self, width: float) -> float:
        """Return what a prior of that width gives to differences at least as large as the least-squares estimate."""
        return float(2 * ndtr(-abs(self.focal.least_squares[0]) / width))

    def participants(self, width: float) -> float:
        """Return how many participants without a difference carry as much information as a prior of that width.

        Notes
        -----
        A participant of the study carries 1 / (n se²) of information on the estimand, a prior of SD τ carries 1 / τ².
        """
        return self.n * (self.focal.least_squares[1] / width) ** 2

    @property
    def n(self) -> int:
        """Participants of the study."""
        return int(self.focal.case.design.statistics.n[0])

    def _both(
        self,
        level: float,
        together: Callable[[NormalRefits], FloatArray],
        each: Callable[[NormalRefits], FloatArray],
    ) -> tuple[Crossings, Crossings]:
        widths = self.focal.widths(ENDS, STEPS, beyond=BEYOND)[:, None]
        apart = np.broadcast_to(widths, (len(widths), len(self.focal.data)))
        return (
            crossings(lambda sd: together(self.focal.under(0.0, sd)), widths, level),
            crossings(lambda sd: each(self.focal.under(0.0, sd)), apart, level),
        )


# -- in words -------------------------------------------------------------------------------------------------------


def tipping_rows(focal: FocalPrior) -> pd.DataFrame:
    """Say what would have to be true of a prior for the conclusion to fail, and how unusual that is.

    Parameters
    ----------
    focal : FocalPrior
        Of a case.

    Returns
    -------
    pandas.DataFrame
        Columns ``analysis, what, value, lower, upper, sentence``. ``lower`` and ``upper`` are the 5 % and 95 % quantile
        over those data sets that tip at all; they stay empty for one data set.
    """
    tipping = TippingPriors(focal=focal)
    rows = [*_conclusion_rows(tipping), *_pool_rows(tipping), *_factor_rows(tipping, 3.0), *_factor_rows(tipping, 1.0)]
    return pd.DataFrame(rows)


def _conclusion_rows(tipping: TippingPriors) -> list[Row]:
    together, each = tipping.conclusion
    name, width = _name(tipping), float(together.rises[0])
    what = "prior SD below which the 95% interval covers 0"
    if not together.stands[0]:
        return [_row(what, np.nan, (), f"Under no prior centred at 0 does the 95% interval of the {name} leave out 0.")]
    if np.isnan(width):
        return [_row(what, np.nan, (), f"No sceptic's prior makes the 95% interval of the {name} cover 0.")]
    first = _row(
        what,
        width,
        each.rises,
        f"Whoever was 95% sure beforehand that the {name} lies within ±{bounded(1.96 * width)} is not convinced by"
        " these data; whoever left more room is, if the model's other priors stay.",
    )
    if not np.isfinite(tipping.focal.least_squares).all():
        # a singular design has no least-squares estimate to hold the sceptic against
        return [first]
    beyond, people = tipping.beyond(width), tipping.participants(width)
    estimate, n = tipping.focal.least_squares[0], tipping.n
    return [
        first,
        _row(
            "prior probability, at that SD, of a value as far from 0 as the estimate",
            beyond,
            [tipping.beyond(w) for w in each.rises],
            f"That sceptic gave {_chance(beyond)} to a value as far from 0 as the estimate of {bounded(estimate)}.",
        ),
        _row(
            "participants without a difference that such a prior is worth",
            people,
            [tipping.participants(w) for w in each.rises],
            f"Such scepticism weighs as much as {people:.0f} people in whom no difference was seen; the study has {n}.",
        ),
    ]


def _pool_rows(tipping: TippingPriors) -> list[Row]:
    """Say what is left where the focal product is one of several that share a prior."""
    case = tipping.focal.case
    marginal, count = pooled_answer(case), len(products(case))
    if marginal is None:
        return []
    p = marginal.p_positive()[:, 0]
    p = p if tipping.focal.upwards else 1 - p
    together = float(p.mean())
    own = case.marginal.p_positive().mean()
    before = max(own, 1 - own) > SURE
    still = "" if (together > SURE) != before else "still "
    verdict = f"{still}{'leaves out' if together > SURE else 'covers'}"
    every = "both" if count == 2 else f"all {count}"
    sentence = (
        f"If {every} slopes are taken to differ by similar amounts, and are drawn towards 0 together, the 95%"
        f" interval {verdict} 0."
    )
    return [_row(f"probability of the sign with {count} differences drawn to 0 together", together, p, sentence)]


def _factor_rows(tipping: TippingPriors, threshold: float) -> list[Row]:
    together, each = tipping.bayes_factor(threshold)
    fail = _failure(tipping, threshold)
    if not together.stands[0]:
        what = f"prior SD with a Bayes factor above {threshold:g}"
        return [_row(what, np.nan, (), f"Whatever the width of a prior centred at 0, the data {fail}.")]
    narrow, wide = float(together.rises[0]), float(together.falls[0])
    rows = []
    if not np.isnan(narrow):
        sentence = f"With a prior SD below {bounded(narrow)} the data {fail}: such a prior says next to the same as 0."
        rows.append(_row(f"prior SD below which the Bayes factor is below {threshold:g}", narrow, each.rises, sentence))
    if not np.isnan(wide):
        why = "the wider a prior, the less of it lies where the data are"
        sentence = f"With a prior SD above {bounded(wide)} the data {fail}: {why}."
        rows.append(_row(f"prior SD above which the Bayes factor is below {threshold:g}", wide, each.falls, sentence))
    return rows


def _failure(tipping: TippingPriors, threshold: float) -> str:
    if threshold == 1:
        return f"speak for no {_name(tipping)} rather than for one"
    return f"are less than {threshold:g} times as likely with a {_name(tipping)} as without one"


def _row(what: str, value: float, each: ArrayLike, sentence: str) -> Row:
    return tipping_row("prior", what, value, over_data_sets(each), sentence)


def _name(tipping: TippingPriors) -> str:
    case = tipping.focal.case
    if case.estimand.kind == "slope_difference":
        return "difference of the slopes"
    return estimand_noun(case.study, case.estimand)


def _chance(p: float) -> str:
    return f"a chance of {p:.0%}" if p >= 0.01 else "a chance below 1%"
