"""Golden rows, size and latency are measured on a model whose answers are known."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.errors import DataError
from assay.release import checks

ROWS = pl.DataFrame({"x": [0.1, 0.2, 0.3]})


class Echo:
    """Answers its input; one by one it may answer something else."""

    size_bytes = 2_500_000

    def __init__(self, *, singly_off_by: float = 0.0) -> None:
        self.singly_off_by = singly_off_by

    def predict(self, rows: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        return rows["x"].to_numpy()

    def predict_one(self, values: Mapping[str, Any]) -> float:
        return float(values["x"]) + self.singly_off_by


def test_golden_rows_must_be_answered_as_expected_in_a_batch_and_singly():
    expected = np.array([0.1, 0.2, 0.3])
    assert checks.golden(Echo(), ROWS, subject="m", expected=expected).verdict == "pass"
    wrong = checks.golden(Echo(), ROWS, subject="m", expected=np.array([0.1, 0.21, 0.3]))
    assert (wrong.verdict, wrong.figures["row"]) == ("fail", 1)
    assert wrong.figures["largest_difference"] == pytest.approx(0.01)
    assert checks.golden(Echo(singly_off_by=0.01), ROWS, subject="m").verdict == "fail"


def test_an_undefined_answer_is_no_golden_answer():
    rows = pl.DataFrame({"x": [0.1, float("nan")]})
    assert checks.golden(Echo(), rows, subject="m").verdict == "fail"


def test_a_golden_set_needs_rows_and_an_answer_for_each():
    with pytest.raises(DataError, match="3 rows and 2 answers"):
        checks.golden(Echo(), ROWS, subject="m", expected=np.zeros(2))
    with pytest.raises(DataError, match="0 rows"):
        checks.golden(Echo(), ROWS.clear(), subject="m")


@pytest.mark.parametrize(("limit", "verdict"), [(2.5, "pass"), (2.4, "fail")])
def test_size_is_in_megabytes_of_a_million_bytes(limit: float, verdict: str):
    found = checks.size(Echo(), subject="m", limit_mb=limit)
    assert (found.verdict, found.figures["megabytes"]) == (verdict, 2.5)


def test_latency_is_judged_at_the_99th_percentile():
    found = checks.latency(Echo(), ROWS, subject="m", limit_ms=1_000, calls=200)
    assert found.verdict == "pass"
    assert 0 < found.figures["p50_ms"] <= found.figures["p95_ms"] <= found.figures["p99_ms"]
    assert checks.latency(Echo(), ROWS, subject="m", limit_ms=0, calls=200).verdict == "fail"
