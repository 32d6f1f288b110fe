"""A study of somebody's own, told from scratch: two groups, a category of three levels, a score and an outcome.

Groups, levels and measures can be called anything and their levels stand in any order.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hikibayes.inference.models.specs import ModelSpec
from hikibayes.study.study import Study


@dataclass(frozen=True)
class Names:
    """What the study calls its groups, levels and measures; reference first."""

    groups: tuple[str, str] = ("usual", "extra")
    levels: tuple[str, str, str] = ("some", "none", "lots")
    measures: tuple[str, str, str, str] = ("y", "arm", "x", "dose")

    def study(self, **changes) -> Study:
        y, arm, x, dose = self.measures
        number = {"kind": "number", "range": [-1e6, 1e6], "unit": "points", "integer": False}
        content = {
            "id": "own",
            "description": "made up",
            "citation": {"authors": ["A"], "year": 2026, "title": "T", "journal": "J", "read": "all of it"},
            "group": [{"id": name, "label": name} for name in self.groups],
            "analysis": {"outcome": y, "group": arm, "focal": x, "standardised": False},
            "measure": [
                {"id": y, "label": y, **number},
                {"id": x, "label": x, **number},
                {"id": arm, "label": arm, "kind": "category", "levels": _levels(self.groups)},
                {"id": dose, "label": dose, "kind": "category", "levels": _levels(self.levels)},
            ],
            "step": [{"id": "all", "label": "all", "adds": [arm, x, dose, f"{arm}:{x}"]}],
            "fact": [
                {"id": f"n_{i}", "quantity": "n", "group": g, "value": 30, "source": {"locator": "p. 1", "quote": "30"}}
                for i, g in enumerate(self.groups)
            ],
            "estimand": [
                _estimand("difference", "slope_difference", of=x, between=self.groups[::-1]),
                _estimand("gap", "adjusted_difference", between=self.groups[::-1]),
                *(_estimand(f"slope_{i}", "slope", of=x, group=g) for i, g in enumerate(self.groups)),
            ],
        }
        return Study.model_validate({**content, **changes})

    def model(self, *, scale: float = 1.0, **changes) -> ModelSpec:
        """Priors that are not symmetric; those of a raw model are `scale` times as wide."""
        y, arm, x, dose = self.measures
        mean = {arm: 0.3, dose: -0.2, f"{arm}:{x}": 0.6}
        terms = ("Intercept", arm, x, dose, f"{arm}:{x}")
        priors = {t: _prior("Normal", mu=scale * mean.get(t, 0), sigma=scale * 0.4) for t in terms}
        spec = {
            "name": "own",
            "description": "made up",
            "formula": f"{y} ~ {arm} * {x} + {dose}",
            "priors": {**priors, "sigma": _prior("HalfStudentT", nu=4, sigma=scale)},
            "variants": {"flat": {"description": "flat", "rule": "flat"}},
        }
        return ModelSpec.model_validate({**spec, **changes})

    def table(self, seed: int = 1, n: int = 60) -> pd.DataFrame:
        """Draw `n` participants; what they are called does not move them."""
        rng = np.random.default_rng(seed)
        second = np.arange(n) % 2
        dose, x = rng.integers(0, 3, n), rng.normal(50, 10, n).round(1)
        y = 20 + 4 * second + (0.1 + 0.5 * second) * (x - 50) + np.array([0, 6, -3])[dose] + rng.normal(0, 6, n)
        groups, levels = np.array(self.groups, dtype=object), np.array(self.levels, dtype=object)
        return pd.DataFrame(dict(zip(self.measures, (y.round(1), groups[second], x, levels[dose]), strict=True)))

    def swapped(self) -> "Names":
        return replace(self, groups=self.groups[::-1])


def _levels(names) -> list[dict[str, str]]:
    return [{"id": name, "label": name} for name in names]


def _estimand(name, kind, **of) -> dict[str, object]:
    return {"name": name, "kind": kind, "meaning": "made up", "step": "all", **of}


def _prior(dist, **parameters) -> dict[str, object]:
    return {"dist": dist, "reason": "made up", **parameters}
