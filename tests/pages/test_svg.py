"""Charts: well-formed, escaped, in place, and readable without seeing them."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.pages import svg

HOSTILE = '"><script>alert(1)</script>'


def marks(chart, kind):
    """Elements of a kind, with the chart proven well-formed on the way."""
    return list(ET.fromstring(str(chart)).iter(kind))


def test_a_scale_maps_ends_to_ends():
    scale = svg.Scale(0, 10, 100, 300)
    assert (scale(0), scale(5), scale(10)) == (100, 200, 300)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0.59, 0.63, [0.59, 0.6, 0.61, 0.62, 0.63]), (3, 3, [3])],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert svg.ticks(low, high) == pytest.approx(expected)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_lie_inside_and_are_few(low, span):
    found = svg.ticks(low, low + span)
    assert len(found) <= 12
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in found)


def test_an_interval_row_without_an_interval_is_a_lone_dot():
    rows = [svg.IntervalRow("model", 0.6, 0.58, 0.62, is_main=True), svg.IntervalRow("baseline", 0.69)]
    chart = svg.intervals(rows, says="Log loss", better="lower is better")
    assert len(marks(chart, "circle")) == 2
    whiskers = [line for line in marks(chart, "line") if "whisker" in line.get("class")]
    assert len(whiskers) == 1
    dot = next(one for one in marks(chart, "circle") if "main" in one.get("class"))
    assert float(whiskers[0].get("x1")) < float(dot.get("cx")) < float(whiskers[0].get("x2"))
    assert "interval 0.5800 to 0.6200" in str(chart)


def test_a_perfect_bin_lies_on_the_diagonal():
    point = svg.ReliabilityPoint(0.5, 0.5, None, None, 10)
    chart = svg.reliability([point], says="x")
    (dot,) = marks(chart, "circle")
    line = next(one for one in marks(chart, "line") if one.get("class") == "reference")
    middle = [(float(line.get(f"{axis}1")) + float(line.get(f"{axis}2"))) / 2 for axis in "xy"]
    assert [float(dot.get("cx")), float(dot.get("cy"))] == pytest.approx(middle)


def test_histogram_bars_grow_with_their_counts():
    chart = svg.histogram([0, 0.5, 1], {"negative": [4, 0], "positive": [1, 2]}, says="x")
    heights = [float(bar.get("height")) for bar in marks(chart, "rect")]
    assert heights == pytest.approx([heights[0], 2 * heights[0], 4 * heights[0], 0], abs=0.05)


def test_a_failed_trial_does_not_flatten_the_others():
    values = [("a", 0.6 + place / 1000) for place in range(20)] + [("a", 99.0), ("a", float("nan"))]
    chart = svg.history(values, says="x", lower_is_better=True)
    heights = [float(dot.get("cy")) for dot in marks(chart, "circle")][:20]
    assert max(heights) - min(heights) > 30


def test_an_unmeasured_dimension_says_so():
    chart = svg.score_bars([("timeliness", None), ("volume", 5.0)], highest=5, says="x")
    assert "not measured" in str(chart)
    assert len([bar for bar in marks(chart, "rect") if "fill" in bar.get("class")]) == 1


@pytest.mark.parametrize(
    "chart",
    [
        svg.intervals([svg.IntervalRow(HOSTILE, 1.0)], says=HOSTILE, better=HOSTILE),
        svg.histogram([0, 1], {HOSTILE: [1]}, says=HOSTILE),
        svg.history([(HOSTILE, 1.0), ("b", 2.0)], says=HOSTILE, lower_is_better=False),
        svg.score_bars([(HOSTILE, 1.0)], highest=5, says=HOSTILE),
        svg.curve([(0, 0), (1, 1)], says=HOSTILE, x_name=HOSTILE, y_name="y", diagonal=True),
    ],
)
def test_labels_cannot_break_out(chart):
    assert "<script" not in str(chart)
    root = ET.fromstring(str(chart))
    assert root.get("role") == "img"
    assert root.get("aria-label") == HOSTILE


@pytest.mark.parametrize(
    "chart",
    [
        svg.intervals([], says="x", better=""),
        svg.reliability([], says="x"),
        svg.reliability([svg.ReliabilityPoint(5.0, 5.0, None, None, 1)], says="x", unit_square=False),
        svg.histogram([0, 1], {"a": [0]}, says="x"),
        svg.history([("a", float("nan"))], says="x", lower_is_better=True),
    ],
)
def test_charts_of_almost_nothing_are_still_charts(chart):
    assert "nan" not in str(chart)
    assert marks(chart, "line")


def test_curves_share_their_axes_and_each_has_its_own_style_and_name():
    lines = {f"model {number}": [(0, 0), (0.5, 0.4 + number / 10), (1, 1)] for number in range(5)}
    chart = svg.curves(lines, says="curves", x_name="x", y_name="y", diagonal=True)
    drawn = marks(chart, "path")
    styles = {(one.get("class"), one.get("stroke-dasharray")) for one in drawn}
    assert len(drawn) == 2 * len(lines)
    assert len(styles) == len(lines)
    named = [one.text for one in marks(chart, "text")]
    assert set(lines) <= set(named)
