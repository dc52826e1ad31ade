"""Functions that tests run on engines: workers import them by name."""

import os
import signal
from pathlib import Path

from assay.errors import DataError


def square(shared, partition):
    return shared + partition**2


def threads(_shared, _partition):
    import polars as pl

    return pl.thread_pool_size()


def refuse(_shared, partition):
    raise DataError(f"partition {partition} is not what it should be")


def fail(_shared, partition):
    raise ZeroDivisionError(f"partition {partition} divides by nothing")


def die_once(folder, partition):
    """Ends its worker with `kill -9` the first time it meets a partition; the second time it answers."""
    marker = Path(folder) / f"met-{partition}"
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return partition
