"""Comparison: is one model better than another on the same rows, or only luckier?

Both are scored on the same bootstrap samples, so what the rows have in common cancels; two separate intervals that
overlap can hide a difference that this finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.evaluation import interval_methods as methods
from assay.evaluation.interval_methods import Interval
from assay.evaluation.intervals import is_normal, units_of
from assay.evaluation.resampling import over_units, resampled
from assay.ledger.evidence import Evidence, Verdict
from assay.metrics.estimate import Estimate
from assay.metrics.index import metric_named
from assay.metrics.metric import Metric
from assay.metrics.statistic import Codes, Floats, Statistic


@dataclass(frozen=True, slots=True)
class Difference:
    """The figure of one model less that of another, on the same rows."""

    one: Statistic
    other: Statistic

    def at(self, weights: Floats) -> Floats:
        return self.one.at(weights) - self.other.at(weights)

    def influence(self) -> Floats:
        return self.one.influence() - self.other.influence()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which of two models did better.

    Attributes:
        difference: The candidate's figure less the other's, with the interval of that difference.
        better: The candidate's figure is the better one, by however little.
        significant: The interval of the difference leaves out zero.
        evidence: Kind `model.comparison`: pass if significantly better, fail if significantly worse, warn between.
    """

    difference: Estimate
    better: bool
    significant: bool
    evidence: Evidence


def compare(
    truth: npt.ArrayLike,
    candidate: npt.ArrayLike,
    other: npt.ArrayLike,
    *,
    metric: str,
    rng: np.random.Generator,
    resamples: int = 1_000,
    names: tuple[str, str] = ("candidate", "other"),
    level: float = 0.95,
    groups: npt.ArrayLike | None = None,
    part: str = "",
    parents: Sequence[str] = (),
) -> Comparison:
    """Compare two models on the same rows by one metric.

    Args:
        truth: 0/1 or numbers, shape (n_rows,).
        candidate: Its scores, shape (n_rows,).
        other: Scores of the model to beat, shape (n_rows,).
        metric: Name of the metric.
        rng: Source of the bootstrap draws.
        resamples: Bootstrap samples.
        names: Subjects of the candidate and of the other, as evidence names them: `model:churn@1.1.0`.
        level: Nominal coverage of the difference's interval.
        groups: Group of each row where rows of a group depend on each other.
        part: Which rows these are: `validation` or `holdout`.
        parents: Ids of the evidence compared.

    Raises:
        DataError: Truth and scores do not fit each other or the metric.
        ConfigError: There is no such metric.
    """
    chosen = metric_named(metric)
    values = chosen(truth, candidate), chosen(truth, other)
    n_rows = int(np.size(truth))
    units = units_of(n_rows, groups=groups, rng=rng)
    one, other_one = (_over(chosen.prepare(truth, scores), units) for scores in (candidate, other))
    interval = _interval(values, Difference(one, other_one), n_rows, units, rng=rng, resamples=resamples, level=level)
    difference = Estimate(values[0] - values[1], interval.low, interval.high, n_rows, interval.method, level)
    better = chosen.is_better(*values)
    significant = difference.low > 0 or difference.high < 0
    evidence = Evidence(
        kind="model.comparison",
        subject=names[0],
        verdict=_verdict(better, significant),
        summary=_summary(chosen, values, difference, names, significant=significant),
        figures={
            "metric": chosen.name,
            "candidate": {"name": names[0], "value": values[0]},
            "other": {"name": names[1], "value": values[1]},
            "difference": difference,
            "better": better,
            "significant": significant,
            "part": part,
        },
        parents=tuple(parents),
    )
    return Comparison(difference, better, significant, evidence)


def _over(statistic: Statistic, units: Codes | None) -> Statistic:
    return statistic if units is None else over_units(statistic, units)


def _interval(
    values: tuple[float, float],
    statistic: Difference,
    n_rows: int,
    units: Codes | None,
    *,
    rng: np.random.Generator,
    resamples: int,
    level: float,
) -> Interval:
    value = values[0] - values[1]
    if n_rows < 2 or not np.isfinite(value):
        return methods.NONE
    influence = statistic.influence()
    if is_normal(statistic, n_rows=n_rows):
        return methods.normal(value, influence, level=level)
    n_units = n_rows if units is None else int(units.max()) + 1
    draws = resampled([statistic], n_units=n_units, n_rows=n_rows, n_resamples=resamples, rng=rng)[0]
    return methods.bca(value, draws, influence, level=level)


def _verdict(better: bool, significant: bool) -> Verdict:
    if not significant:
        return "warn"
    return "pass" if better else "fail"


def _summary(
    metric: Metric, values: tuple[float, float], difference: Estimate, names: tuple[str, str], *, significant: bool
) -> str:
    figures = f"{metric.label} {values[0]:.4f} against {values[1]:.4f} of {names[1]}, difference {difference}"
    if not significant:
        return f"{figures}: within noise"
    return f"{figures}: {'better' if metric.is_better(*values) else 'worse'}"
