"""Small records of two groups, written in a line a number: ``number("mean", "20.00", of="y", group="first")``."""

from decimal import Decimal

from hikibayes.spec import validated
from hikibayes.study.study import Study

SOURCE = {"locator": "made up", "quote": "made up"}


def number(quantity, value, relation="=", name=None, **address):
    address = {key.rstrip("_"): Decimal(part) if key == "within" else part for key, part in address.items()}
    return {"quantity": quantity, "value": Decimal(value), "relation": relation, "name": name, **address}


def described(measure, *rows, groups=("first", "second")):
    """Means and SDs of a measure, a pair a group."""
    for group, (mean, sd) in zip(groups, rows, strict=True):
        yield number("mean", mean, of=measure, group=group)
        yield number("sd", sd, of=measure, group=group)


def small_study(sizes, *numbers, terms=("arm", "x", "arm:x"), measures=("y", "x"), steps=None, **analysis):
    """A study of y by arm and x with some numbers; each fact is called by its quantity, or as it says itself."""
    facts = [number("n", str(n), group=group) for group, n in zip(("first", "second"), sizes, strict=True)]
    facts += list(numbers)
    content = {
        "id": "small",
        "description": "made up",
        "citation": {"authors": ["A"], "year": 2020, "title": "T", "journal": "J", "read": "all"},
        "group": [{"id": name, "label": name} for name in ("first", "second")],
        "analysis": {"outcome": "y", "group": "arm", "focal": "x", **analysis},
        "measure": [
            {
                "id": "arm",
                "label": "Arm",
                "kind": "category",
                "levels": [{"id": g, "label": g} for g in ("first", "second")],
            },
            *(
                {"id": m, "label": m, "kind": "number", "unit": "points", "range": [-1000, 1000], "integer": False}
                for m in measures
            ),
        ],
        "step": steps or [{"id": "all", "label": "all", "adds": list(terms)}],
        "fact": [],
    }
    for position, fact in enumerate(map(dict, facts)):
        name = fact.pop("name") or f"{fact['quantity']}_{position}"
        content["fact"].append({"id": name, "source": SOURCE, **fact})
    return validated(Study, content, "small")
