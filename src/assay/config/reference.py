"""The reference page of assay.yaml in Markdown, generated from the models so that it cannot fall behind them."""

from __future__ import annotations

import types
from datetime import timedelta
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from assay.config.durations import format_duration
from assay.config.fields import all_sections
from assay.config.settings import Section

HEAD = """# assay.yaml

Every key, what it holds, its default and its meaning. Only `name`, `brief`, `sources` and `target` are required.
Unknown keys are errors. A value is taken from `--set key.path=value` first, then from the environment
(`ASSAY__KEY__PATH`), then from the file, then from the default below.

- `${VAR}` and `${VAR:-default}` in a value are replaced from the environment; `$${` stands for `${`.
- A duration is `7d`, `12h`, `30m`, `90s`, `500ms`, `1d12h`, ISO 8601 (`P7DT12H`) or a number of seconds.
- `module:function` names a function in a Python file of the project.
- Text such as `no` or `2015-06-30` stays text; the field that it fills decides what it means.

Editors complete and check the file with [its JSON Schema](assay.schema.json).
"""
WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", timedelta: "duration", Any: "value"}
LIMITS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


def reference_page() -> str:
    """The page: a heading and a table for each section, top level first."""
    parts = [HEAD]
    for path, section in all_sections():
        heading = ".".join(path) or "Top level"
        about = " ".join((section.__doc__ or "").split())
        parts.append(f"## {f'`{heading}`' if path else heading}\n\n{about}\n\n{_table(section)}")
    return "\n".join(parts)


def _table(section: type[Section]) -> str:
    rows = [
        f"| `{name}` | {_kind(field)} | {_default(field)} | {_meaning(field)} |"
        for name, field in section.model_fields.items()
    ]
    return "\n".join(["| key | holds | default | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def _kind(field: FieldInfo) -> str:
    limits = [
        f"{word} {getattr(one, name):g}"
        for one in field.metadata
        for name, word in LIMITS.items()
        if hasattr(one, name)
    ]
    return ", ".join([_words(field.annotation), *limits])


def _words(annotation: Any) -> str:
    """What a value of this annotation is, in words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _words(inner[0])
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in inner if one)
    if origin in (Union, types.UnionType):
        return " or ".join(_words(one) for one in inner if one is not type(None))
    if origin is tuple:
        return f"list of {_words(inner[0])}"
    if origin is dict:
        return f"name to {_words(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return "keys, see below"
    return WORDS[annotation]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, Section) or value in ("", (), {}):
        return ""
    if isinstance(value, tuple):
        return f"`[{', '.join(_shown(one) for one in value)}]`"
    return f"`{_shown(value)}`"


def _shown(value: Any) -> str:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _meaning(field: FieldInfo) -> str:
    return (field.description or "").replace("|", "\\|")
