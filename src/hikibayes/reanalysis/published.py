"""Published against posterior: each printed estimate beside what a Bayesian finds in data that print it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd

from ..estimands import KINDS
from ..inference.answers.ensemble import DEFAULT_READING
from ..inference.models.specs import DEFAULT_VARIANT
from ..inference.models.steps import step_of
from ..study.facts import Fact
from ..study.printed import facts_of, in_sd, printed_effect
from ..study.study import Estimand, Study

COLUMNS = (
    *("estimand", "step", "quantity", "facts", "printed", "printed_low", "printed_high", "ols"),
    *("mean", "sd", "median", "lower", "upper", "p_positive", "p_rope", "bf10", "bf10_low", "bf10_high"),
    *("sd_within", "sd_between", "sd_readings", "readings_low", "readings_high", "unit"),
)
FROM_ESTIMATES = (
    *("mean", "sd", "median", "lower", "upper", "p_positive", "p_rope"),
    *("bf10", "bf10_low", "bf10_high", "sd_within", "sd_between", "sd_readings", "unit"),
)
FLAT = "flat"


def published_against_posterior(study: Study, estimates: pd.DataFrame, spread: pd.DataFrame) -> pd.DataFrame:
    """Lay printed numbers and posteriors side by side.

    Parameters
    ----------
    study : Study
        With its readings decided by their defaults.
    estimates : pandas.DataFrame
        With the columns of ``estimates.csv``.
    spread : pandas.DataFrame
        From `spread_over_readings`.

    Returns
    -------
    pandas.DataFrame
        A row an estimand with `COLUMNS`. ``facts`` are the ids of what was printed, ``printed`` how it read (two slopes
        and the sign between them, for a difference), ``printed_low`` and ``printed_high`` what rounding leaves
        possible. ``ols`` is the least-squares estimate, averaged over the data sets: what the paper computed.
    """
    rows = [_row(study, estimand, estimates, spread) for estimand in study.estimands]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(study: Study, estimand: Estimand, estimates: pd.DataFrame, spread: pd.DataFrame) -> dict[str, Any]:
    step = step_of(study, estimand)
    own = estimates[
        (estimates["estimand"] == estimand.name)
        & (estimates["model"] == step)
        & (estimates["reading"] == DEFAULT_READING)
        & (estimates["unit"] == estimand.unit)
    ]
    row: dict[str, Any] = {"estimand": estimand.name, "step": estimand.step, "quantity": estimand.kind}
    row |= _printed(study, estimand)
    main = own[(own["prior"] == DEFAULT_VARIANT) & (own["engine"] == "exact")]
    row |= {name: main[name].iloc[0] for name in FROM_ESTIMATES}
    least_squares = own[own["engine"] == "ols"] if not KINDS[estimand.kind].scenarios else own[own["prior"] == FLAT]
    row["ols"] = least_squares["mean"].iloc[0] if len(least_squares) else float("nan")
    if estimand.name in spread.index:
        # the readings are compared on fewer data sets; how far they lie from the default is taken over, not where
        row["readings_low"] = row["mean"] + spread["lowest"][estimand.name]
        row["readings_high"] = row["mean"] + spread["highest"][estimand.name]
    return row


def _printed(study: Study, estimand: Estimand) -> dict[str, Any]:
    facts = [fact for fact in facts_of(study, estimand) if fact.relation == "=" and in_sd(study, fact)]
    effect = printed_effect(study, estimand)
    if estimand.kind == "slope_difference" and len(facts) == 2:
        first, second = (in_sd(study, fact) or fact.interval for fact in facts)
        one, other = facts
        text = f"{one.printed} − {_in_brackets(other)} = {one.value - other.value}"
        low, high = first.low - second.high, first.high - second.low
    elif effect:
        one, low, high = study.fact(effect.facts[0]), effect.estimate.low, effect.estimate.high
        facts, text = [one], one.printed if _same_sign(one, high + low) else f"−{_in_brackets(one)}"
        text += " (adjusted)" if one.quantity == "adjusted_r2" or one.adjusted else ""
    else:
        return _only_a_p_value(study, estimand)
    raw = in_sd(study, one) != one.interval
    return {
        "facts": ",".join(fact.id for fact in facts),
        "printed": f"{text} (raw)" if raw else text,
        "printed_low": low,
        "printed_high": high,
    }


def _same_sign(fact: Fact, value: float) -> bool:
    return float(fact.value) * value >= 0


def _only_a_p_value(study: Study, estimand: Estimand) -> dict[str, Any]:
    """Say which p was printed where the coefficient was not."""
    if estimand.kind != "slope" or estimand.group or estimand.at:
        return {"facts": ""}
    facts = study.facts_of("coefficient_p", term=estimand.of, step=estimand.step)
    return {"facts": facts[0].id, "printed": f"p {facts[0].printed}"} if facts else {"facts": ""}


def _in_brackets(fact: Fact) -> str:
    return f"({fact.printed})" if fact.value < Decimal(0) else fact.printed
