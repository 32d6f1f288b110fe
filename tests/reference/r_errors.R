# Regressions on true scores by structural equations: each score is an indicator of its true score, with the error
# variance that a stated reliability leaves. Writes r_errors.csv.
#
#   Rscript tests/reference/r_errors.R
#
# R 4.2.2, lavaan 0.6.14.

source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])), "r_common.R"))
suppressPackageStartupMessages(library(lavaan))

CASES <- list(
  list(data = "attitude", outcome = "rating", of = "complaints", reliability = c(complaints = .8, learning = 1)),
  list(data = "attitude", outcome = "rating", of = "complaints", reliability = c(complaints = .8, learning = .7)),
  list(data = "attitude", outcome = "rating", of = "learning", reliability = c(complaints = .85, learning = .9, raises = .8)),
  list(data = "kidiq", outcome = "kid_score", of = "mom_iq", group = "mom_hs", reliability = c(mom_iq = .9)),
  list(data = "kidiq", outcome = "kid_score", of = "mom_iq", group = "mom_hs", reliability = c(mom_iq = .6)),
  list(data = "birthwt", outcome = "bwt", of = "lwt", group = "smoke", reliability = c(lwt = .7, age = 1)),
  list(data = "birthwt", outcome = "bwt", of = "lwt", group = "smoke", reliability = c(lwt = .8, age = .75))
)

# A reliability is of the whole sample, so its error is the same in both groups; lavaan's covariances have divisor n.
answers <- function(case) {
  rows <- rows_of(case$data)
  names <- names(case$reliability)
  if (!is.null(case$group)) rows <- rows[order(rows[[case$group]]), ] # lavaan takes groups in order of appearance
  n <- nrow(rows)
  errors <- function(x) rep((1 - case$reliability[[x]]) * var(rows[[x]]) * (n - 1) / n, if (is.null(case$group)) 1 else 2)
  measured <- sprintf(
    "t_%s =~ 1 * %s\n%s ~~ c(%s) * %s", names, names, names,
    sapply(names, function(x) paste(format(errors(x), digits = 15), collapse = ", ")), names
  )
  model <- c(measured, paste(case$outcome, "~", paste0("t_", names, collapse = " + ")))
  fitted <- sem(paste(model, collapse = "\n"), rows, group = case$group, meanstructure = TRUE)
  stopifnot(lavInspect(fitted, "converged"))
  found <- subset(parameterEstimates(fitted), op == "~" & rhs == paste0("t_", case$of))
  data.frame(
    data = case$data, outcome = case$outcome, group = if (is.null(case$group)) "" else case$group, of = case$of,
    reliability = paste(names, case$reliability, sep = "=", collapse = " "),
    estimate = if (nrow(found) == 2) diff(found$est) else found$est,
    se = sqrt(sum(found$se^2))
  )
}

write.csv(do.call(rbind, lapply(CASES, answers)), here("r_errors.csv"), row.names = FALSE)
