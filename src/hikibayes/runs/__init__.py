"""Runs: what each verb is, where its files go, and how a run is made again."""
