"""`assay features get`: one row or a file of rows, now or as they were known, as facts, JSON or CSV."""

import io
import json

import polars as pl
import pytest
from tests.projects import AS_OF, assay

from assay.project import Project

WHO = ("customer_id=C000001", "plan=plus")


@pytest.fixture
def on(finished_churn):
    def run(*words):
        return assay("features", "get", *words, "--project", finished_churn)

    return run


def test_a_row_as_it_was_known_at_a_moment(on, finished_churn):
    done = on(*WHO, "--at", AS_OF.isoformat(), "--json")
    assert done.code == 0, done.err
    row = done.document()
    with Project.open(finished_churn) as project:
        keys = pl.DataFrame({"customer_id": ["C000001"], "plan": ["plus"], "month": [AS_OF]}).with_columns(
            pl.col("month").cast(pl.Datetime("us", "UTC"))
        )
        (expected,) = project.features.history(keys).drop("month").to_dicts()
    assert {name: row[name] for name in expected} == pytest.approx(expected)
    assert row["customer_age"] is not None
    early = on(*WHO, "--at", "2000-01-01", "--json").document()
    assert early["customer_age"] is None


def test_the_rows_of_a_file_each_at_its_own_time(on, finished_churn, tmp_path):
    months = pl.read_parquet(finished_churn / "data" / "months.parquet").head(50)
    months.select("row_id", "customer_id", "plan", "month").write_csv(tmp_path / "rows.csv")
    done = on("--keys", tmp_path / "rows.csv", "--at", "row")
    assert done.code == 0, done.err
    frame = pl.read_csv(io.StringIO(done.out))
    with Project.open(finished_churn) as project:
        expected = project.features.history(months.select("row_id", "customer_id", "plan", "month"))
    assert frame["row_id"].to_list() == expected["row_id"].to_list()
    assert frame["customer_spend_30d_sum"].to_list() == pytest.approx(expected["customer_spend_30d_sum"].to_list())


def test_the_rows_of_a_file_now(on, tmp_path):
    rows = pl.DataFrame({"customer_id": ["C000001", "nobody"], "plan": ["plus", "plus"]})
    rows.write_ndjson(tmp_path / "rows.jsonl")
    done = on("--keys", tmp_path / "rows.jsonl", "--json")
    assert done.code == 0, done.err
    known, unknown = done.document()
    assert (known["customer_id"], unknown["customer_id"]) == ("C000001", "nobody")
    assert known["customer_region"] is not None
    assert unknown["customer_region"] is None
    assert json.loads(on(*WHO, "--json").out)["customer_region"] == known["customer_region"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name a row"),
        (("--keys", "none.csv"), "cannot read none.csv"),
        (("--keys", "rows.txt"), "give an existing .csv"),
        (("customer_id=C000001", "--at", "yesterday"), "not a date or time"),
        (("colour=red", "--at", "2026-01-01"), "the rows have no ['customer_id', 'plan']"),
    ],
)
def test_what_cannot_be_asked_is_told(on, words, said):
    done = on(*words)
    assert done.code in (1, 2)
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_row_that_the_store_does_not_know_is_said_to_be_missing(on):
    unknown = on("customer_id=nobody", "plan=plus")
    assert "customer.purchases: missing, nothing is stored of this entity" in unknown.err
    assert "plan.prices" not in unknown.err
    assert "missing" not in unknown.out
    assert "customer.purchases" not in on(*WHO).err


def test_a_time_that_is_none_is_told_under_its_own_option(on):
    refused = on(*WHO, "--at", "yesterday")
    assert refused.code == 2
    assert "--at 'yesterday' is not a date or time" in refused.err
