"""One view in one role, prepared for reading: whether its latest row may be used, and its values in the frame's order.

The rules are those of the point-in-time join, told on whole microseconds, because a request has no time for more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from assay.features.definitions import FeatureView
from assay.features.layout import Role

if TYPE_CHECKING:
    from assay.stores.online import OnlineRow

State = Literal["missing", "expired", "stale", "future", "unavailable"]
TIMELESS_US = -(2**62)  # time of attributes that have none
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Joined:
    """A view of an entity in the part that the entity plays in a row.

    Attributes:
        place: `role.view`, as states are named.
        column: Column of the row that holds the entity's key.
        view: Name of the view.
        names: The view's features, in the order of the frame, without the role's prefix.
        columns: The same as the frame names them, with it.
        nothing: A null for each column.
        ttl_us: Age from which a row is not used, microseconds; None: never.
        staleness_us: Age from which it counts as stale; None: never.
    """

    place: str
    column: str
    view: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    nothing: Mapping[str, None]
    ttl_us: int | None
    staleness_us: int | None
    _pick: Callable[[Mapping[str, Any]], Any]

    @classmethod
    def of(cls, role: Role, view: FeatureView) -> Joined:
        """Prepare a view for a role."""
        names = tuple(view.features)
        columns = tuple(role.prefix + name for name in names) if role.prefix else names
        return cls(
            place=f"{role.name}.{view.name}",
            column=role.column,
            view=view.name,
            names=names,
            columns=columns,
            nothing=dict.fromkeys(columns),
            ttl_us=whole_us(view.ttl),
            staleness_us=whole_us(view.staleness),
            _pick=itemgetter(*names),
        )

    def judge(self, row: OnlineRow | None, *, time_us: int, now_us: int) -> State | None:
        """Whether a row may be used for a prediction at `time_us`; None where nothing speaks against it."""
        if row is None:
            return "missing"
        known_us = row.time_us
        if known_us == TIMELESS_US:
            return None
        if known_us >= time_us:
            return "future"
        if self.ttl_us is not None and time_us - known_us > self.ttl_us:
            return "expired"
        if self.staleness_us is not None and now_us - known_us > self.staleness_us:
            return "stale"
        return None

    def add_to(self, values: dict[str, Any], stored: Mapping[str, Any]) -> None:
        """Put the view's features of a stored row behind `values`; one that the row lacks is null."""
        if self.names is self.columns and tuple(stored) == self.names:  # as a build stores it: nothing to look up
            values.update(stored)
            return
        try:
            picked = self._pick(stored)
        except KeyError:
            values.update((column, stored.get(name)) for column, name in zip(self.columns, self.names, strict=True))
            return
        values.update(zip(self.columns, picked if len(self.names) > 1 else (picked,), strict=True))


def whole_us(span: timedelta | None) -> int | None:
    """A span in whole microseconds."""
    return None if span is None else span // _MICROSECOND
