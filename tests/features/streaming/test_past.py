"""The past of entities: only what the history reaches, in the order of the source, within bounded memory."""

from datetime import timedelta

import polars as pl
import pytest
from tests.features.streaming.streams import event, source_frame

from assay.features.streaming.past import Past


@pytest.fixture
def frame():
    events = [event(number, f"c{number % 5}", 24 * (100 - number), float(number)) for number in range(100)]
    return source_frame(events)  # newest first


@pytest.mark.parametrize("most_cells", [0, 10_000], ids=["looked up", "held whole"])
@pytest.mark.parametrize(("history", "n_rows"), [(timedelta(days=20), 5), (7, 7), (timedelta(days=500), 20), (50, 20)])
def test_as_much_of_each_entity_as_the_history_reaches_counted_from_its_newest_row(frame, history, n_rows, most_cells):
    past = Past(frame.lazy(), by="customer_id", history=history, most_cells=most_cells)
    rows = past.rows_of(["c3", "c1"])
    assert rows.group_by("customer_id").len().sort("customer_id").rows() == [("c1", n_rows), ("c3", n_rows)]
    mine = frame.filter(pl.col("customer_id") == "c3").head(n_rows)
    assert rows.filter(pl.col("customer_id") == "c3").equals(mine)


@pytest.mark.parametrize("most_cells", [0, 10_000], ids=["looked up", "held whole"])
def test_rows_without_a_key_or_a_time_are_nobodys(frame, most_cells):
    holes = frame.with_columns(
        customer_id=pl.when(pl.int_range(pl.len()) % 3 > 0).then("customer_id"),
        known_at=pl.when(pl.int_range(pl.len()) % 7 > 0).then("known_at"),
    )
    past = Past(holes.lazy(), by="customer_id", history=1_000, most_cells=most_cells)
    rows = past.rows_of(["c0", "c1", "c2", "c3", "c4", "nobody"])
    expected = holes.drop_nulls(["customer_id", "known_at"]).sort("customer_id", maintain_order=True)
    assert rows.equals(expected)


def test_unknown_entities_and_an_unread_source_have_no_past(frame):
    assert Past(frame.lazy(), by="customer_id", history=5).rows_of(["nobody"]) is None
    assert Past(None, by="customer_id", history=5).rows_of(["c1"]) is None


def test_what_makes_room_is_read_again_and_memory_stays_bounded(frame):
    past = Past(frame.lazy(), by="customer_id", history=50, most_cells=0, kept_rows=45)
    first = past.rows_of(["c0"])
    for number in range(5):
        past.rows_of([f"c{number}"])
        assert past._n_rows <= 45
    assert past.rows_of(["c0"]).equals(first)


def test_a_source_with_keys_that_are_numbers_is_found_by_their_text(frame):
    numbered = frame.with_columns(customer_id=pl.col("customer_id").str.slice(1).cast(pl.Int32))
    assert Past(numbered.lazy(), by="customer_id", history=3).rows_of(["4"]).height == 3
