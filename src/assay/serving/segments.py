"""Segments: append-only files of checksummed JSON lines, found again after a crash, sealed under a digest.

A line is one JSON object whose first field is the CRC-32 of the rest, `{"crc":"8f2a01c3","id":…}`, so that any tool
reads it and a torn or altered line shows. A segment is `NAME.open` while its writer holds a lock on it and
`NAME.jsonl` once sealed. Its name carries the time it was begun. Threads and acknowledgements belong to
`group_commit.py`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

from assay.errors import IntegrityError

OPEN, SEALED = ".open", ".jsonl"
NAME_FORMAT = "%Y%m%dT%H%M%S"
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z
_PREFIX, _PREFIX_BYTES = b'{"crc":"', 18  # {"crc":"8f2a01c3",


@dataclass(frozen=True, slots=True)
class Sealed:
    """A segment that will not change any more.

    Attributes:
        series: `predictions` or `labels`.
        name: Of the segment; its first part is the time it was begun.
        digest: SHA-256 of the file.
        records: Lines in it, without the header.
        deployments: Evidence ids of the deployments whose records it holds.
        torn_bytes: Cut off its end because a crash left half a line.
        damaged_lines: Found altered before its end, and blanked.
    """

    series: str
    name: str
    digest: str
    records: int
    size_bytes: int
    deployments: tuple[str, ...]
    torn_bytes: int = 0
    damaged_lines: int = 0


@dataclass(slots=True)
class Segment:
    """A file that one writer appends to; its lock is freed by the system if the process dies."""

    path: Path
    descriptor: int
    offset: int
    records: int = 0
    deployments: list[str] = field(default_factory=list)
    torn_bytes: int = 0
    damaged_lines: int = 0
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.path.stem

    @property
    def series(self) -> str:
        return self.path.parent.name


def create(folder: Path, *, now: datetime, columns: Mapping[str, Any]) -> Segment:
    """Begin a segment with a header line that says what its records hold; the name is new even among processes.

    Args:
        columns: By column, its type or a mapping of fields to types; see `log_frames.py`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{now.astimezone(UTC).strftime(NAME_FORMAT)}-{secrets.token_hex(4)}{OPEN}"
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o640)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    header = encode({"segment": path.stem, "columns": columns})
    os.write(descriptor, header)
    os.fsync(descriptor)
    _sync_folder(folder)
    return Segment(path, descriptor, offset=len(header))


def encode(record: Mapping[str, Any]) -> bytes:
    """One line: the record's JSON with its checksum put in front.

    Raises:
        TypeError: A value has no JSON form.
    """
    body = orjson.dumps(record, option=_OPTIONS)
    return b'{"crc":"%08x",%b' % (crc32(body), body[1:])


def is_whole(line: bytes) -> bool:
    """Whether a line, newline included, is as it was written."""
    if not (line.startswith(_PREFIX) and line.endswith(b"\n")):
        return False
    return line[len(_PREFIX) : _PREFIX_BYTES] == b'%08x",' % crc32(b"{" + line[_PREFIX_BYTES:])


def read_at(folder: Path, name: str, offset: int) -> dict[str, Any] | None:
    """The record at a byte offset of a segment, sealed or not; None where no whole record begins there."""
    for suffix in (SEALED, OPEN):
        path = folder / f"{name}{suffix}"
        try:
            with path.open("rb") as file:
                file.seek(offset)
                line = file.readline()
        except FileNotFoundError:
            continue
        return orjson.loads(line) if is_whole(line) else None
    return None


def header_of(path: Path) -> dict[str, Any]:
    """What the first line says of the segment.

    Raises:
        IntegrityError: The line is damaged.
    """
    with path.open("rb") as file:
        line = file.readline()
    if not is_whole(line):
        raise IntegrityError(f"{path}: the first line is damaged; restore the file from a backup.")
    return orjson.loads(line)  # type: ignore[no-any-return]


def whole_lines(path: Path) -> bytes:
    """The lines of a file that are as they were written; a line torn by a crash, or being written, is left out."""
    return b"".join(line for _, line in _lines(path.read_bytes()) if is_whole(line))


def orphans(folder: Path) -> Iterator[Segment]:
    """Open segments whose writer is dead, each locked by us and mended."""
    for path in sorted(folder.glob(f"*{OPEN}")):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        if not path.exists():  # sealed by another process between the listing and the lock
            os.close(descriptor)
            continue
        yield _recovered(path, descriptor)


def seal(segment: Segment) -> Sealed:
    """Flush, digest and describe a segment; `finish` gives it its final name once that is on record."""
    os.fsync(segment.descriptor)
    return Sealed(
        series=segment.series,
        name=segment.name,
        digest=digest_of(segment.path),
        records=segment.records,
        size_bytes=segment.offset,
        deployments=tuple(segment.deployments),
        torn_bytes=segment.torn_bytes,
        damaged_lines=segment.damaged_lines,
    )


def finish(segment: Segment) -> Path:
    """Give a sealed segment its final name and let go of it."""
    final = segment.path.with_suffix(SEALED)
    segment.path.chmod(0o440)
    segment.path.rename(final)
    _sync_folder(final.parent)
    os.close(segment.descriptor)
    return final


def discard(segment: Segment) -> None:
    """Remove a segment that holds no record."""
    segment.path.unlink()
    os.close(segment.descriptor)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recovered(path: Path, descriptor: int) -> Segment:
    """Cut the torn end off; blank what is damaged before it, so that every other line keeps its offset.

    Damage before the end is no crash of ours but a lost or altered block; the file as found is kept beside.
    """
    data = path.read_bytes()
    lines = list(_lines(data))
    whole = [(start, line) for start, line in lines if is_whole(line)]
    end = whole[-1][0] + len(whole[-1][1]) if whole else 0
    damaged = [(start, line) for start, line in lines if start < end and not is_whole(line)]
    if damaged:
        path.with_suffix(".damaged").write_bytes(data)
    for start, line in damaged:
        os.pwrite(descriptor, (b"{}".ljust(len(line) - 1) + b"\n")[-len(line) :], start)
    os.ftruncate(descriptor, end)
    records = [orjson.loads(line) for _, line in whole[1:]]
    deployments = dict.fromkeys(one["deployment"] for one in records if one.get("deployment"))
    return Segment(path, descriptor, end, len(records), list(deployments), len(data) - end, len(damaged))


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start < len(data):
        newline = data.find(b"\n", start)
        end = len(data) if newline < 0 else newline + 1
        yield start, data[start:end]
        start = end


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
