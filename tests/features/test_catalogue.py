"""The catalogue: every feature with its documentation, found by any of its words."""

import pytest

from assay.errors import NotFound
from assay.features.catalogue import entries, search, show


def test_each_feature_is_listed_with_who_what_and_where(definitions):
    import polars as pl

    listed = entries(definitions, types={"team_form": {"team_points_2g_mean": pl.Float64()}}, owner="analytics")
    assert [entry.name for entry in listed] == [
        "team_points_2g_mean", "team_last_time", "team_city", "home_rest_days", "points_gap",
    ]  # fmt: skip
    first = listed[0]
    assert (first.view, first.entity, first.data_type, first.sources) == ("team_form", "team", "Float64", ("games",))
    assert (first.owner, first.refresh, listed[-1].refresh) == ("analytics", "daily", "request")


def test_all_words_of_a_search_must_occur(definitions):
    listed = entries(definitions)
    assert [entry.name for entry in search("POINTS mean", listed)] == ["team_points_2g_mean"]
    assert search("points unicorns", listed) == []
    assert len(search("", listed)) == len(listed)


def test_an_unknown_feature_is_answered_with_the_nearest(definitions):
    listed = entries(definitions)
    assert show("team_city", listed).description == "Where it is at home"
    with pytest.raises(NotFound, match=r"no feature 'team_cities'\. Closest: team_city"):
        show("team_cities", listed)
