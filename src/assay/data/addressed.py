"""Frames on disk as Parquet files named by the SHA-256 digest of their bytes: written once, verified at each opening.

Knows neither what a snapshot nor what a holdout is; `snapshots` and `holdout` give the files their meaning.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from assay.errors import DataError, IntegrityError, NotFound

ABANDONED_SECONDS = 86_400
ROWS_PER_GROUP = 65_536  # fixed, so that equal rows give equal bytes whatever the machine


def store(frame: pl.LazyFrame, folder: Path, *, suffix: str, what: str) -> tuple[str, Path]:
    """Write `frame` under its digest; where the same bytes are there already, keep them.

    The rows are written in their order with a fixed row group size, so that equal frames have equal digests under one
    version of Polars; a newer one may encode the same rows otherwise, which makes another digest and loses nothing.
    A crash leaves at most a file `*.part`, which nothing reads and which a later call removes when it is a day old.

    Args:
        frame: Any frame; it is streamed to disk.
        folder: Made where it is missing.
        suffix: Of the file, with its dot.
        what: Names the frame in errors, such as `source 'games'`.

    Raises:
        DataError: The frame cannot be computed; a source is damaged or a value does not fit its column.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    part = folder / f"{uuid.uuid4().hex}.part"
    try:
        frame.sink_parquet(part, compression="zstd", row_group_size=ROWS_PER_GROUP, maintain_order=True)
        digest = file_digest(part)
        path = path_of(digest, folder, suffix=suffix)
        if not path.exists() or file_digest(path) != digest:
            _settle(part, path)
    except PolarsError as failure:
        raise DataError(f"{what} cannot be read to its end: {first_line(failure)}") from failure
    finally:
        part.unlink(missing_ok=True)
    return digest, path


def verified(digest: str, folder: Path, *, suffix: str, what: str) -> Path:
    """The file of that digest, read through once to see that its bytes are still those.

    Raises:
        NotFound: There is no such file.
        IntegrityError: Its bytes were changed.
    """
    path = path_of(digest, folder, suffix=suffix)
    if not path.is_file():
        raise NotFound(f"{what} {digest} is not in {folder}. Run the feature pipeline again, or restore a backup.")
    found = file_digest(path)
    if found != digest:
        raise IntegrityError(
            f"{what} {path} is damaged: its bytes have the digest {found[:16]}…, not {digest[:16]}…. "
            "Restore the file from a backup, or delete it and take it again from the source."
        )
    return path


def damaged(folder: Path, *, suffix: str) -> Iterator[Path]:
    """The files of `folder` whose bytes no longer match their names, in the order of their names."""
    for path in sorted(folder.glob(f"*{suffix}")):
        if file_digest(path) != path.name.removesuffix(suffix):
            yield path


def path_of(digest: str, folder: Path, *, suffix: str) -> Path:
    """Where the frame of that digest lies.

    Raises:
        NotFound: It is no SHA-256 digest in hexadecimal, so that no path is made of it.
    """
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise NotFound(f"{digest!r} is no SHA-256 digest: 64 digits 0-9 and a-f are needed.")
    return folder / f"{digest}{suffix}"


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def first_line(failure: Exception) -> str:
    """What a library said went wrong, without its advice about its own options."""
    return str(failure).strip().partition("\n")[0][:300]


def _sweep(folder: Path) -> None:
    """Remove what crashed writers left; a day is longer than any writer takes."""
    for part in folder.glob("*.part"):
        if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
            part.unlink(missing_ok=True)


def _settle(part: Path, path: Path) -> None:
    """Make `part` durable under its final name; read only, for nothing may change it."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.chmod(0o444)
    part.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
