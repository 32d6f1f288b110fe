"""Columns without a relation to the outcome: exactly the sums and counts that print their facts."""

from __future__ import annotations

import numpy as np
import pytest

from hikibayes.reconstruction.participants.independent import IndependentNumber, independent_category
from hikibayes.reconstruction.participants.known import Known
from hikibayes.reconstruction.participants.start import level_weights, with_few_odd
from hikibayes.reconstruction.verify import recompute, verify
from hikibayes.spec import InputError

from .made_up import SIZES, SOURCE, raw_data, study_of


@pytest.fixture(scope="module")
def known(nonaka):
    return Known(nonaka.read())


def drawn(known: Known, name: str, *, seed: int) -> np.ndarray:
    number = IndependentNumber(known=known, measure=known.study.measure(name))
    return number.draw(np.random.default_rng(seed))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_one_pair_of_sums_that_prints_difficulty(known, seed):
    column = drawn(known, "difficulty", seed=seed)
    control, hikikomori = column[:100], column[100:]
    # worked out by hand from mean, SD, t, Welch df and d: no other whole numbers print all of them
    assert (hikikomori.sum(), (hikikomori**2).sum()) == (613, 4523)
    assert (control.sum(), (control**2).sum()) == (332, 1644)
    assert column.min() >= 1
    assert column.max() <= 10


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_days_out_have_their_ranges_and_keep_to_the_assumed_spread(known, seed):
    column = drawn(known, "days_out", seed=seed)
    control, hikikomori = column[:100], column[100:]
    assert (control.min(), control.max(), hikikomori.min(), hikikomori.max()) == (4, 31, 0, 31)
    for group in (control, hikikomori):
        assert 4.5 < group.std(ddof=1) < 12
    error = np.sqrt(control.var(ddof=1) / 100 + hikikomori.var(ddof=1) / 100)
    assert 5.085 <= (control.mean() - hikikomori.mean()) / error <= 5.095


def test_duration_is_empty_in_the_control_group_and_skewed_in_the_other(known):
    column = drawn(known, "duration_months", seed=1)
    found = column[100:]
    assert np.isnan(column[:100]).all()
    assert (found.min(), found.max()) == (6, 304)
    assert 39 <= found.mean() <= 45
    assert np.median(found) < 0.8 * found.mean()


def test_regions_are_the_counts_that_print_their_percents(known):
    column = independent_category(known.study, known.study.measure("region"), np.random.default_rng(1))
    counts = {level.id: int((column == level.id).sum()) for level in known.study.measure("region").levels}
    assert list(counts.values()) == [16, 11, 80, 29, 29, 10, 6, 19]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_printed_counts_of_people_are_met(seed):
    weather = [("rain", "weekend", "31", "="), ("sun", "weekday", "60", ">="), ("cloud", "weekend", "2", "=")]
    facts = [
        {"quantity": "count", "level": level, "group": group, "value": value, "relation": relation}
        for level, group, value, relation in weather
    ]
    facts.append({"quantity": "proportion", "level": "rain", "group": "weekend", "value": "0.69"})
    entries = [{"id": f"f{at}", "of": "weather", "source": SOURCE, **fact} for at, fact in enumerate(facts)]
    study = study_of(entries)
    column = independent_category(study, study.measure("weather"), np.random.default_rng(seed))
    assert verify(study, raw_data().assign(weather=column))["matches"].all()


def test_a_count_beyond_a_group_is_refused_by_name():
    fact = {"id": "rainy", "quantity": "count", "of": "weather", "level": "rain", "group": "weekend", "source": SOURCE}
    study = study_of([{**fact, "value": "46"}])
    with pytest.raises(InputError, match="rainy"):
        independent_category(study, study.measure("weather"), np.random.default_rng(1))


def number_with(*facts: dict) -> Known:
    entries = [{"id": f"f{place}", "of": "queue", "source": SOURCE, **fact} for place, fact in enumerate(facts)]
    return Known(study_of(entries))


def test_a_mean_of_all_participants_and_a_median_shape():
    known = number_with({"quantity": "mean", "value": "12.3"}, {"quantity": "sd", "value": "6.1"})
    column = drawn(known, "queue", seed=1)
    assert f"{column.mean():.1f} {column.std(ddof=1):.1f}" == "12.3 6.1"


PRINTED = [
    *((quantity, {"group": group}, 2) for quantity in ("mean", "sd") for group in SIZES),
    *((quantity, {"between": list(SIZES), "test": "welch"}, 3) for quantity in ("t", "df", "p")),
    ("d", {"between": list(SIZES)}, 2),
    ("minimum", {"group": "weekend"}, 0),
    ("maximum", {}, 0),
]


@pytest.mark.parametrize("high", [7, 90, 5000])
@pytest.mark.parametrize("digits", [0, 3])
def test_numbers_that_a_column_has_are_printed_by_another(high, digits):
    """Of few values, of many, of very many, whole and continuous: each has printed sizes, tests and extremes."""
    rng = np.random.default_rng(high + digits)
    values = np.clip(high * (0.4 + 0.2 * rng.standard_normal(115)) + np.repeat([0, 0.1 * high], [70, 45]), 0, high)
    table = raw_data().assign(queue=np.round(values, digits))
    measure = {
        "id": "queue",
        "label": "Queue",
        "kind": "number",
        "unit": "s",
        "range": [0, high],
        "integer": not digits,
    }
    blank = [{"quantity": quantity, **address, "value": "0.5"} for quantity, address, _ in PRINTED]
    numbers = recompute(_with(measure, *blank).study, table)
    known = _with(
        measure,
        *({**fact, "value": f"{numbers[f'f{at}']:.{PRINTED[at][2]}f}"} for at, fact in enumerate(blank)),
    )
    for seed in range(3):
        column = drawn(known, "queue", seed=seed)
        assert column.min() >= 0
        assert column.max() <= high
        found = recompute(known.study, table.assign(queue=np.round(column, 10)))
        missed = [fact.id for fact in known.study.facts if not fact.holds(found[fact.id])]
        assert not missed


def _with(measure: dict, *facts: dict) -> Known:
    entries = [{"id": f"f{place}", "of": "queue", "source": SOURCE, **fact} for place, fact in enumerate(facts)]
    study = study_of([])
    content = study.model_dump(exclude_unset=True)
    measures = [measure if one["id"] == measure["id"] else one for one in content["measure"]]
    return Known(study.replace(measure=measures, fact=[*content["fact"], *entries]))


def test_proportions_that_leave_too_many_people_are_refused():
    facts = [
        {"id": level, "quantity": "proportion", "of": "weather", "level": level, "value": "0.40", "source": SOURCE}
        for level in ("sun", "cloud", "rain")
    ]
    study = study_of(facts)
    with pytest.raises(InputError, match="levels of 'weather' print 'sun', 'cloud', 'rain'"):
        independent_category(study, study.measure("weather"), np.random.default_rng(1))


@pytest.mark.parametrize(("mean", "sd"), [(10, 4), (3, 3), (17, 2), (10, 1.2), (10, 9.5)])
def test_scores_on_a_range_have_about_the_mean_and_sd(mean, sd):
    weights, values = level_weights(mean, sd, 0, 20), np.arange(21)
    assert weights.sum() == pytest.approx(1)
    assert weights @ values == pytest.approx(mean, abs=0.1)
    assert np.sqrt(weights @ (values - weights @ values) ** 2) == pytest.approx(sd, rel=0.04)


def test_few_odd_scores():
    weights, odd = np.array([0.1, 0.2, 0.4, 0.2, 0.1]), np.array([False, True, False, True, False])
    few = with_few_odd(weights, odd, 0.1)
    assert few.sum() == pytest.approx(1)
    assert few[odd].sum() == pytest.approx(0.1)
    assert few[2] / few[0] == pytest.approx(4)
    assert (with_few_odd(weights, odd, 0.5) == weights).all()
