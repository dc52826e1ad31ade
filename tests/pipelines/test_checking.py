"""`assay check` finds what would stop a run, before anything runs."""

import polars as pl
import pytest
from tests.projects import edit

from assay.project import Project


def test_a_sound_project_passes_every_check(finished_churn):
    with Project.open(finished_churn) as project:
        found = project.check()
        assert {one.verdict for one in found} == {"pass"}
        assert {one.kind for one in found} >= {
            "check.settings", "check.training", "check.source", "check.target", "check.store"
        }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("assay.yaml", "path: data/offers.csv", "path: data/offres.csv", "offres.csv"),
        ("assay.yaml", "label: churned", "label: chrned", "chrned"),
        ("assay.yaml", "time: month\n  label", "time: plan\n  label", "target.time: event_time"),
        ("assay.yaml", "estimators: [logistic, lightgbm]", "estimators: [logistc]", "Closest: 'logistic'"),
        (
            "assay.yaml",
            "trials: 8",
            "trials: 8\n  transforms: [{columns: [plan_fe_last], apply: [log]}]",
            "did you mean 'plan_fee_last'?",
        ),
        ("assay.yaml", "ml_task_type: classification", "ml_task_type: ranking", "nothing here learns ranking yet"),
        ("assay.yaml", "primary: log_loss", "primary: logloss", "Closest: 'log_loss'"),
        ("assay.yaml", "slices: [group, plan]", "slices: [grup]", "no column is called 'grup'"),
        ("assay.yaml", 'rule: "settled >= opened"', 'rule: "settled >= openned"', "openned"),
        ("assay.yaml", "baseline: rules:quiet_or_angry", "baseline: rules:no_such_rule", "no_such_rule"),
        (
            "definitions.py",
            'source="offers"',
            'source="ofers"',
            "view 'offers' reads source 'ofers'. assay.yaml declares",
        ),
        (
            "definitions.py",
            'pl.col("discount_percent")',
            'pl.col("discount_per_cent")',
            'find column "discount_per_cent"',
        ),
        (
            "definitions.py",
            'pl.col("discount_percent")',
            "discount_percent",
            "name 'discount_percent' is not defined (d",
        ),
        (
            "definitions.py",
            "felt_rise=pl.col",
            "felt_rise=pl.cool",
            "request view 'moment' fails on its rows: AttributeE",
        ),
        ("definitions.py", 'source="offers"', 'source="offers",\n    partition_by="custmer"', "has no ['custmer']"),
        (
            "definitions.py",
            "import polars as pl",
            "import polars as pl\nimport nothing_of_that_name",
            "nothing_of_that",
        ),
    ],
)
def test_a_check_names_what_is_wrong(fresh_churn, file, old, new, named):
    edit(fresh_churn / file, (old, new))
    with Project.open(fresh_churn) as project:
        failed = [one for one in project.check() if one.verdict == "fail"]
    assert named in " ".join(one.summary for one in failed)


def test_a_check_says_where_stores_are_and_keeps_passwords(fresh_churn):
    with Project.open(fresh_churn, overrides=["stores.online=redis://ana:secret@localhost:1/0"]) as project:
        said = " ".join(one.summary for one in project.check())
    assert "secret" not in said
    assert "tables: in .assay" in said


def test_a_label_of_words_is_refused_before_anything_is_built(fresh_churn):
    path = fresh_churn / "data" / "months.parquet"
    words = pl.when(pl.col("churned") == 1).then(pl.lit("left")).otherwise(pl.lit("stayed"))
    pl.read_parquet(path).with_columns(churned=words).write_parquet(path)
    edit(fresh_churn / "assay.yaml", ("      - {column: churned, allowed: [0, 1], nullable: false}\n", ""))
    with Project.open(fresh_churn) as project:
        (failed,) = [one for one in project.check() if one.verdict == "fail"]
    assert failed.kind == "check.target"
    assert "name the value that counts as 1 in target.positive" in failed.summary
    edit(fresh_churn / "assay.yaml", ("  label: churned", "  label: churned\n  positive: left"))
    with Project.open(fresh_churn) as project:
        assert all(one.verdict == "pass" for one in project.check())
