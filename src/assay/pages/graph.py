"""A graph in layers as inline SVG: what things were made from above, what was made from them below.

Knows boxes and arrows, nothing of what they stand for. The layout is the usual one in layers (Sugiyama, Tagawa and
Toda 1981): boxes as low as their longest path asks, an order in each layer that keeps arrows short, and arrows that
run around boxes. Meant for up to a few hundred boxes; who has more folds them first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from assay.pages.svg import WIDTH, chart, tag

BOX_WIDTH, BOX_HEIGHT, GAP_ACROSS, GAP_DOWN, MARGIN = 140.0, 40.0, 12.0, 34.0, 8.0
WAYPOINT_WIDTH = 10.0  # room for an arrow that passes through a layer
SWEEPS = 6
TITLE_LETTERS, LINE_LETTERS = 17, 20  # that fit a box in the page's letters
ARROW = 4.0


@dataclass(frozen=True, slots=True)
class Box:
    """One thing of a graph.

    Attributes:
        id: Its name among the boxes.
        title: First line.
        line: Second line.
        tone: `pass`, `warn`, `fail` or `info`: its colour.
        says: What a pointer that rests on it is told; lines and titles are cut to fit, this is not.
        href: Where it leads to; empty: nowhere.
        is_fold: Whether it stands for several.
        is_origin: Whether the graph is about it.
    """

    id: str
    title: str
    line: str
    tone: str
    says: str
    href: str = ""
    is_fold: bool = False
    is_origin: bool = False


@dataclass(slots=True)
class _Spot:
    """A box, or a waypoint of an arrow, with its place."""

    name: str
    layer: int
    width: float
    x: float = 0.0


def graph(boxes: Sequence[Box], edges: Iterable[tuple[str, str]], *, says: str) -> Markup:
    """Draw boxes and the arrows between them.

    Args:
        boxes: In an order in which arrows lead from earlier ones to later ones, such as that of their time.
        edges: Pairs (from, to) of ids; those that lead backwards or to nothing are not drawn, nor those that a longer
            way says already.
        says: The whole in a sentence, for those who cannot see it.
    """
    order = {box.id: place for place, box in enumerate(boxes)}
    forward = {(a, b) for a, b in edges if a in order and b in order and order[a] < order[b]}
    kept = reduced(list(order), forward)
    layers = layers_of(list(order), kept)
    spots, paths = _with_waypoints(boxes, kept, layers)
    rows = _ordered(spots, paths)
    width = _placed(rows)
    height = len(rows) * (BOX_HEIGHT + GAP_DOWN) - GAP_DOWN + 2 * MARGIN if rows else BOX_HEIGHT
    arrows = [_arrow([spots[name] for name in path]) for path in paths]
    drawn = [_box(box, spots[box.id]) for box in boxes]
    return chart(height, says, *arrows, *drawn, width=max(width, float(WIDTH)))


def reduced(names: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The edges without those that a longer way replaces (the transitive reduction), in the order of `names`.

    Args:
        names: All of them, so that each edge leads from an earlier to a later one.
        edges: Without repetition.
    """
    place = {name: number for number, name in enumerate(names)}
    above: dict[str, list[str]] = {name: [] for name in names}
    for a, b in edges:
        above[b].append(a)
    ancestors: dict[str, int] = {}  # as bits, one a name
    kept = []
    for name in names:
        seen = 0
        for parent in sorted(above[name], key=place.__getitem__, reverse=True):
            if not seen >> place[parent] & 1:
                kept.append((parent, name))
            seen |= ancestors[parent] | 1 << place[parent]
        ancestors[name] = seen
    return sorted(kept, key=lambda edge: (place[edge[1]], place[edge[0]]))


def layers_of(names: Sequence[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Layer of each name, from 0: one below the lowest of its parents; what has none stands just above its children."""
    edges = list(edges)
    layer = dict.fromkeys(names, 0)
    place = {name: number for number, name in enumerate(names)}
    for a, b in sorted(edges, key=lambda edge: place[edge[1]]):
        layer[b] = max(layer[b], layer[a] + 1)
    has_parent = {b for _, b in edges}
    children: dict[str, list[str]] = {}
    for a, b in edges:
        children.setdefault(a, []).append(b)
    for name in names:
        if name not in has_parent and name in children:
            layer[name] = min(layer[child] for child in children[name]) - 1
    return layer


def _with_waypoints(
    boxes: Sequence[Box], edges: Iterable[tuple[str, str]], layers: Mapping[str, int]
) -> tuple[dict[str, _Spot], list[list[str]]]:
    """Spots of boxes and waypoints, and each arrow as the spots that it runs through."""
    spots = {box.id: _Spot(box.id, layers[box.id], BOX_WIDTH) for box in boxes}
    paths = []
    for number, (a, b) in enumerate(edges):
        between = [f"\0{number}.{layer}" for layer in range(layers[a] + 1, layers[b])]
        for layer, name in enumerate(between, start=layers[a] + 1):
            spots[name] = _Spot(name, layer, WAYPOINT_WIDTH)
        paths.append([a, *between, b])
    return spots, paths


def _ordered(spots: Mapping[str, _Spot], paths: Iterable[Sequence[str]]) -> list[list[_Spot]]:
    """Spots by layer; in each, near to the middle of what they are joined to above and below."""
    rows: list[list[_Spot]] = [[] for _ in range(1 + max((spot.layer for spot in spots.values()), default=-1))]
    for spot in spots.values():
        rows[spot.layer].append(spot)
    above: dict[str, list[_Spot]] = {name: [] for name in spots}
    below: dict[str, list[_Spot]] = {name: [] for name in spots}
    for path in paths:
        for a, b in pairwise(path):
            above[b].append(spots[a])
            below[a].append(spots[b])
    _placed(rows)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            joined = above if down else below
            row.sort(key=lambda spot: _middle(joined[spot.name], otherwise=spot.x))
        _placed(rows)
    return rows


def _middle(joined: Sequence[_Spot], *, otherwise: float) -> float:
    return sum(spot.x for spot in joined) / len(joined) if joined else otherwise


def _placed(rows: Sequence[Sequence[_Spot]]) -> float:
    """Give each spot its place across, rows centred; returns the width of the whole."""
    widths = [sum(spot.width for spot in row) + GAP_ACROSS * max(len(row) - 1, 0) for row in rows]
    whole = max([*widths, WIDTH - 2 * MARGIN]) + 2 * MARGIN
    for row, width in zip(rows, widths, strict=True):
        left = (whole - width) / 2
        for spot in row:
            spot.x = left + spot.width / 2
            left += spot.width + GAP_ACROSS
    return whole


def _top(spot: _Spot) -> float:
    return MARGIN + spot.layer * (BOX_HEIGHT + GAP_DOWN)


def _arrow(spots: Sequence[_Spot]) -> Markup:
    """From the bottom of the first box through the waypoints to the top of the last."""
    first, *between, last = spots
    steps = [f"M{first.x:.1f},{_top(first) + BOX_HEIGHT:.1f}"]
    x, y = first.x, _top(first) + BOX_HEIGHT
    for spot in [*between, last]:
        top = _top(spot) - (ARROW if spot is last else 0)
        half = (y + top) / 2
        steps.append(f"C{x:.1f},{half:.1f} {spot.x:.1f},{half:.1f} {spot.x:.1f},{top:.1f}")
        x, y = spot.x, top
        if spot is not last:
            y = _top(spot) + BOX_HEIGHT
            steps.append(f"L{x:.1f},{y:.1f}")
    tip = f"M{x:.1f},{y + ARROW:.1f} l{-ARROW:g},{-2 * ARROW:g} h{2 * ARROW:g} z"
    return tag("g", tag("path", d=" ".join(steps), class_="edge"), tag("path", d=tip, class_="tip"))


def _box(box: Box, spot: _Spot) -> Markup:
    left, top = spot.x - BOX_WIDTH / 2, _top(spot)
    kind = f"box {box.tone}" + (" fold" if box.is_fold else "") + (" origin" if box.is_origin else "")
    marks = [tag("title", box.says)]
    if box.is_fold:  # a second sheet behind the first
        marks.append(_sheet(left + 3.5, top + 3.5))
    marks.append(_sheet(left, top))
    marks.append(tag("rect", x=left, y=top + 5, width=4.0, height=BOX_HEIGHT - 10, class_="bar"))
    marks.append(tag("text", _cut(box.title, TITLE_LETTERS), x=left + 11, y=top + 17, class_="name"))
    marks.append(tag("text", _cut(box.line, LINE_LETTERS), x=left + 11, y=top + 32, class_="line"))
    drawn = tag("g", *marks, class_=kind)
    return tag("a", drawn, href=box.href) if box.href else drawn


def _sheet(left: float, top: float) -> Markup:
    return tag("rect", x=left, y=top, width=BOX_WIDTH, height=BOX_HEIGHT, rx=4, class_="sheet")


def _cut(words: str, letters: int) -> str:
    return words if len(words) <= letters else words[: letters - 1].rstrip() + "…"
