"""Many data sets as one answer, side by side under readings, and against what was printed."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from tests.studies import orchard_run

from hikibayes.inference.answers.ensemble import estimates_of, lay_out, lay_out_moments, moments_of
from hikibayes.inference.estimands import answers
from hikibayes.inference.models.compile import exact_posterior
from hikibayes.inference.models.design import design
from hikibayes.inference.models.steps import step_models
from hikibayes.reanalysis.readings import other_readings, readings_table, spread_over_readings

DIFFERENCE = "shade_slope_difference"


@pytest.fixture(scope="module")
def read():
    return orchard_run.study().read()


@pytest.fixture(scope="module")
def fits(read):
    return lay_out_moments(read, step_models(read), moments_of(read, orchard_run.data_sets()))


@pytest.fixture(scope="module")
def estimates(fits):
    return estimates_of(fits, reading="default", seed=np.random.SeedSequence(1))


def test_rows_and_moments_give_the_same(read, fits, estimates):
    by_rows = lay_out(read, step_models(read), orchard_run.data_sets())
    assert list(by_rows) == list(fits)
    again = estimates_of(by_rows, reading="default", seed=np.random.SeedSequence(1))
    pd.testing.assert_frame_equal(again, estimates, rtol=1e-7)


def test_the_flat_posterior_is_the_mean_of_the_least_squares_fits(estimates):
    slopes = []
    for table in orchard_run.data_sets():
        z = {
            name: (table[name] - table[name].mean()) / table[name].std()
            for name in ("contentment", "age", "shade", "toil")
        }
        frame = table.assign(**z, organic=(table["farm"] == "organic").astype(float))
        fit = smf.ols("contentment ~ age + organic * (shade + toil)", frame).fit()
        slopes.append(fit.params["organic:shade"])
    row = estimates[(estimates["prior"] == "flat") & (estimates["estimand"] == DIFFERENCE)].iloc[0]
    assert row["mean"] == pytest.approx(np.mean(slopes), abs=1e-9)
    assert row["sd_between"] == pytest.approx(np.std(slopes), abs=1e-9)


def test_the_spread_adds_up_and_is_that_of_single_fits(read, estimates):
    model = step_models(read)["products"]
    each = [exact_posterior(laid) for laid in (design(model, table, read) for table in orchard_run.data_sets())]
    weights = answers(design(model, orchard_run.data_sets()[0], read)).weights
    sds = [fit.marginal(weights).sd()[0, -1] for fit in each]
    answer = estimates.query("reading == 'default' and prior == 'weakly_informative' and engine == 'exact'")
    row = answer.set_index("estimand").loc[DIFFERENCE]

    assert row["sd_within"] == pytest.approx(np.sqrt(np.mean(np.square(sds))), rel=1e-9)
    assert row["sd"] == pytest.approx(np.hypot(row["sd_within"], row["sd_between"]), rel=1e-9)
    assert row["datasets"] == orchard_run.DATASETS


def test_a_variant_more_changes_no_other_row(fits, estimates):
    alone = estimates_of(fits, reading="default", seed=np.random.SeedSequence(1), variants=["flat"])
    same = estimates[estimates["prior"].isin(["flat", ""])].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, same)


def test_a_side_step_answers_what_its_parent_does_not(nonaka):
    read = nonaka.read()
    models = step_models(read)
    assert not models["step3_support_only"].estimands
    rng = np.random.default_rng(0)
    names = [name for name in models["step3"].variables if name not in ("group", "sex")]
    table = pd.DataFrame(rng.integers(20, 40, (200, len(names))), columns=names)
    table = table.assign(group=np.repeat(["control", "hikikomori"], 100), sex=np.tile(["male", "female"], 100))
    fits = lay_out(read, models, [table, table])
    assert fits["step1"].answers is None
    assert [e.name for e in fits["step3_support_only"].answers.linear] == [
        "support_slope_hikikomori",
        "support_slope_control",
        "support_slope_difference",
    ]


# -- readings -------------------------------------------------------------------------------------------------------


def test_every_option_but_the_defaults_is_another_reading(nonaka):
    names = [name for name, _ in other_readings(nonaka)]
    assert "slopes_model=support_only" in names
    assert len(names) == 6


def test_readings_stand_side_by_side_and_the_default_counts_once(nonaka):
    def row(reading, mean):
        return {
            "reading": reading,
            "model": "step3",
            "engine": "exact",
            "estimand": "support_slope_difference",
            "mean": mean,
        }

    names = ["sd", "lower", "upper", "p_positive", "sd_within", "sd_between", "datasets"]
    means = {"default": 0.30, "slopes_model=support_only": 0.24, "products=raw": 0.33}
    given = pd.DataFrame([row(*pair) for pair in means.items()]).assign(**dict.fromkeys(names, 1.0))
    table = readings_table(nonaka, given)
    assert list(table["option"]) == ["all_interactions", "support_only", "step2", "seven", "plain", "z", "raw"]
    spread = spread_over_readings(table).loc["support_slope_difference"]
    assert spread["sd_readings"] == pytest.approx(np.std([0.30, 0.24, 0.33]))
    assert (spread["lowest"], spread["highest"]) == (pytest.approx(-0.06), pytest.approx(0.03))


def test_one_reading_alone_has_no_spread(nonaka):
    assert readings_table(nonaka, pd.DataFrame(columns=["engine"])).empty


# -- published ------------------------------------------------------------------------------------------------------


def test_a_study_without_readings_has_no_spread_over_them():
    bare = orchard_run.study().read()
    assert spread_over_readings(readings_table(bare, pd.DataFrame())).empty


def test_printed_numbers_stand_beside_their_posteriors():
    table = orchard_run.result().published.set_index("estimand")
    read = orchard_run.study().read()
    first, second = (read.facts_of("slope", of="shade", group=g)[0] for g in ("organic", "conventional"))
    row = table.loc[DIFFERENCE]
    assert row["facts"] == f"{first.id},{second.id}"
    assert row["printed"] == f"{first.value} − {second.value} = {first.value - second.value}"
    assert row["printed_high"] - row["printed_low"] == pytest.approx(0.02)
    assert table.loc["shade_slope_organic", "printed"] == str(first.value)


def test_a_coefficient_printed_only_by_its_p_says_so(nonaka):
    from hikibayes.reanalysis.published import _printed

    read = nonaka.read()
    assert _printed(read, read.estimand("slope_aaq2")) == {"facts": "step2_aaq2_p", "printed": "p > 0.05"}
    assert _printed(read, read.estimand("group_difference")) == {"facts": ""}
    assert _printed(read, read.estimand("r2_step1"))["printed"] == "0.24 (adjusted)"


def test_a_group_coefficient_in_effect_coding_is_half_a_gap_and_not_compared(nonaka):
    from hikibayes.reanalysis.published import _printed

    content = nonaka.model_dump(exclude_unset=True)
    source = {"locator": "nowhere", "quote": "made up"}
    fact = {"id": "b", "quantity": "coefficient", "step": "step2", "term": "group", "value": "-0.40", "source": source}
    gap = nonaka.estimand("group_difference")
    for coding, printed in (("dummy", "-0.40"), ("effect", None)):
        added = type(nonaka).model_validate({**content, "fact": [*content["fact"], {**fact, "coding": coding}]})
        assert _printed(added.read(), gap).get("printed") == printed
