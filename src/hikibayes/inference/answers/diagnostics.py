"""Is a fit to be believed? Every check with its value, what is accepted, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...arrays import FloatArray

if TYPE_CHECKING:
    import xarray as xr

    from ..gaussian.exact import GaussianPosterior
    from ..gaussian.mixture import Mixture

RHAT = 1.01
"""Largest accepted R-hat."""
ESS = 400
"""Smallest accepted effective sample size, of the bulk and of the tails."""
EBFMI = 0.3
"""Smallest accepted estimated Bayesian fraction of missing information, in each chain."""
QUADRATURE = 1e-4
"""Largest accepted change, in posterior SDs, when the quadrature is refined."""


def convergence(draws: Mapping[str, FloatArray], sample_stats: xr.Dataset) -> pd.DataFrame:
    """Check a NUTS run.

    Parameters
    ----------
    draws : mapping of str to array, shape (chain, draw)
        Every parameter and every derived quantity by name.
    sample_stats : xarray.Dataset
        The sampler's ``diverging`` and ``energy``, dims (chain, draw).

    Returns
    -------
    pandas.DataFrame
        Columns ``check, of, value, accepted, ok``: R-hat and effective sample sizes of each quantity, the number of
        divergences, E-BFMI of each chain.

    References
    ----------
    .. [1] Vehtari A. et al. (2021). Rank-normalization, folding, and localization: an improved R-hat. Bayesian Analysis
       16(2), 667-718. https://doi.org/10.1214/20-BA1221
    .. [2] Betancourt M. (2016). Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo.
       https://arxiv.org/abs/1604.00695
    """
    import arviz as az

    names = list(draws)
    stacked = np.stack([draws[name] for name in names], axis=-1)
    axes = {"chain_axis": 0, "draw_axis": 1}
    with np.errstate(divide="ignore", invalid="ignore"):  # a constant chain: its NaN is no accepted value
        rhat, bulk = az.rhat(stacked, **axes), az.ess(stacked, method="bulk", **axes)
        tail = az.ess(stacked, method="tail", prob=(0.05, 0.95), **axes)
    rows = [_row("rhat", name, value, "<=", RHAT) for name, value in zip(names, rhat, strict=True)]
    rows += [_row("ess_bulk", name, value, ">=", ESS) for name, value in zip(names, bulk, strict=True)]
    rows += [_row("ess_tail", name, value, ">=", ESS) for name, value in zip(names, tail, strict=True)]
    rows.append(_row("divergences", "all chains", int(sample_stats["diverging"].sum()), "<=", 0))
    energy = sample_stats["energy"].transpose("chain", "draw").values
    moves = (np.diff(energy, axis=1) ** 2).mean(axis=1) / energy.var(axis=1)
    rows += [_row("ebfmi", f"chain {i}", value, ">=", EBFMI) for i, value in enumerate(moves)]
    return pd.DataFrame(rows)


def quadrature_error(posterior: GaussianPosterior, finer: GaussianPosterior) -> pd.DataFrame:
    """Compare every coefficient's posterior mean, SD and 95 % limits with those of a finer quadrature.

    Parameters
    ----------
    posterior, finer : GaussianPosterior
        The same data set with fewer and with more nodes.

    Returns
    -------
    pandas.DataFrame
        Columns ``check, of, value, accepted, ok``; values in posterior SDs.
    """
    before, after = _described(posterior.marginal()), _described(finer.marginal())
    largest = (np.abs(before - after) / after[SPREAD]).max(axis=0)
    return pd.DataFrame(
        [
            _row("quadrature", name, value, "<=", QUADRATURE)
            for name, value in zip(posterior.names, largest, strict=True)
        ]
    )


def failures(checks: pd.DataFrame) -> list[str]:
    """Return in words which checks were not passed."""
    failed = checks.loc[~checks["ok"].astype(bool)].itertuples()
    return [f"not sound: {row.check} {row.of}: {row.value:g}, accepted {row.accepted}" for row in failed]


def sound(diagnostics: pd.DataFrame) -> bool:
    """Tell whether every check is passed."""
    return bool(diagnostics["ok"].all())


SPREAD = 1
"""Row of the SD among what `_described` returns."""


def _described(marginal: Mixture) -> FloatArray:
    return np.stack([marginal.mean()[0], marginal.sd()[0], marginal.quantile(0.025)[0], marginal.quantile(0.975)[0]])


def _row(check: str, of: str, value: float, relation: str, bound: float) -> dict[str, Any]:
    # a NaN (a constant chain) passes neither comparison, and so is not sound
    ok = value <= bound if relation == "<=" else value >= bound
    return {"check": check, "of": of, "value": float(value), "accepted": f"{relation} {bound:g}", "ok": bool(ok)}
