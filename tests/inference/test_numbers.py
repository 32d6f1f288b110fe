"""Columns of numbers as people write them: read as what they are, or refused, or asked about; never wrong."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikibayes.inference.data.numbers import GAPS, decimal_sign, numbers_written
from hikibayes.inference.data.tables import participants
from hikibayes.inference.fit import fit
from hikibayes.inference.own.data import own_data
from hikibayes.spec import InputError

STYLES = st.fixed_dictionaries(
    {
        "marks": st.sampled_from(
            [*((a, b) for a in ("", ",", " ", "'", "’", "\u202f", "\xa0") for b in ".,"), (".", ",")]
        ).filter(lambda pair: pair[0] != pair[1]),
        "beside": st.sampled_from(["{}", "{}%", "{} %", "€{}", "{} €", "$ {}", "{} mm", "{} kg/m²", "{}EUR", "CHF {}"]),
        "minus": st.sampled_from(["-", "\N{MINUS SIGN}", "()", "- "]),
        "plus": st.sampled_from(["", "+"]),
        "decimals": st.integers(0, 4),
        "shortest": st.booleans(),
    }
)
"""How somebody writes all numbers of a column."""


def written(number, style):
    """Write a number in a style."""
    thousands, mark = style["marks"]
    text = f"{abs(number):,.{style['decimals']}f}"
    if style["shortest"] and "." in text:
        text = text.rstrip("0").rstrip(".")
    text = style["beside"].format(text.replace(",", "T").replace(".", mark).replace("T", thousands))
    if number < 0:
        return f"({text})" if style["minus"] == "()" else style["minus"] + text
    return style["plus"] + text


@st.composite
def columns(draw):
    style = draw(STYLES)
    size = 10.0 ** draw(st.integers(-2, 7))
    seed = draw(st.integers(0, 10_000))
    numbers = np.round(
        np.random.default_rng(seed).normal(draw(st.sampled_from([0, 3])), 1, 12) * size, style["decimals"]
    )
    return style, np.abs(numbers) if draw(st.booleans()) else numbers


@given(columns())
@settings(max_examples=300, deadline=None)
def test_whatever_the_style_numbers_are_read_as_they_are_or_refused(column):
    style, numbers = column
    texts = {written(number, style): number for number in numbers.tolist()}
    for elsewhere in ("", style["marks"][1]):
        read = numbers_written(texts, lambda there=elsewhere: there)
        if not read.problem and not all(text.startswith("(") for text in texts):
            # thousands alone, separated by points, may be decimals; how they were read is said then
            thousandth = {text: number / 1000 for text, number in texts.items()}
            assert read.of == pytest.approx(texts) or (read.said and read.of == pytest.approx(thousandth)), style
        # only a comma, or a point beside whole numbers, leaves anything open
        open_ = [mark for mark in ",." if any(mark in text for text in texts)]
        assert not read.problem or open_, (style, texts)


@given(columns(), st.sampled_from(["y ~ x", "x ~ w", "y ~ x * arm"]), st.sampled_from(sorted({"", "NA", ".", *GAPS})))
@settings(max_examples=60, deadline=None)
def test_a_table_in_any_style_has_numbers_or_is_refused(column, formula, gap):
    style, numbers = column
    rng = np.random.default_rng(1)
    texts = [written(number, style) for number in numbers.tolist()]
    table = pd.DataFrame(
        {"y": rng.normal(size=13), "w": rng.normal(size=13), "arm": [*"ab" * 6, "a"], "x": [*texts, gap]}
    )
    if len(set(numbers)) < 2 or all(text.startswith("(") for text in texts):
        return
    try:
        own = own_data(formula, table)
    except InputError as error:
        if "column 'x'" in str(error):
            return
        raise
    rows = participants(own.table, own.study, own.model.variables, mapping=own.mapping)
    assert own.study.measure("x").kind == "number"
    assert list(rows.left_out) == [13]
    # three digits behind the only sign of every cell may be decimals or not; how they were read is said then
    factor = np.abs(rows.frame["x"]).max() / np.abs(numbers).max()
    assert factor in (pytest.approx(1), pytest.approx(1000), pytest.approx(0.001))
    assert factor == pytest.approx(1) or "read_as_numbers" in {remark.kind for remark in own.remarks}
    np.testing.assert_allclose(rows.frame["x"], numbers * factor)
    more = {"beside": style["beside"] != "{}", "apart": any(t in text for text in texts for t in style["marks"][0])}
    assert ("read_as_numbers" in {remark.kind for remark in own.remarks}) >= any(more.values())


@pytest.mark.parametrize(
    ("texts", "elsewhere", "said"),
    [
        ("1,234 2,345", "", "found '1,234'; if ',' separates thousands"),
        ("1,234 2,345", ".", [1234, 2345]),
        ("1,234 2,345", ",", [1.234, 2.345]),
        ("1.234 2.345", "", [1.234, 2.345]),
        ("1.234 2.345", ",", [1234, 2345]),
        ("1.234 987", "", "found '1.234' beside '987'; if '.' separates"),
        ("1.234 987", ".", "found '1.234' beside '987'; if '.' separates"),
        ("1.234 987", ",", [1234, 987]),
        ("1.234 0", "", [1.234, 0]),
        ("1.234 0.5 987", "", [1.234, 0.5, 987]),
        ("1,234 987.5", "", "found '1,234' beside '987.5'"),
        ("1,234 987.5", ".", [1234, 987.5]),
        ("1,234.5 987 1,250", "", [1234.5, 987, 1250]),
        ("1.234.567 1,5", "", [1234567, 1.5]),
        ("1,234,567 1,5", "", "found '1,234,567' beside '1,5'"),
        ("1,5 2.5", ".", "found '1,5' beside '2.5'; write one decimal sign"),
        ("5% 6", "", "found '5%' beside '6'; write the numbers alone"),
        ("5% 6% 7", "", "found '7' beside '5%'"),
        ("12 13 14a", "", "found '14a' beside '12'"),
        ("$5 €6", "", "found .* beside"),
        ("12mm 1.3cm", "", None),
        ("1a 1b 2a", "", None),
        ("6m 12m later", "", None),
        ("<6m >6m", "", None),
        ("T1 T2", "", None),
        ("(1) (2)", "", None),
        ("1.2.3 1.2.4", "", None),
        ("1st 2nd", "", None),
        ("1e3 2E-1", "", [1000, 0.2]),
        ("12_3 13", "", [None, 13]),
    ],
)
def test_what_a_column_leaves_open_is_asked_of_the_table_or_refused(texts, elsewhere, said):
    read = numbers_written(texts.split(), lambda: elsewhere)
    if isinstance(said, str):
        assert read.problem.startswith(said.split(" .*")[0])
        return
    assert not read.problem
    np.testing.assert_array_equal([*read.of.values()], np.array(said or [None] * len(texts.split()), dtype=float))


@pytest.mark.parametrize("elsewhere", ["", "."])
def test_three_decimals_in_every_cell_are_said(elsewhere):
    assert numbers_written(["1.234", "2.345"], lambda: elsewhere).said == "'1.234' as 1.234"
    assert not numbers_written(["1.234", "2.345"], lambda: elsewhere, below_thousand=True).said
    assert not numbers_written(["1.234", "0.345"], lambda: elsewhere).said


def test_what_can_be_no_thousand_has_only_decimal_signs():
    read = numbers_written(["1,234", "12"], str, below_thousand=True)
    assert read.of == {"1,234": 1.234, "12": 12}
    assert numbers_written(["1,234", "1.2"], str, below_thousand=True).problem


def test_the_sign_of_the_other_columns_counts_where_they_agree():
    table = pd.DataFrame({"a": ["1,5", "2"], "b": ["x", "y"], "c": [1, 2], "d": ["1,234", "2,345"]})
    assert decimal_sign(table) == ","
    assert decimal_sign(table.assign(c=[1.5, 2])) == ""
    assert decimal_sign(table.drop(columns="a")) == ""


def test_texts_that_are_many_or_look_like_numbers_are_asked_about_and_so_is_an_id():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"y": rng.normal(size=60), "id": range(60), "few": ["6m", "12m", "later"] * 20})
    table["place"] = [f"town {i % 12}" for i in range(60)]
    table["size"] = [["1.5 mm", "2.5 mm", "1 cm"][i % 3] for i in range(60)]
    table["rare"] = [f"r{i}" for i in range(20)] * 3
    found = {name: [r.kind for r in own_data(f"y ~ {name}", table).remarks] for name in table.columns[1:]}
    assert found == {
        "id": ["id"],
        "few": [],
        "place": ["many_levels"],
        "size": ["many_levels"],
        "rare": ["many_levels"],
    }
    assert "look like numbers" in own_data("y ~ size", table).remarks[0].text


def test_numbers_with_units_can_be_asked_for_as_groups_and_stand_by_size():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"y": rng.normal(size=60), "dose": ["20 mg", "5 mg", "100 mg"] * 20})
    as_numbers = fit("y ~ dose", table)
    assert "dose: read as numbers: '20 mg' as 20" in [f"{r.of}: {r.remark}" for r in as_numbers.remarks.itertuples()]
    groups = own_data("y ~ C(dose)", table)
    assert [level.id for level in groups.study.measure("dose").levels] == ["5 mg", "20 mg", "100 mg"]
    assert own_data("y ~ dose", table, reference={"dose": "20 mg"}).why["dose"] == "as asked for"


@pytest.mark.parametrize("formula", ["y ~ age + age", "y ~ sex + age + sex", "y ~ age + (sex + age)"])
def test_a_term_that_stands_twice_is_refused(formula):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"y": rng.normal(size=60), "age": rng.normal(40, 9, 60), "sex": ["m", "w"] * 30})
    with pytest.raises(InputError, match="stands in it twice"):
        own_data(formula, table)
    assert own_data("y ~ sex * age + age", table).model.formula


def test_a_sigma_of_its_own_is_of_groups():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"y": rng.normal(size=60), "age": rng.normal(40, 9, 60), "arm": [1, 2, 3] * 20})
    with pytest.raises(InputError, match="--sigma-by: column 'age' holds 60 different numbers; .* needs groups"):
        own_data("y ~ age", table, sigma_by="age")
    assert len(own_data("y ~ age", table, sigma_by="arm").study.measure("arm").levels) == 3
