"""Has the code of a view changed? A digest over what it runs, blind to comments, layout and docstrings."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import CodeType, FunctionType, NoneType
from typing import Any


def code_digest(function: Callable[..., Any], *, declared: Sequence[str] = ()) -> str:
    """SHA-256 (hex) of a function, of the functions and constants of its own module that it uses, and of `declared`.

    Code of other modules is not followed: a new release of a library is the environment's change, not the view's.
    """
    parts = [*declared]
    for name, text in sorted(_reachable(function, {})):
        parts += [name, text]
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def place_of(function: Callable[..., Any]) -> str:
    """`file:line` of a function, for messages."""
    code: CodeType = function.__code__
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}"


def _reachable(function: Callable[..., Any], seen: dict[str, str]) -> Iterator[tuple[str, str]]:
    if not isinstance(function, FunctionType) or function.__qualname__ in seen:
        return iter(())
    seen[function.__qualname__] = _normal_source(function)
    for name, value in sorted(_used(function), key=lambda pair: pair[0]):
        if isinstance(value, FunctionType) and value.__module__ == function.__module__:
            _reachable(value, seen)
        elif isinstance(value, frozenset | set):
            seen[name] = repr(sorted(value, key=repr))
        elif isinstance(value, str | int | float | bool | tuple | list | dict | timedelta | NoneType):
            seen[name] = repr(value)
    return iter(seen.items())


def _used(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Names and values that a function takes from its module and from functions around it."""
    for name in _global_names(function.__code__) & set(function.__globals__):
        yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # a cell that is not filled yet
            yield name, cell.cell_contents


def _global_names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _global_names(constant)
    return names


def _normal_source(function: FunctionType) -> str:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):  # defined in a console or by exec: the byte code is all there is
        return repr((function.__code__.co_code, function.__code__.co_consts))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.decorator_list = []
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
