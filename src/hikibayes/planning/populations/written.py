"""A plan without a publication: a written population becomes the study, the model and the numbers that planning takes.

The short form is what people write; the resolved one is what a run keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import fdtri, ncfdtr, ndtri

from ...arrays import FloatArray
from ...estimands import KINDS
from ...inference.models.default_priors import Priors, default_priors, default_variants
from ...inference.models.specs import ModelSpec, formula_alone
from ...inference.own.estimands import own_estimands
from ...spec import InputError, unknown_name, validated
from ...study.measures import term_parts
from ...study.study import Estimand, Study
from ..designs.population import PLAN, Population
from .columns import CellColumns, Frame, cell_columns
from .expected import expected
from .explained import Explained
from .fixed import FixedWorld, fixed_worlds
from .worlds import Worlds

WIDEST = 1e6
"""A measure has no range of its own here."""
NOTHING = 1e-13
"""A smaller coefficient is what rounding leaves of none."""
MOST = 1e8
"""Participants beyond which no size is looked for."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a population resolves to.

    Parameters
    ----------
    population : Population
        As a person wrote it.
    study : Study
        Its measures, groups and estimands.
    model : ModelSpec
        The formula with default priors.
    main : Estimand
        What the effect is of.
    """

    population: Population
    study: Study
    model: ModelSpec
    main: Estimand

    @cached_property
    def columns(self) -> CellColumns:
        """The model's columns by cell."""
        return cell_columns(self.model, Frame.of_model(self.study, self.model))

    @cached_property
    def world(self) -> Worlds:
        """The population, with the effect that was asked for."""
        world = fixed_worlds(self.population, self.columns.frame)
        effect = self.population.effect
        if effect is None:
            return world
        if self.share is None:
            return world.with_value(self.main, self._value(world))
        if effect.unit != "f2":
            raise InputError(f"of several terms together it is f2; found {effect}", key="population.effect")
        return self.share.with_f2(world, effect.size)

    @cached_property
    def share(self) -> Explained | None:
        """What several terms explain together, where the effect is theirs."""
        if KINDS[self.main.kind].scenarios:
            return None
        return Explained(estimand=self.main, columns=self.columns)

    def fixed(self) -> FixedWorld:
        """Return the population as numbers, as ``[worlds.fixed]`` has them."""
        frame, world = self.columns.frame, self.world
        G, L = len(frame.groups), len(frame.profiles)
        of_codes = np.linalg.inv(np.stack([*frame.codes.values()], axis=-1))
        outcome = of_codes @ world.level[0].reshape(G, L, 1)
        law = np.concatenate([outcome, of_codes @ world.slope[0].reshape(G, L, -1)], axis=-1)
        law[np.abs(law) < NOTHING] = 0.0
        slopes = {
            ":".join(filter(None, (*code, score))): _brief(law[:, i, j])
            for i, code in enumerate(frame.codes)
            for j, score in enumerate(("", *frame.predictors))
            if (code or score) and (law[:, i, j].any() or not code)
        }
        gap = tuple(map(float, law[:, 0, 0] - law[0, 0, 0]))
        kept = {name: getattr(self.population, name) for name in FixedWorld.model_fields}
        return FixedWorld.model_construct(**{**kept, "slopes": slopes, "gap": gap if len(gap) > 1 else 0.0})

    def value(self) -> float:
        """Return the main estimand in the population."""
        return float((self.share.truth(self.world) if self.share else self.world.truth(self.main))[0])

    def needed(self, effect: float, power: float) -> float:
        """Return about how many participants reach a power of the t or F test at .05, groups alike."""
        if self.share is None:
            return float(((ndtri(0.975) + ndtri(power)) * self._error / effect) ** 2)
        p, q = len(self.columns.names), len(self.columns.step_columns(self.main)[1])
        f2 = float(self.share.f2(self.share.with_value(self.world, effect))[0])

        def excess(n: float) -> float:
            df = n - p - 1
            return float(1 - ncfdtr(q, df, f2 * n, fdtri(q, df, 0.95))) - power

        return float(brentq(excess, p + 2, MOST)) if excess(MOST) > 0 else np.inf

    def precise(self, width: float, level: float) -> float:
        """Return about how many participants make an interval of that level so narrow, groups alike."""
        return float((2 * ndtri((1 + level) / 2) * self._error / width) ** 2)

    @property
    def _error(self) -> float:
        """Standard error of the effect, times the root of the number of participants."""
        return float(np.sqrt(self._per_participant(self.world))) * self._residual_sd()

    def _value(self, world: Worlds) -> float:
        """Return the effect in the units of the population."""
        effect = self.population.effect
        assert effect is not None
        if effect.unit == "d":
            return effect.size * self._residual_sd()
        if effect.unit == "f2":
            return float(np.sqrt(effect.size * self._per_participant(world))) * self._residual_sd()
        return self._of_beta(world, effect.size) if effect.unit == "beta" else effect.size

    def _residual_sd(self) -> float:
        return _root_mean_square(self.population.residual_sd)

    def _per_participant(self, world: Worlds) -> float:
        """Return the squared standard error of the main estimand, times n, for a residual SD of 1."""
        frame = self.columns.frame
        counts = frame.of_cells(world.shares[0]) / len(frame.groups)
        weights = self.columns.weights(self.main, world.mix)
        # cross-products of one participant, so that 1/n of the inverse of n of them is the squared standard error
        return float(weights @ np.linalg.solve(expected(self.columns, world, counts).sxx[0], weights))

    def spreads(self) -> tuple[float, ...]:
        """Return what each group adds to the standard error of the main estimand, times the root of its size.

        Groups being alike; of one on which the estimand does not rest it is 0, and of a share of variance the
        residual SD.
        """
        sigma, frame = self.world.sigma[0], self.columns.frame
        if self.share:
            return tuple(map(float, sigma))
        shares = frame.of_cells(self.world.shares[0])
        every = expected(self.columns, self.world, shares)
        pull = np.linalg.solve(every.sxx[0], self.columns.weights(self.main, self.world.mix))
        found = []
        for group, sd in enumerate(sigma):
            own = expected(self.columns, self.world, shares * (frame.group_of == group))
            away = own.x_mean[0] - every.x_mean[0]
            found.append(float(sd * np.sqrt(pull @ own.sxx[0] @ pull + (pull @ away) ** 2)))
        return tuple(found)

    def _of_beta(self, world: Worlds, beta: float) -> float:
        """Return the slope that a standardised one is: the SDs of score and outcome depend on it."""
        if self.main.of not in self.columns.frame.measures or self.main.kind == "slope_change":
            raise InputError(
                f"beta is per SD of a score, and the effect is of {self.population.of or self.main.name!r}; "
                "write it as d, f2 or raw",
                key="population.effect",
            )

        def excess(value: float) -> float:
            sd_of = _total_sds(world.with_value(self.main, value))
            return value * sd_of[str(self.main.of)] / sd_of[self.study.analysis.outcome] - beta

        # a standardised slope tends to 1 from below, so far out the excess has the sign of its end
        return float(brentq(excess, -WIDEST, WIDEST, xtol=1e-12, rtol=1e-14))


def _brief(values: FloatArray) -> float | tuple[float, ...]:
    return float(values[0]) if np.ptp(values) == 0 else tuple(map(float, values))


def _total_sds(world: Worlds) -> dict[str, float]:
    """SD of each measure over all groups together, the outcome too."""
    moments = world.moments()
    weight = moments["n"] / moments["n"].sum()
    away = moments["mean"] - (weight * moments["mean"]).sum("group")
    variance = np.diagonal(moments["cov"].transpose(..., "measure", "measure_2").values, axis1=-2, axis2=-1)
    total = (weight.values[:, None] * (variance[0] + away.values[0] ** 2)).sum(axis=0)
    return dict(zip(map(str, moments["measure"].values), np.sqrt(total), strict=True))


def written(population: Population, model: ModelSpec | None = None) -> Written:
    """Resolve a population that a person wrote down.

    Parameters
    ----------
    population : Population
    model : ModelSpec, optional
        Instead of the formula with default priors.

    Raises
    ------
    InputError
        A formula that planning does not take, a category without levels, or an effect of nothing in the formula.
    """
    try:
        outline = model or formula_alone(population.formula)
    except InputError as error:
        raise InputError(str(error), key="population.formula") from None
    bare = _study(outline, population)
    found = model or _model(outline, bare, population)
    study, _ = own_estimands(bare, found, {}, steps=_others(population, found))
    study = _named(study) if isinstance(population.of, tuple) else study
    return Written(population=population, study=study, model=found, main=_main(population, found, study))


def _study(outline: ModelSpec, population: Population) -> Study:
    outcome, predictors = outline.outcome, outline.predictors
    categories = [name for name in predictors if name in population.levels]
    usual = Population.model_fields["levels"].default
    if unused := [name for name in population.levels if name not in predictors and population.levels != usual]:
        raise InputError(unknown_name("category in the formula", unused[0], predictors), key="population.levels")
    numbers = [name for name in predictors if name not in categories]
    group = (categories or [""])[0]
    levels = {name: [{"id": level, "label": level} for level in population.levels[name]] for name in categories}
    content: dict[str, Any] = {
        "id": PLAN,
        "description": f"A plan without a publication: {outline.formula}",
        "analysis": {"outcome": outcome, "group": group, "focal": _focal(outline, group, numbers)},
        "group": levels.get(group, []),
        "measure": [
            {"id": name, "label": name}
            | (
                {"kind": "category", "levels": levels[name]}
                if name in levels
                else {"kind": "number", "unit": "SD", "range": [-WIDEST, WIDEST]}
            )
            for name in (outcome, *predictors)
        ],
    }
    return validated(Study, content, "population")


def _focal(outline: ModelSpec, group: str, numbers: list[str]) -> str:
    moderated = [name for name in numbers if any({group, name} <= measures for measures in outline.measures.values())]
    return [*moderated, *numbers, ""][0]


def _named(study: Study) -> Study:
    """Call steps by their terms: here they are no steps of a paper."""
    steps = [step.model_copy(update={"label": " + ".join(step.adds).replace(":", " × ")}) for step in study.steps]
    return study.model_copy(update={"steps": tuple(steps)})


def _model(outline: ModelSpec, study: Study, population: Population) -> ModelSpec:
    units = {term: _unit(population, measures) for term, measures in outline.measures.items()}
    usual = _unit(population, ())
    variants = {} if outline.varying else default_variants(study, outline.measures)
    content = {
        "name": PLAN,
        "description": f"Made of the formula {outline.formula}",
        "formula": outline.formula,
        "priors": _in_units(default_priors(study, outline.measures, varying=outline.varying), units, usual),
        "variants": {
            name: variant | ({"priors": _in_units(variant["priors"], units, usual)} if "priors" in variant else {})
            for name, variant in variants.items()
        },
    }
    return validated(ModelSpec, content, "population.formula")


def _unit(population: Population, measures: Iterable[str]) -> float:
    """Return one SD of the outcome per SD of some scores, in the units in which a population is written.

    An outcome in SD has a residual SD of 1 at most; of another the residual SD is the unit.
    """
    of_scores = [_root_mean_square(population.sds.get(name, 1.0)) for name in measures]
    return float(max(_root_mean_square(population.residual_sd), 1.0) / np.prod(of_scores))


def _root_mean_square(values: float | tuple[float, ...]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _in_units(priors: Priors, units: Mapping[str, float], usual: float) -> Priors:
    """Turn priors in SD units into those of the population."""
    found: Priors = {}
    for name, prior in priors.items():
        unit = units.get(name, usual)
        scaled: dict[str, Any] = {key: prior[key] * unit for key in ("mu", "sigma") if key in prior}
        why = "" if unit == 1 else f" An SD is {unit:.3g} here."
        found[name] = {**prior, **scaled, "reason": f"{prior['reason']}{why}"}
    return found


def _others(population: Population, model: ModelSpec) -> str:
    """Return the terms beyond which several explain something, as a step."""
    if not isinstance(population.of, tuple):
        return ""
    left = {term_parts(term): term for term in model.terms}
    for term in population.of:
        if left.pop(term_parts(term), None) is None:
            raise InputError(unknown_name("further term of the formula", term, left.values()), key="population.of")
    return " + ".join(left.values())


def _main(population: Population, model: ModelSpec, study: Study) -> Estimand:
    """Find the estimand that a term stands for: between the last level and the first, where there are levels."""
    if isinstance(population.of, tuple):
        shares = [estimand for estimand in study.estimands if not KINDS[estimand.kind].scenarios]
        if not shares:
            raise InputError("the terms of such a model have no share of variance; name one term", key="population.of")
        return shares[-1]
    terms = {term_parts(term): term for term in model.terms}
    wanted = term_parts(population.of) if population.of else list(terms)[-1]
    if wanted not in terms:
        raise InputError(unknown_name("term in the formula", str(population.of), model.terms), key="population.of")
    for estimand in study.estimands:
        ends = [(levels[-1].id, levels[0].id) for levels in [study.measure(n).levels for n in estimand.about] if levels]
        compared = [*estimand.pairs.values(), *([estimand.between] if estimand.between else [])]
        if estimand.about == wanted and not estimand.step and all(pair in ends for pair in compared):
            return estimand
    raise InputError(
        f"planning has no effect of {terms[wanted]!r}; [population] of names another term", key="population.of"
    )
