"""Charts as inline SVG: no script, sharp in print, a few kilobytes each, coloured by the page's style sheet.

Knows numbers and labels only; what they mean belongs to the rooms. Every chart says in words what it shows, for
those who cannot see it, and every mark has a title with its figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

from markupsafe import Markup, escape

N_COLOURS = 4  # as many as the style names
WIDTH = 640  # of every chart's own coordinates; the page scales it


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from figures to places on the page."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One line of an interval chart; `low` and `high` are None where there is no interval."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    is_main: bool = False


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """What was predicted and what happened in one bin, with the interval of the latter."""

    predicted: float
    observed: float
    low: float | None
    high: float | None
    n: int


def tag(name: str, *content: str, **attributes: object) -> Markup:
    """One element, everything escaped; `class_` and `text_anchor` become `class` and `text-anchor`."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"' for key, value in attributes.items()
    )
    inner = Markup("").join(content)
    return Markup(f"<{name}{given}>{inner}</{name}>")  # noqa: S704 - every part is escaped above


def chart(height: float, says: str, *marks: str, width: float = WIDTH) -> Markup:
    """The frame of a chart: scales with the page and reads its sentence aloud."""
    return tag("svg", *marks, class_="chart", viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=says)


def ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Round numbers that cover [low, high], roughly `about` of them."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** floor(log10(rough))
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= rough * 0.999)
    first, count = -(-low // step), int((high - low) / step) + 2
    return [round((first + place) * step, 12) for place in range(count) if (first + place) * step <= high + step * 1e-9]


def intervals(rows: Sequence[IntervalRow], *, says: str, better: str) -> Markup:
    """A dot with whiskers for each row, on one scale; `better` says which way is good, below the axis."""
    left, right, step = 190, WIDTH - 70, 34
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None and isfinite(end)]
    x = _padded(min(ends, default=0.0), max(ends, default=1.0), left, right)
    bottom = step * len(rows) + 8
    marks = [_vertical_grid(x, top=4, bottom=bottom)]
    for place, row in enumerate(rows):
        marks.append(_interval_row(row, x, y=step * place + step / 2 + 6))
    marks.append(_text(right, bottom + 34, better, class_="axis-name", text_anchor="end"))
    return chart(bottom + 40, says, *marks)


def _interval_row(row: IntervalRow, x: Scale, *, y: float) -> Markup:
    kind = "main" if row.is_main else "other"
    marks = [_text(180, y + 4, row.label, class_=f"row-name {kind}", text_anchor="end")]
    title = f"{row.label}: {row.value:.4f}"
    if row.low is not None and row.high is not None:
        title += f", interval {row.low:.4f} to {row.high:.4f}"
        marks.append(_line(x(row.low), y, x(row.high), y, class_=f"whisker {kind}"))
    marks.append(tag("circle", tag("title", escape(title)), cx=x(row.value), cy=y, r=5.5, class_=f"dot {kind}"))
    marks.append(_text(WIDTH - 4, y + 4, f"{row.value:.4f}", class_=f"figure {kind}", text_anchor="end"))
    return tag("g", *marks)


def reliability(points: Sequence[ReliabilityPoint], *, says: str, unit_square: bool = True) -> Markup:
    """Observed against predicted; on the diagonal predictions mean what they say."""
    size, left, top = 400, 56, 12
    if unit_square:
        low, high = 0.0, 1.0
    else:
        every = [end for one in points for end in (one.predicted, one.observed)]
        low, high = min(every, default=0.0), max(every, default=1.0)
    x = _padded(low, high, left, left + size - 70, share=0.0 if unit_square else 0.05)
    y = Scale(x.low, x.high, top + size - 70, top)
    marks = [
        _vertical_grid(x, top=top, bottom=y.start),
        _horizontal_grid(y, left=left, right=x.end),
        _line(x(x.low), y(y.low), x(x.high), y(y.high), class_="reference"),
    ]
    most = max((one.n for one in points), default=1)
    marks.extend(_reliability_point(one, x, y, radius=3 + 5 * (one.n / most) ** 0.5) for one in points)
    marks.append(_text((x.start + x.end) / 2, y.start + 40, "predicted", class_="axis-name", text_anchor="middle"))
    turned = f"rotate(-90 14 {(y.start + y.end) / 2:g})"
    middle = (y.start + y.end) / 2
    marks.append(_text(14, middle, "observed", class_="axis-name", text_anchor="middle", transform=turned))
    return chart(size, says, *marks, width=size)


def _reliability_point(one: ReliabilityPoint, x: Scale, y: Scale, *, radius: float) -> Markup:
    title = f"predicted {one.predicted:.3g}, observed {one.observed:.3g}, {one.n:,} rows"
    marks = []
    if one.low is not None and one.high is not None:
        low, high = max(one.low, y.low), min(one.high, y.high)
        marks.append(_line(x(one.predicted), y(low), x(one.predicted), y(high), class_="whisker main"))
    centre = {"cx": x(one.predicted), "cy": y(one.observed)}
    marks.append(tag("circle", tag("title", escape(title)), **centre, r=radius, class_="dot main"))
    return tag("g", *marks)


def histogram(edges: Sequence[float], counts: Mapping[str, Sequence[int]], *, says: str) -> Markup:
    """Counts between edges: the last series stands on the axis, the first of two hangs below it."""
    size, left, top, bottom = 400, 56, 26, 330
    x = Scale(edges[0], edges[-1], left, left + size - 70)
    series = list(counts.items())
    below = series[0] if len(series) == 2 else None
    above = series[-1]
    peaks = [max(above[1], default=0), max(below[1], default=0) if below else 0]
    unit = (bottom - top) / max(sum(peaks), 1)
    axis = top + peaks[0] * unit
    marks = [_vertical_grid(x, top=top, bottom=bottom), *_bars(above, edges, x, axis, -unit, "main")]
    marks.append(_text(left, top - 10, f"{above[0]} ({sum(above[1]):,})", class_="series main"))
    if below:
        marks.extend(_bars(below, edges, x, axis, unit, "other"))
        name = f"{below[0]} ({sum(below[1]):,})"
        marks.append(_text(x.end, top - 10, name, class_="series other", text_anchor="end"))
    marks.append(_line(x.start, axis, x.end, axis, class_="axis"))
    return chart(370, says, *marks, width=size)


def _bars(
    series: tuple[str, Sequence[int]], edges: Sequence[float], x: Scale, axis: float, unit: float, kind: str
) -> list[Markup]:
    name, counts = series
    bars = []
    for place, count in enumerate(counts):
        low, high = x(edges[place]), x(edges[place + 1])
        title = f"{edges[place]:.3g} to {edges[place + 1]:.3g}: {count:,} {name}"
        height = abs(count * unit)
        top = axis - height if unit < 0 else axis
        bars.append(
            tag(
                "rect",
                tag("title", escape(title)),
                x=low + 0.5,
                y=top,
                width=high - low - 1,
                height=height,
                class_=f"bar {kind}",
            )
        )
    return bars


def curve(points: Sequence[Sequence[float]], *, says: str, x_name: str, y_name: str, diagonal: bool) -> Markup:
    """A line through points of the unit square."""
    size = 400
    x, y, frame = _unit_square(size, x_name=x_name, y_name=y_name, diagonal=diagonal)
    return chart(size, says, *frame, _path(points, x, y, "line main"), width=size)


def curves(
    lines: Mapping[str, Sequence[Sequence[float]]], *, says: str, x_name: str, y_name: str, diagonal: bool
) -> Markup:
    """Several lines through points of one unit square, each with its name below, in its colour."""
    size = 400
    x, y, frame = _unit_square(size, x_name=x_name, y_name=y_name, diagonal=diagonal)
    marks = []
    for place, (name, points) in enumerate(lines.items()):
        height, series = size + 14 + 20 * place, f"series-{place % N_COLOURS}"
        dashes = {} if place < N_COLOURS else {"stroke_dasharray": "6 3"}
        marks.append(_path(points, x, y, f"line {series}", **dashes))
        marks.append(tag("path", d=f"M{x.start:.1f},{height - 4} h24", class_=f"line {series}", **dashes))
        marks.append(_text(x.start + 32, height, name, class_="row-name"))
    return chart(size + 10 + 20 * len(lines), says, *frame, *marks, width=size)


def _unit_square(size: float, *, x_name: str, y_name: str, diagonal: bool) -> tuple[Scale, Scale, list[Markup]]:
    """The axes of a unit square with their names, and what is drawn behind its lines."""
    left, top = 56, 12
    x, y = Scale(0, 1, left, left + size - 70), Scale(0, 1, top + size - 70, top)
    middle = (y.start + y.end) / 2
    return (
        x,
        y,
        [
            _vertical_grid(x, top=top, bottom=y.start),
            _horizontal_grid(y, left=left, right=x.end),
            *([_line(x(0), y(0), x(1), y(1), class_="reference")] if diagonal else []),
            _text((x.start + x.end) / 2, y.start + 40, x_name, class_="axis-name", text_anchor="middle"),
            _text(14, middle, y_name, class_="axis-name", text_anchor="middle", transform=f"rotate(-90 14 {middle:g})"),
        ],
    )


def _path(points: Sequence[Sequence[float]], x: Scale, y: Scale, kind: str, **attributes: object) -> Markup:
    path = "M" + " L".join(f"{x(one[0]):.1f},{y(one[1]):.1f}" for one in points)
    return tag("path", d=path, class_=kind, **attributes)


def history(values: Sequence[tuple[str, float]], *, says: str, lower_is_better: bool) -> Markup:
    """Each trial as a dot named by its series, in order, and the best so far as a line."""
    left, right, top, bottom = 64, WIDTH - 16, 30, 210
    finite = [value for _, value in values if isfinite(value)]
    x = Scale(0.5, max(len(values), 1) + 0.5, left, right)
    y = _padded(min(finite, default=0.0), _not_far_above(finite), bottom, top)
    names = list(dict.fromkeys(name for name, _ in values))
    best, steps = None, []
    marks = [_horizontal_grid(y, left=left, right=right)]
    for place, (name, value) in enumerate(values, start=1):
        if not isfinite(value):
            continue
        best = value if best is None else min(best, value) if lower_is_better else max(best, value)
        steps.append(f"{x(place - 0.5):.1f},{y(best):.1f} L{x(place + 0.5):.1f},{y(best):.1f}")
        title = tag("title", escape(f"trial {place}, {name}: {value:.5f}"))
        shown = min(max(value, y.low), y.high)
        marks.append(tag("circle", title, cx=x(place), cy=y(shown), r=4, class_=f"dot series-{names.index(name) % 4}"))
    marks.append(tag("path", d="M" + " L".join(steps), class_="line best"))
    for place, name in enumerate(names):
        marks.append(tag("circle", cx=left + 6 + 110 * place, cy=12, r=4, class_=f"dot series-{place % 4}"))
        marks.append(_text(left + 16 + 110 * place, 16, name, class_="series"))
    marks.append(_text(right, bottom + 24, f"{len(values)} trials", class_="axis-name", text_anchor="end"))
    return chart(bottom + 32, says, *marks)


def _not_far_above(values: Sequence[float]) -> float:
    """The highest value worth showing: a few failed trials must not flatten all others."""
    ranked = sorted(values)
    if len(ranked) < 8:
        return max(ranked, default=1.0)
    middle, upper = ranked[len(ranked) // 2], ranked[-1]
    return min(upper, middle + 3 * max(middle - ranked[0], 1e-9))


def score_bars(rows: Sequence[tuple[str, float | None]], *, highest: float, says: str) -> Markup:
    """A bar out of `highest` for each row; None is shown as not measured."""
    left, right, step = 130, WIDTH - 110, 28
    x = Scale(0, highest, left, right)
    marks = []
    for place, (name, score) in enumerate(rows):
        y = step * place + 6
        marks.append(_text(left - 12, y + 13, name, class_="row-name main", text_anchor="end"))
        marks.append(tag("rect", x=left, y=y + 2, width=right - left, height=14, rx=2, class_="track"))
        if score is not None:
            kind = "pass" if score >= 0.6 * highest else "warn" if score >= 0.4 * highest else "fail"
            marks.append(tag("rect", x=left, y=y + 2, width=x(score) - left, height=14, rx=2, class_=f"fill {kind}"))
        shown = "not measured" if score is None else f"{score:.1f} of {highest:g}"
        marks.append(_text(WIDTH - 4, y + 13, shown, class_="figure", text_anchor="end"))
    return chart(step * len(rows) + 6, says, *marks)


def _padded(low: float, high: float, start: float, end: float, *, share: float = 0.06) -> Scale:
    room = (high - low) * share if high > low else max(abs(high) * 0.1, 0.5)
    return Scale(low - room, high + room, start, end)


def _vertical_grid(x: Scale, *, top: float, bottom: float) -> Markup:
    marks = []
    for value in ticks(x.low, x.high):
        marks.append(_line(x(value), top, x(value), bottom, class_="grid"))
        marks.append(_text(x(value), bottom + 17, f"{value:g}", class_="tick", text_anchor="middle"))
    return tag("g", *marks)


def _horizontal_grid(y: Scale, *, left: float, right: float) -> Markup:
    marks = []
    for value in ticks(y.low, y.high):
        marks.append(_line(left, y(value), right, y(value), class_="grid"))
        marks.append(_text(left - 8, y(value) + 4, f"{value:g}", class_="tick", text_anchor="end"))
    return tag("g", *marks)


def _line(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)


def _text(x: float, y: float, words: str, **attributes: object) -> Markup:
    return tag("text", escape(words), x=x, y=y, **attributes)


def _short(value: object) -> object:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
