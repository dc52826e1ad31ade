"""The past of entities as the last build saw it: their recent rows of the source's snapshot, ready to be looked up.

Where these fit, they lie in memory in the order of their entities. Where they do not, an entity's rows are read from
the snapshot when it is first met, and the longest unused make room.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from assay.features.definitions import KNOWN_AT

ENTITY = "__entity"
MOST_CELLS = 50_000_000
"""Rows times columns of a snapshot that is held whole: at most some 400 MB, less what the history leaves out."""
KEPT_ROWS = 500_000
"""Rows held of a snapshot that is not."""


class Past:
    """Rows of a snapshot by entity, as much of each as the history reaches."""

    def __init__(
        self,
        frame: pl.LazyFrame | None,
        *,
        by: str,
        history: timedelta | int,
        most_cells: int = MOST_CELLS,
        kept_rows: int = KEPT_ROWS,
    ) -> None:
        """Prepare; a snapshot that fits is read now.

        Args:
            frame: The source with `known_at`; None where it was never read.
            by: Column with the key of the entity.
            history: How much of an entity's past is wanted, up to its newest row here.
            most_cells: Rows times columns of a snapshot that is held whole.
            kept_rows: Rows held in memory of one that is not.
        """
        self._history = history
        self._kept_rows = kept_rows
        self._held: OrderedDict[str, pl.DataFrame] = OrderedDict()
        self._n_rows = 0
        self._whole: pl.DataFrame | None = None
        self._places: dict[str, tuple[int, int]] = {}
        self._rows: pl.LazyFrame | None = None
        if frame is not None:
            key = pl.col(by).cast(pl.String).alias(ENTITY)
            self._rows = frame.filter(pl.col(by).is_not_null(), pl.col(KNOWN_AT).is_not_null()).with_columns(key)
            n_cells = frame.select(pl.len()).collect().item() * len(frame.collect_schema())
            if n_cells <= most_cells:
                self._hold_whole(self._rows)

    def rows_of(self, entities: Sequence[str]) -> pl.DataFrame | None:
        """The recent rows of `entities`, each one's in the order of the source; None where there are none at all."""
        if self._whole is not None:
            whole = self._whole
            places = [self._places[entity] for entity in entities if entity in self._places]
            return pl.concat([whole.slice(start, length) for start, length in places]) if places else None
        if self._rows is None:
            return None
        return self._looked_up(self._rows, entities)

    def _hold_whole(self, rows: pl.LazyFrame) -> None:
        recent = _recent(rows, self._history).sort(ENTITY, maintain_order=True).collect()
        runs = recent.select(pl.col(ENTITY).rle().struct.unnest())
        ends = runs["len"].cum_sum()
        starts = (ends - runs["len"]).to_list()
        self._places = {
            entity: (start, length) for entity, start, length in zip(runs["value"], starts, runs["len"], strict=True)
        }
        self._whole = recent.drop(ENTITY)

    def _looked_up(self, rows: pl.LazyFrame, entities: Sequence[str]) -> pl.DataFrame | None:
        unknown = [entity for entity in entities if entity not in self._held]
        if unknown:
            self._read(rows, unknown)
        parts = [self._held[entity] for entity in entities]
        for entity in entities:
            self._held.move_to_end(entity)
        self._make_room()
        found = [part for part in parts if part.height]
        return pl.concat(found) if found else None

    def _read(self, rows: pl.LazyFrame, entities: Sequence[str]) -> None:
        found = _recent(rows.filter(pl.col(ENTITY).is_in(list(entities))), self._history).collect()
        for (entity,), part in found.partition_by(ENTITY, as_dict=True, include_key=False).items():
            self._hold(str(entity), part)
        for entity in entities:
            if entity not in self._held:
                self._hold(entity, found.clear().drop(ENTITY))

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
