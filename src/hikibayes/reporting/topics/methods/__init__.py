"""What others need to check and repeat: a methods paragraph, the place of each number, versions and seeds."""

from __future__ import annotations

from typing import Any

from .... import apa
from ....inference.models.specs import ModelSpec
from ....study import wording
from ....study.facts import Assumption, Fact
from ...findings import Findings
from ...topic import Topic


def methods(f: Findings) -> dict[str, Any]:
    """Return what the paragraph needs beside the findings themselves."""
    model = f.models[f.difference.step]
    slopes = {str(p) for name, p in model.priors.items() if name in _numeric_terms(f) and ":" not in name}
    products = {str(p) for name, p in model.priors.items() if ":" in name}
    return {
        "slope_priors": wording.listed(sorted(slopes)),
        "product_priors": wording.listed(sorted(products)),
        "sigma_prior": str(model.priors["sigma"]),
        "terms": _terms(f, model),
        "variants": wording.listed([name.replace("_", " ") for name in model.variants]),
    }


def _terms(f: Findings, model: ModelSpec) -> str:
    """Return a model's terms in words; products with the groups in one."""
    plain = [wording.term_name(f.study, term) for term in model.terms if ":" not in term]
    crossed = [term.split(":") for term in model.terms if ":" in term]
    group = f.study.analysis.group
    others = [wording.term_name(f.study, next(p for p in parts if p != group)) for parts in crossed if group in parts]
    rest = [wording.term_name(f.study, ":".join(parts)) for parts in crossed if group not in parts]
    products = [f"the products of {wording.term_name(f.study, group)} with {wording.listed(others)}"] if others else []
    return wording.listed([*plain, *rest, *products])


def _numeric_terms(f: Findings) -> set[str]:
    return {measure.id for measure in f.study.measures if measure.kind != "category"}


def provenance(f: Findings) -> dict[str, Any] | None:
    """Return the facts that this report sets a posterior against, all others, and the assumptions."""
    if f.planned:
        return None
    names = {name for row in f.answers.values() if isinstance(row["facts"], str) for name in row["facts"].split(",")}
    facts = list(f.read.facts)
    return {
        "used": [_fact(f, fact) for fact in facts if fact.id in names],
        "others": [_fact(f, fact) for fact in facts if fact.id not in names],
        "assumptions": _grouped(f, list(f.study.assumptions)),
    }


def _fact(f: Findings, fact: Fact) -> dict[str, str]:
    return {
        "id": fact.id,
        "what": wording.fact_name(f.study, fact),
        "printed": apa.as_printed(fact.printed) + (" (implied)" if fact.implied else ""),
        "locator": fact.source.locator,
        "quote": fact.source.quote,
    }


def _about(f: Findings, name: str) -> str:
    """Return what an assumption is of in words: a measure, or something that only calibration knows."""
    return wording.term_name(f.study, name).replace("_", " ")


def _grouped(f: Findings, assumptions: list[Assumption]) -> list[dict[str, str]]:
    """Put assumptions of the same kind with the same reason into one row."""
    merged: dict[tuple[str, str], list[str]] = {}
    for a in assumptions:
        about = ", ".join(_about(f, name) for name in a.about) or a.id.replace("_", " ")
        what = f"{about}{f', {f.group(a.group)}' if a.group else ''}: {a.distribution}"
        merged.setdefault((a.quantity.replace("_", " "), a.rationale), []).append(what)
    return [{"quantity": key[0], "rationale": key[1], "what": "; ".join(each)} for key, each in merged.items()]


def reproduction(f: Findings) -> dict[str, Any]:
    """Return the command that makes the run again, its seed, versions and inputs."""
    record, tables = f.run.record, [name for name in f.run.texts if not name.endswith(".svg")]
    return {"command": _command(f), "record": record, "files": sorted({*tables, "report.html", "run.json"})}


def _command(f: Findings) -> str:
    record, given = f.run.record, f.run.record.arguments
    named = [given.get(name) for name in ("simulation", "what", "study")]
    words = [
        "hikibayes",
        record.verb,
        "simulation.toml" if f.planned else str(next(filter(None, named), f.study.id)),
    ]
    words += [f"--reading {name}={option}" for name, option in dict(record.arguments.get("readings", {})).items()]
    words += [f"--seed {record.seed}"] if record.seed is not None else []
    words += ["--fast"] if record.arguments.get("fast") else []
    return " ".join(words)


METHODS = Topic(id="methods", title="Methods, ready to paste", needs=("published", "models.json"), context=methods)
PROVENANCE = Topic(id="provenance", title="Where each number comes from", needs=("study.json",), context=provenance)
REPRODUCTION = Topic(id="reproduction", title="Making it again", needs=("study.json",), context=reproduction)
