"""Profiles: bins by hand, missing values and new categories told apart, parts that merge to the whole."""

import json
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import DataError
from assay.monitoring.columns import MAX_CATEGORIES, MAX_NEW_CATEGORIES, CategorySummary, NumberSummary
from assay.monitoring.histograms import MISSING, NEW, OTHER, histograms
from assay.monitoring.summaries import Profile, merged, profile

number = st.one_of(st.none(), st.floats(-100, 100), st.sampled_from([float("nan"), float("inf"), 0.0, 7.0]))
text = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "d", "new", "newer"]))
rows_of = st.lists(st.tuples(number, text, st.one_of(st.none(), st.booleans())), max_size=40)


def frame(rows) -> pl.DataFrame:
    schema = {"x": pl.Float64, "c": pl.String, "flag": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row", strict=False)


@settings(deadline=None)
@given(reference=rows_of.filter(len), parts=st.lists(rows_of, min_size=3, max_size=3))
def test_profiles_of_parts_merge_in_any_order_to_the_profile_of_the_whole(reference, parts):
    like = profile(frame(reference), scores=np.linspace(0, 1, len(reference)))
    one, two, three = (profile(frame(part), scores=np.full(len(part), 0.3), like=like) for part in parts)
    joined = [row for part in parts for row in part]
    whole = profile(frame(joined), scores=np.full(len(joined), 0.3), like=like)
    assert merged([one, two, three]) == whole
    assert three.merge(two.merge(one)) == whole


@settings(deadline=None)
@given(reference=rows_of.filter(len), current=rows_of)
def test_profiles_survive_json_and_count_every_row_once(reference, current):
    first = profile(frame(reference), scores=np.zeros(len(reference)))
    second = profile(frame(current), like=first)
    for found in (first, second):
        assert Profile.from_json(json.loads(json.dumps(found.to_json()))) == found
        assert all(summary.n == found.n for summary in found.columns.values())


def test_deciles_of_a_hundred_numbers_hold_ten_each():
    summary = profile(pl.DataFrame({"x": range(100)})).columns["x"]
    assert isinstance(summary, NumberSummary)
    assert summary.edges == (10, 20, 30, 40, 50, 60, 70, 80, 90)
    assert summary.counts == (10,) * 10
    again = profile(pl.DataFrame({"x": [-5, 0, 9, 10, 99, 500]}), like=profile(pl.DataFrame({"x": range(100)})))
    assert again.columns["x"].counts == (3, 1, 0, 0, 0, 0, 0, 0, 0, 2)


def test_a_value_that_most_rows_share_has_a_bin_of_its_own():
    reference = profile(pl.DataFrame({"x": [0.0] * 95 + [1.0, 2.0, 3.0, 4.0, 5.0]}))
    summary = reference.columns["x"]
    assert summary.counts[0] == 95
    now = profile(pl.DataFrame({"x": [0.001] * 10}), like=reference).columns["x"]
    assert now.counts[0] == 0
    assert histograms(summary, now).bins == ("up to 0", "above 0", MISSING)


def test_values_between_the_few_that_training_had_fall_into_bins_of_their_own():
    summary = profile(pl.DataFrame({"x": [1, 2, 3] * 20})).columns["x"]
    assert summary.counts == (20, 0, 20, 0, 20, 0)
    now = profile(pl.DataFrame({"x": [1.5, 2, 2, 9]}), like=profile(pl.DataFrame({"x": [1, 2, 3] * 20}))).columns["x"]
    assert now.counts == (0, 1, 2, 0, 0, 1)
    assert histograms(summary, now).bins == ("up to 1", "1 to 2", "2", "2 to 3", "3", "above 3", MISSING)


def test_null_nan_and_infinity_are_missing():
    summary = profile(pl.DataFrame({"x": [1.0, None, float("nan"), float("inf"), -float("inf")]})).columns["x"]
    assert (summary.n_missing, sum(summary.counts)) == (4, 1)


def test_a_column_that_is_gone_or_unreadable_is_missing_in_every_row():
    reference = profile(pl.DataFrame({"x": [1.0, 2.0], "c": ["a", "b"]}))
    current = profile(pl.DataFrame({"x": ["one", "2"]}), like=reference)
    assert current.columns["x"].n_missing == 1
    assert current.columns["c"].n_missing == 2


def test_categories_unseen_at_training_are_new_and_named():
    reference = profile(pl.DataFrame({"c": ["a", "a", "b", None]}))
    current = profile(pl.DataFrame({"c": ["a", "z", "z", "y", None]}), like=reference).columns["c"]
    assert isinstance(current, CategorySummary)
    assert (current.counts, current.n_new, dict(current.new), current.n_missing) == ((1, 0), 3, {"y": 1, "z": 2}, 1)
    both = histograms(reference.columns["c"], current)
    assert both.bins == ("a", "b", OTHER, NEW, MISSING)
    assert both.reference.tolist() == [2, 1, 0, 0, 1]
    assert both.current.tolist() == [1, 0, 0, 3, 1]


def test_beyond_the_named_categories_old_and_new_cannot_be_told_apart():
    names = [f"c{number:03}" for number in range(MAX_CATEGORIES + 45)]
    reference = profile(pl.DataFrame({"c": names}))
    summary = reference.columns["c"]
    assert (len(summary.categories), summary.n_rest, summary.complete) == (MAX_CATEGORIES, 45, False)
    current = profile(pl.DataFrame({"c": [names[-1], "never seen"]}), like=reference).columns["c"]
    assert (current.n_rest, current.n_new) == (2, 0)


def test_the_names_of_new_categories_are_bounded_and_their_rows_all_counted():
    reference = profile(pl.DataFrame({"c": ["a"]}))
    many = [f"n{number:04}" for number in range(500)]
    halves = [profile(pl.DataFrame({"c": many[start::2]}), like=reference) for start in (0, 1)]
    summary = merged(halves).columns["c"]
    assert (summary.n_new, sorted(summary.new)) == (500, many[:MAX_NEW_CATEGORIES])
    assert merged(halves) == profile(pl.DataFrame({"c": many}), like=reference)


def test_flags_are_categories_and_times_are_numbers():
    found = profile(pl.DataFrame({"f": [True, None], "t": [datetime(2026, 11, 21, tzinfo=UTC)] * 2}))
    assert found.columns["f"].categories == ("true",)
    assert isinstance(found.columns["t"], NumberSummary)
    again = profile(pl.DataFrame({"f": [False, True], "t": [None, None]}), like=found)
    assert again.columns["f"].n_new == 1
    with pytest.raises(DataError, match="'l' is List"):
        profile(pl.DataFrame({"l": [[1]]}))


def test_profiles_over_different_bins_do_not_merge():
    one, other = (profile(pl.DataFrame({"x": values})) for values in ([1.0, 2.0], [3.0, 4.0, 5.0]))
    with pytest.raises(DataError, match="different bins"):
        one.merge(other)
    with pytest.raises(DataError, match="differ in"):
        one.merge(profile(pl.DataFrame({"y": [1.0]})))
    with pytest.raises(DataError, match="differ in \\['scores'\\]"):
        one.merge(profile(pl.DataFrame({"x": [1.0, 2.0]}), scores=[0.1, 0.2]))


def test_scores_must_be_as_many_as_rows_and_formats_known():
    with pytest.raises(DataError, match="1 scores for 2 rows"):
        profile(pl.DataFrame({"x": [1, 2]}), scores=[0.5])
    with pytest.raises(DataError, match="format 99"):
        Profile.from_json({"format": 99})


def test_an_empty_frame_has_a_profile():
    empty = profile(pl.DataFrame({"x": [], "c": []}, schema={"x": pl.Float64, "c": pl.String}))
    assert (empty.n, empty.columns["x"].n, empty.columns["c"].n) == (0, 0, 0)
