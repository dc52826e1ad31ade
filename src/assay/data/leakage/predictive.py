"""Predictive: does a column tell the label more than chance, and how much, beyond time and entity?

A rate that drifts, or customers who differ, make any counter that grows with time or with customers look telling. So
rows are compared within stretches of time, less the mean of their entity; what an entity has once is compared once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import f as f_distribution

BINS = 20
LEAST_IN_GROUP = 5
ROWS_A_MOMENT = 5  # from here on each moment is a stretch of its own
STRETCH_ROWS, MOST_STRETCHES = 200, 50
REPEATS = 0.8  # entities a row below which entities are said to repeat
PERMUTATIONS, PERMUTED_ROWS = 2_000, 2_000

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Strength:
    """How much a column tells.

    Attributes:
        size: In [-1, 1]; for classes 2 AUC - 1, for numbers a correlation, both measured on rows that the groups'
            means were not learnt from.
        p_value: Of the F test; where the size matters, not below what permuting labels within stretches gives.
        is_area: The size is 2 AUC - 1, not a correlation.
    """

    size: float
    p_value: float
    is_area: bool


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The label, and what is taken off it before a column is asked.

    Attributes:
        truth: Label of each row, shape (n_rows,).
        stretch: Stretch of time of each row.
        entities: Entity of each row, one array for each column of entities that repeat.
        residual: The label less the means of its stretch and of its entities.
    """

    truth: Floats
    stretch: Codes
    entities: tuple[Codes, ...]
    residual: Floats


def ground(truth: Floats, *, time: pl.Series | None, entities: Sequence[pl.Series] = ()) -> Ground:
    """Take from the label what stretches of time and entities explain by themselves."""
    stretch = np.zeros(len(truth), dtype=np.intp) if time is None else _stretches(time)
    repeating = tuple(_codes(one) for one in entities if one.n_unique() < REPEATS * len(truth))
    residual = truth - _means(truth, stretch)
    for codes in repeating:
        residual = residual - _means(residual, codes)
    return Ground(truth, stretch, repeating, residual)


def strength(values: pl.Series, base: Ground, *, rng: np.random.Generator, limit: float, matters: float) -> Strength:
    """Measure how much `values` tell of the label.

    Args:
        values: Numbers, cut into twentieths, or words; a missing one is a group of its own.
        base: The label.
        rng: Halves the rows, and permutes labels.
        limit: Below this p-value labels are permuted, to confirm it.
        matters: Size from which that is worth its time.
    """
    for codes in base.entities:
        if _is_constant_within(values, codes):
            return _of_entities(values, base, codes, rng=rng, limit=limit, matters=matters)
    is_class = len(np.unique(base.truth)) == 2
    return _measured(
        _groups(values), base.residual, base.stretch, base.truth if is_class else None, rng, limit, matters
    )


def _of_entities(
    values: pl.Series, base: Ground, codes: Codes, *, rng: np.random.Generator, limit: float, matters: float
) -> Strength:
    """The same with one row an entity: its value, and its mean label less what larger entities explain.

    A pairing of two teams holds the one and the other: what these explain is no news of the pairing.
    """
    first = np.unique(codes, return_index=True)[1]
    residual = base.truth - _means(base.truth, base.stretch)
    for other in base.entities:
        if other.max() < codes.max() and _is_constant_within(pl.Series(other), codes):
            residual = residual - _means(residual, other)
    means = _by_code(residual, codes)
    return _measured(_groups(values[first]), means, np.zeros(len(means), dtype=np.intp), None, rng, limit, matters)


def _measured(
    groups: Codes,
    residual: Floats,
    stretch: Codes,
    classes: Floats | None,
    rng: np.random.Generator,
    limit: float,
    matters: float,
) -> Strength:
    p_value = _f_test(groups, residual)
    if not p_value < limit:
        return Strength(0.0, p_value, classes is not None)
    size = _size(groups, residual, stretch, classes, rng)
    if size >= matters:
        p_value = max(p_value, _permuted(groups, residual, stretch, rng))
    return Strength(size, p_value, classes is not None)


def _f_test(groups: Codes, residual: Floats) -> float:
    k, n = int(groups.max()) + 1, len(residual)
    between, total = _between(groups, residual[None, :])[0], float(((residual - residual.mean()) ** 2).sum())
    if k < 2 or n <= k or total <= 0:
        return 1.0
    within = max(total - between, 1e-12 * total)
    return float(f_distribution.sf((between / (k - 1)) / (within / (n - k)), k - 1, n - k))


def _between(groups: Codes, labels: Floats) -> Floats:
    """Sum of squares between groups of each row of `labels`, shape (n_tries, n_rows)."""
    counts = np.bincount(groups)
    member = np.zeros((len(groups), len(counts)))
    member[np.arange(len(groups)), groups] = 1.0
    sums = (labels - labels.mean(axis=1, keepdims=True)) @ member
    return np.asarray((sums**2 / np.maximum(counts, 1)).sum(axis=1))


def _size(groups: Codes, residual: Floats, stretch: Codes, classes: Floats | None, rng: np.random.Generator) -> float:
    """Each half of the rows is scored by the groups' means in the other half."""
    half = rng.permutation(len(residual)) % 2
    scores = np.zeros(len(residual))
    for own in (0, 1):
        other = half != own
        n = np.bincount(groups[other], minlength=int(groups.max()) + 1)
        total = np.bincount(groups[other], weights=residual[other], minlength=len(n))
        scores[half == own] = (total / np.maximum(n, 1))[groups[half == own]]
    if classes is not None:
        return 2 * _area_within(scores, classes == classes.max(), stretch) - 1
    if np.ptp(scores) == 0 or np.ptp(residual) == 0:
        return 0.0
    return float(np.corrcoef(scores, residual)[0, 1])


def _area_within(scores: Floats, positive: npt.NDArray[np.bool_], stretch: Codes) -> float:
    """AUC over the pairs of a positive and a negative row of one stretch; 0.5 where there are none."""
    table = pl.DataFrame({"score": scores, "positive": positive.astype(np.int8), "stretch": stretch})
    told = table.with_columns(rank=pl.col("score").rank("average").over("stretch"))
    by_stretch = told.group_by("stretch").agg(
        ranks=pl.col("rank").filter(pl.col("positive") == 1).sum(),
        ones=pl.col("positive").sum().cast(pl.Float64),
        n=pl.len(),
    )
    ones, n = by_stretch["ones"].to_numpy(), by_stretch["n"].to_numpy().astype(np.float64)
    pairs = ones * (n - ones)
    wins = by_stretch["ranks"].to_numpy() - ones * (ones + 1) / 2
    return float(wins[pairs > 0].sum() / pairs.sum()) if pairs.sum() else 0.5


def _permuted(groups: Codes, residual: Floats, stretch: Codes, rng: np.random.Generator) -> float:
    """Share of label orders, drawn within stretches, that separate the groups as well; at least 1 in 2,001."""
    if len(residual) > PERMUTED_ROWS:
        chosen = rng.choice(len(residual), size=PERMUTED_ROWS, replace=False)
        groups, residual, stretch = _dense(groups[chosen]), residual[chosen], stretch[chosen]
    order = np.argsort(stretch, kind="stable")
    groups, residual, stretch = groups[order], residual[order], stretch[order]
    reached, n_worse, tries = _between(groups, residual[None, :])[0], 0, 200
    for done in range(0, PERMUTATIONS, tries):
        drawn = residual[np.argsort(stretch + rng.random((tries, len(residual))), axis=1)]
        n_worse += int((_between(groups, drawn) >= reached).sum())
        if n_worse >= 3:
            return (n_worse + 1) / (done + tries + 1)
    return (n_worse + 1) / (PERMUTATIONS + 1)


def _groups(values: pl.Series) -> Codes:
    """Twentieths of numbers, or the values that stand in enough rows with all others together; missing apart."""
    if values.dtype.is_numeric() and values.n_unique() > BINS:
        numbers = values.cast(pl.Float64).fill_nan(None)
        known = numbers.is_not_null().to_numpy()
        edges = np.unique(np.quantile(numbers.drop_nulls().to_numpy(), np.arange(1, BINS) / BINS))
        return _dense(
            np.where(known, np.searchsorted(edges, numbers.fill_null(0.0).to_numpy(), side="right"), BINS + 1)
        )
    codes = _codes(values)
    small = np.bincount(codes)[codes] < LEAST_IN_GROUP
    return _dense(np.where(small, -1, codes))


def _stretches(time: pl.Series) -> Codes:
    moments = _codes(time.to_physical())
    n = len(moments)
    if n >= ROWS_A_MOMENT * (int(moments.max()) + 1):
        return moments
    n_stretches = int(np.clip(n // STRETCH_ROWS, 1, MOST_STRETCHES))
    return np.asarray(np.argsort(np.argsort(moments, kind="stable"), kind="stable") * n_stretches // n)


def _is_constant_within(values: pl.Series, codes: Codes) -> bool:
    table = pl.DataFrame({"value": values, "entity": codes})
    return bool(table.unique().height == int(codes.max()) + 1)


def _codes(values: pl.Series) -> Codes:
    ranks = (
        values.cast(pl.String, strict=False).rank("dense") if not values.dtype.is_numeric() else values.rank("dense")
    )
    return _dense(ranks.fill_null(0).to_numpy().astype(np.intp))


def _dense(codes: npt.NDArray[np.integer]) -> Codes:
    return np.asarray(np.unique(codes, return_inverse=True)[1].astype(np.intp))


def _by_code(values: Floats, codes: Codes) -> Floats:
    return np.asarray(np.bincount(codes, weights=values) / np.bincount(codes))


def _means(values: Floats, codes: Codes) -> Floats:
    return _by_code(values, codes)[codes]
