"""Sensitivity to priors."""
