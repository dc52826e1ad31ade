"""A replica of a project: its code, under settings of another time, with frozen sources and stores of its own.

What runs in it leaves no trace in the project: no feature row, no online value, no record, no opened holdout.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from assay.config.settings import Settings, Stores
from assay.data import snapshots
from assay.pipelines.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl


class Replica(Workspace):
    """The same folder with other settings, and with all its state elsewhere."""

    def __init__(self, original: Workspace, settings: Settings, *, state: Path, frozen: Mapping[str, str]) -> None:
        """Nothing is read, opened or made yet.

        Args:
            original: The project.
            settings: What to do it by; the stores they name are left alone.
            state: Empty folder for stores, snapshots and the ledger.
            frozen: Digest of the snapshot that each source is read from.
        """
        self.folder = original.folder
        self.clock = original.clock
        self.settings = settings.model_copy(update={"stores": Stores.model_validate({})})
        self.state = state
        self._frozen = frozen
        self._snapshots = original.state / "snapshots"

    def read_source(self, name: str) -> pl.LazyFrame:
        """The rows of a source as its snapshot froze them.

        Raises:
            NotFound: The snapshot is gone.
            IntegrityError: It was changed since it was taken.
        """
        return snapshots.load(self._frozen[name], self._snapshots)

    @property
    def exchange(self) -> Path:
        return self.state / "exchange"
