"""Whether the draws of a calibration can be trusted: agreement of chains, and draws that are stuck where few belong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from ...arrays import FloatArray
from ..quantities import Quantity

type Sampler = Literal["optimiser", "lanes"]

LEAST_ESS = 400
LARGEST_RHAT: dict[Sampler, float] = {"optimiser": 1.01, "lanes": 1.02}
"""Of four groups of short chains. With the least ESS spread over eight halves, 1.01 is what it is on average, not at
most."""
MOST_STUCK = 0.01
"""One chain of sixty-four is more than that."""
LANE_FAR, DRAW_FAR = 3.0, 6.0
"""Spreads of the log density below its median at which a chain (by its own median), or a draw, is stuck. Of a skewed
posterior of two numbers, where the log density is exponential, 0.4 % of the draws are so far out."""
FEWEST_STATES = 0.25


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the sampler did its work.

    Attributes
    ----------
    rhat : float
        Worst rank-normalised split R-hat over every reported quantity, of draws and of their distance from the median,
        between four independent chains (of lanes: groups of chains).
    ess : float
        Least effective sample size of bulk and tails over every reported quantity, over all chains.
    stuck : float
        Share of draws that are stuck (`stuck_share`).
    inside : float
        Share of draws that are strictly inside every printed interval.
    seconds : dict of str to float
        Wall time of ``start`` (with compilation) and ``sampling``.
    sampler : {"optimiser", "lanes"}
        See `hikibayes.reconstruction.posterior.sampling` and `hikibayes.reconstruction.posterior.lanes`.
    reruns : int
        How many runs before this one were not sound.
    conventions : tuple of str
        Those that the study file does not state and its numbers follow, in words.
    """

    rhat: float
    ess: float
    stuck: float
    inside: float
    seconds: dict[str, float]
    sampler: Sampler
    reruns: int = 0
    conventions: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """R-hat at most 1.01 (lanes: 1.02), ESS at least 400, and at most 1 % of the draws stuck."""
        return self.rhat <= LARGEST_RHAT[self.sampler] and self.ess >= LEAST_ESS and not self.is_stuck

    @property
    def is_stuck(self) -> bool:
        """Whether so many draws are stuck that the run cannot be used."""
        return self.stuck > MOST_STUCK

    def __str__(self) -> str:
        word = "converged" if self.sound else "not converged"
        again = f", at the {('second', 'third')[self.reruns - 1]} run" if self.reruns else ""
        how = {"optimiser": "independent proposals", "lanes": "64 short chains"}[self.sampler]
        stuck = f", {self.stuck:.1%} of the draws stuck" if self.is_stuck else ""
        return (
            f"{word}{again}: R-hat {self.rhat:.3f}, least ESS {self.ess:.0f}, {how}{stuck}, "
            f"{self.inside:.0%} of the draws inside every printed interval{self._chosen}"
        )

    @property
    def _chosen(self) -> str:
        names = ", ".join(dict.fromkeys(self.conventions))
        return f"; where the study file is silent, the printed numbers fit best with: {names}" if names else ""


def judge(
    quantities: dict[str, Quantity], table: pd.DataFrame, log_density: FloatArray, *, sampler: Sampler, reruns: int
) -> Verdict:
    """Judge draws; the seconds are left to the caller.

    Parameters
    ----------
    quantities : dict of str to Quantity
        Values in the order of ``log_density``.
    table : pandas.DataFrame
        Of `hikibayes.reconstruction.quantities.summarise`.
    log_density : ndarray, shape (groups, lanes, draws)
        Without constants.
    """
    facts = table.loc[table["fact"] != "", "quantity"]
    lanes = log_density.reshape(-1, log_density.shape[-1])
    return Verdict(
        rhat=float(table["rhat"].max()),
        ess=min(float(table["ess"].min()), _least_tail_ess(quantities, len(lanes))),
        stuck=stuck_share(lanes),
        inside=float(np.all([quantities[name].inside for name in facts], axis=0).mean()),
        sampler=sampler,
        reruns=reruns,
        seconds={},
    )


def _least_tail_ess(quantities: dict[str, Quantity], chains: int) -> float:
    import arviz as az

    moving = [quantity.values for quantity in quantities.values() if quantity.values.std() > 1e-12]
    if not moving:
        return np.inf
    values = np.stack(moving, axis=-1)
    by_chain = xr.Dataset({"q": (("chain", "draw", "k"), values.reshape(chains, -1, values.shape[-1]))})
    return float(az.ess(by_chain, method="tail")["q"].min())


def stuck_share(log_density: FloatArray) -> float:
    """Return the share of draws that are where few belong, or come from a chain that hardly moves.

    Parameters
    ----------
    log_density : ndarray, shape (chains, draws)

    Notes
    -----
    R-hat and ESS speak of means and quantiles: one draw in fifty left behind where the density is low widens an SD by a
    fifth and moves them little. The log density shows it.
    """
    centre = np.median(log_density)
    low, high = np.quantile(log_density, [0.25, 0.75])
    spread = (high - low) / 1.349 + 1e-12
    states = np.array([len(np.unique(chain)) for chain in log_density])
    still = states < FEWEST_STATES * log_density.shape[1]
    far = np.median(log_density, axis=1) < centre - LANE_FAR * spread
    return float(((log_density < centre - DRAW_FAR * spread) | (still | far)[:, None]).mean())
