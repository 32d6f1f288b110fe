"""Convex polygons cut by half-planes."""

from __future__ import annotations

from dataclasses import dataclass

type Polygon = list[tuple[float, float]]


@dataclass(frozen=True)
class HalfPlane:
    """The points with a v + b w + c >= 0."""

    a: float
    b: float
    c: float = 0.0

    def at(self, point: tuple[float, float]) -> float:
        """Return the left-hand side at a point (v, w)."""
        return self.a * point[0] + self.b * point[1] + self.c


def clipped(polygon: Polygon, half: HalfPlane) -> Polygon:
    """Cut a convex polygon with a half-plane (Sutherland & Hodgman, 1974, https://doi.org/10.1145/360767.360802)."""
    kept: Polygon = []
    for before, here in zip(polygon[-1:] + polygon[:-1], polygon, strict=True):
        left, right = half.at(before), half.at(here)
        if (left < 0) != (right < 0):
            share = left / (left - right)
            kept.append((before[0] + share * (here[0] - before[0]), before[1] + share * (here[1] - before[1])))
        if right >= 0:
            kept.append(here)
    return kept
