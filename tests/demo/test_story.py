"""The demonstration on a small business: it tells what was planted, ends well, and tells it the same way twice."""

import json

import pytest
from tests.projects import assay

from assay.project import Project

N_CUSTOMERS = 4_000


def told(folder):
    words = ("--customers", str(N_CUSTOMERS), "--json")
    done = assay("demo", folder, *words, environment={"ASSAY__GATES__MAX_LATENCY_P99_MS": "5000"}, seconds=280)
    assert done.code == 0, done.err
    return done.document()


def figures(story):
    """What must not depend on when and where the story is told."""
    runs = [story["first"], story["second"]]
    return {
        "metrics": [run["metrics"] for run in runs],
        "quality": [run["quality"] for run in runs],
        "verdicts": [run["verdict"] for run in runs],
        "drift": [
            {name: one["psi"] for name, one in found["figures"]["columns"].items()}
            for found in story["quiet"] + story["turned"]
            if found["kind"] == "monitoring.drift"
        ],
        "counts": [story["predictions"], story["labels"]],
    }


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "one"
    return told(folder), folder


@pytest.mark.slow
def test_the_story_goes_from_a_first_model_over_the_turn_to_a_second(story):
    told_once, folder = story
    assert told_once["first"]["verdict"] == "promoted"
    verdicts = {when: {one["kind"]: one["verdict"] for one in told_once[when]} for when in ("quiet", "turned")}
    assert verdicts["quiet"]["monitoring.performance"] == "pass"
    assert verdicts["turned"]["monitoring.performance"] == "fail"
    assert verdicts["turned"]["monitoring.drift"] == "fail"
    assert [one for one in told_once["turned"] if one["kind"] == "retraining.trigger"]
    assert told_once["second"]["verdict"] == "promoted", told_once["second"]["reason"]
    assert told_once["swap_seconds"] < 2
    assert told_once["intact"]
    assert told_once["seconds"] < 180
    with Project.open(folder) as project:
        assert project.verify().ok
        stages = {row["model"]: row["stage"] for row in project.models()}
    assert stages[told_once["second"]["model"]] == "production"
    assert stages[told_once["first"]["model"]] == "archived"


@pytest.mark.slow
def test_the_retraining_answers_the_trigger_in_the_ledger(story):
    _, folder = story
    with Project.open(folder) as project:
        trigger = project.workspace.ledger.latest("retraining.trigger")
        after = {one.kind for one in project.ledger.lineage(trigger.id, direction="forward").nodes}
    assert "run.started" in after


@pytest.mark.slow
def test_the_same_seed_tells_the_same_figures(story, tmp_path):
    told_once, _ = story
    assert json.dumps(figures(told(tmp_path / "two"))) == json.dumps(figures(told_once))
