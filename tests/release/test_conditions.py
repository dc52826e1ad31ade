"""Each default condition answers from its evidence, and fails where there is none."""

from typing import Any

import pytest

from assay.ledger.evidence import Evidence, Verdict
from assay.release import conditions
from assay.release.gates import Condition
from assay.release.versions import ModelVersion, Stage

SUBJECT = "model:win@1.1.0"


def version(number: str, stage: Stage = "production") -> ModelVersion:
    return ModelVersion("win", number, "d", "s", "p", stage, "E-000001", "2026-11-21T10:00:00.000000Z", "E-000002")


def evidence(kind: str, verdict: Verdict = "pass", number: int = 1, **figures: Any) -> Evidence:
    return Evidence(kind, SUBJECT, verdict, f"summary of {kind}", figures, id=f"E-{number:06d}")


def comparison(other: str, *, better: bool) -> Evidence:
    return evidence("model.comparison", other={"name": other, "value": 0.6}, better=better)


def proof() -> dict[str, Any]:
    return {
        "comparisons": [comparison("no information", better=True), comparison("win@1.0.0", better=True)],
        "production": version("1.0.0"),
        "leakage": [evidence("leakage.time_travel"), evidence("leakage.split")],
        "evaluation": evidence("model.evaluation", metrics={"expected_calibration_error": {"value": 0.02}}),
        "kill_criteria": [evidence("framing.kill_criterion")],
        "measured": [evidence("model.golden"), evidence("model.size", megabytes=2.0), evidence("model.latency")],
        "max_calibration_error": 0.05,
        "behaviour": evidence("model.behaviour"),
    }


def failing(**changes: Any) -> dict[str, str]:
    found = conditions.staging_conditions(**{**proof(), **changes})
    return {one.name: one.reason for one in found if one.verdict == "fail"}


def test_with_all_the_proof_nothing_fails_and_every_condition_names_a_record():
    found = conditions.staging_conditions(**proof())
    assert [one.name for one in found if one.verdict == "fail"] == []
    assert all(one.evidence for one in found)


@pytest.mark.parametrize(
    ("changes", "name", "reason"),
    [
        ({"comparisons": []}, "beats baseline", "no model.comparison"),
        ({"comparisons": [comparison("win@1.0.0", better=False)]}, "beats win@1.0.0", "summary"),
        ({"comparisons": [comparison("no information", better=True)]}, "beats win@1.0.0", "no model.comparison"),
        ({"leakage": []}, "leakage clean", "no leakage check"),
        ({"leakage": [evidence("leakage.split", "fail")]}, "leakage clean", "summary of leakage.split"),
        ({"evaluation": None}, "calibration", "no model.evaluation"),
        ({"kill_criteria": []}, "kill criteria", "no framing.kill_criterion"),
        ({"kill_criteria": [evidence("framing.kill_criterion", "fail")]}, "kill criteria", "summary"),
        ({"tests": [evidence("fairness.parity", "fail")]}, "fairness.parity", "summary"),
        ({"behaviour": evidence("model.behaviour", "fail")}, "behavioural tests hold", "summary of model.behaviour"),
        ({"custom": ("model.size.megabytes < 1",)}, "model.size.megabytes < 1", "does not hold"),
        ({"custom": ("model.weight < 1",)}, "model.weight < 1", "cannot be answered"),
    ],
)
def test_each_failure_closes_its_own_condition_alone(changes: dict[str, Any], name: str, reason: str):
    found = failing(**changes)
    assert list(found) == [name]
    assert reason in found[name]


def test_a_project_without_behavioural_tests_is_told_so_and_not_judged():
    (found,) = [one for one in conditions.staging_conditions(**proof() | {"behaviour": None}) if one.verdict != "pass"]
    assert (found.name, found.verdict) == ("behavioural tests hold", "info")
    assert "evaluation.behaviour" in found.reason


def test_a_condition_of_the_project_can_ask_the_behavioural_tests():
    behaviour = evidence("model.behaviour", n=3_000)
    assert failing(behaviour=behaviour, custom=("model.behaviour.n >= 3000",)) == {}
    assert list(failing(behaviour=behaviour, custom=("model.behaviour.n > 3000",))) == ["model.behaviour.n > 3000"]


def test_without_measurements_golden_set_size_and_latency_fail():
    assert set(failing(measured=[])) == {"golden set", "size", "latency"}


@pytest.mark.parametrize(("value", "verdict"), [(0.05, "pass"), (0.0501, "fail"), (None, "fail")])
def test_calibration_is_judged_at_its_limit_and_undefined_is_not_good(value: float | None, verdict: str):
    judged = evidence("model.evaluation", metrics={"expected_calibration_error": {"value": value}})
    assert conditions.calibrated(judged, limit=0.05).verdict == verdict


def test_a_regression_has_no_calibration_to_judge():
    assert conditions.calibrated(evidence("model.evaluation", metrics={}), limit=0.05).verdict == "info"


@pytest.mark.parametrize(
    ("policy", "candidate", "serving", "by", "verdict"),
    [
        ("automatic", "2.0.0", "1.0.0", "", "pass"),
        ("minor", "1.1.0", "1.0.0", "", "pass"),
        ("minor", "2.0.0", "1.0.0", "", "fail"),
        ("minor", "1.0.0", None, "", "pass"),
        ("minor", "2.0.0", "1.0.0", "Ada", "pass"),
        ("person", "1.1.0", "1.0.0", "", "fail"),
        ("person", "1.1.0", "1.0.0", "Ada", "pass"),
    ],
)
def test_approval_follows_the_policy(policy: str, candidate: str, serving: str | None, by: str, verdict: str):
    found = conditions.production_conditions(
        measured=[evidence("release.load_test"), evidence("release.integration_test")],
        version=version(candidate, "staging"),
        production=version(serving) if serving else None,
        approval=policy,
        approved_by=by,
    )
    assert {one.name: one.verdict for one in found}["approval"] == verdict


def test_without_trials_nothing_enters_production():
    found: list[Condition] = conditions.production_conditions(
        measured=[], version=version("1.1.0"), production=None, approval="automatic"
    )
    assert [one.name for one in found if one.verdict == "fail"] == ["load test", "integration test"]


def sliced(gap: float, *, worse: bool) -> Evidence:
    judged = {"column": "plan", "value": "basic", "estimate": {"value": 0.5 + gap}, "worse": worse}
    whole = {"log_loss": {"value": 0.5}, "expected_calibration_error": {"value": 0.02}}
    return evidence("model.evaluation", primary="log_loss", metrics=whole, slices=[judged])


def test_a_slice_that_is_surely_worse_by_more_than_its_limit_fails():
    found = failing(evaluation=sliced(0.2, worse=True), max_worst_slice_gap=0.1)
    assert found == {"slices": "worse than the whole: plan = basic by 0.2000 (limit 0.1)"}


@pytest.mark.parametrize(("gap", "worse", "limit"), [(0.2, True, 0.25), (0.2, False, 0.1), (0.2, True, None)])
def test_a_slice_within_its_limit_or_within_chance_or_without_a_limit_does_not_fail(gap, worse, limit):
    assert failing(evaluation=sliced(gap, worse=worse), max_worst_slice_gap=limit) == {}
