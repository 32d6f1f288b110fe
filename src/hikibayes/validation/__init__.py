"""Is the machinery itself right? Engines held against each other, on the fit that a person asks about."""
