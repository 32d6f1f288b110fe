# Writes data/*.csv from the R packages that carry them, and one simulated table. See data/README.md for the sources.
#
#   Rscript tests/reference/r_data.R

source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])), "r_common.R"))

keep <- function(name, rows) write.csv(rows, here("data", paste0(name, ".csv")), quote = FALSE, row.names = FALSE)

keep("cats", MASS::cats)
keep("gas", MASS::whiteside)
keep("toothgrowth", datasets::ToothGrowth)
keep("mtcars", datasets::mtcars[, c("mpg", "wt", "am")])
keep("fiber", emmeans::fiber)
keep("kidiq", rstanarm::kidiq[, c("kid_score", "mom_hs", "mom_iq")])

# Small and collinear on purpose: where priors matter, and where a slip in centring or scaling shows.
set.seed(20210525)
n <- 40
group <- rep(c("control", "case"), c(24, 16))
in_case <- group == "case"
stress <- rnorm(n) + 0.8 * in_case
worry <- 0.85 * stress + 0.4 * rnorm(n)
support <- 0.3 * stress + rnorm(n)
male <- rbinom(n, 1, ifelse(in_case, 0.75, 0.4))
outcome <- 0.4 * stress - 0.2 * worry + 0.1 * support + 0.5 * in_case * support + 0.3 * male + 0.7 * rnorm(n)
items <- sapply(1:6, function(j) pmin(5, pmax(1, round(3 + 0.8 * support + 0.9 * rnorm(n)))))
colnames(items) <- paste0("item_", 1:6)
rounded <- round(cbind(outcome, stress, worry, support), 3)
keep("moderated", data.frame(group, male, rounded, items))

# Textbook tables for r_own.R.
keep("iris", datasets::iris)
keep("warpbreaks", datasets::warpbreaks)
keep("birthwt", MASS::birthwt[, c("bwt", "lwt", "age", "race", "smoke")])
keep("swiss", cbind(province = gsub("[ ']", "_", rownames(swiss)), datasets::swiss))
keep("stackloss", datasets::stackloss)
keep("airquality", datasets::airquality[, c("Ozone", "Solar.R", "Wind", "Temp")])
keep("plantgrowth", datasets::PlantGrowth)
keep("chickwts", datasets::chickwts)
keep("co2", as.data.frame(datasets::CO2)[, c("Type", "Treatment", "conc", "uptake")])
keep("attitude", datasets::attitude)
