"""Traces: what the making of a data set leaves in its rows, beside what they measure.

The order of the rows, numbers inside keys, what is missing, the odd ends of times, the file or batch that a row came
with. Collects them; whether one tells the label is `predictive`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from assay.models.frame import LabelledFrame

MADE_BY = re.compile(
    r"(^|_)(file|filename|path|folder|partition|shard|chunk|batch|import|ingest(ed|ion)?|upload|export|dump|split|fold|"
    r"origin|source|data_?set|row_?(id|number|nr|index)?|index|unnamed)(_|$|\d)",
    re.IGNORECASE,
)
MOST_CODES = 200  # values of a column that names a file or a batch
LEAST_MISSING = 20
ALMOST_ALL = 0.9
NAMING = 0.5  # different words a row, from where on they are names
LAST_DIGITS = r"(\d{1,15})\D*$"


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One thing that ought to say nothing of the label.

    Attributes:
        told: What it is, in words: `the row order`, `the number in 'order_id'`.
        columns: Columns that it is read from; none for the row order.
        values: Of each row, numbers or words.
    """

    told: str
    columns: tuple[str, ...]
    values: pl.Series


def traces(frame: LabelledFrame, *, entities: Sequence[str] = ()) -> list[Trace]:
    """Every trace of the rows, in the order in which they came; those that never vary are left out."""
    found = [Trace("the row order", (), pl.Series(range(len(frame))))]
    rows = frame.rows.drop(frame.label)
    names = dict.fromkeys([frame.key, *filter(None, [frame.group]), *entities, *_naming_columns(rows, frame.features)])
    for name in names:
        found += _of_identifier(name, rows[name])
    found += _of_missing(rows.select(frame.features))
    for name in rows.columns:
        if isinstance(rows.schema[name], pl.Datetime):
            found += _of_time(name, rows[name])
        if MADE_BY.search(name) and name not in names and 1 < rows[name].n_unique() <= MOST_CODES:
            found.append(Trace(f"column {name!r}", (name,), rows[name].cast(pl.String, strict=False)))
    return [one for one in found if one.values.n_unique() > 1]


def _naming_columns(rows: pl.DataFrame, features: Sequence[str]) -> Iterator[str]:
    """Columns that name rows: words that hardly repeat, and whole numbers that never do and are no feature."""
    for name, dtype in rows.schema.items():
        is_number = dtype.is_integer() and name not in features
        if (dtype == pl.String or is_number) and rows.height > 1:
            distinct = rows[name].n_unique() / rows.height
            if distinct == 1 or (dtype == pl.String and distinct >= NAMING):
                yield name


def _of_identifier(name: str, column: pl.Series) -> Iterator[Trace]:
    """The number in an identifier, its last digit, its length, and what stands before the number."""
    text = column.cast(pl.String, strict=False)
    digits = text.str.extract(LAST_DIGITS)
    if digits.null_count() <= (1 - ALMOST_ALL) * len(digits):
        yield Trace(f"the number in {name!r}", (name,), digits.cast(pl.Float64))
        yield Trace(f"the last digit of {name!r}", (name,), digits.str.slice(-1))
    else:
        yield Trace(f"the alphabetical order of {name!r}", (name,), text.rank("dense").cast(pl.Float64))
    length = text.str.len_chars()
    if length.n_unique() <= MOST_CODES:
        yield Trace(f"the length of {name!r}", (name,), length.cast(pl.String))
    before = text.str.extract(r"^(\D*)\d")
    if 1 < before.n_unique() <= MOST_CODES:
        yield Trace(f"the beginning of {name!r}", (name,), before)


def _of_missing(features: pl.DataFrame) -> Iterator[Trace]:
    """Whether each feature is missing, and how many are."""
    lacks = features.select(pl.all().is_null())
    counts = {name: int(lacks[name].sum()) for name in lacks.columns}
    partly = [name for name, n in counts.items() if LEAST_MISSING <= n <= features.height - LEAST_MISSING]
    for name in partly:
        yield Trace(f"whether {name!r} is missing", (name,), _word(lacks[name], "missing", "present"))
    if len(partly) > 1:
        yield Trace("how many features are missing", tuple(partly), _sum(lacks[name] for name in partly))


def _of_time(name: str, column: pl.Series) -> Iterator[Trace]:
    """The odd ends of a time: its fraction of a second, its second, and whether it is midnight sharp."""
    yield Trace(f"the fraction of a second of {name!r}", (name,), column.dt.microsecond().cast(pl.Float64))
    yield Trace(f"the second of {name!r}", (name,), column.dt.second().cast(pl.Float64))
    yield Trace(
        f"whether {name!r} is midnight", (name,), _word(column == column.dt.truncate("1d"), "midnight", "later")
    )


def _word(flags: pl.Series, yes: str, no: str) -> pl.Series:
    return flags.replace_strict({True: yes, False: no}, default=None, return_dtype=pl.String)


def _sum(flags: Iterable[pl.Series]) -> pl.Series:
    return pl.DataFrame([one.cast(pl.Int64).alias(str(number)) for number, one in enumerate(flags)]).sum_horizontal()
