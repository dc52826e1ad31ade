"""Progress of a search: how far, how good, how fast, how long still."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search stands.

    Attributes:
        done: Trials finished, those of an interrupted search included.
        of: Trials in all.
        metric: Name of the figure that is searched.
        best: The best value so far; None before the first trial.
        estimator: The estimator that reached it.
        trials_per_second: Since this process began; None before its first trial.
        seconds_left: At that rate; None before its first trial.
    """

    done: int
    of: int
    metric: str
    best: float | None = None
    estimator: str = ""
    trials_per_second: float | None = None
    seconds_left: float | None = None

    @property
    def note(self) -> str:
        """What a person would like to see beside a bar."""
        if self.best is None:
            return ""
        reached = f"best {self.metric} {self.best:.4f} ({self.estimator})"
        if self.trials_per_second is None or self.seconds_left is None:
            return reached
        return f"{reached}, {self.trials_per_second:.2g} trials/s, {self.seconds_left:.0f} s left"
