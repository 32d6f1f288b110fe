"""What a posterior says: estimands, estimates, regions, checks, remarks."""
