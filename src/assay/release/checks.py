"""What is measured of a version by itself before it may be staged: golden rows, size, latency of one row."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import polars as pl

from assay.errors import DataError
from assay.ledger.evidence import Evidence, Verdict

MEGABYTE = 1_000_000
WARM_UP_CALLS = 50


class Scorer(Protocol):
    """The part of a model that is measured."""

    @property
    def size_bytes(self) -> int: ...

    def predict(self, rows: pl.DataFrame, /) -> np.ndarray[Any, np.dtype[np.float64]]: ...

    def predict_one(self, values: Mapping[str, Any], /) -> float: ...


def golden(
    model: Scorer,
    inputs: pl.DataFrame,
    *,
    subject: str,
    expected: np.ndarray[Any, Any] | None = None,
    tolerance: float = 1e-3,
) -> Evidence:
    """Score known rows; the version must answer what is expected, in a batch and one by one.

    Args:
        inputs: The golden rows, one column a feature.
        expected: The right answers, shape (n_rows,); None asks only that one by one agrees with the batch.
        tolerance: Largest allowed absolute difference.

    Raises:
        DataError: There are no rows, or not as many answers.
    """
    if inputs.is_empty() or (expected is not None and len(expected) != inputs.height):
        answers = "" if expected is None else f" and {len(expected)} answers"
        raise DataError(f"the golden set has {inputs.height} rows{answers}; it needs rows, and an answer for each.")
    batch = np.asarray(model.predict(inputs), dtype=np.float64)
    singly = np.array([model.predict_one(row) for row in inputs.iter_rows(named=True)])
    wanted = batch if expected is None else np.asarray(expected, dtype=np.float64)
    error = np.maximum(np.abs(batch - wanted), np.abs(singly - wanted))
    worst = int(np.argmax(np.nan_to_num(error, nan=np.inf)))
    holds = bool(np.all(error <= tolerance))
    summary = f"{inputs.height} golden rows, largest difference {error[worst]:.2g} in row {worst} (limit {tolerance:g})"
    figures = {
        "n": inputs.height,
        "largest_difference": float(error[worst]),
        "row": worst,
        "tolerance": tolerance,
        "answers": "given" if expected is not None else "its own batch",
    }
    return Evidence("model.golden", subject, "pass" if holds else "fail", summary, figures)


def size(model: Scorer, *, subject: str, limit_mb: float) -> Evidence:
    """Weigh the version's bundle, in megabytes of 10^6 bytes."""
    megabytes = model.size_bytes / MEGABYTE
    verdict: Verdict = "pass" if megabytes <= limit_mb else "fail"
    summary = f"{megabytes:.2f} MB (limit {limit_mb:g} MB)"
    return Evidence("model.size", subject, verdict, summary, {"megabytes": megabytes, "limit_mb": limit_mb})


def latency(model: Scorer, inputs: pl.DataFrame, *, subject: str, limit_ms: float, calls: int = 1_000) -> Evidence:
    """Time single predictions in this process, after a warm-up; judge the 99th percentile.

    Args:
        inputs: Rows to predict in turn, again from the first when they run out.
    """
    rows = list(inputs.iter_rows(named=True))
    for number in range(WARM_UP_CALLS):
        model.predict_one(rows[number % len(rows)])
    elapsed_ms = np.empty(calls)
    for number in range(calls):
        row = rows[number % len(rows)]
        started = time.perf_counter()
        model.predict_one(row)
        elapsed_ms[number] = (time.perf_counter() - started) * 1_000
    p50, p95, p99 = (float(one) for one in np.percentile(elapsed_ms, (50, 95, 99)))
    verdict: Verdict = "pass" if p99 <= limit_ms else "fail"
    summary = f"p99 {p99:.3f} ms over {calls:,} single rows (limit {limit_ms:g} ms)"
    figures = {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "calls": calls, "limit_ms": limit_ms}
    return Evidence("model.latency", subject, verdict, summary, figures)
