"""The questionnaire asks for what is missing, keeps what is there, and writes nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.config.loading import load
from assay.config.settings import Brief
from assay.errors import ConfigError, UsageError
from assay.framing.brief import NEEDED, complete
from assay.framing.questionnaire import keep, questionnaire, read_brief
from assay.framing.rules_or_ml import QUESTIONS, decide

ANSWERS = {
    "business objective": "Win more games",
    "success metric": "log loss below 0.61",
    "baseline": "rules:elo",
    "ml task type": "clasification",
    "prediction target": "the home team wins",
    "prediction consumer": "dash",
    "latency requirement": "near realtime",
    "data available": "63,157 games",
    "data gaps": "no injuries",
    "ethical considerations": "none known",
    "Is the pattern too complex": "y",
    "Must it adapt": "yes",
    "Can the logic": "no",
}
PROJECT = """\
# a project
name: nba
brief:
  # who asked: the coach
  business_objective: ${WHY:-Win}
  kill_criteria:
    - evaluation.brier.value > 0.3   # blurred
sources:
  games: {path: games.csv}   # public
target: {source: games, label: won, key: id}
"""


def scripted(answers: dict[str, str], asked: list[str] | None = None) -> Callable[[str, tuple[str, ...], str], str]:
    """A person who answers by the beginning of the question, and otherwise presses enter."""

    def ask(question: str, choices: tuple[str, ...], default: str) -> str:
        if asked is not None:
            asked.append(question)
        return next((answer for start, answer in answers.items() if question.startswith(start)), "")

    return ask


def test_answers_make_a_complete_brief() -> None:
    found = questionnaire({}, scripted(ANSWERS))
    brief = Brief.model_validate(found)
    assert complete(brief).verdict == "pass"
    assert (brief.ml_task_type, brief.prediction_consumer, brief.latency_requirement) == (
        "classification",
        "dashboard",
        "near_realtime",
    )
    assert found["signals"] == {
        "explainable_in_ten_rules": False,
        "too_complex_for_people": True,
        "must_adapt": True,
    }
    assert decide(brief, n_labelled=63_157).figures["decision"] == "ml"
    assert "kill_criteria" not in found


def test_every_field_and_every_signal_is_asked_once() -> None:
    asked: list[str] = []
    questionnaire({}, scripted(ANSWERS, asked))
    assert len(asked) == len(NEEDED) + len(QUESTIONS) + 1


def test_what_is_there_is_offered_and_kept() -> None:
    before = questionnaire({}, scripted(ANSWERS))
    before |= {"business_value": {"true_positive": 3}, "kill_criteria": ["a > 1"]}
    assert questionnaire(before, scripted({})) == before


def test_further_kill_criteria_are_added_once_they_can_be_read() -> None:
    answers = iter(["x >", "x > 1", ""])

    def ask(question: str, choices: tuple[str, ...], default: str) -> str:
        if question.startswith("a further reason"):
            return next(answers)
        return scripted(ANSWERS)(question, choices, default)

    assert questionnaire({"kill_criteria": ["a > 1"]}, ask)["kill_criteria"] == ["a > 1", "x > 1"]


@pytest.mark.parametrize(
    ("start", "answer", "complaint"),
    [
        ("success metric", "better", "needs a number"),
        ("data gaps", "???", "needs an answer"),
        ("ml task type", "magic", "must be one of classification"),
        ("prediction consumer", "a", "must be one of api"),  # api or automated_action
    ],
)
def test_a_wrong_answer_is_asked_again_with_the_reason_and_not_for_ever(
    start: str, answer: str, complaint: str
) -> None:
    asked: list[str] = []
    with pytest.raises(UsageError, match="nothing was written"):
        questionnaire({}, scripted({**ANSWERS, start: answer}, asked))
    repeated = [one for one in asked if one.startswith(start)]
    assert len(repeated) == 5
    assert complaint in repeated[-1]


def test_the_brief_is_written_and_every_other_line_stays(tmp_path: Path) -> None:
    (tmp_path / "assay.yaml").write_text(PROJECT)
    before = read_brief(tmp_path)
    assert before["business_objective"] == "${WHY:-Win}"
    answers = {start: answer for start, answer in ANSWERS.items() if start != "business objective"}
    assert keep(tmp_path, questionnaire(before, scripted(answers))) == tmp_path / "assay.yaml"
    text = (tmp_path / "assay.yaml").read_text()
    head, tail = PROJECT.split("sources:")
    assert text.startswith(head)
    assert text.endswith("sources:" + tail)
    assert complete(load(tmp_path, environment={}).brief).verdict == "pass"
    assert read_brief(tmp_path) == questionnaire(before, scripted(answers))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no"):
        read_brief(tmp_path)
    (tmp_path / "assay.yaml").write_text("brief: [")
    with pytest.raises(ConfigError, match="not YAML"):
        read_brief(tmp_path)


def test_a_brief_of_the_wrong_shape_starts_afresh(tmp_path: Path) -> None:
    for text in ("brief: 3\n", "- a\n", "name: x\n"):
        (tmp_path / "assay.yaml").write_text(text)
        found: dict[str, Any] = read_brief(tmp_path)
        assert found == {}
