"""Artifacts by digest: bytes go in, their SHA-256 comes out, and only those bytes ever come back.

Names, versions and stages belong to the release room; this store knows digests alone. S3 is in `artifacts_s3`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from assay.errors import IntegrityError, NotFound, UsageError
from assay.stores.durable import remove_abandoned, write_whole

CHUNK_BYTES = 1 << 20
DIGEST_FORM = re.compile(r"[0-9a-f]{64}")
READ_ONLY = 0o444


class ArtifactStore(Protocol):
    """Content-addressed bytes; every backend keeps the promises of `tests/stores/test_artifacts.py`."""

    def put(self, data: bytes) -> str:
        """Store `data` durably and return its SHA-256 in hex; storing the same bytes again changes nothing."""
        ...

    def put_file(self, path: Path) -> str:
        """Store a file's bytes, streamed; returns their digest."""
        ...

    def get(self, digest: str) -> bytes:
        """Return the bytes of `digest`, verified.

        Raises:
            IntegrityError: The stored bytes have another digest; names where they lie.
            NotFound: Nothing is stored under `digest`, or it is no digest.
        """
        ...

    def fetch(self, digest: str, to: Path) -> Path:
        """Copy to the file `to`, streamed; `to` appears only when whole and verified. Raises as `get`."""
        ...

    def has(self, digest: str) -> bool:
        """Whether something is stored under `digest`; does not verify it."""
        ...

    def digests(self) -> Iterator[str]:
        """Every stored digest, in no particular order."""
        ...


def open_artifacts(url: str | Path) -> ArtifactStore:
    """Open the store at a folder, a `file://` URL or `s3://bucket/prefix`.

    S3 takes its endpoint, region and credentials as every AWS client does (`AWS_ENDPOINT_URL`, `AWS_PROFILE`, ...).

    Raises:
        UsageError: The scheme is unknown, or boto3 is not installed.
    """
    text = str(url)
    if "://" not in text:
        return FolderArtifacts(Path(text))
    parts = urlsplit(text)
    if parts.scheme == "file":
        return FolderArtifacts(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        from assay.stores.artifacts_s3 import S3Artifacts  # boto3 is an extra

        return S3Artifacts(bucket=parts.netloc, prefix=parts.path.strip("/"))
    raise UsageError(f"stores.artifacts: the scheme {parts.scheme!r} is not known. Use a folder or s3://bucket/prefix.")


def verify_artifacts(store: ArtifactStore) -> list[str]:
    """Read every artifact and return the digests whose bytes are damaged, sorted."""
    damaged = []
    for digest in store.digests():
        try:
            store.get(digest)
        except IntegrityError:
            damaged.append(digest)
        except NotFound:  # removed since it was listed
            continue
    return sorted(damaged)


def is_digest(text: str) -> bool:
    return DIGEST_FORM.fullmatch(text) is not None


def require_digest(digest: str) -> str:
    """Return `digest` if it has the form of one, so that no path is ever made from anything else."""
    if not is_digest(digest):
        raise NotFound(f"no artifact can be named {digest!r}: a digest is 64 lower-case hexadecimal digits.")
    return digest


def require_match(digest: str, found: str, *, where: str) -> None:
    """Raise IntegrityError unless the digest of what was read, `found`, is the one asked for."""
    if found != digest:
        raise IntegrityError(
            f"{where} is damaged: its bytes have the digest {found}, not {digest}. "
            "Restore that file from a backup, or make the artifact again; do not use it."
        )


def checked(chunks: Iterator[bytes], digest: str, *, where: str) -> Iterator[bytes]:
    """Pass `chunks` on, and raise IntegrityError after the last if together they are not `digest`."""
    running = hashlib.sha256()
    for chunk in chunks:
        running.update(chunk)
        yield chunk
    require_match(digest, running.hexdigest(), where=where)


def digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def chunks_of_file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


class FolderArtifacts:
    """Artifacts as read-only files `ab/abcdef...` below a folder; safe under concurrent processes and kill -9."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._scratch = root / "unfinished"
        remove_abandoned(self._scratch)

    def path(self, digest: str) -> Path:
        """Where the bytes of `digest` lie, or would lie."""
        return self.root / require_digest(digest)[:2] / digest

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        if not self._is_sound(digest):
            self._write(digest, [data])
        return digest

    def put_file(self, path: Path) -> str:
        digest = digest_of_file(path)
        if not self._is_sound(digest):
            # Checked, because the file may change between the digest and the copy.
            self._write(digest, checked(chunks_of_file(path), digest, where=str(path)))
        return digest

    def get(self, digest: str) -> bytes:
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise self._not_found(digest) from None
        require_match(digest, hashlib.sha256(data).hexdigest(), where=str(path))
        return data

    def fetch(self, digest: str, to: Path) -> Path:
        path = self.path(digest)
        if not path.is_file():
            raise self._not_found(digest)
        write_whole(to, checked(chunks_of_file(path), digest, where=str(path)))
        return to

    def has(self, digest: str) -> bool:
        return is_digest(digest) and self.path(digest).is_file()

    def digests(self) -> Iterator[str]:
        for path in self.root.glob("[0-9a-f][0-9a-f]/*"):
            if is_digest(path.name):
                yield path.name

    def _write(self, digest: str, chunks: Iterable[bytes]) -> None:
        write_whole(self.path(digest), chunks, mode=READ_ONLY, scratch=self._scratch)

    def _is_sound(self, digest: str) -> bool:
        """A damaged copy counts as absent, so that putting the bytes again mends it."""
        path = self.path(digest)
        return path.is_file() and digest_of_file(path) == digest

    def _not_found(self, digest: str) -> NotFound:
        return NotFound(f"no artifact {digest} in {self.root}. Was it made in another project, or never stored?")
