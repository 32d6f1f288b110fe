# Power in closed form, for the planning room: noncentral t, F and chi-squared from R, and pwr beside them.
#
#   Rscript tests/reference/r_power.R

source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])), "r_common.R"))
library(pwr)

# Three predictors, one tested. The convention of the issue (and of G*Power) is noncentrality f2 * n; pwr multiplies f2
# with u + v + 1 = n - 2 instead, so its power is a little lower.
f_test <- function(f2, n, u = 1, predictors = 3) {
  v <- n - predictors - 1
  list(
    f2 = f2, n = n, df1 = u, df2 = v, noncentrality = f2 * n,
    power = pf(qf(0.95, u, v), u, v, ncp = f2 * n, lower.tail = FALSE),
    pwr_f2_test = pwr.f2.test(u = u, v = v, f2 = f2, sig.level = 0.05)$power
  )
}

# A difference of two slopes in a fixed design: n in each group, sum of squares of the moderator n - 1 in each.
slope_difference <- function(n, difference = 0.29, variance = 0.40, df = 2 * n - 4, inflation = 1) {
  se <- sqrt(inflation * variance * 2 / (n - 1))
  ncp <- difference / se
  two_sided <- qt(0.975, df)
  one_sided <- qt(0.95, df)
  # half-width t * se * s / sigma, with s^2 / sigma^2 chi-squared over df
  width_below <- function(w) pchisq(df * (w / (2 * two_sided * se))^2, df)
  list(
    n_per_group = n, difference = difference, residual_variance = variance, df = df, inflation = inflation,
    se = se, noncentrality = ncp,
    excludes_zero = pt(two_sided, df, ncp, lower.tail = FALSE) + pt(-two_sided, df, ncp),
    above_zero = pt(two_sided, df, ncp, lower.tail = FALSE),
    p_positive_above_95 = pt(one_sided, df, ncp, lower.tail = FALSE),
    expected_width = 2 * two_sided * se * sqrt(2 / df) * exp(lgamma((df + 1) / 2) - lgamma(df / 2)),
    width_below_0.35 = width_below(0.35), width_below_0.40 = width_below(0.40), width_below_0.50 = width_below(0.50)
  )
}

smallest <- function(target) {
  n <- 3
  while (slope_difference(n)$excludes_zero < target) n <- n + 1
  list(target = target, n_per_group = n, power = slope_difference(n)$excludes_zero,
       power_with_one_fewer = slope_difference(n - 1)$excludes_zero)
}

write_reference("r_power", list(
  alpha = 0.05,
  f_tests = list(f_test(0.02, 395), f_test(0.15, 55), f_test(0.35, 25)),
  slope_differences = list(
    slope_difference(50), slope_difference(77), slope_difference(100), slope_difference(102), slope_difference(200),
    slope_difference(100, df = 182, inflation = 1.5),
    slope_difference(100, difference = 0),
    slope_difference(100, difference = 0.145)
  ),
  smallest = list(smallest(0.80), smallest(0.90), smallest(0.95))
), "pwr")
