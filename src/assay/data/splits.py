"""Splits: rows are cut into train, validation and holdout before anything learns or looks.

Time-dependent rows are cut by time, always. Sealing the holdout is `holdout`; proving a finished cut is
`leakage.check_split`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import numpy as np
import polars as pl

from assay.config.settings import Split, moment_of
from assay.errors import ConfigError, DataError, LeakageFound
from assay.ledger.evidence import Evidence

EXAMPLES = 3
MOST_STRATA = 50
PARTS = ("train", "validation", "holdout")


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Three parts that share no row.

    Attributes:
        train: Rows to learn from, in the order of time, or of the rows as they came.
        validation: Rows to choose by.
        holdout: Rows for the last examination; seal them at once.
        by: `time`, `group` or `random`.
        boundaries: First moment of validation and of the holdout; empty unless cut by time.
        n_rows: Rows that came in: those of the parts and `n_left_out` together.
        n_left_out: Later rows of groups that an earlier part has already (time split with a group).
        key: Column that names a row; with it the evidence holds a digest of the keys of each part.
    """

    train: pl.DataFrame
    validation: pl.DataFrame
    holdout: pl.DataFrame
    by: str
    boundaries: Mapping[str, datetime] = field(default_factory=dict)
    n_rows: int = 0
    n_left_out: int = 0
    key: str | None = None

    @property
    def holdout_from(self) -> datetime | None:
        """First moment of the holdout; None unless cut by time."""
        return self.boundaries.get("holdout")

    @property
    def evidence(self) -> Evidence:
        counts = {name: getattr(self, name).height for name in PARTS}
        shown = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        at = "".join(f"; {name} from {moment:%Y-%m-%d}" for name, moment in self.boundaries.items())
        left_out = f"; {self.n_left_out:,} later rows of known groups left out" if self.n_left_out else ""
        figures: dict[str, Any] = {"by": self.by, **counts, "rows": self.n_rows, "left_out": self.n_left_out}
        figures["boundaries"] = dict(self.boundaries)
        if self.key is not None:
            figures["keys"] = {name: keys_digest(getattr(self, name)[self.key]) for name in PARTS}
        return Evidence("data.split", "split:rows", "info", f"cut by {self.by}: {shown}{at}{left_out}", figures)


def cut(
    rows: pl.DataFrame, *, key: str, time: str | None, group: str | None, split: Split, label: str | None = None
) -> Cut:
    """Cut rows into three parts: by time where they have one, else by group, else at random.

    By time, rows of one moment stay together: a part ends where the next moment begins. With a group as well, rows
    of a group that an earlier part has are left out of the later ones, and counted. At random and by group the cut
    depends on the keys and the seed alone, not on the order of the rows.

    Args:
        rows: One row a prediction.
        key: Column that names a row.
        time: Column with the prediction time; None where the data has no time.
        group: Column whose values may not be on two sides; None where there is none.
        split: How, as declared.
        label: Column whose values each part has in equal shares, where `split.stratify` asks for that.

    Raises:
        LeakageFound: Rows have a time but a random or group cut is declared (LK-5), or a key names two rows (LK-7).
        ConfigError: A cut by time or by group is declared without such a column, the moments are out of order, or
            rows are to be stratified by a label of many values.
        DataError: A key, time or group is missing, or a part would be empty.
    """
    by = _how(split, time, group)
    _refuse_missing(rows, [name for name in (key, time, group) if name])
    _refuse_duplicates(rows, key)
    if by == "time" and time:
        found = _by_time(rows, time, group, split)
    elif by == "group" and group:
        found = _by_share(rows, group, by, split)
        if min(found.validation.height, found.holdout.height) == 0:
            found = _by_share(rows, group, by, split, most=0.5 * min(split.validation, split.holdout))
    else:
        found = _by_share(rows, key, by, split, stratum=label if split.stratify else None)
    _refuse_empty(found, rows, time)
    return replace(found, key=key)


def keys_digest(keys: pl.Series) -> str:
    """SHA-256 of the keys as sorted text, so that the order of the rows does not count."""
    text = keys.cast(pl.String, strict=False).fill_null("").sort()
    return hashlib.sha256("\x1f".join(text.to_list()).encode()).hexdigest()


def _how(split: Split, time: str | None, group: str | None) -> str:
    by = split.by or ("time" if time else "group" if group else "random")
    if by == "time" and not time:
        raise ConfigError("split.by: time needs target.time, the column with the prediction time.")
    if by == "group" and not group:
        raise ConfigError("split.by: group needs target.group, the column whose values stay on one side.")
    if time and by != "time":
        raise LeakageFound(
            f"split.by: {by} is refused, because the rows have a prediction time, column {time!r}: a model would learn "
            "from rows that are later than those it is judged on (LK-5). Remove split.by, or set it to time."
        )
    return by


def _refuse_missing(rows: pl.DataFrame, columns: list[str]) -> None:
    for column in columns:
        if column not in rows.columns:
            raise DataError(f"the rows to cut have no column {column!r}; they have {rows.columns}.")
        n_missing = rows[column].null_count()
        if n_missing:
            raise DataError(
                f"{n_missing:,} of {rows.height:,} rows to predict have no {column!r}. A row needs its key, time and "
                "group to be cut; correct the source, or leave such rows out in target.rows."
            )


def _refuse_duplicates(rows: pl.DataFrame, key: str) -> None:
    repeated = rows.lazy().group_by(key).len().filter(pl.col("len") > 1).sort(key).collect()
    if repeated.height:
        n_surplus = int(repeated["len"].sum()) - repeated.height
        shown = ", ".join(repr(value) for value in repeated[key].head(EXAMPLES))
        raise LeakageFound(
            f"column {key!r} should name one row, but {repeated.height:,} of its values name several, such as {shown}: "
            f"{n_surplus:,} rows too many. A duplicate on both sides of a split carries the answer across (LK-7). Keep "
            "one row each in target.rows."
        )


def refuse_no_instant(rows: pl.DataFrame, time: str) -> None:
    """Refuse prediction times that are no times in UTC.

    Raises:
        DataError: The column holds another type; the message says where to take times from.
    """
    if not isinstance(dtype := rows.schema[time], pl.Datetime) or dtype.time_zone != "UTC":
        raise DataError(
            f"target.time: column {time!r} holds {dtype}, not a time in UTC. Set target.time: event_time, which is "
            "the source's own time already read; or let target.rows cast the column to pl.Datetime('us', 'UTC')."
        )


def _by_time(rows: pl.DataFrame, time: str, group: str | None, split: Split) -> Cut:
    refuse_no_instant(rows, time)
    ordered = rows.sort(time, maintain_order=True)
    from_validation, from_holdout = _moments(ordered[time], split)
    boundaries = {"validation": from_validation, "holdout": from_holdout}
    moment = pl.col(time)
    parts = [
        ordered.filter(moment < from_validation),
        ordered.filter((moment >= from_validation) & (moment < from_holdout)),
        ordered.filter(moment >= from_holdout),
    ]
    if group:
        parts = _without_known_groups(parts, group)
    left_out = rows.height - sum(part.height for part in parts)
    train, validation, holdout = parts
    return Cut(train, validation, holdout, "time", boundaries, n_rows=rows.height, n_left_out=left_out)


def _moments(times: pl.Series, split: Split) -> tuple[datetime, datetime]:
    """First moment of validation and of the holdout: as declared, or where the shares fall among the ordered rows."""
    from_holdout = moment_of(split.validation_until) if split.validation_until else None
    from_validation = moment_of(split.train_until) if split.train_until else None
    if from_holdout is None:
        later = times.filter(times >= from_validation) if from_validation else times
        share = split.holdout / (split.validation + split.holdout) if from_validation else split.holdout
        from_holdout = _at_share(later, 1 - share)
    if from_validation is None:
        earlier = times.filter(times < from_holdout)
        share = split.validation / (1 - split.holdout) if split.holdout + split.validation < 1 else 1.0
        from_validation = _at_share(earlier, 1 - share)
    if from_validation >= from_holdout:
        raise ConfigError(
            f"split: validation would begin at {from_validation:%Y-%m-%d %H:%M}, not before the holdout at "
            f"{from_holdout:%Y-%m-%d %H:%M}. Put split.train_until before split.validation_until, and the shares of "
            "validation and holdout below 1 together."
        )
    return from_validation, from_holdout


def _at_share(times: pl.Series, share: float) -> datetime:
    if times.is_empty():
        raise DataError(
            "split: no rows are left to cut; the declared moments lie outside the data, or nearly all rows share one "
            "moment. Correct split.train_until and split.validation_until, or remove target.time where it is no time."
        )
    return cast("datetime", times[min(int(times.len() * share), times.len() - 1)])


def _without_known_groups(parts: list[pl.DataFrame], group: str) -> list[pl.DataFrame]:
    train, validation, holdout = parts
    validation = validation.join(train, on=group, how="anti", maintain_order="left")
    seen = pl.concat([train.select(group), validation.select(group)])
    return [train, validation, holdout.join(seen, on=group, how="anti", maintain_order="left")]


def _by_share(
    rows: pl.DataFrame, unit: str, by: str, split: Split, *, stratum: str | None = None, most: float = 1.0
) -> Cut:
    """Draw whole units (rows or groups) into the holdout, then into validation, until each has its share of rows.

    With a stratum, a column that is the same in all rows of a unit, that is done for each of its values apart. Units
    with more than the share `most` of all rows are drawn last: one large group would fill both.
    """
    if split.validation + split.holdout >= 1:
        raise ConfigError("split: validation and holdout together take every row. Leave a share to train on.")
    shared = pl.lit(0) if stratum is None else pl.col(stratum)
    if stratum is not None and rows[stratum].n_unique() > MOST_STRATA:
        raise ConfigError(
            f"split.stratify: {stratum!r} has {rows[stratum].n_unique():,} values, more than {MOST_STRATA}. Stratify "
            "by a class, and leave split.stratify out where numbers are predicted."
        )
    sizes = rows.group_by(unit).agg(pl.len(), __stratum__=shared.first()).sort(unit)
    drawn = sizes[np.random.default_rng(split.seed).permutation(sizes.height)]
    drawn = drawn.sort(pl.col("len") > most * rows.height, maintain_order=True)
    before = (pl.col("len").cum_sum() - pl.col("len")).over("__stratum__")
    of = pl.col("len").sum().over("__stratum__")
    part = (
        pl.when(before < of * split.holdout)
        .then(pl.lit("holdout"))
        .when(before < of * (split.holdout + split.validation))
        .then(pl.lit("validation"))
        .otherwise(pl.lit("train"))
    )
    named = drawn.select(unit, __part__=part)
    told = rows.join(named, on=unit, how="left", maintain_order="left")
    train, validation, holdout = (told.filter(pl.col("__part__") == name).drop("__part__") for name in PARTS)
    return Cut(train, validation, holdout, by, n_rows=rows.height)


def _refuse_empty(found: Cut, rows: pl.DataFrame, time: str | None) -> None:
    for name in PARTS:
        if getattr(found, name).is_empty():
            span = f" The rows run from {rows[time].min()!s} to {rows[time].max()!s}." if time and rows.height else ""
            raise DataError(
                f"split: {name} would have no row of {rows.height:,}.{span} Move split.train_until and "
                "split.validation_until, change the shares, or collect more data."
            )
