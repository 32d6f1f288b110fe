"""A simulation's short form made the one that a run keeps: a written population becomes study, model and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...defaults import DEFAULT_STUDY
from ...inference.models.specs import DEFAULT_VARIANT, ModelSpec, Variant, formula_alone, load_model, shipped_models
from ...inference.models.steps import model_of
from ...inference.own.files import toml_text
from ...spec import LARGEST_SAMPLE, InputError, validated
from ...study.study import Study
from ...study.study_file import load_study
from ..populations.written import Written, written
from .axes import Axes, WorldsSpec
from .looks import calibrated
from .original import ORIGINAL, with_original
from .population import PLAN, USUAL, USUAL_LEVELS, Effect, Population
from .rules import Decision
from .simulation import OF_EFFECT, STATED, Costs, Run, Simulation, Targets

PARTS = (0.35, 0.6, 0.85, 1.0, 1.2, 1.6, 2.2)
"""Sizes that are simulated where none is given, over the one that a normal approximation says."""
FEWEST = 10
HEAD = """\
# The plan as it was run, with everything that was left to defaults. Edit it, and run it again with
#     hikibayes power simulation.toml
"""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A simulation ready to be prepared.

    Parameters
    ----------
    simulation : Simulation
        With study, model and worlds.
    study : Study or None
        The one that was made of a written population; None where the simulation names one.
    models : mapping of str to ModelSpec
        Made beside it, by the name that the simulation has for them.
    """

    simulation: Simulation
    study: Study | None = None
    models: Mapping[str, ModelSpec] = field(default_factory=dict)


def resolved(
    simulation: Simulation,
    models: Mapping[str, ModelSpec] = MappingProxyType({}),
    study: str | Path | Study | None = None,
) -> Resolved:
    """Resolve the short form of a simulation, if it has one.

    Parameters
    ----------
    simulation : Simulation
    models : mapping of str to ModelSpec
        Loaded models by the name that the simulation has for them.
    study : str, Path or Study, optional
        Instead of the one that the simulation names.

    Raises
    ------
    InputError
        A population that cannot be, or an effect that its formula does not have.
    """
    simulation = _calibrated(simulation)
    if simulation.population is None or simulation.worlds.fixed is not None:
        found = Resolved(simulation=simulation, models=_of_steps(simulation, models, study))
        return _with_original(_with_stated(found, models), models, study)
    given = (models.get(simulation.model) or load_model(simulation.model)) if simulation.of_file else None
    made = written(simulation.population, given)
    name = simulation.model if simulation.of_file else PLAN
    found = Resolved(
        simulation=simulation.replace(
            study=PLAN,
            model=name,
            worlds=WorldsSpec.model_validate({**dict(simulation.worlds), "source": ("fixed",), "fixed": made.fixed()}),
            axes=_axes(simulation, made),
            decisions=[d.replace(estimand=d.estimand or made.main.name) for d in _decisions(simulation, made)],
        ),
        study=made.study,
        models={name: made.model},
    )
    return _with_original(_with_stated(found, models), models, study)


def _of_steps(
    simulation: Simulation, models: Mapping[str, ModelSpec], study: str | Path | Study | None
) -> dict[str, ModelSpec]:
    """Make the models that are steps of the study, and neither files nor shipped for its outcome."""
    names = {simulation.worlds.model or simulation.models[0], *simulation.models} - {*models}
    names = {name for name in names if not Path(name).is_file()}
    if (
        not names
        or simulation.population
        or (study is None and simulation.study == DEFAULT_STUDY and names <= {*shipped_models()})
    ):
        return {}
    about = load_study(study or simulation.study).read(**simulation.readings)
    shipped = {name for name in names & {*shipped_models()} if load_model(name).outcome == about.analysis.outcome}
    return {step.id: model_of(about, step.id) for step in about.steps if step.id in names - shipped}


def _with_stated(found: Resolved, models: Mapping[str, ModelSpec]) -> Resolved:
    """Add the priors that the simulation states itself to its models."""
    priors = found.simulation.priors
    if priors is None:
        return found
    known = {**models, **found.models}
    stated = {}
    for name in found.simulation.models:
        model = known.get(name) or load_model(name)
        variant = Variant(description="As the plan states them.", priors=priors)
        content = {**model.model_dump(exclude_unset=True), "variants": {**model.variants, STATED: variant}}
        stated[name] = validated(ModelSpec, content, "priors")
    return replace(found, models={**found.models, **stated})


def _with_original(found: Resolved, models: Mapping[str, ModelSpec], study: str | Path | Study | None) -> Resolved:
    """Put the prior that an original study leaves before the others, in the plan and in its models."""
    simulation, original = found.simulation, found.simulation.original
    if original is None:
        return found
    about = found.study or load_study(study or simulation.study).read(**simulation.readings)
    estimand = about.estimand(simulation.decisions[0].estimand)
    known = {**models, **found.models}
    updated = {
        name: with_original(known.get(name) or load_model(name), original, estimand, about)
        for name in simulation.models
    }
    # what the original counts is compared with its prior, under which the same data are analysed
    beside = [DEFAULT_VARIANT] if any(rule.weighs_original for d in simulation.decisions for rule in d.rules) else []
    axes = simulation.axes.replace(prior=tuple(dict.fromkeys((ORIGINAL, *simulation.axes.prior, *beside))))
    return replace(found, simulation=simulation.replace(axes=axes), models={**found.models, **updated})


def _calibrated(simulation: Simulation) -> Simulation:
    """Put thresholds in place of those that follow from the looks."""
    if simulation.looks is None or not any(d.rule.uncalibrated for d in simulation.decisions):
        return simulation
    threshold = calibrated(simulation.looks)
    decisions = [d.replace(rule=d.rule.with_threshold(threshold)) for d in simulation.decisions]
    return simulation.replace(decisions=decisions)


def short_form(simulation: Simulation) -> str:
    """Write a resolved simulation as a file that a person can run, with everything that was left to defaults."""
    options: dict[str, Any] = {"mode": "json", "by_alias": True, "exclude_none": True}
    made = {"study", "readings"} if simulation.population or simulation.fit else set[str]()
    content = simulation.model_dump(**options, exclude=made)
    if simulation.fit or not simulation.of_file:
        del content["model"]
    if simulation.population:
        content["worlds"] = simulation.worlds.model_dump(**options, include=OF_EFFECT)
    return f"{HEAD}\n{toml_text(_filled(content))}"


def _filled(content: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is empty."""
    plain = {name: _filled(value) if isinstance(value, dict) else value for name, value in content.items()}
    return {name: value for name, value in plain.items() if value not in ({}, [])}


def _axes(simulation: Simulation, made: Written) -> Axes:
    """Fill in the sizes around which a target may lie, and as many equal parts as there are groups."""
    axes, groups = simulation.axes, len(made.columns.frame.groups)
    changes: dict[str, Any] = {}
    if "allocation" not in axes.model_fields_set:
        changes["allocation"] = (":".join(["1"] * groups),)
        if simulation.costs and groups > 1:
            changes["allocation"] = tuple(dict.fromkeys((*changes["allocation"], _cheapest(simulation.costs, made))))
    if "prior" not in axes.model_fields_set and not simulation.of_file and "flat" in made.model.variant_names:
        changes["prior"] = (*axes.prior, "flat")
    if not axes.n_per_group:
        changes["n_per_group"] = _sizes(simulation, made, groups)
    return axes.replace(**changes)


def _cheapest(costs: Costs, made: Written) -> str:
    groups = len(made.columns.frame.groups)
    costs.check(groups)
    return costs.ratio(groups, made.spreads())


def _sizes(simulation: Simulation, made: Written, groups: int) -> tuple[int, ...]:
    effects = simulation.axes.effect or [made.value()]
    powers = simulation.targets.power or (0.8,)
    rules = [decision.rule for decision in simulation.decisions]
    widths = [(rule.narrower_than, rule.interval or 0.95) for rule in rules if rule.narrower_than and not made.share]
    needed = [made.precise(*each) / groups for each in widths]
    if not rules or len(widths) < len(rules):
        needed += [made.needed(effect, max(power, 0.5)) / groups for effect in effects if effect for power in powers]
    if not needed:
        raise InputError("an effect of 0 has no size that finds it; give n_per_group", key="axes.n_per_group")
    if max(needed) * PARTS[-1] > LARGEST_SAMPLE:
        raise InputError(
            f"an effect as small as this needs about {max(needed):,.0f} people a group; at most {LARGEST_SAMPLE:,} "
            "are accepted",
            key="population.effect",
        )
    least = max(FEWEST, len(made.columns.names) + 3)
    return tuple(sorted({max(least, ceil(part * n)) for n in needed for part in PARTS}))


def _decisions(simulation: Simulation, made: Written) -> tuple[Decision, ...]:
    if simulation.decisions:
        return simulation.decisions
    if made.share:
        return (Decision.model_validate({"name": "more_than_nothing", "rule": {"region_excludes_zero": 0.95}}),)
    side = "below" if made.value() < 0 else "above"
    return (Decision.model_validate({"name": f"interval_{side}_zero", "rule": {"interval": 0.95, side: 0.0}}),)


def effect_of(text: str) -> Effect:
    """Read an effect as a person types it: ``0.3``, ``f2=0.15``; raises `InputError`."""
    unit, _, size = text.rpartition("=")
    try:
        return validated(Effect, {unit.strip() or "d": float(size)}, "--effect")
    except InputError:
        raise
    except ValueError:
        raise InputError(
            f"{text!r} is no effect; a number is expected, or one with its unit such as f2=0.15", source="--effect"
        ) from None


def one_liner(
    effect: Effect | float,
    n_per_group: tuple[int, ...] = (),
    formula: str | None = None,
    levels: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Simulation:
    """Return the simulation of nothing but an effect.

    Parameters
    ----------
    effect : Effect or float
        A plain number is d, in residual SD.
    n_per_group : tuple of int
        Sizes; without them, those around which power reaches .8 and .9.
    formula : str, optional
        Of the analysis; by default a comparison of two groups.
    levels : mapping of str to tuple of str
        Levels of the formula's categories, reference first; ``group`` has two without being named.
    """
    size = effect if isinstance(effect, Effect) else Effect(d=effect)
    more: dict[str, Any] = {"formula": formula} if formula else {}
    if levels:
        usual = {name: own for name, own in USUAL_LEVELS.items() if name in formula_alone(formula or USUAL).predictors}
        more["levels"] = {**usual, **levels}
    return Simulation(
        description=f"Nothing but an effect: {size}",
        population=validated(Population, {"effect": size, **more}, "population"),
        axes=validated(Axes, {"n_per_group": n_per_group}, "axes"),
        targets=Targets() if n_per_group else Targets(power=(0.8, 0.9)),
        run=Run(),
    )
