"""The six signals decide between rules and machine learning, always with the reason."""

import itertools
from typing import Any

import pytest

from assay.config.settings import Brief
from assay.framing.rules_or_ml import QUESTIONS, decide


def decision(n_labelled: int | None = None, **signals: bool) -> tuple[Any, str]:
    found = decide(Brief.model_validate({"signals": signals}), n_labelled=n_labelled)
    return found.figures["decision"], found.summary


@pytest.mark.parametrize(
    ("signals", "n_labelled", "expected", "reason"),
    [
        ({"too_complex_for_people": True}, 5_000, "ml", "nobody can write the rules down"),
        ({"must_adapt": True}, 5_000, "ml", "retrained"),
        ({"outpaces_rules": True}, 5_000, "ml", "out of date"),
        ({"explainable_in_ten_rules": True}, 5_000, "rules", "cheaper to own"),
        ({"must_be_auditable": True}, 5_000, "rules", "retraced by hand"),
        ({"must_be_auditable": True, "too_complex_for_people": True, "must_adapt": True}, 5_000, "rules", "although"),
        ({"too_complex_for_people": True}, 1_000, "rules", "1,000 labelled examples are not more than 1,000"),
        ({"too_complex_for_people": True}, 1_001, "ml", "nobody"),
        ({"too_complex_for_people": True, "over_thousand_labels": True}, 10, "rules", "10 labelled examples"),
        ({"too_complex_for_people": True, "over_thousand_labels": False}, None, "rules", "needed to learn from"),
        ({"too_complex_for_people": True}, None, "ml", "not known yet"),
        ({"explainable_in_ten_rules": True, "must_adapt": True}, 5_000, "rules", "a tie goes to rules"),
        ({"explainable_in_ten_rules": True, "must_adapt": True, "outpaces_rules": True}, 5_000, "ml", "although"),
        ({}, 5_000, "undecided", "answer brief.signals"),
        ({"must_adapt": False}, 5_000, "undecided", "answer brief.signals"),
    ],
)
def test_each_signal_weighs_as_the_specification_says(
    signals: dict[str, bool], n_labelled: int | None, expected: str, reason: str
) -> None:
    found, summary = decision(n_labelled, **signals)
    assert found == expected
    assert reason in summary


def test_it_warns_unless_the_answer_is_machine_learning_and_never_fails() -> None:
    for answers in itertools.product([True, False, None], repeat=len(QUESTIONS)):
        signals = {name: one for name, one in zip(QUESTIONS, answers, strict=True) if one is not None}
        found = decide(Brief.model_validate({"signals": signals}), n_labelled=None)
        assert found.verdict == ("pass" if found.figures["decision"] == "ml" else "warn")
        assert found.figures["reasons"]


def test_every_signal_is_listed_with_its_answer() -> None:
    found = decide(Brief.model_validate({"signals": {"must_adapt": True}}), n_labelled=7, project="shop")
    assert found.subject == "brief:shop"
    answers = {one["signal"]: one["answer"] for one in found.figures["signals"]}
    assert answers == {**dict.fromkeys(QUESTIONS), "must_adapt": True, "over_thousand_labels": False}
