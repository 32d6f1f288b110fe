"""Whether the printed numbers agree with each other."""
