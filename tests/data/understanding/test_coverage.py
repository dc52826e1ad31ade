"""Coverage: no row and no unit of the calendar is lost, and planted silences are found."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.data.understanding.coverage import coverage

START = datetime(2024, 1, 1, tzinfo=UTC)
MOMENTS = st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2200, 1, 1))  # noqa: DTZ001 - naive on purpose


def hours(n, *, without=range(0), start=START):
    return pl.Series("time", [start + timedelta(hours=hour) for hour in range(n) if hour not in without])


@given(st.lists(MOMENTS, min_size=1, max_size=60))
def test_every_row_is_in_a_unit_and_a_picture_can_show_them_all(moments):
    found = coverage(pl.Series("time", moments, dtype=pl.Datetime("us")))
    assert sum(found.counts) == len(moments)
    assert len(found.starts) == len(found.counts) <= 310
    assert list(found.starts) == sorted(found.starts)


def test_a_planted_silence_is_found_with_its_ends():
    found = coverage(hours(2_000, without=range(700, 800)))
    assert found.n_gaps == 1
    (gap,) = found.gaps
    assert (gap.after, gap.before) == (START + timedelta(hours=699), START + timedelta(hours=800))
    assert found.usual_step == timedelta(hours=1)
    assert not found.is_rhythm


def test_steady_rows_have_no_silence():
    assert coverage(hours(500)).n_gaps == 0


def test_silences_that_come_again_and_again_are_a_rhythm():
    season = [START + timedelta(days=day) for day in range(365 * 6) if day % 365 < 220]
    found = coverage(pl.Series("time", season))
    assert found.n_gaps == 5
    assert found.is_rhythm


def test_few_moments_are_not_judged():
    assert coverage(pl.Series("time", [date(2020, 1, 1), date(2020, 1, 2), date(2023, 1, 1)])).n_gaps == 0


def test_rows_without_a_time_and_with_a_strange_one_are_counted():
    times = pl.Series("time", [datetime(1, 1, 1), datetime(2020, 5, 5), None, datetime(9999, 12, 31)])  # noqa: DTZ001
    found = coverage(times)
    assert (found.without, found.strange, sum(found.counts)) == (1, 2, 1)
    assert coverage(pl.Series("time", [None], dtype=pl.Date)) is None
    assert coverage(pl.Series("time", [2**31 - 1], dtype=pl.Int32).cast(pl.Date)) is None


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_units_and_zones_do_not_matter(unit):
    plain = coverage(hours(100).cast(pl.Datetime(unit, "UTC")))
    zoned = coverage(hours(100).dt.convert_time_zone("Asia/Tokyo").cast(pl.Datetime(unit, "Asia/Tokyo")))
    assert (plain.first, plain.counts) == (zoned.first, zoned.counts) == (START, coverage(hours(100)).counts)
