"""The log density of a calibration and its gradient, compiled once for every study.

A general-purpose compiler takes minutes over this density, and does so again for every study. The arithmetic is a
short chain of matrix operations, so that its reverse mode is written out here: each step has its ``_backward`` beside
it, and a study is data (`plan.Plan`), never code. `reconstruction.posterior.density` says the same in plain NumPy,
slowly, and a test holds one against the other.

In the backward steps a name that ends in ``_bar``, or stands in `Bars`, is the derivative of the log density with
respect to what is named.
"""
