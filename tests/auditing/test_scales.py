"""B beside beta: tables printed by other software are clean in either way to standardise, and a wrong sign is named."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from hikibayes.auditing.audit import audit
from hikibayes.reconstruction.calibrate import _conventions, calibrate
from hikibayes.study.study import Study

LEVELS = ("pear", "apple", "fig")


def rows_of(seed):
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(LEVELS, rng.integers(25, 80, 3)))
    frame = pd.DataFrame({"group": group, "load": rng.normal(20, 5, len(group)), "age": rng.normal(40, 9, len(group))})
    shift = frame["group"].map(dict(zip(LEVELS, (0, 6, -4), strict=True)))
    return frame.assign(mood=50 + shift - 0.6 * frame["load"] + rng.normal(0, 8, len(frame)))


def printed(frame, codes, *, by_group, dummies):
    """Return a study with B and beta of a regression on the groups and two scores; betas have dummies as they are."""
    coded = pd.DataFrame({f"d{i}": frame["group"].map(values) for i, values in enumerate(codes)})
    table = frame.join(coded)
    fit = smf.ols("mood ~ d0 + d1 + load + age", table).fit()
    terms = {"d0": "group[apple]", "d1": "group[fig]", "load": "load", "age": "age"}
    facts = [
        {"id": f"n_{g}", "quantity": "n", "group": g, "value": str(int(n))}
        for g, n in frame["group"].value_counts().items()
    ]
    parts = {g: frame[frame["group"] == g] for g in LEVELS} if by_group else {"": frame}
    for name in ("mood", "load", "age"):
        for group, part in parts.items():
            for what, value in (("mean", part[name].mean()), ("sd", part[name].std())):
                place = {"group": group} if group else {}
                facts.append(
                    {"id": f"{what}_{name}_{group}", "quantity": what, "of": name, "value": f"{value:.2f}", **place}
                )
    for column, term in terms.items():
        spread = 1.0 if column in coded and not dummies else table[column].std()
        for value, standard, digits in (
            (fit.params[column], False, 3),
            (fit.params[column] * spread / table["mood"].std(), True, 2),
        ):
            fact = {
                "id": f"{'beta' if standard else 'b'}_{column}",
                "quantity": "coefficient",
                "step": "one",
                "term": term,
            }
            facts.append({**fact, "standardised": standard, "value": f"{value:.{digits}f}"})
    return {
        "id": "mood",
        "group": [{"id": g, "label": g} for g in LEVELS],
        "measure": [
            *(
                {"id": name, "label": name, "kind": "number", "range": [-50, 150], "integer": False}
                for name in ("mood", "load", "age")
            ),
            {"id": "group", "label": "group", "kind": "category", "levels": [{"id": g, "label": g} for g in LEVELS]},
        ],
        "analysis": {"outcome": "mood", "group": "group", "standardised": False},
        "step": [{"id": "one", "label": "one", "adds": ["group", "load", "age"]}],
        "fact": [{**fact, "source": {"locator": "Table 1"}} for fact in facts],
    }


DUMMY = ({"pear": 0, "apple": 1, "fig": 0}, {"pear": 0, "apple": 0, "fig": 1})
EFFECT = ({"pear": -1, "apple": 1, "fig": 0}, {"pear": -1, "apple": 0, "fig": 1})


@pytest.mark.parametrize("by_group", [True, False])
@pytest.mark.parametrize(("codes", "dummies"), [(DUMMY, True), (DUMMY, False), (EFFECT, True)])
@pytest.mark.parametrize("seed", [1, 2])
def test_either_way_to_standardise_is_clean_and_a_lost_sign_is_named(seed, codes, dummies, by_group):
    content = printed(rows_of(seed), codes, by_group=by_group, dummies=dummies)
    table = audit(Study.model_validate(content)).query("check == 'B and beta'")
    assert len(table) == 4
    assert (table["verdict"] == "consistent").all(), table.to_string()
    for column in ("d0", "load"):
        wrong = next(fact for fact in content["fact"] if fact["id"] == f"beta_{column}")
        right, wrong["value"] = wrong["value"], str(-float(wrong["value"]))
        found = audit(Study.model_validate(content)).query("check == 'B and beta' and verdict == 'inconsistent'")
        assert list(found["facts"].str.startswith(f"beta_{column},")) == [True]
        wrong["value"] = right


def test_without_sds_the_signs_are_compared():
    content = printed(rows_of(3), DUMMY, by_group=True, dummies=True)
    content["fact"] = [fact for fact in content["fact"] if fact["quantity"] != "sd"]
    table = audit(Study.model_validate(content)).query("check == 'B and beta'")
    assert set(table["note"].str.endswith("has the sign of its B.")) == {True}


def test_without_products_calibration_tries_standardised_dummies_alone():
    study = Study.model_validate(printed(rows_of(4), DUMMY, by_group=True, dummies=True))
    assert [changed for changed, _ in _conventions(study)] == [{"products": "raw"}]
    facts = [fact for fact in study.facts if not fact.standardised]
    assert list(_conventions(study.replace(facts=facts))) == []


@pytest.mark.long
@pytest.mark.parametrize("dummies", [True, False])
def test_a_record_with_either_is_calibrated(dummies):
    content = printed(rows_of(5), DUMMY, by_group=True, dummies=dummies)
    found = calibrate(Study.model_validate(content), draws=400, seed=1)
    assert found.study.analysis.products == ("raw" if dummies else "z")
    means = found.table.set_index("quantity")["mean"]
    for fact in content["fact"]:
        if fact["quantity"] == "coefficient":
            width = 0.0005 if not fact["standardised"] else 0.005
            assert means[fact["id"]] == pytest.approx(float(fact["value"]), abs=2 * width), fact["id"]
