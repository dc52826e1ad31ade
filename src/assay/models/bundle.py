"""A bundle: the files of one model version, named and digested, so that loading proves them before it reads them.

Knows no store: anything with `put` and `get` of bytes by SHA-256 digest will do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol, Self

from assay.errors import IntegrityError, NotFound, UsageError

FORMAT = 1
"""Version of the bundle's layout; raised when an older Assay could not read it."""

_PICKLE_STARTS = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 8))
_PICKLE_ENDINGS = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle")


class BlobStore(Protocol):
    """Bytes by digest; the artifact stores have these two methods."""

    def put(self, data: bytes) -> str: ...

    def get(self, digest: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of a model.

    Attributes:
        files: Content by name: `model.json`, `model.onnx`, the native form beside it, and what a pipeline adds, such as
            `profile.json`.
    """

    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        for name, data in self.files.items():
            _refuse_pickle(name, data)
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.files.values()))

    @property
    def manifest(self) -> bytes:
        """The canonical JSON text that names each file's digest; its own digest names the bundle."""
        digests = {name: _sha256(data) for name, data in self.files.items()}
        return json.dumps({"format": FORMAT, "files": digests}, sort_keys=True, separators=(",", ":")).encode()

    @property
    def digest(self) -> str:
        """The digest that `save` returns: equal for equal files."""
        return _sha256(self.manifest)

    def with_file(self, name: str, data: bytes) -> Self:
        """The same bundle with one more file; a name that is taken is replaced."""
        return type(self)({**self.files, name: data})

    def read(self, name: str) -> bytes:
        """The content of one file.

        Raises:
            NotFound: The bundle has no such file.
        """
        if name not in self.files:
            raise NotFound(f"the model's bundle has no file {name!r}; it has {sorted(self.files)}.")
        return self.files[name]

    def save(self, store: BlobStore) -> str:
        """Store every file, then the manifest; returns the manifest's digest, by which `load` finds it all."""
        for data in self.files.values():
            store.put(data)
        return store.put(self.manifest)

    @classmethod
    def load(cls, store: BlobStore, digest: str) -> Self:
        """Fetch a bundle and prove each file against its digest before anything reads it.

        Raises:
            IntegrityError: The manifest or a file is not what was stored; names the file.
            UsageError: It is a pickle, or was written in a format that this version does not know.
            NotFound: The store has no such digest.
        """
        manifest = _proven("the manifest", store.get(digest), digest)
        listed = _read_manifest(manifest)
        return cls({name: _proven(name, store.get(one), one) for name, one in listed.items()})


def _read_manifest(data: bytes) -> dict[str, str]:
    _refuse_pickle("the manifest", data)
    try:
        document: Any = json.loads(data)
    except ValueError as error:
        raise UsageError(
            "the digest does not name a model bundle: its content is not a JSON manifest. Give the digest that the "
            "registry shows for the model version."
        ) from error
    version = document.get("format") if isinstance(document, dict) else None
    if version != FORMAT:
        raise UsageError(
            f"the model bundle has format {version!r}, and this Assay reads format {FORMAT}. Load it with the version "
            "that wrote it, or train it again."
        )
    files: dict[str, str] = document["files"]
    return files


def _proven(name: str, data: bytes, digest: str) -> bytes:
    found = _sha256(data)
    if found != digest:
        raise IntegrityError(
            f"{name} of the model bundle is damaged: its digest is {found[:12]}…, and {digest[:12]}… was recorded. "
            "Restore the artifact store from a backup, or roll back to another version."
        )
    return data


def _refuse_pickle(name: str, data: bytes) -> None:
    if name.lower().endswith(_PICKLE_ENDINGS) or data.startswith(_PICKLE_STARTS):
        raise UsageError(
            f"{name} is a pickle, and loading a pickle runs whatever code its author put there. Export the model to "
            "ONNX or LightGBM text instead."
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
