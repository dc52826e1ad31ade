"""Timeline: counts along the calendar, with the stretches in which there are none marked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil

from markupsafe import Markup, escape

from assay.pages.svg import WIDTH, chart, tag

LEFT, RIGHT, TOP, BOTTOM = 4, WIDTH - 4, 14, 150
WIDEST_BAR = 26.0
CHARACTER, BETWEEN = 6.6, 16.0  # of a tick's words


def timeline(
    starts: Sequence[datetime],
    counts: Sequence[int],
    *,
    gaps: Sequence[tuple[datetime, datetime]],
    says: str,
    form: str,
) -> Markup:
    """A bar for each calendar unit.

    Args:
        starts: First moment of each unit, in order.
        counts: Rows in each.
        gaps: Stretches to mark, each from one moment to another.
        says: What the chart shows.
        form: strftime format of a unit.
    """
    step = min((RIGHT - LEFT) / max(len(counts), 1), WIDEST_BAR)
    most = max(counts, default=0) or 1
    marks = [_gap(one, starts, step) for one in gaps if len(starts) > 1]
    for place, (start, count) in enumerate(zip(starts, counts, strict=True)):
        height = max((BOTTOM - TOP) * count / most, 1.0 if count else 0.0)
        title = tag("title", escape(f"{start.strftime(form)}: {count:,} rows"))
        inset = 0.5 if step > 3 else 0.0
        marks.append(
            tag("rect", title, x=LEFT + place * step + inset, y=BOTTOM - height, width=step - 2 * inset,
                height=height, class_="bar main")
        )  # fmt: skip
    marks.append(tag("line", x1=LEFT, y1=BOTTOM, x2=RIGHT, y2=BOTTOM, class_="axis"))
    marks.append(tag("text", escape(f"most: {max(counts, default=0):,}"), x=RIGHT, y=TOP - 3, class_="tick",
                     text_anchor="end"))  # fmt: skip
    widest = max((len(start.strftime(form)) for start in starts[:1]), default=0) * CHARACTER + BETWEEN
    every = max(1, ceil(widest / step))
    for place in range(0, len(starts), every):
        x = LEFT + place * step
        marks.append(tag("line", x1=x, y1=BOTTOM, x2=x, y2=BOTTOM + 4, class_="axis"))
        words = starts[place].strftime(form)
        if x + len(words) * CHARACTER <= RIGHT:
            marks.append(tag("text", escape(words), x=x, y=BOTTOM + 18, class_="tick"))
    return chart(BOTTOM + 24, says, *marks)


def _gap(gap: tuple[datetime, datetime], starts: Sequence[datetime], step: float) -> Markup:
    """A band behind the bars, as wide as the stretch."""
    width = (starts[-1] - starts[0]).total_seconds() / (len(starts) - 1)

    def x(moment: datetime) -> float:
        return LEFT + (moment - starts[0]).total_seconds() / width * step

    left, right = x(gap[0]), x(gap[1])
    title = tag("title", escape(f"no rows from {gap[0]:%Y-%m-%d %H:%M} to {gap[1]:%Y-%m-%d %H:%M}"))
    return tag("rect", title, x=left, y=TOP, width=max(right - left, 1.5), height=BOTTOM - TOP, class_="silence")
