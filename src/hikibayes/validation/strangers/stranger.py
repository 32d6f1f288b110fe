"""A random study: a raw table, what a paper prints of it, and the study file of somebody who read the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...spec import validated
from ...study.study import Study
from .printing import Entry, printed, steps_of
from .styles import Style, random_style
from .tables import GROUP, GROUPS, LARGEST, MOST_SCORES, OUTCOME, RawTable, random_table

SOURCE = {"locator": "made up", "quote": "made up"}


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """A study and its raw table.

    Attributes
    ----------
    seed : int
    raw : RawTable
    style : Style
    study : Study
    """

    seed: int
    raw: RawTable
    style: Style
    study: Study

    @property
    def table(self) -> pd.DataFrame:
        """The raw table, with labels."""
        return self.raw.labelled

    @property
    def names(self) -> tuple[str, ...]:
        """The measures of the regressions, the outcome last."""
        return (*self.raw.scores, *self.raw.flags, OUTCOME)

    @property
    def strata(self) -> dict[str, str]:
        """What kind of study it is, for tables by stratum."""
        n, (first, second) = len(self.raw.values), self.raw.sizes
        return {
            "print": "full" if self.style.full else "sparse",
            "n": "30 to 99" if n < 100 else "100 to 499" if n < 500 else "500 to 3,000",
            "groups": "1:1 to 1:2" if max(first, second) <= 2 * min(first, second) else "1:2 to 1:9",
            "scores": self.raw.kinds,
            "products": self.style.products,
            "coding": self.style.coding,
            "conventions": "declared" if self.style.declared else "not declared",
        }


def stranger(
    seed: int,
    *,
    sizes: tuple[int, int] | None = None,
    whole: bool | None = None,
    style: Style | None = None,
    max_n: int = LARGEST,
    max_scores: int = MOST_SCORES,
) -> Stranger:
    """Draw a raw table and print it.

    Parameters
    ----------
    seed : int
    sizes : tuple of int, optional
        Participants of each group.
    whole : bool, optional
        Whether every score is whole.
    style : Style, optional
        How it is printed; at random where not given.
    max_n, max_scores : int
        The most participants, and predictors that are scores, that are drawn.
    """
    tables, styles, kept = (np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(3))
    raw = random_table(tables, sizes=sizes, whole=whole, max_n=max_n, max_scores=max_scores)
    style = style or random_style(styles)
    return Stranger(seed=seed, raw=raw, style=style, study=_study(raw, style, printed(raw, style, kept)))


def _study(raw: RawTable, style: Style, facts: list[Entry]) -> Study:
    content = {
        "id": "stranger",
        "description": "A random study",
        "citation": {"authors": ["Nobody"], "year": 2001, "title": "None", "journal": "None", "read": "all"},
        "group": [{"id": name, "label": name} for name in GROUPS],
        "measure": raw.measures,
        "analysis": {"outcome": OUTCOME, "group": GROUP, "focal": raw.scores[0], **style.analysis},
        "step": list(_steps(steps_of(raw, style))),
        "fact": [{"id": f"f{i}", "source": SOURCE, **fact} for i, fact in enumerate(facts)],
        "assumption": list(_assumed(raw, facts)),
        "estimand": [
            {
                "name": "slope_difference",
                "kind": "slope_difference",
                "of": raw.scores[0],
                "between": list(GROUPS[::-1]),
                "step": "three",
                "meaning": "how much steeper the outcome rises in the second group",
            }
        ],
    }
    return validated(Study, content, f"stranger {raw.sizes}")


def _steps(steps: dict[str, list[str]]) -> Any:
    before: list[str] = []
    after = None
    for step, terms in steps.items():
        yield {"id": step, "label": step, "adds": terms[len(before) :]} | ({"after": after} if after else {})
        before, after = terms, step


def _assumed(raw: RawTable, facts: list[Entry]) -> Any:
    """Assume, as a reader would, a raw mean and SD where none is printed: wide, around the middle of the range."""
    known = {fact["of"] for fact in facts if fact["quantity"] == "mean"}
    for name in [name for name in raw.shapes if name not in known]:
        high = raw.shapes[name].high
        ways = {"raw_mean": (0.5 * high, 0.2 * high, 0.0, high)}
        ways["raw_sd"] = (0.22 * high, 0.08 * high, 0.02 * high, 0.5 * high)
        for quantity, (mu, sigma, lower, upper) in ways.items():
            yield {
                "id": f"{name}_{quantity}",
                "quantity": quantity,
                "about": [name],
                "distribution": {"dist": "TruncatedNormal", "mu": mu, "sigma": sigma, "lower": lower, "upper": upper},
                "rationale": "Not printed: around the middle of the range, and wide.",
            }
