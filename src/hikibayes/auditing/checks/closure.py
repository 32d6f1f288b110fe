"""Checks of numbers that printed moments determine: regressions, slopes and correlations against means, SDs and r.

Notes
-----
Each moment may be anything that prints as it did. A number is recomputed at the centre of that box, at the middles of
its faces and, by the signs of the differences between these, at the corners that should be its extremes. What all
these points leave is possible, because every point is a sample that prints the moments. Only where none of them prints
the number is it searched for, from several corners and coordinate by coordinate; and only a number that stays away is
accused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...arrays import FloatArray
from ...moments import two_sided_p
from ...quantities import KINDS, Address, Analysis, Outline, meanings
from ...study.addresses import address_of, outline_of
from ...study.facts import Fact
from ...study.intervals import Interval
from ...study.study import Study
from .boxes import Box, group_box, total_box
from .coefficients import estimate_df
from .rows import Check, Verdict, between, found, one_of, possible
from .steps import of_everybody
from .tails import compare_p, p_possible

type Number = Callable[[Analysis], FloatArray]

UNITS = {name for name, kind in KINDS.items() if "standardised" in kind.may}
"""Kinds that are raw or standardised."""
FROM_MEANS = ("intercept", "predicted")
"""What correlations alone do not determine."""
SHRINK = (1.0, 0.99, 0.9, 0.75, 0.5, 0.25)
"""How far towards a corner that is no sample's to look."""
CHECK = "number from moments"
GRID = 41
"""Values of a moment that are tried at a time, three times over."""
MARGIN = 0.05
"""Of a range's width: what a search may have left undiscovered."""


def checks_against_moments(study: Study) -> Iterator[Check]:
    """Compare what is printed of regressions and correlations with the printed moments, where these determine it."""
    for sample, questions in _asked(study):
        yield from _answers(sample, questions)


def _asked(study: Study, *, guessed: bool = False) -> Iterator[tuple[_Sample, list[_Question]]]:
    """Yield each box with the numbers that it determines."""
    outline = outline_of(study)
    boxes: dict[tuple[frozenset[str], str], Box | None] = {}
    together: dict[int, tuple[_Sample, list[_Question]]] = {}
    for fact in study.facts:
        kind = KINDS[fact.quantity]
        if kind.value is None or fact.errors or fact.at or kind.name == "n":
            continue
        if not (fact.step or kind.name == "correlation" or _of_means(fact)):
            continue
        if fact.step and not of_everybody(study, fact.step):
            continue
        box = _box(study, fact, boxes, guessed=guessed)
        question = _question(study, fact, box) if box else None
        if box and question:
            together.setdefault(id(box), (_Sample(outline, box), []))[1].append(question)
    yield from together.values()


def conventions_that_fit(study: Study) -> Iterator[tuple[Fact, list[Address], Mapping[str, object]]]:
    """Yield each estimate that printed moments determine, with all that it can mean and be as printed.

    Last come the conventions that make no difference to it. A p says little: it is left out.
    """
    for sample, questions in _asked(study, guessed=True):
        asked = [question for question in questions if not question.df]
        if not asked:
            continue
        values = sample.look([number for question in asked for number in question.ways.values()])[1]
        ends = zip(np.fmin.reduce(values), np.fmax.reduce(values), strict=True)
        for question in asked:
            here = [(address, Interval(*map(float, next(ends)))) for address in question.addresses.values()]
            fits = [address for address, range_ in here if possible(question.fact, range_)]
            yield question.fact, fits, _irrelevant(study, question.fact)


def _of_means(fact: Fact) -> bool:
    """Tell whether a number follows from groups' means and SDs, and no other check holds it against these."""
    kind = KINDS[fact.quantity]
    limits = kind.estimate in ("mean", "mean_difference") and kind.role in ("se", "ci_low", "ci_high")
    return limits or kind.name in ("f", "f_p", "eta2")


# -- which box -------------------------------------------------------------------------------------------------------


def _box(study: Study, fact: Fact, known: dict[tuple[frozenset[str], str], Box | None], *, guessed: bool) -> Box | None:
    """Return the groups' box, or the whole sample's where no product is involved; None where neither is printed."""
    own = study.analysis.group
    if fact.quantity == "correlation" and (fact.group or fact.relation != "=" or not study.group_names):
        return None
    if own in (fact.of, fact.with_) and len(study.group_names) != 2:
        return None
    terms = study.terms(fact.step) if fact.step else ()
    if any(len(study.measure(part).levels) > 2 for term in terms for part in term.split(":") if part != own):
        return None
    parts = {part for term in terms for part in term.split(":")} | ({study.outcome(fact.step)} if fact.step else set())
    parts |= {name for name in (fact.of, fact.with_) if name}
    measures = frozenset(parts - {own})
    product = any(":" in term for term in terms)
    if any(len(term.split(":")) > 1 and own not in term.split(":") for term in terms):
        # a product of two measures has moments of its own
        return None
    guessed &= product
    key = (measures, "guessed" if guessed else "by group")
    if key not in known:
        known[key] = group_box(study, sorted(measures), guessed=guessed)
    if known[key] or product or not terms or KINDS[fact.quantity].estimate in FROM_MEANS:
        return known[key]
    total = (measures, "total and group" if own in parts else "total")
    if total not in known:
        known[total] = total_box(study, sorted(measures), with_group=own in parts)
    return known[total]


# -- what a number can mean ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Question:
    """A printed number with everything that it can mean, and what it would be if a declaration were wrong."""

    fact: Fact
    addresses: dict[str, Address]
    ways: dict[str, Number]
    others: dict[str, Number]
    df: dict[str, float]
    """Of a p of a t: its degrees of freedom; the numbers are then those of t."""


def _question(study: Study, fact: Fact, box: Box) -> _Question | None:
    kind, usual = KINDS[fact.quantity], address_of(study, fact)
    declared = _declared(study, fact)
    addresses = dict(meanings(kind, usual, declared))
    if _scale_is_open(study, fact):
        other = "standardised" if not usual.standardised else "in raw units"
        turned = {words: replace(each, standardised=not each.standardised) for words, each in addresses.items()}
        addresses |= {", ".join(filter(None, (other, words))): each for words, each in turned.items()}
    if not all(_determined(study, fact, each, box) for each in addresses.values()):
        return None
    free = meanings(kind, usual, _irrelevant(study, fact))
    others = {words: each for words, each in free if each not in addresses.values()}
    return _Question(
        fact=fact,
        addresses=addresses,
        ways={words: _number(fact, each) for words, each in addresses.items()},
        others={
            words or "by the usual definition": _number(fact, each)
            for words, each in others.items()
            if _determined(study, fact, each, box)
        },
        df={words: _degrees(study, fact, each) for words, each in addresses.items()} if kind.statistic else {},
    )


def _degrees(study: Study, fact: Fact, address: Address) -> float:
    return float(estimate_df(study, fact.replace(separate=True) if address.separate else fact))


def _number(fact: Fact, address: Address) -> Number:
    kind = KINDS[fact.quantity]
    value = kind.value
    assert value is not None
    if kind.statistic is None:
        return lambda run: np.asarray(value(run, address))
    statistic = kind.statistic
    return lambda run: np.asarray(statistic(run, address)[0])


def _declared(study: Study, fact: Fact) -> dict[str, object]:
    """Return the conventions that a study states, and those that make no difference."""
    analysis = study.analysis
    said: dict[str, object] = {
        key: getattr(analysis, key) for key in ("coding", "products") if key in analysis.model_fields_set
    }
    given = ("kind", "test", "tail", "adjusted", "separate", "confidence", "coding", "products")
    said |= {key: getattr(fact, key) for key in given if getattr(fact, key) is not None}
    return said | _irrelevant(study, fact)


def _irrelevant(study: Study, fact: Fact) -> dict[str, object]:
    """Fix what a number does not depend on: the side of a p, and conventions for products where there are none."""
    fixed: dict[str, object] = {"tail": "two"}
    terms = study.terms(fact.step) if fact.step else ()
    if not any(":" in term for term in terms):
        fixed["products"] = "z"
        if study.analysis.group not in {part.partition("[")[0] for part in str(fact.term).split(":")}:
            fixed["coding"] = "dummy"
    return fixed


def _scale_is_open(study: Study, fact: Fact) -> bool:
    said = fact.standardised is not None or "standardised" in study.analysis.model_fields_set
    return fact.quantity in UNITS and not said


def _determined(study: Study, fact: Fact, address: Address, box: Box) -> bool:
    """Tell whether a box has the SDs that a number depends on."""
    if fact.quantity not in UNITS or not box.unitless:
        return True
    parts = {*str(address.term or address.of).split(":")} - {study.analysis.group}
    if not address.standardised:
        return not box.unitless & (parts | {study.outcome(str(fact.step))})
    return address.products != "z" or not any(study.measure(name).kind == "category" for name in parts & box.unitless)


# -- what the moments leave of it ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Sample:
    """Points of a box, and the analysis of the group moments that they are."""

    outline: Outline
    box: Box

    def values(self, points: FloatArray, numbers: Sequence[Number]) -> FloatArray:
        """Return numbers at points (P, p), shape (P, numbers); NaN where a point is no sample's."""
        moments, possible_ = self.box.moments(points)
        out = np.full((len(points), len(numbers)), np.nan)
        if possible_.any():
            kept = replace(moments, mean=moments.mean[possible_], cov=moments.cov[possible_])
            run = Analysis(self.outline, kept)
            with np.errstate(all="ignore"):
                out[possible_] = np.stack([np.broadcast_to(f(run), int(possible_.sum())) for f in numbers], axis=-1)
        return out

    def look(self, numbers: Sequence[Number]) -> tuple[FloatArray, FloatArray]:
        """Return the points that should hold the extremes of some numbers, and the numbers there."""
        centre, half = self.box.centre, self.box.half
        steps = np.diag(half)
        points = np.concatenate([centre[None], centre + steps, centre - steps])
        values = self.values(points, numbers)
        p = len(centre)
        signs = np.sign(np.nan_to_num(values[1 : p + 1] - values[p + 1 :])).T
        corners = np.unique(np.concatenate([signs, -signs]), axis=0)
        more = np.concatenate([centre + share * half * corners for share in SHRINK[:1]])
        lost = corners[np.isnan(self.values(more, numbers[:1]))[:, 0]]
        more = np.concatenate([more, *(centre + share * half * lost for share in SHRINK[1:])])
        return np.concatenate([points, more]), np.concatenate([values, self.values(more, numbers)])

    def nearest(self, number: Number, target: Interval, start: FloatArray) -> float:
        """Return how near to an interval a number comes, coordinate by coordinate from a point."""
        centre, half = self.box.centre, self.box.half
        point, best = start, np.inf
        for _ in range(2 * len(centre)):
            trials = np.repeat(point[None], 3 * len(centre), axis=0)
            for i in range(len(centre)):
                trials[3 * i : 3 * i + 3, i] = centre[i] + half[i] * np.array([-1.0, 0.0, 1.0])
            misses = _miss(self.values(trials, [number])[:, 0], target)
            at = int(np.argmin(misses))
            if not misses[at] < best:
                break
            point, best = trials[at], float(misses[at])
        return best


def _miss(values: FloatArray, target: Interval) -> FloatArray:
    return np.where(np.isnan(values), np.inf, np.maximum(target.low - values, values - target.high).clip(0))


def _answers(sample: _Sample, questions: list[_Question]) -> Iterator[Check]:
    numbers = [number for question in questions for number in question.ways.values()]
    points, values = sample.look(numbers)
    if np.isnan(values[0]).all():
        # the middle of the rounding intervals is no sample's: another check says so
        return
    at = 0
    for question in questions:
        columns = values[:, at : at + len(question.ways)]
        at += len(question.ways)
        yield _answer(sample, question, points, columns)


def _answer(sample: _Sample, question: _Question, points: FloatArray, values: FloatArray) -> Check:
    ranges = {
        words: Interval(float(np.nanmin(column)), float(np.nanmax(column)))
        for words, column in zip(question.ways, values.T, strict=True)
        if not np.isnan(column).all()
    }
    if question.df:
        return _of_p(sample, question, ranges)
    fact = question.fact
    fits = [words for words, interval in ranges.items() if possible(fact, interval)]
    fits = fits or [words for words in ranges if _after_search(sample, question, words, points, ranges[words])]
    shown = fits[0] if fits else next(iter(ranges))
    what = f"The {_name(fact)} from {sample.box.source}" + (f" ({shown})" if shown else "")
    ending = "which agrees with" if fits else "which contradicts"
    note = f"{what} is {between(ranges[shown])}, {ending} the printed {fact.printed}{_hints(sample, question, fits)}."
    verdict: Verdict = "consistent" if fits else "inconsistent"
    return found(CHECK, (fact, *sample.box.facts), verdict, note, ranges[shown])


def _name(fact: Fact) -> str:
    """Name a number for a note: ``coefficient of x in step2``."""
    of = fact.term or " with ".join(filter(None, (fact.of, fact.with_)))
    where = [f"of {of}" if of else "", f"in the {fact.group} group" if fact.group else ""]
    return " ".join(filter(None, (KINDS[fact.quantity].words, *where, f"in {fact.step}" if fact.step else "")))


def _after_search(sample: _Sample, question: _Question, words: str, points: FloatArray, known: Interval) -> bool:
    """Search a box for a point that prints a number, from where the number is nearest and from some corners."""
    fact, number = question.fact, question.ways[words]
    value: Number = (lambda run: np.abs(number(run))) if fact.absolute else number
    misses = _miss(sample.values(points, [value])[:, 0], fact.interval)
    corners = np.random.default_rng(len(points)).choice([-1.0, 1.0], (3, len(sample.box.centre)))
    starts = [points[int(np.argmin(misses))], *(sample.box.centre + corners * sample.box.half)]
    allowed = MARGIN * (known.high - known.low) + 1e-9 * (1 + abs(known.high))
    return any(sample.nearest(value, fact.interval, start) <= allowed for start in starts)


def _hints(sample: _Sample, question: _Question, fits: list[str]) -> str:
    """Name what a number would be under another definition than the declared ones, or with the opposite sign."""
    if fits:
        return ""
    numbers = question.others | {"of the opposite sign": lambda run: -next(iter(question.ways.values()))(run)}
    values = sample.look(list(numbers.values()))[1]
    ranges = zip(numbers, np.nanmin(values, axis=0), np.nanmax(values, axis=0), strict=True)
    able = [words for words, low, high in ranges if possible(question.fact, Interval(float(low), float(high)))]
    return f"; it would be right {one_of(able)}" if able else ""


def _of_p(sample: _Sample, question: _Question, ranges: dict[str, Interval]) -> Check:
    """Compare a p with the t that the moments leave; its side may be open."""
    p = question.fact
    ways = {words: [(_with_margin(t), Interval(df := question.df[words], df))] for words, t in ranges.items()}
    words = next((words for words, way in ways.items() if p_possible(p, way)), next(iter(ways)))
    what = f"the {_name(p).removeprefix('p of the ')} from {sample.box.source}" + (f" ({words})" if words else "")
    return compare_p(CHECK, p, sample.box.facts, ways[words], what)


def _with_margin(interval: Interval) -> Interval:
    more = MARGIN * (interval.high - interval.low)
    return Interval(interval.low - more, interval.high + more)


# -- what would put it right -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Repair:
    """A printed moment that, with another value, would agree with every number it determines.

    Attributes
    ----------
    fact : Fact
    value : float
    explains : frozenset of str
        Ids of the numbers that contradict the moments now and would not then.
    spoils : int
        How many numbers would contradict them then.
    """

    fact: Fact
    value: float
    explains: frozenset[str]
    spoils: int


def repairs(study: Study, wrong: set[str]) -> Iterator[Repair]:
    """Yield, for each moment of a box that contradicts some numbers, the value at which the fewest contradict it.

    Parameters
    ----------
    study : Study
        With its readings decided.
    wrong : set of str
        Ids of the numbers that contradict printed moments.
    """
    for sample, questions in _asked(study):
        if any(question.fact.id in wrong for question in questions):
            ids = [question.fact.id for question in questions]
            for fact, value, misses in _Scale.of(sample, questions).best():
                missed = {name for name, miss in zip(ids, misses, strict=True) if miss > 1}
                yield Repair(fact=fact, value=value, explains=frozenset(wrong & set(ids) - missed), spoils=len(missed))


@dataclass(frozen=True, eq=False)
class _Scale:
    """How far numbers are from their print, in units of what rounding explains, along one coordinate of a box."""

    sample: _Sample
    questions: list[_Question]
    slack: FloatArray
    """Half the range of each meaning over the box, shape (meanings,)."""

    @staticmethod
    def of(sample: _Sample, questions: list[_Question]) -> _Scale:
        values = sample.look(_two_sided(questions))[1]
        with np.errstate(all="ignore"):
            return _Scale(sample, questions, (np.nanmax(values, axis=0) - np.nanmin(values, axis=0)) / 2)

    def best(self) -> Iterator[tuple[Fact, float, FloatArray]]:
        """Yield each coordinate, the value of it at which the fewest numbers are missed, and how far each is then."""
        centre = self.sample.box.centre
        facts = [(at, fact) for at, fact in enumerate(self.sample.box.coordinates) if fact]
        ends = np.array([_plausible(centre[at], fact) for at, fact in facts])
        rows, where = np.arange(len(facts)), np.array([at for at, _ in facts])
        for _ in range(3):
            grid = np.linspace(ends[:, 0], ends[:, 1], GRID, axis=1)
            points = np.tile(centre, (len(facts), GRID, 1))
            points[rows[:, None], np.arange(GRID), where[:, None]] = grid
            misses = self.misses(points.reshape(-1, len(centre))).reshape(len(facts), GRID, -1)
            # the fewest numbers missed, and of these the least distance in all
            badness = (misses > 1).sum(axis=-1) + np.minimum(misses, 100).mean(axis=-1) / 101
            best = badness.argmin(axis=1)
            step = grid[:, 1] - grid[:, 0]
            ends = np.stack([grid[rows, best] - step, grid[rows, best] + step], axis=1)
        for row, (_, fact) in enumerate(facts):
            yield fact, float(grid[row, best[row]]), misses[row, best[row]]

    def misses(self, points: FloatArray) -> FloatArray:
        """Return the distances (P, questions), each by the meaning that is nearest."""
        values = self.sample.values(points, _two_sided(self.questions))
        out, at = np.empty((len(points), len(self.questions))), 0
        for column, question in enumerate(self.questions):
            here = slice(at, at := at + len(question.ways))
            target = question.fact.interval
            half = target.half_width if target.bounded else 0.0
            # the other moments may be anywhere in their intervals
            room = self.slack[here] + 0.1 * half + 1e-9
            middle = target.middle if target.bounded else 0.0
            size = np.abs(values[:, here]) if question.fact.absolute else values[:, here]
            beyond = np.abs(size - middle) - half if target.bounded else _miss(size, target)
            out[:, column] = np.where(np.isnan(beyond), np.inf, beyond / room).clip(-1).min(axis=1)
        return out


def _plausible(value: float, fact: Fact) -> tuple[float, float]:
    if fact.quantity == "correlation":
        return -0.999, 0.999
    if fact.quantity == "sd":
        return value / 10, 10 * value
    spread = 3 * max(abs(value), 1e-3)
    return value - spread, value + spread


def _two_sided(questions: Sequence[_Question]) -> list[Number]:
    """Return the numbers of some questions, a p of a t as the two-sided p."""
    numbers: list[Number] = []
    for question in questions:
        for words, number in question.ways.items():
            numbers.append(_p_of(number, question.df[words]) if question.df else number)
    return numbers


def _p_of(t: Number, df: float) -> Number:
    return lambda run: np.asarray(two_sided_p(t(run), df))
