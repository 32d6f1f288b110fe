"""A fit: how its table was understood, what was done, what the answer owes to the priors, where groups differ."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from .... import apa
from ....inference.models.specs import DEFAULT_VARIANT, INTERCEPT, ModelSpec, Prior
from ....study.measures import Measure
from ....study.wording import listed
from ...saved import SavedRun
from ...topic import Topic
from .figures import FIGURES

RAW_ENDS = ("from_raw", "to_raw")
PARAGRAPHS = "{% for sentence in sentences %}<p>{{ sentence }}</p>\n{% endfor %}"
LIST = "<ul>\n{% for sentence in sentences %}<li>{{ sentence }}.</li>\n{% endfor %}</ul>"


def _understood(run: SavedRun) -> list[str]:
    (model,) = run.models.values()
    return [_measure(run.study.measure(name), model) for name in model.variables]


def _measure(measure: Measure, model: ModelSpec) -> str:
    role = " (the outcome)" if measure.id == model.outcome else ""
    if measure.levels:
        first, *others = (level.label for level in measure.levels)
        return f"{measure.label}: groups {listed([first, *others])}; {first} is the reference."
    low, high = measure.limits
    whole = "whole numbers" if measure.integer else "numbers"
    return f"{measure.label}{role}: {whole} from {low:g} to {high:g}."


def _method(run: SavedRun) -> list[str]:
    (model,) = run.models.values()
    estimates = run.table("estimates")
    # the argument says which engine was asked for, and the table which one it was
    n, exact = int(estimates["n"].iloc[0]), (estimates["engine"] == "exact").any()
    scaled = "The outcome and all numbers were standardised (sample SD). " if model.scaling == "sample" else ""
    variant = str(run.record.arguments.get("prior", DEFAULT_VARIANT))
    chosen = model.prior_set(variant)
    shown = "; ".join(f"{name} {_said(prior)}" for name, prior in chosen.priors.items() if name != INTERCEPT)
    priors = f"Priors: {shown}." if shown else f"Priors: {chosen.rule}."
    how = "computed without sampling" if exact else "sampled by NUTS"
    family = {"gaussian": "Gaussian", "t": "Student t"}.get(model.family, model.family)
    done = (
        f"A Bayesian regression with {family} errors, {model.formula}, was fitted to {n} complete rows. {scaled}"
        f"{priors} The posterior was {how}; intervals are equal-tailed and hold 95 %. Least squares stand beside it."
    )
    return [done, _missing(run)]


def _said(prior: Prior) -> str:
    return f"{prior} of every pair of levels" if prior.exchangeable else str(prior)


def _missing(run: SavedRun) -> str:
    remarks = run.table("remarks")
    if not (left := remarks[remarks["kind"] == "left_out"]).empty:
        return (
            f"{left['remark'].iloc[0]}. This is right where a cell is missing at random given the predictors, and not"
            " because of the outcome."
        )
    return "No row was left out."


def _owed(run: SavedRun) -> list[str]:
    return [
        f"{row['effect']}, priors {row['priors']}: {row['mean']:.2f} [{row['lower']:.2f}, {row['upper']:.2f}],"
        f" P(> 0) {apa.stated(row['p_positive'])}."
        for row in run.table("sensitivity").to_dict("records")
    ]


def _unanswered(run: SavedRun) -> list[str]:
    """Name the estimands that no engine answered, those with the same reason together."""
    estimates = run.table("estimates")
    if "note" not in estimates:
        return []
    found = estimates[estimates["note"].notna()].groupby("note", sort=False)["estimand"]
    return [f"{', '.join(map(str, own))}: {why}" for why, own in found]


def _regions(run: SavedRun) -> list[str]:
    """Say where along each moderator the groups differ (a Johnson-Neyman region), by its widest interval."""
    table = run.table("johnson_neyman")
    widest = table[table["ci_prob"] == table["ci_prob"].max()]
    labels = {name: run.study.measure(name).label for name in widest["moderator"].unique()}
    return [_region(row, labels[row["moderator"]]) for row in widest.to_dict("records")]


def _region(row: Mapping[Hashable, Any], moderator: str) -> str:
    interval = f"{100 * row['ci_prob']:g}% interval of {row.get('effect', 'the adjusted mean difference')}"
    if not row["sign"]:
        return f"{moderator}: nowhere in the range looked at does the {interval} exclude 0"
    ends, raw = (f"{apa.number(row[low])} to {apa.number(row[high])}" for low, high in (("from", "to"), RAW_ENDS))
    side = "above" if row["sign"] > 0 else "below"
    return f"{moderator}: the {interval} lies {side} 0 from {ends} SD ({raw} in its own unit)"


def _topic(
    name: str, title: str, say: Callable[[SavedRun], list[str]], *needs: str, template: str = PARAGRAPHS, **more: Any
) -> Topic:
    """Make a topic of sentences; without any it is left out."""
    return Topic(
        id=name,
        title=title,
        needs=("summary", "models.json", "study.json", *needs),
        context=lambda found: {"sentences": said} if (said := say(found.run)) else None,
        template=template,
        plain=True,
        **more,
    )


UNDERSTOOD = _topic(
    "understood",
    "The table as understood",
    _understood,
    figures=FIGURES,
    tells=("effects", "effects_people", "prior_posterior", "residuals", "johnson_neyman_band", "estimates"),
)
METHOD = _topic("method", "Method", _method)
PRIORS = _topic("owed", "What the answer owes to the priors", _owed, "sensitivity")
UNANSWERED = _topic("unanswered", "What was not estimated", _unanswered, "estimates", template=LIST)
REGIONS = _topic("regions", "Where the groups differ", _regions, "johnson_neyman", "johnson_neyman_band", template=LIST)
