# What every script here does: read a data set of data/, and write its results beside the versions that made them.

suppressPackageStartupMessages(library(jsonlite))

here <- function(...) file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])), ...)

rows_of <- function(name) read.csv(here("data", paste0(name, ".csv")), stringsAsFactors = TRUE)

# The levels' order says which group is coded 1.
cats <- function() rows_of("cats")
gas <- function() transform(rows_of("gas"), Insul = factor(Insul, c("Before", "After")))
toothgrowth <- function() rows_of("toothgrowth")
moderated <- function() transform(rows_of("moderated"), group = factor(group, c("control", "case")))

write_reference <- function(name, content, packages) {
  made_by <- c(
    list(script = paste0(name, ".R"), R = R.version.string),
    lapply(setNames(packages, packages), function(p) as.character(packageVersion(p)))
  )
  text <- toJSON(c(list(made_by = made_by), content), auto_unbox = TRUE, digits = NA, pretty = 1, na = "null")
  writeLines(text, here(paste0(name, ".json")))
}
