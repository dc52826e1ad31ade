"""Outlook of a learning curve: can this fit still become the best, or may it be given up?

Works on losses alone. Curves that fall ever more slowly are assumed; the estimate is doubled in their favour.
"""

from __future__ import annotations

from collections.abc import Sequence

GENEROSITY = 2.0
"""How many times the estimated remaining improvement a fit is credited with before it is given up."""


def cannot_reach(target: float, losses: Sequence[float], *, window: int) -> bool:
    """Whether a falling curve is not expected to come below `target`, however long it goes on.

    The last two windows improved by a and then b. If improvements keep shrinking by q = b / a, what remains is the
    geometric sum b * q / (1 - q).

    Args:
        target: The loss to come below.
        losses: So far, oldest first.
        window: Losses a window; with fewer than three windows nothing is given up.

    Example:
        >>> cannot_reach(0.5, [1.0, 0.8, 0.7, 0.65], window=1)  # still to come: 0.05, times 2: 0.55 at best
        True
    """
    if len(losses) < 3 * window:
        return False
    earlier, before, now = (min(losses[: len(losses) - back]) for back in (2 * window, window, 0))
    first, second = earlier - before, before - now
    if second <= 0:
        return now > target
    if second >= first:
        return False
    shrink = second / first
    return now - GENEROSITY * second * shrink / (1 - shrink) > target
