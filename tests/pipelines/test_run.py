"""A run notes how it began, and never a password."""

import json

import pytest

from assay.errors import ConfigError
from assay.pipelines import run as runs
from assay.pipelines.run import without_passwords
from assay.project import Project


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("postgresql://assay:hunter2@db:5432/ledger", "postgresql://assay:***@db:5432/ledger"),
        ("postgresql+psycopg://assay:p@ss/w0rd@db/ledger", "postgresql+psycopg://assay:***@db/ledger"),
        ("redis://:hunter2@cache:6379/0", "redis://:***@cache:6379/0"),
        (
            "postgresql://db/ledger?user=assay&password=hunter2&x=1",
            "postgresql://db/ledger?user=assay&password=***&x=1",
        ),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ("postgresql://assay@db:5432/ledger", "postgresql://assay@db:5432/ledger"),
        ("data/a:b@c.csv", "data/a:b@c.csv"),
        ("nats://hunter2@bus:4222", "nats://***@bus:4222"),
        ("nats://assay:hunter2@bus:4222", "nats://assay:***@bus:4222"),
    ],
)
def test_a_password_in_a_url_is_blotted_out_wherever_it_stands(url, kept):
    assert without_passwords({"stores": {"tables": url}, "list": [url, 1, None]}) == {
        "stores": {"tables": kept},
        "list": [kept, 1, None],
    }


def test_no_password_of_a_store_or_a_source_reaches_the_ledger(fresh_churn):
    secret = "hunter2"
    overrides = (
        f"stores.artifacts=s3://assay:{secret}@bucket/artifacts",
        f"sources.warehouse.url=postgresql://assay:{secret}@db/warehouse",
        "sources.warehouse.query=select 1",
        "sources.warehouse.format=sql",
    )
    with Project.open(fresh_churn, overrides=overrides) as project:
        runs.begin(project.workspace)
        (started,) = project.workspace.ledger.find(kind="run.started")
    recorded = json.dumps(started.to_json())
    assert secret not in recorded
    assert "postgresql://assay:***@db/warehouse" in recorded


@pytest.mark.parametrize("store", ["ledger", "artifacts", "tables", "online", "bus"])
def test_an_empty_place_is_refused_and_not_the_projects_folder(fresh_churn, store):
    with (
        Project.open(fresh_churn, overrides=(f"stores.{store}=",)) as project,
        pytest.raises(ConfigError, match="a place is empty"),
    ):
        getattr(project.workspace, store)
