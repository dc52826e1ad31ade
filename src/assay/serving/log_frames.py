"""The prediction log as lazy frames: predictions and labels of a stretch of time, from sealed and open segments.

A segment's header says what its records hold, so nothing is inferred, and logs of several model versions are read as
one frame with the fields of all of them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from assay.serving import segments
from assay.serving.prediction_log import LABELS, PREDICTIONS

TIME = pl.Datetime("us", "UTC")
LONGEST_OPEN = timedelta(hours=2)
"""A segment's records are at most this much younger than its name; rotation keeps them within an hour."""

_KINDS: Mapping[str, pl.DataType] = {
    "number": pl.Float64(),
    "flag": pl.Boolean(),
    "category": pl.String(),
    "key": pl.String(),
    "time": pl.String(),
    "scalar": pl.String(),
}
_PREDICTION_COLUMNS: Mapping[str, pl.DataType] = {
    "id": pl.String(),
    "time": pl.String(),
    "model": pl.String(),
    "variant": pl.String(),
    "source": pl.String(),
    "value": pl.Float64(),
    "probability": pl.Float64(),
    "latency_ms": pl.Float64(),
    "deployment": pl.String(),
    "broken": pl.String(),
    "states": pl.String(),
}
_LABEL_COLUMNS: Mapping[str, pl.DataType] = {
    "prediction": pl.String(),
    "value": pl.Float64(),
    "time": pl.String(),
    "received": pl.String(),
}


def predictions(root: Path, *, since: datetime | None = None, until: datetime | None = None) -> pl.LazyFrame:
    """Logged predictions with `since` <= time < `until`.

    Returns:
        `id`, `time` (UTC), `model`, `variant`, `source`, `value`, `probability` (null for a regression),
        `latency_ms`, `deployment`, `broken` (declared rules that the row breaks; null for none), `states` (what was
        wrong with looked-up features, as `customer.visits=stale`; null for nothing), and the structs `inputs` (the
        request's row; keys and times as text) and `features` (what the model read). Where nothing was logged the
        structs are empty.
    """
    paths = _paths(root / PREDICTIONS, since, until)
    schema = {**_PREDICTION_COLUMNS, **_structs(paths)}
    frame = _scan(paths, schema).filter(pl.col("id").is_not_null()).with_columns(_time("time"))
    return _between(frame, "time", since, until)


def labels(root: Path, *, since: datetime | None = None, until: datetime | None = None) -> pl.LazyFrame:
    """The latest label of each prediction, as received with `since` <= received < `until`.

    Returns:
        `prediction` (its id), `value`, `time` (of the truth) and `received`.
    """
    paths = _paths(root / LABELS, since, until)
    frame = _scan(paths, dict(_LABEL_COLUMNS)).filter(pl.col("prediction").is_not_null())
    frame = _between(frame.with_columns(_time("time"), _time("received")), "received", since, until)
    return frame.sort("received", maintain_order=True).unique("prediction", keep="last", maintain_order=True)


def _paths(folder: Path, since: datetime | None, until: datetime | None) -> list[Path]:
    """Segments that may hold records of the stretch, by the time in their names."""
    found = [*folder.glob(f"*{segments.SEALED}"), *folder.glob(f"*{segments.OPEN}")]
    chosen = []
    for path in sorted(found, key=lambda one: one.name):
        begun = datetime.strptime(path.name[:15], segments.NAME_FORMAT).replace(tzinfo=UTC)
        if (since is None or begun + LONGEST_OPEN >= since) and (until is None or begun <= until):
            chosen.append(path)
    return chosen


def _structs(paths: list[Path]) -> dict[str, pl.DataType]:
    """`inputs` and `features` with the fields of every header; a field of two kinds is read as text."""
    kinds: dict[str, dict[str, str]] = {"inputs": {}, "features": {}}
    for path in paths:
        if path.stat().st_size == 0:
            continue
        columns: Mapping[str, Mapping[str, str]] = segments.header_of(path)["columns"]
        for struct, fields in kinds.items():
            for name, kind in columns.get(struct, {}).items():
                fields[name] = kind if fields.get(name, kind) == kind else "scalar"
    return {struct: pl.Struct({n: _KINDS[kind] for n, kind in fields.items()}) for struct, fields in kinds.items()}


def _scan(paths: list[Path], schema: Mapping[str, Any]) -> pl.LazyFrame:
    sealed = [path for path in paths if path.suffix == segments.SEALED]
    frames = [pl.scan_ndjson(sealed, schema=schema)] if sealed else []
    for path in paths:
        if path.suffix == segments.OPEN:
            data = _whole_lines(path)
            if data:
                frames.append(pl.read_ndjson(io.BytesIO(data), schema=schema).lazy())
    return pl.concat(frames) if frames else pl.LazyFrame(schema=schema)


def _whole_lines(path: Path) -> bytes:
    """An open segment's lines; it may have been sealed since it was listed."""
    try:
        return segments.whole_lines(path)
    except FileNotFoundError:
        return segments.whole_lines(path.with_suffix(segments.SEALED))


def _time(name: str) -> pl.Expr:
    return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC")


def _between(frame: pl.LazyFrame, column: str, since: datetime | None, until: datetime | None) -> pl.LazyFrame:
    if since is not None:
        frame = frame.filter(pl.col(column) >= pl.lit(since, dtype=TIME))
    if until is not None:
        frame = frame.filter(pl.col(column) < pl.lit(until, dtype=TIME))
    return frame
