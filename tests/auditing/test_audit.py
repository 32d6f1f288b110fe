"""The audit: what it finds in the shipped study, that it leaves true numbers alone, and that it catches wrong ones."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.studies import orchard as made_up
from tests.studies import stranger
from tests.study.small_studies import number, small_study

from hikibayes.auditing.audit import COLUMNS, audit, checks
from hikibayes.auditing.checks.comparisons import Comparison, degrees_over, statistic, welch_df
from hikibayes.auditing.checks.jointly import variances_possible
from hikibayes.spec import InputError, validated
from hikibayes.study.analysis import PublishedAnalysis
from hikibayes.study.facts import Fact
from hikibayes.study.moments import sample_moments
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study

STUDIES = Path(made_up.FILE).parent


@pytest.fixture(scope="module")
def findings(nonaka):
    return checks(nonaka)


@pytest.fixture(scope="module")
def orchard():
    return load_study(STUDIES / "orchard.toml")


@pytest.fixture(scope="module")
def workers():
    return made_up.workers()


TWO_STEPS = [
    {"id": "main", "label": "1", "adds": ["arm", "x"]},
    {"id": "all", "label": "2", "after": "main", "adds": ["arm:x"]},
]
GROUP_SLOPES = (("first", "0.02"), ("second", "0.40"))
SUMMARIES = {"correlations together", "correlation and R2", "reliabilities possible", "likeliest misprint"}
"""Rows about many measures at once."""


def row(rows, check, about):
    found = [each for each in rows if each.check == check and each.facts[:1] == (about,)]
    assert len(found) == 1, (check, about, [(each.check, each.facts[:1]) for each in rows if each.check == check])
    return found[0]


def edited(study, **values):
    content = study.model_dump(exclude_unset=True)
    for entry in content["fact"]:
        if entry["id"] in values:
            entry["value"] = Decimal(values[entry["id"]])
    return validated(Study, content, "edited")


def wrong(rows):
    return {each.check for each in rows if each.verdict == "inconsistent"} - {"likeliest misprint"}


# -- the shipped study ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "about", "low", "high"),
    [
        ("plain R2 from adjusted R2", "step1_adjusted_r2", 0.2465, 0.2564),
        ("number of added terms", "step3_delta_r2", 0.0314, 0.0344),
        ("SE from B and p", "step2_scs_sf", 0.0651, 0.0794),
        ("SE from B and p", "step2_behavioral_disengagement", 0.0550, 0.0642),
        ("SE from B and p", "step2_srs18", 0.0636, 0.0693),
        ("SE from B and p", "step2_instrumental_support", 0, 0.0733),
        ("variance inflation", "step2_scs_sf", 1.83, 2.85),
        ("variance inflation", "step2_behavioral_disengagement", 1.30, 1.86),
        ("variance inflation", "step2_srs18", 1.75, 2.17),
        ("variance inflation", "step2_instrumental_support", 1, 2.43),
        ("SE from B and p", "slope_control", 0.0735, 0.0825),
        ("SE from B and p", "slope_hikikomori", 0, 0.1211),
        ("interaction from slopes", "slope_hikikomori", 0.28, 0.30),
        ("step of a coefficient", "step2_instrumental_support", 0.25, 0.26),
        ("mean of whole numbers", "age_mean", 7745, 7747),
        ("t, df and d of whole numbers", "difficulty_t", 7.7335, 7.7335),
        ("shares add up", "region_hokkaido", 200, 200),
        ("shares add up", "sex_hikikomori", 51, 100),
    ],
)
def test_what_the_record_says_once_read_closely(findings, check, about, low, high):
    found = row(findings, check, about).recomputed
    assert (found.low, found.high) == (pytest.approx(low, rel=3e-3), pytest.approx(high, rel=3e-3))


@pytest.mark.parametrize(
    ("check", "about", "words"),
    [
        ("t, df and d of whole numbers", "difficulty_t", "Of the 6 combinations"),
        ("t, df and d of whole numbers", "difficulty_t", "613 and 4523 (hikikomori) and 332 and 1644 (control)"),
        ("shares add up", "region_hokkaido", "hokkaido 16, tohoku 11, kanto 80, chubu 29, kinki 29, chugoku 10"),
        ("shares add up", "region_hokkaido", "no other numbers print these shares"),
        ("number of added terms", "step3_delta_r2", "5, 6 or 7 can have"),
        ("number of added terms", "step3_delta_r2", "read as adjusted R2, none can"),
        ("plain or adjusted increase", "step2_delta_r2", "plain (step2 then has R2 between"),
        ("plain or adjusted increase", "step2_delta_r2", "or adjusted (step2 then has"),
        ("step of a coefficient", "step2_instrumental_support", "so it belongs to step2"),
        ("step of a coefficient", "step2_instrumental_support", "0.105 to 0.115 (dummy coding) or 0.395 to 0.405"),
        ("correlation and R2", "active_coping_selected", "square of each of its predictors' correlations"),
    ],
)
def test_the_sentences_say_it(findings, check, about, words):
    assert words in row(findings, check, about).note


def test_one_added_term_would_have_a_p_below_a_thousandth(findings):
    note = row(findings, "number of added terms", "step3_delta_r2").note
    assert float(note.split("one alone would have p between ")[1].split(")")[0].split(" and ")[1]) < 0.001


def test_no_printed_number_of_the_study_contradicts_another(findings):
    assert [each for each in findings if each.verdict == "inconsistent"] == []


def test_open_questions_name_what_would_settle_them(findings):
    unsettled = [each for each in findings if each.verdict in ("ambiguous", "underdetermined")]
    assert len(unsettled) > 5
    assert [each.check for each in unsettled if "would" not in each.note] == []
    assert "Table 3" in row(findings, "reading slopes_model", "slope_hikikomori").note
    assert row(findings, "t from means and SDs", "days_out_t").verdict == "underdetermined"
    assert row(findings, "difference of shares", "sex_imbalance").verdict == "underdetermined"


def test_every_reading_has_its_row(nonaka, findings):
    verdicts = {each.check: each.verdict for each in findings if each.check.startswith("reading ")}
    assert set(verdicts) == {f"reading {reading.id}" for reading in nonaka.readings}
    assert verdicts["reading slopes_model"] == verdicts["reading step3_terms"] == "ambiguous"
    assert verdicts["reading delta_r2_step2"] == "ambiguous"


def test_every_fact_is_in_some_row(nonaka, findings):
    assert {fact.id for fact in nonaka.facts} == {name for each in findings for name in each.facts}


def test_the_table_has_the_columns_of_the_contract_and_becomes_json(nonaka):
    table = audit(nonaka)
    assert tuple(table.columns) == COLUMNS
    assert set(table["verdict"]) <= {"consistent", "inconsistent", "ambiguous", "underdetermined"}
    assert not table.duplicated(["check", "facts"]).any()
    rows = json.loads(table.to_json(orient="records"))
    assert len(rows) == len(table)


def test_auditing_imports_nothing_heavy():
    heavy = ("pymc", "statsmodels", "xarray", "jax")
    code = f"import sys, hikibayes.auditing.audit; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- true numbers are left alone ------------------------------------------------------------------------------------


def test_the_made_up_study_prints_what_its_raw_data_give(orchard, workers):
    again = stranger.republished(orchard, workers)
    assert {fact.id: fact.printed for fact in orchard.facts} == {fact.id: fact.printed for fact in again.facts}


def test_the_package_computes_what_the_stranger_computes(orchard, workers):
    read = orchard.read()
    analysis = PublishedAnalysis(read, sample_moments(workers, read))
    compared = [fact for fact in read.facts if analysis.determines(fact) and fact.quantity != "vif"]
    assert len(compared) > 50
    for fact in compared:
        ours, theirs = float(analysis.value(fact)), stranger.number(read, workers, fact)
        assert ours == pytest.approx(theirs, rel=1e-8, abs=1e-10), fact.id


def test_every_fact_of_the_made_up_study_is_found_consistent(orchard):
    rows = checks(orchard)
    assert {each.verdict for each in rows} == {"consistent"}
    assert {name for each in rows for name in each.facts} == {fact.id for fact in orchard.facts}


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(12, 80), st.integers(12, 80)),
    st.floats(-1, 1),
    st.dictionaries(st.sampled_from(["mean", "sd", "t", "d", "r2", "coefficient"]), st.integers(1, 4), max_size=3),
)
@settings(max_examples=15, deadline=None)
def test_no_true_number_is_ever_accused(seed, sizes, strength, decimals):
    study = load_study(STUDIES / "orchard.toml")
    people = made_up.participants(np.random.default_rng(seed), dict(zip(made_up.SIZES, sizes, strict=True)), strength)
    rows = checks(stranger.republished(study, people, decimals))
    assert [(each.check, each.facts, each.note) for each in rows if each.verdict == "inconsistent"] == []


@pytest.mark.parametrize("planted", [False, True], ids=["true", "planted"])
def test_every_sentence_about_a_measure_names_it(orchard, planted):
    study = load_study(STUDIES / "planted.toml") if planted else orchard
    facts = {fact.id: fact for fact in study.facts}
    for each in checks(study):
        about = facts[each.facts[0]].of
        if about and each.check not in SUMMARIES:
            measure = study.measure(about)
            names = (measure.label, measure.id, *(level.id for level in measure.levels))
            assert any(name in each.note for name in names), (each.check, each.note)


def placed(*coefficients):
    """Audit rows about the step of x's coefficient, beside slopes of .02 and .40 in groups of 40 and 60."""
    slopes = [number("slope", value, of="x", group=group, step="all") for group, value in GROUP_SLOPES]
    printed = [number("coefficient", value, step=step, term="x") for step, value in coefficients]
    study = small_study((40, 60), *printed, *slopes, steps=TWO_STEPS)
    return [each for each in checks(study) if each.check == "step of a coefficient"]


def test_a_coefficient_is_not_doubted_where_both_steps_print_theirs():
    """A common slope lies near the groups' weighted mean, so it may always be the later step's by its codes alone."""
    assert [each.verdict for each in placed(("main", "0.25"))] == ["ambiguous"]
    assert [each.verdict for each in placed(("main", "0.25"), ("all", "0.02"))] == ["consistent"]


def test_the_coding_that_leaves_a_step_open_is_in_the_sentence():
    assert "0.243 to 0.253 (centred codes)" in placed(("main", "0.25"))[0].note


def test_sizes_that_nothing_else_bears_on_ask_for_what_is_not_printed():
    rows = [each for each in checks(small_study((40, 60))) if each.check == "nothing to compare with"]
    assert "of all groups and of the whole sample together" in rows[0].note


# -- wrong numbers are found ----------------------------------------------------------------------------------------

JOINT_D = {"d from means and SDs", "d from t", "t, df and d jointly", "t, df and d of whole numbers"}
P_OF_INCREASE = {"p of an increase", "plain or adjusted increase", "number of added terms"}
PLANTED = {
    "toil_mean_conventional": {"mean of whole numbers"},
    "fell_sd_conventional": {"mean and SD of zeros and ones"},
    "apple_pippin": {"shares add up"},
    "toil_d": JOINT_D,
    "products_delta_r2_p": P_OF_INCREASE,
    "slope_organic": {"p from B and SE", "interaction from slopes"},
}
OTHERS = {
    ("n", "90"): {"group sizes add up"},
    ("age_sd", "31.12"): {"SD within range", "mean and SD of whole numbers"},
    ("season_conventional", "0.21"): {"share of whole people"},
    ("toil_mean", "19.90"): {"mean of the groups together"},
    ("toil_sd", "9.24"): {"SD of the groups together"},
    ("toil_difference", "-7.4"): {"difference of means"},
    ("toil_alpha", "0.19"): {"reliability and SD"},
    ("toil_df", "76.21"): {"df from SDs", "t, df and d jointly", "t, df and d of whole numbers"},
    ("wage_t", "-2.90"): {"t from means and SDs", "p from t"},
    ("background_adjusted_r2", "0.021"): {"plain and adjusted R2"},
    ("background_p", "0.016"): {"p of a step"},
    ("toil_correlation", "-0.75"): {"correlation and R2"},
    ("shade_toil_correlation", "0.62"): {"VIF and correlation", "correlations together"},
    ("work_toil_se", "0.089"): {"variance inflation"},
    ("work_vif", "1.1"): {"variance inflation"},
    ("interaction_p", "0.130"): {"p from B and SE", "interaction p"},
}


def test_the_planted_study_differs_in_six_facts(orchard):
    planted = load_study(STUDIES / "planted.toml")
    pairs = zip(orchard.facts, planted.facts, strict=True)
    assert {one.id for one, other in pairs if one != other} == set(PLANTED)


@pytest.mark.parametrize("name", PLANTED)
def test_each_planted_error_is_caught_alone(orchard, name):
    planted = load_study(STUDIES / "planted.toml")
    rows = checks(edited(orchard, **{name: str(planted.fact(name).value)}))
    accused = [each for each in rows if each.verdict == "inconsistent"]
    assert name in next(each for each in accused if each.check == "likeliest misprint").facts
    assert wrong(rows) == PLANTED[name]
    assert all(name in each.facts for each in accused)


def test_all_six_are_caught_together_and_nothing_else(orchard):
    rows = checks(load_study(STUDIES / "planted.toml"))
    accused = [each for each in rows if each.verdict == "inconsistent"]
    for name, expected in PLANTED.items():
        assert {each.check for each in accused if name in each.facts} & expected, name
    untouched = {(each.check, each.facts): each for each in checks(orchard) if not set(each.facts) & set(PLANTED)}
    assert len(untouched) > 30
    assert {key: each for each in rows if (key := (each.check, each.facts)) in untouched} == untouched
    assert all(set(each.facts) & set(PLANTED) for each in accused)


@pytest.mark.parametrize(("change", "expected"), OTHERS.items(), ids=["-".join(map(str, change)) for change in OTHERS])
def test_other_slips_are_caught_by_the_checks_that_involve_them(orchard, change, expected):
    name, value = change
    rows = checks(edited(orchard, **{name: value}))
    assert wrong(rows) == expected
    assert all(name in each.facts for each in rows if each.verdict == "inconsistent" and each.check in expected)


def test_numbers_that_agree_in_pairs_can_still_exclude_each_other(nonaka):
    rows = checks(edited(nonaka, difficulty_df="192.16"))
    about_difficulty = [
        each for each in rows if each.check in ("t from means and SDs", "df from SDs", "d from means and SDs")
    ]
    assert {each.verdict for each in about_difficulty if each.facts[0] != "days_out_t"} == {"consistent"}
    assert row(rows, "t, df and d of whole numbers", "difficulty_t").verdict == "inconsistent"


def test_a_contradiction_that_a_reading_removes_is_ambiguous(orchard):
    content = orchard.model_dump(exclude_unset=True)
    content["reading"][0]["default"] = "student"
    rows = checks(validated(Study, content, "student"))
    found = row(rows, "t from means and SDs", "wage_t")
    assert found.verdict == "ambiguous"
    assert "'welch' of the reading 'wage_test'" in found.note
    assert "degrees of freedom" in found.note
    assert row(rows, "reading wage_test", "wage_t").verdict == "ambiguous"


def test_contradictory_numbers_are_not_used_to_accuse_others(orchard):
    rows = checks(edited(orchard, background_r2="0.390"))
    assert wrong(rows) == {"plain and adjusted R2"}


@given(st.data())
@settings(max_examples=20, deadline=None)
def test_whatever_is_typed_the_audit_answers(data):
    content = load_study(STUDIES / "orchard.toml").model_dump(exclude_unset=True)
    for entry in data.draw(st.lists(st.sampled_from(content["fact"]), min_size=1, max_size=4)):
        value = data.draw(st.sampled_from(["0", "1", "0.0", "1.00", "-1", "0.5", "3", "40.0", "90"]))
        entry.update(value=Decimal(value), relation=data.draw(st.sampled_from("=<>")))
    try:
        study = validated(Study, content, "typed")
    except InputError:
        return
    assert len(checks(study)) > 20


# -- jointly --------------------------------------------------------------------------------------------------------


def fact(quantity, value, decimals, **address):
    source = {"locator": "made up", "quote": "made up"}
    printed = stranger.rounded(value, decimals)
    return Fact.model_validate(
        {"id": quantity, "quantity": quantity, "value": printed, "source": source, "of": "x", **address}
    )


def comparison(gap, sds, sizes, test, decimals):
    variances = sds[0] ** 2, sds[1] ** 2
    df = welch_df(variances, sizes) if test == "welch" else sum(sizes) - 2
    between = {"between": ("b", "a")}
    return Comparison(
        of="x",
        label="x",
        groups=("b", "a"),
        sizes=sizes,
        means=(fact("mean", 3 + gap, decimals, group="b"), fact("mean", 3, decimals, group="a")),
        sds=tuple(fact("sd", sd, decimals, group=group) for sd, group in zip(sds, "ba", strict=True)),
        printed={
            "t": fact("t", statistic(test, gap, variances, sizes), 2, test=test, **between),
            "df": fact("df", df, 2, test=test, **between),
            "d": fact("d", statistic("cohen", gap, variances, sizes), 2, **between),
        },
    )


@given(
    st.floats(-5, 5),
    st.tuples(st.floats(0.2, 9), st.floats(0.2, 9)),
    st.tuples(st.integers(3, 150), st.integers(3, 150)),
    st.sampled_from(["welch", "student"]),
    st.integers(0, 3),
)
@settings(max_examples=200, deadline=None)
def test_the_joint_region_never_excludes_the_truth(gap, sds, sizes, test, decimals):
    made = comparison(gap, sds, sizes, test, decimals)
    assert variances_possible(made, test, frozenset({"t", "df", "d"}))


@given(st.tuples(st.floats(0.5, 9), st.floats(0.5, 9)), st.tuples(st.integers(3, 90), st.integers(3, 90)))
@settings(max_examples=100, deadline=None)
def test_every_corner_of_the_joint_region_prints_the_degrees_of_freedom(sds, sizes):
    made = comparison(1.5, sds, sizes, "welch", 0)
    printed = made.printed["df"].interval.widened(1e-6)
    for region in variances_possible(made, "welch", frozenset({"df"})):
        assert all(welch_df(corner, sizes) in printed for corner in region)


def test_the_degrees_of_freedom_reach_their_peak_inside_a_box():
    at_peak = 4.0 * (29 * 30) / (59 * 60)
    variances = [(at_peak * ratio, 4.0) for ratio in (0.9, 1.1)]
    assert degrees_over(variances, (30, 60)).high == 88 > max(welch_df(each, (30, 60)) for each in variances)


def test_the_joint_region_is_what_a_fine_grid_finds():
    made = comparison(1.3, (2.4, 3.1), (30, 55), "welch", 1)
    names = frozenset({"t", "df", "d"})
    corners = np.array([point for region in variances_possible(made, "welch", names) for point in region])
    sds = np.linspace(2.35, 2.45, 101), np.linspace(3.05, 3.15, 101)
    gaps = np.linspace(1.2, 1.4, 201)
    found = [
        (a**2, b**2)
        for a in sds[0]
        for b in sds[1]
        if welch_df((a**2, b**2), (30, 55)) in made.printed["df"].interval
        and any(
            statistic("welch", gap, (a**2, b**2), (30, 55)) in made.printed["t"].interval
            and statistic("cohen", gap, (a**2, b**2), (30, 55)) in made.printed["d"].interval
            for gap in gaps
        )
    ]
    assert len(found) > 10
    for axis in (0, 1):
        values = [point[axis] for point in found]
        assert corners[:, axis].min() == pytest.approx(min(values), abs=0.02)
        assert corners[:, axis].max() == pytest.approx(max(values), abs=0.02)
