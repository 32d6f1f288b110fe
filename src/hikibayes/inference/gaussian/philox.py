"""Random numbers in lanes that depend on a key and a counter alone, so that nobody's draws depend on anybody else's.

References
----------
.. [1] Salmon J. K. et al. (2011). Parallel random numbers: as easy as 1, 2, 3. Proceedings of SC11.
   https://doi.org/10.1145/2063384.2063405 (Philox4x32-10)
.. [2] Marsaglia G., Tsang W. W. (2000). A simple method for generating gamma variables. ACM Transactions on
   Mathematical Software 26(3), 363-372. https://doi.org/10.1145/358407.358414
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .algebra import compiled
from .lanes import (
    all_below,
    bits,
    floor,
    from_bits,
    inline,
    lanes,
    larger,
    logarithm,
    square_root,
    where_below,
)

_U = np.uint64
_MULTIPLY_0, _MULTIPLY_1 = _U(0xD2511F53), _U(0xCD9E8D57)
_WEYL_0, _WEYL_1 = _U(0x9E3779B9), _U(0xBB67AE85)
_LOW, _HALF = _U(0xFFFFFFFF), _U(32)
_ONE, _EXPONENT = _U(0x3FF0000000000000), _U(12)
_BIT_1, _BIT_2, _SIGN, _SECOND = _U(1), _U(2), _U(63), _U(62)


class Stream(NamedTuple):
    """Where a data set's numbers come from: a key, and the data set's own index as part of the counter."""

    key_0: np.uint64
    key_1: np.uint64
    """32 bits each."""
    first: int
    """Index of the first data set."""

    @classmethod
    def of(cls, seed: np.random.SeedSequence | int, first: int = 0) -> Stream:
        """Make the key from a seed."""
        sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
        words = sequence.generate_state(2, np.uint32)
        return cls(_U(words[0]), _U(words[1]), int(first))


@inline
def blocks(stream, index, place, kind):
    """Return two 64-bit numbers: block (place, kind), each below 2³², of the data sets `index`."""
    # masked so that the compiler sees 32 bits, for which a vector has a product of one instruction
    c0, c1, c2, c3 = index & _LOW, index >> _HALF, lanes(_U(place) & _LOW), lanes(_U(kind) & _LOW)
    k0, k1 = stream.key_0 & _LOW, stream.key_1 & _LOW
    for _ in range(10):
        a, b = c0 * _MULTIPLY_0, c2 * _MULTIPLY_1
        c0, c1, c2, c3 = (b >> _HALF) ^ c1 ^ k0, b & _LOW, (a >> _HALF) ^ c3 ^ k1, a & _LOW
        k0, k1 = (k0 + _WEYL_0) & _LOW, (k1 + _WEYL_1) & _LOW
    return (c0 << _HALF) | c1, (c2 << _HALF) | c3


@inline
def _unit(x):
    """Return numbers strictly between 0 and 1: the middles of 2^52 cells."""
    return from_bits((x >> _EXPONENT) | _ONE) - 0.99999999999999988898


@compiled
def uniform(stream, index, place, kind):
    """Return uniform numbers strictly between 0 and 1."""
    return _unit(blocks(stream, index, place, kind)[0])


@compiled
def normals(stream, index, place, kind):
    """Return two independent standard normals, by Box and Muller.

    The angle is within 45 degrees of one of four axes; which axis and which side of it are bits that the fraction does
    not use.
    """
    first, second = blocks(stream, index, place, kind)
    radius = square_root(logarithm(_unit(first)) * -2.0)
    turn = (from_bits((second >> _EXPONENT) | _ONE) - 1.0) * 4.0
    y = turn - floor(turn) - 0.5
    z = y * y
    s = z * 5.646725185215473e-08 - 3.598727926146238e-06
    s = s * z + 0.0001604411704192898
    s = s * z - 0.004681754134060157
    s = s * z + 0.07969262624605182
    s = s * z - 0.6459640975062404
    s = (s * z + 1.5707963267948968) * y
    c = z * -4.470348358154297e-09 + 4.688336048275234e-07
    c = c * z - 2.5201016978826377e-05
    c = c * z + 0.0009192600458391096
    c = c * z - 0.02086348073700037
    c = c * z + 0.2536695078995689
    c = c * z - 1.2337005501361376
    c = c * z + 0.9999999999999998
    swap = from_bits(((second >> _BIT_2) & _BIT_1) << _SECOND)  # 0 or 2
    a, b = where_below(lanes(1.0), swap, s, c), where_below(lanes(1.0), swap, c, s)
    a = from_bits(bits(a) ^ ((second & _BIT_1) << _SIGN))
    b = from_bits(bits(b) ^ (((second >> _BIT_1) & _BIT_1) << _SIGN))
    return radius * a, radius * b


@compiled
def root_chi2(stream, index, place, kind, df):
    """Return the root of a chi-square of `df` (lanes, at least 2), by Marsaglia and Tsang's rejection.

    Takes blocks (65,536 place + attempt, kind) and the same of kind + 1; a lane keeps what it accepted first.
    """
    d = 0.5 * df - 0.3333333333333333
    c = 1.0 / square_root(9.0 * d)
    found = lanes(-1.0)
    for attempt in range(1000):
        x, _ = normals(stream, index, 65536 * place + attempt, kind)
        w = uniform(stream, index, 65536 * place + attempt, kind + 1)
        v = 1.0 + c * x
        v = v * v * v
        square = x * x
        # accepted for sure, without a logarithm: as a rule all lanes at once
        sure = where_below(w, 1.0 - 0.0331 * square * square, d * v, lanes(-1.0))
        found = where_below(found, lanes(0.0), sure, found)
        if all_below(lanes(0.0), found):
            break
        bound = 0.5 * square + d * (1.0 - v + logarithm(larger(v, lanes(1e-300))))
        accepted = where_below(logarithm(w), bound, where_below(lanes(0.0), v, d * v, lanes(-1.0)), lanes(-1.0))
        found = where_below(found, lanes(0.0), accepted, found)
        if all_below(lanes(0.0), found):
            break
    return square_root(2.0 * found)
