"""A run whose rows do not add up stops where they were lost."""

import polars as pl
import pytest
from tests.projects import AS_OF

from assay.errors import DataError
from assay.models.frame import LabelledFrame
from assay.pipelines import feature, run
from assay.pipelines.reconciling import reconcile_frames
from assay.project import Project


def test_every_stage_of_a_finished_run_was_reconciled(finished_churn):
    with Project.open(finished_churn) as project:
        found = project.workspace.ledger.find(kind="data.reconciliation")
    assert [(one.subject, one.verdict) for one in found] == [
        (f"reconciliation:{what}", "pass") for what in ("sources", "parts", "frames", "holdout")
    ]
    assert all(step["before"]["checksum"] for one in found[1:3] for step in one.figures["steps"])


def test_a_source_that_grows_while_it_is_read_stops_the_run(fresh_churn, monkeypatch):
    take = feature.snapshots.take

    def take_and_grow(name, frame, root):
        taken = take(name, frame, root)
        path = fresh_churn / "data" / "offers.csv"
        if name == "offers":
            path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")
        return taken

    monkeypatch.setattr(feature.snapshots, "take", take_and_grow)
    with Project.open(fresh_churn) as project:
        with pytest.raises(DataError, match=r"source offers [\d,]+ rows.* became snapshot offers .*: -1 rows"):
            project.features.build(as_of=AS_OF)
        assert project.workspace.ledger.find(kind="features.build") == []


def test_a_frame_that_lost_a_row_stops_the_run(churn):
    with Project.open(churn) as project:
        begun = run.begin(project.workspace, as_of=AS_OF)
        rows = pl.DataFrame({"row_id": ["a", "b"], "churned": [0, 1]})
        frame = LabelledFrame(rows.head(1), "row_id", "churned", ())
        with pytest.raises(DataError, match=r"train 2 rows.* became train with features 1 rows"):
            reconcile_frames(begun, {"train": (rows, frame)})
