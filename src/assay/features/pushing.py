"""Pushing: the online values of a view are brought up to its offline table, the newest row of each entity.

The online store says itself which build of each view has arrived, so that what was killed is done again, and what was
done is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import polars.selectors as cs

from assay.features import offline
from assay.features.definitions import KNOWN_AT, FeatureView
from assay.features.joined import TIMELESS_US
from assay.features.point_in_time import INSTANT

if TYPE_CHECKING:
    from assay.stores.online import OnlineStore
    from assay.stores.tables import Tables

PUSHED = "assay.pushed"  # online view whose rows say which build of each view has arrived
CHUNK_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Pushed:
    """Which build of a view the online store has, and the types of its values."""

    build: int
    types: dict[str, pl.DataType]


def push(view: FeatureView, *, tables: Tables, online: OnlineStore) -> int:
    """Bring the online values of a view up to its offline table; returns how many entities changed.

    Only rows of builds that have not arrived are sent, the newest of each entity; after a full build all of them,
    in place of what was there. Done twice, or killed and done again, it comes to the same.
    """
    state = offline.state_of(view, tables)
    before = pushed(view, online)
    if state is None or (before is not None and before.build == state.build):
        return 0
    # where no build has arrived rows are merged, not put in place of all: a stream, or somebody else, writes as well
    is_anew = before is not None and before.build > 0 and not state.replaced_in <= before.build <= state.build
    newest = offline.newest_since(view, tables, 0 if is_anew or before is None else before.build)
    n_changed = _put(view, newest, online=online, is_anew=is_anew)
    online.put(PUSHED, [view.name], [state.build], [{"build": state.build, "types": _types(newest)}])
    return n_changed


def put_newest(view: FeatureView, newest: pl.DataFrame, *, online: OnlineStore) -> int:
    """Write rows that came between two builds, one an entity; a build that knows later ones wins.

    Args:
        view: The view.
        newest: Entity, known_at and features, as `materialize.compute` gives them.
        online: Where to.

    Returns:
        How many entities changed.
    """
    if pushed(view, online) is None:  # readers learn the types from here; the number is before that of every build
        online.put(PUSHED, [view.name], [0], [{"build": 0, "types": _types(newest)}])
    return _put(view, newest, online=online, is_anew=False)


def pushed(view: FeatureView, online: OnlineStore) -> Pushed | None:
    """What the online store has of a view; None where nothing has arrived."""
    (row,) = online.get(PUSHED, [view.name])
    if row is None:
        return None
    types = {name: INSTANT if kind == "Datetime" else getattr(pl, kind)() for name, kind in row.values["types"].items()}
    return Pushed(build=row.values["build"], types=types)


def _types(rows: pl.DataFrame) -> dict[str, str]:
    return {name: dtype.base_type().__name__ for name, dtype in rows.schema.items()}


def _put(view: FeatureView, newest: pl.DataFrame, *, online: OnlineStore, is_anew: bool) -> int:
    """Write one row an entity; dates and instants as whole days and microseconds since 1970."""
    size = max(newest.height, 1) if is_anew else CHUNK_ROWS
    n_changed = 0
    for chunk in newest.iter_slices(size):
        keys = [str(key) for key in chunk[view.entity]]
        plain = chunk.with_columns(cs.temporal().to_physical())
        times = plain[KNOWN_AT].to_list() if KNOWN_AT in plain.columns else [TIMELESS_US] * plain.height
        values = plain.select(pl.exclude(view.entity, KNOWN_AT)).to_dicts()
        n_changed += online.put(view.name, keys, times, values, replace=is_anew)
    return n_changed if newest.height or not is_anew else online.put(view.name, [], [], [], replace=True)
