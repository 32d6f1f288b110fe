"""What a contrast's marginal says, a mixture of normals with a component for each node of sigma."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
from __future__ import annotations

from .algebra import compiled
from .lanes import (
    all_below,
    cdf_and_bell,
    exponential,
    lanes,
    larger,
    load,
    logarithm,
    magnitude,
    smaller,
    square_root,
    store,
    where_below,
)
from .quadrature import LOG_2PI
from .reference_quadrature import FEW_MAY

FEATURES = ("mean", "sd", "lower", "upper", "p_positive", "p_rope", "log_bf10")
MEAN, SD, LOWER, UPPER, P_POSITIVE, P_ROPE, LOG_BF10 = range(7)
LOG_WEIGHT, WEIGHT, CENTRE, SPREAD, PRECISE = range(5)
"""Rows of a mixture: log weights, weights, means, sds, and 1 over the sds. The first two are those of the nodes."""
LUMPY = 0.5
"""As `hikibayes.inference.gaussian.exact` has it, of neighbouring components."""
END = FEW_MAY[1]
SHIFTED = 0.03
"""Leaving out every other node, of a Gaussian that lies anywhere between them: so much at most, in logs."""


@compiled
def describe(mixture, tail, z_tail, rope_low, rope_high, out, q):
    """Fill row q of `out` with everything but the Bayes factor; return mean, sd, and 1 where the mixture is smooth."""
    K = mixture.shape[1]
    mean, smooth = lanes(0.0), lanes(1.0)
    for t in range(K):
        mean += load(mixture, (WEIGHT, t)) * load(mixture, (CENTRE, t))
    m2, m3, m4, positive, rope = lanes(0.0), lanes(0.0), lanes(0.0), lanes(0.0), lanes(0.0)
    before = load(mixture, (CENTRE, 0))
    for t in range(K):
        w, centre, sd = load(mixture, (WEIGHT, t)), load(mixture, (CENTRE, t)), load(mixture, (SPREAD, t))
        inverse = 1.0 / sd
        store(mixture, (PRECISE, t), inverse)
        smooth = where_below(magnitude(centre - before), LUMPY * sd, smooth, lanes(0.0))
        before = centre
        away, variance = centre - mean, sd * sd
        square = away * away
        m2 += w * (variance + square)
        m3 += w * away * (square + 3.0 * variance)
        m4 += w * (square * square + 6.0 * square * variance + 3.0 * variance * variance)
        positive += w * cdf_and_bell(centre * inverse)[0]
        inside = cdf_and_bell((rope_high - centre) * inverse)[0] - cdf_and_bell((rope_low - centre) * inverse)[0]
        rope += w * inside
    sd = square_root(m2)
    skew, excess = m3 / (m2 * sd), m4 / (m2 * m2) - 3.0
    store(out, (q, MEAN), mean)
    store(out, (q, SD), sd)
    store(out, (q, P_POSITIVE), positive)
    store(out, (q, P_ROPE), rope)
    store(out, (q, LOWER), _quantile(tail, z_tail, mean, sd, skew, excess, mixture))
    store(out, (q, UPPER), _quantile(1.0 - tail, -z_tail, mean, sd, skew, excess, mixture))
    return mean, sd, smooth


@compiled
def _quantile(probability, z, mean, sd, skew, excess, mixture):
    """Cornish and Fisher's expansion, then Halley's steps, kept between the components' quantiles."""
    K = mixture.shape[1]
    low, high = lanes(1e308), lanes(-1e308)
    for t in range(K):
        component = load(mixture, (CENTRE, t)) + z * load(mixture, (SPREAD, t))
        low, high = smaller(low, component), larger(high, component)
    z2 = z * z
    third, fourth = (z2 * z - 3.0 * z) / 24.0, (2.0 * z2 * z - 5.0 * z) / 36.0
    x = mean + sd * (z + (z2 - 1.0) / 6.0 * skew + third * excess - fourth * skew * skew)
    x = smaller(larger(x, low), high)
    found, done = x, lanes(0.0)
    for _ in range(100):
        below, density, slope = lanes(-probability), lanes(0.0), lanes(0.0)
        for t in range(K):
            inverse = load(mixture, (PRECISE, t))
            d = (x - load(mixture, (CENTRE, t))) * inverse
            cdf, bell = cdf_and_bell(d)
            w = load(mixture, (WEIGHT, t))
            height = w * bell * inverse
            below += w * cdf
            density += height
            slope -= height * d * inverse
        density *= 0.3989422804014327
        slope *= 0.3989422804014327
        newton = -below / density
        step = newton / larger(1.0 + 0.5 * newton * slope / density, lanes(0.5))
        # Convergence before the bracket: the other order discards a root at the bracket's edge. The error that remains
        # is about (z² + 2)/12 of the step's cube in sds: 4e-9 at most for a 95 % interval.
        settled = where_below(magnitude(step), sd * 2e-3, lanes(1.0), lanes(0.0))
        found = where_below(done, lanes(0.5), x + step, found)
        done = larger(done, settled)
        if all_below(lanes(0.5), done):
            break
        low, high = where_below(below, lanes(0.0), x, low), where_below(below, lanes(0.0), high, x)
        middle = 0.5 * (low + high)
        x = where_below(low, x + step, where_below(x + step, high, x + step, middle), middle)
    return where_below(lanes(0.5), done, found, lanes(float("nan")))


@compiled
def log_density_at_zero(mixture):
    """Log density of the mixture at 0, also where that is far out."""
    nearest, total = lanes(1e308), lanes(0.0)
    for t in range(mixture.shape[1]):
        d = load(mixture, (CENTRE, t)) * load(mixture, (PRECISE, t))
        nearest = smaller(nearest, 0.5 * d * d)
    for t in range(mixture.shape[1]):
        inverse = load(mixture, (PRECISE, t))
        d = load(mixture, (CENTRE, t)) * inverse
        total += load(mixture, (WEIGHT, t)) * inverse * exponential(nearest - 0.5 * d * d)
    return logarithm(total) - nearest - 0.5 * LOG_2PI


@compiled
def refit(mixture, given, own_mean, own_sd, other_mean, other_sd):
    """Put another Normal prior on contrast 0 in place of its own; return the log evidence gained, and 1 where it holds.

    At each node the contrast is Normal, so its own prior can be divided out: see
    `hikibayes.inference.gaussian.reprior`.
    `given` (k, K, 3) has its mean, sd and weight at each node; the mixture is overwritten. It holds where sigma has not
    moved out of the nodes.
    """
    K, top = mixture.shape[1], lanes(-1e308)
    own, other = 1.0 / (own_sd * own_sd), 1.0 / (other_sd * other_sd)
    for t in range(K):
        mean, sd, weight = load(given, (0, t, 0)), load(given, (0, t, 1)), load(given, (0, t, 2))
        precise = 1.0 / (sd * sd)
        precision = larger(precise - own, lanes(0.0)) + other
        centre = (mean * precise - own_mean * own + other_mean * other) / precision
        gain = precision * centre * centre - other_mean * other_mean * other
        gain += own_mean * own_mean * own - mean * mean * precise
        spread = 1.0 / square_root(precision)
        store(mixture, (CENTRE, t), centre)
        store(mixture, (SPREAD, t), spread)
        log_weight = logarithm(larger(weight, lanes(1e-290)) * (own_sd / other_sd) * spread / sd) + 0.5 * gain
        store(mixture, (LOG_WEIGHT, t), log_weight)
        top = larger(top, log_weight)
    total, every_other = lanes(0.0), lanes(0.0)
    for t in range(K):
        weight = exponential(load(mixture, (LOG_WEIGHT, t)) - top)
        total += weight
        if t % 2 == 0:
            every_other += weight
        store(mixture, (WEIGHT, t), weight)
    inverse = 1.0 / total
    for t in range(K):
        store(mixture, (WEIGHT, t), load(mixture, (WEIGHT, t)) * inverse)
    ends = larger(load(mixture, (LOG_WEIGHT, 0)), load(mixture, (LOG_WEIGHT, K - 1))) - top
    holds = where_below(ends, lanes(0.6 * END), lanes(1.0), lanes(0.0))
    error = magnitude(logarithm(2.0 * every_other / total))
    return top + logarithm(total), where_below(error, lanes(SHIFTED), holds, lanes(0.0))
