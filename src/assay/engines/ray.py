"""The Ray engine: each partition is a Ray task. Workers need Assay installed, and the folder that partitions lie in.

Joins a cluster by its address, or whatever Ray this process has already joined; else starts one on this machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from assay.engines.engine import require_installed
from assay.engines.task import Returned, Task, opened, perform
from assay.errors import AssayError, ServiceUnreachable

RETRIES = 3  # of a partition whose worker died
SURROUNDINGS = {"env_vars": {"POLARS_MAX_THREADS": "1"}}  # one core a task: more threads would fight for it


def run_ray(task: Task, partitions: Sequence[Any], *, address: str | None = None) -> list[Any]:
    """Perform the task on the cluster, one core a partition; a partition whose worker dies is performed again.

    Raises:
        UsageError: Ray is not installed.
        ServiceUnreachable: No cluster answers at `address`.
        AssayError: As the task's function; or a partition failed for good, with Ray's words.
    """
    ray = _connected(address)
    remote = ray.remote(num_cpus=1, max_retries=RETRIES, runtime_env=SURROUNDINGS)(perform)
    shared = ray.put(task)
    try:
        returned: list[Returned] = ray.get([remote.remote(shared, partition) for partition in partitions])
    except ray.exceptions.RayError as error:
        last = [line for line in str(error).splitlines() if line.strip()][-1].strip()
        raise AssayError(
            f"engine ray: {task.function} failed on a partition: {last}. If its worker ran out of memory, "
            "set engine.partitions higher."
        ) from error
    return opened(returned)


def _connected(address: str | None) -> Any:
    """The ray module, once this process has joined a cluster."""
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # the first error is raised; the others say the same
    require_installed("ray")
    import ray

    if not ray.is_initialized():
        started = {} if address else {"include_dashboard": False}
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error", **started}
        try:
            ray.init(address or "local", **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ServiceUnreachable(
                f"engine ray: no cluster answers at {address or 'this machine'}: {error}. Check engine.address."
            ) from error
    return ray
