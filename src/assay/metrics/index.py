"""Every metric by the name it has in assay.yaml; a new one is its family's file and one line here."""

from __future__ import annotations

import difflib

from assay.errors import ConfigError
from assay.metrics import calibration, classification, probability, ranking, regression
from assay.metrics.metric import Metric, Task

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        probability.log_loss,
        probability.brier,
        ranking.roc_auc,
        ranking.average_precision,
        calibration.expected_calibration_error,
        calibration.quantile_calibration_error,
        classification.accuracy,
        classification.balanced_accuracy,
        classification.precision,
        classification.recall,
        classification.f1,
        classification.f1_macro,
        classification.f1_micro,
        regression.mae,
        regression.rmse,
        regression.r2,
        regression.mape,
    )
}

PRIMARY: dict[Task, str] = {"classification": "log_loss", "regression": "mae"}  # where assay.yaml names none


def metric_named(name: str, *, task: Task | None = None) -> Metric:
    """The metric of that name.

    Raises:
        ConfigError: There is none, or it is made for the other task.
    """
    if name not in METRICS:
        closest = difflib.get_close_matches(name, METRICS, n=1)
        hint = f"Closest: '{closest[0]}'." if closest else f"There are: {', '.join(METRICS)}."
        raise ConfigError(f"there is no metric '{name}'. {hint}")
    metric = METRICS[name]
    if task is not None and metric.task != task:
        fitting = ", ".join(one.name for one in METRICS.values() if one.task == task)
        raise ConfigError(f"'{name}' is made for {metric.task}, and the task is {task}. Choose from: {fitting}.")
    return metric
