"""What the record pins down: what varies over reconstructions by at most .15 of its sampling error."""

import numpy as np
import pytest

from hikibayes.reconstruction.quantities import Quantity, _row


@pytest.mark.parametrize(("share", "pinned"), [(0.149, True), (0.151, False), (0.5, False)])
def test_a_quantity_is_pinned_by_its_spread_over_its_sampling_error(share, pinned):
    values = np.array([-1.0, 1.0, -1.0, 1.0])
    values *= share / values.std(ddof=1)
    row = _row(Quantity(name="r", fact=None, values=values, error=np.ones(4)))
    assert row["pinned"] is pinned
    assert row["between_over_within"] == pytest.approx(share)
