"""Least squares of any rank: NumPy's own on rows, and nothing where every solution says something else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from hikibayes.inference.gaussian.least_squares import LeastSquares, dependencies
from hikibayes.inference.gaussian.sufficient import SufficientStatistics


def table(seed, n, p, *, copies=0):
    """Columns of all units, of which the last are sums of others, and an outcome."""
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, p)) + rng.normal(size=p)) * 10.0 ** rng.integers(-3, 4, size=p)
    sums = [X[:, 0] + (10.0 ** rng.integers(-2, 3)) * X[:, 1 + k] for k in range(copies)]
    return np.column_stack([X, *sums]), rng.normal(size=n)


def of(X, y):
    names = tuple(f"c{j}" for j in range(X.shape[1]))
    return SufficientStatistics.from_rows(X, y, names)


@settings(max_examples=40, deadline=None)
@given(some.integers(0, 10**6), some.integers(3, 40), some.integers(2, 5), some.integers(0, 1))
def test_what_is_known_is_what_numpy_finds(seed, n, p, copies):
    X, y = table(seed, n, p, copies=copies)
    stats = of(X, y)
    fitted = LeastSquares(stats=stats)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    wanted, _, rank, _ = np.linalg.lstsq(scaled, y - y.mean(), rcond=1e-7)
    assert fitted.rank[0] == rank
    assert fitted.df[0] == max(n - rank - 1, 0)
    assert fitted.residual[0] == pytest.approx(np.sum((y - y.mean() - scaled @ wanted) ** 2), abs=1e-7 * stats.syy[0])
    # differences of fitted values are estimable whatever the rank
    contrasts = (X[1:] - X[:-1])[None]
    assert fitted.estimable(contrasts).all()
    np.testing.assert_allclose(fitted.estimates(contrasts)[0], np.diff(scaled @ wanted), atol=1e-6)


def test_what_columns_share_is_known_and_how_they_share_it_is_not():
    X, y = table(1, 50, 3)
    stats = of(np.column_stack([X, X[:, 1]]), y)
    fitted = LeastSquares(stats=stats)
    assert fitted.estimable(np.eye(4)[None])[0].tolist() == [True, False, True, False]
    shared = np.array([[[0.0, 1, 0, 1]]])
    assert fitted.estimates(shared)[0, 0] == pytest.approx(LeastSquares(stats=of(X, y)).coefficients[0, 1])
    assert np.isnan(fitted.estimates(np.array([[[0.0, 1, 0, 0]]]))).all()
    assert list(dependencies(stats)) == [("c3", "c1")]


def test_every_sum_is_named_with_its_parts():
    X, y = table(2, 50, 4)
    stats = of(np.column_stack([X, X[:, 0] / X[:, 0].std() - X[:, 2] / X[:, 2].std()]), y)
    assert list(dependencies(stats)) == [("c4", "c0", "c2")]
    assert not list(dependencies(of(X, y)))
