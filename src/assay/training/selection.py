"""Choosing columns (FE-7): how much each says of the label, and which say the same as another; on training rows alone.

Knows nothing of how the columns came to be, nor of the model that will read them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np
import polars as pl

from assay.config.settings import Interactions
from assay.errors import ConfigError
from assay.ledger.evidence import Evidence
from assay.models.signature import Task
from assay.models.transforms.interaction import Interaction
from assay.models.transforms.transform import Array, Column

KIND = "features.selection"
BINS = 16
SAME = 0.995
"""Correlation from which a column says the same as one that is kept already."""

MOST_CANDIDATES = 5_000
MOST_MISSING = 0.5
"""Share of training rows without a value from which an interaction is no candidate."""

LISTED = 50

Codes = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was kept of what there was.

    Attributes:
        scores: Mutual information with the label of every candidate, in nats, the best first.
        kept: Names of the columns that the model reads, the best first.
        same: Candidates left out although good, with the kept column that says the same.
        maximum: Most that could be kept; None where all are.
        correlation_of: The kept columns of numbers, in the order of `correlation`.
        correlation: Pearson's over the rows that were scored, shape (n, n); 0 where a column does not vary.
    """

    scores: Mapping[str, float]
    kept: tuple[str, ...]
    same: Mapping[str, str]
    maximum: int | None
    correlation_of: tuple[str, ...]
    correlation: Array


def mutual_information(column: Column, label: Codes) -> float:
    """What a column tells of a label, in nats; 0 where it tells nothing.

    Numbers are cut into 16 bins of about as many rows; a missing value is a bin of its own. The estimate is corrected
    for the bins that chance fills, and never below 0.

    Args:
        column: float64 with nan where missing, or a String series, shape (n_rows,).
        label: Codes from `label_codes`, shape (n_rows,).

    Source:
        Miller (1955), Note on the bias of information estimates: half the surplus of filled cells over n.
    """
    codes = _codes(column)
    joint = np.bincount(codes * (int(label.max(initial=0)) + 1) + label)
    own, other = np.bincount(codes), np.bincount(label)
    plain = _entropy(own) + _entropy(other) - _entropy(joint)
    surplus = np.count_nonzero(joint) - np.count_nonzero(own) - np.count_nonzero(other) + 1
    return max(0.0, plain - surplus / (2 * max(1, len(label))))


def label_codes(truth: Array, task: Task) -> Codes:
    """Classes as they are; numbers in 16 bins of about as many rows."""
    return truth.astype(np.int64) if task == "classification" else _codes(truth)


def candidates(names: Sequence[str], declared: Interactions, *, zeros: Callable[[str], int]) -> list[Interaction]:
    """Every interaction that is asked for among columns of numbers.

    Args:
        names: Of the columns.
        declared: Which kinds, and how deep.
        zeros: How often a column cannot be divided by; of two, the one with fewer goes below the line.

    Raises:
        ConfigError: There would be too many.
    """
    made: list[Interaction] = []
    for one, other in combinations(names, 2):
        if "ratio" in declared.kinds:
            made.append(Interaction("ratio", (one, other) if zeros(other) <= zeros(one) else (other, one)))
        if "difference" in declared.kinds:
            made.append(Interaction("difference", (one, other)))
    for depth in range(2, declared.depth + 1):
        for factors in combinations_with_replacement(names, depth):
            asked = "polynomial" if len(set(factors)) < depth else "product"
            if asked in declared.kinds:
                made.append(Interaction("product", factors))
        if len(made) > MOST_CANDIDATES:
            raise ConfigError(
                f"training.interactions: {len(names)} columns make more than {MOST_CANDIDATES:,} interactions. Name "
                "fewer columns or kinds, or a smaller depth."
            )
    return made


def choose(scores: Mapping[str, float], column_of: Callable[[str], Column], *, maximum: int | None) -> Chosen:
    """Take the columns that say most, each unless it says the same as a better one.

    Args:
        scores: Mutual information by name; of equals the earlier goes first.
        column_of: Gives a candidate's training values.
        maximum: Most that are kept; None keeps all, the alike too.
    """
    ranked = dict(sorted(scores.items(), key=lambda one: -one[1]))
    kept: list[str] = []
    same: dict[str, str] = {}
    standard: dict[str, Array] = {}
    for name in ranked:
        if maximum is not None and len(kept) == maximum:
            break
        column = column_of(name)
        unit = None if isinstance(column, pl.Series) else _unit(column)
        if unit is not None:
            others = standard.items() if maximum is not None else ()
            twin = next((one for one, other in others if abs(float(unit @ other)) >= SAME), None)
            if twin is not None:
                same[name] = twin
                continue
            standard[name] = unit
        kept.append(name)
    table = np.stack(list(standard.values())) if standard else np.empty((0, 0))
    return Chosen(ranked, tuple(kept), same, maximum, tuple(standard), table @ table.T)


def selection_evidence(chosen: Chosen, importance: Mapping[str, float], *, label: str) -> Evidence:
    """Kind `features.selection`: what was kept by how much it tells, how the kept resemble one another, what was used.

    Args:
        chosen: The choice.
        importance: Share of each kept column in the model that was fitted.
        label: Name of the predicted column.
    """
    first = [name for name in importance if name in set(chosen.correlation_of)][:LISTED]
    places = [chosen.correlation_of.index(name) for name in first]
    dropped = [name for name in chosen.scores if name not in set(chosen.kept)]
    best = next(iter(chosen.scores), "")
    told = f"; {best} tells most, {chosen.scores[best]:.4f} nats" if best else ""
    return Evidence(
        kind=KIND,
        subject=f"features:{label}",
        verdict="info",
        summary=f"{len(chosen.kept):,} of {len(chosen.scores):,} columns kept{told}",
        figures={
            "maximum": chosen.maximum,
            "n_candidates": len(chosen.scores),
            "kept": {name: round(chosen.scores[name], 6) for name in chosen.kept},
            "dropped": {name: round(chosen.scores[name], 6) for name in dropped[:LISTED]},
            "same_as": dict(list(chosen.same.items())[:LISTED]),
            "importance": {name: round(share, 6) for name, share in list(importance.items())[:LISTED]},
            "correlation": {"columns": first, "matrix": chosen.correlation[np.ix_(places, places)].round(3).tolist()},
        },
    )


def missing_share(column: Column) -> float:
    """Share of rows without a value."""
    if isinstance(column, pl.Series):
        return column.null_count() / max(1, len(column))
    return float(np.isnan(column).mean()) if len(column) else 0.0


def _codes(column: Column) -> Codes:
    if isinstance(column, pl.Series):
        return column.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    finite = np.isfinite(column)
    edges = np.unique(np.quantile(column[finite], np.arange(1, BINS) / BINS)) if finite.any() else np.empty(0)
    return np.where(finite, np.searchsorted(edges, column, side="right") + 1, 0)


def _entropy(counts: np.ndarray[Any, Any]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _unit(column: Array) -> Array:
    """The column centred and of length 1, missing values at the centre; zeros where it does not vary."""
    finite = np.isfinite(column)
    with np.errstate(all="ignore"):
        centred = np.where(finite, column - column[finite].mean(), 0.0) if finite.any() else np.zeros(len(column))
        largest = np.abs(centred).max(initial=0.0)
        scaled = centred / largest if 0 < largest < np.inf else np.zeros(len(column))
        length = float(np.sqrt(scaled @ scaled))
    return scaled / length if length > 0 else scaled
