"""Evidence: what it accepts, how it is turned to JSON, how it reads."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.errors import UsageError
from assay.ledger.evidence import Evidence, plain
from assay.metrics.estimate import Estimate


def test_evidence_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Evidence("a.b", "s:x", "pass", "fine").verdict = "fail"  # type: ignore[misc]


@pytest.mark.parametrize("kind", ["data.quality", "gate.staging", "a", "a.b_c.d2", "llm.4eyes"])
def test_a_new_kind_needs_no_registration(kind: str):
    assert Evidence(kind, "s:x", "info", "").kind == kind


@pytest.mark.parametrize("kind", ["", "Data.quality", "data quality", ".data", "data.", "data.*", "däta", "a\n"])
def test_a_kind_that_is_not_dotted_words_is_refused(kind: str):
    with pytest.raises(UsageError, match="lower-case words joined by dots"):
        Evidence(kind, "s:x", "info", "")


def test_a_verdict_that_no_gate_knows_is_refused():
    with pytest.raises(UsageError, match="verdict 'passed': use one of pass, warn, fail, info"):
        Evidence("a.b", "s:x", "passed", "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("-inf"), None),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        (pl.Series([1, None]), [1, None]),
        ((1, {"a": {2}}), [1, {"a": [2]}]),
        ({1: "one"}, {"1": "one"}),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (2**53 - 1, 9007199254740991),
        (2**53, "9007199254740992"),
        (True, True),
        (
            Estimate(0.5, float("nan"), 1.0, 10, "wilson"),
            {"value": 0.5, "low": None, "high": 1.0, "n": 10, "method": "wilson", "level": 0.95},
        ),
    ],
)
def test_figures_become_plain_json(value: Any, expected: Any):
    assert plain(value) == expected


def test_figures_without_a_json_form_are_refused():
    with pytest.raises(TypeError, match="type object has no JSON form"):
        plain({"x": object()})
    with pytest.raises(TypeError, match="the same as text"):
        plain({1: "a", "1": "b"})


def test_a_line_stays_one_line():
    assert Evidence("data.quality", "source:games", "warn", "18.5\nof 30", id="E-000007").line() == (
        "E-000007  warn  data.quality              18.5 of 30"
    )


def test_the_full_rendering_shows_every_figure_aligned():
    evidence = Evidence(
        "model.evaluation",
        "model:win@1.0.0",
        "pass",
        "log loss 0.611 on 2,460 games",
        {
            "log_loss": {"value": 0.6113214567, "n": 2460},
            "undefined": float("nan"),
            "calibrated": True,
            "slices": [{"name": "home", "n": 12}, {"name": "away", "n": 13}],
            "boundaries": (2012, 2014),
            "note": "two\nlines",
            "nothing": {},
        },
        parents=("E-000001", "E-000002"),
        id="E-000003",
        time="2026-11-21T12:00:00.000000Z",
    )
    assert evidence.full() == "\n".join(
        [
            "E-000003  pass  model.evaluation",
            "  log loss 0.611 on 2,460 games",
            "  subject  model:win@1.0.0",
            "  time     2026-11-21T12:00:00.000000Z",
            "  parents  E-000001, E-000002",
            "  figures",
            "    log_loss",
            "      value  0.611321",
            "      n      2,460",
            "    undefined   undefined",
            "    calibrated  yes",
            "    slices",
            "      - name  home",
            "        n     12",
            "      - name  away",
            "        n     13",
            "    boundaries  2,012, 2,014",
            "    note",
            "      two",
            "      lines",
            "    nothing     none",
        ]
    )


def test_the_full_rendering_of_a_long_list_is_cut_and_counted():
    text = Evidence("a.b", "s:x", "info", "", {"many": list(range(1_000))}).full()
    assert "… and 950 more" in text
    assert len(text.splitlines()) < 60
