"""The watch over quality: monitoring looks at each logged input once, and a worse batch than the last is an alert."""

from datetime import UTC, datetime

import polars as pl
from tests.projects import AS_OF, edit

from assay.pipelines.monitoring import run_monitoring
from assay.project import Project
from assay.serving.prediction_log import PredictionLog

COLUMNS = {"inputs": {"row_id": "key", "customer_id": "key", "plan": "key"}, "features": {}}


def log(project, n_rows, *, broken=0):
    """What the server would have logged of requests, `broken` of them without their row's key."""
    workspace = project.workspace
    version = workspace.registry.production(workspace.settings.name)
    writer = PredictionLog(workspace.predictions)
    writer.append(
        [
            {
                "id": "",
                "time": datetime.now(UTC),
                "model": version.reference,
                "variant": "production",
                "source": "model",
                "value": 0.0,
                "probability": 0.1,
                "latency_ms": 1.0,
                "deployment": version.deployment,
                "inputs": {
                    "row_id": None if number < broken else f"r{number}",
                    "customer_id": f"C{number:06d}",
                    "plan": "plus",
                },
                "features": {},
            }
            for number in range(n_rows)
        ],
        columns=COLUMNS,
        deployment=version.deployment,
    )
    writer.close()


def looked(project):
    found = run_monitoring(project.workspace)
    return {one.kind: one for one in found if one.kind in ("data.expectations", "monitoring.quality")}


def test_logged_inputs_are_looked_at_once_and_a_newly_broken_rule_is_an_alert_that_names_it(churn):
    with Project.open(churn) as project:
        log(project, 40)
        first = looked(project)
        assert (first["data.expectations"].verdict, first["monitoring.quality"].verdict) == ("pass", "pass")
        assert first["data.expectations"].figures["rows"] == 40
        assert looked(project) == {}
        log(project, 20, broken=5)
        second = looked(project)
    assert second["data.expectations"].figures["rows"] == 20
    alert = second["monitoring.quality"]
    assert alert.verdict == "fail"
    assert "newly broken: 'row_id' is not missing: 5 rows (25.0%) do not" in alert.summary
    assert second["data.expectations"].id in alert.parents


def test_requests_that_never_name_their_row_are_no_loss_of_quality(churn):
    with Project.open(churn) as project:
        log(project, 40, broken=40)
        found = looked(project)
    assert "row_id" not in found["data.expectations"].figures["columns"]
    assert {one.verdict for one in found.values()} <= {"pass", "info"}


def test_a_batch_that_breaks_a_rule_that_held_before_is_an_alert(churn):
    path = churn / "data" / "purchases.parquet"
    rows = pl.read_parquet(path)
    rows.with_columns(amount=pl.when(pl.int_range(pl.len()) < 7).then(-1.0).otherwise("amount")).write_parquet(path)
    edit(
        churn / "assay.yaml",
        ("{column: amount, type: number, minimum: 0,", "{column: amount, minimum: 0, severity: warning,"),
    )
    with Project.open(churn) as project:
        project.assess(as_of=AS_OF)
        (alert,) = project.workspace.ledger.find(kind="monitoring.quality")
    assert alert.verdict == "warn"
    assert "newly broken: 'amount' is at least 0: 7 rows" in alert.summary
