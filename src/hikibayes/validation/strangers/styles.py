"""How a paper prints: what it leaves out, decimals, tests, codings, and whether it says which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

DECLARED = {"centred_both": "centred", "half": "effect"}
"""The study file's word, where it is another."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """The conventions of one paper.

    Attributes
    ----------
    full : bool
        Whether every mean, SD and correlation is printed; else about half of the record is left out.
    decimals : int
        Of everything but p, which has three, degrees of freedom, which have one less, and shares, which have one more.
    test, kind : str
        Of the comparisons: Welch's or Student's t, and which d.
    products, coding : str
        What goes into a product with the group (z scores, raw scores, centred scores, centred scores and codes), and
        the groups' codes (0/1, -1/2 and 1/2, -1/1).
    every_product : bool
        Whether all scores interact with the group, or the focal one alone.
    separate : bool
        Whether simple slopes come from a regression of each group alone.
    by_group : bool
        Whether correlations are printed for each group too.
    declared : bool
        Whether the study file says which test, d, coding and products these are.
    """

    full: bool = True
    decimals: int = 2
    test: Literal["welch", "student"] = "welch"
    kind: Literal["cohen", "hedges", "average", "glass_second", "divisor_n"] = "cohen"
    products: Literal["z", "raw", "centred", "centred_both"] = "z"
    coding: Literal["dummy", "half", "effect"] = "dummy"
    every_product: bool = False
    separate: bool = False
    by_group: bool = False
    declared: bool = True

    @property
    def standardised(self) -> bool:
        """Whether coefficients are those of z scores."""
        return self.products == "z"

    @property
    def codes(self) -> tuple[float, float]:
        """The groups' codes."""
        return {"dummy": (0.0, 1.0), "half": (-0.5, 0.5), "effect": (-1.0, 1.0)}[self.coding]

    @property
    def analysis(self) -> dict[str, Any]:
        """What the study file says of the regressions; nothing where it is silent."""
        said = {
            name: DECLARED.get(value, value) for name, value in vars(self).items() if name in {"products", "coding"}
        }
        return {**said, "standardised": self.standardised} if self.declared else {}

    def said(self, **how: Any) -> dict[str, Any]:
        """Return what a fact says of itself; nothing where the paper is silent."""
        return how if self.declared else {}


def random_style(rng: np.random.Generator) -> Style:
    """Draw the conventions of a paper; the usual ones are more frequent."""
    return Style(
        full=bool(rng.random() < 0.6),
        decimals=int(rng.integers(2, 4)),
        test=_one_of(rng, ["welch", "student"]),
        kind=_one_of(rng, ["cohen", "cohen", "hedges", "average", "glass_second", "divisor_n"]),
        products=_one_of(rng, ["z", "z", "raw", "centred", "centred_both"]),
        coding=_one_of(rng, ["dummy", "dummy", "dummy", "half", "effect"]),
        every_product=bool(rng.random() < 0.4),
        separate=bool(rng.random() < 0.2),
        by_group=bool(rng.random() < 0.5),
        declared=bool(rng.random() < 0.75),
    )


def _one_of(rng: np.random.Generator, values: Sequence[str]) -> Any:
    return values[int(rng.integers(len(values)))]
