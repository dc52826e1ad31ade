"""Rules or machine learning: a decision with reasons from six signals (FR-3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from assay.config.settings import Brief, Signal
from assay.ledger.evidence import Evidence, Verdict

ENOUGH_LABELS = 1_000  # FR-3: above this many labelled examples, learning is possible

Side = Literal["rules", "ml", "ml possible"]
Decision = Literal["rules", "ml", "undecided"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question whose yes speaks for one side.

    Attributes:
        text: As it is asked.
        points_to: The side that a yes speaks for.
        because: Why.
    """

    text: str
    points_to: Side
    because: str


QUESTIONS: Mapping[Signal, Question] = {
    "explainable_in_ten_rules": Question(
        "Can the logic be explained in fewer than ten rules?",
        "rules",
        "fewer than ten rules are cheaper to own than a model",
    ),
    "too_complex_for_people": Question(
        "Is the pattern too complex for people to write down?", "ml", "nobody can write the rules down"
    ),
    "over_thousand_labels": Question(
        "Are there more than 1,000 labelled examples?", "ml possible", "there is enough to learn from"
    ),
    "must_adapt": Question("Must it adapt to new patterns?", "ml", "a model is retrained, rules have to be rewritten"),
    "must_be_auditable": Question(
        "Must every decision be fully auditable and deterministic?",
        "rules",
        "each decision of a rule can be retraced by hand",
    ),
    "outpaces_rules": Question(
        "Does the pattern change faster than rules can be updated?", "ml", "rules would always be out of date"
    ),
}


def decide(brief: Brief, *, n_labelled: int | None, project: str = "project") -> Evidence:
    """Weigh the six signals.

    A need for full audit decides for rules at once, as does a lack of labels: learning is not possible then. Otherwise
    the side with more signals wins, and a tie goes to rules, which are cheaper to own.

    Args:
        brief: Its `signals` answer the questions.
        n_labelled: Labelled examples counted; where None, the brief's own answer stands.
        project: Its name, for the subject.

    Returns:
        Evidence `framing.rules_or_ml` with figures `decision` (`rules`, `ml`, `undecided`), `reasons`, and
        `signals`, one entry a question. It warns unless the decision is `ml`, and never fails: people may know better.
    """
    answers = _answers(brief, n_labelled)
    decision, reasons = _weigh(answers, n_labelled)
    figures: dict[str, Any] = {
        "decision": decision,
        "reasons": reasons,
        "n_labelled": n_labelled,
        "signals": [
            {"signal": name, "question": question.text, "answer": answers.get(name), "points_to": question.points_to}
            for name, question in QUESTIONS.items()
        ],
    }
    summary = f"{NAMES[decision]}: {'; '.join(reasons)}"
    verdict: Verdict = "pass" if decision == "ml" else "warn"
    return Evidence("framing.rules_or_ml", f"brief:{project}", verdict, summary, figures)


NAMES: Mapping[Decision, str] = {"rules": "rules", "ml": "machine learning", "undecided": "undecided"}


def _answers(brief: Brief, n_labelled: int | None) -> dict[Signal, bool]:
    """The brief's answers; labels that were counted count more than labels that were estimated."""
    answers = dict(brief.signals)
    if n_labelled is not None:
        answers["over_thousand_labels"] = n_labelled > ENOUGH_LABELS
    return answers


def _weigh(answers: Mapping[Signal, bool], n_labelled: int | None) -> tuple[Decision, list[str]]:
    for_rules = _spoken_for("rules", answers)
    for_ml = _spoken_for("ml", answers)
    if answers.get("must_be_auditable"):
        return "rules", [f"{QUESTIONS['must_be_auditable'].because}, which is required", *_against(for_ml)]
    if answers.get("over_thousand_labels") is False:
        counted = f"{n_labelled:,} labelled examples are" if n_labelled is not None else "there are"
        return "rules", [f"{counted} not more than {ENOUGH_LABELS:,} needed to learn from", *_against(for_ml)]
    if not for_rules and not for_ml:
        return "undecided", ["no signal speaks for either side; answer brief.signals, or run assay frame --interactive"]
    if len(for_ml) > len(for_rules):
        possible = [] if answers.get("over_thousand_labels") else ["the number of labelled examples is not known yet"]
        return "ml", [*for_ml, *possible, *_against(for_rules)]
    tie = ["a tie goes to rules"] if len(for_ml) == len(for_rules) else []
    return "rules", [*for_rules, *tie, *_against(for_ml)]


def _spoken_for(side: Side, answers: Mapping[Signal, bool]) -> list[str]:
    return [one.because for name, one in QUESTIONS.items() if one.points_to == side and answers.get(name)]


def _against(reasons: list[str]) -> list[str]:
    return [f"although {' and '.join(reasons)}"] if reasons else []
