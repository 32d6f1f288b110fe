# Differences of differences by emmeans' interaction contrasts, of means and of slopes, in the columns' own units.
# Writes r_interactions.csv.
#
#   Rscript tests/reference/r_interactions.R
#
# R 4.2.2, emmeans 1.8.4.1.

source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])), "r_common.R"))
suppressPackageStartupMessages(library(emmeans))
emm_options(msg.interaction = FALSE, msg.nesting = FALSE)

CASES <- list(
  list(data = "warpbreaks", formula = breaks ~ wool * tension, groups = c("wool", "tension")),
  list(data = "birthwt", formula = bwt ~ smoke * race + age, groups = c("smoke", "race")),
  list(data = "birthwt", formula = bwt ~ smoke * race * lwt, groups = c("smoke", "race"), of = "lwt"),
  list(data = "co2", formula = uptake ~ Type * Treatment * conc, groups = c("Type", "Treatment"), of = "conc"),
  list(data = "co2", formula = uptake ~ Type * Treatment * conc, groups = c("Type", "Treatment", "conc"))
)

answers <- function(case) {
  rows <- rows_of(case$data)
  for (name in case$groups) rows[[name]] <- factor(rows[[name]])
  fitted <- lm(case$formula, rows)
  cells <- reformulate(paste(case$groups, collapse = " * "))
  means <- if (is.null(case$of)) emmeans(fitted, cells) else emtrends(fitted, cells, var = case$of)
  found <- as.data.frame(contrast(means, interaction = "pairwise"))
  pairs <- lapply(case$groups, function(name) paste0(name, ": ", found[[paste0(name, "_pairwise")]]))
  data.frame(
    case = case$data, formula = paste(deparse(case$formula), collapse = ""), groups = paste(case$groups, collapse = "|"),
    of = if (is.null(case$of)) "" else case$of, pairs = do.call(paste, c(pairs, sep = "|")),
    estimate = found$estimate, se = found$SE, df = found$df
  )
}

write.csv(do.call(rbind, lapply(CASES, answers)), here("r_interactions.csv"), row.names = FALSE)
