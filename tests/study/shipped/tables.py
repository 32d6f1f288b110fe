"""Tables of public data sets as a paper would print them: by pandas, SciPy and statsmodels, from the rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import statsmodels.formula.api as smf
from scipy import stats

DATA = Path(__file__).parents[2] / "reference" / "data"


def read(name: str) -> pd.DataFrame:
    rows = pd.read_csv(DATA / f"{name}.csv").dropna()
    return rows.rename(columns=lambda column: column.lower().replace(".", "_"))


def bare(number: float, decimals: int = 2) -> str:
    """A number below 1 in absolute value as APA has it: without the 0 before the point."""
    return f"{number:.{decimals}f}".replace("0.", ".", 1) if abs(number) < 1 else f"{number:.{decimals}f}"


def p_value(p: float) -> str:
    return "<.001" if p < 0.001 else bare(p, 3)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def heading(title: str, *cells: str) -> list[str]:
    return [title, "", row(*cells), row(*["---"] * len(cells))]


def z(values: pd.Series) -> pd.Series:
    return (values - values.mean()) / values.std(ddof=1)


def iris() -> str:
    """Sepal length by width in three species: z scores, setosa the reference."""
    rows = read("iris")
    species = ["setosa", "versicolor", "virginica"]
    parts = {name: rows[rows["species"] == name] for name in species}
    lines = heading(
        "Table 1. Flowers", "", *(f"{name.capitalize()} (n = {len(parts[name])}), M (SD)" for name in species), "F", "p"
    )
    for name, label in (("sepal_length", "Sepal length, cm"), ("sepal_width", "Sepal width, cm")):
        cells = [f"{part[name].mean():.2f} ({part[name].std():.2f})" for part in parts.values()]
        test = stats.f_oneway(*(part[name] for part in parts.values()))
        lines.append(row(label, *cells, f"{test.statistic:.2f}", p_value(test.pvalue)))
    scored = rows.assign(sepal_length=z(rows["sepal_length"]), sepal_width=z(rows["sepal_width"]))
    lines += ["", *heading("Table 2. Regressions of sepal length on width and species", "", "β", "SE", "p")]
    formulas = ["sepal_length ~ sepal_width + species", "sepal_length ~ sepal_width * species"]
    fits = [smf.ols(formula, scored).fit() for formula in formulas]
    words = {
        "sepal_width": "Sepal width",
        "species[T.versicolor]": "Versicolor",
        "species[T.virginica]": "Virginica",
        "sepal_width:species[T.versicolor]": "Versicolor × Sepal width",
        "sepal_width:species[T.virginica]": "Virginica × Sepal width",
    }
    for number, fit in enumerate(fits, start=1):
        lines.append(row(f"Step {number}", "", "", ""))
        for term, label in words.items():
            if term in fit.params:
                lines.append(row(label, bare(fit.params[term]), bare(fit.bse[term]), p_value(fit.pvalues[term])))
        lines.append(row("R²", bare(fit.rsquared, 3), "", ""))
    lines.append(row("ΔR²", bare(fits[1].rsquared - fits[0].rsquared, 3), "", ""))
    lines += ["", *heading("Table 3. Simple slopes of sepal width (Step 2)", "", "β", "SE", "p")]
    for name in species:
        fit = smf.ols(f"sepal_length ~ sepal_width * C(species, Treatment('{name}'))", scored).fit()
        own = "sepal_width"
        lines.append(row(name.capitalize(), bare(fit.params[own]), bare(fit.bse[own]), p_value(fit.pvalues[own])))
    return "\n".join(lines) + "\n"


def ozone() -> str:
    """Ozone by temperature and wind in New York: raw scores, their product."""
    rows = pd.read_csv(DATA / "airquality.csv")[["Ozone", "Wind", "Temp"]].dropna()
    rows.columns = ["ozone", "wind", "temperature"]
    names = {"ozone": "Ozone", "temperature": "Temperature", "wind": "Wind"}
    lines = heading(
        f"Table 1. Days in New York (N = {len(rows)}): means, SDs and correlations", "", "M", "SD", "1", "2", "3"
    )
    for i, (name, label) in enumerate(names.items()):
        below = [bare(stats.pearsonr(rows[name], rows[other]).statistic) for other in list(names)[:i]]
        cells = [f"{rows[name].mean():.2f}", f"{rows[name].std():.2f}", *below, "–", *[""] * (2 - i)]
        lines.append(row(f"{i + 1}. {label}", *cells))
    lines += ["", *heading("Table 2. Regressions of ozone", "", "B", "SE", "p")]
    fits = [smf.ols(f"ozone ~ temperature {by} wind", rows).fit() for by in "+*"]
    words = {"temperature": "Temperature", "wind": "Wind", "temperature:wind": "Temperature × Wind"}
    for number, fit in enumerate(fits, start=1):
        lines.append(row(f"Step {number}", "", "", ""))
        for term, label in words.items():
            if term in fit.params:
                lines.append(row(label, f"{fit.params[term]:.2f}", f"{fit.bse[term]:.2f}", p_value(fit.pvalues[term])))
        lines.append(row("R²", bare(fit.rsquared, 3), "", ""))
    lines.append(row("ΔR²", bare(fits[1].rsquared - fits[0].rsquared, 3), "", ""))
    return "\n".join(lines) + "\n"


def kidiq() -> str:
    """Children's score by their mother's IQ and schooling: raw scores, two groups of unequal sizes, simple slopes."""
    rows = read("kidiq").assign(school=lambda x: x["mom_hs"].map({1: "finished", 0: "not finished"}))
    groups = ["not finished", "finished"]
    parts = [rows[rows["school"] == name] for name in groups]
    cells = [f"{name.capitalize()} (n = {len(part)}), M (SD)" for name, part in zip(groups, parts, strict=True)]
    lines = heading("Table 1. Mothers who finished high school or not", "", *cells, "t", "df", "p")
    for name, label in (("kid_score", "Child's score"), ("mom_iq", "Mother's IQ")):
        test = stats.ttest_ind(parts[1][name], parts[0][name], equal_var=False)
        cells = [f"{part[name].mean():.2f} ({part[name].std():.2f})" for part in parts]
        lines.append(row(label, *cells, f"{test.statistic:.2f}", f"{test.df:.1f}", p_value(test.pvalue)))
    lines += ["", *heading("Table 2. Regressions of the child's score", "", "B", "SE", "t", "p")]
    fits = [smf.ols(f"kid_score ~ mom_iq {by} mom_hs", rows).fit() for by in "+*"]
    words = {"mom_iq": "Mother's IQ", "mom_hs": "Finished", "mom_iq:mom_hs": "Finished × Mother's IQ"}
    for number, fit in enumerate(fits, start=1):
        lines.append(row(f"Step {number}", "", "", "", ""))
        for term, label in words.items():
            if term in fit.params:
                printed = (f"{value[term]:.2f}" for value in (fit.params, fit.bse, fit.tvalues))
                lines.append(row(label, *printed, p_value(fit.pvalues[term])))
        lines.append(row("R²", bare(fit.rsquared, 3), "", "", ""))
    change = fits[1].compare_f_test(fits[0])
    lines.append(row("ΔR²", bare(fits[1].rsquared - fits[0].rsquared, 3), "", "", p_value(change[1])))
    lines += ["", *heading("Table 3. Simple slopes of the mother's IQ (Step 2)", "", "B", "95% CI")]
    for name in groups:
        fit = smf.ols(f"kid_score ~ mom_iq * C(school, Treatment('{name}'))", rows).fit()
        low, high = fit.conf_int().loc["mom_iq"]
        lines.append(row(name.capitalize(), f"{fit.params['mom_iq']:.2f}", f"[{low:.2f}, {high:.2f}]"))
    return "\n".join(lines) + "\n"


TABLES = {"iris1936": iris, "kidiq2007": kidiq, "ozone1973": ozone}

if __name__ == "__main__":
    for name, made in TABLES.items():
        Path(__file__).with_name(f"{name}.md").write_text(made(), encoding="utf-8")
