"""The reporting checklist: the points of BARG and WAMBS, each answered from the run itself or marked open.

References
----------
.. [1] Kruschke J. K. (2021). Bayesian analysis reporting guidelines. Nature Human Behaviour 5, 1282-1291.
   https://doi.org/10.1038/s41562-021-01177-7
.. [2] Depaoli S., van de Schoot R. (2017). Improving transparency and replication in Bayesian statistics: the
   WAMBS-checklist. Psychological Methods 22(2), 240-261. https://doi.org/10.1037/met0000065
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .... import apa
from ...findings import Findings
from ...topic import Topic
from ..checks import engines, model_checks
from ..sensitivity import sensitivity


class Open(str):
    """What is missing where a point stays open."""


class Point(NamedTuple):
    """A point of a checklist, and how it is answered."""

    number: str
    point: str
    answer: str | Callable[[Findings], str]
    anchor: str = ""

    def answered(self, f: Findings) -> dict[str, Any]:
        """Return what the page shows of it."""
        said = self.answer if isinstance(self.answer, str) else self.answer(f)
        return {**self._asdict(), "answer": said, "open": isinstance(said, Open)}


def checklist(f: Findings) -> dict[str, Any]:
    """Return both checklists, point by point."""
    lists = {
        "Bayesian analysis reporting guidelines (BARG; Kruschke, 2021)": [point.answered(f) for point in BARG],
        "WAMBS checklist (Depaoli & van de Schoot, 2017)": [point.answered(f) for point in WAMBS],
    }
    points = [point for each in lists.values() for point in each]
    return {"lists": lists, "answered": sum(not point["open"] for point in points), "total": len(points)}


NO_NUTS = Open("NUTS was left out of this run (--fast).")


def _convergence(f: Findings) -> str:
    """Return the answer about R-hat and divergences, or why there is none."""
    found = engines(f)
    if not found["nuts"]:
        return NO_NUTS
    words = "; ".join(f"{row['title']} {apa.number(row['value'], 3)}" for row in found["worst"][:1])
    divergent = next((row for row in found["worst"] if row["title"] == "Divergences"), None)
    count = f"; divergences: {divergent['value']:.0f}" if divergent else ""
    return f"{words} over every parameter and derived quantity{count}."


def _resolution(f: Findings) -> str:
    found = engines(f)
    if not found["nuts"]:
        return NO_NUTS
    ess = [f"{row['title']} {row['value']:.0f}" for row in found["worst"] if "ESS" in row["title"]]
    return f"{'; '.join(ess)}; Monte Carlo errors stand in estimates.csv."


def _estimate(f: Findings) -> str:
    row = f.main
    value = apa.value(row["mean"], row["unit"])
    return f"{value}, {f.ci:.0%} interval {apa.interval(row['lower'], row['upper'], row['unit'])}"


def _predictive(f: Findings) -> str:
    if not f.has("posterior_predictive", "posterior_statistics"):
        return Open("No posterior predictive check in this run.")
    extreme = model_checks(f)["extreme"]
    seen = (
        f"{len(extreme)} of the statistics lie outside 95 % of their replicates"
        if extreme
        else "no statistic stands out"
    )
    return f"By group, on the bounded scale: {seen}."


def _variants(f: Findings, *names: str) -> str:
    rows = {row["prior"]: row for row in sensitivity(f)["rows"]}
    found = [
        f"{name.replace('_', ' ')}: {apa.value(rows[name]['mean'], f.main['unit'])} "
        f"{apa.interval(rows[name]['lower'], rows[name]['upper'], f.main['unit'])}"
        for name in names
        if name in rows
    ]
    return "; ".join(found) or Open("The model has no such variant.")


def _factors(f: Findings) -> str:
    found = sensitivity(f)
    if not found["curve"]:
        return Open("The estimand is no single coefficient, so there is no curve over a prior's width.")
    return (
        f"BF₁₀ {apa.bayes_factor(found['own'])} at the model's prior SD of {apa.bounded(found['own_sd'])}, at most "
        f"{apa.bayes_factor(found['peak'])} (prior SD {apa.bounded(found['peak_sd'])}), "
        f"{apa.bayes_factor(found['widest'])} at {apa.bounded(found['widest_sd'])}."
    )


def _bf(f: Findings) -> str:
    row = f.main
    return f"BF₁₀ {apa.bayes_factor(row['bf10'])} against 0, median over the data sets, with its prior."


def _before_data(f: Findings) -> str:
    return "SD, R² and share outside the scale under each prior." if f.has("prior_predictive") else Open("Not run.")


def _flat(f: Findings) -> str:
    return _variants(f, "weakly_informative", "flat")


def _stable(f: Findings) -> str:
    rows = sensitivity(f)["rows"]
    p = [row["p_positive"] for row in rows]
    return f"Over {len(rows)} priors, P(> 0) runs from {apa.probability(min(p))} to {apa.probability(max(p))}."


def _doubling(f: Findings) -> str:
    twice = Open("Chains were not run for twice as long; the exact engine needs no chains and agrees with them.")
    return twice if f.nuts_datasets else NO_NUTS


def _versions(f: Findings) -> str:
    kept = {
        name: f.run.record.versions[name]
        for name in ("hikibayes", "pymc", "bambi", "nutpie", "arviz", "numpy")
        if name in f.run.record.versions
    }
    return ", ".join(f"{name} {version}" for name, version in kept.items()) + "."


BARG = (
    Point(
        "A",
        "Why Bayesian",
        "Probabilities of the sizes that matter, and one account of what the data and what the record leave open.",
        "summary",
    ),
    Point("B", "Goals", lambda f: f"To estimate, with its uncertainty: {f.main['meaning']}.", "summary"),
    Point("1A", "Data variables", "Units, coding, reference group, direction of the outcome.", "data"),
    Point("1B", "Likelihood and parameters", "Gaussian regression, written out.", "priors"),
    Point("1C", "Priors justified", "Each with its reason.", "priors"),
    Point("1D", "Formal specification", "The model's file is models.json beside this report.", "priors"),
    Point("1E", "Prior predictive check", _before_data, "priors"),
    Point("2A", "Software", _versions, "reproduction"),
    Point("2B", "Convergence of chains", _convergence, "engines"),
    Point("2C", "Resolution of chains", _resolution, "engines"),
    Point("2D", "If not MCMC", "The exact engine: quadrature over σ, held against NUTS and finer nodes.", "engines"),
    Point("3A", "Posterior predictive check", _predictive, "model_checks"),
    Point("3B", "Posterior summarised", lambda f: f"{f.main['name']}: {_estimate(f)}.", "published"),
    Point("3C", "Bayes factors", _bf, "published"),
    Point("4A", "Why decide", "No decision is taken; probabilities are reported beside estimates."),
    Point("4B", "Loss function", Open("No decision, so no loss function.")),
    Point("4C", "ROPE limits", lambda f: f"±{apa.bounded(f.rope)} in standardised units, a convention.", "published"),
    Point("4D", "Thresholds", "None is applied."),
    Point(
        "4E", "Estimates beside decisions", "Every probability stands beside its estimate and interval.", "published"
    ),
    Point("5A", "Broad priors", lambda f: _variants(f, "flat", "bambi_default"), "sensitivity"),
    Point("5B", "Informed priors", lambda f: _variants(f, "sceptical", "enthusiastic"), "sensitivity"),
    Point("5C", "Default priors", lambda f: _variants(f, "bambi_default"), "sensitivity"),
    Point("5D", "Bayes factors over priors", _factors, "sensitivity"),
    Point("5E", "Decisions over priors", Open("No decision is taken.")),
    Point("6A", "Software and installation", "Versions and the command stand in this report.", "reproduction"),
    Point("6B", "Script and data", "One command; the record, models and tables lie beside the report.", "reproduction"),
    Point("6C", "Readable", "Column names are documented; every table is CSV.", "reproduction"),
    Point("6D", "Auxiliary files", "run.json holds the digests of all inputs and outputs.", "reproduction"),
    Point("6E", "Runs as posted", Open("Run `hikibayes replay` on this folder to find out."), "reproduction"),
    Point(
        "6F", "Reproducible chains", "Seeds are recorded; the same machine type gives the same draws.", "reproduction"
    ),
)

WAMBS = (
    Point("1", "Are the priors understood?", "Each is written out with its reason, and simulated from.", "priors"),
    Point("2", "Do the chains converge?", _convergence, "engines"),
    Point("3", "Still after twice as many iterations?", _doubling, "engines"),
    Point("4", "Is the posterior resolved well enough?", _resolution, "engines"),
    Point("5", "Is autocorrelation low?", _resolution, "engines"),
    Point("6", "Do the posteriors make sense?", _predictive, "model_checks"),
    Point("7", "Multivariate variance priors", Open("The models have none.")),
    Point(
        "8",
        "What do the priors do, against a flat one?",
        lambda f: _variants(f, "weakly_informative", "flat"),
        "sensitivity",
    ),
    Point("9", "Are the results stable over priors?", _stable, "sensitivity"),
    Point(
        "10",
        "Is the wording Bayesian?",
        "Probabilities of parameters given data and model; no significance.",
        "summary",
    ),
)


CHECKLIST = Topic(id="checklist", title="Reporting checklist", needs=("published",), context=checklist)
