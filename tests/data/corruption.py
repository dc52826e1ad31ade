"""Ways to spoil a table, as the quality score must notice: blanked cells, repeated rows, mixed formats."""

from __future__ import annotations

import numpy as np
import polars as pl


def blanked(rows: pl.DataFrame, *, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """Every cell becomes missing with the chance `share`."""
    return rows.with_columns(
        pl.when(pl.Series(rng.random(rows.height) >= share)).then(pl.col(column)).alias(column)
        for column in rows.columns
    )


def repeated(rows: pl.DataFrame, *, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """A share of the rows once more, anywhere."""
    extra = rng.choice(rows.height, size=int(rows.height * share), replace=False)
    order = np.concatenate([np.arange(rows.height), extra])
    return rows[rng.permutation(order)]


def mixed_formats(rows: pl.DataFrame, *, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """A share of each column's values is written otherwise: `12 USD`, `YES`, ` Yes`, 2015-06-16 for 6/16/2015."""

    def spoilt(column: str) -> pl.Expr:
        value = pl.col(column)
        text = value.cast(pl.String)
        if rows.schema[column].is_numeric():
            other = pl.format("{} USD", text)
        elif rows[column].drop_nulls().str.contains(r"^\d+/\d+/\d{4}$").mean() == 1:
            other = text.str.to_datetime("%m/%d/%Y").dt.strftime("%Y-%m-%d")
        else:
            other = (
                pl.when(pl.Series(rng.random(rows.height) < 0.5)).then(text.str.to_uppercase()).otherwise(" " + text)
            )
        return pl.when(pl.Series(rng.random(rows.height) < share)).then(other).otherwise(text).alias(column)

    return rows.with_columns(spoilt(column) for column in rows.columns)
