"""A study's assumptions, looked up and drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..distributions import Distribution
from ..record.study import Study

__all__ = ["Assumptions", "sample"]

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
class Assumptions:
    """A study's assumptions, looked up by quantity, measure and group."""

    study: Study

    @cached_property
    def _known(self) -> dict[tuple[str, str | None, str | None], Distribution]:
        return {
            (assumption.quantity, name, assumption.group): assumption.distribution
            for assumption in self.study.assumptions
            for name in (assumption.about or (None,))
        }

    def find(self, quantity: str, measure: str | None = None, group: str | None = None) -> Distribution | None:
        """Return the distribution assumed for a measure (in a group), the general one, or nothing."""
        for key in ((quantity, measure, group), (quantity, measure, None), (quantity, None, None)):
            if key in self._known:
                return self._known[key]
        return None

    def draw(self, quantity: str, measure: str, rng: np.random.Generator, default: Distribution) -> float:
        """Draw from what is assumed about a measure, or from a default."""
        return sample(self.find(quantity, measure) or default, rng)
