"""A change in production swaps the predictor under load without dropping a request."""

import asyncio
import threading
import time
from pathlib import Path

import httpx
import pytest

from assay.errors import IntegrityError
from assay.serving.http import create_app
from assay.serving.prediction_log import PredictionLog
from assay.serving.predictor import Predictor
from assay.serving.server import background
from assay.serving.service import Production, Service, watch


class Registry:
    """What is in production, and versions that can or cannot be loaded."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.now: tuple[str, str] | None = ("win@1.0.0", "E-000001")
        self.loads = 0

    def production(self) -> Production:
        return Production(head=lambda: self.now, current=lambda: self.now, load=self.load)

    def load(self, reference: str, deployment: str) -> Predictor:
        self.loads += 1
        if reference == "win@6.6.6":
            raise IntegrityError("model.onnx of the model bundle is damaged")
        given = self.predictor
        return Predictor(given.model, reference, given.features_for, given.schema, deployment)


def test_every_request_is_answered_while_versions_change(tmp_path: Path, predictor: Predictor):
    registry = Registry(predictor)
    service = Service(PredictionLog(tmp_path))
    answers: list[tuple[int, str]] = []
    stop = threading.Event()

    def ask(url: str) -> None:
        with httpx.Client() as client:
            while not stop.is_set():
                answer = client.post(f"{url}/predict", json={"rows": [{"team": "lions", "home": True}]})
                answers.append((answer.status_code, answer.json()["predictions"][0]["model"]))

    with background(create_app(service, production=registry.production())) as url:
        while httpx.get(f"{url}/ready").status_code != 200:
            time.sleep(0.02)
        clients = [threading.Thread(target=ask, args=(url,)) for _ in range(2)]
        for one in clients:
            one.start()
        for minor in (1, 2):
            time.sleep(0.8)
            registry.now = (f"win@1.{minor}.0", f"E-00000{minor}")
        time.sleep(0.8)
        stop.set()
        for one in clients:
            one.join()
    assert {status for status, _ in answers} == {200}
    assert {model for _, model in answers} == {"win@1.0.0", "win@1.1.0", "win@1.2.0"}
    assert registry.loads == 3


def run_watch(service: Service, registry: Registry, *, seconds: float) -> None:
    async def some_time() -> None:
        watching = asyncio.create_task(watch(service, registry.production(), poll_seconds=0.01))
        await asyncio.sleep(seconds)
        watching.cancel()

    asyncio.run(some_time())


def test_a_damaged_version_changes_nothing_and_says_so(
    tmp_path: Path, predictor: Predictor, caplog: pytest.LogCaptureFixture
):
    registry = Registry(predictor)
    service = Service(PredictionLog(tmp_path))
    run_watch(service, registry, seconds=0.1)
    registry.now = ("win@6.6.6", "E-000009")
    run_watch(service, registry, seconds=0.1)
    assert service.predictor is not None
    assert service.predictor.version == "win@1.0.0"
    assert "damaged" in service.problem
    assert "damaged" in caplog.text
    registry.now = ("win@1.0.0", "E-000001")
    run_watch(service, registry, seconds=0.1)
    assert service.problem == ""
    service.log.close()


def test_with_nothing_in_production_nothing_answers(tmp_path: Path, predictor: Predictor):
    registry = Registry(predictor)
    registry.now = None
    service = Service(PredictionLog(tmp_path))
    run_watch(service, registry, seconds=0.05)
    assert service.predictor is None
    assert "promote" in service.problem
    service.log.close()
