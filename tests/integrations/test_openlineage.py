"""OpenLineage events, held against the official client: its classes, its serializer and its HTTP transport."""

import dataclasses
import importlib
import json
import pkgutil
import re
import threading
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attr
import pytest
from openlineage.client import OpenLineageClient, event_v2, generated
from openlineage.client.serde import Serde
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport

from assay.errors import AssayError, ServiceUnreachable, UsageError
from assay.integrations import openlineage_facets
from assay.integrations.openlineage import events_of
from assay.integrations.openlineage_delivery import post_events, write_events
from assay.ledger.evidence import Evidence
from assay.project import Project

CLASSES = {
    name: one
    for module in pkgutil.iter_modules(generated.__path__)
    for name, one in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).items()
    if attr.has(one)
}


@pytest.fixture(scope="module")
def events(finished_churn):
    with Project.open(finished_churn) as project:
        return events_of(project.ledger.find(), project="churn")


def official(kind, fields):
    """An object of the client's class with those fields; a field that it does not know is an error."""
    kwargs = {name.lstrip("_"): value for name, value in fields.items() if name not in ("_schemaURL", "schemaURL")}
    made = kind(**{name: nested(kind, name, value) for name, value in kwargs.items()})
    wanted = fields.get("_schemaURL", fields.get("schemaURL"))
    if wanted is not None:
        assert wanted == getattr(made, "_schemaURL", None) or wanted == getattr(made, "schemaURL", None)
    return made


def nested(kind, name, value):
    """A field's value with its own objects: facets by the class that their schema names, others by the field's type."""
    if name in ("facets", "inputFacets", "outputFacets"):
        return {key: official(CLASSES[one["_schemaURL"].rpartition("/")[2]], one) for key, one in value.items()}
    if name == "eventType":
        return event_v2.RunState(value)
    hint = next((str(one.type) for one in attr.fields(kind) if one.alias == name), "")
    known = vars(importlib.import_module(kind.__module__))
    inner = next((known[word] for word in re.findall(r"\w+", hint) if attr.has(known.get(word, str))), None)
    if inner is None:
        return value
    return [official(inner, one) for one in value] if isinstance(value, list) else official(inner, value)


def as_run_event(event):
    return official(event_v2.RunEvent, event)


def without_empty(value):
    """What the client's serializer makes of empty fields of its own is of no interest."""
    if isinstance(value, dict):
        return {key: kept for key, inner in value.items() if (kept := without_empty(inner)) not in ({}, [])}
    return [without_empty(one) for one in value] if isinstance(value, list) else value


def test_the_official_client_takes_every_event_and_writes_the_same_again(events):
    assert len(events) > 30
    for event in events:
        assert without_empty(Serde.to_dict(as_run_event(event))) == without_empty(event)


@pytest.mark.parametrize(
    ("place", "value"),
    [("invented", 1), ("run.invented", 1), ("run.facets.tags.invented", 1), ("run.runId", "RUN-1"),
     ("eventTime", "2026"), ("eventType", "BEGUN"),
     ("inputs.0.facets.schema._schemaURL", "https://openlineage.io/spec/SchemaDatasetFacet")],
)  # fmt: skip
def test_the_official_client_refuses_what_is_not_of_the_specification(events, place, value):
    event = json.loads(json.dumps(next(one for one in events if one["inputs"])))
    *path, last = place.split(".")
    inner = event
    for step in path:
        inner = inner[int(step) if step.isdigit() else step]
    inner[last] = value
    with pytest.raises((TypeError, ValueError, AssertionError)):
        as_run_event(event)


def test_every_facet_names_the_schema_that_the_official_client_knows():
    for name, version in openlineage_facets.VERSIONS.items():
        assert f"/{version}/{name}.json" in CLASSES[name]._get_schema()


def test_every_run_begins_once_and_ends_once_not_before_it_began(events):
    runs = {}
    for event in events:
        runs.setdefault(event["run"]["runId"], []).append(event)
    for of_run in runs.values():
        assert [one["eventType"] for one in of_run] == ["START", "COMPLETE"]
        begun, ended = (datetime.fromisoformat(one["eventTime"]) for one in of_run)
        assert begun <= ended
        assert len({one["job"]["name"] for one in of_run}) == 1
    assert [one["eventTime"] for one in events] == sorted(one["eventTime"] for one in events)


def test_datasets_join_the_source_file_to_production(events):
    reads, writes = {}, {}
    for event in events:
        for one in event["outputs"]:
            writes.setdefault((one["namespace"], one["name"]), event["job"]["name"])
        for one in event["inputs"]:
            reads.setdefault(event["job"]["name"], set()).add((one["namespace"], one["name"]))
    reached, waiting = set(), [("assay://churn", "production/churn")]
    while waiting:
        dataset = waiting.pop()
        reached.add(dataset)
        waiting += reads.get(writes.get(dataset, ""), set()) - reached
    assert ("file", "data/purchases.parquet") in reached
    assert ("assay://churn", "features/purchases") in reached
    assert ("assay://churn", "snapshots/months") in reached


def test_versions_schemas_counts_expectations_and_owners_are_those_of_the_ledger(events, finished_churn):
    with Project.open(finished_churn) as project:
        snapshot = project.ledger.latest("data.snapshot", "source:purchases")
        build = project.ledger.latest("features.build", "view:purchases")
        expected = project.ledger.latest("data.expectations", "source:purchases")
    event = next(one for one in events if one["job"]["name"] == "churn.features.purchases" and one["outputs"])
    (read,), (written,) = event["inputs"], event["outputs"]
    assert read["facets"]["version"]["datasetVersion"] == snapshot.figures["digest"]
    assert read["facets"]["dataQualityMetrics"]["rowCount"] == snapshot.figures["rows"]
    assert [one["name"] for one in read["facets"]["schema"]["fields"]] == list(snapshot.figures["schema"])
    (assertion,) = read["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert assertion == {"assertion": f"{expected.figures['rules']} declared rules", "success": True}
    assert written["outputFacets"]["outputStatistics"]["rowCount"] == build.figures["rows_written"]
    assert event["job"]["facets"]["ownership"]["owners"] == [{"name": "retention team"}]
    tags = {one["key"]: one["value"] for one in event["run"]["facets"]["tags"]["tags"]}
    assert tags["evidence"] == build.id


def test_the_same_record_has_the_same_run_whenever_it_is_told(events, finished_churn):
    with Project.open(finished_churn) as project:
        again = events_of(project.ledger.find(), project="churn")
        other = events_of(project.ledger.find(), project="other")
    assert again == events
    assert not {one["run"]["runId"] for one in other} & {one["run"]["runId"] for one in events}


def story(*records):
    """Records as the ledger gives them back, each resting on the one before it."""
    made = []
    for number, record in enumerate(records, start=1):
        parents = (made[-1].id,) if made else ()
        made.append(
            dataclasses.replace(
                record,
                id=f"E-{number:06d}",
                run="RUN-1",
                time=f"2026-01-01T00:00:{number:02d}.000000Z",
                parents=parents,
            )
        )
    return made


STARTED = Evidence(
    "run.started", "run:RUN-1", "info", "",
    {"as_of": "2026-01-01T00:00:00+00:00", "settings": {"sources": {}},
     "code": {"assay": "0.1.0", "commit": "a" * 40, "repository": "https://example.org/team/churn.git"}},
)  # fmt: skip
SNAPSHOT = Evidence(
    "data.snapshot", "source:games", "info", "", {"digest": "d" * 64, "rows": 3, "schema": {"a": "Int64"}}
)
BUILD = Evidence("features.build", "view:form", "info", "", {"rows_written": 3, "types": {"a": "Int64"}, "build": 1})
FAILED = Evidence("training.experiment", "experiment:EXP-1", "fail", "failed",
                  {"verdict": "failed", "notes": "LeakageFound: told", "artifacts": {}})  # fmt: skip


def endings(records):
    return {one["job"]["name"]: one for one in events_of(records, project="p") if one["eventType"] != "START"}


def test_a_failed_training_and_a_failed_run_end_in_fail_with_their_message():
    ended = endings(story(STARTED, BUILD, FAILED, Evidence("run.failed", "run:RUN-1", "fail", "training: no disk")))
    assert ended["p.training"]["eventType"] == ended["p.run"]["eventType"] == "FAIL"
    assert ended["p.training"]["run"]["facets"]["errorMessage"]["message"] == "LeakageFound: told"
    assert ended["p.run"]["run"]["facets"]["errorMessage"]["message"] == "training: no disk"
    assert [one["name"] for one in ended["p.training"]["inputs"]] == ["features/form"]
    location = ended["p.run"]["job"]["facets"]["sourceCodeLocation"]
    assert (location["version"], location["url"]) == ("a" * 40, "https://example.org/team/churn.git")
    for event in ended.values():
        as_run_event(event)


def test_a_run_that_was_stopped_is_aborted_and_one_that_was_killed_has_no_ending():
    stopped = Evidence("run.finished", "run:RUN-1", "fail", "", {"verdict": "stopped"})
    assert endings(story(STARTED, stopped))["p.run"]["eventType"] == "ABORT"
    assert "p.run" not in endings(story(STARTED, SNAPSHOT))
    assert endings(story(STARTED, SNAPSHOT, BUILD))["p.run"]["eventType"] == "COMPLETE"


def test_broken_expectations_are_assertions_that_failed():
    broken = {"rule": "is not missing", "column": "points", "severity": "error", "count": 7}
    checked = Evidence("data.expectations", "source:games", "fail", "", {"rules": 3, "failures": [broken]})
    records = story(STARTED, SNAPSHOT, checked, BUILD)
    records[3] = dataclasses.replace(records[3], parents=("E-000002",))
    (read,) = endings(records)["p.features.form"]["inputs"]
    bad, good = read["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert bad == {"assertion": "is not missing", "success": False, "column": "points", "severity": "error",
                   "actual": "7 rows"}  # fmt: skip
    assert (good["assertion"], good["success"]) == ("2 declared rules", True)
    as_run_event(endings(records)["p.features.form"])


def test_a_password_of_a_source_is_in_no_event():
    declared = {"games": {"url": "postgresql+psycopg://ana:secret@db.example.org:5432/sport", "query": "select 1"}}
    started = dataclasses.replace(STARTED, figures={**STARTED.figures, "settings": {"sources": declared}})
    event = endings(story(started, SNAPSHOT))["p.snapshot.games"]
    assert (event["inputs"][0]["namespace"], event["inputs"][0]["name"]) == (
        "postgresql://db.example.org:5432",
        "sport.games",
    )
    assert "secret" not in json.dumps(event)


@contextmanager
def receiver(status=201):
    """A server that speaks the protocol of a lineage receiver: POST, JSON, a status."""
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((self.path, self.headers.get("Authorization"), json.loads(body)))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"no")

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_we_post_is_what_the_official_client_posts(events):
    chosen = events[:12]
    with receiver() as (url, ours), receiver() as (their_url, theirs):
        assert post_events(chosen, url, api_key="key") == 12
        config = HttpConfig(url=their_url, auth=ApiKeyTokenProvider({"apiKey": "key"}))
        client = OpenLineageClient(transport=HttpTransport(config))
        for event in chosen:
            client.emit(as_run_event(event))
        client.close()
    assert [(path, key) for path, key, _ in ours] == [(path, key) for path, key, _ in theirs]
    assert [without_empty(body) for _, _, body in ours] == [without_empty(_untagged(body)) for _, _, body in theirs]


def _untagged(body):
    """Without the tags with which the official client names itself."""
    tags = body["run"]["facets"].get("tags", {}).get("tags", [])
    kept = [one for one in tags if one.get("source") != "OPENLINEAGE_CLIENT"]
    if tags:
        body["run"]["facets"]["tags"]["tags"] = kept
    return body


def test_a_receiver_that_refuses_is_out_of_order_or_absent_is_told_apart(events):
    with receiver(422) as (url, taken):
        with pytest.raises(AssayError, match="422"):
            post_events(events, url)
        assert len(taken) == 1
    with receiver(503) as (url, _), pytest.raises(ServiceUnreachable, match="503"):
        post_events(events, f"{url}/own/path")
    with pytest.raises(ServiceUnreachable, match="0 events"):
        post_events(events, "http://127.0.0.1:9")
    with pytest.raises(UsageError):
        post_events(events, "ftp://example.org")


@pytest.mark.parametrize(
    "address", ["http://me:hunter2@127.0.0.1:9", "http://127.0.0.1:9/in?key=hunter2", "ftp://hunter2@a"]
)
def test_a_receiver_is_named_without_what_lets_us_in(events, address):
    with pytest.raises(AssayError) as refusal:
        post_events(events[:1], address)
    assert "hunter2" not in str(refusal.value)


def test_a_file_holds_one_event_a_line(events, tmp_path):
    assert write_events(events, tmp_path / "events.jsonl") == len(events)
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == events
    assert [one.name for one in tmp_path.iterdir()] == ["events.jsonl"]
