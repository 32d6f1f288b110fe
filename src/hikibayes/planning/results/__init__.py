"""What simulated studies say: performance, sample sizes, proposal."""
