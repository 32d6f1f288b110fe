"""`power` and `diagnose`: how many people the next study needs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from ...defaults import DEFAULT_SEED
from .. import options
from ..verb import Outcome, verb

if TYPE_CHECKING:
    import pandas as pd

    from ...folders import Content
    from ...inference.models.specs import ModelSpec
    from ...planning.after_fit import Beginning
    from ...planning.designs.simulation import Simulation
    from ...planning.results.diagnose import Diagnosis
    from ..run import Run

MOST_ROWS = 24
"""A longer table of sizes is shown for the first rule and the first prior only; the files have the rest."""
OUTCOMES = ("power", "assurance", "against", "futile", "undecided", "expected_n")
UNFINISHED, MODELS, PLAN = ".unfinished", "models.json", "planning.json"
TABLES = (
    *("power.csv", "sample_size.csv", "surface.csv", "looks.csv", "detectable.csv", "planning.json"),
    *("proposal.txt", "preregistration.csv", "preregistration.html"),
)


@verb(
    click.Argument(["simulation"], required=False, metavar="[SIMULATION or, with --after, NEW]"),
    click.Option(
        ["--after"],
        metavar="STUDY",
        help="Plan the replication of a study, or of a fit; with NEW, as `replicate` takes it, the study after both.",
    ),
    click.Option(["--effect"], metavar="SIZE", help="Without a SIMULATION: an effect, as 0.3 (d), f2=0.1, beta=0.3."),
    click.Option(
        ["--per-group", "per_group"],
        type=click.IntRange(2, 10**7),
        multiple=True,
        help="With --effect: people in a group; may be repeated.  [default: how many it takes is looked for]",
    ),
    click.Option(
        ["--formula"], help="With --effect: of the analysis; the effect is its last term's.  [default: y ~ group]"
    ),
    click.Option(
        ["--levels"],
        multiple=True,
        metavar="COLUMN=LEVEL,LEVEL",
        callback=options.mapped,
        help="With --effect: levels of a category of the formula, reference first; may be repeated.",
    ),
    options.estimand,
    click.Option(
        ["--replicates"], type=click.IntRange(10, 10**7), help="Simulated studies a cell.  [default: the file's]"
    ),
    options.reconstructions,
    click.Option(["--workers"], type=click.IntRange(1, 256), help="Threads.  [default: one for each core]"),
    click.Option(["--dask"], metavar="ADDRESS", help="A dask scheduler that does the work."),
    click.Option(["--yes"], is_flag=True, help="Run a grid of any size."),
    files=("replicates.parquet", *TABLES, "simulation.toml", "model.toml", "report.html", "figures/"),
    passing=("effect", "per_group", "formula", "levels", "workers", "dask", "yes"),
    seed=options.seed_of_file,
    reported=True,
)
def power(
    run: Run,
    simulation: str | None,
    replicates: int | None,
    reconstructions: str | None,
    after: str | None = None,
    effect: str | None = None,
    per_group: tuple[int, ...] = (),
    formula: str | None = None,
    levels: Mapping[str, str] = MappingProxyType({}),
    estimand: str = "",
    workers: int | None = None,
    dask: str | None = None,
    yes: bool = True,
) -> Outcome:
    """Simulate planned studies: power, assurance, precision, sample size.

    SIMULATION is the name of a shipped one, a file, or the folder of a fit, the design prior of a study that asks its
    main question again; by default followup, unless there is nothing but an effect (--effect 0.3 --per-group 100), or a
    study to replicate (--after nonaka2021). An interrupted run goes on where it stopped.
    """
    from ...planning.after_fit import is_fit
    from ...planning.power import forget, power
    from ...planning.results.diagnose import REPLICATES_FILE
    from ...planning.run.replicates import write_replicates
    from ...spec import spec_text
    from ...study.wording import question

    began = time.time()
    written_out = {"--effect": effect, "--per-group": per_group, "--formula": formula, "--levels": levels}
    if after:
        _refuse(written_out, "goes without --after, which makes a plan of its own")
        asked = _after(run, after, simulation, reconstructions, estimand)
    else:
        if simulation and is_fit(simulation):
            _refuse(written_out, "goes without the folder of a fit, which is the plan's population")
        written = partial(_asked, simulation, effect, per_group, formula, levels)
        asked = _inputs(run, simulation, reconstructions, written, estimand)
    study, models = asked["study"], asked["models"]
    store = None if run.again else run.folder(study.id) / UNFINISHED
    with run.bar("simulated studies") as tell:
        found = power(
            **asked,
            replicates=replicates,
            seed=run.chosen_seed,
            store=store,
            workers=workers,
            dask=dask,
            progress=tell,
            tell=run.say,
            any_size=yes,
        )
    files = {
        REPLICATES_FILE: partial(write_replicates, found.replicates),
        "study.json": spec_text(study),
        MODELS: spec_text(models),
        **_plan_files(found.replicates.simulation, models, after, simulation),
        **diagnosis_files(found, models),
    }
    afterwards = {"afterwards": partial(forget, store, began)} if store else {}
    done = _outcome(found, study.id, files, **afterwards)
    return (
        replace(done, remarks=[question(study), *done.remarks])
        if after or (simulation and is_fit(simulation))
        else done
    )


def _plan_files(
    ran: Simulation, models: Mapping[str, ModelSpec], after: str | None, named: str | None
) -> dict[str, Content]:
    """Return the plan as a file that a person can run, of plans that none was written for."""
    from ...inference.own.files import resolved_file
    from ...planning.after_fit import is_fit
    from ...planning.designs.original import without_original
    from ...planning.designs.resolved import short_form

    if ran.population:
        return {"simulation.toml": short_form(ran)}
    if named and not after and is_fit(named):
        return {"simulation.toml": short_form(ran.replace(fit=os.path.realpath(str(named))))}
    if not after or Path(after).is_dir():  # people's rows are in no file that a plan could name
        return {}
    plan = short_form(ran.replace(study=after, model="model.toml"))
    return {"simulation.toml": plan, "model.toml": resolved_file("model.toml", without_original(models[ran.model]))}


def _after(run: Run, after: str, new: str | None, reconstructions: str | None, estimand: str) -> dict[str, Any]:
    """Return the same of a replication, or of what comes after a study and its replication."""
    from ...planning.designs.resolved import resolved
    from ...planning.designs.simulation import Simulation
    from ...replication.next_study import next_study
    from ...spec import validated
    from .replicate import takes_new
    from .sensitivity import asked_about

    seed = DEFAULT_SEED if run.chosen_seed is None else run.chosen_seed
    about, _ = asked_about(run, after, {})
    if new:
        takes_new(run, new)
    run.takes_file(reconstructions)
    begun = next_study(about, new, estimand=estimand, seed=seed, tell=run.say)
    plan = begun.simulation
    if run.again:
        plan = validated(Simulation, run.again.json_object(PLAN)["simulation"], PLAN)
    made = resolved(plan, begun.models, begun.study)
    _refuse_draws(begun, reconstructions)
    found = vars(begun) | {"simulation": plan, "models": {**begun.models, **made.models}}
    return found | ({"reconstructions": reconstructions} if reconstructions else {})


def _refuse(options: Mapping[str, object], why: str) -> None:
    """Refuse the first option that is given, where none of them has a part in the plan."""
    from ...spec import InputError

    for name, given in options.items():
        if given:
            raise InputError(why, source=name)


def _refuse_draws(begun: Beginning, reconstructions: str | None) -> None:
    """Refuse reconstructions where there are people's own rows."""
    if begun.rows is not None:
        _refuse({"--reconstructions": reconstructions}, "goes without a fit, whose own table is the sample")


def _inputs(
    run: Run, simulation: str | None, reconstructions: str | None, asked: Callable[[], Simulation], estimand: str
) -> dict[str, Any]:
    """Return what is planned, for which study, with which models, from which moments; the run notes its inputs."""
    from ...inference.saved_fit import POSTERIOR
    from ...planning.after_fit import after_fit, is_fit
    from ...planning.designs.resolved import resolved
    from ...planning.designs.simulation import Simulation
    from ...spec import InputError, validated

    saved = validated(Simulation, run.again.json_object(PLAN)["simulation"], PLAN) if run.again else None
    own = simulation if simulation and is_fit(simulation) else None
    if estimand and not own:
        raise InputError(
            "goes with the folder of a fit, or with --after; a simulation's decisions say it", source="--estimand"
        )
    plan = saved if own or saved else asked()
    if folder := own or (plan and plan.fit):
        run.takes_file(f"{folder}/{POSTERIOR}")
        begun = after_fit(folder, seed=run.chosen_seed or DEFAULT_SEED, plan=plan, estimand=estimand)
        _refuse_draws(begun, reconstructions)
        made = resolved(begun.simulation, begun.models, begun.study)
        return vars(begun) | {"models": {**begun.models, **made.models}}
    assert plan is not None
    made = resolved(plan, run.again.models, run.again.study) if run.again else resolved(plan)
    study = run.study(made.study or made.simulation.study, {})
    models = run.again.models if run.again else models_of(made.simulation, made.models)
    for name, model in models.items():
        run.takes(name, model)
    _note_plan(run, simulation or "simulation", plan)
    run.takes_file(reconstructions)
    # by its name, so that messages have it
    named = simulation if simulation and not saved else plan
    return {"simulation": named, "study": study, "models": models, "reconstructions": reconstructions}


def _note_plan(run: Run, name: str, plan: Simulation) -> None:
    """Note the plan itself among the inputs; a run that is made again has it among its own files, as it was."""
    from ...spec import digest

    if run.again is None:
        run.inputs[name] = digest(plan)
    elif name in run.again.record.inputs:
        run.inputs[name] = run.again.record.inputs[name]


def _asked(
    simulation: str | None,
    effect: str | None,
    per_group: tuple[int, ...],
    formula: str | None,
    levels: Mapping[str, str],
) -> Simulation:
    """Return the simulation of a file, or of nothing but an effect."""
    from ...planning.designs.resolved import effect_of, one_liner
    from ...planning.designs.simulation import load_simulation
    from ...spec import InputError

    if effect is None:
        for named, given in {"--per-group": per_group, "--formula": formula, "--levels": levels}.items():
            if given:
                raise InputError("goes with --effect; a SIMULATION says it in its file", source=named)
        return load_simulation(simulation or "followup")
    if simulation:
        raise InputError("goes without a SIMULATION, whose file says it", source="--effect")
    split = {name: tuple(level.strip() for level in written.split(",")) for name, written in levels.items()}
    return one_liner(effect_of(effect), per_group, formula, split)


@verb(options.folder, seed=None, files=TABLES)
def diagnose(run: Run, folder: str) -> Outcome:
    """Reduce the replicates that a FOLDER holds to power and sample sizes again, there or in another folder."""
    from ...planning.results.diagnose import REPLICATES_FILE, diagnose

    source = Path(folder)
    run.takes_file(str(source / REPLICATES_FILE))
    found = diagnose(source)
    return _outcome(found, "", diagnosis_files(found, saved_models(source)), into=source)


def models_of(simulation: Simulation, made: Mapping[str, ModelSpec] = MappingProxyType({})) -> dict[str, ModelSpec]:
    """Return the models that a simulation names, by the name it has for them; those that were `made` as they are."""
    from ...inference.models.specs import load_model

    names = {simulation.worlds.model or simulation.models[0], *simulation.models}
    return {name: made.get(name) or load_model(name) for name in sorted(names)}


def saved_models(folder: Path) -> dict[str, ModelSpec]:
    """Return the models that a run has saved, by the name that its simulation has for them; none in an old folder."""
    from ...inference.models.specs import ModelSpec
    from ...spec import read_object, validated

    path = folder / MODELS
    if not path.is_file():
        return {}
    content = read_object(path.read_text(encoding="utf-8", errors="replace"), path)
    return {name: validated(ModelSpec, model, path) for name, model in content.items()}


def diagnosis_files(found: Diagnosis, models: Mapping[str, ModelSpec]) -> dict[str, Content]:
    """Return what replicates are reduced to: tables, a paragraph for a proposal, the reconstructions' verdict."""
    from ...planning.results.preregistration import document, preregistration
    from ...planning.results.proposal import proposal, table_of_sizes
    from ...planning.results.tables import planning_tables
    from ...reconstruction.reconstructions import reconstructions_note

    note = reconstructions_note(found.replicates.verdict)
    table = preregistration(found)
    text = "\n\n".join(filter(None, [proposal(found), table_of_sizes(found)]))
    words: dict[str, Content] = {"proposal.txt": text + "\n", "preregistration.csv": table}
    words["preregistration.html"] = document(table)
    return {**planning_tables(found, models), **words, **note}


def _outcome(found: Diagnosis, study: str, files: Mapping[str, Content], **more: Any) -> Outcome:
    from ...planning.results.proposal import further_rules, of_whom

    simulation = found.replicates.simulation
    first, seed = simulation.decisions[0], simulation.run.seed
    about = f"{found.replicates.named(first.estimand)}, {first.rule}"
    shown = []
    if simulation.targets.power:
        shown.append((f"smallest sizes: {about}", _sizes(found.sample_size, simulation)))
    if simulation.targets.detectable:
        columns = ["n_per_group", "n_total", "effect", "lower", "upper", "confirmed"]
        shown.append((f"smallest effects: {about}", _first_rule(found.detectable, simulation, columns)))
    return Outcome(
        study=study,
        files=files,
        table=found.power,
        shown=shown or [(f"P(conclusion): {about}", _shares(found.power, simulation))],
        remarks=[
            *filter(None, [of_whom(found)]),
            *(f"further rule, {rule}: {shares}" for rule, shares in further_rules(found)),
            *(f"note: {warning}" for warning in found.warnings),
        ],
        verdict=f"{'' if found.sound else 'NOT SOUND; '}seed {seed}",
        sound=found.sound,
        seed=seed,
        **more,
    )


def _sizes(sizes: pd.DataFrame, simulation: Simulation) -> pd.DataFrame:
    """Keep the sizes that fit a terminal; ≤ where the smallest simulated one reaches the target already."""
    found = ["n_per_group", "n_total", "lower", "upper", "confirmed", "limiting_assurance"]
    found += ["cost", "cheapest"] if simulation.costs else []
    shown = _first_rule(sizes, simulation, found)
    if simulation.costs:
        shown["cost"] = shown["cost"].map(lambda cost: f"{cost:,.0f}", na_action="ignore")
        shown["cheapest"] = shown["cheapest"].map({True: "yes", False: ""})
    bound = sizes.loc[shown.index, "at_most"].map({True: "≤ ", False: ""})
    for name in found[:2]:
        shown[name] = (bound + shown[name].astype("string")).fillna("")
    return shown


def _shares(power: pd.DataFrame, simulation: Simulation) -> pd.DataFrame:
    """Keep of every cell how probable the conclusion is, where no target asks for a size."""
    found = [name for name in ("n_per_group", "n_total", "cost", *OUTCOMES, "failed") if name in power]
    return _first_rule(power, simulation, found).dropna(axis="columns", how="all")


def _first_rule(table: pd.DataFrame, simulation: Simulation, found: list[str]) -> pd.DataFrame:
    """Keep the first rule's rows, of too many the first analysis' and mix's, and the axes on which they differ."""
    from ...apa import written_out
    from ...planning.designs.cells import OTHER_AXES, firsts

    table = table[table["decision"] == simulation.decisions[0].name]
    table = firsts(table, ("model", "prior", "mix") if len(table) > MOST_ROWS else ())
    axes = ["worlds", "target", "allocation", *OTHER_AXES]
    differ = [name for name in table if name in axes and (name in ("worlds", "target") or len(set(table[name])) > 1)]
    table = table[[*(name for name in differ if name not in found), *found]]
    close = "target" in table and bool((table["target"] != table["target"].round(3)).any())
    return table.assign(target=table["target"].map(written_out)) if close else table
