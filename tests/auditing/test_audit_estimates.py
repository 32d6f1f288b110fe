"""Estimates with SE, t, p, limits and effect sizes: what statsmodels prints is never accused, a misprint is named."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.study.small_studies import number, small_study

from hikibayes.auditing.audit import checks
from hikibayes.auditing.suspects import LIKELIEST

ROLES = ("", "_se", "_t", "_p", "_ci_low", "_ci_high", "_sr2", "_partial_r", "_f2", "_d", "_f")


def accused(study):
    return [(each.check, each.facts[0], each.note) for each in checks(study) if each.verdict == "inconsistent"]


def table(seed, n, robust=False):
    """Return what statsmodels prints of the coefficients of a regression on three predictors, by role."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, rng.lognormal(0, 1, 3), (n, 3)) + 0.4 * rng.normal(size=(n, 1))
    y = x @ rng.normal(0, 0.3, 3) + rng.normal(0, 1 + robust * abs(x[:, 0]))
    fit = sm.OLS(y, sm.add_constant(x)).fit(**({"cov_type": "HC3", "use_t": True} if robust else {}))
    t, df, left = fit.tvalues[1:], fit.df_resid, 1 - fit.rsquared
    limits = fit.conf_int()[1:]
    columns = {"": fit.params[1:], "_se": fit.bse[1:], "_t": t, "_p": fit.pvalues[1:]}
    columns |= {"_ci_low": limits[:, 0], "_ci_high": limits[:, 1], "_sr2": t**2 * left / df, "_f": t**2}
    columns |= {"_partial_r": t / (t**2 + df) ** 0.5, "_f2": t**2 / df, "_d": 2 * t / df**0.5}
    return columns, fit.rsquared


def printed(value, decimals, role):
    if role == "_p" and value < 10.0**-decimals:
        return "<", f"{10.0**-decimals:.{decimals}f}"
    return "=", f"{value:.{decimals}f}"


def study_of(columns, r2, n, decimals, roles, changes=None, **more):
    facts = []
    for role in roles:
        for term, value in zip(("x", "z", "w"), columns[role], strict=True):
            relation, text = printed(value, decimals, role)
            text = (changes or {}).get((role, term), text)
            scale = {"standardised": False} if role in ("", "_se", "_ci_low", "_ci_high") else {}
            errors = more if role else {}
            place = {"step": "all", "term": term, "name": f"{term}{role}", **scale, **errors}
            facts.append(number(f"coefficient{role}", text, relation, **place))
    facts.append(number("r2", f"{r2:.{decimals}f}", step="all"))
    return small_study((n // 2, n - n // 2), *facts, terms=("x", "z", "w"), measures=("y", "x", "z", "w"))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(8, 400),
    decimals=st.integers(2, 4),
    roles=st.sets(st.sampled_from(ROLES), min_size=2),
)
def test_what_statsmodels_prints_is_never_accused(seed, n, decimals, roles):
    columns, r2 = table(seed, n)
    assert accused(study_of(columns, r2, n, decimals, sorted(roles))) == []


@pytest.mark.parametrize("seed", range(3))
def test_robust_errors_are_not_held_against_least_squares(seed):
    columns, r2 = table(seed, 60, robust=True)
    roles = ("", "_se", "_t", "_p", "_ci_low", "_ci_high")
    assert accused(study_of(columns, r2, 60, 3, roles, errors="robust")) == []


@pytest.mark.parametrize("role", ["", "_se", "_t", "_ci_low", "_ci_high"])
def test_a_misprint_is_named_first(role):
    roles = ("", "_se", "_t", "_p", "_ci_low", "_ci_high")
    named = 0
    for seed in range(4):
        columns, r2 = table(seed, 80)
        wrong = columns[role][1] + 0.03 * (1 + abs(columns[role][1]))
        study = study_of(columns, r2, 80, 3, roles, changes={(role, "z"): f"{wrong:.3f}"})
        rows = [each for each in checks(study) if each.check == "statistics of an estimate"]
        bad = [each for each in rows if each.verdict == "inconsistent"]
        assert [each.facts[0][0] for each in bad] == ["z"]
        suspected = [each.facts for each in checks(study) if each.check == LIKELIEST]
        named += bad[0].facts[0] == f"z{role}" and suspected[0][0] == f"z{role}"
    assert named == 4


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"": "0.123", "_se": "0.456"}, "estimate and SE interchanged"),
        ({"_se": "3.707", "_t": "0.123"}, "SE and t interchanged"),
        ({"": "-0.456"}, "the other sign of the estimate"),
        ({"_t": "3.770"}, "3.707 as the t"),
    ],
)
def test_the_mistake_is_named(changes, said):
    right = {"": "0.456", "_se": "0.123", "_t": "3.707", "_ci_low": "0.211", "_ci_high": "0.701"}
    facts = [
        number(f"coefficient{role}", value, step="all", term="x", name=f"x{role}")
        for role, value in {**right, **changes}.items()
    ]
    study = small_study((40, 40), *facts, terms=("x",), standardised=False)
    [row] = [each for each in checks(study) if each.check == "statistics of an estimate"]
    assert row.verdict == "inconsistent"
    assert said in row.note


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [("0.211", "0.701", ""), ("0.251", "0.661", "90 %"), ("0.215", "0.697", "by the normal distribution")],
)
def test_the_level_of_limits_is_found(low, high, said):
    facts = [
        number(f"coefficient{role}", value, step="all", term="x", standardised=False)
        for role, value in (("", "0.456"), ("_se", "0.123"), ("_ci_low", low), ("_ci_high", high))
    ]
    [row] = [
        each
        for each in checks(small_study((40, 40), *facts, terms=("x",)))
        if each.check == "statistics of an estimate"
    ]
    assert row.verdict == "consistent"
    assert said in row.note


def test_means_and_differences_have_their_limits():
    scipy_stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(2)
    a, b = rng.normal(5, 2, 30), rng.normal(4, 1, 45)
    test = scipy_stats.ttest_ind(a, b, equal_var=False)
    limits, gap = test.confidence_interval(), a.mean() - b.mean()
    place = {"of": "x", "between": ("first", "second")}

    def study(high):
        rows = (("", gap), ("_se", gap / test.statistic), ("_ci_low", limits.low), ("_ci_high", high))
        facts = [number(f"mean_difference{role}", f"{v:.3f}", name=f"gap{role}", **place) for role, v in rows]
        return small_study((30, 45), *facts)

    assert accused(study(limits.high)) == []
    assert next(each[1] for each in accused(study(limits.high + 0.2))) == "gap_ci_high"
