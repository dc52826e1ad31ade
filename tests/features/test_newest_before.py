"""The search behind the point-in-time join, against looking at every row."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from assay.features.newest_before import newest_before

INSTANT = pl.Datetime("us", "UTC")
DISTANT = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
MOMENTS = st.one_of(
    st.integers(0, 12).map(lambda hour: datetime(2020, 1, 1, hour, tzinfo=UTC)), st.sampled_from(DISTANT)
)
PAIRS = st.lists(st.tuples(st.sampled_from(["", "ants", "bees", "ünï", "zz"]), MOMENTS), max_size=30)


def frames(labels, rows):
    return (
        pl.DataFrame(labels, schema={"__entity": pl.String, "__time": INSTANT}, orient="row"),
        pl.DataFrame(rows, schema={"__entity": pl.String, "__known_at": INSTANT}, orient="row"),
    )


def looked_up(label, rows, ttl):
    """The last of the rows that count, by the rules as they are written down."""
    entity, time = label
    counts = [
        number
        for number, (of, known_at) in enumerate(rows)
        if of == entity and known_at < time and (ttl is None or time - known_at <= ttl)
    ]
    return counts[-1] if counts else -1


@given(labels=PAIRS, rows=PAIRS, ttl=st.one_of(st.none(), st.integers(0, 6).map(lambda hours: timedelta(hours=hours))))
def test_finds_what_looking_at_every_row_finds(labels, rows, ttl):
    rows = sorted(rows)
    found = newest_before(*frames(labels, rows), ttl=ttl)
    assert found is not None
    assert found.tolist() == [looked_up(label, rows, ttl) for label in labels]


def test_more_entities_and_moments_than_one_number_holds_are_told_apart():
    # 9,999 years of microseconds take 59 bits, and 40 entities 6 more
    rows = sorted((f"t{number:02d}", moment) for number in range(40) for moment in DISTANT)
    labels = [(f"t{number:02d}", datetime(2020, 1, 1, tzinfo=UTC)) for number in range(40)]
    found = newest_before(*frames(labels, rows))
    assert found is not None
    assert found.tolist() == [2 * number for number in range(40)]


def test_rows_out_of_order_or_with_nulls_are_not_searched():
    early, late = DISTANT
    labels, rows = frames([("ants", late)], [("ants", late), ("ants", early)])
    assert newest_before(labels, rows) is None
    assert newest_before(labels, frames([], [("bees", early), ("ants", early)])[1]) is None
    assert newest_before(labels, frames([], [(None, early), ("ants", early)])[1]) is None
