"""The Spark engine: each partition is an element of an RDD. Workers need Assay installed, and the folder of partitions.

Spark only places the work: rows never pass through its JVM, which holds neither our types nor our order.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from assay.engines.engine import require_installed
from assay.engines.task import Returned, Task, opened, perform
from assay.errors import AssayError, ServiceUnreachable

ON_THIS_MACHINE = "local[*, 4]"  # every core; a failed partition is tried four times, as clusters do
QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "OFF"}
ALONE = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


def run_spark(task: Task, partitions: Sequence[Any], *, master: str | None = None) -> list[Any]:
    """Perform the task on the cluster, one Spark task a partition; a failed one is tried again as Spark is set up.

    Raises:
        UsageError: PySpark is not installed.
        ServiceUnreachable: No Spark can be started, or no master answers.
        AssayError: As the task's function; or a partition failed for good, with Spark's words.
    """
    if not partitions:
        return []
    context = _context(master)
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        returned: list[Returned] = (
            context.parallelize(list(partitions), len(partitions)).map(partial(perform, task)).collect()
        )
    except (PySparkException, Py4JError) as error:
        raise AssayError(
            f"engine spark: {task.function} failed on a partition: {_cause(str(error))}. "
            "If its worker ran out of memory, set engine.partitions higher."
        ) from error
    return opened(returned)


def _context(master: str | None) -> Any:
    """The Spark context of this process; workers run this very Python unless PYSPARK_PYTHON names another."""
    require_installed("spark")
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("assay").master(master or ON_THIS_MACHINE)
    settings = {**QUIET, **({} if master else ALONE), "spark.executorEnv.POLARS_MAX_THREADS": "1"}
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate().sparkContext
    except (PySparkException, OSError) as error:
        raise ServiceUnreachable(
            f"engine spark: Spark cannot be started ({error}). It needs Java 17 or newer; check engine.address."
        ) from error


def _cause(said: str) -> str:
    """The last line of the worker's traceback in what Spark says; the first line where there is none."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no reason given"]
    python = [line for line in lines if re.match(r"[A-Za-z_.]+(Error|Exception|Exit|Interrupt)\b", line)]
    return (python[-1] if python else lines[0])[:300]
