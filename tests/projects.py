"""Small projects for tests, and the `assay` command as a process on them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from assay.demo import traffic
from assay.demo.files import prepare
from assay.pipelines.audit import find_version
from assay.pipelines.inference import predictor_for
from assay.project import Project
from assay.serving import server
from assay.serving.http import create_app
from assay.serving.prediction_log import PredictionLog
from assay.serving.service import Service

ASSAY = [sys.executable, "-m", "assay"]
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
N_CUSTOMERS = 3_000
SEED = 7
PATIENT = "gates.max_latency_p99_ms=5000"  # a busy machine must not decide what a test proves
QUICK = ("training.trials=2", "evaluation.bootstrap=100", PATIENT)
NBA = Path(__file__).parents[1] / "examples" / "nba"
FIRST_SEASON = 2011


@dataclass(frozen=True, slots=True)
class Finished:
    """How a process ended.

    Attributes:
        code: Its exit code; below zero, the signal that ended it.
        out: Standard output.
        err: Standard error.
    """

    code: int
    out: str
    err: str

    def document(self) -> Any:
        """The one JSON document that standard output holds; fails where there is more or less."""
        return json.loads(self.out)


def assay(*words: str | Path, environment: Mapping[str, str] | None = None, seconds: float = 240) -> Finished:
    """Run the command to its end."""
    done = subprocess.run(
        [*ASSAY, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def start(*words: str | Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the command in a process group of its own, with what it says in `log`."""
    with log.open("wb") as file:
        return subprocess.Popen([*ASSAY, *map(str, words)], stdout=file, stderr=file, start_new_session=True)


def kill(process: subprocess.Popen[bytes]) -> None:
    """`kill -9` the process and all it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`assay serve` on a free port: its address once it is ready, and the process."""
    log = folder / "serve.log"
    process = start("serve", "--project", folder, "--port", "0", *words, log=log)
    try:
        yield traffic._address(process, log), process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            kill(process)


def make_churn(folder: Path, *, n_customers: int = N_CUSTOMERS) -> Path:
    """The subscription business of the demonstration, small, with nothing run on it yet."""
    prepare(folder, n_customers=n_customers, seed=SEED)
    return folder


def run_once(folder: Path, *overrides: str, trials: int = 2) -> Any:
    """One run of the loop as of the first of January 2026."""
    with Project.open(folder, overrides=(*QUICK, *overrides)) as project:
        return project.run(trials=trials, as_of=AS_OF)


def make_nba(folder: Path, data: Path, *, first_season: int = FIRST_SEASON) -> tuple[Path, dict[str, str]]:
    """The basketball example on its last seasons; gives the project's folder and the environment it needs."""
    games = pl.read_parquet(data / "nba_elo" / "nbaallelo.parquet").filter(pl.col("year_id") >= first_season)
    (folder / "data" / "nba_elo").mkdir(parents=True)
    games.write_parquet(folder / "data" / "nba_elo" / "nbaallelo.parquet")
    shutil.copytree(NBA, folder / "nba", ignore=shutil.ignore_patterns(".assay", "__pycache__"))
    return folder / "nba", {"ASSAY_DATA": str(folder / "data")}


def edit(path: Path, *changes: tuple[str, str]) -> None:
    """Replace texts in a file; each must be there, so that a test cannot silently plant nothing."""
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, f"{path.name} no longer holds {old!r}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def flip_byte(path: Path, *, at: int | None = None) -> None:
    """Change one byte of a file: the middle one, unless told otherwise."""
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    where = len(data) // 2 if at is None else at
    data[where] ^= 0x01
    path.write_bytes(bytes(data))


def questions(folder: Path, n: int) -> list[dict[str, Any]]:
    """Request rows for customers of the last simulated month."""
    rows = pl.read_parquet(folder / "data" / "months.parquet").filter(pl.col("month") == AS_OF).head(n)
    return [
        {"row_id": row, "customer_id": customer, "plan": plan, "month": AS_OF.isoformat()}
        for row, customer, plan in rows.select("row_id", "customer_id", "plan").iter_rows()
    ]


def answered(url: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What `/predict` says of the rows."""
    answer = httpx.post(f"{url}/predict", json={"rows": list(rows)}, timeout=20).raise_for_status()
    predictions: list[dict[str, Any]] = answer.json()["predictions"]
    return predictions


def asked(project: Project, rows: Sequence[Mapping[str, Any]], version: str | None = None) -> list[str]:
    """Ask a version over HTTP within this process, with the project's own log; gives the predictions' ids."""
    workspace = project.workspace
    log = PredictionLog(workspace.predictions, record=workspace.ledger.record, clock=workspace.clock)
    service = Service(log=log, clock=workspace.clock)
    service.swap(predictor_for(workspace, find_version(workspace, version)))
    with server.background(create_app(service)) as url:
        ids = [one["id"] for one in answered(url, rows)]
    log.close()
    return ids


def wait_until(condition: Any, *, seconds: float) -> float:
    """Seconds until the condition held; fails where it did not in time."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if condition():
            return time.monotonic() - started
        time.sleep(0.02)
    raise AssertionError(f"not so within {seconds} s")
