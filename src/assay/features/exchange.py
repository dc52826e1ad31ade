"""A folder for files under way between this process and its workers; nothing in it outlives the work."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ABANDONED_SECONDS = 7 * 86_400  # longer than any build takes; what is older was left by one that was killed


@contextmanager
def folder_in(exchange: Path) -> Iterator[Path]:
    """A new folder below `exchange` for one piece of work, removed when that ends; old ones that were left go, too."""
    exchange.mkdir(parents=True, exist_ok=True)
    for left in exchange.iterdir():
        if time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    folder = exchange / uuid.uuid4().hex
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
