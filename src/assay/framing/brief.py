"""The brief held against what it must say before anything trains (FR-1), field by field.

Whether machine learning is wanted at all is `rules_or_ml.py`; when to give up is `kill_criteria.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.config.settings import Brief, KillCriterion
from assay.ledger.evidence import Evidence
from assay.metrics.expression import ExpressionError, parse

LATENCY_LIMIT_MS: Mapping[str, float | None] = {"realtime": 100.0, "near_realtime": 1_000.0, "batch": None}

NEEDED: Mapping[str, str] = {
    "business_objective": "say what the business wants to be better, such as: keep customers who would leave",
    "success_metric": "say how success is measured, with a number, such as: churn falls from 4 % to 3 % a month",
    "baseline": "say what is done today, or name a rule of the project, such as: rules:long_silence",
    "ml_task_type": "choose a task, such as: classification",
    "prediction_target": "say what exactly is predicted and for when, such as: cancels within 30 days",
    "prediction_consumer": "choose who reads the predictions: api, dashboard, email or automated_action",
    "latency_requirement": "choose realtime (under 100 ms), near_realtime (under 1 s) or batch",
    "data_available": "say which data there is, such as: purchases and tickets since 2024",
    "data_gaps": "say which data is missing or poor; none known is an answer",
    "ethical_considerations": "say who could be harmed and how; none known is an answer",
}
PLACEHOLDER = re.compile(r"\W*(to ?do|tbd|tba|fixme|xxx+|fill me in|lorem ipsum.*)?\W*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Gap:
    """What a field of the brief lacks.

    Attributes:
        field: Its name in assay.yaml, below `brief`.
        problem: What is wrong.
        fix: What to write.
    """

    field: str
    problem: str
    fix: str

    def to_json(self) -> dict[str, str]:
        return {"field": self.field, "problem": self.problem, "fix": self.fix}


def complete(brief: Brief, *, project: str = "project") -> Evidence:
    """Hold the brief against FR-1; kill criteria are optional, for three are built in.

    Returns:
        Evidence `framing.brief`; it fails where a field is empty, a placeholder, or unusable, and its figures list
        each gap with its fix.
    """
    found = gaps(brief)
    limit = LATENCY_LIMIT_MS.get(brief.latency_requirement)
    names = ", ".join(dict.fromkeys(gap.field for gap in found))
    summary = f"brief incomplete: {names}" if found else f"brief complete: {len(NEEDED)} of {len(NEEDED)} fields"
    figures: dict[str, Any] = {
        "gaps": [gap.to_json() for gap in found],
        "fields_needed": len(NEEDED),
        "fields_complete": len(NEEDED) - len({gap.field for gap in found} & set(NEEDED)),
        "latency_limit_ms": limit,
        "brief": brief.model_dump(mode="json"),
    }
    return Evidence("framing.brief", f"brief:{project}", "fail" if found else "pass", summary, figures)


def gaps(brief: Brief) -> tuple[Gap, ...]:
    """Everything that the brief lacks, in the order of its fields."""
    return tuple(gap for one in (_empty_fields, _success_metric, _kill_criteria, _business_value) for gap in one(brief))


def is_answered(text: str) -> bool:
    """Whether a text says something: not empty, no dots or question marks alone, no `TODO` or `tbd`."""
    return PLACEHOLDER.fullmatch(text) is None


def _empty_fields(brief: Brief) -> list[Gap]:
    return [Gap(field, "not filled in", fix) for field, fix in NEEDED.items() if not is_answered(getattr(brief, field))]


def _success_metric(brief: Brief) -> list[Gap]:
    if not is_answered(brief.success_metric) or any(character.isdigit() for character in brief.success_metric):
        return []
    return [Gap("success_metric", "names no number, so nobody could say whether it was met", NEEDED["success_metric"])]


def _kill_criteria(brief: Brief) -> list[Gap]:
    found, seen = [], set()
    for number, criterion in enumerate(brief.kill_criteria):
        field = f"kill_criteria.{number}"
        name = criterion.name if isinstance(criterion, KillCriterion) else criterion
        try:
            parse(criterion.when if isinstance(criterion, KillCriterion) else criterion)
        except ExpressionError as error:
            found.append(Gap(field, str(error), "write a condition such as: evaluation.brier.value > 0.25"))
        if name in seen:
            found.append(Gap(field, f"{name!r} is there twice", "give each criterion its own name"))
        seen.add(name)
    return found


def _business_value(brief: Brief) -> list[Gap]:
    value = brief.business_value
    if value is None or value.function is not None or brief.ml_task_type in ("classification", "anomaly_detection", ""):
        return []
    fix = "name a function of (scores, labels) that gives a value a row: business_value.function"
    return [Gap("business_value", f"values of true and false positives mean nothing for {brief.ml_task_type}", fix)]
