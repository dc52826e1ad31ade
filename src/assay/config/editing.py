"""Changing keys of one section of an assay.yaml and nothing else: comments, order and spacing stay as they are.

Works on text; the result is read back and compared before anyone sees it. `write_section` puts it in place so that a
crash leaves the old file or the new one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from assay.config.document import Node, Unreadable, plain_values, read_document, scalar
from assay.config.loading import FILE_NAME, read_text
from assay.errors import ConfigError

WIDTH = 110
LINE = re.compile(r".*?(?:\r\n|[\n\r\x85\u2028\u2029])|.+\Z", re.DOTALL)  # with its break, as YAML counts them


def edit_section(text: str, section: str, values: Mapping[str, Any]) -> str:
    """The text with `values` set below the top-level key `section`; keys not named stay as they are.

    A key that is there is rewritten in its place, a new one added below the last; a section that is missing is added
    at the end, and one in braces is rewritten as lines.

    Raises:
        ConfigError: The text is no settings file, or is written in a way that cannot be edited safely.
    """
    root = _read(text)
    node = root.value.get(section)
    lines = LINE.findall(text)
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    if node is None:
        lines = _append(lines, _dump({section: dict(values)}, newline), newline)
    elif not isinstance(node.value, dict) or not node.value or _is_on_key_line(root, section):
        whole = {**(plain_values(node) if isinstance(node.value, dict) else {}), **values}
        lines = _replace(lines, _span(root, section, len(lines), lines), _dump({section: whole}, newline), newline)
    else:
        lines = _edit_keys(lines, root, section, values, newline)
    edited = "".join(lines)
    _verify(root, edited, section, values)
    return edited


def write_section(folder: Path, section: str, values: Mapping[str, Any]) -> Path:
    """Edit a section of the folder's assay.yaml in place.

    Returns:
        The file.

    Raises:
        ConfigError: As `edit_section`, or the file cannot be read or written.
    """
    path = (folder / FILE_NAME).resolve()
    original = read_text(folder)
    mark = "\ufeff" if path.read_bytes().startswith(b"\xef\xbb\xbf") else ""
    try:
        _replace_file(path, (mark + edit_section(original, section, values)).encode())
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error}). Correct its permissions; nothing was changed."
        ) from None
    return path


def _edit_keys(lines: list[str], root: Node, section: str, values: Mapping[str, Any], newline: str) -> list[str]:
    """Rewrite keys from the last to the first, so that line numbers above stay true; then add new ones."""
    node = root.value[section]
    indent = min(place.column for place in node.keys.values()) - 1
    lines, (_, section_end) = [*lines], _span(root, section, len(lines), lines)
    added = {key: value for key, value in values.items() if key not in node.value}
    if added:
        lines[section_end - 1] = _closed(lines[section_end - 1], newline)
        lines[section_end:section_end] = _dump(added, newline, indent)
    for key in sorted((key for key in values if key in node.value), key=lambda key: -node.keys[key].line):
        if plain_values(node.value[key]) == values[key]:
            continue
        span = _span(node, key, section_end, lines)
        lines = _replace(lines, span, _dump({key: values[key]}, newline, indent), newline)
    return lines


def _span(parent: Node, key: str, end: int, lines: list[str]) -> tuple[int, int]:
    """First line of a key and the line after its value; comments and blanks before the next key are not its own."""
    start = (parent.keys or {})[key].line - 1
    after = [place.line - 1 for place in (parent.keys or {}).values() if place.line - 1 > start]
    stop = min([*after, end])
    while stop > start + 1 and (not lines[stop - 1].strip() or _is_comment_outside(lines[stop - 1], parent, key)):
        stop -= 1
    return start, stop


def _is_comment_outside(line: str, parent: Node, key: str) -> bool:
    """Whether a comment stands no deeper than the key, so that it speaks of what follows."""
    column = (parent.keys or {})[key].column - 1
    return line.lstrip().startswith(("#", "...")) and len(line) - len(line.lstrip()) <= column


def _is_on_key_line(root: Node, section: str) -> bool:
    """Whether the section's keys start on its own line or share one, as in braces."""
    rows = [place.line for place in root.value[section].keys.values()]
    return (root.keys or {})[section].line in rows or len(set(rows)) < len(rows)


def _replace(lines: list[str], span: tuple[int, int], new: list[str], newline: str) -> list[str]:
    start, stop = span
    if new and stop >= len(lines) and lines and not lines[-1].endswith(("\n", "\r")):
        new = [*new[:-1], new[-1].removesuffix(newline)]
    return [*lines[:start], *new, *lines[stop:]]


def _append(lines: list[str], new: list[str], newline: str) -> list[str]:
    if lines:
        lines = [*lines[:-1], _closed(lines[-1], newline), newline]
    return [*lines, *new]


def _closed(line: str, newline: str) -> str:
    return line if line.endswith(("\n", "\r")) else line + newline


class _Dumper(yaml.SafeDumper):
    """Writes text so that our reader takes it for text."""


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if isinstance(scalar(text), str) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _write_text)
_Dumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]  # noqa: ARG005


def _dump(values: Mapping[str, Any], newline: str, indent: int = 0) -> list[str]:
    text = yaml.dump(
        _plain(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=False
    )
    return [" " * indent + line + newline if line else newline for line in text.splitlines()]


def _plain(value: Any) -> Any:
    """Ordinary dicts, lists and scalars, as the writer needs them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bool | str) or value is None:
        return value
    return float(value) if isinstance(value, float) else int(value)


def _verify(root: Node, edited: str, section: str, values: Mapping[str, Any]) -> None:
    """Refuse an edit that did not do exactly what was asked.

    Raises:
        ConfigError: It did not.
    """
    before = plain_values(root)
    try:
        after = plain_values(_read(edited))
    except ConfigError:
        after = None
    old = before.get(section)
    before[section] = {**(old if isinstance(old, dict) else {}), **_plain(values)}
    if after != before:
        raise ConfigError(
            f"{FILE_NAME}: `{section}:` is written in a way that cannot be edited safely; nothing was changed. Write "
            f"it as indented lines without anchors, or set these keys by hand: {', '.join(values)}."
        )


def _read(text: str) -> Node:
    try:
        root, problems = read_document(text, name=FILE_NAME)
    except Unreadable as error:
        raise ConfigError(str(error)) from None
    if problems or not isinstance(root.value, dict):
        first = str(problems[0]) if problems else f"{FILE_NAME}: must hold keys."
        raise ConfigError(first)
    return root


def _replace_file(path: Path, data: bytes) -> None:
    """Write beside, flush to disk, rename over; the folder's entry is flushed too."""
    mode = path.stat().st_mode & 0o777
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(mode)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    entry = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
