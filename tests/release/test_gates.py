"""A gate answers from its conditions alone, names the records, and is overridden only by a person with a reason."""

import pytest

from assay.errors import GateRefused, UsageError
from assay.ledger.evidence import Evidence
from assay.release.gates import Condition, Override, approve, decide, refuse

HOLDS = Condition("size", "pass", "1 MB (limit 500 MB)", ("E-000001",))
FAILS = Condition("latency", "fail", "p99 200 ms (limit 100 ms)", ("E-000002",))
UNAPPROVED = Condition("approval", "fail", "policy 'person': every version needs a person's approval")
SUBJECT = "model:win@1.0.0"


def test_a_gate_passes_when_everything_holds_and_rests_on_the_records():
    gate = decide("staging", [HOLDS, Condition("calibration", "info", "not judged", ("E-000009",))], subject=SUBJECT)
    assert (gate.kind, gate.verdict, gate.parents) == ("gate.staging", "pass", ("E-000001", "E-000009"))


def test_one_failure_closes_it_and_the_refusal_names_figures_and_records():
    gate = decide("staging", [HOLDS, FAILS], subject=SUBJECT)
    assert gate.verdict == "fail"
    assert gate.summary == "staging gate: 1 of 2 conditions hold; refused by latency"
    with pytest.raises(GateRefused, match=r"latency: p99 200 ms \(limit 100 ms\) \[E-000002\]") as refusal:
        refuse(gate)
    assert refusal.value.exit_code == 3


def test_a_warning_does_not_close_it_but_shows():
    gate = decide("staging", [HOLDS, Condition("drift", "warn", "0.11")], subject=SUBJECT)
    assert gate.verdict == "warn"
    refuse(gate)


def test_an_override_is_recorded_with_person_and_reason_and_only_warns():
    gate = decide("staging", [HOLDS, FAILS], subject=SUBJECT, overrides=[Override("latency", "Ada", "batch use only")])
    assert gate.verdict == "warn"
    assert gate.figures["conditions"][1]["override"] == {"by": "Ada", "reason": "batch use only"}
    assert "latency by Ada" in gate.summary


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (Override("latency", " ", "why"), "needs a person"),
        (Override("latency", "Ada", ""), "needs a person"),
        (Override("size", "Ada", "why"), "nothing to override in size; failed: latency"),
        (Override("typo", "Ada", "why"), "nothing to override in typo"),
    ],
)
def test_an_override_without_person_reason_or_failure_is_refused(override: Override, message: str):
    with pytest.raises(UsageError, match=message):
        decide("staging", [HOLDS, FAILS], subject=SUBJECT, overrides=[override])


def test_a_gate_that_asks_nothing_is_refused():
    with pytest.raises(UsageError, match="proves nothing"):
        decide("staging", [], subject=SUBJECT)


def recorded(gate: Evidence) -> Evidence:
    return Evidence(gate.kind, gate.subject, gate.verdict, gate.summary, gate.to_json()["figures"], id="E-000050")


def test_a_persons_approval_opens_what_only_lacked_it():
    last = recorded(decide("production", [HOLDS, UNAPPROVED], subject=SUBJECT))
    gate = approve("production", last, subject=SUBJECT, actor="Ada", reason="reviewed the card")
    assert gate.verdict == "pass"
    assert gate.parents[0] == "E-000050"
    assert "approved by Ada: reviewed the card" in gate.figures["conditions"][1]["reason"]


def test_approval_does_not_override_but_an_override_does():
    last = recorded(decide("production", [FAILS, UNAPPROVED], subject=SUBJECT))
    assert approve("production", last, subject=SUBJECT, actor="Ada", reason="go").verdict == "fail"
    gate = approve("production", last, subject=SUBJECT, actor="Ada", reason="go", override=True)
    assert gate.verdict == "warn"
    assert gate.figures["conditions"][0]["override"] == {"by": "Ada", "reason": "go"}


def test_approval_needs_a_person_a_reason_and_a_gate_that_was_asked():
    last = recorded(decide("production", [UNAPPROVED], subject=SUBJECT))
    with pytest.raises(UsageError, match="never asked"):
        approve("production", None, subject=SUBJECT, actor="Ada", reason="go")
    for actor, reason in (("", "go"), ("Ada", " ")):
        with pytest.raises(UsageError, match="Both are recorded"):
            approve("production", last, subject=SUBJECT, actor=actor, reason=reason)
