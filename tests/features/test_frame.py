"""The training frame: every role gets its features, no label is lost, and request views see what they may."""

from datetime import timedelta
from types import ModuleType

import polars as pl
import pytest

from assay.config.settings import Target
from assay.errors import ConfigError, DataError, NotFound
from assay.features.definitions import Definitions, Feature, request_view
from assay.features.frame import coverage, history, training_frame
from assay.features.materialize import compute

CITIES = pl.DataFrame({"team": ["ants", "bees"], "city": ["Rome", "Oslo"]})


@pytest.fixture
def rows_of(games):
    return lambda view: compute(view, {"games": games.lazy(), "cities": CITIES.lazy()}).lazy()


@pytest.fixture
def labels(league):
    days = [league.start + timedelta(days=day) for day in (0, 1, 2, 2)]
    return pl.DataFrame(
        {"id": [1, 2, 3, 4], "host": ["ants", "ants", "bees", None], "guest": ["bees", "cats", "ants", "ants"],
         "day": days, "cup": [True, False, True, None], "won": [1, 0, 1, 0]}
    )  # fmt: skip


def defined(*request_views):
    return Definitions(views=(), request_views=request_views, module=ModuleType("x"))


def test_each_role_gets_its_features_as_they_were_before_the_day(labels, target, definitions, rows_of, games):
    frame, names = training_frame(labels, target=target, definitions=definitions, rows_of=rows_of)
    assert names == (
        "cup", "home_team_points_2g_mean", "home_team_city", "away_team_points_2g_mean", "away_team_city",
        "home_rest_days", "points_gap",
    )  # fmt: skip
    assert frame.select(labels.columns).equals(labels)
    scored = dict(games.filter(pl.col("event_time") < labels["day"][2]).group_by("team").agg("points").iter_rows())
    assert frame["home_team_points_2g_mean"].to_list() == [None, scored["ants"][0], sum(scored["bees"]) / 2, None]
    assert frame["home_team_city"].to_list() == ["Rome", "Rome", "Oslo", None]
    assert frame["home_rest_days"].to_list() == [None, *[pytest.approx(23 / 24)] * 2, None]
    assert "home_team_last_time" in frame.columns
    assert "home_team_last_time" not in names


def test_what_matched_nothing_is_counted(labels, target, definitions, rows_of):
    found = coverage(labels, target=target, definitions=definitions, rows_of=rows_of)
    assert found.figures["unmatched"] == {
        "home.team_form": 2, "home.team_city": 1, "away.team_form": 1, "away.team_city": 1,
    }  # fmt: skip
    assert (found.kind, found.verdict) == ("features.coverage", "info")
    nobody = coverage(
        labels.with_columns(host=pl.lit("nobody")), target=target, definitions=definitions, rows_of=rows_of
    )
    assert nobody.verdict == "warn"
    assert "home.team_form, home.team_city" in nobody.summary


def test_request_views_never_see_the_label_the_key_or_the_context(labels):
    seen = []

    @request_view(features={"first": Feature("One", internal=True)})
    def first(rows):
        return rows.with_columns(first=1)

    @request_view(features={"second": "Two"})
    def second(rows):
        seen.append((rows.columns, rows.schema["day"]))
        return rows.with_columns(second=pl.col("first") + 1)

    target = Target(source="games", label="won", key="id", time="day", inputs=("cup",), context=("guest",))
    frame, names = training_frame(labels, target=target, definitions=defined(first, second), rows_of=dict)
    assert seen == [(["cup", "first", "day"], pl.Datetime("us", "UTC"))]
    assert names == ("cup", "second")
    assert frame["second"].to_list() == [2] * 4


@pytest.mark.parametrize(
    ("function", "error", "said"),
    [
        (lambda rows: rows.head(1).with_columns(x=1), ConfigError, "was given 4 rows and returns 1"),
        (lambda rows: rows, ConfigError, r"returns no \['x'\]"),
        (lambda rows: rows["cup"], ConfigError, "returns Series, not a DataFrame"),
        (lambda rows: rows.with_columns(x=pl.col("won")), DataError, "fails on its rows"),
    ],
)
def test_a_request_view_that_breaks_its_promise_is_explained(labels, function, error, said):
    target = Target(source="games", label="won", key="id", time="day", inputs=("cup",))
    view = request_view(features={"x": "X"})(function)
    with pytest.raises(error, match=said):
        training_frame(labels, target=target, definitions=defined(view), rows_of=dict)


def test_one_name_for_two_columns_is_refused(labels):
    target = Target(source="games", label="won", key="id", time="day", inputs=("cup",))
    view = request_view(features={"cup": "Again"})(lambda rows: rows)
    with pytest.raises(ConfigError, match=r"\['cup'\] would each appear twice"):
        training_frame(labels, target=target, definitions=defined(view), rows_of=dict)


def test_a_view_with_time_needs_a_target_with_time(labels, target, definitions, rows_of):
    timeless = target.model_copy(update={"time": None})
    with pytest.raises(ConfigError, match=r"Name target\.time"):
        training_frame(labels, target=timeless, definitions=definitions, rows_of=rows_of)


def test_history_gives_named_features_in_the_order_asked(league, definitions, rows_of):
    keys = pl.DataFrame({"team": ["bees", "ants"], "when": [league.start + timedelta(days=3)] * 2})
    found = history(keys, ["team_city", "team_points_2g_mean"], time="when", definitions=definitions, rows_of=rows_of)
    assert found.columns == ["team", "when", "team_city", "team_points_2g_mean"]
    assert found["team_city"].to_list() == ["Oslo", "Rome"]
    with pytest.raises(NotFound, match=r"no feature view has \['team_colour'\]"):
        history(keys, ["team_colour"], time="when", definitions=definitions, rows_of=rows_of)
