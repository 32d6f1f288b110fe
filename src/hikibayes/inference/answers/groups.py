"""Draws with everything around them that ArviZ asks for: the rows, how likely they were, what the priors had said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats as st

from ...arrays import FloatArray
from ...spec import InputError
from ..gaussian.normal_priors import Exponential, HalfNormal, NormalPriors, SigmaPrior
from ..models.compile import exact_priors
from ..models.layout import coefficient_draws, term_variables
from ..models.specs import INTERCEPT

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
        attribute ``sampler = "exact"``), ``observed_data``; of Gaussian and t models ``log_likelihood`` and
        ``posterior_predictive``, unless rows times draws exceed `MOST`; where all priors are Normal also ``prior``,
        ``prior_predictive`` and ``log_prior``. The outcome is in the model's unit: SD, unless the scaling is raw.
    """
    import xarray as xr

    design, rng = fit.design, np.random.default_rng([fit.seed, 1])
    groups = {name: node.to_dataset() for name, node in fit.draws.children.items()}
    before = _prior(fit, rng)
    if before:
        groups |= {"prior": before["prior"], "log_prior": before["log_prior"]}
    outcome = design.model.outcome
    groups["observed_data"] = xr.Dataset({outcome: (ROW, design.y[0])})
    plain = design.model.family in {"gaussian", "t"} and not design.model.measurement_error
    if plain and groups["posterior"][INTERCEPT].size * len(design.frame) <= MOST:
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
        self.mean = mean
        sigma = drawn["sigma"]
        by = design.model.sigma_by
        self.sigma = _of_level(sigma, design.frame[by]) if by else sigma.transpose(*AXES).values[..., None]
        self.nu = drawn["nu"].transpose(*AXES).values[..., None] if "nu" in drawn else None

    def log_density(self, y: FloatArray) -> FloatArray:
        law = st.norm if self.nu is None else st.t(self.nu)
        return np.asarray(law.logpdf((y - self.mean) / self.sigma) - np.log(self.sigma))

    def drawn(self, rng: np.random.Generator) -> FloatArray:
        shape = self.mean.shape
        error = rng.standard_normal(shape) if self.nu is None else rng.standard_t(self.nu, shape)
        return np.asarray(self.mean + self.sigma * error)

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
        priors = exact_priors(fit.design, fit.variant)
    except InputError:
        return {}
    if not isinstance(priors, NormalPriors):
        return {}
    after = fit.draws["posterior"].to_dataset()
    size = tuple(after.sizes[name] for name in AXES)
    aligned, centre = priors.align(fit.design.columns), fit.design.statistics.x_mean[0]
    root = aligned.precision_root[0]
    beta = aligned.mean[0] + rng.standard_normal((*size, len(centre))) @ np.linalg.inv(root).T
    level = st.norm(aligned.intercept_mean[0], aligned.intercept_precision[0] ** -0.5)
    at_zero = level.rvs(size=size, random_state=rng) - beta @ centre
    scalars = {INTERCEPT: at_zero, "sigma": _sigma_draws(priors.sigma, rng, size)}
    prior = {name: xr.DataArray(values, dims=AXES) for name, values in scalars.items()}
    own, sigma = coefficient_draws(fit.draws, fit.design)
    # every term's prior is apart from the others', whatever it is within
    residual = (own - aligned.mean[0]) @ root.T
    density = xr.Dataset(
        {
            name: values if values.ndim == 2 else values.sum(str(values.dims[-1]))
            for name, values in term_variables(st.norm.logpdf(residual) + np.log(np.diagonal(root)), fit.design).items()
        }
    )
    at = after[INTERCEPT].transpose(*AXES).values + own @ centre
    density = density.assign({INTERCEPT: (AXES, level.logpdf(at)), "sigma": (AXES, priors.sigma.log_density(sigma))})
    coords = {name: after[name] for name in AXES}
    whole = xr.Dataset({**prior, **term_variables(beta, fit.design)})
    return {"prior": whole.assign_coords(coords), "log_prior": density.assign_coords(coords)}


def _sigma_draws(prior: SigmaPrior, rng: np.random.Generator, size: tuple[int, ...]) -> FloatArray:
    if isinstance(prior, Exponential):
        return np.asarray(rng.exponential(1 / np.asarray(prior.lam), size))
    unit = rng.standard_normal(size) if isinstance(prior, HalfNormal) else rng.standard_t(prior.nu, size)
    return np.asarray(np.abs(unit) * prior.scale)
