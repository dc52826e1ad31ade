"""Conditions over figures, as people write them in assay.yaml: `evaluation.brier.value > 0.25 and n >= 1000`.

The text is parsed, never executed: comparisons, `and`, `or`, `not`, arithmetic, dotted names, numbers, text, and
`abs`, `min`, `max`. A figure that is missing or undefined makes the answer unknown, unless the rest decides without
it. Kill criteria and gates ask; where figures come from is theirs to say.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assay.config.nearest import did_you_mean
from assay.metrics.expression_grammar import CONSTANTS, Expression, ExpressionError, dotted, parse
from assay.metrics.figures import Value, flatten

__all__ = ["Answer", "Expression", "ExpressionError", "UnknownFigure", "answer", "evaluate", "parse"]

ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., float]] = {"abs": abs, "min": min, "max": max}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an expression says of some figures.

    Attributes:
        truth: Whether it holds; None where that cannot be known.
        reason: The figures that it rests on, or what is missing, in words.
        figures: Value of every figure that it mentions; None where missing or undefined.
    """

    truth: bool | None
    reason: str
    figures: Mapping[str, Value | None]


class UnknownFigure(ExpressionError):
    """A figure that decides is missing or undefined; the message names the nearest one that is known."""


class _Unknown(Exception):
    """A figure that is not there; never leaves this file."""


def answer(expression: Expression | str, figures: Mapping[str, Any]) -> Answer:
    """Ask whether an expression holds.

    Args:
        expression: Read already, or its text.
        figures: Nested figures; `evaluation.brier.value` is `figures["evaluation"]["brier"]["value"]`. A mapping with
            a `value` may be named itself: `evaluation.brier`.

    Raises:
        ExpressionError: It cannot be read, compares text with numbers, or names a group of figures.
    """
    asked = parse(expression) if isinstance(expression, str) else expression
    known = flatten(figures)
    found = {name: known.get(name) for name in asked.names}
    try:
        truth = _truth(asked.tree, known)
    except _Unknown as missing:
        return Answer(None, str(missing), found)
    shown = ", ".join(f"{name} = {_shown(value)}" for name, value in found.items())
    return Answer(truth, shown or asked.text, found)


def evaluate(expression: Expression | str, figures: Mapping[str, Any]) -> bool:
    """Whether an expression holds, for those who cannot go on without an answer.

    Raises:
        UnknownFigure: It cannot be known.
        ExpressionError: As `answer` does.
    """
    found = answer(expression, figures)
    if found.truth is None:
        text = expression if isinstance(expression, str) else expression.text
        raise UnknownFigure(f"{text!r} cannot be answered: {found.reason}.".replace("?.", "?"))
    return found.truth


def _truth(node: ast.expr, known: Mapping[str, Value | None]) -> bool:
    """Whether a part holds, in the three-valued logic of Kleene: unknown only where the rest does not decide."""
    if isinstance(node, ast.BoolOp):
        return _both_or_either(node, known)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _truth(node.operand, known)
    if isinstance(node, ast.Compare):
        return _comparison(node, known)
    value = _value(node, known)
    if isinstance(value, bool):
        return value
    raise ExpressionError(f"{ast.unparse(node)} is {_shown(value)}, not a yes or no; compare it with something.")


def _both_or_either(node: ast.BoolOp, known: Mapping[str, Value | None]) -> bool:
    decisive = isinstance(node.op, ast.Or)
    missing: _Unknown | None = None
    for part in node.values:
        try:
            if _truth(part, known) is decisive:
                return decisive
        except _Unknown as unknown:
            missing = missing or unknown
    if missing is not None:
        raise missing
    return not decisive


def _comparison(node: ast.Compare, known: Mapping[str, Value | None]) -> bool:
    values = [_value(one, known) for one in (node.left, *node.comparators)]
    for left, compare, right in zip(values, node.ops, values[1:], strict=False):
        if isinstance(left, str) != isinstance(right, str):
            message = f"{ast.unparse(node)} compares text with a number ({_shown(left)} and {_shown(right)})."
            raise ExpressionError(f"{message} Compare like with like.")
        if not COMPARISONS[type(compare)](left, right):
            return False
    return True


def _value(node: ast.expr, known: Mapping[str, Value | None]) -> Value:
    """The value of a part: a figure, a constant, or the result of arithmetic."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, bool | str) else _number(node.value)
    if isinstance(node, ast.Name | ast.Attribute):
        return _figure(dotted(node), known)
    if isinstance(node, ast.BinOp):
        left, right = _operand(node.left, known), _operand(node.right, known)
        return _finite(lambda: ARITHMETIC[type(node.op)](left, right), node)
    if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
        number = _operand(node.operand, known)
        return -number if isinstance(node.op, ast.USub) else number
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        numbers = [_operand(one, known) for one in node.args]
        return _finite(lambda: FUNCTIONS[node.func.id](*numbers), node)  # type: ignore[attr-defined]
    return _truth(node, known)


def _operand(node: ast.expr, known: Mapping[str, Value | None]) -> float:
    value = _value(node, known)
    if isinstance(value, str):
        raise ExpressionError(f"{ast.unparse(node)} is text ({_shown(value)}), with which nothing can be calculated.")
    return float(value)


def _finite(calculate: Callable[[], float], node: ast.expr) -> float:
    try:
        result = float(calculate())
    except (ZeroDivisionError, OverflowError):
        raise _Unknown(f"{ast.unparse(node)} is undefined") from None
    if not math.isfinite(result):
        raise _Unknown(f"{ast.unparse(node)} is undefined")
    return result


def _number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        raise _Unknown("a number is too large to compare") from None


def _figure(name: str, known: Mapping[str, Value | None]) -> Value:
    if name in CONSTANTS:
        return CONSTANTS[name]
    value = known.get(name)
    if value is not None:
        return value
    if name in known:
        raise _Unknown(f"{name} is undefined")
    group = sorted((one for one in known if one.startswith(f"{name}.")), key=len)
    if group:
        raise ExpressionError(f"{name} is a group of figures; name one of them: {', '.join(group[:5])}.")
    raise _Unknown(f"there is no figure {name} yet{_hint(name, known)}")


def _hint(name: str, known: Mapping[str, Value | None]) -> str:
    near = did_you_mean(name, known)
    return f"; {near}" if near else ""


def _shown(value: Value | None) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, str) else f"{value:,.6g}"
