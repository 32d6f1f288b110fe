"""Independent draws for records that print most moments: randomise, then optimise.

There the posterior is nearly normal. Each proposal is the solution of Q'F(u) = xi for a standard normal xi, with F the
residuals and Q the range of their derivative at the best point. The density of such proposals is known, so that a
Metropolis step between them makes the draws exact.

References
----------
Bardsley, J. M., Solonen, A., Haario, H., & Laine, M. (2014). Randomize-then-optimize: a method for sampling from
posterior distributions in nonlinear inverse problems. SIAM Journal on Scientific Computing, 36(4), A1895-A1910.
https://doi.org/10.1137/140964023
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ...arrays import FloatArray
from .traced import Traced

CHORD_STEPS, NEWTON_STEPS = 12, 12
FEW = 32
"""Free numbers whose derivatives cost less than another function's compilation."""
SOLVED = 1e-10


@dataclass(frozen=True, kw_only=True)
class Proposals:
    """Independent proposals.

    Attributes
    ----------
    u : ndarray, shape (proposals, size)
    log_weight : ndarray, shape (proposals,)
        Log of posterior over proposal density; minus infinity for those that were not solved.
    log_density : ndarray, shape (proposals,)
        Of the posterior, without constants.
    """

    u: FloatArray
    log_weight: FloatArray
    log_density: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[Proposals]) -> Proposals:
        """Put batches together."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    @property
    def solved(self) -> float:
        """Share of the equations that were solved."""
        return float(np.isfinite(self.log_weight).mean())

    @property
    def effective(self) -> float:
        """Effective share of the proposals by their weights."""
        if self.solved == 0:
            return 0.0
        weight = np.exp(self.log_weight - self.log_weight.max())
        return float(weight.sum() ** 2 / (weight**2).sum() / len(weight))


class Optimiser:
    """Randomise-then-optimise around a point.

    Parameters
    ----------
    traced : Traced
    best : ndarray, shape (size,)
        The best point known.

    Attributes
    ----------
    root : ndarray, shape (size, size)
        Turns coordinates that are white at the best point into whitened free numbers.
    """

    def __init__(self, traced: Traced, best: FloatArray) -> None:
        self.traced = traced
        self._cold = np.ones(len(traced.problem.statements))
        left, slope, _ = self._at(best[None])
        self._range, upper = np.linalg.qr(slope[0])
        self._best, self._middle = best, self._range.T @ left[0]
        self.root = np.linalg.inv(upper)

    def _at(self, u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        return self.traced.linearised(u, np.broadcast_to(self._cold, (len(u), len(self._cold))))

    @np.errstate(all="ignore")
    def propose(self, count: int, rng: np.random.Generator) -> Proposals:
        """Solve for so many proposals."""
        xi = rng.standard_normal((count, self.traced.size))
        u = self._near(xi) if self.traced.size > FEW else self._best + (xi - self._middle) @ self.root.T
        missing, slope, value = self._equations(u, xi)
        length = np.ones(count)
        for _ in range(NEWTON_STEPS):
            size = (missing**2).sum(axis=1)
            open_ = np.flatnonzero(~(size < SOLVED))
            if len(open_) == 0:
                break
            # a point that describes no sample is left towards the best one
            step = np.where(
                np.isfinite(size[open_])[:, None], _newton(slope[open_], missing[open_]), u[open_] - self._best
            )
            tried = u[open_] - length[open_, None] * step
            new_missing, new_slope, new_value = self._equations(tried, xi[open_])
            better = ~((new_missing**2).sum(axis=1) >= size[open_]) | ~np.isfinite(size[open_])
            better &= np.isfinite(new_missing).all(axis=1) | ~np.isfinite(size[open_])
            which = open_[better]
            u[which], missing[which], slope[which] = tried[better], new_missing[better], new_slope[better]
            value[which] = new_value[better]
            length[open_] = np.where(better, np.minimum(1.0, 2 * length[open_]), length[open_] / 3)
        solved = ((missing**2).sum(axis=1) < SOLVED) & np.isfinite(value)
        _, log_volume = np.linalg.slogdet(np.where(solved[:, None, None], slope, np.eye(self.traced.size)))
        weight = value + 0.5 * (xi**2).sum(axis=1) - log_volume
        return Proposals(u=u, log_weight=np.where(solved, weight, -np.inf), log_density=value)

    def _near(self, xi: FloatArray) -> FloatArray:
        """Solve by steps with the slope at the best point, which need none anywhere else, as long as they help."""
        u = self._best + (xi - self._middle) @ self.root.T
        best: FloatArray = u.copy()
        missing = np.full(len(u), np.inf)
        for _ in range(CHORD_STEPS):
            left = self.traced.residuals(u) @ self._range - xi
            size = (left**2).sum(axis=1)
            better = size < missing
            best[better], missing[better] = u[better], size[better]
            if not (better & (size > SOLVED)).any():
                break
            u = np.where(better[:, None], u - left @ self.root.T, best)
        return best

    def _equations(self, u: FloatArray, xi: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        left, slope, value = self._at(u)
        return left @ self._range - xi, np.einsum("rk,bri->bki", self._range, slope, optimize=True), value


def _newton(slope: FloatArray, missing: FloatArray) -> FloatArray:
    slope, missing = np.nan_to_num(slope, posinf=0.0, neginf=0.0), np.nan_to_num(missing, posinf=0.0, neginf=0.0)
    singular = np.abs(np.linalg.det(slope)) == 0
    slope = np.where(singular[:, None, None], np.eye(slope.shape[-1]), slope)
    return np.linalg.solve(slope, missing[..., None])[..., 0]


def metropolis(proposals: Proposals, chains: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return where independence Metropolis chains through the proposals stand, shape (chains, steps).

    Notes
    -----
    Each chain begins at a proposal drawn by weight, and its own share of the proposals is then offered to it in turn.
    """
    per_chain = len(proposals.log_weight) // chains
    weight = np.exp(proposals.log_weight - proposals.log_weight.max())
    current = rng.choice(len(weight), size=chains, p=weight / weight.sum())
    found = np.empty((chains, per_chain), dtype=np.intp)
    for step in range(per_chain):
        offered = np.arange(chains) * per_chain + step
        odds = proposals.log_weight[offered] - proposals.log_weight[current]
        current = np.where(np.log(rng.random(chains)) < odds, offered, current)
        found[:, step] = current
    return found
