"""The trials before production drive a real HTTP server, here a tiny one of the standard library."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from assay.errors import DataError, ServiceUnreachable
from assay.release import trials


class Doubler(BaseHTTPRequestHandler):
    """Answers twice x; refuses a negative x."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["rows"]
        bad = any(row["x"] < 0 for row in rows)
        body = json.dumps({"predictions": [{"value": 1, "probability": row["x"] * 2} for row in rows]}).encode()
        self.send_response(422 if bad else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Doubler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/predict"
        server.shutdown()
        thread.join()


ROWS = [{"x": 0.1}, {"x": 0.2}]


def test_the_round_trip_passes_where_served_and_offline_scores_agree(url: str):
    found = trials.integration_test(url, ROWS, expected=np.array([0.2, 0.4]), subject="m")
    assert (found.kind, found.verdict, found.figures["n"]) == ("release.integration_test", "pass", 2)


def test_the_round_trip_shows_the_row_that_is_served_otherwise(url: str):
    found = trials.integration_test(url, ROWS, expected=np.array([0.2, 0.5]), subject="m")
    assert found.verdict == "fail"
    assert "row 1 is served 0.4 but scored offline 0.5" in found.summary


def test_the_round_trip_fails_on_a_refusal(url: str):
    found = trials.integration_test(url, [{"x": -1}], expected=np.array([0.0]), subject="m")
    assert found.verdict == "fail"
    assert "status 422" in found.summary


def test_the_round_trip_needs_a_score_for_each_row(url: str):
    with pytest.raises(DataError, match="2 rows and 1 scores"):
        trials.integration_test(url, ROWS, expected=np.array([0.2]), subject="m")


def test_the_load_test_counts_answers_and_times_the_tail(url: str):
    found = trials.load_test(url, ROWS, subject="m", limit_p99_ms=10_000, seconds=0.3, connections=2)
    assert found.verdict == "pass"
    assert found.figures["answers"] > 10
    assert found.figures["refused"] == 0
    assert 0 < found.figures["p50_ms"] <= found.figures["p99_ms"]


def test_the_load_test_fails_on_a_slow_tail_or_a_single_refusal(url: str):
    slow = trials.load_test(url, ROWS, subject="m", limit_p99_ms=0.0001, seconds=0.2)
    refused = trials.load_test(url, [*ROWS, {"x": -1}], subject="m", limit_p99_ms=10_000, seconds=0.2)
    assert (slow.verdict, refused.verdict) == ("fail", "fail")
    assert refused.figures["refused"] > 0


def test_a_server_that_is_not_there_is_unreachable():
    with pytest.raises(ServiceUnreachable, match="nothing answers at"):
        trials.load_test("http://127.0.0.1:9/predict", ROWS, subject="m", limit_p99_ms=1)
