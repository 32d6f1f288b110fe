"""One model, two engines: the same design and the same priors, for Bambi and for the exact engine.

The only module that imports bambi.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ...spec import InputError
from ..gaussian.exact import GaussianPosterior, posterior
from ..gaussian.normal_priors import Exponential, FlatPrior, HalfNormal, HalfStudentT, NormalPriors, bambi_default
from .design import Design
from .exchangeable import exchangeable
from .formulas import namespace
from .moment_design import MomentDesign
from .specs import DEFAULT_VARIANT, INTERCEPT, Prior, PriorSet


def exact_priors(design: Design | MomentDesign, variant: str = DEFAULT_VARIANT) -> NormalPriors | FlatPrior:
    """Return a variant's priors in the exact engine's form, one for each column of the design.

    Raises
    ------
    InputError
        The model is not Gaussian, a coefficient's prior is not Normal, sigma's is none that the engine knows, or there
        is no such variant.
    """
    model = design.model
    if model.beyond_gaussian:
        raise InputError(
            f"model {model.name!r} {model.beyond_gaussian}; the exact engine takes gaussian ones, NUTS takes all"
        )
    chosen = model.prior_set(variant)
    if chosen.rule == "flat":
        return FlatPrior()
    if chosen.rule == "bambi_default":
        return bambi_default(design.statistics)
    factor, correlation = exchangeable(design, chosen)
    normal = {name: _normal(name, chosen) for name in (INTERCEPT, *design.terms)}
    owner = {column: term for term, columns in design.terms.items() for column in columns}
    return NormalPriors(
        names=tuple(owner),
        mean=np.array([normal[term][0] for term in owner.values()]),
        sd=np.array([normal[term][1] for term in owner.values()]) * factor,
        intercept_mean=normal[INTERCEPT][0],
        intercept_sd=normal[INTERCEPT][1],
        sigma=_sigma(chosen.priors["sigma"]),
        correlation=correlation,
    )


def exact_posterior(
    design: Design | MomentDesign, variant: str = DEFAULT_VARIANT, *, nodes: int = 15
) -> GaussianPosterior:
    """Return the exact posterior of a design under one variant of its model's priors.

    Parameters
    ----------
    design : Design or MomentDesign
        One data set, or B of them.
    variant : str
        Which priors.
    nodes : int
        Nodes of the quadrature over sigma.

    Returns
    -------
    GaussianPosterior
        Coefficients are named as the design's columns.

    Raises
    ------
    InputError
        As `exact_priors`.
    ExactEngineError
        The data have no exact posterior: too few rows, collinear columns, no residual.
    """
    return posterior(design.statistics, exact_priors(design, variant), nodes=nodes)


@cache
def somewhere_to_compile() -> None:
    """Let PyTensor compile in a temporary folder where the user's own cannot be written to: its import would fail."""
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    own = Path("~/.pytensor").expanduser()
    try:
        own.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=own).close()
    except OSError:
        if "compiledir" not in flags:
            folder = tempfile.mkdtemp(prefix="hikibayes-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            os.environ["PYTENSOR_FLAGS"] = f"{flags},base_compiledir={folder}".strip(",")


def bambi_model(design: Design, variant: str = DEFAULT_VARIANT) -> Any:
    """Return the built `bambi.Model` of a design under one variant of its model's priors.

    Parameters
    ----------
    design : Design
        Participants; the model sees the same scaled columns as the exact engine does.
    variant : str
        Which priors.

    Returns
    -------
    bambi.Model
        Built, with every prior explicit unless the variant is Bambi's own default.

    Raises
    ------
    InputError
        The flat variant: p(beta, sigma) proportional to 1/sigma is not a distribution that NUTS could be given. A
        design of several data sets. Or a model that Bambi does not have in this form: pools, `sigma_by`, a sum score,
        measurement error.
    """
    if design.datasets != 1:
        raise InputError(f"NUTS takes one data set at a time; found {design.datasets}")
    model = design.model
    chosen = model.prior_set(variant)
    if chosen.rule == "flat":
        raise InputError(f"variant {variant!r} is no proper prior; ask the exact engine for it, or NUTS for another")
    if model.pools or model.sigma_by or model.family == "beta_binomial" or model.measurement_error:
        raise InputError(f"model {model.name!r} {model.beyond_gaussian}; Bambi has no such model in this form")
    if any(prior.exchangeable for prior in chosen.priors.values()):
        raise InputError(f"model {model.name!r} has an exchangeable prior; Bambi has none, the engines here do")
    somewhere_to_compile()
    import bambi

    bambi.config["UNUSED_PRIORS"] = "error"
    priors = {name: bambi.Prior(prior.dist, **prior.parameters) for name, prior in chosen.priors.items()}
    # a varying intercept's prior is that of its SD
    priors |= {name: bambi.Prior("Normal", mu=0, sigma=priors[name]) for name in model.varying if name in priors}
    built = bambi.Model(
        model.formula, design.frame, family=model.family, priors=priors or None, extra_namespace=namespace()
    )
    built.build()
    return built


def _normal(name: str, chosen: PriorSet) -> tuple[float, float]:
    prior = chosen.priors[name]
    if prior.dist != "Normal":
        raise InputError(f"the prior of {name!r} is {prior}; the exact engine takes Normal ones, NUTS takes all")
    return prior.parameters["mu"], prior.parameters["sigma"]


def _sigma(prior: Prior) -> HalfStudentT | HalfNormal | Exponential:
    p = prior.parameters
    match prior.dist:
        case "HalfStudentT":
            return HalfStudentT(nu=p["nu"], scale=p["sigma"])
        case "HalfNormal":
            return HalfNormal(scale=p["sigma"])
        case "Exponential":
            return Exponential(lam=p["lam"])
        case _:
            raise InputError(
                f"the prior of 'sigma' is {prior}; the exact engine takes HalfStudentT, HalfNormal and Exponential"
            )
