"""Durable files: a file is either whole and on disk under its name, or it is not there.

Knows nothing of what the bytes mean. Digests belong to `artifacts`.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".unfinished"
ABANDONED_AFTER_SECONDS = 24 * 3600.0  # no write of ours takes a day; older temporary files are a dead process's


def write_whole(path: Path, chunks: Iterable[bytes], *, mode: int = 0o644, scratch: Path | None = None) -> None:
    """Write `chunks` to `path` so that a reader, or a crash at any moment, sees all of them or the old file.

    Writes under a unique name, syncs, renames, and syncs the folder, so any number of processes may write the same
    path at once: the last rename wins. When `chunks` raises, nothing is left behind.

    Args:
        mode: Rights of the finished file.
        scratch: Folder for the unfinished file, on the same file system; by default the target's own.
    """
    scratch = path.parent if scratch is None else scratch
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(parents=True, exist_ok=True)
    unfinished = scratch / f".{path.name}.{uuid.uuid4().hex}{UNFINISHED}"
    try:
        with unfinished.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to, whose file then takes the place of `path`, or is removed where writing fails.

    For files that can be made again: nothing is synced, so that a power cut may leave the old file or an empty one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{uuid.uuid4().hex}{UNFINISHED}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut; does nothing where folders cannot be opened (Windows)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_abandoned(folder: Path, *, now_seconds: float | None = None) -> int:
    """Delete the unfinished files that a killed process left in `folder` over a day ago; returns how many."""
    oldest_kept = (time.time() if now_seconds is None else now_seconds) - ABANDONED_AFTER_SECONDS
    n_removed = 0
    for unfinished in folder.glob(f".*{UNFINISHED}"):
        try:
            if unfinished.stat().st_mtime < oldest_kept:
                unfinished.unlink()
                n_removed += 1
        except FileNotFoundError:  # its writer finished, or another process cleared it first
            continue
    return n_removed
