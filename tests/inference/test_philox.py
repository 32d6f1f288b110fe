"""Counter-based random numbers in lanes: the published vectors, and the laws of what is made of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as st

from hikibayes.inference.gaussian.algebra import compiled
from hikibayes.inference.gaussian.lanes import WIDTH, lanes, load, store
from hikibayes.inference.gaussian.philox import Stream, blocks, normals, root_chi2, uniform


@compiled
def bits_of(stream, index, place, kind, out):
    first, second = blocks(stream, load(index, (0,)), place, kind)
    store(out, (0,), first)
    store(out, (1,), second)


@compiled
def draw(stream, index, df, out):
    for i in range(out.shape[1]):
        a, b = normals(stream, load(index, (0,)), i, 0)
        store(out, (0, i), a)
        store(out, (1, i), b)
        store(out, (2, i), root_chi2(stream, load(index, (0,)), i, 1, lanes(df)))
        store(out, (3, i), uniform(stream, load(index, (0,)), i, 3))


def drawn(df, *, key=1, first=0, size=12_500):
    out = np.empty((4, size, WIDTH))
    draw(Stream.of(key), np.arange(first, first + WIDTH, dtype=np.uint64)[None], df, out)
    return out


FULL = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5E169C58D, 0xBC57AC4C9B00DBD8)),
        ((FULL, FULL, FULL, FULL), (FULL, FULL), (0x408F276D41C83B0E, 0xA20BC7C66D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE0994FDCCEB, 0x5001E42024126EA1),
        ),
    ],
)
def test_published_vectors(counter, key, expected):
    """The known answers that come with Random123 for philox4x32-10."""
    index = np.full((1, WIDTH), counter[0] | counter[1] << 32, dtype=np.uint64)
    out = np.empty((2, WIDTH), dtype=np.uint64)
    bits_of(Stream(*map(np.uint64, key), 0), index, counter[2], counter[3], out)
    assert [int(value) for value in out[:, 0]] == list(expected)
    assert (out == out[:, :1]).all()


@pytest.mark.parametrize("df", [2.0, 5.0, 44.0])
def test_laws(df):
    a, b, root, u = (part.ravel() for part in drawn(df))
    assert st.kstest(np.r_[a, b], "norm").pvalue > 0.001
    assert st.kstest(root**2, "chi2", args=(df,)).pvalue > 0.001
    assert st.kstest(u, "uniform").pvalue > 0.001
    n = len(a)
    for x, y in ((a, b), (a**2, b**2), (a, root), (root, u), (a[:-1], a[1:]), (a[:-WIDTH], a[WIDTH:])):
        assert abs(np.corrcoef(x, y)[0, 1]) < 4.5 / np.sqrt(n)
    far = 2 * n * 2 * st.norm.sf(3.5)
    assert abs((np.abs(np.r_[a, b]) > 3.5).sum() - far) < 4.5 * np.sqrt(far)


def test_a_lane_is_known_by_its_index_alone():
    near, far = drawn(3.0, first=0, size=50), drawn(3.0, first=5, size=50)
    np.testing.assert_array_equal(near[..., 5:], far[..., :3])
    assert not np.isclose(near, drawn(3.0, key=2, size=50)).any()
