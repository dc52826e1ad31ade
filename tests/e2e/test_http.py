"""`assay serve` as a process: hostile requests, features from the store, and a change of version while it answers."""

import concurrent.futures
import json
import re
import shutil

import httpx
import polars as pl
import pytest
from tests.projects import AS_OF, QUICK, answered, assay, kill, questions, serving, start, wait_until

from assay.project import Project
from assay.serving import log_frames

DEEP = b'{"rows":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
SWAP_SECONDS = 2.0


@pytest.fixture(scope="module")
def served(finished_churn, tmp_path_factory):
    """A server on a copy of the finished project: its address and folder."""
    folder = shutil.copytree(finished_churn, tmp_path_factory.mktemp("served") / "churn")
    with serving(folder) as (url, _):
        yield url, folder


def hostile(rows):
    """Bodies that must be refused, by what is wrong with them."""
    row = rows[0]
    return {
        "empty": b"",
        "not json": b"rows",
        "cut short": json.dumps({"rows": rows}).encode()[:-5],
        "not utf-8": b'{"rows": [{"customer_id": "\xff\xfe"}]}',
        "a list": b"[]",
        "a number": b"7",
        "null": b"null",
        "rows are text": b'{"rows": "all"}',
        "no rows": b'{"rows": []}',
        "rows of numbers": b'{"rows": [1, 2]}',
        "rows of null": b'{"rows": [null]}',
        "an unknown field": json.dumps({"rows": [{**row, "colour": "red"}]}).encode(),
        "an unknown envelope": json.dumps({"rows": rows, "model": "mine"}).encode(),
        "a missing entity": json.dumps({"rows": [{"row_id": "x", "plan": "plus", "month": row["month"]}]}).encode(),
        "a key that is a list": json.dumps({"rows": [{**row, "customer_id": ["C000001"]}]}).encode(),
        "a key that is an object": json.dumps({"rows": [{**row, "customer_id": {"a": 1}}]}).encode(),
        "a time that is none": json.dumps({"rows": [{**row, "month": "soon"}]}).encode(),
        "a time beyond the calendar": json.dumps({"rows": [{**row, "month": "99999-01-01T00:00:00Z"}]}).encode(),
        "a number for a time": json.dumps({"rows": [{**row, "month": 1e300}]}).encode(),
        "infinity": b'{"rows": [{"customer_id": Infinity}]}',
        "not a number": b'{"rows": [{"customer_id": NaN}]}',
        "a huge integer": b'{"rows": [{"customer_id": ' + b"9" * 5_000 + b"}]}",
        "a key given twice": b'{"rows": [], "rows": []}',
        "deep": DEEP,
        "too many rows": json.dumps({"rows": [row] * 2_000}).encode(),
        "too large": b'{"rows": [{"customer_id": "' + b"C" * 6_000_000 + b'"}]}',
        "a lone surrogate": b'{"rows": [{"customer_id": "\\ud800"}]}',
        "a nul": json.dumps({"rows": [{**row, "customer_id": "C\u0000"}]}).encode(),
        "explain as text": json.dumps({"rows": rows, "explain": "yes"}).encode(),
    }


def test_hostile_bodies_are_refused_with_a_problem_document_and_never_break_the_server(served):
    url, folder = served
    with httpx.Client(base_url=url, timeout=20) as client:
        for path in ("/predict", "/feedback"):
            for name, body in hostile(questions(folder, 2)).items():
                answer = client.post(path, content=body, headers={"content-type": "application/json"})
                assert answer.status_code < 500, (path, name, answer.text[:300])
                if not 200 <= answer.status_code < 300:
                    assert answer.headers["content-type"] == "application/problem+json", (path, name)
                    assert answer.json()["status"] == answer.status_code
                else:
                    assert (path, name) in {("/predict", "a nul")}, (path, name, answer.text[:300])
    assert len(answered(url, questions(folder, 3))) == 3


def test_a_flood_of_hostile_bodies_loses_no_prediction(served):
    url, folder = served
    rows = questions(folder, 3)
    bodies = [body for body in hostile(rows).values() if len(body) < 100_000]

    def bother(_):
        with httpx.Client(base_url=url, timeout=20) as client:
            return [client.post("/predict", content=body).status_code for body in bodies]

    def ask(_):
        return [one["id"] for one in answered(url, rows)]

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        statuses = pool.map(bother, range(4))
        asked = pool.map(ask, range(40))
        assert max(max(one) for one in statuses) < 500
        ids = {one for some in asked for one in some}
    logged = log_frames.predictions(folder / ".assay" / "predictions").select("id").collect()
    assert ids <= set(logged["id"])


def test_other_paths_and_methods_are_refused_politely(served):
    url, _ = served
    with httpx.Client(base_url=url, timeout=20) as client:
        for method, path in (("GET", "/predict"), ("PUT", "/predict"), ("DELETE", "/models"), ("POST", "/health")):
            assert client.request(method, path).status_code == 405
        assert client.get("/../../etc/passwd").status_code == 404
        assert client.get("/nothing").status_code == 404
        for path in ("/health", "/ready", "/livez", "/readyz", "/metrics", "/models", "/openapi.json"):
            assert client.get(path).status_code == 200


def test_what_is_served_is_what_the_project_predicts_itself(served):
    url, folder = served
    rows = questions(folder, 20)
    with Project.open(folder) as project:
        offline = project.predict(pl.DataFrame(rows))
    online = [one["probability"] for one in answered(url, rows)]
    assert online == pytest.approx(offline["probability"].to_list(), abs=1e-9)


def test_a_prediction_leads_back_to_its_snapshots_and_takes_one_label(served):
    url, folder = served
    (one,) = answered(url, questions(folder, 1))
    told = httpx.post(f"{url}/feedback", json={"labels": [{"id": one["id"], "value": 0}, {"id": "never", "value": 1}]})
    assert (told.json()["accepted"], [refused["id"] for refused in told.json()["refused"]]) == (1, ["never"])
    with Project.open(folder) as project:
        kinds = {node.kind for node in project.ledger.lineage(one["id"]).nodes}
    assert {"model.stage", "gate.production", "training.experiment", "data.snapshot"} <= kinds


def test_promotion_and_rollback_reach_a_running_server_within_two_seconds(churn):
    rows = questions(churn, 1)
    with serving(churn) as (url, _):
        assert answered(url, rows)[0]["model"] == "churn@1.0.0"
        with Project.open(churn, overrides=(*QUICK, "training.months=9")) as project:
            trained = project.train(trials=0, as_of=AS_OF)
            because = [trained.experiment_evidence.id]
            registry = project.workspace.registry
            version = registry.register("churn", trained.bundle_digest, signature_digest="other", parents=because)
            registry.move(version, "staging", because=because, actor="a test")
            registry.move(version, "production", because=because, actor="a test")
            wait_until(lambda: answered(url, rows)[0]["model"] == version.reference, seconds=SWAP_SECONDS)
            project.rollback(actor="a test", reason="practice")
            wait_until(lambda: answered(url, rows)[0]["model"] == "churn@1.0.0", seconds=SWAP_SECONDS)
    with Project.open(churn) as project:
        assert project.verify().ok


def test_without_a_version_the_server_says_that_it_is_not_ready_and_serves_once_there_is_one(fresh_churn, tmp_path):
    log = tmp_path / "serve.log"
    process = start("serve", "--project", fresh_churn, "--port", "0", log=log)
    try:
        url = "http://" + wait_for_address(log)
        assert httpx.get(f"{url}/livez").status_code == 200
        assert httpx.get(f"{url}/ready").status_code == 503
        refused = httpx.post(f"{url}/predict", json={"rows": questions(fresh_churn, 1)})
        assert refused.status_code == 503
        assert "retry-after" in refused.headers
    finally:
        kill(process)


def wait_for_address(log):
    found = []

    def said():
        found[:] = re.findall(r"http://([\d.]+:\d+)", log.read_text(errors="replace"))
        return bool(found)

    wait_until(said, seconds=30)
    return found[0]


def test_beyond_loopback_keys_are_needed(churn, tmp_path):
    done = assay("serve", "--project", churn, "--host", "0.0.0.0", "--port", "0")
    assert done.code == 2
    assert "api_keys" in done.err
