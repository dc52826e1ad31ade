"""Spread: small charts of one column, as inline SVG: how often each value occurs, and what goes with it.

Knows labels and counts only. Bars stand by their number, not by their place on a scale, so that no value is too large
to be drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from assay.pages.svg import chart, tag

WIDTH = 400
LABEL_WIDTH, FIGURE_WIDTH = 148, 112
STEP = 22
LONGEST_LABEL = 21


def spark(counts: Sequence[int], *, says: str) -> Markup:
    """A histogram the size of a word."""
    width, height = 96, 22
    most, step = max(counts, default=0) or 1, width / max(len(counts), 1)
    path = "".join(
        f"M{place * step:.1f},{height}v{-max(count / most * height, 0.8):.1f}h{step * 0.86:.1f}V{height}z"
        for place, count in enumerate(counts)
        if count
    )
    return tag("svg", tag("path", d=path), class_="spark", viewBox=f"0 0 {width} {height}", role="img", aria_label=says)


def bins(labels: Sequence[str], counts: Sequence[int], *, says: str, low: str, high: str) -> Markup:
    """A histogram; `low` and `high` are written below its ends."""
    top, bottom, left, right = 12, 138, 4, WIDTH - 4
    most, step = max(counts, default=0) or 1, (right - left) / max(len(counts), 1)
    marks = []
    for place, (label, count) in enumerate(zip(labels, counts, strict=True)):
        height = count / most * (bottom - top)
        if count:
            height = max(height, 1.0)
        marks.append(
            tag(
                "rect",
                tag("title", escape(f"{label}: {count:,}")),
                x=left + place * step + 0.5,
                y=bottom - height,
                width=max(step - 1, 0.6),
                height=height,
                class_="bar main",
            )
        )
    marks.append(tag("line", x1=left, y1=bottom, x2=right, y2=bottom, class_="axis"))
    marks.append(tag("text", escape(low), x=left, y=bottom + 17, class_="tick"))
    marks.append(tag("text", escape(high), x=right, y=bottom + 17, class_="tick", text_anchor="end"))
    return chart(bottom + 22, says, *marks, width=WIDTH)


def values(rows: Sequence[tuple[str, int]], *, of: int, says: str, rest: str = "") -> Markup:
    """A bar for each value, with its share of `of`; `rest` names the last row where it stands for all others."""
    left, right = LABEL_WIDTH, WIDTH - FIGURE_WIDTH
    most = max((count for _, count in rows), default=0) or 1
    marks = []
    for place, (label, count) in enumerate(rows):
        y = STEP * place + 3
        kind = "other" if rest and label == rest and place == len(rows) - 1 else "main"
        length = max((right - left) * count / most, 0.8 if count else 0)
        share = f"{count / of:.1%}" if of else ""
        marks.append(_label(label, y))
        marks.append(
            tag(
                "rect",
                tag("title", escape(f"{label}: {count:,} rows, {share}")),
                x=left,
                y=y,
                width=length,
                height=15,
                rx=1.5,
                class_=f"bar {kind}",
            )
        )
        marks.append(tag("text", f"{count:,}", x=WIDTH - 46, y=y + 12, class_="tick", text_anchor="end"))
        marks.append(tag("text", share, x=WIDTH - 2, y=y + 12, class_="tick", text_anchor="end"))
    return chart(STEP * max(len(rows), 1) + 2, says, *marks, width=WIDTH)


def means(
    rows: Sequence[tuple[str, int, float | None]],
    *,
    overall: float,
    shown: Sequence[str],
    says: str,
    name: str,
    least: float = 0.0,
) -> Markup:
    """A dot for each group at the mean of another column within it; the dashed line is the mean of all.

    Args:
        rows: Group, its rows, and the mean in it; None where it has no row.
        overall: Mean of all rows.
        shown: Each group's mean in words.
        says: What the chart shows.
        name: What is averaged, below the axis.
        least: Width of the scale at the least, so that a difference of nothing does not look like one.
    """
    left, right = LABEL_WIDTH, WIDTH - 58
    known = [mean for _, _, mean in rows if mean is not None]
    low, high = min([*known, overall]), max([*known, overall])
    if high - low < least:
        low, high = overall - least / 2, overall + least / 2
    most = max((n for _, n, _ in rows), default=0) or 1
    bottom = STEP * max(len(rows), 1) + 2

    def x(value: float) -> float:
        return left + 7 + (value / 2 - low / 2) / ((high / 2 - low / 2) or 1.0) * (right - left - 14)

    middle = x(overall)
    marks = [tag("line", x1=middle, y1=2, x2=middle, y2=bottom, class_="reference")]
    for place, ((label, n, mean), words) in enumerate(zip(rows, shown, strict=True)):
        y = STEP * place + 3
        marks.append(_label(label, y))
        marks.append(tag("line", x1=left, y1=y + 8, x2=right, y2=y + 8, class_="grid"))
        if mean is None:
            continue
        title = tag("title", escape(f"{label}: {words} over {n:,} rows"))
        marks.append(tag("circle", title, cx=x(mean), cy=y + 8, r=2.5 + 4 * (n / most) ** 0.5, class_="dot main"))
        marks.append(tag("text", escape(words), x=WIDTH - 2, y=y + 12, class_="tick", text_anchor="end"))
    marks.append(tag("text", escape(name), x=WIDTH - 2, y=bottom + 16, class_="axis-name", text_anchor="end"))
    return chart(bottom + 22, says, *marks, width=WIDTH)


def ranked(rows: Sequence[tuple[str, float, str, str]], *, says: str) -> Markup:
    """A bar from 0 to 1 for each name, with its figure in words; the last field is `main` or `other`."""
    width, left, right = 640, 190, 425
    marks = []
    for place, (label, value, words, kind) in enumerate(rows):
        y = STEP * place + 3
        length = max((right - left) * min(max(value, 0.0), 1.0), 0.8)
        marks.append(tag("rect", x=left, y=y, width=right - left, height=14, rx=2, class_="track"))
        title = tag("title", escape(f"{label}: {words}"))
        marks.append(tag("rect", title, x=left, y=y, width=length, height=14, rx=2, class_=f"bar {kind}"))
        shown = tag("text", escape(cut(label, 28)), x=left - 10, y=y + 12, text_anchor="end", class_="row-name")
        marks.append(shown)
        marks.append(tag("text", escape(words), x=right + 8, y=y + 12, class_="tick"))
    return chart(STEP * max(len(rows), 1) + 2, says, *marks, width=width)


def cut(text: str, longest: int = LONGEST_LABEL) -> str:
    """A label as long as there is room."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _label(text: str, y: float) -> Markup:
    return tag(
        "text", tag("title", escape(text)), escape(cut(text)), x=LABEL_WIDTH - 8, y=y + 12, text_anchor="end",
        class_="row-name",
    )  # fmt: skip
