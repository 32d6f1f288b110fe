"""A model as a person writes it: a formula, a family, and a prior with a reason for everything that has one.

A prior left out is an error, never a default that nobody saw: what a prior does to the answer is half of what this
house is asked about. Compiling a model for an engine is `hikibayes.inference.models.compile`'s work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ...distributions import Distribution
from ...spec import InputError, Probability, Spec, named_file, read_spec, shipped_files, unknown_name
from ...study.measures import Identifier, term_parts
from .formulas import CODINGS, Formula, read_formula

if TYPE_CHECKING:
    from formulae.terms.terms import Model as ParsedFormula

DEFAULT_VARIANT = "weakly_informative"
"""The variant that a model file's own ``[priors]`` are."""

FAMILIES: dict[str, tuple[str, ...]] = {"gaussian": ("sigma",), "t": ("sigma", "nu"), "beta_binomial": ("kappa",)}
"""The outcome families on offer, with the parameters that need a prior beside the coefficients."""

INTERCEPT = "Intercept"
POSITIVE_FAMILIES = ("Exponential", "HalfNormal", "HalfStudentT", "LogNormal")
COEFFICIENT_FAMILIES = ("Normal", "StudentT", "Cauchy", "Uniform", "TruncatedNormal")

Reason = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Rule = Literal["bambi_default", "flat"]


class Prior(Distribution):
    """A prior and why it is this one, for example ``{dist = "Normal", mu = 0, sigma = 1, reason = "..."}``."""

    reason: Reason
    """Why this distribution, in words that a reader who disagrees can take hold of."""
    exchangeable: bool = False
    """Of a category with three levels or more, and its products: the prior is of the difference between any two levels,
    so that every order of the levels is equally likely beforehand, whichever is the reference."""


class Variant(Spec):
    """Another choice of priors: some of them replaced, or all of them made by a rule.

    Notes
    -----
    ``bambi_default``: Bambi's own, which scale themselves by each data set. ``flat``: p(beta, sigma) proportional to
    1/sigma, whose intervals are those of the t test; the exact engine alone has it.
    """

    description: Reason
    rule: Rule | None = None
    priors: dict[str, Prior] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.rule is None) == (not self.priors):
            raise ValueError("a variant has either 'priors' that replace some, or a 'rule' (bambi_default, flat)")
        return self


class Pool(Spec):
    """Coefficients that are drawn towards 0 together: Normal around 0 with one SD, which the data have a say in."""

    terms: tuple[str, ...] = Field(min_length=2)
    """The terms whose coefficients these are; they have no priors of their own."""
    sd: Prior
    """Prior of the SD."""


class MeasurementError(Spec):
    """Measures that are observed with error, how reliable they are, and priors of their true scores.

    Notes
    -----
    A measure's reliability is a number between 0 and 1, or ``"stated"``: the number that the study's record has, or the
    distribution of its assumption where the paper prints none. The priors speak of SD of the observed scores.
    """

    reliability: dict[Identifier, Probability | Literal["stated"]] = Field(min_length=1)
    coefficients: Prior
    """Of the true scores' means, and of their regressions on the error-free columns of the design."""
    spreads: Prior
    """Of the SD of the true scores around these means, within each group."""
    correlations: Prior
    """Of the correlations of the true scores around these means, within each group: LKJ."""

    @model_validator(mode="after")
    def _families_fit(self) -> Self:
        accepted = {"coefficients": ("Normal",), "spreads": ("HalfNormal", "Exponential"), "correlations": ("LKJ",)}
        for name, families in accepted.items():
            if (found := getattr(self, name).dist) not in families:
                raise ValueError(f"a prior for {name!r} can be {', '.join(families)}; found {found}")
        return self


@dataclass(frozen=True, kw_only=True)
class PriorSet:
    """All the priors of one variant: either one for each term, or a rule that makes them."""

    variant: str
    rule: Rule | None
    priors: Mapping[str, Prior]


class ModelSpec(Spec):
    """A regression model: formula, family, scaling, and every prior.

    Raises
    ------
    pydantic.ValidationError
        The formula cannot be read or has no intercept, a term has no prior or a prior no term, or the prior's family
        does not suit what it is for.

    Notes
    -----
    Terms carry Bambi's names: a measure's id, or ``group:measure`` in the order of the formula. ``Intercept`` speaks of
    the centred intercept, the outcome where every column of the design is at its sample mean.
    """

    name: str = ""
    """What tables call the model; the file's name where nothing is given."""
    description: Reason
    formula: Reason
    """Wilkinson notation over the study's measures; a categorical measure is coded by its first level as reference."""
    family: str = "gaussian"
    """``gaussian``; ``t``, errors with heavy tails; ``beta_binomial``, a sum score between its ends, by logit."""
    sigma_by: Identifier | None = None
    """A category whose levels each have a ``sigma`` of their own, all with the one prior."""
    scaling: Literal["sample", "raw"] = "sample"
    """``sample``: outcome and numeric measures as z scores by the sample's total SD. ``raw``: as they come."""
    priors: dict[str, Prior]
    pools: dict[Identifier, Pool] = Field(default_factory=dict)
    """Partially pooled coefficients, by a name for the pool."""
    measurement_error: MeasurementError | None = None
    """Predictors that are observed with error; the coefficients are then those of the true scores."""
    variants: dict[Identifier, Variant] = Field(default_factory=dict)
    estimands: tuple[Identifier, ...] = ()
    """Names of the study's estimands to report; where none is given, all that the model can answer."""

    @cached_property
    def written(self) -> Formula:
        """The formula, read and looked through."""
        return read_formula(self.formula)

    @property
    def parsed(self) -> ParsedFormula:
        """The formula as formulae's terms."""
        return self.written.parsed

    @property
    def outcome(self) -> str:
        """Id of the outcome."""
        return str(self.parsed.response.term.name)

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the design's terms, without the intercept, in the formula's order."""
        return tuple(term.name for term in self.parsed.common_terms if term.name != INTERCEPT)

    @cached_property
    def measures(self) -> dict[str, frozenset[str]]:
        """The measures in each of the design's terms: of ``group:np.log(x)`` they are group and x."""
        # formulae takes the Sum of C(group, Sum), and every number, for a variable
        return {
            term.name: frozenset(term.var_names - {"", *CODINGS})
            for term in self.parsed.common_terms
            if term.name != INTERCEPT
        }

    @property
    def variables(self) -> tuple[str, ...]:
        """The measures that the formula names, outcome first."""
        # formulae takes the Sum of C(group, Sum), and every number, for a variable
        names = sorted(self.parsed.var_names - {self.outcome, "", *CODINGS}, key=self.formula.find)
        beside = [self.sigma_by] if self.sigma_by and self.sigma_by not in names else []
        return (self.outcome, *names, *beside)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Everything that needs a prior: intercept, terms, SDs of varying intercepts, the family's own parameters."""
        terms = [term for term in self.terms if term not in self.pooled]
        return (INTERCEPT, *terms, *self.varying, *FAMILIES[self.family])

    @property
    def varying(self) -> tuple[str, ...]:
        """Names of the varying intercepts, such as ``1|region``."""
        return tuple(term.name for term in self.parsed.group_terms)

    @property
    def clusters(self) -> tuple[str, ...]:
        """The categories that the intercept varies by."""
        return tuple(name.removeprefix("1|") for name in self.varying)

    @property
    def predictors(self) -> tuple[str, ...]:
        """The measures in the design's columns: no clusters."""
        return tuple(name for name in self.variables[1:] if name not in self.clusters)

    @property
    def pooled(self) -> dict[str, str]:
        """The pool of each pooled term."""
        return {term: name for name, pool in self.pools.items() for term in pool.terms}

    @property
    def beyond_gaussian(self) -> str | None:
        """What makes the model another than a Gaussian one with priors of its own for each coefficient."""
        if self.family != "gaussian":
            return f"is of family {self.family!r}"
        if self.sigma_by:
            return f"has a sigma for each level of {self.sigma_by!r}"
        if self.varying:
            return f"has the varying intercept {self.varying[0]!r}"
        if self.measurement_error:
            return "has predictors observed with error"
        return f"has the pool {next(iter(self.pools))!r}" if self.pools else None

    @property
    def variant_names(self) -> tuple[str, ...]:
        """The choices of priors on offer, the default first."""
        return (DEFAULT_VARIANT, *self.variants)

    def prior_set(self, variant: str = DEFAULT_VARIANT) -> PriorSet:
        """Return all the priors of a variant.

        Raises
        ------
        InputError
            The model has no such variant; the message lists those there are.
        """
        if variant == DEFAULT_VARIANT:
            return PriorSet(variant=variant, rule=None, priors=self.priors)
        if variant not in self.variants:
            raise InputError(unknown_name(f"prior variant of model {self.name!r},", variant, self.variant_names))
        chosen = self.variants[variant]
        priors = {} if chosen.rule else {**self.priors, **chosen.priors}
        return PriorSet(variant=variant, rule=chosen.rule, priors=priors)

    @model_validator(mode="before")
    @classmethod
    def _one_spelling(cls, content: Any) -> Any:
        """Spell terms as the formula does: ``x:group`` is ``group:x``, and ``I(x**2)`` is ``I(x ** 2)``."""
        formula = content.get("formula") if isinstance(content, dict) else None
        if not isinstance(formula, str):
            return content
        try:
            parsed = read_formula(formula.strip()).parsed
        except ValueError:
            return content  # said when the formula itself is looked at
        names = [str(term.name) for term in (*parsed.common_terms, *parsed.group_terms)]
        return _respelt(content, {term_parts(name): name for name in names})

    @model_validator(mode="after")
    def _formula_fits(self) -> Self:
        if self.family not in FAMILIES:
            raise ValueError(unknown_name("family", self.family, FAMILIES))
        response = self.parsed.response
        if response is None or not str(response.term.name).isidentifier():
            raise ValueError(f"formula {self.formula!r}: the outcome left of '~' must be a measure's id")
        if INTERCEPT not in {term.name for term in self.parsed.common_terms}:
            raise ValueError(f"formula {self.formula!r} takes the intercept away; models keep it")
        if slopes := [name for name in self.varying if not name.startswith("1|")]:
            raise ValueError(
                f"formula {self.formula!r}: varying slopes such as {slopes[0]!r} are not offered; (1|category) is"
            )
        if self.family == "beta_binomial" and (self.varying or self.sigma_by):
            raise ValueError("family 'beta_binomial' takes neither varying intercepts nor 'sigma_by'")
        if wrong := [name for name in self.varying if not name.removeprefix("1|").isidentifier()]:
            raise ValueError(f"formula {self.formula!r}: {wrong[0]!r} varies by no single category; (1|category) is")
        if not self.terms:
            raise ValueError(f"formula {self.formula!r} has no term besides the intercept")
        if any(self.outcome in term.var_names for term in (*self.parsed.common_terms, *self.parsed.group_terms)):
            raise ValueError(f"formula {self.formula!r}: the outcome {self.outcome!r} is among its own predictors")
        spellings = Counter(map(term_parts, self.terms))
        if twice := [term for term in self.terms if spellings[term_parts(term)] > 1]:
            raise ValueError(f"formula {self.formula!r}: {' and '.join(twice)} are one term; write it once")
        _check_measurement_error(self)
        return self

    @model_validator(mode="after")
    def _priors_fit(self) -> Self:
        _check_pools(self)
        _check_priors("", self.priors, self)
        if missing := [name for name in self.parameters if name not in self.priors]:
            raise ValueError(
                f"there is no prior for {missing[0]!r}; every one of {', '.join(self.parameters)} needs one"
            )
        for name, variant in self.variants.items():
            if name == DEFAULT_VARIANT:
                raise ValueError(f"variant {name!r} is the file's own [priors]; give this one another name")
            _check_priors(f"variant {name!r}: ", variant.priors, self)
        return self


def _respelt(content: dict[str, Any], own: Mapping[frozenset[str], str]) -> dict[str, Any]:
    """Return a model's content with the terms of priors, variants and pools spelt as the formula does."""

    def spelt(priors: Any) -> Any:
        if not isinstance(priors, Mapping):
            return priors
        found: dict[Any, Any] = {}
        for name, prior in priors.items():
            term = own.get(term_parts(str(name)), name)
            if term in found:
                raise ValueError(f"{name!r} is given twice, spelt in two ways; a term has one prior")
            found[term] = prior
        return found

    def inside(entries: Any, key: str, change: Callable[[Any], Any]) -> Any:
        if not isinstance(entries, Mapping):
            return entries
        known = {
            name: entry.model_dump(exclude_unset=True) if isinstance(entry, Spec) else entry
            for name, entry in entries.items()
        }
        return {
            name: {**entry, key: change(entry[key])} if isinstance(entry, Mapping) and key in entry else entry
            for name, entry in known.items()
        }

    def terms(names: Any) -> Any:
        return [own.get(term_parts(str(name)), name) for name in names] if isinstance(names, list | tuple) else names

    changed = {
        "priors": spelt(content.get("priors")),
        "variants": inside(content.get("variants"), "priors", spelt),
        "pools": inside(content.get("pools"), "terms", terms),
    }
    return {**content, **{key: value for key, value in changed.items() if key in content}}


def _check_measurement_error(model: ModelSpec) -> None:
    if model.measurement_error is None:
        return
    if model.family != "gaussian" or model.sigma_by or model.varying or model.scaling != "sample":
        raise ValueError(
            "'measurement_error' is for gaussian models with one sigma, no varying intercept and scaling = \"sample\""
        )
    predictors = [name for name in model.variables if name != model.outcome]
    for name in model.measurement_error.reliability:
        if name not in predictors:
            raise ValueError(f"measurement_error: {unknown_name('predictor', name, predictors)}")


def _check_pools(model: ModelSpec) -> None:
    pooled = [term for pool in model.pools.values() for term in pool.terms]
    for name, pool in model.pools.items():
        for term in pool.terms:
            if term not in model.terms:
                raise ValueError(f"pool {name!r}: {unknown_name('term', term, model.terms)}")
            if pooled.count(term) > 1:
                raise ValueError(f"pool {name!r}: term {term!r} is pooled twice")
        if pool.sd.dist not in POSITIVE_FAMILIES:
            raise ValueError(f"pool {name!r}: a prior for 'sd' can be {', '.join(POSITIVE_FAMILIES)}")


def _check_priors(where: str, priors: Mapping[str, Prior], model: ModelSpec) -> None:
    for name, prior in priors.items():
        if name in model.pooled:
            raise ValueError(f"{where}{name!r} is in the pool {model.pooled[name]!r}, and has no prior of its own")
        if name not in model.parameters:
            raise ValueError(where + unknown_name("term", name, model.parameters))
        positive = name in FAMILIES[model.family] or name in model.varying
        accepted = POSITIVE_FAMILIES if positive else COEFFICIENT_FAMILIES
        if prior.exchangeable and (prior.dist != "Normal" or prior.mu != 0 or name not in model.terms):
            raise ValueError(f"{where}an exchangeable prior is a Normal one with mu = 0, of a term; found {name!r}")
        if prior.dist not in accepted:
            raise ValueError(f"{where}a prior for {name!r} can be {', '.join(accepted)}; found {prior.dist}")


def formula_alone(formula: str, *, sigma_by: str = "", key: str | None = None) -> ModelSpec:
    """Return a model of which nothing but the formula is known: its terms, measures and variables.

    Raises
    ------
    InputError
        The formula cannot be read or has no outcome.
    """
    try:
        read = read_formula(formula)
    except ValueError as error:
        raise InputError(str(error), key=key) from None
    if read.parsed.response is None:
        raise InputError(f"formula {formula!r} has no outcome; write it as outcome ~ predictors", key=key)
    return ModelSpec.model_construct(formula=formula, sigma_by=sigma_by or None, description="", priors={})


# -- files ----------------------------------------------------------------------------------------------------------


def shipped_models() -> dict[str, Path]:
    """Return the model files that come with the package, by name."""
    return shipped_files("models")


def load_model(model: str | Path | ModelSpec) -> ModelSpec:
    """Load a model by the name of a shipped one or by path.

    Parameters
    ----------
    model : str, Path or ModelSpec
        ``step3``, or a path to a model file; a model that is loaded already comes back as it is.

    Returns
    -------
    ModelSpec

    Raises
    ------
    InputError
        No such model (the shipped ones are listed), or an unusable file.
    """
    if isinstance(model, ModelSpec):
        return model
    if isinstance(model, str) and not model.strip():
        raise InputError("found nothing; a formula such as 'y ~ x', or a model, is expected", key="model")
    try:
        path = named_file("model", model, shipped_models())
    except InputError as error:
        raise InputError(f"{error}, or a formula where there is a table to fit: 'y ~ x'") from None
    spec = read_spec(ModelSpec, path)
    return spec if spec.name else spec.replace(name=path.stem)
