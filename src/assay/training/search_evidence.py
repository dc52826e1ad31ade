"""The evidence of a search: what won, by how much, what else was tried, and with what."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from assay.ledger.evidence import Evidence
from assay.metrics.metric import Metric
from assay.training.fitted import Fitted
from assay.training.matrices import Matrices
from assay.training.trials import Trial, best_trial

LISTED_TRIALS = 200
"""Trials kept in evidence, the best first; the journal holds them all."""

LISTED_FEATURES = 50
"""Features whose importance is kept in evidence; the model's bundle holds them all."""

LIBRARIES = ("lightgbm", "scikit-learn", "optuna")
"""Whose versions decide what a trial comes to: with another one, a study begins anew."""


def library_versions() -> dict[str, str]:
    """The installed version of each library that trials depend on."""
    return {library: version(library) for library in LIBRARIES}


def search_evidence(
    winner: Fitted,
    finished: Sequence[Trial],
    rows: Matrices,
    figure: Metric,
    *,
    study_name: str,
    seed: int,
    n_resumed: int,
    planned: int,
    seconds: float,
) -> Evidence:
    """Kind `training.search`; a warning where a feature had no value in any training row.

    Args:
        winner: The best fit.
        finished: Every trial, in order.
        n_resumed: Of them, those that an earlier process had finished.
        planned: Trials that were asked for.
        seconds: That this process took.
    """
    best = best_trial(finished, figure)
    names = dict.fromkeys(trial.estimator for trial in finished)
    by_estimator = {name: best_trial([one for one in finished if one.estimator == name], figure) for name in names}
    ranked = sorted(finished, key=lambda one: -one.value if figure.higher_is_better else one.value)
    others = ", ".join(f"{name} {one.value:.4f}" for name, one in by_estimator.items() if name != best.estimator)
    empty = rows.without_values()
    return Evidence(
        kind="training.search",
        subject=f"search:{study_name}",
        verdict="warn" if empty else "pass",
        summary=(
            f"{best.estimator} with validation {figure.name} {best.value:.4f} is the best of {len(finished)} trials"
            + (f" ({others})" if others else "")
            + (f"; without a value in training: {', '.join(empty)}" if empty else "")
        ),
        figures={
            "metric": figure.name,
            "value": best.value,
            "estimator": best.estimator,
            "params": winner.params,
            "details": winner.details,
            "best_by_estimator": {name: one.to_json() for name, one in by_estimator.items()},
            "trials": [one.to_json() for one in ranked[:LISTED_TRIALS]],
            "n_trials": len(finished),
            "n_planned": planned,
            "n_resumed": n_resumed,
            "n_pruned": sum(one.was_pruned for one in finished),
            "n_train": len(rows.train_truth),
            "n_validation": len(rows.validation_truth),
            "importance": dict(list(winner.importance().items())[:LISTED_FEATURES]),
            "without_values": list(empty),
            "transforms": _transforms(rows),
            "seed": seed,
            "seconds": round(seconds, 3),
            "versions": library_versions(),
        },
    )


def _transforms(rows: Matrices) -> dict[str, Any]:
    """What was made of the inputs: how many columns of each kind of transform, and the digest that names them all."""
    recipe = rows.prepared.recipe
    if not recipe.changes:
        return {}
    made: dict[str, list[str]] = {}
    for step in recipe.steps:
        made.setdefault(step.kind, []).extend(step.reads)
    columns = [spec.name for spec in recipe.columns]
    return {"reads": made, "columns": columns, "digest": recipe.to_json()["digest"]}
