"""Whole rows with given sums, moments with given numbers, the smallest change: each on random inputs."""

from __future__ import annotations

import ctypes
import sys
from decimal import ROUND_DOWN, ROUND_UP, Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.study.small_studies import number, small_study

from hikibayes.reconstruction.participants import program, search
from hikibayes.reconstruction.participants.columns import columns_of, lay_out
from hikibayes.reconstruction.participants.exact import exact_rows
from hikibayes.reconstruction.participants.least_change import project
from hikibayes.reconstruction.participants.moves import Aim, move
from hikibayes.reconstruction.participants.numbers import HAIR, Numbers
from hikibayes.reconstruction.participants.program import cross_products, moments_of, places_of, reduced
from hikibayes.reconstruction.participants.recolour import recolour
from hikibayes.reconstruction.participants.space import Space, moments
from hikibayes.reconstruction.participants.targets import Targets
from hikibayes.reconstruction.verify import recompute, verify

from .made_up import printed_study, raw_data

seeds = st.integers(0, 10_000)


def space_of(sizes: tuple[int, ...], highest: list[int], *, fine: bool = False, odd: list[int] | None = None) -> Space:
    n, m = sum(sizes), len(highest)
    return Space(
        group=np.repeat(np.arange(len(sizes)), sizes),
        origin=np.zeros(m),
        grain=np.ones(m),
        lowest=np.zeros((n, m)),
        highest=np.tile(np.array(highest, dtype=float), (n, 1)),
        fine=np.full(m, fine),
        binary=np.array(highest) == 1,
        odd_cap=np.array(odd or [n] * m),
        frozen=np.zeros((n, m), dtype=bool),
    )


def random_rows(space: Space, rng: np.random.Generator) -> np.ndarray:
    n, m = space.frozen.shape
    z = rng.standard_normal((n, m)) + 0.7 * rng.standard_normal((n, 1))
    return np.clip(np.rint(space.highest * (0.5 + z / 5)), 0, space.highest)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, sizes=st.tuples(st.integers(25, 300), st.integers(25, 300)), top=st.sampled_from([4, 10, 40]))
def test_rows_with_the_cross_products_of_other_rows(seed, sizes, top):
    rng = np.random.default_rng(seed)
    space = space_of(sizes, [1, 6, top])
    there, start = random_rows(space, rng), random_rows(space, rng)
    for part in space.parts:
        # people trade a category: its sums have to be right already
        start[part, 0] = rng.permutation(there[part, 0])
    wanted = cross_products(space, there)
    found = exact_rows(
        space, recolour(space, start, *moments_of(space, wanted), ~space.binary), wanted.astype(int), rng
    )
    assert found is not None
    assert (cross_products(space, found) == wanted).all()
    assert ((found >= 0) & (found <= space.highest)).all()


@given(total=st.integers(1, 800))
@settings(max_examples=25, deadline=None)
def test_a_mean_on_an_end_of_its_rounding_interval_is_inside(total):
    """53 / 8 is 6.625, printed as 6.62 or as 6.63; of whole numbers none may be nearer to the middle."""
    mean = (2 * total + 1) / 8
    rounded = [Decimal(mean).quantize(Decimal("0.01"), way) for way in (ROUND_DOWN, ROUND_UP)]
    facts = (
        number("mean", each, of="x", group=group) for group, each in zip(("first", "second"), rounded, strict=True)
    )
    numbers = Numbers(small_study((8, 8), *facts), ["x"])
    aim = Aim(numbers.low, numbers.high, numbers.width)

    def outside(beyond):
        return aim.outside(numbers.values(np.array([[mean + beyond], [mean - beyond]]), np.ones((2, 1, 1))), HAIR)

    assert not outside(0.0).any()
    assert outside(2e-9).all()


@pytest.mark.parametrize("more", [[], [number("n", 30, step="all"), number("r2_df1", 3, step="all")]])
def test_a_narrow_record_is_met_by_the_program_whatever_else_it_prints(monkeypatch, more):
    def no_steps(*_):
        raise AssertionError("single steps are tried")

    rng = np.random.default_rng(5)
    x = np.rint(rng.normal(30, 6, 30))
    raw = pd.DataFrame({"arm": np.repeat(["first", "second"], 15), "x": x, "y": np.rint(x / 2 + rng.normal(20, 4, 30))})
    addresses = [(q, {"of": m, "group": g}) for q in ("mean", "sd") for m in "xy" for g in ("first", "second")]
    addresses += [("coefficient", {"step": "all", "term": term}) for term in ("arm", "x", "arm:x")]
    blank = [number(q, 1, name=f"f{i}", **where) for i, (q, where) in enumerate(addresses)]
    values = recompute(small_study((15, 15), *blank), raw)
    facts = [{**fact, "value": Decimal(f"{values[fact['name']]:.2f}")} for fact in blank]
    study = small_study((15, 15), *facts, *more)
    study = study.replace(measure=[_whole(measure.model_dump(exclude_unset=True)) for measure in study.measures])
    columns = columns_of(study, [study.measure("x"), study.measure("y")])
    rows = (raw[["x", "y"]].to_numpy() - columns.origin) / columns.grain
    targets = Targets(
        mean=np.stack([rows[:15].mean(axis=0), rows[15:].mean(axis=0)]),
        cov=np.stack([np.cov(rows[:15].T), np.cov(rows[15:].T)]),
        alpha=np.full(2, np.nan),
        odd_share=np.ones(2),
        bend=np.zeros((2, 0)),
    )
    monkeypatch.setattr(search, "move", no_steps)
    found = columns.values(search.Search(study, columns).rows(targets, rng))
    assert verify(study, pd.DataFrame({"arm": raw["arm"], "x": found[:, 0], "y": found[:, 1]}))["matches"].all()


def _whole(measure):
    return measure if measure["kind"] == "category" else {**measure, "integer": True, "range": (0, 60)}


def test_cross_products_that_no_rows_have_are_not_found():
    rng = np.random.default_rng(1)
    space = space_of((20, 20), [4, 4])
    wanted = cross_products(space, random_rows(space, rng))
    # a sum of squares has the parity of its sum
    wanted[0, 1, 1] += 1
    assert exact_rows(space, random_rows(space, rng), wanted.astype(int), rng) is None


def test_what_a_solver_says_does_not_reach_standard_output(capfd):
    with program._nothing_printed():
        ctypes.CDLL(None).puts(b"HighsMipSolverData")
    sys.stdout.write("result\n")
    ctypes.CDLL(None).fflush(None)
    assert capfd.readouterr().out == "result\n"


@settings(max_examples=25, deadline=None)
@given(seed=seeds, d=st.integers(2, 12))
def test_a_reduced_lattice_is_the_same_lattice_with_shorter_vectors(seed, d):
    rng = np.random.default_rng(seed)
    rows = np.hstack([rng.normal(size=(d, 3)) * 50, np.eye(d) * 0.2])
    basis = reduced(rows)
    assert abs(round(np.linalg.det(basis.astype(float)))) == 1
    length = np.linalg.norm(basis @ rows, axis=1)
    volume = np.sqrt(np.linalg.det(rows @ rows.T))
    # Lenstra, Lenstra & Lovasz (1982), proposition 1.9, for their constant of 3/4 and so for a greater one
    assert length.min() <= 2 ** ((d - 1) / 4) * volume ** (1 / d) * (1 + 1e-9)
    assert np.prod(length) <= 2 ** (d * (d - 1) / 4) * volume * (1 + 1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_the_smallest_change_ends_inside_and_none_is_smaller(seed):
    rng = np.random.default_rng(seed)
    effect = rng.normal(size=(3, 8))
    low = rng.normal(size=3)
    high = low + rng.uniform(0.1, 1, size=3)
    change = effect.T @ project(effect @ effect.T, low, high)
    after = effect @ change
    assert (after >= low - 1e-4).all()
    assert (after <= high + 1e-4).all()
    ways = rng.uniform(low, high, size=(200, 3))
    others = ways @ np.linalg.inv(effect @ effect.T) @ effect
    assert np.linalg.norm(change) <= np.linalg.norm(others, axis=1).min() + 1e-4


@pytest.fixture(scope="module")
def setting():
    table = raw_data()
    study = printed_study(table)
    columns = lay_out(study, ["regular", "visits", "warmth", "bustle", "delight"])
    return Numbers(study, columns.names), columns


def test_moves_stay_in_their_limits_and_leave_groups_and_frozen_cells_alone(setting):
    numbers, columns = setting
    rng = np.random.default_rng(3)
    highest = [int(high - low) for low, high in zip(columns.lowest[0], columns.highest[0], strict=True)]
    space = space_of(columns.sizes, highest)
    space.frozen[5, 1] = True
    rows = random_rows(space, rng)
    value = numbers.values(*moments(space, rows))
    aim = Aim(*numbers.signed(value), numbers.width)
    found, outside = move(space, numbers, rows, aim, rng, 6)
    assert outside.max() < aim.outside(value).max()
    assert (found == np.rint(found)).all()
    assert ((found >= 0) & (found <= space.highest)).all()
    assert found[5, 1] == rows[5, 1]
    assert (found != rows).any()
    for part in space.parts:
        assert found[part][:, space.binary].sum() == rows[part][:, space.binary].sum()


def test_odd_scores_stay_few(setting):
    numbers, columns = setting
    rng = np.random.default_rng(4)
    place = columns.names.index("scent")
    highest = [int(high - low) for low, high in zip(columns.lowest[0], columns.highest[0], strict=True)]
    cap = [sum(columns.sizes)] * len(highest)
    cap[place] = 7
    space = space_of(columns.sizes, highest, odd=cap)
    rows = random_rows(space, rng)
    rows[:, place] -= rows[:, place] % 2
    aim = Aim(*numbers.signed(numbers.values(*moments(space, rows))), numbers.width)
    found, _ = move(space, numbers, rows, aim, rng, 6)
    assert (found[:, place] != rows[:, place]).any()
    assert (found[:, place] % 2).sum() <= 7


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_recoloured_scores_have_the_moments_asked_for(seed):
    rng = np.random.default_rng(seed)
    space = space_of((60, 90), [1, 1000, 1000], fine=True)
    there, start = random_rows(space, rng), random_rows(space, rng)
    for part in space.parts:
        start[part, 0] = there[part, 0]
    mean, cov = moments(space, there)
    found = recolour(space, start, mean, cov, ~space.binary)
    np.testing.assert_allclose(moments(space, found)[0], mean, rtol=0.02)
    np.testing.assert_allclose(moments(space, found)[1], cov, rtol=0.1, atol=0.02 * cov.max())
    assert (found[:, 0] == start[:, 0]).all()


def test_a_score_of_a_study_is_one_whole_moment_with_each_other_and_two_alone():
    space = space_of((10, 10), [1, 4, 4])
    group, first, second = places_of(space)
    assert len(group) == 2 * (2 + 2 + 2 + 1)
    assert ((first > 0) | (second > 1)).all()
