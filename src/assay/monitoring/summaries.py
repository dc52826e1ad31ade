"""Profiles: small mergeable summaries of rows and scores; that of the training rows travels with the model version.

Profiles of parts, made on any number of workers, merge in any order to the very profile of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from assay.errors import DataError
from assay.monitoring.columns import ColumnSummary, summarise, summary_from_json

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Profile:
    """What a set of rows looks like.

    Attributes:
        n: Rows.
        columns: Summary by column name.
        scores: Summary of the model's answers; None where none were given.
    """

    n: int
    columns: Mapping[str, ColumnSummary]
    scores: ColumnSummary | None = None

    def merge(self, other: Self) -> Self:
        """The profile of the rows of both.

        Raises:
            DataError: They were made over different columns or bins.
        """
        if self.columns.keys() != other.columns.keys() or (self.scores is None) != (other.scores is None):
            differing = sorted(self.columns.keys() ^ other.columns.keys()) or ["scores"]
            raise DataError(f"profiles differ in {differing}. Profile both `like` the same reference.")
        columns = {name: _merged(summary, other.columns[name]) for name, summary in self.columns.items()}
        scores = None if self.scores is None or other.scores is None else _merged(self.scores, other.scores)
        return type(self)(self.n + other.n, columns, scores)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "n": self.n,
            "columns": {name: summary.to_json() for name, summary in self.columns.items()},
            "scores": None if self.scores is None else self.scores.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """
        Raises:
            DataError: The profile was written by a newer version in another format.
        """
        if data.get("format") != FORMAT:
            raise DataError(f"a profile has format {data.get('format')!r}; this version reads {FORMAT}. Upgrade assay.")
        columns = {name: summary_from_json(summary) for name, summary in data["columns"].items()}
        return cls(data["n"], columns, None if data["scores"] is None else summary_from_json(data["scores"]))


def profile(
    rows: pl.DataFrame,
    columns: Sequence[str] | None = None,
    *,
    scores: npt.ArrayLike | None = None,
    like: Profile | None = None,
) -> Profile:
    """Summarise rows.

    Args:
        rows: One row a prediction.
        columns: Which to summarise; default all, or those of `like`. A column of `like` that `rows` lacks counts as
            missing in every row.
        scores: The model's answers for the rows, shape (n_rows,).
        like: Use the bins of this profile, to be compared or merged with it; else bins come from the rows.

    Raises:
        DataError: A column has a type without a summary, or there are more or fewer scores than rows.
    """
    answers = None if scores is None else pl.Series("scores", np.asarray(scores, dtype=np.float64))
    if answers is not None and len(answers) != rows.height:
        raise DataError(f"{len(answers):,} scores for {rows.height:,} rows. Give one for each.")
    if like is None:
        names = rows.columns if columns is None else columns
        summaries = {name: summarise(rows[name]) for name in names}
        return Profile(rows.height, summaries, None if answers is None else summarise(answers))
    names = list(like.columns) if columns is None else columns
    summaries = {name: summarise(_column(rows, name), like=like.columns[name]) for name in names}
    return Profile(rows.height, summaries, None if answers is None else summarise(answers, like=like.scores))


def merged(profiles: Iterable[Profile]) -> Profile:
    """The profile of the rows of all of them, at least one."""
    return reduce(Profile.merge, profiles)


def _column(rows: pl.DataFrame, name: str) -> pl.Series:
    return rows[name] if name in rows.columns else pl.Series(name, [None] * rows.height, dtype=pl.Null)


def _merged(one: ColumnSummary, other: ColumnSummary) -> ColumnSummary:
    if type(one) is not type(other):
        raise DataError("a column is numbers in one profile and text in the other. Profile both `like` one reference.")
    return one.merge(other)  # type: ignore[arg-type]  # same type, seen above
