"""Building: every view of a project is brought up to the run's moment, offline and online.

The part of the feature pipeline that computes; taking, checking and cutting the sources is `feature`'s.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assay.features import materialize, offline
from assay.ledger.evidence import Evidence
from assay.pipelines.run import Run, Step


def build_views(run: Run, frames: Mapping[str, pl.LazyFrame], *, full: bool | None = None) -> list[Evidence]:
    """Bring the offline table and the online values of every view up to the run's moment.

    Args:
        run: The run to record under.
        frames: The sources by name, as they were known at the run's moment.
        full: Build every view from its first row; by default only where its definition has changed.
    """
    workspace = run.workspace
    built: list[Evidence] = []
    views = workspace.definitions.views
    for number, view in enumerate(views):
        run.progress(Step("features", number, len(views), view.name))
        changed = offline.definition_changed(view, workspace.tables) if full is None else full
        sources = {name: frames[name] for name in view.sources}
        result = materialize.build(view, sources, tables=workspace.tables, online=workspace.online, full=changed)
        built.append(result.evidence)
    run.progress(Step("features", len(views), len(views)))
    return run.record_all(built)
