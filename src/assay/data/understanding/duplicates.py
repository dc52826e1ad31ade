"""Duplicates: rows that say the same twice, and columns that do.

Rows are compared by a 64 bit hash of all their values, read a few columns at a time; among a million different rows
two share one by accident once in some tens of millions of cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

SEED = 20
ODD = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio in 64 bits: spreads what it multiplies

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What stands there more than once.

    Attributes:
        exact: Rows that repeat an earlier one in every column.
        beside_key: Rows that repeat an earlier one in every column but the key; None where no key is declared.
        on_key: Rows whose key an earlier row has; None where no key is declared.
        key: Columns of the key.
        columns: Groups of columns with equal values in every row, each in the source's order.
        of: Rows looked at.
    """

    exact: int
    beside_key: int | None
    on_key: int | None
    key: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    of: int

    def to_json(self) -> dict[str, Any]:
        return {
            "exact": self.exact,
            "beside_key": self.beside_key,
            "on_key": self.on_key,
            "key": list(self.key),
            "columns": [list(one) for one in self.columns],
            "of": self.of,
        }


@dataclass(slots=True)
class Comparison:
    """Collects hashes while the columns go by, so that no more than a few of them are in memory.

    Attributes:
        n_rows: Rows of the source.
        key: Columns that name a row; empty where none do.
    """

    n_rows: int
    key: Sequence[str]
    _whole: Hashes = field(init=False)
    _beside: Hashes = field(init=False)
    _key: Hashes = field(init=False)
    _columns: dict[tuple[str, int, int], list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._whole, self._beside, self._key = (np.zeros(self.n_rows, dtype=np.uint64) for _ in range(3))

    def add(self, column: pl.Series) -> None:
        """Take in one column; each once."""
        hashes = column.hash(SEED).to_numpy()
        in_order = int((hashes * _odd_numbers(self.n_rows)).sum(dtype=np.uint64))  # equal values in an equal order
        self._columns.setdefault((str(column.dtype), in_order, int(hashes.sum(dtype=np.uint64))), []).append(
            column.name
        )
        self._whole = self._whole * ODD + hashes
        if column.name in self.key:
            self._key = self._key * ODD + hashes
        else:
            self._beside = self._beside * ODD + hashes

    def result(self, *, empty: frozenset[str]) -> Duplicates:
        """Count what repeats; columns in `empty` hold nothing, and are no copies of each other."""
        exact, beside, on_key = (self._surplus(one) for one in (self._whole, self._beside, self._key))
        same = [tuple(name for name in names if name not in empty) for names in self._columns.values()]
        has_key = bool(self.key)
        return Duplicates(
            exact,
            beside if has_key else None,
            on_key if has_key else None,
            tuple(self.key),
            tuple(names for names in same if len(names) > 1) if self.n_rows > 1 else (),
            self.n_rows,
        )

    def _surplus(self, hashes: Hashes) -> int:
        return self.n_rows - pl.Series(hashes).n_unique() if self.n_rows else 0


def _odd_numbers(n: int) -> Hashes:
    return np.arange(n, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
