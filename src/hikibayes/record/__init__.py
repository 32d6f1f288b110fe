"""What was published: measures, facts, assumptions, and whether the printed numbers agree with each other."""
