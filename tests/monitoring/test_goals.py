"""Goals: met, at risk and missed by hand, and quantiles whose intervals cover what they say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.config.settings import Goal
from assay.metrics.estimate import Estimate
from assay.monitoring.goals import Seen, judge, quantile_estimate, state_of


def goal(operator="<=", value=0.14, **changes):
    return Goal.model_validate({"metric": "log_loss", "operator": operator, "value": value} | changes)


def seen(value, low=math.nan, high=math.nan):
    return Estimate(value, low, high, 500, "bca-1000")


@pytest.mark.parametrize(
    ("estimate", "state"),
    [
        (seen(0.12, 0.11, 0.13), "met"),
        (seen(0.12, 0.11, 0.15), "at risk"),  # the figure holds, its interval reaches beyond
        (seen(0.15, 0.13, 0.17), "missed"),
        (seen(0.10), "met"),
        (seen(0.13), "at risk"),  # without an interval: within a tenth of the target
        (seen(0.141), "missed"),
        (seen(math.nan), "no figure yet"),
        (None, "no figure yet"),
    ],
)
def test_a_figure_that_is_to_stay_below(estimate, state):
    assert state_of(goal(), estimate) == state


def test_a_figure_that_is_to_stay_above_and_strict_operators():
    assert state_of(goal(">=", 0.8), seen(0.85, 0.79, 0.9)) == "at risk"
    assert state_of(goal(">=", 0.8), seen(0.85, 0.8, 0.9)) == "met"
    assert state_of(goal(">", 0.8), seen(0.8)) == "missed"
    assert state_of(goal("<", 100, margin=0), seen(99.9)) == "met"


@given(st.floats(0, 1), st.floats(0, 0.3), st.floats(0, 0.3), st.floats(0, 1))
def test_below_and_above_are_mirror_images(value, down, up, target):
    below = state_of(goal("<=", target), seen(value, value - down, value + up))
    above = state_of(goal(">=", -target), seen(-value, -value - up, -value + down))
    assert below == above


def test_the_evidence_names_owner_source_and_record():
    found = judge(goal(owner="ops"), Seen(seen(0.15, 0.13, 0.17), "holdout", "E-000007"), owner="team", model="m@1.0.0")
    assert (found.kind, found.verdict, found.parents) == ("monitoring.goal", "fail", ("E-000007",))
    assert (found.figures["owner"], found.figures["window"], found.figures["target"]) == ("ops", "7d", "<= 0.14")
    none = judge(goal(name="useful"), Seen(None, "nothing is in production"), owner="team", model="")
    assert (none.verdict, none.figures["owner"]) == ("info", "team")
    assert none.summary == "useful no figure yet: log_loss <= 0.14 (nothing is in production)"


def test_a_median_of_six_has_the_whole_range_for_its_interval_and_of_five_none():
    # six: both ends lie on one side with a chance of 2 / 2**6 = 3.1 %; five: 2 / 2**5 = 6.3 %, more than 5 %
    six = quantile_estimate(np.arange(1.0, 7.0), 0.5)
    assert (six.value, six.low, six.high) == (3.5, 1.0, 6.0)
    assert math.isnan(quantile_estimate(np.arange(1.0, 6.0), 0.5).low)
    assert math.isnan(quantile_estimate(np.array([]), 0.5).value)


@pytest.mark.parametrize("quantile", [0.5, 0.95, 0.99])
def test_intervals_of_quantiles_cover_at_least_what_they_say(quantile):
    rng = np.random.default_rng(11)
    truth = -np.log(1 - quantile)  # of the exponential distribution
    found = [quantile_estimate(rng.exponential(size=2_000), quantile) for _ in range(400)]
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert covered >= 0.925  # 95 % less three standard errors of 400 tries
