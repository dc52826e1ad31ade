"""A real server process drains when told to stop, and loses no acknowledged prediction or label when it is killed."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from assay.errors import ConfigError, UsageError
from assay.release.http_load import apply_load
from assay.serving import log_frames
from assay.serving.keys import digest_of
from assay.serving.prediction_log import PredictionLog
from assay.serving.server import serve

SCRIPT = Path(__file__).with_name("formula_server.py")


@contextmanager
def server(log: Path, mode: str = "strict") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    process = subprocess.Popen([sys.executable, SCRIPT, log, mode], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1], process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Client(threading.Thread):
    """Asks and labels without pause until the server is gone, and keeps what was acknowledged."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.predicted: list[str] = []
        self.labelled: list[str] = []

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=10) as client:
            try:
                while True:
                    answer = client.post("/predict", json={"rows": [{"x": 1.0}, {"x": -1.0}]})
                    ids = [one["id"] for one in answer.json()["predictions"]]
                    self.predicted += ids
                    client.post("/feedback", json={"labels": [{"id": ids[0], "value": 1}]}).raise_for_status()
                    self.labelled.append(ids[0])
            except (httpx.TransportError, orjson.JSONDecodeError):
                return


def loaded(url: str, *, clients: int, requests: int) -> list[Client]:
    """Clients at work that have had at least so many answers together."""
    started = [Client(url) for _ in range(clients)]
    for one in started:
        one.start()
    while sum(len(one.labelled) for one in started) < requests:
        assert any(one.is_alive() for one in started)
        time.sleep(0.003)
    return started


def is_busy(url: str) -> bool:
    """Whether the event loop is held up, as a slow prediction does once."""
    try:
        httpx.get(f"{url}/livez", timeout=0.2)
    except httpx.TimeoutException:
        return True
    return False


def assert_nothing_acknowledged_is_missing(log: Path, clients: list[Client]) -> None:
    predicted = [one for client in clients for one in client.predicted]
    labelled = {one for client in clients for one in client.labelled}
    logged = log_frames.predictions(log).collect()["id"].to_list()
    assert predicted
    assert set(predicted) <= set(logged)
    assert len(logged) == len(set(logged))
    assert labelled <= set(log_frames.labels(log).collect()["prediction"].to_list())


@pytest.mark.parametrize("requests", [1, 20, 103])
def test_kill_9_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path, requests: int):
    with server(tmp_path) as (url, process):
        clients = loaded(url, clients=4, requests=requests)
        process.kill()
        for one in clients:
            one.join(timeout=10)
    assert_nothing_acknowledged_is_missing(tmp_path, clients)  # read as the crash left it
    PredictionLog(tmp_path).close()  # the next start recovers and seals
    assert {path.suffix for path in tmp_path.glob("*/*")} == {".jsonl"}
    assert_nothing_acknowledged_is_missing(tmp_path, clients)


@pytest.mark.parametrize("mode", ["strict", "fast"])
def test_sigterm_under_load_answers_what_is_in_flight_flushes_and_exits_0(tmp_path: Path, mode: str):
    with server(tmp_path, mode) as (url, process):
        slow: list[httpx.Response] = []
        waiting = threading.Thread(
            target=lambda: slow.append(httpx.post(f"{url}/predict", json={"rows": [{"x": 0, "sleep_ms": 1_500}]}))
        )
        clients = loaded(url, clients=2, requests=10)
        waiting.start()
        while not is_busy(url):  # the slow request is in flight
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        waiting.join(timeout=10)
        assert process.wait(timeout=10) == 0
        for one in clients:
            one.join(timeout=10)
    assert slow[0].status_code == 200
    clients[0].predicted += [one["id"] for one in slow[0].json()["predictions"]]
    assert {path.suffix for path in tmp_path.glob("*/*")} == {".jsonl"}
    assert_nothing_acknowledged_is_missing(tmp_path, clients)


def test_two_processes_on_one_folder_keep_segments_of_their_own(tmp_path: Path):
    with server(tmp_path) as (first, _), server(tmp_path) as (second, _):
        clients = [*loaded(first, clients=1, requests=5), *loaded(second, clients=1, requests=5)]
        assert len(list((tmp_path / "predictions").glob("*.open"))) == 2
    for one in clients:
        one.join(timeout=10)
    assert_nothing_acknowledged_is_missing(tmp_path, clients)


def test_a_model_that_is_late_gets_a_504_and_holds_up_nobody_else(tmp_path: Path):
    slow = orjson.dumps({"rows": [{"x": 0, "sleep_ms": 3_000}]})
    with server(tmp_path) as (url, _):
        headers = {"Content-Type": "application/json"}
        httpx.post(f"{url}/predict", content=slow, headers=headers, timeout=20)  # from here on it is known as slow
        late: list[httpx.Response] = []
        asking = threading.Thread(
            target=lambda: late.append(httpx.post(f"{url}/predict", content=slow, headers=headers, timeout=20))
        )
        asking.start()
        time.sleep(0.2)
        started = time.perf_counter()
        assert httpx.get(f"{url}/livez").status_code == 200
        assert time.perf_counter() - started < 1
        asking.join()
    assert late[0].status_code == 504
    assert late[0].headers["retry-after"] == "1"
    assert "within 2 s" in late[0].json()["detail"]


def test_the_own_load_client_finds_no_refusal(tmp_path: Path):
    with server(tmp_path, "fast") as (url, _):
        load = apply_load(f"{url}/predict", [b'{"rows":[{"x":1}]}'], connections=4, seconds=0.5)
    assert load.answers > 50
    assert load.refused == 0


def test_beyond_loopback_keys_are_needed_and_the_refusal_shows_how():
    with pytest.raises(ConfigError, match=r"serving\.api_keys is empty") as refusal:
        serve(None, host="0.0.0.0", port=0)
    shown = str(refusal.value)
    key = shown.rsplit(" ", 1)[-1]
    assert digest_of(key) in shown


def test_an_address_that_is_taken_is_a_usage_error(tmp_path: Path):
    with server(tmp_path) as (url, _), pytest.raises(UsageError, match="port 0 takes a free one"):
        serve(None, host="127.0.0.1", port=int(url.rsplit(":", 1)[1]))
