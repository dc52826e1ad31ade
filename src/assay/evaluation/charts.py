"""Charts of evaluation and search figures: which numbers of the evidence a reader sees, and the sentence beside them.

The drawing itself is `assay.pages.svg`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from assay.metrics.index import METRICS
from assay.pages import svg

Figures = Mapping[str, Any]
QUALITY_ORDER = ("completeness", "accuracy", "consistency", "timeliness", "relevance", "volume")


def distances(rows: Sequence[Figures], *, metric: str) -> Markup:
    """The candidate beside what it must beat; rows as `report.standings` makes them."""
    lines = [
        svg.IntervalRow(row["name"], row["value"], row["low"], row["high"], is_main=row["is_candidate"])
        for row in rows
        if row["value"] is not None
    ]
    chosen = METRICS[metric]
    said = "; ".join(f"{line.label} {line.value:.4f}" for line in lines)
    better = "higher is better →" if chosen.higher_is_better else "← lower is better"
    return svg.intervals(lines, says=f"{chosen.label}: {said}", better=f"{chosen.label}, {better}")


def reliability(calibration: Figures, *, task: str) -> Markup | None:
    """Predicted beside observed; None where no bin holds rows."""
    points = [
        svg.ReliabilityPoint(one["score"], one["truth"], one["truth_low"], one["truth_high"], one["n"])
        for one in calibration["bins"]
    ]
    if not points:
        return None
    widest = max(points, key=lambda one: abs(one.predicted - one.observed))
    says = f"Predicted against observed in {len(points)} bins; the widest gap is at {widest.predicted:.3g}, where "
    says += f"{widest.observed:.3g} was observed"
    return svg.reliability(points, says=says, unit_square=task == "classification")


def histogram(figures: Figures, *, says: str) -> Markup:
    """Scores by class, or residuals."""
    return svg.histogram(figures["edges"], figures["counts"], says=says)


def curves(figures: Figures) -> list[tuple[str, Markup]]:
    """ROC and precision-recall with their captions; those that are undefined are left out."""
    drawn = []
    if figures.get("roc"):
        roc = svg.curve(
            figures["roc"], says="ROC curve", x_name="false positive rate", y_name="true positive rate", diagonal=True
        )
        drawn.append(("ROC curve; the dashed line is chance.", roc))
    if figures.get("precision_recall"):
        points = figures["precision_recall"]
        pr = svg.curve(points, says="Precision-recall curve", x_name="recall", y_name="precision", diagonal=False)
        drawn.append(("Precision at each recall.", pr))
    return drawn


def tuning(figures: Figures) -> Markup | None:
    """Every trial in the order it ran, and the best so far; None where there was one trial or none."""
    trials = sorted(figures.get("trials") or (), key=lambda one: one["number"])
    values = [(one["estimator"], one["value"] if one["value"] is not None else float("nan")) for one in trials]
    if len(values) < 2:
        return None
    metric = METRICS.get(figures.get("metric", ""))
    says = f"{len(values)} trials; the best reached {figures['value']:.4f}"
    return svg.history(values, says=says, lower_is_better=not (metric and metric.higher_is_better))


def quality(figures: Figures) -> Markup:
    """The six dimensions of data quality, each out of five."""
    rows = [(name, one.get("score")) for name, one in quality_dimensions(figures).items()]
    said = ", ".join(f"{name} {'not measured' if score is None else f'{score:.1f}'}" for name, score in rows)
    return svg.score_bars(rows, highest=5, says=f"Data quality by dimension, of 5: {said}")


def quality_dimensions(figures: Figures) -> dict[str, Figures]:
    """The dimensions in the order in which people name them; the ledger keeps them sorted."""
    found = figures["dimensions"]
    names = [name for name in QUALITY_ORDER if name in found] + [name for name in found if name not in QUALITY_ORDER]
    return {name: found[name] for name in names}
