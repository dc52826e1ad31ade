"""Replaying the prediction log: what was served is what training would have had; one planted difference is found."""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from tests.projects import answered, assay, questions, serving

from assay.features import offline
from assay.features.frame import training_frame
from assay.pipelines.replaying import replay_predictions
from assay.project import Project
from assay.serving import segments

FEATURE = "customer_severity_90d_mean"
MILLION, CUSTOMERS, EVENTS = 1_000_000, 50_000, 200_000
NAMES = tuple(f"customer_x{number}" for number in range(8))
SETTINGS = """
name: many
brief: {}
sources:
  events: {path: events.parquet, time: time}
target:
  {source: events, key: row, time: moment, label: x0, entities: {customer: customer}}
"""
DEFINITIONS = f"""
import assay

@assay.feature_view(entity="customer", source="events", features=dict.fromkeys({NAMES!r}, "A drawn number"))
def draws(events):
    return events.rename({{f"x{{i}}": f"customer_x{{i}}" for i in range({len(NAMES)})}})
"""


def replayed(folder):
    with Project.open(folder) as project:
        version = project.workspace.registry.production("churn")
        return replay_predictions(project.workspace, version)


def test_what_was_served_is_what_training_would_have_had_unless_it_was_tampered_with(churn):
    rows = questions(churn, 40)
    with serving(churn) as (url, _):
        answered(url, rows)
        with Project.open(churn) as project:
            clean = project.workspace.ledger.record(replayed(churn))
            online = project.workspace.online
            tickets = online.get("complaints", [row["customer_id"] for row in rows])
            number = next(at for at, one in enumerate(tickets) if one is not None)
            values = {**tickets[number].values, FEATURE: 99.0}
            online.put("complaints", [rows[number]["customer_id"]], [tickets[number].time_us], [values])
        answers = answered(url, rows)
    assert (clean.verdict, clean.figures["n"], clean.figures["skew"]) == ("pass", 40, {}), clean.summary
    assert clean.figures["features"] > 10
    found = replayed(churn)  # goes on after the last replay
    assert (found.verdict, found.figures["n"]) == ("fail", 40)
    assert found.figures["skew"][FEATURE]["n_different"] == 1
    assert found.figures["skew"][FEATURE]["examples"] == [answers[number]["id"]]
    assert all(one["examples"] == [answers[number]["id"]] for one in found.figures["skew"].values())


def test_rows_that_came_late_and_full_builds_are_no_skew(churn):
    rows = questions(churn, 10)
    with serving(churn) as (url, _):
        answered(url, rows)
        purchases = churn / "data" / "purchases.parquet"
        frame = pl.read_parquet(purchases)
        late = (
            frame.filter(pl.col("time") < datetime(2025, 12, 30, tzinfo=UTC))
            .tail(10)
            .with_columns(customer_id=pl.Series([row["customer_id"] for row in rows]))
        )
        pl.concat([frame, late]).write_parquet(purchases)
        with Project.open(churn) as project:
            built = project.features.build(as_of=datetime(2026, 1, 1, tzinfo=UTC))
            project.features.build(full=True, as_of=datetime(2026, 1, 1, tzinfo=UTC))
        answered(url, rows)
    written = {one.subject: one.figures["rows_written"] for one in built if one.kind == "features.build"}
    assert written["view:purchases"] > 0
    found = replayed(churn)
    assert (found.verdict, found.figures["n"]) == ("pass", 20), found.summary


def test_an_event_that_no_build_has_seen_is_no_skew_and_hides_none_of_another_view(churn):
    rows = questions(churn, 40)
    just_before_us = int(datetime(2025, 12, 31, 23, 59, tzinfo=UTC).timestamp() * 1e6)
    with Project.open(churn) as project, serving(churn) as (url, _):
        online = project.workspace.online
        tickets = online.get("complaints", [row["customer_id"] for row in rows])
        number = next(at for at, one in enumerate(tickets) if one is not None)
        who, ticket = rows[number]["customer_id"], tickets[number]
        (newest,) = online.get("purchases", [who])
        streamed = {**newest.values, "customer_spend_30d_sum": 12_345.0}  # as the consumer of a stream would put it
        online.put("purchases", [who], [just_before_us], [streamed])
        answered(url, rows)
        found = replayed(churn)
        online.put("complaints", [who], [ticket.time_us], [{**ticket.values, FEATURE: 99.0}])
        answered(url, [rows[number]])
    assert (found.verdict, found.figures["n"], found.figures["ahead"]) == ("pass", 40, 1), found.summary
    assert "in 1 an event of a stream came before the next build" in found.summary
    spoilt = replayed(churn)
    assert (spoilt.verdict, set(spoilt.figures["skew"])) == ("fail", {FEATURE})


def test_features_that_came_with_the_request_are_not_replayed(churn):
    row = questions(churn, 1)[0]
    with serving(churn) as (url, _):
        answered(url, [row])
        with Project.open(churn) as project:
            features = project.features.latest([{k: row[k] for k in ("customer_id", "plan", "month")}])[0]
        answered(url, [{name: 1.0 if isinstance(value, int | float) else value for name, value in features.items()}])
    found = replayed(churn)
    assert (found.verdict, found.figures["n"], found.figures["given_in_request"]) == ("pass", 1, 1), found.summary


def test_monitor_and_the_command_line_replay(churn):
    with serving(churn) as (url, _):
        answered(url, questions(churn, 5))
    with Project.open(churn) as project:
        kinds = {one.kind: one for one in project.monitor()}
        assert (kinds["features.skew"].verdict, kinds["features.skew"].figures["n"]) == ("pass", 5)
        assert kinds["features.freshness"].verdict == "pass"
        again = project.features.skew()
        assert (again.verdict, again.figures["n"]) == ("info", 0)
    done = assay("features", "skew", "--since", "2020-01-01", "--json", "--project", churn)
    assert (done.code, done.document()["figures"]["n"]) == (0, 5), done.err


@pytest.fixture
def million(tmp_path):
    """A project with a log of a million predictions, one value of which is not what training would have had."""
    rng = np.random.default_rng(0)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    drawn = {f"x{i}": rng.standard_normal(EVENTS) for i in range(len(NAMES))}
    moments = pl.Series(rng.integers(0, 90 * 86_400, EVENTS) * 1_000_000 + int(start.timestamp() * 1e6))
    events = pl.DataFrame(
        {"row": np.arange(EVENTS), "customer": rng.integers(0, CUSTOMERS, EVENTS), "time": moments, **drawn}
    ).with_columns(pl.col("time").cast(pl.Datetime("us", "UTC")))
    events.write_parquet(tmp_path / "events.parquet")
    (tmp_path / "assay.yaml").write_text(SETTINGS)
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    with Project.open(tmp_path) as project:
        project.features.build()
        planted = write_log(project.workspace, rng)
        yield project.workspace, planted


def write_log(workspace, rng):
    """Write a sealed segment of a million records; gives the id of the one with a planted difference."""
    now = datetime.now(UTC) + timedelta(hours=1)
    asked = pl.DataFrame(
        {
            "id": [f"p{number}" for number in range(MILLION)],
            "customer": rng.integers(0, CUSTOMERS, MILLION),
            "moment": pl.Series([now - timedelta(days=365)] * MILLION, dtype=pl.Datetime("us", "UTC"))
            + pl.Series(rng.integers(0, 300, MILLION)).cast(pl.Duration("us")) * 86_400_000_000,
        }
    )
    frame, names = training_frame(
        asked,
        target=workspace.settings.target,
        definitions=workspace.definitions,
        rows_of=lambda view: offline.stored(view, workspace.tables),
    )
    assert names == NAMES
    at = 777_777 + frame[777_777:]["customer_x5"].is_not_null().arg_max()
    wrong = frame["customer_x5"].to_list()[at] + 1e-6
    served = frame.with_columns(customer_x5=pl.when(pl.int_range(pl.len()) == at).then(wrong).otherwise("customer_x5"))
    text = "%Y-%m-%dT%H:%M:%S%.6fZ"
    records = served.select(
        "id",
        time=pl.lit(now).dt.strftime(text),
        model=pl.lit("many@1.0.0"),
        source=pl.lit("model"),
        inputs=pl.struct(pl.col("customer").cast(pl.String), pl.col("moment").dt.strftime(text)),
        features=pl.struct(NAMES),
    )
    columns = {"inputs": {"customer": "key", "moment": "time"}, "features": dict.fromkeys(NAMES, "number")}
    folder = workspace.predictions / "predictions"
    segment = segments.create(folder, now=now, columns=columns)
    os.close(segment.descriptor)
    with segment.path.open("ab") as file:
        records.write_ndjson(file)
    segment.path.rename(segment.path.with_suffix(segments.SEALED))
    return f"p{at}"


@pytest.mark.slow
def test_one_value_of_one_row_of_a_million_is_found(million, record_property):
    workspace, planted = million
    version = SimpleNamespace(reference="many@1.0.0", run="R-none", subject="model:many@1.0.0")
    started = time.perf_counter()
    found = replay_predictions(workspace, version)
    seconds = time.perf_counter() - started
    record_property("seconds", seconds)
    print(json.dumps({"seconds": round(seconds, 2), "rows": found.figures["n"]}))
    assert found.figures["n"] == MILLION
    assert found.figures["skew"] == {
        "customer_x5": {"n_different": 1, "largest": pytest.approx(1e-6, rel=1e-3), "examples": [planted]}
    }
    assert seconds < 40
