"""What is drawn beside a reconstruction: counts, raw units, measures that entered no regression."""

from __future__ import annotations

import numpy as np
import pytest

from hikibayes.reconstruction.participants.columns import lay_out
from hikibayes.reconstruction.participants.known import Known
from hikibayes.reconstruction.participants.other_measures import append_measures
from hikibayes.reconstruction.participants.targets import Draws, TargetMaker

from .made_up import SOURCE, moments_of, printed_study, raw_data, study_of


@pytest.fixture(scope="module")
def table():
    return raw_data()


def maker(study, table) -> TargetMaker:
    draws = Draws.of(moments_of(table, study), study)
    columns = lay_out(study, draws.names)
    return TargetMaker(study=study, columns=columns, known=Known(study), draws=draws)


def test_printed_raw_means_and_sds_are_aimed_at(table):
    make = maker(printed_study(table), table)
    columns, found = make.columns, make.make(0, np.random.default_rng(1))
    place = columns.names.index("visits")
    raw = columns.origin + columns.grain * found.mean
    total = np.average(raw[:, place], weights=columns.sizes)
    assert total == pytest.approx(table["visits"].mean(), abs=0.6)
    # the mean of a group tells the location of the scale
    warmth = columns.names.index("warmth")
    assert raw[0, warmth] == pytest.approx(table.loc[table["day"] == "weekday", "warmth"].mean(), abs=0.02)


def test_counts_are_whole_people_near_the_share_and_print_the_proportion(table):
    study = printed_study(table)
    make = maker(study, table)
    found = make.make(0, np.random.default_rng(1))
    place = make.columns.names.index("regular")
    counts = found.mean[:, place] * make.columns.sizes
    assert np.allclose(counts, np.rint(counts))
    share = 1 - counts.sum() / sum(make.columns.sizes)
    printed = next(fact for fact in study.facts if fact.quantity == "proportion" and fact.of == "regular")
    assert printed.holds(share)


@pytest.mark.parametrize(("level", "place", "wanted"), [("no", 0, 70 - 33), ("yes", 0, 33), ("no", 1, 45 - 33)])
def test_a_printed_count_is_the_number_of_people(table, level, place, wanted):
    count = {"quantity": "count", "of": "regular", "level": level, "group": ["weekday", "weekend"][place]}
    make = maker(study_of([{"id": "count", "value": "33", "source": SOURCE, **count}, *_described()]), table)
    found = make.make(0, np.random.default_rng(1))
    assert found.mean[place, make.columns.names.index("regular")] * make.columns.sizes[place] == pytest.approx(wanted)


def _described():
    """Mean and SD of the visits, of which nothing is assumed."""
    return [
        {"id": name, "quantity": name, "of": "visits", "value": value, "source": SOURCE}
        for name, value in (("mean", "24"), ("sd", "10"))
    ]


def test_appended_measures_have_a_proper_covariance_and_unit_total_variance(table):
    make = maker(printed_study(table), table)
    mean, cov = make.draws.mean[0], make.draws.cov[0]
    n = np.array(make.columns.sizes)
    for seed in range(20):
        more_mean, more_cov = append_measures(
            make.known, make.columns, (mean, cov), list(make.draws.names), ["scent"], rng=np.random.default_rng(seed)
        )
        assert np.allclose(more_cov[:, :-1, :-1], cov)
        assert np.linalg.eigvalsh(more_cov).min() > 0
        share = n / n.sum()
        gap = more_mean[1, -1] - more_mean[0, -1]
        assert share @ more_cov[:, -1, -1] + share[0] * share[1] * gap**2 == pytest.approx(1)


def test_a_selection_rule_holds_for_appended_measures(table):
    fact = {
        "id": "small",
        "quantity": "correlation",
        "of": "scent",
        "with": "delight",
        "relation": "<=",
        "value": "0.10",
    }
    study = study_of([{**fact, "absolute": True, "source": SOURCE}])
    make = maker(study, table)
    for seed in range(10):
        mean, cov = append_measures(
            make.known,
            make.columns,
            (make.draws.mean[0], make.draws.cov[0]),
            list(make.draws.names),
            ["scent"],
            rng=np.random.default_rng(seed),
        )
        n = np.array(make.columns.sizes, dtype=float)
        centred = mean - n @ mean / n.sum()
        total = np.einsum("k,kij->ij", n - 1, cov) + np.einsum("k,ki,kj->ij", n, centred, centred)
        place = make.draws.names.index("delight")
        assert abs(total[-1, place]) <= 0.10 * np.sqrt(total[-1, -1] * total[place, place])


def test_reliable_scales_of_two_items_get_few_odd_totals(nonaka):
    study = nonaka.read()
    known = Known(study)
    assert known.assumed("alpha", "planning") is not None
    assert known.assumed("alpha", "srs18") is None
    assert [fact.id for fact in known.printed("alpha", "self_distraction")] == ["self_distraction_alpha"]
