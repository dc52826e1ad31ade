"""An incomplete brief is reported field by field; a complete one passes with its latency limit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.config.settings import Brief
from assay.framing.brief import LATENCY_LIMIT_MS, NEEDED, complete, is_answered

COMPLETE: dict[str, Any] = {
    "business_objective": "Keep customers who would leave",
    "success_metric": "churn falls from 4 % to 3 %",
    "baseline": "rules:long_silence",
    "ml_task_type": "classification",
    "prediction_target": "cancels within 30 days",
    "prediction_consumer": "email",
    "latency_requirement": "near_realtime",
    "data_available": "purchases since 2024",
    "data_gaps": "none known",
    "ethical_considerations": "none known",
}


def gaps_of(**changes: Any) -> dict[str, str]:
    found = complete(Brief.model_validate({**COMPLETE, **changes}))
    return {gap["field"]: gap["problem"] for gap in found.figures["gaps"]}


def test_a_complete_brief_passes_and_kill_criteria_are_optional() -> None:
    found = complete(Brief.model_validate(COMPLETE), project="shop")
    assert (found.kind, found.subject, found.verdict) == ("framing.brief", "brief:shop", "pass")
    assert found.summary == "brief complete: 10 of 10 fields"
    assert found.figures["latency_limit_ms"] == 1000.0


def test_an_empty_brief_lists_every_field_with_what_to_write() -> None:
    found = complete(Brief())
    assert found.verdict == "fail"
    assert [gap["field"] for gap in found.figures["gaps"]] == list(NEEDED)
    assert all(gap["fix"] for gap in found.figures["gaps"])
    assert found.figures["fields_complete"] == 0


@pytest.mark.parametrize("field", list(NEEDED))
def test_a_single_missing_field_is_named(field: str) -> None:
    assert gaps_of(**{field: ""}) == {field: "not filled in"}
    assert complete(Brief.model_validate({**COMPLETE, field: ""})).summary == f"brief incomplete: {field}"


def test_a_success_metric_needs_a_number() -> None:
    assert gaps_of(success_metric="fewer customers leave") == {
        "success_metric": "names no number, so nobody could say whether it was met"
    }


@pytest.mark.parametrize("text", ["", "  ", "TODO", "tbd.", "to do", "...", "???", "(fill me in)", "Lorem ipsum dolor"])
def test_placeholders_are_no_answers(text: str) -> None:
    assert not is_answered(text)


@pytest.mark.parametrize("text", ["none known", "todos of the support team", "x", "n/a", "7"])
def test_short_answers_are_answers(text: str) -> None:
    assert is_answered(text)


def test_a_broken_kill_criterion_is_found_before_it_is_needed() -> None:
    found = gaps_of(kill_criteria=["a >", {"name": "x", "when": "a > 1"}, {"name": "x", "when": "b > 1"}])
    assert "not an expression" in found["kill_criteria.0"]
    assert found["kill_criteria.2"] == "'x' is there twice"
    assert set(found) == {"kill_criteria.0", "kill_criteria.2"}


def test_values_of_true_positives_mean_nothing_for_a_regression() -> None:
    assert "business_value" in gaps_of(ml_task_type="regression", business_value={"true_positive": 1})
    assert gaps_of(ml_task_type="regression", business_value={"function": "value:of"}) == {}
    assert gaps_of(business_value={"true_positive": 1}) == {}


def test_latency_words_have_limits() -> None:
    assert dict(LATENCY_LIMIT_MS) == {"realtime": 100.0, "near_realtime": 1000.0, "batch": None}


@given(st.text(max_size=200))
def test_any_text_is_judged(text: str) -> None:
    assert is_answered(text) in (True, False)
