"""Kinds of printed numbers, one file each: address, value from group moments, conventions, words.

Facts, audit, calibration, report and the table of `docs/study-format.md` read this one description. The independent
recomputation from rows (`hikibayes.reconstruction.verify`) does not. A new kind is one new file and its line here.
"""

from . import (
    adjusted_r2,
    alpha,
    coefficient,
    coefficient_p,
    coefficient_se,
    correlation,
    d,
    delta_r2,
    delta_r2_p,
    df,
    maximum,
    mean,
    mean_difference,
    minimum,
    n,
    p,
    proportion,
    proportion_difference,
    r2,
    r2_p,
    sd,
    slope,
    slope_p,
    slope_se,
    t,
    vif,
)
from .analysis import Analysis, Outline
from .conventions import meanings
from .kind import Address, Kind

__all__ = ["KINDS", "Address", "Analysis", "Kind", "Outline", "meanings"]

KINDS: dict[str, Kind] = {
    module.KIND.name: module.KIND
    for module in (
        n,
        mean,
        sd,
        minimum,
        maximum,
        proportion,
        proportion_difference,
        mean_difference,
        t,
        df,
        p,
        d,
        alpha,
        correlation,
        r2,
        adjusted_r2,
        r2_p,
        delta_r2,
        delta_r2_p,
        coefficient,
        coefficient_se,
        coefficient_p,
        vif,
        slope,
        slope_se,
        slope_p,
    )
}
