"""What a person writes of a plan: axes, cells, rules, the simulation file."""
