"""Too good a model (LK-4): does the model as a whole tell the label almost without an error?

Columns are looked at one by one and in pairs; an answer that is spread over three of them shows only in what the model
makes of them together. A warning, never a refusal: some questions are that easy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from assay.ledger.evidence import Evidence
from assay.metrics.index import METRICS
from assay.models.signature import Task

KIND = "leakage.model_score"
AUC_WARN = 0.995
R2_WARN = 0.9999

Floats = npt.NDArray[np.float64]


def check_model_score(truth: Floats, scores: Floats, *, task: Task, subject: str) -> Evidence:
    """Hold a model's figure on rows it was not fitted on against what models reach.

    Args:
        truth: Labels, shape (n_rows,).
        scores: Probabilities or values of the same rows, shape (n_rows,).
        task: `classification` is judged by ROC AUC, `regression` by R².
        subject: What the record is about.

    Returns:
        Evidence `leakage.model_score`: `warn` from an AUC of 0.995 or an R² of 0.9999 on, `info` where the figure is
        undefined, otherwise `pass`.
    """
    name, limit = ("roc_auc", AUC_WARN) if task == "classification" else ("r2", R2_WARN)
    value = float(METRICS[name](truth, scores))
    figures: dict[str, Any] = {"figure": name, "value": value, "warns_from": limit, "rows": len(truth)}
    if np.isnan(value):
        return Evidence(KIND, subject, "info", f"{name} is undefined on these {len(truth):,} rows", figures)
    if value < limit:
        return Evidence(
            KIND, subject, "pass", f"{name} {value:.4f} on {len(truth):,} rows is what models reach", figures
        )
    summary = (
        f"{name} {value:.4f} on {len(truth):,} rows is too good to be true: look for columns that together hold the "
        "label. Train without the most important ones, one after the other, and see where the figure falls"
    )
    return Evidence(KIND, subject, "warn", summary, figures)
