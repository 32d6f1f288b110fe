"""A new study beside an original: known from its rows, or from print."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.special import logsumexp
from tests.inference.conftest import simulated
from tests.studies import orchard_run

import hikibayes as hb
from hikibayes.cli import main
from hikibayes.inference.answers.ensemble import moments_of
from hikibayes.inference.models.compile import exact_posterior
from hikibayes.inference.models.design import design
from hikibayes.inference.models.specs import load_model
from hikibayes.inference.models.steps import model_of
from hikibayes.replication.effects import apart
from hikibayes.replication.measures import FLAT, pooled, posterior
from hikibayes.replication.pair import NewData, _from_print, examples, new_data, paired
from hikibayes.replication.replicate import replication_of
from hikibayes.replication.words import verdict
from hikibayes.robustness.case import Case
from hikibayes.spec import InputError
from hikibayes.study.study_file import load_study

STUDY = load_study("nonaka2021").read()


@pytest.fixture(scope="module")
def original():
    return Case(
        study=STUDY,
        model=load_model("step3"),
        estimand=STUDY.focal_estimand,
        data_sets=(simulated(STUDY, n=60),),
        synthetic=False,
    )


@pytest.fixture(scope="module")
def printed():
    """The same model for a published original: its SDs of all scores but age are assumed."""
    return Case(
        study=STUDY,
        model=model_of(STUDY, "step3"),
        estimand=STUDY.focal_estimand,
        data_sets=tuple(simulated(STUDY, n=60, seed=seed) for seed in range(12)),
        synthetic=True,
    )


@pytest.fixture(scope="module")
def new():
    return simulated(STUDY, n=70, seed=2)


def row(found, what):
    return found.joint.set_index("what").loc[what]


def measure(found, name):
    return found.replication.set_index("measure").loc[name]


def test_rows_beside_rows(original, new):
    found = hb.replicate(original, new, more=True)
    own = original.posterior(nodes=21).marginal(original.focal[:, None])
    assert row(found, "original")["mean"] == pytest.approx(own.mean()[0, 0], abs=1e-7)
    assert row(found, "original")["bf10"] == pytest.approx(np.exp(own.log_bf10()[0, 0]), rel=1e-6)
    assert row(found, "original")["sd_between"] == 0
    product = row(found, "original")["bf10"] * measure(found, "replication_bf")["value"]
    assert product == pytest.approx(row(found, "both")["bf10"], rel=1e-9)
    assert row(found, "selected_0")["mean"] < row(found, "selected_0.2")["mean"] < row(found, "both")["mean"]
    assert row(found, "differing_1")["sd"] > row(found, "differing_0.25")["sd"] > row(found, "both")["sd"]
    assert {"sceptical_p_golden", "sceptical_bf"} <= set(found.replication["measure"])
    assert "Sceptical p" in found.sentences[-1]
    assert len(hb.replicate(original, new).sentences) == len(found.sentences) - 1
    assert found.sound
    assert np.isnan(found.effective)
    assert not any("tau" in text for text in found.sentences)


def test_scores_in_a_narrower_range_are_scaled_by_the_original(original, new):
    """Half of each score's spread is half of the SD of the original, not a smaller effect."""
    scores = [n for n in original.model.variables if STUDY.measure(n).kind != "category"]
    narrow = new.assign(**{n: new[n].mean() + 0.5 * (new[n] - new[n].mean()) for n in scores})
    wide, found, by_own = (
        measure(hb.replicate(original, table, own_scale=own), "difference")
        for table, own in ((new, False), (narrow, False), (narrow, True))
    )
    # outcome and focal score are both halved: the slope stays, whatever the priors of the rest; by own SDs as well
    assert found["value"] == pytest.approx(wide["value"], abs=0.1)
    assert by_own["value"] == pytest.approx(wide["value"], abs=0.1)
    focal = STUDY.analysis.focal
    short = new.assign(**{focal: new[focal].mean() + 0.5 * (new[focal] - new[focal].mean())})
    by_original, by_own = (hb.replicate(original, short, own_scale=own) for own in (False, True))
    sds = [row(found, "new")["sd"] for found in (by_original, by_own)]
    assert sds[0] > 1.3 * sds[1]
    assert "own SDs" in by_own.remarks["remark"].str.cat()
    assert "own SDs" not in by_original.remarks["remark"].str.cat()


def test_rows_and_print_of_one_original_are_compared_alike():
    """Nine samples that print the orchard's record, against one of them as if its rows were known."""
    study, tables = orchard_run.study().read(), orchard_run.data_sets()
    case = Case(
        study=study, model=model_of(study, "products"), estimand=study.focal_estimand, data_sets=tables, synthetic=True
    )
    raw = replace(case, data_sets=tables[:1], synthetic=False)
    new = pd.concat([tables[1].sample(frac=0.8, replace=True, random_state=3)], ignore_index=True)
    by_print, by_rows = hb.replicate(case, new), hb.replicate(raw, new)
    spread = np.hypot(row(by_print, "original")["sd_between"], 0.02)
    assert row(by_rows, "both")["mean"] == pytest.approx(row(by_print, "both")["mean"], abs=3 * spread)
    ratio = measure(by_rows, "replication_bf")["value"] / measure(by_print, "replication_bf")["value"]
    assert abs(np.log(ratio)) < 0.7


def test_moments_are_all_that_a_regression_needs_of_reconstructions():
    """The same numbers as by participants who have these moments; of a new study known from print as well."""
    study, tables = orchard_run.study().read(), orchard_run.data_sets()
    asked = {"study": study, "model": model_of(study, "products"), "estimand": study.focal_estimand, "synthetic": True}
    by_rows, by_moments = Case(**asked, data_sets=tables), Case(**asked, reconstructions=moments_of(study, tables))
    new = pd.concat([tables[1].sample(frac=0.8, replace=True, random_state=3)], ignore_index=True)
    for share in ("effect", "all"):
        wanted, found = (hb.replicate(case, new, share=share) for case in (by_rows, by_moments))
        for of in ("joint", "replication"):
            numbers = [getattr(each, of).select_dtypes("number") for each in (found, wanted)]
            np.testing.assert_allclose(*numbers, rtol=1e-5, atol=1e-7)
    printed = ({"data_sets": tables}, {"moments": moments_of(study, tables)})
    pairs = [
        paired(case, NewData(name="elsewhere", **of)) for case, of in zip((by_rows, by_moments), printed, strict=True)
    ]
    means = [posterior(pooled(pair.effects.common()), pair.prior).mean() for pair in pairs]
    assert means[0] == pytest.approx(means[1], abs=1e-6)


def test_all_parameters_shared(original, printed, new):
    """Of rows, both together is the regression of the stack, but for the centre of its intercept's prior."""
    own, found = hb.replicate(original, new), hb.replicate(original, new, share="all")
    assert "one regression of both" in found.remarks["remark"].str.cat()
    for each, shared in ((own, False), (found, True)):
        assert ("given slopes that both share" in each.sentences[1]) is shared
    assert row(found, "new")["mean"] == row(own, "new")["mean"]
    product = row(found, "original")["bf10"] * measure(found, "replication_bf")["value"]
    assert product == pytest.approx(row(found, "both")["bf10"], rel=1e-9)
    rows = pd.concat([original.data_sets[0], new], ignore_index=True)
    stack = design(original.model, rows, STUDY, scaling=original.design.scaling)
    wanted = exact_posterior(stack, nodes=21).marginal(original.focal[:, None])
    assert row(found, "both")["mean"] == pytest.approx(wanted.mean()[0, 0], abs=0.001)
    assert row(found, "both")["sd"] == pytest.approx(wanted.sd()[0, 0], rel=0.005)
    assert abs(row(own, "both")["mean"] - wanted.mean()[0, 0]) > 0.003
    assert 1 < hb.replicate(printed, new, share="all").effective < 12


def test_print_is_weighted_by_the_new_data(printed, new):
    found = hb.replicate(printed, new)
    assert 1 < found.effective < 12
    assert "standardised by the new sample's own SDs" in found.remarks["remark"].str.cat()
    thin = replace(found, effective=2.0)
    assert not thin.sound
    assert "2.0 effective of 12" in thin.warning
    assert found.sound == (found.effective >= 6)


def test_print_beside_print_meets_in_pairs_whose_average_is_that_of_all(printed):
    """Over all pairings, what pairs of reconstructions say is what every one says beside every other."""
    tables = tuple(simulated(STUDY, n=80, seed=seed) for seed in range(50, 62))
    pair = paired(printed, NewData(name="elsewhere", data_sets=tables))
    at = np.linspace(-0.5, 0.5, 7)
    every = pooled(pair.original).log_density(at) + pooled(pair.renewed).log_density(at)
    turned = [apart(pair.original, pair.renewed.take(np.roll(np.arange(12), shift))) for shift in range(12)]
    assert len(turned[0].common()) == 12
    found = logsumexp([pooled(each.common()).log_density(at) for each in turned], axis=0) - np.log(12)
    np.testing.assert_allclose(found, every, rtol=1e-10)
    with_spread, count = (measure(replication_of(pair), name) for name in ("predicted", "reconstructions"))
    assert with_spread["lower"] < posterior(pair.original, pair.prior).mean().mean() < with_spread["upper"]
    assert count["note"] == "effective, of 12"


def test_reconstructions_of_a_printed_new_study_meet_those_of_another_place(printed, monkeypatch):
    """As many as the original's, each once; participants, where the study counts a category from another level."""
    moments = moments_of(STUDY, printed.data_sets)
    case = replace(printed, data_sets=(), reconstructions=moments)
    monkeypatch.setattr("hikibayes.replication.pair.drawn", lambda *_, **__: moments)
    monkeypatch.setattr("hikibayes.replication.pair.case_of", lambda *_, **__: printed)
    found = _from_print(STUDY.replace(id="elsewhere"), case, 200, 1, None)
    ours, theirs = (of["mean"].sel(measure="age").values[:, 0] for of in (moments, found.moments))
    assert sorted(ours) == sorted(theirs)
    assert (ours != theirs).mean() > 0.5
    turned = tuple(m.replace(levels=m.levels[::-1]) if m.id == "sex" else m for m in STUDY.measures)
    found = _from_print(STUDY.model_copy(update={"measures": turned}), case, 200, 1, None)
    assert found.moments is None
    assert len(found.data_sets) == 12


def test_all_is_shared_by_two_studies_known_from_print():
    """Of reconstructions that are all alike, the answer is that of their rows."""
    study, (first, second, *_) = orchard_run.study().read(), orchard_run.data_sets()
    asked = {"study": study, "model": model_of(study, "products"), "estimand": study.focal_estimand, "synthetic": True}
    case = Case(**asked, reconstructions=moments_of(study, [first, first]))
    found = paired(case, NewData(name="elsewhere", moments=moments_of(study, [second, second])), share="all")
    wanted = paired(Case(**asked, data_sets=(first,)), NewData(name="elsewhere", data_sets=(second,)), share="all")
    means = [posterior(pooled(pair.effects.common()), pair.prior).mean() for pair in (found, wanted)]
    assert means[0] == pytest.approx(means[1], abs=1e-7)
    smaller = [pair.effects.difference().cdf(0.0).mean() for pair in (found, wanted)]
    assert smaller[0] == pytest.approx(smaller[1], abs=1e-6)


def test_what_is_left_where_a_measure_is_missing(printed, new):
    table = new.drop(columns=[STUDY.analysis.focal])
    with pytest.raises(
        InputError, match=f"'{STUDY.analysis.focal}'.*neither support_slope_difference nor any other effect"
    ):
        hb.replicate(printed, table)
    short = load_study("nonaka2021").read()
    first = model_of(short, "step3")
    missing = [name for name in first.variables if name == "aaq2"]
    with pytest.raises(InputError, match="aaq2"):
        hb.replicate(printed, new.drop(columns=missing))


def test_values_out_of_range_one_group_and_shares_are_one_message(original, new):
    with pytest.raises(InputError, match=r"99.*140 of 140 values are outside; is it in another unit.*can be compared"):
        hb.replicate(original, new.assign(instrumental_support=99))
    group = STUDY.analysis.group
    with pytest.raises(InputError, match="has no complete row.*each group is needed"):
        hb.replicate(original, new[new[group] == STUDY.group_ids[0]])
    with pytest.raises(InputError, match="share of variance"):
        hb.replicate(original, new, estimand="r2_step1")
    with pytest.raises(InputError, match="depends on the data, or is none"):
        hb.replicate(replace(original, variant="flat"), new)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda new: new.assign(instrumental_support=99), "99"),
        (lambda new: new.drop(columns="aaq2"), "'aaq2'"),
        (lambda new: new[new["group"] == STUDY.group_ids[0]], "each group is needed"),
        (lambda new: new.assign(group="elsewhere"), "elsewhere"),
        (lambda new: new.iloc[::9], "rows for 18 coefficients"),
        (lambda _: STUDY, "the original itself"),
        (lambda _: orchard_run.study(), "no measure 'abs_h'"),
    ],
)
@pytest.mark.parametrize("ask", [hb.replicate, hb.next_study])
def test_what_is_wrong_with_the_new_study_is_said_before_anything_is_drawn(ask, change, message, new, monkeypatch):
    def drawn(*_, **__):
        raise AssertionError("too early")

    monkeypatch.setattr("hikibayes.replication.pair.reconstructed", drawn)
    with pytest.raises(InputError, match=message):
        ask(STUDY, change(new))


@pytest.mark.parametrize("how", [{"share": "al"}, {"prior": "flat"}, {"prior": "flad"}, {"estimand": "r2_step1"}])
def test_what_cannot_be_asked_is_said_before_anything_is_drawn(how, new, monkeypatch):
    monkeypatch.setattr("hikibayes.replication.pair.reconstructed", lambda *_, **__: 1 / 0)
    with pytest.raises(InputError):
        hb.replicate(STUDY, new, **how)


def test_two_of_three_groups_are_compared():
    """The two that the question names; all shared, the answer is that of the stack, but for the intercept's centre."""
    study, rng = load_study("iris1936").read(), np.random.default_rng(3)

    def table(virginica, setosa, versicolor):
        sizes = {"virginica": virginica, "setosa": setosa, "versicolor": versicolor}
        width = rng.normal(3, 0.4, sum(sizes.values())).round(1)
        length = (4.5 + 0.5 * width + rng.normal(0, 0.4, len(width))).round(1)
        species = np.repeat(list(sizes), list(sizes.values()))
        return pd.DataFrame({"species": species, "sepal_width": width, "sepal_length": length})

    old, new, model = table(50, 45, 40), table(40, 25, 61), model_of(study, "products")
    for asked in map(study.estimand, ("steeper_versicolor", "steeper_virginica")):
        case = Case(study=study.asking(asked.name), model=model, estimand=asked, data_sets=(old,), synthetic=False)
        found = hb.replicate(case, new, share="all")
        stack = design(model, pd.concat([old, new], ignore_index=True), study, scaling=case.design.scaling)
        wanted = exact_posterior(stack, nodes=21).marginal(case.focal[:, None])
        assert row(found, "both")["mean"] == pytest.approx(wanted.mean()[0, 0], abs=0.002)
        assert row(found, "both")["sd"] == pytest.approx(wanted.sd()[0, 0], rel=0.005)
        assert "25 in setosa" in found.remarks["remark"].str.cat()
    with pytest.raises(InputError, match="each group is needed"):
        hb.replicate(study, new[new["species"] != "setosa"])


def test_the_originals_own_people_are_refused(original, new):
    mixed = pd.concat([new, original.data_sets[0].iloc[:10]], ignore_index=True)
    with pytest.raises(InputError, match="10 of 150 rows are rows of the original"):
        hb.replicate(original, mixed)


def test_an_outcome_scored_in_reverse_is_remarked_upon(original):
    new = simulated(STUDY, n=300, seed=2)
    low, high = STUDY.measure("abs_h").limits
    kinds = [set(hb.replicate(original, t).remarks["kind"]) for t in (new, new.assign(abs_h=low + high - new["abs_h"]))]
    assert "opposite_coefficients" not in kinds[0]
    assert "opposite_coefficients" in kinds[1]


def test_one_clear_coefficient_that_points_the_other_way_is_named(original):
    """A predictor scored in reverse, while all else agrees."""
    rng = np.random.default_rng(1)

    def reacting(table, sign):
        z = (table["aaq2"] - table["aaq2"].mean()) / table["aaq2"].std()
        return table.assign(abs_h=np.clip(40 + 8 * sign * z + rng.normal(0, 8, len(table)), 15, 75).round())

    case = replace(original, data_sets=(reacting(simulated(STUDY, n=150, seed=3), 1),))
    same, reverse = (hb.replicate(case, reacting(simulated(STUDY, n=150, seed=5), sign)) for sign in (1, -1))
    assert "opposite_coefficients" not in set(same.remarks["kind"])
    said = reverse.remarks.set_index("kind").loc["opposite_coefficients"]
    assert said["of"] == "aaq2"
    assert said["remark"].startswith("coefficients of aaq2 point the other way")


def test_own_people_are_known_whatever_numbers_look_like(original):
    whole = original.data_sets[0].astype({"age": float, "aaq2": float})
    as_counts = replace(original, data_sets=(original.data_sets[0].astype({"age": int, "aaq2": int}),))
    with pytest.raises(InputError, match="120 of 120 rows are rows of the original"):
        hb.replicate(as_counts, whole)


def test_the_estimate_of_a_printed_original_to_the_digit_is_remarked_upon(printed):
    """Its rows are not known, but two studies of as many people hardly ever agree so well."""
    own = replace(printed, data_sets=printed.data_sets[:3])
    again = hb.replicate(own, printed.data_sets[1])
    assert "are these its own people?" in again.remarks["remark"].str.cat()
    others = hb.replicate(own, printed.data_sets[5])
    assert "same_numbers" not in set(others.remarks["kind"])


def test_what_both_share_is_one_of_two(original, new):
    with pytest.raises(InputError, match="'al'.*there are: effect, all|did you mean 'all'"):
        hb.replicate(original, new, share="al")


def test_a_table_that_cannot_be_read_at_all_is_all_that_is_said(original, new):
    for what in ("nowhere.csv", new.head(0)):
        with pytest.raises(InputError) as error:
            hb.replicate(original, what)
        assert "cannot be compared" not in str(error.value)


def test_a_study_does_not_replicate_itself(printed):
    with pytest.raises(InputError, match="the original itself"):
        new_data(STUDY, printed)


def test_the_shipped_example_is_said_to_be_made_up(printed):
    assert "nonaka2021_made_up" in examples()
    found = hb.replicate(printed, "nonaka2021_made_up")
    assert "made up: nobody was asked" in found.remarks["remark"].str.cat()
    assert "3 of 180 rows are left out" in found.remarks["remark"].str.cat()


@pytest.mark.parametrize(
    ("bf", "word"), [(12, "Yes, strongly"), (3, "Yes"), (1, "Undecided"), (0.2, "No"), (0.01, "No, clearly")]
)
def test_words_come_from_thresholds(bf, word):
    assert verdict(bf) == word


def test_an_unknown_table_is_one_message(tmp_path):
    new = tmp_path / "none.csv"
    found = CliRunner().invoke(
        main, ["replicate", "nonaka2021", str(new), "--datasets", "2", "-o", str(tmp_path / "o")]
    )
    assert found.exit_code == 2
    assert "none.csv" in found.output
    assert "Traceback" not in found.output


def test_few_rows_need_few_nodes_and_leave_intervals_as_they_are(printed, new, monkeypatch):
    coefficients = len(printed.design.columns) + 1
    few = NewData(name="few", data_sets=(new.sample(coefficients + 3, random_state=1),))
    thin = paired(printed, few)
    monkeypatch.setattr("hikibayes.replication.pair.thinned", lambda data, prior: data)
    fine = paired(printed, few)
    assert thin.renewed.log_mass.shape[1] < 64 < fine.renewed.log_mass.shape[1]
    for prior in (thin.prior, FLAT):
        for q in (0.025, 0.5, 0.975):
            was, now = (posterior(of.renewed, prior).quantile(q) for of in (fine, thin))
            assert now == pytest.approx(was, abs=1e-7)


def test_fewer_rows_than_a_standard_error_takes_are_one_message(original, new):
    coefficients = len(original.design.columns) + 1
    for rows in (coefficients + 1, coefficients + 2):
        with pytest.raises(InputError, match=f"{rows} rows for {coefficients} coefficients"):
            hb.replicate(original, new.sample(rows, random_state=1))


def test_an_original_known_from_its_own_rows_bounds_nobody_else():
    rng = np.random.default_rng(5)
    first = pd.DataFrame({"pain": rng.normal(50, 9, 90).round(), "age": rng.integers(32, 70, 90)})
    second = pd.DataFrame({"pain": rng.normal(50, 9, 60).round(), "age": rng.integers(20, 90, 60) + 0.5})
    found = hb.replicate(hb.fit("pain ~ age", first), second)
    assert measure(found, "replication_bf")["value"] > 0
    declared = hb.fit("pain ~ age", first).study.model_dump(mode="json", exclude_unset=True)
    declared["measure"][1]["range"] = [0, 120]
    original = hb.fit("pain ~ age", first, study=hb.Study.model_validate(declared))
    second.loc[1, "age"] = 250
    with pytest.raises(InputError, match=r"row 2: found '250(\.0)?'; age runs from 0 to 120"):
        hb.replicate(original, second)


def test_how_often_no_effect_falls_inside_the_prediction(original, new):
    found = hb.replicate(original, new)
    predicted, share = measure(found, "predicted"), measure(found, "predicted_if_none")["value"]
    pair = paired(original, new_data(new, original))
    error = posterior(pair.renewed, FLAT).sd()[0, 0]
    drawn = np.random.default_rng(1).normal(0, error, 100_000)
    assert share == pytest.approx(((predicted["lower"] < drawn) & (drawn < predicted["upper"])).mean(), abs=0.006)
    assert f"without any effect {100 * share:.0f} % of such studies fall inside" in found.sentences[0]


def test_an_original_that_was_not_significant_is_remarked_on():
    rng = np.random.default_rng(5)
    first = pd.DataFrame({"pain": rng.normal(50, 9, 90), "age": rng.normal(45, 8, 90)})
    second = pd.DataFrame({"pain": rng.normal(50, 9, 60), "age": rng.normal(45, 8, 60)})
    found = hb.replicate(hb.fit("pain ~ age", first), second)
    assert "not_significant" in set(found.remarks["kind"])
    stronger = first.assign(pain=first["pain"] + 2 * first["age"])
    assert "not_significant" not in set(hb.replicate(hb.fit("pain ~ age", stronger), second).remarks["kind"])


def test_words_are_asked_for_no_unit(original):
    words = simulated(STUDY, n=70, seed=2).astype({"age": object}).assign(age="high")
    with pytest.raises(InputError, match="found 'high'") as error:
        hb.replicate(original, words)
    assert "unit" not in str(error.value)
