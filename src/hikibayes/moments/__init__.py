"""Group moments and everything that an OLS paper prints of them, in array code for NumPy and JAX alike.

A study's sample enters as n, means and covariances of one or more groups (`GroupMoments`); leading dims are carried
through. `compare` gives the numbers of a comparison of two groups, `regress` those of a regression, `increment` those
of a step over another, `simple_slope` and `predicted_value` those of a contrast. Nothing is approximated: a fit to the
rows gives the same numbers up to floating-point error.

In each group every column of a regression is affine in the base columns ``[1, x_1, ..., x_m]``: an array
(groups, 1 + m). Coding, centring, z scores and the conventions for products are operations on such arrays (`designs`),
and the moments of a design follow from those of the groups. A product of two measures is one more base column, with
moments of its own.
"""

from .comparisons import Comparison, compare
from .designs import CODINGS, PRODUCTS, Design, design_of
from .groups import GroupMoments, correlations, group_moments
from .least_squares import Fit, fit, increment, predicted_value, regress, regress_on, simple_slope, slope_weights
from .tails import f_p, two_sided_p

__all__ = [
    "CODINGS",
    "PRODUCTS",
    "Comparison",
    "Design",
    "Fit",
    "GroupMoments",
    "compare",
    "correlations",
    "design_of",
    "f_p",
    "fit",
    "group_moments",
    "increment",
    "predicted_value",
    "regress",
    "regress_on",
    "simple_slope",
    "slope_weights",
    "two_sided_p",
]
