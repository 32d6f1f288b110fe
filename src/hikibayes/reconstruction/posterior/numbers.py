"""The numbers that targets speak of, computed from one sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ...moments import Fit, compare, correlations
from ...moments.tails import Array, namespace
from .assembly import Conventions, Data, Sample, contrast_weights
from .printed import Target

TINY = 1e-12


class Regressions:
    """The regressions of a sample, each run once."""

    def __init__(self, sample: Sample, default: tuple[str, str]) -> None:
        self.sample = sample
        self._default = default
        self._fits: dict[Conventions, Fit] = {}

    def fit(self, key: Conventions) -> Fit:
        """Return the regression of a step under conventions."""
        if key not in self._fits:
            made = self.sample.made
            design = made.design(key)
            xp = namespace(design.scatter)
            beta = xp.einsum("...tk,...k->...t", made.betas(design), self.sample.coefficients)
            explained = xp.einsum("...t,...ts,...s->...", beta / design.root, design.scatter, beta / design.root)
            self._fits[key] = Fit(
                design=design,
                beta=beta,
                r2=explained,
                outcome_mean=made.location[..., -1],
                outcome_sd=made.scale[..., -1],
            )
        return self._fits[key]

    def of_step(self, step: int) -> Fit:
        """Return the regression of a step under any conventions: R2 is the same for all."""
        known = [key for key in self._fits if key[0] == step]
        return self.fit(known[0] if known else (step, *self._default))  # type: ignore[arg-type]


def target_numbers(targets: Sequence[Target], sample: Sample, data: Data, default: tuple[str, str]) -> Array:
    """Return the number of each target, shape (t,); with the sign that the target is about."""
    xp = namespace(sample.coefficients)
    parts = list(_by_kind(targets, sample, Regressions(sample, default), data))
    if not parts:
        return xp.zeros(0)
    order = np.argsort(np.concatenate([which for which, _ in parts]))
    return xp.concatenate([values for _, values in parts])[order]


def _by_kind(
    targets: Sequence[Target], sample: Sample, regressions: Regressions, data: Data
) -> Iterable[tuple[list[int], Array]]:
    by_kind: dict[tuple[str, Conventions | None], list[int]] = {}
    for i, target in enumerate(targets):
        by_kind.setdefault((target.kind, target.contrast.design if target.contrast else None), []).append(i)
    # regressions with contrasts first: what R2 needs is then there already
    for (kind, design), which in sorted(by_kind.items(), key=lambda pair: pair[0][1] is None):
        chosen = [targets[i] for i in which]
        if design is not None:
            yield which, _contrasts(kind, chosen, regressions)
        else:
            yield which, NUMBERS[kind](chosen, sample, regressions, data, which)


def _contrasts(kind: str, targets: Sequence[Target], regressions: Regressions) -> Array:
    """Return estimates, standard errors, t or VIFs of one regression."""
    contrasts = [target.contrast for target in targets]
    design = contrasts[0].design  # type: ignore[union-attr]
    found = regressions.fit(design)
    xp = namespace(found.beta)
    if kind == "vif":
        return found.vif[np.array([found.design.position(str(c.term)) for c in contrasts if c])]
    weights, factor = contrast_weights(found.design, contrasts, regressions.sample.made)
    estimate = weights @ found.beta
    if kind == "estimate":
        return factor * estimate
    length = xp.einsum("ci,ij,cj->c", weights, found.design.inverse, weights)
    se = xp.sqrt((1 - found.r2) / found.df * length)
    return factor * se if kind == "se" else estimate / se


def _r2(targets: Sequence[Target], sample: Sample, regressions: Regressions, *_: object) -> Array:
    """Return a weighted difference of two steps' R2."""
    xp = namespace(sample.coefficients)
    return xp.stack(
        [
            sum(w * regressions.of_step(s).r2 for w, s in zip(target.weights, target.index, strict=True) if s >= 0)
            for target in targets
        ]
    )


def _increment(targets: Sequence[Target], sample: Sample, regressions: Regressions, *_: object) -> Array:
    """Return what a step adds over what it leaves: F times the added terms over df."""
    xp = namespace(sample.coefficients)
    r2 = [[regressions.of_step(s).r2 if s >= 0 else 0.0 for s in target.index] for target in targets]
    return xp.stack([(here - before) / (1 - here) for here, before in r2])


def _correlation(targets: Sequence[Target], sample: Sample, *_: object) -> Array:
    """Return correlations among the group (0), predictors and outcome, in the groups or in total."""
    xp, n = namespace(sample.coefficients), sample.made.n
    total, moments = n.sum(), sample.moments
    own = xp.stack([correlations(moments, where) for where in (*range(moments.groups), None)])
    # the last of two groups; where there are others nothing speaks of it
    with_group = (moments.mean[-1] - moments.mean[0]) / moments.sd * xp.sqrt(n[0] * n[-1] / total / (total - 1))
    where, first, second = np.array([target.index for target in targets]).T
    return xp.where(first == 0, with_group[second - 1], own[where, first - 1, second - 1])


def _mean(targets: Sequence[Target], sample: Sample, *_: object) -> Array:
    xp, moments = namespace(sample.coefficients), sample.moments
    where, j = np.array([target.index for target in targets]).T
    return xp.concatenate([moments.mean, moments.total[0][None]])[where, j]


def _sd(targets: Sequence[Target], sample: Sample, *_: object) -> Array:
    xp, moments = namespace(sample.coefficients), sample.moments
    where, j = np.array([target.index for target in targets]).T
    by_group = xp.sqrt(xp.diagonal(moments.cov, axis1=-2, axis2=-1))
    return xp.concatenate([by_group, moments.sd[None]])[where, j]


def _comparison(student: str, welch: str) -> Callable[..., Array]:
    def compute(targets: Sequence[Target], sample: Sample, *_: object) -> Array:
        xp, index = namespace(sample.coefficients), [target.index for target in targets]
        pairs = list(dict.fromkeys(each[2:] for each in index))
        found = [compare(sample.moments, *pair) for pair in pairs]
        by_pair = xp.stack(
            [xp.stack([getattr(pair, name) + 0.0 * pair.difference for name in (welch, student)]) for pair in found]
        )
        j, is_student = np.array([each[:2] for each in index]).T
        return by_pair[np.array([pairs.index(each[2:]) for each in index]), is_student, j]

    return compute


def _f(targets: Sequence[Target], sample: Sample, *_: object) -> Array:
    """Return F of one-way comparisons of all groups."""
    moments, j = sample.moments, np.array([target.index[0] for target in targets])
    xp, n = namespace(moments.mean), moments.n
    between = (n[:, None] * (moments.mean - moments.total[0])[:, j] ** 2).sum(0) / (moments.groups - 1)
    variance = xp.diagonal(moments.cov, axis1=-2, axis2=-1)[:, j]
    return between / (((n - 1)[:, None] * variance).sum(0) / (n.sum() - moments.groups))


def _welch_p(
    targets: Sequence[Target], sample: Sample, regressions: Regressions, data: Data, which: list[int]
) -> Array:
    """Return where t stands between the limits that its p has at Welch's df (see `Target`)."""
    xp = namespace(sample.coefficients)
    sign = np.array([target.sign for target in targets])
    lower = np.array([np.isfinite(target.low) for target in targets])
    upper = np.array([np.isfinite(target.high) for target in targets])
    t = _comparison("welch_t", "welch_t")(targets, sample)
    t = xp.where(sign == 0, xp.sqrt(t * t + TINY), sign * t)
    df = _comparison("welch_df", "welch_df")(targets, sample)
    powers = (1 / df)[:, None] ** np.arange(data.welch.shape[-1])[::-1]
    limits = xp.exp((data.welch[np.array(which)] * powers[:, None, :]).sum(-1))
    low, high = limits[:, 0], limits[:, 1]
    return xp.where(lower & upper, (t - low) / xp.where(lower & upper, high - low, 1.0), t - xp.where(lower, low, high))


NUMBERS: dict[str, Callable[..., Array]] = {
    "r2": _r2,
    "increment": _increment,
    "correlation": _correlation,
    "mean": _mean,
    "sd": _sd,
    "mean_difference": _comparison("difference", "difference"),
    "d": _comparison("d", "d"),
    "t": _comparison("student_t", "welch_t"),
    "df": _comparison("student_df", "welch_df"),
    "welch_p": _welch_p,
    "f": _f,
}
