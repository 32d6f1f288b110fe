"""Two groups compared: every t, df, p and kind of d, of all measures at once."""

from __future__ import annotations

from functools import cached_property

from .groups import GroupMoments
from .tails import Array, namespace


def compare(moments: GroupMoments, first: int, second: int) -> Comparison:
    """Compare two groups, the first minus the second, in every base column.

    Returns
    -------
    Comparison
        Its arrays have shape (..., m).
    """
    xp = namespace(moments.mean)
    variance = xp.diagonal(moments.cov, axis1=-2, axis2=-1)
    return Comparison(
        moments.n[first],
        moments.n[second],
        moments.mean[..., first, :] - moments.mean[..., second, :],
        variance[..., first, :],
        variance[..., second, :],
    )


class Comparison:
    """What two means and SDs (divisor n - 1) of groups of n1 and n2 print.

    Parameters
    ----------
    n1, n2 : float
    difference : ndarray
        First mean minus second.
    v1, v2 : ndarray
        The groups' variances.

    Notes
    -----
    Everything broadcasts. References: Welch (1947), doi:10.1093/biomet/34.1-2.28, for ``welch_df``; Hedges (1981),
    doi:10.3102/10769986006002107, for ``hedges_g``; Bonett (2008), doi:10.1037/1082-989X.13.2.99, for the average
    variance.
    """

    def __init__(self, n1: Array, n2: Array, difference: Array, v1: Array, v2: Array) -> None:
        self.n1, self.n2, self.difference, self.v1, self.v2 = n1, n2, difference, v1, v2
        self._sqrt = namespace(difference).sqrt

    # -- tests -------------------------------------------------------------------------------------------------------

    @property
    def student_df(self) -> Array:
        """Degrees of freedom of the pooled test."""
        return self.n1 + self.n2 - 2

    @cached_property
    def pooled_variance(self) -> Array:
        """Variance within the groups, divisor n1 + n2 - 2."""
        return ((self.n1 - 1) * self.v1 + (self.n2 - 1) * self.v2) / self.student_df

    @property
    def student_t(self) -> Array:
        """Student's t (pooled variance)."""
        return self.difference / self._sqrt(self.pooled_variance * (1 / self.n1 + 1 / self.n2))

    @property
    def welch_t(self) -> Array:
        """Welch's t."""
        return self.difference / self._sqrt(self.v1 / self.n1 + self.v2 / self.n2)

    @property
    def welch_df(self) -> Array:
        """Degrees of freedom of Welch's t (Welch-Satterthwaite)."""
        e1, e2 = self.v1 / self.n1, self.v2 / self.n2
        return (e1 + e2) ** 2 / (e1**2 / (self.n1 - 1) + e2**2 / (self.n2 - 1))

    # -- effect sizes ------------------------------------------------------------------------------------------------

    @property
    def d(self) -> Array:
        """Cohen's d, over the pooled SD."""
        return self.difference / self._sqrt(self.pooled_variance)

    @property
    def hedges_g(self) -> Array:
        """Cohen's d times the usual approximation of Hedges' correction, 1 - 3 / (4 df - 1)."""
        return self.d * (1 - 3 / (4 * self.student_df - 1))

    @property
    def d_divisor_n(self) -> Array:
        """The difference over the pooled SD with divisor n1 + n2."""
        return self.difference / self._sqrt(self.pooled_variance * self.student_df / (self.n1 + self.n2))

    @property
    def d_average(self) -> Array:
        """The difference over the root of the average of the two variances."""
        return self.difference / self._sqrt((self.v1 + self.v2) / 2)

    @property
    def glass_first(self) -> Array:
        """Glass's delta, over the first group's SD."""
        return self.difference / self._sqrt(self.v1)

    @property
    def glass_second(self) -> Array:
        """Glass's delta, over the second group's SD."""
        return self.difference / self._sqrt(self.v2)
