"""What each assumption of a study does to its answers."""
