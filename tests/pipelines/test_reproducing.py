"""An experiment made again: byte for byte from its snapshots, in a place of its own, or with a list of what differs."""

import shutil

import polars as pl
import pytest
from tests.projects import AS_OF, PATIENT, assay, edit, flip_byte

from assay.errors import DataError, NotFound, UsageError
from assay.pipelines import loop
from assay.project import Project


def newest(project):
    return project.experiments()[0]["experiment"]


def test_it_comes_out_byte_for_byte_though_data_and_settings_moved_on(churn):
    shutil.rmtree(churn / "data")  # only the snapshots are left
    with Project.open(churn, overrides=["training.seed=5", "training.estimators=[lightgbm]"]) as project:
        before = project.ledger.head().sequence
        serving = project.models()
        found = project.reproduce(newest(project))
        figures = found.to_json()["figures"]
        assert found.verdict == "pass", found.summary
        assert figures["equal"]
        assert figures["bundle"]["now"] == figures["bundle"]["recorded"]
        assert all(both["now"] == both["recorded"] for both in figures["metrics"].values())
        assert figures["differences"] == []
        assert project.ledger.head().sequence == before + 1  # the verdict, and no trace of the training
        assert project.models() == serving
        assert project.verify().ok
    assert not list((churn / ".assay").glob("reproduce-*"))


def test_a_refit_on_some_months_after_other_runs_is_reproduced_as_it_was_asked(churn):
    fixed = ("lightgbm", {"num_leaves": 7, "learning_rate": 0.2})
    with Project.open(churn, overrides=[PATIENT]) as project:
        trained = loop.train_only(project.workspace, as_of=AS_OF, months=6, fixed=fixed)
        found = project.reproduce(trained.experiment)
    assert found.verdict == "pass", found.to_json()["figures"]
    assert found.figures["bundle"]["now"] == trained.bundle_digest


def test_changed_code_is_named_and_the_command_exits_with_one(churn):
    with Project.open(churn) as project:
        name = newest(project)
    joined = 'pl.col("customer_joined_first")'
    edit(churn / "definitions.py", (f"tenure_days=today - {joined}", f"tenure_days=2 * (today - {joined})"))
    done = assay("reproduce", name, "--project", churn, "--json")
    assert done.code == 1, done.err
    figures = done.document()["figures"]
    assert not figures["equal"]
    assert figures["bundle"]["now"] != figures["bundle"]["recorded"]
    named = [one["what"] for one in figures["differences"]]
    assert [what for what in named if what.startswith("view ")]
    assert [what for what in named if what.startswith("bundle file ")]
    assert not [what for what in named if what.startswith(("snapshot ", "environment."))]


@pytest.mark.parametrize(("harm", "said"), [(lambda path: path.unlink(), "gone"), (flip_byte, "changed since")])
def test_data_that_is_gone_or_changed_is_named_and_nothing_is_trained(churn, harm, said):
    with Project.open(churn) as project:
        taken = project.ledger.find(kind="data.snapshot", subject="source:purchases")[-1]
        (path,) = (churn / ".assay" / "snapshots").glob(f"{taken.figures['digest']}*")
        path.parent.chmod(0o755)
        harm(path)
        found = project.reproduce(newest(project))
    assert found.verdict == "fail"
    ((what, now),) = [(one["what"], one["now"]) for one in found.to_json()["figures"]["differences"]]
    assert what == "snapshot purchases"
    assert said in now


def test_what_left_no_model_cannot_be_reproduced(fresh_churn):
    with Project.open(fresh_churn, overrides=[PATIENT, "training.trials=1"]) as project:
        workspace = project.workspace
        with pytest.raises(NotFound, match="EXP-2020-01-01-001"):
            project.reproduce("EXP-2020-01-01-001")
        with pytest.raises((DataError, UsageError)):
            loop.train_only(workspace, as_of=AS_OF, fixed=("lightgbm", {"no_such": 1}))
        with pytest.raises(UsageError, match="left no model"):
            project.reproduce(newest(project))


def test_rows_of_the_replica_are_those_of_the_snapshot(churn):
    from assay.pipelines.replica import Replica
    from assay.pipelines.reproducing import original_of

    with Project.open(churn) as project:
        original = original_of(project.workspace, newest(project))
        replica = Replica(project.workspace, original.settings, state=churn / "elsewhere", frozen=original.frozen)
        rows = replica.read_source("offers").collect()
        snapshot = churn / ".assay" / "snapshots" / f"{original.frozen['offers']}.parquet"
    assert rows.equals(pl.read_parquet(snapshot))
    assert replica.settings.stores.ledger is None
    assert replica.folder == project.workspace.folder
