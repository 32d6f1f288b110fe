"""A fit in sentences: how its table was understood, what was done, and what the answer owes to the priors."""

from __future__ import annotations

from ..inference.models.specs import DEFAULT_VARIANT, INTERCEPT, ModelSpec
from ..study.measures import Measure
from ..study.wording import listed
from .saved import SavedRun

__all__ = ["fit_sentences"]


def fit_sentences(run: SavedRun) -> dict[str, list[str]]:
    """Return sentences by heading."""
    (model,) = run.models.values()
    measures = [run.study.measure(name) for name in model.variables]
    found = {
        "The table as understood": [_measure(measure, model) for measure in measures],
        "Method": [_method(run, model), _missing(run)],
    }
    return found | ({"What the answer owes to the priors": _priors(run)} if run.has("sensitivity") else {})


def _measure(measure: Measure, model: ModelSpec) -> str:
    role = " (the outcome)" if measure.id == model.outcome else ""
    if measure.levels:
        first, *others = (level.label for level in measure.levels)
        return f"{measure.label}: groups {listed([first, *others])}; {first} is the reference."
    low, high = measure.limits
    whole = "whole numbers" if measure.integer else "numbers"
    return f"{measure.label}{role}: {whole} from {low:g} to {high:g}."


def _method(run: SavedRun, model: ModelSpec) -> str:
    estimates = run.table("estimates")
    n, engine = int(estimates["n"].iloc[0]), str(run.record.arguments.get("engine", "exact"))
    scaled = "The outcome and all numbers were standardised (sample SD). " if model.scaling == "sample" else ""
    variant = str(run.record.arguments.get("prior", DEFAULT_VARIANT))
    chosen = model.prior_set(variant)
    shown = "; ".join(f"{name} {prior}" for name, prior in chosen.priors.items() if name != INTERCEPT)
    priors = f"Priors: {shown}." if shown else f"Priors: {chosen.rule}."
    how = "computed without sampling" if engine == "exact" else "sampled by NUTS"
    family = {"gaussian": "Gaussian", "t": "Student t"}.get(model.family, model.family)
    return (
        f"A Bayesian regression with {family} errors, {model.formula}, was fitted to {n} complete rows. {scaled}"
        f"{priors} The posterior was {how}; intervals are equal-tailed and hold 95 %. Least squares stand beside it."
    )


def _missing(run: SavedRun) -> str:
    remarks = run.table("remarks")
    if not (left := remarks[remarks["kind"] == "left_out"]).empty:
        return (
            f"{left['remark'].iloc[0]}. This is right where a cell is missing at random given the predictors, and not"
            " because of the outcome."
        )
    return "No row was left out."


def _priors(run: SavedRun) -> list[str]:
    return [
        f"{row['effect']}, priors {row['priors']}: {row['mean']:.2f} [{row['lower']:.2f}, {row['upper']:.2f}],"
        f" P(> 0) = {row['p_positive']:.3f}."
        for row in run.table("sensitivity").to_dict("records")
    ]
