"""Measures of a replication against values that two independent methods agree on, and against each other."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats as st

from hikibayes.inference.gaussian.exact import FlatPrior, SufficientStatistics, posterior
from hikibayes.inference.gaussian.reprior import likelihood
from hikibayes.replication import measures as m
from hikibayes.replication.sceptical import sceptical_bf, sceptical_p

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "replication.json").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in REFERENCE["cases"]}


def of_group(*groups):
    return [pytest.param(case, id=name) for name, case in CASES.items() if case["group"] in groups]


def agree(found, case, within=1e-6):
    for name, value in found.items():
        wanted = case["values"][name]
        assert float(value) == pytest.approx(wanted, rel=within, abs=1e-9 if abs(wanted) < 1e-3 else 0), name


def pair(given):
    return m.normal(given["to"], given["so"]), m.normal(given["tr"], given["sr"])


def described(mixture):
    return {"mean": mixture.mean()[0, 0], "sd": mixture.sd()[0, 0], "p_positive": mixture.p_positive()[0, 0]}


@pytest.mark.parametrize("case", of_group("bf_rep"))
def test_replication_bayes_factors(case):
    original, new = pair(case["inputs"])
    agree({"value": np.exp(m.log_replication_bf(original, m.both(original, new)))[0]}, case)


@pytest.mark.parametrize("case", of_group("predict"))
def test_prediction_intervals(case):
    given = case["inputs"]
    found = m.prediction(m.normal(given["to"], given["so"]), m.normal(0.07, given["sr"]), tau=given["tau"])
    lower, upper = found.eti(given["level"])
    agree({"lower": lower[0, 0], "mean": found.mean()[0, 0], "upper": upper[0, 0]}, case)


@pytest.mark.parametrize("case", of_group("p_compatible"))
def test_difference_of_the_effects_is_the_test_of_two_estimates(case):
    below = m.difference(*pair(case["inputs"])).cdf(0.0)[0, 0]
    agree({"value": 2 * min(below, 1 - below)}, case)


@pytest.mark.parametrize("case", of_group("bf_equal_fixed_tau"))
def test_equal_against_differing_effects(case):
    studies, tau = pair(case["inputs"]), case["inputs"]["tau"]
    wide = [m.widened(study, tau) for study in studies]
    equal, differing = (m.log_evidence(m.both(*two), m.FLAT) for two in (studies, wide))
    agree({"value": np.exp(equal - differing)[0]}, case)


def hierarchical(original, new, given):
    scale = given["tau_scale"]
    _, found, _ = m.if_studies_differ(original, new, m.NormalPrior(0, given["mu_sd"]), [scale / 2, scale, 2 * scale])
    names = {"mean": "mu_mean", "sd": "mu_sd", "p_positive": "p_mu_positive"}
    return {
        "bf_heterogeneous": np.exp(found.log_bf),
        **{names[key]: value for key, value in described(found.mean_effect).items()},
    }


@pytest.mark.parametrize("case", of_group("hierarchical"))
def test_mean_effect_if_studies_differ(case):
    agree(hierarchical(*pair(case["inputs"]), case["inputs"]), case)


@pytest.mark.parametrize("case", of_group("robust_mixture"))
def test_how_far_the_original_still_counts(case):
    given, vague = case["inputs"], m.NormalPrior(0, case["inputs"]["vague_sd"])
    original, new = pair(given)
    right = m.log_if_right(original, m.both(original, new), m.FLAT)
    weight = m.original_weight(right, m.log_evidence(new, vague), given["weight"])[0]
    counted, not_counted = m.posterior(m.both(original, new)), m.posterior(new, vague)
    mean = weight * counted.mean()[0, 0] + (1 - weight) * not_counted.mean()[0, 0]
    positive = weight * counted.p_positive()[0, 0] + (1 - weight) * not_counted.p_positive()[0, 0]
    agree({"weight": weight, "mean": mean, "p_positive": positive}, case)


@pytest.mark.parametrize("case", of_group("reweight"))
def test_new_data_weight_the_reconstructions(case):
    given = case["inputs"]
    original, new = m.normalised(m.normal(given["means"], given["sds"]), m.FLAT), m.normal(given["tr"], given["sr"])
    joint = m.both(original, new)
    found = described(m.posterior(m.pooled(joint)))
    naive = m.together(m.posterior(joint)).mean()[0, 0]
    ess = m.effective_number(original, new, m.FLAT)
    agree({"mean": found["mean"], "sd": found["sd"], "ess": ess, "naive_mean": naive}, case)


@pytest.mark.parametrize("case", of_group("selected"))
def test_an_original_printed_because_it_was_significant(case):
    given = case["inputs"]
    original = m.normal(given["to"], given["so"])
    joint = original if given["tr"] is None else m.both(original, m.normal(given["tr"], given["sr"]))
    found = m.selected(joint, given["so"], m.NormalPrior(0, given["prior_sd"]), given["publish"])
    agree({"mean": found.mean()[0], "sd": found.sd()[0], "p_positive": found.p_positive()[0]}, case)


@pytest.mark.parametrize("case", of_group("p_sceptical"))
def test_sceptical_p(case):
    given = case["inputs"]
    agree({"value": sceptical_p(given["zo"], given["zr"], given["c"], given["type"])}, case)


@pytest.mark.parametrize("case", of_group("bf_sceptical"))
def test_sceptical_bayes_factor(case):
    g = case["inputs"]
    found = sceptical_bf(g["to"] / g["so"], g["tr"] / g["sr"], (g["so"] / g["sr"]) ** 2)
    if case["values"]["value"] is None:
        assert np.isnan(found)
    else:
        agree({"value": found}, case)


# -- regressions: t likelihoods --------------------------------------------------------------------------------------


def regression(name):
    table = pd.read_csv(io.StringIO(REFERENCE["data"][name]))
    columns = table[["sex", "g", "x"]].assign(gx=table["g"] * table["x"])
    stats = SufficientStatistics.from_rows(columns.to_numpy(), table["y"].to_numpy(), list(columns))
    return likelihood(posterior(stats, FlatPrior(), nodes=41), "gx")


@pytest.fixture(scope="module")
def regressions():
    return regression("orig"), regression("rep")


@pytest.mark.parametrize("case", of_group("reg_flat"))
def test_regressions_with_their_own_nuisance_parameters(case, regressions):
    original, new = regressions
    joint, prior = m.both(original, new), m.NormalPrior(0, case["inputs"]["prior_sd"])
    lower, upper = m.prediction(original, new).eti(0.95)
    agree(
        {
            "est_o": m.flat_estimate(original)[0][0],
            "est_r": m.flat_estimate(new)[0][0],
            "bf10_orig": np.exp(m.log_bf10(original, prior))[0],
            "bf10_both": np.exp(m.log_bf10(joint, prior))[0],
            "bf_rep": np.exp(m.log_replication_bf(original, joint, prior))[0],
            **described(m.posterior(joint, prior)),
            "p_rep_smaller": m.difference(original, new).cdf(0.0)[0, 0],
            "predict_lower": lower[0, 0],
            "predict_upper": upper[0, 0],
        },
        case,
    )


@pytest.mark.parametrize("case", of_group("reg_hierarchical"))
def test_regressions_if_studies_differ(case, regressions):
    agree(hierarchical(*regressions, case["inputs"]), case)


# -- properties ------------------------------------------------------------------------------------------------------


def random_pairs(size, seed):
    rng = np.random.default_rng(seed)
    return m.normal(rng.normal(0.2, 0.2, size), rng.uniform(0.05, 0.3, size)), m.normal(
        rng.normal(0, 0.3, size), rng.uniform(0.05, 0.3, size)
    )


def test_evidence_updates_and_order_does_not_matter():
    original, new = random_pairs(50, 1)
    prior = m.NormalPrior(0.05, 0.25)
    joint = m.both(original, new)
    updated = m.log_bf10(original, prior) + m.log_replication_bf(original, joint, prior)
    assert updated == pytest.approx(m.log_bf10(joint, prior), abs=1e-10)
    swapped = m.posterior(m.both(new, original), prior)
    assert swapped.mean() == pytest.approx(m.posterior(joint, prior).mean(), abs=1e-12)


def test_new_data_that_say_nothing_change_nothing():
    original, prior = random_pairs(20, 2)[0], m.NormalPrior(0, 0.25)
    nothing = m.normal(np.zeros(20), 1e5)
    joint = m.both(original, nothing)
    assert m.posterior(joint, prior).mean() == pytest.approx(m.posterior(original, prior).mean(), abs=1e-8)
    assert m.log_replication_bf(original, joint, prior) == pytest.approx(0, abs=1e-8)
    assert m.original_weight(
        m.log_if_right(original, joint, prior), m.log_evidence(nothing, prior), 0.3
    ) == pytest.approx(0.3, abs=1e-8)


def test_widening_is_a_convolution_for_several_components_and_for_none():
    rng = np.random.default_rng(3)
    data = m.pooled(m.normal(rng.normal(0, 0.3, 4), rng.uniform(0.1, 0.3, 4)))
    tau = 0.17
    for at in (-0.4, 0.1, 0.9):
        b = np.linspace(-4, 4, 2001)
        wanted = (np.exp(data.log_density(b)[0]) * st.norm(at, tau).pdf(b)).sum() * (b[1] - b[0])
        assert np.exp(m.widened(data, tau).log_density(at)[0]) == pytest.approx(wanted, rel=1e-10)


def test_a_chance_of_one_to_be_printed_selects_nothing():
    original, new = (m.normal(0.29, 0.118), m.normal(0.1, 0.1))
    prior = m.NormalPrior(0, 0.25)
    plain, found = m.posterior(m.both(original, new), prior), m.selected(m.both(original, new), 0.118, prior, 1.0)
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
    below = m.posterior(m.both(original, new), prior).cdf(truth[:, None])[:, 0]
    smaller = m.difference(original, new).cdf(0.0)[:, 0]
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
