"""The local engine: one partition after the other in this process, so that memory is that of the largest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.engines.task import Task, opened, perform


def run_local(task: Task, partitions: Sequence[Any]) -> list[Any]:
    """Perform the task for each partition in turn; Polars uses every core on each.

    Raises:
        AssayError: As the task's function.
    """
    return [opened([perform(task, partition)])[0] for partition in partitions]
