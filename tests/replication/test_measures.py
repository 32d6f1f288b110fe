"""Measures of a replication against values that two independent methods agree on, and against each other."""

import numpy as np
import pytest
from scipy import stats as st

from hikibayes.replication import measures as m
from hikibayes.replication.effects import apart
from hikibayes.replication.sceptical import sceptical_p
from hikibayes.validation.machinery.replication import MEASURES, WITHIN, disagreements, reference

CASES = [case for case in reference()["cases"] if case["group"] in MEASURES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_values_are_those_that_two_independent_methods_agree_on(case):
    errors = dict(disagreements(case))
    assert errors
    assert {name: error for name, error in errors.items() if not error <= WITHIN} == {}


def both(original, new):
    return apart(original, new).common()


# -- properties ------------------------------------------------------------------------------------------------------


def random_pairs(size, seed):
    rng = np.random.default_rng(seed)
    return m.normal(rng.normal(0.2, 0.2, size), rng.uniform(0.05, 0.3, size)), m.normal(
        rng.normal(0, 0.3, size), rng.uniform(0.05, 0.3, size)
    )


def test_evidence_updates_and_order_does_not_matter():
    original, new = random_pairs(50, 1)
    prior = m.NormalPrior(0.05, 0.25)
    joint = both(original, new)
    updated = m.log_bf10(original, prior) + m.log_replication_bf(original, joint, prior)
    assert updated == pytest.approx(m.log_bf10(joint, prior), abs=1e-10)
    swapped = m.posterior(both(new, original), prior)
    assert swapped.mean() == pytest.approx(m.posterior(joint, prior).mean(), abs=1e-12)


def test_new_data_that_say_nothing_change_nothing():
    original, prior = random_pairs(20, 2)[0], m.NormalPrior(0, 0.25)
    nothing = m.normal(np.zeros(20), 1e5)
    joint = both(original, nothing)
    assert m.posterior(joint, prior).mean() == pytest.approx(m.posterior(original, prior).mean(), abs=1e-8)
    assert m.log_replication_bf(original, joint, prior) == pytest.approx(0, abs=1e-8)
    assert m.original_weight(
        m.log_if_right(original, joint, prior), m.log_evidence(nothing, prior), 0.3
    ) == pytest.approx(0.3, abs=1e-8)


def test_the_mean_effect_is_a_convolution_of_several_components_and_of_none():
    rng = np.random.default_rng(3)
    first, second = (m.pooled(m.normal(rng.normal(0, 0.3, 4), rng.uniform(0.1, 0.3, 4))) for _ in range(2))
    tau, b = 0.17, np.linspace(-4, 4, 2001)
    found = apart(first, second).common(tau)
    for at in (-0.4, 0.1, 0.9):
        each = [(np.exp(s.log_density(b)[0]) * st.norm(at, tau).pdf(b)).sum() * (b[1] - b[0]) for s in (first, second)]
        assert np.exp(found.log_density(at)[0]) == pytest.approx(np.prod(each), rel=1e-10)


def test_a_chance_of_one_to_be_printed_selects_nothing():
    original, new = (m.normal(0.29, 0.118), m.normal(0.1, 0.1))
    prior = m.NormalPrior(0, 0.25)
    plain, found = m.posterior(both(original, new), prior), m.selected(both(original, new), 0.118, prior, 1.0)
    assert found.mean()[0] == pytest.approx(plain.mean()[0, 0], abs=1e-9)
    assert found.quantile(0.025)[0] == pytest.approx(plain.quantile(0.025)[0, 0], abs=1e-7)


@pytest.mark.parametrize("size", [400, pytest.param(20_000, marks=pytest.mark.long)])
def test_planted_pairs(size):
    """Where truths are drawn from the prior, intervals cover; where effects are equal, P(new < original) is uniform."""
    rng = np.random.default_rng(11)
    prior = m.NormalPrior(0.0, 0.25)
    truth = rng.normal(0, prior.sd, size)
    s_o, s_r = rng.uniform(0.05, 0.2, size), rng.uniform(0.05, 0.2, size)
    original, new = m.normal(rng.normal(truth, s_o), s_o), m.normal(rng.normal(truth, s_r), s_r)
    below = m.posterior(both(original, new), prior).cdf(truth[:, None])[:, 0]
    smaller = apart(original, new).difference().cdf(0.0)[:, 0]
    predicted = m.prediction(original, new, prior).cdf(m.flat_estimate(new)[0][:, None])[:, 0]
    for uniform in (below, smaller, predicted):
        assert st.kstest(uniform, "uniform").pvalue > 0.001
    error = 4 * np.sqrt(0.95 * 0.05 / size)
    assert np.mean((below > 0.025) & (below < 0.975)) == pytest.approx(0.95, abs=error)


@pytest.mark.parametrize("c", [0.5, 2.5])
def test_controlled_sceptical_p_is_uniform_squared_where_nothing_is(c):
    """By simulation: p <= alpha in the original's direction with chance 2 alpha², of two studies of nothing."""
    z_o, z_r = np.random.default_rng(5).standard_normal((2, 1500))
    z_o = np.abs(z_o)
    p = np.array([sceptical_p(a, b, c, "controlled") for a, b in zip(z_o, z_r, strict=True)])
    for alpha in (0.2, 0.35):
        wanted = 2 * alpha**2
        assert np.mean(p <= alpha) == pytest.approx(wanted, abs=4 * np.sqrt(wanted * (1 - wanted) / len(p)))
