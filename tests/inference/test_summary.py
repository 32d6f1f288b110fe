"""A fit as a person reads it: words, both scales, least squares, orders of levels, figures, report."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from tests.inference.test_own_data import made_up

from hikibayes.folders import write_run
from hikibayes.inference.fit import Fit, fit
from hikibayes.inference.saved_fit import fit_files
from hikibayes.provenance import Stopwatch
from hikibayes.reporting.html import report, with_report

mpl.use("Agg")


@pytest.fixture(scope="module")
def made() -> Fit:
    return fit("y ~ arm * x + w + sex", made_up(), engine="exact", seed=1)


@pytest.fixture(scope="module")
def flat() -> Fit:
    return fit("y ~ arm * x + w + sex", made_up(), engine="exact", prior="flat", seed=1)


def test_least_squares_stands_beside_and_is_the_posterior_under_a_flat_prior(made, flat):
    linear = flat.summary().dropna(subset="p_positive")
    np.testing.assert_allclose(linear["ols"], linear["mean"], atol=1e-9)
    np.testing.assert_allclose(made.summary()["ols"], flat.summary()["ols"])


def test_raw_is_the_standardised_value_in_the_columns_units(made):
    table, row = made_up(), made.summary().set_index("estimand").loc["slope_w"]
    assert row["raw"] == pytest.approx(row["mean"] * table["y"].std() / table["w"].std())
    assert row["raw_unit"] == "y_per_w"


def test_contrasts_are_the_pairs(made):
    names = set(made.contrasts()["estimand"])
    assert {"slope_difference_x_mid_minus_low", "difference_sex_1_minus_0"} <= names
    assert not {name for name in names if name.startswith("slope_x")}


def test_orders_are_equally_likely_before_and_add_up(made, flat):
    table = made.orderings()
    assert set(table["of"]) == {"adjusted mean", "x"}
    for _, own in table.groupby("of"):
        assert len(own) == 6
        np.testing.assert_allclose(own["prior"], 1 / 6, atol=0.01)
        assert own["posterior"].sum() == pytest.approx(1)
    assert flat.orderings()["prior"].isna().all(), "a flat prior has no probabilities"
    slopes = table[table["of"] == "x"].set_index("order")["posterior"]
    assert slopes.idxmax() == "low < mid < high", "as they were made up"


def test_conditional_means_are_least_squares_lines_under_a_flat_prior(flat):
    import statsmodels.formula.api as smf

    from hikibayes.inference.answers.summary import conditional_means

    table = made_up()
    lines = conditional_means(flat)
    own = lines[lines["cell"] == "mid"]
    at = pd.DataFrame({"arm": "mid", "x": own["value"], "w": table["w"].mean(), "sex": table["sex"].mean()})
    expected = smf.ols("y ~ arm * x + w + sex", table).fit().predict(at)
    np.testing.assert_allclose(own["mean"], expected, atol=0.03)


def test_every_figure_returns_axes_with_something_in_them(made):
    from matplotlib import pyplot as plt

    two = fit("y ~ sex * x", made_up(), engine="exact", seed=1)
    numbers = fit("y ~ x * w", made_up(), engine="exact", seed=1)
    nothing = fit("y ~ arm", made_up(), engine="exact", seed=1)
    drawn = [
        getattr(each.plot, name)() for each in (made, two, numbers, nothing) for name in ("slopes", "effects", "checks")
    ]
    drawn += [made.plot.prior_posterior(), two.plot.johnson_neyman()]
    assert all(ax.lines for ax in drawn)
    plt.close("all")


def test_a_figure_says_what_it_leaves_out():
    from matplotlib import pyplot as plt

    table = made_up()
    ax = fit("y ~ arm * x + arm * w", table, engine="exact", seed=1).plot.slopes()
    assert "14 of " in ax.get_xlabel()
    table["x"] = table["x"].clip(3, 7)
    far = table.assign(x=table["x"].where(table.index != 3, 15.0))
    whole, cut = (fit("y ~ sex * x", each, engine="exact", seed=1).plot.johnson_neyman() for each in (table, far))
    assert "from its mean" not in whole.get_xlabel()
    assert "(up to 2.5 SD from its mean)" in cut.get_xlabel()
    plt.close("all")


def test_a_fit_shows_itself_in_a_notebook(made):
    html = made._repr_html_()
    assert "Difference of the slopes of x (mid − low)" in html
    assert len(repr(made).splitlines()) < 25


def test_the_folder_has_figures_and_a_report_that_says_what_was_done(made, tmp_path):
    record = Stopwatch().record("fit", {"prior": made.variant, "engine": None}, seed=1, inputs={})
    contents = with_report(fit_files(made), record)
    write_run(tmp_path / "fit", contents, record)
    assert {name for name in contents if name.endswith(".svg")} == {
        f"figures/fit_{name}.svg" for name in ("effects", "slopes", "prior_posterior", "johnson_neyman", "checks")
    }
    html = report(tmp_path / "fit")
    assert str(html) == contents["report.html"]
    said = "groups high, low, and mid; high is the reference", "Gaussian errors", "priors half as wide"
    for sentence in (*said, "The posterior was computed without sampling"):
        assert sentence in html
