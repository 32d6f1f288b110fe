"""Data sets that print every fact: alone, again, in any number; the shipped study and a made-up one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tests.study.labelled import correlations, simple_slopes

from hikibayes.reconstruction.quantities import PINNED, Quantity, reported_quantities
from hikibayes.reconstruction.synthesize import Synthesizer, synthesize
from hikibayes.reconstruction.verify import verify
from hikibayes.spec import InputError
from hikibayes.study.moments import sample_moments
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study, shipped_studies

from .made_up import SOURCE, moments_of, own_moments, printed_study, raw_data

STUDIES = Path(__file__).parents[1] / "studies"

HAS_DRAWS = any(path.with_suffix(".reconstructions.nc").is_file() for path in shipped_studies().values())
needs_draws = pytest.mark.skipif(not HAS_DRAWS, reason="the shipped reconstructions are not there")

# what a short paper would print: every quantity, but not every one of every measure
SPARSE = {0, 1, 2, 3, 8, 9, 11, 12, 14, 16, 18, 24, 26, 29, 31, 32, 35, 36, 37, 38}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return raw_data()


@pytest.fixture(scope="module")
def bakery(table):
    study = printed_study(table)
    kept = [fact for number, fact in enumerate(study.facts[2:]) if number in SPARSE]
    facts = [fact.model_dump(exclude_unset=True) for fact in (*study.facts[:2], *kept)]
    return study.replace(fact=facts)


@pytest.fixture(scope="module")
def bakery_draws(table, bakery):
    return moments_of(table, bakery, draws=5)


@pytest.fixture(scope="module")
def two(bakery, bakery_draws):
    return synthesize(bakery, bakery_draws, datasets=2, seed=7, items=True)


# -- a made-up study of another shape ---------------------------------------------------------------------------------


def test_every_fact_of_a_made_up_study_in_every_data_set(bakery, two):
    assert two.verification["matches"].all()
    assert list(two.verification.columns) == ["dataset", "fact", "printed", "recomputed", "matches"]
    assert set(two.verification["fact"]) == {fact.id for fact in bakery.facts}
    assert list(two.verification["dataset"].unique()) == [1, 2]


def test_the_table_has_the_measures_in_their_ranges(bakery, two):
    for frame in two.datasets:
        assert list(frame.columns[: len(bakery.measures)]) == [measure.id for measure in bakery.measures]
        assert frame["day"].value_counts().to_dict() == {"weekday": 70, "weekend": 45}
        assert frame["brunch"].isna().to_list() == [True] * 70 + [False] * 45
        assert set(frame["weather"]) <= {"sun", "cloud", "rain"}
        assert frame["warmth"].between(0, 24).all()
        assert frame["visits"].dtype == np.int64
        # a mean of five items moves in fifths
        assert np.allclose(np.rint(frame["delight"] * 5), frame["delight"] * 5)
        items = frame[[f"delight_{number:02d}" for number in range(1, 6)]]
        assert np.allclose(items.mean(axis=1), frame["delight"])
        assert items.min().min() >= 1


def test_a_shorter_run_is_the_beginning_of_a_longer_one(bakery, bakery_draws, two):
    one = synthesize(bakery, bakery_draws, datasets=1, seed=7, items=True)
    pd.testing.assert_frame_equal(one.datasets[0], two.datasets[0])
    assert not one.datasets[0].equals(two.datasets[1])


def test_any_data_set_can_be_made_alone_and_items_change_nothing_else(bakery, bakery_draws, two):
    alone = Synthesizer.of(bakery, bakery_draws).make(2, seed=7)
    pd.testing.assert_frame_equal(alone.participants, two.datasets[1][alone.participants.columns])


def test_another_seed_gives_other_data(bakery, bakery_draws, two):
    other = Synthesizer.of(bakery, bakery_draws).make(1, seed=8)
    assert not other.participants["warmth"].equals(two.datasets[0]["warmth"])


def test_a_table_whose_own_reconstruction_cannot_be_met_is_made_of_another_each_time(bakery, bakery_draws):
    made_of = Synthesizer.of(bakery, bakery_draws.isel(draw=np.tile(np.arange(5), 20))).draw_of
    own, others = ([made_of(1, attempt, 7) for attempt in which] for which in ([0, 1, 2], range(3, 15)))
    assert len(set(own)) == 1
    assert len(set(others)) >= 10


def test_an_impossible_record_ends_with_the_facts_it_misses(bakery, bakery_draws, monkeypatch):
    monkeypatch.setattr("hikibayes.reconstruction.synthesize.ATTEMPTS", 3)
    # more regressors cannot explain less: step "basis" has 0.14
    fact = {"id": "absurd", "quantity": "r2", "step": "joint", "value": "0.05", "source": SOURCE}
    facts = [*(one.model_dump(exclude_unset=True) for one in bakery.facts), fact]
    with pytest.raises(InputError, match=r"these are missed .*'absurd' \(0\.05; 0\.\d\d\)"):
        Synthesizer.of(bakery.replace(fact=facts), bakery_draws).make(1, seed=1)


def test_numbers_that_no_column_can_print_are_named(bakery, bakery_draws):
    facts = [one.model_dump(exclude_unset=True) for one in bakery.facts]
    other = {"id": "wild", "quantity": "sd", "of": "brunch", "group": "weekend", "value": "70.0", "source": SOURCE}
    with pytest.raises(InputError, match=r"in the nearest of 15 these are missed .*: 'wild' \(70.0; 2\d"):
        Synthesizer.of(bakery.replace(fact=[*facts, other]), bakery_draws).make(1, seed=1)


def test_a_raw_mean_that_nobody_gives_is_asked_for(bakery, bakery_draws):
    assumptions = [one.model_dump(exclude_unset=True) for one in bakery.assumptions if one.id != "bustle_raw_mean"]
    with pytest.raises(InputError, match="the mean of measure 'bustle' is not printed; .*'raw_mean' is needed"):
        Synthesizer.of(bakery.replace(assumption=assumptions), bakery_draws).make(1, seed=1)


def test_at_least_one_data_set(bakery, bakery_draws):
    with pytest.raises(InputError, match="0 data sets are asked for"):
        synthesize(bakery, bakery_draws, datasets=0, seed=1)


def test_a_study_that_somebody_else_computed():
    """The orchard's numbers were printed by other software; its own moments stand in for reconstructions."""
    spec = importlib.util.spec_from_file_location("orchard", STUDIES / "orchard.py")
    assert spec is not None
    assert spec.loader is not None
    orchard = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(orchard)
    study, workers = load_study(STUDIES / "orchard.toml").read(), orchard.workers()
    assert verify(study, workers)["matches"].all()
    regressors = {name for step in study.steps for term in study.terms(step.id) for name in term.split(":")}
    names = [measure.id for measure in study.measures if measure.id in regressors - {study.analysis.group}]
    draws = own_moments(workers, study, [*names, study.analysis.outcome])
    made = synthesize(study, draws, datasets=2, seed=1, items=True)
    assert made.verification["matches"].all()
    assert set(made.verification["fact"]) == {fact.id for fact in study.facts}


# -- the shipped study ------------------------------------------------------------------------------------------------


@needs_draws
def test_every_fact_of_the_shipped_study(nonaka):
    made = synthesize(nonaka, datasets=4, seed=20210525, items=True)
    facts = [fact.id for fact in nonaka.read().facts]
    assert made.verification["matches"].all()
    assert list(made.verification["fact"]) == facts * 4
    assert made.log["restarts"].max() <= 5
    for frame in made.datasets:
        assert len(frame) == sum(nonaka.sizes.values())


@needs_draws
@pytest.mark.parametrize("choice", [{"slopes_model": "support_only"}, {"vif_step": "centred_step3"}])
def test_data_sets_of_other_readings(nonaka, choice):
    from hikibayes.reconstruction.shipped import shipped_reconstructions

    # moments of the default reading are near enough for the search to reach the facts of another
    made = synthesize(nonaka.read(**choice), shipped_reconstructions(nonaka), datasets=1, seed=3)
    assert made.verification["matches"].all()


@needs_draws
@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_hundred_data_sets_with_items(nonaka, seed):
    from hikibayes.reconstruction.shipped import shipped_reconstructions

    made = synthesize(nonaka, datasets=200, seed=seed, items=True)
    assert made.verification["matches"].all()
    assert (made.log["restarts"] <= 5).mean() >= 0.99
    study = nonaka.read()
    draws = shipped_reconstructions(study).isel(draw=made.log["draw"].to_numpy())
    names = [str(name) for name in draws["measure"].values]
    moments = _stacked([sample_moments(frame, study, names) for frame in made.datasets])
    _spread_like_the_reconstructions(study, moments, draws)
    wished = correlations(draws).transpose("draw", "measure", "measure_2").values
    found = correlations(moments).transpose("draw", "measure", "measure_2").values
    _no_pile_up_on_walls(study, names, found, wished)


def _stacked(each: list[xr.Dataset]) -> xr.Dataset:
    values = {
        name: (("draw", *each[0][name].dims), np.stack([one[name].values for one in each])) for name in ("mean", "cov")
    }
    return each[0].drop_vars(["mean", "cov"]).assign(values)


def _spread_like_the_reconstructions(study: Study, moments: xr.Dataset, draws: xr.Dataset) -> None:
    """Every number that is neither printed nor pinned: coefficients, slopes, R2, correlations, differences."""
    found, wished = (reported_quantities(study, one) for one in (moments, draws))
    table = pd.DataFrame(
        [
            (name, found[name].values.std() / values.std(), (found[name].values - values).mean() / values.std())
            for name, values in ((name, quantity.values) for name, quantity in wished.items() if _is_open(quantity))
        ],
        columns=["quantity", "ratio", "shift"],
    ).set_index("quantity")
    assert len(table) > 100
    assert dict(table.loc[~table["ratio"].between(0.85, 1.1), "ratio"]) == {}
    # a quarter of an SD, as where a summary's answer is held against the raw data's
    assert dict(table.loc[table["shift"].abs() > 0.25, "shift"]) == {}


def _is_open(quantity: Quantity) -> bool:
    return quantity.fact is None and quantity.values.std() > PINNED * quantity.error.mean()


def _no_pile_up_on_walls(study, names: list[str], found: np.ndarray, wished: np.ndarray) -> None:
    beyond = []
    for fact in study.facts_of("correlation"):
        if fact.relation == ">" and fact.absolute and {fact.of, fact.with_} <= set(names):
            cell = names.index(fact.of), names.index(fact.with_)
            beyond.append([np.abs(values[:, *cell]) - float(fact.value) for values in (found, wished)])
    assert len(beyond) == 7
    of_data, of_draws = np.array(beyond).transpose(1, 0, 2)
    assert of_data.min() > 0
    # as many in the first step beyond the wall as in each of the next four, up to chance
    first, later = (of_data < 0.003).sum(), ((of_data >= 0.003) & (of_data < 0.015)).sum() / 4
    assert first < 1.4 * later + 3 * np.sqrt(later)
    # and not many more than draws at that distance from it, on either side: those beyond it are reflected
    near, expected = (of_data < 0.01).mean(), (np.abs(of_draws) < 0.01).mean()
    assert near < 1.6 * expected


@needs_draws
@pytest.mark.long
def test_assumed_raw_units_move_raw_answers_alone(nonaka):
    from hikibayes.reconstruction.shipped import shipped_reconstructions

    draws = shipped_reconstructions(nonaka)
    slopes = [_focal_slopes(_with_outcome(nonaka, mean, sd), draws) for mean, sd in ((30, 12), (45, 18))]
    standardised, raw = zip(*slopes, strict=True)
    assert standardised[0].mean() == pytest.approx(standardised[1].mean(), abs=0.002)
    assert raw[1].mean() / raw[0].mean() == pytest.approx(1.5, rel=0.03)


def _with_outcome(nonaka: Study, mean: float, sd: float) -> Study:
    wanted = {f"abs_h_raw_{name}": {"dist": "Constant", "value": value} for name, value in (("mean", mean), ("sd", sd))}
    content = nonaka.model_dump(exclude_unset=True)
    content["assumption"] = [
        {**one, "distribution": wanted.get(one["id"], one["distribution"])} for one in content["assumption"]
    ]
    return Study.model_validate(content).read()


def _focal_slopes(study: Study, draws: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the difference of the focal slopes in each of thirty data sets, standardised and in points per point."""
    made = synthesize(study, draws, datasets=30, seed=1)
    names = [str(name) for name in draws["measure"].values]
    moments = _stacked([sample_moments(frame, study, names) for frame in made.datasets])
    focal, outcome = study.analysis.focal, study.analysis.outcome
    slopes = simple_slopes(moments, focal, outcome, study.terms("step3"), group=study.analysis.group)
    difference = slopes.sel(group="hikikomori") - slopes.sel(group="control")
    return difference["standardised"].values, difference["slope"].values


def test_any_number_of_processes_makes_the_same_data_sets(nonaka, monkeypatch):
    monkeypatch.setattr("hikibayes.reconstruction.synthesize.WORTH_PROCESSES", 2)
    monkeypatch.setattr("hikibayes.reconstruction.synthesize.BLOCK", 1)
    alone, side_by_side = (synthesize(nonaka, datasets=3, seed=17, workers=workers) for workers in (1, 2))
    for one, other in zip(alone.datasets, side_by_side.datasets, strict=True):
        pd.testing.assert_frame_equal(one, other)
    pd.testing.assert_frame_equal(alone.verification, side_by_side.verification)
