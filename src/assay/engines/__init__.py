"""Engines: where a function over partitions runs. One function each; `open_engine` picks it by its word."""

from assay.engines.engine import Engine, open_engine, require_installed
from assay.engines.task import Task

__all__ = ["Engine", "Task", "open_engine", "require_installed"]
