"""One question under every defensible way to ask it: readings, data, scales, covariates, products, priors."""
