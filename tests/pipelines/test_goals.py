"""Goals of a project: figures from the release, from monitoring and from the log, and a word where there is none."""

import pytest
from tests.projects import asked, questions

from assay.errors import ConfigError
from assay.ledger.evidence import Evidence
from assay.metrics.estimate import Estimate
from assay.project import Project

GOALS = """
goals:
  - {name: useful, metric: log_loss, operator: "<=", value: 0.2, window: 7d}
  - {metric: latency_p99_ms, operator: "<=", value: 60000, window: 1d, owner: operations}
  - {name: used, metric: predictions, operator: ">=", value: 3, window: 1d, margin: 0}
"""


def with_goals(folder, text=GOALS):
    with (folder / "assay.yaml").open("a", encoding="utf-8") as file:
        file.write(text)
    return folder


def states(project):
    return {one.figures["goal"]: one.figures["state"] for one in project.goals()}


def test_each_figure_comes_from_where_it_is_known(churn):
    with Project.open(with_goals(churn)) as project:
        assert states(project) == {"useful": "met", "latency_p99_ms": "no figure yet", "used": "missed"}
        asked(project, questions(churn, 30))
        useful, latency, used = project.goals()
        exam = project.ledger.get(useful.parents[0])
        assert exam.figures["part"] == "holdout"
        assert useful.figures["estimate"]["value"] == exam.figures["metrics"]["log_loss"]["value"]
        assert (latency.figures["state"], latency.figures["owner"]) == ("met", "operations")
        assert latency.figures["estimate"]["n"] == 30
        assert (used.figures["state"], used.figures["figure"]) == ("met", "30")


def test_what_monitoring_measured_comes_before_the_release(churn):
    with Project.open(with_goals(churn)) as project:
        figures = {"metric": "log_loss", "current": Estimate(0.4, 0.3, 0.5, 600, "bca-100")}
        record = project.ledger.record
        record(Evidence("monitoring.performance", "model:churn@1.0.0", "fail", "1d", figures | {"window": "1d"}))
        assert states(project)["useful"] == "met"  # measured over another window
        found = record(
            Evidence("monitoring.performance", "model:churn@1.0.0", "fail", "7d", figures | {"window": "7d"})
        )
        useful = project.goals()[0]
    assert (useful.figures["state"], useful.parents) == ("missed", (found.id,))


def test_without_a_version_in_production_there_is_no_figure(fresh_churn):
    with Project.open(with_goals(fresh_churn)) as project:
        assert set(states(project).values()) == {"no figure yet"}
        assert all(one.figures["source"] == "nothing is in production" for one in project.goals())


def test_a_metric_that_nobody_measures_is_refused(churn):
    with Project.open(with_goals(churn, GOALS.replace("log_loss", "happiness"))) as project:
        with pytest.raises(ConfigError, match="happiness"):
            project.goals()
        assert project.ledger.latest("monitoring.goal") is None
