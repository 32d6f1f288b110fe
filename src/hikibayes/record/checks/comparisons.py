"""Checks of two compared groups: means and SDs against t, degrees of freedom, p and d, one number at a time.

References
----------
Welch, B. L. (1947). The generalization of 'Student's' problem when several different population variances are
involved. Biometrika, 34, 28-35. https://doi.org/10.1093/biomet/34.1-2.28
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from scipy.special import stdtr

from ..facts import Fact
from ..intervals import Interval, image
from ..study import Study
from .descriptives import only, size
from .rows import Check, absolute, between, compared, found, one_of, possible

__all__ = [
    "Comparison",
    "Test",
    "checks_of_comparisons",
    "cohen_d",
    "comparisons",
    "degrees_over",
    "p_of_t",
    "student_t",
    "welch_df",
    "welch_t",
]

Test = Literal["welch", "student"]
NAMES = {"welch": "Welch's t", "student": "Student's t"}
TESTED = ("t", "df", "p")
UNTESTED = ("d", "mean_difference")
"""Quantities that do, and do not, depend on which t test was used."""


# -- the formulas ---------------------------------------------------------------------------------------------------


def welch_t(gap: float, variances: tuple[float, float], sizes: tuple[int, int]) -> float:
    """Return Welch's t of a mean difference."""
    return _ratio(gap, math.sqrt(variances[0] / sizes[0] + variances[1] / sizes[1]))


def student_t(gap: float, variances: tuple[float, float], sizes: tuple[int, int]) -> float:
    """Return Student's t of a mean difference (equal variances)."""
    return cohen_d(gap, variances, sizes) / math.sqrt(1 / sizes[0] + 1 / sizes[1])


def welch_df(variances: tuple[float, float], sizes: tuple[int, int]) -> float:
    """Return Welch's degrees of freedom, between the smaller n - 1 and n1 + n2 - 2."""
    a, b = (variance / n for variance, n in zip(variances, sizes, strict=True))
    return _ratio((a + b) ** 2, a**2 / (sizes[0] - 1) + b**2 / (sizes[1] - 1))


def cohen_d(gap: float, variances: tuple[float, float], sizes: tuple[int, int]) -> float:
    """Return Cohen's d: the mean difference over the pooled SD."""
    pooled = ((sizes[0] - 1) * variances[0] + (sizes[1] - 1) * variances[1]) / (sizes[0] + sizes[1] - 2)
    return _ratio(gap, math.sqrt(pooled))


def p_of_t(t: float, df: float) -> float:
    """Return the two-sided p of a t."""
    return 2 * float(stdtr(df, -abs(t)))


def _ratio(a: float, b: float) -> float:
    if b > 0:
        return a / b
    return math.copysign(math.inf, a) if a else 0.0


# -- the facts of one comparison ------------------------------------------------------------------------------------


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
        first, second = (fact.interval for fact in self.means if fact)
        return Interval(first.low - second.high, first.high - second.low)

    @property
    def variances(self) -> tuple[Interval, Interval]:
        """The groups' variances."""
        first, second = (Interval(max(fact.interval.low, 0.0) ** 2, fact.interval.high**2) for fact in self.sds if fact)
        return first, second

    @property
    def tests(self) -> tuple[Test, ...]:
        """The test that was used; both where the paper does not say."""
        said = [fact.test for fact in self.printed.values() if fact.test]
        return (said[0],) if said else ("student", "welch")

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
    ratios = [_ratio(v / n1, w / n2) for v, w in points]
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


def checks_of_comparisons(study: Study) -> Iterator[Check]:
    """Compare what is printed about the difference of the two groups with their means and SDs."""
    for comparison in comparisons(study):
        yield from _from_means(comparison)
        yield from _d_and_t(comparison)
        yield from _p_and_t(comparison)
        if (t := comparison.printed.get("t")) and not comparison.described:
            note = (
                f"The groups' means and SDs of {comparison.label} are not all printed, so nothing recomputes "
                f"t = {t.printed}; their row in the table of means would settle it."
            )
            yield found("t from means and SDs", (t, *comparison.inputs), "underdetermined", note)


def _from_means(comparison: Comparison) -> Iterator[Check]:
    printed, n = comparison.printed, comparison.sizes
    if all(comparison.means) and (difference := printed.get("mean_difference")):
        what = "The difference of the printed means"
        yield compared("difference of means", difference, comparison.means, comparison.gap, what)
    if not comparison.described:
        return
    box = (comparison.gap, *comparison.variances)
    if t := printed.get("t"):
        formulas = {"welch": welch_t, "student": student_t}
        ranges = {test: image(lambda g, v, w, f=formulas[test]: f(g, (v, w), n), *box) for test in comparison.tests}
        yield _either("t from means and SDs", t, comparison.inputs, ranges, "from the means and SDs is")
    if df := printed.get("df"):
        welch, student = degrees_over(_corners(*comparison.variances), n), Interval(sum(n) - 2, sum(n) - 2)
        ranges = {test: welch if test == "welch" else student for test in comparison.tests}
        yield _either("df from SDs", df, comparison.sds, ranges, "with these SDs has degrees of freedom")
    if d := printed.get("d"):
        recomputed = image(lambda g, v, w: cohen_d(g, (v, w), n), *box)
        yield compared("d from means and SDs", d, comparison.inputs, recomputed, "Cohen's d from the means and SDs")


def _either(name: str, fact: Fact, given: Iterable[Fact | None], ranges: Mapping[Test, Interval], how: str) -> Check:
    """Compare a printed number with what either test gives, where the paper does not name the test."""
    fits = [test for test, interval in ranges.items() if possible(fact, interval)]
    shown = fits or list(ranges)
    said = one_of((f"{NAMES[test]} {how} {between(ranges[test])}" for test in shown), "and")
    recomputed = Interval(min(ranges[test].low for test in shown), max(ranges[test].high for test in shown))
    note = f"{said}, which {'agrees with' if fits else 'contradicts'} the printed {fact.printed}."
    return found(name, (fact, *given), "consistent" if fits else "inconsistent", note, recomputed)


def _d_and_t(comparison: Comparison) -> Iterator[Check]:
    """Compare d with t and the sizes alone: their ratio depends on the variances' ratio only."""
    t, d = comparison.printed.get("t"), comparison.printed.get("d")
    if not (t and d):
        return
    n1, n2 = comparison.sizes
    ratio = math.sqrt(1 / n1 + 1 / n2)
    ratios = [ratio]
    if "welch" in comparison.tests:
        # from all variance in the second group to all of it in the first
        ratios += [math.sqrt((n1 + n2 - 2) / (n * (n - 1))) for n in (n1, n2)] if n1 != n2 else []
    recomputed = image(lambda value, factor: value * factor, t.interval, Interval(min(ratios), max(ratios)))
    yield compared("d from t", d, (t,), recomputed, "Cohen's d from t and the groups' sizes")


def _p_and_t(comparison: Comparison) -> Iterator[Check]:
    t, p = comparison.printed.get("t"), comparison.printed.get("p")
    if not (t and p):
        return
    ranges = [image(p_of_t, absolute(t.interval), comparison.degrees(test)) for test in comparison.tests]
    recomputed = Interval(min(each.low for each in ranges), max(each.high for each in ranges))
    given = (t, comparison.printed.get("df"))
    yield compared("p from t", p, given, recomputed, f"The p of t = {t.printed}")
