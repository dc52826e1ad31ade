"""Plain rules: a SQL expression as a function of one row of Python values, for places where a frame costs too much.

A Polars expression is read as the tree that Polars itself writes, and each node it knows becomes a closure; what it
does not know (divisions, times, aggregates, windows) is refused, never guessed. Missing values are None and leave a
claim open, as in SQL. Which rules there are is `rules`; who asks is `guard`.
"""

from __future__ import annotations

import io
import json
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import polars as pl

Row = Mapping[str, Any]
Value = Callable[[Row], Any]
Node = Mapping[str, Any]

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtEq": operator.le,
    "Gt": operator.gt,
    "GtEq": operator.ge,
    "Plus": operator.add,
    "Minus": operator.sub,
    "Mul": operator.mul,
    "Multiply": operator.mul,
}
TEXTS: Mapping[str, Callable[[Any], Any]] = {"Lowercase": str.lower, "Uppercase": str.upper, "LenChars": len}


class NotPlain(Exception):
    """The expression holds something that has no plain form; the message names it."""


def plain_rule(claim: pl.Expr) -> Value:
    """A function that gives True, False or None for a row that holds every column of `claim`.

    Raises:
        NotPlain: The expression cannot be told of one row of plain values alone.
    """
    return _compile(json.loads(claim.meta.serialize(format="json")))


def _compile(node: Node) -> Value:
    ((kind, content),) = node.items()
    if kind not in KINDS:
        raise NotPlain(kind)
    return KINDS[kind](content)


def _column(name: str) -> Value:
    return lambda row: row[name]


def _literal(content: Any) -> Value:
    found = _constant({"Literal": content})
    return lambda _row: found


def _constant(node: Node) -> Any:
    """What a literal stands for: one value, or a list of several."""
    values = pl.select(pl.Expr.deserialize(io.StringIO(json.dumps(node)), format="json")).to_series()
    if isinstance(values.dtype, pl.List):
        values = values.explode()
    if values.dtype.is_temporal():
        raise NotPlain("a time")
    found = [float(one) if isinstance(one, Decimal) else one for one in values.to_list()]
    return found if "Series" in node.get("Literal", {}) else found[0]


def _binary(content: Any) -> Value:
    left, right, name = _compile(content["left"]), _compile(content["right"]), content["op"]
    if name in ("And", "Or"):
        return _both(left, right) if name == "And" else _either(left, right)
    return _compared(left, right, name)


def _compared(left: Value, right: Value, name: str) -> Value:
    if name not in COMPARISONS:
        raise NotPlain(name)
    apply = COMPARISONS[name]

    def compared(row: Row) -> Any:
        one, other = left(row), right(row)
        return None if one is None or other is None else apply(one, other)

    return compared


def _both(left: Value, right: Value) -> Value:
    def both(row: Row) -> Any:
        one = left(row)
        if one is False:
            return False
        other = right(row)
        return False if other is False else None if one is None or other is None else True

    return both


def _either(left: Value, right: Value) -> Value:
    def either(row: Row) -> Any:
        one = left(row)
        if one is True:
            return True
        other = right(row)
        return True if other is True else None if one is None or other is None else False

    return either


def _ternary(content: Any) -> Value:
    condition, yes, no = (_compile(content[part]) for part in ("predicate", "truthy", "falsy"))
    return lambda row: yes(row) if condition(row) else no(row)


def _cast(content: Any) -> Value:
    if content["dtype"] != {"Literal": "Boolean"}:
        raise NotPlain("a cast")
    return _compile(content["expr"])


def _function(content: Any) -> Value:
    name, inputs = content["function"], content["input"]
    family, detail = next(iter(name.items())) if isinstance(name, dict) else (name, None)
    if family == "Boolean":
        return _of_booleans(detail, inputs)
    if family == "StringExpr":
        return _of_texts(detail, inputs)
    if family == "Sql" and isinstance(detail, dict) and "Binary" in detail:
        left, right = map(_compile, inputs)
        return _compared(left, right, detail["Binary"])
    if family == "Sql" and isinstance(detail, dict) and "IsIn" in detail:
        return _is_in(_compile(inputs[0]), _constant(inputs[1]))
    if family == "Abs":
        return _on_known(_compile(inputs[0]), abs)
    if family == "Coalesce":
        return _coalesce([_compile(one) for one in inputs])
    raise NotPlain(json.dumps(name))


def _of_booleans(name: Any, inputs: list[Node]) -> Value:
    value = _compile(inputs[0])
    if name == "IsNull":
        return lambda row: value(row) is None
    if name == "IsNotNull":
        return lambda row: value(row) is not None
    if name == "Not":
        return _on_known(value, operator.not_)
    raise NotPlain(json.dumps(name))


def _of_texts(name: Any, inputs: list[Node]) -> Value:
    text = _compile(inputs[0])
    if isinstance(name, str) and name in TEXTS:
        return _on_known(text, TEXTS[name])
    sought = _constant(inputs[1]) if len(inputs) == 2 and "Literal" in inputs[1] else None
    if not isinstance(sought, str):
        raise NotPlain(json.dumps(name))
    if name == "StartsWith":
        return _on_known(text, lambda found: found.startswith(sought))
    if name == "EndsWith":
        return _on_known(text, lambda found: found.endswith(sought))
    if isinstance(name, dict) and "Contains" in name:
        if name["Contains"]["literal"]:
            return _on_known(text, lambda found: sought in found)
        return _matches(text, sought)
    raise NotPlain(json.dumps(name))


def _matches(text: Value, pattern: str) -> Value:
    if pattern.endswith("$"):
        pattern = pattern[:-1] + r"\Z"  # Python's $ also stands before a last line break, Rust's does not
    try:
        search = re.compile(pattern).search
    except re.error as failure:
        raise NotPlain(f"the pattern {pattern!r}") from failure
    return _on_known(text, lambda found: search(found) is not None)


def _is_in(value: Value, allowed: list[Any]) -> Value:
    known = {one for one in allowed if one is not None}
    return _on_known(value, lambda found: found in known)


def _coalesce(values: list[Value]) -> Value:
    return lambda row: next((found for value in values if (found := value(row)) is not None), None)


def _on_known(value: Value, apply: Callable[[Any], Any]) -> Value:
    def applied(row: Row) -> Any:
        found = value(row)
        return None if found is None else apply(found)

    return applied


KINDS: Mapping[str, Callable[[Any], Value]] = {
    "Column": _column,
    "Literal": _literal,
    "BinaryExpr": _binary,
    "Ternary": _ternary,
    "Cast": _cast,
    "Function": _function,
}
