"""A printed p as limits of t: those of its own test."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hikibayes.reconstruction.posterior.problem import Problem

from .printing import Shape, printed_study, workers

SDS = [("sd", {"of": "output", "group": group}, 2) for group in ("plain", "trained")]
P = ("p", {"of": "output", "between": ("trained", "plain"), "test": "welch"}, 3)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.tuples(st.integers(5, 60), st.integers(5, 200)),
    spread=st.floats(0.3, 3.0),
    printed=st.booleans(),
)
def test_limits_of_t_hold_the_t_of_the_rows(seed, n, spread, printed):
    """Unequal sizes and SDs, where Welch's df is far from n - 2; with the SDs printed and without."""
    shape = Shape(n=n)
    raw = workers(shape, seed)
    trained = raw["course"] == "trained"
    raw.loc[trained, "output"] = 50 + spread * (raw.loc[trained, "output"] - 50)
    study = printed_study(shape, raw, [*(SDS if printed else []), P])
    problem = Problem.of(study)
    test = stats.ttest_ind(raw.loc[trained, "output"], raw.loc[~trained, "output"], equal_var=False)
    found = [i for i, target in enumerate(problem.targets) if target.p]
    if not found:
        # near 1 a p says nothing of t
        assert test.pvalue > 0.5
        return
    target = problem.targets[found[0]]
    low, high = np.exp(np.polynomial.polynomial.polyval(1 / test.df, problem.data.welch[found[0]].T[::-1]))
    assert (low if np.isfinite(target.low) else 0) - 1e-5 <= abs(test.statistic)
    assert abs(test.statistic) <= (high if np.isfinite(target.high) else np.inf) + 1e-5
    if 0.001 < test.pvalue < 0.5:
        # no wider than the rounding of p leaves open at the test's own df
        exact = stats.t.isf((np.round(test.pvalue, 3) + np.array([5e-4, -5e-4])) / 2, test.df)
        np.testing.assert_allclose([low, high], exact, rtol=1e-4)
