"""Formulas: read to their end or refused before anything of them is evaluated."""

import os
import string
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from hikibayes.inference.models.formulas import FUNCTIONS, evaluated, read_formula
from hikibayes.inference.models.specs import ModelSpec
from hikibayes.spec import InputError

RNG = np.random.default_rng(3)
ARMS = pd.CategoricalDtype(["usual", "extra"], ordered=True)
DOSES = pd.CategoricalDtype(["none", "low", "high"], ordered=True)
FRAME = pd.DataFrame(
    {
        "y": RNG.normal(size=30),
        "x": RNG.uniform(0.5, 3, size=30),
        "age": RNG.uniform(20, 60, size=30),
        "arm": pd.Categorical(["usual", "extra"] * 15, dtype=ARMS),
        "dose": pd.Categorical(["none", "low", "high"] * 10, dtype=DOSES),
    }
)


def rows(formula, frame=FRAME):
    return np.asarray(evaluated(read_formula(formula), frame).common.design_matrix, dtype=float)[:, 1:]


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("y ~ I(x**2)", FRAME.x**2),
        ("y ~ {x**2 / 3 - 1}", FRAME.x**2 / 3 - 1),
        ("y ~ np.log(x + 1)", np.log(FRAME.x + 1)),
        ("y ~ log2(x)", np.log2(FRAME.x)),
        ("y ~ I(2**x + -x)", 2**FRAME.x - FRAME.x),
        ("y ~ scale(x)", (FRAME.x - FRAME.x.mean()) / FRAME.x.std(ddof=0)),
        ("y ~ poly(x, 2, raw=True)", np.column_stack([FRAME.x, FRAME.x**2])),
        ("y ~ I(x > 1)", FRAME.x > 1),
        ("y ~ I(arm == 'extra')", FRAME.arm == "extra"),
        ("y ~ C(dose)", np.column_stack([FRAME.dose == "low", FRAME.dose == "high"])),
        ("y ~ T(dose, 'high')", np.column_stack([FRAME.dose == "none", FRAME.dose == "low"])),
        ("y ~ C(arm, Sum)", np.where(FRAME.arm == "usual", 1, -1)),
    ],
)
def test_literals_and_functions_have_their_values(formula, wanted):
    np.testing.assert_allclose(rows(formula).squeeze(), np.asarray(wanted, dtype=float), atol=1e-12)


REFUSED = {
    "y ~ pd.io.common.os.abort() + x": "no function 'pd.io.common.os.abort'; there are: C, I, S, T, abs, ",
    "y ~ nosuch(x)": "there is no function 'nosuch'; there are: ",
    "y ~ exp(x, x)": "exp takes a measure and numbers after it; found 'x'",
    "y ~ np.log(x, out=x)": "np.log takes a measure and numbers after it; found 'x'",
    "y ~ I()": "I() has nothing to work on",
    "y ~ I(3)": "I(...) has no measure in it",
    "y ~ I(x.values)": "'x.values' is no measure's id",
    "y ~ I(x)(x)": "there is no function ",
    "y ~ I(9**9**9)": "a power is of a measure, with an exponent up to 10",
    "y ~ I(x**1000)": "a power is of a measure, with an exponent up to 10",
    "y ~ I(x + 'a' * 9)": "'a' is neither a measure nor a number",
    "y ~ poly(x, 99999)": "poly is handed 99999; at most 20 is accepted",
    "y ~ C(arm, 'a' * 9)": "C takes Sum, Treatment or a level in quotation marks",
    "y ~ log(C(arm))": "C codes a category; nothing can be computed with it",
    "y ~ x**2": "for a power write I(x**2)",
    "y ~ (x + age)**99": "from 1 to 10",
    "y ~ x + 3": "3 is no term",
    "y ~ 'x'": "'x' is no term",
    "y ~ x age": "'age' is not expected where it stands",
    "y ~ x) + age": "')' at character 6 closes nothing",
    "y ~ (x": "'(' is never closed",
    "y ~ C(arm, 'a)": "is never closed",
    "y ~ x +": "cannot be read",
    "y ~ ": "nothing stands right of '~'",
    " ~ x": "nothing stands left of '~'",
    "y ~ `x`": "measures are written by their ids",
    "y ~ arm['extra']": "arm[...] picks a level; write the category alone",
    "y ~ x == 1": "'==' is not expected where it stands",
    "y ~ x ~ age": "more than one '~'",
    f"y ~ {'(' * 21}x{')' * 21}": "21 deep; at most 20 are accepted",
    f"y ~ {' + '.join(f'x{i}' for i in range(300))}": "299 operators; at most 250 are accepted",
    f"y ~ {'*'.join(f'x{i}' for i in range(12))}": "terms once its products are written out; at most 500 are accepted",
    f"y ~ x{'x' * 6000}": "6005 characters; at most 5000 are accepted",
}


@pytest.mark.parametrize("formula", REFUSED)
def test_what_is_refused_has_one_message(formula):
    with pytest.raises(ValueError) as caught:
        read_formula(formula)
    assert REFUSED[formula] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "formula", ["y ~ log(arm)", "y ~ poly(arm, 2)", "y ~ bs(x)", "y ~ C(x)", "y ~ poly(x, degree=None)", "y ~ I(x, 2)"]
)
def test_what_a_function_cannot_take_is_said(formula, capsys):
    with pytest.raises(InputError, match=r"cannot be evaluated on these data|codes a category"):
        rows(formula)
    assert not capsys.readouterr().out


def test_evaluation_writes_into_nothing_and_knows_nothing_else():
    before = FRAME.copy()
    rows("y ~ I(x**2) + arm * np.log(age)")
    pd.testing.assert_frame_equal(before, FRAME)
    with pytest.raises(InputError, match="no column 'description'"):
        rows("y ~ I(description)")  # a local variable of the function that evaluates


PIECES = (
    *"xy",
    "age",
    "arm",
    "~",
    *"+-*/:()|,{}[]'=<>",
    "**",
    "0",
    "1",
    "2",
    "9.5",
    "I(",
    "poly(",
    "C(",
    "np.log(",
    "os",
)


@settings(max_examples=300, deadline=None)
@given(
    some.one_of(
        some.lists(some.sampled_from(PIECES), max_size=12).map(" ".join), some.text(string.printable, max_size=20)
    )
)
@example("exec('import os') ~ x")
def test_any_text_is_a_formula_or_a_refusal(text):
    formula = f"y ~ {text}"
    try:
        read_formula(formula)
    except ValueError as error:
        assert str(error).startswith("formula ")  # noqa: PT017
        return
    with suppress(InputError):
        evaluated(read_formula(formula), FRAME)


@given(some.text(string.ascii_lowercase + "._", min_size=1, max_size=12), some.sampled_from(["", "x", "'x'", "x, 2"]))
def test_only_listed_functions_are_called(name, argument):
    if name not in FUNCTIONS:
        with pytest.raises(ValueError, match="formula "):
            read_formula(f"y ~ {name}({argument})")


def test_no_call_of_a_module_is_ever_made(monkeypatch):
    called = []
    monkeypatch.setattr(os, "getcwd", lambda: called.append(1))
    for path in ("os.getcwd()", "pd.io.common.os.getcwd()", "I(os.getcwd())", "np.log(os.getcwd())", "C(os.getcwd())"):
        with pytest.raises(ValueError, match="formula "):
            read_formula(f"y ~ x + {path}")
    assert not called


# -- in a model -----------------------------------------------------------------------------------------------------


def prior(sigma=1.0):
    return {"dist": "Normal", "mu": 0, "sigma": sigma, "reason": "made up"}


def model(formula, *terms, **changes):
    own = {"Intercept": prior(), "sigma": {"dist": "HalfNormal", "sigma": 1, "reason": "made up"}}
    priors = own | {term: prior() for term in terms}
    return ModelSpec.model_validate({"description": "mine", "formula": formula, "priors": priors} | changes)


def test_a_term_may_be_spelt_in_any_order_and_spacing():
    variant = {"description": "mine", "priors": {"x : arm": prior(0.1)}}
    made = model("y ~ arm * x + I(x**2)", "arm", "x", "x:arm", "I(x**2)", variants={"narrow": variant})
    assert set(made.priors) == set(made.parameters)
    assert made.prior_set("narrow").priors["arm:x"].sigma == 0.1
    pool = {"terms": ["x:arm", "age:arm"], "sd": made.priors["sigma"]}
    pooled = model("y ~ arm * x + arm * age", "arm", "x", "age", pools={"p": pool})
    assert pooled.pools["p"].terms == ("arm:x", "arm:age")


@pytest.mark.parametrize(
    ("formula", "terms", "why"),
    [
        ("y ~ arm * x", ("arm", "x", "arm:x", "x:arm"), "'arm:x' is given twice|'x:arm' is given twice"),
        ("y ~ arm:x + x:arm", ("arm:x",), "arm:x and x:arm are one term; write it once"),
        ("y ~ x + y", ("x", "y"), "the outcome 'y' is among its own predictors"),
        ("y ~ x + I(y**2)", ("x",), "the outcome 'y' is among its own predictors"),
        ("y ~ 1", (), "has no term besides the intercept"),
        ("y ~ 0 + x", ("x",), "takes the intercept away"),
        ("y ~ x - 1", ("x",), "takes the intercept away"),
        ("log(y) ~ x", ("x",), "the outcome left of '~' must be a measure's id"),
        ("x", ("x",), "the outcome left of '~' must be a measure's id"),
        ("y ~ x + (1|arm:dose)", ("x",), "'1|arm:dose' varies by no single category"),
    ],
)
def test_models_with_such_formulas_are_refused(formula, terms, why):
    with pytest.raises(ValueError, match=why):
        model(formula, *terms)


AGE_ALONE = """
description = "age alone"
formula = "leap ~ age"
family = "gaussian"
scaling = "sample"
[priors]
Intercept = {dist = "Normal", mu = 0, sigma = 1, reason = "z"}
age = {dist = "Normal", mu = 0, sigma = 0.5, reason = "z"}
sigma = {dist = "HalfStudentT", nu = 4, sigma = 1, reason = "z"}
"""


def test_a_model_that_answers_nothing_is_a_fit_with_an_empty_summary(tmp_path):
    """Everything asked needs a column that the formula lacks: said with its reason, in a table without rows."""
    from click.testing import CliRunner

    from hikibayes.cli import main

    inputs = Path(__file__).parents[1] / "campaign" / "inputs"
    (tmp_path / "model.toml").write_text(AGE_ALONE)
    rest = ["--study", inputs / "study.toml", "--mapping", inputs / "mapping.toml", "--engine", "exact"]
    words = ["fit", tmp_path / "model.toml", inputs / "frogs.csv", *rest, "-o", tmp_path / "run"]
    ran = CliRunner().invoke(main, list(map(str, words)))
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert "not estimated: difference" in ran.stderr
    assert "no effect was estimated" in ran.output
    assert "p_positive" not in ran.output, "a table without rows"
    assert (tmp_path / "run" / "report.html").exists()
    assert not (tmp_path / "run" / "summary.csv").exists()
