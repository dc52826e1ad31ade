"""YAML text as a tree of nodes that remember where they stand and how they were written.

Only what a settings file needs of YAML 1.2: mappings, lists, scalars, anchors. Words such as `no` and dates such as
`2015-06-30` stay text; the field they fill decides what they mean. Everything is bounded, so that no file, however
made, takes more than a moment. Knows nothing of which keys exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

MAX_BYTES = 1_000_000
MAX_DEPTH = 40  # nested mappings and lists; ours need eight
MAX_NODES = 50_000  # after anchors are expanded
CHARACTERS_PER_NODE = 50  # a long text counts as several values, so that repeating it is bounded too
MAX_NUMBER = 40  # characters; a longer run of digits is text

_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?\d+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?", re.ASCII)
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None,
          "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
          ".nan": float("nan"), ".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf")}  # fmt: skip


class WrittenInt(int):
    """An integer that still knows how it was written, so that a text field gets `007` as it stands."""

    text: str

    def __str__(self) -> str:
        return self.text


class WrittenFloat(float):
    """A number that still knows how it was written, so that version `1.10` does not become `1.1`."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written: a line and column of a file, or the name of a flag or variable."""

    name: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.line}:{self.column}" if self.line else self.name


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place.

    Attributes:
        value: A scalar, a dict of key to Node, or a list of Nodes.
        place: Where the value starts.
        shown: The scalar as it may be shown to people, before variables are expanded; "" for a mapping or list.
        plain: Whether a scalar stood without quotes.
        keys: Where each key of a mapping stands.
    """

    value: Any
    place: Place
    shown: str = ""
    plain: bool = False
    keys: dict[str, Place] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, in which field, what, and what to do."""

    place: Place
    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        field = ".".join(str(step) for step in self.path)
        return f"{self.place}  {field}: {self.message}" if field else f"{self.place}  {self.message}"


class Unreadable(Exception):
    """The text is no YAML that we read; holds the problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def read_document(text: str, *, name: str) -> tuple[Node, list[Problem]]:
    """Read one YAML document; a repeated key is reported and its first value kept.

    Args:
        text: The whole file.
        name: How to call it in messages.

    Raises:
        Unreadable: It is not YAML, or exceeds a bound.
    """
    if len(text) > MAX_BYTES:
        raise Unreadable(Problem(Place(name, 1, 1), (), f"the text is longer than {MAX_BYTES:,} characters."))
    reader = _Reader(name)
    try:
        return reader.read(text), reader.problems
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name, 1, 1)
        raise Unreadable(Problem(place, (), f"not YAML: {_without_quotes(error)}.")) from None
    except (yaml.YAMLError, UnicodeError):
        message = "not YAML: a character that text files do not hold. Save the file as UTF-8 text."
        raise Unreadable(Problem(Place(name, *_first_odd_character(text)), (), message)) from None


def plain_values(node: Node) -> Any:
    """The tree as ordinary dicts, lists and scalars."""
    if isinstance(node.value, dict):
        return {key: plain_values(inner) for key, inner in node.value.items()}
    if isinstance(node.value, list):
        return [plain_values(inner) for inner in node.value]
    return node.value


def scalar(text: str) -> Any:
    """What an unquoted scalar means in YAML 1.2: null, a boolean, a number, or text."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > MAX_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        number: WrittenInt | WrittenFloat = WrittenInt(text)
    elif _FLOAT.fullmatch(text):
        number = WrittenFloat(text)
    else:
        return text
    number.text = text
    return number


class _Reader:
    """Builds nodes from parser events; keeps anchors and counts against the bounds."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.count = 0

    def read(self, text: str) -> Node:
        events = iter(yaml.parse(text, Loader=_LOADER))
        next(events)  # the stream starts
        event = next(events)
        if isinstance(event, yaml.StreamEndEvent):
            return Node({}, Place(self.name, 1, 1), keys={})
        root = self.node(next(events), events, ())
        next(events)  # the document ends
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise Unreadable(Problem(self.place(after), (), "a second YAML document; keep one, without `---` lines."))
        return root

    def node(self, event: Any, events: Iterator[Any], path: tuple[str | int, ...]) -> Node:
        place = self.place(event)
        if len(path) > MAX_DEPTH:
            raise Unreadable(Problem(place, (), f"nested more than {MAX_DEPTH} levels deep; write it flatter."))
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, place)
        if event.tag is not None:
            raise Unreadable(Problem(place, path, "tags (words that start with `!`) mean nothing here; remove it."))
        started = self.count
        self.spend(1, place)
        if isinstance(event, yaml.ScalarEvent):
            self.spend(len(event.value) // CHARACTERS_PER_NODE, place)
            node = self.scalar(event, place)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self.sequence(events, place, path)
        else:
            node = self.mapping(events, place, path)
        if event.anchor:
            self.anchors[event.anchor] = (node, self.count - started)
        return node

    def alias(self, event: Any, place: Place) -> Node:
        if event.anchor not in self.anchors:
            message = "an unquoted `*` refers to an anchor (`&name`) that does not stand before it; quote the text."
            raise Unreadable(Problem(place, (), message))
        node, size = self.anchors[event.anchor]
        self.spend(size, place)
        return replace(node, place=place)

    def scalar(self, event: Any, place: Place) -> Node:
        plain = event.style is None or event.style == ""
        return Node(scalar(event.value) if plain else event.value, place, event.value, plain)

    def sequence(self, events: Iterator[Any], place: Place, path: tuple[str | int, ...]) -> Node:
        items: list[Node] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self.node(event, events, (*path, len(items))))
        return Node(items, place)

    def mapping(self, events: Iterator[Any], place: Place, path: tuple[str | int, ...]) -> Node:
        values: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                message = "a key must be a word; a value with braces or brackets, or `${…}`, may need quotes."
                raise Unreadable(Problem(self.place(event), path, message))
            key, where = event.value, self.place(event)
            node = self.node(next(events), events, (*path, key))
            if key in values:
                message = f"written twice, first on line {keys[key].line}; remove one."
                self.problems.append(Problem(where, (*path, key), message))
                continue
            values[key], keys[key] = node, where
        return Node(values, place, keys=keys)

    def place(self, event: Any) -> Place:
        return Place(self.name, event.start_mark.line + 1, event.start_mark.column + 1)

    def spend(self, nodes: int, place: Place) -> None:
        self.count += nodes
        if self.count > MAX_NODES:
            message = f"more than {MAX_NODES:,} values once anchors are expanded; write it shorter."
            raise Unreadable(Problem(place, (), message))


def _without_quotes(error: yaml.MarkedYAMLError) -> str:
    """The parser's complaint without any word it quotes from the file, which may be a secret."""
    parts = [part for part in (error.context, error.problem) if part]
    return re.sub(r"'[^'\s<]*\w[^']*'", "a word", ", ".join(parts)) or "it cannot be read"


def _first_odd_character(text: str) -> tuple[int, int]:
    for number, line in enumerate(text.split("\n"), start=1):
        for column, character in enumerate(line, start=1):
            if not (character.isprintable() or character in "\t\r\x85\ufeff"):
                return number, column
    return 1, 1
