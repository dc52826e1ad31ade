"""Understanding a source as a whole: any frame has one, the same rows give the same, and limits are kept and said."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from assay.config.settings import Source
from assay.data.understanding import data_report, evidence_of, understand
from assay.data.understanding import understanding as limits
from assay.ledger.canonical import canonical
from assay.ledger.evidence import plain

START = datetime(2024, 1, 1, tzinfo=UTC)
N = 60
WILD = pl.DataFrame(
    {
        "i": range(N),
        "constant": [1] * N,
        "null": [None] * N,
        "nan": [float("nan")] * N,
        "infinite": [float("inf"), float("-inf")] * (N // 2),
        "huge": [1e308 * (-1) ** row for row in range(N)],
        "beyond 64 bits": pl.Series([2**100 + row for row in range(N)], dtype=pl.Int128),
        "unsigned": pl.Series([2**64 - 1 - row for row in range(N)], dtype=pl.UInt64),
        "decimal": pl.Series([Decimal(row) / 4 for row in range(N)]),
        "list": [[row] for row in range(N)],
        "struct": [{"a": row} for row in range(N)],
        "bytes": [b"x"] * N,
        "category": pl.Series(["u", "v"] * (N // 2), dtype=pl.Categorical),
        "ünïcode ☃ 列": ["é" * row for row in range(N)],
        "<script>alert(1)</script>": ["<b>"] * N,
        "time": [START + timedelta(hours=row) for row in range(N)],
        "of day": pl.Series([row * 10**9 for row in range(N)]).cast(pl.Time),
        "length": [timedelta(days=row) for row in range(N)],
        "first or last year": [datetime(1, 1, 1), datetime(9999, 12, 31)] * (N // 2),  # noqa: DTZ001 - as files hold them
        "blank": ["", " "] * (N // 2),
        "y": [row % 2 for row in range(N)],
    }
)


def understood(frame, source=None, **options):
    found = understand("rows", frame, source, rng=np.random.default_rng(0), **options)
    page = data_report(found, title="shop")
    text = json.dumps(plain(found.to_json()), allow_nan=False)
    canonical(evidence_of(found, subject="source:rows", report="r.html", digest="0").to_json())
    assert not re.search(r'="-?(nan|inf)"', page)
    return found, page, text


@pytest.mark.parametrize("n_rows", [0, 1, 2, 3, N])
@pytest.mark.parametrize("label", [None, "y", "huge", "category"])
def test_whatever_the_columns_hold_there_is_a_report(n_rows, label):
    source = Source(key=("i",), time="time", protected=("category", "time", "null", "list"))
    found, page, _ = understood(WILD.head(n_rows), source, label=label)
    assert [one.name for one in found.columns] == WILD.columns
    assert found.n_rows == n_rows
    assert found.findings
    assert "<script" not in page


@pytest.mark.parametrize("label", ["list", "null", "constant", "time", "infinite", "blank", "struct", "i"])
def test_a_label_that_is_none_is_no_reason_to_fail(label):
    understood(WILD, Source(), label=label)


def test_no_columns_are_no_rows():
    found, page, _ = understood(pl.DataFrame())
    assert [one.what for one in found.findings] == ["There are no rows."]
    assert "There are no rows." in page


def test_the_same_rows_give_the_same_page_and_another_row_another():
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"a": rng.normal(size=500), "b": rng.choice(list("xyz"), 500), "y": rng.integers(0, 2, 500)})
    once, again = understood(frame, label="y"), understood(frame.lazy(), label="y")
    assert once[1:] == again[1:]
    other = frame.with_columns(a=pl.when(pl.int_range(pl.len()) == 7).then(99.0).otherwise("a"))
    assert understood(other, label="y")[1] != once[1]


def test_columns_beyond_the_limit_are_named_and_those_that_matter_are_described(monkeypatch):
    monkeypatch.setattr(limits, "MOST_COLUMNS", 20)
    monkeypatch.setattr(limits, "MOST_COMPARED", 10)
    rng = np.random.default_rng(2)
    frame = pl.DataFrame({f"c{number}": rng.normal(size=100) for number in range(50)})
    found, page, text = understood(frame, Source(protected=("c48",)), label="c49")
    assert len(found.columns) == 20
    assert {"c48", "c49"} <= {one.name for one in found.columns}
    assert len(found.left_out) == 30
    assert len(found.correlations.names) == 10
    assert "30 further columns" in page
    assert "c30" in text


def test_a_sample_is_drawn_from_long_sources_and_said(monkeypatch):
    monkeypatch.setattr(limits, "SAMPLE_ROWS", 1_000)
    monkeypatch.setattr(limits, "PAIR_ROWS", 500)
    rng = np.random.default_rng(3)
    values = rng.normal(size=5_000)
    frame = pl.DataFrame({"a": values, "b": values + rng.normal(size=5_000), "y": (values > 0).astype(int)})
    found, page, _ = understood(frame, label="y")
    assert (found.n_rows, found.n_sampled, found.correlations.n_rows) == (5_000, 1_000, 500)
    assert found.columns[0].missing.of == 5_000
    assert "1,000 rows, drawn at random" in page
    assert found.associations["a"].figure.value > 0.97


def test_columns_are_read_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(limits, "CELLS", 250)
    rng = np.random.default_rng(4)
    frame = pl.DataFrame({f"c{number}": rng.integers(0, 9, 100) for number in range(11)})
    few = understood(frame, Source(key=("c3",)))
    monkeypatch.setattr(limits, "CELLS", 10**9)
    assert few[1:] == understood(frame, Source(key=("c3",)))[1:]


def test_telco_charges_are_text_that_holds_numbers(assay_data):
    frame = pl.read_csv(assay_data / "telco_churn" / "Telco-Customer-Churn.csv", infer_schema_length=None)
    found, page, _ = understood(
        frame,
        Source(key=("customerID",), origin="third-party, IBM", collected="simulation"),
        label="Churn",
        positive="Yes",
    )
    charges = next(one for one in found.columns if one.name == "TotalCharges")
    assert (charges.kind, charges.dtype, charges.missing.blank) == ("number", "String", 11)
    ranked = sorted(found.associations, key=lambda name: -found.associations[name].strength)
    assert set(ranked[:2]) == {"Contract", "tenure"}
    assert found.provenance.to_json() == {"origin": "third-party, IBM", "party": "third", "collected": "simulation"}
    assert not any("declared" in one.what for one in found.findings)
    assert "7590-VHVEG" not in page  # a customer's number is no value to show
