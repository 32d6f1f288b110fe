"""NUTS: one graph for every model, sampling, and a store of runs."""
