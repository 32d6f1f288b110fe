"""The algebra of an omitted variable, against sensemakr's published example and against regressions that know it."""

import numpy as np
import pytest
from scipy import stats

from hikibayes.robustness.confounding.omitted import (
    Strength,
    adjusted_estimate,
    adjusted_se,
    as_strong_as,
    bias,
    e_value,
    partial_r2,
    risk_ratio,
    robustness_value,
)
from hikibayes.spec import InputError

# Cinelli & Hazlett (2020), section 5: exposure to violence in Darfur; digits as the authors' R package sensemakr 0.1.4
# checks them in its own tests (tests/testthat/test-main.R).
ESTIMATE, SE, DF = 0.09731582, 0.02325654, 783
FEMALE = Strength(0.00916428667504862, 0.12464092303637)
BY_K = {
    1: (0.00916428667504862, 0.12464092303637, 0.0752202712144491, 0.0218733277437572),
    2: (0.0183285733500972, 0.249324064199975, 0.0529151723844518, 0.0203500620779637),
    3: (0.0274928600251459, 0.374050471038094, 0.0303960234641548, 0.0186700648170924),
}


def test_robustness_values_are_those_of_the_darfur_example():
    t = ESTIMATE / SE
    assert partial_r2(t, DF) == pytest.approx(0.02187309, abs=5e-8)
    assert robustness_value(t, DF) == pytest.approx(0.1387764, abs=5e-7)
    assert robustness_value(t, DF, alpha=0.05) == pytest.approx(0.07625797, abs=5e-8)


@pytest.mark.parametrize("k", BY_K)
def test_bounds_are_those_of_the_darfur_example(k):
    """What the covariate explains follows from its first bound; the second and third do from that."""
    r2_d = FEMALE.treatment / (1 + FEMALE.treatment)
    cross = FEMALE.treatment**2
    f2 = FEMALE.outcome * (1 - cross) / (1 + np.sqrt(cross)) ** 2
    treatment, outcome, estimate, se = BY_K[k]
    bound = as_strong_as(k, r2_d, f2 / (1 + f2))
    assert bound.treatment == pytest.approx(treatment, rel=1e-10)
    assert bound.outcome == pytest.approx(outcome, rel=1e-10)
    assert adjusted_estimate(ESTIMATE, SE, DF, bound) == pytest.approx(estimate, rel=1e-6)
    assert adjusted_se(SE, DF, bound) == pytest.approx(se, rel=1e-6)


def test_a_confounder_of_the_robustness_value_leaves_nothing():
    rv = robustness_value(ESTIMATE / SE, DF)
    assert adjusted_estimate(ESTIMATE, SE, DF, Strength(rv, rv)) == pytest.approx(0, abs=1e-15)
    limit = robustness_value(-ESTIMATE / SE, DF, alpha=0.05)
    left = adjusted_estimate(-ESTIMATE, SE, DF, Strength(limit, limit)) / adjusted_se(SE, DF, Strength(limit, limit))
    assert left == pytest.approx(-stats.t.isf(0.025, DF - 1), abs=1e-9)


def test_the_robustness_value_at_alpha_where_t_is_enormous():
    """Beyond f·f* = 1 the limit is set by a confounder that explains all of the outcome's residual."""
    found = robustness_value(1e4, 10, alpha=0.05)
    f2, critical2 = 1e8 / 10, 2.2621571627**2 / 9
    assert found == pytest.approx((f2 - critical2) / (1 + f2), rel=1e-9)
    assert robustness_value(1.0, 100, alpha=0.05) == 0
    assert robustness_value(1e12, 10) == pytest.approx(1, abs=1e-9)


def test_the_bias_formula_reproduces_the_long_regression():
    """Plug in the true partial R² of a confounder that was left out: the long regression comes back to 1e-10."""
    rng = np.random.default_rng(5)
    n = 60
    x = rng.normal(size=(n, 3))
    z = x @ [0.3, -0.2, 0.1] + rng.normal(size=n)
    d = x @ [0.5, 0.1, 0] + 0.6 * z + rng.normal(size=n)
    y = 0.4 * d + x @ [1, 0, -1] + 0.8 * z + rng.normal(size=n)

    def fit(target, *columns):
        X = np.column_stack([np.ones(n), *columns])
        beta, rss = np.linalg.lstsq(X, target)[:2]
        df = n - X.shape[1]
        return beta, float(rss[0]), np.sqrt(rss[0] / df * np.linalg.inv(X.T @ X)[1, 1]), df

    short, rss, se, df = fit(y, d, x)
    long, rss_long, se_long, _ = fit(y, d, x, z)
    treatment = 1 - fit(d, x, z)[1] / fit(d, x)[1]
    strength = Strength(treatment, 1 - rss_long / rss)
    assert short[1] > long[1] > 0
    assert adjusted_estimate(short[1], se, df, strength) == pytest.approx(long[1], abs=1e-10)
    assert adjusted_se(se, df, strength) == pytest.approx(se_long, abs=1e-10)


def test_a_confounder_stronger_than_everything_there_is_has_no_bound():
    bound = as_strong_as([1, 3], 0.4, 0.2)
    assert np.isfinite(bound.treatment).tolist() == [True, False]
    assert np.isnan(bias(0.1, 50, bound)).tolist() == [False, True]
    assert as_strong_as(1, 0.45, 0.6).outcome == 1


def test_e_values():
    assert e_value(3.9) == pytest.approx(7.26, abs=0.005)  # VanderWeele & Ding (2017): breastfeeding
    assert e_value(risk_ratio(0)) == 1
    assert risk_ratio(0.5) == pytest.approx(np.exp(0.455))


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, float("nan")])
def test_an_alpha_outside_0_and_1_is_refused(alpha):
    with pytest.raises(InputError, match="it must lie between 0 and 1"):
        robustness_value(2.0, 100, alpha=alpha)
