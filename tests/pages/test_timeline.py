"""Timeline: a bar for each unit of the calendar, and silences behind them."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from assay.pages.timeline import LEFT, RIGHT, timeline

START = datetime(2024, 1, 1, tzinfo=UTC)


def drawn(counts, gaps=()):
    starts = [START + timedelta(days=day) for day in range(len(counts))]
    return ET.fromstring(str(timeline(starts, counts, gaps=gaps, says="Rows a day", form="%Y-%m-%d")))


def of_class(root, name):
    return [one for one in root.iter("rect") if one.get("class") == name]


def test_bars_are_as_high_as_their_counts_and_stay_on_the_page():
    bars = of_class(drawn([4, 0, 2] * 100), "bar main")
    heights = [float(bar.get("height")) for bar in bars[:3]]
    assert heights == pytest.approx([heights[0], 0, heights[0] / 2])
    assert all(LEFT <= float(bar.get("x")) <= RIGHT for bar in bars)


def test_a_silence_lies_over_the_days_that_have_none():
    root = drawn([3, 0, 0, 3], gaps=[(START, START + timedelta(days=3))])
    (band,) = of_class(root, "silence")
    bars = of_class(root, "bar main")
    assert float(band.get("x")) <= float(bars[1].get("x"))
    assert float(band.get("x")) + float(band.get("width")) >= float(bars[2].get("x")) + float(bars[2].get("width"))


def test_dates_below_the_axis_do_not_run_into_each_other():
    ticks = [one for one in drawn([1] * 300).iter("text") if (one.text or "").startswith("2024")]
    places = [float(one.get("x")) for one in ticks]
    assert len(places) >= 3
    assert min(b - a for a, b in pairwise(places)) > 70


@pytest.mark.parametrize("counts", [[], [0], [5]])
def test_little_is_still_a_chart(counts):
    assert drawn(counts, gaps=[(START, START)]).get("aria-label") == "Rows a day"
