"""The report of a stretch: a page and a document that say the same, from records and the log, when it is due."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from tests.projects import asked, questions

from assay.errors import UsageError
from assay.ledger.evidence import Evidence
from assay.project import Project

GOALS = """
goals:
  - {name: useful, metric: log_loss, operator: "<=", value: 0.01}
  - {name: used, metric: predictions, operator: ">=", value: 3, window: 1d, margin: 0}
"""


def read(project, found):
    page = (project.workspace.folder / found.figures["page"]).read_text()
    raw = (project.workspace.folder / found.figures["document"]).read_bytes()
    assert sha256(raw).hexdigest() == found.figures["digest"]
    return page, json.loads(raw)


def test_goals_traffic_alerts_and_changes_are_told_on_both(churn):
    with (churn / "assay.yaml").open("a") as file:
        file.write(GOALS)
    with Project.open(churn) as project:
        asked(project, questions(churn, 12))
        warned = project.ledger.record(
            Evidence("monitoring.drift", "model:churn@1.0.0", "warn", "plan moved <b>much</b>", {"level": "warning"})
        )
        found = project.report()
        page, document = read(project, found)
        assert [one["figures"]["state"] for one in document["goals"]] == ["missed", "met"]
        assert list(found.parents) == [one["id"] for one in document["goals"]]
        assert document["attention"][0]["id"] == warned.id  # the newest first
        moves = [one["summary"] for one in document["changes"] if one["kind"] == "model.stage"]
        assert moves[-1].startswith("churn@1.0.0: staging → production")
        assert document["traffic"]["predictions"] == "12"
        assert (document["production"], found.verdict) == ("churn@1.0.0", "fail")
    assert document["headline"] in page
    assert "<b>much" not in page
    assert warned.id in page


def test_only_the_stretch_is_told_of(churn):
    with Project.open(churn) as project:
        late = datetime.now(UTC)
        _, document = read(project, project.report(since=late))
    assert (document["attention"], document["changes"], document["records"]) == ([], [], 0)
    assert document["headline"].startswith("no goals are declared")


def test_a_report_is_due_once_a_stretch(churn):
    moments = [datetime.now(UTC) + timedelta(hours=hours) for hours in (0, 23, 25)]
    told = []
    for moment in moments:
        with Project.open(churn, overrides=["reporting.every=daily"], clock=lambda moment=moment: moment) as project:
            told.append(project.report(if_due=True))
    assert [one is not None for one in told] == [True, False, True]
    since, until = (datetime.fromisoformat(told[0].to_json()["figures"][name]) for name in ("since", "until"))
    assert until - since == timedelta(days=1)


def test_a_stretch_in_the_future_is_refused_and_nothing_is_written(churn):
    with Project.open(churn) as project:
        with pytest.raises(UsageError, match="in the future"):
            project.report(since=datetime.now(UTC) + timedelta(days=1))
        assert not list((churn / ".assay" / "reports").glob("period-*"))
        assert project.ledger.latest("monitoring.report") is None
