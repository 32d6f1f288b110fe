"""The density of a calibration against a plain one, and every printed number against the audit's evaluator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hikibayes.quantities import Address
from hikibayes.reconstruction.posterior.density import centre, log_density, numbers, prior_scale, residuals
from hikibayes.reconstruction.posterior.layout import contrasts
from hikibayes.reconstruction.posterior.printed import SOFTNESS, Target, signed_t
from hikibayes.reconstruction.posterior.problem import WELCH_DEGREE, Problem, _welch_limits
from hikibayes.reconstruction.reconstructions import reconstructions_of
from hikibayes.reconstruction.statistics import known_sign
from hikibayes.study.analysis import PublishedAnalysis
from hikibayes.study.moments import as_group_moments

from . import made_up, printing, several
from .plain_density import plain_log_density, plain_number

ETA2 = ("eta2", {"of": "baseline"}, 2)
OTHER_READING = {
    "slopes_model": "support_only",
    "vif_step": "centred_step3",
    "step3_terms": "six",
    "delta_r2_step2": "adjusted",
    "products": "raw",
}
BETWEEN = {"between": ("plain", "trained")}
DESCRIBED = [
    *printing.descriptives(),
    *printing.correlation_table("plain"),
    ("correlation", {"of": "course", "with": "output"}, 2),
    ("correlation", {"of": "focus", "with": "course"}, 2),
    ("t", {"of": "output", **BETWEEN, "test": "welch"}, 2),
    ("df", {"of": "output", **BETWEEN, "test": "welch"}, 1),
    ("df", {"of": "focus", **BETWEEN, "test": "student"}, 0),
    ("p", {"of": "trust", **BETWEEN, "test": "welch"}, 3),
    ("p", {"of": "noise", **BETWEEN, "test": "welch"}, 1),
    ("coefficient", {"step": "third", "term": "course", "products": "raw"}, 2),
    ("coefficient_p", {"step": "third", "term": "trust"}, 2),
    ("slope_se", {"step": "third", "of": "focus", "group": "trained"}, 3),
]


@pytest.fixture(scope="module")
def problems(nonaka):
    shape = printing.Shape(n=(40, 70))
    return {
        "default reading": Problem.of(nonaka.read()),
        "other reading": Problem.of(nonaka.read(**OTHER_READING)),
        "made up": Problem.of(made_up.printed_study(made_up.raw_data())),
        "described": Problem.of(printing.printed_study(shape, printing.workers(shape, 1), DESCRIBED)),
        "three groups": Problem.of(several.printed(several.trial(), several.doses(), [*several.trial_lines(), ETA2])),
        "three groups, helmert": Problem.of(
            several.printed(several.trial(coding="helmert", products="raw"), several.doses(), several.trial_lines())
        ),
        "two groups, a product": Problem.of(
            several.printed(
                several.moderation_in_two_groups(),
                several.shifts(),
                [("coefficient", {"step": "step1", "term": "stress:support"}, 2), ("r2", {"step": "step1"}, 2)],
            )
        ),
        "one sample": Problem.of(several.printed(several.moderation(), several.sample(), several.moderation_lines())),
        "one sample, raw": Problem.of(
            several.printed(
                several.moderation(products="raw", standardised=False), several.sample(), several.moderation_lines()
            )
        ),
    }


def points(problem, count=2, seed=3):
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        x = rng.normal(0, 0.25, problem.size)
        if np.isfinite(log_density(problem, problem.data, x, 5.0)):
            found.append(x)
    return found


def test_density_is_the_plain_one(problems):
    for name, problem in problems.items():
        for x in points(problem):
            for temperature in (1.0, 5.0):
                plain = plain_log_density(problem, x, temperature)
                assert log_density(problem, problem.data, x, temperature) == pytest.approx(plain, rel=1e-7), name


def test_every_printed_number_is_the_audit_s(problems):
    for problem in problems.values():
        (x,) = points(problem, count=1)
        analysis = PublishedAnalysis(problem.study, reconstructions_of(problem, x[None]).isel(draw=0))
        found = numbers(problem, problem.data, x)
        for number, target in zip(found, problem.statements, strict=True):
            right = plain_number(problem, target, analysis)
            tolerance = 1e-5 if target.p else 1e-9
            assert number == pytest.approx(abs(right) if target.absolute else right, rel=tolerance, abs=1e-7), target


def test_every_kind_of_number_is_compared(problems):
    assert {target.quantity for problem in problems.values() for target in problem.statements} == set(SOFTNESS)


@pytest.mark.parametrize("name", ["one sample", "one sample, raw", "three groups", "two groups, a product"])
def test_a_reconstruction_s_moments_are_those_of_some_rows(problems, name):
    """Totals are 0 and 1, groups positive definite, and a product's means follow from its factors' covariances."""
    draws = reconstructions_of(problems[name], np.array(points(problems[name], count=4)))
    found = as_group_moments(draws.drop_vars(["location", "scale"]))
    mean, cov = found.total
    for j, measure in enumerate(found.names):
        if measure in found.categories:
            continue
        if ":" not in measure:
            np.testing.assert_allclose([mean[:, j], cov[:, j, j]], [[0] * 4, [1] * 4], atol=1e-9)
            continue
        one, other = (found.position(part) for part in measure.split(":"))
        product = found.cov[..., one, other] * (found.n - 1) / found.n + found.mean[..., one] * found.mean[..., other]
        np.testing.assert_allclose(found.mean[..., j], product, atol=1e-9)
    assert (np.linalg.eigvalsh(found.cov) > 0).all()


def test_any_two_of_several_groups_differ_by_as_much():
    for k in (2, 3, 5):
        rows = contrasts(k)
        apart = ((rows[:, None] - rows[None]) ** 2).sum(-1)
        np.testing.assert_allclose(apart, 1 - np.eye(k), atol=1e-12)


def test_log_density_is_a_sum_of_squares_and_a_prior(problems):
    problem = problems["made up"]
    (x,) = points(problem, count=1)
    left, value = residuals(problem, problem.data, x)
    hot, value_hot = residuals(problem, problem.data, x, 3.0)
    assert value - value_hot == pytest.approx(0.5 * (hot @ hot - left @ left), rel=1e-9)
    assert value == log_density(problem, problem.data, x)


def test_a_point_that_describes_no_sample_has_no_density(problems):
    problem = problems["default reading"]
    with np.errstate(all="ignore"):
        assert not np.isfinite(log_density(problem, problem.data, np.full(problem.size, 8.0)))


def test_whitening_is_that_of_the_prior(problems):
    """Log odds of a beta share, arctanh of LKJ's partial correlations."""
    problem = problems["default reading"]
    a, b = problem.data.share[0, 0]
    rng = np.random.default_rng(1)
    share = rng.beta(a, b, 200_000)
    drawn = np.log(share / (1 - share))
    assert centre(problem)[0] == pytest.approx(drawn.mean(), abs=0.01)
    assert prior_scale(problem)[0] == pytest.approx(drawn.std(), rel=0.01)
    shape = problem.priors.eta + (problem.layout.p - 2) / 2
    partial = np.arctanh(2 * rng.beta(shape, shape, 200_000) - 1)
    first = next(i for i, scale in enumerate(prior_scale(problem)) if scale not in (1.0, *prior_scale(problem)[:2]))
    assert prior_scale(problem)[first] == pytest.approx(partial.std(), rel=0.01)


# -- p and t ---------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    p=st.floats(1e-5, 0.9),
    n=st.tuples(st.integers(3, 60), st.integers(3, 2000)),
    where=st.floats(0, 1),
)
def test_limits_of_welch_s_t_follow_its_df(p, n, where):
    """Over all degrees of freedom that two groups can have, 2 to n - 2."""
    address = Address(of="x", between=("a", "b"))
    target = Target(fact="p", quantity="p", address=address, low=0.0, high=1.0, p=(p, p))
    low, high = min(n) - 1, sum(n) - 2
    df = 1 / (where / low + (1 - where) / high)
    limits = _welch_limits(target, dict(zip("ab", n, strict=True)))
    assert limits.shape == (2, WELCH_DEGREE + 1)
    assert np.exp(np.polyval(limits[0], 1 / df)) == pytest.approx(stats.t.isf(p / 2, df), rel=1e-6)


def test_sign_of_a_p_is_that_of_what_it_belongs_to():
    shape = printing.Shape(n=(40, 70))
    raw = printing.workers(shape, 1)
    lines = [
        *printing.coefficients("second", ("trust", "noise"), "coefficient_p"),
        ("coefficient_p", {"step": "second", "term": "focus"}, 3),
        *printing.descriptives(),
        ("p", {"of": "output", "between": ("plain", "trained")}, 3),
        ("p", {"of": "output", "between": ("trained", "plain")}, 3),
    ]
    study = printing.printed_study(shape, raw, lines)
    found = {}
    for fact in study.facts:
        if fact.quantity in ("p", "coefficient_p"):
            found[fact.term or fact.between[0]] = known_sign(study, fact)
    mean = raw.groupby("course")["output"].mean()
    higher = 1 if mean["trained"] > mean["plain"] else -1
    assert found == {"trust": 1, "noise": -1, "focus": 0, "plain": -higher, "trained": higher}


def test_limits_of_t_with_and_without_a_sign():
    assert signed_t(1.5, 2.0, 1) == (1.5, 2.0, False)
    assert signed_t(1.5, 2.0, -1) == (-2.0, -1.5, False)
    assert signed_t(1.5, 2.0, 0) == (1.5, 2.0, True)
    assert signed_t(0.02, 0.05, 0) == (-np.inf, 0.05, True)
