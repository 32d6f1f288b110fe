# What follows from a formula on a textbook table, by other software: closed forms of lm and emmeans (slopes in cells,
# their differences, adjusted mean differences), Johnson-Neyman limits, and rstanarm's posteriors under hikibayes'
# default priors. Writes r_own.csv and r_own_regions.csv.
#
#   Rscript tests/reference/r_own.R
#
# R 4.2.2, emmeans 1.8.4.1, rstanarm 2.21.3, posterior 1.4.0. Everything is in SD of the complete rows.

source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])), "r_common.R"))
suppressPackageStartupMessages({library(emmeans); library(rstanarm); library(posterior)})
emm_options(msg.interaction = FALSE, msg.nesting = FALSE)

CHAINS <- 4
DRAWS <- 20000

# -- the table and the model -------------------------------------------------------------------------------------------

# Greene's credit cards come with statsmodels, for its users alone.
from_statsmodels <- function(name) {
  code <- sprintf("from statsmodels.datasets import %s as d; print(d.load_pandas().data.to_csv(index=False))", name)
  read.csv(pipe(sprintf("uv run python -c '%s'", code)))
}

prepared <- function(case) {
  path <- here("data", paste0(case$data, ".csv"))
  rows <- if (is.null(case$from)) read.csv(path, stringsAsFactors = FALSE) else from_statsmodels(case$data)
  rows <- rows[complete.cases(rows[all.vars(as.formula(case$formula))]), ]
  for (name in unlist(case$groups)) {
    levels <- sort(unique(as.character(rows[[name]])), method = "radix")
    first <- case$references[[name]]
    rows[[name]] <- factor(rows[[name]], c(first, setdiff(levels, first)))
    # Contrasts with the reference at 0 under which independent priors of sd s / sqrt(2) make every two levels differ
    # with sd s: differences from the reference then have the covariance s^2 / 2 (I + J).
    k <- nlevels(rows[[name]])
    if (k > 2) contrasts(rows[[name]]) <- rbind(0, t(chol(diag(k - 1) + 1)))
  }
  for (name in setdiff(all.vars(as.formula(case$formula)), unlist(case$groups))) rows[[name]] <- as.numeric(scale(rows[[name]]))
  rows
}

# The sd of each column's prior: .5 a slope, 1 a difference of two levels, .25 a product with a number, .5 of categories;
# of three levels and more it is that of `prepared`'s contrasts, so that every two levels differ by it.
prior_scale <- function(formula, rows) {
  design <- model.matrix(formula, rows)
  parts <- attr(terms(formula), "factors")[-1, , drop = FALSE]
  vapply(attr(design, "assign")[-1], function(term) {
    used <- rownames(parts)[parts[, term] > 0]
    category <- vapply(rows[used], is.factor, NA)
    many <- sum(vapply(rows[used], function(x) is.factor(x) && nlevels(x) > 2, NA))
    base <- if (length(used) == 1) c(0.5, 1)[1 + category] else if (all(category)) 0.5 else 0.25
    base / sqrt(2)^many
  }, 0)
}

# -- what is asked -----------------------------------------------------------------------------------------------------

partners <- function(formula, ...) {
  parts <- attr(terms(formula), "factors")[-1, , drop = FALSE] > 0
  shared <- parts[, apply(parts[c(...), , drop = FALSE], 2, all), drop = FALSE]
  setdiff(rownames(parts)[rowSums(shared) > 0], c(...))
}

# emmeans' grid as rows: what it is of, in which cell, and its weights over the coefficients.
asked <- function(grid, kind, of = "", by = "", pairs = "") {
  cells <- grid@grid[setdiff(names(grid@grid), c(".wgt.", ".offset.", "contrast", "1"))]
  words <- function(row) paste(names(cells), trimws(row), sep = "=", collapse = ";")
  at <- if (ncol(cells)) apply(cells, 1, words) else rep("", nrow(grid@linfct))
  about <- data.frame(kind = kind, of = of, by = by, between = rep_len(pairs, length(at)), at = at)
  list(about = about, weights = grid@linfct, grid = grid)
}

# Wherever an effect is looked at: in each cell of its categories, and with each number one SD to either side.
places <- function(numbers) c(list(list()), lapply(numbers, function(name) setNames(list(c(-1, 1)), name)))

questions <- function(fit, formula, rows) {
  used <- setdiff(all.vars(formula), all.vars(formula)[1])
  is_number <- vapply(rows[used], is.numeric, NA)
  numbers <- used[is_number]
  found <- list()
  ask <- function(...) found[[length(found) + 1]] <<- asked(...)
  specs <- function(...) if (length(c(...))) c(...) else "1"
  as_formula <- function(by) as.formula(paste("~", paste(specs(by), collapse = " * ")))
  # a number that no level of a category moderates has one slope: averaging over categories changes nothing
  for (of in numbers) {
    with <- partners(formula, of)
    cats <- setdiff(with, numbers)
    for (place in places(intersect(with, numbers)))
      ask(emtrends(fit, as_formula(c(cats, names(place))), var = of, at = place), "slope", of)
    for (by in cats) {
      others <- partners(formula, of, by)
      for (place in places(intersect(others, numbers))) {
        each <- c(setdiff(others, numbers), names(place))
        trends <- emtrends(fit, as_formula(c(by, each)), var = of, at = place)
        ask(contrast(trends, "revpairwise", by = if (length(each)) each), "slope_difference", of, by, revpairs(rows[[by]]))
      }
    }
    for (by in intersect(with, numbers)) if (match(of, numbers) < match(by, numbers)) {
      each <- setdiff(partners(formula, of, by), numbers)
      trends <- emtrends(fit, as_formula(c(by, each)), var = of, at = setNames(list(c(0, 1)), by))
      ask(contrast(trends, "revpairwise", by = if (length(each)) each), "slope_change", of, by)
    }
  }
  for (by in setdiff(used, numbers)) {
    with <- partners(formula, by)
    for (place in places(intersect(with, numbers))) {
      each <- c(setdiff(with, numbers), names(place))
      means <- emmeans(fit, as_formula(c(by, each)), at = place)
      ask(contrast(means, "revpairwise", by = if (length(each)) each), "adjusted_difference", by = by, pairs = revpairs(rows[[by]]))
    }
  }
  found
}

revpairs <- function(factor) {
  k <- nlevels(factor)
  unlist(lapply(2:k, function(i) vapply(seq_len(i - 1), function(j) paste(levels(factor)[i], levels(factor)[j], sep = "|"), "")))
}

# -- posteriors --------------------------------------------------------------------------------------------------------

sampled <- function(formula, rows) {
  stan_glm(
    formula, data = rows, family = gaussian(), prior = normal(0, prior_scale(formula, rows), autoscale = FALSE),
    prior_intercept = normal(0, 1, autoscale = FALSE), prior_aux = student_t(4, 0, 1, autoscale = FALSE),
    chains = CHAINS, iter = 2000 + DRAWS, warmup = 2000, seed = 20210525, refresh = 0, cores = 1
  )
}

summarised <- function(x) {
  part <- function(value, mcse) c(value, mcse)
  shown <- c(
    part(mean(x), mcse_mean(x)), part(sd(x), mcse_sd(x)),
    part(quantile(x, 0.025, names = FALSE), mcse_quantile(x, 0.025)[[1]]),
    part(quantile(x, 0.975, names = FALSE), mcse_quantile(x, 0.975)[[1]]),
    part(mean(x > 0), mcse_mean(x > 0)), rhat(x), min(ess_bulk(x), ess_tail(x))
  )
  names(shown) <- c("mean", "mean_mcse", "sd", "sd_mcse", "lower", "lower_mcse", "upper", "upper_mcse", "p_positive", "p_positive_mcse", "rhat", "ess")
  shown
}

answered <- function(question, draws) {
  s <- summary(question$grid, infer = c(TRUE, TRUE), adjust = "none")
  trend <- intersect(c("estimate", "emmean"), names(s))
  estimate <- if (length(trend)) s[[trend]] else s[[grep("\\.trend$", names(s), value = TRUE)]]
  drawn <- t(apply(question$weights, 1, function(w) {
    summarised(matrix(matrix(draws[, , colnames(question$weights)], ncol = ncol(question$weights)) %*% w, ncol = CHAINS))
  }))
  cbind(question$about, ols = estimate, se = s$SE, df = s$df, ols_lower = s$lower.CL, ols_upper = s$upper.CL, drawn)
}

# Where along a number an effect's 95 % interval ends at 0 (Johnson & Neyman 1936): the formula of interactions::johnson_neyman.
regions <- function(fit, formula, rows) {
  used <- setdiff(all.vars(formula), all.vars(formula)[1])
  numbers <- used[vapply(rows[used], is.numeric, NA)]
  out <- list()
  for (of in numbers) for (by in intersect(partners(formula, of), numbers)) {
    if (length(setdiff(partners(formula, of), numbers))) next
    w <- emtrends(fit, as.formula(paste("~", by)), var = of, at = setNames(list(c(0, 1)), by))@linfct
    out[[length(out) + 1]] <- data.frame(of = of, by = "", between = "", moderator = by, roots(fit, w[1, ], w[2, ] - w[1, ]))
  }
  for (by in setdiff(used, numbers)) for (along in intersect(partners(formula, by), numbers)) {
    if (length(setdiff(partners(formula, by), numbers))) next
    grid <- contrast(emmeans(fit, as.formula(paste("~", by, "*", along)), at = setNames(list(c(0, 1)), along)), "revpairwise", by = along)
    k <- nrow(grid@linfct) / 2
    for (i in seq_len(k))
      out[[length(out) + 1]] <- data.frame(of = "", by = by, between = revpairs(rows[[by]])[i], moderator = along, roots(fit, grid@linfct[i, ], grid@linfct[k + i, ] - grid@linfct[i, ]))
  }
  do.call(rbind, out)
}

roots <- function(fit, level, rise) {
  b <- coef(fit); V <- vcov(fit); t2 <- qt(0.975, df.residual(fit))^2
  q <- function(x, y) sum(x * b) * sum(y * b) - t2 * drop(x %*% V %*% y)
  found <- polyroot(c(q(level, level), 2 * q(level, rise), q(rise, rise)))
  real <- if (all(abs(Im(found)) < 1e-9)) sort(Re(found)) else c(NA, NA)
  data.frame(low = real[1], high = real[2])
}

cases <- fromJSON(here("own_cases.json"), simplifyVector = FALSE)$cases
tables <- list(); limits <- list()
for (case in cases) {
  formula <- as.formula(case$formula)
  rows <- prepared(case)
  fit <- lm(formula, rows)
  asked_for <- questions(fit, formula, rows)
  found <- regions(fit, formula, rows)
  if (!is.null(found)) limits[[case$data]] <- cbind(case = case$data, found)
  draws <- as.array(sampled(formula, rows))
  tables[[case$data]] <- cbind(case = case$data, do.call(rbind, lapply(asked_for, answered, draws = draws)))
  message(case$data, ": ", nrow(tables[[case$data]]), " answers")
}
digits <- function(table) { for (n in names(table)) if (is.numeric(table[[n]])) table[[n]] <- signif(table[[n]], 12); table }
write.csv(digits(do.call(rbind, tables)), here("r_own.csv"), quote = FALSE, row.names = FALSE, na = "")
write.csv(digits(do.call(rbind, limits)), here("r_own_regions.csv"), quote = FALSE, row.names = FALSE, na = "")
