"""A formula is the same model in z scores as in the columns' own units, or it is refused in z scores."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hikibayes.inference.fit import fit
from hikibayes.inference.models.exchangeable import exchangeable
from hikibayes.spec import InputError

FLAT = {"engine": "exact", "prior": "flat", "seed": 1}
TERMS = ("g", "s", "x", "w", "g:s", "g:x", "s:x", "x:w", "g:w", "I(x**2)", "g:I(x**2)")


def made_up(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    g, s = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]), rng.choice(["m", "v"], n)
    x, w = rng.normal(40, 9, n), rng.normal(3, 1, n)
    return pd.DataFrame(
        {"g": g, "s": s, "x": x, "w": w, "y": 0.1 * x * (g == "b") + w * (s == "v") + rng.normal(size=n)}
    )


TABLE = made_up()
Z = TABLE.assign(**{name: (TABLE[name] - TABLE[name].mean()) / TABLE[name].std() for name in ("x", "w")})


def accepted_in_z_scores(formula) -> bool:
    try:
        fit(formula, TABLE, **FLAT)
    except InputError as error:
        reason = str(error)
    else:
        return True
    assume("which has neither prior nor step" not in reason)
    assume("cannot be evaluated" not in reason)  # formulae takes no product before its parts
    assert "another model with z scores" in reason
    return False


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(TERMS), min_size=1, max_size=6, unique=True))
def test_every_fit_is_least_squares_of_the_formula_as_written(terms):
    formula = f"y ~ {' + '.join(terms)}"
    accepted = accepted_in_z_scores(formula)
    made = fit(formula, TABLE, scaling="sample" if accepted else "raw", **FLAT)
    ols, of_z = (smf.ols(formula, rows).fit() for rows in (TABLE, Z))
    assert accepted == np.allclose(ols.fittedvalues, of_z.fittedvalues, rtol=1e-6)
    own = made.estimates[made.estimates["engine"] == "ols"].set_index("estimand")["mean"]
    assert own["r2_step1"] == pytest.approx(ols.rsquared)
    means = made.estimates[made.estimates["engine"] == "exact"].set_index("estimand")["mean"]
    for each in made.answers.linear:
        if each.kind == "slope" and "I(x**2)" not in formula:
            assert means[each.name] == pytest.approx(slope(ols, each), abs=1e-6)


def slope(ols, of) -> float:
    """SD per SD between two predictions one unit apart."""
    there = {k: v if isinstance(v, str) else TABLE[k].mean() + v * TABLE[k].std() for k, v in of.at.items()}
    rows = TABLE.assign(**there)
    change = ols.predict(rows.assign(**{of.of: rows[of.of] + 1})) - ols.predict(rows)
    return float(change.mean() * TABLE[of.of].std() / TABLE["y"].std())


@pytest.mark.parametrize(
    ("formula", "of"),
    [
        ("y ~ g * x - g", "x"),
        ("y ~ w + x + s:x", "x"),
        ("y ~ s:x", "x"),
        ("y ~ x:w", "x, w"),
        ("y ~ s * I(x**2)", "x"),
        ("y ~ exp(x / 9)", "x"),
        ("y ~ x + abs(x)", "x"),
    ],
)
def test_another_model_in_z_scores_is_refused_with_what_to_do(formula, of):
    with pytest.raises(InputError, match=rf"z scores of {of} than .* scaling raw \(--scaling raw\) fits it as written"):
        fit(formula, TABLE, **FLAT)


@pytest.mark.parametrize(
    "formula",
    ["y ~ s * poly(x, 2)", "y ~ s * bs(x, df=4)", "y ~ s * scale(x)", "y ~ exp(scale(x))", "y ~ x + w + I(x * w)"],
)
def test_functions_that_unit_and_zero_do_not_matter_to_are_accepted(formula):
    assert fit(formula, TABLE, **FLAT).design.standardised


def test_a_model_that_asks_for_z_scores_is_told():
    own = fit("y ~ s * x", TABLE, **FLAT)
    priors = {name: prior for name, prior in own.model.priors.items() if name != "s"}
    asked = own.model.model_copy(update={"formula": "y ~ x + s:x", "priors": priors})
    asked = type(own.model).model_validate(asked.model_dump(exclude_unset=True))
    told = fit(asked, TABLE, study=own.study, **FLAT).remarks.set_index("kind")
    assert told.loc["z_scores", "of"] == "x"


@pytest.mark.parametrize("formula", ["y ~ g:s", "y ~ x + s:g"])
@pytest.mark.parametrize("prior", ["weakly_informative", "flat"])
def test_a_product_of_groups_without_a_main_effect_that_it_takes_in_says_what_to_write(formula, prior):
    with pytest.raises(InputError, match=r"take in (g|s), which has neither prior nor step; write (g|s) \+ "):
        fit(formula, TABLE, engine="exact", prior=prior)


@pytest.mark.parametrize("formula", ["y ~ g * poly(x, 2)", "y ~ poly(x, 2) * g"])
def test_levels_of_three_share_their_prior_in_each_column_of_a_function(formula):
    made = fit(formula, TABLE, engine="exact", seed=1)
    factor, found = exchangeable(made.design, made.model.prior_set("weakly_informative"))
    np.testing.assert_allclose(factor, 1)
    columns = [column for column in made.design.columns if ":" in column]
    places = [made.design.columns.index(column) for column in columns]
    alike = [[a.count("[0]") == b.count("[0]") for a in columns] for b in columns]
    np.testing.assert_allclose(found[np.ix_(places, places)], np.where(alike, 0.5, 0) + np.eye(4) / 2, atol=1e-12)
