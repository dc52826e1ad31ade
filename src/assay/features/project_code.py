"""Running a project's own Python: by path, under a module name that no other project shares."""

from __future__ import annotations

import hashlib
import importlib.util
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from assay.errors import AssayError, ConfigError, DataError

MODULE_PREFIX = "assay_project_"
NOT_THE_CODE = (AssayError, OSError, MemoryError)  # say themselves what is wrong, and it is not the function


class _FromSource(SourceFileLoader):
    """Compiles the source each time: cached byte code misses an edit of the same length within the same second."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def load_module(path: Path) -> ModuleType:
    """Run a Python file and return its module; each call runs the file anew.

    The file may import its neighbours in the same folder at its top; they are forgotten again afterwards, so that
    two projects can each have a `rules.py`.

    Raises:
        ConfigError: The file is missing, is no valid Python, or fails; the message names the file and the line.
    """
    path = path.resolve()
    if not path.is_file():
        raise ConfigError(f"{path}: no such file. Create it, or name another in assay.yaml.")
    name = f"{MODULE_PREFIX}{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
    specification = importlib.util.spec_from_file_location(name, path, loader=_FromSource(name, str(path)))
    if specification is None or specification.loader is None:
        raise ConfigError(f"{path}: not a Python file. Its name must end in .py.")
    module = importlib.util.module_from_spec(specification)
    linecache.checkcache(str(path))
    sys.modules[name] = module
    try:
        with _neighbours_importable(path.parent):
            specification.loader.exec_module(module)
    except AssayError:
        raise
    except SyntaxError as error:
        raise ConfigError(f"{error.filename}:{error.lineno}: {error.msg}: {(error.text or '').strip()}") from error
    except Exception as error:
        raise ConfigError(f"{path}:{_line_in(path, error)}: {type(error).__name__}: {error}") from error
    return module


def resolve(reference: str, folder: Path) -> Callable[..., Any]:
    """Find the function that `module:function` names, the module being a Python file of the project's folder.

    Raises:
        ConfigError: The reference is malformed, the file fails, or it has no such function.
    """
    stem, separator, name = reference.partition(":")
    if not (separator and stem and name):
        raise ConfigError(f"'{reference}' names no function. Write it as 'module:function'.")
    module = load_module(folder / f"{stem.removesuffix('.py').replace('.', '/')}.py")
    function = getattr(module, name, None)
    if not callable(function):
        known = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise ConfigError(f"{module.__file__}: no function '{name}'. It has: {', '.join(known) or 'none'}.")
    return function  # type: ignore[no-any-return]


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Run a function of the project, so that what goes wrong in it is said to be its own, with file and line.

    Args:
        what: Names the function and what it was doing, such as "view 'spending' fails on its sources".

    Raises:
        DataError: The function, or the frame that it returned, failed.
    """
    try:
        yield
    except NOT_THE_CODE:
        raise
    except Exception as error:
        raise DataError(f"{what}: {_said(error)}{_place_in_project(error)}") from error


def _said(error: Exception) -> str:
    """The message in one line, without the query plan that Polars puts after it."""
    from polars.exceptions import PolarsError

    text = str(error).partition("\n\nResolved plan until failure")[0].partition("\n\nThis error occurred with")[0]
    text = " ".join(text.split())
    return text if isinstance(error, PolarsError) else f"{type(error).__name__}: {text}"


def _place_in_project(error: Exception) -> str:
    """The line of the project's files that was running; nothing where a frame failed only when it was read."""
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).startswith(MODULE_PREFIX)
    ]
    return f" ({Path(frames[-1][0]).name}, line {frames[-1][1]})" if frames else ""


@contextmanager
def _neighbours_importable(folder: Path) -> Iterator[None]:
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None)
            if origin and Path(origin).resolve().parent == folder:
                del sys.modules[name]


def _line_in(path: Path, error: BaseException) -> int:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return (lines[-1] if lines else None) or 1
