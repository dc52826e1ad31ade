"""A labelled frame: rows to learn from or to be judged on, with the part that each column plays.

Made by the feature room's point-in-time join, cut by the data room's splits, read by training and evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from assay.errors import DataError


@dataclass(frozen=True, slots=True)
class LabelledFrame:
    """Rows with roles.

    Attributes:
        rows: One row a prediction; holds at least the columns named below.
        key: Column that names the row; unique.
        label: Column with the truth: 0/1 for classification, a number for regression.
        features: The model's inputs, in order.
        time: Column with the prediction time (Datetime, UTC); None where the data has no time.
        group: Column whose values must not be split between train and test; None where there is none.
    """

    rows: pl.DataFrame
    key: str
    label: str
    features: tuple[str, ...]
    time: str | None = None
    group: str | None = None

    def __len__(self) -> int:
        return self.rows.height

    @property
    def inputs(self) -> pl.DataFrame:
        """The feature columns alone, in order."""
        return self.rows.select(self.features)

    @property
    def questions(self) -> pl.DataFrame:
        """The rows without their answers, as rules and models see them."""
        return self.rows.drop(self.label)

    @property
    def truth(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The label as float64, shape (n_rows,).

        Raises:
            DataError: The label is text that holds no numbers.
        """
        try:
            return self.rows[self.label].cast(pl.Float64).to_numpy()
        except pl.exceptions.InvalidOperationError:
            found = self.rows[self.label].drop_nulls().unique(maintain_order=True).head(3).to_list()
            raise DataError(
                f"the label {self.label!r} holds {', '.join(map(repr, found))}, which are no numbers. For a "
                "classification name the value that counts as 1 in target.positive; for a regression name a column of "
                "numbers."
            ) from None

    def take(self, rows: pl.DataFrame) -> LabelledFrame:
        """The same roles over other rows."""
        return replace(self, rows=rows)
