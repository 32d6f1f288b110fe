"""A plan that follows its settings, from state to answers: what the planner in the browser shows, without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..apa import EMPTY, bounded, number, probability
from ..defaults import DEFAULT_SEED
from ..distributions import Distribution
from ..estimands import KINDS
from ..inference.fit import Fit
from ..inference.models.design import Design
from ..inference.models.specs import ModelSpec
from ..inference.models.steps import step_of
from ..inference.saved_fit import SavedFit
from ..spec import InputError, read_toml, validated
from ..study.study import Estimand, Study
from ..study.study_file import load_study, shipped_studies
from .after_fit import Beginning, beginning, is_fit
from .designs.axes import Heterogeneity
from .designs.follow_up import follow_up
from .designs.resolved import one_liner, resolved, short_form
from .designs.rules import Rule
from .designs.simulation import OF_EFFECT, STATED, Simulation, check
from .power import power
from .results.diagnose import Diagnosis, diagnose
from .results.performance import performance
from .run.analyses import analysis_of
from .run.plan import Plan, prepare
from .run.rehearsal import rehearse
from .run.simulate import simulate

SIZES = (20, 40, 70, 120, 200, 350, 600, 1000)
"""Participants in the smaller group at which every curve is simulated, beside the size that is looked at."""
QUICK, REPLICATES = 1_000, 10_000
"""Simulated studies of a size while a control moves, and while it rests."""
EFFECT = 0.4
CHOSEN = "Chosen by whoever planned"
MOVED = ", as set in the planner"
"""Ends what a plan says of itself."""
ASSURANCE, POWER = "assurance", "power"


def _side(upwards: bool, at: float = 0.0) -> Rule:
    return Rule(interval=0.95, **{"above" if upwards else "below": at if upwards else -at})


RULES: dict[str, tuple[str, Callable[[bool, Simulation], Rule]]] = {
    "plan": ("as the plan has it", lambda _, plan: plan.decisions[0].rule),
    "interval": ("95 % interval on the effect's side of 0", lambda up, _: _side(up)),
    "rope": ("95 % interval beyond what counts as nothing", lambda up, plan: _side(up, max(map(abs, plan.rope)))),
    "bf3": ("Bayes factor above 3", lambda *_: Rule(bf10_above=3)),
    "bf10": ("Bayes factor above 10", lambda *_: Rule(bf10_above=10)),
    "inside": ("95 % interval inside what counts as nothing", lambda _, plan: Rule(interval=0.95, inside=plan.rope)),
    "narrow": ("95 % interval narrower than 0.4", lambda *_: Rule(interval=0.95, narrower_than=0.4)),
}
"""Rules on offer: words, and the rule for an effect above 0 or below it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a person can move.

    Parameters
    ----------
    n : int
        Participants in the smallest group.
    allocation : str
        Ratio of the groups.
    effect : float, optional
        True value of what the plan is about; None leaves it to the study or the fit.
    uncertainty : float
        SD of what is held to be true of the effect, in its units.
    tau : float, optional
        SD between studies, in the same; None leaves it as the plan has it.
    prior_width : float, optional
        SD of the analysis' prior of the effect, around 0; None leaves the model's own.
    reliability : float, optional
        Of the focal score, or of the outcome where there is none.
    dropout : float
        Share lost completely at random.
    rule : str
        One of `RULES`.
    target : float
        Probability that is to be reached.
    """

    n: int = 100
    allocation: str = "1:1"
    effect: float | None = None
    uncertainty: float = 0.0
    tau: float | None = 0.0
    prior_width: float | None = None
    reliability: float | None = None
    dropout: float = 0.0
    rule: str = "interval"
    target: float = 0.8


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number, and why it is what it is."""

    name: str
    shown: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a plan comes to.

    Parameters
    ----------
    simulation : Simulation
        The plan; `plan_text` writes it.
    curves : DataFrame
        ``curve`` (assurance, power; the latter alone where nothing is uncertain), ``n_per_group``, ``n_total``,
        ``share``, ``error``.
    figures : tuple of Figure
    diagnosis : Diagnosis
        Of the plan.
    refined : bool
        Whether the numbers are those of ``hikibayes power`` on the plan's file.
    """

    simulation: Simulation
    curves: pd.DataFrame
    figures: tuple[Figure, ...]
    diagnosis: Diagnosis
    refined: bool

    @property
    def plan_text(self) -> str:
        """The plan as a file that ``hikibayes power`` runs, with what it came to."""
        shown = (f"# {figure.name}: {figure.shown}\n" for figure in self.figures)
        return f"{short_form(self.simulation)}\n# What the planner showed of it:\n{''.join(shown)}"


class _Steady(Plan):
    """A plan whose randomness depends on the seed alone, so that differences between settings are not noise."""

    def key(self, *parts: object) -> int:
        """Return the same for everything."""
        return 0

    @property
    def chunk_size(self) -> int:
        """No more populations than there are studies."""
        return min(super().chunk_size, self.simulation.run.replicates)


@dataclass(frozen=True, kw_only=True)
class Planner:
    """A study that is planned, and everything about it that no setting changes.

    Parameters
    ----------
    simulation : Simulation
        The plan with the first value of every axis, resolved.
    study, reconstructions, rows, models
        As `prepare` takes them.
    remarks : tuple of str
        What of a file is left out here.
    rule_given : bool
        Whether a person wrote the rule, which is then one of those on offer.
    """

    simulation: Simulation
    study: Study
    models: Mapping[str, ModelSpec]
    reconstructions: xr.Dataset | None = None
    rows: Design | None = None
    remarks: tuple[str, ...] = ()
    rule_given: bool = True

    # -- what there is ------------------------------------------------------------------------------------------------

    @cached_property
    def base(self) -> Plan:
        """The plan, with populations of every source that a setting asks for."""
        sources = dict.fromkeys((self.simulation.worlds.source[0], self._exact_source))
        both = self.simulation.replace(worlds=self.simulation.worlds.replace(source=tuple(sources)))
        made = prepare(both, study=self.study, reconstructions=self.reconstructions, rows=self.rows, models=self.models)
        if made.engine == "nuts":
            raise InputError(
                "its model is fitted by NUTS, too slow to follow a control; `hikibayes power` plans with it"
            )
        return made

    @property
    def main(self) -> Estimand:
        """What the plan is about."""
        return self.base.estimands[0]

    @cached_property
    def centre(self) -> float:
        """The effect that the populations have on average."""
        if self.held:
            return float(self.held.frozen().mean())
        return float(self.base.population(next(self.base.simulation.samples()), 0).truth[:, 0].mean())

    @property
    def held(self) -> Distribution | None:
        """What the plan itself holds to be true of the effect, if it says so."""
        return self.simulation.worlds.effect.get(self.main.name)

    @property
    def is_written(self) -> bool:
        """Whether the population is written down, so that its effect has to be, too."""
        return self.simulation.population is not None

    @property
    def measured(self) -> str:
        """The score whose reliability can be set."""
        of = str(self.main.of or "")
        return of if of in self.base.frame.measures else self.base.study.analysis.outcome

    @property
    def defaults(self) -> Settings:
        """The settings of the plan as it was given."""
        axes, targets = self.simulation.axes, self.simulation.targets.power
        sizes = axes.n_per_group
        held = self.held
        own = self.simulation.decisions[0].rule
        return Settings(
            n=sizes[len(sizes) // 2],
            allocation=axes.allocation[0],
            effect=float(f"{axes.effect[0] if axes.effect else self.centre:.3g}")
            if self.is_written or axes.effect or held
            else None,
            uncertainty=float(f"{held.frozen().std():.3g}") if held else 0.0,
            tau=axes.tau[0] if axes.tau else _number(self.simulation.worlds.heterogeneity),
            dropout=axes.attrition[0],
            rule="plan" if self.rule_given and own != _side(self.centre >= 0) else "interval",
            target=targets[0] if targets else 0.8,
        )

    # -- settings -> plan ---------------------------------------------------------------------------------------------

    def plan(self, settings: Settings) -> Simulation:
        """Return the simulation that settings stand for.

        Raises
        ------
        InputError
            Settings that no study can have.
        """
        base, given = self.simulation, settings.effect is not None
        if settings.rule not in RULES:
            raise InputError(f"there is no rule {settings.rule!r}; there are {', '.join(RULES)}", key="rule")
        if not given and (settings.uncertainty or base.population is not None):
            raise InputError("the effect must be stated", key="effect")
        upwards = (settings.effect if settings.effect is not None else self.centre) >= 0
        rule = RULES[settings.rule][1](upwards, base)
        axes: dict[str, Any] = {
            "n_per_group": sorted({*filter(self._is_enough(settings), SIZES), settings.n}),
            "allocation": (settings.allocation,),
            "attrition": (settings.dropout,),
            "effect": (settings.effect,) if given and not settings.uncertainty else (),
        }
        worlds: dict[str, Any] = {}
        if settings.uncertainty:
            normal = {"dist": "Normal", "mu": settings.effect, "sigma": settings.uncertainty}
            worlds["effect"] = {self.main.name: {**normal, "reason": CHOSEN}}
        elif given:
            worlds["effect"] = {}
        if settings.tau is not None:
            spread = {"tau": settings.tau, "reason": CHOSEN}
            axes["tau"], worlds["heterogeneity"] = (), spread if settings.tau else None
        content = base.model_dump(by_alias=True, exclude_unset=True)
        content["description"] = f"{base.description.removesuffix(MOVED)}{MOVED}"
        if settings.prior_width is not None:
            axes["prior"], content["priors"] = (STATED,), self._priors(settings.prior_width)
        if settings.reliability is not None:
            axes["reliability"] = ({self.measured: settings.reliability},)
        content["axes"] |= axes
        content["worlds"] |= worlds
        content["decision"] = [{"name": "conclusion", "estimand": self.main.name, "rule": rule}]
        content["targets"] = {"power": [settings.target]}
        if base.population is None:
            return validated(Simulation, content, "the planner")
        written = content["population"]
        written.pop("effect", None)  # an axis, or a distribution, says it
        if settings.reliability is not None:  # as described it has no error, unless the plan says which
            written["reliabilities"] = {self.measured: 1.0, **base.population.reliabilities}
        short = _short(content, base.of_file)
        return resolved(validated(Simulation, short, "the planner"), self.models).simulation

    def _is_enough(self, settings: Settings) -> Callable[[int], bool]:
        """Return whether so many of the smallest group, less those who drop out, are enough for the model."""
        parts = [float(part) for part in settings.allocation.split(":") if part.strip().replace(".", "", 1).isdigit()]
        total = sum(parts) / min(parts) if all(parts) and parts else 1.0
        needed = len(self.base.analyses[0].columns.names) + 2
        return lambda n: n * total * (1 - settings.dropout) >= needed

    @property
    def _exact_source(self) -> str:
        return "fixed" if self.simulation.worlds.source[0] == "fixed" else "printed"

    def _as_if_exact(self, plan: Simulation, settings: Settings) -> Simulation:
        """Return a plan without what is uncertain in it: the effect is what it is held to be, everywhere."""
        worlds = plan.worlds.replace(source=(self._exact_source,), effect={}, heterogeneity=None)
        stated = (settings.effect,) if settings.effect is not None else ()
        return plan.replace(worlds=worlds, axes=plan.axes.replace(effect=stated, tau=()))

    def _priors(self, width: float) -> dict[str, Any]:
        model = self.base.analyses[0].model
        term = KINDS[self.main.kind].term(self.main, self.base.study.analysis.group)
        prior = model.priors.get(term)
        if prior is None or prior.dist != "Normal":
            raise InputError(
                f"{self.main.name!r} is not one coefficient of the model with a Normal prior, so none has a width",
                key="prior width",
            )
        return {term: prior.model_dump(exclude_unset=True) | {"mu": 0, "sigma": width, "reason": CHOSEN}}

    # -- plan -> answers ----------------------------------------------------------------------------------------------

    def sketch(self, settings: Settings) -> Answers:
        """Answer at once, by few studies and the same random numbers for all settings.

        Raises
        ------
        InputError
            Settings that no study can have.
        """
        plan = self.plan(settings)
        steady = self._steady(plan, QUICK)
        rehearse(steady)
        main = simulate(steady)
        exact = self._as_if_exact(plan, settings)
        sure = performance(simulate(self._steady(exact, QUICK))) if exact != plan else None
        return self._answers(settings, plan, diagnose(main), sure)

    def refined(self, settings: Settings) -> Answers:
        """Answer as ``hikibayes power`` does on the plan's file, by many studies; raises `InputError`."""
        plan = self.plan(settings)
        exact = self._as_if_exact(plan, settings)
        sure = self._power(exact).power if exact != plan else None
        return self._answers(settings, plan, self._power(plan), sure)

    def _power(self, plan: Simulation) -> Diagnosis:
        return power(
            plan,
            workers=1,
            study=self.study,
            models=self.models,
            reconstructions=self.base.reconstructions,
            rows=self.rows,
        )

    def _steady(self, simulation: Simulation, replicates: int) -> Plan:
        base = self.base
        made = resolved(simulation, base_models := {a.model.name: a.model for a in base.analyses} | dict(self.models))
        models = base_models | dict(made.models)
        check(simulation, base.study, models)
        (model, variant), *_ = simulation.analyses
        columns, mix = base.analyses[0].columns, base.sources[simulation.worlds.source[0]](np.random.default_rng(0), 1)
        analysis = analysis_of(replace(columns, model=models[model]), variant, simulation, base.estimands, mix.mix)
        quick = simulation.replace(run=simulation.run.replace(replicates=replicates, refine=False))
        return _Steady(**{**vars(base), "simulation": quick, "analyses": (analysis,)})

    def _answers(self, settings: Settings, plan: Simulation, main: Diagnosis, sure: pd.DataFrame | None) -> Answers:
        """Put together what is said of a plan, and of it as if its effect was known exactly, if that is another."""
        null = self._steady(self._as_if_exact(plan, settings), count := main.replicates.count)
        sample = next(each for each in null.simulation.samples() if each.n_per_group == settings.n)
        nothing = performance(simulate(null, [replace(sample, effect=0.0)]))
        tables = {POWER: main.power} if sure is None else {ASSURANCE: main.power, POWER: sure}
        return Answers(
            simulation=plan,
            curves=pd.concat([_curve(name, table) for name, table in tables.items()], ignore_index=True),
            figures=tuple(_figures(settings, plan, main, {**tables, "nothing": nothing})),
            diagnosis=main,
            refined=count == plan.run.replicates,
        )


def _number(spread: Heterogeneity | None) -> float | None:
    if spread is None:
        return 0.0
    return spread.tau if isinstance(spread.tau, float) else None


def _short(content: dict[str, Any], of_file: bool) -> dict[str, Any]:
    """Return the content of a written population's plan as a person writes it, without what was made of it."""
    made = {"study", *([] if of_file else ["model"])}
    worlds = {name: value for name, value in content["worlds"].items() if name in OF_EFFECT}
    return {name: value for name, value in content.items() if name not in made} | {"worlds": worlds}


def _curve(name: str, found: pd.DataFrame) -> pd.DataFrame:
    table = found.sort_values("n_per_group")
    share, error = table["power"].fillna(table["assurance"]), table["power_mcse"].fillna(table["assurance_mcse"])
    return table[["n_per_group", "n_total"]].assign(curve=name, share=share, error=error)


WHAT = {
    ASSURANCE: "drawn anew for each study from what is held possible, and the conclusion is right",
    POWER: "exactly what it is held to be",
}


def _figures(
    settings: Settings, plan: Simulation, main: Diagnosis, tables: Mapping[str, pd.DataFrame]
) -> Iterator[Figure]:
    rows = {name: _at(table, settings.n) for name, table in tables.items()}
    rule, count, target = plan.decisions[0].rule, f"{main.replicates.count:,} simulated studies", settings.target
    size = main.sample_size.to_dict("records")[0]
    first, *_ = curves = [name for name in tables if name in WHAT]
    yield Figure(
        name=f"Smallest size for {probability(target)}",
        shown=_sized(size, plan),
        why=f"Where the curve of the {first} crosses {probability(target)}, read off between the simulated sizes; the "
        f"interval is what {count} of each size leave open. No size gets beyond "
        f"{probability(size['limiting_assurance'])}: the conclusion is true in that share of the populations.",
    )
    for name in curves:
        share, error = _either(rows[name])
        yield Figure(
            name=f"{name.capitalize()} with {_people(settings.n, rows[name]['n_total'], plan)}",
            shown=_with_error(probability(share), 1.96 * error),
            why=f"Share of {count} whose posterior has: {rule}; the true effect is {WHAT[name]}. ± is the simulation's "
            "error.",
        )
    yield Figure(
        name="Concludes where there is no effect",
        shown=probability(_either(rows["nothing"])[0]),
        why=f"The same study where the true effect is 0: the share of {count} that conclude all the same.",
    )
    own = rows[first]
    yield Figure(
        name="Width of the 95 % interval",
        shown=number(own["width"]),
        why="Mean over the studies, in the units of the effect; it shrinks with the root of the size.",
    )
    yield Figure(
        name="Wrong sign among conclusions",
        shown=probability(own["type_s"]),
        why="Type S error: of the studies that conclude, those whose estimate has the other sign than the truth.",
    )
    yield Figure(
        name="Exaggeration among conclusions",
        shown=EMPTY if pd.isna(own["exaggeration"]) else f"{number(own['exaggeration'])} ×",
        why="Type M error: how many times the truth the estimates are in studies that conclude, both without sign.",
    )


def _at(table: pd.DataFrame, n: int) -> Mapping[Any, Any]:
    return table[table["n_per_group"] == n].to_dict("records")[0]


def _either(row: Mapping[Any, Any]) -> tuple[float, float]:
    """Return power or assurance with its error, whichever a row has."""
    name = POWER if pd.notna(row[POWER]) else ASSURANCE
    return float(row[name]), float(row[f"{name}_mcse"])


def _with_error(share: str, error: float) -> str:
    """Add the simulation's error to a probability, with as many decimals; next to the ends it is too small to show."""
    return share if " " in share else f"{share} ± {bounded(error, len(share.partition('.')[2]))}"


def _people(n: int, total: int, plan: Simulation, interval: str = "") -> str:
    """Write how many people there are: in all of one sample, in each of equal groups, or in the smaller one."""
    parts = next(plan.samples()).ratio
    if len(parts) == 1:
        return f"{n}{interval} in all"
    return f"{n} in {'each' if len(set(parts)) == 1 else 'the smaller'} group{interval}, {total} in all"


def _sized(row: Mapping[Any, Any], plan: Simulation) -> str:
    """Write a size with its interval, or why there is none."""
    if not row["reached"]:
        return "none" if row["limiting_assurance"] < row["target"] else f"more than {max(SIZES):,}"
    if row["at_most"]:
        return f"at most {row['n_per_group']}"
    upper = row["upper"] if pd.notna(row["upper"]) else f"more than {max(SIZES):,}"
    return _people(row["n_per_group"], row["n_total"], plan, f" ({row['lower']} to {upper})")


# -- where a planner comes from ---------------------------------------------------------------------------------------


def planner(what: str | Path | Simulation | Fit | SavedFit | None = None) -> Planner:
    """Return the planner of a study, a fit, a simulation, or of nothing but an effect.

    Parameters
    ----------
    what : str, Path, Simulation or Fit, optional
        A shipped study's or simulation's name, the file of either, the folder of a fit, or one that is loaded.

    Raises
    ------
    InputError
        There is no such thing; it has no main question to plan for; or planning cannot follow it step by step.
    """
    begun, rule_given = _begun(what)
    of_fit = begun if isinstance(begun, Beginning) else None
    simulation = begun.simulation if isinstance(begun, Beginning) else begun
    if left := [name for name in ("looks", "original", "costs") if getattr(simulation, name)]:
        raise InputError("the planner has no such thing; `hikibayes power` plans with it", key=left[0])
    made = resolved(simulation, of_fit.models if of_fit else {}, of_fit.study if of_fit else None)
    first, left_out = _firsts(made.simulation)
    found = Planner(
        simulation=first,
        study=of_fit.study if of_fit else made.study or load_study(simulation.study),
        models={**(of_fit.models if of_fit else {}), **made.models},
        reconstructions=of_fit.reconstructions if of_fit else None,
        rows=of_fit.rows if of_fit else None,
        remarks=tuple(left_out if rule_given else ()),
        rule_given=rule_given,
    )
    _ = found.base
    return found


def _begun(what: Any) -> tuple[Beginning | Simulation, bool]:
    """Return what is planned from, and whether a person wrote its rule."""
    if what is None:
        return one_liner(EFFECT).replace(description="A comparison of two groups"), False
    if is_fit(what):
        return _named_fit(what), False
    if isinstance(what, str | Path) and (str(what) in shipped_studies() or _is_study(Path(what))):
        return _of_study(str(what)), False
    return beginning(what), True


def _named_fit(what: Any) -> Beginning:
    begun = beginning(what)
    assert isinstance(begun, Beginning)
    where = {"fit": str(Path(what).resolve())} if isinstance(what, str | Path) else {}
    return replace(begun, simulation=begun.simulation.replace(**where))


def _is_study(path: Path) -> bool:
    """Tell whether a file says what was published, rather than what is planned."""
    try:
        return not {"decision", "population", "axes"} & {*read_toml(path)}
    except InputError:
        return False  # said where it is read


def _of_study(name: str) -> Simulation:
    """Return the follow-up of a published study: its main question under the model of its step."""
    study = load_study(name)
    read = study.read()
    step = step_of(read, read.focal_estimand)
    plan = follow_up(read, step, upwards=True, seed=DEFAULT_SEED)
    known = name if name in shipped_studies() else str(Path(name).resolve())
    return plan.replace(study=known, description=f"A follow-up of {study.id}")


def _firsts(simulation: Simulation) -> tuple[Simulation, list[str]]:
    """Return a plan with the first value of every axis, and what is left out by that."""
    first = simulation.brief(REPLICATES)
    worlds = first.worlds.replace(source=first.worlds.source[:1])
    kept = first.replace(worlds=worlds, decision=first.decisions[:1], run=first.run.replace(refine=True))
    axes = (name for name in type(simulation.axes).model_fields if name != "n_per_group")
    several = [name.replace("_", " ") for name in axes if len(getattr(simulation.axes, name)) > 1]
    several += ["decision"] if len(simulation.decisions) > 1 else []
    return kept, [f"of several values of {name} the first is planned with" for name in several]
