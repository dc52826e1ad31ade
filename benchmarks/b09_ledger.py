"""B9: what it costs to record one experiment, alone and from fifty processes at once.

The limit is SQLite alone: the same bytes, one row, one commit on disk. The peer is MLflow on SQLite, which runs under
the Python that `--peer-python` names. An experiment has 20 parameters, 20 metrics and an artifact (here: its digest;
MLflow logs a small text file).
"""

from __future__ import annotations

import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness import Contestant, Goal, Options, Report, Result, alternate, in_process, options, ratio, show, versions

from assay.ledger.chain import EMPTY, draft, seal
from assay.ledger.evidence import Evidence
from assay.ledger.ledger import open_ledger

PARAMETERS = {f"parameter_{number}": number * 0.1 for number in range(20)}
METRICS = {f"metric_{number}": number / 7 for number in range(20)}
EXPERIMENT = Evidence(
    "training.experiment",
    "experiment:EXP-2026-11-21-001",
    "pass",
    "log loss 0.611 [0.603, 0.620]",
    {"parameters": PARAMETERS, "metrics": METRICS, "artifact": "0" * 64},
)
# What one record is, for the limit to store.
BODY = seal(draft(EXPERIMENT, run=""), after=EMPTY, time="2026-11-21T12:00:00.000000Z").body

WRITER = """
import sys, time
sys.path.insert(0, sys.argv[1])
import b09_ledger
b09_ledger.write(sys.argv[2], sys.argv[3], int(sys.argv[4]))
"""

MLFLOW = """
import json, os, statistics, subprocess, sys, tempfile, time
os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet")
import mlflow
if sys.argv[1] == "writer":
    mlflow.set_tracking_uri(sys.argv[2])
    mlflow.set_experiment("b09")
    print("ready", flush=True)
    while not os.path.exists(os.path.dirname(sys.argv[2].removeprefix("sqlite:///")) + "/start"):
        time.sleep(0.01)
    begin, finished = time.time(), 0
    for _ in range(int(sys.argv[3])):
        try:
            with mlflow.start_run():
                mlflow.log_params({f"parameter_{n}": n * 0.1 for n in range(20)})
                mlflow.log_metrics({f"metric_{n}": n / 7 for n in range(20)})
                mlflow.log_text("0" * 64, "artifact.txt")
            finished += 1
        except Exception as error:
            print(error, file=sys.stderr)
    print(json.dumps([begin, time.time(), finished]))
    sys.exit()
count = int(sys.argv[1])
folder = tempfile.mkdtemp()
mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
mlflow.set_experiment("b09")

def one_run():
    begin = time.perf_counter()
    with mlflow.start_run():
        mlflow.log_params({f"parameter_{n}": n * 0.1 for n in range(20)})
        mlflow.log_metrics({f"metric_{n}": n / 7 for n in range(20)})
        mlflow.log_text("0" * 64, "artifact.txt")
    return time.perf_counter() - begin

median = statistics.median([one_run() for _ in range(count + 3)][3:])
writers, each = int(sys.argv[2]), int(sys.argv[3])
program = [sys.executable, sys.argv[0], "writer", f"sqlite:///{folder}/mlflow.db", str(each)]
pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
processes = [subprocess.Popen(program, **pipes) for _ in range(writers)]
for process in processes:
    process.stdout.readline()
open(f"{folder}/start", "w").close()
spans = [json.loads(process.communicate()[0] or "null") for process in processes]
done = [span for span in spans if span]
crowd = (max(span[1] for span in done) - min(span[0] for span in done)) / (sum(span[2] for span in done) or 1)
finished = sum(span[2] for span in done)
answer = {"median": median, "crowd": crowd, "finished": finished, "asked": writers * each}
print(json.dumps(answer | {"version": mlflow.__version__}))
"""


def write(who: str, folder: str, count: int) -> None:
    """One of many writers: records `count` experiments as Assay or as bare SQLite, then says how long it waited."""
    if who == "assay":
        with open_ledger(Path(folder) / "ledger.db") as ledger:
            wait_for_start(folder)
            for _ in range(count):
                ledger.record(EXPERIMENT)
        return
    connection = bare_connection(folder)
    wait_for_start(folder)
    for _ in range(count):
        bare_commit(connection)
    connection.close()


def wait_for_start(folder: str) -> None:
    """All writers begin together, once each has imported what it needs."""
    print("ready", flush=True)
    while not (Path(folder) / "start").exists():
        time.sleep(0.001)


def bare_connection(folder: str) -> sqlite3.Connection:
    """SQLite with one table, a write-ahead log and every commit on disk."""
    connection = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None, timeout=120)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY, body TEXT)")
    return connection


def bare_commit(connection: sqlite3.Connection) -> None:
    """The same bytes, with nothing proved about them."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO records (body) VALUES (?)", (BODY,))
    connection.execute("COMMIT")


def one_at_a_time(count: int) -> list[Contestant]:
    """Each round: the median seconds of `count` records in a ledger of its own."""

    def assay() -> float:
        with tempfile.TemporaryDirectory() as folder, open_ledger(Path(folder) / "ledger.db") as ledger:
            taken = median_seconds(lambda: ledger.record(EXPERIMENT), count)
            assert ledger.get(f"E-{count:06d}").figures == EXPERIMENT.figures
        return taken

    def bare() -> float:
        with tempfile.TemporaryDirectory() as folder:
            connection = bare_connection(folder)
            taken = median_seconds(lambda: bare_commit(connection), count)
            connection.close()
        return taken

    return [Contestant("assay", assay, "assay"), Contestant("bare sqlite", bare, "limit")]


def median_seconds(work: Callable[[], object], count: int) -> float:
    """Median over `count` calls."""
    seconds = []
    for _ in range(count):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def many_at_once(who: str, *, writers: int, each: int) -> float:
    """Seconds a record when `writers` processes write `each`; every record must be there afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        if who == "assay":
            open_ledger(Path(folder) / "ledger.db").close()
        else:
            bare_connection(folder).close()
        here = str(Path(__file__).parent)
        command = [sys.executable, "-c", WRITER, here, who, folder, str(each)]
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(writers)]
        for process in processes:
            process.stdout.readline()
        begin = time.perf_counter()
        (Path(folder) / "start").touch()
        codes = [process.wait() for process in processes]
        if any(codes):
            raise SystemExit("a writer failed; its message is above")
        taken = time.perf_counter() - begin
        for process in processes:
            process.stdout.close()
        check(who, folder, writers * each)
    return taken / (writers * each)


def check(who: str, folder: str, expected: int) -> None:
    """Nothing may be lost, and Assay's chain must hold."""
    if who == "assay":
        with open_ledger(Path(folder) / "ledger.db") as ledger:
            verification = ledger.verify()
            assert verification.broken is None
            assert verification.n_records == expected
        return
    connection = bare_connection(folder)
    assert connection.execute("SELECT count(*) FROM records").fetchone() == (expected,)
    connection.close()


def peer(asked: Options, count: int, writers: int) -> tuple[list[Result], dict[str, str], str]:
    """MLflow's seconds a run, alone and with many writers, where an environment with it was named; and a note."""
    if asked.peer_python is None:
        return [], {}, "MLflow was not measured: name an environment that has it with --peer-python"
    each = 1 if asked.quick else 5
    found = in_process(MLFLOW, count, writers, each, python=asked.peer_python)
    alone, crowd = found["median"], found["crowd"]
    results = [
        Result("mlflow", "peer", alone, alone, alone, count, None),
        Result(f"mlflow, {writers} writers", "peer", crowd, crowd, crowd, found["finished"], None),
    ]
    note = f"MLflow with {writers} writers finished {found['finished']} of {found['asked']} runs"
    return results, {"mlflow": found["version"]}, note


def measure(asked: Options) -> Report:
    """The whole benchmark."""
    count, rounds, writers, each = (100, 3, 50, 10) if asked.quick else (1_000, 7, 50, 1_000)
    single = alternate(one_at_a_time(count), rounds=rounds)
    mlflow, peer_versions, peer_note = peer(asked, min(count, 100), writers)
    crowd = alternate(
        [
            Contestant("assay, 50 writers", lambda: many_at_once("assay", writers=writers, each=each), "assay"),
            Contestant("bare sqlite, 50 writers", lambda: many_at_once("bare", writers=writers, each=each), "limit"),
        ],
        rounds=1 if asked.quick else 3,
    )
    results = [*single, *mlflow, *crowd]
    seconds = {result.name: result.seconds for result in results}
    goals = [
        Goal("milliseconds for one experiment", seconds["assay"] * 1e3, 2.0, "lower"),
        Goal("times MLflow with 50 writers", ratio(results, "mlflow, 50 writers", "assay, 50 writers"), 20.0, "higher"),
    ]
    notes = [
        f"assay takes {ratio(results, 'assay', 'bare sqlite'):.2f} times bare SQLite alone",
        f"assay takes {ratio(results, 'assay, 50 writers', 'bare sqlite, 50 writers'):.2f} times it with 50 writers",
        f"50 writers: {1 / seconds['assay, 50 writers']:.0f} records a second, none lost, no lock error",
        peer_note,
    ]
    sizes = {"records": count, "writers": writers, "records a writer": each}
    found = versions("orjson") | {"sqlite": sqlite3.sqlite_version} | peer_versions
    return Report("B9", sizes, results, goals, found, notes)


if __name__ == "__main__":
    asked = options(__doc__ or "")
    show(measure(asked), as_json=asked.as_json)
