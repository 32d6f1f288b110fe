"""The posterior over a study's sample moments: coordinates, priors, density, starts, sampling."""
