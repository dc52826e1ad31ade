"""B4: POST /predict with one row and a 200-tree model on one worker, beside a bare FastAPI app and the bare limit.

Every server runs in its own process on the same model and the same rows; the load comes from wrk where it is
installed, otherwise from the package's own client. Answers are compared before anything is timed.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
from harness import Goal, Report, Result, options, show, versions

Case = tuple[str, int]
Role = Literal["assay", "limit", "peer"]

FEATURES, TREES, ROWS = 30, 200, 4_000
NAMES = tuple(f"f{number:02d}" for number in range(FEATURES))
ROLES: Mapping[str, Role] = {"fastapi": "peer", "limit": "limit", "assay-strict": "assay", "assay-fast": "assay"}
LEAST_SHARE = 0.6
SAME = 1e-5
MEMORY_MB: dict[str, float] = {}


def make_bundle(folder: Path) -> None:
    """Fit the model on made data and write its bundle and one request row."""
    import lightgbm
    import polars as pl

    from assay.models.encoder import Encoder
    from assay.models.model import to_bundle
    from assay.models.recipe import Recipe
    from assay.models.signature import FeatureSpec, Signature
    from assay.models.trees import TreeScorer

    rng = np.random.default_rng(4)
    matrix = rng.normal(size=(ROWS, FEATURES))
    truth = (matrix[:, 0] + matrix[:, 1] * matrix[:, 2] + rng.normal(size=ROWS) > 0).astype(int)
    parameters = {"objective": "binary", "num_leaves": 31, "verbose": -1, "num_threads": 1, "seed": 4}
    booster = lightgbm.train(parameters, lightgbm.Dataset(matrix, truth), TREES)
    signature = Signature(tuple(FeatureSpec(name, "number") for name in NAMES), "classification", "y")
    frame = pl.DataFrame(matrix, schema=NAMES)
    scorer = TreeScorer("classification", FEATURES, booster.model_to_string())
    fitted: Any = SimpleNamespace(
        signature=signature,
        recipe=Recipe(signature.features, (), signature.features),
        encoder=Encoder.fit(frame, signature),
        scorer=scorer,
        metadata={"estimator": "lightgbm"},
    )
    bundle = to_bundle(fitted, sample=frame.head(256))
    for name, data in bundle.files.items():
        (folder / name).write_bytes(data)
    row = dict(zip(NAMES, map(float, matrix[0]), strict=True))
    (folder / "body.json").write_text(json.dumps({"rows": [row]}))


def fastapi_app(folder: Path) -> Any:
    """The peer: what a careful person writes in ten lines, `async def` and the booster itself."""
    import lightgbm
    from fastapi import FastAPI
    from pydantic import BaseModel, create_model

    row_type: Any = create_model("Row", **dict.fromkeys(NAMES, (float | None, ...)))
    request_type: Any = create_model("Request", __base__=BaseModel, rows=(list[row_type], ...))
    booster = lightgbm.Booster(model_file=folder / "model.txt")
    app = FastAPI()

    async def predict(request: Any) -> dict[str, Any]:
        matrix = np.array([[getattr(row, name) for name in NAMES] for row in request.rows], dtype=np.float64)
        return {"predictions": [{"probability": float(one)} for one in booster.predict(matrix, num_threads=1)]}

    predict.__annotations__["request"] = request_type  # a local name, which a text annotation cannot reach
    app.post("/predict")(predict)
    return app


def limit_app(folder: Path) -> Any:
    """The limit: a Starlette route, orjson and ONNX Runtime, without checks, ids or a log."""
    import onnxruntime
    import orjson
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from assay.models.onnx_graph import INPUT, OUTPUT

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options)

    async def predict(request: Request) -> Response:
        rows = orjson.loads(await request.body())["rows"]
        matrix = np.array([[row[name] for name in NAMES] for row in rows], dtype=np.float32)
        scores = session.run([OUTPUT], {INPUT: matrix})[0].ravel()
        body = {"predictions": [{"probability": float(one)} for one in scores]}
        return Response(orjson.dumps(body), media_type="application/json")

    return Starlette(routes=[Route("/predict", predict, methods=["POST"])])


def assay_app(folder: Path, *, strict: bool) -> Any:
    """Ours, with checks, ids, counts, security headers and the prediction log."""
    from assay.models.bundle import Bundle
    from assay.models.model import from_bundle
    from assay.serving.http import create_app
    from assay.serving.prediction_log import PredictionLog
    from assay.serving.predictor import Predictor
    from assay.serving.rows import row_schema
    from assay.serving.service import Service

    model = from_bundle(Bundle({name: (folder / name).read_bytes() for name in ("model.json", "model.onnx")}))
    schema = row_schema(model.signature, entities=(), inputs=())
    service = Service(PredictionLog(folder / f"log-{strict}", strict=strict))
    service.swap(Predictor(model, "benchmark@1.0.0", lambda rows: rows, schema, "E-000001"))
    return create_app(service)


def run_server(name: str, folder: Path) -> None:
    """Be one of the servers until told to stop."""
    from assay.serving.server import serve

    if name == "fastapi":
        app = fastapi_app(folder)
    elif name == "limit":
        app = limit_app(folder)
    else:
        app = assay_app(folder, strict=name == "assay-strict")
    serve(app, host="127.0.0.1", port=0)


@contextmanager
def server(name: str, folder: Path) -> Iterator[tuple[str, int]]:
    """Start a server in its own process; yields its address and process id."""
    command = [sys.executable, __file__, "--be", name, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1], process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


@dataclass(frozen=True, slots=True)
class Measured:
    """Requests a second, the tail, and the processor time of a request, which a busy machine does not blur."""

    per_second: float
    p99_ms: float
    cpu_microseconds: float = math.nan


def apply_load(url: str, body: str, folder: Path, *, connections: int, seconds: float) -> Measured:
    """wrk's figures, or our own client's where wrk is not installed."""
    if shutil.which("wrk") is None:
        from assay.release.http_load import apply_load as own_load

        load = own_load(url, [body.encode()], connections=connections, seconds=seconds)
        return Measured(load.per_second, load.percentile_ms(99))
    script = folder / "post.lua"
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        f"wrk.body = [[{body}]]\n"
        "done = function(summary, latency)\n"
        '  io.write(string.format("RESULT %f %f %d\\n", summary.requests / summary.duration * 1e6,'
        " latency:percentile(99) / 1000, summary.errors.status))\nend\n"
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, math.ceil(seconds))}s", "-s", str(script), url]
    line = next(
        line
        for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        if line.startswith("RESULT")
    )
    per_second, p99_ms, refused = map(float, line.split()[1:])
    if refused:
        raise SystemExit(f"{url}: {refused:.0f} requests were refused")
    return Measured(per_second, p99_ms)


def cpu_seconds(process_id: int) -> float:
    """Processor time that a process has used, its threads included."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(process_id: int) -> float:
    """High-water mark of a process's memory."""
    status = Path(f"/proc/{process_id}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def probability(url: str, body: str) -> float:
    """What a server answers to the benchmark's row."""
    from assay.release.http_load import send_each

    answer: float = json.loads(send_each(f"{url}/predict", [body.encode()])[0].body)["predictions"][0]["probability"]
    return answer


def measure(folder: Path, *, connections: Sequence[int], seconds: float, rounds: int) -> dict[Case, list[Measured]]:
    """Load the servers in turn, round after round, so that a slow minute of the machine meets all of them.

    Raises:
        SystemExit: The servers do not give the same probability, or refuse a request.
    """
    body = (folder / "body.json").read_text()
    found: dict[Case, list[Measured]] = {}
    answers: dict[str, float] = {}
    for name in [*ROLES] * rounds:
        with server(name, folder) as (url, process_id):
            answers[name] = probability(url, body)
            if max(answers.values()) - min(answers.values()) > SAME:
                raise SystemExit(f"the servers disagree: {answers}")
            apply_load(f"{url}/predict", body, folder, connections=8, seconds=1)  # warm-up
            for count in connections:
                before = cpu_seconds(process_id)
                load = apply_load(f"{url}/predict", body, folder, connections=count, seconds=seconds)
                used = cpu_seconds(process_id) - before
                cost = used / (load.per_second * seconds) * 1e6
                found.setdefault((name, count), []).append(replace(load, cpu_microseconds=cost))
            MEMORY_MB[name] = peak_mb(process_id)
    return found


def results_of(found: Mapping[Case, Sequence[Measured]]) -> list[Result]:
    """Seconds a request, the median of the rounds."""
    results = []
    for (name, count), loads in found.items():
        seconds = sorted(1 / one.per_second for one in loads)
        shown = f"{name}, {count} connections"
        middle = statistics.median(seconds)
        results.append(Result(shown, ROLES[name], middle, seconds[0], seconds[-1], len(loads), MEMORY_MB[name]))
    return results


def notes_of(found: Mapping[Case, Sequence[Measured]]) -> list[str]:
    """What a time cannot show: throughput, the tail and the processor time."""
    return [
        f"{name}, {count} connections: {statistics.median(one.per_second for one in loads):,.0f} requests/s, "
        f"p99 {statistics.median(one.p99_ms for one in loads):.2f} ms, "
        f"{statistics.median(one.cpu_microseconds for one in loads):.0f} µs of processor a request"
        for (name, count), loads in found.items()
    ]


def goals_of(found: Mapping[Case, Sequence[Measured]], connections: Sequence[int]) -> list[Goal]:
    """Ours as a share of the bare limit, round by round, so that both sides of a ratio met the same machine."""
    goals = []
    for name in ("assay-fast", "assay-strict"):
        for count in connections:
            pairs = zip(found[name, count], found["limit", count], strict=True)
            share = statistics.median(ours.per_second / limit.per_second for ours, limit in pairs)
            text = f"{name}: share of the bare Starlette + orjson + ONNX limit at {count} connections"
            goals.append(Goal(text, round(share, 3), LEAST_SHARE, "higher"))
    return goals


def main() -> None:
    """Measure, or with two hidden arguments be one of the servers."""
    if sys.argv[1:2] == ["--be"]:
        run_server(sys.argv[2], Path(sys.argv[3]))
        return
    asked = options(__doc__ or "")
    connections, seconds, rounds = ((8,), 2, 2) if asked.quick else ((1, 8, 32), 5, 3)
    with tempfile.TemporaryDirectory(prefix="b04-") as name:
        make_bundle(Path(name))
        found = measure(Path(name), connections=connections, seconds=seconds, rounds=rounds)
    report = Report(
        identity="B4",
        sizes={"features": FEATURES, "trees": TREES, "rows": 1, "seconds": seconds},
        results=results_of(found),
        goals=goals_of(found, connections),
        versions=versions("fastapi", "starlette", "uvicorn", "onnxruntime", "lightgbm"),
        notes=notes_of(found),
    )
    show(report, as_json=asked.as_json)


if __name__ == "__main__":
    main()
