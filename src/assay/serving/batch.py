"""Batch prediction: a file larger than memory to a file, in chunks, each row once, resumable after a crash.

Finished chunks are kept beside the output until all are there; the output appears at once, complete. The pieces carry a
digest of what made them, so that a resumed run never mixes two inputs or two versions.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from assay.errors import DataError, UsageError
from assay.serving.predictor import Predictor, polars_schema

CHUNK_ROWS = 100_000
LARGEST_CHECKED_BYTES = 1 << 20  # of each end of the input, for its fingerprint


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What was written.

    Attributes:
        rows: Rows predicted, as many as the input has.
        resumed_rows: Of those, rows that an interrupted run had already done.
        path: The output.
    """

    rows: int
    resumed_rows: int
    path: Path


def predict_file(
    source: Path,
    output: Path,
    *,
    predictor: Predictor,
    chunk_rows: int = CHUNK_ROWS,
    progress: Callable[[int], None] = lambda _rows: None,
) -> BatchOutcome:
    """Predict every row of a Parquet, CSV or JSON lines file; the rows keep their order and their columns.

    Args:
        source: Has the row schema's columns; further columns are kept but not read.
        output: `.parquet` or `.csv`; gets `value`, `probability` (classification) and `model` beside the input.
        progress: Told the rows done so far after each chunk.

    Raises:
        UsageError: A file's kind is not known.
        DataError: A needed column is missing, or one of ours is in the input already.
    """
    frame = _scan(source)
    _check_columns(frame, predictor)
    if output.suffix not in (".parquet", ".csv"):
        raise UsageError(f"cannot write {output.name}: the output must end in .parquet or .csv.")
    pieces = output.with_name(f".{output.name}.{_fingerprint(source, predictor)}")
    pieces.mkdir(parents=True, exist_ok=True)
    done = resumed = _rows_done(pieces)
    for rows in frame.slice(done).collect_batches(chunk_size=chunk_rows, maintain_order=True):
        _write_parquet(predict_frame(predictor, rows), pieces / f"{done:014d}-{done + rows.height:014d}.parquet")
        done += rows.height
        progress(done)
    _assemble(pieces, output, frame, predictor)
    shutil.rmtree(pieces)
    return BatchOutcome(done, resumed, output)


def predict_frame(predictor: Predictor, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `value`, `probability` (classification) and `model` beside them."""
    names = [name for name in predictor.schema.fields if name in rows.columns]
    features = predictor.model.signature.names
    if set(features) <= set(names):
        inputs = rows.select(features)
    else:
        inputs = pl.DataFrame(
            predictor.values(rows.select(names).to_dicts()),
            schema=polars_schema(predictor.model.signature),
            strict=False,
        )
    scores = pl.Series("probability", predictor.model.predict(inputs), dtype=pl.Float64)
    if predictor.model.signature.task == "regression":
        return rows.with_columns(scores.alias("value"), pl.lit(predictor.version).alias("model"))
    classes = (scores >= predictor.threshold).cast(pl.Int8).alias("value")
    return rows.with_columns(classes, scores, pl.lit(predictor.version).alias("model"))


def _scan(source: Path) -> pl.LazyFrame:
    readers: dict[str, Callable[[Path], pl.LazyFrame]] = {
        ".parquet": pl.scan_parquet,
        ".csv": lambda path: pl.scan_csv(path, try_parse_dates=True, infer_schema_length=10_000),
        ".jsonl": pl.scan_ndjson,
        ".ndjson": pl.scan_ndjson,
    }
    reader = readers.get(source.suffix)
    if reader is None or not source.is_file():
        raise UsageError(f"cannot read {source}: give an existing {', '.join(readers)} file.")
    frame = reader(source)
    try:
        frame.collect_schema()
    except pl.exceptions.PolarsError as problem:
        raise DataError(f"{source} cannot be read: {str(problem).splitlines()[0]}") from problem
    return frame


def _check_columns(frame: pl.LazyFrame, predictor: Predictor) -> None:
    columns = set(frame.collect_schema().names())
    ours = sorted(columns & {"value", "probability", "model"})
    if ours:
        raise DataError(f"the input has columns {ours}, which the output needs for itself. Rename them.")
    required, features = predictor.schema.required, set(predictor.model.signature.names)
    if not (required <= columns or features <= columns):
        raise DataError(f"the input lacks columns {sorted(required - columns)}; it has {sorted(columns)}.")


def _rows_done(pieces: Path) -> int:
    """How far an interrupted run came: the end of the last piece whose predecessors are all there."""
    done = 0
    for path in sorted(pieces.glob("*.parquet")):
        first, end = map(int, path.stem.split("-"))
        if first != done:
            break
        done = end
    return done


def _fingerprint(source: Path, predictor: Predictor) -> str:
    """Of the input's size, time and both ends, and the version."""
    status = source.stat()
    digest = hashlib.sha256()
    parts: tuple[Any, ...] = (status.st_size, status.st_mtime_ns, predictor.version, predictor.threshold)
    digest.update(repr(parts).encode())
    with source.open("rb") as file:
        digest.update(file.read(LARGEST_CHECKED_BYTES))
        file.seek(max(0, status.st_size - LARGEST_CHECKED_BYTES))
        digest.update(file.read())
    return digest.hexdigest()[:16]


def _assemble(pieces: Path, output: Path, frame: pl.LazyFrame, predictor: Predictor) -> None:
    paths = sorted(pieces.glob("*.parquet"))
    whole = pl.scan_parquet(paths) if paths else predict_frame(predictor, frame.collect()).lazy()
    part = output.with_name(f".{output.name}.part")
    if output.suffix == ".parquet":
        whole.sink_parquet(part, maintain_order=True)
    else:
        whole.sink_csv(part, maintain_order=True)
    _publish(part, output)


def _write_parquet(frame: pl.DataFrame, path: Path) -> None:
    part = path.with_suffix(".part")
    frame.write_parquet(part)
    _publish(part, path)


def _publish(part: Path, final: Path) -> None:
    """Make a file appear under its name only once it is whole on disk."""
    for path, rename in ((part, True), (final.parent, False)):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        if rename:
            part.replace(final)
