"""Formulas: by hand, null where they would divide by zero, and the same for a row alone as among others."""

import math
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.features import formulas

NUMBERS = st.one_of(st.none(), st.floats(-1e12, 1e12), st.just(0.0))
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8)
EVERY = {
    "ratio": formulas.ratio("a", "b"),
    "difference": formulas.difference("a", "b"),
    "share": formulas.share("a", "b"),
    "change": formulas.change("a", "b"),
    "intensity": formulas.emissions_intensity("a", "b"),
    "efficiency": formulas.energy_efficiency("a", "b"),
    "renewable": formulas.renewable_share("a", "b"),
    "risk": formulas.supplier_risk({"a": 2.0, "b": 1.0}),
    "gap": formulas.rating_gap("a", "b", home_edge=65.0),
    "chance": formulas.win_chance("a"),
}


def frame(rows):
    return pl.DataFrame(rows, schema={"a": pl.Float64, "b": pl.Float64}, orient="row")


@given(ROWS)
def test_a_row_alone_is_as_among_others_and_nothing_is_infinite(rows):
    together = frame(rows).select(**EVERY)
    alone = pl.concat([frame([row]).select(**EVERY) for row in rows])
    assert alone.to_dicts() == together.to_dicts()
    for name in ("ratio", "share", "intensity", "efficiency"):
        zero = [row for row, value in zip(rows, together[name], strict=True) if value is not None and math.isinf(value)]
        assert all(abs(row[1] or 0) < 1e-290 for row in zero)


def test_by_hand():
    made = frame([(6.0, 4.0), (1.0, 0.0), (None, 2.0), (-1.0, 4.0), (3.0, 4.0)]).select(**EVERY)
    assert made["ratio"].to_list() == [1.5, None, None, -0.25, 0.75]
    assert made["share"].to_list() == [0.6, 1.0, None, pytest.approx(-1 / 3), pytest.approx(3 / 7)]
    assert made["change"].to_list() == [0.5, None, None, -1.25, -0.25]
    assert made["renewable"].to_list() == [
        None,
        None,
        None,
        None,
        0.75,
    ]  # more than all, or less than none, is an error
    assert made["gap"].to_list()[:2] == [67, 66]
    assert frame([(5.0, -2.0)]).select(x=formulas.emissions_intensity("a", "b"))["x"].to_list() == [None]


def test_a_risk_that_is_not_known_leaves_the_mean_to_the_others():
    rows = frame([(1.0, 0.1), (None, 0.4), (None, None), (7.0, -1.0)])
    risk = rows.select(r=formulas.supplier_risk({"a": 2.0, "b": 1.0}))["r"].to_list()
    assert risk == [pytest.approx(0.7), 0.4, None, pytest.approx(2 / 3)]
    for weights in ({}, {"a": 0.0}):
        with pytest.raises(UsageError, match="weights above 0"):
            formulas.supplier_risk(weights)


def test_recent_games_weigh_more():
    games = pl.DataFrame({"team": ["a", "a", "b", "a"], "won": [1, 0, 1, None]})
    form = games.select(f=formulas.team_form("won", entity="team", half_life=1))["f"].to_list()
    assert form == [1, pytest.approx(1 / 3), 1, pytest.approx(1 / 3)]


def test_rest_is_cut_and_elo_is_elo():
    moments = pl.DataFrame(
        {
            "last": [datetime(2026, 1, 1, 23, tzinfo=UTC)] * 2,
            "now": [datetime(2026, 1, 3, 11, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)],
        }
    )
    assert moments.select(r=formulas.rest_days("last", "now"))["r"].to_list() == [pytest.approx(1.5), 10.0]
    chances = pl.DataFrame({"gap": [0.0, 400.0, -400.0]}).select(p=formulas.win_chance("gap"))["p"].to_list()
    assert chances == pytest.approx([0.5, 10 / 11, 1 / 11])
