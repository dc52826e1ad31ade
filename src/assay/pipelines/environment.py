"""What a run computes with, beside its own code: the interpreter, the machine, and the libraries that decide figures.

A model fitted again may differ because one of these does; `reproducing` says which.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

LIBRARIES = (
    "deltalake", "lightgbm", "numpy", "onnx", "onnxruntime", "optuna", "polars", "scikit-learn", "scipy",
)  # fmt: skip


def environment() -> dict[str, Any]:
    """For a run's first record.

    Returns:
        `python`, `system` and `machine` (the kind of processor) as the interpreter names them, and `libraries`, version
        by name, None where one is not installed.
    """
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
