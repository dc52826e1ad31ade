"""What must hold between the keys of a behavioural test: one change, of columns that are named, with an expectation.

Whether the columns exist is checked where rows are read.
"""

from __future__ import annotations

from collections.abc import Iterator

from assay.config.settings import Behaviour

CHANGES = ("set", "values", "others", "swap", "add", "multiply", "noise", "missing", "unseen", "function")
OF_COLUMNS = ("values", "others", "add", "multiply", "noise", "missing", "unseen")  # the others name their own
LIMITS = ("at_least", "at_most", "decision")


def declared_changes(test: Behaviour) -> list[str]:
    """The keys of the test that say how rows are changed."""
    return [name for name in CHANGES if getattr(test, name) not in (None, False, (), {})]


def problems(test: Behaviour, *, is_written: bool = False) -> Iterator[tuple[str, str]]:
    """Each key that does not go with the others, and what to do.

    Args:
        test: The declaration.
        is_written: A Python function makes the change, so that no key has to.
    """
    yield from _problems_of_change(test, is_written=is_written)
    yield from _problems_of_expectation(test)


def _problems_of_change(test: Behaviour, *, is_written: bool) -> Iterator[tuple[str, str]]:
    changes = declared_changes(test)
    if is_written and (changes or test.columns):
        yield (changes or ["columns"])[0], "does not belong to a test whose function makes the change; remove it."
    elif len(changes) > 1:
        yield changes[1], f"is a second change beside `{changes[0]}`; give each a test of its own."
    elif not changes and not is_written and test.kind != "minimum_functionality":
        yield "kind", f"needs a change of the rows: one of {', '.join(CHANGES)}."
    elif changes and changes[0] in OF_COLUMNS and not test.columns:
        yield changes[0], "needs `columns`, those that it changes."
    elif test.columns and not is_written and (not changes or changes[0] not in OF_COLUMNS):
        yield "columns", f"has a meaning only with one of {', '.join(OF_COLUMNS)}; remove it."


def _problems_of_expectation(test: Behaviour) -> Iterator[tuple[str, str]]:
    limits = [name for name in LIMITS if getattr(test, name) is not None]
    if test.kind == "directional" and test.expect is None:
        yield "kind", "a directional test needs `expect`: higher, lower, not_lower or not_higher."
    if test.kind != "directional" and test.expect is not None:
        yield "expect", f"belongs to a directional test, and this one is {test.kind}; remove it or change `kind`."
    if test.kind == "minimum_functionality" and not limits:
        yield "kind", "a minimum functionality test needs `at_least`, `at_most` or `decision`."
    if test.kind != "minimum_functionality" and limits:
        yield limits[0], f"belongs to a minimum functionality test, and this one is {test.kind}; remove it."
    if test.at_least is not None and test.at_most is not None and test.at_least > test.at_most:
        yield "at_least", "greater than `at_most`; swap them."
    if test.tolerance and test.expect in ("higher", "lower"):
        yield "tolerance", f"`{test.expect}` demands a movement; to allow a little the other way, use `not_…`."
    if test.tolerance and test.kind == "minimum_functionality":
        yield "tolerance", "has no meaning beside limits; move the limit instead."
