"""Which source rows a feature row came from, and which feature rows source rows have a part in."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.features import materialize
from assay.features.definitions import feature_view
from assay.features.provenance import TOUCHED, marked_rows, ranges, source_rows_of

START = datetime(2024, 1, 1, tzinfo=UTC)


def row_of(view, sources, team, place=-1):
    """A stored feature row of one team: its time and values."""
    rows = materialize.compute(view, sources).filter(pl.col(view.entity) == team)
    row = rows.row(place, named=True)
    return row["known_at"], {name: row[name] for name in view.features}


@pytest.mark.parametrize("place", [0, 1, 7, -1])
def test_a_mean_of_two_games_came_from_those_two_games(league, games, place):
    view, sources = league.form_view(), {"games": games.lazy()}
    known_at, values = row_of(view, sources, "bees", place)
    (found,) = source_rows_of(view, sources, entity="bees", known_at=known_at, values=values)
    played = games.with_row_index("n").filter((pl.col("team") == "bees") & (pl.col("known_at") <= known_at))
    assert found.is_proven
    assert list(found.rows) == played["n"].tail(2).to_list()
    assert found.columns == ("team",)
    assert (found.first_known, found.last_known) == (played["known_at"].tail(2).min(), known_at)
    assert found.of == games.height


def test_the_rows_found_give_the_row_again_and_one_fewer_does_not(league, games):
    view, sources = league.form_view(more=True), {"games": games.lazy()}
    known_at, values = row_of(view, sources, "cats")
    (found,) = source_rows_of(view, sources, entity="cats", known_at=known_at, values=values)
    for rows, same in ((found.rows, True), (found.rows[1:], False)):
        part = games[list(rows)].lazy()
        assert (row_of(view, {"games": part}, "cats") == (known_at, values)) is same


def test_rows_of_other_entities_are_kept_where_they_count(league, games):
    @feature_view(entity="team", source="games", features={"team_points_all_rank": "Rank among all so far"})
    def ranked(games):
        everybody = pl.col("points").cum_sum() - pl.col("points").cum_sum().over("team")
        return games.select("team", "known_at", team_points_all_rank=everybody)

    sources = {"games": games.lazy()}
    known_at, values = row_of(ranked, sources, "dogs", 3)
    (found,) = source_rows_of(ranked, sources, entity="dogs", known_at=known_at, values=values)
    assert found.is_proven
    assert found.columns == ()
    assert set(games[list(found.rows)]["team"]) > {"dogs"}


def test_a_key_made_of_two_is_found_in_rows_that_hold_both(games):
    @feature_view(entity="pair", source="games", features={"pair_points_all_sum": "Points of both so far"})
    def paired(games):
        pair = pl.concat_str(pl.min_horizontal("team", "other"), pl.max_horizontal("team", "other"), separator="|")
        rows = games.filter("at_home").with_columns(pair=pair)
        return rows.select("known_at", "pair", pair_points_all_sum=pl.col("points").cum_sum().over("pair"))

    sources = {"games": games.lazy()}
    known_at, values = row_of(paired, sources, "ants|bees")
    (found,) = source_rows_of(paired, sources, entity="ants|bees", known_at=known_at, values=values)
    assert found.is_proven
    assert set(found.keys) == {"ants", "bees"}
    assert set(found.columns) == {"team", "other"}
    both = pl.col("team").is_in(["ants", "bees"]) & pl.col("other").is_in(["ants", "bees"])
    assert list(found.rows) == games.with_row_index("n").filter(both)["n"].to_list()


def test_values_that_cannot_be_computed_again_leave_all_rows_known_by_then_unproven(league, games):
    view, sources = league.form_view(), {"games": games.lazy()}
    known_at, values = row_of(view, sources, "bees", 4)
    other = {**values, "team_points_2g_mean": -1.0}
    (found,) = source_rows_of(view, sources, entity="bees", known_at=known_at, values=other)
    assert not found.is_proven
    assert len(found.rows) == games.filter(pl.col("known_at") <= known_at).height


def test_a_definition_that_is_no_longer_the_same_proves_nothing(league, games):
    view, sources = league.form_view(), {"games": games.lazy()}
    known_at, values = row_of(view, sources, "bees", 4)
    (found,) = source_rows_of(view, sources, entity="bees", known_at=known_at, values=values, is_same=False)
    assert not found.is_proven
    assert len(found.rows) == games.filter(pl.col("known_at") <= known_at).height


def test_a_view_without_time_came_from_the_row_of_its_entity(league):
    cities = pl.LazyFrame({"team": ["ants", "bees"], "city": ["Rome", "Oslo"]})
    view = league.city_view()
    (found,) = source_rows_of(view, {"cities": cities}, entity="bees", known_at=None, values={"team_city": "Oslo"})
    assert (found.rows, found.is_proven, found.first_known) == ((1,), True, None)


def test_rows_that_came_after_the_run_are_never_among_them(league, games):
    view, as_of = league.form_view(), league.start + timedelta(days=5)
    known_at, values = row_of(view, {"games": games.filter(pl.col("known_at") < as_of).lazy()}, "ants")
    (found,) = source_rows_of(
        view, {"games": games.lazy()}, entity="ants", known_at=known_at, values=values, as_of=as_of
    )
    assert found.is_proven
    assert found.last_known < as_of


@settings(max_examples=30, deadline=None)
@given(keys=st.lists(st.integers(1, 3), min_size=1, max_size=12), window=st.integers(1, 4), data=st.data())
def test_what_is_returned_as_proven_always_gives_the_values_again(keys, window, data):
    @feature_view(entity="shop", source="sales", features={"shop_sold_n_sum": "Sold lately"})
    def sold(sales):
        amount = pl.col("amount").rolling_sum(window, min_samples=1).over("shop_id")
        return sales.select("known_at", shop="shop_id", shop_sold_n_sum=amount)

    amounts = data.draw(st.lists(st.floats(-1e3, 1e3), min_size=len(keys), max_size=len(keys)))
    sales = pl.DataFrame({"shop_id": keys, "amount": amounts}).with_columns(
        known_at=pl.Series([START + timedelta(hours=n) for n in range(len(keys))]).cast(pl.Datetime("us", "UTC"))
    )
    sources = {"sales": sales.lazy()}
    known_at, values = row_of(sold, sources, keys[-1])
    (found,) = source_rows_of(sold, sources, entity=keys[-1], known_at=known_at, values=values)
    again = row_of(sold, {"sales": sales[list(found.rows)].lazy()}, keys[-1])
    assert found.is_proven
    assert again[1]["shop_sold_n_sum"] == pytest.approx(values["shop_sold_n_sum"], rel=1e-8, abs=1e-8)
    assert len(found.rows) <= min(window, keys.count(keys[-1]))


def test_feature_rows_that_a_source_row_has_a_part_in_are_found_by_leaving_it_out(league, games):
    view, sources = league.form_view(), {"games": games.lazy()}
    numbered = games.with_row_index("n").filter(pl.col("team") == "bees")
    bad = numbered.row(6, named=True)
    without = {"games": games.with_row_index("n").filter(pl.col("n") != bad["n"]).drop("n").lazy()}
    marked = marked_rows(view, sources, without=without)
    assert marked.height == games.height
    changed = marked.filter(TOUCHED).drop(TOUCHED)
    # the row of the game itself is gone, the one after it is a mean of other games; no other row knows of it
    assert changed.rows() == [("bees", bad["known_at"]), ("bees", numbered.row(7, named=True)["known_at"])]


def test_nothing_changes_where_nothing_is_left_out(league, games):
    sources = {"games": games.lazy()}
    assert not marked_rows(league.form_view(), sources, without=sources)[TOUCHED].any()


@given(st.sets(st.integers(0, 60)))
def test_ranges_hold_the_numbers_and_no_others(numbers):
    found = ranges(sorted(numbers))
    assert [n for first, last in found for n in range(first, last + 1)] == sorted(numbers)
    assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(found))
