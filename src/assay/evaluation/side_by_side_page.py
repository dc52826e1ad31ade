"""Experiments side by side as one page: outcome, what differs, figures with intervals, curves laid over each other."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from assay.evaluation.side_by_side import SideBySide
from assay.metrics.index import METRICS
from assay.pages import svg
from assay.pages.render import render

AXES = {"roc": ("false positive rate", "true positive rate"), "precision_recall": ("recall", "precision")}
CAPTIONS = {"roc": "ROC curves; the dashed line is chance.", "precision_recall": "Precision at each recall."}


def html(compared: SideBySide, *, title: str) -> str:
    """The page; `title` is the project's name."""
    parts = [_part(compared, part) for part in compared.metrics]
    return render("assay.evaluation", "side_by_side.html", title=title, compared=compared, parts=parts)


def _part(compared: SideBySide, part: str) -> dict[str, Any]:
    rows = compared.metrics[part]
    return {
        "name": part,
        "rows": [(METRICS[row.name].label if row.name in METRICS else row.name, row.values) for row in rows],
        "readings": compared.readings[part],
        "intervals": _intervals(compared, part),
        "curves": [(CAPTIONS[name], drawn) for name in AXES if (drawn := _curves(compared, part, name))],
    }


def _intervals(compared: SideBySide, part: str) -> Markup | None:
    """The first metric of all, each with its whisker; None where no experiment has it."""
    primary = compared.metrics[part][0]
    metric = METRICS.get(primary.name)
    lines = [
        svg.IntervalRow(name, one.value, one.low, one.high, is_main=place == 0)
        for place, (name, one) in enumerate(zip(compared.names, primary.values, strict=True))
        if one is not None and one.value == one.value and one.low == one.low
    ]
    if metric is None or not lines:
        return None
    better = "higher is better →" if metric.higher_is_better else "← lower is better"
    said = "; ".join(f"{line.label} {line.value:.4f}" for line in lines)
    return svg.intervals(lines, says=f"{metric.label}: {said}", better=f"{metric.label}, {better}")


def _curves(compared: SideBySide, part: str, name: str) -> Markup | None:
    lines = {one.id: points for one in compared.tried if (points := one.curve(part, name))}
    if not lines:
        return None
    x_name, y_name = AXES[name]
    return svg.curves(lines, says=CAPTIONS[name], x_name=x_name, y_name=y_name, diagonal=name == "roc")
