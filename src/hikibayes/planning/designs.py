"""A simulation as a person writes it: worlds, axes that multiply into a grid, decisions, targets.

A cell of the grid is one planned study: whom it samples (`Sample`), and how it is analysed (a model and its priors).
Cells that differ in the analysis alone share their simulated data, so their difference is the analysis' and no noise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.resources import files
from itertools import product
from math import ceil
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from ..inference.models import DEFAULT_VARIANT, load_model
from ..record.measures import Identifier, Text
from ..record.study import Study
from ..spec import InputError, Spec, read_spec, unknown_name
from .fixed import FixedWorld
from .rules import Decision, Pair

__all__ = [
    "AS_PRINTED",
    "MOST_CELLS",
    "Axes",
    "Cell",
    "DropOut",
    "Sample",
    "Simulation",
    "WorldsSpec",
    "axis_labels",
    "check",
    "load_simulation",
    "shipped_simulations",
]

AS_PRINTED = "as_printed"
MOST_CELLS = 1000
"""A grid of more cells than this is run only when a person says so."""

Whole = Annotated[int, Field(ge=2)]
Share = Annotated[float, Field(ge=0, lt=1)]
Unit = Annotated[float, Field(gt=0, le=1)]
Ratio = Annotated[str, StringConstraints(pattern=r"^\s*\d+(\.\d+)?\s*:\s*\d+(\.\d+)?\s*$")]
Mix = Annotated[str, StringConstraints(pattern=rf"^({AS_PRINTED}|\d+(\.\d+)?:\d+(\.\d+)?(/\d+(\.\d+)?:\d+(\.\d+)?)?)$")]
Kind = Literal["posterior", "printed", "shrunken", "fixed"]


class DropOut(Spec):
    """Participants lost depending on a score: a logistic curve with a given average."""

    share: Share
    """Average probability of being lost."""
    on: Identifier
    """The score, or the outcome, on which it depends."""
    strength: float
    """Change of the log odds per SD of that score: above 0, those with high scores are lost more often."""


class WorldsSpec(Spec):
    """The populations to plan for: the design prior.

    Notes
    -----
    ``posterior``: drawn from the posterior given a reconstruction; ``printed``: the reconstruction taken as the
    population; ``shrunken``: the focal difference of ``printed`` times ``shrink``; ``fixed``: what ``fixed`` says.
    """

    source: Annotated[tuple[Kind, ...], Field(min_length=1)] = ("posterior",)
    model: str | None = None
    """The model that the worlds follow; the analysis' own where none is given."""
    prior: str = DEFAULT_VARIANT
    """Variant of that model's priors under which the posterior is taken."""
    shrink: Annotated[float, Field(ge=0, le=1)] = 0.5
    """What is left of the focal difference in ``shrunken`` worlds; .37 allows for selection by significance."""
    fixed: FixedWorld | None = None

    @field_validator("source", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fixed_given(self) -> Self:
        if ("fixed" in self.source) != (self.fixed is not None):
            raise ValueError("source 'fixed' and a table [worlds.fixed] belong together; found one of them only")
        return self


class Axes(Spec):
    """What is varied; every combination is a cell."""

    n_per_group: tuple[Whole, ...]
    """Participants in the smaller group, as recruited."""
    allocation: tuple[Ratio, ...] = ("1:1",)
    """Ratio of the groups in the study's order, for example ``2:1`` for two controls to each case."""
    mix: tuple[Mix, ...] = (AS_PRINTED,)
    """The model's category (such as sex): ``as_printed`` leaves it to chance, with the world's shares; ``1:1`` is a
    quota of its levels in their order; ``1:1/2:1`` gives each group its own."""
    model: tuple[str, ...] = ()
    """Models of the analysis; by default the simulation's."""
    prior: tuple[Identifier, ...] = (DEFAULT_VARIANT,)
    """Variants of the analysis' priors."""
    effect: tuple[float, ...] = ()
    """True differences of the focal slopes, second group minus first, in SD per SD; by default the worlds' own."""
    reliability: tuple[Literal["as_printed"] | dict[Identifier, Unit], ...] = ("as_printed",)
    """Reliabilities of the planned study's measures, for example ``{instrumental_support = 0.9}``."""
    attrition: tuple[Share, ...] = (0.0,)
    """Share lost completely at random."""
    missing: tuple[Literal["none"] | DropOut, ...] = ("none",)
    """Loss that depends on a score."""
    answers: tuple[Literal["gaussian", "likert"], ...] = ("gaussian",)
    """``likert``: scores as the whole numbers that the instruments can give."""
    predictors: tuple[Literal["random", "fixed"], ...] = ("random",)
    """``fixed``: scores with exactly the world's means and covariances in every sample; only the outcome is random."""

    @field_validator("allocation")
    @classmethod
    def _nobody_left_out(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [ratio for ratio in value if 0.0 in map(float, ratio.split(":"))]:
            raise ValueError(f"the ratio {wrong[0]} leaves a group empty; both parts are above 0, such as 2:1")
        return value

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name in type(self).model_fields:
            values = [str(value) for value in getattr(self, name)]
            if twice := [value for value in values if values.count(value) > 1]:
                raise ValueError(f"axis {name!r} has {twice[0]} twice; each of its values makes cells of its own")
        return self

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if empty := [
            name for name in type(self).model_fields if name not in ("model", "effect") and not getattr(self, name)
        ]:
            raise ValueError(f"axis {empty[0]!r} is empty, so the grid has no cells; give it a value")
        return self


class Targets(Spec):
    """Probabilities that the planned study should reach, each above 0 and below 1."""

    power: tuple[float, ...] = ()

    @field_validator("power")
    @classmethod
    def _below_one(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if wrong := [target for target in value if not 0 < target < 1]:
            raise ValueError(f"a target lies above 0 and below 1 (no finite study is certain); found {wrong[0]:g}")
        return value


class Run(Spec):
    """How much is simulated, and how."""

    replicates: Annotated[int, Field(ge=10)] = 10_000
    """Simulated studies in each cell."""
    seed: Annotated[int, Field(ge=0)] = 20210525
    engine: Literal["auto", "exact", "nuts"] = "auto"
    """``auto``: exact where the model is Gaussian with Normal priors, else NUTS."""
    refine: bool = True
    """Add cells between those where a target is crossed."""


class Simulation(Spec):
    """Simulated studies over a grid: what is planned for, what is varied, what is to be claimed."""

    description: Text
    study: str = "nonaka2021"
    readings: dict[Identifier, Identifier] = Field(default_factory=dict)
    """Option by reading of the study; by default the study's own."""
    model: str = "step3"
    """The model of the analysis."""
    worlds: WorldsSpec = WorldsSpec()
    axes: Axes
    decisions: Annotated[tuple[Decision, ...], Field(min_length=1, alias="decision")]
    targets: Targets = Targets()
    rope: Pair = (-0.1, 0.1)
    """Region of practical equivalence, in the estimand's standardised unit."""
    run: Run = Run()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [decision.name for decision in self.decisions]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"decision {min(twice)!r} is defined twice; a name belongs to one thing")
        if len(probabilities := {d.rule.interval for d in self.decisions if d.rule.interval}) > 1:
            found = ", ".join(f"{p:g}" for p in sorted(probabilities))
            raise ValueError(f"all rules of a simulation use one interval; found {found} (write one simulation each)")
        if self.rope[0] >= self.rope[1]:
            raise ValueError(f"rope runs from {self.rope[0]:g} to {self.rope[1]:g}, not upwards")
        return self

    @property
    def interval(self) -> float:
        """Probability of the interval that the replicates hold."""
        return next((d.rule.interval for d in self.decisions if d.rule.interval), 0.95)

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

    def samples(self) -> Iterator[Sample]:
        """Yield every way of sampling in the grid."""
        axes = self.axes
        for source, effect, reliability, allocation, mix, attrition, missing, answers, predictors, n in product(
            self.worlds.source,
            axes.effect or (None,),
            axes.reliability,
            axes.allocation,
            axes.mix,
            axes.attrition,
            axes.missing,
            axes.answers,
            axes.predictors,
            axes.n_per_group,
        ):
            yield Sample(
                worlds=source,
                effect=effect,
                reliability=reliability if isinstance(reliability, str) else tuple(sorted(reliability.items())),
                allocation=allocation.replace(" ", ""),
                mix=mix,
                attrition=attrition,
                missing=None if missing == "none" else missing,
                answers=answers,
                predictors=predictors,
                n_per_group=n,
            )

    @property
    def size(self) -> int:
        """Number of cells of the grid."""
        return sum(1 for _ in self.samples()) * len(self.analyses)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One way of sampling: the world it is from, and how many of whom; see `Axes` for the fields."""

    worlds: str
    effect: float | None
    reliability: str | tuple[tuple[str, float], ...]
    allocation: str
    mix: str
    attrition: float
    missing: DropOut | None
    answers: str
    predictors: str
    n_per_group: int

    @property
    def sizes(self) -> tuple[int, int]:
        """Participants by group, as recruited; the larger group is rounded up."""
        first, second = self.ratio
        smaller = min(first, second)
        return ceil(self.n_per_group * first / smaller - 1e-9), ceil(self.n_per_group * second / smaller - 1e-9)

    @property
    def over_worlds(self) -> bool:
        """Whether its worlds are draws that say what is uncertain, so that P(claim) is an assurance."""
        return self.worlds == "posterior"

    @property
    def ratio(self) -> tuple[float, float]:
        """Parts of the two groups."""
        first, second = self.allocation.split(":")
        return float(first), float(second)

    @property
    def quota(self) -> tuple[float, float] | None:
        """Share of the category's second level in each group; None where it is left to chance."""
        if self.mix == AS_PRINTED:
            return None
        parts = [tuple(map(float, ratio.split(":"))) for ratio in self.mix.split("/")]
        shares = [second / (first + second) for first, second in parts]
        return shares[0], shares[-1]

    @property
    def curve(self) -> tuple[object, ...]:
        """Everything but the size: what the cells of one power curve have in common."""
        return tuple(value for name, value in self.__dict__.items() if name != "n_per_group")

    def labels(self) -> dict[str, object]:
        """Return the axes as a table shows them."""
        missing = self.missing
        return {
            "worlds": self.worlds,
            "effect": self.effect,
            "reliability": self.reliability
            if isinstance(self.reliability, str)
            else ", ".join(f"{name}={value:g}" for name, value in self.reliability),
            "allocation": self.allocation,
            "mix": self.mix,
            "attrition": self.attrition,
            "missing": f"{missing.share:g} on {missing.on} ({missing.strength:+g})" if missing else "none",
            "answers": self.answers,
            "predictors": self.predictors,
            "n_per_group": self.n_per_group,
            "n_total": sum(self.sizes),
        }

    def digest(self) -> int:
        """Return 64 bits that stand for this way of sampling, in the seeds of its replicates."""
        content = asdict(self) | {"missing": self.missing.model_dump(mode="json") if self.missing else None}
        return int(hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16], 16)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One planned study: a sample and its analysis."""

    sample: Sample
    model: str
    prior: str

    def labels(self) -> dict[str, object]:
        """Return the axes as a table shows them."""
        return {"model": self.model, "prior": self.prior} | self.sample.labels()


PLAIN = {
    "effect": None,
    "reliability": AS_PRINTED,
    "attrition": 0.0,
    "missing": "none",
    "answers": "gaussian",
    "predictors": "random",
}
"""Axes that are shown only where something else than this is among the cells."""


def axis_labels(cells: Sequence[Cell]) -> list[dict[str, object]]:
    """Return each cell's axes as a table shows them, without those on which every cell is plain."""
    labels = [cell.labels() for cell in cells]
    plain = [name for name, value in PLAIN.items() if all(label[name] == value for label in labels)]
    last = ("n_per_group", "n_total", "worlds")
    return [
        {name: label[name] for name in label if name not in (*plain, *last)} | {name: label[name] for name in last}
        for label in labels
    ]


# -- checks against the study ----------------------------------------------------------------------------------------


def check(simulation: Simulation, study: Study, source: str | Path | None = None) -> None:
    """Check that a simulation can be run, before anything is.

    Raises
    ------
    InputError
        An estimand, model, prior or measure that does not exist; a ratio that leaves a group empty; a Bayes factor
        under a flat prior.
    """
    for decision in simulation.decisions:
        if decision.estimand not in (known := [estimand.name for estimand in study.estimands]):
            raise InputError(
                unknown_name("estimand", decision.estimand, known), source=source, key=f"decision {decision.name!r}"
            )
    for model in simulation.models:
        loaded = load_model(model)
        for variant in simulation.axes.prior:
            flat = loaded.prior_set(variant).rule == "flat"
            asking = [decision.name for decision in simulation.decisions if decision.rule.needs_bayes_factor]
            if flat and asking and len(simulation.axes.prior) == 1:
                raise InputError(
                    f"decision {asking[0]!r} asks for a Bayes factor, which prior {variant!r} has not", source=source
                )
    for sample in simulation.samples():
        if sample.predictors == "fixed" and (sample.answers == "likert" or sample.missing or sample.attrition):
            raise InputError(
                "predictors = 'fixed' goes with gaussian answers and nobody lost; other cells need 'random'",
                source=source,
                key="axes.predictors",
            )
        if any(ratio == "0:0" for ratio in sample.mix.split("/")):
            raise InputError(f"{sample.mix!r} is no ratio", source=source, key="axes.mix")
        if sample.missing and sample.missing.on not in (names := [measure.id for measure in study.measures]):
            raise InputError(unknown_name("measure", sample.missing.on, names), source=source, key="axes.missing")


# -- files -----------------------------------------------------------------------------------------------------------


def shipped_simulations() -> dict[str, Path]:
    """Return the simulation files that come with the package, by name."""
    packaged = Path(str(files("hikibayes") / "simulations"))
    checkout = Path(__file__).parents[3] / "simulations"
    folder = packaged if packaged.is_dir() else checkout
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_simulation(simulation: str | Path | Simulation) -> Simulation:
    """Load a simulation by the name of a shipped one or by path.

    Parameters
    ----------
    simulation : str, Path or Simulation
        ``followup``, or a path to a simulation file; one that is loaded already comes back as it is.

    Raises
    ------
    InputError
        No such simulation (the shipped ones are listed), or an unusable file.
    """
    if isinstance(simulation, Simulation):
        return simulation
    shipped = shipped_simulations()
    path = shipped.get(str(simulation), Path(simulation))
    if str(simulation) not in shipped and path.suffix != ".toml" and not path.exists():
        raise InputError(f"{unknown_name('simulation', str(simulation), shipped)}; or give the path of a file")
    return read_spec(Simulation, path)
