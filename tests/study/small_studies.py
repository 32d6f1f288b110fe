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


def one_sample(n, *numbers, terms=("x", "z", "x:z"), steps=None, measures=None, groups=(), **analysis):
    """A study of one sample, y by some terms, with nothing but names and numbers; ``n`` of None is not printed."""
    steps = steps or [{"id": "all", "label": "all", "adds": list(terms)}]
    used = {part: None for step in steps for term in step["adds"] for part in term.split(":")}
    kinds = {name: {"kind": "number"} for name in ("y", *used)} | (measures or {})
    facts = [number("n", str(n))] if n else []
    content = {
        "id": "sample",
        "analysis": {"outcome": "y", **analysis},
        "group": [{"id": name, "label": name} for name in groups],
        "measure": [{"id": name, **kind} for name, kind in kinds.items()],
        "step": steps,
        "fact": [],
    }
    for position, fact in enumerate(map(dict, [*facts, *numbers])):
        name = fact.pop("name") or f"{fact['quantity']}_{position}"
        content["fact"].append({"id": name, "source": SOURCE, **fact})
    return validated(Study, content, "sample")


def rows_of(step, table, columns, **more):
    """Facts of a table: a row a term, ``""`` for an empty cell, ``<.001`` for a threshold."""
    for term, *cells in table:
        for column, cell in zip(columns, cells, strict=True):
            if cell:
                relation = cell[0] if cell[0] in "<>" else "="
                where = {"step": step, "term": term, "name": f"{step}_{term.replace(':', '_x_')}_{column}", **more}
                scaled = column in ("", "se", "ci_low", "ci_high")
                where = where if scaled else {key: value for key, value in where.items() if key != "standardised"}
                yield number("_".join(filter(None, ("coefficient", column))), cell.strip("<>"), relation, **where)
