"""A project, opened: `Project` for its stages, `Features` and `ProjectLedger` for what it holds."""

from assay.project.features import Features
from assay.project.ledger import ProjectLedger
from assay.project.project import Project, open_project

__all__ = ["Features", "Project", "ProjectLedger", "open_project"]
