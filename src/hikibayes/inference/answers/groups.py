"""Draws with everything around them that ArviZ asks for: the rows, how likely they were, what the priors had said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from ...arrays import FloatArray
from ...distributions import Distribution
from ...spec import InputError
from ..models.layout import coefficient_draws, term_variables
from ..models.specs import INTERCEPT
from ..nuts.graph import (
    BETA,
    OBSERVED,
    POOL,
    Written,
    outcome_data,
    rotation,
    spread_priors,
    sum_score_limits,
    written_priors,
)

if TYPE_CHECKING:
    import xarray as xr

    from ..fit import Fit
    from ..models.design import Design

MOST = 20_000_000
"""Rows times draws of a group that has a number for each; beyond, such groups are left out."""
ROW = "__obs__"
AXES = ("chain", "draw")


def arviz_groups(fit: Fit) -> xr.DataTree:
    """Return a fit's draws as a whole tree in ArviZ's schema.

    Returns
    -------
    xarray.DataTree
        ``posterior``, ``sample_stats`` of NUTS (the exact engine's draws are independent, and ``posterior`` has the
        attribute ``sampler = "exact"``), ``observed_data``, ``constant_data`` (predictors that are numbers); of models
        without measurement error ``log_likelihood`` and ``posterior_predictive``, unless rows times draws exceed
        `MOST`; of all but flat priors ``prior``, ``prior_predictive`` and ``log_prior``. Rows are in the model's unit:
        SD, unless the scaling is raw.
    """
    import xarray as xr

    design, rng = fit.design, np.random.default_rng([fit.seed, 1])
    groups = {name: node.to_dataset() for name, node in fit.draws.children.items()}
    before = _prior(fit, rng)
    if before:
        groups |= {"prior": before["prior"], "log_prior": before["log_prior"]}
    outcome = design.model.outcome
    groups["observed_data"] = xr.Dataset({outcome: (ROW, design.y[0])})
    numbers = [name for name in design.scaling.scale if name in design.frame and name != outcome]
    groups["constant_data"] = xr.Dataset({name: (ROW, design.frame[name].to_numpy()) for name in numbers})
    if not design.model.measurement_error and groups["posterior"][INTERCEPT].size * len(design.frame) <= MOST:
        law = _Law(fit.draws, design)
        groups["log_likelihood"] = law.dataset(outcome, law.log_density(design.y[0]))
        groups["posterior_predictive"] = law.dataset(outcome, law.drawn(rng))
        if before:
            law = _Law(xr.DataTree.from_dict({"posterior": before["prior"]}), design)
            groups["prior_predictive"] = law.dataset(outcome, law.drawn(rng))
    return xr.DataTree.from_dict(groups)


class _Law:
    """The law of every row's outcome in every draw."""

    def __init__(self, tree: xr.DataTree, design: Design) -> None:
        drawn = tree["posterior"].to_dataset()
        beta, _ = coefficient_draws(tree, design)
        self.coords = {name: drawn[name] for name in AXES}
        mean = drawn[INTERCEPT].transpose(*AXES).values[..., None] + beta @ design.rows[0].T
        for term in design.model.varying:
            mean = mean + _of_level(drawn[term], design.frame[term.removeprefix("1|")])
        self.mean, self.design = mean, design
        if "kappa" in drawn:
            self.kappa = drawn["kappa"].transpose(*AXES).values[..., None]
            return
        sigma = drawn["sigma"]
        by = design.model.sigma_by
        self.sigma = _of_level(sigma, design.frame[by]) if by else sigma.transpose(*AXES).values[..., None]
        self.nu = drawn["nu"].transpose(*AXES).values[..., None] if "nu" in drawn else None

    def log_density(self, y: FloatArray) -> FloatArray:
        from scipy import stats as st

        if self.design.model.family == "beta_binomial":
            return np.asarray(self._counts().logpmf(outcome_data(self.design)[OBSERVED]))
        law = st.norm if self.nu is None else st.t(self.nu)
        return np.asarray(law.logpdf((y - self.mean) / self.sigma) - np.log(self.sigma))

    def drawn(self, rng: np.random.Generator) -> FloatArray:
        shape = self.mean.shape
        if self.design.model.family == "beta_binomial":
            name, scaling = self.design.model.outcome, self.design.scaling
            values = sum_score_limits(self.design.model, self.design.study)[0] + self._counts().rvs(
                size=shape, random_state=rng
            )
            return scaling.z(name, values.ravel()).reshape(shape) if self.design.standardised else values
        error = rng.standard_normal(shape) if self.nu is None else rng.standard_t(self.nu, shape)
        return np.asarray(self.mean + self.sigma * error)

    def _counts(self) -> Any:
        """Return the law of a sum score's steps above its lowest value."""
        from scipy import stats as st

        low, high = sum_score_limits(self.design.model, self.design.study)
        p = expit(self.mean)
        return st.betabinom(high - low, p * self.kappa, (1 - p) * self.kappa)

    def dataset(self, name: str, values: FloatArray) -> xr.Dataset:
        import xarray as xr

        return xr.Dataset({name: ((*AXES, ROW), values)}, coords=self.coords)


def _of_level(values: xr.DataArray, column: Any) -> FloatArray:
    """Give every row the value of its own level: (chain, draw, n)."""
    return np.asarray(values.transpose(*AXES, ...).values[..., column.cat.codes.to_numpy()])


def _prior(fit: Fit, rng: np.random.Generator) -> dict[str, xr.Dataset]:
    """Return draws from the priors, and the priors' log density at the posterior's draws, a variable each."""
    import xarray as xr

    try:
        priors = _Priors(fit.design, fit.variant)
    except InputError:  # a flat one
        return {}
    after = fit.draws["posterior"].to_dataset().transpose(*AXES, ...)
    own = {str(name): values.values for name, values in after.items()}
    own |= {BETA: coefficient_draws(fit.draws, fit.design)[0]}
    shapes = {name: values.shape for name, values in own.items()}
    made = {"prior": priors.drawn(rng, shapes), "log_prior": priors.log_density(own)}
    return {
        group: xr.Dataset(
            {name: (after[name].dims[: values.ndim], values) for name, values in numbers.items() if name != BETA}
            | priors.by_term(numbers[BETA], whole=group == "prior"),
            coords=after.coords,
        )
        for group, numbers in made.items()
    }


type Numbers = dict[str, FloatArray]


class _Priors:
    """The priors of a model's parameters as SciPy has them; coefficients are `BETA`, (chain, draw, p)."""

    def __init__(self, design: Design, variant: str) -> None:
        self.design, self.centre = design, design.rows[0].mean(axis=0)
        intercept, self.columns, own = written_priors(design, variant)
        self.intercept = _frozen(intercept)
        self.laws = {name: _frozen(prior) for name, prior in {**own, **spread_priors(design, variant)}.items()}
        turned = rotation(design, variant)
        self.root = np.eye(len(self.columns)) if turned is None else turned

    def drawn(self, rng: np.random.Generator, shapes: Mapping[str, tuple[int, ...]]) -> Numbers:
        """Draw every parameter, in the shape that it is wanted in."""
        found = {name: np.asarray(law.rvs(size=shapes[name], random_state=rng)) for name, law in self.laws.items()}
        for term in self.design.model.varying:
            found[term] = found[f"{term}_sigma"][..., None] * rng.standard_normal(shapes[term])
        size = shapes[INTERCEPT]
        independent = [law.rvs(size=size, random_state=rng) for law in self._of_columns(found)]
        found[BETA] = np.stack(independent, axis=-1) @ self.root.T
        at_mean = self.intercept.rvs(size=size, random_state=rng)
        return found | {INTERCEPT: np.asarray(at_mean - found[BETA] @ self.centre)}

    def log_density(self, at: Numbers) -> Numbers:
        """Evaluate every parameter's prior, of levels all together, (chain, draw); of each column of `BETA`."""
        from scipy import stats as st

        own, size = at[BETA], at[INTERCEPT].shape
        found = {name: law.logpdf(at[name]).reshape(*size, -1).sum(axis=-1) for name, law in self.laws.items()}
        for term in self.design.model.varying:
            found[term] = st.norm(0, at[f"{term}_sigma"][..., None]).logpdf(at[term]).sum(axis=-1)
        independent = own @ np.linalg.inv(self.root).T
        each = [law.logpdf(independent[..., j]) for j, law in enumerate(self._of_columns(at))]
        found[BETA] = np.stack(each, axis=-1) - np.log(np.diagonal(self.root))
        return found | {INTERCEPT: self.intercept.logpdf(at[INTERCEPT] + own @ self.centre)}

    def by_term(self, values: FloatArray, *, whole: bool) -> dict[str, xr.DataArray]:
        """Return a variable for each term, or the sum over its columns."""
        # every term's prior is apart from the others', whatever it is within
        found = term_variables(values, self.design)
        return found if whole else {name: each.sum([*each.dims[len(AXES) :]]) for name, each in found.items()}

    def _of_columns(self, spreads: Numbers) -> Iterator[Any]:
        from scipy import stats as st

        for prior in self.columns:
            pool = prior.dist.removeprefix(POOL)
            yield _frozen(prior) if pool == prior.dist else st.norm(0, spreads[f"{pool}_sd"])


def _frozen(prior: Written) -> Any:
    return Distribution.model_validate({"dist": prior.dist, **prior.parameters}).frozen()
