"""What was published: measures, facts, assumptions, readings, and the analysis that was run."""
