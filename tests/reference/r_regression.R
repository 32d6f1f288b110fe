# Least squares as R prints it: lm, car::vif, emmeans::emtrends, t.test; and psych::alpha.
#
#   Rscript tests/reference/r_regression.R

source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])), "r_common.R"))
suppressPackageStartupMessages({library(car); library(emmeans); library(psych)})

table_of <- function(fit) {
  s <- summary(fit)
  rows <- as.data.frame(s$coefficients)
  names(rows) <- c("estimate", "se", "t", "p")
  list(
    terms = lapply(split(rows, factor(rownames(rows), rownames(rows))), as.list),
    r2 = s$r.squared, adjusted_r2 = s$adj.r.squared, f = s$fstatistic[["value"]],
    f_p = pf(s$fstatistic[["value"]], s$fstatistic[["numdf"]], s$fstatistic[["dendf"]], lower.tail = FALSE),
    residual_sd = s$sigma, df = s$df[2]
  )
}

# Every column of the design on its own, so that VIF is the plain one and not the generalised one of a factor.
vif_of <- function(fit) {
  X <- as.data.frame(model.matrix(fit)[, -1])
  names(X) <- paste0("x", seq_along(X))
  alone <- lm(y ~ ., cbind(X, y = model.response(model.frame(fit))))
  setNames(as.list(vif(alone)), colnames(model.matrix(fit))[-1])
}

slopes_of <- function(fit, group, focal) {
  trends <- emtrends(fit, group, var = focal)
  each <- as.data.frame(summary(trends, infer = c(FALSE, TRUE)))
  # the second group minus the first
  gap <- as.data.frame(summary(contrast(trends, list(gap = c(-1, 1)))))
  pick <- function(rows, estimate) list(slope = rows[[estimate]], se = rows$SE, df = rows$df, t = rows$t.ratio, p = rows$p.value)
  groups <- as.character(each[[group]])
  list(
    groups = lapply(setNames(seq_along(groups), groups), function(i) pick(each[i, ], paste0(focal, ".trend"))),
    difference = pick(gap, "estimate")
  )
}

standardised <- function(d, numbers) {
  d[numbers] <- lapply(d[numbers], function(x) as.numeric(scale(x)))
  d
}

compare <- function(x, y) {
  welch <- t.test(x, y)
  student <- t.test(x, y, var.equal = TRUE)
  pick <- function(h) list(t = h$statistic[[1]], df = h$parameter[[1]], p = h$p.value)
  list(difference = mean(x) - mean(y), welch = pick(welch), student = pick(student))
}

case <- function(d, formula, group, focal, outcome, numbers) {
  fit <- lm(formula, d)
  levels <- levels(d[[group]])
  list(
    lm = table_of(fit),
    lm_standardised = table_of(lm(formula, standardised(d, numbers))),
    vif = vif_of(fit),
    slopes = slopes_of(fit, group, focal),
    # the second group minus the first
    outcome_by_group = compare(d[d[[group]] == levels[2], outcome], d[d[[group]] == levels[1], outcome]),
    correlation = cor(d[[focal]], d[[outcome]])
  )
}

m <- moderated()
items <- m[grep("^item_", names(m))]
a <- alpha(items, warnings = FALSE)$total

write_reference("r_regression", list(
  cases = list(
    cats = case(cats(), Hwt ~ Sex * Bwt, "Sex", "Bwt", "Hwt", c("Hwt", "Bwt")),
    gas = case(gas(), Gas ~ Insul * Temp, "Insul", "Temp", "Gas", c("Gas", "Temp")),
    toothgrowth = case(toothgrowth(), len ~ supp * dose, "supp", "dose", "len", c("len", "dose")),
    moderated = case(
      m, outcome ~ male + group * (stress + worry + support), "group", "support", "outcome",
      c("outcome", "stress", "worry", "support")
    )
  ),
  alpha = list(items = names(items), raw = a$raw_alpha, standardised = a$std.alpha)
), c("car", "emmeans", "psych"))
