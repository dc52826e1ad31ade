"""Online features: the latest value of every entity, read at request time.

Reading gives what the training frame would give at that moment: same layout, same request views, same ttl, and no
value that was not known strictly before the prediction. Missing, expired and stale are told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from assay.config.settings import Target
from assay.errors import DataError, ServiceUnreachable
from assay.features.definitions import Definitions, FeatureView
from assay.features.frame import views_of
from assay.features.joined import TIMELESS_US, Joined, State, whole_us
from assay.features.layout import Layout, layout_of, with_request_features
from assay.features.point_in_time import INSTANT
from assay.features.pushing import Pushed, pushed

if TYPE_CHECKING:
    from assay.stores.online import OnlineRow, OnlineStore, Wanted

Rows = dict[str, "dict[str, OnlineRow | None]"]  # the latest by view and key
Fallback = Callable[[Sequence["Wanted"]], "list[list[OnlineRow | None]]"]
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Vector(NamedTuple):
    """What a model reads for one row.

    Attributes:
        values: By feature, in the order of the training frame; None where nothing is known.
        states: For each `role.view` that is not simply there: `missing`, no row; `expired`, older than its ttl and
            not used; `future`, known only after the prediction time and not used; `stale`, used, though older than
            the view's staleness, or read before the store went away; `unavailable`, the store is away and nothing is
            remembered.
        times: For each `role.view` whose values are used, when they became known, microseconds since 1970; one of
            attributes that have no time is left out. What the request brings and computes is of the request's time.
    """

    values: dict[str, Any]
    states: dict[str, State]
    times: dict[str, int]

    def known_at(self, place: str) -> datetime | None:
        """When the values of a `role.view` became known; None where there are none, or they have no time."""
        time_us = self.times.get(place)
        return None if time_us is None else _EPOCH + timedelta(microseconds=time_us)


class OnlineFeatures:
    """Reads vectors for rows of one target; prepared once, then used by any number of threads."""

    def __init__(
        self,
        *,
        target: Target,
        definitions: Definitions,
        store: OnlineStore,
        input_types: Mapping[str, pl.DataType] | None = None,
        fallback: Fallback | None = None,
    ) -> None:
        """Prepare for a target.

        Args:
            target: Which columns of a row are entities, inputs and the prediction time.
            definitions: The project's views.
            store: Where `push` has put the latest values.
            input_types: Types that the inputs had in training, for request views; inferred where not given.
            fallback: What is used while the store is away; by default its error is raised.
        """
        self.layout: Layout = layout_of(target, definitions)
        self._store = store
        self._fallback = fallback
        self._input_types = dict(input_types or {})
        self._types: dict[str, dict[str, pl.DataType]] = {}
        self._order = self.layout.model_features
        self._columns = tuple(dict.fromkeys((*self.layout.inputs, *self.layout.joined_columns)))
        self._joined = frozenset(self.layout.joined_columns)
        self._joins = tuple(Joined.of(role, view) for role, view in self.layout.joins)
        self._is_plain = self._order == self._columns and not self.layout.request_views

    def vectors(self, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[Vector]:
        """The model's inputs for rows that hold entity keys, inputs and, where it is not `now`, the time.

        A row may bring a feature itself, under its prefixed name; then the store's value is not used.

        Raises:
            DataError: A row's prediction time cannot be read.
            ServiceUnreachable: The store is away, and there is no fallback.
        """
        now_us = _microseconds(now)
        times = [_time_us(row, self.layout.time, now_us) for row in rows]
        keys = [_keys(rows, one.column) for one in self._joins]
        found, is_reached = self._read(keys)
        states: list[dict[str, State]] = [{} for _ in rows]
        known: list[dict[str, int]] = [{} for _ in rows]
        values = [
            self._values(
                row, at, keys, found, time_us=time_us, now_us=now_us, state=state, known=used, is_reached=is_reached
            )
            for at, (row, time_us, state, used) in enumerate(zip(rows, times, states, known, strict=True))
        ]
        if self.layout.request_views and rows:
            values = self._with_request_features(values, times)
        if not self._is_plain:
            values = [{name: one[name] for name in self._order} for one in values]
        return list(map(Vector._make, zip(values, states, known, strict=True)))

    def prepare(self) -> None:
        """Read the types of all joined values, so that no request has to."""
        self._joined_types()

    def _read(self, keys: Sequence[Sequence[str | None]]) -> tuple[Rows, bool]:
        """The latest rows by view and key, and whether the store gave them; a view is asked once for all its roles."""
        asked: dict[str, dict[str, None]] = {}
        for one, of_rows in zip(self._joins, keys, strict=True):
            asked.setdefault(one.view, {}).update(dict.fromkeys(key for key in of_rows if key is not None))
        wanted: list[Wanted] = [(view, list(of_view)) for view, of_view in asked.items()]
        is_reached = True
        try:
            found = self._store.get_views(wanted)
        except ServiceUnreachable:
            if self._fallback is None:
                raise
            found, is_reached = self._fallback(wanted), False
        return {view: dict(zip(of, rows, strict=True)) for (view, of), rows in zip(wanted, found, strict=True)}, (
            is_reached
        )

    def _values(
        self,
        row: Mapping[str, Any],
        at: int,
        keys: Sequence[Sequence[str | None]],
        found: Rows,
        *,
        time_us: int,
        now_us: int,
        state: dict[str, State],
        known: dict[str, int],
        is_reached: bool,
    ) -> dict[str, Any]:
        """The inputs and joined features of one row; notes in `state` what is not simply there, in `known` times."""
        values: dict[str, Any] = {name: row.get(name) for name in self.layout.inputs}
        for one, of_rows in zip(self._joins, keys, strict=True):
            key = of_rows[at]
            latest_row = None if key is None else found[one.view][key]
            verdict = one.judge(latest_row, time_us=time_us, now_us=now_us)
            if not is_reached and verdict in (None, "missing"):
                verdict = "stale" if verdict is None else "missing" if key is None else "unavailable"
            if verdict is not None:
                state[one.place] = verdict
            if latest_row is None or (verdict is not None and verdict != "stale"):
                values.update(one.nothing)
            else:
                one.add_to(values, latest_row.values)
                if latest_row.time_us != TIMELESS_US:
                    known[one.place] = latest_row.time_us
        if not self._joined.isdisjoint(row):
            values.update((name, row[name]) for name in self._joined.intersection(row))
        return values

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
                known = self._pushed(view)
                if known is None:
                    continue
                self._types[view.name] = known.types
            types |= {role.prefix + name: dtype for name, dtype in self._types[view.name].items()}
        return types

    def _pushed(self, view: FeatureView) -> Pushed | None:
        try:
            return pushed(view, self._store)
        except ServiceUnreachable:
            if self._fallback is None:
                raise
            return None


def may_answer(definitions: Definitions, *, clock: Callable[[], datetime]) -> Callable[[str, OnlineRow], bool]:
    """A rule for a memory before the store: a row that has gone stale must be asked for again."""
    limits = {view.name: whole_us(view.staleness) for view in definitions.views}

    def judge(view: str, row: OnlineRow) -> bool:
        limit = limits[view]
        return limit is None or row.time_us == TIMELESS_US or _microseconds(clock()) - row.time_us <= limit

    return judge


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
        asked = keys[view.entity].to_list()
        found = iter(store.get(view.name, [str(key) for key in asked if key is not None]))
        rows = [None if key is None else next(found) for key in asked]
        arrived = pushed(view, store)
        for name in wanted:
            given = [None if row is None else row.values.get(name) for row in rows]
            columns[name] = _series(name, given, arrived.types.get(name) if arrived else None)
    return keys.with_columns(columns[name] for name in names)


def _keys(rows: Sequence[Mapping[str, Any]], column: str) -> list[str | None]:
    return [None if (key := row.get(column)) is None else _as_text(key) for row in rows]


def _as_text(key: Any) -> str | None:
    """A key as it is stored; 12.0 is 12, which is how some programs write it, and nan is none."""
    if isinstance(key, float):
        return None if key != key else str(int(key)) if key.is_integer() else str(key)
    return str(key)


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
