"""Populations one might sample next, and samples drawn from them."""
