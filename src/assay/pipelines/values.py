"""What predictions are worth to the business, as evidence, where the brief says how to count it (FR-4)."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.data.holdout import LEVEL
from assay.framing import value
from assay.ledger.evidence import Evidence
from assay.metrics.estimate import level_text
from assay.models.frame import LabelledFrame
from assay.pipelines.workspace import Workspace

Scores = np.ndarray[Any, np.dtype[np.float64]]
THRESHOLD = "threshold"  # a bundle's metadata: from which score the model acts


def best_threshold(workspace: Workspace, scores: Scores, validation: LabelledFrame) -> float | None:
    """From which score to act, chosen on validation rows; None where the brief counts no value."""
    declared = workspace.settings.brief.business_value
    if declared is None:
        return None
    return value.best_threshold(scores, validation.truth, declared, function=_function(workspace)).threshold


def worth(
    workspace: Workspace, frame: LabelledFrame, scores: Scores, *, threshold: float | None, subject: str
) -> Evidence | None:
    """What acting on the scores from `threshold` on is worth; None where the brief counts no value."""
    declared = workspace.settings.brief.business_value
    if declared is None:
        return None
    found = value.business_value(scores, frame.truth, declared, threshold=threshold, function=_function(workspace))
    return Evidence("model.business_value", subject, "info", f"worth {found}", found.to_json())


def compare(
    workspace: Workspace,
    frame: LabelledFrame,
    scores: tuple[Scores, Scores],
    *,
    thresholds: tuple[float | None, float | None],
    names: tuple[str, str],
    level: float,
) -> Evidence | None:
    """Which of two models is worth more on the same rows; None where the brief counts no value."""
    declared = workspace.settings.brief.business_value
    if declared is None:
        return None
    function = _function(workspace)
    gain = value.value_difference(*scores, frame.truth, declared, thresholds=thresholds, function=function, level=level)
    worths = [
        value.business_value(one, frame.truth, declared, threshold=limit, function=function).per_thousand.value
        for one, limit in zip(scores, thresholds, strict=True)
    ]
    better, surely = gain.value > 0, gain.low > 0
    return Evidence(
        kind="model.comparison",
        subject=names[0],
        verdict="pass" if surely else "warn" if gain.high >= 0 else "fail",
        summary=(
            f"worth {gain.value:+,.2f} {declared.unit} [{gain.low:+,.2f}, {gain.high:+,.2f}] per 1,000 predictions "
            f"against {names[1]}{_at(level)}"
        ),
        figures={
            "metric": "business_value",
            "candidate": {"name": names[0], "value": worths[0]},
            "other": {"name": names[1], "value": worths[1]},
            "difference": gain,
            "better": better,
            "significant": surely or gain.high < 0,
            "part": "holdout",
        },
    )


def _at(level: float) -> str:
    return "" if level == LEVEL else f" at {level_text(level)}"


def _function(workspace: Workspace) -> Any:
    declared = workspace.settings.brief.business_value
    if declared is None or declared.function is None:
        return None
    return workspace.function(declared.function, field="brief.business_value.function")
