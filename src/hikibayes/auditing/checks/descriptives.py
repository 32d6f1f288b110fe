"""Checks of the sample: sizes, means and SDs against ranges and whole numbers, percentages, reliabilities."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import mul

from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.measures import Measure
from ...study.printed import sd_of_groups
from ...study.study import Study
from ..feasibility import Scores, Sums, counts, people_together
from .rows import Check, absolute, between, compared, found, number, one_of, possible


def only(study: Study, quantity: str, **address: object) -> Fact | None:
    """Return the most precisely printed fact of an address, or None where there is none.

    An entry given as None must be absent from the fact's address, so that ``group=None`` means the whole sample.
    """
    facts = study.facts_of(quantity, **address)
    return most_precise(facts)


def most_precise(facts: Iterable[Fact | None]) -> Fact | None:
    """Return the fact with the most decimals, of equals the first; what is not there (None) is left out."""
    # half widths of equally many decimals differ by rounding
    return min(filter(None, facts), key=lambda fact: round(fact.interval.half_width, 12), default=None)


def size(study: Study, group: object = None) -> int:
    """Return the number of participants of a group, or of the whole sample; 0 where it is not printed."""
    return study.n_of(str(group) if group else None)


def _people(study: Study, measure: Measure, group: object) -> int:
    return size(study, group or measure.only_in)


def _described(study: Study, *quantities: str) -> list[tuple[Measure, str | None]]:
    """Return each (measure, group) that a fact of these quantities is about, in the study's order."""
    pairs = [(fact.of, fact.group) for fact in study.facts if fact.quantity in quantities and fact.of]
    return [(study.measure(of), group) for of, group in dict.fromkeys(pairs)]


def _who(group: str | None) -> str:
    return f" ({group})" if group else ""


# -- sizes and repetitions ------------------------------------------------------------------------------------------


def checks_of_sizes(study: Study) -> Iterator[Check]:
    """Compare the size of the sample with the sum of its groups."""
    groups = [fact for fact in study.facts_of("n") if fact.group]
    sizes = [size(study, group) for group in study.group_names]
    for fact in study.facts_of("n", group=None, step=None):
        if sizes and all(sizes):
            total = Interval(sum(sizes), sum(sizes))
            yield compared("group sizes add up", fact, groups, total, "The sum of the groups' sizes")
    for fact in study.facts_of("n"):
        if fact.step and (total_n := size(study, study.step(fact.step).group)):
            what = f"The number of people that {fact.step} can have"
            yield compared("people of a regression", fact, (), Interval(1, total_n), what)


def checks_of_repetitions(study: Study) -> Iterator[Check]:
    """Compare facts that give the same number more than once."""
    same: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in study.facts:
        if fact.quantity != "alpha":
            same[fact.quantity, str(sorted(fact.address.items(), key=str))].append(fact)
    for facts in same.values():
        if len(facts) > 1:
            agree = all(_same(a, b) for a in facts for b in facts)
            ending = "can all be true" if agree else "contradict each other"
            given = one_of((f"{fact.printed} ({fact.source.locator})" for fact in facts), "and")
            note = f"The same {facts[0].quantity}{_whose(facts[0])} is given {len(facts)} times: {given} {ending}."
            yield found("repeated number", facts, "consistent" if agree else "inconsistent", note, about=len(facts))


def _whose(fact: Fact) -> str:
    about = fact.term or fact.of
    return f"{f' of {about}' if about else ''}{f' in {fact.step}' if fact.step else ''}{_who(fact.group)}"


def _same(one: Fact, other: Fact) -> bool:
    interval = absolute(one.interval) if other.absolute else one.interval
    return possible(one if one.absolute else other, other.interval if one.absolute else interval)


# -- ranges ---------------------------------------------------------------------------------------------------------


def _limits(study: Study, measure: Measure, group: str | None) -> tuple[float, float, list[Fact]]:
    """Return the range of the observed values: as printed, else the instrument's, with the facts that gave it."""
    low, high = measure.possible
    facts = [only(study, name, of=measure.id, group=group) for name in ("minimum", "maximum")]
    if facts[0]:
        low = max(low, facts[0].interval.low)
    if facts[1]:
        high = min(high, facts[1].interval.high)
    return low, high, [fact for fact in facts if fact]


def _attained(ends: list[Fact]) -> tuple[float, ...]:
    """Return the values that somebody has: a minimum and maximum that are printed as such."""
    return tuple(end.interval.low for end in ends if end.relation == "=")


def checks_of_ranges(study: Study) -> Iterator[Check]:
    """Compare minimum, mean, maximum and SD with each other and with the instrument's range."""
    for measure, group in _described(study, "mean", "sd", "minimum", "maximum"):
        low, high, ends = _limits(study, measure, group)
        if low > high:
            note = f"The smallest value, {number(low)}, is above the largest, {number(high)}."
            yield found("minimum and maximum", ends, "inconsistent", note, about=2)
            continue
        limits = Interval(*measure.possible)
        if ends and limits.bounded:
            inside = all(end.interval.meets(limits) for end in ends)
            where = "inside" if inside else "outside"
            span = f"{number(limits.low)} to {number(limits.high)}"
            note = f"The extremes of {measure.label}{_who(group)} lie {where} the measure's range, {span}."
            yield found("minimum and maximum", ends, "consistent" if inside else "inconsistent", note, about=2)
        if math.inf in (-low, high):
            continue
        if mean := only(study, "mean", of=measure.id, group=group):
            who = f"A mean of {measure.label}{_who(group)}"
            yield compared("mean within range", mean, ends, Interval(low, high), who)
        if sd := only(study, "sd", of=measure.id, group=group):
            n = _people(study, measure, group) or 2
            bounds = _sd_bounds(n, mean.interval if mean else None, low, high, len(_attained(ends)) == 2)
            who = f"An SD of {measure.label}{_who(group)} within this range"
            yield compared("SD within range", sd, (mean, *ends), bounds, who)


def _sd_bounds(n: int, mean: Interval | None, low: float, high: float, attained: bool) -> Interval:
    """Bound an SD by the range and the mean.

    Notes
    -----
    Above by the spread of people who all sit at the two ends, n/(n-1) (high - M)(M - low) (Bhatia & Davis, 2000,
    https://doi.org/10.1080/00029890.2000.12005203), greatest at the M nearest the middle. Below, where both ends are
    known to occur, by the spread of everybody else at one point.
    """
    middle = (low + high) / 2
    if mean is None or not mean.meets(Interval(low, high)):
        mean = Interval(low, high)
    nearest = min(max(middle, mean.low), mean.high)
    greatest = math.sqrt(max(0.0, n / max(n - 1, 1) * (high - nearest) * (nearest - low)))
    least = 0.0
    if attained and n > 2:
        # with the mean at the middle of the two extremes everybody else can sit on it; off it, more spread is needed
        off = abs(nearest - middle)
        squares = (high - low) ** 2 / 2 + 2 * off**2 + (2 * off) ** 2 / (n - 2)
        least = math.sqrt(squares / (n - 1))
    return Interval(min(least, greatest), greatest)


# -- whole numbers --------------------------------------------------------------------------------------------------


def scores(study: Study, measure: Measure, group: str | None) -> Scores | None:
    """Return what is known of a measure's scores in a group, or None for a continuous measure."""
    low, high, ends = _limits(study, measure, group)
    n = _people(study, measure, group)
    if not measure.grain or n < 2 or low > high:
        return None
    attained = _attained(ends) if n > 2 and low < high else ()
    return Scores(n=n, low=low, high=high, grain=measure.grain, attained=attained)


def whole_number_sums(study: Study, measure: Measure, group: str | None) -> tuple[Sums, ...] | None:
    """Return the pairs (sum, sum of squares) that print a mean and SD; None where they cannot be listed."""
    mean, sd = (only(study, name, of=measure.id, group=group) for name in ("mean", "sd"))
    known = scores(study, measure, group)
    if not (mean and sd and known and mean.relation == sd.relation == "="):
        return None
    return known.admissible(mean.interval, sd.interval)


def checks_of_whole_numbers(study: Study) -> Iterator[Check]:
    """Ask whether whole numbers can have the printed mean, and the mean and SD together (GRIM, GRIMMER, DEBIT)."""
    for measure, group in _described(study, "mean"):
        mean = only(study, "mean", of=measure.id, group=group)
        known = scores(study, measure, group)
        if not (known and mean and mean.relation == "="):
            continue
        ends = _limits(study, measure, group)[2]
        totals = known.totals(mean.interval)
        people = f"{known.n} {measure.label} scores{_who(group)}"
        if not totals:
            note = f"No {people} on this scale can have the mean {mean.printed}: their sum would not be possible."
            if measure.kind == "number" and "integer" not in measure.model_fields_set:
                note += " Its range makes it whole numbers; integer = false if it has decimals."
            yield found("mean of whole numbers", (mean, *ends), "inconsistent", note)
            continue
        sums = Interval(totals[0] * known.grain, totals[-1] * known.grain)
        note = f"The sum of {people} is {between(sums)}."
        yield found("mean of whole numbers", (mean, *ends), "consistent", note, sums)
        if (sd := only(study, "sd", of=measure.id, group=group)) and sd.relation == "=":
            yield _mean_and_sd(study, measure, group, (mean, sd, *ends))


def _mean_and_sd(study: Study, measure: Measure, group: str | None, facts: tuple[Fact, ...]) -> Check:
    pairs, who = whole_number_sums(study, measure, group), f"{measure.label}{_who(group)}"
    known = scores(study, measure, group)
    name = "mean and SD of zeros and ones" if known and known.is_binary else "mean and SD of whole numbers"
    if pairs is None:
        note = f"So many pairs of sums print the mean and SD of {who} that whole numbers do not narrow them."
        return found(name, facts, "consistent", note, about=2)
    if not pairs:
        note = (
            f"No whole numbers on this scale print the mean {facts[0].printed} of {who} with the SD {facts[1].printed}."
        )
        return found(name, facts, "inconsistent", note, about=2)
    some = "; ".join(f"{pair.total}, {pair.squares}" for pair in pairs[:6]) + ("; ..." if len(pairs) > 6 else "")
    grains = "" if measure.grain == 1 else f" (counted in steps of {number(measure.grain)})"
    note = f"Sum and sum of squares{grains} that print mean and SD of {who}: {some} ({len(pairs)} possible)."
    recomputed = Interval(min(pair.sd for pair in pairs), max(pair.sd for pair in pairs))
    return found(name, facts, "consistent", note, recomputed, about=2)


def checks_of_totals(study: Study) -> Iterator[Check]:
    """Compare mean and SD of the whole sample with those of the groups."""
    for measure, _ in _described(study, "mean"):
        means = [only(study, "mean", of=measure.id, group=group) for group in study.group_names]
        whole, n = only(study, "mean", of=measure.id, group=None), [size(study, group) for group in study.group_names]
        ends = [mean.interval for mean in means if mean]
        if not (whole and ends and len(ends) == len(n) and all(n)):
            continue
        pooled = Interval(*(sum(map(mul, n, (getattr(e, end) for e in ends))) / sum(n) for end in ("low", "high")))
        who = "both groups" if len(n) == 2 else "all groups"
        yield compared("mean of the groups together", whole, means, pooled, f"The mean of {measure.label} over {who}")
        sds = [only(study, "sd", of=measure.id, group=group) for group in study.group_names]
        sd, total = only(study, "sd", of=measure.id, group=None), sd_of_groups(study, measure.id)
        if sd and total:
            what = f"The SD of {measure.label} over {who}"
            yield compared("SD of the groups together", sd, (*means, *sds), total, what)


# -- shares ---------------------------------------------------------------------------------------------------------


def checks_of_shares(study: Study) -> Iterator[Check]:
    """Turn percentages into numbers of people, and ask whether these add up."""
    for measure, group in _described(study, "proportion"):
        facts = study.facts_of("proportion", of=measure.id, group=group)
        if not (n := _people(study, measure, group)):
            continue
        people = {fact.id: _people_at(fact, n) for fact in facts}
        for fact in facts:
            if not people[fact.id]:
                note = f"No number of people out of {n} makes {fact.printed}."
                yield found("share of whole people", (fact,), "inconsistent", note)
        sound = [fact for fact in facts if people[fact.id]]
        if sound:
            yield _shares_together(measure, sound, [people[fact.id] for fact in sound], n, len(facts) == len(sound))
    yield from _shares_of_groups(study)
    yield from _differences_of_shares(study)


def _people_at(fact: Fact, n: int) -> range:
    """Return the numbers of people that a share leaves; a strict inequality excludes its own bound."""
    people = counts(n, fact.interval)
    bound = float(fact.value) / (100 if fact.unit == "percent" else 1) * n
    if people and fact.relation == ">" and people[0] <= bound:
        return people[1:]
    if people and fact.relation == "<" and people[-1] >= bound:
        return people[:-1]
    return people


def _shares_together(measure: Measure, facts: list[Fact], people: list[range], n: int, all_sound: bool) -> Check:
    each = ", ".join(f"{fact.level} {_span(part)}" for fact, part in zip(facts, people, strict=True))
    complete = all_sound and {fact.level for fact in facts} == {level.id for level in measure.levels}
    together = people_together(people)
    fits = n in together if complete else together[0] <= n
    wanted = f"{n}" if complete else f"at most {n}"
    if not fits:
        ending = f"but together they are {_span(together)} people instead of {wanted}"
    elif complete and all(len(part) == 1 for part in people):
        ending = f"no other numbers print these shares, and together they are {n}"
    else:
        ending = f"together they can be {wanted}"
    note = f"The shares of {measure.label} are these numbers of people: {each}; {ending}."
    recomputed = Interval(together[0], together[-1])
    return found("shares add up", facts, "consistent" if fits else "inconsistent", note, recomputed, about=len(facts))


def _span(people: range) -> str:
    return f"{people[0]}" if len(people) == 1 else f"{people[0]} to {people[-1]}"


def _share(study: Study, measure: Measure, level: str | None, group: str | None) -> tuple[Interval, Fact | None]:
    """Return a share as printed, or as what the other of two levels leaves, or as anything."""
    if fact := only(study, "proportion", of=measure.id, level=level, group=group):
        return fact.interval, fact
    others = [each.id for each in measure.levels if each.id != level]
    if len(others) == 1 and (fact := only(study, "proportion", of=measure.id, level=others[0], group=group)):
        return Interval(1 - fact.interval.high, 1 - fact.interval.low), fact
    return Interval(0, 1), None


def _shares_of_groups(study: Study) -> Iterator[Check]:
    for whole in study.facts_of("proportion", group=None):
        measure = study.measure(str(whole.of))
        parts = [_share(study, measure, whole.level, group) for group in study.group_names]
        n = [size(study, group) for group in study.group_names]
        if parts and all(n) and all(fact for _, fact in parts):
            ends = [[getattr(share, end) for share, _ in parts] for end in ("low", "high")]
            together = Interval(*(sum(map(mul, n, end)) / sum(n) for end in ends))
            given, who = [fact for _, fact in parts], "both groups" if len(n) == 2 else "all groups"
            what = f"The share of {whole.level} over {who}"
            yield compared("share of the groups together", whole, given, together, what)


def _differences_of_shares(study: Study) -> Iterator[Check]:
    for fact in study.facts_of("proportion_difference"):
        measure = study.measure(str(fact.of))
        parts = [_share(study, measure, fact.level, group) for group in fact.between or ()]
        difference = image(lambda a, b: a - b, *(share for share, _ in parts))
        given = [source for _, source in parts]
        if all(given) or not possible(fact, difference):
            yield compared(
                "difference of shares", fact, given, difference, f"The difference of the groups' shares of {fact.level}"
            )
        else:
            note = (
                f"The groups' shares leave a difference {between(difference)}, so {fact.printed} can be true; "
                f"the number of people at each level of {measure.label} in each group would settle it."
            )
            yield found("difference of shares", (fact, *given), "underdetermined", note, difference)


# -- reliabilities --------------------------------------------------------------------------------------------------


def checks_of_reliabilities(study: Study) -> Iterator[Check]:
    """Compare Cronbach's alphas with their bounds, and with the SD of the sum that they speak of."""
    bare: list[Fact] = []
    for measure, group in _described(study, "alpha"):
        facts = list(study.facts_of("alpha", of=measure.id, group=group))
        whole = [fact for fact in facts if not fact.subscale]
        sd = only(study, "sd", of=measure.id, group=group)
        if sd and whole and measure.kind == "scale" and (measure.items or 0) > 1:
            mean = only(study, "mean", of=measure.id, group=group)
            yield _alpha_and_sd(measure, whole[0], sd, mean, _people(study, measure, group))
        bare += facts
    if not bare:
        return
    ranges: dict[str, list[Fact]] = defaultdict(list)
    for fact in bare:
        ranges[str(fact.address)].append(fact)
    clash = [facts for facts in ranges.values() if not all(a.interval.meets(b.interval) for a in facts for b in facts)]
    for facts in clash:
        note = "These statements about one alpha contradict each other."
        yield found("reliabilities possible", facts, "inconsistent", note, about=len(facts))
    sound = [fact for facts in ranges.values() if facts not in clash for fact in facts]
    if sound:
        note = "Every alpha is at most 1, and statements about the same alpha can be true together."
        yield found("reliabilities possible", sound, "consistent", note, Interval(-math.inf, 1), about=len(sound))


def _alpha_and_sd(measure: Measure, alpha: Fact, sd: Fact, mean: Fact | None, n: int) -> Check:
    """Bound alpha from below by the SD of the total.

    Notes
    -----
    alpha = k/(k-1) (1 - sum of item variances / variance of the total). An item with mean m on a..b varies at most by
    n/(n-1) (b - m)(m - a), which is concave in m, so k items vary together at most as much as k items with the
    average mean.
    """
    k = measure.items or 1
    low, high = measure.response or (0, 1)
    to_item = k if measure.score == "sum" else 1
    middle = (low + high) / 2
    if mean:
        middle = min(max(middle, mean.interval.low / to_item), mean.interval.high / to_item)
    item_variances = k * n / max(n - 1, 1) * max(0.0, (high - middle) * (middle - low))
    to_total = 1 if measure.score == "sum" else k
    variance = (sd.interval.low * to_total) ** 2
    least = k / (k - 1) * (1 - item_variances / variance) if variance > 0 else -math.inf
    what = f"With {k} items and this SD, the alpha of {measure.label}"
    return compared("reliability and SD", alpha, (sd, mean), Interval(min(least, 1.0), 1.0), what)
