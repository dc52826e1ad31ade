"""Kill criteria fire exactly where the specification says, and show the figures."""

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.config.settings import KillCriterion
from assay.errors import ConfigError
from assay.framing.kill_criteria import custom, heuristic_close, judge, no_better_than_random, quality_overdue
from assay.ledger.evidence import Evidence, plain
from assay.metrics.estimate import Estimate

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def figure(value: float) -> Estimate:
    return Estimate(value, value - 0.01, value + 0.01, 1000, "bca-1000")


def assessed(days_ago: float, score: float) -> Evidence:
    time = (NOW - timedelta(days=days_ago)).isoformat()
    return Evidence("data.quality", "data:all", "pass", "", {"score": score}, id="E-000001", time=time)


def test_a_rule_nearly_as_good_in_skill_fires_with_both_skills_side_by_side() -> None:
    # skills: 1 - 0.610 / 0.690 = 11.59 %, 1 - 0.617 / 0.690 = 10.58 %; 10.58 / 11.59 = 91.25 % of the model
    found = heuristic_close(figure(0.610), figure(0.617), 0.690, metric="log_loss")
    assert found.verdict == "fail"
    assert found.subject == "kill_criterion:heuristic_close"
    assert found.summary == (
        "the heuristic reaches 91.2% of the model, more than 90%; skill in log_loss: model 11.6% (0.6100), "
        "heuristic 10.6% (0.6170), no information 0.6900"
    )
    assert found.figures["model"]["skill"] == pytest.approx(0.1159, abs=1e-4)
    assert found.figures["heuristic"]["skill"] == pytest.approx(0.1058, abs=1e-4)


def test_a_rule_far_behind_does_not_fire() -> None:
    found = heuristic_close(figure(0.610), figure(0.640), 0.690, metric="log_loss")
    assert found.verdict == "pass"
    assert "not more than 90%" in found.summary


def test_scores_count_from_no_information_to_one() -> None:
    # (0.80 - 0.5) / 0.5 = 60 %, (0.78 - 0.5) / 0.5 = 56 %; 56 / 60 = 93 %
    found = heuristic_close(figure(0.80), figure(0.78), 0.5, metric="roc_auc")
    assert found.verdict == "fail"
    assert found.figures["share"] == pytest.approx(0.9333, abs=1e-4)
    assert heuristic_close(figure(0.80), figure(0.76), 0.5, metric="roc_auc").verdict == "pass"


def test_a_model_without_skill_has_nothing_for_a_rule_to_miss() -> None:
    for rule in (0.60, 0.70, 0.90):
        assert heuristic_close(figure(0.70), figure(rule), 0.69, metric="log_loss").verdict == "fail"


def test_figures_that_are_undefined_warn_and_never_pass() -> None:
    nan = figure(math.nan)
    assert heuristic_close(nan, figure(0.6), 0.69, metric="log_loss").verdict == "warn"
    assert heuristic_close(figure(0.6), nan, 0.69, metric="log_loss").verdict == "warn"
    assert heuristic_close(figure(0.6), figure(0.6), 0.0, metric="log_loss").verdict == "warn"
    assert no_better_than_random(nan, 0.69, metric="log_loss").verdict == "warn"
    assert no_better_than_random(figure(0.9), 1.0, metric="roc_auc").verdict == "warn"


@pytest.mark.parametrize(
    ("value", "no_information", "metric", "verdict"),
    [
        (0.612, 0.685, "log_loss", "pass"),  # a gain of 10.66 %
        (0.62, 0.685, "log_loss", "fail"),  # 9.49 %
        (0.75, 1.0, "mae", "pass"),
        (0.9, 1.0, "mae", "fail"),  # exactly a tenth is not more than a tenth
        (0.54, 0.5, "roc_auc", "fail"),  # 8 %
        (0.56, 0.5, "roc_auc", "pass"),  # 12 %
        (0.05, 0.0, "r2", "fail"),
        (0.7, 0.69, "log_loss", "fail"),
    ],
)
def test_a_model_must_gain_more_than_a_tenth(value: float, no_information: float, metric: str, verdict: str) -> None:
    assert no_better_than_random(figure(value), no_information, metric=metric).verdict == verdict


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ConfigError, match="log_los"):
        no_better_than_random(figure(0.6), 0.7, metric="log_los")


@given(st.floats(0.01, 2), st.floats(0.01, 2), st.floats(0.01, 2))
def test_evidence_is_plain_and_a_better_rule_never_saves_the_model(model: float, rule: float, nothing: float) -> None:
    found = heuristic_close(figure(model), figure(rule), nothing, metric="log_loss")
    plain(found.figures)
    if found.verdict == "fail":
        assert heuristic_close(figure(model), figure(rule * 0.9), nothing, metric="log_loss").verdict == "fail"


def test_quality_below_the_gate_for_more_than_fourteen_days_fires() -> None:
    overdue = [assessed(15, 12), assessed(3, 17.9)]
    found = quality_overdue(overdue, minimum=18, now=NOW)
    assert found.verdict == "fail"
    assert found.summary == "data quality 17.9 is below 18 since 2026-11-06, 15 days; limit 14"
    assert quality_overdue([assessed(14, 12)], minimum=18, now=NOW).verdict == "pass"
    assert quality_overdue(overdue, minimum=18, now=NOW, days=20).verdict == "pass"


def test_an_assessment_that_passes_starts_the_days_anew() -> None:
    assert quality_overdue([assessed(40, 12), assessed(10, 20)], minimum=18, now=NOW).verdict == "pass"
    assert quality_overdue([assessed(40, 12), assessed(20, 18), assessed(3, 12)], minimum=18, now=NOW).verdict == "pass"
    later = [assessed(40, 20), assessed(20, 12), assessed(3, 12)]
    random.Random(1).shuffle(later)
    assert quality_overdue(later, minimum=18, now=NOW).verdict == "fail"


def test_quality_that_was_never_assessed_is_no_reason_to_give_up() -> None:
    assert quality_overdue([], minimum=18, now=NOW).verdict == "info"
    unrecorded = Evidence("data.quality", "data:all", "fail", "", {"score": 3})
    assert quality_overdue([unrecorded], minimum=18, now=NOW).verdict == "pass"


def test_a_project_s_own_criterion_shows_its_figures() -> None:
    figures = {"evaluation": {"brier": figure(0.27).to_json()}}
    found = custom(KillCriterion(name="too blurred", when="evaluation.brier.value > 0.25"), figures)
    assert (found.verdict, found.subject) == ("fail", "kill_criterion:too blurred")
    assert found.summary == "evaluation.brier.value > 0.25: holds; evaluation.brier.value = 0.27"
    assert custom("evaluation.brier.value > 0.3", figures).verdict == "pass"


def test_a_criterion_without_its_figures_warns_and_names_the_nearest() -> None:
    found = custom("evaluation.brir.value > 0.25", {"evaluation": {"brier": {"value": 0.3}}})
    assert found.verdict == "warn"
    assert "did you mean 'evaluation.brier.value'?" in found.summary


def test_criteria_are_judged_in_order() -> None:
    found = judge(["a > 1", KillCriterion(name="b", when="a > 3")], {"a": 2})
    assert [(one.subject, one.verdict) for one in found] == [
        ("kill_criterion:a > 1", "fail"),
        ("kill_criterion:b", "pass"),
    ]
