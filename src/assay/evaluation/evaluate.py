"""Evaluation: every figure of one model on one part of the data, with intervals, as evidence.

Knows neither the model nor where the rows came from, only truth and scores. Comparing models is `compare.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.evaluation.calibration import Calibration, measure_calibration
from assay.evaluation.intervals import bootstrap_all
from assay.evaluation.slices import Slice, judge_slices
from assay.ledger.evidence import Evidence, Verdict
from assay.metrics import curves
from assay.metrics.estimate import Estimate
from assay.metrics.index import METRICS, metric_named
from assay.metrics.metric import Metric, Task, checked
from assay.metrics.statistic import Floats

ALWAYS: dict[Task, tuple[str, ...]] = {
    "classification": (
        "log_loss", "brier", "roc_auc", "average_precision", "expected_calibration_error", "accuracy",
    ),
    "regression": ("mae", "rmse", "r2"),
}  # fmt: skip
IMBALANCED = 0.2  # below this share of the rarer class, accuracy mostly measures how rare it is


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model is worth on some rows.

    Attributes:
        primary: Name of the metric that decides.
        metrics: By name, the primary first.
        no_information: The same metrics for the constant prediction; empty if none was given.
        calibration: Predicted beside observed; None without rows or where scores are not probabilities.
        slices: Declared segments, the worst first.
        notes: What a reader must know before trusting a figure.
        n: Rows.
        evidence: Kind `model.evaluation`, with all of this and the points of the curves.
    """

    primary: str
    metrics: Mapping[str, Estimate]
    no_information: Mapping[str, float]
    calibration: Calibration | None
    slices: tuple[Slice, ...]
    notes: tuple[str, ...]
    n: int
    evidence: Evidence

    @property
    def estimate(self) -> Estimate:
        """The primary metric."""
        return self.metrics[self.primary]


def evaluate(
    truth: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    task: Task,
    primary: str,
    subject: str,
    rng: np.random.Generator,
    secondary: Sequence[str] = (),
    resamples: int = 1_000,
    slices: Mapping[str, npt.ArrayLike] | None = None,
    no_information: npt.ArrayLike | float | None = None,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
    part: str = "",
    role: str = "",
    notes: Sequence[str] = (),
    parents: Sequence[str] = (),
) -> Evaluation:
    """Measure a model on rows whose truth is known.

    Args:
        truth: 0/1 for classification, numbers for regression, shape (n_rows,).
        scores: Probability of 1, or numbers, shape (n_rows,).
        task: `classification` or `regression`.
        primary: Name of the metric that decides.
        subject: What was measured, as evidence names it: `model:churn@1.0.0`, `baseline:rules:elo`.
        rng: Source of the bootstrap draws.
        secondary: Names of further metrics; the usual ones of the task are always there.
        resamples: Bootstrap samples for each interval.
        slices: Column name to the segment of each row, judged apart by the primary metric.
        no_information: Scores of the best constant prediction, learnt on the training part; a number or shape
            (n_rows,). With it, every figure is also given as skill.
        groups: Group of each row where rows of a group depend on each other.
        level: Nominal coverage of the intervals.
        part: Which rows these are: `validation` or `holdout`.
        role: What the model is to the run: `candidate`, `no_information`, `heuristic`, `production`.
        notes: What a reader must know of these rows before trusting a figure; the evaluation adds its own.
        parents: Ids of the evidence that this rests on.

    Raises:
        ConfigError: A metric does not exist or is made for the other task.
        DataError: Truth and scores do not fit each other, the task or a metric.
    """
    truth, scores = checked(truth, scores, task=task)
    metrics = [metric_named(name, task=task) for name in dict.fromkeys((primary, *ALWAYS[task], *secondary))]
    estimates = bootstrap_all(metrics, truth, scores, rng=rng, n_resamples=resamples, level=level, groups=groups)
    reference = _reference(metrics, truth, no_information)
    judged = judge_slices(
        truth, scores, slices or {}, metric=METRICS[primary], rng=rng, resamples=resamples, level=level
    )
    error = estimates.get("expected_calibration_error")
    calibration = measure_calibration(truth, scores, task=task, error=error, level=level) if len(truth) else None
    seen = _notes(truth, estimates, judged, task=task, primary=primary, reference=reference)
    notes = (*notes, *seen)
    evidence = Evidence(
        kind="model.evaluation",
        subject=subject,
        verdict=_verdict(METRICS[primary], estimates[primary], reference, judged),
        summary=_summary(METRICS[primary], estimates[primary], reference, part=part),
        figures={
            "part": part,
            "role": role,
            "task": task,
            "primary": primary,
            "n": len(truth),
            "metrics": {name: _metric_figures(METRICS[name], estimates[name], reference) for name in estimates},
            "no_information": reference,
            "calibration": calibration,
            **_pictures(truth, scores, task=task),
            "slices": judged,
            "notes": notes,
        },
        parents=tuple(parents),
    )
    return Evaluation(primary, estimates, reference, calibration, judged, notes, len(truth), evidence)


def _reference(
    metrics: Sequence[Metric], truth: Floats, no_information: npt.ArrayLike | float | None
) -> dict[str, float]:
    if no_information is None:
        return {}
    constant = np.broadcast_to(np.asarray(no_information, dtype=np.float64), truth.shape)
    return {metric.name: metric(truth, constant) for metric in metrics}


def _metric_figures(metric: Metric, estimate: Estimate, reference: Mapping[str, float]) -> dict[str, Any]:
    figures = estimate.to_json() | {"label": metric.label, "unit": metric.unit}
    figures["higher_is_better"] = metric.higher_is_better
    if metric.name in reference:
        figures["skill"] = metric.skill(estimate.value, reference[metric.name])
    return figures


def _pictures(truth: Floats, scores: Floats, *, task: Task) -> dict[str, Any]:
    """The points that reports draw."""
    if task == "regression":
        return {"residuals": asdict(curves.residual_histogram(truth, scores))}
    return {
        "n_positive": int(truth.sum()),
        "confusion": curves.confusion(truth, scores),
        "curves": {
            "roc": curves.roc_curve(truth, scores),
            "precision_recall": curves.precision_recall_curve(truth, scores),
        },
        "histogram": asdict(curves.score_histogram(truth, scores)),
    }


def _notes(
    truth: Floats,
    estimates: Mapping[str, Estimate],
    slices: Sequence[Slice],
    *,
    task: Task,
    primary: str,
    reference: Mapping[str, float],
) -> list[str]:
    notes = []
    rarer = min(truth.mean(), 1 - truth.mean()) if task == "classification" and len(truth) else 0.5
    if rarer < IMBALANCED:
        notes.append(
            f"Accuracy misleads here: always answering the commoner class is right {1 - rarer:.1%} of the time. "
            f"Use average_precision{' as the primary metric' if primary == 'accuracy' else ''}."
        )
    undefined = [METRICS[name].label for name, estimate in estimates.items() if np.isnan(estimate.value)]
    if undefined:
        notes.append(f"Undefined on these rows: {', '.join(undefined)}.")
    if primary in reference and not METRICS[primary].is_better(estimates[primary].value, reference[primary]):
        notes.append("The model is no better than a constant prediction.")
    worse = [f"{one.column} = {one.value}" for one in slices if one.worse]
    if worse:
        notes.append(f"Significantly worse than elsewhere: {', '.join(worse)}.")
    return notes


def _verdict(metric: Metric, estimate: Estimate, reference: Mapping[str, float], slices: Sequence[Slice]) -> Verdict:
    """Pass if surely better than no information and nowhere worse; info where there is nothing to compare with."""
    if metric.name not in reference:
        return "info"
    nearest = estimate.low if metric.higher_is_better else estimate.high
    surely_better = metric.is_better(nearest, reference[metric.name])
    return "pass" if surely_better and not any(one.worse for one in slices) else "warn"


def _summary(metric: Metric, estimate: Estimate, reference: Mapping[str, float], *, part: str) -> str:
    text = f"{metric.label} {estimate} on {estimate.n:,} {part + ' ' if part else ''}rows"
    if metric.name not in reference:
        return text
    skill = metric.skill(estimate.value, reference[metric.name])
    return f"{text}; no information {reference[metric.name]:.4f}, skill {skill:.1%}"
