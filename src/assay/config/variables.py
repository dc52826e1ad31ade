"""`${VAR}` and `${VAR:-default}` in the values of a document, taken from a given environment.

What a variable gives is always text; the field that it fills turns it into a number or a yes. The text as it was
written stays with the node, so that no message ever shows what a variable held.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from assay.config.document import MAX_BYTES, Node, Problem
from assay.config.nearest import did_you_mean

Path = tuple[str | int, ...]

_VARIABLE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


def expand(node: Node, environment: Mapping[str, str], *, path: Path = ()) -> tuple[Node, list[Problem]]:
    """Replace every variable in the values that a file holds; `$${` gives `${`, and keys are left alone.

    Values given by a flag or a variable are taken as they are.

    Returns:
        The new tree, and a problem for each variable that is not set and has no default.
    """
    if isinstance(node.value, dict):
        expanded = {key: expand(inner, environment, path=(*path, key)) for key, inner in node.value.items()}
        problems = [problem for _, found in expanded.values() for problem in found]
        return replace(node, value={key: inner for key, (inner, _) in expanded.items()}), problems
    if isinstance(node.value, list):
        listed = [expand(inner, environment, path=(*path, index)) for index, inner in enumerate(node.value)]
        return replace(node, value=[inner for inner, _ in listed]), [one for _, found in listed for one in found]
    if not isinstance(node.value, str) or "${" not in node.value or not node.place.line:
        return node, []
    return _expand_text(node, environment, path)


def _expand_text(node: Node, environment: Mapping[str, str], path: Path) -> tuple[Node, list[Problem]]:
    problems: list[Problem] = []
    length = len(node.value)

    def value_of(match: re.Match[str]) -> str:
        nonlocal length
        try:
            value = _value_of(match, environment)
        except LookupError as error:
            problems.append(Problem(node.place, path, str(error.args[0])))
            return ""
        length += len(value)
        return value if length <= MAX_BYTES else ""

    text = _VARIABLE.sub(value_of, node.value)
    if length > MAX_BYTES:
        problems.append(Problem(node.place, path, f"longer than {MAX_BYTES:,} characters with its variables."))
    return replace(node, value=text), problems


def _value_of(match: re.Match[str], environment: Mapping[str, str]) -> str:
    """What one `${…}` stands for.

    Raises:
        LookupError: It is malformed, or its variable is not set.
    """
    if match[0] == "$${":
        return "${"
    named = _NAME.fullmatch(match[1] or "")
    if named is None:
        raise LookupError("`${` starts a variable: write ${NAME} or ${NAME:-default}, or $${ for the characters.")
    name, default = named[1], named[2]
    if name in environment and (environment[name] or default is None):
        return environment[name]
    if default is not None:
        return default
    near = did_you_mean(name, environment)
    advice = f" {near[0].upper()}{near[1:]}" if near else ""
    raise LookupError(f"variable {name} is not set; export it, or give a default: ${{{name}:-value}}.{advice}")
