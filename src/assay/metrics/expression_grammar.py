"""The grammar of conditions: what `expression.py` may be asked to weigh, and nothing that could run.

Text becomes a syntax tree in which every node is on a short list; everything else is refused with its name.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

from assay.errors import ConfigError

MAX_LENGTH = 1_000  # characters
MAX_DEPTH = 30  # nested operations
GRAMMAR = "comparisons, and, or, not, + - * /, dotted names, numbers, quoted text, abs, min and max"

OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
FUNCTIONS = ("abs", "min", "max")
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
    for inner in operands(node, text):
        _refuse_other(inner, text, depth=depth + 1)


def operands(node: ast.expr, text: str) -> list[ast.expr]:
    """The parts of an allowed operation; none for a name or a constant.

    Raises:
        ExpressionError: It is not allowed.
    """
    if isinstance(node, ast.Constant) and type(node.value) in (bool, int, float, str):
        return []
    if isinstance(node, ast.Name | ast.Attribute) and dotted(node):
        return []
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.UAdd):
        return [node.operand]
    if isinstance(node, ast.BinOp) and isinstance(node.op, OPERATORS):
        return [node.left, node.right]
    if isinstance(node, ast.Compare) and all(isinstance(one, COMPARISONS) for one in node.ops):
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


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a chain of attributes on a name; empty for anything else."""
    steps: list[str] = []
    while isinstance(node, ast.Attribute):
        steps.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(steps)]) if isinstance(node, ast.Name) else ""


def _names(tree: ast.expr) -> Iterator[str]:
    if isinstance(tree, ast.Name | ast.Attribute):
        if dotted(tree) not in CONSTANTS:
            yield dotted(tree)
        return
    for inner in operands(tree, ""):
        yield from _names(inner)
