"""The exact posterior's usual summaries, compiled: one data set after another, without arrays in between.

Same mathematics as the NumPy reference (`conditional`, `quadrature`, `mixture`), with one shortcut. Instead of an
eigendecomposition, four functions of v = sigma² are interpolated between Chebyshev nodes: the fitted sum of squares,
log|Sxx + vP|, and each contrast's mean and scaled variance. They are smooth, so four to 32 Cholesky factorisations
give all of them to 1e-8; the last coefficients tell whether they did, and a data set where they did not is handed back
to the reference, as is every one that might have to be refused.

Importing this module imports numba. Use `hikibayes.inference.summaries`, which does so only when it must.
One file on purpose: numba's cache notices a change in a function's own file, not in those it calls from another.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, erfc, exp, lgamma, log, log1p, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from .exact import FAR
from .sufficient import FloatArray, IntArray

__all__ = ["MEAN", "SUMMARIES", "Task", "compiled", "residual_at", "summarise", "summarise_refits"]

SUMMARIES = ("mean", "sd", "lower", "upper", "p_positive", "p_rope", "log_bf10")
MEAN, SD, LOWER, UPPER, P_POSITIVE, P_ROPE, LOG_BF10 = range(7)
FLAT, HALF_T, HALF_NORMAL, EXPONENTIAL = range(4)
QUAD, LOG_DET, FIRST_CONTRAST = 0, 1, 2
LANES = 4
"""Chebyshev nodes that are factored side by side, one in each lane of a vector register."""
TOLERANCE = 1e-8
"""Interpolation error allowed: in log density, and relative to a contrast's sd."""
EASY, HARD = 500.0, 3.5
"""Information in the data over that in the prior, of the least informed column: where 4, 8 and more nodes suffice."""
SCARCE, BRIEF = 15.0, 1000.0
"""Information, and its product with the degrees of freedom, below which small data sets begin with more."""
PLENTY = 40.0
"""Degrees of freedom above which the outer nodes may be extrapolated."""
SMALLEST_PIVOT = 1e-12
SMALLEST_RESIDUAL = 1e-7
LARGEST_END = 1e-5
"""Weight of an outermost node beyond which another prior has moved sigma too far for the nodes of the first."""
LOG_2PI = log(2 * pi)


def compiled[F: Callable[..., Any]](function: F) -> F:
    """Compile with numba, releasing the GIL, and cache the result wherever the installation can be written to."""
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": {"contract", "reassoc", "arcp", "nsz"},
    }
    try:
        return njit(cache=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # neither the package's folder nor the user's cache is writable
        return njit(**options)(function)  # type: ignore[no-any-return]


class Task(NamedTuple):
    """Data, priors and questions as the kernel takes them; R is 1 where all data sets share the numbers, else B."""

    n: FloatArray
    y_mean: FloatArray
    sxx: FloatArray
    sxy: FloatArray
    syy: FloatArray
    prior_mean: FloatArray
    precision: FloatArray
    log_scale: FloatArray
    intercept_mean: FloatArray
    intercept_precision: FloatArray
    sigma_kind: int
    """0 flat, 1 half-t, 2 half-normal, 3 exponential."""
    sigma_a: FloatArray
    sigma_b: FloatArray
    contrasts: FloatArray
    """(k, p)"""
    at_prior_mean: FloatArray
    """(R, k) contrasts of the prior means."""
    grid: FloatArray
    """(K,) even, from -1 to 1."""
    tail: float
    """Probability below the lower limit, and above the upper one."""
    z_tail: float
    """Standard normal quantile of `tail`."""
    rope: FloatArray
    """(2,)"""


class _Curve(NamedTuple):
    """Log density of log sigma for one data set, but for its interpolated parts."""

    n: float
    df: float
    total: float
    constant: float
    n_sa2: float
    distance: float
    kind: int
    a: float
    b: float


class _Span(NamedTuple):
    """A range of sigma, and the variable of the polynomials that hold there: sigma or, where that is smoother, v."""

    in_sigma: bool
    low: float
    high: float
    middle: float
    half: float


class _Peak(NamedTuple):
    """Mode of log sigma, half the curvature there, and the log of the integral around it; `sound` if it is one peak."""

    mode: float
    kappa: float
    log_integral: float
    sound: bool


class _Scratch(NamedTuple):
    """Working memory for one data set at a time."""

    factor: FloatArray
    """(p + 2 + k, p, LANES)"""
    triangle: FloatArray
    """(p, p + 1)"""
    values: FloatArray
    """(2 + 2k, 32) functions at the Chebyshev nodes."""
    coefficients: FloatArray
    """(2 + 2k, 32)"""
    v: FloatArray
    sxr: FloatArray
    log_sigma: FloatArray
    log_weights: FloatArray
    weights: FloatArray
    means: FloatArray
    sds: FloatArray
    kept: FloatArray
    """(3, K) weights, means and sds of the last contrast's mixture."""


@compiled
def _row(values: FloatArray, i: int) -> int:
    return i if values.shape[0] > 1 else 0


@compiled
def _to_unit(span: _Span, sigma: float) -> float:
    return ((sigma if span.in_sigma else sigma * sigma) - span.middle) / span.half


@compiled
def _from_unit(span: _Span, x: float) -> float:
    y = span.middle + x * span.half
    return y * y if span.in_sigma else y


@compiled
def _span(low: float, high: float, in_sigma: bool) -> _Span:
    a, b = (low, high) if in_sigma else (low * low, high * high)
    return _Span(in_sigma, low, high, 0.5 * (a + b), 0.5 * (b - a))


@compiled
def _span_around(mode: float, kappa: float, grid: FloatArray, margin: float, in_sigma: bool) -> _Span:
    """Range of the nodes; with plenty of data of the middle two thirds, for the others weigh next to nothing."""
    reach = 2 / 3 if kappa > PLENTY else 1.0
    w = reach * sqrt(_drop(grid) / kappa)
    low, high = mode - w + w**2 / 3 - w**3 / 9 - margin, mode + w + w**2 / 3 + w**3 / 9 + margin
    return _span(exp(low), exp(high), in_sigma)


@compiled
def _clenshaw(c: FloatArray, count: int, x: float) -> float:
    b1 = b2 = 0.0
    for m in range(count - 1, 0, -1):
        b1, b2 = 2 * x * b1 - b2 + c[m], b1
    return float(x * b1 - b2 + c[0])


@compiled
def residual_at(
    sxx: FloatArray, sxr: FloatArray, total: float, precision: FloatArray, v: float, A: FloatArray
) -> float:
    """Penalised residual sum of squares at one v, NaN if a pivot is lost; `A`, (p, p + 1), is overwritten."""
    p = len(sxr)
    for j in range(p):
        for i in range(j, p):
            A[j, i] = sxx[j, i]
        A[j, j] += v * precision[j]
        A[j, p] = sxr[j]
    quad = 0.0
    for j in range(p):
        if not A[j, j] > SMALLEST_PIVOT * (sxx[j, j] + v * precision[j]):
            return np.nan
        scale = 1 / A[j, j]
        quad += A[j, p] ** 2 * scale
        for k in range(j + 1, p):
            f = A[j, k] * scale
            for i in range(k, p + 1):
                A[k, i] -= f * A[j, i]
    return total - quad


@intrinsic
def _subtract_products(_context: Any, R: Any, i: Any, j: Any) -> Any:
    """R[i, j] -= Σ R[i, m] R[j, m] over m < j, and the same for row i + 1; LANES at a time.

    The inner loop of the Cholesky factorisation, where most of the time goes. Numba has no vector type, and does not
    find the lanes by itself; so this one loop is written for LLVM.
    """
    signature = types.void(R, types.intp, types.intp)

    def codegen(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, b, arguments[0])
        i, j = arguments[1:]
        vector = ir.VectorType(ir.DoubleType(), LANES)
        columns, base = b.extract_value(array.shape, 1), b.bitcast(array.data, vector.as_pointer())
        rows = [b.gep(base, [b.mul(k, columns)]) for k in (i, b.add(i, ir.Constant(i.type, 1)))]
        other = b.gep(base, [b.mul(j, columns)])
        sums = [cgutils.alloca_once_value(b, ir.Constant(vector, [0.0] * LANES)) for _ in rows]

        def load(row: Any, k: Any) -> Any:
            value = b.load(b.gep(row, [k]))
            value.align = 8
            return value

        with cgutils.for_range(b, j) as loop:
            factor = load(other, loop.index)
            for row, total in zip(rows, sums, strict=True):
                product = b.fmul(load(row, loop.index), factor, flags=["contract"])
                b.store(b.fadd(b.load(total), product, flags=["contract"]), total)
        for row, total in zip(rows, sums, strict=True):
            b.store(b.fsub(load(row, j), b.load(total)), b.gep(row, [j])).align = 8
        return context.get_dummy_value()

    return signature, codegen


@compiled
def _factor(
    sxx: FloatArray, sxr: FloatArray, contrasts: FloatArray, precision: FloatArray, v: FloatArray, R: FloatArray
) -> bool:
    """Cholesky factors of Sxx + vP, a lane for each v, with Sxr and the contrasts carried along as further rows."""
    p, k = len(sxr), len(contrasts)
    rows = p + 1 + k
    for i in range(p):
        for j in range(i + 1):
            for lane in range(LANES):
                R[i, j, lane] = sxx[i, j]
        for lane in range(LANES):
            R[i, i, lane] += v[lane] * precision[i]
            R[p, i, lane] = sxr[i]
            for q in range(k):
                R[p + 1 + q, i, lane] = contrasts[q, i]
            R[rows, i, lane] = 0.0  # rows go in pairs, the last one may be alone
    for j in range(p):
        for i in range(j, rows, 2):
            _subtract_products(R, i, j)
        for lane in range(LANES):
            if not R[j, j, lane] > SMALLEST_PIVOT * (sxx[j, j] + v[lane] * precision[j]):
                return False
            scale = 1 / sqrt(R[j, j, lane])
            for i in range(j, rows):
                R[i, j, lane] *= scale
    return True


@compiled
def _read_off(R: FloatArray, p: int, k: int, first: int, values: FloatArray) -> None:
    """Fitted sum of squares, log determinant, contrasts' means and scaled variances, for each lane."""
    for lane in range(LANES):
        quad = log_det = 0.0
        product = 1.0
        for j in range(p):
            quad += R[p, j, lane] ** 2
            product *= R[j, j, lane]
            if j % 4 == 3:  # a few at a time: a log is dear, and a product of all could overflow
                log_det += log(product)
                product = 1.0
        values[QUAD, first + lane] = quad
        values[LOG_DET, first + lane] = 2 * (log_det + log(product))
        for q in range(k):
            mean = variance = 0.0
            for j in range(p):
                mean += R[p, j, lane] * R[p + 1 + q, j, lane]
                variance += R[p + 1 + q, j, lane] ** 2
            values[FIRST_CONTRAST + 2 * q, first + lane] = mean
            values[FIRST_CONTRAST + 2 * q + 1, first + lane] = variance


@compiled
def _interpolate(
    sxx: FloatArray,
    contrasts: FloatArray,
    precision: FloatArray,
    span: _Span,
    count: int,
    cosines: FloatArray,
    s: _Scratch,
) -> bool:
    """Chebyshev coefficients from `count` nodes; False where a factorisation loses its digits."""
    p, k = len(s.sxr), len(contrasts)
    for first in range(0, count, LANES):
        for lane in range(LANES):
            s.v[lane] = _from_unit(span, cosines[count // LANES, 1, first + lane])
        if not _factor(sxx, s.sxr, contrasts, precision, s.v, s.factor):
            return False
        _read_off(s.factor, p, k, first, s.values)
    for f in range(2 + 2 * k):
        for m in range(count):
            total = 0.0
            for node in range(count):
                total += s.values[f, node] * cosines[count // LANES, m, node]
            s.coefficients[f, m] = total * (2 - (m == 0)) / count
    return True


@compiled
def _certified(coefficients: FloatArray, count: int, k: int, v: float) -> bool:
    """Whether what the series leave out, judged by the pace at which they fall, is within the tolerance at v."""
    for f in range(2 + 2 * k):
        last, previous = abs(coefficients[f, count - 1]), abs(coefficients[f, count - 2])
        rest = last * min(1.0, last / max(previous, 1e-300))
        if f == QUAD:
            allowed = 2 * v
        elif f == LOG_DET:
            allowed = 2.0
        elif f % 2 == 0:
            allowed = sqrt(v * coefficients[f + 1, 0])
        else:
            allowed = coefficients[f, 0]
        if not rest <= TOLERANCE * allowed:
            return False
    return True


@compiled
def _log_density(curve: _Curve, span: _Span, c: FloatArray, count: int, at_prior: float, q: int, omega: float) -> float:
    """Log density of data and log sigma; for q >= 0 also of contrast q being 0."""
    t, sigma = 2 * omega, exp(omega)
    v, x = sigma * sigma, _to_unit(span, sigma)
    core = curve.df * t + _clenshaw(c[LOG_DET], count, x) + (curve.total - _clenshaw(c[QUAD], count, x)) / v
    if curve.kind == FLAT:
        value = -0.5 * (core - t)
    else:
        core += log1p(curve.n_sa2 / v) + curve.distance / (v + curve.n_sa2)
        value = curve.constant - 0.5 * core + omega
    if curve.kind == HALF_T:
        value -= 0.5 * (curve.b + 1) * log1p(v / (curve.a**2 * curve.b))
    elif curve.kind == HALF_NORMAL:
        value -= 0.5 * v / curve.a**2
    elif curve.kind == EXPONENTIAL:
        value -= curve.a * sigma
    if q >= 0:
        mean = at_prior + _clenshaw(c[FIRST_CONTRAST + 2 * q], count, x)
        variance = v * _clenshaw(c[FIRST_CONTRAST + 2 * q + 1], count, x)
        value -= 0.5 * (mean**2 / variance + log(variance) + LOG_2PI)
    return value


@compiled
def _integrate(
    curve: _Curve, span: _Span, count: int, at_prior: float, q: int, start: float, grid: FloatArray, s: _Scratch
) -> _Peak:
    """Find the peak and place the nodes, as `quadrature.quadrature` does."""
    c, mode, eps = s.coefficients, start, 0.1 / sqrt(2 * curve.n)
    curvature, settled = 0.0, False
    for _ in range(60):
        middle = _log_density(curve, span, c, count, at_prior, q, mode)
        low = _log_density(curve, span, c, count, at_prior, q, mode - eps)
        high = _log_density(curve, span, c, count, at_prior, q, mode + eps)
        slope, curvature = (high - low) / (2 * eps), (high - 2 * middle + low) / eps**2
        step = -slope / curvature if curvature < 0 else (1.0 if slope > 0 else -1.0)
        step = min(max(step, -0.5), 0.5)
        mode += step
        if abs(step) <= eps / 10:
            settled = True
            break
    if not (settled and curvature < 0):
        return _Peak(start, 1.0, 0.0, False)
    kappa = -curvature / 2
    log_integral, sound = _sum_up(curve, span, count, at_prior, q, mode, kappa, grid, s)
    return _Peak(mode, kappa, log_integral, sound)


@compiled
def _sum_up(
    curve: _Curve,
    span: _Span,
    count: int,
    at_prior: float,
    q: int,
    mode: float,
    kappa: float,
    grid: FloatArray,
    s: _Scratch,
) -> tuple[float, bool]:
    reach, K = sqrt(_drop(grid) / kappa), len(grid)
    top = -np.inf
    for node in range(K):
        w = grid[node] * reach
        s.log_sigma[node] = mode + w + w**2 / 3 + w**3 / 9
        slope = (grid[1] - grid[0]) * reach * (1 + 2 * w / 3 + w**2 / 3)
        s.log_weights[node] = _log_density(curve, span, s.coefficients, count, at_prior, q, s.log_sigma[node]) + log(
            slope
        )
        top = max(top, s.log_weights[node])
    total = every_other = 0.0
    for node in range(K):
        s.weights[node] = exp(s.log_weights[node] - top)
        total += s.weights[node]
        if node % 2 == 0:
            every_other += s.weights[node]
    for node in range(K):
        s.weights[node] /= total
    ends = max(s.log_weights[0], s.log_weights[K - 1]) - top
    return top + log(total), abs(log(2 * every_other / total) - _halved_gaussian(grid)) < 1e-3 and ends < -14


@compiled
def _halved_gaussian(grid: FloatArray) -> float:
    """Return what leaving out every other node does to the integral of a Gaussian, in logs."""
    total = every_other = 0.0
    for node in range(len(grid)):
        height = exp(-_drop(grid) * grid[node] ** 2)
        total += height
        if node % 2 == 0:
            every_other += height
    return log(2 * every_other / total)


@compiled
def _drop(grid: FloatArray) -> float:
    return pi / 2 * (len(grid) - 1)


@compiled
def _inside(span: _Span, peak: _Peak, grid: FloatArray) -> bool:
    needed = _span_around(peak.mode, peak.kappa, grid, 0.0, span.in_sigma)
    return needed.low > 0.985 * span.low and needed.high < 1.015 * span.high


@compiled
def _solve(
    sxx: FloatArray,
    contrasts: FloatArray,
    precision: FloatArray,
    curve: _Curve,
    at_prior: float,
    q: int,
    mode: float,
    kappa: float,
    margin: float,
    count: int,
    grid: FloatArray,
    cosines: FloatArray,
    s: _Scratch,
) -> tuple[_Peak, _Span, int, bool]:
    """Choose a range, interpolate there with as many nodes as it takes, integrate; again if the peak lay elsewhere."""
    most = s.values.shape[1]
    peak, span = _Peak(mode, kappa, 0.0, False), _span(1.0, 2.0, False)
    for _ in range(4):
        while True:
            span = _span_around(mode, kappa, grid, margin, count > 2 * LANES)
            if not _interpolate(sxx, contrasts, precision, span, count, cosines, s):
                return peak, span, count, False
            if _certified(s.coefficients, count, len(contrasts), exp(2 * mode)):
                break
            if count == most:
                return peak, span, count, False
            count = min(count + LANES * max(1, count // (2 * LANES)), most)
        peak = _integrate(curve, span, count, at_prior, q, mode, grid, s)
        if not peak.sound:
            return peak, span, count, False
        if _inside(span, peak, grid):
            return peak, span, count, True
        mode, kappa, margin = peak.mode, peak.kappa, 0.025
    return peak, span, count, False


@compiled
def _normal_cdf(z: float) -> float:
    return 0.5 * erfc(-z * 0.7071067811865476)


@compiled
def _quantile(probability: float, z: float, mean: float, sd: float, skew: float, excess: float, s: _Scratch) -> float:
    """Quantile of the mixture: Cornish and Fisher's expansion, then Halley's steps, kept between the components'."""
    low, high = np.inf, -np.inf
    for node in range(len(s.weights)):
        component = s.means[node] + z * s.sds[node]
        low, high = min(low, component), max(high, component)
    x = mean + sd * (z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * excess / 24 - (2 * z**3 - 5 * z) * skew**2 / 36)
    x = min(max(x, low), high)
    for _ in range(100):
        below, density, slope = -probability, 0.0, 0.0
        for node in range(len(s.weights)):
            d = (x - s.means[node]) / s.sds[node]
            height = s.weights[node] * exp(-0.5 * d * d) / s.sds[node]
            below += s.weights[node] * _normal_cdf(d)
            density += height
            slope -= height * d / s.sds[node]
        density, slope = density * 0.3989422804014327, slope * 0.3989422804014327
        newton = below / density
        step = -newton / max(1 - 0.5 * newton * slope / density, 0.5)
        # Convergence before the bracket: the other order discards a root at the bracket's edge. The error that remains
        # is about (z² + 2)/12 of the step's cube in sds: 4e-9 at most for a 95 % interval.
        if abs(step) <= 2e-3 * sd:
            return x + step
        if below < 0:
            low = x
        else:
            high = x
        x = x + step if low < x + step < high else 0.5 * (low + high)
    return np.nan


@compiled
def _contrast(
    curve: _Curve, span: _Span, count: int, q: int, at_prior: float, task: Task, s: _Scratch, out: FloatArray
) -> None:
    """Every summary of one contrast but its Bayes factor."""
    for node in range(len(s.weights)):
        sigma = exp(s.log_sigma[node])
        v, x = sigma * sigma, _to_unit(span, sigma)
        s.means[node] = at_prior + _clenshaw(s.coefficients[FIRST_CONTRAST + 2 * q], count, x)
        s.sds[node] = sqrt(v * _clenshaw(s.coefficients[FIRST_CONTRAST + 2 * q + 1], count, x))
    _describe(task, s, out)


@compiled
def _describe(task: Task, s: _Scratch, out: FloatArray) -> None:
    """Every summary of a mixture but its Bayes factor."""
    mean = 0.0
    for node in range(len(s.weights)):
        mean += s.weights[node] * s.means[node]
    m2 = m3 = m4 = positive = rope = 0.0
    for node in range(len(s.weights)):
        w, d, sd = s.weights[node], s.means[node] - mean, s.sds[node]
        variance = sd * sd
        m2 += w * (variance + d * d)
        m3 += w * d * (d * d + 3 * variance)
        m4 += w * (d**4 + 6 * d * d * variance + 3 * variance**2)
        positive += w * _normal_cdf(s.means[node] / sd)
        rope += w * (
            _normal_cdf((task.rope[1] - s.means[node]) / sd) - _normal_cdf((task.rope[0] - s.means[node]) / sd)
        )
    sd = sqrt(m2)
    skew, excess = m3 / (m2 * sd), m4 / m2**2 - 3
    out[MEAN], out[SD], out[P_POSITIVE], out[P_ROPE] = mean, sd, positive, rope
    out[LOWER] = _quantile(task.tail, task.z_tail, mean, sd, skew, excess, s)
    out[UPPER] = _quantile(1 - task.tail, -task.z_tail, mean, sd, skew, excess, s)


@compiled
def _log_density_at_zero(s: _Scratch) -> float:
    total = 0.0
    nearest = np.inf
    for node in range(len(s.weights)):
        nearest = min(nearest, 0.5 * (s.means[node] / s.sds[node]) ** 2)
    for node in range(len(s.weights)):
        total += s.weights[node] / s.sds[node] * exp(nearest - 0.5 * (s.means[node] / s.sds[node]) ** 2)
    return log(total) - nearest - 0.5 * LOG_2PI


@compiled
def _curve_of(task: Task, i: int, s: _Scratch) -> _Curve:
    """Everything about data set i that does not change with sigma; leaves Sxr in the scratch memory."""
    p, r = len(s.sxr), _row(task.prior_mean, i)
    total = task.syy[i]
    for j in range(p):
        s.sxr[j] = task.sxy[i, j]
    for j in range(p):
        m = task.prior_mean[r, j]
        if m != 0:
            for k in range(p):
                s.sxr[k] -= m * task.sxx[i, j, k]
    for j in range(p):
        total -= task.prior_mean[r, j] * (task.sxy[i, j] + s.sxr[j])
    n, a, b = task.n[i], task.sigma_a[_row(task.sigma_a, i)], task.sigma_b[0]
    n_sa2 = n / task.intercept_precision[_row(task.intercept_precision, i)]
    away = 0.0 if task.sigma_kind == FLAT else task.y_mean[i] - task.intercept_mean[_row(task.intercept_mean, i)]
    constant = -0.5 * n * LOG_2PI - task.log_scale[_row(task.log_scale, i)]
    if task.sigma_kind == HALF_T:
        constant += log(2.0) + lgamma((b + 1) / 2) - lgamma(b / 2) - 0.5 * log(b * pi) - log(a)
    elif task.sigma_kind == HALF_NORMAL:
        constant += 0.5 * log(2 / pi) - log(a)
    elif task.sigma_kind == EXPONENTIAL:
        constant += log(a)
    return _Curve(n, n - p, total, constant, n_sa2, n * away**2, task.sigma_kind, a, b)


@compiled
def _one_peak(curve: _Curve, sxx: FloatArray, precision: FloatArray, least: float, s: _Scratch) -> bool:
    """Whether the density cannot have a second peak outside the nodes, as where priors and data conflict.

    With r(v) the penalised residual, the slope of the log density in log v has the sign of r(v)/v - n + something
    between 0 and p. As r grows with v from `least`, there is no peak below v if least > n v, nor between v and 2v if
    r(2v) < (n - p) v.
    """
    v, last = exp(2 * s.log_sigma[0]), exp(2 * s.log_sigma[-1])
    if not least > curve.n * v:
        return False
    v = last
    while v < (curve.total + curve.distance) / curve.df:
        r = residual_at(sxx, s.sxr, curve.total, precision, 2 * v, s.triangle)
        if not r + curve.distance * 2 * v / (2 * v + curve.n_sa2) < curve.df * v:
            return False
        v *= 2
    return True


@compiled
def _first_count(information: float, df: float) -> int:
    """Return how many Chebyshev nodes to begin with: few attempts fail, and few nodes are wasted."""
    if df <= PLENTY:  # a wide range of sigma
        return 6 * LANES if information < SCARCE else 2 * LANES
    if information * df < BRIEF or information < HARD:
        return 3 * LANES
    return LANES if information > EASY else 2 * LANES


@compiled
def _one(task: Task, i: int, cosines: FloatArray, s: _Scratch, out: FloatArray) -> tuple[float, bool]:
    """Summarise data set i into `out` (k, 7); returns its log evidence, and whether all is certified."""
    curve = _curve_of(task, i, s)
    if curve.df < PLENTY:  # so few need more nodes than the grid has
        return np.nan, False
    sxx, precision, at_prior = (
        task.sxx[i],
        task.precision[_row(task.precision, i)],
        task.at_prior_mean[_row(task.at_prior_mean, i)],
    )
    residual = residual_at(sxx, s.sxr, curve.total, precision, 1e-6 * task.syy[i] / curve.n, s.triangle)
    if not residual > SMALLEST_RESIDUAL * max(task.syy[i], curve.total):
        return np.nan, False
    df = max(curve.df - 1, 2.0)
    v = residual / df
    information = np.inf
    for j in range(len(precision)):
        information = min(information, sxx[j, j] / (v * precision[j]))
    count = _first_count(information, df)
    margin = 0.1 * log(curve.n / df) + 0.02
    peak, span, count, good = _solve(
        sxx, task.contrasts, precision, curve, 0.0, -1, 0.5 * log(v), df, margin, count, task.grid, cosines, s
    )
    if not (good and _one_peak(curve, sxx, precision, residual, s)):
        return np.nan, False
    for q in range(len(task.contrasts)):
        _contrast(curve, span, count, q, at_prior[q], task, s, out[q])
        out[q, LOG_BF10] = -_log_density_at_zero(s)
        if not (out[q, SD] > 0 and out[q, LOWER] < out[q, UPPER]):
            return np.nan, False
    for node in range(len(s.weights)):
        s.kept[0, node], s.kept[1, node], s.kept[2, node] = s.weights[node], s.means[node], s.sds[node]
    for q in range(len(task.contrasts)):
        # Far from 0 the posterior's nodes miss the sigmas that make 0 likely: see `GaussianPosterior.marginal`.
        tilt = 0.5 * log1p((out[q, MEAN] / out[q, SD]) ** 2 / curve.n)
        if curve.kind == FLAT:
            out[q, LOG_BF10] = np.nan
        elif tilt * sqrt(2 * curve.n) > FAR:
            tilted = _integrate(curve, span, count, at_prior[q], q, peak.mode + tilt, task.grid, s)
            if not (tilted.sound and _inside(span, tilted, task.grid)):
                tilted, span, count, good = _solve(
                    sxx, task.contrasts, precision, curve, at_prior[q], q, peak.mode + tilt, peak.kappa, 0.025, count,
                    task.grid, cosines, s,
                )  # fmt: skip
            if not good:
                return np.nan, False
            out[q, LOG_BF10] = peak.log_integral - tilted.log_integral
    return (np.nan if curve.kind == FLAT else peak.log_integral), True


@compiled
def summarise(
    task: Task, wanted: IntArray, out: FloatArray, log_evidence: FloatArray, done: np.ndarray[Any, Any]
) -> None:
    """Summarise the data sets listed in `wanted`.

    Parameters
    ----------
    task : Task
        Data, priors and questions.
    wanted : array of int
        Which data sets: those that passed the screening.
    out : array, shape (B, k, 7)
        Filled in the order of `SUMMARIES`; ``log_bf10`` is minus the log posterior density at 0, the prior's is added
        by the caller.
    log_evidence : array, shape (B,)
        Filled.
    done : array of bool, shape (B,)
        Set where the result is certified; the others are for the reference.
    """
    cosines, s = _cosines(), _scratch(task)
    for i in wanted:
        log_evidence[i], done[i] = _one(task, i, cosines, s, out[i])


@compiled
def _cosines() -> FloatArray:
    most = 8 * LANES
    cosines = np.zeros((9, most, most))
    for block in range(1, 9):
        count = block * LANES
        for m in range(count):
            for node in range(count):
                cosines[block, m, node] = cos(m * pi * (node + 0.5) / count)
    return cosines


@compiled
def _scratch(task: Task) -> _Scratch:
    p, k, K, most = task.sxy.shape[1], len(task.contrasts), len(task.grid), 8 * LANES
    functions = 2 + 2 * k
    return _Scratch(
        np.empty((p + 2 + k, p, LANES)), np.empty((p, p + 1)), np.empty((functions, most)), np.empty((functions, most)),
        np.empty(LANES), np.empty(p), np.empty(K), np.empty(K), np.empty(K), np.empty(K), np.empty(K), np.empty((3, K)),
    )  # fmt: skip


@compiled
def _refit(own: FloatArray, other: FloatArray, s: _Scratch) -> float:
    """Put another Normal prior, (mean, sd), on the kept contrast in place of its own; returns log evidence gained.

    At each node the contrast is Normal, so its own prior can be divided out (see `reprior`).
    """
    top = -np.inf
    for node in range(len(s.weights)):
        mean, sd = s.kept[1, node], s.kept[2, node]
        precision = max(1 / sd**2 - 1 / own[1] ** 2, 0.0) + 1 / other[1] ** 2
        centre = (mean / sd**2 - own[0] / own[1] ** 2 + other[0] / other[1] ** 2) / precision
        s.means[node], s.sds[node] = centre, 1 / sqrt(precision)
        fit = precision * centre**2 - (other[0] / other[1]) ** 2 - (mean / sd) ** 2 + (own[0] / own[1]) ** 2
        gain = log(own[1] / (other[1] * sd * sqrt(precision))) + 0.5 * fit
        s.log_weights[node] = log(s.kept[0, node]) + gain
        top = max(top, s.log_weights[node])
    total = 0.0
    for node in range(len(s.weights)):
        s.weights[node] = exp(s.log_weights[node] - top)
        total += s.weights[node]
    for node in range(len(s.weights)):
        s.weights[node] /= total
    return top + log(total)


@compiled
def summarise_refits(
    task: Task,
    normals: FloatArray,
    wanted: IntArray,
    out: FloatArray,
    log_evidence: FloatArray,
    done: np.ndarray[Any, Any],
) -> None:
    """Summarise one coefficient of the listed data sets under several Normal priors on it, factoring each only once.

    Parameters
    ----------
    task : Task
        With one contrast, the coefficient; the first of the priors is in its numbers.
    normals : array, shape (V, 2)
        Mean and sd of the coefficient's priors.
    wanted : array of int
        Which data sets.
    out : array, shape (B, V, 7)
        Filled in the order of `SUMMARIES`; ``log_bf10`` as `summarise` has it for the first prior, and for the others
        such that the first prior's log density at 0 is what is missing.
    log_evidence : array, shape (B, V)
        Filled.
    done : array of bool, shape (B, V)
        Set where the result is certified.
    """
    cosines, s = _cosines(), _scratch(task)
    for i in wanted:
        log_evidence[i, 0], done[i, 0] = _one(task, i, cosines, s, out[i, :1])
        for other in range(1, len(normals) if done[i, 0] else 0):
            gained = _refit(normals[0], normals[other], s)
            _describe(task, s, out[i, other])
            # the coefficient's density at 0, of data and coefficient together, is the same under every prior on it
            out[i, other, LOG_BF10] = out[i, 0, LOG_BF10] + gained
            log_evidence[i, other] = log_evidence[i, 0] + gained
            ends = max(s.weights[0], s.weights[-1])
            done[i, other] = ends < LARGEST_END and out[i, other, LOWER] < out[i, other, UPPER]
