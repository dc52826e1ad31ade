"""Truth: what another source says is right is counted key by key and cell by cell, and costs accuracy."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config.settings import Source, Truth
from assay.data import dimensions, expectations, quality, truth
from assay.errors import ConfigError

DECLARED = Truth(source="ledger", key=("order",), columns={"order": "id", "amount": "total"}, tolerance=0.01)
ORDERS = pl.LazyFrame({"order": [1, 2, 3, 4, 5], "amount": [10.0, 20.0, 30.0, None, 50.0]})
LEDGER = pl.LazyFrame({"id": ["1", "2", " 3", "4", "6"], "total": [10.01, 20.5, 30.0, None, 60.0]})


def test_missing_keys_and_disagreeing_cells_are_those_counted_by_hand():
    found = truth.reconcile("orders", ORDERS, LEDGER, DECLARED)
    # orders 1 to 4 are in both; only order 2 differs by more than a cent; 5 is not there, 6 is not here
    assert (found.n_rules, found.n_compared) == (3, 4)
    assert found.disagreeing == pytest.approx(1 / 4)
    assert found.missing == pytest.approx(2 / 6)
    counts = {(one.column, one.rule): one.count for one in found.failures}
    assert counts == {
        (None, "every key is known to 'ledger'"): 1,
        (None, "every key of 'ledger' is here"): 1,
        ("amount", "agrees with 'ledger'"): 1,
    }
    (example,) = found.failures[2].examples
    assert example == {"order": "2", "amount": 20.0, "truth of amount": 20.5}


def test_disagreement_fails_the_expectations_and_costs_accuracy_what_a_sum_by_hand_says():
    source = Source(path="x.csv", truth=DECLARED)
    found = expectations.check("orders", ORDERS, source, truth=LEDGER)
    assert found.verdict == "fail"
    assert len(expectations.refusals(found)) == 3
    assert "'amount' agrees with 'ledger': 1 rows (16.7%) do not, such as order '2'" in expectations.refusals(found)[2]
    frames = {"orders": ORDERS, "ledger": LEDGER}
    declared = {"orders": source, "ledger": Source(path="y.csv")}
    now = datetime(2026, 11, 21, tzinfo=UTC)
    scored = quality.assess(frames, declared, labels=None, now=now, minimum=0)
    figures = scored.figures["dimensions"]["accuracy"]["figures"]["orders"]
    assert figures["truth"] == {"missing": pytest.approx(2 / 6), "disagreeing": pytest.approx(1 / 4)}
    assert figures["score"] == 0  # far more than one in ten


def test_one_cell_in_a_hundred_costs_a_tenth_of_the_accuracy():
    orders = pl.LazyFrame({"order": range(100), "amount": range(100)})
    ledger = orders.select(id="order", total=pl.when(pl.col("order") == 7).then(-1).otherwise("amount"))
    found = truth.reconcile("orders", orders, ledger, DECLARED)
    shares = {"missing": found.missing, "disagreeing": found.disagreeing}
    # 1 of 100 cells, of the 10 in 100 that leave nothing: 5 * (1 - 0.1)
    assert dimensions.accuracy(100, 3, found.failures, shares).score == pytest.approx(4.5)


def test_only_the_stretch_of_time_that_both_reach_is_compared():
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 6)]
    orders = pl.LazyFrame({"order": range(5), "amount": [1.0] * 5, "event_time": days})
    late = orders.select("event_time", id="order", total="amount").head(3)
    assert truth.reconcile("orders", orders, late, DECLARED).failures == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"key": ("oder",)}, r"truth\.key: .* 'oder'; did you mean 'order'"),
        ({"columns": {"amount": "totl"}}, "'total'"),
    ],
)
def test_a_column_that_is_not_there_is_named(changed, said):
    with pytest.raises(ConfigError, match=said):
        truth.reconcile("orders", ORDERS, LEDGER, DECLARED.model_copy(update=changed))


@settings(deadline=None, max_examples=30)
@given(st.dictionaries(st.integers(0, 30), st.none() | st.integers(-3, 3)), st.randoms(use_true_random=False))
def test_a_source_agrees_with_itself_in_any_order(cells, random):
    rows = [{"order": key, "amount": value} for key, value in cells.items()]
    frame = pl.LazyFrame(rows, schema={"order": pl.Int64, "amount": pl.Int64})
    random.shuffle(rows)
    other = pl.LazyFrame(rows, schema={"order": pl.Int64, "amount": pl.Int64}).rename(
        {"order": "id", "amount": "total"}
    )
    assert truth.reconcile("orders", frame, other, DECLARED).failures == []
