"""Formulas of two or more columns (FE-5, FE-6), as expressions for feature and request views.

Where a formula would divide by zero, and where a part is missing, the result is null. Nothing here knows when its
columns became known.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assay.errors import UsageError

Operand = str | pl.Expr


def ratio(above: Operand, below: Operand) -> pl.Expr:
    """`above / below`; null where `below` is 0.

    Example:
        >>> frame = pl.DataFrame({"a": [6.0, 1.0], "b": [4.0, 0.0]})
        >>> frame.select(r=ratio("a", "b"))["r"].to_list()
        [1.5, None]
    """
    numerator, denominator = _number(above), _number(below)
    return pl.when(denominator != 0).then(numerator / denominator)


def difference(one: Operand, other: Operand) -> pl.Expr:
    """`one - other`."""
    return _number(one) - _number(other)


def share(part: Operand, *others: Operand) -> pl.Expr:
    """What `part` is of itself and the others together; null where the sum is 0."""
    total = _number(part)
    for other in others:
        total = total + _number(other)
    return ratio(part, total)


def change(now: Operand, before: Operand) -> pl.Expr:
    """By how much `now` is above `before`, as a share of the size of `before`."""
    return ratio(difference(now, before), _number(before).abs())


# --- sustainability ---


def emissions_intensity(emissions: Operand, output: Operand) -> pl.Expr:
    """Emissions for each unit of output, such as t CO2e per million EUR of revenue; null without output.

    Source:
        GHG Protocol Corporate Standard, chapter 9, "ratio indicators".
    """
    return _where_positive(ratio(emissions, output), output)


def energy_efficiency(output: Operand, energy: Operand) -> pl.Expr:
    """Output for each unit of energy, such as EUR per MWh; the inverse of the energy intensity of ISO 50006."""
    return _where_positive(ratio(output, energy), energy)


def renewable_share(renewable: Operand, total: Operand) -> pl.Expr:
    """Renewable energy as a share of all energy, from 0 to 1; null where the parts contradict each other."""
    found = ratio(renewable, total)
    return pl.when(found.is_between(0, 1)).then(found)


def supplier_risk(weights: Mapping[str, float]) -> pl.Expr:
    """A weighted mean of risks from 0 (none) to 1, such as late deliveries, single sourcing, country.

    A risk that is not known leaves the mean to the others; null where none is. Values outside 0 to 1 are cut.

    Args:
        weights: Weight of each column, above 0.

    Raises:
        UsageError: There is no weight, or one is not above 0.
    """
    if not weights or min(weights.values()) <= 0:
        raise UsageError(f"supplier_risk needs weights above 0 by column, not {dict(weights)}.")
    total: pl.Expr = pl.lit(0.0)
    weight: pl.Expr = pl.lit(0.0)
    for column, one in weights.items():
        risk = _number(column).clip(0.0, 1.0)
        total = total + (risk * one).fill_null(0.0)
        weight = weight + pl.when(risk.is_not_null()).then(one).otherwise(0.0)
    return ratio(total, weight)


# --- games between teams ---


def team_form(result: str, *, entity: str, half_life: float = 5.0) -> pl.Expr:
    """The mean of results (1 won, 0 lost) up to the present game, each weighing half as much `half_life` games later.

    Frames must be sorted by time; for feature views, in which a row is known after its game.
    """
    return _number(result).ewm_mean(half_life=half_life, ignore_nulls=True).forward_fill().over(entity)


def rest_days(last_game: Operand, now: Operand, *, at_most: float = 10.0) -> pl.Expr:
    """Days since the last game; beyond `at_most`, a summer is as good as a week and a half."""
    start, end = (pl.col(one) if isinstance(one, str) else one for one in (last_game, now))
    return ((end - start).dt.total_microseconds() * (1 / 86_400_000_000)).clip(upper_bound=at_most)


def rating_gap(home: Operand, away: Operand, *, home_edge: float | pl.Expr = 0.0) -> pl.Expr:
    """The home side's rating less the away side's, with what playing at home is worth in rating points."""
    return difference(home, away) + home_edge


def win_chance(gap: Operand, *, scale: float = 400.0) -> pl.Expr:
    """The chance that Elo's formula gives the side that is ahead by `gap` points: 1 / (1 + 10^(-gap / scale))."""
    return 1.0 / (1.0 + (_number(gap) * (-2.302585092994046 / scale)).exp())


def _where_positive(result: pl.Expr, below: Operand) -> pl.Expr:
    return pl.when(_number(below) > 0).then(result)


def _number(operand: Operand) -> pl.Expr:
    return (pl.col(operand) if isinstance(operand, str) else operand).cast(pl.Float64)
