"""The HTTP service answers as documented, and every bad request with a problem document, never with a 5xx."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema

from assay.models.model import Model
from assay.serving import log_frames
from assay.serving.http import create_app
from assay.serving.keys import new_key
from assay.serving.server import background
from assay.serving.service import RequestLimits, Service

GOOD = {"team": "lions", "home": True}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(make_service: Callable[..., Service]) -> Iterator[httpx.Client]:
    limits = RequestLimits(max_rows=5, max_body_bytes=20_000, body_seconds=0.5)
    with background(create_app(make_service(limits=limits))) as url, httpx.Client(base_url=url) as opened:
        yield opened


def test_predictions_are_those_of_the_model_and_are_logged_with_what_it_read(
    client: httpx.Client, model: Model, tmp_path: Path
):
    rows = [{**GOOD, "game": "g1"}, {**GOOD, "team": "nobody"}, {**GOOD, "points": 95.5, "league": None}]
    answer = client.post("/predict", json={"rows": rows}).json()
    read = [
        {"points": 110.0, "home": True, "league": "east"},
        {"points": None, "home": True, "league": None},
        {"points": 95.5, "home": True, "league": None},
    ]
    expected = [model.predict_one(one) for one in read]
    assert [one["probability"] for one in answer["predictions"]] == expected
    assert [one["value"] for one in answer["predictions"]] == [int(one >= 0.5) for one in expected]
    first = answer["predictions"][0]
    assert (first["model"], first["variant"], first["source"]) == ("win@1.0.0", "production", "model")
    logged = log_frames.predictions(tmp_path / "log").collect()
    assert logged["id"].to_list() == [one["id"] for one in answer["predictions"]]
    assert logged["features"].to_list() == read
    assert logged["inputs"].to_list()[0] == {"team": "lions", "starts": None, "game": "g1"}
    assert logged["deployment"].unique().to_list() == ["E-000007"]


def test_feedback_is_kept_once_and_unknown_ids_are_refused_by_name(client: httpx.Client, tmp_path: Path):
    known = client.post("/predict", json={"rows": [GOOD]}).json()["predictions"][0]["id"]
    labels = [{"id": known, "value": 1, "time": "2026-11-21T22:00:00Z"}, {"id": "no-such", "value": 0}]
    for _ in range(2):
        answer = client.post("/feedback", json={"labels": labels}).json()
        assert answer == {
            "accepted": 1,
            "refused": [{"id": "no-such", "reason": "no such prediction is in the log"}],
        }
    kept = log_frames.labels(tmp_path / "log").collect()
    assert kept.select("prediction", "value").rows() == [(known, 1.0)]
    assert 'assay_labels_total{outcome="unknown"} 2.0' in client.get("/metrics").text


BAD: list[tuple[int, bytes]] = [
    (400, b""),
    (400, b"{"),
    (400, b'{"rows": [{"team": NaN}]}'),
    (400, b'{"rows": [{"points": 1e999}]}'),
    (400, b'{"rows": [{"team": "\\ud800"}]}'),
    (400, b'{"rows": [{"team": "\xff"}]}'),
    (400, b"[" * 5_000 + b"]" * 5_000),
    (400, b'{"rows": [{"team": "a", "team": "b", "home": true}]}'),
    (400, b'{"rows": [{"team": "a:b", "home": true}], "rows": [{"team": "a:b", "home": true}]}'),
    (413, b" " * 30_000),
    (422, b"null"),
    (422, b"[]"),
    (422, b"{}"),
    (422, b'{"rows": {}}'),
    (422, b'{"rows": []}'),
    (422, b'{"rows": [{"team": "a", "home": true}], "more": 1}'),
    (422, b'{"rows": [{"team": "a", "home": true}], "explain": 1}'),
    (422, b'{"rows": [{"team": "a", "home": true}], "explain": true}'),
    (422, b'{"rows": [{"team": "a", "home": true}], "key": 5}'),
    (422, b'{"rows": [1, "a", null, [], {}]}'),
    (422, b'{"rows": [{"team": "a"}]}'),
    (422, b'{"rows": [{"team": null, "home": true}]}'),
    (422, b'{"rows": [{"team": 1.5, "home": true}]}'),
    (422, b'{"rows": [{"team": "a", "home": "yes"}]}'),
    (422, b'{"rows": [{"team": "a", "home": true, "points": 123456789012345678901234567890123456789012}]}'),
    (422, b'{"rows": [' + b",".join([b'{"team": "a", "home": true}'] * 6) + b"]}"),
    (422, b'{"rows": ' + b"[" * 900 + b"]" * 900 + b"}"),
]


@pytest.mark.parametrize(("status", "body"), BAD, ids=[f"{status}-{body[:40]!r}" for status, body in BAD])
def test_a_bad_request_gets_a_problem_document(client: httpx.Client, status: int, body: bytes):
    answer = client.post("/predict", content=body, headers=JSON)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert client.post("/predict", json={"rows": [GOOD]}).status_code == 200


def test_a_wrong_field_is_named_with_its_reason(client: httpx.Client):
    problem = client.post("/predict", json={"rows": [GOOD, {**GOOD, "points": "ten"}]}).json()
    assert problem["errors"] == [{"field": "rows[1].points", "reason": "must be a number or null, not 'ten'"}]


def test_text_with_colons_is_no_duplicate_key(client: httpx.Client):
    row = {**GOOD, "starts": "2026-11-21T19:30:00Z", "game": "a:b"}
    assert client.post("/predict", json={"rows": [row]}).status_code == 200


def test_other_media_types_methods_and_paths_are_refused_as_problems(client: httpx.Client):
    answers = {
        415: client.post("/predict", content=b"{}", headers={"Content-Type": "text/plain"}),
        405: client.get("/predict"),
        404: client.get("/nothing"),
    }
    for status, answer in answers.items():
        assert answer.status_code == answer.json()["status"] == status
        assert answer.headers["content-type"] == "application/problem+json"
    assert answers[405].headers["allow"] == "POST"
    assert client.post("/predict", content=b"{}", headers={**JSON, "Content-Encoding": "gzip"}).status_code == 415


def test_a_body_that_grows_beyond_the_limit_is_stopped_while_it_arrives(client: httpx.Client):
    sent = []

    def endless() -> Iterator[bytes]:
        for _ in range(10_000):
            sent.append(1)
            yield b" " * 10_000

    with contextlib.suppress(httpx.WriteError):  # it may answer and hang up while we are still sending
        assert client.post("/predict", content=endless(), headers=JSON).status_code == 413
    assert len(sent) < 10_000


def test_a_body_that_does_not_arrive_is_given_up(client: httpx.Client):
    async def stall() -> bytes:
        host, port = client.base_url.host, client.base_url.port
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        )
        line = await asyncio.wait_for(reader.readline(), timeout=5)
        writer.close()
        return line

    assert b"408" in asyncio.run(stall())


def test_every_answer_carries_the_security_headers(client: httpx.Client):
    for answer in (
        client.post("/predict", json={"rows": [GOOD]}),
        client.post("/predict", json={}),
        client.get("/health"),
        client.get("/nothing"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"


def test_without_a_key_only_the_open_doors_answer(make_service: Callable[..., Service]):
    key, digest = new_key()
    service = make_service(api_keys=frozenset({digest}))
    with background(create_app(service)) as url, httpx.Client(base_url=url) as client:
        assert client.get("/livez").status_code == client.get("/readyz").status_code == 200
        refused = client.post("/predict", json={"rows": [GOOD]})
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        for path in ("/metrics", "/models", "/openapi.json", "/nothing"):
            assert client.get(path).status_code == 401
        for shown in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
            assert client.post("/predict", json={"rows": [GOOD]}, headers=shown).status_code == 200
        assert client.get("/models", headers={"X-API-Key": digest}).status_code == 401
        assert key not in client.get("/metrics", headers={"X-API-Key": key}).text


def test_before_a_version_is_loaded_it_is_alive_but_not_ready(make_service: Callable[..., Service]):
    service = make_service()
    service.swap(None, problem="nothing is in production; promote a version first")
    with background(create_app(service)) as url, httpx.Client(base_url=url) as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/health").json()["status"] == "starting"
        for answer in (client.get("/ready"), client.post("/predict", json={"rows": [GOOD]})):
            assert answer.status_code == 503
            assert "promote a version" in answer.json()["detail"]
            assert answer.headers["retry-after"] == "1"


def test_metrics_count_requests_predictions_and_refusals(client: httpx.Client):
    client.post("/predict", json={"rows": [GOOD, GOOD]})
    client.post("/predict", json={})
    client.get("/some/thing/private")
    text = client.get("/metrics").text
    assert 'assay_requests_total{path="/predict",status="200"} 1.0' in text
    assert 'assay_requests_total{path="/predict",status="422"} 1.0' in text
    assert 'assay_predictions_total{model="win@1.0.0",source="model"} 2.0' in text
    assert 'assay_request_seconds_bucket{le="+Inf",path="/predict"} 2.0' in text
    assert 'assay_model{model="win@1.0.0"} 1.0' in text
    assert "private" not in text


def test_a_failing_lookup_is_a_500_without_a_word_of_the_inside(
    make_service: Callable[..., Service], caplog: pytest.LogCaptureFixture
):
    def fail(_rows: Any) -> Any:
        raise ZeroDivisionError("the secret is 42")

    service = make_service()
    predictor = service.predictor
    assert predictor is not None
    service.swap(type(predictor)(predictor.model, "win@1.0.0", fail, predictor.schema))
    with background(create_app(service)) as url:
        answer = httpx.post(f"{url}/predict", json={"rows": [GOOD]})
    assert answer.status_code == 500
    assert "42" not in answer.text
    assert "ZeroDivisionError" in caplog.text


@pytest.fixture
def api(make_service: Callable[..., Service]) -> Iterator[Any]:
    with background(create_app(make_service(limits=RequestLimits(max_rows=5)))) as url:
        yield schemathesis.openapi.from_url(f"{url}/openapi.json")


@pytest.mark.parametrize("mode", GenerationMode)
def test_the_service_keeps_every_promise_of_its_openapi_document(api: BaseSchema, mode: GenerationMode):
    for found in api.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and operation.method == "get":
            continue  # nothing of a GET can be wrong

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @seed(4)
        @given(case=operation.as_strategy(generation_mode=mode))
        def keeps_its_promise(case: schemathesis.Case) -> None:
            case.call_and_validate()

        keeps_its_promise()


def test_the_openapi_document_is_exact(client: httpx.Client):
    document = orjson.loads(client.get("/openapi.json").content)
    row = document["components"]["schemas"]["Row"]
    assert set(row["properties"]) == {"team", "home", "starts", "game", "points", "league"}
    assert row["additionalProperties"] is False
    assert {"required": ["home", "team"]} in row["anyOf"]
