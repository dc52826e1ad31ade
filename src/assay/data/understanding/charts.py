"""Charts of an understanding: which figures a reader sees, in which order, and the sentence beside them.

The drawing itself is `assay.pages`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from assay.data.understanding.column import Column
from assay.data.understanding.correlations import Correlations
from assay.data.understanding.coverage import Coverage
from assay.data.understanding.distributions import number_words
from assay.data.understanding.groups import MISSING
from assay.data.understanding.target import Association
from assay.pages import spread
from assay.pages.heatmap import heatmap
from assay.pages.timeline import timeline

MOST_CELLS = 40  # names on one side of the heatmap
MOST_RANKED = 20
MOST_GROUPS = 14
LEAST_RANGE = 0.1  # of a scale of shares
REST = "all others"
FORMS = {
    "minute": "%H:%M", "quarter of an hour": "%m-%d %H:%M", "hour": "%m-%d %H:%M", "day": "%Y-%m-%d",
    "week": "%Y-%m-%d", "month": "%Y-%m", "quarter": "%Y-%m", "year": "%Y", "decade": "%Y", "century": "%Y",
}  # fmt: skip


def distribution(column: Column) -> Markup | None:
    """A histogram, or a bar for each value; None where there is nothing to draw."""
    found = column.distribution
    if found is None or found.bars is None:
        return None
    bars, n = found.bars, column.missing.of - column.missing.n
    if column.kind in ("number", "time") and (bars.is_binned or len(bars.labels) > spread.LONGEST_LABEL // 2):
        low, high = bars.labels[0].split(" to ")[0], bars.labels[-1].split(" to ")[-1]
        return spread.bins(bars.labels, bars.counts, says=f"Distribution of {column.name}", low=low, high=high)
    rows = [*zip(bars.labels, bars.counts, strict=True), *([(REST, bars.n_other)] if bars.n_other else [])]
    return spread.values(rows, of=n, says=f"Values of {column.name}", rest=REST if bars.n_other else "")


def spark(column: Column) -> Markup | None:
    """The distribution the size of a word; None where there is nothing to draw."""
    bars = column.distribution.bars if column.distribution else None
    if bars is None or len(bars.counts) < 2:
        return None
    return spread.spark(bars.counts, says=f"Shape of {column.name}")


def by_label(found: Association, *, column: str, label: str, classes: Sequence[str]) -> Markup | None:
    """The label's rate or mean in each group of the column; None for a label of several classes."""
    if not found.means:
        return None
    total = sum(size for size in found.sizes)
    overall = sum(size * (mean or 0.0) for size, mean in zip(found.sizes, found.means, strict=True)) / max(total, 1)
    rows = list(zip(found.groups, found.sizes, found.means, strict=True))
    shown = rows[:MOST_GROUPS]
    if len(rows) > MOST_GROUPS and rows[-1][0] == MISSING:
        shown[-1] = rows[-1]
    words = ["" if mean is None else f"{mean:.1%}" if classes else number_words(mean) for _, _, mean in shown]
    name = f"share of {label} = {classes[-1]}" if classes else f"mean of {label}"
    least = LEAST_RANGE if classes else 0.0
    return spread.means(
        shown, overall=overall, shown=words, says=f"{name} by {column}", name=spread.cut(name, 44), least=least
    )


def strongest(associations: Sequence[tuple[str, Association]], *, label: str) -> Markup:
    """The columns that tell most of the label, the strongest first."""
    rows = [
        (name, one.strength, figure_words(one).partition(", may")[0], "other" if one.is_chance else "main")
        for name, one in associations[:MOST_RANKED]
    ]
    return spread.ranked(rows, says=f"Columns that tell most of {label}, each alone")


def figure_words(found: Association) -> str:
    """`ROC AUC 0.745 [0.738, 0.752]`."""
    figure = found.figure
    ends = "" if math.isnan(figure.low) else f" [{figure.low:.3f}, {figure.high:.3f}]"
    chance = ", may be chance" if found.is_chance else ""
    return f"{found.measure} {figure.value:.3f}{ends}{chance}"


def correlations(found: Correlations) -> tuple[Markup, int] | None:
    """The heatmap with related columns side by side, and how many are in it; None where no two can be compared."""
    if not found.pairs:
        return None
    names = _side_by_side(found, _most_related(found))
    pairs = {(one.one, one.other): one for one in found.pairs}
    cells = {
        key: (one.value, f"{one.one} and {one.other}: {one.measure} {one.value:.2f} over {one.n:,} rows")
        for key, one in pairs.items()
    }
    return heatmap(names, cells, says=f"How {len(names)} columns go together, two by two"), len(names)


def _most_related(found: Correlations) -> list[str]:
    """The names that fit into the picture: those with the strongest partner."""
    if len(found.names) <= MOST_CELLS:
        return list(found.names)
    ranked = dict.fromkeys(name for one in found.pairs for name in (one.one, one.other))
    chosen = set(list(ranked)[:MOST_CELLS])
    return [name for name in found.names if name in chosen]


def _side_by_side(found: Correlations, names: list[str]) -> list[str]:
    """Order names so that those which go together stand together (average linkage)."""
    if len(names) < 3:
        return names
    from scipy.cluster.hierarchy import leaves_list, linkage

    place = {name: number for number, name in enumerate(names)}
    apart = np.ones((len(names), len(names)))
    for one in found.pairs:
        if one.one in place and one.other in place:
            i, j = place[one.one], place[one.other]
            apart[i, j] = apart[j, i] = 1 - abs(one.value)
    condensed = apart[np.triu_indices(len(names), k=1)]
    return [names[int(leaf)] for leaf in leaves_list(linkage(condensed, "average"))]


def covered(found: Coverage) -> Markup:
    """Rows along the calendar, silences marked."""
    says = f"Rows a {found.bucket} from {found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}"
    gaps = [(one.after, one.before) for one in found.gaps] if not found.is_rhythm else []
    return timeline(found.starts, found.counts, gaps=gaps, says=says, form=FORMS[found.bucket])
