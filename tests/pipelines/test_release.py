"""What a release leaves behind: concluded experiments, both gates in a version's descent, nothing twice."""

import pytest
from tests.projects import AS_OF, QUICK, run_once

from assay.errors import UsageError
from assay.evaluation import cards
from assay.project import Project


def test_a_promoted_experiment_is_concluded_as_promoted(finished_churn):
    with Project.open(finished_churn) as project:
        (row,) = project.experiments()
        first, last = project.workspace.ledger.find(kind="training.experiment")
    assert (row["verdict"], row["notes"]) == ("promoted", "churn@1.0.0 in production")
    assert first.figures["verdict"] == "iterate"
    assert last.parents[0] == first.id
    assert (finished_churn / last.figures["artifacts"]["report"]).is_file()


def test_an_experiment_holds_its_comparisons_and_its_confusion_table(finished_churn):
    with Project.open(finished_churn) as project:
        figures = project.workspace.ledger.latest("training.experiment").to_json()["figures"]
        evaluation = project.workspace.ledger.get(figures["artifacts"]["evaluation"])
        compared = [project.workspace.ledger.get(one["evidence"]) for one in figures["comparisons"]]
    assert sum(figures["confusion"].values()) == evaluation.figures["n"]
    assert [one["other"]["name"] for one in figures["comparisons"]] == ["no-information", "rules:quiet_or_angry"]
    assert [one.figures["difference"] for one in compared] == [one["difference"] for one in figures["comparisons"]]
    assert {one["part"] for one in figures["comparisons"]} == {"validation"}


def test_a_version_in_production_descends_from_both_gates(finished_churn):
    with Project.open(finished_churn) as project:
        deployment = project.workspace.registry.production("churn").deployment
        parents = project.workspace.ledger.get(deployment).parents
        kinds = [project.workspace.ledger.get(one).kind for one in parents]
    assert kinds == ["model.registered", "gate.staging", "gate.production"]


def test_retraining_on_the_same_data_says_that_nothing_new_came_of_it(churn):
    with Project.open(churn, overrides=(*QUICK, "retraining.months=10")) as project:
        opened = len(project.workspace.ledger.find(kind="data.holdout_opened"))
        outcome = project.retrain(reason="to see whether it is stable", as_of=AS_OF)
        assert (outcome.verdict, outcome.stage, outcome.model) == ("stopped", "release", "")
        assert "the same model as churn@1.0.0, which is in production already" in outcome.reason
        assert project.workspace.registry.production("churn").reference == "churn@1.0.0"
        assert len(project.workspace.ledger.find(kind="data.holdout_opened")) == opened
        assert project.experiments()[0]["verdict"] == "archived"


@pytest.mark.slow
def test_a_version_that_waits_may_be_examined_again_and_then_be_let_in_by_a_person(fresh_churn):
    assert run_once(fresh_churn, "gates.approval=person", trials=0).verdict == "staged"
    again = run_once(fresh_churn, "gates.approval=person", trials=0)
    assert (again.verdict, again.model) == ("staged", "churn@1.0.0")
    with Project.open(fresh_churn) as project:
        assert_shown_with_wider_intervals(project, again)
        moved = project.promote(actor="Ana Lind", reason="reviewed")
        kinds = [project.workspace.ledger.get(one).kind for one in moved.parents]
        assert kinds == ["model.registered", "gate.staging", "gate.production"]
        assert project.experiments()[-1]["verdict"] == "promoted"


@pytest.mark.slow
def test_a_version_that_a_person_took_to_staging_is_tried_before_a_person_takes_it_further(fresh_churn):
    strict = (*QUICK, "gates.max_size_mb=0.0001")
    assert run_once(fresh_churn, "gates.max_size_mb=0.0001", trials=0).verdict == "archived"
    with Project.open(fresh_churn, overrides=strict) as project:
        ledger = project.workspace.ledger
        with pytest.raises(UsageError, match="--by NAME --reason TEXT"):
            project.promote(actor="", reason="", override=True)
        project.promote(actor="Ana Lind", reason="the limit was a slip", override=True)
        assert ledger.find(kind="gate.production") == []
        moved = project.promote(actor="Ana Lind", reason="reviewed")
        tried = [one.kind for one in ledger.find() if one.kind.startswith("release.")]
        assert tried == ["release.integration_test", "release.load_test"]
        assert [ledger.get(one).kind for one in moved.parents] == [
            "model.registered",
            "gate.staging",
            "gate.production",
        ]
        assert project.workspace.registry.production("churn").reference == "churn@1.0.0"


def assert_shown_with_wider_intervals(project, again):
    """A second look at the same rows warns, and every figure, the report and a card say at which level they hold."""
    first, second = project.workspace.ledger.find(kind="data.holdout_opened")
    assert [one.verdict for one in (first, second)] == ["info", "warn"]
    assert [second.figures[name] for name in ("opening", "of_model", "of_project")] == [2, 2, 2]
    exams = [
        one
        for one in project.workspace.ledger.find(kind="model.evaluation")
        if one.figures["part"] == "holdout" and one.figures["role"] == "candidate"
    ]
    before, after = (one.figures["metrics"]["log_loss"] for one in exams)
    assert (before["level"], after["level"]) == (0.95, pytest.approx(0.975))
    assert after["value"] == before["value"]
    assert after["high"] - after["low"] > before["high"] - before["low"]
    assert "opened 2 times by now" in exams[1].figures["notes"][0]
    assert "at 97.5 %" in exams[1].summary
    compared = [one for one in again.evidence if one.kind == "model.comparison" and one.figures["part"] == "holdout"]
    assert {round(one.to_json()["figures"]["difference"]["level"], 4) for one in compared} == {0.975}
    page = again.report.read_text()
    assert "97.5 % interval" in page
    assert "opened 2 times by now" in page
    ledger, settings = project.workspace.ledger, project.workspace.settings
    card = cards.markdown(cards.card({"model": again.model}, ledger.find(run=again.run), settings))
    assert "97.5 % interval" in card
    assert "opened 2 times by now" in card
