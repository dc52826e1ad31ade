"""Graphs in layers: every arrow leads down, none says what a longer way says, and the drawing is well-formed."""

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from assay.pages.graph import Box, graph, layers_of, reduced

EDGES = st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda edge: edge[0] < edge[1]), max_size=40)


def names(edges):
    return {(f"n{a}", f"n{b}") for a, b in edges}


def boxes(n):
    return [
        Box(f"n{place}", f"title {place}", "line", "info", f"says {place}", href=f"#n{place}") for place in range(n)
    ]


def descendants(edges):
    reached = {}
    for a, b in sorted(edges, key=lambda edge: -int(edge[0][1:])):
        reached.setdefault(a, set()).update({b} | reached.get(b, set()))
    return reached


ALL = [f"n{place}" for place in range(13)]


@given(EDGES)
def test_a_reduction_reaches_the_same_with_no_edge_to_spare(edges):
    edges = names(edges)
    kept = reduced(ALL, edges)
    assert set(kept) <= edges
    assert descendants(kept) == descendants(edges)
    for edge in kept:
        rest = set(kept) - {edge}
        assert edge[1] not in descendants(rest).get(edge[0], set())


@given(EDGES)
def test_every_edge_leads_at_least_one_layer_down(edges):
    edges = names(edges)
    layers = layers_of(ALL, edges)
    assert all(layers[a] < layers[b] for a, b in edges)
    assert min(layers.values()) >= 0


def test_what_has_no_parents_stands_just_above_its_children():
    layers = layers_of(["a", "b", "late", "c"], [("a", "b"), ("b", "c"), ("late", "c")])
    assert layers == {"a": 0, "b": 1, "late": 1, "c": 2}


@given(EDGES)
def test_a_drawing_is_well_formed_and_no_two_boxes_overlap(edges):
    drawn = ElementTree.fromstring(graph(boxes(13), names(edges), says="all"))
    sheets = [
        (float(one.get("x")), float(one.get("y")), float(one.get("width")), float(one.get("height")))
        for one in drawn.iter("rect")
        if one.get("class") == "sheet"
    ]
    assert len(sheets) == 13
    width = float(drawn.get("viewBox").split()[2])
    for place, (x, y, w, h) in enumerate(sheets):
        assert x >= 0
        assert x + w <= width + 0.01
        for x2, y2, w2, h2 in sheets[:place]:
            assert x + w <= x2 + 0.01 or x2 + w2 <= x + 0.01 or y + h <= y2 + 0.01 or y2 + h2 <= y + 0.01
    assert len([one for one in drawn.iter("path") if one.get("class") == "edge"]) == len(reduced(ALL, names(edges)))


def test_arrows_that_lead_back_or_to_nothing_are_left_out():
    drawn = graph(boxes(3), {("n1", "n0"), ("n0", "n9"), ("n0", "n2"), ("n2", "n2")}, says="all")
    assert drawn.count('class="edge"') == 1


def test_words_are_escaped_cut_and_kept_whole_for_the_pointer():
    long = 'a <script>"name"</script> of many letters'
    drawn = graph([Box("a", long, long, "fail", long, is_fold=True, is_origin=True)], [], says=long)
    assert "<script>" not in drawn
    root = ElementTree.fromstring(drawn)
    assert [one.text for one in root.iter("title")] == [long]
    assert all(len(one.text) <= 20 for one in root.iter("text"))
    assert re.search(r'class="box fail fold origin"', drawn)


def test_an_empty_graph_is_an_empty_drawing():
    assert ElementTree.fromstring(graph([], [], says="nothing")).get("aria-label") == "nothing"
