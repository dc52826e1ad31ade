"""A behavioural test as declared: its keys, and where it is written in Python the function that changes the rows.

Checks that the keys go together. Whether the columns exist only rows can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import ValidationError

from assay.config.behaviour_checks import problems
from assay.config.settings import Behaviour
from assay.errors import ConfigError

RowChange = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class BehaviourTest:
    """What is tried and what must hold.

    Attributes:
        declared: The keys, as `evaluation.behaviour` of assay.yaml describes them.
        function: Makes the change from rows without their label; None where a key does.
    """

    declared: Behaviour
    function: RowChange | None = None

    @property
    def name(self) -> str:
        return self.declared.name

    def __call__(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows if self.function is None else self.function(rows)


def behaviour_test(*, kind: str, name: str = "", **keys: Any) -> Callable[[RowChange], BehaviourTest]:
    """Declare a function from rows to changed rows as a behavioural test; assay.yaml names it as `module:function`.

    Args:
        kind: `invariance`, `directional`, `minimum_functionality` or `perturbation`.
        name: What must hold, in words; by default the function's name with spaces.
        keys: Further keys of `evaluation.behaviour`, such as `expect`, `tolerance` or `where`.

    Raises:
        ConfigError: A key is unknown, or does not go with the others.

    Example:
        >>> @behaviour_test(kind="directional", expect="not_lower", name="a larger flat is not cheaper")
        ... def larger(rows):
        ...     return rows.with_columns(area=rows["area"] + 10)
        >>> larger.name
        'a larger flat is not cheaper'
    """

    def declare(function: RowChange) -> BehaviourTest:
        called = name or function.__name__.replace("_", " ")
        try:
            declared = Behaviour.model_validate({"name": called, "kind": kind, **keys})
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise ConfigError(f"behavioural test {called!r} is refused: {told}.") from None
        wrong = [f"{key}: {message}" for key, message in problems(declared, is_written=True)]
        if wrong:
            raise ConfigError(f"behavioural test {called!r} is refused: {' '.join(wrong)}")
        return BehaviourTest(declared, function)

    return declare
