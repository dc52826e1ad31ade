"""Small charts of one column: bars as long as their counts, dots where the means are, labels that cannot break out."""

import xml.etree.ElementTree as ET

import pytest

from assay.pages import spread

HOSTILE = '"><script>alert(1)</script>'


def marks(chart, kind, part=""):
    return [one for one in ET.fromstring(str(chart)).iter(kind) if part in (one.get("class") or "")]


def test_bins_are_as_high_as_their_counts():
    heights = [
        float(bar.get("height"))
        for bar in marks(spread.bins(["a", "b", "c"], [10, 5, 0], says="x", low="1", high="9"), "rect")
    ]
    assert heights == pytest.approx([heights[0], heights[0] / 2, 0])


def test_a_single_row_among_a_million_can_still_be_seen():
    bar = marks(spread.bins(["a", "b"], [10**6, 1], says="x", low="", high=""), "rect")[1]
    assert float(bar.get("height")) >= 1


def test_values_tell_their_share_and_the_rest_looks_different():
    chart = spread.values([("red", 60), ("green", 30), ("all others", 10)], of=100, says="x", rest="all others")
    lengths = [float(bar.get("width")) for bar in marks(chart, "rect")]
    assert lengths == pytest.approx([lengths[0], lengths[0] / 2, lengths[0] / 6], abs=0.02)
    assert len(marks(chart, "rect", "other")) == 1
    assert "60.0%" in str(chart)


def test_means_stand_in_their_order_and_the_overall_mean_among_them():
    rows = [("low", 10, 0.1), ("none", 0, None), ("high", 10, 0.5)]
    chart = spread.means(rows, overall=0.3, shown=["10%", "", "50%"], says="x", name="share")
    low, high = (float(dot.get("cx")) for dot in marks(chart, "circle"))
    middle = float(marks(chart, "line", "reference")[0].get("x1"))
    assert middle == pytest.approx((low + high) / 2, abs=0.02)


def test_a_difference_of_nothing_does_not_look_like_one():
    rows = [("a", 10, 0.500), ("b", 10, 0.502)]
    shown = ["50.0%", "50.2%"]
    wide = spread.means(rows, overall=0.501, shown=shown, says="x", name="share")
    calm = spread.means(rows, overall=0.501, shown=shown, says="x", name="share", least=0.1)
    apart = [
        abs(float(one.get("cx")) - float(other.get("cx"))) for one, other in (marks(c, "circle") for c in (wide, calm))
    ]
    assert apart[1] < apart[0] / 20


def test_huge_means_have_a_place():
    rows = [("a", 1, -1e308), ("b", 1, 1e308)]
    chart = spread.means(rows, overall=0.0, shown=["", ""], says="x", name="mean")
    assert all(0 <= float(dot.get("cx")) <= spread.WIDTH for dot in marks(chart, "circle"))


def test_ranked_bars_run_from_nothing_to_everything():
    chart = spread.ranked(
        [("all", 1.0, "1.0", "main"), ("half", 0.5, "0.5", "main"), ("odd", -3.0, "", "other")], says="x"
    )
    tracks, bars = marks(chart, "rect", "track"), marks(chart, "rect", "bar")
    full = float(tracks[0].get("width"))
    assert [float(bar.get("width")) for bar in bars] == pytest.approx([full, full / 2, 0.8])


def test_a_long_label_is_cut_and_its_title_is_whole():
    chart = spread.values([("a very long value that has no room", 1)], of=1, says="x")
    assert "a very long value th…" in str(chart)
    assert "a very long value that has no room" in str(chart)


@pytest.mark.parametrize(
    "chart",
    [
        spread.spark([1, 2], says=HOSTILE),
        spread.bins([HOSTILE], [1], says=HOSTILE, low=HOSTILE, high=HOSTILE),
        spread.values([(HOSTILE, 1)], of=1, says=HOSTILE),
        spread.means([(HOSTILE, 1, 0.5)], overall=0.5, shown=[HOSTILE], says=HOSTILE, name=HOSTILE),
        spread.ranked([(HOSTILE, 0.5, HOSTILE, "main")], says=HOSTILE),
    ],
)
def test_labels_cannot_break_out(chart):
    assert "<script" not in str(chart)
    assert ET.fromstring(str(chart)).get("aria-label") == HOSTILE


@pytest.mark.parametrize(
    "chart",
    [
        spread.spark([], says="x"),
        spread.bins([], [], says="x", low="", high=""),
        spread.values([], of=0, says="x"),
        spread.means([], overall=0.0, shown=[], says="x", name=""),
        spread.ranked([], says="x"),
    ],
)
def test_charts_of_nothing_are_still_charts(chart):
    assert ET.fromstring(str(chart)).get("role") == "img"
    assert "nan" not in str(chart)
