"""The figure of a calibration has a row for every unprinted number, and says which of them are pinned."""

import numpy as np
import pandas as pd
import pytest

from hikibayes.reporting.figures_calibration import OPEN_COLOUR, PINNED_COLOUR, SAMPLING_COLOUR, calibration_figure

QUANTITIES = (
    "slope_hikikomori",
    "step1: b of age",
    "step3: b of group:instrumental_support",
    "step3: slope of instrumental_support in control",
    "step3: slope difference of instrumental_support",
    "r(age, abs_h)",
    "difference of age",
    "SD ratio of age",
    "step2: R2",
)


@pytest.fixture(scope="module")
def table():
    rows = {
        "quantity": QUANTITIES,
        "fact": ["slope", *[np.nan] * (len(QUANTITIES) - 1)],
        "mean": np.linspace(-0.4, 0.4, len(QUANTITIES)),
        "sampling_error": 0.1,
        "pinned": [True, False, True, False, False, False, False, False, True],
    }
    frame = pd.DataFrame(rows)
    return frame.assign(q05=frame["mean"] - 0.05, q95=frame["mean"] + 0.07)


@pytest.fixture(scope="module")
def panels(nonaka, table):
    figure = calibration_figure(nonaka.read(), table)
    return {axis.get_title(loc="left"): axis for axis in figure.axes}


def labels(axis):
    return [text.get_text() for text in axis.get_yticklabels()]


def test_every_unprinted_number_has_a_row(panels):
    assert {title: labels(axis) for title, axis in panels.items()} == {
        "Coefficients, Step 1": ["age"],
        "Coefficients, Step 3": ["group × use of instrumental support"],
        "Slopes by group, Step 3": ["use of instrumental support, control group"],
        "Correlations, both groups together": ["age with ABS-H"],
        "Differences between the groups": ["age"],
        "Ratios of the groups' SDs": ["age"],
        "Explained variance": ["Step 2"],
    }


def test_intervals_lie_over_what_sampling_error_would_give(panels, table):
    row = table[table["quantity"] == "step1: b of age"].iloc[0]
    lines = {line.get_color(): line.get_xdata() for line in panels["Coefficients, Step 1"].lines[:2]}
    assert lines[OPEN_COLOUR] == pytest.approx([row["q05"], row["q95"]])
    assert lines[SAMPLING_COLOUR] == pytest.approx([row["mean"] - 0.1645, row["mean"] + 0.1645])


def test_pinned_numbers_are_told_apart_by_colour_and_mark(panels):
    pinned, left_open = (panels[name].lines[2] for name in ("Coefficients, Step 3", "Coefficients, Step 1"))
    assert (pinned.get_color(), left_open.get_color()) == (PINNED_COLOUR, OPEN_COLOUR)
    assert pinned.get_marker() != left_open.get_marker()


def test_axes_say_in_words_what_they_show(panels):
    assert panels["Differences between the groups"].get_xlabel() == "hikikomori group minus control group (pooled SD)"
    assert all(axis.get_xlabel() for axis in panels.values())


def test_a_study_with_one_kind_of_number_has_one_column(nonaka, table):
    figure = calibration_figure(nonaka.read(), table[table["quantity"] == "step2: R2"])
    assert len(figure.axes) == 1
