"""Which columns a model reads, in which order and under which names: the one place that training and serving share.

Knows no store and no join. A feature of an entity appears once for each part (role) that the entity plays in a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from assay.config.settings import Target
from assay.errors import ConfigError
from assay.features.definitions import Definitions, FeatureView, RequestView
from assay.features.point_in_time import instant
from assay.features.project_code import blamed


@dataclass(frozen=True, slots=True)
class Role:
    """The part an entity plays in a row.

    Attributes:
        name: `home`, `away`; or the entity's own name where it plays one part only.
        entity: Name of the entity.
        column: Column of the row that holds its key.
        prefix: Put before the names of its features; empty where the role is named as its entity.
    """

    name: str
    entity: str
    column: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Layout:
    """What is joined to a row, and what of it a model reads.

    Attributes:
        joins: Each role with each view of its entity, in the order of the roles, then of the file.
        inputs: Columns that come with the row.
        time: Column with the prediction time; None where the data has no time.
        request_views: Run on the joined row, in the order of the file; later ones see earlier ones' features.
    """

    joins: tuple[tuple[Role, FeatureView], ...]
    inputs: tuple[str, ...]
    time: str | None
    request_views: tuple[RequestView, ...]

    @property
    def joined_columns(self) -> tuple[str, ...]:
        """Prefixed names of all joined features, internal ones included."""
        return tuple(role.prefix + name for role, view in self.joins for name in view.features)

    @property
    def model_features(self) -> tuple[str, ...]:
        """The model's inputs in order: the row's own, the joined, the computed; internal ones left out."""
        joined = [
            role.prefix + name for role, view in self.joins for name, one in view.features.items() if not one.internal
        ]
        computed = [name for view in self.request_views for name, one in view.features.items() if not one.internal]
        return (*self.inputs, *joined, *computed)


def layout_of(target: Target, definitions: Definitions) -> Layout:
    """Work out what a target's rows are given.

    Raises:
        ConfigError: Two columns would have one name.
    """
    roles = [_role(name, given) for name, given in target.entities.items()]
    layout = Layout(
        joins=tuple((role, view) for role in roles for view in definitions.of_entity(role.entity)),
        inputs=target.inputs,
        time=target.time,
        request_views=definitions.request_views,
    )
    computed = tuple(name for view in layout.request_views for name in view.features)
    _refuse_twice((*layout.inputs, *layout.joined_columns, *computed))
    return layout


def with_request_features(rows: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Add the columns of the request views to rows that have their inputs and joined features.

    A view sees inputs, joined features and the prediction time, never the key, the label or the context.

    Raises:
        ConfigError: A view returns another number of rows, or lacks a declared column.
        DataError: A view fails on the rows.
    """
    for view in layout.request_views:
        visible = _visible(rows, layout)
        with blamed(f"{view.place}: request view '{view.name}' fails on its rows"):
            returned = view.function(visible)
        rows = rows.with_columns(_checked(view, returned, rows.height))
    return rows


def _visible(rows: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    computed = [name for view in layout.request_views for name in view.features if name in rows.columns]
    columns = [pl.col(name) for name in (*layout.inputs, *layout.joined_columns, *computed)]
    if layout.time is not None and layout.time not in layout.inputs:
        columns.append(instant(rows.schema, layout.time).alias(layout.time))
    return rows.select(columns)


def _checked(view: RequestView, returned: object, height: int) -> list[pl.Series]:
    if not isinstance(returned, pl.DataFrame):
        raise ConfigError(
            f"{view.place}: request view '{view.name}' returns {type(returned).__name__}, not a DataFrame."
        )
    lacking = [name for name in view.features if name not in returned.columns]
    if lacking:
        raise ConfigError(f"{view.place}: request view '{view.name}' returns no {lacking}, which it declares.")
    if returned.height != height:
        raise ConfigError(
            f"{view.place}: request view '{view.name}' was given {height} rows and returns {returned.height}. "
            "It must give one row for each, in order."
        )
    return [returned[name] for name in view.features]


def _role(name: str, given: object) -> Role:
    if isinstance(given, str):
        return Role(name, entity=name, column=given, prefix="")
    entity, column = given.entity, given.column  # type: ignore[attr-defined]
    return Role(name, entity=entity, column=column, prefix="" if name == entity else f"{name}_")


def _refuse_twice(names: tuple[str, ...]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"the columns {twice} would each appear twice in a row. Rename the feature, input or role.")
