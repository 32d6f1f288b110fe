"""Every kind of estimand says what it is, and means the same in rows, in group moments and in a population."""

from pathlib import Path

import numpy as np
import pytest
from tests.inference.own_table import Names

import hikibayes.estimands
from hikibayes.estimands import KINDS, Outline
from hikibayes.inference.estimands import answers
from hikibayes.inference.models.design import design
from hikibayes.study.study import Estimand

FILES = {path.stem for path in Path(hikibayes.estimands.__path__[0]).glob("*.py")}
OUTLINE = Outline(group="arm", groups=("usual", "extra"), levels={"arm": ("usual", "extra")}, curved=frozenset({"z"}))


PAIRS = {"arm": ("extra", "usual"), "dose": ("some", "none")}


def asked(kind: str, **of) -> Estimand:
    fields = {"of": "x", "by": "w", "between": ("extra", "usual"), "pairs": PAIRS}
    needed = {key: fields[key] for key in KINDS[kind].needs}
    return Estimand.model_validate({"name": "e", "kind": kind, "meaning": "made up", "step": "all", **needed, **of})


def test_a_kind_is_a_file_and_a_line_of_the_list():
    assert set(KINDS) == FILES - {"__init__", "kind"}
    assert {name: kind.name for name, kind in KINDS.items()} == {name: name for name in KINDS}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_is_complete(kind):
    assert kind.meaning
    assert {*kind.needs, *kind.may, *kind.per} <= set(Estimand.model_fields)
    assert bool(asked(kind.name).unit) == bool(kind.scenarios), "a share of variance has no unit, everything else has"


@pytest.mark.parametrize("kind", [k for k in KINDS.values() if k.scenarios], ids=lambda kind: kind.name)
def test_scenarios_are_a_contrast(kind):
    """Their weights sum to 0, so the intercept has none; reversing what is compared turns the sign."""
    scenarios = kind.scenarios(asked(kind.name), OUTLINE)
    assert sum(each.weight for each in scenarios) == pytest.approx(0, abs=1e-9)
    turn = {"between": ("usual", "extra"), "pairs": {**PAIRS, "arm": ("usual", "extra")}}
    if compared := {*turn} & {*kind.needs}:
        turned = kind.scenarios(asked(kind.name, **{key: turn[key] for key in compared}), OUTLINE)

        def key(each):
            return str(each.fixed), str(each.shift)

        assert {key(e): e.weight for e in turned} == {key(e): -e.weight for e in scenarios}


@pytest.mark.parametrize("scaling", ["sample", "raw"])
def test_what_a_kind_weighs_by_hand(scaling):
    """In ``y ~ arm * x * w + dose`` each estimand is a sum of coefficients that anybody can write down."""
    names = Names()
    rng = np.random.default_rng(3)
    table = names.table().assign(w=rng.normal(7, 2, 60))
    number = {"kind": "number", "range": [-1e6, 1e6], "unit": "points", "integer": False}
    wanted = {
        "change": asked("slope_change", group="usual"),
        "change_extra": asked("slope_change", group="extra"),
        "high": asked("slope", group="extra", at={"w": 1.0}),
        "apart": asked("slope_difference", at={"w": -1.0}),
        "gap": asked("adjusted_difference", at={"x": 2.0, "w": 0.0}),
        "dose": asked("adjusted_difference", by="dose", between=("none", "some")),
        "bent": asked("interaction", of="x", by="w", pairs={"arm": PAIRS["arm"]}),
    }
    study = names.study()
    dumped = study.model_dump(exclude_unset=True)
    dumped["measure"] = [*dumped["measure"], {"id": "w", "label": "w", **number}]
    dumped["estimand"] = [{**e.model_dump(exclude_unset=True), "name": name} for name, e in wanted.items()]
    study = type(study).model_validate(dumped)
    formula = "y ~ arm * x * w + dose"
    terms = ("Intercept", "arm", "x", "w", "arm:x", "arm:w", "x:w", "arm:x:w", "dose", "sigma")
    prior = {"dist": "Normal", "mu": 0, "sigma": 1, "reason": "made up"}
    priors = dict.fromkeys(terms, prior) | {"sigma": {"dist": "HalfNormal", "sigma": 1, "reason": "made up"}}
    model = names.model(formula=formula, priors=priors, scaling=scaling)
    laid_out = design(model, table, study)
    found = answers(laid_out)
    assert not found.refused
    sd = {name: float(table[name].std()) for name in ("y", "x", "w")}
    mean = {name: float(table[name].mean()) for name in ("x", "w")}
    if scaling == "sample":
        sd, mean = dict.fromkeys(sd, 1.0), dict.fromkeys(mean, 0.0)
    xs, ws, x0, w0 = sd["x"], sd["w"], mean["x"], mean["w"]
    by_hand = {
        "change": {"x:w": xs * ws},
        "change_extra": {"x:w": xs * ws, "arm:x:w": xs * ws},
        "high": {"x": xs, "arm:x": xs, "x:w": xs * (w0 + ws), "arm:x:w": xs * (w0 + ws)},
        "apart": {"arm:x": xs, "arm:x:w": xs * (w0 - ws)},
        "gap": {"arm": 1, "arm:x": x0 + 2 * xs, "arm:w": w0, "arm:x:w": (x0 + 2 * xs) * w0},
        "dose": {"dose[none]": 1},
        "bent": {"arm:x:w": xs * ws},
    }
    for estimand, weights in zip(found.linear, found.weights[0], strict=True):
        expected = [by_hand[estimand.name].get(column, 0.0) / sd["y"] for column in laid_out.columns]
        np.testing.assert_allclose(weights, expected, atol=1e-9, err_msg=estimand.name)


def test_a_kind_is_read_by_the_name_that_it_had_before():
    old = Estimand(name="apart", kind="group_gap", meaning="apart", between=("a", "b"))
    assert old.kind == "adjusted_difference"
