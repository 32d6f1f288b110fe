"""The bench of strangers: random studies with their raw tables, taken through every verb and held against these."""
