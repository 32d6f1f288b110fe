"""What describes a sample: sizes, means, SDs, extremes, medians, shares, counts, reliabilities."""

from __future__ import annotations

from ..moments.tails import Array
from ..spec import LARGEST_SAMPLE
from .analysis import Analysis
from .estimates import Estimate, kinds_of
from .kind import INFINITY, Address, Kind


def _mean(run: Analysis, address: Address) -> tuple[Array, Array, Array]:
    n = run.size(address.group)
    return run.mean(address.of, address.group), (run.variance(address.of, address.group) / n) ** 0.5, n - 1.0


def _share_difference(run: Analysis, address: Address) -> Array:
    first, second = (run.share(address.of, str(address.level), group) for group in address.between or ())
    return first - second


def _observed(name: str, meaning: str, settled_by: str, *, whole: bool) -> Kind:
    """Return a kind that group moments do not determine."""
    return Kind(
        name=name,
        meaning=meaning,
        words=name.replace("_", " "),
        needs=("of",),
        may=("group",),
        unit="measure",
        whole=whole,
        settled_by=settled_by,
    )


MEAN = Estimate(
    name="mean",
    meaning="mean",
    words="mean",
    needs=("of",),
    may=("group",),
    unit="measure",
    raw=True,
    settled_by="its SD, or the means of the groups",
    compute=_mean,
    roles=("", "se", "ci_low", "ci_high"),
)
KINDS = (
    Kind(
        name="n",
        meaning="number of participants; `step`: in that regression (listwise)",
        words="number of participants",
        may=("group", "step"),
        low=0,
        high=LARGEST_SAMPLE,
        unit="participants",
        whole=True,
        settled_by="the sizes of all groups and of the whole sample together",
        value=lambda run, address: run.size(address.group),
    ),
    *kinds_of(MEAN),
    Kind(
        name="sd",
        meaning="standard deviation (divisor n - 1)",
        words="SD",
        needs=("of",),
        may=("group",),
        low=0,
        unit="measure",
        raw=True,
        settled_by="the mean it belongs to",
        value=lambda run, address: run.variance(address.of, address.group) ** 0.5,
    ),
    _observed("minimum", "smallest value in the sample", "a mean", whole=True),
    _observed("maximum", "largest value in the sample", "a mean", whole=True),
    _observed("median", "median", "the whole distribution", whole=False),
    _observed("lower_quartile", "lower quartile", "the median", whole=False),
    _observed("upper_quartile", "upper quartile", "the median", whole=False),
    Kind(
        name="proportion",
        meaning="share of participants at a level",
        words="proportion",
        needs=("of", "level"),
        may=("group",),
        low=0,
        high=1,
        unit="proportion",
        value=lambda run, address: run.share(address.of, str(address.level), address.group),
    ),
    Kind(
        name="count",
        meaning="number of participants at a level",
        words="number of participants",
        needs=("of", "level"),
        may=("group",),
        low=0,
        high=INFINITY,
        unit="participants",
        whole=True,
        settled_by="the share, or the counts of the other levels",
        value=lambda run, address: run.share(address.of, str(address.level), address.group) * run.size(address.group),
    ),
    Kind(
        name="proportion_difference",
        meaning="share in the first group minus share in the second",
        words="proportion difference",
        needs=("of", "level", "between"),
        low=-1,
        high=1,
        unit="proportion",
        value=_share_difference,
    ),
    Kind(
        name="alpha",
        meaning="Cronbach's alpha",
        words="Cronbach’s α",
        needs=("of",),
        may=("group", "subscale"),
        high=1,
    ),
)
