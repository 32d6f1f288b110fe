"""Rows, columns and notes about a model as a whole, in the spellings of the field: never a predictor."""

import pytest

from hikibayes.study.entering.columns import Known
from hikibayes.study.entering.draft import draft

INCREASES = (
    "ΔR²|∆R2|Delta R2|delta R²|Delta-R2|ΔR^2|Delta R squared|Δ R-squared|dR2|R² change|R Square Change|Rsq change"
)
INCREASES += (
    "|R2-change|R² (change)|R2 (Δ)|Change in R²|Changes in R-squared|R2 increase|Increment in R2|Incremental R²"
)
INCREASES += "|Additional R2|Difference in R²|R2 gain|$\\Delta R^2$|Δ*R*²"
TESTS = "ΔF|Delta F|F change|F Change|Change in F|F for change in R²|F (change)|F(ΔR²)|F inc.|F of change"
SPELLINGS = {
    ("delta_r2", None): INCREASES,
    ("delta_r2", True): "ΔR²adj|Adjusted ΔR2|Δ adj. R²|Delta adjusted R2|Change in adjusted R²",
    ("r2", None): "R²|r2|R^2|R-Squared|R squared|R Square|R sq.|Rsq|Total R²|Model R2|Multiple R-squared|R² (%)",
    ("adjusted_r2", None): "Adjusted R²|adj. R2|R²adj|R2 (adjusted)|Adjusted R Square|Corrected R2|R̄²",
    ("delta_r2_f", None): TESTS,
    ("r2_f", None): "F|F value|F-statistic|F test|Overall F|F (model)|F ratio",
    ("delta_r2_p", None): "Sig. F Change|p of change|p change|p (ΔR²)|p for ΔR2|p for change in R²",
    ("r2_p", None): "p|p value|p (F)|p for F|p (model)|Prob > F|Prob (F-statistic)|Sig. F",
    ("n", None): "N|Observations|No. of observations|Num. Obs.|Number of observations|Sample size",
}
WITHOUT_KIND = "R|Multiple R|df|df1|Residual df|AIC|BIC|Log-likelihood|RMSE|Residual standard error|Root MSE|f2"
WITHOUT_KIND += "|Std. Error of the Estimate|Durbin-Watson|Cohen's f²|Variance explained (%)|Explained variance"
WITHOUT_KIND += "|Nagelkerke R²|R² for women"
PREDICTORS = "Fear|Gain in sleep|Changes|Income|Difference|Sigma Scale|Peers|Diff"


def drafted(tmp_path, label, text, *more):
    rows = ["Model 1 | | ", "Age | .20 | .020", "Sleep | .31 | .001", f"{label} | {text} | ", *more]
    head = ["Table 2. Regression predicting distress", "", "| Predictor | β | p |", "|---|---|---|"]
    (tmp_path / "a.md").write_text("\n".join([*head, *(f"| {row} |" for row in rows)]), encoding="utf-8")
    made = draft([tmp_path / "a.md"], Known())
    return made, [measure["id"] for measure in made.content["measure"]]


@pytest.mark.parametrize(("what", "label"), [(what, each) for what in SPELLINGS for each in SPELLINGS[what].split("|")])
def test_a_row_of_the_model_is_no_predictor_however_it_is_spelt(tmp_path, what, label):
    made, measures = drafted(tmp_path, label, "141" if what[0] == "n" else ".025")
    assert sorted(measures) == ["age", "distress", "sleep"]
    found = [fact for fact in made.study("a").facts if fact.term is None]
    assert [(fact.quantity, fact.adjusted or None) for fact in found] == [what]


@pytest.mark.parametrize("label", WITHOUT_KIND.split("|"))
def test_a_row_of_the_model_without_a_kind_is_left_out_and_said(tmp_path, label):
    made, measures = drafted(tmp_path, label, ".025")
    assert sorted(measures) == ["age", "distress", "sleep"]
    ((_, where, why),) = made.left
    assert ".025 in row" in where
    assert why == "it is of the model, and no kind of number is known for it"


@pytest.mark.parametrize("label", PREDICTORS.split("|"))
def test_a_predictor_stays_one(tmp_path, label):
    made, measures = drafted(tmp_path, label, ".025")
    assert len(measures) == 4
    assert made.left == []


def test_a_p_below_the_increase_is_of_the_increase(tmp_path):
    made, _ = drafted(tmp_path, "ΔR²", ".03", "p | .037 | ")
    assert [(f.quantity, f.printed) for f in made.study("a").facts if f.term is None] == [
        ("delta_r2", "0.03"),
        ("delta_r2_p", "0.037"),
    ]


@pytest.mark.parametrize("spelt", ["Delta R2", "Change in R²", "R² change", "Increment in R-squared", "ΔR²"])
def test_columns_and_notes_are_spelt_as_freely(tmp_path, spelt):
    title = "Table 2. Regression predicting distress"
    head = [title, "", f"| Step | β | R² | {spelt} | F change |", "|---|---|---|---|---|"]
    rows = ["| Step 1: Age | .20 | .040 | | |", "| Step 2: Sleep | .31 | .100 | .060 | 7.2 |"]
    (tmp_path / "a.md").write_text("\n".join([*head, *rows]), encoding="utf-8")
    columns = draft([tmp_path / "a.md"], Known())
    (tmp_path / "b.md").write_text(
        "Table 2. Regression predicting distress\n\n| | β |\n|---|---|\n| Age | .20 |\n| Sleep | .31 |\n\n"
        f"Note. R² = .10, adjusted R² = .08, {spelt} = .06, F change(1, 99) = 7.20.\n",
        encoding="utf-8",
    )
    notes = draft([tmp_path / "b.md"], Known())
    assert ("delta_r2", "0.060") in {(f.quantity, f.printed) for f in columns.study("a").facts}
    found = {(f.quantity, f.printed) for f in notes.study("b").facts if f.term is None}
    tests = {("delta_r2_f", "7.20"), ("delta_r2_df1", "1"), ("delta_r2_df2", "99")}
    assert found == {("r2", "0.10"), ("adjusted_r2", "0.08"), ("delta_r2", "0.06"), *tests}
