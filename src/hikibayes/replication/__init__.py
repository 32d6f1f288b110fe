"""What a second study says of a published one: whether it replicates, what is known of both, whether they differ."""
