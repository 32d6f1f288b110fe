"""Sensitivity to an imbalance between the groups."""
