"""Would I still believe it if ...? Priors, the imbalance between the groups, and confounders that nobody measured."""
