"""Proxies: columns that give a protected attribute away, so that leaving the attribute out does not make a model blind.

For each protected column every other column is asked how well it alone tells one group from all others, on rows that
it was not learnt from (ROC AUC), and how strongly the two go together over all groups (Cramér's V). All columns
together are asked by a naive Bayes score. A candidate is a reason to look, not a proof of harm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.data.understanding.contingency import SMOOTHING, Codes, chance, counted, cramers_v, crossed_auc, interval
from assay.data.understanding.groups import MISSING, REST, Groups
from assay.data.understanding.ranks import ranks
from assay.metrics.estimate import Estimate

CANDIDATE_AUC = 0.60
STRONG_AUC = 0.75
FALSE_ALARM = 0.01  # shared among all pairs of a protected and another column (Bonferroni)
FEWEST_ROWS = 50  # of a group; smaller ones cannot be judged apart
MOST_GROUPS = 10
RULE = (
    "ROC AUC of the column alone, learnt on one half of the rows and judged on the other, at least "
    f"{CANDIDATE_AUC:.2f} for some group (strong from {STRONG_AUC:.2f}), and not by chance (chi-square test at "
    f"{FALSE_ALARM:.0%} over all pairs)"
)

Half = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A column that tells a group of a protected attribute.

    Attributes:
        column: That tells.
        group: The group that it tells best.
        auc: How well it tells that group from all others.
        auc_of: The same for every group that was judged.
        cramers_v: How strongly it goes with the attribute over all groups.
        n: Rows.
    """

    column: str
    group: str
    auc: Estimate
    auc_of: Mapping[str, float]
    cramers_v: float
    n: int

    @property
    def is_strong(self) -> bool:
        return self.auc.value >= STRONG_AUC

    def to_json(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "group": self.group,
            "auc": self.auc.to_json(),
            "auc_of": dict(self.auc_of),
            "cramers_v": self.cramers_v,
            "n": self.n,
            "strong": self.is_strong,
        }


@dataclass(frozen=True, slots=True)
class Protected:
    """A protected attribute and what gives it away.

    Attributes:
        column: The attribute.
        shares: Share of rows in each of its groups.
        proxies: Candidates, the clearest first.
        together: How well all other columns together tell the largest judged group; None where no column can be asked.
        together_group: That group.
        n_asked: Columns that were asked.
        n_rows: Rows that they were asked about.
    """

    column: str
    shares: Mapping[str, float]
    proxies: tuple[Proxy, ...]
    together: Estimate | None
    together_group: str
    n_asked: int
    n_rows: int

    def to_json(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "shares": dict(self.shares),
            "proxies": [one.to_json() for one in self.proxies],
            "together": self.together.to_json() if self.together else None,
            "together_group": self.together_group,
            "asked": self.n_asked,
            "rows": self.n_rows,
            "rule": RULE,
        }


def find_proxies(
    attribute: str, own: Groups, groups: Mapping[str, Groups], *, leave_out: frozenset[str], half: Half, n_pairs: int
) -> Protected:
    """Ask every column what it tells of a protected one.

    Args:
        attribute: The protected column.
        own: Its groups.
        groups: Every column that has groups.
        leave_out: Columns not to ask: other protected ones and the label.
        half: Which half of the sampled rows each belongs to, shape (n_rows,).
        n_pairs: Pairs of a protected and another column that are looked at in all.
    """
    judged = _judged(own)
    asked = {name: one for name, one in groups.items() if name != attribute and name not in leave_out}
    found = [
        _ask(name, one, own, judged, half=half, limit=FALSE_ALARM / max(n_pairs, 1)) for name, one in asked.items()
    ]
    proxies = sorted((one for one in found if one is not None), key=lambda one: (-one.auc.value, one.column))
    shares = dict(zip(own.labels, (own.sizes / max(own.codes.size, 1)).tolist(), strict=True))
    largest = judged[0] if judged else None
    together = None if largest is None or not asked else _together(list(asked.values()), own.codes == largest, half)
    told = own.labels[largest] if largest is not None else ""
    return Protected(attribute, shares, tuple(proxies), together, told, len(asked), int(own.codes.size))


def _judged(own: Groups) -> list[int]:
    """Groups with rows enough, the largest first; missing and the rest of a long list are no group of people."""
    by_size = np.argsort(-own.sizes, kind="stable")
    n = own.codes.size
    fit = [
        int(one)
        for one in by_size
        if FEWEST_ROWS <= own.sizes[one] <= n - FEWEST_ROWS and own.labels[one] not in (MISSING, REST)
    ]
    return fit[:MOST_GROUPS]


def _ask(name: str, column: Groups, own: Groups, judged: list[int], *, half: Half, limit: float) -> Proxy | None:
    table = counted(column.codes, own.codes, column.n, own.n)
    if not chance(table) <= limit:
        return None
    halves = [counted(column.codes[of], own.codes[of], column.n, own.n) for of in (half, ~half)]
    areas = {one: crossed_auc((_against_rest(halves[0], one), _against_rest(halves[1], one))) for one in judged}
    clear = {one: area for one, area in areas.items() if area.value >= CANDIDATE_AUC and area.low > 0.5}
    if not clear:
        return None
    best = max(clear, key=lambda one: clear[one].value)
    by_group = {own.labels[one]: area.value for one, area in areas.items()}
    return Proxy(name, own.labels[best], clear[best], by_group, cramers_v(table), int(table.sum()))


def _against_rest(table: npt.NDArray[np.float64], group: int) -> npt.NDArray[np.float64]:
    positives = table[:, group]
    return np.stack([table.sum(axis=1) - positives, positives], axis=1)


def _together(columns: list[Groups], positive: npt.NDArray[np.bool_], half: Half) -> Estimate | None:
    """ROC AUC of a naive Bayes score over all columns, learnt on one half of the rows and judged on the other."""
    truth = positive.astype(np.int64)
    scores = np.zeros(truth.size)
    for learn in (half, ~half):
        if np.unique(truth[learn]).size < 2:
            return None
        for one in columns:
            scores[~learn] += _log_odds(one, truth, learn)[one.codes[~learn]]
    areas = [_area_of(scores[of], truth[of]) for of in (half, ~half)]
    return interval(sum(areas) / 2, truth.size, int(truth.sum()), "naive Bayes, crossed halves, hanley-mcneil of one")


def _log_odds(one: Groups, truth: Codes, learn: Half) -> npt.NDArray[np.float64]:
    table = counted(one.codes[learn], truth[learn], one.n, 2)
    rates = (table + SMOOTHING * table.sum(axis=0) / table.sum()) / (table.sum(axis=0) + SMOOTHING)
    odds: npt.NDArray[np.float64] = np.log(np.maximum(rates[:, 1], 1e-12) / np.maximum(rates[:, 0], 1e-12))
    return odds


def _area_of(scores: npt.NDArray[np.float64], truth: Codes) -> float:
    """Mann and Whitney's statistic as a share."""
    p = int(truth.sum())
    n = truth.size - p
    return float((ranks(scores)[truth == 1].sum() - p * (p + 1) / 2) / (p * n)) if p and n else math.nan
