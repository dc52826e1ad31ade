"""The catalogue of a project with what is known beyond the declarations: builds, freshness, spreads, readers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl

from assay.errors import AssayError
from assay.features import catalogue, catalogue_page, offline, statistics
from assay.features.catalogue import Entry
from assay.features.catalogue_page import ViewFacts
from assay.features.definitions import FeatureView
from assay.features.layout import layout_of
from assay.models.bundle import Bundle
from assay.models.model import from_bundle
from assay.pipelines.monitoring import freshness_of
from assay.pipelines.workspace import Workspace

MOST_VERSIONS = 20  # newest versions whose inputs are looked up


def entries(workspace: Workspace) -> list[Entry]:
    """Every feature with its documentation, and its type where its view was built."""
    types = {view.name: _types(workspace, view) for view in workspace.definitions.views}
    return catalogue.entries(workspace.definitions, types=types, owner=workspace.settings.owner)


def write_page(workspace: Workspace, output: Path) -> Path:
    """Write the catalogue as one HTML file; folders that are missing are made."""
    facts = {view.name: view_facts(workspace, view) for view in workspace.definitions.views}
    text = catalogue_page.page(
        workspace.settings.name,
        entries(workspace),
        facts,
        read_by=readers(workspace),
        now=workspace.clock(),
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    return output


def view_facts(workspace: Workspace, view: FeatureView) -> ViewFacts:
    """Builds, freshness and spreads of a view; of one that was never built, only what its definition says."""
    freshness = freshness_of(workspace, view)
    state = offline.state_of(view, workspace.tables)
    if state is None:
        return ViewFacts(view.digest, freshness, staleness=view.staleness)
    stored = workspace.tables.scan(offline.table_name(view))
    names = [name for name in view.features if name in stored.collect_schema()]
    n_rows, spreads = statistics.spreads(stored, names)
    built = freshness.figures["built"]
    return ViewFacts(
        digest=view.digest,
        freshness=freshness,
        built=datetime.fromisoformat(built) if isinstance(built, str) else built,
        rows=n_rows,
        entities=_n_online(workspace, view),
        changed=state.digest != view.digest,
        staleness=view.staleness,
        spreads=spreads,
    )


def readers(workspace: Workspace) -> dict[str, list[str]]:
    """The newest versions that read each feature, newest first, each with its stage."""
    layout = layout_of(workspace.settings.target, workspace.definitions)
    columns = {name: [name] for view in layout.request_views for name in view.features}
    for role, view in layout.joins:
        for name in view.features:
            columns.setdefault(name, []).append(role.prefix + name)
    found: dict[str, list[str]] = {}
    for version in reversed(workspace.registry.versions(workspace.settings.name)[-MOST_VERSIONS:]):
        try:
            inputs = set(from_bundle(Bundle.load(workspace.artifacts, version.bundle)).signature.names)
        except AssayError:  # a bundle that is gone is `verify`'s to report
            continue
        for name, known_as in columns.items():
            if not inputs.isdisjoint(known_as):
                found.setdefault(name, []).append(f"{version.reference} ({version.stage})")
    return found


def _types(workspace: Workspace, view: FeatureView) -> dict[str, pl.DataType]:
    if workspace.tables.version(offline.table_name(view)) is None:
        return {}
    return dict(workspace.tables.scan(offline.table_name(view)).collect_schema())


def _n_online(workspace: Workspace, view: FeatureView) -> int | None:
    try:
        return workspace.online.count(view.name)
    except AssayError:  # a server that is away does not keep the catalogue from being read
        return None
