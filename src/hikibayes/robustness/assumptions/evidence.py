"""What numbers from other samples say of an assumption, each discounted, and what each of them does to the answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from ...arrays import FloatArray
from ...spec import InputError
from ...study.study import Evidence
from .answered import ENOUGH, Answered, effective_number, weights_of
from .numbers import Reconstructed, numbers_of

COLUMNS = ("evidence", "effective", "estimand", "mean", "sd", "p_positive", "moved", "moved_sds")
"""Of ``evidence.csv``; ``moved`` is the change of the mean against the answer as assumed, without any of it."""
NONE, ALL = "as assumed", "all evidence"


def evidence_rows(made: Reconstructed, answered: Answered) -> Iterator[dict[str, object]]:
    """Yield the answers as assumed, with all evidence, and with all of it but each piece.

    Raises
    ------
    InputError
        A piece is about a number that its assumption does not govern, or that moments do not determine.

    Notes
    -----
    A piece is a normal likelihood of the number, its variance the sampling error's and the discount's. Draws as assumed
    are weighted by the product of the likelihoods, which only narrows what was assumed. Where too few effective draws
    are left the answer is empty.
    """
    log_weights = {piece.id: log_likelihood(piece, made) for piece in made.study.evidence}
    nothing = np.zeros(len(answered.mean))
    kept: dict[str, Mapping[str, FloatArray]] = {NONE: {}, ALL: log_weights}
    if len(log_weights) > 1:
        kept |= {f"without {out}": {k: v for k, v in log_weights.items() if k != out} for out in log_weights}
    base = answered.under(np.ones(len(nothing)))
    for name, pieces in kept.items():
        weights = weights_of(nothing + sum(pieces.values()))
        found, effective = answered.under(weights), effective_number(weights)
        if effective < ENOUGH:
            found = {column: np.full_like(values, np.nan) for column, values in found.items()}
        for i, estimand in enumerate(answered.estimands):
            moved = float(found["mean"][i] - base["mean"][i])
            numbers = {column: float(values[i]) for column, values in found.items()}
            shift = {"moved": moved, "moved_sds": moved / float(base["sd"][i])}
            yield {"evidence": name, "effective": effective, "estimand": estimand.name, **numbers, **shift}


def evidence_said(table: pd.DataFrame) -> list[str]:
    """Say what all evidence does to the effect that it moves most."""
    whole = table[table["evidence"] == ALL]
    if not len(whole):
        return []
    known = whole.dropna(subset=["moved_sds"])
    if not len(known):
        return [f"the evidence contradicts what was assumed: {whole['effective'].iloc[0]:.0f} effective draws are left"]
    row = known.iloc[int(known["moved_sds"].abs().argmax())]
    was = row["mean"] - row["moved"]
    return [f"all evidence moves {row['estimand']} most: from {was:.2f} to {row['mean']:.2f}; no draw was made with it"]


def log_likelihood(piece: Evidence, made: Reconstructed) -> FloatArray:
    """Return the log likelihood of a piece in each reconstruction, but for a constant."""
    label = f"{piece.about}, {piece.group}" if piece.group else piece.about
    numbers = numbers_of(made.study.assumption(piece.assumption), made)
    if label not in numbers:
        known = "; ".join(numbers) or "none that the moments determine"
        raise InputError(
            f"{label!r} is no number of assumption {piece.assumption!r}; it is about {known}",
            key=f"evidence {piece.id!r}",
        )
    return np.asarray(-0.5 * ((numbers[label] - piece.value) / piece.spread) ** 2)
