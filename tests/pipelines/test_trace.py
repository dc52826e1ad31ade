"""From one prediction back to the rows of the sources that its features came from."""

import json
import shutil
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from tests.projects import AS_OF, asked, edit, questions

from assay.errors import NotFound
from assay.ledger.evidence import Evidence, plain
from assay.pipelines import trace_rows
from assay.project import Project


@pytest.fixture(scope="module")
def answered(finished_churn, tmp_path_factory):
    """A finished project with a few predictions, and their ids by row; for reading only."""
    folder = shutil.copytree(finished_churn, tmp_path_factory.mktemp("answered") / "churn")
    rows = questions(folder, 12)
    with Project.open(folder) as project:
        ids = asked(project, rows)
    return folder, dict(zip(ids, rows, strict=True))


def steps_of(trace, what):
    return [step for step in trace.steps if step.what == what]


def test_a_prediction_leads_back_to_version_run_code_brief_features_and_snapshots(answered):
    folder, ids = answered
    with Project.open(folder) as project:
        trace = project.ledger.trace(next(iter(ids)))
        records = {one.id: one for one in project.ledger.find()}
    kinds = {step.what: records[step.evidence].kind for step in trace.steps if step.evidence}
    assert kinds == {
        "prediction": "serving.segment",
        "deployment": "model.stage",
        "version": "model.registered",
        "experiment": "training.experiment",
        "run": "run.started",
        "code": "run.started",
        "brief": "framing.brief",
        "feature set": "training.experiment",
        "snapshot": "data.snapshot",
        "feature row": "features.build",
        "source rows": "data.snapshot",
    }
    assert len(steps_of(trace, "snapshot")) == len(project.workspace.settings.sources)
    json.dumps(plain(trace))


def test_the_source_rows_of_a_prediction_are_the_customers_own_known_before_it(answered):
    folder, ids = answered
    purchases = pl.read_parquet(folder / "data" / "purchases.parquet")
    checked = 0
    for prediction, row in ids.items():
        with Project.open(folder) as project:
            found = steps_of(project.ledger.trace(prediction), "source rows")
        for step in (one for one in found if one.name == "purchases"):
            numbers = [n for first, last in step.figures["rows"] for n in range(first, last + 1)]
            mine = purchases.with_row_index("n").filter(
                (pl.col("customer_id") == row["customer_id"]) & (pl.col("time") < AS_OF)
            )
            assert step.certainty == "exact"
            assert set(numbers) <= set(mine["n"])
            last = mine["time"].max()  # the row's own 90 days are all that its sums can hold
            assert set(mine.filter(pl.col("time") > last - timedelta(days=30))["n"]) <= set(numbers)
            assert set(numbers) <= set(mine.filter(pl.col("time") > last - timedelta(days=90))["n"])
            checked += 1
    assert checked > 5


def test_every_feature_row_that_was_read_holds_the_logged_values(answered):
    folder, ids = answered
    with Project.open(folder) as project:
        rows = [step for one in ids for step in steps_of(project.ledger.trace(one), "feature row")]
    assert all("not as logged" not in step.says for step in rows)
    assert any(step.certainty == "exact" for step in rows)


def test_features_that_the_request_brought_are_told_from_those_that_were_read(answered, tmp_path):
    folder = shutil.copytree(answered[0], tmp_path / "churn")
    (row,) = questions(folder, 1)
    with Project.open(folder) as project:
        (prediction,) = asked(project, [{**row, "customer_age": 99}])
        (profile,) = [one for one in steps_of(project.ledger.trace(prediction), "feature row") if one.name == "profile"]
    assert "not as logged: customer_age" in profile.says
    assert profile.certainty == "at most"


def test_a_definition_that_changed_since_is_named_and_its_source_rows_are_an_upper_bound(answered, tmp_path):
    folder = shutil.copytree(answered[0], tmp_path / "churn")
    edit(
        folder / "definitions.py",
        (
            'customer_purchases_30d_count=rolling(pl.col("amount").count(), 30)',
            'customer_purchases_30d_count=rolling(pl.col("amount").count(), 31)',
        ),
    )
    with Project.open(folder) as project:
        trace = project.ledger.trace(next(iter(answered[1])))
    (code,) = steps_of(trace, "code")
    assert code.figures["changed_since"] == ["purchases"]
    (rows,) = [one for one in steps_of(trace, "source rows") if one.name == "purchases"]
    assert (rows.certainty, rows.figures["same_definition"]) == ("at most", False)


def test_a_later_build_does_not_change_what_an_earlier_prediction_read(answered, tmp_path):
    folder = shutil.copytree(answered[0], tmp_path / "churn")
    prediction = next(iter(answered[1]))
    with Project.open(folder) as project:
        before = [step.says for step in project.ledger.trace(prediction).steps]
        project.features.build(full=True, as_of=AS_OF + timedelta(days=150))
        assert [step.says for step in project.ledger.trace(prediction).steps] == before


@pytest.mark.parametrize("start", ["churn@1.0.0", "E-000004", "source:purchases"])
def test_versions_records_and_sources_are_traced_too(finished_churn, start):
    with Project.open(finished_churn) as project:
        trace = project.ledger.trace(start)
        run = project.ledger.latest("run.started")
    assert run.id in {one.id for one in trace.graph.nodes}
    assert run.id in {step.evidence for step in trace.steps}
    if start == "churn@1.0.0":
        assert len(steps_of(trace, "build")) == 5


def test_a_version_that_was_replaced_leads_to_its_own_records_and_not_to_its_successors(answered, tmp_path):
    folder = shutil.copytree(answered[0], tmp_path / "churn")
    with Project.open(folder) as project:
        ledger = project.workspace.ledger
        first = ledger.latest("model.registered")
        newer = {**first.figures, "number": "1.1.0"}
        registered = ledger.record(
            Evidence("model.registered", "model:churn@1.1.0", "info", "", newer, ("E-000001",), "RUN-2")
        )
        move = {"name": "churn", "number": "1.1.0", "stage": "production", "from": "staging", "action": "move"}
        ledger.record(Evidence("model.stage", "model:churn@1.1.0", "info", "", move, (registered.id,), "RUN-2"))
        assert {one["model"]: one["stage"] for one in project.models()}["churn@1.0.0"] == "archived"
        assert registered.id not in {one.id for one in project.ledger.lineage("churn@1.0.0").nodes}
        (late,) = asked(project, questions(folder, 1), "churn@1.0.0")
        for start in ("churn@1.0.0", late):
            (version,) = steps_of(project.ledger.trace(start), "version")
            assert version.evidence == first.id


def test_a_build_of_an_older_ledger_that_names_no_snapshots_read_those_of_its_run(finished_churn):
    with Project.open(finished_churn) as project:
        build = project.ledger.latest("features.build", "view:prices")
        named = trace_rows.snapshots_of(project.workspace, build)
        unnamed = trace_rows.snapshots_of(project.workspace, replace(build, parents=()))
    assert list(named) == ["prices"]
    assert unnamed["prices"] == named["prices"]


def test_what_monitoring_records_rests_on_what_it_looked_at(answered, tmp_path):
    folder = shutil.copytree(answered[0], tmp_path / "churn")
    with Project.open(folder) as project:
        found = project.monitor()
        records = {one.id: one for one in project.ledger.find()}
    assert {"monitoring.drift", "features.skew", "features.freshness"} <= {one.kind for one in found}
    assert [one.kind for one in records.values() if not one.parents] == ["run.started"]
    rests_on = {one.kind: {records[parent].kind for parent in one.parents} for one in found}
    assert rests_on["features.freshness"] == {"features.build"}
    assert rests_on["features.skew"] == {"model.stage"}


def test_experiments_and_runs_are_traced_by_their_names(finished_churn):
    with Project.open(finished_churn) as project:
        experiment = project.ledger.latest("training.experiment").figures["id"]
        run = project.ledger.latest("run.started").run
        for start in (experiment, run):
            assert {"run", "code", "brief", "build", "snapshot"} <= {s.what for s in project.ledger.trace(start).steps}
        for nothing in ("EXP-2020-01-01-001", "RUN-2020-01-01-001", "source:nothing", "nothing@1.0.0", "nothing"):
            with pytest.raises(NotFound):
                project.ledger.trace(nothing)


def test_the_way_back_ends_where_monitoring_saw_the_version_before(answered, tmp_path):
    folder = shutil.copytree(answered[0], tmp_path / "churn")
    quick = ("training.estimators=[logistic]", "evaluation.bootstrap=100", "gates.max_latency_p99_ms=5000")
    with Project.open(folder, overrides=quick) as project:
        seen = project.drift()
        trigger = project.ledger.record(
            type(seen)("retraining.trigger", seen.subject, "warn", "asked for", {"source": ["drift"]}, (seen.id,))
        )
        outcome = project.retrain(as_of=AS_OF + timedelta(days=90))
        ids = {one.id for one in project.ledger.lineage(outcome.run).nodes}
        trace = project.ledger.trace(outcome.run)
    assert {seen.id, trigger.id} <= ids
    assert "E-000001" not in ids  # the first run is the story of the version before
    assert [step.evidence for step in steps_of(trace, "trigger")] == [trigger.id]
