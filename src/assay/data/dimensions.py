"""The six dimensions of data quality, each measured from the data itself on a scale of 0 to 5.

Every dimension says what it measured, why that is its score, and what would raise it; one that cannot be measured has
no score, which is not 0. Bringing them together is `quality`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from assay.config.durations import spoken_duration
from assay.config.settings import Source
from assay.data.association import association
from assay.data.blank_rows import blank_hash, row_hash
from assay.data.event_time import EVENT_TIME, KNOWN_AT
from assay.data.failures import Failure
from assay.data.formats import SAMPLE_ROWS, irregular_share
from assay.models.frame import LabelledFrame

FULL = 5.0
MISSING_BEST, MISSING_WORST = 0.01, 0.50  # DQ-1
ROWS_WORST, ROWS_BEST = 100, 10_000  # DQ-1; the best a class
TOO_WRONG = 0.10  # broken rules a row, or irregular and repeated rows: one in ten leaves nothing of the score
UNDECLARED_WEIGHT = 0.25  # of a column that no declaration names, beside 1 for one that is used
RELEVANT = 0.30  # a medium effect (Cohen, 1988, Statistical Power Analysis)
TOP_COLUMNS = 3
MOST_CLASSES = 20  # a label with more values is a quantity
SHOWN = 3
HASHES_AT_ONCE = 8_000_000  # of rows, held in memory to find those that occur twice


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension of one source, or of all data.

    Attributes:
        score: 0 to 5; nan where it cannot be measured.
        figures: What it rests on.
        why: One sentence with the figures that decide.
        fix: What would raise it; empty at the full score.
    """

    score: float
    figures: dict[str, Any]
    why: str
    fix: str = ""


def between(value: float, *, worst: float, best: float) -> float:
    """5 at `best` and beyond, 0 at `worst` and beyond, linear in between."""
    return FULL * min(1.0, max(0.0, (value - worst) / (best - worst)))


def completeness(frame: pl.LazyFrame, source: Source) -> Dimension:
    """Share of cells that are missing: null, nan or blank text; 5 below 1 %, 0 above 50 %.

    A column counts in full where the declaration names it (key, time, known before, expectations), a quarter otherwise
    and not at all where an expectation says `nullable: true`: a column for optional notes is empty by nature.
    """
    optional = {one.column for one in source.expectations if one.nullable}
    columns = [column for column in own_columns(frame) if column not in optional]
    missing = missing_shares(frame, columns)
    if not missing:
        return Dimension(0.0, {"missing": 1.0}, "there are no rows", "Bring rows.")
    share = _weighted(missing, source)
    worst = _highest(missing)
    score = between(share, worst=MISSING_WORST, best=MISSING_BEST)
    why = f"{share:.1%} of the cells that count are missing{_in(worst)}"
    fix = f"Fill {_named(worst)} at the source, or declare what may be empty with `nullable: true`."
    return Dimension(score, {"missing": share, "worst": worst}, why, fix)


def accuracy(
    n_rows: int, n_rules: int, failures: Sequence[Failure], reconciled: Mapping[str, float] | None = None
) -> Dimension:
    """Broken rules a row, a warning counting half; 5 for none, 0 from one in ten. Undefined where no rule is declared.

    Where a source of truth is declared, the share of keys that one side lacks and of the cells that disagree with it
    count like broken rules.

    Args:
        n_rows: Rows of the source.
        n_rules: Rules that were held against it; that keys name one row is one of them, so that a row which repeats a
            declared key costs accuracy as well as consistency.
        failures: What broke, as `expectations` found it.
        reconciled: `missing` and `disagreeing`, shares in [0, 1], where the source was held against a truth.
    """
    if not n_rules or not n_rows:
        return Dimension(math.nan, {"rules": n_rules}, "no rules are declared", "Declare expectations.")
    weights = {str(one): 1 if one.severity == "error" else 0.5 for one in failures}
    shares = {str(one): one.share * weights[str(one)] for one in failures}
    counted = {str(one) for one in failures if one.about != "truth"}
    broken = sum(share for title, share in shares.items() if title in counted) + sum((reconciled or {}).values())
    worst = _highest(shares)
    why = f"{n_rules - len(failures)} of {n_rules} rules hold" + (f"; {'; '.join(worst)}" if worst else "")
    fix = f"Correct the rows at the source: {'; '.join(worst)}."
    figures: dict[str, Any] = {"rules": n_rules, "broken": broken}
    if reconciled is not None:
        figures["truth"] = dict(reconciled)
    return Dimension(between(broken, worst=TOO_WRONG, best=0.0), figures, why, fix)


def consistency(frame: pl.LazyFrame, source: Source) -> Dimension:
    """Share of rows that repeat another (its key, or whole where no key is declared) plus of text in another format."""
    n_rows = int(frame.select(pl.len()).collect(engine="streaming").item())
    if not n_rows:
        return Dimension(math.nan, {}, "there are no rows")
    columns = own_columns(frame)
    irregular = irregular_shares(frame, columns, n_rows)
    repeated = repeated_share(frame, list(source.key) or columns)
    formats = _weighted(irregular, source)
    worst = _highest(irregular)
    why = f"{repeated:.1%} of the rows repeat another, {formats:.1%} of the values are in another format{_in(worst)}"
    fixes = [f"Write {_named(worst)} in one format."] if worst else []
    fixes += ["Remove the repeated rows, or declare the key that tells them apart."] if repeated else []
    figures = {"repeated": repeated, "irregular": formats, "worst": worst}
    return Dimension(between(repeated + formats, worst=TOO_WRONG, best=0.0), figures, why, " ".join(fixes))


def formats(frame: pl.LazyFrame, source: Source) -> Dimension:
    """Share of text in another format than most: the part of consistency that a sample of rows can be asked."""
    n_rows = int(frame.select(pl.len()).collect(engine="streaming").item())
    if not n_rows:
        return Dimension(math.nan, {}, "there are no rows")
    irregular = irregular_shares(frame, own_columns(frame), n_rows)
    share, worst = _weighted(irregular, source), _highest(irregular)
    why = f"{share:.1%} of the values are in another format{_in(worst)}"
    fix = f"Write {_named(worst)} in one format." if worst else ""
    return Dimension(between(share, worst=TOO_WRONG, best=0.0), {"irregular": share, "worst": worst}, why, fix)


def timeliness(newest: datetime | None, source: Source, *, now: datetime) -> Dimension:
    """Age of the newest row against the declared refresh: 5 within one, then one point less for each one missed."""
    if source.refresh is None or not source.refresh or source.time is None:
        return Dimension(math.nan, {}, "no refresh is declared", "Declare `refresh`.")
    if newest is None:
        return Dimension(0.0, {"newest": None}, "no row has a time", "Correct the time column, or its time_format.")
    age = max(timedelta(0), now - newest)
    refreshes = age / source.refresh
    figures = {"newest": newest, "refresh_seconds": source.refresh.total_seconds(), "refreshes": refreshes}
    due = f"due every {spoken_duration(source.refresh)}"
    why = f"the newest row is of {newest:%Y-%m-%d %H:%M}, {spoken_duration(age)} ago; {due}"
    return Dimension(between(refreshes, worst=6.0, best=1.0), figures, why, "Load the rows that are due.")


def relevance(labels: LabelledFrame | None) -> Dimension:
    """How much the three best columns explain of the label, each alone; 5 from a correlation ratio of 0.3.

    Looks at the features, or at every other column where there are none yet.
    """
    if labels is None or len(labels) == 0:
        return Dimension(math.nan, {}, "there are no labelled rows to measure it on")
    known = labels.rows.filter(pl.col(labels.label).is_not_null())
    truth = as_numbers(known[labels.label])
    roles = {labels.key, labels.label, labels.time, labels.group, EVENT_TIME, KNOWN_AT}
    columns = [one for one in labels.features or known.columns if one not in roles]
    found = {one: association(known[one], truth, n_columns=len(columns)) for one in columns}
    top = dict(sorted(found.items(), key=lambda item: -item[1])[:TOP_COLUMNS])
    if not top or any(math.isnan(one) for one in top.values()):
        return Dimension(math.nan, {"columns": len(columns)}, "the label does not vary, or no column is beside it")
    mean = sum(top.values()) / len(top)
    shown = ", ".join(f"{column} {value:.2f}" for column, value in top.items())
    why = f"the columns that say most about {labels.label!r} have a correlation ratio of {mean:.2f} on average: {shown}"
    fix = "Bring columns that have to do with the label."
    return Dimension(between(mean, worst=0.0, best=RELEVANT), {"top": top, "mean": mean}, why, fix)


def volume(labels: LabelledFrame | None, n_source_rows: int) -> Dimension:
    """Labelled rows of the rarest class (all of them for a quantity): 0 below 100 rows, 5 from 10,000."""
    if labels is None:
        why = f"{n_source_rows:,} rows in the largest source"
        return Dimension(_rows_score(n_source_rows), {"rows": n_source_rows}, why, "Collect more rows.")
    truth = labels.rows.unique(labels.key)[labels.label].drop_nulls()
    classes = truth.value_counts().sort("count")
    is_quantity = classes.height > MOST_CLASSES
    rarest = truth.len() if is_quantity or not classes.height else int(classes["count"][0])
    figures = {"rows": truth.len(), "rarest_class": None if is_quantity else rarest}
    why = f"{truth.len():,} labelled rows" + ("" if is_quantity else f", {rarest:,} of the rarest class")
    score = _rows_score(rarest) if truth.len() >= ROWS_WORST else 0.0
    return Dimension(score, figures, why, f"Collect more rows; {ROWS_BEST:,} a class give the full score.")


def own_columns(frame: pl.LazyFrame) -> list[str]:
    """The source's columns, without those that Assay added."""
    return [column for column in frame.collect_schema().names() if column not in (EVENT_TIME, KNOWN_AT)]


def missing_shares(frame: pl.LazyFrame, columns: Sequence[str]) -> dict[str, float]:
    """Share of values that are null, nan or blank text, by column, in one pass; empty where there are no rows."""
    schema = frame.collect_schema()

    def missing(column: str) -> pl.Expr:
        value = pl.col(column)
        if schema[column] == pl.String:
            return (value.is_null() | (value.str.strip_chars() == "")).sum()
        return (value.is_null() | value.is_nan()).sum() if schema[column].is_float() else value.null_count()

    if not columns:
        return {}
    counted = frame.select(pl.len(), *(missing(column).alias(f"of {column}") for column in columns))
    n_rows, *counts = counted.collect(engine="streaming").row(0)
    return {column: count / n_rows for column, count in zip(columns, counts, strict=True)} if n_rows else {}


def irregular_shares(frame: pl.LazyFrame, columns: Sequence[str], n_rows: int) -> dict[str, float]:
    """Share of values in another format than most, by column; of a sample of rows where there are many."""
    schema = frame.collect_schema()
    texts = [column for column in columns if schema[column] == pl.String]
    step = max(1, n_rows // SAMPLE_ROWS)
    sample = frame.select(texts).gather_every(step).collect(engine="streaming") if texts else pl.DataFrame()
    return {column: irregular_share(sample[column]) if column in texts else 0.0 for column in columns}


def repeated_share(frame: pl.LazyFrame, columns: Sequence[str]) -> float:
    """Share of rows that repeat an earlier one in `columns`; rows that lack one of them all are left out.

    Rows are told apart by 64 bit hashes, so that wide ones need no more memory than narrow ones: among a hundred
    million rows there is one chance in four thousand that two differ and are taken for one.
    """
    n_rows = int(frame.select(pl.len()).collect(engine="streaming").item())
    hashes = frame.select(row_hash(columns).alias("hash"))
    hashes = hashes.filter(pl.col("hash") != blank_hash(frame.collect_schema(), columns))
    n_parts = n_rows // HASHES_AT_ONCE + 1
    repeated = 0
    for number in range(n_parts):
        part = hashes.filter(pl.col("hash") % n_parts == number)
        repeated += part.select(pl.len() - pl.col("hash").n_unique()).collect(engine="streaming").item()
    return repeated / n_rows if n_rows else 0.0


def as_numbers(label: pl.Series) -> pl.Series:
    """A label as numbers: itself, or the number of each class in alphabetical order."""
    if label.dtype.is_numeric() or label.dtype == pl.Boolean:
        return label.cast(pl.Float64)
    return label.cast(pl.String).rank("dense").cast(pl.Float64)


def _rows_score(n_rows: int) -> float:
    return between(n_rows, worst=ROWS_WORST, best=ROWS_BEST)


def _weighted(shares: dict[str, float], source: Source) -> float:
    """Mean over columns, those that are declared counting in full and the rest a quarter."""
    declared = {*source.key, *source.known_before, source.time, *(one.column for one in source.expectations)}
    weights = {column: 1.0 if column in declared else UNDECLARED_WEIGHT for column in shares}
    return sum(shares[column] * weight for column, weight in weights.items()) / sum(weights.values())


def _highest(shares: dict[str, float]) -> dict[str, float]:
    worst: Iterable[tuple[str, float]] = sorted(shares.items(), key=lambda item: -item[1])[:SHOWN]
    return {name: share for name, share in worst if share > 0}


def _in(worst: dict[str, float]) -> str:
    shown = ", ".join(f"{column} {share:.1%}" for column, share in worst.items())
    return f" ({shown})" if shown else ""


def _named(worst: dict[str, float]) -> str:
    return ", ".join(repr(column) for column in worst) or "the columns"
