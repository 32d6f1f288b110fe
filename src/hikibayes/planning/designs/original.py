"""The study that is replicated, as a prior: what it says of the effect, after the analysis' own prior."""

from __future__ import annotations

from ...estimands import KINDS
from ...inference.models.specs import DEFAULT_VARIANT, ModelSpec, Prior, Variant
from ...spec import InputError, Number, Positive, Spec
from ...study.study import Estimand, Study

ORIGINAL = "original"
"""The prior variant under which replication rules are asked."""


class Original(Spec):
    """What the original study found of the first decision's estimand, in the units of the plan."""

    estimate: Number
    se: Positive


def with_original(model: ModelSpec, original: Original, estimand: Estimand, study: Study) -> ModelSpec:
    """Return a model with one more variant of its priors: the original's posterior of the effect, all else as it is.

    Parameters
    ----------
    model : ModelSpec
        Whose own priors are updated.
    original : Original
        A normal likelihood of the effect.
    estimand : Estimand
        One coefficient of the model, with a Normal prior.
    study : Study
        Its groups.

    Raises
    ------
    InputError
        The estimand is no single coefficient, or its prior is not Normal.

    Notes
    -----
    Under this prior the Bayes factor against 0 is the replication Bayes factor, and the posterior is that of both
    studies together; nuisance parameters are each study's own.

    References
    ----------
    .. [1] Verhagen J., Wagenmakers E.-J. (2014). Bayesian tests to quantify the result of a replication attempt.
       Journal of Experimental Psychology: General 143(4), 1457-1475. https://doi.org/10.1037/a0036731
    .. [2] Ly A., Etz A., Marsman M., Wagenmakers E.-J. (2019). Replication Bayes factors from evidence updating.
       Behavior Research Methods 51, 2498-2508. https://doi.org/10.3758/s13428-018-1092-x
    """
    from ...replication.measures import NormalPrior, normal, posterior

    if ORIGINAL in model.variants:
        return model
    term = KINDS[estimand.kind].term(estimand, study.analysis.group)
    prior = model.priors.get(term)
    compared = {**estimand.pairs, **({estimand.by or study.analysis.group: pair} if (pair := estimand.between) else {})}
    forwards = all(tuple(level.id for level in study.measure(n).levels) == p[::-1] for n, p in compared.items())
    if prior is None or prior.dist != "Normal" or not forwards:
        raise InputError(
            f"estimand {estimand.name!r} is not one coefficient of model {model.name!r} with a Normal prior; the "
            "original's estimate can be a prior of such a one only",
            key="original",
        )
    mu, sigma = float(prior.mu or 0), float(prior.sigma or 1)
    # the replication Bayes factor and the joint posterior under this prior are those of replication.measures
    found = posterior(normal(original.estimate, original.se), NormalPrior(mu, sigma))
    updated = Prior.model_validate(
        {
            "dist": "Normal",
            "mu": float(found.mean()[0, 0]),
            "sigma": float(found.sd()[0, 0]),
            "reason": f"The model's own prior ({DEFAULT_VARIANT}), "
            f"and the original's estimate {original.estimate:g} (SE {original.se:g}).",
        }
    )
    variant = Variant(description="What the original leaves of the effect.", priors={term: updated})
    return model.replace(variants={**model.variants, ORIGINAL: variant})


def without_original(model: ModelSpec) -> ModelSpec:
    """Return a model as it was before an original was among its priors."""
    return model.replace(variants={name: variant for name, variant in model.variants.items() if name != ORIGINAL})
