"""Heatmap: a cell for each pair, as dark as its figure, under both orders of the names."""

import xml.etree.ElementTree as ET

import pytest

from assay.pages.heatmap import heatmap


def cells(chart, kind):
    return [one for one in ET.fromstring(str(chart)).iter("rect") if one.get("class") == f"cell {kind}"]


def test_a_pair_stands_twice_and_its_sign_has_a_colour():
    chart = heatmap(["a", "b", "c"], {("a", "b"): (0.8, "strong"), ("c", "a"): (-0.5, "falls")}, says="x")
    assert [float(one.get("fill-opacity")) for one in cells(chart, "rising")] == [0.8, 0.8]
    assert [float(one.get("fill-opacity")) for one in cells(chart, "falling")] == [0.5, 0.5]
    assert len(cells(chart, "self")) == 3
    assert len(cells(chart, "none")) == 2  # b and c were not compared


def test_it_is_symmetric():
    chart = heatmap(["a", "b"], {("a", "b"): (0.9, "t")}, says="x")
    one, other = cells(chart, "rising")
    left, top = (min(float(cell.get(axis)) for cell in cells(chart, "self")) for axis in "xy")
    assert float(one.get("x")) - left == pytest.approx(float(other.get("y")) - top)


@pytest.mark.parametrize("n", [0, 1, 40])
def test_it_fits_the_page_whatever_its_size(n):
    names = [f"column {number}" for number in range(n)]
    chart = heatmap(names, {}, says="x")
    width = float(ET.fromstring(str(chart)).get("viewBox").split()[2])
    ends = [float(one.get("x")) + float(one.get("width")) for one in ET.fromstring(str(chart)).iter("rect")]
    assert all(end <= width for end in ends)


def test_names_cannot_break_out():
    hostile = '"><script>alert(1)</script>'
    assert "<script" not in str(heatmap([hostile, "b"], {(hostile, "b"): (0.5, hostile)}, says=hostile))
