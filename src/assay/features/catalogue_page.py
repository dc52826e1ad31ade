"""The catalogue as a page: entities, their views, and each feature with all that is known of it.

Draws what it is given; where the facts come from is the pipelines' to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from markupsafe import Markup

from assay.features.catalogue import Entry
from assay.features.freshness import in_words
from assay.features.statistics import Spread
from assay.ledger.evidence import Evidence
from assay.pages.render import render
from assay.pages.spread import spark

OPEN_UP_TO = 12  # views; with more the page shows them folded


@dataclass(frozen=True, slots=True)
class ViewFacts:
    """What is known of a view beyond its declaration.

    Attributes:
        freshness: Kind `features.freshness`.
        built: When it was last built; None: never.
        rows: Rows stored; None where it was never built.
        entities: Entities online; None where that is not known.
        digest: Of its definition.
        changed: Whether the definition is no longer the one its table was built with.
        staleness: Age from which its values count as stale.
        spreads: By feature.
    """

    digest: str
    freshness: Evidence | None = None
    built: datetime | None = None
    rows: int | None = None
    entities: int | None = None
    changed: bool = False
    staleness: timedelta | None = None
    spreads: Mapping[str, Spread] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _View:
    """A view as the template shows it."""

    name: str
    entity: str
    entries: tuple[Entry, ...]
    facts: ViewFacts | None
    sparks: Mapping[str, Markup]


def page(
    project: str,
    listed: Sequence[Entry],
    facts: Mapping[str, ViewFacts],
    *,
    read_by: Mapping[str, Sequence[str]],
    now: datetime,
) -> str:
    """The catalogue as one self-contained page.

    Args:
        project: Its name.
        listed: Every feature, in the order of the file.
        facts: By view; views that nothing is known of are shown from their declaration.
        read_by: Model versions that read a feature, newest first, by feature.
        now: When it is written.
    """
    views = [_view(name, listed, facts.get(name)) for name in dict.fromkeys(entry.view for entry in listed)]
    entities = list(dict.fromkeys(view.entity for view in views))
    return render(
        "assay.features",
        "catalogue.html",
        project=project,
        groups=[(entity, [view for view in views if view.entity == entity]) for entity in entities],
        n_features=len(listed),
        n_views=len(views),
        n_entities=len([entity for entity in entities if entity]),
        issues=[entry for entry in listed if entry.known_issues],
        troubled=[view for view in views if view.facts and view.facts.freshness and is_troubled(view.facts.freshness)],
        read_by=read_by,
        is_open=len(views) <= OPEN_UP_TO,
        now=now,
        in_words=in_words,
    )


def is_troubled(freshness: Evidence) -> bool:
    """Whether a view's freshness needs somebody to look."""
    return freshness.verdict in ("warn", "fail")


def _view(name: str, listed: Sequence[Entry], facts: ViewFacts | None) -> _View:
    entries = tuple(entry for entry in listed if entry.view == name)
    spreads = facts.spreads if facts else {}
    sparks = {
        feature: spark(one.counts, says=f"{feature}: {one.words}") for feature, one in spreads.items() if one.counts
    }
    return _View(name, entries[0].entity, entries, facts, sparks)
