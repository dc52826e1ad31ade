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


@pytest.mark.parametrize(("history", "n_rows"), [(timedelta(days=20), 5), (7, 7), (timedelta(days=500), 20), (50, 20)])
def test_as_much_of_each_entity_as_the_history_reaches_counted_from_its_own_newest_row(frame, history, n_rows):
    past = Past(frame.lazy(), by="customer_id", history=history)
    rows = past.rows_of(["c3", "c1"])
    assert rows.group_by("customer_id").len().sort("customer_id").rows() == [("c1", n_rows), ("c3", n_rows)]
    mine = frame.filter(pl.col("customer_id") == "c3").head(n_rows)
    assert rows.filter(pl.col("customer_id") == "c3").equals(mine)


def test_unknown_entities_and_an_unread_source_have_no_past(frame):
    assert Past(frame.lazy(), by="customer_id", history=5).rows_of(["nobody"]) is None
    assert Past(None, by="customer_id", history=5).rows_of(["c1"]) is None


def test_what_makes_room_is_read_again_and_memory_stays_bounded(frame):
    past = Past(frame.lazy(), by="customer_id", history=50, kept_rows=45)
    first = past.rows_of(["c0"])
    for number in range(5):
        past.rows_of([f"c{number}"])
        assert past._n_rows <= 45
    assert past.rows_of(["c0"]).equals(first)


def test_a_source_with_keys_that_are_numbers_is_found_by_their_text(frame):
    numbered = frame.with_columns(customer_id=pl.col("customer_id").str.slice(1).cast(pl.Int32))
    assert Past(numbered.lazy(), by="customer_id", history=3).rows_of(["4"]).height == 3
