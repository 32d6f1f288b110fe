"""Checks of two compared groups: means and SDs against t, degrees of freedom, p and d, one number at a time.

References
----------
Welch, B. L. (1947). The generalization of 'Student's' problem when several different population variances are
involved. Biometrika, 34, 28-35. https://doi.org/10.1093/biomet/34.1-2.28
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Literal

import numpy as np

from ...moments.comparisons import Comparison as Pair
from ...quantities.conventions import VALUES, WORDS
from ...quantities.difference import NAMES as KINDS_OF_D
from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.study import Study
from .descriptives import only, size
from .rows import Check, between, compared, found, one_of, possible, signed
from .tails import compare_p, p_possible

Test = Literal["welch", "student"]
NAMES = {"welch": "Welch's t", "student": "Student's t"}
TESTED = ("t", "df", "p")
UNTESTED = ("d", "mean_difference")
"""Quantities that do, and do not, depend on which t test was used."""
TINY, HUGE = 1e-6, 1e150
"""Variances that are almost 0, where t and d are not defined, and almost without end."""
FARTHEST = 1e9
"""How far a mean or an SD may be of which only a bound is printed."""
EFFECT_SIZES = {kind: WORDS.get(("kind", kind), "Cohen's d") for kind in VALUES["kind"]}
"""Kinds of d, the one that is meant where nothing is said first."""
STATISTICS = {"welch": "welch_t", "student": "student_t", "df": "welch_df", **KINDS_OF_D}
"""Names in `hikibayes.moments.comparisons`."""


# -- numbers of a comparison ------------------------------------------------------------------------------------------


def statistic(kind: str, gap: float, variances: tuple[float, float], sizes: tuple[int, int]) -> float:
    """Return a t, Welch's df, or a standardised mean difference of some kind; 0 for nothing of nothing."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = float(getattr(Pair(*sizes, np.float64(gap), *np.asarray(variances, dtype=float)), STATISTICS[kind]))
    return 0.0 if math.isnan(value) else value


def welch_df(variances: tuple[float, float], sizes: tuple[int, int]) -> float:
    """Return Welch's degrees of freedom, between the smaller n - 1 and n1 + n2 - 2."""
    return statistic("df", 1.0, variances, sizes)


def divisor(kind: str, sizes: tuple[int, int]) -> tuple[float, float]:
    """Return how much of each group's variance is in the squared divisor of a t or an effect size."""
    return statistic(kind, 1.0, (1.0, 0.0), sizes) ** -2, statistic(kind, 1.0, (0.0, 1.0), sizes) ** -2


# -- the facts of one comparison ------------------------------------------------------------------------------------


def _bounded(interval: Interval) -> Interval:
    return Interval(*(min(max(end, -FARTHEST), FARTHEST) for end in (interval.low, interval.high)))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What a study prints about the difference of its two groups in one measure."""

    of: str
    label: str
    groups: tuple[str, str]
    sizes: tuple[int, int]
    means: tuple[Fact | None, Fact | None]
    sds: tuple[Fact | None, Fact | None]
    printed: Mapping[str, Fact] = field(default_factory=dict)
    """The facts of quantity t, df, p, d and mean_difference, by quantity."""
    errors: bool = False
    """Whether to take the printed SDs for standard errors of the means."""

    @property
    def described(self) -> bool:
        """Whether both means and both SDs are printed."""
        return all((*self.means, *self.sds))

    @property
    def inputs(self) -> tuple[Fact, ...]:
        """The printed means and SDs."""
        return tuple(fact for fact in (*self.means, *self.sds) if fact)

    @property
    def gap(self) -> Interval:
        """Mean of the first group minus mean of the second."""
        first, second = (_bounded(fact.interval) for fact in self.means if fact)
        return first - second

    @property
    def variances(self) -> tuple[Interval, Interval]:
        """The groups' variances."""
        n = self.sizes if self.errors else (1, 1)
        first, second = (
            Interval(times * max(sd.low, 0.0) ** 2, times * sd.high**2)
            for sd, times in zip((_bounded(fact.interval) for fact in self.sds if fact), n, strict=True)
        )
        return first, second

    @property
    def tests(self) -> tuple[Test, ...]:
        """The test that was used; both where the paper does not say."""
        said = [fact.test for fact in self.printed.values() if fact.test]
        return (said[0],) if said else ("student", "welch")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that a printed d can be; all where the paper does not say, the commonest first."""
        said = self.printed["d"].kind if "d" in self.printed else None
        return (said,) if said else tuple(EFFECT_SIZES)

    def t_of(self, test: Test) -> Interval:
        """Return the t that the means and SDs leave possible."""
        return image(lambda g, v, w: statistic(test, g, (v, w), self.sizes), self.gap, *self.variances)

    def d_of(self, kind: str) -> Interval:
        """Return the effect sizes that the means and SDs leave possible."""
        return image(lambda g, v, w: statistic(kind, g, (v, w), self.sizes), self.gap, *self.variances)

    def if_standard_errors(self) -> Comparison:
        """Return the comparison as it would be if the printed SDs were standard errors of the means."""
        return replace(self, errors=True)

    def degrees(self, test: Test) -> Interval:
        """Return the possible degrees of freedom of a test: as printed, else from the SDs, else all there are."""
        n1, n2 = self.sizes
        if test == "student":
            return Interval(n1 + n2 - 2, n1 + n2 - 2)
        possible_df = Interval(min(n1, n2) - 1, n1 + n2 - 2)
        if "df" in self.printed and (printed := self.printed["df"].interval.meet(possible_df)):
            return printed
        return degrees_over(_corners(*self.variances), self.sizes) if self.described else possible_df


def degrees_over(points: Sequence[tuple[float, float]], sizes: tuple[int, int]) -> Interval:
    """Return the range of Welch's df over the convex hull of some pairs of variances.

    Notes
    -----
    The df depend on the ratio of the squared standard errors alone; they rise until this is the ratio of the groups'
    n - 1, where they are n1 + n2 - 2, and fall beyond it.
    """
    degrees = [welch_df(point, sizes) for point in points]
    n1, n2 = sizes
    ratios = [(v / n1) / (w / n2) if w > 0 else math.inf if v > 0 else 0.0 for v, w in points]
    over_peak = min(ratios) <= (n1 - 1) / (n2 - 1) <= max(ratios)
    return Interval(min(degrees), n1 + n2 - 2 if over_peak else max(degrees))


def _corners(first: Interval, second: Interval) -> list[tuple[float, float]]:
    return [(v, w) for v in (first.low, first.high) for w in (second.low, second.high)]


def comparisons(study: Study) -> Iterator[Comparison]:
    """Yield each difference between two groups of at least two people that something is printed about.

    Where a paper prints both tests of one difference, each is a comparison of its own.
    """
    about = [(fact.of, fact.between, fact.test) for fact in study.facts if fact.quantity in (*TESTED, *UNTESTED)]
    named = {(of, groups) for of, groups, test in about if test}
    for of, groups, test in dict.fromkeys(about):
        if not (of and groups) or (test is None and (of, groups) in named):
            continue
        facts = {name: only(study, name, of=of, between=groups) for name in UNTESTED}
        for name in TESTED:
            said = only(study, name, of=of, between=groups, test=test) if test else None
            facts[name] = said or only(study, name, of=of, between=groups, test=None)
        if min(size(study, group) for group in groups) < 2:
            continue
        yield Comparison(
            of=of,
            label=study.measure(of).label,
            groups=groups,
            sizes=(size(study, groups[0]), size(study, groups[1])),
            means=_pair(study, "mean", of, groups),
            sds=_pair(study, "sd", of, groups),
            printed={name: fact for name, fact in facts.items() if fact},
        )


def _pair(study: Study, quantity: str, of: str, groups: tuple[str, str]) -> tuple[Fact | None, Fact | None]:
    return only(study, quantity, of=of, group=groups[0]), only(study, quantity, of=of, group=groups[1])


# -- one number at a time -------------------------------------------------------------------------------------------


def checks_of_comparison(comparison: Comparison) -> Iterator[Check]:
    """Compare what is printed about a difference with means and SDs, one number at a time."""
    yield from _from_means(comparison)
    yield from _d_and_t(comparison)
    yield from _p_of_comparison(comparison)
    if (t := comparison.printed.get("t")) and not comparison.described:
        note = (
            f"The groups' means and SDs of {comparison.label} are not all printed, so nothing recomputes "
            f"t = {t.printed}; their row in the table of means would settle it."
        )
        yield found("t from means and SDs", (t, *comparison.inputs), "underdetermined", note)


def _from_means(comparison: Comparison) -> Iterator[Check]:
    printed, n = comparison.printed, comparison.sizes
    if all(comparison.means) and (difference := printed.get("mean_difference")):
        what = f"The difference of the printed means of {comparison.label}"
        yield compared("difference of means", difference, comparison.means, comparison.gap, what)
    if not comparison.described:
        return
    if t := printed.get("t"):
        yield _t_from_means(comparison, t)
    if df := printed.get("df"):
        welch, student = degrees_over(_corners(*comparison.variances), n), Interval(sum(n) - 2, sum(n) - 2)
        ranges = {NAMES[test]: welch if test == "welch" else student for test in comparison.tests}
        yield _either(
            "df from SDs", df, comparison.sds, ranges, f"with these SDs of {comparison.label} has degrees of freedom"
        )
    if d := printed.get("d"):
        yield _d_from_means(comparison, d)


def _t_from_means(comparison: Comparison, t: Fact) -> Check:
    ranges = {NAMES[test]: comparison.t_of(test) for test in comparison.tests}
    turned = comparison.if_standard_errors()
    others = {f"{NAMES[test]} if the SDs are standard errors": turned.t_of(test) for test in comparison.tests}
    others |= {f"{name} of the opposite sign": -interval for name, interval in ranges.items()}
    return _either("t from means and SDs", t, comparison.inputs, ranges, _from_means_of(comparison), others)


def _d_from_means(comparison: Comparison, d: Fact) -> Check:
    """Compare d with means and SDs; a kind other than Cohen's is considered only where his does not agree."""
    every = {EFFECT_SIZES[kind]: comparison.d_of(kind) for kind in EFFECT_SIZES}
    ranges = {EFFECT_SIZES[kind]: every[EFFECT_SIZES[kind]] for kind in comparison.kinds}
    ranges = _commonest(d, ranges)
    turned = comparison.if_standard_errors()
    others = {f"{name} if the SDs are standard errors": turned.d_of(kind) for kind, name in EFFECT_SIZES.items()}
    others |= {f"{name} of the opposite sign": -interval for name, interval in every.items()}
    return _either("d from means and SDs", d, comparison.inputs, ranges, _from_means_of(comparison), every | others)


def _from_means_of(comparison: Comparison) -> str:
    return f"of {comparison.label} from the means and SDs is"


def _either(
    name: str,
    fact: Fact,
    given: Iterable[Fact | None],
    ranges: Mapping[str, Interval],
    how: str,
    others: Mapping[str, Interval] | None = None,
) -> Check:
    """Compare a printed number with each thing it can be; where it is none of these, name what it would be."""
    fits = [what for what, interval in ranges.items() if possible(fact, interval)]
    shown = fits or list(ranges)
    said = one_of((f"{what} {how} {between(ranges[what])}" for what in shown), "and")
    recomputed = Interval(min(ranges[what].low for what in shown), max(ranges[what].high for what in shown))
    note = f"{said}, which {'agrees with' if fits else 'contradicts'} the printed {fact.printed}"
    if not fits and (hints := [what for what, interval in (others or {}).items() if possible(fact, interval)]):
        note += f"; it would be {one_of(hints)}"
    return found(name, (fact, *given), "consistent" if fits else "inconsistent", f"{note}.", recomputed)


def _t_per_d(comparison: Comparison, tests: Iterable[Test], kinds: Iterable[str]) -> Interval:
    """Return t divided by d, which depends on the sizes and on the ratio of the variances only.

    Notes
    -----
    Its square is the ratio of two forms in the variances, monotone in their ratio, so two corners hold the extremes;
    without SDs these have all the variance in one group.
    """
    boxes = comparison.variances if comparison.described else (Interval(0.0, 1.0), Interval(0.0, 1.0))
    first, second = boxes
    corners = ((first.low, second.high), (first.high, second.low))
    # an SD that is printed as "more than" has no end; the ratio has a limit there
    points = [(min(max(v, TINY), HUGE), min(max(w, TINY), HUGE)) for v, w in corners]
    n = comparison.sizes
    ratios = [
        statistic(test, 1.0, point, n) / statistic(kind, 1.0, point, n)
        for point in points
        for test in tests
        for kind in kinds
    ]
    return Interval(min(ratios), max(ratios))


def _d_and_t(comparison: Comparison) -> Iterator[Check]:
    """Compare d with t and the sizes."""
    t, d = comparison.printed.get("t"), comparison.printed.get("d")
    if not (t and d):
        return
    ranges = {
        EFFECT_SIZES[kind]: image(lambda a, b: a / b, t.interval, _t_per_d(comparison, comparison.tests, (kind,)))
        for kind in comparison.kinds
    }
    yield _either("d from t", d, (t,), _commonest(d, ranges), f"of {comparison.label} from t and the groups' sizes is")


def _commonest(fact: Fact, ranges: dict[str, Interval]) -> dict[str, Interval]:
    """Keep the first of the things a number can be, unless only others agree with it."""
    first = next(iter(ranges))
    others_only = not possible(fact, ranges[first]) and any(possible(fact, each) for each in ranges.values())
    return ranges if others_only else {first: ranges[first]}


# -- p --------------------------------------------------------------------------------------------------------------


def _p_of_comparison(comparison: Comparison) -> Iterator[Check]:
    """Compare p with t, or with what means, SDs and d leave of it."""
    if not (p := comparison.printed.get("p")):
        return
    t, d = comparison.printed.get("t"), comparison.printed.get("d")
    if t:
        given, name, what = (
            (t, comparison.printed.get("df"), *comparison.inputs),
            "p from t",
            f"t = {t.printed} ({comparison.label})",
        )
    elif comparison.described:
        given, name, what = (
            comparison.inputs,
            "p from means and SDs",
            f"the t of {comparison.label} from the means and SDs",
        )
    elif d:
        given, name, what = (d,), "p from d", f"the t from d = {d.printed} ({comparison.label}) and the groups' sizes"
    else:
        return
    ways = [(_t_possible(comparison, test), comparison.degrees(test)) for test in comparison.tests]
    if name == "p from d" and not p_possible(p, ways):
        # only with another kind of d, and unknown SDs: what Cohen's d and equal variances give is what is said
        kinds = comparison.kinds
        wide = [(_t_possible(comparison, test, kinds), comparison.degrees(test)) for test in comparison.tests]
        ways = wide if p_possible(p, wide) else ways
    yield compare_p(name, p, given, ways, what, _p_if_standard_errors(comparison))


def _p_if_standard_errors(comparison: Comparison) -> dict[str, list[tuple[Interval, Interval]]]:
    if not comparison.described or "t" in comparison.printed:
        return {}
    turned = comparison.if_standard_errors()
    return {
        "the p if the SDs are standard errors": [(turned.t_of(test), turned.degrees(test)) for test in turned.tests]
    }


def _t_possible(comparison: Comparison, test: Test, kinds: Iterable[str] = ()) -> Interval:
    """Return what t can be by its print, narrowed by means and SDs unless these exclude it, or by d of some kinds."""
    t, d = (comparison.printed.get(name) for name in ("t", "d"))
    ways = [signed(t)] if t else []
    ways += [comparison.t_of(test)] if comparison.described else []
    if not ways and d:
        per_d = _t_per_d(comparison, (test,), kinds or comparison.kinds[:1])
        ways = [image(lambda value, factor: value * factor, signed(d), per_d)]
    return reduce(lambda left, way: left.meet(way.widened()) or left, ways)
