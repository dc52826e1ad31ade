"""The point-in-time join against a reference in plain Python, on every path: ties, nulls, ttl, order, types."""

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import DataError
from assay.features import point_in_time
from assay.features.point_in_time import SortedRows, join, join_timeless

START = datetime(1969, 12, 31, 23, 59, 58, tzinfo=UTC)  # times around 1970: negative and positive counts of seconds
INSTANT = pl.Datetime("us", "UTC")

# PF-7: one fixture for every engine; ties, nulls, an unknown entity and equal moments in it
LABELS = pl.DataFrame(
    {
        "id": [0, 1, 2, 3, 4, 5, 6],
        "who": ["a", "b", None, "a", "unknown", "a", "a"],
        "time": [5, 3, 3, 3, 9, None, 2],
    },
    schema_overrides={"time": pl.Int64},
)
ROWS = pl.DataFrame(
    {
        "team": ["a", "a", "b", "a", None, "a", "a", "b"],
        "known_at": [1, 3, 3, 3, 1, None, 4, 2],
        "value": [10, 30, 99, 31, 7, 8, None, 20],
    }
)
EXPECTED = [None, 20, None, 10, None, None, 10]


def seconds(frame, column):
    return frame.with_columns((pl.lit(START).cast(INSTANT) + pl.duration(seconds=pl.col(column))).alias(column))


def every_path(rows):
    """The same rows as each path of the join takes them: unsorted, and sorted."""
    in_order = rows.drop_nulls(["team", "known_at"]).sort("team", "known_at", maintain_order=True)
    return [rows.lazy(), SortedRows(in_order.lazy())]


def reference(labels, rows, ttl):
    """For each label, walk all rows in stored order and keep the newest that was known strictly before."""
    answers = []
    for who, time in labels:
        best = None
        for at, (team, known_at, _) in enumerate(rows):
            if None in (who, time, team, known_at) or team != who or known_at >= time:
                continue
            if best is None or known_at >= rows[best][1]:
                best = at
        too_old = best is not None and ttl is not None and time - rows[best][1] > ttl
        answers.append(None if best is None or too_old else rows[best][2])
    return answers


@pytest.mark.parametrize("path", [0, 1])
def test_ties_nulls_and_equal_moments_by_hand(path):
    given_rows = every_path(seconds(ROWS, "known_at"))[path]
    labels = seconds(LABELS, "time")
    joined = join(labels, given_rows, entity_column="who", entity="team", time="time", prefix="p_")
    assert joined["p_value"].to_list() == EXPECTED
    assert joined.drop("p_value").equals(labels)


keys = st.sampled_from(["a", "b", None])
moments = st.one_of(st.none(), st.integers(0, 6))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    labels=st.lists(st.tuples(keys, moments), max_size=12),
    rows=st.lists(st.tuples(keys, moments, st.one_of(st.none(), st.integers(0, 99))), max_size=25),
    ttl=st.one_of(st.none(), st.integers(0, 5)),
    batch_cells=st.sampled_from([1, 9, 1_000]),
)
def test_it_agrees_with_a_walk_over_all_rows(monkeypatch, labels, rows, ttl, batch_cells):
    monkeypatch.setattr(point_in_time, "CELLS_AT_ONCE", batch_cells)  # batches that cut entities and ties in two
    label_frame = seconds(
        pl.DataFrame(labels, schema={"who": pl.String, "time": pl.Int64}, orient="row"), "time"
    ).with_row_index("id")
    row_frame = seconds(
        pl.DataFrame(rows, schema={"team": pl.String, "known_at": pl.Int64, "value": pl.Int64}, orient="row"),
        "known_at",
    )
    expected = reference(labels, rows, ttl)
    age = None if ttl is None else timedelta(seconds=ttl)
    for given_rows in every_path(row_frame):
        joined = join(label_frame, given_rows, entity_column="who", entity="team", time="time", ttl=age)
        assert joined["value"].to_list() == expected
        assert joined["id"].to_list() == list(range(len(labels)))


def test_a_large_join_agrees_with_a_search_in_sorted_lists(monkeypatch):
    monkeypatch.setattr(point_in_time, "CELLS_AT_ONCE", 100_000)
    # many batches and several of the engine's morsels; 2,000 moments for 300,000 rows make most of them ties
    rng = np.random.default_rng(7)
    rows = pl.DataFrame(
        {"team": rng.integers(0, 40, 300_000), "known_at": rng.integers(0, 2_000, 300_000), "value": range(300_000)}
    )
    labels = pl.DataFrame({"who": rng.integers(0, 41, 20_000), "time": rng.integers(0, 2_100, 20_000)})
    last: dict[int, dict[int, int]] = {}
    for team, known_at, value in rows.iter_rows():
        last.setdefault(team, {})[known_at] = value
    moments = {team: sorted(by_moment) for team, by_moment in last.items()}

    def found(who, time):
        place = bisect_left(moments.get(who, []), time)
        return last[who][moments[who][place - 1]] if place else None

    expected = [found(who, time) for who, time in labels.iter_rows()]
    timed = seconds(rows, "known_at")
    for given_rows in every_path(timed):
        joined = join(seconds(labels, "time"), given_rows, entity_column="who", entity="team", time="time")
        assert joined["value"].to_list() == expected


def test_a_broken_promise_of_order_is_found_and_mended():
    rows = seconds(pl.DataFrame({"team": ["a", "b", "a"], "known_at": [1, 5, 7], "value": [1, 2, 3]}), "known_at")
    labels = seconds(pl.DataFrame({"who": ["a", "b", "b"], "time": [10, 10, 20]}), "time")
    joined = join(labels, SortedRows(rows.lazy()), entity_column="who", entity="team", time="time")
    assert joined["value"].to_list() == [3, 2, 2]


def test_no_label_and_no_row_still_give_the_columns():
    rows, labels = seconds(ROWS, "known_at"), seconds(LABELS, "time")
    options = {"entity_column": "who", "entity": "team", "time": "time"}
    assert join(labels.clear(), rows.lazy(), **options).columns == ["id", "who", "time", "value"]
    alone = join(labels, rows.clear().lazy(), **options)
    assert alone["value"].null_count() == alone.height == labels.height
    assert join(labels, rows.select("team", "known_at").lazy(), **options).equals(labels)


def test_dates_naive_times_and_other_zones_meet_in_utc():
    rows = pl.DataFrame({"team": ["a"], "known_at": [datetime(2020, 1, 1, 23, tzinfo=UTC)], "value": [1]}).lazy()
    options = {"entity_column": "who", "entity": "team", "time": "time"}
    labels = pl.DataFrame({"who": ["a", "a"], "time": [date(2020, 1, 1), date(2020, 1, 2)]})
    assert join(labels, rows, **options)["value"].to_list() == [None, 1]
    moments = [datetime(2020, 1, 1, 23, 0, second, tzinfo=UTC) for second in (0, 1)]
    naive = pl.DataFrame({"who": ["a", "a"], "time": moments}).with_columns(pl.col("time").dt.replace_time_zone(None))
    assert join(naive, rows, **options)["value"].to_list() == [None, 1]
    berlin = naive.with_columns(pl.col("time").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin"))
    assert join(berlin, rows, **options)["value"].to_list() == [None, 1]
    assert join(berlin.with_columns(pl.col("time").cast(pl.Datetime("ms", "Europe/Berlin"))), rows, **options)[
        "value"
    ].to_list() == [None, 1]


def test_keys_of_like_kinds_match():
    rows = pl.DataFrame({"team": [1], "known_at": [START], "value": [1]}, schema_overrides={"team": pl.Int32}).lazy()
    labels = pl.DataFrame({"who": [1, 2**40], "time": [START + timedelta(1)] * 2})
    assert join(labels, rows, entity_column="who", entity="team", time="time")["value"].to_list() == [1, None]
    categories = pl.DataFrame({"who": ["x", "a"], "time": [START] * 2}, schema_overrides={"who": pl.Categorical})
    text = pl.DataFrame({"team": ["a"], "known_at": [START - timedelta(1)], "value": [1]}).lazy()
    assert join(categories, text, entity_column="who", entity="team", time="time")["value"].to_list() == [None, 1]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"who": ["a"]}, "labels have no column 'time'"),
        ({"who": ["a"], "time": ["2020-01-01"]}, "'time' is String"),
        ({"who": [1], "time": [START]}, "keys must be of one type"),
        ({"who": [1.0], "time": [START]}, "keys must be of one type"),
        ({"who": ["a"], "time": [START], "value": [0]}, r"already have \['value'\]"),
    ],
)
def test_what_cannot_be_joined_is_refused(labels, said):
    with pytest.raises(DataError, match=said):
        join(pl.DataFrame(labels), seconds(ROWS, "known_at").lazy(), entity_column="who", entity="team", time="time")


def test_an_age_beyond_all_bounds_is_any_age():
    labels, given = seconds(LABELS, "time"), {"entity_column": "who", "entity": "team", "time": "time"}
    for rows in every_path(seconds(ROWS, "known_at")):
        assert join(labels, rows, **given, ttl=timedelta.max).equals(join(labels, rows, **given))


def test_a_key_that_no_row_can_have_finds_none():
    rows = pl.DataFrame({"team": [1], "known_at": [START], "value": [7]}).lazy()
    unsigned = pl.Series("who", [1, 2**64 - 1], dtype=pl.UInt64)
    labels = pl.DataFrame({"who": unsigned, "time": [START + timedelta(1)] * 2})
    assert join(labels, rows, entity_column="who", entity="team", time="time")["value"].to_list() == [7, None]
    timeless = join_timeless(labels, rows.drop("known_at"), entity_column="who", entity="team")
    assert timeless["value"].to_list() == [7, None]


def test_attributes_without_time_join_by_key_alone():
    rows = pl.LazyFrame({"team": ["a", None, "a"], "city": ["x", "y", "z"]})
    joined = join_timeless(LABELS, rows, entity_column="who", entity="team", prefix="home_")
    assert joined["home_city"].to_list() == ["z", None, None, "z", None, "z", "z"]
    assert joined.drop("home_city").equals(LABELS)


def test_every_label_of_a_large_set_is_kept_with_or_without_a_row():
    # PF-25: another store's local join dropped 1,006 of 100,000 labels
    labels = pl.DataFrame({"who": range(100_000), "time": [START] * 100_000}).sample(fraction=1.0, shuffle=True, seed=1)
    rows = pl.DataFrame({"team": range(0, 100_000, 3), "value": range(0, 100_000, 3)})
    rows = rows.with_columns(known_at=pl.lit(START - timedelta(1)).cast(INSTANT))
    joined = join(labels, rows.lazy(), entity_column="who", entity="team", time="time")
    assert joined["who"].equals(labels["who"])
    expected = joined.select(pl.when(pl.col("who") % 3 == 0).then("who").alias("value"))["value"]
    assert joined["value"].equals(expected)
