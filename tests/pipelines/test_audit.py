"""What is asked of a project without changing it: soundness, proof of every byte, lineage, cards."""

import json
import shutil
import sqlite3

import polars as pl
import pytest
from tests.projects import AS_OF, QUICK, asked, edit, flip_byte, questions

from assay.errors import NotFound, UsageError
from assay.ledger.evidence import plain
from assay.project import Project


def damage_of(folder):
    """What `verify` finds wrong, as one text; it must find something."""
    with Project.open(folder) as project:
        proof = project.verify()
    assert not proof.ok
    return "\n".join(proof.lines())


def test_an_untouched_project_verifies(finished_churn):
    with Project.open(finished_churn) as project:
        proof = project.verify()
    assert proof.ok, proof.lines()
    assert proof.n_files > 5


def test_a_flipped_byte_in_any_artifact_is_named(churn):
    blobs = sorted(path for path in (churn / ".assay" / "artifacts").glob("??/*") if path.is_file())
    assert len(blobs) > 3
    for blob in blobs:
        flip_byte(blob)
        assert blob.name in damage_of(churn)
        flip_byte(blob)


def test_a_flipped_byte_in_an_artifact_of_a_run_that_ended_early_is_named(fresh_churn):
    with Project.open(fresh_churn, overrides=(*QUICK, "training.estimators=[logistic]")) as project:
        project.train(trials=0, as_of=AS_OF)
    for blob in [path for path in (fresh_churn / ".assay" / "artifacts").glob("??/*") if path.is_file()]:
        flip_byte(blob)
        assert blob.name in damage_of(fresh_churn)
        flip_byte(blob)
    for sealed in (fresh_churn / ".assay" / "sealed").iterdir():
        flip_byte(sealed)
        assert sealed.stem in damage_of(fresh_churn)


@pytest.mark.parametrize("folder", ["snapshots", "sealed"])
def test_a_flipped_byte_in_a_snapshot_or_the_holdout_is_named(churn, folder):
    files = sorted(path for path in (churn / ".assay" / folder).iterdir() if path.is_file())
    assert files
    for path in files:
        flip_byte(path)
        assert path.stem[:12] in damage_of(churn)
        flip_byte(path)


@pytest.mark.parametrize("folder", ["artifacts", "snapshots", "sealed"])
def test_a_file_that_is_gone_is_named(churn, folder):
    path = next(one for one in sorted((churn / ".assay" / folder).rglob("*")) if one.is_file())
    path.unlink()
    assert path.stem[:12] in damage_of(churn)


def test_a_log_segment_that_nobody_recorded_is_named(churn):
    with Project.open(churn) as project:
        asked(project, questions(churn, 3))
        assert project.verify().ok
    (segment,) = (churn / ".assay" / "predictions" / "predictions").glob("*.jsonl")
    forged = segment.with_name("20260101T000000-0badcafe.jsonl")
    forged.write_bytes(segment.read_bytes())
    assert f"{forged} is in no record" in damage_of(churn)


def test_a_counter_that_was_set_back_gives_no_run_a_name_that_another_has(churn):
    with Project.open(churn) as project:
        first = project.ledger.latest("run.started").run
    with sqlite3.connect(churn / ".assay" / "ledger.db") as raw:
        raw.execute("UPDATE ledger_counters SET value = 0")
    with Project.open(churn) as project:
        project.frame()
        assert project.ledger.latest("run.started").run != first


def test_a_changed_record_of_the_ledger_is_named(churn):
    path = churn / ".assay" / "ledger.db"
    with sqlite3.connect(path) as raw:
        (mode,) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[:1]
    data = path.read_bytes()
    where = data.index(b"cut by time: train")
    flip_byte(path, at=where)
    with Project.open(churn) as project:
        broken = project.workspace.ledger.verify().broken
    split = next(one for one in records_of(churn) if one["kind"] == "data.split")
    assert broken is not None
    assert broken.id == split["id"]
    assert broken.id in damage_of(churn)
    assert mode == 0


def records_of(folder):
    """The ledger's records as they stand, damaged or not."""
    with sqlite3.connect(folder / ".assay" / "ledger.db") as raw:
        tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        records = next(name for name in tables if name.endswith("records"))
        raw.row_factory = sqlite3.Row
        found = [dict(row) for row in raw.execute(f"SELECT * FROM {records}")]
    return [{"id": f"E-{row['sequence']:06d}", "kind": row["kind"]} for row in found]


def test_lineage_leads_from_a_version_back_to_the_snapshots_and_forward_again(finished_churn):
    with Project.open(finished_churn) as project:
        back = project.ledger.lineage("churn@1.0.0")
        kinds = {one.kind for one in back.nodes}
        assert {"data.snapshot", "training.experiment", "model.registered", "gate.production", "model.stage"} <= kinds
        snapshot = next(one for one in back.nodes if one.kind == "data.snapshot")
        forward = project.ledger.lineage(snapshot.id, direction="forward")
        assert any(one.kind == "model.stage" for one in forward.nodes)


def test_lineage_of_nothing_is_refused(finished_churn):
    with Project.open(finished_churn) as project:
        for start in ("E-999999", "churn@9.0.0", "no-such-prediction"):
            with pytest.raises(NotFound):
                project.ledger.lineage(start)


def test_models_are_listed_with_their_holdout_figures(finished_churn):
    with Project.open(finished_churn) as project:
        (row,) = project.models()
    assert (row["model"], row["stage"], row["metric"]) == ("churn@1.0.0", "production", "log_loss")
    assert row["low"] < row["value"] < row["high"]


def test_the_card_is_filled_from_evidence_in_every_form(finished_churn):
    with Project.open(finished_churn) as project:
        markdown, html, hub = (project.card(form=form) for form in ("md", "html", "hf"))
        files = [project.card(form=form) for form in ("annex-iv", "annex-iv-html")]
        with pytest.raises(UsageError, match="pdf"):
            project.card(form="pdf")
        with pytest.raises(NotFound, match=r"churn@3\.0\.0"):
            project.card("churn@3.0.0")
    for text in (markdown, html, hub, *files):
        assert "churn@1.0.0" in text
        assert "E-0000" in text
        assert "Setting prices" in text  # out_of_scope_use of assay.yaml
    assert html.lower().startswith("<!doctype html>")


def test_the_brief_is_judged_and_recorded(churn):
    with Project.open(churn) as project:
        before = project.workspace.ledger.head().sequence
        found = project.frame()
        assert [one.kind for one in found] == ["framing.brief", "framing.rules_or_ml"]
        assert project.workspace.ledger.head().sequence > before


def test_the_assessment_ends_with_the_score(fresh_churn):
    with Project.open(fresh_churn) as project:
        score = project.assess(as_of=AS_OF)[-1]
    assert score.kind == "data.quality"
    assert 18 <= score.figures["score"] <= 30
    assert len(score.figures["dimensions"]) == 6


def test_all_that_a_project_shows_can_be_written_as_json(finished_churn):
    with Project.open(finished_churn) as project:
        json.dumps(plain([project.features.search(), project.experiments(), project.models(), project.verify()]))
        graph = json.loads(json.dumps(plain(project.ledger.lineage("churn@1.0.0"))))
    assert graph.keys() == {"nodes", "edges", "complete"}


def test_features_of_the_past_are_those_known_then(churn):
    keys = pl.DataFrame({"customer_id": ["C000001", "C000002"], "plan": ["plus", "basic"]}).with_columns(
        month=pl.lit(AS_OF), row_id=pl.Series(["a", "b"])
    )
    with Project.open(churn) as project:
        then = project.features.history(keys, ["customer_age", "tenure_days"])
        assert then.columns == [*keys.columns, "customer_age", "tenure_days"]
        earlier = project.features.history(keys.with_columns(month=pl.lit(AS_OF).dt.offset_by("-5y")), ["customer_age"])
        assert earlier["customer_age"].null_count() == 2
        with pytest.raises(NotFound, match="no_such"):
            project.features.history(keys, ["no_such"])


def test_a_copied_project_goes_on_where_the_first_stood(churn, tmp_path):
    moved = shutil.move(churn, tmp_path / "elsewhere")
    with Project.open(moved) as project:
        assert project.verify().ok
        assert project.models()[0]["stage"] == "production"


def test_label_rows_may_come_from_a_csv_file_with_their_time_as_text(fresh_churn):
    pl.read_parquet(fresh_churn / "data" / "months.parquet").write_csv(fresh_churn / "data" / "months.csv")
    edit(fresh_churn / "assay.yaml", ("data/months.parquet", "data/months.csv"))
    with Project.open(fresh_churn) as project:
        found = project.assess(as_of=AS_OF)
    assert found[-1].verdict == "pass"
