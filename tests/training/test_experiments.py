"""An experiment is written down whether it worked or not, and comes back as a row of a table."""

import json
import math
from dataclasses import replace

import pytest

from assay.errors import UsageError
from assay.ledger.evidence import plain
from assay.metrics.estimate import Estimate
from assay.training.experiments import concluded, experiment_evidence, experiments

LOSS = Estimate(0.61, 0.60, 0.62, 5_000, "bca-1000")


def finished(number=1, **changes):
    fields = {
        "experiment_id": f"EXP-2026-11-21-{number:03d}",
        "hypothesis": "Rest days matter",
        "snapshots": {"games": "ab12"},
        "features": ("rest_days",),
        "estimator": "lightgbm",
        "params": {"num_leaves": 31},
        "seconds": 12.5,
        "metrics": {"log_loss": LOSS},
        "baseline": {"name": "no-information", "log_loss": 0.685},
        "verdict": "iterate",
        "artifacts": {"bundle": "cd34"},
        "parents": ("E-000001",),
    }
    return experiment_evidence(**(fields | changes))


def stored(evidence, number):
    """As the ledger gives it back: plain JSON figures, an id and a time."""
    figures = json.loads(json.dumps(plain(evidence.figures)))
    return replace(evidence, figures=figures, id=f"E-{number:06d}", time="2026-11-21T10:00:00.000000Z")


def test_a_record_holds_what_ex_1_asks_for():
    record = stored(finished(), 7)
    assert record.kind == "training.experiment"
    assert record.subject == "experiment:EXP-2026-11-21-001"
    assert record.parents == ("E-000001",)
    assert set(record.figures) >= {
        "id", "hypothesis", "snapshots", "features", "estimator", "params", "seconds", "metrics", "baseline",
        "comparisons", "confusion", "verdict", "notes", "artifacts",
    }  # fmt: skip
    assert record.summary == "iterate, lightgbm, log_loss 0.6100 [0.6000, 0.6200]"


def test_a_failed_experiment_is_recorded_with_what_was_known():
    record = stored(
        experiment_evidence(
            experiment_id="EXP-2026-11-21-002", verdict="failed", notes="DataError: no rows\nsecond line"
        ),
        8,
    )
    assert record.verdict == "fail"
    assert record.summary == "failed, DataError: no rows"
    assert experiments([record])[0]["value"] is None


@pytest.mark.parametrize(("verdict", "gate"), [("promoted", "pass"), ("archived", "info"), ("failed", "fail")])
def test_verdicts_become_those_of_evidence(verdict, gate):
    assert finished(verdict=verdict).verdict == gate


@pytest.mark.parametrize("changes", [{"experiment_id": "EXP-1"}, {"verdict": "great"}])
def test_malformed_ids_and_verdicts_are_refused(changes):
    with pytest.raises(UsageError):
        finished(**changes)


def test_rows_are_newest_first_and_the_last_record_of_an_experiment_counts():
    records = [stored(finished(1), 1), stored(finished(2), 2), stored(finished(1, verdict="promoted"), 3)]
    rows = experiments(records)
    assert [(row["experiment"][-3:], row["verdict"]) for row in rows] == [("002", "iterate"), ("001", "promoted")]
    assert rows[0]["value"] == "0.6100 [0.6000, 0.6200]"
    assert rows[0]["metric"] == "log_loss"
    assert rows[0]["seconds"] == 12.5


def test_an_undefined_metric_stays_undefined():
    record = stored(finished(metrics={"log_loss": replace(LOSS, value=math.nan)}), 1)
    assert experiments([record])[0]["value"] == "undefined (n=5,000)"


def test_an_experiment_is_concluded_by_a_second_record_with_the_same_figures():
    first = stored(finished(), 7)
    last = concluded(first, "promoted", notes="win-probability@1.0.0 in production", because=["E-000009"])
    assert (last.id, last.subject, last.verdict, last.parents) == ("", first.subject, "pass", ("E-000007", "E-000009"))
    assert last.summary == "promoted, lightgbm, log_loss 0.6100 [0.6000, 0.6200], win-probability@1.0.0 in production"
    assert {**last.figures, "verdict": "iterate", "notes": ""} == first.figures
    (row,) = experiments([first, stored(last, 10)])
    assert (row["verdict"], row["evidence"]) == ("promoted", "E-000010")
