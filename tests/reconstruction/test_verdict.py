"""The verdict on draws of known worth: independent ones of several shapes, and the same with a few left behind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikibayes.reconstruction.posterior.verdict import Verdict, judge, stuck_share
from hikibayes.reconstruction.quantities import Quantity, summarise

GROUPS, LANES, DRAWS = 4, 16, 32


def verdict(u: np.ndarray, log_density: np.ndarray) -> Verdict:
    """Judge draws (groups, lanes, draws, k) by the first of their numbers and by their squares."""
    first = u[..., 0].ravel()
    quantities = {
        name: Quantity(name=name, values=values, error=None, fact=None)
        for name, values in (("first", first), ("square", first**2))
    }
    table = summarise(quantities, GROUPS, LANES)
    return judge(quantities, table, log_density, sampler="lanes", reruns=0)


def gaussian(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    u = rng.standard_normal((GROUPS, LANES, DRAWS, size))
    return u, -0.5 * (u**2).sum(axis=-1)


def skewed(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    u = rng.exponential(size=(GROUPS, LANES, DRAWS, size))
    return u, -u.sum(axis=-1)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(2, 60), shape=st.sampled_from([gaussian, skewed]))
def test_independent_draws_have_converged(seed, size, shape):
    said = verdict(*shape(np.random.default_rng(seed), size))
    assert said.sound, said
    assert str(said).startswith("converged")


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(10, 60), shape=st.sampled_from([gaussian, skewed]))
def test_one_draw_in_fifty_left_behind_is_seen(seed, size, shape):
    """As from a chain that was cooled too fast: still in place for three times the temperature."""
    rng = np.random.default_rng(seed)
    u, value = shape(rng, size)
    left = rng.random(value.shape) < 0.02
    left.flat[rng.choice(left.size, left.size // 50, replace=False)] = True
    u[left] *= 5
    value[left] *= 25 if shape is gaussian else 5
    said = verdict(u, value)
    assert not said.sound
    assert "% of the draws stuck" in str(said)


def test_one_chain_that_hardly_moves_is_seen():
    rng = np.random.default_rng(7)
    u, value = gaussian(rng, 20)
    u[2, 3], value[2, 3] = u[2, 3, :1], value[2, 3, 0]
    assert stuck_share(value.reshape(-1, DRAWS)) == pytest.approx(1 / 64, abs=0.002)
    assert not verdict(u, value).sound


def test_one_chain_that_stays_where_few_belong_is_seen():
    rng = np.random.default_rng(8)
    _, value = gaussian(rng, 20)
    value[1, 0] -= 15
    assert stuck_share(value.reshape(-1, DRAWS)) >= 1 / 64


def test_groups_that_disagree_are_seen():
    rng = np.random.default_rng(9)
    u, value = gaussian(rng, 5)
    u[0] += 0.5
    assert not verdict(u, value).sound
    u[0] -= 0.5
    u[0] *= 2.0
    assert not verdict(u, value).sound
