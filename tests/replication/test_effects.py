"""Two studies' effects at once, from one regression of both, against the definition and against reference values."""

import numpy as np
import pytest
from scipy import stats as st
from scipy.special import logsumexp
from tests.replication.test_measures import both

from hikibayes.inference.gaussian.normal_priors import HalfStudentT, NormalPriors
from hikibayes.inference.gaussian.sufficient import SufficientStatistics
from hikibayes.replication import measures as m
from hikibayes.replication.effects import Effects, apart, stacked
from hikibayes.replication.pair import Pair


def log_density(effects: Effects, d):
    """Log likelihood of the effects `d`, shape (2,), of the first pair."""
    quadratic = np.einsum("i,kij,j->k", d, effects.precision[0], d)
    return logsumexp(effects.log_mass[0] - 0.5 * quadratic + effects.pull[0] @ d)


def by_definition(old, new, prior_mean, covariance, intercept_sd, contrast, d):
    """Log p(both outcomes | effects), nuisance parameters integrated out as one covariance, sigma over a grid."""
    (first, y_first), (second, y_second) = old, new
    toward = covariance @ contrast / (contrast @ covariance @ contrast)
    rest = covariance - np.outer(toward, toward) * (contrast @ covariance @ contrast)
    rows = np.concatenate([first, second]) - first.mean(axis=0)
    y = np.concatenate([y_first, y_second])
    base = prior_mean + toward * (d[0] - contrast @ prior_mean)
    later = np.arange(len(y)) >= len(first)
    mean = rows @ base + later * (rows @ toward) * (d[1] - d[0])
    shared = rows @ rest @ rows.T + intercept_sd**2
    log_sigma = np.linspace(-2.5, 2.5, 401)
    each = [st.multivariate_normal(mean, shared + np.exp(2 * s) * np.eye(len(y))).logpdf(y) for s in log_sigma]
    half_t = np.log(2) + st.t(4).logpdf(np.exp(log_sigma)) + log_sigma
    return logsumexp(np.array(each) + half_t) + np.log(log_sigma[1] - log_sigma[0])


@pytest.mark.parametrize("contrast", [(0, 0, 1), (0, 1, 1)], ids=["a coefficient", "a sum of two"])
def test_sharing_all_is_one_regression_with_an_effect_each(contrast):
    rng = np.random.default_rng(4)
    studies = []
    for n in (14, 11):
        x = rng.normal(size=(n, 2))
        rows = np.column_stack([x, x[:, 0] * x[:, 1]])
        studies.append((rows, rows @ [0.4, -0.2, 0.6] + rng.normal(size=n)))
    mean, sd, contrast = np.array([0.1, 0.0, 0.2]), np.array([1.0, 0.5, 0.25]), np.array(contrast, dtype=float)
    priors = NormalPriors(
        names=("a", "b", "ab"),
        mean=mean,
        sd=sd,
        intercept_mean=0.0,
        intercept_sd=0.7,
        sigma=HalfStudentT(nu=4, scale=1),
    )
    old, new = (SufficientStatistics.from_rows(rows, y, priors.names) for rows, y in studies)
    found = stacked(old, new, priors, contrast[None], at=old.x_mean, nodes=25)
    for d in ([0.2, 0.2], [0.5, -0.3], [-0.4, 0.8]):
        wanted = by_definition(*studies, mean, np.diag(sd**2), 0.7, contrast, np.array(d))
        assert log_density(found, np.array(d)) == pytest.approx(wanted, abs=2e-5)


def test_two_effects_are_described_as_a_simulation_finds_them():
    """Difference, mean effect and independent evidence of a likelihood that is no product, by importance sampling."""
    rng = np.random.default_rng(8)
    precision = np.array([[[[60.0, 25], [25, 40]], [[30, -10], [-10, 50]]]])
    effects = Effects(log_mass=np.array([[0.3, -0.2]]), precision=precision, pull=np.array([[[12.0, 1], [-3, 9]]]))
    d = rng.normal(0, 0.5, size=(400_000, 2))
    weight = np.exp(
        logsumexp(
            effects.log_mass[0] - 0.5 * np.einsum("ni,kij,nj->nk", d, precision[0], d) + d @ effects.pull[0].T, axis=1
        )
    )
    assert np.exp(effects.log_evidence(0.0, 0.5))[0] == pytest.approx(weight.mean(), rel=0.01)
    flat = weight / st.norm(0, 0.5).pdf(d).prod(axis=1)
    difference = d[:, 1] - 0.5 * d[:, 0]
    found = effects.difference(0.5)
    assert found.mean()[0, 0] == pytest.approx(np.average(difference, weights=flat), abs=0.005)
    assert found.cdf(0.0)[0, 0] == pytest.approx(np.average(difference < 0, weights=flat), abs=0.01)
    tau, mu = 0.2, 0.1
    shifted = st.norm(mu, tau).pdf(d).prod(axis=1) / st.norm(0, 0.5).pdf(d).prod(axis=1)
    assert np.exp(effects.common(tau).log_density(mu))[0] == pytest.approx((weight * shifted).mean(), rel=0.01)
    assert effects.common().log_density(mu)[0] == pytest.approx(log_density(effects, np.array([mu, mu])))


@pytest.mark.parametrize("shared", [False, True])
def test_reconstructions_of_a_new_study_are_equally_probable(shared):
    """What their rows happen to weigh, under everything that the record left open, is no evidence."""
    prior = m.NormalPrior(0, 0.25)
    original, new = m.normal([0.3, 0.25, 0.2], 0.1), m.normal([0.1, 0.3, -0.1], [0.1, 0.12, 0.2])
    heavier = type(new)(log_mass=new.log_mass + np.array([[0], [5], [-3]]), precision=new.precision, pull=new.pull)
    pairs = [
        Pair(
            case=None,
            new=None,
            original=original,
            renewed=of,
            prior=prior,
            remarks=(),
            shared=apart(original, of) if shared else None,
        ).under(prior)
        for of in (new, heavier)
    ]
    means = [m.posterior(m.pooled(pair.effects.common()), prior).mean() for pair in pairs]
    assert means[0] == pytest.approx(means[1], abs=1e-12)
    every = m.pooled(both(m.normalised(original, prior), m.normalised(new, prior)))
    assert m.posterior(every, prior).mean() == pytest.approx(means[0], abs=1e-12)
    again = pairs[0].under(m.NormalPrior(0, 0.5)).under(prior)
    assert m.posterior(m.pooled(again.effects.common()), prior).mean() == pytest.approx(means[0], abs=1e-12)


def test_studies_apart_are_their_product():
    original, new = m.normal([0.3, 0.2], [0.1, 0.2]), m.normal(0.1, 0.3)
    d = np.array([0.15, -0.1])
    wanted = original.log_density(d[0]) + new.log_density(d[1])
    assert log_density(apart(original, new), d) == pytest.approx(wanted[0])
