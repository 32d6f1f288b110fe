"""Truths from the prior are uniform in their own posteriors, for the engine at large."""

import numpy as np
import pytest
from tests.inference.sbc import band_level, locations, outside_band

from hikibayes.inference.gaussian.normal_priors import Exponential, HalfNormal, HalfStudentT, NormalPriors

NAMES = ["group", "support", "age", "group:support"]


def design(n, rng):
    group = np.repeat([0.0, 1.0], n // 2)
    support, age = rng.normal(size=(2, n)) + group
    return np.column_stack([group, support, age + 0.9 * support, group * support])


@pytest.mark.parametrize(
    "sigma",
    [HalfStudentT(nu=4, scale=1.0), HalfNormal(scale=1.0), Exponential(lam=2.0)],
    ids=lambda s: type(s).__name__,
)
@pytest.mark.parametrize("n", [16, 120])
def test_truths_are_uniform(sigma, n):
    priors = NormalPriors(
        names=NAMES, mean=[0, 0.1, 0, 0], sd=[1, 0.5, 0.5, 0.25], intercept_mean=0.3, intercept_sd=1, sigma=sigma
    )
    rng = np.random.default_rng(51)
    located = locations(design(n, rng), priors, datasets=2000, rng=rng)
    assert set(located) == {*NAMES, "centred intercept", "sigma"}
    assert outside_band(located, prob=0.95, rng=np.random.default_rng(52)) == []


def test_the_band_notices_a_wrong_prior():
    rng = np.random.default_rng(53)
    X = design(40, rng)
    shared = {"names": NAMES, "intercept_mean": 0, "intercept_sd": 1, "sigma": HalfNormal(scale=1.0)}
    located = locations(X, NormalPriors(mean=0, sd=1.0, **shared), datasets=2000, rng=rng)
    located["wrong"] = np.clip(located["support"] * 1.03, 0, 1)
    assert outside_band(located, prob=0.95, rng=rng) == ["wrong"]


def test_the_band_holds_uniform_samples_as_often_as_it_says():
    rng = np.random.default_rng(54)
    level = band_level(500, 0.95, rng)
    again = np.mean([band_level(500, 0.95, rng, simulations=2000) for _ in range(5)])
    assert level == pytest.approx(again, rel=0.2)
    outside = sum(bool(outside_band({"u": rng.random(500)}, prob=0.95, rng=rng)) for _ in range(20))
    assert outside <= 4
