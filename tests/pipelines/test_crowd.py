"""Many at once on one project: builders take turns, readers never wait, and nobody ever sees half a version."""

import json
import subprocess
import sys
import threading
import time

import pytest
from tests.integration.servers import redis_server
from tests.pipelines import crowd

from assay.errors import UsageError
from assay.project import Project

PROCESSES, BUILDERS, READERS = 4, 5, 20  # of each process
LONGEST_SECONDS = 60


@pytest.fixture
def project_folder(tmp_path):
    folder = tmp_path / "crowd"
    crowd.make(folder)
    return folder


def run_crowd(folder, *, processes, builders, readers, overrides=()):
    """What each process saw, and the seconds that all took."""
    with Project.open(folder, overrides=overrides) as project:
        project.features.build()
    started = time.monotonic()
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.pipelines.crowd", str(folder), str(builders), str(readers), *overrides],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    seen = [json.loads(one.communicate(timeout=LONGEST_SECONDS)[0]) for one in running]
    return seen, time.monotonic() - started


@pytest.mark.slow
def test_a_hundred_builders_and_readers_at_once(project_folder):
    seen, seconds = run_crowd(project_folder, processes=PROCESSES, builders=BUILDERS, readers=READERS)
    assert [one["faults"] for one in seen] == [[]] * PROCESSES
    assert [one["builds"] for one in seen] == [BUILDERS] * PROCESSES
    assert all(one["reads"] >= READERS for one in seen)
    assert len({generation for one in seen for generation in one["generations"]}) > 5
    assert seconds < LONGEST_SECONDS


@pytest.mark.slow
def test_a_crowd_on_a_server(project_folder):
    with redis_server() as server:
        overrides = (f"stores.online={server.url()}",)
        seen, _ = run_crowd(project_folder, processes=2, builders=5, readers=10, overrides=overrides)
    assert [one["faults"] for one in seen] == [[]] * 2
    assert [one["builds"] for one in seen] == [5] * 2


def test_two_builders_at_once_both_end_well(project_folder):
    told, results = [], []

    def build():
        with Project.open(project_folder) as project:
            results.append(project.features.build(progress=told.append))

    with Project.open(project_folder) as project, project.workspace.alone("something long"):
        builders = [threading.Thread(target=build) for _ in range(2)]
        for builder in builders:
            builder.start()
        give_up = time.monotonic() + 20
        while len(told) < 2:
            assert time.monotonic() < give_up
            time.sleep(0.01)
        assert results == []
    for builder in builders:
        builder.join(60)
    written = [one.figures["rows_written"] for built in results for one in built if one.kind == "features.build"]
    assert sorted(written) == [0, crowd.CUSTOMERS]
    assert [step.note.startswith("something long") for step in told if step.stage == "waiting"] == [True, True]


def test_who_waits_too_long_is_told_whom_for(project_folder):
    with (
        Project.open(project_folder) as project,
        project.workspace.alone("something long"),
        pytest.raises(UsageError, match=r"something long \(process \d+\) is at work here and still is after 0 s"),
        project.workspace.alone("assay features build", patience_seconds=0.05),
    ):
        raise AssertionError("nobody may work beside another")


def test_reads_go_on_with_the_last_good_values_during_a_slow_build(project_folder):  # lesson PF-5
    definitions = project_folder / "definitions.py"
    with Project.open(project_folder) as project:
        project.features.build()
    crowd.write_generation(project_folder)
    gate = project_folder / "gate"
    waiting = (
        f"    import pathlib, time\n    while not pathlib.Path({str(gate)!r}).exists():\n        time.sleep(0.01)\n"
    )
    slow = definitions.read_text().replace("def state(events):\n", f"def state(events):\n{waiting}")
    definitions.write_text(slow)
    keys = [{"customer": f"C{one}"} for one in range(crowd.CUSTOMERS)]

    def build():
        with Project.open(project_folder) as builder:
            builder.features.build()

    building = threading.Thread(target=build)
    building.start()
    with Project.open(project_folder) as project:
        started = time.monotonic()
        seen = [{one["customer_generation"] for one in project.features.latest(keys)} for _ in range(50)]
        assert time.monotonic() - started < 10
        assert building.is_alive()
        assert seen == [{1}] * 50
        gate.touch()
        building.join(60)
        assert {one["customer_generation"] for one in project.features.latest(keys)} == {2}
