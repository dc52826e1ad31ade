"""Log loss and Brier score: how good the probabilities are that a binary classifier gives.

Calibration error, which judges only their honesty, is in `calibration.py`.
"""

from __future__ import annotations

import numpy as np

from assay.metrics.metric import Metric, probabilities
from assay.metrics.statistic import Floats, Statistic, mean_of

SMALLEST = float(np.finfo(np.float64).eps)  # keeps one wrong certainty from making the mean infinite; scikit-learn's


def _log_loss(truth: Floats, scores: Floats) -> Statistic:
    certain = np.clip(probabilities(scores, metric="log_loss"), SMALLEST, 1 - SMALLEST)
    return mean_of(-np.log(np.where(truth == 1, certain, 1 - certain)))


def _brier(truth: Floats, scores: Floats) -> Statistic:
    return mean_of((probabilities(scores, metric="brier") - truth) ** 2)


log_loss = Metric(
    name="log_loss",
    label="Log loss",
    task="classification",
    higher_is_better=False,
    statistic=_log_loss,
    meaning="Mean surprise at what happened, in nats; punishes confident mistakes hardest.",
    unit="nats",
)
brier = Metric(
    name="brier",
    label="Brier score",
    task="classification",
    higher_is_better=False,
    statistic=_brier,
    meaning="Mean squared difference between the probability and what happened.",
)
