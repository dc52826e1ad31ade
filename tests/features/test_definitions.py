"""Declaring views: what is refused, with file, line and fix, and what loading a project's file gives."""

from datetime import timedelta

import polars as pl
import pytest

from assay.errors import ConfigError
from assay.features.definitions import Feature, feature_view, load_definitions, request_view

GOOD = """
from assay.features.definitions import Feature, feature_view, request_view
from datetime import timedelta

@feature_view(entity="team", source="games", ttl=timedelta(days=30), features={"team_points_10g_mean": "Mean points"})
def team_form(games):
    return games

@request_view(features={"gap": Feature("Home less away")})
def gaps(rows):
    return rows

second_name = team_form
"""


def declare(**options):
    options = {"entity": "team", "source": "games", "features": {"team_points_10g_mean": "Mean points"}} | options

    @feature_view(**options)
    def team_form(games):
        return games

    return team_form


def test_a_view_keeps_its_declaration_and_still_runs():
    view = declare(ttl=timedelta(days=3), created="2026-11-21")
    assert (view.name, view.entity, view.sources, view.ttl) == ("team_form", "team", ("games",), timedelta(days=3))
    assert view.features["team_points_10g_mean"] == Feature("Mean points")
    assert view(pl.LazyFrame({"a": [1]})).collect().to_dicts() == [{"a": 1}]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"features": {"points": "Points"}}, "Call it 'team_points'"),
        ({"features": {"team_points": " "}}, "'team_points' has no description"),
        ({"features": {}}, "declares no features"),
        ({"source": None}, "names no source"),
        ({"sources": ("games",)}, "both source and sources"),
        ({"refresh": "sometimes"}, "Give one of streaming, hourly"),
        ({"created": "yesterday"}, "Write it as 2026-11-21"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_place(options, said):
    with pytest.raises(ConfigError, match=r"test_definitions\.py:\d+: feature view 'team_form' is refused") as refusal:
        declare(**options)
    assert said in str(refusal.value)


def test_all_problems_of_a_view_are_told_at_once():
    with pytest.raises(ConfigError) as refusal:
        declare(features={"points": "", "team_10g_mean": "x"}, created="?")
    assert str(refusal.value).count("\n  - ") == 4


def test_a_request_feature_needs_no_entity_but_a_description():
    with pytest.raises(ConfigError, match="request view 'gaps' is refused"):

        @request_view(features={"Gap": ""})
        def gaps(rows):
            return rows


def test_loading_collects_views_in_the_order_of_the_file(tmp_path):
    (tmp_path / "definitions.py").write_text(GOOD)
    found = load_definitions(tmp_path / "definitions.py")
    assert [view.name for view in found.views] == ["team_form"]
    assert [view.name for view in found.request_views] == ["gaps"]
    assert found.views[0].place == "definitions.py:5"
    assert found.of_entity("team") == found.views
    assert found.of_entity("player") == ()


def test_one_feature_in_two_views_is_refused(tmp_path):
    again = GOOD + GOOD.replace("team_form", "other_form").replace("gaps", "other_gaps").replace('"gap"', '"gap_two"')
    (tmp_path / "definitions.py").write_text(again)
    with pytest.raises(ConfigError, match=r"'team_points_10g_mean' was already declared at definitions\.py:5"):
        load_definitions(tmp_path / "definitions.py")


def test_a_fault_in_the_file_is_named_with_its_line(tmp_path):
    path = tmp_path / "definitions.py"
    path.write_text("x = 1\ny = missing_name\n")
    with pytest.raises(ConfigError, match=r"definitions\.py:2: NameError: name 'missing_name' is not defined"):
        load_definitions(path)
    path.write_text("x = 1\n\ndef broken(:\n")
    with pytest.raises(ConfigError, match=r"definitions\.py:3: .*def broken"):
        load_definitions(path)
    path.unlink()
    with pytest.raises(ConfigError, match="no such file"):
        load_definitions(path)


def test_a_streaming_view_names_its_topic_and_how_far_back_it_looks():
    view = declare(stream="games", history=timedelta(days=90), partition_by="team_id")
    assert (view.stream, view.history) == ("games", timedelta(days=90))
    assert view.partition_by == {"games": ("team_id",)}
    assert declare(stream="games", history=10).history == 10
    assert declare().digest == view.digest  # where its rows come from is no part of what it computes


def test_columns_to_partition_by_can_differ_from_source_to_source():
    both = {"games": "team_id", "trades": ["team", "season"]}
    view = declare(source=None, sources=("games", "trades"), partition_by=both)
    assert view.partition_by == {"games": ("team_id",), "trades": ("team", "season")}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"stream": "games"}, "without a history"),
        ({"stream": "games", "history": timedelta(0)}, "without a history"),
        ({"stream": "games", "history": 0}, "without a history"),
        ({"history": 5}, "history is given without stream"),
        ({"stream": "New Games", "history": 5}, "no topic in snake case"),
        ({"stream": "games", "history": 5, "source": None, "sources": ("games", "trades")}, "exactly one"),
    ],
)
def test_a_stream_that_cannot_work_is_refused(options, problem):
    with pytest.raises(ConfigError, match=problem):
        declare(**options)
