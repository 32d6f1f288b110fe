"""A simulation as a person writes it: worlds, axes that multiply into a grid, decisions, targets.

A cell of the grid is one planned study: whom it samples (`Sample`), and how it is analysed (a model and its priors).
Cells that differ in the analysis alone share their simulated data, so their difference is the analysis' and no noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from math import ceil, prod
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from ...apa import written_out
from ...defaults import DEFAULT_SEED, DEFAULT_STUDY
from ...estimands import KINDS
from ...inference.models.specs import ModelSpec, Prior, shipped_models
from ...spec import (
    LARGEST_SAMPLE,
    Count,
    InputError,
    Number,
    Positive,
    Seed,
    Spec,
    named_file,
    read_toml,
    shipped_files,
    unknown_name,
    validated,
)
from ...study.measures import Identifier, Text
from ...study.study import Study
from ...study.study_file import load_study, shipped_studies
from .axes import Axes, Heterogeneity, WorldsSpec
from .cells import MAIN_AXES, Sample
from .looks import Looks
from .original import Original
from .population import PLAN, Population
from .rules import Decision, Pair, Rule

MOST_CELLS = 1000
"""A grid of more cells than this is run only when a person says so."""
MOST_REPLICATES = 10**8
"""Simulated studies of a whole grid, for each estimand; they are kept in memory, 36 bytes each."""

EVERYDAY = 0.9
"""Up to this probability a target is looked for with however few replicates; the interval says what they are worth."""
FEWEST_MISSES = 5
"""Replicates that fail to conclude at a size that just reaches a higher target; with fewer, no size can be told."""


class Targets(Spec):
    """Probabilities that the planned study should reach, each above 0 and below 1."""

    power: tuple[Number, ...] = ()
    """The smallest sizes that reach these are looked for."""
    detectable: tuple[Number, ...] = ()
    """At each size the smallest effects that reach these are looked for, among those of the axis ``effect``; where that
    has none, around what a normal approximation says."""

    @field_validator("power", "detectable")
    @classmethod
    def _below_one(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if wrong := [target for target in value if not 0 < target < 1]:
            raise ValueError(f"a target lies above 0 and below 1 (no finite study is certain); found {wrong[0]:g}")
        if len(set(value)) < len(value):
            raise ValueError(f"each target is named once; found {', '.join(f'{target:g}' for target in value)}")
        return value


class Costs(Spec):
    """What a study costs."""

    person: Positive | tuple[Positive, ...]
    """For each participant; or one for each group, in the study's order."""
    study: Annotated[Number, Field(ge=0)] = 0.0
    """Whatever its size."""

    def check(self, groups: int) -> None:
        """Raise `InputError` where there is a number for each of other groups."""
        if isinstance(self.person, tuple) and len(self.person) != groups:
            raise InputError(f"has {len(self.person)} numbers for {groups} group(s)", key="costs.person")

    def of(self, sizes: tuple[int, ...]) -> float:
        """Return what a study of such groups costs."""
        each = self.person if isinstance(self.person, tuple) else (self.person,) * len(sizes)
        return self.study + sum(cost * n for cost, n in zip(each, sizes, strict=True))

    def ratio(self, groups: int, spread: tuple[float, ...]) -> str:
        """Return the cheapest allocation for a given precision: n as SD over the root of the cost.

        A group that adds nothing to the error is as small as the smallest of the others.
        """
        each = self.person if isinstance(self.person, tuple) else (self.person,) * groups
        parts = [sd / cost**0.5 for sd, cost in zip(spread, each, strict=True)]
        least = min(part for part, sd in zip(parts, spread, strict=True) if sd > 1e-6 * max(spread))
        if max(parts) / least >= LARGEST_SAMPLE:
            raise InputError("differ so much that one group would be millions of times the other", key="costs.person")
        return ":".join(_three_digits(max(part / least, 1)) for part in parts)


def _three_digits(x: float) -> str:
    """Write a number of at least 1 with three digits, and never with an exponent, which a ratio does not have."""
    return f"{x:.3g}" if x < 999.5 else f"{float(f'{x:.3g}'):.0f}"


class Run(Spec):
    """How much is simulated, and how."""

    replicates: Annotated[Count, Field(ge=10)] = 10_000
    """Simulated studies in each cell."""
    seed: Seed = DEFAULT_SEED
    engine: Literal["auto", "exact", "nuts"] = "auto"
    """``auto``: exact where the model is Gaussian with Normal priors, else NUTS."""
    refine: bool | Literal["first"] = True
    """Add cells between those where the first decision crosses a target; ``first``: only on the curves that the figure
    shows, where every axis but worlds and allocation has its first value."""


STATED = "stated"
"""The variant of the analyses' priors that a simulation writes itself."""
SAMPLED = (
    *("effect", "tau", "reliability", "allocation", "mix", "attrition"),
    *("missing", "answers", "predictors", "n_per_group"),
)
"""Axes of the sample, in the order of the grid, whose last moves fastest."""
OF_EFFECT = {"effect", "heterogeneity", "clusters", "reason"}
"""Keys of ``worlds`` that a written population takes, too."""


class Simulation(Spec):
    """Simulated studies over a grid: what is planned for, what is varied, what is to be concluded."""

    description: Text
    study: str = DEFAULT_STUDY
    readings: dict[Identifier, Identifier] = Field(default_factory=dict)
    """Option by reading of the study; by default the study's own."""
    fit: str | None = None
    """Instead of study and model: the folder of a fit of one's own table, whose posterior the populations are of."""
    model: str = "step3"
    """The model of the analysis: a file, a shipped one, or a step of the study."""
    priors: dict[str, Prior] | None = None
    """By term, in the place of the models' own: the variant ``stated`` of the axis ``prior``."""
    worlds: WorldsSpec = WorldsSpec()
    population: Population | None = None
    """Instead of study, model and worlds: a population that is written down, where nothing was published."""
    axes: Axes = Axes()
    decisions: tuple[Decision, ...] = Field(default=(), alias="decision")
    """Of a written population, by default: the interval of the effect lies on its side of 0."""
    looks: Looks | None = None
    """Looks at the running study, which ends as soon as it concludes; the effect of 0 is then a cell beside each."""
    targets: Targets = Targets()
    original: Original | None = None
    """The study that is replicated, for rules about both; its prior ``original`` is then the first analysis."""
    costs: Costs | None = None
    """With them the cheapest allocation is looked for: that of the normal form is added to the axis."""
    rope: Pair = (-0.1, 0.1)
    """Region of practical equivalence, in the estimand's standardised unit."""
    run: Run = Run()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_short_form()
        names = [decision.name for decision in self.decisions]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"decision {min(twice)!r} is defined twice; a name belongs to one thing")
        if len(probabilities := self._intervals) > 1:
            found = ", ".join(f"{p:g}" for p in sorted(probabilities))
            raise ValueError(f"all rules of a simulation use one interval; found {found} (write one simulation each)")
        if self.axes.tau and self.worlds.heterogeneity:
            raise ValueError(
                "worlds.heterogeneity and the axis 'tau' both say how much studies differ; give one, not both"
            )
        if self.rope[0] >= self.rope[1]:
            raise ValueError(f"rope runs from {self.rope[0]:g} to {self.rope[1]:g}, not upwards")
        return self

    def _check_short_form(self) -> None:
        if (self.priors is not None) != (STATED in self.axes.prior):
            raise ValueError(f"[priors] and {STATED!r} on the axis 'prior' belong together; found one of them")
        asking = [d.name for d in self.decisions if any(rule.of_original for rule in self.rules_of(d))]
        if asking and self.original is None:
            raise ValueError(f"decision {asking[0]!r} is about an original study; [original] says what it found")
        if self.looks is None and any(rule.uncalibrated for d in self.decisions for rule in d.rules):
            raise ValueError("'calibrated' is a threshold for several [looks]; without them give a probability")
        if self.population is not None:
            resolved = self.study == PLAN and self.worlds.fixed is not None
            if clash := not resolved and sorted(
                self.model_fields_set & {"study", "readings", *self._beyond_population}
            ):
                raise ValueError(f"a [population] needs no publication, and goes without {clash[0]!r}")
            if self.axes.effect and self.population.effect and not resolved:
                raise ValueError("the effect is given in [population] and in [axes]; one of them is expected")
            return
        if not self.decisions:
            raise ValueError("there is no [[decision]]; a plan is for at least one")
        if not self.axes.n_per_group:
            raise ValueError("axis 'n_per_group' is empty, so the grid has no cells; give it a value")
        if nameless := [decision.name for decision in self.decisions if not decision.estimand]:
            raise ValueError(f'decision {nameless[0]!r} names no estimand of the study; add estimand = "..."')

    @property
    def _beyond_population(self) -> set[str]:
        """What a written population has no use for in ``worlds``: all but what is said of an effect."""
        return {"worlds"} if self.worlds.model_fields_set - OF_EFFECT else set()

    @property
    def of_file(self) -> bool:
        """Whether a model was named, rather than a formula left to make one."""
        return self.population is None or ("model" in self.model_fields_set and self.model != PLAN)

    @property
    def interval(self) -> float:
        """Probability of the interval that the replicates hold."""
        return next(iter(self._intervals), 0.95)

    @property
    def _intervals(self) -> frozenset[float]:
        return frozenset().union(*(rule.intervals for decision in self.decisions for rule in self.rules_of(decision)))

    def rules_of(self, decision: Decision) -> tuple[Rule, ...]:
        """Return the rules of a decision; of the first those, too, that are asked before the last look alone."""
        return (*decision.rules, *(self.looks.early if self.looks and decision == self.decisions[0] else ()))

    @property
    def asking_bayes_factor(self) -> list[str]:
        """The decisions that need a Bayes factor."""
        return [d.name for d in self.decisions if any(rule.needs_bayes_factor for rule in self.rules_of(d))]

    @property
    def estimands(self) -> tuple[str, ...]:
        """The estimands that decisions name, each once."""
        return tuple(dict.fromkeys(decision.estimand for decision in self.decisions))

    @property
    def models(self) -> tuple[str, ...]:
        """The models of the analyses."""
        return self.axes.model or (self.model,)

    @cached_property
    def analyses(self) -> tuple[tuple[str, str], ...]:
        """Every analysis: model and variant of its priors."""
        return tuple(product(self.models, self.axes.prior))

    def brief(self, replicates: int = 2_000) -> Simulation:
        """Return a small version for a first look: the first analysis, the first value of each axis, every n and world.

        Parameters
        ----------
        replicates : int
            Simulated studies in each cell.
        """
        firsts = {name: getattr(self.axes, name)[:1] for name in Axes.model_fields if name != "n_per_group"}
        axes = self.axes.replace(**{name: value for name, value in firsts.items() if value})
        return self.replace(axes=axes, model=self.models[0], run=self.run.replace(replicates=replicates))

    @property
    def _effects(self) -> tuple[float | None, ...]:
        """Effects that are asked for; with looks 0 too, for the errors where there is nothing."""
        effects = self.axes.effect or (None,)
        return (*effects, 0.0) if self.looks and 0.0 not in effects else effects

    def samples(self) -> Iterator[Sample]:
        """Yield every way of sampling in the grid."""
        axes = dict(self.axes)
        varied: dict[str, Sequence[Any]] = {"worlds": self.worlds.source} | {name: axes[name] for name in SAMPLED}
        varied |= {
            "effect": self._effects,
            "tau": self.axes.tau or (None,),
            "reliability": [r if isinstance(r, str) else tuple(sorted(r.items())) for r in self.axes.reliability],
            "allocation": [ratio.replace(" ", "") for ratio in self.axes.allocation],
            "missing": [None if loss == "none" else loss for loss in self.axes.missing],
        }
        for values in product(*varied.values()):
            yield Sample(**dict(zip(varied, values, strict=True)))

    def over_worlds(self, sample: Sample) -> bool:
        """Tell whether a sample's worlds say what is uncertain, so that P(conclusion) is an assurance."""
        return sample.worlds == "posterior" or self.worlds.uncertain or bool(sample.tau)

    def spread(self, tau: float | None) -> Heterogeneity | None:
        """Return how much studies differ in cells with this value of the axis ``tau``; None: the populations' own."""
        return self.worlds.heterogeneity if tau is None else Heterogeneity(tau=tau) if tau else None

    def is_first(self, sample: Sample) -> bool:
        """Tell whether every axis of a sample but worlds, allocation and size has its first value."""
        first = next(self.samples())
        return replace(first, **{name: getattr(sample, name) for name in MAIN_AXES}) == sample

    @property
    def size(self) -> int:
        """Number of cells of the grid; they are not gone through, for there may be very many."""
        others = (name for name in Axes.model_fields if name not in {"model", "effect"})
        varied = prod(len(getattr(self.axes, name)) or 1 for name in others)
        return varied * len(self._effects) * len(self.worlds.source) * len(self.models)


# -- checks against the study ----------------------------------------------------------------------------------------


def check(simulation: Simulation, study: Study, models: Mapping[str, ModelSpec]) -> None:
    """Check that a simulation can be run, before anything is.

    Parameters
    ----------
    simulation : Simulation
    study : Study
        With its readings decided.
    models : mapping of str to ModelSpec
        The models that it names.

    Raises
    ------
    InputError
        A grid beyond what memory holds; an estimand, model, prior or measure that does not exist; a group of more
        people than anybody recruits; a Bayes factor under a flat prior.
    """
    _refuse_huge(simulation)
    _refuse_unresolved(simulation)
    _refuse_estimands(simulation, study)
    for model in simulation.models:
        for variant in simulation.axes.prior:
            flat = models[model].prior_set(variant).rule == "flat"
            asking = simulation.asking_bayes_factor
            if flat and asking and len(simulation.axes.prior) == 1:
                raise InputError(f"decision {asking[0]!r} asks for a Bayes factor, which prior {variant!r} has not")
    _refuse_other_groups(simulation, max(len(study.groups), 1))
    for sample in simulation.samples():
        if sample.predictors == "fixed" and (sample.answers == "likert" or sample.missing or sample.attrition):
            raise InputError(
                "predictors = 'fixed' goes with gaussian answers and nobody lost; other cells need 'random'",
                key="axes.predictors",
            )
        if (largest := max(sample.sizes)) > LARGEST_SAMPLE:
            raise InputError(
                f"with n_per_group = {sample.n_per_group} the ratio {sample.allocation} makes a group of {largest:,}; "
                f"at most {LARGEST_SAMPLE:,} are accepted",
                key="axes.allocation",
            )
        if sample.missing and sample.missing.on not in (names := [measure.id for measure in study.measures]):
            raise InputError(unknown_name("measure", sample.missing.on, names), key="axes.missing")


def _refuse_estimands(simulation: Simulation, study: Study) -> None:
    """Estimands are the study's, and rules such as can be asked of them."""
    known = [estimand.name for estimand in study.estimands]
    for name in simulation.worlds.effect:
        if name not in known:
            raise InputError(unknown_name("estimand", name, known), key="worlds.effect")
    for decision in simulation.decisions:
        key = f"decision {decision.name!r}"
        if decision.estimand not in known:
            raise InputError(unknown_name("estimand", decision.estimand, known), key=key)
        share = not KINDS[study.estimand(decision.estimand).kind].scenarios
        for why in filter(None, (rule.obstacle(share) for rule in simulation.rules_of(decision))):
            raise InputError(why, key=key)
        if share and simulation.worlds.heterogeneity:
            raise InputError(f"{decision.estimand!r} is a share of variance, and has none", key="worlds.heterogeneity")
        if share and simulation.targets.detectable and not simulation.axes.effect:
            raise InputError(
                f"{decision.estimand!r} is a share of variance; axes.effect names the shares that are tried",
                key="targets.detectable",
            )
    rule = simulation.decisions[0].rule
    if simulation.targets.detectable and not rule.rises(simulation.rope):
        raise InputError(
            f"{rule} does not become likelier the larger the effect; no effect is the smallest that it finds",
            key="targets.detectable",
        )


def _refuse_other_groups(simulation: Simulation, groups: int) -> None:
    """Ratios, quotas and costs are of as many groups as there are."""
    if simulation.costs:
        simulation.costs.check(groups)
    for sample in simulation.samples():
        if len(sample.ratio) != groups or len(sample.quota or sample.ratio) != groups:
            raise InputError(
                f"there {'is one group' if groups == 1 else f'are {groups} groups'}; the ratio {sample.allocation} and "
                f"the mix {sample.mix} are of {len(sample.ratio)} and {len(sample.quota or sample.ratio)}",
                key="axes.allocation",
            )


def _refuse_huge(simulation: Simulation) -> None:
    replicates, estimands = simulation.run.replicates, len(simulation.estimands)
    if (total := simulation.size * replicates * estimands) > MOST_REPLICATES:
        raise InputError(
            f"{simulation.size:,} cells of {replicates:,} replicates and {estimands} estimand(s) make {total:,} "
            f"results; at most {MOST_REPLICATES:,} are accepted: shorten an axis, or lower run.replicates",
            key="axes",
        )


def _refuse_unresolved(simulation: Simulation) -> None:
    """No target is so close to 1 that among so many replicates hardly any would miss it."""
    count = simulation.run.replicates
    for name, targets in simulation.targets:
        target = max(targets, default=0.0)
        needed = ceil(round(FEWEST_MISSES / (1 - target), 3))
        if target > EVERYDAY and count < needed:
            raise InputError(
                f"{written_out(target)} cannot be told from 1 by {count:,} replicates; it takes {needed:,} or "
                "more (run.replicates, or --replicates), or a lower target",
                key=f"targets.{name}",
            )


# -- files -----------------------------------------------------------------------------------------------------------


def shipped_simulations() -> dict[str, Path]:
    """Return the simulation files that come with the package, by name."""
    return shipped_files("simulations")


def load_simulation(simulation: str | Path | Simulation) -> Simulation:
    """Load a simulation by the name of a shipped one or by path.

    Parameters
    ----------
    simulation : str, Path or Simulation
        ``followup``, or a path to a simulation file; one that is loaded already comes back as it is.

    Raises
    ------
    InputError
        No such simulation (the shipped ones are listed), an unusable file, or a study or model that is not there.

    Notes
    -----
    Studies and models are looked for beside the simulation's file, in the current folder, and among the shipped ones; a
    model may be a step of the study, too.
    """
    if isinstance(simulation, Simulation):
        return simulation
    path = named_file("simulation", simulation, shipped_simulations())
    content = read_toml(path)
    _refuse_empty(content, path)
    found = validated(Simulation, content, path)
    if found.fit is not None:
        return found.replace(fit=_folder(found.fit, path))
    shipped = shipped_models()
    if found.population is not None:
        return found.replace(model=_located("model", found.model, path, shipped)) if found.of_file else found
    study = _located("study", found.study, path, shipped_studies())
    known = [*shipped, *(step.id for step in load_study(study).steps)]
    model = _located("model", found.model, path, known)
    models = [_located("model", name, path, known, key="axes.model") for name in found.axes.model]
    of_worlds = found.worlds.model and _located("model", found.worlds.model, path, known, key="worlds.model")
    return found.replace(
        study=study,
        model=model,
        worlds=found.worlds.replace(model=of_worlds),
        axes=found.axes.replace(model=models),
    )


def _refuse_empty(content: Mapping[str, Any], path: Path) -> None:
    """Refuse an empty list in a file: who writes one means something else than who leaves the key out."""
    for table in ("axes", "targets"):
        inner = content.get(table)
        for key in [key for key, value in inner.items() if value == []] if isinstance(inner, dict) else ():
            raise InputError("is an empty list; give it a value, or leave it out", source=path, key=f"{table}.{key}")


def _folder(name: str, simulation: Path) -> str:
    """Find the folder that a simulation names, beside its own file or in the current folder."""
    for folder in (simulation.parent / name, Path(name)):
        if folder.is_dir():
            return str(folder)
    raise InputError(
        f"there is no folder {name!r} beside this file or in the current folder", source=simulation, key="fit"
    )


def _located(kind: str, name: str, simulation: Path, shipped: Iterable[str], *, key: str = "") -> str:
    """Find what a simulation names: a file beside its own, one in the current folder, or a shipped one's name."""
    for path in (simulation.parent / name, Path(name)):
        if path.is_file():
            return str(path)
    if name not in shipped:
        raise InputError(
            f"{unknown_name(kind, name, shipped)}; nor is there such a file beside this one or in the current folder",
            source=simulation,
            key=key or kind,
        )
    return name
