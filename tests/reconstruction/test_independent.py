"""Columns without a relation to the outcome: exactly the sums and counts that print their facts."""

from __future__ import annotations

import numpy as np
import pytest

from hikibayes.reconstruction.participants.independent import independent_category, independent_number
from hikibayes.reconstruction.participants.known import Known
from hikibayes.reconstruction.participants.start import levels_of, with_few_odd
from hikibayes.spec import InputError

from .made_up import SOURCE, study_of


@pytest.fixture(scope="module")
def known(nonaka):
    return Known(nonaka.read())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_one_pair_of_sums_that_prints_difficulty(known, seed):
    column = independent_number(known, known.study.measure("difficulty"), np.random.default_rng(seed))
    control, hikikomori = column[:100], column[100:]
    # worked out by hand from mean, SD, t, Welch df and d: no other whole numbers print all of them
    assert (hikikomori.sum(), (hikikomori**2).sum()) == (613, 4523)
    assert (control.sum(), (control**2).sum()) == (332, 1644)
    assert column.min() >= 1
    assert column.max() <= 10


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_days_out_have_their_ranges_and_keep_to_the_assumed_spread(known, seed):
    column = independent_number(known, known.study.measure("days_out"), np.random.default_rng(seed))
    control, hikikomori = column[:100], column[100:]
    assert (control.min(), control.max(), hikikomori.min(), hikikomori.max()) == (4, 31, 0, 31)
    for group in (control, hikikomori):
        assert 4.5 < group.std(ddof=1) < 12
    error = np.sqrt(control.var(ddof=1) / 100 + hikikomori.var(ddof=1) / 100)
    assert 5.085 <= (control.mean() - hikikomori.mean()) / error <= 5.095


def test_duration_is_empty_in_the_control_group_and_skewed_in_the_other(known):
    column = independent_number(known, known.study.measure("duration_months"), np.random.default_rng(1))
    found = column[100:]
    assert np.isnan(column[:100]).all()
    assert (found.min(), found.max()) == (6, 304)
    assert 39 <= found.mean() <= 45
    assert np.median(found) < 0.8 * found.mean()


def test_regions_are_the_counts_that_print_their_percents(known):
    column = independent_category(known.study, known.study.measure("region"), np.random.default_rng(1))
    counts = {level.id: int((column == level.id).sum()) for level in known.study.measure("region").levels}
    assert list(counts.values()) == [16, 11, 80, 29, 29, 10, 6, 19]


def number_with(*facts: dict) -> Known:
    entries = [{"id": f"f{place}", "of": "queue", "source": SOURCE, **fact} for place, fact in enumerate(facts)]
    return Known(study_of(entries))


def test_an_sd_that_whole_numbers_cannot_have_is_named():
    known = number_with(
        {"quantity": "mean", "group": "weekday", "value": "20.00"},
        {"quantity": "sd", "group": "weekday", "value": "30.00"},
    )
    with pytest.raises(InputError, match="within the range of 'queue' print all of 'f0', 'f1'"):
        independent_number(known, known.study.measure("queue"), np.random.default_rng(1))


def test_a_mean_of_all_participants_and_a_median_shape():
    known = number_with({"quantity": "mean", "value": "12.3"}, {"quantity": "sd", "value": "6.1"})
    column = independent_number(known, known.study.measure("queue"), np.random.default_rng(1))
    assert f"{column.mean():.1f} {column.std(ddof=1):.1f}" == "12.3 6.1"


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
    scores = np.random.default_rng(1).standard_normal(20_000)
    found = levels_of(scores, mean, sd, 0, 20)
    assert found.min() >= 0
    assert found.max() <= 20
    assert found.mean() == pytest.approx(mean, abs=0.1)
    assert found.std() == pytest.approx(sd, rel=0.04)


def test_few_odd_scores():
    weights, odd = np.array([0.1, 0.2, 0.4, 0.2, 0.1]), np.array([False, True, False, True, False])
    few = with_few_odd(weights, odd, 0.1)
    assert few.sum() == pytest.approx(1)
    assert few[odd].sum() == pytest.approx(0.1)
    assert few[2] / few[0] == pytest.approx(4)
    assert (with_few_odd(weights, odd, 0.5) == weights).all()
