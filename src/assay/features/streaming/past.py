"""The past of entities as the last build saw it: their recent rows of the source's snapshot, kept for those in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from assay.features.definitions import KNOWN_AT

ENTITY = "__entity"
KEPT_ROWS = 500_000


class Past:
    """Rows of a snapshot by entity, read when an entity is first met; the longest unused make room."""

    def __init__(
        self, frame: pl.LazyFrame | None, *, by: str, history: timedelta | int, kept_rows: int = KEPT_ROWS
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            frame: The source with `known_at`; None where it was never read.
            by: Column with the key of the entity.
            history: How much of an entity's past is wanted, up to its newest row here.
            kept_rows: Rows held in memory.
        """
        self._frame = frame
        self._by = by
        self._history = history
        self._kept_rows = kept_rows
        self._held: OrderedDict[str, pl.DataFrame] = OrderedDict()
        self._n_rows = 0

    def rows_of(self, entities: Sequence[str]) -> pl.DataFrame | None:
        """The recent rows of `entities`, in the order of the source; None where there are none at all."""
        if self._frame is None:
            return None
        unknown = [entity for entity in entities if entity not in self._held]
        if unknown:
            self._read(unknown)
        parts = [self._held[entity] for entity in entities]
        for entity in entities:
            self._held.move_to_end(entity)
        self._make_room()
        found = [part for part in parts if part.height]
        return pl.concat(found) if found else None

    def _read(self, entities: Sequence[str]) -> None:
        assert self._frame is not None
        key = pl.col(self._by).cast(pl.String)
        wanted = self._frame.filter(key.is_in(list(entities)), pl.col(KNOWN_AT).is_not_null())
        rows = _recent(wanted.with_columns(key.alias(ENTITY)), self._history).collect()
        for (entity,), part in rows.partition_by(ENTITY, as_dict=True, include_key=False).items():
            self._hold(str(entity), part)
        for entity in entities:
            if entity not in self._held:
                self._hold(entity, rows.clear().drop(ENTITY))

    def _hold(self, entity: str, part: pl.DataFrame) -> None:
        self._held[entity] = part
        self._n_rows += part.height + 1  # an entity without rows takes room too

    def _make_room(self) -> None:
        while self._n_rows > self._kept_rows and len(self._held) > 1:
            _, part = self._held.popitem(last=False)
            self._n_rows -= part.height + 1


def _recent(rows: pl.LazyFrame, history: timedelta | int) -> pl.LazyFrame:
    if isinstance(history, timedelta):
        return rows.filter(pl.col(KNOWN_AT) >= pl.col(KNOWN_AT).max().over(ENTITY) - pl.lit(history))
    return rows.filter(pl.col(KNOWN_AT).rank("ordinal", descending=True).over(ENTITY) <= history)
