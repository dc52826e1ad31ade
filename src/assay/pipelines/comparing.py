"""Comparing experiments: finds each one's last record and the records of its run, and hands them over."""

from __future__ import annotations

from collections.abc import Sequence

from assay.errors import NotFound
from assay.evaluation.side_by_side import SideBySide, side_by_side
from assay.ledger.evidence import Evidence
from assay.pipelines.workspace import Workspace
from assay.training.experiments import KIND


def compare(workspace: Workspace, ids: Sequence[str]) -> SideBySide:
    """Put experiments side by side.

    Raises:
        NotFound: There is no experiment of that name.
        UsageError: Fewer than two are named, or one twice.
    """
    found = [experiment(workspace, one) for one in ids]
    return side_by_side([(one, workspace.ledger.find(run=one.run)) for one in found])


def experiment(workspace: Workspace, name: str) -> Evidence:
    """The last record of an experiment.

    Raises:
        NotFound: There is none of that name.
    """
    found = workspace.ledger.latest(KIND, f"experiment:{name}")
    if found is None:
        raise NotFound(f"there is no experiment {name!r}. `assay experiments` lists them.")
    return found
