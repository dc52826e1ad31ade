"""What a project's definitions are made of: feature views, request views and the documentation of each feature.

A view is a function with a declaration. Nothing here reads data or files: loading the project's Python is
`project_code`, running a view is `materialize`, joining its rows to labels is `point_in_time`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import polars as pl

from assay.errors import ConfigError
from assay.features import naming
from assay.features.code_digest import code_digest, place_of
from assay.features.project_code import load_module

Refresh = Literal["streaming", "hourly", "daily", "weekly", "monthly"]
ViewFunction = Callable[..., "pl.LazyFrame | pl.DataFrame"]
RequestFunction = Callable[[pl.DataFrame], pl.DataFrame]
KNOWN_AT = "known_at"


@dataclass(frozen=True, slots=True)
class Feature:
    """The documentation of one feature.

    Attributes:
        description: What it measures, in words; must not be empty.
        known_issues: What a reader should beware of.
        internal: Kept for request views to read (the time of the last game); never given to a model.
    """

    description: str
    known_issues: str = ""
    internal: bool = False


@dataclass(frozen=True, slots=True)
class FeatureView:
    """A function from source frames to rows of (entity, known_at, features), with its declaration.

    Attributes:
        name: The function's name; also the name of its table and of its rows in the online store.
        entity: Column of its rows that holds the entity's key, and first part of its features' names.
        sources: Names of the sources whose frames the function takes, in order.
        features: Documentation by feature name, in column order.
        ttl: A row older than this at prediction time is not used; None: it never ages.
        refresh: How often it is built.
        staleness: Online rows older than this count as stale; None: never.
        owner: Who answers for it.
        created: Day of its creation, ISO 8601; empty where not given.
        digest: SHA-256 of the code it runs, comments and layout left out.
        place: `file:line` of the definition, for errors.
        function: The code itself.
        stream: Topic whose events are further rows of its source; None: it is fed by builds alone.
        history: How much of an entity's past its newest row depends on, as time or as rows; kept while streaming.
        partition_by: For each source that declares it, the columns whose values keep together what an entity needs.
    """

    name: str
    entity: str
    sources: tuple[str, ...]
    features: Mapping[str, Feature]
    ttl: timedelta | None
    refresh: Refresh
    staleness: timedelta | None
    owner: str
    created: str
    digest: str
    place: str
    function: ViewFunction
    stream: str | None = None
    history: timedelta | int | None = None
    partition_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __call__(self, *frames: pl.LazyFrame) -> pl.LazyFrame:
        return self.function(*frames).lazy()


@dataclass(frozen=True, slots=True)
class RequestView:
    """A function from joined rows to features of the same rows, run alike in training and at request time.

    Attributes:
        name: The function's name.
        features: Documentation by feature name, in column order.
        digest: SHA-256 of the code it runs.
        place: `file:line` of the definition, for errors.
        function: The code itself; row-wise, so that a row alone gives what it gives among others.
    """

    name: str
    features: Mapping[str, Feature]
    digest: str
    place: str
    function: RequestFunction

    def __call__(self, rows: pl.DataFrame) -> pl.DataFrame:
        return self.function(rows)


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything that a project's definitions file declares, in the order of the file."""

    views: tuple[FeatureView, ...]
    request_views: tuple[RequestView, ...]
    module: ModuleType

    def of_entity(self, entity: str) -> tuple[FeatureView, ...]:
        """The views of an entity, in the order of the file."""
        return tuple(view for view in self.views if view.entity == entity)


def feature_view(
    *,
    entity: str,
    features: Mapping[str, Feature | str],
    source: str | None = None,
    sources: Sequence[str] = (),
    ttl: timedelta | None = None,
    refresh: Refresh = "daily",
    staleness: timedelta | None = None,
    owner: str = "",
    created: str = "",
    stream: str | None = None,
    history: timedelta | int | None = None,
    partition_by: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
) -> Callable[[ViewFunction], FeatureView]:
    """Declare a function as a feature view; give `source` for one frame or `sources` for several.

    The function takes one LazyFrame for each source and returns rows with the entity's column, `known_at` (when the
    row became known; left out for attributes that have no time) and the features. Further columns are dropped.

    Raises:
        ConfigError: A name breaks the rule of `naming`, a feature has no description, or the declaration
            contradicts itself; all problems of the view at once, with file and line.

    Example:
        >>> @feature_view(entity="team", source="games", features={"team_points_all_sum": "Points scored so far"})
        ... def team_totals(games):
        ...     return games.with_columns(team_points_all_sum=pl.col("points").cum_sum().over("team"))
        >>> team_totals.sources
        ('games',)
    """
    documented = _documented(features)
    names = (source,) if source is not None else tuple(sources)

    def declare(function: ViewFunction) -> FeatureView:
        problems = [*_feature_problems(documented, entity=entity), *_declaration_problems(names, refresh, created)]
        problems += _stream_problems(names, stream, history)
        if source is not None and sources:
            problems.append("both source and sources are given. Keep one.")
        _refuse("feature view", function, problems)
        return FeatureView(
            name=function.__name__,
            entity=entity,
            sources=names,
            features=documented,
            ttl=ttl,
            refresh=refresh,
            staleness=staleness,
            owner=owner,
            created=created,
            digest=code_digest(function, declared=(entity, *names, *documented)),
            place=place_of(function),
            function=function,
            stream=stream,
            history=history,
            partition_by=_partition_columns(names, partition_by),
        )

    return declare


def request_view(*, features: Mapping[str, Feature | str]) -> Callable[[RequestFunction], RequestView]:
    """Declare a function as a request view: rows with features and inputs in, the declared columns out.

    It runs on the same joined columns in training and at request time, so it must work row by row.

    Raises:
        ConfigError: A name is not lower snake case or a feature has no description, with file and line.
    """
    documented = _documented(features)

    def declare(function: RequestFunction) -> RequestView:
        _refuse("request view", function, _feature_problems(documented, entity=None))
        return RequestView(
            name=function.__name__,
            features=documented,
            digest=code_digest(function, declared=tuple(documented)),
            place=place_of(function),
            function=function,
        )

    return declare


def load_definitions(path: Path) -> Definitions:
    """Run a project's definitions file and collect its views.

    Raises:
        ConfigError: The file is missing, fails, or declares one name twice; the message names file and line.
    """
    module = load_module(path)
    found = {id(value): value for value in vars(module).values()}.values()  # a second name for a view is no second view
    views = tuple(value for value in found if isinstance(value, FeatureView))
    request_views = tuple(value for value in found if isinstance(value, RequestView))
    _refuse_twice((*views, *request_views))
    return Definitions(views=views, request_views=request_views, module=module)


def _documented(features: Mapping[str, Feature | str]) -> dict[str, Feature]:
    return {name: Feature(one) if isinstance(one, str) else one for name, one in features.items()}


def _feature_problems(features: Mapping[str, Feature], *, entity: str | None) -> list[str]:
    problems = [] if features else ["it declares no features. Name and describe each one in features={...}."]
    for name, feature in features.items():
        wrong = naming.problem(name, entity=entity) if entity is not None else naming.snake_case_problem(name)
        if wrong:
            problems.append(wrong)
        if not feature.description.strip():
            problems.append(f"'{name}' has no description. Say in words what it measures.")
    return problems


def _declaration_problems(sources: tuple[str, ...], refresh: str, created: str) -> list[str]:
    problems = [] if sources else ["it names no source. Give source='...' or sources=(...)."]
    if refresh not in get_args(Refresh):
        problems.append(f"refresh is '{refresh}'. Give one of {', '.join(get_args(Refresh))}.")
    try:
        date.fromisoformat(created or "2000-01-01")
    except ValueError:
        problems.append(f"created is '{created}', which is no date. Write it as 2026-11-21.")
    return problems


def _stream_problems(sources: tuple[str, ...], stream: str | None, history: timedelta | int | None) -> list[str]:
    if stream is None:
        return ["history is given without stream. Name the topic, or leave history out."] if history is not None else []
    problems = [] if naming.snake_case_problem(stream) is None else [f"stream '{stream}' is no topic in snake case."]
    if len(sources) != 1:
        problems.append(f"it streams and reads {len(sources)} sources. A streaming view has exactly one.")
    reach = history.total_seconds() if isinstance(history, timedelta) else history or 0
    if reach <= 0:
        problems.append(
            "it streams without a history. Say how far back its newest row looks: history=timedelta(days=90), or "
            "history=30 for the last 30 rows of an entity."
        )
    return problems


def _partition_columns(
    sources: tuple[str, ...], given: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None
) -> dict[str, tuple[str, ...]]:
    """The columns by source; one declaration for all of them where no source is named."""
    if given is None:
        return {}
    by_source = given if isinstance(given, Mapping) else dict.fromkeys(sources, given)
    return {name: (one,) if isinstance(one, str) else tuple(one) for name, one in by_source.items()}


def _refuse(what: str, function: Callable[..., Any], problems: Sequence[str]) -> None:
    if problems:
        listed = "\n".join(f"  - {one}" for one in problems)
        raise ConfigError(f"{place_of(function)}: {what} '{function.__name__}' is refused:\n{listed}")


def _refuse_twice(views: Sequence[FeatureView | RequestView]) -> None:
    first: dict[str, FeatureView | RequestView] = {}
    for view in views:
        for name in (view.name, *view.features):
            if name in first and first[name] is not view:
                raise ConfigError(f"{view.place}: '{name}' was already declared at {first[name].place}. Rename one.")
            first[name] = view
