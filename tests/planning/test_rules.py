"""Every condition of a rule against five studies whose conclusions, and whether they are right, are written by hand."""

import numpy as np
import pytest

from hikibayes.planning.designs.rules import CONDITIONS, Rule
from hikibayes.planning.results.performance import _precision

ROPE = (-0.1, 0.1)
FOUND = {
    "lower": np.array([0.1, -0.5, -0.2, 0.1, -0.05]),
    "upper": np.array([0.5, -0.1, 0.2, 0.5, 0.15]),
    "mean": np.array([0.3, -0.3, 0.01, 0.3, 0.05]),
    "truth": np.array([0.2, 0.2, 0.0, -0.2, 0.3]),
    "p_positive": np.array([0.99, 0.01, 0.55, 0.99, 0.8]),
    "p_rope": np.array([0.02, 0.02, 0.6, 0.02, 0.7]),
    "log_bf10": np.log([12, 12, 0.2, 12, 0.3]),
    "log_right": np.array([1.0, 0.0, 0.5, 0.3, 2.0]),
}
ALL, SIDE, POSITIVE, THERE, NONE = "11111", "10001", "11001", "11011", "00100"
BY_HAND = {
    "above": ({"interval": 0.95, "above": 0}, "10010", POSITIVE, POSITIVE),
    "below": ({"interval": 0.95, "below": 0}, "01000", "00010", "00010"),
    "excludes": ({"interval": 0.95, "excludes": 0}, "11010", SIDE, THERE),
    "inside": ({"interval": 0.95, "inside": (-0.25, 0.25)}, "00101", "11110", "11110"),
    "outside": ({"interval": 0.95, "outside": (-0.05, 0.05)}, "11010", SIDE, THERE),
    "narrower_than": ({"interval": 0.95, "narrower_than": 0.3}, "00001", ALL, ALL),
    "p_positive_above": ({"p_positive_above": 0.975}, "10010", POSITIVE, POSITIVE),
    "p_positive_below": ({"p_positive_below": 0.025}, "01000", "00010", "00010"),
    "region_excludes_zero": ({"region_excludes_zero": 0.95}, "10010", POSITIVE, POSITIVE),
    "p_rope_above": ({"p_rope_above": 0.5}, "00101", NONE, NONE),
    "p_rope_below": ({"p_rope_below": 0.05}, "11010", SIDE, THERE),
    "replication_bf_above": ({"replication_bf_above": 10}, "11010", SIDE, THERE),
    "replication_bf_below": ({"replication_bf_below": 1 / 3}, "00101", ALL, NONE),
    "joint_p_positive_above": ({"joint_p_positive_above": 0.975}, "10010", POSITIVE, POSITIVE),
    "joint_p_positive_below": ({"joint_p_positive_below": 0.025}, "01000", "00010", "00010"),
    "original_weight_above": ({"original_weight_above": 0.6}, "10101", ALL, ALL),
    "bf10_above": ({"bf10_above": 10}, "11010", SIDE, THERE),
    "bf10_below": ({"bf10_below": 1 / 3}, "00101", ALL, NONE),
}
"""Which of the studies conclude, in which that is right, and for which true values a study without end would."""


def test_every_condition_is_written_by_hand():
    assert set(BY_HAND) == set(CONDITIONS)


@pytest.mark.parametrize("name", BY_HAND)
def test_conditions_decide_and_are_right_as_written_by_hand(name):
    content, decides, correct, holds = BY_HAND[name]
    rule = Rule.model_validate(content)
    for made, wanted in (
        (rule.decides(FOUND), decides),
        (rule.correct(FOUND, ROPE), correct),
        (rule.holds(FOUND["truth"], ROPE), holds),
    ):
        assert "".join("01"[int(x)] for x in made) == wanted


def test_an_interval_covers_a_truth_between_its_ends_and_at_them():
    low, truth, high = np.array([[0.0, -1, 1], [0, 0, 1], [0, 0.5, 1], [0, 1, 1], [0, 2, 1]]).T
    assert _precision({"lower": low, "upper": high, "truth": truth, "mean": truth})["coverage"][0] == 3 / 5
