"""Online features: the latest value of every entity, pushed from the offline store and read at request time.

Reading gives what the training frame would give at that moment: same layout, same request views, same ttl, and no
value that was not known strictly before the prediction. Missing, expired and stale are told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
import polars.selectors as cs

from assay.config.settings import Target
from assay.errors import DataError
from assay.features import offline
from assay.features.definitions import KNOWN_AT, Definitions, FeatureView
from assay.features.frame import views_of
from assay.features.layout import Layout, Role, layout_of, with_request_features
from assay.features.point_in_time import INSTANT

if TYPE_CHECKING:
    from assay.stores.online import OnlineRow, OnlineStore
    from assay.stores.tables import Tables

State = Literal["missing", "expired", "stale", "future"]
PUSHED = "assay.pushed"  # online view whose rows say which build of each view has arrived
CHUNK_ROWS = 50_000
TIMELESS_US = -(2**62)  # time of attributes that have none
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Vector:
    """What a model reads for one row.

    Attributes:
        values: By feature, in the order of the training frame; None where nothing is known.
        states: For each `role.view` that is not simply there: `missing`, no row; `expired`, older than its ttl and
            not used; `future`, known only after the prediction time and not used; `stale`, used, though older than
            the view's staleness.
    """

    values: dict[str, Any]
    states: dict[str, State] = field(default_factory=dict)


class OnlineFeatures:
    """Reads vectors for rows of one target; prepared once, then used by any number of threads."""

    def __init__(
        self,
        *,
        target: Target,
        definitions: Definitions,
        store: OnlineStore,
        input_types: Mapping[str, pl.DataType] | None = None,
    ) -> None:
        """Prepare for a target.

        Args:
            target: Which columns of a row are entities, inputs and the prediction time.
            definitions: The project's views.
            store: Where `push` has put the latest values.
            input_types: Types that the inputs had in training, for request views; inferred where not given.
        """
        self.layout: Layout = layout_of(target, definitions)
        self._store = store
        self._input_types = dict(input_types or {})
        self._types: dict[str, dict[str, pl.DataType]] = {}
        self._order = self.layout.model_features
        self._columns = tuple(dict.fromkeys((*self.layout.inputs, *self.layout.joined_columns)))

    def vectors(self, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[Vector]:
        """The model's inputs for rows that hold entity keys, inputs and, where it is not `now`, the time.

        A row may bring a feature itself, under its prefixed name; then the store's value is not used.

        Raises:
            DataError: A row's prediction time cannot be read.
        """
        now_us = _microseconds(now)
        times = [_time_us(row, self.layout.time, now_us) for row in rows]
        values: list[dict[str, Any]] = [dict.fromkeys(self._columns) for _ in rows]
        states: list[dict[str, State]] = [{} for _ in rows]
        for role, view in self.layout.joins:
            found = self._fetch(role, view, rows)
            for latest_row, time_us, into, state in zip(found, times, values, states, strict=True):
                verdict = _judge(latest_row, view, time_us=time_us, now_us=now_us)
                if verdict is not None:
                    state[f"{role.name}.{view.name}"] = verdict
                if latest_row is not None and verdict in (None, "stale"):
                    into.update({role.prefix + name: latest_row.values.get(name) for name in view.features})
        for row, into in zip(rows, values, strict=True):
            into.update({name: row[name] for name in self._columns if name in row})
        if self.layout.request_views and rows:
            values = self._with_request_features(values, times)
        return [
            Vector({name: one[name] for name in self._order}, state) for one, state in zip(values, states, strict=True)
        ]

    def _fetch(self, role: Role, view: FeatureView, rows: Sequence[Mapping[str, Any]]) -> list[OnlineRow | None]:
        keys = [row.get(role.column) for row in rows]
        wanted = [str(key) for key in dict.fromkeys(keys) if key is not None]
        found = dict(zip(wanted, self._store.get(view.name, wanted), strict=True)) if wanted else {}
        return [None if key is None else found[str(key)] for key in keys]

    def _with_request_features(self, values: list[dict[str, Any]], times: list[int]) -> list[dict[str, Any]]:
        types = {**self._joined_types(), **self._input_types}
        columns = {name: _series(name, [one[name] for one in values], types.get(name)) for name in self._columns}
        frame = pl.DataFrame(columns)
        if self.layout.time is not None:
            frame = frame.with_columns(pl.Series(self.layout.time, times).cast(INSTANT))
        return with_request_features(frame, self.layout).to_dicts()

    def _joined_types(self) -> dict[str, pl.DataType]:
        types: dict[str, pl.DataType] = {}
        for role, view in self.layout.joins:
            if view.name not in self._types:
                known = pushed(view, self._store)
                if known is None:
                    continue
                self._types[view.name] = known.types
            types |= {role.prefix + name: dtype for name, dtype in self._types[view.name].items()}
        return types


def vector(
    rows: Sequence[Mapping[str, Any]], *, target: Target, definitions: Definitions, store: OnlineStore, now: datetime
) -> list[dict[str, Any]]:
    """The model's inputs for a few rows; to read often, or to learn what was missing, keep an `OnlineFeatures`."""
    reader = OnlineFeatures(target=target, definitions=definitions, store=store)
    return [one.values for one in reader.vectors(rows, now=now)]


def latest(keys: pl.DataFrame, names: Sequence[str], *, definitions: Definitions, store: OnlineStore) -> pl.DataFrame:
    """Give each row of `keys` (a column named as each entity asked for) the named features as they are now.

    Raises:
        NotFound: A feature has no view.
    """
    columns: dict[str, pl.Series] = {}
    for view, wanted in views_of(names, definitions):
        rows = store.get(view.name, [str(key) for key in keys[view.entity]])
        arrived = pushed(view, store)
        for name in wanted:
            given = [None if row is None else row.values.get(name) for row in rows]
            columns[name] = _series(name, given, arrived.types.get(name) if arrived else None)
    return keys.with_columns(columns[name] for name in names)


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
    is_anew = before is None or not state.replaced_in <= before.build <= state.build
    rows = offline.rows_since(view, tables, 0 if is_anew or before is None else before.build)
    newest = rows.select(pl.exclude(offline.BUILD)).unique(view.entity, keep="last", maintain_order=True).collect()
    n_changed = _put(view, newest, online=online, is_anew=is_anew)
    types = {name: dtype.base_type().__name__ for name, dtype in newest.schema.items()}
    online.put(PUSHED, [view.name], [state.build], [{"build": state.build, "types": types}])
    return n_changed


def pushed(view: FeatureView, online: OnlineStore) -> Pushed | None:
    """What the online store has of a view; None where nothing has arrived."""
    (row,) = online.get(PUSHED, [view.name])
    if row is None:
        return None
    types = {name: INSTANT if kind == "Datetime" else getattr(pl, kind)() for name, kind in row.values["types"].items()}
    return Pushed(build=row.values["build"], types=types)


def _put(view: FeatureView, newest: pl.DataFrame, *, online: OnlineStore, is_anew: bool) -> int:
    """Write one row an entity; dates and instants as whole days and microseconds since 1970."""
    keys = [str(key) for key in newest[view.entity]]
    plain = newest.with_columns(cs.temporal().to_physical())
    times = plain[KNOWN_AT].to_list() if KNOWN_AT in plain.columns else [TIMELESS_US] * plain.height
    values = plain.select(pl.exclude(view.entity, KNOWN_AT)).to_dicts()
    if is_anew:
        return online.put(view.name, keys, times, values, replace=True)
    steps = range(0, len(keys), CHUNK_ROWS)
    return sum(
        online.put(view.name, keys[at : at + CHUNK_ROWS], times[at : at + CHUNK_ROWS], values[at : at + CHUNK_ROWS])
        for at in steps
    )


def _judge(row: OnlineRow | None, view: FeatureView, *, time_us: int, now_us: int) -> State | None:
    """Whether a row may be used for a prediction at `time_us`, as the point-in-time join would decide."""
    if row is None:
        return "missing"
    if row.time_us == TIMELESS_US:
        return None
    if row.time_us >= time_us:
        return "future"
    if view.ttl is not None and time_us - row.time_us > view.ttl // _MICROSECOND:
        return "expired"
    if view.staleness is not None and now_us - row.time_us > view.staleness // _MICROSECOND:
        return "stale"
    return None


def _time_us(row: Mapping[str, Any], column: str | None, now_us: int) -> int:
    """The row's prediction time in microseconds since 1970; `now` where it brings none."""
    given = row.get(column) if column is not None else None
    if given is None:
        return now_us
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError:
            raise DataError(f"'{column}' is {given!r}, which is no time. Write it as 2026-11-21T10:30:00Z.") from None
    if isinstance(given, date) and not isinstance(given, datetime):
        given = datetime.combine(given, time())
    if not isinstance(given, datetime):
        raise DataError(f"'{column}' is {given!r}, which is no time. Write it as 2026-11-21T10:30:00Z.")
    return _microseconds(given)


def _microseconds(moment: datetime) -> int:
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def _series(name: str, values: list[Any], dtype: pl.DataType | None) -> pl.Series:
    if dtype is None:
        return pl.Series(name, values, strict=False)
    stored = pl.Int64() if dtype.is_temporal() else dtype
    try:
        if dtype.is_float() and any(isinstance(value, int) for value in values):  # JSON writes 1.0 as 1
            values = [None if value is None else _number(value) for value in values]
        return pl.Series(name, values, dtype=stored, strict=True).cast(dtype)
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        raise DataError(f"'{name}' must be {dtype}: {error}. Give a value of that type, or none.") from error


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return float(value)
