"""How convincing a replication is to somebody who doubts the original: sceptical p and sceptical Bayes factor.

Both are of normal estimates: z_o and z_r in the original's direction, and c = SE_o² / SE_r². Own root finding, from the
formulas of the papers.

References
----------
.. [1] Held L. (2020). A new standard for the analysis and design of replication studies. Journal of the Royal
   Statistical Society A 183(2), 431-448. https://doi.org/10.1111/rssa.12493
.. [2] Micheloud C., Balabdaoui F., Held L. (2023). Assessing replicability with the sceptical p-value: type-I error
   control and sample size planning. Statistica Neerlandica 77(4), 573-591. https://doi.org/10.1111/stan.12312
.. [3] Pawel S., Held L. (2022). The sceptical Bayes factor for the assessment of replication success. Journal of the
   Royal Statistical Society B 84(3), 879-911. https://doi.org/10.1111/rssb.12491
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

GOLDEN = (1 + 5**0.5) / 2
"""Under it an original that is just significant can be replicated by a study that is no more precise."""


def sceptical_p(z_o: float, z_r: float, c: float, kind: Literal["nominal", "golden", "controlled"]) -> float:
    """Return the one-sided sceptical p [1]_.

    Parameters
    ----------
    z_o, z_r : float
        Estimates over their standard errors.
    c : float
        Squared ratio of the original's standard error to the new one's.
    kind : {"nominal", "golden", "controlled"}
        As [1]_ has it; recalibrated by the golden ratio; or so that both studies' type I error is controlled [2]_.

    Returns
    -------
    float
        Small where the replication convinces a sceptic; above .5 where the estimates have opposite signs.
    """
    q = _sceptical_z2(z_o**2, z_r**2, c)
    if kind == "controlled":
        p = 0.5 * float(np.sqrt(_chance(q, c)))
    else:
        p = float(ndtr(-np.sqrt(q * (GOLDEN if kind == "golden" else 1.0))))
    return p if z_o * z_r > 0 else 1 - p


def sceptical_bf(z_o: float, z_r: float, c: float) -> float:
    """Return one over the sceptical Bayes factor [3]_: above 1 it speaks for the effect, NaN where there is none.

    Parameters
    ----------
    z_o, z_r, c
        As in `sceptical_p`.

    Notes
    -----
    The sceptic's prior is the one against which the original's evidence is no more than the new evidence for the
    original against that sceptic. There is none where the new data speak for no effect more than for the original.
    """

    def log_original(g: float) -> float:
        return float(0.5 * np.log1p(g) - 0.5 * z_o**2 * g / (1 + g))

    def excess(g: float) -> float:
        sceptic, advocate = 1 + c * g, 1 + c
        log_new = 0.5 * (np.log(advocate / sceptic) + (z_r - z_o * np.sqrt(c)) ** 2 / advocate - z_r**2 / sceptic)
        return log_original(g) - float(log_new)

    widest = z_o**2 - 1
    if widest <= 0 or excess(0.0) < 0:
        return float("nan")
    g = widest if excess(widest) >= 0 else brentq(excess, 0.0, widest, xtol=1e-14, rtol=1e-14)
    return float(np.exp(-log_original(g)))


def _sceptical_z2(z2_o: float, z2_r: float, c: float) -> float:
    """Return the root q of (z_o²/q - 1)(z_r²/q - 1) = c below both."""
    total, product = z2_o + z2_r, z2_o * z2_r
    return float(2 * product / (total + np.sqrt(total**2 - 4 * (1 - c) * product)))


def _chance(q: float, c: float) -> float:
    """Return the chance of a squared sceptical z above q where neither study has an effect, in either direction."""
    # the first study's z is its least value and exp(t): smooth in t, however small q is
    t, step = np.linspace(-45.0, np.log(45.0), 2001, retstep=True)
    z = np.sqrt(q) + np.exp(t)
    beyond = np.sqrt(q + c * q**2 / (np.exp(t) * (z + np.sqrt(q))))
    density = np.exp(t - 0.5 * z**2) / np.sqrt(2 * np.pi) * ndtr(-beyond)
    return float(4 * step * density.sum())
