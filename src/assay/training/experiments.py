"""Experiment records (EX-1): what was tried, on what, what came of it; written whether the run succeeded or not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from assay.errors import UsageError
from assay.ledger.evidence import Evidence, Verdict
from assay.metrics.estimate import Estimate

KIND = "training.experiment"

ExperimentVerdict = Literal["promoted", "archived", "iterate", "failed", "interrupted"]
_VERDICTS: Mapping[ExperimentVerdict, Verdict] = {
    "promoted": "pass",
    "archived": "info",
    "iterate": "info",
    "failed": "fail",
    "interrupted": "fail",
}
_ID = re.compile(r"EXP-\d{4}-\d{2}-\d{2}-\d{3,}")


def experiment_evidence(
    *,
    experiment_id: str,
    verdict: ExperimentVerdict,
    hypothesis: str = "",
    snapshots: Any = None,
    features: Sequence[str] = (),
    estimator: str = "",
    params: Mapping[str, Any] | None = None,
    seconds: float = 0.0,
    metrics: Mapping[str, Estimate] | None = None,
    primary: str = "",
    baseline: Any = None,
    comparisons: Sequence[Mapping[str, Any]] = (),
    confusion: Mapping[str, int] | None = None,
    notes: str = "",
    artifacts: Mapping[str, str] | None = None,
    parents: Sequence[str] = (),
) -> Evidence:
    """The record of one experiment; a failed one has what was known when it failed, and says why in `notes`.

    Args:
        experiment_id: `EXP-{YYYY-MM-DD}-{NNN}`.
        verdict: `iterate` until a gate has promoted or archived the model.
        snapshots: Digests of the data sets by name, or a list of them.
        primary: Name of the metric that decides; the first of `metrics` where empty.
        baseline: The rule that the brief names.
        comparisons: The model beside each baseline on the same rows, as `model.comparison` found it.
        confusion: Rows by what they were called and what they are; None where there are no classes.
        artifacts: Digest, path or record by name: bundle, report, evaluation.

    Raises:
        UsageError: The id or the verdict is not of the known form.
    """
    if not _ID.fullmatch(experiment_id):
        raise UsageError(f"an experiment is named EXP-YYYY-MM-DD-NNN, not {experiment_id!r}.")
    if verdict not in _VERDICTS:
        raise UsageError(f"an experiment ends as one of {', '.join(_VERDICTS)}, not {verdict!r}.")
    measured = metrics or {}
    deciding = primary or next(iter(measured), "")
    return Evidence(
        kind=KIND,
        subject=f"experiment:{experiment_id}",
        verdict=_VERDICTS[verdict],
        summary=_summary(verdict, estimator, deciding, measured.get(deciding), notes),
        figures={
            "id": experiment_id,
            "verdict": verdict,
            "hypothesis": hypothesis,
            "snapshots": snapshots if snapshots is not None else {},
            "features": list(features),
            "estimator": estimator,
            "params": params or {},
            "seconds": seconds,
            "primary": deciding,
            "metrics": measured,
            "baseline": baseline,
            "comparisons": list(comparisons),
            "confusion": confusion,
            "notes": notes,
            "artifacts": artifacts or {},
        },
        parents=tuple(parents),
    )


def concluded(
    record: Evidence,
    verdict: ExperimentVerdict,
    *,
    notes: str,
    because: Sequence[str],
    artifacts: Mapping[str, str] | None = None,
) -> Evidence:
    """The same experiment again, with what became of its model; to be recorded after `record`, which stays as it was.

    Args:
        record: The experiment as it was recorded last.
        verdict: `promoted` or `archived`.
        notes: What became of it, in a sentence.
        because: Ids of the evidence that decided.
        artifacts: What has come to its artifacts since.
    """
    figures = {**record.to_json()["figures"], "verdict": verdict, "notes": notes}
    figures["artifacts"] = {**figures["artifacts"], **(artifacts or {})}
    estimate = _deciding(figures)
    return replace(
        record,
        verdict=_VERDICTS[verdict],
        summary=_summary(verdict, figures["estimator"], figures["primary"], estimate, notes),
        figures=figures,
        parents=tuple(dict.fromkeys([record.id, *because])),
        run="",
        id="",
        time="",
    )


def experiments(records: Iterable[Evidence]) -> list[dict[str, Any]]:
    """Rows for a table, newest experiment first; of several records of one experiment the last counts."""
    latest: dict[str, Evidence] = {}
    for record in records:
        if record.kind == KIND:
            latest[record.subject] = record
    return [_row(record) for record in reversed(latest.values())]


def _row(record: Evidence) -> dict[str, Any]:
    figures = record.figures
    estimate = _deciding(figures)
    return {
        "experiment": figures["id"],
        "estimator": figures["estimator"] or None,
        "metric": figures["primary"] or None,
        "value": str(estimate) if estimate is not None else None,
        "verdict": figures["verdict"],
        "seconds": figures["seconds"],
        "time": record.time,
        "evidence": record.id,
        "hypothesis": figures["hypothesis"],
        "notes": figures["notes"],
    }


def _deciding(figures: Mapping[str, Any]) -> Estimate | None:
    """The figure that decides; None where nothing was measured."""
    stored = figures["metrics"].get(figures["primary"])
    return Estimate(**_estimate(stored)) if stored is not None else None


def _estimate(stored: Estimate | Mapping[str, Any]) -> dict[str, Any]:
    """An estimate's fields as they come back from the ledger, where nan has become None."""
    fields = stored.to_json() if isinstance(stored, Estimate) else dict(stored)
    return {name: float("nan") if value is None else value for name, value in fields.items()}


def _summary(verdict: str, estimator: str, metric: str, estimate: Estimate | None, notes: str) -> str:
    parts = [
        verdict,
        estimator,
        f"{metric} {estimate}" if estimate is not None else "",
        notes.splitlines()[0] if notes else "",
    ]
    return ", ".join(part for part in parts if part)
