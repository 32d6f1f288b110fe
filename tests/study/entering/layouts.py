"""Random studies whose tables pandas and statsmodels print in the layouts of the field, with the facts in them.

A layout is a function of a study: the file's name, its text, and what it prints, each as (quantity, address, text).
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from scipy import stats

NAMES = {"distress": "Distress (K10)", "support": "Support", "age": "Age"}
GROUPS = {"controls": "Controls", "patients": "Patients"}
BETWEEN = ("patients", "controls")


def two(x):
    return f"{x:.2f}"


def bare(x, places=2):
    return f"{x:.{places}f}".replace("0.", ".", 1) if abs(x) < 1 else f"{x:.{places}f}"


def p_text(p):
    return "<.001" if p < 0.001 else bare(p, 3)


def stars(p):
    return "*" * sum(p < each for each in (0.05, 0.01, 0.001))


def fact(quantity, text, **address):
    return quantity, tuple(sorted(address.items())), text


@dataclass
class Printed:
    """A study's raw table, and its numbers as text by what they are of."""

    seed: int

    @cached_property
    def rows(self):
        rng = np.random.default_rng(self.seed)
        sizes = rng.integers(25, 80, size=2)
        group = np.repeat(list(GROUPS), sizes)
        n = len(group)
        shift = rng.normal(size=3) * 0.6
        table = pd.DataFrame(
            rng.normal(size=(n, 3)) @ np.linalg.cholesky([[1, 0.3, 0.2], [0.3, 1, 0.1], [0.2, 0.1, 1]]).T
        )
        table += np.outer(group == "patients", shift)
        table = table * rng.uniform(2, 9, size=3) + rng.uniform(15, 60, size=3)
        table.columns = list(NAMES)
        return table.assign(group=group, sex=rng.choice(["male", "female"], size=n))

    @cached_property
    def sizes(self):
        return self.rows["group"].value_counts()

    def of(self, measure, group=None):
        rows = self.rows if group is None else self.rows[self.rows["group"] == group]
        return rows[measure]

    def describe(self, how, group=None, measures=NAMES):
        """The means and SDs of measures, as texts by measure, and as facts."""
        where = {"group": group} if group else {}
        texts = {m: tuple(two(getattr(self.of(m, group), each)()) for each in how) for m in measures}
        names = {"min": "minimum", "max": "maximum", "std": "sd"}
        facts = [
            fact(names.get(each, each), text, of=m, **where)
            for m in measures
            for each, text in zip(how, texts[m], strict=True)
        ]
        return texts, facts

    def described(self, groups=GROUPS, how=("mean", "std")):
        texts, facts = {}, []
        for group in groups:
            texts[group], found = self.describe(how, group)
            facts += found
        return texts, facts

    @cached_property
    def tests(self):
        """Welch's t, its df, p and Cohen's d of patients minus controls, by measure."""
        found = {}
        for m in NAMES:
            first, second = (self.of(m, group) for group in BETWEEN)
            test = stats.ttest_ind(first, second, equal_var=False)
            pooled = np.sqrt(((len(first) - 1) * first.var() + (len(second) - 1) * second.var()) / (len(self.rows) - 2))
            d = (first.mean() - second.mean()) / pooled
            found[m] = {"t": two(test.statistic), "df": f"{test.df:.1f}", "p": p_text(test.pvalue), "d": bare(d)}
        return found

    def tested(self, *which):
        """Tests are of the first column's group minus the second's where no mean says otherwise."""
        return [fact(each, self.tests[m][each], of=m, between=BETWEEN) for m in NAMES for each in which]

    def n(self):
        return [fact("n", str(self.sizes[group]), group=group) for group in GROUPS]

    def head(self, group, more=""):
        return f"{GROUPS[group]} (n = {self.sizes[group]}){more}"

    @cached_property
    def correlations(self):
        return {
            (one, other): stats.pearsonr(self.rows[one], self.rows[other])
            for one in NAMES
            for other in NAMES
            if one != other
        }

    def triangle(self, marked=False):
        facts = []
        for at, one in enumerate(NAMES):
            for other in list(NAMES)[:at]:
                found = self.correlations[one, other]
                facts.append(fact("correlation", bare(found.statistic), of=one, **{"with": other}))
                if marked and found.pvalue < 0.05:
                    least = {1: "0.05", 2: "0.01", 3: "0.001"}[len(stars(found.pvalue))]
                    facts.append(fact("p", f"<{least}", of=one, **{"with": other}))
        return facts

    @cached_property
    def fits(self):
        terms = ["age + C(group)", "age + C(group) + support", "age + C(group) * support"]
        return [smf.ols(f"distress ~ {each}", self.rows).fit() for each in terms]

    @cached_property
    def standardised(self):
        sds = {"age": self.rows["age"].std(), "support": self.rows["support"].std()}
        code = (self.rows["group"] == "patients").astype(float)
        sds |= {"group": code.std(), "group:support": (code * self.rows["support"]).std()}
        return lambda term, b: b * sds[term] / self.rows["distress"].std()

    def regression(self, step):
        """Rows of a step: term, label, b, se, beta, t, p, low, high."""
        fit, found = self.fits[step], []
        names = {"age": "age", "C(group)[T.patients]": "group", "support": "support"}
        names["C(group)[T.patients]:support"] = "group:support"
        limits = fit.conf_int()
        for name, b in fit.params.items():
            if name == "Intercept":
                continue
            term = names[name]
            label = {"group": "Group", "group:support": "Group × Support"}.get(term) or NAMES[term]
            low, high = limits.loc[name]
            found.append(
                {
                    "term": term,
                    "label": label,
                    "b": two(b),
                    "se": two(fit.bse[name]),
                    "beta": bare(self.standardised(term, b)),
                    "t": two(fit.tvalues[name]),
                    "p": p_text(fit.pvalues[name]),
                    "marks": stars(fit.pvalues[name]),
                    "low": two(low),
                    "high": two(high),
                }
            )
        return found

    def r2(self, step):
        return bare(self.fits[step].rsquared)

    def delta_r2(self, step):
        return bare(self.fits[step].rsquared - (self.fits[step - 1].rsquared if step else 0))


QUANTITIES = {
    "b": ("coefficient", {"standardised": False}),
    "se": ("coefficient_se", {"standardised": False}),
    "beta": ("coefficient", {"standardised": True}),
    "t": ("coefficient_t", {}),
    "p": ("coefficient_p", {}),
    "low": ("coefficient_ci_low", {"standardised": False}),
    "high": ("coefficient_ci_high", {"standardised": False}),
}
THRESHOLDS = {"*": "<0.05", "**": "<0.01", "***": "<0.001"}


def terms(rows, step, *which, marked=False):
    facts = []
    for row in rows:
        for each in which:
            quantity, more = QUANTITIES[each]
            facts.append(fact(quantity, row[each], term=row["term"], step=step, **more))
        if marked and row["marks"]:
            facts.append(fact("coefficient_p", THRESHOLDS[row["marks"]], term=row["term"], step=step))
    return facts


def markdown(head, rows, title="", note=""):
    lines = [head, ["---"] * len(head), *rows]
    body = "\n".join("| " + " | ".join(str(cell).replace("*", "\\*") for cell in row) + " |" for row in lines)
    return f"# Paper\n\n**{title}**\n\n{body}\n\n{note}\n"


def page(table, title="", note="", **more):
    return f"<html><body><p>{title}</p>{table.to_html(**more)}<p>{note}</p></body></html>"


# -- groups -----------------------------------------------------------------------------------------------------------


def mean_and_sd_in_a_cell(s):
    texts, facts = s.described()
    rows = [
        [NAMES[m], *("{} ({})".format(*texts[g][m]) for g in GROUPS), *(s.tests[m][k] for k in "tpd")] for m in NAMES
    ]
    head = ["Measure", *(s.head(g, ", M (SD)") for g in GROUPS), "t", "p", "Cohen's d"]
    return "a.md", markdown(head, rows, "Table 1. Groups"), [*facts, *s.n(), *s.tested("t", "p", "d")]


def merged_headings(s):
    texts, facts = s.described()
    table = pd.DataFrame(
        {(s.head(g), k): [texts[g][m][i] for m in NAMES] for g in GROUPS for i, k in enumerate(("M", "SD"))},
        index=list(NAMES.values()),
    )
    for key in ("t", "df", "p"):
        table[key, ""] = [s.tests[m][key] for m in NAMES]
    return "a.html", page(table, "Table 1"), [*facts, *s.n(), *s.tested("t", "df", "p")]


def two_heading_rows_in_csv(s):
    texts, facts = s.described()
    lines = ["Table 1. Groups", f",{s.head('controls')},,{s.head('patients')},,", ",M,SD,M,SD,p"]
    for m, label in NAMES.items():
        lines += [",".join([label, *texts["controls"][m], *texts["patients"][m], s.tests[m]["p"]])]
    return "a.csv", "\n".join(lines), [*facts, *s.n(), *s.tested("p")]


def decimal_commas(s):
    texts, facts = s.described()
    lines = [";".join(["Variable", *(s.head(g, " M (SD)") for g in GROUPS), "t"])]
    for m, label in NAMES.items():
        cells = ["{} ({})".format(*texts[g][m]) for g in GROUPS] + [s.tests[m]["t"]]
        lines.append(";".join([label, *(cell.replace(".", ",").replace("-", "−") for cell in cells)]))
    return "a.csv", "\n".join(lines), [*facts, *s.n(), *s.tested("t")]


def a_row_for_each_measure_and_group(s):
    table = s.rows.melt("group", list(NAMES), "variable", "value")
    table = table.groupby(["variable", "group"], sort=False)["value"].agg(["mean", "std"]).map(two).reset_index()
    _, facts = s.described()
    return "a.tsv", table.to_csv(sep="\t", index=False), facts


def groups_as_rows(s):
    texts, facts = s.described()
    table = pd.DataFrame(
        {(NAMES[m], k): [texts[g][m][i] for g in GROUPS] for m in NAMES for i, k in enumerate(("M", "SD"))}
    )
    table.insert(0, ("Group", ""), list(GROUPS.values()))
    table.insert(1, ("n", ""), [str(s.sizes[g]) for g in GROUPS])
    return "a.html", page(table, index=False), [*facts, *s.n()]


def statistics_in_the_row_labels(s):
    texts, facts = s.described()
    rows = [[f"{NAMES[m]}, M (SD)", *("{} ({})".format(*texts[g][m]) for g in GROUPS)] for m in NAMES]
    women = {g: (s.of("sex", g) == "female") for g in GROUPS}
    rows.append(["Sex (female), n (%)", *(f"{women[g].sum()} ({100 * women[g].mean():.1f})" for g in GROUPS)])
    for g in GROUPS:
        facts.append(fact("count", str(women[g].sum()), of="sex", level="female", group=g))
        facts.append(fact("proportion", f"{100 * women[g].mean():.1f}%", of="sex", level="female", group=g))
    return "a.md", markdown(["", *(s.head(g) for g in GROUPS)], rows, "Table 1"), [*facts, *s.n()]


def levels_in_a_section(s):
    rows, facts = [["Sex", "", ""]], s.n()
    for level in ("male", "female"):
        here = {g: s.of("sex", g) == level for g in GROUPS}
        rows.append([level.title(), *(f"{here[g].sum()} ({100 * here[g].mean():.1f}%)" for g in GROUPS)])
        for g in GROUPS:
            facts.append(fact("count", str(here[g].sum()), of="sex", level=level, group=g))
            facts.append(fact("proportion", f"{100 * here[g].mean():.1f}%", of="sex", level=level, group=g))
    return "a.md", markdown(["", *(s.head(g, " n (%)") for g in GROUPS)], rows, "Table 1"), facts


def plus_minus_by_the_note(s):
    texts, facts = s.described()
    lines = ["Table 2\tDescription", "\t".join(["", *(s.head(g) for g in GROUPS), "p"])]
    lines += ["\t".join([NAMES[m], *("{} ± {}".format(*texts[g][m]) for g in GROUPS), s.tests[m]["p"]]) for m in NAMES]
    return "a.txt", "\n".join([*lines, "Note. Means ± SD."]), [*facts, *s.n(), *s.tested("p")]


def one_sample(s):
    texts, facts = s.describe(("mean", "std", "min", "max"))
    table = pd.DataFrame(texts, index=["Mean", "Std. Deviation", "Min", "Max"]).T.rename(index=NAMES)
    return "a.txt", "Table 1. Everybody\n" + table.to_string(), facts


# -- correlations -----------------------------------------------------------------------------------------------------


def lower_triangle_with_stars(s):
    texts, facts = s.describe(("mean", "std"))
    rows = []
    for at, one in enumerate(NAMES):
        cells = [s.correlations[one, other] for other in list(NAMES)[:at]]
        shown = [f"{bare(r.statistic)}{stars(r.pvalue)}" for r in cells]
        rows.append([f"{at + 1}. {NAMES[one]}", *texts[one], *shown, "–", *[""] * (2 - at)])
    head = ["Variable", "M", "SD", "1", "2", "3"]
    note = "Note. \\* p < .05, \\*\\* p < .01, \\*\\*\\* p < .001."
    return "a.md", markdown(head, rows, "Table 1. Correlations", note), [*facts, *s.triangle(marked=True)]


def upper_triangle_by_names(s):
    table = pd.DataFrame("", index=list(NAMES.values()), columns=list(NAMES.values()))
    for at, one in enumerate(NAMES):
        for other in list(NAMES)[:at]:
            table.loc[NAMES[other], NAMES[one]] = bare(s.correlations[one, other].statistic)
    facts = [
        (q, tuple(sorted({"of": dict(a)["with"], "with": dict(a)["of"]}.items())), text) for q, a, text in s.triangle()
    ]
    return "a.html", page(table), facts


def both_triangles(s):
    table = s.rows[list(NAMES)].corr().rename(index=NAMES, columns=NAMES)
    return (
        "a.csv",
        table.to_csv(float_format="%.2f"),
        [(q, a, text.replace(".", "0.", 1)) for q, a, text in s.triangle()],
    )


def means_below_and_alpha_on_the_diagonal(s):
    texts, facts = s.describe(("mean", "std"))
    rows = []
    for at, one in enumerate(NAMES):
        shown = [bare(s.correlations[one, other].statistic) for other in list(NAMES)[:at]]
        rows.append([f"({at + 1}) {NAMES[one]}", *shown, f"(.8{at})", *[""] * (2 - at)])
        facts.append(fact("alpha", f".8{at}", of=one))
    rows += [["M", *(texts[m][0] for m in NAMES)], ["SD", *(texts[m][1] for m in NAMES)]]
    lines = ["\t".join(row) for row in [["", "(1)", "(2)", "(3)"], *rows]]
    return "a.txt", "\n".join(["Table 3", *lines, "Note. Alpha on the diagonal."]), [*facts, *s.triangle()]


def p_in_brackets(s):
    rows, facts = [], s.triangle()
    for at, one in enumerate(NAMES):
        cells = [s.correlations[one, other] for other in list(NAMES)[:at]]
        rows.append([NAMES[one], *(f"{bare(r.statistic)} ({p_text(r.pvalue)})" for r in cells), *[""] * (3 - at)])
        for other, r in zip(list(NAMES)[:at], cells, strict=True):
            facts.append(fact("p", p_text(r.pvalue), of=one, **{"with": other}))
    return "a.md", markdown(["", *NAMES.values()], rows, "Table 4"), facts


# -- regressions ------------------------------------------------------------------------------------------------------

OF_DISTRESS = "Table 2. Regression predicting distress (K10)"


def one_block(s):
    rows = s.regression(1)
    which = ("b", "se", "beta", "t", "p")
    table = [[row["label"], *(row[key] for key in which)] for row in rows]
    head = ["Predictor", "B", "SE B", "β", "t", "p"]
    return "a.md", markdown(head, table, OF_DISTRESS), terms(rows, "one_step", *which)


def models_side_by_side(s):
    facts, cells = [], {}
    for step in range(3):
        name, rows = f"model_{step + 1}", s.regression(step)
        cells[f"Model {step + 1}"] = {row["label"]: f"{row['b']}{row['marks']} ({row['se']})" for row in rows}
        cells[f"Model {step + 1}"] |= {"R²": s.r2(step), "N": str(len(s.rows))}
        facts += terms(rows, name, "b", "se", marked=True)
        facts += [fact("r2", s.r2(step), step=name), fact("n", str(len(s.rows)), step=name)]
    table = pd.DataFrame(cells).reindex([*cells["Model 3"]]).fillna("")
    note = "Note. Unstandardized coefficients, standard errors in parentheses. * p < .05, ** p < .01, *** p < .001"
    return "a.html", page(table, OF_DISTRESS, note), facts


def steps_below_each_other(s):
    facts, lines = [], []
    for step in range(3):
        name, rows = f"step_{step + 1}", s.regression(step)
        lines.append([f"Step {step + 1}", "", "", "", ""])
        lines += [[row["label"], row["b"], row["se"], row["beta"], row["p"]] for row in rows]
        lines += [["R²", s.r2(step), "", "", ""], ["ΔR²", s.delta_r2(step), "", "", ""]]
        facts += terms(rows, name, "b", "se", "beta", "p")
        facts += [fact("r2", s.r2(step), step=name), fact("delta_r2", s.delta_r2(step), step=name)]
    return "a.md", markdown(["Variable", "B", "SE", "Beta", "p"], lines, OF_DISTRESS), facts


def a_column_of_steps(s):
    facts, lines = [], []
    for step in range(3):
        name, rows = f"step_{step + 1}", s.regression(step)
        for at, row in enumerate(rows):
            first = [f"Step {step + 1}", s.delta_r2(step)] if not at else ["", ""]
            lines.append([first[0], row["label"], row["beta"] + row["marks"], first[1]])
        facts += [*terms(rows, name, "beta", marked=True), fact("delta_r2", s.delta_r2(step), step=name)]
    table = pd.DataFrame(lines, columns=["Step", "Predictor", "β", "ΔR²"])
    return "a.csv", table.to_csv(index=False), facts


def steps_beside_each_other(s):
    facts, cells = [], {}
    for step in range(2):
        name, rows = f"step_{step + 1}", s.regression(step)
        for key, head in (("b", "B"), ("se", "SE"), ("beta", "β")):
            cells[f"Step {step + 1}", head] = {row["label"]: row[key] for row in rows}
        cells[f"Step {step + 1}", "B"]["R²"] = s.r2(step)
        facts += [*terms(rows, name, "b", "se", "beta"), fact("r2", s.r2(step), step=name)]
    labels = [row["label"] for row in s.regression(1)]
    table = pd.DataFrame(
        {key: {label: each.get(label, "") for label in [*labels, "R²"]} for key, each in cells.items()}
    )
    return "a.html", page(table, OF_DISTRESS), facts


def limits_in_brackets(s):
    rows = s.regression(2)
    table = [[row["label"], f"{row['b']} [{row['low']}, {row['high']}]", row["p"]] for row in rows]
    text = markdown(["Term", "B [95% CI]", "p"], table, OF_DISTRESS)
    return "a.md", text, terms(rows, "one_step", "b", "low", "high", "p")


def limits_as_columns(s):
    rows = s.regression(1)
    table = pd.DataFrame(rows)[["label", "b", "se", "low", "high"]]
    table.columns = ["", "B", "SE", "LL", "UL"]
    text = "Table 5\n" + "\n".join("|".join(row) for row in [[*table.columns], *table.to_numpy().tolist()])
    return "a.txt", text, terms(rows, "one_step", "b", "se", "low", "high")


def as_statsmodels_prints_it(s):
    fit, rows = s.fits[1], s.regression(1)
    table = fit.summary().tables[1]
    names = {"age": "age", "support": "support", "C(group)[T.patients]": "group"}
    facts = []
    for line in table.data[1:]:
        name, cells = line[0].strip(), [cell.strip() for cell in line[1:]]
        for key, text in zip(("b", "se", "t", "p", "low", "high"), cells, strict=True):
            quantity, _ = QUANTITIES[key]
            if name == "Intercept":
                facts.append(fact(quantity.replace("coefficient", "intercept"), text, step="one_step"))
            else:
                facts.append(fact(quantity, text, term=names[name], step="one_step"))
    assert len(rows) == 3
    return "a.html", table.as_html(), facts


def effect_sizes_of_terms(s):
    rows, fit = s.regression(1), s.fits[1]
    facts = terms(rows, "one_step", "beta", "t", "p")
    cells = []
    for row, t in zip(rows, fit.tvalues[1:], strict=True):
        sr2 = bare(t**2 * (1 - fit.rsquared) / fit.df_resid, 3)
        facts += [fact("coefficient_sr2", sr2, term=row["term"], step="one_step")]
        facts += [fact("coefficient_df", str(int(fit.df_resid)), term=row["term"], step="one_step")]
        cells.append([row["label"], row["beta"], str(int(fit.df_resid)), row["t"], sr2, row["p"]])
    return "a.md", markdown(["", "β", "df", "t", "sr²", "p"], cells, OF_DISTRESS), facts


def steps_as_rows(s):
    facts, lines = [], []
    for step in range(3):
        name = f"model_{step + 1}"
        cells = [s.r2(step)]
        facts.append(fact("r2", s.r2(step), step=name))
        if step:
            f, p, _ = s.fits[step].compare_f_test(s.fits[step - 1])
            cells += [s.delta_r2(step), two(f), p_text(p)]
            facts += [fact("delta_r2", cells[1], step=name), fact("delta_r2_f", cells[2], step=name)]
            facts.append(fact("delta_r2_p", cells[3], step=name))
        lines.append([f"Model {step + 1}", *cells, *[""] * (4 - len(cells))])
    return "a.md", markdown(["Step", "R²", "ΔR²", "ΔF", "p"], lines, OF_DISTRESS), facts


# -- slopes -----------------------------------------------------------------------------------------------------------


def _slope(s, fit, contrast, **where):
    test = fit.t_test(contrast)
    low, high = test.conf_int()[0]
    texts = [two(test.effect[0]), two(test.sd.item()), two(test.tvalue.item()), p_text(float(test.pvalue))]
    texts += [two(low), two(high)]
    kinds = ("slope", "slope_se", "slope_t", "slope_p", "slope_ci_low", "slope_ci_high")
    raw = {"standardised": False}
    return texts, [
        fact(kind, text, of="support", step="with_product", **where, **({} if kind[-2:] in ("_t", "_p") else raw))
        for kind, text in zip(kinds, texts, strict=True)
    ]


def slopes_at_values_of_a_moderator(s):
    rows = s.rows.assign(age=s.rows["age"] - s.rows["age"].mean())
    fit, lines, facts = smf.ols("distress ~ support * age", rows).fit(), [], []
    for label, sd in (("−1 SD", -1), ("Mean", 0), ("+1 SD", 1)):
        texts, found = _slope(s, fit, [0, 1, 0, sd * rows["age"].std()], at=(("age", Decimal(sd)),))
        facts += found
        lines.append([f"Age {label}", *texts])
    title = "Table 5. Conditional effects of support on distress (K10) at levels of age"
    return "a.md", markdown(["", "B", "SE", "t", "p", "LLCI", "ULCI"], lines, title), facts


def slopes_in_groups(s):
    fit, lines, facts = s.fits[2], [], []
    names = list(fit.params.index)
    for group, label in GROUPS.items():
        contrast = [float(n == "support") + (group == "patients") * (n.endswith(":support")) for n in names]
        texts, found = _slope(s, fit, contrast, group=group)
        facts += found
        lines.append([label, *texts])
    table = pd.DataFrame(lines, columns=["Group", "B", "SE", "t", "p", "LL", "UL"])
    title = "Table 5. Simple slopes of support on distress (K10)"
    return "a.csv", f"{title}\n\n{table.to_csv(index=False)}", facts


# -- more of groups ---------------------------------------------------------------------------------------------------


def correlations_with_one_measure_by_group(s):
    lines, facts = [], s.n()
    for m in ("support", "age"):
        tests = [stats.pearsonr(s.of(m, g), s.of("distress", g)) for g in GROUPS]
        lines.append([NAMES[m], *(text for test in tests for text in (bare(test.statistic), p_text(test.pvalue)))])
        for g, test in zip(GROUPS, tests, strict=True):
            where = {"of": m, "with": "distress", "group": g}
            facts += [fact("correlation", bare(test.statistic), **where), fact("p", p_text(test.pvalue), **where)]
    head = ["", *(text for g in GROUPS for text in (f"{s.head(g)} r", "p"))]
    return "a.md", markdown(head, lines, "Table 2. Correlations with distress (K10) by group"), facts


def counts_with_chi2(s):
    table = pd.crosstab(s.rows["sex"], s.rows["group"])
    test = stats.chi2_contingency(table, correction=False)
    rows = [["Sex", "", "", two(test.statistic), p_text(test.pvalue)]]
    facts = [*s.n(), fact("chi2", rows[0][3], of="sex"), fact("chi2_p", rows[0][4], of="sex")]
    for level in ("male", "female"):
        counts = [str(table.loc[level, g]) for g in GROUPS]
        rows.append([level.title(), *counts, "", ""])
        facts += [fact("count", c, of="sex", level=level, group=g) for g, c in zip(GROUPS, counts, strict=True)]
    return "a.md", markdown(["", *(s.head(g, " n") for g in GROUPS), "χ²", "p"], rows, "Table 1"), facts


def three_groups(s):
    labels = {"current": "Current", "past": "Past", "never": "Never"}
    rows = s.rows.assign(group=np.random.default_rng(s.seed).choice(list(labels), len(s.rows)))
    parts = {g: rows[rows["group"] == g] for g in labels}
    lines, facts = [], [fact("n", str(len(part)), group=g) for g, part in parts.items()]
    for m, label in NAMES.items():
        test = stats.f_oneway(*(part[m] for part in parts.values()))
        cells = [(two(part[m].mean()), two(part[m].std())) for part in parts.values()]
        lines.append([label, *("{} ({})".format(*cell) for cell in cells), two(test.statistic), p_text(test.pvalue)])
        for group, (mean, sd) in zip(parts, cells, strict=True):
            facts += [fact("mean", mean, of=m, group=group), fact("sd", sd, of=m, group=group)]
        facts += [fact("f", two(test.statistic), of=m), fact("f_p", p_text(test.pvalue), of=m)]
    head = ["", *(f"{label} (n = {len(parts[g])}) M (SD)" for g, label in labels.items()), "F", "p"]
    return "a.md", markdown(head, lines, "Table 1. Three groups"), facts


def medians(s):
    lines, facts = [], s.n()
    names = {0.5: "median", 0.25: "lower_quartile", 0.75: "upper_quartile"}
    for m, label in NAMES.items():
        cells = [{q: two(s.of(m, g).quantile(q)) for q in names} for g in GROUPS]
        lines.append([label, *(f"{c[0.5]} ({c[0.25]}–{c[0.75]})" for c in cells)])
        facts += [fact(names[q], x, of=m, group=g) for g, c in zip(GROUPS, cells, strict=True) for q, x in c.items()]
    return "a.md", markdown(["", *(s.head(g, ", Mdn (IQR)") for g in GROUPS)], lines, "Table 1"), facts


LAYOUTS = [
    mean_and_sd_in_a_cell,
    merged_headings,
    two_heading_rows_in_csv,
    decimal_commas,
    a_row_for_each_measure_and_group,
    groups_as_rows,
    statistics_in_the_row_labels,
    levels_in_a_section,
    plus_minus_by_the_note,
    one_sample,
    lower_triangle_with_stars,
    upper_triangle_by_names,
    both_triangles,
    means_below_and_alpha_on_the_diagonal,
    p_in_brackets,
    one_block,
    models_side_by_side,
    steps_below_each_other,
    a_column_of_steps,
    steps_beside_each_other,
    limits_in_brackets,
    limits_as_columns,
    as_statsmodels_prints_it,
    effect_sizes_of_terms,
    steps_as_rows,
    slopes_at_values_of_a_moderator,
    slopes_in_groups,
    correlations_with_one_measure_by_group,
    counts_with_chi2,
    three_groups,
    medians,
]
