"""The online store: the latest values of every entity, read in microseconds while writers write.

Knows nothing of ttl, staleness or feature definitions; `features/online.py` judges those from the times given here.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

import orjson

from assay.errors import DataError, UsageError

SERVERS = ("redis", "rediss", "unix")

Wanted = tuple[str, Sequence[str]]
"""A view, and keys of entities in it."""


class OnlineRow(NamedTuple):
    """What is known of one entity: when it became known (microseconds since 1970, UTC) and its values."""

    time_us: int
    values: dict[str, Any]


class OnlineStore(Protocol):
    """Latest values per view and key; every backend keeps the promises of `tests/stores/test_online.py`."""

    def put(
        self,
        view: str,
        keys: Sequence[str],
        times_us: Sequence[int],
        values: Sequence[Mapping[str, Any]],
        *,
        replace: bool = False,
    ) -> int:
        """Write a batch, all of it or nothing; returns how many rows it changed.

        For each key the newest time wins, whatever the order of writing; at equal times the last written wins, so
        the same batch twice changes nothing the second time.

        Values are numbers, flags, text, nulls, and lists or mappings of these. nan and the infinities, which JSON
        lacks, are stored and come back as None: missing.

        Args:
            replace: Forget the view's other rows in the same step; no reader sees the view empty.

        Raises:
            DataError: The batch's lists differ in length, or a value has no JSON form; names view and key.
        """
        ...

    def get(self, view: str, keys: Sequence[str]) -> list[OnlineRow | None]:
        """The rows of `keys`, in that order, all from one moment; None for a key that was never written.

        Raises:
            ServiceUnreachable: The store's server does not answer, or has lost what it held.
        """
        ...

    def get_views(self, wanted: Sequence[Wanted]) -> list[list[OnlineRow | None]]:
        """As `get`, for several views at once; a server is asked in one round trip."""
        ...

    def count(self, view: str) -> int: ...

    def forget_losses(self) -> None:
        """Take what the store holds now as all there is; a server that lost its data then reads as empty."""
        ...


def is_remote(url: str | Path) -> bool:
    """Whether the store is a server, which can be away, and not a file."""
    return urlsplit(str(url)).scheme in SERVERS


def open_online(url: str | Path, *, namespace: str = "project") -> OnlineStore:
    """Open the store in a SQLite file (a path, `file://` or `sqlite:///path`), made when it is missing, or on Redis.

    Args:
        url: Where it is; a Redis server as `redis://`, `rediss://` or `unix://`.
        namespace: Keeps projects apart that share a server.

    Raises:
        UsageError: The scheme is unknown, or the file cannot be opened.
        IntegrityError: The file is not a SQLite database.
    """
    from assay.stores.online_sqlite import SqliteOnline

    text = str(url)
    if "://" not in text:
        return SqliteOnline(Path(text))
    parts = urlsplit(text)
    if parts.scheme in ("sqlite", "file"):
        path = unquote(parts.path)
        return SqliteOnline(Path(path[1:] if parts.scheme == "sqlite" else path))
    if parts.scheme in SERVERS:
        from assay.stores.online_redis import RedisOnline

        return RedisOnline(text, namespace=namespace)
    raise UsageError(
        f"stores.online: the scheme {parts.scheme!r} is not known. Use the path of a SQLite file, or redis://host:6379/0."
    )


def require_equal_lengths(
    view: str, keys: Sequence[str], times_us: Sequence[int], values: Sequence[Mapping[str, Any]]
) -> None:
    """Refuse a batch whose lists differ in length.

    Raises:
        DataError: They do.
    """
    if not len(keys) == len(times_us) == len(values):
        raise DataError(
            f"view {view!r}: {len(keys)} keys, {len(times_us)} times and {len(values)} rows of values. "
            "Give as many of each."
        )


def json_of(view: str, key: str, time_us: int, row: Mapping[str, Any]) -> bytes:
    """A row as every backend stores it.

    Raises:
        DataError: A value has no JSON form, or the time is no whole number.
    """
    try:
        operator.index(time_us)
        return orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError as error:
        raise DataError(
            f"view {view!r}, key {key!r}, time {time_us!r}: {error}. Times are whole microseconds; values are "
            "numbers, flags, text, nulls or lists of these (give a date as a number or as text)."
        ) from error


def text_of(key: str) -> str:
    """Refuse keys that are not text: a database would store a number as its digits, and not find it as a number.

    Raises:
        DataError: It is not text.
    """
    if type(key) is not str:
        raise DataError(f"the key {key!r} is a {type(key).__name__}. Keys of entities are text: cast the column.")
    return key
