"""A formula and a table are all that a fit needs: what is read off them, said, and written for the next run."""

import math
import re
from importlib import import_module
from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt

import hikibayes
from hikibayes import apa
from hikibayes.cli import main
from hikibayes.inference.answers.estimates import Reporting
from hikibayes.inference.answers.remarks import design_remarks
from hikibayes.inference.data.files import RawTable, as_text
from hikibayes.inference.data.tables import participants
from hikibayes.inference.fit import Sampling, fit
from hikibayes.inference.models.design import design
from hikibayes.inference.own.data import own_data
from hikibayes.inference.own.files import toml_text
from hikibayes.inference.saved_fit import fit_files
from hikibayes.spec import InputError

FLAT = {"engine": "exact", "prior": "flat", "seed": 1}


def made_up(n: int = 90, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm = np.array(["low", "mid", "high"])[np.arange(n) % 3]
    table = pd.DataFrame({"arm": arm, "x": rng.normal(5, 2, n), "w": rng.normal(0, 3, n), "sex": rng.integers(0, 2, n)})
    slope = table["arm"].map({"low": 0.1, "mid": 0.5, "high": 0.9})
    return table.assign(y=table["sex"] + slope * table["x"] + 0.1 * table["x"] * table["w"] + rng.normal(0, 1, n))


def means(made) -> dict[str, float]:
    rows = made.estimates[(made.estimates["engine"] == made.engine) & made.estimates["unit"].str.startswith("sd")]
    return dict(zip(rows["estimand"], rows["mean"], strict=True))


def z(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    return table.assign(**{name: (table[name] - table[name].mean()) / table[name].std() for name in names})


def test_estimands_follow_from_the_formula_and_are_least_squares_under_a_flat_prior():
    table = made_up()
    found = means(fit("y ~ arm * x + x * w + sex", table, **FLAT))
    scaled = z(table, "y", "x", "w")

    def least_squares(x=0.0, w=0.0, reference="high"):
        """OLS with both numbers moved and another reference: every conditional effect is then a coefficient."""
        moved = scaled.assign(x=scaled["x"] - x, w=scaled["w"] - w)
        formula = f"y ~ C(arm, Treatment('{reference}')) * x + x * w + sex"
        return smf.ols(formula, moved).fit().params

    for arm in ("low", "mid", "high"):
        for name, w in {"": 0, "_w_minus_1_sd": -1, "_w_plus_1_sd": 1}.items():
            assert found[f"slope_x_arm_{arm}{name}"] == pytest.approx(least_squares(w=w, reference=arm)["x"])
    reference = least_squares()
    for name, x in {"": 0, "_x_minus_1_sd": -1, "_x_plus_1_sd": 1}.items():
        term = "C(arm, Treatment('high'))[T.mid]"
        assert found[f"difference_arm_mid_minus_high{name}"] == pytest.approx(least_squares(x=x)[term])
    assert found["slope_difference_x_mid_minus_low"] == pytest.approx(
        least_squares(reference="low")["C(arm, Treatment('low'))[T.mid]:x"]
    )
    assert found["slope_change_x_by_w"] == pytest.approx(reference["x:w"])
    assert found["slope_w"] == pytest.approx(reference["w"])
    assert found["difference_sex_1_minus_0"] == pytest.approx(reference["sex"])


def test_a_value_of_ones_own_is_in_the_columns_unit():
    table = made_up()
    made = fit("y ~ arm + x * w", table, at={"w": [2.0, -0.5]}, **FLAT)
    words = made.summary().set_index("estimand")["effect"]
    for value, name in ((2.0, "at_2"), (-0.5, "at_minus_0p5")):
        scaled = z(table, "y", "x").assign(w=table["w"] - value)
        assert means(made)[f"slope_x_w_{name}"] == pytest.approx(smf.ols("y ~ arm + x * w", scaled).fit().params["x"])
        assert words[f"slope_x_w_{name}"] == f"Slope of x, w at {value:g}"


def test_steps_are_those_of_least_squares():
    table = made_up()
    made = fit("y ~ arm * x + sex", table, steps="sex; arm + x", **FLAT)
    ols = made.estimates[made.estimates["engine"] == "ols"].set_index("estimand")["mean"]
    r2 = [smf.ols(formula, table).fit().rsquared for formula in ("y ~ sex", "y ~ sex + arm + x", "y ~ sex + arm * x")]
    np.testing.assert_allclose(ols[["r2_step1", "delta_r2_step2", "delta_r2_step3"]], np.diff([0, *r2]))


@pytest.mark.parametrize(
    ("values", "options", "levels", "why"),
    [
        (["b", "a", "c"] * 9, {}, ("a", "b", "c"), "alphabet"),
        (["b", "a", "c"] * 9, {"reference": {"g": "c"}}, ("c", "a", "b"), "asked for"),
        ([True, False] * 9, {}, ("False", "True"), "false"),
        ([1, 0] * 9, {}, ("0", "1"), "lowest"),
        (pd.Categorical(["b", "a"] * 9, categories=["b", "a"], ordered=True), {}, ("b", "a"), "ordered"),
        (["none", "some", "lots"] * 9, {}, ("lots", "none", "some"), "alphabet"),
        (["10", "9", "-1"] * 9, {"reference": {"g": "9"}}, ("9", "-1", "10"), "asked for"),
    ],
)
def test_the_reference_level_and_why(values, options, levels, why):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"g": values, "y": rng.normal(size=len(values))})
    own = own_data("y ~ g", table, **options)
    assert tuple(level.id for level in own.study.measure("g").levels) == levels
    assert why in own.why["g"]
    first = fit("y ~ g", table, engine="exact", seed=1, **options).remarks.iloc[0]
    assert first["kind"] == "reference_level"
    assert f"is {levels[0]}" in first["remark"]
    assert f"--reference g={levels[1]}" in first["remark"]


names = st.sampled_from(
    ["class", "Sepal.Length", "größe", "два", "a b", "T", "sigma", "x-1", "1st", "np", "I", "lambda"]
)


@given(st.lists(names, min_size=3, max_size=3, unique=True))
@settings(max_examples=12, deadline=None)
def test_a_column_can_be_called_anything(headers):
    table = made_up(30).rename(columns=dict(zip(["y", "arm", "x"], headers, strict=True)))
    y, arm, x = headers
    made = fit(f"`{y}` ~ `{arm}` * `{x}`", table, engine="exact", seed=1)
    plain = fit("y ~ arm * x", made_up(30), engine="exact", seed=1)
    np.testing.assert_allclose(made.estimates["mean"], plain.estimates["mean"])


@pytest.mark.parametrize(
    "formula", ["y ~ arm * I(x / 2)", "y ~ arm + np.log((x + 9) / 2)", "y ~ C(arm) * I((x + w) / 2)"]
)
def test_a_formula_may_divide(formula):
    """In a file of draws a slash separates groups; a term's variable has another sign for it."""
    made = fit(formula, made_up(), scaling="raw", **FLAT)
    drawn = made.posterior["posterior"].to_dataset().mean(("chain", "draw"))
    assert sum(values.size for values in drawn.data_vars.values()) == len(made.design.columns) + 2
    assert all(isinstance(content, bytes | str | pd.DataFrame) for content in fit_files(made).values())


def test_a_reference_level_changes_no_order_of_three_groups_beforehand():
    """Under the default prior every pair of groups differs by the same prior, whichever is the reference."""
    table = made_up()
    found = [fit("y ~ arm * x", table, reference={"arm": arm}, engine="exact", seed=1) for arm in ("low", "mid")]
    from hikibayes.inference.estimands import answers
    from hikibayes.inference.models.compile import exact_priors

    for made in found:
        aligned = exact_priors(made.design).align(made.design.columns)
        answered = answers(made.design)
        variance = dict(zip([e.name for e in answered.linear], aligned.variance(answered.weights[0])[0], strict=True))
        pairs = [v for name, v in variance.items() if name.startswith("slope_difference_x")]
        np.testing.assert_allclose(pairs, [0.25**2] * 3)
        np.testing.assert_allclose(
            [v for n, v in variance.items() if n.startswith("difference_arm") and "sd" not in n], 1
        )


def test_what_was_resolved_is_written_and_the_next_run_starts_from_it(tmp_path):
    table = made_up().rename(columns={"x": "the x", "arm": "The.Arm"})
    table.to_csv(tmp_path / "mine.csv", index=False)
    made = fit("y ~ The.Arm * `the x` + w", tmp_path / "mine.csv", engine="exact", seed=1)
    for name, content in fit_files(made).items():
        if name.endswith(".toml"):
            (tmp_path / name).write_text(content)
    again = fit(
        tmp_path / "model.toml",
        tmp_path / "mine.csv",
        study=tmp_path / "study.toml",
        mapping=tmp_path / "mapping.toml",
        engine="exact",
        seed=1,
    )
    pd.testing.assert_frame_equal(again.estimates, made.estimates)
    assert "Slopes rarely differ" in (tmp_path / "model.toml").read_text()


json_like = st.recursive(
    st.integers(-99, 99) | st.booleans() | st.text(max_size=5) | st.floats(-9, 9), lambda v: st.lists(v, max_size=2)
)


@given(st.dictionaries(st.text(min_size=1, max_size=4), json_like, max_size=3))
@settings(max_examples=60, deadline=None)
def test_toml_is_read_back_as_it_was(content):
    import tomllib

    text = toml_text({**content, "table": content, "tables": [content]})
    read = tomllib.loads(text)
    assert read["table"] == content
    assert read["tables"] == [content]


TABLE = made_up(24).assign(text=list("abcdefghijklmnopqrstuvwx"), constant=1.0, empty=None, two=["p", "q"] * 12)
TABLE["Final grade.1"] = TABLE["two"]
TABLE["endless"] = TABLE["x"].where(TABLE.index != 4, np.inf)

BIG = made_up(60).assign(
    share=lambda t: [f"{value:.3f} %" for value in t["x"]],
    half=lambda t: [*t["share"][:59], "2"],
    lengths=lambda t: [f"{abs(value):.3f} {unit}" for value, unit in zip(t["x"], ["mm", "cm"] * 30, strict=True)],
    day=lambda t: pd.Timestamp("2024-02-28") + pd.to_timedelta(t.index, unit="D"),
    wait=lambda t: pd.to_timedelta(t.index, unit="D"),
    written=lambda t: t["day"].dt.strftime("%d.%m.%Y"),
    session=["24/02/01", "24/02/08"] * 30,
    clock=["08:30", "17:00"] * 30,
    german=lambda t: [f"{round(400 * value):,}".replace(",", ".") for value in t["x"].abs()],
    mixed=lambda t: [f"{value:.1f}".replace(".", ",."[i % 2]) for i, value in enumerate(t["x"])],
    both=lambda t: [f"{1e6 * (1 + abs(value)):,.0f}" if i else "1,5" for i, value in enumerate(t["x"])],
)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y ~ half", "column 'half': row 60: found '2' beside '.* %'; write the numbers alone, all in one unit"),
        ("y ~ lengths", "column 'lengths': has 60 different texts in 60 rows"),
        *(
            (f"y ~ {name}", f"column '{name}'.*is a date or a duration.*or C.{name}. in the formula")
            for name in ("day", "wait", "written", "session", "clock")
        ),
        ("clock ~ x", "column 'clock'.*is a date or a duration: make a number of it, such as days$"),
        ("y ~ german", "column 'german': row .*: found .* beside .* separates thousands"),
        ("y ~ mixed", "column 'mixed': row .*: found '.*,.' beside '.*[.].'; write one decimal sign"),
        ("y ~ both", "column 'both': row .* beside .* separates thousands"),
        ("log(y) ~ x", "no column 'log.y.'.*an outcome is a column: make one of it"),
    ],
)
def test_what_is_no_number_though_it_looks_like_one_is_told_apart(formula, message):
    with pytest.raises(InputError, match=message):
        fit(formula, BIG, engine="exact", seed=1)


@pytest.mark.parametrize("mark", [",", "."])
def test_three_decimals_are_three_decimals(mark):
    """Unless every other number is whole and has three digits, a sign is the decimal one."""
    texts = BIG.assign(x=[f"{value:.3f}".replace(".", mark) for value in 100 + BIG["x"]])
    for at, text in ((0, "0"), (1, "12"), (2, f"0{mark}512")):
        texts.loc[at, "x"] = text
    numbers = BIG.assign(x=[float(text.replace(",", ".")) for text in texts["x"]])
    np.testing.assert_allclose(*(fit("y ~ x", each, **FLAT).estimates["mean"] for each in (texts, numbers)))


class Foreign:
    """A table of another package, as polars has it."""

    def to_pandas(self) -> pd.DataFrame:
        return BIG


@pytest.mark.parametrize(
    "table",
    [
        {name: BIG[name].tolist() for name in ("y", "arm", "x")},
        Foreign(),
        BIG.set_index("arm"),
        BIG.set_index(["arm", "sex"]),
        BIG.set_axis([7] * 60),
        BIG.astype({"x": "Float64", "arm": "string"}).rename_axis("y"),
        BIG.astype({"arm": pd.CategoricalDtype(["high", "mid", "low", "nobody"])}),
    ],
)
def test_a_table_may_be_any_that_python_has(table):
    expected, found = (fit("y ~ arm * x", each, **FLAT).estimates["mean"] for each in (BIG, table))
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (BIG.to_numpy(), "data: found ndarray; a path, a DataFrame or a mapping of columns"),
        (BIG["y"], "data: found Series"),
        ({"y": [1, 2], "x": [1]}, "data: is no table: .*same length"),
        (BIG.head(0), "data: has 0 rows"),
        (BIG.assign(y=BIG["y"].astype(complex)), "column 'y': holds complex numbers; real ones are expected"),
        (pd.concat({"a": BIG}, axis=1), "data: has 2 rows of headers; join them"),
    ],
)
def test_what_is_no_table_is_one_message(table, message):
    with pytest.raises(InputError, match=message):
        fit("y ~ x", table, engine="exact", seed=1)


def test_signs_that_no_name_has_may_stand_in_a_header():
    odd = BIG.rename(columns={"x": "λ²", "w": "½ dose™", "arm": "class"})
    found = fit("y ~ class * `λ²` + `½ dose™`", odd, **FLAT)
    np.testing.assert_allclose(found.estimates["mean"], fit("y ~ arm * x + w", BIG, **FLAT).estimates["mean"])


@pytest.mark.parametrize(
    ("formula", "options", "message"),
    [
        ("y ~ arm * xx", {}, "no column 'xx'.*did you mean 'x'"),
        ("Y ~ x", {}, "no column 'Y'.*did you mean 'y'"),
        ("y ~ endless", {}, "column 'endless': row 5: infinite"),
        ("y ~ I(x > 0)", {"family": "t"}, "nothing to estimate: what enters by a comparison has no slope"),
        ("y ~ I(x > 50)", {}, 'same value in every row.*z scores here: scaling = "raw"'),
        (" ", {}, "model: found nothing; a formula such as 'y ~ x', or a model, is expected"),
        ("y", {}, "no model 'y'.*or a formula where there is a table to fit: 'y ~ x'"),
        ("arm ~ x", {}, "the outcome is text.*categorical"),
        ("two ~ x", {}, "the outcome is text.*bernoulli"),
        ("`Final grade.1` ~ x", {}, "column 'Final grade.1': the outcome is text.*'`Final grade.1` ~ x', data"),
        ("x ~ `Final grade.1`", {"family": "poisson"}, "Model.'x ~ `Final grade.1`', data, family=\"poisson"),
        ("y ~ constant", {}, "constant.*same value in every row"),
        ("y ~ empty", {}, "column 'empty'.*empty in every row"),
        ("empty ~ x", {}, "column 'empty'.*empty in every row"),
        ("y ~", {}, "cannot be read|nothing stands right"),
        ("y ~ arm", {"reference": {"arm": "lo"}}, "no level 'lo'.*did you mean 'low'"),
        ("y ~ arm", {"reference": {"amr": "low"}}, "no column 'amr'.*did you mean 'arm'"),
        ("y ~ x", {"rows": "x > 100"}, "no row"),
        ("y ~ x", {"rows": "__import__('os')"}, "more than a comparison"),
        ("y ~ x", {"rows": "xx > 1"}, "no column 'xx'"),
        ("y ~ x", {"rows": "x + 1"}, "no condition"),
        ("y ~ x", {"set_prior": {"w": "Normal(0, 1)"}}, "no term 'w'"),
        ("y ~ x", {"set_prior": {"x": "normal"}}, "is no prior"),
        ("y ~ x", {"set_prior": {"x": "Normal(0)"}}, "Normal takes mu, sigma"),
        ("y ~ x", {"set_prior": {"x": "Normal(0, -1)"}}, "sigma > 0"),
        ("y ~ x", {"steps": "w"}, "no further term of the formula 'w'"),
        ("y ~ x", {"at": {"w": [1.0]}}, "no number in the formula 'w'; there are: x$"),
        ("y ~ y + x", {}, "^formula 'y ~ y [+] x': the outcome"),
        ("y ~ x", {"family": "bernoulli"}, "Bambi has others: bambi.Model"),
    ],
)
def test_what_cannot_be_used_is_one_message(formula, options, message):
    with pytest.raises(InputError, match=message):
        fit(formula, TABLE, engine="exact", seed=1, **options)


def test_what_a_large_table_costs_is_said(tmp_path, monkeypatch):
    """How much memory on the screen alone; what the posterior goes without in the files too."""
    # the verb and the function have the names of their modules
    monkeypatch.setattr(import_module("hikibayes.runs.verbs.fit"), "MANY_ROWS", 24)
    monkeypatch.setattr(import_module("hikibayes.inference.fit"), "MOST", 24 * 4000 - 1)
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    said = CliRunner().invoke(main, ["fit", "y ~ x", str(tmp_path / "t.csv"), "-o", str(tmp_path / "run")])
    assert re.search(r"24 rows took up to \d+\.\d GB of memory", said.output), said.output
    assert "goes without log_likelihood" in said.output
    remarks = (tmp_path / "run" / "remarks.csv").read_text()
    assert "goes without log_likelihood" in remarks
    assert "GB" not in remarks


def test_one_row_is_one_message():
    with pytest.raises(InputError, match="same value in every row"):
        fit("y ~ x", TABLE.head(1), engine="exact", seed=1)


def test_few_rows_and_lonely_people_are_fitted_with_a_remark():
    lonely = TABLE.assign(arm=["solo", *["others"] * 23])
    kinds = set(fit("y ~ arm * x", lonely, engine="exact", seed=1).remarks["kind"])
    assert "few_people" in kinds
    few = fit("y ~ arm * x * w + sex", TABLE.head(9), engine="exact", seed=1)
    assert "few_rows" in set(few.remarks["kind"])


def test_codes_that_an_spss_file_labels_are_called_by_their_labels(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat")
    table = made_up(60).assign(arm=lambda t: t["arm"].map({"low": 1.0, "mid": 2.0, "high": 3.0}))
    path = tmp_path / "labelled.sav"
    pyreadstat.write_sav(
        table[["y", "arm", "x"]], path, variable_value_labels={"arm": {1: "none", 2: "some", 3: "lots"}}
    )
    made = fit("y ~ C(arm) * x", path, engine="exact", seed=1)
    words = set(made.summary()["effect"])
    assert {"Slope of x, arm none", "Difference in means, arm (lots − some)"} <= words
    plain = fit("y ~ C(arm) * x", table, engine="exact", seed=1)
    np.testing.assert_allclose(made.estimates["mean"], plain.estimates["mean"])


def test_headers_stand_in_words_as_they_are():
    made = fit("y ~ Behandlung * Alter", made_up().rename(columns={"arm": "Behandlung", "x": "Alter"}), **FLAT)
    assert "Slope of Alter, Behandlung low" in set(made.summary()["effect"])


def labelled() -> RawTable:
    """An SPSS file's table: codes with labels, a code for no answer among them."""
    rng = np.random.default_rng(3)
    arm, answer = rng.integers(1, 4, 120), rng.integers(1, 3, 120)
    stress = rng.normal(20, 5, 120).round()
    stress[[7, 9]] = -99
    y = (stress * (arm == 2) / 5 + rng.normal(0, 6, 120)).round(2)
    codes = {"ARM": {"1": "usual", "2": "CBT online", "3": "waiting"}, "STRESS": {"-99": "missing"}}
    table = {"ARM": arm, "STRESS": stress, "Sex (1/2)": answer, "Y": y}
    return RawTable(pd.DataFrame(table).map(as_text).astype(object), codes)


def test_what_an_spss_file_labels_is_said_once(monkeypatch):
    monkeypatch.setattr(import_module("hikibayes.inference.own.data"), "raw_table", lambda _: labelled())
    made = fit("Y ~ ARM * STRESS", "clinic.sav", seed=1)
    of_kind = made.remarks.groupby("kind")["remark"].agg(list)
    assert "1 = usual, 2 = CBT online, 3 = waiting" in of_kind["labelled_levels"][0]
    assert len(of_kind["labelled_code"]) == 1
    assert "missing_code" not in of_kind, "the label has said it already"
    grouped = fit("Y ~ C(ARM) * STRESS", "clinic.sav", seed=1)
    assert "labelled_levels" not in set(grouped.remarks["kind"])
    legend = [text.get_text() for text in grouped.plot.effects().get_legend().get_texts()]
    assert legend == ["usual", "CBT online", "waiting"]


def test_headers_stand_in_the_figures_and_in_what_can_be_typed():
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"Group / arm": ["wait list", "app"] * 20, "Age (years)": rng.normal(40, 9, 40)})
    table["score.1 total"] = rng.normal(size=40)
    made = fit("`score.1 total` ~ `Group / arm` * `Age (years)`", table, engine="exact", seed=1)
    assert "--reference 'Group / arm=wait list' makes it another" in made.remarks["remark"].iloc[0]
    axes = made.plot.effects()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Age (years)", "score.1 total")
    assert axes.get_legend().get_title().get_text() == "Group / arm"
    assert "(the first by the alphabet; there are app, wait list)" in made.remarks["remark"].iloc[0]
    with pytest.raises(InputError, match="write `Age .years.` in backticks"):
        fit("`score.1 total` ~ Age (years)", table)


def test_what_an_intercept_varies_by_has_no_reference_level():
    own = own_data("y ~ x + (1|arm)", made_up())
    rows = participants(own.table, own.study, own.model.variables).frame
    kinds = [remark.kind for remark in design_remarks(design(own.model, rows, own.study), own.why)]
    assert "reference_level" not in kinds


def test_rows_are_numbered_as_in_the_file_where_a_condition_picks_some_of_them():
    table = made_up(40).assign(pid=np.arange(40), grade=np.where(np.arange(40) < 20, 3, 4))
    table.loc[25, "x"], table.loc[30, "pid"] = np.nan, 29
    table.loc[33] = table.loc[32]
    made = fit("y ~ x + w", table, rows="grade == 4", seed=1)
    assert made.participants.left_out == {26: "no x"}
    remarks = dict(zip(made.remarks["kind"], made.remarks["remark"], strict=True))
    assert remarks["left_out"].endswith("(row 26)")
    assert "(row 31)" in remarks["repeated_ids"]
    assert "(row 34)" in remarks["repeated_rows"]
    texts = table.astype({"w": object})
    texts.loc[36, "w"] = "ill"
    with pytest.raises(InputError, match="row 37: found 'ill'"):
        fit("y ~ x + w", texts, rows="grade == 4")


def test_a_prior_set_by_hand_is_the_same_for_every_pair_of_levels_as_the_default_is():
    table = made_up()
    default = fit("y ~ arm * x", table, seed=1)
    said = {"arm": "Normal(0, 1)", "arm:x": "Normal(0, .25)"}
    by_hand = fit("y ~ arm * x", table, set_prior=said, seed=1)
    assert means(by_hand) == pytest.approx(means(default), rel=1e-12)
    assert by_hand.model.priors["arm:x"].reason == "Set by hand. The same for every pair of levels."
    narrow = {"arm": "Normal(0, .1)"}
    of_low, of_high = (
        means(fit("y ~ arm", table, set_prior=narrow, reference={"arm": arm}, seed=1)) for arm in ("low", "high")
    )
    low_high, high_low = of_low["difference_arm_high_minus_low"], of_high["difference_arm_low_minus_high"]
    assert low_high == pytest.approx(-high_low, rel=1e-9)
    assert "prior_of_reference" not in set(by_hand.remarks["kind"])


def test_a_prior_set_by_hand_that_cannot_be_the_same_for_every_pair_is_said():
    made = fit("y ~ arm * x", made_up(), set_prior={"arm:x": "Normal(.1, .25)"}, seed=1)
    remark = made.remarks[made.remarks["kind"] == "prior_of_reference"]
    assert remark["of"].tolist() == ["arm:x"]
    assert "depends on which" in remark["remark"].item()


@pytest.mark.parametrize(("formula", "more"), [("y ~ sex * x", {"sceptical", "enthusiastic"}), ("y ~ arm * x", set())])
def test_a_formula_has_the_variants_that_the_documents_name(formula, more):
    always = {"weakly_informative", "bambi_default", "flat"}
    assert set(fit(formula, made_up(), seed=1).model.variant_names) == always | more
    text = (Path(__file__).parents[2] / "docs" / "own-data.md").read_text()
    said = text[text.index("`--prior NAME`") : text.index("## What is answered")]
    assert {*re.findall(r"`(\w+)`", said)} == {
        "weakly_informative",
        "bambi_default",
        "flat",
        "sceptical",
        "enthusiastic",
    }


def test_a_reference_or_prior_may_be_written_as_on_the_command_line():
    table = made_up()
    mapped = fit("y ~ arm + x", table, reference={"arm": "mid"}, set_prior={"x": "Normal(0, .1)"}, seed=1)
    written = fit("y ~ arm + x", table, reference="arm=mid", set_prior="x=Normal(0, .1)", seed=1)
    pd.testing.assert_frame_equal(written.estimates, mapped.estimates)


@pytest.mark.parametrize(
    ("choice", "form"),
    [
        ({"reference": "arm"}, "{'group': 'control'}"),
        ({"reference": ["arm=mid"]}, "{'group': 'control'}"),
        ({"set_prior": "Normal"}, "{'group:x': 'Normal(0, .25)'}"),
        ({"at": "x=10,20"}, "{'x': [10, 20]}"),
        ({"at": {"x": ["ten"]}}, "{'x': [10, 20]}"),
        ({"at": {"x": [math.nan]}}, "{'x': [10, 20]}"),
        ({"at": {"x": [math.inf]}}, "{'x': [10, 20]}"),
        ({"at": {"x": True}}, "{'x': [10, 20]}"),
        ({"store": 5}, "found 5; a folder is expected"),
        ({"columns": "x"}, "{'measure': 'header'}"),
    ],
)
def test_a_choice_of_another_form_is_told_the_form(choice, form):
    (name,) = choice
    with pytest.raises(InputError, match=f"^{name}: .*{re.escape(form)}$"):
        fit("y ~ arm + x", made_up(), **choice)


def test_choices_may_come_as_python_has_them():
    table = made_up(60).assign(code=[0, 1] * 30)
    found = fit("y ~ code * x + w", table, reference={"code": 1}, at={"x": 5}, steps=["w", "x"], seed=1)
    typed = {"reference": {"code": "1"}, "at": {"x": [5.0]}, "steps": "w; x"}
    pd.testing.assert_frame_equal(found.estimates, fit("y ~ code * x + w", table, **typed, seed=1).estimates)


NO_ARGUMENTS = {"whole": 3, "number": 1.5, "truth": True, "object": object(), "list": [1], "mapping": {"a": object()}}
NO_ARGUMENTS |= {"bytes": b"x", "nan": math.nan, "pair": ("g",), "text": "none", "array": np.array([1, 2])}
NO_ARGUMENTS |= {"table": made_up(9)}


@pytest.mark.parametrize("value", NO_ARGUMENTS.values(), ids=NO_ARGUMENTS)
def test_what_cannot_be_an_argument_is_one_message(value, tmp_path, monkeypatch):
    """Of a fit and of what it can do: whatever is given for an argument works or is refused."""
    monkeypatch.chdir(tmp_path)
    table = made_up(30)
    made = fit("y ~ arm * x", table)
    calls = [(fit, {"model": "y ~ x", "data": table}), (made.johnson_neyman, {"moderator": "x"}), (made.save, {})]
    calls += [(getattr(made.plot, name), {}) for name in ("slopes", "effects", "prior_posterior", "johnson_neyman")]
    refused = 0
    for call, usual in [*calls, (Sampling, {}), (Reporting, {})]:
        for name in signature(call).parameters:
            try:
                call(**{**usual, name: value})
            except InputError:
                refused += 1
    assert refused > 10
    plt.close("all")


@pytest.mark.parametrize("choice", ["rows", "scaling", "study", "model", "sampling", "estimand", "tell", "columns"])
def test_what_is_expected_is_named(choice):
    with pytest.raises(InputError, match=f"{choice}: found 3; .*( is expected|'header')"):
        fit(**{"model": "y ~ x", "data": made_up(30), choice: 3})
    with pytest.raises(InputError, match="chains: found 'two'; a whole number is expected"):
        Sampling(chains="two")


def test_arguments_are_called_as_on_the_command_line_and_by_their_older_names():
    table, half = made_up(30), {"x": "Normal(0, .1)"}
    now = fit("y ~ arm + x", table, prior="flat", set_prior=half)
    older = fit("y ~ arm + x", table, variant="flat", priors=half)
    assert now.variant == older.variant == "flat"
    assert now.model == older.model
    with pytest.raises(TypeError, match=r"fit\(\) has no argument 'refrence'; did you mean 'reference'\?"):
        fit("y ~ x", table, refrence={"arm": "low"})
    with pytest.raises(TypeError, match="'variant' and 'prior', which are one argument"):
        fit("y ~ x", table, variant="flat", prior="flat")
    with pytest.raises(InputError, match="prior: found {'x': 'Normal.*set_prior takes priors by term"):
        fit("y ~ x", table, prior=half)


def test_a_fit_of_python_is_saved_as_the_folder_of_a_run(tmp_path):
    made = fit("y ~ arm * x", made_up(30))
    folder = made.save(tmp_path / "saved")
    assert hikibayes.confounding(folder).table.equals(hikibayes.confounding(made).table)
    with pytest.raises(InputError, match="an older version or Python wrote it"):
        hikibayes.replay(folder)


def test_a_level_called_none_leaves_a_column_of_words_one_of_groups():
    """More than half of the rows are ``none``; among numbers the same word is an empty cell, which is said."""
    rows = np.arange(60)
    words = np.where((rows % 2 == 1) | (rows == 0), "none", np.where(rows % 4, "low", "high"))
    table = pd.DataFrame({"y": rows % 7 + 0.1 * rows, "dose": words})
    made = fit("y ~ dose", table, **FLAT)
    assert len(made.participants.frame) == 60
    assert "difference_dose_none_minus_high" in means(made)
    amounts = table.assign(dose=np.where(rows % 3, (rows % 5).astype(str), "none"))
    among = fit("y ~ dose", amounts, **FLAT).remarks
    row = among[among["kind"] == "empty_word"].iloc[0]
    assert row["remark"] == "'none' reads as an empty cell among numbers; is it a level? then C(dose)"
    assert row["count"] == 20


def test_priors_that_overrule_the_rows_are_said():
    """A slope of twice the prior's reach in few rows of little noise; under a flat prior nothing is overruled."""
    rng = np.random.default_rng(3)
    group = np.repeat(["a", "b", "c"], [4, 30, 56])
    x = rng.normal(size=90)
    slope = np.select([group == "a", group == "b"], [5.0, -0.6], 1.0)
    table = pd.DataFrame({"y": slope * x + rng.normal(0, 0.7, 90), "group": group, "x": x})
    made = fit("y ~ group * x", table, engine="exact", seed=1)
    said = made.remarks[made.remarks["kind"] == "priors_overrule"].iloc[0]
    row = made.summary().set_index("estimand").loc[said["of"]]
    assert said["of"] == made.study.focal_estimand.name
    assert not row["lower"] <= row["ols"] <= row["upper"]
    assert f"{apa.number(row['mean'])} [" in said["remark"]
    assert f"{apa.number(row['ols'])} by least squares" in said["remark"]
    assert "--prior flat" in said["remark"]
    every = made.summary().dropna(subset="raw")
    assert said["count"] == ((every["ols"] < every["lower"]) | (every["ols"] > every["upper"])).sum()
    assert "priors_overrule" not in set(fit("y ~ group * x", table, **FLAT).remarks["kind"])


def test_a_fit_of_few_rows_does_not_end_with_sound_alone(tmp_path):
    """Where the priors decide, the last line says so; where they do not, it is as it was."""
    table = made_up(8).assign(v=np.arange(8) ** 2.0, u=np.arange(8) % 3, t=np.arange(8) % 5)
    table.to_csv(tmp_path / "few.csv", index=False)
    made_up(90).to_csv(tmp_path / "many.csv", index=False)
    few = CliRunner().invoke(
        main, ["fit", "y ~ x * w * v + u * t", str(tmp_path / "few.csv"), "-o", str(tmp_path / "a")]
    )
    many = CliRunner().invoke(main, ["fit", "y ~ x", str(tmp_path / "many.csv"), "-o", str(tmp_path / "b")])
    assert "sound; see the remarks: the priors decide; " in few.output, few.output
    assert "sound; see the remarks" not in many.output


def test_an_unknown_prior_is_refused_before_anything_is_fitted():
    said = []
    with pytest.raises(InputError, match="prior variant"):
        fit("y ~ x", TABLE, seed=1, prior="vague", tell=said.append)
    assert "fitting" not in said
