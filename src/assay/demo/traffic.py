"""Replays a simulated month through the real HTTP server: who is asked about, what is answered, what came true."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl

from assay.errors import ServiceUnreachable

CONNECTIONS = 8
START_SECONDS = 30.0
STOP_SECONDS = 15.0
LABELS_A_REQUEST = 500


@dataclass(frozen=True, slots=True)
class Replay:
    """What a month of traffic met.

    Attributes:
        n_requests: Single-row requests that were answered.
        seconds: Wall time of all of them.
        p50_ms: Median latency.
        p99_ms: Its 99th percentile.
        models: Which versions answered.
        ids: Prediction id by row id.
    """

    n_requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    models: tuple[str, ...]
    ids: dict[str, str]

    def line(self) -> str:
        rate = self.n_requests / self.seconds
        return (
            f"{self.n_requests:,} predictions by {', '.join(self.models)}: {rate:,.0f} a second, "
            f"p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms"
        )


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run `assay serve` as a process of its own on a free loopback port; gives its address.

    Raises:
        ServiceUnreachable: It did not start; the message holds what it said.
    """
    command = [sys.executable, "-m", "assay", "serve", "--project", str(folder), "--port", "0"]
    log_path = folder / ".assay" / "serve.log"
    with log_path.open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))  # noqa: S603 our own command
        try:
            yield _address(process, log_path)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def replay(url: str, rows: pl.DataFrame, *, moment: datetime, n: int, seed: int) -> Replay:
    """Ask for `n` random rows of a month, one a request, as they would have been asked at `moment`."""
    chosen = rows.sample(min(n, rows.height), seed=seed)
    stamp = moment.isoformat()
    bodies = [
        {"rows": [{"row_id": row, "customer_id": customer, "plan": plan, "month": stamp}]}
        for row, customer, plan in chosen.select("row_id", "customer_id", "plan").iter_rows()
    ]
    started = time.perf_counter()
    answers = asyncio.run(_ask_all(url, bodies))
    seconds = time.perf_counter() - started
    latencies = np.array([one[1] for one in answers]) * 1_000
    predictions = [one[0]["predictions"][0] for one in answers]
    return Replay(
        n_requests=len(answers),
        seconds=seconds,
        p50_ms=float(np.percentile(latencies, 50)),
        p99_ms=float(np.percentile(latencies, 99)),
        models=tuple(sorted({one["model"] for one in predictions})),
        ids=dict(zip(chosen["row_id"].to_list(), [one["id"] for one in predictions], strict=True)),
    )


def send_labels(url: str, replayed: Replay, rows: pl.DataFrame, *, known: datetime) -> int:
    """Report what came true, as the billing system would weeks later; returns how many labels were taken."""
    truth = dict(rows.select("row_id", "churned").iter_rows())
    labels = [
        {"id": prediction, "value": int(truth[row]), "time": known.isoformat()}
        for row, prediction in replayed.ids.items()
    ]
    with httpx.Client(base_url=url, timeout=30.0) as client:
        for start in range(0, len(labels), LABELS_A_REQUEST):
            client.post("/feedback", json={"labels": labels[start : start + LABELS_A_REQUEST]}).raise_for_status()
    return len(labels)


def serving_version(url: str) -> str:
    """Which version answers now."""
    with httpx.Client(base_url=url, timeout=10.0) as client:
        return str(client.get("/ready").raise_for_status().json()["model"])


async def _ask_all(url: str, bodies: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], float]]:
    queue = list(enumerate(bodies))[::-1]
    answers: list[Any] = [None] * len(bodies)

    async def work(client: httpx.AsyncClient) -> None:
        while queue:
            index, body = queue.pop()
            started = time.perf_counter()
            response = await client.post("/predict", json=body)
            elapsed = time.perf_counter() - started
            response.raise_for_status()
            answers[index] = (response.json(), elapsed)

    async with httpx.AsyncClient(base_url=url, timeout=30.0) as client:
        await asyncio.gather(*(work(client) for _ in range(CONNECTIONS)))
    return answers


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"http://[\d.]+:\d+", log.read_text(errors="replace"))
        if found and _ready(found.group()):
            return found.group()
        time.sleep(0.05)
    process.kill()
    raise ServiceUnreachable(f"the server did not start: {log.read_text(errors='replace')[-2_000:]}")


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=2.0).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
