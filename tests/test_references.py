"""Other people's software and printed tables against ours; where every number comes from is in reference/README.md."""

import json
import tomllib
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import optimize
from scipy import stats as st
from tests.study.labelled import compare_groups, correlations, regress, simple_slopes

from hikibayes.inference.gaussian.exact import posterior
from hikibayes.inference.gaussian.normal_priors import Exponential, FlatPrior, HalfNormal, HalfStudentT, NormalPriors
from hikibayes.inference.gaussian.sufficient import SufficientStatistics

REFERENCE = Path(__file__).parent / "reference"


def load(name):
    return json.loads((REFERENCE / f"{name}.json").read_text(encoding="utf-8"))


REGRESSION, SAMPLED, POWER = load("r_regression"), load("r_posterior"), load("r_power")
PUBLISHED = tomllib.loads((REFERENCE / "published.toml").read_text(encoding="utf-8"))

# group, its levels (the second is coded 1), focal measure, outcome, categories, further measures
LEAST_SQUARES = {
    "cats": ("Sex", ["F", "M"], "Bwt", "Hwt", {}, []),
    "gas": ("Insul", ["Before", "After"], "Temp", "Gas", {}, []),
    "toothgrowth": ("supp", ["OJ", "VC"], "dose", "len", {}, []),
    "moderated": (
        "group", ["control", "case"], "support", "outcome", {"male": "category"}, ["stress", "worry"],
    ),
}  # fmt: skip

SIGMA_PRIORS = {
    "exponential": lambda rate: Exponential(lam=rate),
    "half_normal": lambda scale: HalfNormal(scale=scale),
    "half_t": lambda nu, scale: HalfStudentT(nu=nu, scale=scale),
}


def table(name, rows=None):
    return pd.read_csv(REFERENCE / "data" / f"{name}.csv").iloc[:rows]


def column(data, term):
    """A column of R's model matrix by R's name for it: ``dose``, ``suppVC``, ``suppVC:dose``."""
    if ":" in term:
        return np.prod([column(data, part) for part in term.split(":")], axis=0)
    if term in data:
        return data[term].to_numpy(dtype=float)
    factor = next(name for name in data if term.startswith(name))
    return (data[factor].astype(str) == term.removeprefix(factor)).to_numpy(dtype=float)


def statistics(data, outcome, terms):
    X = np.column_stack([column(data, term) for term in terms])
    return SufficientStatistics.from_rows(X, data[outcome], terms)


class Printed:
    """A printed number: agrees with whatever rounds to its digits."""

    def __init__(self, text):
        self.value, self.half_unit = float(text), 0.5 * 10.0 ** Decimal(text).as_tuple().exponent

    def __eq__(self, other):
        return abs(other - self.value) <= self.half_unit * (1 + 1e-9)

    def __repr__(self):
        return f"{self.value} ± {self.half_unit}"

    __hash__ = None


def group_moments(data, group, levels, kinds):
    """Moments of the numeric columns in each group, as `hikibayes.study.moments` describes them."""
    names = list(kinds)
    parts = [data.loc[data[group].astype(str) == level, names] for level in levels]
    return xr.Dataset(
        {
            "n": ("group", [len(part) for part in parts]),
            "mean": (("group", "measure"), np.stack([part.mean() for part in parts])),
            "cov": (("group", "measure", "measure_2"), np.stack([part.cov() for part in parts])),
        },
        coords={
            "group": levels, "measure": names, "measure_2": names, "kind": ("measure", list(kinds.values())),
        },
    )  # fmt: skip


class TestLeastSquaresOfR:
    """`lm`, `car::vif`, `emmeans::emtrends` and `t.test` against the group moments, without the rows."""

    @pytest.fixture(params=LEAST_SQUARES)
    def case(self, request):
        group, levels, focal, outcome, categories, others = LEAST_SQUARES[request.param]
        kinds = {**categories, **dict.fromkeys([*others, focal, outcome], "number")}
        self.group, self.levels, self.focal, self.outcome = group, levels, focal, outcome
        self.moments = group_moments(table(request.param), group, levels, kinds)
        products = [f"{group}:{name}" for name in [*others, focal]]
        self.terms = [*categories, group, *others, focal, *products]
        return REGRESSION["cases"][request.param]

    def ours(self, name):
        return name.replace(f"{self.group}{self.levels[1]}", self.group)

    def fit(self, products):
        return regress(self.moments, self.outcome, self.terms, group=self.group, products=products)

    def test_coefficients(self, case):
        fit = self.fit("raw")
        wanted = {self.ours(name): row for name, row in case["lm"]["terms"].items() if name != "(Intercept)"}
        assert set(wanted) == set(self.terms)
        for term, row in wanted.items():
            found = fit.coefficient.sel(term=term), fit.se.sel(term=term), fit.t.sel(term=term), fit.p.sel(term=term)
            assert [float(v) for v in found] == pytest.approx(list(row.values()), rel=1e-8), term

    def test_standardised_coefficients(self, case):
        fit = self.fit("z")
        for name, row in case["lm_standardised"]["terms"].items():
            if name == "(Intercept)":
                continue
            found = fit.standardised.sel(term=self.ours(name)), fit.standardised_se.sel(term=self.ours(name))
            assert [float(v) for v in found] == pytest.approx([row["estimate"], row["se"]], rel=1e-8), name

    def test_fit_as_a_whole(self, case):
        fit = self.fit("raw")
        for name in ("r2", "adjusted_r2", "f", "f_p", "residual_sd"):
            assert float(getattr(fit, name)) == pytest.approx(case["lm"][name], rel=1e-8), name
        assert fit.df == case["lm"]["df"]

    def test_variance_inflation(self, case):
        vif = self.fit("raw").vif
        for name, wanted in case["vif"].items():
            assert float(vif.sel(term=self.ours(name))) == pytest.approx(wanted, rel=1e-8), name

    def test_simple_slopes(self, case):
        slopes = simple_slopes(self.moments, self.focal, self.outcome, self.terms, group=self.group)
        assert set(case["slopes"]["groups"]) == set(self.levels)
        for level, wanted in case["slopes"]["groups"].items():
            for name in ("slope", "se", "t", "p"):
                assert float(slopes[name].sel(group=level)) == pytest.approx(wanted[name], rel=1e-8), (level, name)

    def test_difference_of_slopes(self, case):
        fit, wanted = self.fit("raw"), case["slopes"]["difference"]
        product = {"term": f"{self.group}:{self.focal}"}
        found = [float(v.sel(product)) for v in (fit.coefficient, fit.se, fit.t, fit.p)]
        assert found == pytest.approx([wanted[name] for name in ("slope", "se", "t", "p")], rel=1e-8)
        assert fit.df == wanted["df"]

    @pytest.mark.parametrize("test", ["welch", "student"])
    def test_groups_compared(self, case, test):
        found = compare_groups(self.moments, self.outcome, (self.levels[1], self.levels[0]), test=test)
        assert float(found["difference"]) == pytest.approx(case["outcome_by_group"]["difference"], rel=1e-8)
        for name, wanted in case["outcome_by_group"][test].items():
            assert float(found[name]) == pytest.approx(wanted, rel=1e-8), name

    def test_correlation(self, case):
        found = correlations(self.moments).sel(measure=self.focal, measure_2=self.outcome)
        assert float(found) == pytest.approx(case["correlation"], rel=1e-10)


class TestPosteriorOfRstanarm:
    """Long runs of `rstanarm::stan_glm`, summarised by posterior and bayestestR, against the exact engine."""

    @pytest.fixture(params=SAMPLED["cases"], ids=lambda case: case["data"])
    def case(self, request):
        return request.param

    @classmethod
    def fit(cls, case, leave_out=()):
        """Fit by the exact engine; `leave_out` names columns of R's model matrix."""
        data, outcome = table(case["data"]), case["formula"].split(" ~ ")[0]
        spec = {name: p for name, p in case["priors"]["coefficients"].items() if name not in leave_out}
        kind, *parameters = case["priors"]["sigma"]
        priors = NormalPriors(
            names=tuple(spec),
            mean=[p["mean"] for p in spec.values()],
            sd=[p["sd"] for p in spec.values()],
            intercept_mean=case["priors"]["intercept"]["mean"],
            intercept_sd=case["priors"]["intercept"]["sd"],
            sigma=SIGMA_PRIORS[kind](*parameters),
        )
        return posterior(statistics(data, outcome, list(spec)), priors, nodes=21)

    @classmethod
    def marginals(cls, case, fitted):
        """Yield each sampled quantity's name, its exact marginal and its sampled summaries."""
        for name, sampled in case["coefficients"].items():
            if name == "(Intercept)":
                yield name, fitted.marginal(-fitted.stats.x_mean, intercept=1.0), sampled
            else:
                yield name, fitted.marginal([name]), sampled
        for name, sampled in case["contrasts"].items():
            yield name, fitted.marginal({name: sampled["weights"]}), sampled

    @staticmethod
    def z(found, sampled):
        """Distance in Monte Carlo errors; a share of 0 or 1 among the draws has the error of one draw."""
        draws = SAMPLED["chains"] * SAMPLED["draws_per_chain"]
        return (np.ravel(found)[0] - sampled["value"]) / max(sampled["mcse"] or 0.0, 1 / draws)

    @classmethod
    def all_z(cls, case):
        fitted = cls.fit(case)
        scores = {}
        for name, m, sampled in cls.marginals(case, fitted):
            scores[name, "mean"] = cls.z(m.mean(), sampled["mean"])
            scores[name, "sd"] = cls.z(m.sd(), sampled["sd"])
            scores[name, "P(>0)"] = cls.z(m.p_positive(), sampled["p_positive"])
            direction = np.maximum(m.p_positive(), 1 - m.p_positive())
            scores[name, "p_direction"] = cls.z(direction, sampled["p_direction"])
            rope = sampled["rope"]
            scores[name, "rope"] = cls.z(m.probability(rope["low"], rope["high"]), rope)
            for limit, side in zip(m.hdi(0.95), ("low", "high"), strict=True):
                scores[name, f"hdi {side}"] = cls.z(limit, sampled["hdi"][side])
            for q, value in sampled["quantile"].items():
                scores[name, f"q{q}"] = cls.z(m.quantile(float(q)), value)
        sigma, sampled = fitted.sigma(), case["sigma"]
        scores["sigma", "mean"] = cls.z(sigma.mean(), sampled["mean"])
        scores["sigma", "sd"] = cls.z(sigma.sd(), sampled["sd"])
        for q, value in sampled["quantile"].items():
            scores["sigma", f"q{q}"] = cls.z(sigma.quantile(float(q)), value)
        return scores

    def test_within_four_monte_carlo_errors(self, case):
        scores = self.all_z(case)
        assert len(scores) >= 12 * len(case["coefficients"])
        assert {key: z for key, z in scores.items() if not abs(z) < 4} == {}

    def test_distances_are_those_of_chance(self):
        """Four errors would hide a bias of two everywhere: the distances as a whole must look like noise."""
        every = [self.all_z(case) for case in SAMPLED["cases"]]
        scores = np.array([z for scores in every for (_, summary), z in scores.items() if "hdi" not in summary])
        assert 0.6 < np.sqrt(np.mean(scores**2)) < 1.3

    def test_the_sampler_was_sound(self, case):
        every = [*case["coefficients"].values(), *case["contrasts"].values(), case["sigma"]]
        assert max(s["rhat"] for s in every) < 1.001
        assert min(min(s["ess_bulk"], s["ess_tail"]) for s in every) > 10_000

    def test_evidence_by_dense_algebra_in_r(self, case):
        assert self.fit(case).log_evidence[0] == pytest.approx(case["log_evidence"]["quadrature"], abs=1e-9)

    def test_bayes_factor_is_the_ratio_of_evidences_in_r(self, case):
        focal = list(case["priors"]["coefficients"])[-1]
        with_it, without = case["log_evidence"], case["without"]["log_evidence"]
        wanted = with_it["quadrature"] - without["quadrature"]
        fitted = self.fit(case)
        assert fitted.marginal([focal]).log_bf10()[0, 0] == pytest.approx(wanted, abs=1e-9)
        refitted = fitted.log_evidence - self.fit(case, leave_out=[focal]).log_evidence
        assert refitted[0] == pytest.approx(wanted, abs=1e-9)

    def test_bayes_factor_of_bridgesampling(self, case):
        focal = list(case["priors"]["coefficients"])[-1]
        with_it, without = case["log_evidence"]["bridge"], case["without"]["log_evidence"]["bridge"]
        sampled = {
            "value": with_it["value"] - without["value"],
            "mcse": np.hypot(with_it["mcse"], without["mcse"]),
        }
        assert sampled["mcse"] < 0.005
        assert abs(self.z(self.fit(case).marginal([focal]).log_bf10(), sampled)) < 4


class TestPublishedInteractions:
    """Printed tables, refitted to their digits by the exact engine under a flat prior and from group moments."""

    @pytest.fixture(params=PUBLISHED["published"], ids=lambda study: study["id"])
    def study(self, request):
        return request.param

    @staticmethod
    def columns(study):
        group, moderator = study["group"], study["moderator"]
        dummies = [f"{group['column']}{level}" for level in group["levels"][1:]]
        return dummies, moderator, [f"{dummy}:{moderator}" for dummy in dummies]

    @classmethod
    def fit(cls, study, priors=None):
        data = table(study["data"], study.get("rows"))
        dummies, moderator, products = cls.columns(study)
        return posterior(statistics(data, study["outcome"], [*dummies, moderator, *products]), priors or FlatPrior())

    @classmethod
    def marginals(cls, study, fitted):
        (group,), moderator, (product,) = cls.columns(study)
        return {
            "intercept": fitted.marginal(-fitted.stats.x_mean, intercept=1.0),
            "group": fitted.marginal([group]),
            "moderator": fitted.marginal([moderator]),
            "product": fitted.marginal([product]),
        }

    @staticmethod
    def standard_error(marginal, df):
        """Standard error whose t interval is this posterior's 95 % interval."""
        lower, upper = marginal.eti(0.95)
        return (upper - lower)[0, 0] / (2 * st.t(df).ppf(0.975))

    def test_exact_engine(self, study):
        fitted = self.fit(study)
        df = fitted.stats.n[0] - 4
        for term, m in self.marginals(study, fitted).items():
            estimate, *se = study["coefficients"][term]
            assert Printed(estimate) == m.mean()[0, 0]
            assert [Printed(text) for text in se] == [self.standard_error(m, df)][: len(se)]
            if term in study.get("t", {}):
                assert Printed(study["t"][term]) == m.mean()[0, 0] / self.standard_error(m, df)
            if term in study.get("p", {}):
                p = m.p_positive()[0, 0]
                assert Printed(study["p"][term]) == 2 * min(p, 1 - p)

    def test_group_moments(self, study):
        data, group, moderator = table(study["data"], study.get("rows")), study["group"], study["moderator"]
        moments = group_moments(
            data, group["column"], group["levels"], dict.fromkeys([moderator, study["outcome"]], "number")
        )
        name = group["column"]
        terms = {"group": name, "moderator": moderator, "product": f"{name}:{moderator}"}
        fit = regress(moments, study["outcome"], list(terms.values()), group=name, products="raw")
        for term, ours in terms.items():
            found = fit.coefficient.sel(term=ours), fit.se.sel(term=ours)
            printed = [Printed(text) for text in study["coefficients"][term]]
            assert printed == [float(v) for v in found][: len(printed)]
        for quantity, text in study.get("overall", {}).items():
            assert Printed(text) == float(getattr(fit, quantity)), quantity
        slopes = simple_slopes(moments, moderator, study["outcome"], list(terms.values()), group=name)
        for level, (text,) in study.get("slopes", {}).items():
            assert Printed(text) == float(slopes["slope"].sel(group=level)), level

    @pytest.mark.parametrize("study", PUBLISHED["three_groups"], ids=lambda study: study["id"])
    def test_three_groups(self, study):
        fitted = self.fit(study)
        df = int(study["df"])
        _, moderator, products = self.columns(study)
        levels = study["group"]["levels"]
        weights = {levels[0]: {moderator: 1.0}}
        weights |= {level: {moderator: 1.0, name: 1.0} for level, name in zip(levels[1:], products, strict=True)}
        for level, (slope, se, lower, upper) in study["slopes"].items():
            m = fitted.marginal({level: weights[level]})
            found = [m.mean(), self.standard_error(m, df), *m.eti(0.95)]
            assert [Printed(text) for text in (slope, se, lower, upper)] == [np.ravel(v)[0] for v in found]
        for pair, (estimate, se, t) in study["differences"].items():
            first, second = (weights[level] for level in pair.split(" - "))
            gap = {name: first.get(name, 0.0) - second.get(name, 0.0) for name in {*first, *second}}
            m = fitted.marginal({pair: gap})
            mean, error = m.mean()[0, 0], self.standard_error(m, df)
            assert [Printed(text) for text in (estimate, se, t)] == [mean, error, mean / error]

    @pytest.mark.parametrize("study", PUBLISHED["bayesian"], ids=lambda study: study["id"])
    def test_a_printed_posterior(self, study):
        """rstanarm's vignette: default priors, medians and MAD sds of a run of 4,000 draws."""
        spec = SAMPLED["vignette"]
        (kind, rate), intercept = spec["priors"]["sigma"], spec["priors"]["intercept"]
        assert kind == "exponential"
        dummies, moderator, products = self.columns(study)
        data = table(study["data"])
        numbered = data.assign(**{study["group"]["column"]: data[study["group"]["column"]].astype(str)})
        priors = NormalPriors(
            names=(*dummies, moderator, *products), mean=spec["priors"]["mean"], sd=spec["priors"]["sd"],
            intercept_mean=intercept["mean"][0], intercept_sd=intercept["sd"], sigma=Exponential(lam=rate),
        )  # fmt: skip
        fitted = posterior(statistics(numbered, study["outcome"], list(priors.names)), priors)
        quantities = {**self.marginals(study, fitted), "sigma": fitted.sigma()}
        draws = min(spec["ess"].values())
        for name, (median, mad) in study["median_and_mad_sd"].items():
            found, sd = quantities[name], float(np.ravel(quantities[name].sd())[0])
            centre = float(np.ravel(found.quantile(0.5))[0])
            # Of a normal, the median and the MAD sd of D draws have errors sd √(π / 2D) and 1.17 sd / √D.
            for printed, value, error in [
                (Printed(median), centre, sd * np.sqrt(np.pi / (2 * draws))),
                (Printed(mad), self.mad_sd(found, centre, sd), 1.17 * sd / np.sqrt(draws)),
            ]:
                assert abs(value - printed.value) <= printed.half_unit + 4 * error, name

    @staticmethod
    def mad_sd(marginal, centre, sd):
        def inside(radius):
            low, high = (np.ravel(marginal.cdf(np.array([[centre + side * radius]])))[0] for side in (-1, 1))
            return high - low - 0.5

        return 1.4826 * optimize.brentq(inside, 0.01 * sd, 3 * sd)


class TestPowerInClosedForm:
    """Noncentral t and chi-squared of R against many exact posteriors of one fixed design."""

    REPLICATES = 20_000

    @pytest.mark.parametrize(
        "design",
        # An inflated variance stands for further predictors, which this fixed design has not.
        [design for design in POWER["slope_differences"] if design["inflation"] == 1],
        ids=lambda d: f"n={d['n_per_group']} df={d['df']} difference={d['difference']}",
    )
    def test_slope_difference(self, design):
        m = self.posteriors(design).marginal(["group:moderator"])
        lower, upper = (limit[:, 0] for limit in m.eti(0.95))
        claims = {
            "excludes_zero": (lower > 0) | (upper < 0),
            "above_zero": lower > 0,
            "p_positive_above_95": m.p_positive()[:, 0] > 0.95,
            **{f"width_below_{w}": upper - lower < float(w) for w in ("0.35", "0.40", "0.50")},
        }
        for name, made in claims.items():
            wanted = design[name]
            error = np.sqrt(max(wanted * (1 - wanted), 1 / self.REPLICATES) / self.REPLICATES)
            assert made.mean() == pytest.approx(wanted, abs=4 * error), name
        width = upper - lower
        error = width.std() / np.sqrt(self.REPLICATES)
        assert width.mean() == pytest.approx(design["expected_width"], abs=4 * error)

    def posteriors(self, design):
        """Draw the sufficient statistics of outcomes in a fixed design, and fit them all under a flat prior."""
        n, variance = design["n_per_group"], design["residual_variance"]
        rng = np.random.default_rng([20210525, n])
        moderator = np.tile(st.zscore(np.arange(n), ddof=1), 2)
        group = np.repeat([0.0, 1.0], n)
        X = np.column_stack([group, moderator, group * moderator])
        slopes = np.array([0.3, 0.1, design["difference"]])
        sxx = np.cov(X, rowvar=False) * (2 * n - 1)
        noise = rng.normal(size=(self.REPLICATES, 3)) @ np.linalg.cholesky(sxx).T
        sxy = slopes @ sxx + np.sqrt(variance) * noise
        explained = np.einsum("bi,ij,bj->b", sxy, np.linalg.inv(sxx), sxy)
        stats = SufficientStatistics(
            names=("group", "moderator", "group:moderator"),
            n=np.full(self.REPLICATES, 2 * n),
            x_mean=np.broadcast_to(X.mean(0), (self.REPLICATES, 3)),
            y_mean=X.mean(0) @ slopes + np.sqrt(variance / (2 * n)) * rng.normal(size=self.REPLICATES),
            sxx=np.broadcast_to(sxx, (self.REPLICATES, 3, 3)),
            sxy=sxy,
            syy=explained + variance * rng.chisquare(design["df"], size=self.REPLICATES),
        )
        return posterior(stats, FlatPrior())
