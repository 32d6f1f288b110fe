"""A paragraph for a grant proposal or a preregistration, made of a diagnosis' own numbers and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ...spec import InputError
from ..designs.axes import AS_PRINTED, shrunk
from ..designs.cells import OTHER_AXES, firsts
from ..designs.looks import Foreseen, Hopeless, calibrated
from ..designs.original import ORIGINAL
from ..designs.population import PLAN
from ..designs.rules import Decision, Rule
from ..designs.simulation import Simulation
from ..run.replicates import formula_of, prior_of
from ..run.whom import CHANCE, EFFECT, GROUPS, PROFILES
from .diagnose import Diagnosis
from .spoken import axis_value, cells, design, largest, other_priors, recommended, sizes

WORLDS = {
    "posterior": "over the populations that the earlier study leaves possible (assurance)",
    "printed": "if the earlier study's estimates were exactly right (power)",
    "shrunken": "if the true value were {shrink} of the earlier study's (power)",
    "conditional": "if the true value were what is likely given that it had to be significant (power)",
    "fixed": "in the population that was assumed (power)",
}


VERBS = {"excludes": "", "narrower_than": "is "}
CLAUSES = {
    "p_positive": "the posterior probability of a value above 0",
    "p_rope": "the posterior probability of the region of practical equivalence",
    "replication_bf": "the replication Bayes factor (how many times likelier the new data are if the original was "
    "right than if there is nothing)",
    "joint_p_positive": "the probability of a value above 0, given both studies,",
    "original_weight": "the probability that the original still counts",
    "bf10": "the Bayes factor for an effect against none (BF10)",
}


FEW = 100
"""Conclusions below which a share of them, known to within .1 at best, is not told."""


def proposal(diagnosis: Diagnosis) -> str:
    """Write the paragraph, for the simulation's first decision under its first analysis.

    Returns
    -------
    str
        Plain text: the conclusion and its rule, stated before the result; design prior and analysis prior apart; sample
        sizes with their simulation intervals; what is not reached; seed and number of replicates.
    """
    simulation = diagnosis.replicates.simulation
    decision = simulation.decisions[0]
    found = sizes(diagnosis)
    sentences = [_conclusion(decision, diagnosis), set_up(simulation, diagnosis)]
    sentences += [f"The original study found {original_of(simulation)}."] if simulation.original else []
    held = [each.rstrip(".") for each in simulation.worlds.statements(diagnosis.replicates.named)]
    sentences += [f"Held to be true: {'; '.join(held)}."] if held else []
    for source in simulation.worlds.source:
        own = found[found["worlds"] == source] if len(found) else found
        sentences += [_sizes(own, source, diagnosis)] if len(own) else []
    sentences += [_of_many(found)]
    sentences += [f"{said[:1].upper()}{said[1:]}: {value}." for said, value in smallest_effects(diagnosis)]
    sentences += [_errors(diagnosis), _looks(diagnosis, decision)]
    sentences += [f"By a further rule, {rule}: {found_by_it}." for rule, found_by_it in further_rules(diagnosis)]
    sentences.append(
        f"Each figure rests on {simulation.run.replicates:,} simulated studies "
        f"(seed {simulation.run.seed}).{_brackets(found, diagnosis.detectable)}"
    )
    return " ".join(sentence for sentence in sentences if sentence)


def further_rules(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """Say the decisions beside the first, and how probable their conclusions are in the cells that texts speak of."""
    replicates, rows = diagnosis.replicates, cells(diagnosis, brief=True).to_dict("records")
    said = []
    for decision in replicates.simulation.decisions[1:]:
        rule = f"about the {replicates.named(decision.estimand)}, the conclusion is drawn if {in_words(decision.rule)}"
        own = diagnosis.power[diagnosis.power["decision"] == decision.name]
        found = [
            f"{chance(other):.1%} with {people(row)}{_beside(row, diagnosis)}"
            for row in rows
            for other in _alike(own, row)
        ]
        said.append((rule, "; ".join(found)))
    return said


def _alike(own: pd.DataFrame, row: Mapping[Any, Any]) -> list[dict[Any, Any]]:
    """Return a further decision's row of the same cell, under the first analysis that it is asked of."""
    for axis in ("worlds", "allocation", "n_per_group", *OTHER_AXES):
        if axis in own and axis in row and axis not in ("model", "prior"):
            own = own[(own[axis] == row[axis]) | (own[axis].isna() & pd.isna(row[axis]))]
    same = own[(own["model"] == row["model"]) & (own["prior"] == row["prior"])]
    rows: list[dict[Any, Any]] = (same if len(same) else own)[:1].to_dict("records")
    return rows


def _brackets(*tables: pd.DataFrame) -> str:
    """Say what stands in brackets, where something does."""
    rows = [row for table in tables for row in table.to_dict("records") if row["reached"] and not row["at_most"]]
    if not rows:
        return ""
    fresh = ", and what new simulated studies, which had no part in the search, say of what it found"
    confirmed = any(pd.notna(row["confirmed"]) for row in rows)
    return f" In brackets: the 95 % interval of the simulation{fresh if confirmed else ''}."


def smallest_effects(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """Say, for each size and target, the smallest effect that is found, where that was asked for."""
    table = firsts(diagnosis.detectable, ("model", "prior", "mix", "allocation"))
    return [
        (
            f"smallest effect for {100 * row['target']:.6g}% with {row['n_total']} participants",
            f"{row['effect']:.2f} ({f'{row["lower"]:.2f} to {row["upper"]:.2f}; {_fresh(row)}'.removesuffix('; ')})"
            if row["reached"]
            else "none of those that were simulated",
        )
        for row in table.to_dict("records")
    ]


def _conclusion(decision: Decision, diagnosis: Diagnosis) -> str:
    meaning = f" ({decision.meaning})" if decision.meaning else ""
    opposite = (
        f" The opposite is concluded if {in_words(decision.against)}; otherwise the question stays open."
        if decision.against
        else ""
    )
    return (
        f"Decision rule, fixed in advance, about the {diagnosis.replicates.named(decision.estimand)}: the conclusion "
        f"is drawn if {in_words(decision.rule)}{calibration(diagnosis)}{meaning}.{opposite}"
    )


def in_words(rule: Rule) -> str:
    """Write a rule as a clause: what has to be true of the posterior."""
    if rule.parts:
        return (" and " if rule.all else " or ").join(map(in_words, rule.parts))
    if rule.interval:
        verb = VERBS.get(rule.condition, "lies ")
        return f"the {100 * rule.interval:g} % interval {verb}{str(rule).partition(' interval ')[2]}"
    name, _, side = rule.condition.rpartition("_")
    if name in CLAUSES:
        return f"{CLAUSES[name]} is {side} {rule.value:g}"
    return f"the {100 * rule.value:g} % region of the coefficients does not hold 0 for all of them"


def calibration(diagnosis: Diagnosis) -> str:
    """Say that a threshold is the calibrated one, where it is."""
    looks, rule = diagnosis.replicates.simulation.looks, diagnosis.replicates.simulation.decisions[0].rule
    if looks is None or rule.parts or not isinstance(rule.p_positive_above, float):
        return ""
    try:
        same = abs(calibrated(looks) - rule.p_positive_above) < 1e-6
    except InputError:
        return ""
    return ", which errs in 2.5 % of studies without an effect over all looks (flat prior)" if same else ""


def set_up(simulation: Simulation, diagnosis: Diagnosis) -> str:
    """Say how sample sizes were found: populations, analysis, mix, loss."""
    cell = diagnosis.replicates.cells[0]
    population = simulation.population
    mix = f", with {axis_value('mix', cell.sample.mix, population)}"
    if len(simulation.axes.mix) > 1 or (len(population.levels) < 2 if population else cell.sample.mix == AS_PRINTED):
        mix = ""  # said beside each size, or nothing is mixed but the groups
    if CHANCE in diagnosis.replicates.words and cell.sample.mix == AS_PRINTED:
        mix = ""  # said with the shares
    worlds = simulation.worlds
    design = (
        f"Populations were drawn from the posterior of the earlier study ({worlds.prior.replace('_', ' ')} priors), "
        if "posterior" in worlds.source
        else "Populations were made of what the earlier study found, "
    )
    if worlds.source == ("fixed",):
        design = f"The population was assumed{_written(simulation, diagnosis)}, "
    words = diagnosis.replicates.words
    formula = words.get(formula_of(cell.model), population.formula if population else "")
    model = formula if cell.model == PLAN else f"model {cell.model}{f' ({formula})' * bool(formula)}"
    prior = words.get(prior_of(cell.model, cell.prior), "")
    under = f"{_named_prior(cell.prior)}{f' ({prior})' * bool(prior)}"
    analysis = f"and simulated studies were analysed with {model} under {under}"
    lost = f"; {cell.sample.attrition:.0%} of those recruited are lost" if cell.sample.attrition else ""
    of = f" {said}." if (said := of_whom(diagnosis)) else ""
    return f"{_sought(simulation)} found by simulation. {design}{analysis}{mix}{lost}.{of}{_prices(simulation)}"


def of_whom(diagnosis: Diagnosis) -> str:
    """Say of whom sizes and ratios are, and what becomes of the other categories; empty of tables that do not know."""
    words = diagnosis.replicates.words
    said = [f"sizes and ratios are of {words[GROUPS]}, in this order"] if GROUPS in words else []
    several = len(diagnosis.replicates.simulation.axes.mix) > 1
    said += [f"{'otherwise ' * several}left to chance: {words[CHANCE]}"] if CHANCE in words else []
    said += [f"quotas are of {words[PROFILES]}, in this order"] if PROFILES in words else []
    told = "; ".join(said)
    return f"{told[:1].upper()}{told[1:]}"


def original_of(simulation: Simulation) -> str:
    """Say what the original study found; empty where none is replicated."""
    found = simulation.original
    return f"an estimate of {found.estimate:.3g} (SE {found.se:.3g})" if found else ""


def _named_prior(prior: str) -> str:
    return "the prior that the original study leaves" if prior == ORIGINAL else f"{prior.replace('_', ' ')} priors"


def _prices(simulation: Simulation) -> str:
    costs = simulation.costs
    if costs is None:
        return ""
    each = costs.person if isinstance(costs.person, tuple) else (costs.person,)
    beside = f", and a study of any size {costs.study:,g}" if costs.study else ""
    return f" A participant costs {_join([f'{cost:,g}' for cost in each])}{', by group' * (len(each) > 1)}{beside}."


def _sought(simulation: Simulation) -> str:
    targets = simulation.targets
    sought = ["sample sizes"] * bool(targets.power) + ["the smallest effects of given sizes"] * bool(targets.detectable)
    return f"{_join(sought).capitalize()} were" if sought else "How probable the conclusion is at given sizes was"


def _written(simulation: Simulation, diagnosis: Diagnosis) -> str:
    """Say the numbers of a written population, those that its file gives; the effect, if it is one and not an axis."""
    effects = simulation.axes.effect
    beside = {"effect"} if effects and not any(isinstance(effect, str) for effect in effects) else set()
    population = simulation.population
    given = population.model_dump(exclude_defaults=True, exclude=beside, mode="json") if population else {}
    of = f" of {_plain(given.pop('of'))}" if given.get("of") and "effect" in given else ""
    said = [f"{name}: {_plain(levels)}" for name, levels in given.pop("levels", {}).items()]
    said += [
        f"{key.replace('_', ' ').replace(' sd', ' SD')} {_plain(value)}{of * (key == 'effect')}"
        for key, value in given.items()
    ]
    said += [f"effect {diagnosis.replicates.words[EFFECT]}"] if EFFECT in diagnosis.replicates.words else []
    return f" ({'; '.join(said)})" if said else ""


def _plain(value: Any) -> str:
    """Write a value of a file without its brackets."""
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_plain(part)}" for key, part in value.items() if part is not None)
    if isinstance(value, list):
        return (" / " if value and isinstance(value[0], list) else ", ").join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _sizes(own: pd.DataFrame, source: str, diagnosis: Diagnosis) -> str:
    where = where_of(source, diagnosis)
    parts = []
    for target in dict.fromkeys(own["target"]):
        at_target = recommended(own[own["target"] == target]).to_dict("records")
        said = [sized(row, diagnosis) for row in at_target]
        needed = _join(said) if all(row["reached"] for row in at_target) else "; ".join(said)
        parts.append(f"a probability of {100 * target:.6g}% of this conclusion takes {needed}")
    return f"{where[0].upper()}{where[1:]}, {'; '.join(parts)}."


def _of_many(own: pd.DataFrame) -> str:
    """Say that the designs that are named are the best of several."""
    if len(recommended(own)) == len(own):
        return ""
    least = "cost least" if "cost" in own else "need the fewest participants"
    return f"Of the designs simulated these {least}, as far as can be told; the others are in the table of sizes."


def table_of_sizes(diagnosis: Diagnosis) -> str:
    """Tabulate every design's size as text; empty where the paragraph names them all."""
    own, population = sizes(diagnosis), diagnosis.replicates.simulation.population
    if len(recommended(own)) == len(own):
        return ""
    rows = [
        {
            "populations": row["worlds"],
            "probability": f"{100 * row['target']:.6g}%",
            "design": design(row, own, population).removeprefix(", "),
            "size": people(row if row["reached"] else largest(diagnosis, row)),
            "interval": _span(row) if row["reached"] else "not reached",
        }
        | ({"cost": f"{row['cost']:,.0f}"} if row["reached"] and "cost" in row else {})
        for row in own.to_dict("records")
    ]
    return pd.DataFrame(rows).to_string(index=False, na_rep="")


def _where(source: str, simulation: Simulation) -> str:
    gives = "(assurance)" if simulation.worlds.uncertain or any(simulation.axes.tau[:1]) else "(power)"
    return WORLDS[source].replace("(power)", gives).format(shrink=shrunk(simulation.worlds.shrink))


def where_of(source: str, diagnosis: Diagnosis) -> str:
    """Say in which populations a figure holds, and whether it is a power or an assurance."""
    return _where(source, diagnosis.replicates.simulation)


def sized(row: Mapping[Any, Any], diagnosis: Diagnosis) -> str:
    """Write a size with its interval, or why there is none and what the largest one reaches."""
    population = diagnosis.replicates.simulation.population
    beside = design(row, diagnosis.sample_size, population).replace(", ", " with ", 1)
    if not row["reached"]:
        why = _limit(row["limiting_assurance"]) if row["limiting_assurance"] < row["target"] else ""
        last = largest(diagnosis, row)
        others = other_priors({**last, "target": row["target"]}, diagnosis, diagnosis.sample_size)
        under = [f"; under {_named_prior(other['prior'])} {_who(other)} do" for other in others if other["reached"]]
        return f"more than was simulated: {people(last)}{beside} reach {chance(last):.1%}{why}{''.join(under)}"
    total = f"{row['n_total']} in all; " if ":" in row["allocation"] else ""
    if row["at_most"]:
        return f"at most {_who(row)} ({total}no fewer were simulated){_cost(row)}{beside}"
    return f"{_who(row)} ({f'{_span(row)}; {total}{_fresh(row)}'.removesuffix('; ')}){_cost(row)}{beside}"


def _span(row: Mapping[Any, Any]) -> str:
    return f"{row['lower']} to {row['upper'] if pd.notna(row['upper']) else 'beyond what was simulated'}"


def _limit(share: float) -> str:
    """Say what an endless study reaches, where that is less than a target."""
    if not share:
        return "; the conclusion would be false there, and no larger study makes it likely"
    return f"; no study can exceed {share:.0%}, however large"


def chance(row: Mapping[Any, Any]) -> float:
    """Return the power of a cell, or its assurance."""
    return float(row["power"] if pd.notna(row["power"]) else row["assurance"])


def people(row: Mapping[Any, Any]) -> str:
    """Say how many people a cell has."""
    return f"{_who(row)} ({row['n_total']} in all)" if ":" in row["allocation"] else _who(row)


def _who(row: Mapping[Any, Any]) -> str:
    equal = len(set(row["allocation"].split(":"))) == 1
    return f"{row['n_per_group']} {_people(row, 'per group' if equal else 'in the smaller group')}"


def _people(row: Mapping[Any, Any], of_groups: str) -> str:
    return of_groups if ":" in row["allocation"] else "participants"


def _fresh(row: Mapping[Any, Any]) -> str:
    return f"{row['confirmed']:.1%} in new simulated studies" if pd.notna(row["confirmed"]) else ""


def _cost(row: Mapping[Any, Any]) -> str:
    """Say what a study of that size costs, and whether another ratio of the groups is cheaper."""
    if "cost" not in row:
        return ""
    return f" for {row['cost']:,.0f}{', the cheapest,' if row['cheapest'] else ''}"


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "fewer than 0.1%"


def _join(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + "".join(parts[-1:])


def _looks(diagnosis: Diagnosis, decision: Decision) -> str:
    """Say when the study is looked at, what ends it, how many it needs then, and how often it errs."""
    looks = diagnosis.replicates.simulation.looks
    if looks is None:
        return ""
    success = f" if {words_of(looks.success)}, and at the end by the rule" if looks.success else ""
    futility = f", or as futile if {words_of(looks.futility)}" if looks.futility else ""
    table = diagnosis.told[diagnosis.told["decision"] == decision.name]
    table = table[(table["prior"] == table["prior"].iloc[0]) & (table["n_per_group"] == table["n_per_group"].max())]
    ratios = len(table["allocation"].unique()) > 1
    parts = [
        f"{row['expected_n']:.0f} of {row['n_total']} participants on average "
        f"{'where there is no effect' if row['effect'] == 0 else 'in the populations planned for'}"
        f"{f' with groups {row["allocation"]}' if ratios else ''} "
        f"({_share(row['power'] if pd.notna(row['power']) else row['assurance'])} conclude)"
        for row in table.to_dict("records")
    ]
    shares = _join([f"{share:.0%}" for share in looks.at])
    return (
        f"The data are looked at when {shares} of the participants are in; the study ends as soon as it concludes"
        f"{success}{futility}. Of the largest size simulated it takes {_join(parts)}."
    )


def words_of(what: Foreseen | Hopeless | Rule) -> str:
    """Say what ends a study before the last look."""
    if isinstance(what, Rule):
        return in_words(what)
    bound = f"above {what.predictive_above:g}" if isinstance(what, Foreseen) else f"below {what.predictive_below:g}"
    return f"the predictive probability of the conclusion at the last look is {bound}"


def _errors(diagnosis: Diagnosis) -> str:
    """Say what the simulated sizes nearest to those found lead to; the largest ones, where none was."""
    return " ".join(
        f"With {people(row)}{row['instead']}{_beside(row, diagnosis)}, {consequences(row, diagnosis)}."
        for row in cells(diagnosis, brief=True).to_dict("records")
    )


def _beside(row: Mapping[Any, Any], diagnosis: Diagnosis) -> str:
    """Say what distinguishes a cell beside its size, as a clause."""
    said = design(row, diagnosis.power, diagnosis.replicates.simulation.population)
    return said.replace(", the effect that", ", at the effect that")


def consequences(row: Mapping[Any, Any], diagnosis: Diagnosis) -> str:
    """Say how probable the conclusion is in a cell, how precise the study, and how wrong its conclusions."""
    rightly = "" if pd.notna(row["power"]) else " rightly"
    precise = f"the interval is {row['width']:.2f} wide on average and holds the truth in {row['coverage']:.1%}"
    others = _join([f"{chance(each):.1%} under {_named_prior(each['prior'])}" for each in other_priors(row, diagnosis)])
    others = f" ({others}, of the same data)" if others else ""
    drawn = f"{chance(row):.1%} of the simulated studies{rightly} draw the conclusion{others}"
    return "; ".join([drawn, precise, *errors_of(row, diagnosis)])


def errors_of(row: Mapping[Any, Any], diagnosis: Diagnosis) -> list[str]:
    """Say how wrong a cell's conclusions are, where the rule is about a direction; a share of variance has no sign."""
    simulation = diagnosis.replicates.simulation
    if not simulation.decisions[0].rule.rises(simulation.rope):
        return []
    if 0 < (number := round(chance(row) * row["replicates"])) < FEW:
        many = f"these are {number} conclusions" if number > 1 else "this is 1 conclusion"
        return [f"{many}, too few to say how wrong they are"]
    signed = "R²" not in diagnosis.replicates.named(row["estimand"]) and pd.notna(row["type_s"])
    said = [f"{_share(row['type_s'])} of the conclusions have the wrong sign"] if signed else []
    times = row["exaggeration"]
    return said + [f"estimates of studies that conclude are {times:.2f} times the truth"] * bool(pd.notna(times))
