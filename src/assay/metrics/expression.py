"""Conditions over figures, as people write them in assay.yaml: `evaluation.brier.value > 0.25 and n >= 1000`.

The text is parsed, never executed: comparisons, `and`, `or`, `not`, arithmetic, dotted names, numbers, text, and
`abs`, `min`, `max`. A figure that is missing or undefined makes the answer unknown, unless the rest decides without
it. Kill criteria and gates ask; where figures come from is theirs to say.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.config.nearest import did_you_mean
from assay.errors import ConfigError
from assay.ledger.evidence import plain

MAX_LENGTH = 1_000  # characters
MAX_DEPTH = 30  # nested operations
MAX_FIGURES = 20_000  # names that one answer may choose from
GRAMMAR = "comparisons, and, or, not, + - * /, dotted names, numbers, quoted text, abs, min and max"

Value = bool | float | str

ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., float]] = {"abs": abs, "min": min, "max": max}
CONSTANTS = {"true": True, "false": False}


class ExpressionError(ConfigError):
    """An expression cannot be read, or asks of its figures what they cannot give."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition that has been read and found harmless.

    Attributes:
        text: As it was written.
        names: The figures that it mentions, in order, each once.
    """

    text: str
    names: tuple[str, ...]
    tree: ast.expr = field(repr=False, compare=False)


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


class _Unknown(Exception):
    """A figure that is not there; never leaves this file."""


def parse(text: str) -> Expression:
    """Read an expression, without any figures yet.

    Raises:
        ExpressionError: It is not one, or uses more than the grammar allows; the message says what.
    """
    if not text.strip():
        raise ExpressionError("the expression is empty; write a comparison such as evaluation.brier.value > 0.25.")
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression is longer than {MAX_LENGTH} characters; split it into several.")
    tree = _syntax(text)
    _refuse_other(tree, text, depth=0)
    if not isinstance(tree, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Name | ast.Attribute | ast.Constant):
        raise ExpressionError(f"{text!r} gives a number, not a yes or no; compare it, as in {text.strip()} > 0.")
    return Expression(text=text, names=tuple(dict.fromkeys(_names(tree))), tree=tree)


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
    found = {name: _look_up(name, known) for name in asked.names}
    try:
        truth = _truth(asked.tree, known)
    except _Unknown as missing:
        return Answer(None, str(missing), found)
    shown = ", ".join(f"{name} = {_shown(value)}" for name, value in found.items())
    return Answer(truth, shown or asked.text, found)


def flatten(figures: Mapping[str, Any]) -> dict[str, Value | None]:
    """Figures by dotted name; a mapping with a `value` also goes by its own name, and lists are left out.

    Raises:
        ExpressionError: There are too many, or one has no JSON form.
    """
    known: dict[str, Value | None] = {}
    try:
        _gather(plain(figures), "", known)
    except (TypeError, ValueError, RecursionError) as error:
        raise ExpressionError(f"the figures cannot be read: {error}") from None
    return known


def _gather(value: Any, name: str, known: dict[str, Value | None]) -> None:
    if len(known) > MAX_FIGURES:
        raise ValueError(f"more than {MAX_FIGURES:,} of them; ask about fewer")
    if isinstance(value, Mapping):
        if name and isinstance(value.get("value", {}), bool | int | float | str | None):
            known.setdefault(name, value["value"])
        for key, inner in value.items():
            _gather(inner, f"{name}.{key}" if name else str(key), known)
    elif not isinstance(value, list) and name:
        known[name] = value


def _syntax(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python warns of is refused below, or harmless
            return ast.parse(text.replace("\n", " ").strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"{text!r} is not an expression{_slip(text)}; it may hold {GRAMMAR}.") from None


def _slip(text: str) -> str:
    """A guess at the slip of someone who thinks in another language."""
    if "&&" in text or "||" in text:
        return " (write `and`, `or`)"
    if "=" in text and "==" not in text and ">=" not in text and "<=" not in text:
        return " (write `==` for equal)"
    return ""


def _refuse_other(node: ast.expr, text: str, *, depth: int) -> None:
    """Walk the tree and let nothing pass that the grammar does not name."""
    if depth > MAX_DEPTH:
        raise ExpressionError(f"the expression is nested more than {MAX_DEPTH} deep; split it into several.")
    for inner in _operands(node, text):
        _refuse_other(inner, text, depth=depth + 1)


def _operands(node: ast.expr, text: str) -> list[ast.expr]:
    """The parts of an allowed operation.

    Raises:
        ExpressionError: It is not allowed.
    """
    if isinstance(node, ast.Constant) and type(node.value) in (bool, int, float, str):
        return []
    if isinstance(node, ast.Name | ast.Attribute) and _dotted(node):
        return []
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.UAdd):
        return [node.operand]
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        return [node.left, node.right]
    if isinstance(node, ast.Compare) and all(type(one) in COMPARISONS for one in node.ops):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
        if node.keywords or not node.args or (node.func.id == "abs") != (len(node.args) == 1):
            wanted = "one number" if node.func.id == "abs" else "two numbers or more"
            raise ExpressionError(f"{text!r}: {node.func.id} takes {wanted}.")
        return node.args
    raise ExpressionError(f"{text!r} uses {_called(node)}, which is not allowed; an expression may hold {GRAMMAR}.")


def _called(node: ast.expr) -> str:
    kinds = {ast.Call: "a call", ast.Subscript: "brackets", ast.Constant: "such a constant", ast.Lambda: "a lambda",
             ast.Compare: "`is` or `in`", ast.BinOp: "such an operator", ast.UnaryOp: "such an operator",
             ast.Attribute: "a dot behind something that is no name"}  # fmt: skip
    return kinds.get(type(node), type(node).__name__)


def _dotted(node: ast.expr) -> str:
    """`a.b.c` of a chain of attributes on a name; empty for anything else."""
    steps: list[str] = []
    while isinstance(node, ast.Attribute):
        steps.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(steps)]) if isinstance(node, ast.Name) else ""


def _names(tree: ast.expr) -> Iterator[str]:
    if isinstance(tree, ast.Name | ast.Attribute):
        if _dotted(tree) not in CONSTANTS:
            yield _dotted(tree)
        return
    for inner in _operands(tree, ""):
        yield from _names(inner)


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
        return _figure(_dotted(node), known)
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
    value = _look_up(name, known)
    if value is not None:
        return value
    if name in known:
        raise _Unknown(f"{name} is undefined")
    group = [one for one in known if one.startswith(f"{name}.")]
    if group:
        raise ExpressionError(f"{name} is a group of figures; name one of them: {', '.join(group[:5])}.")
    raise _Unknown(f"there is no figure {name} yet{_hint(name, known)}")


def _look_up(name: str, known: Mapping[str, Value | None]) -> Value | None:
    value = known.get(name)
    return _number(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _hint(name: str, known: Mapping[str, Value | None]) -> str:
    near = did_you_mean(name, known)
    return f"; {near}" if near else ""


def _shown(value: Value | None) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, str) else f"{value:,.6g}"
