"""Lengths of time are read as people write them, and what is ambiguous is refused."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.config.durations import LONGEST, format_duration, parse_duration, spoken_duration


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("7d", timedelta(days=7)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("90 s", timedelta(seconds=90)),
        ("500ms", timedelta(milliseconds=500)),
        ("2 weeks", timedelta(days=14)),
        ("1d12h", timedelta(hours=36)),
        ("1.5h", timedelta(minutes=90)),
        (" 1 day 6 hours ", timedelta(hours=30)),
        ("P7D", timedelta(days=7)),
        ("P1DT12H", timedelta(hours=36)),
        ("PT30M", timedelta(minutes=30)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("P2W", timedelta(days=14)),
        ("3600", timedelta(hours=1)),
        (3600, timedelta(hours=1)),
        (0.25, timedelta(milliseconds=250)),
        (0, timedelta(0)),
        (timedelta(days=1), timedelta(days=1)),
    ],
)
def test_every_way_of_writing_is_read(written: Any, length: timedelta) -> None:
    assert parse_duration(written) == length


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("1:30", "read in two ways"),
        ("P1M", "years and months have none"),
        ("P1Y", "years and months have none"),
        ("P", "years and months"),
        ("3 months", "not a unit"),
        ("7f", "not a unit"),
        ("5M", "not a length of time"),
        ("soon", "not a length of time"),
        ("", "not a length of time"),
        ("1d junk", "not a length of time"),
        ("-1d", "not a length of time"),
        (-5, "between zero and a century"),
        ("200000d", "between zero and a century"),
        (1e300, "between zero and a century"),
        (float("nan"), "between zero and a century"),
        (True, "not a length of time"),
        (None, "not a length of time"),
        (["7d"], "not a length of time"),
    ],
)
def test_what_is_ambiguous_or_no_length_is_refused(written: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        parse_duration(written)
    if isinstance(written, str) and len(written) > 2:
        assert f"'{written}'" not in str(refused.value)


@given(st.timedeltas(min_value=timedelta(0), max_value=LONGEST))
def test_what_is_written_reads_back_as_the_same(length: timedelta) -> None:
    assert parse_duration(format_duration(length)) == length


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert timedelta(0) <= parse_duration(text) <= LONGEST


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(days=1), "1 day"),
        (timedelta(hours=36), "1.5 days"),
        (timedelta(hours=23), "23 hours"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(seconds=12), "12 seconds"),
        (timedelta(0), "0 seconds"),
    ],
)
def test_a_length_is_said_in_its_largest_unit(length, said):
    assert spoken_duration(length) == said
