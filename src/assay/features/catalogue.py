"""The catalogue: every feature with its documentation, to list, show and search."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from assay.errors import NotFound
from assay.features.definitions import Definitions, FeatureView


@dataclass(frozen=True, slots=True)
class Entry:
    """One feature of the catalogue (FS-1).

    Attributes:
        name: The feature.
        description: What it measures.
        view: The view that computes it.
        entity: Whom it is about; empty for features of a request.
        data_type: Its stored type; empty where the view was never built.
        sources: What it is computed from.
        owner: Who answers for it.
        created: Day of its creation, ISO 8601; empty where not given.
        known_issues: What a reader should beware of.
        refresh: How often it is built; `request` for features of a request.
        ttl: Age from which it is not used; None: never.
        internal: Whether only request views read it, and no model.
        place: `file:line` of the definition.
    """

    name: str
    description: str
    view: str
    entity: str
    data_type: str
    sources: tuple[str, ...]
    owner: str
    created: str
    known_issues: str
    refresh: str
    ttl: timedelta | None
    internal: bool
    place: str


def entries(
    definitions: Definitions, *, types: Mapping[str, Mapping[str, pl.DataType]] | None = None, owner: str = ""
) -> list[Entry]:
    """Every feature in the order of the file, features of requests last.

    Args:
        definitions: The project's views.
        types: Column types of each built view, by the view's name.
        owner: Who answers for views that name nobody.
    """
    of_views = [
        _of_view(view, name, data_type=str((types or {}).get(view.name, {}).get(name, "")), owner=owner)
        for view in definitions.views
        for name in view.features
    ]
    of_requests = [
        Entry(
            name=name,
            description=feature.description,
            view=view.name,
            entity="",
            data_type="",
            sources=(),
            owner=owner,
            created="",
            known_issues=feature.known_issues,
            refresh="request",
            ttl=None,
            internal=feature.internal,
            place=view.place,
        )
        for view in definitions.request_views
        for name, feature in view.features.items()
    ]
    return of_views + of_requests


def show(name: str, listed: Sequence[Entry]) -> Entry:
    """The entry of a feature.

    Raises:
        NotFound: There is no such feature; the message has the nearest names.
    """
    for entry in listed:
        if entry.name == name:
            return entry
    near = difflib.get_close_matches(name, [entry.name for entry in listed], n=3)
    known = f"Closest: {', '.join(near)}." if near else "`assay features list` shows those there are."
    raise NotFound(f"no feature '{name}'. {known}")


def search(words: str, listed: Sequence[Entry]) -> list[Entry]:
    """The entries in whose name, description, view, entity or issues every word occurs, whatever its case."""
    wanted = words.lower().split()

    def text(entry: Entry) -> str:
        return " ".join((entry.name, entry.description, entry.view, entry.entity, entry.known_issues)).lower()

    return [entry for entry in listed if all(word in text(entry) for word in wanted)]


def _of_view(view: FeatureView, name: str, *, data_type: str, owner: str) -> Entry:
    feature = view.features[name]
    return Entry(
        name=name,
        description=feature.description,
        view=view.name,
        entity=view.entity,
        data_type=data_type,
        sources=view.sources,
        owner=view.owner or owner,
        created=view.created,
        known_issues=feature.known_issues,
        refresh=view.refresh,
        ttl=view.ttl,
        internal=feature.internal,
        place=view.place,
    )
