"""Values given beside the file: `--set key.path=value` and `ASSAY__KEY__PATH=value`, laid over the document.

Values are YAML. A flag wins over a variable, a variable over the file. What a value held is never shown; its name is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from assay.config.document import Node, Place, Problem, Unreadable, read_document

PREFIX = "ASSAY__"


@dataclass(frozen=True, slots=True)
class Override:
    """One value to lay over the document.

    Attributes:
        path: The steps to it, as they were written.
        text: The value, as YAML.
        place: The flag or variable that gave it.
        loose: Whether steps match keys whatever their case, with `_` for `-`, as variable names need.
    """

    path: tuple[str, ...]
    text: str
    place: Place
    loose: bool = False


def from_environment(environment: Mapping[str, str]) -> list[Override]:
    """An override for each variable whose name starts with `ASSAY__`, in order of name."""
    return [
        Override(tuple(name.removeprefix(PREFIX).split("__")), text, Place(f"variable {name}"), loose=True)
        for name, text in sorted(environment.items())
        if name.startswith(PREFIX)
    ]


def from_flags(flags: Sequence[str]) -> tuple[list[Override], list[Problem]]:
    """An override for each `key.path=value`, in the order given; the last one for a path wins."""
    overrides, problems = [], []
    for flag in flags:
        path, equals, text = flag.partition("=")
        place = Place(f"--set {path}" if equals else "--set")
        if not equals:
            problems.append(
                Problem(place, (), "has no `=`; write --set key.path=value, as in --set serving.port=9000.")
            )
        elif not path or "" in path.split("."):
            problems.append(Problem(place, (), "names no key before `=`; write --set key.path=value."))
        else:
            overrides.append(Override(tuple(path.split(".")), text, place))
    return overrides, problems


def apply(root: Node, overrides: Sequence[Override]) -> tuple[Node, list[Problem]]:
    """Lay the overrides over the tree, in order; one that fits nowhere is reported and left out."""
    problems: list[Problem] = []
    for override in overrides:
        try:
            value, found = read_document(override.text, name=str(override.place))
            problems.extend(replace(one, place=override.place) for one in found)
            value = _placed(value if override.text.strip() else Node("", override.place), override.place)
            root = _put(root, override, override.path, value)
        except Unreadable as error:
            problems.append(replace(error.problem, place=override.place))
    return root, problems


def _put(node: Node, override: Override, steps: Sequence[str], value: Node) -> Node:
    """The tree with `value` at `steps`; mappings on the way are made where they are missing."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    done = override.path[: len(override.path) - len(steps)]
    if isinstance(node.value, list):
        index = _index(step, len(node.value), override, done)
        items = [*node.value]
        items[index] = _put(items[index], override, rest, value)
        return replace(node, value=items)
    if node.value is None:
        node = Node({}, override.place, keys={})
    if not isinstance(node.value, dict):
        message = f"cannot reach into {'.'.join(done)}: it holds a single value. Set that key itself."
        raise Unreadable(Problem(override.place, (), message))
    key = _key(step, node.value, loose=override.loose)
    inner = node.value.get(key, Node({}, override.place, keys={}))
    keys = {**(node.keys or {}), key: (node.keys or {}).get(key, override.place)}
    return replace(node, value={**node.value, key: _put(inner, override, rest, value)}, keys=keys)


def _index(step: str, length: int, override: Override, done: Sequence[str]) -> int:
    if step.isascii() and step.isdigit() and len(step) < 9 and int(step) < length:
        return int(step)
    reach = f"an index from 0 to {length - 1}" if length else "nothing to index, for it is empty"
    message = f"{'.'.join(done)} is a list with {reach}. To replace the list, give it whole: `[a, b]`."
    raise Unreadable(Problem(override.place, (), message))


def _key(step: str, known: Mapping[str, Node], *, loose: bool) -> str:
    """The key that a step means: as written, or for a variable the known key that differs only in case or hyphens."""
    if step in known or not loose:
        return step
    folded = step.lower()
    return next((key for key in known if key.lower().replace("-", "_") == folded), folded)


def _placed(node: Node, place: Place) -> Node:
    """The value's tree with every place set to the flag or variable that gave it, and nothing to show."""
    if isinstance(node.value, dict):
        inner = {key: _placed(one, place) for key, one in node.value.items()}
        return Node(inner, place, keys=dict.fromkeys(inner, place))
    if isinstance(node.value, list):
        return Node([_placed(one, place) for one in node.value], place)
    return Node(node.value, place)
