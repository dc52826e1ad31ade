"""The calendar: known days by hand, plain Python beside it, and the same for a row alone as among others."""

import math
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.features import calendar

YEARS = (datetime(1950, 1, 1), datetime(2090, 1, 1))  # noqa: DTZ001  # hypothesis adds the zone
MOMENTS = st.lists(
    st.one_of(st.none(), st.datetimes(*YEARS, timezones=st.just(UTC))),
    min_size=1,
    max_size=8,
)


def frame(moments):
    return pl.DataFrame({"at": moments}, schema={"at": pl.Datetime("us", "UTC")})


@settings(deadline=None)
@given(MOMENTS)
def test_parts_agree_with_plain_python(moments):
    made = frame(moments).select(**calendar.parts("at", prefix="order")).to_dicts()
    for moment, row in zip(moments, made, strict=True):
        if moment is None:
            assert set(row.values()) == {None}
            continue
        assert list(row.values()) == [
            moment.year, (moment.month + 2) // 3, moment.month, moment.isocalendar().week, moment.day,
            moment.timetuple().tm_yday, moment.isoweekday(), moment.hour,
        ]  # fmt: skip


@settings(deadline=None)
@given(MOMENTS)
def test_a_row_alone_is_as_among_others(moments):
    sine, cosine = calendar.cyclical("at", "day_of_year")
    wanted = [
        calendar.is_weekend("at").alias("weekend"), calendar.is_holiday("at", "US").alias("holiday"),
        calendar.days_to_holiday("at", "DE", subdivision="BY").alias("until"), sine.alias("sin"), cosine.alias("cos"),
    ]  # fmt: skip
    together = frame(moments).select(wanted)
    alone = pl.concat([frame([moment]).select(wanted) for moment in moments])
    assert alone.equals(together)


def test_holidays_of_a_country_a_part_of_it_and_a_market():
    days = frame([datetime(2026, 7, 3, 12, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC), None])
    assert days.select(h=calendar.is_holiday("at", "US"))["h"].to_list() == [True, True, None]
    assert days.select(h=calendar.is_holiday("at", "DE"))["h"].to_list() == [False, False, None]
    assert days.select(h=calendar.is_holiday("at", "XNYS"))["h"].to_list() == [True, True, None]
    corpus_christi = frame([datetime(2026, 6, 4, tzinfo=UTC)])
    for subdivision, expected in (("BY", True), ("BE", False)):
        found = corpus_christi.select(h=calendar.is_holiday("at", "DE", subdivision=subdivision))["h"]
        assert found.to_list() == [expected]


@settings(deadline=None)
@given(st.dates(date(1990, 1, 1), date(2060, 12, 31)))
def test_days_to_a_holiday_are_counted_by_hand(day):
    moment = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
    days = frame([moment + timedelta(days=more) for more in range(calendar.FARTHEST_DAYS + 1)])
    free = days.select(h=calendar.is_holiday("at", "FR"))["h"].to_list()
    expected = free.index(True) if True in free else calendar.FARTHEST_DAYS
    assert days.head(1).select(n=calendar.days_to_holiday("at", "FR"))["n"].to_list() == [expected]


def test_the_day_is_that_of_the_place():
    night = frame([datetime(2026, 1, 2, 3, tzinfo=UTC)])  # the evening of the first of January in New York
    assert night.select(d=calendar.part("at", "day", zone="America/New_York"))["d"].to_list() == [1]
    assert night.select(h=calendar.is_holiday("at", "US"))["h"].to_list() == [False]
    assert night.select(h=calendar.is_holiday("at", "US", zone="America/New_York"))["h"].to_list() == [True]


def test_a_cycle_closes():
    ends = frame(
        [datetime(2026, 12, 5, tzinfo=UTC), datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 7, 5, tzinfo=UTC)]
    )
    sine, cosine = calendar.cyclical("at", "month")
    december, january, july = ends.select(s=sine, c=cosine).rows()
    assert math.dist(december, january) == pytest.approx(2 * math.sin(math.pi / 12))
    assert math.dist(january, july) == pytest.approx(2)


def test_what_is_not_known_is_named():
    with pytest.raises(UsageError, match="no holidays are known of 'XX'"):
        calendar.is_holiday("at", "XX")
    with pytest.raises(UsageError, match="'US', 'ZZ'"):
        calendar.days_to_holiday("at", "US", subdivision="ZZ")
    with pytest.raises(UsageError, match="no part 'minute'"):
        calendar.part("at", "minute")


@pytest.mark.parametrize(
    ("part", "moment", "share"),
    [
        ("hour", datetime(2020, 1, 1, 6, tzinfo=UTC), 1 / 4),
        ("weekday", datetime(2020, 1, 6, tzinfo=UTC), 0),
        ("month", datetime(2020, 7, 1, tzinfo=UTC), 1 / 2),
    ],
)
def test_a_cycle_comes_back_to_its_start(part, moment, share):
    sine, cosine = calendar.cyclical("time", part)
    frame = pl.DataFrame({"time": [moment]}).select(sine=sine, cosine=cosine)
    assert frame.row(0) == (pytest.approx(math.sin(2 * math.pi * share)), pytest.approx(math.cos(2 * math.pi * share)))
