"""Several priors on one coefficient from one factorisation, against a fit under each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hikibayes.inference import kernel
from hikibayes.inference.normal_priors import FlatPrior, HalfStudentT, NormalPriors
from hikibayes.inference.several_priors import summaries_by_prior
from hikibayes.inference.sufficient import SufficientStatistics
from hikibayes.inference.summaries import PER_CONTRAST, summaries

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module", params=[40, 400])
def stats(request) -> SufficientStatistics:
    rng = np.random.default_rng(request.param)
    X = rng.standard_normal((60, request.param, 3)) + 0.7 * rng.standard_normal((60, request.param, 1))
    y = X @ [0.3, 0.2, -0.4] + rng.standard_normal((60, request.param))
    return SufficientStatistics.from_rows(X, y, NAMES)


def priors(mean: float, sd: float) -> NormalPriors:
    return NormalPriors(
        names=NAMES,
        mean=np.array([0.0, mean, 0.0]),
        sd=np.array([0.5, sd, 0.5]),
        intercept_mean=0.0,
        intercept_sd=1.0,
        sigma=HalfStudentT(nu=4.0, scale=1.0),
    )


FAMILY = [priors(0.0, 0.1), priors(0.0, 0.5), priors(0.2, 0.2), priors(-0.3, 0.3)]


def test_each_prior_gets_what_a_fit_of_its_own_gives(stats, monkeypatch):
    calls = []
    one_by_one = kernel.summarise
    monkeypatch.setattr(kernel, "summarise", lambda *task: (calls.append(task), one_by_one(*task))[1])
    found = summaries_by_prior(stats, FAMILY, ["b"], rope=(-0.2, 0.2))
    assert not calls, "factored once, for all"
    for made, prior in zip(found, FAMILY, strict=True):
        wanted = summaries(stats, prior, ["b"], nodes=21, rope=(-0.2, 0.2))
        for name in PER_CONTRAST:
            unit = wanted.sd if name in ("mean", "sd", "lower", "upper") else 1.0
            assert np.abs((getattr(made, name) - getattr(wanted, name)) / unit).max() < 2e-6, name
        np.testing.assert_allclose(made.log_evidence, wanted.log_evidence, atol=2e-6)
        assert made.ok.all()


def test_a_prior_far_from_the_others_is_fitted_by_itself(stats):
    """So far away that sigma moves out of the first prior's nodes."""
    far = priors(5.0, 0.02)
    made = summaries_by_prior(stats, [FAMILY[1], far], ["b"])[1]
    np.testing.assert_allclose(made.mean, summaries(stats, far, ["b"], nodes=21).mean, atol=1e-6)


@pytest.mark.parametrize(
    ("others", "contrasts"),
    [
        ([FlatPrior()], ["b"]),
        ([priors(0.0, 0.1)], ["a", "b"]),
        ([priors(0.0, 0.1)], {"sum": {"a": 1.0, "b": 1.0}}),
        ([replace(FAMILY[1], sigma=HalfStudentT(nu=4.0, scale=2.0))], ["b"]),
        ([replace(FAMILY[1], intercept_sd=2.0)], ["b"]),
        ([priors(0.0, 0.1)], ["a"]),
    ],
    ids=["flat", "two coefficients", "a sum", "another sigma", "another intercept", "not the one that differs"],
)
def test_other_differences_are_fitted_one_by_one(stats, others, contrasts):
    for made, prior in zip(
        summaries_by_prior(stats, [FAMILY[1], *others], contrasts), [FAMILY[1], *others], strict=True
    ):
        wanted = summaries(stats, prior, contrasts)
        for name in PER_CONTRAST:
            np.testing.assert_array_equal(getattr(made, name), getattr(wanted, name))
