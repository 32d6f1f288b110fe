# Posteriors of Gaussian regressions by rstanarm (Stan's NUTS), summarised by posterior and bayestestR; evidences by
# bridgesampling, and by dense Gaussian algebra and stats::integrate. Nothing here shares code or method with the engine.
#
#   Rscript tests/reference/r_posterior.R
#
# Priors are those of the calls below: Normal on each coefficient, autoscaling off; Normal on the intercept, which
# rstanarm places, as the engine does, where every column of the design is at its mean.

source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])), "r_common.R"))
suppressPackageStartupMessages({library(rstanarm); library(posterior); library(bayestestR); library(bridgesampling)})

CHAINS <- 4
DRAWS <- 20000

sample_posterior <- function(spec, formula = spec$formula) {
  columns <- colnames(model.matrix(formula, spec$data))[-1]
  chosen <- match(columns, names(spec$prior))
  location <- vapply(spec$prior[chosen], `[`, 0, 1)
  scale <- vapply(spec$prior[chosen], `[`, 0, 2)
  stan_glm(
    formula, data = spec$data, family = gaussian(),
    prior = normal(unname(location), unname(scale), autoscale = FALSE),
    prior_intercept = normal(spec$intercept[1], spec$intercept[2], autoscale = FALSE),
    prior_aux = switch(spec$sigma[[1]],
      exponential = exponential(spec$sigma[[2]], autoscale = FALSE),
      half_normal = normal(0, spec$sigma[[2]], autoscale = FALSE),
      half_t = student_t(spec$sigma[[2]], 0, spec$sigma[[3]], autoscale = FALSE)
    ),
    chains = CHAINS, iter = 2000 + DRAWS, warmup = 2000, seed = 20210525, refresh = 0, cores = 1,
    diagnostic_file = file.path(tempdir(), "bridge.csv")
  )
}

# The limits of a highest-density interval converge with the cube root of the draws, so their error comes from batches.
hdi_limits <- function(x) {
  ends <- function(v) { h <- hdi(v, ci = 0.95); c(h$CI_low, h$CI_high) }
  batches <- matrix(as.numeric(x), ncol = 20)
  list(limits = ends(as.numeric(x)), mcse = apply(apply(batches, 2, ends), 1, sd) / 20^(1 / 3))
}

summarise <- function(x, rope_limits = NULL) {
  all <- as.numeric(x)
  q <- c(0.025, 0.25, 0.5, 0.9, 0.975)
  part <- function(value, mcse) list(value = value, mcse = mcse)
  h <- hdi_limits(x)
  out <- list(
    mean = part(mean(all), mcse_mean(x)), sd = part(sd(all), mcse_sd(x)),
    quantile = lapply(setNames(q, q), function(p) part(quantile(all, p, names = FALSE), mcse_quantile(x, p)[[1]])),
    p_positive = part(mean(all > 0), mcse_mean(x > 0)),
    p_direction = part(as.numeric(p_direction(all)), mcse_mean(x > 0)),
    hdi = list(low = part(h$limits[1], h$mcse[1]), high = part(h$limits[2], h$mcse[2])),
    rhat = rhat(x), ess_bulk = ess_bulk(x), ess_tail = ess_tail(x)
  )
  if (!is.null(rope_limits)) {
    inside <- rope(all, range = rope_limits, ci = 1)$ROPE_Percentage
    out$rope <- c(part(inside, mcse_mean(abs(x) <= rope_limits[2])), list(low = rope_limits[1], high = rope_limits[2]))
  }
  out
}

chains_of <- function(draws, name) matrix(draws[, , name], ncol = CHAINS)

posterior_of <- function(spec, fit) {
  draws <- as.array(fit)
  names_of <- setdiff(dimnames(draws)[[3]], "sigma")
  contrast <- function(weights) Reduce(`+`, Map(function(n, w) w * chains_of(draws, n), names(weights), weights))
  list(
    coefficients = sapply(names_of, function(n) summarise(chains_of(draws, n), spec$rope), simplify = FALSE),
    contrasts = lapply(spec$contrasts, function(w) c(list(weights = as.list(w)), summarise(contrast(w), spec$rope))),
    sigma = summarise(chains_of(draws, "sigma"))
  )
}

bridge <- function(fit) {
  b <- bridge_sampler(fit, silent = TRUE)
  list(value = b$logml, mcse = sqrt(error_measures(b)$re2))
}

# y given sigma is Gaussian with every coefficient integrated out; sigma by adaptive quadrature over its logarithm.
log_evidence <- function(spec, formula) {
  X <- scale(model.matrix(formula, spec$data)[, -1, drop = FALSE], scale = FALSE)
  y <- model.response(model.frame(formula, spec$data))
  chosen <- match(colnames(X), names(spec$prior))
  location <- vapply(spec$prior[chosen], `[`, 0, 1)
  variance <- vapply(spec$prior[chosen], `[`, 0, 2)^2
  residual <- y - spec$intercept[1] - drop(X %*% location)
  fixed <- X %*% (variance * t(X)) + spec$intercept[2]^2
  log_prior <- function(s) switch(spec$sigma[[1]],
    exponential = dexp(s, spec$sigma[[2]], log = TRUE),
    half_normal = log(2) + dnorm(s, 0, spec$sigma[[2]], log = TRUE),
    half_t = log(2) + dt(s / spec$sigma[[3]], spec$sigma[[2]], log = TRUE) - log(spec$sigma[[3]])
  )
  log_joint <- Vectorize(function(log_s) {
    root <- chol(fixed + diag(exp(2 * log_s), length(y)))
    z <- backsolve(root, residual, transpose = TRUE)
    -sum(z^2) / 2 - sum(log(diag(root))) - length(y) * log(2 * pi) / 2 + log_prior(exp(log_s)) + log_s
  })
  middle <- optimize(log_joint, log(sd(y)) + c(-3, 2), maximum = TRUE)
  width <- 8 / sqrt(2 * length(y)) + 0.5
  area <- integrate(
    function(l) exp(log_joint(l) - middle$objective), middle$maximum - width, middle$maximum + width,
    rel.tol = 1e-11, subdivisions = 500
  )
  middle$objective + log(area$value)
}

reference <- function(spec) {
  fit <- sample_posterior(spec)
  full <- bridge(fit) # before the next fit writes over the diagnostic file
  without <- update(spec$formula, paste(". ~ . -", spec$focal))
  smaller <- sample_posterior(spec, without)
  c(
    list(
      data = spec$name, formula = deparse(spec$formula, width.cutoff = 200),
      priors = list(
        coefficients = lapply(spec$prior, function(p) list(mean = p[1], sd = p[2])),
        intercept = list(mean = spec$intercept[1], sd = spec$intercept[2]), sigma = spec$sigma
      )
    ),
    posterior_of(spec, fit),
    list(
      log_evidence = list(quadrature = log_evidence(spec, spec$formula), bridge = full),
      without = list(
        term = spec$focal,
        log_evidence = list(quadrature = log_evidence(spec, without), bridge = bridge(smaller))
      )
    )
  )
}

# rstanarm's own default priors on the data of its vignette, and how many effective draws the vignette's run will have
# had: its printed digits carry that run's Monte Carlo error.
vignette <- function() {
  d <- rows_of("kidiq")
  fit <- stan_glm(kid_score ~ mom_hs * mom_iq, data = d, seed = 12345, refresh = 0, cores = 1)
  p <- prior_summary(fit)
  draws <- as.array(fit)
  list(
    priors = list(
      names = colnames(model.matrix(fit))[-1], sd = p$prior$adjusted_scale, mean = p$prior$location,
      intercept = list(mean = p$prior_intercept$location, sd = p$prior_intercept$adjusted_scale),
      sigma = list("exponential", 1 / p$prior_aux$adjusted_scale)
    ),
    median = as.list(apply(draws, 3, median)), mad_sd = as.list(apply(draws, 3, mad)),
    ess = as.list(apply(draws, 3, function(x) min(ess_bulk(x), ess_tail(x))))
  )
}

specs <- list(
  list(
    name = "cats", data = cats(), formula = Hwt ~ Bwt * Sex, focal = "Bwt:Sex",
    prior = list(Bwt = c(4, 2), SexM = c(0, 3), "Bwt:SexM" = c(0, 2)),
    intercept = c(10, 5), sigma = list("exponential", 1), rope = c(-0.5, 0.5),
    contrasts = list(slope_F = c(Bwt = 1), slope_M = c(Bwt = 1, "Bwt:SexM" = 1))
  ),
  list(
    name = "toothgrowth", data = toothgrowth(), formula = len ~ supp * dose, focal = "supp:dose",
    prior = list(suppVC = c(0, 5), dose = c(5, 5), "suppVC:dose" = c(1, 1)),
    intercept = c(20, 10), sigma = list("half_normal", 5), rope = c(-1, 1),
    contrasts = list(slope_OJ = c(dose = 1), slope_VC = c(dose = 1, "suppVC:dose" = 1))
  ),
  list(
    name = "moderated", data = moderated(), formula = outcome ~ male + group * (stress + worry + support),
    focal = "group:support",
    prior = list(
      male = c(0, 1), groupcase = c(0, 1), stress = c(0, 0.5), worry = c(0, 0.5), support = c(0, 0.5),
      "groupcase:stress" = c(0, 0.25), "groupcase:worry" = c(0, 0.25), "groupcase:support" = c(0, 0.25)
    ),
    intercept = c(0, 1), sigma = list("half_t", 4, 1), rope = c(-0.1, 0.1),
    contrasts = list(
      support_in_case = c(support = 1, "groupcase:support" = 1),
      stress_minus_worry = c(stress = 1, worry = -1)
    )
  )
)

write_reference("r_posterior", list(
  chains = CHAINS, draws_per_chain = DRAWS,
  cases = lapply(specs, reference),
  vignette = vignette()
), c("rstanarm", "rstan", "posterior", "bayestestR", "bridgesampling"))
