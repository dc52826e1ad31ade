"""Target: what each column alone tells of the label.

Says nothing of cause and nothing of columns together. A column that tells nearly everything is less often a treasure
than an answer written down afterwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.data.understanding.contingency import Codes, chance, counted, cramers_v, crossed_auc
from assay.data.understanding.groups import Groups
from assay.data.understanding.kinds import is_nested
from assay.data.understanding.ranks import centred_ranks
from assay.metrics.estimate import Estimate

MOST_CLASSES = 20  # a numeric label with more values is a quantity
FALSE_ALARM = 0.01  # shared among all columns (Bonferroni)

Task = Literal["two classes", "classes", "quantity"]


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """The label of the sampled rows; rows without one are left out of every figure.

    Attributes:
        name: Column that it is.
        task: Two classes, several, or a quantity.
        known: Which rows have a label, shape (n_rows,).
        values: 0 and 1, class numbers, or the quantity, of the rows that have one, shape (n_known,).
        classes: Names of the classes, in the order of their numbers; empty for a quantity.
        half: Which half each of those rows belongs to, shape (n_known,).
    """

    name: str
    task: Task
    known: npt.NDArray[np.bool_]
    values: npt.NDArray[np.float64]
    classes: tuple[str, ...]
    half: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Association:
    """What one column tells of the label.

    Attributes:
        measure: `ROC AUC`, `Cramér's V` or `correlation ratio` (of ranks).
        figure: Its value, with an interval where the measure has one.
        strength: The same from 0, nothing, to 1, everything, whatever the measure.
        p_value: Chance of as much if the two had nothing to do with each other; nan where there is no test.
        is_chance: Chance alone may well explain it, given how many columns were looked at.
        groups: What each group of the column holds.
        sizes: Labelled rows in each group.
        means: Rate of the second class, or mean of the quantity, in each group; None where it has no row, empty for
            more than two classes.
    """

    measure: str
    figure: Estimate
    strength: float
    p_value: float
    is_chance: bool
    groups: tuple[str, ...]
    sizes: tuple[int, ...]
    means: tuple[float | None, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "measure": self.measure,
            **self.figure.to_json(),
            "strength": self.strength,
            "p_value": self.p_value,
            "chance": self.is_chance,
            "groups": [
                {"holds": name, "n": size, "mean": mean}
                for name, size, mean in zip(
                    self.groups, self.sizes, self.means or [None] * len(self.sizes), strict=True
                )
            ],
        }


def label_of(column: pl.Series, *, half: npt.NDArray[np.bool_], positive: Any = None) -> Label | None:
    """Read the label's column; None where it does not vary, or holds lists and the like.

    Args:
        column: The label of the sampled rows.
        half: Which half of the rows each belongs to, for figures that are learnt on one and judged on the other.
        positive: The value that counts as 1; by default the second of two, in their order.
    """
    if is_nested(column.dtype):
        return None
    present = column.is_not_null()
    if column.dtype.is_float():
        present &= column.is_finite().fill_null(value=False)
    known, values = present.to_numpy(), column.filter(present)
    distinct = values.unique()
    if distinct.len() < 2:
        return None
    if values.dtype.is_numeric() and distinct.len() > MOST_CLASSES:
        return Label(column.name, "quantity", known, values.cast(pl.Float64).to_numpy(), (), half[known])
    ordered = sorted(
        distinct.to_list(), key=lambda one: (one == positive, one) if positive is not None else (False, one)
    )
    text = [str(one) for one in ordered]
    codes = values.cast(pl.String).replace_strict(distinct.cast(pl.String), _places(distinct, ordered))
    task: Task = "two classes" if len(text) == 2 else "classes"
    return Label(column.name, task, known, codes.cast(pl.Float64).to_numpy(), tuple(text), half[known])


def associate(groups: Groups, label: Label, *, n_columns: int) -> Association | None:
    """Measure what the groups tell of the label: ROC AUC for two classes, Cramér's V for several, otherwise the
    correlation ratio; each corrected for what as many groups would show by chance.

    Returns:
        None where the labelled rows all fall into one group.
    """
    codes = groups.codes[label.known]
    if np.unique(codes).size < 2:
        return None
    limit = FALSE_ALARM / max(n_columns, 1)
    sizes = np.bincount(codes, minlength=groups.n)
    if label.task == "quantity":
        measure, figure, p_value = "correlation ratio", *_ratio(codes, label.values)
        strength = figure.value
    else:
        classes = label.values.astype(np.int64)
        table = counted(codes, classes, groups.n, len(label.classes))
        p_value = chance(table)
        if label.task == "two classes":
            halves = [counted(codes[of], classes[of], groups.n, 2) for of in (label.half, ~label.half)]
            measure, figure = "ROC AUC", crossed_auc((halves[0], halves[1]))
            strength = max(0.0, 2 * figure.value - 1)
        else:
            measure, figure = "Cramér's V", Estimate(cramers_v(table), math.nan, math.nan, int(table.sum()), "none")
            strength = figure.value
    is_chance = not p_value <= limit
    return Association(
        measure, figure, strength, p_value, is_chance, groups.labels, tuple(sizes.tolist()), _means(codes, label, sizes)
    )


def _places(distinct: pl.Series, ordered: list[Any]) -> pl.Series:
    place = {value: number for number, value in enumerate(ordered)}
    return pl.Series([place[value] for value in distinct.to_list()])


def _ratio(codes: Codes, truth: npt.NDArray[np.float64]) -> tuple[Estimate, float]:
    """The correlation ratio of the ranks, adjusted for the number of groups, and the p-value of its F test.

    Ranks, so that a few huge values do not decide.

    Source:
        Pearson (1905), the correlation ratio eta; adjusted as by Kelley (1935), An unbiased correlation ratio measure.
    """
    from scipy.special import fdtrc

    codes = np.unique(codes, return_inverse=True)[1]
    n, k = truth.size, int(codes.max()) + 1
    ranks = centred_ranks(truth)
    sizes, sums = np.bincount(codes), np.bincount(codes, weights=ranks)
    between = float((sums**2 / sizes).sum())
    total = float((ranks**2).sum())
    within = max(total - between, 0.0)
    if n <= k or total == 0:
        return Estimate(math.nan, math.nan, math.nan, n, "none"), math.nan
    value = math.sqrt(max(0.0, 1 - (within / (n - k)) / (total / (n - 1))))
    p_value = 0.0 if within == 0 else float(fdtrc(k - 1, n - k, (between / (k - 1)) / (within / (n - k))))
    return Estimate(value, math.nan, math.nan, n, "none"), p_value


def _means(codes: Codes, label: Label, sizes: npt.NDArray[np.int64]) -> tuple[float | None, ...]:
    if label.task == "classes":
        return ()
    sums = np.bincount(codes, weights=label.values, minlength=sizes.size)
    return tuple(float(total / n) if n else None for total, n in zip(sums, sizes, strict=True))
