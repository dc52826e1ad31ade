"""The whole loop on a small subscription business: what it returns, what it records, and how else it can end."""

import json
import re
import shutil

import pytest
from tests.projects import AS_OF, QUICK, edit, make_churn, run_once

from assay.errors import UsageError
from assay.project import Project


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """The outcome of a first run, with its project open."""
    folder = make_churn(tmp_path_factory.mktemp("loop") / "churn")
    with Project.open(folder, overrides=QUICK) as project:
        yield project, project.run(trials=2, as_of=AS_OF)


def test_a_first_run_puts_a_version_into_production(outcome):
    project, found = outcome
    assert (found.verdict, found.stage, found.model, found.exit_code) == ("promoted", "release", "churn@1.0.0", 0)
    assert project.workspace.registry.production("churn").reference == "churn@1.0.0"


def test_the_outcome_has_every_field_of_the_interface(outcome):
    _, found = outcome
    printed = json.loads(json.dumps(found.to_json()))
    assert printed["metrics"]["primary"].keys() >= {"name", "value", "low", "high"}
    assert printed["metrics"]["baseline"].keys() == {"no-information", "rules:quiet_or_angry"}
    assert printed["quality"]["of"] == 30
    assert printed["quality"]["score"] >= 18
    assert [one["name"] for one in printed["gates"]] == ["gate.staging", "gate.production"]
    assert all(one.keys() >= {"name", "verdict", "reasons"} for one in printed["gates"])
    assert {one["name"] for one in printed["leakage"]} >= {
        "leakage.duplicates",
        "leakage.split",
        "leakage.inputs",
        "leakage.time_travel",
        "leakage.row_independence",
        "leakage.target_derived",
        "leakage.fitted",
        "leakage.model_score",
    }
    assert {one["verdict"] for one in printed["leakage"]} <= {"pass", "info", "warn"}
    assert printed["evidence"] == [one.id for one in found.evidence]
    assert 0 < printed["seconds"] < 300


def test_metrics_can_be_read_by_name(outcome):
    _, found = outcome
    estimate = found.metrics["log_loss"]
    assert estimate.low < estimate.value < estimate.high
    assert estimate.value < found.baselines["no-information"]


def test_the_holdout_is_opened_once_and_after_everything_was_chosen(outcome):
    project, found = outcome
    kinds = [one.kind for one in found.evidence]
    assert kinds.count("data.holdout_opened") == 1
    assert kinds.index("data.holdout_opened") > kinds.index("training.experiment")
    assert len(project.workspace.ledger.find(kind="data.holdout_opened")) == 1


def test_every_record_of_the_run_carries_its_id_and_the_chain_holds(outcome):
    project, found = outcome
    assert {one.run for one in found.evidence} == {found.run}
    assert project.verify().ok


def test_gates_cite_only_records_that_exist(outcome):
    project, found = outcome
    gates = [one for one in found.evidence if one.kind.startswith("gate.")]
    cited = {record for gate in gates for condition in gate.figures["conditions"] for record in condition["evidence"]}
    assert cited
    assert all(project.workspace.ledger.get(record) for record in cited)


def test_the_report_is_one_file_that_reads_nothing_from_elsewhere(outcome):
    _, found = outcome
    page = found.report.read_text(encoding="utf-8")
    assert found.model in page
    assert found.evidence[0].run in page
    assert not re.findall(r"""(?:src|href|action)\s*=\s*["']?\s*(?:https?:)?//""", page)
    assert not re.findall(r"""url\(\s*["']?(?:https?:)?//|@import""", page)


def test_training_alone_leaves_the_holdout_closed_and_the_registry_empty(fresh_churn):
    with Project.open(fresh_churn, overrides=QUICK) as project:
        trained = project.train(trials=0, as_of=AS_OF)
        assert trained.evaluation.metrics["log_loss"].value > 0
        assert project.workspace.ledger.find(kind="data.holdout_opened") == []
        assert project.models() == []


def test_the_same_seed_gives_the_same_figures(outcome, finished_churn):
    _, found = outcome
    with Project.open(finished_churn) as project:
        exam = next(
            one for one in project.workspace.ledger.find(kind="model.evaluation") if one.figures["part"] == "holdout"
        )
    figures = {name: (one["value"], one["low"], one["high"]) for name, one in exam.figures["metrics"].items()}
    assert figures == {name: (one.value, one.low, one.high) for name, one in found.metrics.items()}


def test_an_incomplete_brief_stops_before_any_data_is_read(fresh_churn):
    shutil.rmtree(fresh_churn / "data")
    outcome = run_once(fresh_churn, "brief.success_metric=")
    assert (outcome.verdict, outcome.stage, outcome.exit_code) == ("stopped", "framing", 3)
    assert "success_metric" in outcome.reason


def test_a_kill_criterion_of_the_project_ends_the_run_with_its_figures(fresh_churn):
    edit(
        fresh_churn / "assay.yaml",
        ("  business_value:", '  kill_criteria: ["evaluation.log_loss.value > 0.01"]\n  business_value:'),
    )
    outcome = run_once(fresh_churn, trials=0)
    assert (outcome.verdict, outcome.stage, outcome.exit_code) == ("kill", "training", 4)
    assert "evaluation.log_loss.value" in outcome.reason
    with Project.open(fresh_churn) as project:
        assert project.models() == []
        assert project.workspace.ledger.find(kind="data.holdout_opened") == []


def test_a_rule_that_is_as_good_ends_the_run_with_both_skills(fresh_churn):
    # rules are not given the label, so this one looks the answers up to be surely as good
    looks_up = """
    told = pl.read_parquet(__file__.replace("rules.py", "data/months.parquet")).select("row_id", "churned")
    known = rows.join(told, on="row_id", how="left", maintain_order="left")
    return known.select(chance=pl.col("churned") * 0.5 + 0.01)"""
    edit(fresh_churn / "rules.py", ("    return rows.select(chance=chance)", looks_up))
    outcome = run_once(fresh_churn, trials=0)
    assert (outcome.verdict, outcome.exit_code) == ("kill", 4)
    assert re.search(r"skill in log_loss: model -?[\d.]+%.*heuristic [\d.]+%.*no information", outcome.reason)


@pytest.mark.slow
def test_without_business_value_the_primary_metric_decides(fresh_churn):
    outcome = run_once(fresh_churn, "brief.business_value=null", trials=0)
    assert outcome.verdict == "promoted"
    assert {one.figures["metric"] for one in outcome.evidence if one.kind == "model.comparison"} == {"log_loss"}


def test_promotion_is_by_business_value_where_the_brief_counts_it(fresh_churn):
    outcomes = ("true_positive", "false_positive", "true_negative", "false_negative")
    indifferent = [f"brief.business_value.{name}=1" for name in outcomes]
    outcome = run_once(fresh_churn, *indifferent, trials=0)
    assert outcome.metrics["log_loss"].value < outcome.baselines["no-information"]
    assert (outcome.verdict, outcome.exit_code) == ("archived", 3)
    staging = next(one for one in outcome.evidence if one.kind == "gate.staging")
    refused = [one for one in staging.figures["conditions"] if one["verdict"] == "fail"]
    cited = {one.id: one for one in outcome.evidence}
    metrics = {cited[record].figures["metric"] for one in refused for record in one["evidence"] if record in cited}
    assert metrics == {"business_value"}


def test_two_runs_at_once_are_refused_by_name(churn):
    with (
        Project.open(churn) as project,
        project.workspace.alone("something long"),
        Project.open(churn) as other,
        pytest.raises(UsageError, match="something long"),
    ):
        other.run(trials=0)
