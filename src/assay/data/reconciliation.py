"""Reconciliation: what leaves a stage is what went in, by row counts and an order-free checksum of keys (DS-3).

A tally of rows is cheap: their number, and the sum of the 64 bit hashes of their keys modulo 2^64, in which neither
order nor partition counts, so that the tallies of parts add up to that of the whole. Which stages there are is told in
the pipelines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from assay.data.addressed import first_line
from assay.errors import DataError
from assay.ledger.evidence import Evidence

MODULUS = 2**64
KIND = "data.reconciliation"


@dataclass(frozen=True, slots=True)
class Tally:
    """The rows of one stage, counted.

    Attributes:
        stage: What they are: `source games`, `label rows`.
        rows: How many.
        checksum: Sum of the hashes of their keys modulo 2^64; None where they have no key.
    """

    stage: str
    rows: int
    checksum: int | None = None

    def __str__(self) -> str:
        keys = "" if self.checksum is None else f", keys {self.checksum:016x}"
        return f"{self.stage} {self.rows:,} rows{keys}"

    def to_json(self) -> dict[str, Any]:
        checksum = None if self.checksum is None else f"{self.checksum:016x}"
        return {"stage": self.stage, "rows": self.rows, "checksum": checksum}


@dataclass(frozen=True, slots=True)
class Step:
    """One place where rows are handed on.

    Attributes:
        before: What went in.
        after: What came out, in parts that together must be what went in.
        left_out: Rows that were left out on purpose, and counted where that was done.
    """

    before: Tally
    after: tuple[Tally, ...]
    left_out: int = 0

    @property
    def problem(self) -> str:
        """What does not add up; empty where all does."""
        rows = sum(part.rows for part in self.after) + self.left_out
        parts = " + ".join(str(part) for part in self.after)
        if rows != self.before.rows:
            aside = f" and {self.left_out:,} left out" if self.left_out else ""
            return f"{self.before} became {parts}{aside}: {rows - self.before.rows:+,} rows"
        sums = [part.checksum for part in self.after]
        if self.left_out or self.before.checksum is None or None in sums:
            return ""
        if sum(one for one in sums if one is not None) % MODULUS != self.before.checksum:
            return f"{self.before} became {parts}: as many rows, but not the same keys"
        return ""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Every step that was looked at, and rows whose keys the stage before does not know, by stage."""

    steps: Sequence[Step]
    strangers: Mapping[str, int] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """One sentence for each thing that does not add up."""
        unknown = [
            f"{stage}: {count:,} rows have a key that the stage before does not have"
            for stage, count in self.strangers.items()
            if count
        ]
        return [step.problem for step in self.steps if step.problem] + unknown

    def evidence(self, subject: str) -> Evidence:
        """The record: `fail` where anything does not add up."""
        told = "; ".join(self.problems) or "; ".join(
            f"{step.before.stage} → {' + '.join(part.stage for part in step.after)}: {step.before.rows:,} rows"
            for step in self.steps
        )
        figures = {
            "steps": [
                {
                    "before": step.before.to_json(),
                    "after": [part.to_json() for part in step.after],
                    "left_out": step.left_out,
                    "problem": step.problem,
                }
                for step in self.steps
            ],
            "strangers": dict(self.strangers),
        }
        return Evidence(KIND, subject, "fail" if self.problems else "pass", f"rows reconciled: {told}", figures)


def tally(stage: str, rows: pl.DataFrame | pl.LazyFrame, key: Sequence[str] = ()) -> Tally:
    """Count rows and add up the hashes of their keys, in one pass and flat memory.

    Hashes are those of Polars, which are the same within one version of it: checksums are compared within a run.

    Args:
        stage: What the rows are.
        rows: Any frame that holds `key`.
        key: Columns that name a row; compared as text, so that a key may change its type on the way.

    Raises:
        DataError: The rows cannot be read to their end.
    """
    frame = rows.lazy()
    try:
        if not key:
            return Tally(stage, int(frame.select(pl.len()).collect(engine="streaming").item()))
        hashes = pl.struct(pl.col(column).cast(pl.String) for column in key).hash()
        # halves apart, so that their sums stay far from the end of 64 bits
        low, high = hashes & 0xFFFF_FFFF, hashes // 2**32
        counted = frame.select(rows=pl.len(), low=low.sum(), high=high.sum()).collect(engine="streaming")
    except PolarsError as failure:
        raise DataError(f"{stage}: the rows cannot be counted: {first_line(failure)}") from failure
    n_rows, low_sum, high_sum = counted.row(0)
    return Tally(stage, n_rows, (int(low_sum) + (int(high_sum) << 32)) % MODULUS)


def strangers(rows: pl.DataFrame | pl.LazyFrame, among: pl.DataFrame | pl.LazyFrame, key: str) -> int:
    """How many rows have a key that none of `among` has."""
    asked = rows.lazy().select(pl.col(key).cast(pl.String)).drop_nulls()
    known = among.lazy().select(pl.col(key).cast(pl.String)).unique()
    return int(asked.join(known, on=key, how="anti").select(pl.len()).collect(engine="streaming").item())
