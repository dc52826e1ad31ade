"""A workspace: one project folder with its settings read, its definitions loaded and its stores open.

Opens each store when it is first needed, so that a verb pays only for what it uses. What is done with them is told
in the pipelines.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.features.definitions import Definitions
    from assay.ledger.ledger import Ledger
    from assay.release.registry import Registry
    from assay.stores.artifacts import ArtifactStore
    from assay.stores.bus import Bus
    from assay.stores.online import OnlineStore
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
        from assay.stores.online import open_online

        return open_online(self._place(self.settings.stores.online, "online.db"), namespace=self.settings.name)

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

    @property
    def predictions(self) -> Path:
        """Folder of the prediction log's segments."""
        return self.state / "predictions"

    def function(self, reference: str, *, field: str) -> Callable[..., Any]:
        """Load the project's own function that `field` of assay.yaml names as `module:function`.

        Raises:
            ConfigError: The project has no such file or function, or the file fails.
        """
        from assay.features.project_code import resolve

        try:
            return resolve(reference, self.folder)
        except ConfigError as error:
            raise ConfigError(f"assay.yaml, {field}: {error}") from error

    @contextmanager
    def alone(self, work: str) -> Iterator[None]:
        """Hold the project's lock while `work` runs; the system frees it if the process dies.

        Raises:
            UsageError: Another process holds it.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "run.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise UsageError(
                    f"{self.folder}: {lock.read().strip() or 'another process'} is at work here. "
                    f"Wait for it to end before you start {work}."
                ) from None
            lock.truncate(0)
            lock.write(f"{work} (process {os.getpid()})")
            lock.flush()
            yield

    def close(self) -> None:
        """Close every store that was opened."""
        ledger = self.__dict__.pop("ledger", None)
        if ledger is not None:
            ledger.close()
        bus = self.__dict__.pop("bus", None)
        if bus is not None:
            bus.close()
        self.__dict__.pop("online", None)
        self.__dict__.pop("registry", None)

    def _place(self, configured: str | None, default: str) -> str | Path:
        if configured is None:
            return self.state / default
        return configured if "://" in configured else self.folder / configured
