"""A broken rule of severity error stops a build before a table is touched, and a run before anything is trained."""

import polars as pl
import pytest
from tests.projects import AS_OF, QUICK

from assay.errors import GateRefused
from assay.project import Project


@pytest.fixture
def broken(fresh_churn):
    """A project with three purchases of less than nothing."""
    path = fresh_churn / "data" / "purchases.parquet"
    rows = pl.read_parquet(path)
    rows.with_columns(amount=pl.when(pl.int_range(pl.len()) < 3).then(-1.0).otherwise("amount")).write_parquet(path)
    return fresh_churn


def test_a_build_stops_with_column_rule_count_and_first_row_and_touches_no_table(broken):
    with Project.open(broken) as project:
        with pytest.raises(GateRefused, match=r"purchases .*'amount' is at least 0: 3 rows .*, first row 1: amount -1"):
            project.features.build(as_of=AS_OF)
        assert project.workspace.ledger.find(kind="features.build") == []
    assert not (broken / ".assay" / "tables").exists()


def test_a_run_stops_with_its_score_and_trains_nothing(broken):
    with Project.open(broken, overrides=QUICK) as project:
        outcome = project.run(trials=0, as_of=AS_OF)
        assert project.experiments() == []
    assert (outcome.verdict, outcome.stage, outcome.exit_code) == ("stopped", "features", 3)
    assert outcome.quality >= 18
    assert "expectations gate: purchases" in outcome.reason
