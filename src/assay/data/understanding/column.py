"""Column: all that is known of one column by itself, from every row of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from assay.data.understanding import distributions, kinds
from assay.data.understanding.distributions import Distribution
from assay.data.understanding.kinds import Kind, Missing, Reading

TEXT = Reading("", 0, None)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a source.

    Attributes:
        name: Of the column.
        dtype: How it is stored.
        kind: What it holds.
        missing: Values that are not there.
        distribution: How its values are spread; None where it is empty or nested.
        reads_as: What a column of text holds in truth, with how many values do not.
    """

    name: str
    dtype: str
    kind: Kind
    missing: Missing
    distribution: Distribution | None
    reads_as: Reading = TEXT

    @property
    def distinct(self) -> int | None:
        """Different values; None where they were not counted."""
        return self.distribution.distinct if self.distribution else 0 if self.kind == "empty" else None

    @property
    def is_constant(self) -> bool:
        """Every row that has a value has the same one."""
        return self.distinct == 1

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.dtype,
            "kind": self.kind,
            "missing": self.missing.to_json(),
            "distribution": self.distribution.to_json() if self.distribution else None,
            "reads_as": {"kind": self.reads_as.kind, "unread": self.reads_as.n_unread} if self.reads_as.kind else None,
        }


def look_at(column: pl.Series, *, reads_as: Reading = TEXT, in_key: bool = False) -> Column:
    """Describe a column.

    Args:
        column: All of its values.
        reads_as: What it holds in truth, where it is text.
        in_key: The source declares it as part of its key.
    """
    missing, stored = kinds.missing_in(column), _short(column.dtype)
    present = kinds.without_missing(column if reads_as.values is None else reads_as.values)
    dtype = present.dtype
    if present.is_empty() or kinds.is_nested(dtype):
        kind: Kind = "nested" if present.len() else "empty"
        return Column(column.name, stored, kind, missing, None)
    if dtype.is_numeric():
        found = distributions.of_numbers(present)
        kind = kinds.kind_of(present, distinct=found.distinct, in_key=in_key)
    elif dtype.is_temporal():
        found, kind = distributions.of_times(present), "time"
    else:
        distinct = present.n_unique()
        kind = kinds.kind_of(present, distinct=distinct, in_key=in_key)
        found = distributions.of_values(present, show_values=kind in ("category", "flag"))
    return Column(column.name, stored, kind, missing, found, replace(reads_as, values=None))


def _short(dtype: pl.DataType) -> str:
    """The type in Polars' words, cut where it lists many fields or values."""
    text = str(dtype)
    return text if len(text) <= 60 else text[:59] + "…"
