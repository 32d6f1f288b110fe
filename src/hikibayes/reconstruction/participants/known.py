"""What is printed or assumed about a measure, looked up and drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...distributions import Distribution
from ...study.facts import Fact
from ...study.study import Study

ATTEMPTS = 200


def sample(distribution: Distribution, rng: np.random.Generator) -> float:
    """Draw one number from an assumed distribution."""
    p = distribution.parameters
    match distribution.dist:
        case "Constant":
            return p["value"]
        case "Normal":
            return float(rng.normal(p["mu"], p["sigma"]))
        case "Uniform":
            return float(rng.uniform(p["lower"], p["upper"]))
        case "Beta":
            return float(rng.beta(p["alpha"], p["beta"]))
        case "TruncatedNormal":
            for _ in range(ATTEMPTS):
                if p["lower"] <= (value := float(rng.normal(p["mu"], p["sigma"]))) <= p["upper"]:
                    return value
    return float(distribution.frozen().rvs(random_state=rng))


@dataclass(frozen=True)
class Known:
    """A study's facts and assumptions by measure."""

    study: Study

    @cached_property
    def _facts(self) -> dict[tuple[str, str | None], list[Fact]]:
        found: dict[tuple[str, str | None], list[Fact]] = {}
        for fact in self.study.facts:
            for name in {fact.of, fact.with_} - {None} or {None}:
                found.setdefault((fact.quantity, name), []).append(fact)
        return found

    def printed(self, quantity: str, measure: str) -> list[Fact]:
        """Return the facts of a quantity that are about a measure (or with it)."""
        return self._facts.get((quantity, measure), [])

    def assumed(self, quantity: str, measure: str | None = None, group: str | None = None) -> Distribution | None:
        """Return the distribution assumed for a measure (in a group), the general one, or nothing."""
        found = self.study.assumed(quantity, measure, group)
        return found.distribution if found else None

    def draw(self, quantity: str, measure: str, rng: np.random.Generator, default: Distribution) -> float:
        """Draw from what is assumed about a measure, or from a default."""
        return sample(self.assumed(quantity, measure) or default, rng)
