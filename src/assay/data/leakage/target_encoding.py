"""Target encoding (LK-3): was a category's value learnt from other rows, or from the very row that it describes?

Every way that the value can have been made is tried on the training rows, and the one that was used is named. Knows
no encoder: it looks at what came out, beside the categories, the labels and the folds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.data.leakage.differences import TOLERANCE
from assay.errors import DataError
from assay.ledger.evidence import Evidence

KIND = "leakage.target_encoding"
FROM_OTHERS, FROM_ALL, FROM_OWN, FROM_ROWS = "out_of_fold", "everything", "own_fold", "own_row"
TOLD = {
    FROM_OTHERS: "the other folds",
    FROM_ALL: "all rows, its own among them",
    FROM_OWN: "its own fold",
    FROM_ROWS: "rows among which its own label counts differently",
}
STRENGTHS = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 25.0, 30.0, 50.0, 100.0, 200.0, 300.0, 500.0, 1_000.0)
CERTAIN = 0.3  # correlation with the own fold's mean beyond which a value is said to follow or to avoid it

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]


def check_target_encoding(
    encoded: npt.ArrayLike,
    categories: pl.Series,
    truth: npt.ArrayLike,
    folds: npt.ArrayLike,
    *,
    name: str = "",
    tolerance: float = TOLERANCE,
) -> Evidence:
    """Recompute an encoding from the other folds, from everything and from the own fold, and say which it is.

    Each is tried without smoothing, with the usual strengths of a prior, and with the empirical Bayes rule. Where
    none gives the values (another smoothing, noise), their pattern decides: a value that is the same in all folds, or
    that moves with the labels of its own fold, has seen them.

    Args:
        encoded: The values that the model was fitted on, shape (n_rows,).
        categories: What was encoded; a missing category is one of its own, shape (n_rows,).
        truth: Labels as numbers, shape (n_rows,).
        folds: Fold of each row, as the encoder cut them, shape (n_rows,).
        name: The column, for the summary; the name of `categories` by default.
        tolerance: Relative difference that is rounding.

    Returns:
        Evidence `leakage.target_encoding`: `pass` where each value was learnt from the other folds, `fail` where the
        row's own label is in it, `warn` where the values tell neither, `info` where there is nothing to tell apart.
        Figures: `used`, the `smoothing` that gave the values, and the largest difference from each alternative.

    Raises:
        DataError: The four differ in length, or a label is missing.

    Source:
        Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical attributes: the mean with a
        prior, and its empirical Bayes form.
    """
    values, labels = np.asarray(encoded, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    fold = np.unique(np.asarray(folds), return_inverse=True)[1]
    _refuse_unfit(values, labels, fold, categories)
    subject, category = f"feature:{name or categories.name}", _codes(categories)
    if len(np.unique(fold)) < 2 or len(np.unique(labels)) < 2:
        return Evidence(
            KIND, subject, "info", "one fold or one label only: nothing to tell apart", {"rows": len(values)}
        )
    nearest = {used: _nearest(values, category, fold, labels, used) for used in (FROM_OTHERS, FROM_ALL, FROM_OWN)}
    figures: dict[str, Any] = {
        "rows": len(values),
        "categories": int(category.max()) + 1,
        "folds": int(fold.max()) + 1,
        "largest_difference": {used: gap for used, (gap, _) in nearest.items()},
    }
    scale = max(1.0, float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values))))
    exact = [used for used, (gap, _) in nearest.items() if gap <= tolerance * scale]
    if exact:
        return _evidence(subject, exact[0], figures | {"smoothing": nearest[exact[0]][1]})
    return _evidence(subject, _by_pattern(values, category, fold, labels, tolerance * scale), figures)


def _refuse_unfit(values: Floats, labels: Floats, fold: Codes, categories: pl.Series) -> None:
    lengths = {"encoded": len(values), "categories": len(categories), "truth": len(labels), "folds": len(fold)}
    if len(set(lengths.values())) > 1:
        raise DataError(f"target encoding check: {lengths} rows; give the same rows in the same order to all four.")
    if not np.isfinite(labels).all():
        raise DataError(
            "target encoding check: a label is missing. Leave rows without a label out of the training part."
        )


def _codes(categories: pl.Series) -> Codes:
    text = categories.cast(pl.String, strict=False)
    return text.rank("dense").fill_null(0).to_numpy().astype(np.intp)


def _nearest(values: Floats, category: Codes, fold: Codes, labels: Floats, used: str) -> tuple[float, str]:
    """The smoothing that comes nearest to the values if they were learnt from `used`: largest difference, and name."""
    tries = ((_gap(values, made), how) for how, made in _remade(category, fold, labels, used))
    return min(tries, key=lambda one: one[0])


def _gap(values: Floats, made: Floats) -> float:
    distance = np.abs(values - made)
    return float(np.max(np.where(np.isnan(values) & np.isnan(made), 0.0, np.nan_to_num(distance, nan=np.inf))))


def _remade(category: Codes, fold: Codes, labels: Floats, used: str) -> Iterator[tuple[str, Floats]]:
    """The encoding by every rule of smoothing, each value learnt from the rows that `used` names."""
    strengths = [*STRENGTHS, None]
    made = np.empty((len(strengths), len(labels)))
    for own in np.unique(fold):
        here = fold == own
        source = ~here if used == FROM_OTHERS else here if used == FROM_OWN else np.ones_like(here)
        tables = _tables(category[source], labels[source], int(category.max()) + 1, strengths)
        made[:, here] = tables[:, category[here]]
    for strength, row in zip(strengths, made, strict=True):
        yield "empirical Bayes" if strength is None else f"prior of {strength:g} rows", row


def _tables(category: Codes, labels: Floats, n_categories: int, strengths: list[float | None]) -> Floats:
    """Value of each category by each rule, shape (n_rules, n_categories); the mean of all labels where it is unseen."""
    n = np.bincount(category, minlength=n_categories).astype(np.float64)
    total = np.bincount(category, weights=labels, minlength=n_categories)
    squares = np.bincount(category, weights=labels**2, minlength=n_categories)
    mean, prior, variance = total / np.maximum(n, 1), labels.mean(), labels.var()
    within = np.maximum(squares - n * mean**2, 0.0) / np.maximum(n, 1)
    rules = []
    for strength in strengths:
        weight = (
            n * variance / np.maximum(n * variance + within, 1e-300)
            if strength is None
            else n / (n + strength + 1e-300)
        )
        rules.append(np.where(n > 0, prior + weight * (mean - prior), prior))
    return np.asarray(rules)


def _by_pattern(values: Floats, category: Codes, fold: Codes, labels: Floats, rounding: float) -> str:
    """Which rows a value of unknown smoothing was learnt from, by what it stays the same with; empty if unclear."""
    table = pl.DataFrame({"category": category, "fold": fold, "value": values, "label": labels})
    spread = pl.col("value").max() - pl.col("value").min()
    cells = table.group_by("category", "fold").agg(
        spread=spread, value=pl.col("value").mean(), label=pl.col("label").mean(), n=pl.len()
    )
    if (cells["spread"].fill_null(0.0) > rounding).any():
        within = table.select(
            (pl.col(name) - pl.col(name).mean().over("category", "fold")) for name in ("value", "label")
        )
        return FROM_ROWS if abs(_correlation(within["value"], within["label"])) >= CERTAIN else ""
    repeated = cells.filter(pl.len().over("category") > 1)
    apart = repeated.group_by("category").agg(spread=spread, labels=pl.col("label").n_unique())
    if apart.filter(pl.col("labels") > 1).select((pl.col("spread") <= rounding).all()).item():
        return FROM_ALL if apart.height else ""
    moved = repeated.select((pl.col(name) - pl.col(name).mean().over("category")) for name in ("value", "label"))
    follows = _correlation(moved["value"], moved["label"])
    return FROM_OTHERS if follows <= -CERTAIN else FROM_OWN if follows >= CERTAIN else ""


def _correlation(one: pl.Series, other: pl.Series) -> float:
    """Pearson's; 0 where either does not vary."""
    left, right = one.to_numpy(), other.to_numpy()
    known = np.isfinite(left) & np.isfinite(right)
    if known.sum() < 3 or np.ptp(left[known]) == 0 or np.ptp(right[known]) == 0:
        return 0.0
    return float(np.corrcoef(left[known], right[known])[0, 1])


def _evidence(subject: str, used: str, figures: dict[str, Any]) -> Evidence:
    what = repr(subject.partition(":")[2])
    figures = figures | {"used": used or None}
    if used == FROM_OTHERS:
        over = f"{figures['categories']:,} categories in {figures['folds']} folds"
        return Evidence(KIND, subject, "pass", f"each value of {what} was learnt from {TOLD[used]}, {over}", figures)
    if not used:
        summary = f"the values of {what} are no mean of labels that is known here; whether they hold their own is open"
        return Evidence(KIND, subject, "warn", summary, figures)
    summary = (
        f"{what} is a target encoding learnt from {TOLD[used]}: each row's value holds the row's own label. Give each "
        "fold of the training part the values learnt from the other folds"
    )
    return Evidence(KIND, subject, "fail", summary, figures)
