"""A workspace: one project folder with its settings read, its definitions loaded and its stores open.

Opens each store when it is first needed, so that a verb pays only for what it uses. What is done with them is told
in the pipelines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import ConfigError
from assay.pipelines import turns

if TYPE_CHECKING:
    import polars as pl

    from assay.config.settings import Settings
    from assay.engines import Engine
    from assay.features.definitions import Definitions
    from assay.ledger.ledger import Ledger
    from assay.release.registry import Registry
    from assay.stores.artifacts import ArtifactStore
    from assay.stores.bus import Bus
    from assay.stores.online import OnlineStore
    from assay.stores.online_cache import CachedOnline
    from assay.stores.online_guard import GuardedOnline
    from assay.stores.tables import Tables


def utc_now() -> datetime:
    """The present, with its zone."""
    return datetime.now(UTC)


class Workspace:
    """What the pipelines of one project share."""

    def __init__(
        self,
        folder: Path,
        *,
        overrides: Sequence[str] = (),
        environment: Mapping[str, str],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Read `assay.yaml` in `folder`; nothing is opened or made yet.

        Raises:
            ConfigError: The folder holds no assay.yaml, or it is wrong.
        """
        from assay.config.loading import load

        self.folder = folder.resolve()
        self.clock = clock
        self.settings: Settings = load(self.folder, overrides=overrides, environment=environment)
        self.state = self.folder / ".assay"

    @cached_property
    def ledger(self) -> Ledger:
        from assay.ledger.ledger import open_ledger

        return open_ledger(self._place(self.settings.stores.ledger, "ledger.db"), clock=self.clock)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        from assay.stores.artifacts import open_artifacts

        return open_artifacts(self._place(self.settings.stores.artifacts, "artifacts"))

    @cached_property
    def tables(self) -> Tables:
        from assay.stores.tables import open_tables

        return open_tables(self._place(self.settings.stores.tables, "tables"))

    @cached_property
    def online(self) -> OnlineStore:
        """The online store; behind a guard where it is a server, and behind a memory where one is wanted."""
        if self.online_cache is not None:
            return self.online_cache
        return self._guarded_online

    @cached_property
    def online_guard(self) -> GuardedOnline | None:
        """What keeps reads from waiting for a server that is away; None where the store is a file."""
        from assay.stores.online import is_remote
        from assay.stores.online_guard import GuardedOnline

        return GuardedOnline(self._online_store) if is_remote(self._online_place) else None

    @cached_property
    def online_cache(self) -> CachedOnline | None:
        """The rows read last; None where the store is a file and `serving.cache_ttl` is 0, or there is no room."""
        from assay.features.online import may_answer
        from assay.stores.online_cache import CachedOnline

        serving = self.settings.serving
        ttl_seconds = serving.cache_ttl.total_seconds()
        if not serving.cache_rows or (not ttl_seconds and self.online_guard is None):
            return None
        return CachedOnline(
            self._guarded_online,
            most_rows=serving.cache_rows,
            ttl_seconds=ttl_seconds,
            views=frozenset(view.name for view in self.definitions.views),
            may_answer=may_answer(self.definitions, clock=self.clock),
        )

    @property
    def _guarded_online(self) -> OnlineStore:
        return self._online_store if self.online_guard is None else self.online_guard

    @cached_property
    def _online_store(self) -> OnlineStore:
        from assay.stores.online import open_online

        return open_online(self._online_place, namespace=self.settings.name)

    @property
    def _online_place(self) -> str | Path:
        return self._place(self.settings.stores.online, "online.db")

    @cached_property
    def bus(self) -> Bus:
        from assay.stores.bus import open_bus

        url = self._place(self.settings.stores.bus, "bus.db")
        return open_bus(url, prefix=f"assay.{self.settings.name}")

    @cached_property
    def definitions(self) -> Definitions:
        from assay.features.definitions import load_definitions

        return load_definitions(self.folder / self.settings.features)

    @cached_property
    def registry(self) -> Registry:
        from assay.release.registry import Registry

        return Registry(self.ledger, self.artifacts)

    @cached_property
    def engine(self) -> Engine:
        from assay.engines import open_engine

        options = self.settings.engine_options
        return open_engine(options.name, address=options.address)

    def read_source(self, name: str) -> pl.LazyFrame:
        """The rows of a source as they stand there now.

        Raises:
            DataError: It cannot be read.
        """
        from assay.data import sources

        return sources.read(name, self.settings.sources[name], self.folder)

    @property
    def exchange(self) -> Path:
        """Folder for partitions under way, which every worker reaches."""
        return self.folder / (self.settings.engine_options.exchange or ".assay/exchange")

    @property
    def predictions(self) -> Path:
        """Folder of the prediction log's segments."""
        return self.state / "predictions"

    def function(self, reference: str, *, field: str) -> Callable[..., Any]:
        """Load the project's own function that `field` of assay.yaml names as `module:function`.

        What the function raises when it is called becomes a `DataError` that names it, with file and line.

        Raises:
            ConfigError: The project has no such file or function, or the file fails.
        """
        from assay.features.project_code import blamed, resolve

        try:
            function = resolve(reference, self.folder)
        except ConfigError as error:
            raise ConfigError(f"assay.yaml, {field}: {error}") from error

        @wraps(function)
        def named(*args: Any, **kwargs: Any) -> Any:
            with blamed(f"{reference} ({field}) fails"):
                return function(*args, **kwargs)

        return named

    @contextmanager
    def alone(
        self, work: str, *, patience_seconds: float = 0.0, waits: Callable[[str], None] = lambda _holder: None
    ) -> Iterator[None]:
        """Hold the project's lock while `work` runs; the system frees it if the process dies.

        Args:
            work: What is to be done, for others who would like to work too.
            patience_seconds: How long to wait for a turn; 0: not at all.
            waits: Told once who is at work, if there is somebody to wait for.

        Raises:
            UsageError: Another process holds it, and did all that time.
        """
        with turns.taken(self.state / "run.lock", work, patience_seconds=patience_seconds, waits=waits):
            yield

    def alone_if_free(self, work: str) -> AbstractContextManager[bool]:
        """Hold the project's lock if nobody else does; gives whether it is held."""
        return turns.taken_if_free(self.state / "run.lock", work)

    def streams_alone(self, work: str) -> AbstractContextManager[None]:
        """Hold the lock of the project's streams: a build may go on beside them, a second consumer may not.

        Raises:
            UsageError: Another process streams here.
        """
        return turns.taken(self.state / "streams.lock", work, waits=lambda _holder: None)

    def close(self) -> None:
        """Close every store that was opened."""
        guard = self.__dict__.pop("online_guard", None)
        if guard is not None:
            guard.close()  # first: its thread records what it finds
        ledger = self.__dict__.pop("ledger", None)
        if ledger is not None:
            ledger.close()
        bus = self.__dict__.pop("bus", None)
        if bus is not None:
            bus.close()
        for name in ("online", "online_cache", "_online_store"):
            self.__dict__.pop(name, None)
        self.__dict__.pop("registry", None)

    def _place(self, configured: str | None, default: str) -> str | Path:
        if configured is None:
            return self.state / default
        if not configured.strip():
            raise ConfigError(
                "stores: a place is empty. Name it, or leave the key out: is a variable set to nothing? "
                "${NAME:-value} has a default for that."
            )
        return configured if "://" in configured else self.folder / configured
