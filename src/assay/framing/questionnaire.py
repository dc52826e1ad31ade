"""Asking a person for the brief, one field at a time, and keeping the answers in assay.yaml.

How a question reaches the person is the caller's part: `ask(question, choices, default)` gives the answer. Nothing is
written until `keep` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from assay.config.document import Unreadable, plain_values, read_document
from assay.config.editing import write_section
from assay.config.loading import FILE_NAME, read_text
from assay.config.nearest import nearest
from assay.config.settings import Brief
from assay.errors import ConfigError, UsageError
from assay.framing.brief import NEEDED, is_answered
from assay.framing.rules_or_ml import QUESTIONS
from assay.metrics.expression import ExpressionError, parse

Ask = Callable[[str, tuple[str, ...], str], str]

MOST_ATTEMPTS = 5  # at one question; a script that answers wrongly must not ask for ever
YES_OR_NO = ("yes", "no", "unknown")
NO_MORE = ""


def questionnaire(brief: Mapping[str, Any], ask: Ask) -> dict[str, Any]:
    """Ask for every field of the brief, for the signals, and for further kill criteria.

    Args:
        brief: The brief as it stands in the file; its values are offered as defaults and its other keys are kept.
        ask: Called with a question, the allowed answers (empty: any text) and a default; an empty answer takes the
            default. A choice may be shortened or misspelt as long as it is clear.

    Returns:
        The whole brief, ready for `keep`.

    Raises:
        UsageError: A question was answered wrongly five times.
    """
    answered = dict(brief)
    for field, hint in NEEDED.items():
        answered[field] = _field(field, hint, str(brief.get(field) or ""), ask)
    answered["signals"] = _signals(brief.get("signals"), ask)
    criteria = [*(brief.get("kill_criteria") or []), *_kill_criteria(ask)]
    if criteria:
        answered["kill_criteria"] = criteria
    return answered


def read_brief(folder: Path) -> dict[str, Any]:
    """The brief as it is written in the folder's assay.yaml, variables not expanded; empty where there is none.

    Raises:
        ConfigError: The file is missing or is not YAML.
    """
    try:
        root, _ = read_document(read_text(folder), name=FILE_NAME)
    except Unreadable as error:
        raise ConfigError(str(error)) from None
    values = plain_values(root)
    brief = values.get("brief") if isinstance(values, dict) else None
    return brief if isinstance(brief, dict) else {}


def keep(folder: Path, brief: Mapping[str, Any]) -> Path:
    """Write the answers into the `brief` section of assay.yaml, leaving every other line as it is.

    Raises:
        ConfigError: The file cannot be edited or written; nothing was changed.
    """
    return write_section(folder, "brief", brief)


def _field(field: str, hint: str, default: str, ask: Ask) -> str:
    choices = tuple(one for one in get_args(Brief.model_fields[field].annotation) if one)
    question = f"{field.replace('_', ' ')}: {hint}"
    return _until_right(question, choices, default, ask, lambda text: _complaint(field, text) if not choices else "")


def _complaint(field: str, text: str) -> str:
    if not is_answered(text):
        return "needs an answer"
    if field == "success_metric" and not any(character.isdigit() for character in text):
        return "needs a number"
    return ""


def _signals(known: Any, ask: Ask) -> dict[str, bool]:
    """Answers to the rules-or-ML questions; what the person does not know is left out."""
    before = known if isinstance(known, Mapping) else {}
    given = {}
    for name, question in QUESTIONS.items():
        default = {True: "yes", False: "no"}.get(before.get(name), "unknown")  # type: ignore[arg-type]
        given[name] = _until_right(question.text, YES_OR_NO, default, ask, lambda _: "")
    return {name: text == "yes" for name, text in given.items() if text != "unknown"}


def _kill_criteria(ask: Ask) -> list[str]:
    """Further reasons to give up, until an empty answer."""
    found: list[str] = []
    question = "a further reason to give up, such as: evaluation.brier.value > 0.25 (empty: no more)"
    while len(found) < MOST_ATTEMPTS:
        text = _until_right(question, (), NO_MORE, ask, _expression_complaint)
        if text == NO_MORE:
            break
        found.append(text)
    return found


def _expression_complaint(text: str) -> str:
    try:
        if text != NO_MORE:
            parse(text)
    except ExpressionError as error:
        return str(error)
    return ""


def _until_right(
    question: str, choices: tuple[str, ...], default: str, ask: Ask, complaint: Callable[[str], str]
) -> str:
    """Ask until the answer is one of the choices, or one of which nothing is to be said.

    Raises:
        UsageError: It never was.
    """
    shown = question
    for _ in range(MOST_ATTEMPTS):
        text = ask(shown, choices, default).strip() or default
        meant = _choice(text, choices) if choices else text
        wrong = complaint(text) if meant is not None else f"must be one of {', '.join(choices)}"
        if meant is not None and not wrong:
            return meant
        shown = f"{question} ({wrong})"
    raise UsageError(f"{question}: no usable answer after {MOST_ATTEMPTS} attempts; nothing was written.")


def _choice(text: str, choices: tuple[str, ...]) -> str | None:
    """The choice that is meant: as written, shortened, or nearest if only one is near; None otherwise."""
    folded = text.lower().replace(" ", "_").replace("-", "_")
    if folded in choices:
        return folded
    started = [one for one in choices if folded and one.startswith(folded)]
    near = started or nearest(folded, choices)
    return near[0] if len(near) == 1 else None
