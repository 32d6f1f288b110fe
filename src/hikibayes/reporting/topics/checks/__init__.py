"""Models and priors, whether the model fits, and whether the computation can be trusted."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .... import apa
from ....inference.models.specs import ModelSpec
from ....study import wording
from ...findings import Findings
from ...saved import records
from ...topic import Topic
from . import figures

STATISTICS = {"sd": "SD", "outside": "share outside the scale"}


def priors(f: Findings) -> dict[str, Any]:
    """Return the focal model with every prior and its reason, and what the priors alone predict."""
    model = f.models[f.difference.step]
    rows = [
        {
            "term": wording.term_name(f.study, name),
            "prior": str(prior.dist),
            "spelt": _spelt(prior),
            "reason": prior.reason,
        }
        for name, prior in ((name, model.priors[name]) for name in model.parameters)
    ]
    predictive = f.table("prior_predictive")
    own = predictive[predictive["model"] == model.name]
    before = {
        _variant(str(name)): rows.set_index("statistic").to_dict("index")
        for name, rows in own.groupby("prior", sort=False)
    }
    variants = [{"name": _variant(name), "description": v.description} for name, v in model.variants.items()]
    return {
        "rows": _merged(rows),
        "variants": variants,
        "before": before,
        "equation": _equation(f, model),
        "model": model,
    }


def _merged(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Put terms with the same prior and the same reason into one row."""
    merged: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        merged.setdefault((row["spelt"], row["reason"]), []).append(row["term"])
    return [{"terms": wording.listed(terms), "prior": key[0], "reason": key[1]} for key, terms in merged.items()]


def _spelt(prior: Any) -> str:
    parameters = prior.parameters
    if prior.dist == "Normal":
        return apa.normal(parameters["mu"], parameters["sigma"])
    return f"{prior.dist}({', '.join(f'{name} = {number:g}' for name, number in parameters.items())})"


def _variant(name: str) -> str:
    return name.replace("_", " ")


def _equation(f: Findings, model: ModelSpec) -> str:
    terms = " + ".join(f"β{_subscript(i)} {wording.term_name(f.study, t)}" for i, t in enumerate(model.terms, start=1))
    return f"{f.outcome} ~ Normal(μ, σ²),  μ = α + {terms}"


def _subscript(i: int) -> str:
    return str(i).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def model_checks(f: Findings) -> dict[str, Any]:
    """Return the statistics of the outcome by group against their replicates."""
    rows = [
        row | {"group": f.group(row["group"]), "label": STATISTICS.get(row["statistic"], row["statistic"])}
        for row in records(f.table("posterior_statistics"))
    ]
    outside = max((row["mean"] for row in rows if row["statistic"] == "outside"), default=float("nan"))
    low, high = f.study.measure(f.study.analysis.outcome).limits
    extreme = [row for row in rows if not 0.025 <= row["p"] <= 0.975 and row["statistic"] != "outside"]
    return {"rows": rows, "outside": outside, "low": low, "high": high, "extreme": extreme}


def engines(f: Findings) -> dict[str, Any]:
    """Return convergence of NUTS and its agreement with the exact engine, where NUTS ran."""
    if not f.has("diagnostics", "agreement"):
        return {"nuts": False}
    diagnostics, agreement = f.table("diagnostics"), f.table("agreement")
    worst = [_worst(diagnostics, check, title) for check, title in CHECKS if (diagnostics["check"] == check).any()]
    z = agreement["z"]
    every = {
        "checks": len(diagnostics),
        "passed": int(diagnostics["ok"].sum()),
        "rms": float((z**2).mean() ** 0.5),
        "largest": float(z.abs().max()),
        "comparisons": len(z),
    }
    return {"nuts": True, "worst": worst, "parameters": _each_parameter(f, diagnostics), **every}


CHECKS = (
    ("rhat", "Largest R-hat"),
    ("ess_bulk", "Smallest bulk ESS"),
    ("ess_tail", "Smallest tail ESS"),
    ("divergences", "Divergences"),
    ("ebfmi", "Smallest E-BFMI"),
)


def _worst(diagnostics: pd.DataFrame, check: str, title: str) -> dict[str, Any]:
    own = diagnostics[diagnostics["check"] == check]
    largest = str(own["accepted"].iloc[0]).startswith("<")
    row = own.sort_values("value", ascending=largest).iloc[-1]
    return {"title": title, "value": float(row["value"]), "accepted": row["accepted"], "ok": bool(own["ok"].all())}


def _each_parameter(f: Findings, diagnostics: pd.DataFrame) -> list[dict[str, Any]]:
    wide = diagnostics[diagnostics["check"].isin(["rhat", "ess_bulk", "ess_tail"])]
    wide = wide.pivot_table(index="of", columns="check", values="value")
    order = dict.fromkeys(diagnostics.loc[diagnostics["check"] == "rhat", "of"])
    estimands = {e.name: wording.estimand_name(f.read, e) for e in f.read.estimands}
    names = {n: f.in_words(n) if "[" in n else wording.term_name(f.study, n) for n in order}
    return [{"of": estimands.get(n) or names[n], **wide.loc[n].to_dict()} for n in order]


PRIORS = Topic(id="priors", title="Model and priors", needs=("models.json", "prior_predictive"), context=priors)
MODEL_CHECKS = Topic(
    id="model_checks",
    title="Does the model fit?",
    needs=("posterior_predictive",),
    context=model_checks,
    figures=figures.MODEL_CHECKS,
)
ENGINES = Topic(
    id="engines",
    title="Computation and convergence",
    needs=("estimates",),
    context=engines,
    figures=figures.ENGINES,
)
