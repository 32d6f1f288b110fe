"""Checks of F tests: of a regression, of a step, of a term with several columns, of several groups; χ² of counts.

Notes
-----
F = (R2 / k) / ((1 - R2) / df) for a regression, (increase / k) / ((1 - R2) / df) for a step over another. Where no
number of people is printed, each F with its R2 tells one, and these have to be about the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, fdtrc

from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.study import Study
from .descriptives import only, size
from .rows import Check, between, compared, found, number, one_of, possible
from .steps import columns, counted_df, explained, residual_df

LISTWISE = 0.6
"""Share of the people of one regression that another one may have."""


@dataclass(frozen=True, kw_only=True)
class _Test:
    """An F test as printed.

    Attributes
    ----------
    name : str
    f, df1, df2, p : Fact or None
    added : int
        The columns that it tests.
    df : int
        Residual degrees of freedom of all people; 0 where their number is not printed.
    residual : int
        Residual degrees of freedom as printed elsewhere, else the same.
    explained : tuple of Interval, optional
        What the columns explain, and what is left unexplained, as shares.
    given : tuple of Fact
        The facts that these come from.
    """

    name: str
    f: Fact | None
    df1: Fact | None
    df2: Fact | None
    p: Fact | None
    added: int
    df: int
    residual: int = 0
    explained: tuple[Interval, Interval] | None = None
    given: tuple[Fact, ...] = ()

    @property
    def degrees(self) -> Interval | None:
        """The residual degrees of freedom: as printed, else as known."""
        if self.df2:
            return self.df2.interval
        known = self.residual or self.df
        return Interval(known, known) if known >= 1 else None

    @property
    def columns(self) -> Interval:
        """The numerator's degrees of freedom: as printed, else as the record has them."""
        return self.df1.interval if self.df1 else Interval(self.added, self.added)

    @property
    def people(self) -> Interval | None:
        """The residual degrees of freedom behind F and what is explained."""
        if not self.f or not self.explained or self.f.errors or self.explained[0].low <= 0:
            return None
        k = self.columns.high
        return image(lambda f, gain, left: f * k * left / gain, self.f.interval, *self.explained)


def checks_of_f_tests(study: Study) -> Iterator[Check]:
    """Compare F with its degrees of freedom, its p, and the variance that is explained."""
    tests = [*_of_steps(study), *_of_terms(study), *_of_groups(study)]
    # a step none of whose terms is printed tests a number of columns that nobody knows
    for test in (test for test in tests if test.added >= 1):
        yield from _degrees(test)
        yield from _p_of_f(test)
        if test.f and test.explained and test.degrees and not test.f.errors:
            yield _f_of_r2(test)
    yield from _same_people([test for test in tests if not test.degrees and test.people])


# -- the tests -------------------------------------------------------------------------------------------------------


def _of_steps(study: Study) -> Iterator[_Test]:
    for step in study.steps:
        own, reached = only(study, "r2", step=step.id), explained(study, step.id)
        r2, given = (own.interval, (own,)) if own else (reached.interval, reached.facts)
        left = Interval(1 - r2.high, 1 - r2.low)
        every = columns(study, study.terms(step.id))
        yield _of_step(study, step.id, "r2", step.id, every, (r2, left) if given else None, given)
        if step.after:
            gain = _increase(study, step.id, step.after)
            shares, known = ((gain[0], left), (*given, *gain[1])) if gain and given else (None, ())
            name = f"the increase in {step.id}"
            yield _of_step(study, step.id, "delta_r2", name, columns(study, step.adds), shares, known)


def _of_step(
    study: Study,
    step: str,
    quantity: str,
    name: str,
    added: int,
    shares: tuple[Interval, Interval] | None,
    given: tuple[Fact, ...],
) -> _Test:
    # what a first step adds to nothing is all that it explains
    names = (quantity,) if study.step(step).after else ("r2", "delta_r2")
    f, df1, df2, p = (_first(study, [f"{name}_{role}" for name in names], step) for role in ("f", "df1", "df2", "p"))
    df, residual = counted_df(study, step), residual_df(study, step)
    return _Test(
        name=name,
        f=f,
        df1=df1,
        df2=df2,
        p=p,
        added=added,
        df=df,
        residual=residual,
        explained=shares,
        given=given,
    )


def _first(study: Study, quantities: list[str], step: str) -> Fact | None:
    return next((fact for name in quantities if (fact := only(study, name, step=step))), None)


def _increase(study: Study, step: str, before: str) -> tuple[Interval, tuple[Fact, ...]] | None:
    if (fact := only(study, "delta_r2", step=step)) and not fact.adjusted:
        return fact.interval, (fact,)
    ends = [only(study, "r2", step=name) for name in (before, step)]
    if not (ends[0] and ends[1]):
        return None
    gap = ends[1].interval - ends[0].interval
    return Interval(max(gap.low, 0.0), max(gap.high, 0.0)), (ends[0], ends[1])


def _of_terms(study: Study) -> Iterator[_Test]:
    """Yield the tests of terms with several columns; one column's F is its squared t."""
    for fact in study.facts_of("coefficient_f"):
        if fact.term in study.terms(str(fact.step)) and (added := columns(study, (fact.term,))) > 1:
            place = {"step": fact.step, "term": fact.term}
            p, eta = (only(study, f"coefficient_{role}", **place) for role in ("p", "partial_eta2"))
            shares = (eta.interval, Interval(1 - eta.interval.high, 1 - eta.interval.low)) if eta else None
            yield _Test(
                name=f"{fact.term} in {fact.step}",
                f=fact,
                df1=None,
                df2=None,
                p=p,
                added=added,
                df=counted_df(study, str(fact.step)),
                residual=residual_df(study, str(fact.step)),
                explained=shares,
                given=(eta,) if eta else (),
            )


def _of_groups(study: Study) -> Iterator[_Test]:
    """Yield one-way comparisons of all groups."""
    names = {fact.of: None for fact in study.facts if fact.quantity in ("f", "f_p")}
    k = len(study.group_names)
    for of in names:
        eta = only(study, "eta2", of=of)
        shares = (eta.interval, Interval(1 - eta.interval.high, 1 - eta.interval.low)) if eta else None
        yield _Test(
            name=f"{of} by group",
            f=only(study, "f", of=of),
            df1=only(study, "f_df1", of=of),
            df2=only(study, "f_df2", of=of),
            p=only(study, "f_p", of=of),
            added=k - 1,
            df=max(size(study) - k, 0),
            explained=shares,
            given=(eta,) if eta else (),
        )


# -- what is held against what -----------------------------------------------------------------------------------------


def _degrees(test: _Test) -> Iterator[Check]:
    if test.df1:
        added = Interval(test.added, test.added)
        yield compared("df of F", test.df1, (), added, f"The number of columns that the F of {test.name} tests")
    if test.df2 and test.df >= 1:
        # fewer people are what missing values leave
        what = f"The residual degrees of freedom of {test.name} that the people allow"
        yield compared("df of F", test.df2, (), Interval(LISTWISE * test.df, test.df), what)


def _p_of_f(test: _Test) -> Iterator[Check]:
    if not (test.f and test.p and test.degrees and test.degrees.low > 0):
        return
    p = image(lambda f, k, df: float(fdtrc(k, df, max(f, 0.0))), test.f.interval, test.columns, test.degrees)
    given = [test.f, test.df1, test.df2]
    yield compared("p of F", test.p, given, p, f"The p of F = {test.f.printed} of {test.name}")


def _f_from(gain: float, left: float, k: float, df: float) -> float:
    return gain / k / max(left / df, 1e-12)


def _f_of_r2(test: _Test) -> Check:
    assert test.f
    assert test.explained
    assert test.degrees
    f = image(_f_from, *test.explained, test.columns, test.degrees)
    what = f"F of {test.name} from what is explained and {number(test.degrees.middle)} degrees of freedom"
    check = compared("F and R2", test.f, (*test.given, test.df1, test.df2), f, what)
    if check.verdict == "consistent" or test.df2 is None or test.df < 1 or test.df2.interval.high >= test.df:
        return check
    note = f"{check.note} The number of people differs between these regressions."
    return found("F and R2", (test.f, *test.given), "ambiguous", note, f)


def _same_people(tests: list[_Test]) -> Iterator[Check]:
    """Compare the degrees of freedom that each F tells, where no number of people is printed."""
    known = [(test, test.people) for test in tests]
    spans = [(test, span) for test, span in known if span]
    if len(spans) < 2:
        return
    for test, span in spans:
        others = [other for each, other in spans if each is not test]
        agreeing = [each for each in others if _near(span, each)]
        if len(others) > 1 and not agreeing and any(_near(a, b) for a in others for b in others if a is not b):
            assert test.f
            most, least = max(each.high for each in others), min(each.low for each in others)
            f = image(_f_from, *(test.explained or ()), test.columns, Interval(least, most))
            note = (
                f"F = {test.f.printed} of {test.name} needs about {number(span.middle)} residual degrees of freedom, "
                f"the others {number(least)} to {number(most)}; with these F would be {between(f)}."
            )
            yield found("people behind F", (test.f, *test.given), "inconsistent", note, f)
            return
    facts = [test.f for test, _ in spans]
    yield found("people behind F", facts, "consistent", "The F tests need about as many people.", about=len(facts))


def _near(one: Interval, other: Interval) -> bool:
    return one.high >= LISTWISE * other.low and other.high >= LISTWISE * one.low


# -- counts ------------------------------------------------------------------------------------------------------------


def checks_of_chi2(study: Study) -> Iterator[Check]:
    """Compare counts with shares, and χ² and its p with the counts of the groups."""
    for count in study.facts_of("count"):
        if share := only(study, "proportion", of=count.of, level=count.level, group=count.group):
            n = size(study, count.group)
            if n:
                people = count.interval.middle / n
                what = f"{count.printed} of {n} people"
                yield compared("count and share", share, (count,), Interval(people, people), what)
    for of in {fact.of: None for fact in study.facts if fact.quantity in ("chi2", "chi2_p")}:
        yield from _chi2(study, str(of))


def _chi2(study: Study, of: str) -> Iterator[Check]:
    chi2, p, printed_df = (only(study, name, of=of) for name in ("chi2", "chi2_p", "chi2_df"))
    levels = [level.id for level in study.measure(of).levels]
    df = (len(levels) - 1) * (len(study.group_names) - 1)
    if printed_df:
        yield compared("df of χ²", printed_df, (), Interval(df, df), "(levels - 1) (groups - 1)")
    cells = [[only(study, "count", of=of, level=level, group=g) for level in levels] for g in study.group_names]
    counted = [cell for row in cells for cell in row if cell]
    table = None
    if counted and len(counted) == len(levels) * len(study.group_names):
        table = np.array([[float(cell.value) for cell in row if cell] for row in cells])
        value = _pearson(table)
        if chi2:
            yield _of_table(chi2, counted, table, value, df)
        if p:
            yield _p_of_table(p, counted, table, value, df)
    elif chi2 and p and df:
        ends = image(lambda x: float(chdtrc(df, max(x, 0.0))), chi2.interval)
        yield compared("p of χ²", p, (chi2,), ends, f"The p of χ² = {chi2.printed} with {df} degrees of freedom")


def _pearson(table: np.ndarray, yates: float = 0.0) -> float:
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    with np.errstate(all="ignore"):
        return float(np.nansum(np.maximum(abs(table - expected) - yates, 0) ** 2 / expected))


def _of_table(chi2: Fact, counted: list[Fact], table: np.ndarray, value: float, df: int) -> Check:
    others = {"with Yates' correction": _pearson(table, 0.5)} if table.shape == (2, 2) else {}
    fits = [words for words, other in others.items() if possible(chi2, Interval(other, other))]
    what = "χ² of the counts" + (f" {fits[0]}" if fits else "")
    shown = others[fits[0]] if fits else value
    check = compared("χ² of counts", chi2, counted, Interval(shown, shown), what)
    p = float(chdtrc(df, value))
    if check.verdict == "inconsistent" and possible(chi2, Interval(p, p)):
        note = f"{check.note} It is the p of that χ²."
        return found("χ² of counts", (chi2, *counted), "inconsistent", note, Interval(value, value))
    return check


def _p_of_table(p: Fact, counted: list[Fact], table: np.ndarray, value: float, df: int) -> Check:
    ways = {"": float(chdtrc(df, value))}
    if table.shape == (2, 2):
        from scipy.stats import fisher_exact

        ways["with Yates' correction"] = float(chdtrc(df, _pearson(table, 0.5)))
        ways["by Fisher's exact test"] = float(fisher_exact(table.astype(int)).pvalue)
    fits = [words for words, way in ways.items() if possible(p, Interval(way, way))]
    words = fits[0] if fits else ""
    what = " ".join(filter(None, ("The p of the counts", words)))
    if not fits and len(ways) > 1:
        what += f" (or {one_of(f'{number(way)} {words}' for words, way in ways.items() if words)})"
    return compared("p of counts", p, counted, Interval(ways[words], ways[words]), what)
