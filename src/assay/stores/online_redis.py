"""The online store on a Redis server: one hash a view, read in one round trip, replaced in one step.

A field of the hash is an entity's key; its value is eight bytes of time and then the row as JSON. One more field marks
the hash as ours, so that a server that lost its data is told apart from an entity that was never written.
The redis package is imported inside functions: it is needed only where a project names a server.
"""

from __future__ import annotations

import operator
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson

from assay.errors import IntegrityError, ServiceUnreachable, UsageError
from assay.stores.online import OnlineRow, Wanted, json_of, require_equal_lengths, text_of

CONNECT_SECONDS = 0.5
READ_SECONDS = 0.5  # a request does not wait longer; ?socket_timeout= in the URL changes it, for reads alone
WRITE_SECONDS = 60.0
MOST_CONNECTIONS = 64  # of a process; a thread that finds none free waits for one
STAGED_AT_ONCE = 10_000  # rows of a batch sent in one piece, a few megabytes
STAGED_SECONDS = 600  # after which the server forgets the pieces of a writer that died
ANY_TIME = 1 << 63  # added to a time, so that the eight bytes are never negative
MARK = b"\x00assay"  # field of a view's hash; present from its first batch on

# KEYS: the view's hash, the staged batch. ARGV: the mark, and 1 where it must be there (the answer is -1 if it is not).
# Rows are staged as key, content, key, content, ...
MERGE = """
if ARGV[2] == '1' and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  redis.call('DEL', KEYS[2])
  return -1
end
local changed = 0
local staged = redis.call('LLEN', KEYS[2])
redis.call('HSET', KEYS[1], ARGV[1], '')
for first = 0, staged - 1, 2000 do
  local rows = redis.call('LRANGE', KEYS[2], first, first + 1999)
  for at = 1, #rows, 2 do
    local old = redis.call('HGET', KEYS[1], rows[at])
    local is_new = not old
    if old and old ~= rows[at + 1] then
      local old_high, old_low = struct.unpack('>I4I4', old)
      local high, low = struct.unpack('>I4I4', rows[at + 1])
      is_new = high > old_high or (high == old_high and low >= old_low)
    end
    if is_new then
      redis.call('HSET', KEYS[1], rows[at], rows[at + 1])
      changed = changed + 1
    end
  end
end
redis.call('DEL', KEYS[2])
return changed
"""
# KEYS: the view's hash, the hash that takes its place, a name for what is thrown away
REPLACE = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('RENAME', KEYS[1], KEYS[3]) end
redis.call('RENAME', KEYS[2], KEYS[1])
return redis.call('UNLINK', KEYS[3])
"""


class RedisOnline:
    """The latest values in one Redis database, under a prefix of the project's own.

    A batch is staged beside the view and merged, or put in its place, by one script: the server runs nothing else
    meanwhile, so a reader sees all of it or nothing. Threads share a pool of connections.
    """

    def __init__(self, url: str, *, namespace: str) -> None:
        """Open the store; the server is asked when something is read or written, not yet.

        Args:
            url: `redis://`, `rediss://` or `unix://`, with user, password and database as Redis clients write them.
            namespace: First part of all keys, so that projects can share a server.

        Raises:
            UsageError: The URL cannot be read, or the redis package is not installed.
        """
        self._prefix = f"assay:{namespace}:"
        self.place = place_of(url)
        self._reads = _client(url, self.place, seconds=READ_SECONDS)
        self._writes = _client(url, self.place, seconds=WRITE_SECONDS)
        self._writes.connection_pool.connection_kwargs["socket_timeout"] = WRITE_SECONDS  # a batch may take its time
        self._marked: set[str] = set()

    def put(
        self,
        view: str,
        keys: Sequence[str],
        times_us: Sequence[int],
        values: Sequence[Mapping[str, Any]],
        *,
        replace: bool = False,
    ) -> int:
        require_equal_lengths(view, keys, times_us, values)
        rows = [
            (text_of(key).encode(), _content(view, key, time_us, row))
            for key, time_us, row in zip(keys, times_us, values, strict=True)
        ]
        beside = f"{self._key(view)}:{uuid.uuid4().hex}"
        with _errors_named(self.place):
            n_changed = self._put_anew(view, rows, beside) if replace else self._merge(view, rows, beside)
        self._marked.add(view)
        return n_changed

    def get(self, view: str, keys: Sequence[str]) -> list[OnlineRow | None]:
        return self.get_views([(view, keys)])[0]

    def get_views(self, wanted: Sequence[Wanted]) -> list[list[OnlineRow | None]]:
        commands = [
            ("HMGET", self._key(view), *(text_of(key).encode() for key in keys), MARK) for view, keys in wanted if keys
        ]
        with _errors_named(self.place):
            found = iter(self._asked(commands))
            return [self._rows(view, next(found)) if keys else [] for view, keys in wanted]

    def count(self, view: str) -> int:
        with _errors_named(self.place):
            return max(int(self._reads.execute_command("HLEN", self._key(view))) - 1, 0)

    def forget_losses(self) -> None:
        """Take the server's data as it is now: what it has lost is missing from here on, until it is put again."""
        self._marked.clear()

    def close(self) -> None:
        """Close the connections."""
        self._reads.close()
        self._writes.close()

    def _asked(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The answers to all commands, in one round trip."""
        if len(commands) == 1:
            return [self._reads.execute_command(*commands[0])]
        pipeline = self._reads.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = pipeline.execute()
        return answers

    def _rows(self, view: str, found: list[bytes | None]) -> list[OnlineRow | None]:
        if found.pop() is not None:
            self._marked.add(view)
        elif view in self._marked:
            raise self._lost()
        loads, from_bytes = orjson.loads, int.from_bytes
        return [
            None if one is None else OnlineRow(from_bytes(one[:8], "big") - ANY_TIME, loads(one[8:])) for one in found
        ]

    def _merge(self, view: str, rows: Sequence[tuple[bytes, bytes]], beside: str) -> int:
        self._stage("RPUSH", beside, rows)
        expected = int(view in self._marked)
        n_changed = int(self._writes.execute_command("EVAL", MERGE, 2, self._key(view), beside, MARK, expected))
        if n_changed < 0:
            raise self._lost()
        return n_changed

    def _put_anew(self, view: str, rows: Sequence[tuple[bytes, bytes]], beside: str) -> int:
        newest: dict[bytes, bytes] = {}
        for key, content in rows:
            if key not in newest or content[:8] >= newest[key][:8]:
                newest[key] = content
        self._stage("HSET", beside, [(MARK, b""), *newest.items()])
        self._writes.execute_command("PERSIST", beside)
        self._writes.execute_command("EVAL", REPLACE, 3, self._key(view), beside, f"{beside}:old")
        return len(newest)

    def _stage(self, command: str, beside: str, rows: Sequence[tuple[bytes | str, bytes]]) -> None:
        """Bring rows to the server under a key of their own, a few at once; it forgets them if nobody comes back."""
        for at in range(0, len(rows), STAGED_AT_ONCE):
            pipeline = self._writes.pipeline(transaction=False)
            flat = (part for row in rows[at : at + STAGED_AT_ONCE] for part in row)
            pipeline.execute_command(command, beside, *flat)
            pipeline.execute_command("EXPIRE", beside, STAGED_SECONDS)
            pipeline.execute()

    def _lost(self) -> ServiceUnreachable:
        return ServiceUnreachable(
            f"the online store {self.place} has lost its data. Build the features again, or let a service that is "
            "running fill it: the offline store has every row."
        )

    def _key(self, view: str) -> str:
        return f"{self._prefix}{view}"


def place_of(url: str) -> str:
    """Where a URL points, without the user and the password in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _client(url: str, place: str, *, seconds: float) -> Any:
    """A client with a pool of its own; the package leaves most of its methods without types."""
    try:
        from redis import BlockingConnectionPool, Redis
        from redis.backoff import NoBackoff
        from redis.exceptions import ConnectionError as Unconnected
        from redis.retry import Retry
    except ImportError as missing:
        raise UsageError(f"the online store {place} needs the redis package: pip install 'assay[redis]'") from missing
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MOST_CONNECTIONS,
            timeout=seconds,
            socket_timeout=seconds,
            socket_connect_timeout=CONNECT_SECONDS,
            retry=Retry(NoBackoff(), 1, supported_errors=(Unconnected,)),  # the server may have closed an idle one
        )
    except (ValueError, TypeError) as error:
        raise UsageError(f"stores.online: {place} cannot be read: {error}. Write redis://host:6379/0.") from error
    return Redis.from_pool(pool)


def _content(view: str, key: str, time_us: int, row: Mapping[str, Any]) -> bytes:
    body = json_of(view, key, time_us, row)
    return (operator.index(time_us) + ANY_TIME).to_bytes(8, "big") + body


@contextmanager
def _errors_named(place: str) -> Iterator[None]:
    from redis import exceptions

    try:
        yield
    except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
        raise UsageError(f"the online store {place} does not let us in: {error}. Check user and password.") from error
    except exceptions.OutOfMemoryError as error:
        raise ServiceUnreachable(
            f"the online store {place} has no memory left: {error}. Raise its maxmemory."
        ) from error
    except (exceptions.ConnectionError, exceptions.TimeoutError) as error:  # BusyLoading and MaxConnections among them
        raise ServiceUnreachable(
            f"the online store {place} does not answer: {str(error).rstrip('.')}. Is the server running?"
        ) from error
    except exceptions.ResponseError as error:
        raise IntegrityError(
            f"the online store {place} holds something else under our keys: {error}. Give it a database of its own."
        ) from error
    except orjson.JSONDecodeError as error:
        raise IntegrityError(
            f"a row of the online store {place} cannot be read: {error}. Build the features again with --full: the "
            "offline store has every row."
        ) from error
