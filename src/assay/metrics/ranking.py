"""ROC AUC and average precision: how well scores put positives before negatives, whatever the threshold.

Both are computed for many row weights at once: rows are sorted once, and each resample is a cumulative sum.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from assay.metrics.metric import Metric
from assay.metrics.statistic import Floats, Statistic, ratio


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows from the highest score to the lowest, equal scores as one step.

    Attributes:
        order: Row numbers by falling score, shape (n_rows,).
        starts: Where each step begins in `order`, shape (n_steps,).
        positive: 1 for a positive row, in `order`, shape (n_rows,).
    """

    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    positive: Floats

    def counts(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weight of positives and of negatives in each step, each of shape (n_resamples, n_steps)."""
        ranked = weights[:, self.order]
        positives = ranked * self.positive
        ranked -= positives
        if len(self.starts) == len(self.order):
            return positives, ranked
        return np.add.reduceat(positives, self.starts, axis=1), np.add.reduceat(ranked, self.starts, axis=1)

    def by_row(self, positives: Floats, negatives: Floats) -> Floats:
        """One number a row from one number a step for either class, each of shape (n_steps,)."""
        step = np.zeros(len(self.order), dtype=np.intp)
        step[self.starts] = 1
        step = np.cumsum(step) - 1
        rows = np.empty(len(self.order))
        rows[self.order] = np.where(self.positive == 1, positives[step], negatives[step])
        return rows


def ranked(truth: Floats, scores: Floats) -> Ranking:
    """Sort rows by falling score."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    starts = np.flatnonzero(np.r_[True, falling[1:] != falling[:-1]]) if len(order) else order
    return Ranking(order, starts, truth[order])


@dataclass(frozen=True, slots=True)
class RocAuc:
    """The chance that a positive row scores above a negative one, ties counting half (Mann and Whitney, 1947)."""

    ranking: Ranking
    equal: Floats = field(repr=False)

    def at(self, weights: Floats) -> Floats:
        positives, negatives = self.ranking.counts(weights)
        above = np.cumsum(positives, axis=1)  # positives at or above each step
        wins = np.einsum("bs,bs->b", negatives, above) - 0.5 * np.einsum("bs,bs->b", negatives, positives)
        return ratio(wins, positives.sum(axis=1) * negatives.sum(axis=1))

    def influence(self) -> Floats:
        positives, negatives = (counts[0] for counts in self.ranking.counts(self.equal))
        n_positive, n_negative = positives.sum(), negatives.sum()
        area = self.at(self.equal)[0]
        beaten = n_negative - np.cumsum(negatives) + 0.5 * negatives
        beaters = np.cumsum(positives) - 0.5 * positives
        return self.ranking.by_row(
            ratio(ratio(beaten, n_negative) - area, n_positive), ratio(ratio(beaters, n_positive) - area, n_negative)
        )


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """Precision at each threshold, weighted by the recall gained there: the area under the step curve."""

    ranking: Ranking
    equal: Floats = field(repr=False)

    def at(self, weights: Floats) -> Floats:
        positives, negatives = self.ranking.counts(weights)
        found = np.cumsum(positives, axis=1)
        called = found + np.cumsum(negatives, axis=1)
        precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
        return ratio(np.einsum("bs,bs->b", positives, precision), found[:, -1])

    def influence(self) -> Floats:
        """The derivative by each row's weight: its own step, the norm, and the precision of all steps below."""
        positives, negatives = (counts[0] for counts in self.ranking.counts(self.equal))
        found, called = np.cumsum(positives), np.cumsum(positives + negatives)
        n_positive = found[-1]
        gained = ratio(positives, n_positive)
        below_positive = _from_here_down(gained * (called - found) / called**2)
        below_negative = _from_here_down(-gained * found / called**2)
        own = ratio(found / called - self.at(self.equal)[0], n_positive)
        return self.ranking.by_row(own + below_positive, below_negative)


def _from_here_down(steps: Floats) -> Floats:
    return np.cumsum(steps[::-1])[::-1]


def _roc_auc(truth: Floats, scores: Floats) -> Statistic:
    return RocAuc(ranked(truth, scores), np.ones((1, len(truth))))


def _average_precision(truth: Floats, scores: Floats) -> Statistic:
    return AveragePrecision(ranked(truth, scores), np.ones((1, len(truth))))


roc_auc = Metric(
    name="roc_auc",
    label="ROC AUC",
    task="classification",
    higher_is_better=True,
    statistic=_roc_auc,
    meaning="Chance that a positive row scores above a negative one; one half is chance.",
)
average_precision = Metric(
    name="average_precision",
    label="Average precision",
    task="classification",
    higher_is_better=True,
    statistic=_average_precision,
    meaning="Area under the precision-recall curve (PR AUC); the share of positives is chance.",
)
