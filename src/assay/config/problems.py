"""What the typed models refuse, in words that teach: the field, where it stands, what came, what would be right.

A value is shown as it was written in the file, before variables are expanded, and not at all where it may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from assay.config.document import Node, Place, Problem
from assay.config.fields import homes_of, section_at
from assay.config.nearest import did_you_mean, nearest
from assay.config.settings import SOURCE_NAME_PATTERN

Path = tuple[str | int, ...]

LONGEST_SHOWN = 60
SECRET = re.compile(r"url|api_?keys?|ledger|artifacts|tables|online|password|passwd|secret|token|credential", re.I)
CHOICES = re.compile(r"'([^']*)'")

NEEDED = {
    "string_type": "needs text",
    "int_type": "needs a whole number",
    "int_parsing": "needs a whole number",
    "int_from_float": "needs a whole number",
    "int_parsing_size": "needs a smaller number",
    "float_type": "needs a number",
    "float_parsing": "needs a number",
    "finite_number": "needs a finite number",
    "bool_type": "needs true or false",
    "bool_parsing": "needs true or false",
    "tuple_type": "needs a list: [a, b], or lines that start with `- `",
    "dict_type": "needs keys below it, indented",
    "model_type": "needs keys below it, indented",
    "model_attributes_type": "needs keys below it, indented",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusals:
    """What the types refused.

    Attributes:
        problems: In words, with places.
        paths: What to leave out for the rest to be judged.
        meant: For a misspelt required key, the key that was meant.
    """

    problems: list[Problem]
    paths: list[Path]
    meant: dict[Path, str]


def explain(error: ValidationError, root: Node) -> Refusals:
    """Turn a validation error over the tree's plain values into problems with places."""
    found = [_one(details, root) for details in error.errors(include_url=False, include_input=False)]
    missing = {path for path, kind, _ in found if kind == "missing"}
    meant = {
        path: key
        for path, kind, _ in found
        if kind == "extra_forbidden"
        for key in nearest(str(path[-1]), _known_keys(path[:-1]))
        if (*path[:-1], key) in missing
    }
    said = {(*path[:-1], key) for path, key in meant.items()}
    kept = [problem for path, kind, problem in found if kind != "missing" or path not in said]
    return Refusals(kept, [path for path, kind, _ in found if kind != "missing"], meant)


def place_of(root: Node, path: Sequence[str | int], *, key: bool = False) -> Place:
    """Where the value at `path` starts, or its key; the nearest place above where it is not written."""
    node, place = root, root.place
    for step in path:
        inner = _step(node, step)
        if inner is None:
            return place
        named = (node.keys or {}).get(str(step), inner.place)
        node, place = inner, inner.place if inner.place.line == 0 else named
    return place if key else node.place


def node_at(root: Node, path: Sequence[str | int]) -> Node | None:
    """The node at `path`; None where nothing stands there."""
    node: Node | None = root
    for step in path:
        node = _step(node, step) if node is not None else None
    return node


def shown(node: Node | None, path: Path) -> str:
    """` got …` for a message: the value as written, shortened; "" where it must not or cannot be shown."""
    if node is None:
        return ""
    if isinstance(node.value, dict):
        return "; got keys"
    if isinstance(node.value, list):
        return "; got a list"
    if not node.place.line or any(SECRET.search(str(step)) for step in path) or "://" in node.shown:
        return ""
    if node.value is None and node.plain:
        return "; got nothing"
    text = node.shown if len(node.shown) <= LONGEST_SHOWN else node.shown[:LONGEST_SHOWN] + "…"
    return f"; got {text!r}"


def _one(details: Any, root: Node) -> tuple[Path, str, Problem]:
    """Path, kind and problem of one refusal."""
    kind: str = details["type"]
    about_key = details["loc"][-1:] == ("[key]",)
    path = _real_path(details["loc"][:-1] if about_key else details["loc"], root)
    node = node_at(root, path)
    place = place_of(root, path, key=about_key or kind == "extra_forbidden")
    if kind == "missing":
        place = place_of(root, path[:-1], key=True)
    return path, kind, Problem(place, path, _message(kind, details, path, "" if about_key else shown(node, path)))


def _message(kind: str, details: Any, path: Path, got: str) -> str:
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "missing":
        return f"required{_description(path)}; add it."
    if kind == "literal_error":
        return _not_a_choice(str(details["ctx"]["expected"]), path, got)
    if kind == "string_pattern_mismatch":
        return f"{_pattern_in_words(details['ctx']['pattern'])}{got}."
    if kind == "value_error":
        return f"{details['ctx']['error']}{got}."
    if kind == "too_short":
        return f"needs at least {details['ctx']['min_length']} entry."
    if kind in NEEDED:
        return f"{NEEDED[kind]}{got}."
    text = details["msg"].removeprefix("Input ").removeprefix("String ").removeprefix("Value ")
    return f"{text.replace('should', 'must')}{got}."


def _unknown_key(path: Path) -> str:
    known = _known_keys(path[:-1])
    meant = did_you_mean(str(path[-1]), known)
    if meant:
        return f"unknown key; {meant}"
    homes = [home for home in homes_of(str(path[-1])) if "<" not in home]
    if homes:
        where = " or ".join(f"`{home}:`" if home else "the top level" for home in homes)
        return f"unknown key here; it belongs under {where}."
    return f"unknown key; known here: {', '.join(known)}."


def _not_a_choice(expected: str, path: Path, got: str) -> str:
    choices = [choice for choice in CHOICES.findall(expected) if choice]
    given = str(path[-1]) if not got else got.removeprefix("; got ").strip("'\"")
    meant = did_you_mean(given, choices)
    return f"must be one of {', '.join(choices)}{got}{'; ' + meant if meant else '.'}"


def _pattern_in_words(pattern: str) -> str:
    if pattern == SOURCE_NAME_PATTERN:
        return "a source is named with letters, digits and underscores, not starting with a digit"
    return "must be lower case letters and digits, words joined by single hyphens"


def _description(path: Path) -> str:
    section = section_at(path[:-1])
    field = section.model_fields.get(str(path[-1])) if section else None
    text = (field.description or "") if field else ""
    return f" ({text[:1].lower()}{text[1:].rstrip('.')})" if text else ""


def _known_keys(path: Path) -> list[str]:
    section = section_at(path)
    return list(section.model_fields) if section else []


def _real_path(location: Sequence[str | int], root: Node) -> Path:
    """A location without the names of union branches, which stand nowhere in the file."""
    path: list[str | int] = []
    node: Node | None = root
    for number, step in enumerate(location):
        if step in ("text", "mapping") and (node is None or _step(node, step) is None) and number:
            continue
        path.append(step)
        node = _step(node, step) if node is not None else None
    return tuple(path)


def _step(node: Node, step: str | int) -> Node | None:
    if isinstance(node.value, dict):
        return node.value.get(str(step))
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        return node.value[step]  # type: ignore[no-any-return]
    return None
