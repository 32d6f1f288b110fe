"""A plan made ready, rehearsed and simulated."""
