"""The ledger of an open project, as `project.ledger` offers it: its records, and lineage from more than records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from assay.pipelines.workspace import Workspace

if TYPE_CHECKING:
    from assay.ledger.lineage import Lineage
    from assay.pipelines.descent import Trace
    from assay.pipelines.impact import Impact


class ProjectLedger:
    """The ledger of a project: `project.ledger`; everything of `Ledger`, and lineage from more than records."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._workspace.ledger, name)

    def lineage(self, start: str, *, direction: Literal["back", "forward"] = "back") -> Lineage:
        """What a record, a prediction or a version was made from, or what came of it.

        Raises:
            NotFound: There is nothing of that name.
        """
        from assay.pipelines import audit

        return audit.lineage(self._workspace, start, direction=direction)

    def trace(self, start: str, *, limit: int | None = None) -> Trace:
        """Tell what a prediction, a version, an experiment or a record was made from, down to rows of a source.

        Args:
            start: A prediction's id, `name@version`, an experiment, a run, `source:name`, or a record.
            limit: Most records of its graph; by default the ledger's own limit.

        Raises:
            NotFound: There is nothing of that name.
        """
        from assay.pipelines import trace

        return trace.trace_back(self._workspace, start, limit=limit)

    def impact(self, start: str, *, rows: str = "", where: str = "", limit: int | None = None) -> Impact:
        """Tell what came of a source's rows, or of a record: runs, versions, deployments, predictions.

        Args:
            start: `source:name`, or what `trace` takes.
            rows: Rows of the source's newest snapshot by number, `100:200`, both ends included.
            where: Or a condition on them in SQL: `known_at >= '2026-01-01' AND plan = 'basic'`.
            limit: Most records of the graph.

        Raises:
            NotFound: There is nothing of that name, or no snapshot holds such rows.
            UsageError: The rows are not named properly.
        """
        from assay.data.selection import selection
        from assay.pipelines import impact

        options = {} if limit is None else {"limit": limit}
        return impact.trace_forward(self._workspace, start, chosen=selection(rows, where), **options)

    def page(self, trace: Trace) -> str:
        """The story, the graph and the records of `trace`, or of `impact(…).trace`, as one page of HTML."""
        from assay.pages.lineage import lineage_page

        return lineage_page(
            project=self._workspace.settings.name,
            start=trace.start,
            direction=trace.direction,
            steps=[step.to_json() for step in trace.steps],
            lineage=trace.graph,
            origin=trace.origin,
            head=self._workspace.ledger.head().digest,
        )
