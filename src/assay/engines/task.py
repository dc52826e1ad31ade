"""A task: a named function that runs over partitions, here or on a worker.

The function is named, not sent: workers import it from Assay as they have it installed, so nothing is unpickled but
plain values. What a task computes goes into files; what it returns is small.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from typing import Any, Literal

from assay import errors

Returned = tuple[Literal["done", "refused"], Any]


def versions() -> dict[str, str]:
    """What must be alike on the driver and on every worker for equal results."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"assay": version("assay"), "polars": version("polars"), "python": python}


@dataclass(frozen=True, slots=True)
class Task:
    """What to do with each partition.

    Attributes:
        function: `module:function`, importable wherever the task runs. It takes `shared` and one partition, writes
            files whose names depend on the partition alone, so that a repeated call changes nothing, and returns a
            small plain value.
        shared: What every call is given: plain values, the same for all.
        versions: Of Assay, Polars and Python where the task was made.
    """

    function: str
    shared: Any
    versions: dict[str, str] = field(default_factory=versions)


def perform(task: Task, partition: Any) -> Returned:
    """Run a task on one partition, in whatever process this is.

    An error that Assay raises on purpose is returned, so that it reaches the driver whole and no engine tries again
    what can never succeed; any other is raised, and the engine may try again.
    """
    here = versions()
    if here != task.versions:
        said = f"a worker has {_listed(here)} and the driver {_listed(task.versions)}. Install the same on both."
        return "refused", ("UsageError", said)
    try:
        return "done", resolve(task.function)(task.shared, partition)
    except errors.AssayError as error:
        return "refused", (type(error).__name__, str(error))


def resolve(reference: str) -> Callable[[Any, Any], Any]:
    """The function that `module:function` names."""
    module, _, name = reference.partition(":")
    function: Callable[[Any, Any], Any] = getattr(import_module(module), name)
    return function


def opened(returned: Sequence[Returned]) -> list[Any]:
    """The values of finished partitions, in their order.

    Raises:
        AssayError: The first one that was refused, as the class that the worker raised.
    """
    for verdict, value in returned:
        if verdict == "refused":
            name, message = value
            raise getattr(errors, name, errors.AssayError)(message)
    return [value for _, value in returned]


def _listed(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in found.items())
