"""A printed p as limits of t: those of its own test."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hikibayes.reconstruction.posterior.layout import Layout
from hikibayes.reconstruction.posterior.printed import targets
from hikibayes.reconstruction.posterior.priors import Priors

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
    layout = Layout.of(study)
    (target,) = [t for t in targets(study, layout, Priors.of(study, layout)) if t.kind == "t"]
    test = stats.ttest_ind(raw.loc[trained, "output"], raw.loc[~trained, "output"], equal_var=False)
    assert target.low <= abs(test.statistic) <= target.high
    if printed and 0.01 < test.pvalue < 0.5:
        # no wider than p and the SDs leave open
        p = np.round(test.pvalue, 3) + np.array([5e-4, -5e-4])
        low, high = stats.t.isf(p / 2, test.df)
        assert target.high - target.low < 2 * (high - low) + 0.02
