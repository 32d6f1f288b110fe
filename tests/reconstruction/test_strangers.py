"""Random studies printed by other software: their raw tables print every fact, and so do the tables made for them."""

from __future__ import annotations

import numpy as np
import pytest

from hikibayes.reconstruction.synthesize import Synthesizer
from hikibayes.reconstruction.verify import verify
from hikibayes.spec import InputError

from .strangers import near_moments, stranger


@pytest.mark.parametrize("seed", range(12))
def test_the_raw_table_prints_what_other_software_printed_of_it(seed):
    found = stranger(seed)
    checked = verify(found.study, found.table)
    assert list(checked["fact"]) == [fact.id for fact in found.study.facts]
    assert checked["matches"].all()


# whole scores of few and many values, continuous ones near their bounds, both
@pytest.mark.parametrize(
    ("seed", "whole"), [(1, True), (3, True), (6, True), (12, True), (0, False), (7, False), (2, None), (8, None)]
)
def test_a_table_is_made_that_prints_every_fact(seed, whole):
    found = stranger(seed, whole=whole)
    made = Synthesizer.of(found.study, near_moments(found, 0.5, seed)).make(1, seed=1)
    assert made.verification["matches"].all()
    assert len(made.verification) == len(found.study.facts)
    for measure in found.study.measures:
        if measure.kind == "number":
            column = made.participants[measure.id]
            assert column.between(*measure.limits).all()
            assert not measure.integer or column.dtype == np.int64


@pytest.mark.long
@pytest.mark.parametrize("whole", [True, False, None])
def test_most_strangers_have_a_table_that_prints_every_fact(whole):
    """Measured with seeds 200 to 244: whole scores 38 of 45."""
    failed = []
    for seed in range(100, 200):
        found = stranger(seed, whole=whole)
        try:
            Synthesizer.of(found.study, near_moments(found, 0.5, seed)).make(1, seed=1)
        except InputError:
            failed.append(seed)
    assert len(failed) <= 25, failed
