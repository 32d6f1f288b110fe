"""Both samplers on posteriors that are known exactly, and the searches on one that has several places to be stuck."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from hikibayes.reconstruction.calibrate import _Lanes
from hikibayes.reconstruction.posterior.lanes import ANNEALED, CHAINS, LANES, SETTLING, Beginning, lanes
from hikibayes.reconstruction.posterior.sampling import Optimiser, metropolis
from hikibayes.reconstruction.posterior.starts import descend
from hikibayes.reconstruction.posterior.verdict import stuck_share


class Planted:
    """A posterior of two numbers, standard normal a priori, of which a curved function is known to within ``error``."""

    def __init__(self, error: float, bend: float = 0.6) -> None:
        self.error, self.bend, self.size = error, bend, 2
        self.problem = type("Nothing", (), {"statements": (0,)})
        self.shape, self.arguments = f"planted {error} {bend}", ()

    def residual(self, u, temperature=1.0):
        return (u[..., 0] + self.bend * u[..., 1] ** 2 - 1.0) / self.error / temperature

    def linearised(self, u, temperature):
        left = np.concatenate([u, self.residual(u)[:, None]], axis=1)
        slope = np.zeros((len(u), 3, 2))
        slope[:, 0, 0] = slope[:, 1, 1] = 1.0
        slope[:, 2, 0], slope[:, 2, 1] = 1 / self.error, 2 * self.bend * u[:, 1] / self.error
        return left, slope, -0.5 * (left**2).sum(axis=1)

    def residuals(self, u):
        return self.linearised(u, 1.0)[0]

    def log_density(self, _, u, temperature):
        return -0.5 * (u @ u + self.residual(u, temperature) ** 2)

    def moments(self):
        """Mean and SD of both numbers, summed over a fine grid."""
        points = np.stack(np.meshgrid(*[np.linspace(-6, 6, 801)] * 2), axis=-1).reshape(-1, 2)
        weight = np.exp(-0.5 * ((points**2).sum(axis=1) + self.residual(points) ** 2))
        mean = weight @ points / weight.sum()
        return mean, np.sqrt(weight @ (points - mean) ** 2 / weight.sum())


class Ring(Planted):
    """A ring around 0: seen from one of its points, nothing lies beyond its ends."""

    def residual(self, u, temperature=1.0):
        return (u[..., 0] ** 2 + u[..., 1] ** 2 - 1.0) / self.error / temperature

    def linearised(self, u, temperature):
        _, slope, _ = super().linearised(u, temperature)
        slope[:, 2] = 2 * u / self.error
        left = np.concatenate([u, self.residual(u)[:, None]], axis=1)
        return left, slope, -0.5 * (left**2).sum(axis=1)


@pytest.fixture(scope="module")
def planted():
    return Planted(error=0.7)


def agrees(draws, planted, effective):
    mean, sd = planted.moments()
    return (np.abs(draws.mean(axis=0) - mean) < 4.5 * sd / np.sqrt(effective)).all() and np.allclose(
        draws.std(axis=0), sd, rtol=4.5 / np.sqrt(effective)
    )


def optimised(planted, draws=4000):
    rng = np.random.default_rng(5)
    optimiser = Optimiser(planted, np.array([0.4, 0.1]))
    return optimiser.propose(draws, rng), rng


def test_independent_proposals_through_metropolis_are_the_posterior(planted):
    proposals, rng = optimised(planted)
    assert proposals.solved > 0.95
    assert proposals.effective > 0.5
    draws = proposals.u[metropolis(proposals, CHAINS, rng)]
    assert draws.shape == (CHAINS, 1000, 2)
    assert agrees(draws.reshape(-1, 2), planted, 4000 * proposals.effective / 2)


def test_weights_are_what_makes_them_right(planted):
    """Without them the proposals are visibly another distribution."""
    proposals, rng = optimised(planted, 40_000)
    even = replace(proposals, log_weight=np.where(np.isfinite(proposals.log_weight), 0.0, -np.inf))
    weighted, unweighted = (p.u[metropolis(p, CHAINS, rng)].reshape(-1, 2) for p in (proposals, even))
    assert agrees(weighted, planted, 10_000)
    assert not agrees(unweighted, planted, 10_000)


def test_unsolved_equations_are_told():
    proposals = Optimiser(Ring(error=0.01), np.array([1.0, 0.0])).propose(200, np.random.default_rng(1))
    assert proposals.solved < 0.8
    assert not np.isfinite(proposals.log_weight).all()


NOWHERE = Beginning(u=np.zeros((1, 2)))


@pytest.fixture(scope="module")
def annealed(planted):
    told = []
    found = lanes(planted, NOWHERE, draws=4096, seed=3, cores=2, progress=lambda *steps: told.append(steps))
    assert told[-1][0] == told[-1][1]
    return found


def test_annealed_lanes_are_the_posterior(planted, annealed):
    assert annealed.u.shape == (CHAINS, LANES, 64, 2)
    assert agrees(annealed.u.reshape(-1, 2), planted, 2000)
    at = annealed.u[1, 2, 3]
    assert annealed.log_density[1, 2, 3] == pytest.approx(planted.log_density((), at, 1.0))
    assert stuck_share(annealed.log_density.reshape(CHAINS * LANES, -1)) <= 0.01


def test_lanes_that_begin_at_points_with_coordinates_are_the_posterior(planted):
    root = np.array([[0.6, 0.0], [-0.3, 0.9]])
    found = lanes(planted, Beginning(u=np.random.default_rng(1).normal(size=(40, 2)), root=root), draws=4096, seed=5)
    assert agrees(found.u.reshape(-1, 2), planted, 2000)


def test_a_thin_ring_is_drawn_all_around():
    """Its thin direction turns from place to place: no proposal made at one point reaches the others."""
    ring = Ring(error=0.05)
    found = lanes(ring, NOWHERE, draws=2048, seed=1, cores=2).u.reshape(-1, 2)
    around = np.histogram(np.arctan2(found[:, 1], found[:, 0]), bins=8, range=(-np.pi, np.pi))[0] / len(found)
    # the posterior is the same in every direction
    np.testing.assert_allclose(around, 1 / 8, atol=0.04)
    np.testing.assert_allclose(np.hypot(*found.T).std(), 0.05 / 2, rtol=0.15)


def test_draws_are_the_same_on_any_number_of_cores(planted):
    one, four = (lanes(planted, NOWHERE, draws=CHAINS * LANES, seed=4, cores=cores).u for cores in (1, 4))
    assert np.array_equal(one, four)


def test_lanes_go_on_where_they_were_and_others_begin_where_some_were_stuck(planted):
    told = []
    going = _Lanes(planted, NOWHERE, seed=3, cores=2, progress=lambda *steps: told.append(steps))
    first, _ = going(CHAINS * LANES * 16, None)
    more, _ = going(CHAINS * LANES * 20, SimpleNamespace(is_stuck=False))
    assert more.shape == (CHAINS, LANES, 20, 2)
    assert np.array_equal(more[:, :, :16], first)
    assert len(told) == CHAINS * (ANNEALED + SETTLING + 20)
    others, _ = going(CHAINS * LANES * 20, SimpleNamespace(is_stuck=True))
    assert not np.isclose(others, more).any(axis=(2, 3)).all()


def test_descent_reaches_the_best_point_from_everywhere(planted):
    begin = np.random.default_rng(2).normal(0, 3, (20, 2))
    _, cost = descend(planted, begin, np.ones((20, 1)), steps=60)
    best = min(0.5 * (x * x + y * y + planted.residual(np.array([x, y])) ** 2)
               for x in np.linspace(-1, 1, 201) for y in np.linspace(-1.5, 1.5, 201))  # fmt: skip
    assert cost.min() == pytest.approx(best, abs=1e-3)
    assert (cost < best + 0.2).mean() > 0.9


def test_lanes_that_are_interrupted_stop(planted):
    told = []

    def interrupted(done, _):
        told.append(done)
        if len(told) >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lanes(planted, Beginning(u=np.array([[0.4, 0.1]])), draws=100_000, seed=1, cores=2, progress=interrupted)
    assert len(told) <= 3 + 2 * CHAINS
