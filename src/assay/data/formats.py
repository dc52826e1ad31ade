"""Formats: how much of a text column is written otherwise than the rest of it.

Three slips are looked for: other spelling of the same word (` Yes`, `YES`), something else among numbers, and another
order or separator among dates. Free text and codes have no common format and count as regular.
"""

from __future__ import annotations

import polars as pl

WORDS = 1_000  # a column with more spellings, or more than one for every five rows, is free text or a code
SAMPLE_ROWS = 200_000  # shares need no more; taken evenly
USUAL = 0.5  # from this share on, numbers or dates are what the column holds
DATE = r"^\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}([T ].*)?$|^\d{1,2} [A-Za-z]{3,9} \d{4}$|^[A-Za-z]{3,9} \d{1,2},? \d{4}$"


def irregular_share(column: pl.Series) -> float:
    """Share of the values present that are written otherwise than most, in [0, 1]; 0 for anything but text."""
    if column.dtype != pl.String:
        return 0.0
    values = column.gather_every(max(1, column.len() // SAMPLE_ROWS)).drop_nulls()
    values = values.filter(values.str.strip_chars() != "")
    if values.is_empty():
        return 0.0
    return max(_other_spelling(values), _other_than_numbers(values), _other_dates(values))


def _other_spelling(values: pl.Series) -> float:
    """Values that differ from the usual spelling of the same word in case or in blanks around it."""
    spelt = values.value_counts().rename({values.name: "value"})
    if spelt.height > min(WORDS, max(20, values.len() // 5)):
        return 0.0
    word = pl.col("value").str.strip_chars().str.to_lowercase()
    usual = spelt.group_by(word.alias("word")).agg(pl.col("count").max())["count"].sum()
    return 1 - int(usual) / values.len()


def _other_than_numbers(values: pl.Series) -> float:
    is_number = values.str.strip_chars().cast(pl.Float64, strict=False).is_not_null().mean()
    share = float(is_number or 0.0)  # type: ignore[arg-type]
    return 1 - share if share >= USUAL else 0.0


def _other_dates(values: pl.Series) -> float:
    """Values that lack the usual shape of a date, where `9/9/9` is the shape of `6/16/2015`."""
    text = values.str.strip_chars()
    is_date = text.str.contains(DATE)
    if is_date.sum() < USUAL * values.len():
        return 0.0
    shape = text.filter(is_date).str.replace_all(r"\d{3,}", "Y").str.replace_all(r"\d+", "9")
    shape = shape.str.replace_all(r"[A-Za-z]{3,}", "M")
    return 1 - int(shape.value_counts()["count"].max()) / values.len()  # type: ignore[arg-type]
