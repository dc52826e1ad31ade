"""An engine: one function from a task and partitions to results, and the word that a project picks it by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

from assay.engines.task import Task
from assay.errors import UsageError

LIBRARIES = {"ray": ("ray", "Ray"), "spark": ("pyspark", "PySpark")}
Run = Callable[[Task, Sequence[Any]], list[Any]]


@dataclass(frozen=True, slots=True)
class Engine:
    """Where partitions are worked on.

    Attributes:
        name: `local`, `ray` or `spark`.
        run: Performs the task once for each partition, any number at a time and in any order, and again where a
            worker died; gives the results in the order of the partitions.
        is_local: Whether it works in this process, so that what fits in memory need not be partitioned at all.
    """

    name: str
    run: Run
    is_local: bool


def open_engine(name: str, *, address: str | None = None) -> Engine:
    """The engine of that name; nothing is started before its first task.

    Args:
        name: `local`, `ray` or `spark`.
        address: Of a running cluster: `ray://host:10001`, `host:6379` or `auto` for Ray, a master URL for Spark.
            None: one is started on this machine and ends with this process.

    Raises:
        UsageError: There is no such engine.
    """
    if name == "local":
        from assay.engines.local import run_local

        return Engine("local", run_local, is_local=True)
    if name == "ray":
        from assay.engines.ray import run_ray

        return Engine("ray", partial(run_ray, address=address), is_local=False)
    if name == "spark":
        from assay.engines.spark import run_spark

        return Engine("spark", partial(run_spark, master=address), is_local=False)
    raise UsageError(f"engine: there is no {name!r}. Use local, ray or spark.")


def require_installed(name: str) -> None:
    """Return where the engine's library is installed; nothing is imported.

    Raises:
        UsageError: It is not; the message has the command that installs it.
    """
    library, title = LIBRARIES.get(name, ("", ""))
    if library and find_spec(library) is None:
        raise UsageError(f"engine {name}: {title} is not installed. Run: pip install 'assay[{name}]'")
