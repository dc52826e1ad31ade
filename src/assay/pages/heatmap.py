"""Heatmap: a square of coloured cells, one for each pair of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from assay.pages.spread import cut
from assay.pages.svg import chart, tag

WIDTH = 640
LABEL_WIDTH = 150
HEAD = 112
TAIL = 58  # for the last heading, which leans out
LARGEST_CELL = 30.0
FAINTEST = 0.04  # weaker than this, a cell is left blank


def heatmap(names: Sequence[str], cells: Mapping[tuple[str, str], tuple[float, str]], *, says: str) -> Markup:
    """Draw every pair that has a figure; the darker, the nearer to 1 or -1, each sign in its own colour.

    Args:
        names: Rows from top to bottom, and columns from left to right.
        cells: Figure in [-1, 1] and its words, by pair; either order of the names will do.
        says: What the chart shows.
    """
    n = max(len(names), 1)
    size = min(LARGEST_CELL, (WIDTH - LABEL_WIDTH - TAIL) / n)
    text_size = min(13, max(6, int(size * 0.78)))
    marks = []
    for row, one in enumerate(names):
        y = HEAD + row * size
        marks.append(_name(one, x=LABEL_WIDTH - 6, y=y + size * 0.72, size=text_size))
        marks.append(_head(one, x=LABEL_WIDTH + row * size + size * 0.72, size=text_size))
        for column, other in enumerate(names):
            found = cells.get((one, other)) or cells.get((other, one))
            place = {"x": LABEL_WIDTH + column * size, "y": y, "width": size - 0.8, "height": size - 0.8}
            if one == other:
                marks.append(tag("rect", **place, class_="cell self"))
            elif found is None:
                marks.append(tag("rect", tag("title", escape(f"{one} and {other}: nothing to compare")), **place,
                                 class_="cell none"))  # fmt: skip
            elif abs(found[0]) >= FAINTEST:
                sign = "falling" if found[0] < 0 else "rising"
                title = tag("title", escape(found[1]))
                marks.append(tag("rect", title, **place, fill_opacity=abs(found[0]), class_=f"cell {sign}"))
    return chart(HEAD + n * size + 2, says, *marks)


def _name(text: str, *, x: float, y: float, size: int) -> Markup:
    title = tag("title", escape(text))
    return tag("text", title, escape(cut(text, 24)), x=x, y=y, text_anchor="end", class_=f"cell-name size-{size}")


def _head(text: str, *, x: float, size: int) -> Markup:
    y = HEAD - 6
    turned = f"rotate(-60 {x:.1f} {y})"
    title = tag("title", escape(text))
    return tag("text", title, escape(cut(text, 18)), x=x, y=y, transform=turned, class_=f"cell-name size-{size}")
