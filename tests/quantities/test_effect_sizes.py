"""Effect sizes of a term: from its t, and back to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikibayes.quantities.coefficient import EFFECT_SIZES, SIGNED


@pytest.mark.parametrize("name", EFFECT_SIZES)
@given(t=st.floats(-30, 30), df=st.floats(1, 1e4), r2=st.floats(0, 0.99))
def test_an_effect_size_leads_back_to_its_t(name, t, df, r2):
    size = EFFECT_SIZES[name]
    back = size.to_t(size.of_t(t, df, r2), df, r2)
    assert back == pytest.approx(t if name in SIGNED else abs(t), rel=1e-6, abs=1e-9)
