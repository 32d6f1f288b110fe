"""Sensitivity to confounders that nobody measured."""
