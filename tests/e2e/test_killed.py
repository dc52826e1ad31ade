"""`kill -9` at random moments of a run, a feature build and a server under load: what was acknowledged is there."""

import fcntl
import random
import threading
import time

import httpx
import pytest
from tests.projects import AS_OF, PATIENT, kill, questions, serving, start, wait_until

from assay.project import Project
from assay.serving import log_frames, prediction_log

RUN = ("run", "--trials", "0", "--set", "evaluation.bootstrap=100", "--set", PATIENT, "--as-of", f"{AS_OF:%Y-%m-%d}")
BUILD = ("features", "build", "--full", "--as-of", f"{AS_OF:%Y-%m-%d}")
EARLIEST_SECONDS = 0.3
RUN_SECONDS, BUILD_SECONDS, LOAD_SECONDS = 5.5, 2.0, 1.0
CLIENTS = 4


def intact(folder):
    """Whether the ledger and all that it names verify; fails with what does not."""
    with Project.open(folder) as project:
        proof = project.verify()
        assert proof.ok, proof.lines()


def killed_at_random(folder, words, longest_seconds, rng):
    """Start the command, kill it somewhere, and look at what it left."""
    process = start(*words, "--project", folder, log=folder / "killed.log")
    time.sleep(rng.uniform(EARLIEST_SECONDS, longest_seconds))
    kill(process)
    intact(folder)


def at_work(folder):
    """Whether another process holds the project; the look itself is over before that process could be refused."""
    with (folder / ".assay" / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(lock, fcntl.LOCK_UN)
        return False


def completes(folder, words):
    """The same command, left alone, ends well."""
    process = start(*words, "--project", folder, log=folder / "whole.log")
    assert process.wait(120) == 0, (folder / "whole.log").read_text()
    intact(folder)


class Client(threading.Thread):
    """Asks and labels without pause until the server is gone, and keeps what was acknowledged."""

    def __init__(self, url, rows):
        super().__init__(daemon=True)
        self.url, self.rows = url, rows
        self.predicted, self.labelled = [], []

    def run(self):
        with httpx.Client(base_url=self.url, timeout=10) as client:
            try:
                while True:
                    answer = client.post("/predict", json={"rows": self.rows}).raise_for_status().json()
                    ids = [one["id"] for one in answer["predictions"]]
                    self.predicted += ids
                    labels = [{"id": ids[0], "value": 1}]
                    told = client.post("/feedback", json={"labels": labels}).raise_for_status().json()
                    assert told["accepted"] == 1
                    self.labelled.append(ids[0])
            except httpx.TransportError:
                return


def killed_under_load(folder, rng):
    """Kill a server that four clients are asking; every acknowledged prediction and label must be in the log."""
    rows = questions(folder, 2)
    with serving(folder) as (url, process):
        clients = [Client(url, rows) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(rng.uniform(0.05, LOAD_SECONDS))
        kill(process)
        for client in clients:
            client.join(10)
    predicted = [one for client in clients for one in client.predicted]
    labelled = {one for client in clients for one in client.labelled}
    for one in predicted:
        assert prediction_log.find(folder / ".assay" / "predictions", one)["model"] == "churn@1.0.0"
    kept = log_frames.labels(folder / ".assay" / "predictions").collect()
    assert labelled <= set(kept["prediction"])
    intact(folder)
    return len(predicted)


def test_a_killed_run_leaves_a_sound_project_and_the_next_one_completes(fresh_churn):
    rng = random.Random(1)
    for _ in range(3):
        killed_at_random(fresh_churn, RUN, RUN_SECONDS, rng)
    completes(fresh_churn, RUN)
    with Project.open(fresh_churn) as project:
        assert project.workspace.registry.production("churn") is not None


def test_an_experiment_of_a_killed_process_is_told_of_by_the_next_command(churn):
    begun = churn / ".assay" / "begun"
    process = start("train", *RUN[1:], "--project", churn, log=churn / "killed.log")
    wait_until(lambda: list(begun.glob("EXP-*.json")), seconds=120)
    with Project.open(churn) as project:
        assert [one["verdict"] for one in project.experiments()] == ["promoted"]  # still at work: nothing to tell yet
    kill(process)
    with Project.open(churn) as project:
        killed, first = project.experiments()
        assert (killed["verdict"], first["verdict"]) == ("interrupted", "promoted")
        (record,) = project.ledger.find(subject=f"experiment:{killed['experiment']}")
        assert record.verdict == "fail"
        assert record.figures["hypothesis"] == project.workspace.settings.training.hypothesis
        assert len(record.figures["snapshots"]) == len(project.workspace.settings.sources)
        assert len(project.experiments()) == 2  # told once
    assert not list(begun.iterdir())
    intact(churn)


def test_a_killed_feature_build_leaves_whole_tables_and_the_next_one_completes(churn):
    rng = random.Random(2)
    for _ in range(3):
        killed_at_random(churn, BUILD, BUILD_SECONDS, rng)
    completes(churn, BUILD)


def test_a_server_killed_under_load_has_every_acknowledged_prediction_and_label(churn):
    rng = random.Random(3)
    assert sum(killed_under_load(churn, rng) for _ in range(3)) > 0
    with serving(churn) as (url, _):
        assert httpx.get(f"{url}/health").json()["status"] == "ok"
    intact(churn)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_fifty_kills_leave_a_sound_project(fresh_churn, churn):
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed of the kills: {seed}")
    rng = random.Random(seed)
    for _ in range(15):
        killed_at_random(fresh_churn, RUN, RUN_SECONDS, rng)
    completes(fresh_churn, RUN)
    for _ in range(20):
        killed_at_random(churn, BUILD, BUILD_SECONDS, rng)
    completes(churn, BUILD)
    assert sum(killed_under_load(churn, rng) for _ in range(15)) > 0


@pytest.mark.slow
def test_a_second_run_is_refused_while_one_works_and_not_after_it_was_killed(churn, tmp_path):
    first = start(*RUN, "--project", churn, log=tmp_path / "first.log")
    wait_until(lambda: at_work(churn), seconds=20)
    second = start(*RUN, "--project", churn, log=tmp_path / "second.log")
    assert second.wait(30) == 2, (tmp_path / "second.log").read_text()
    assert "at work here" in (tmp_path / "second.log").read_text()
    kill(first)
    with Project.open(churn) as project, project.workspace.alone("the next thing"):
        assert project.verify().ok
