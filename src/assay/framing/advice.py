"""Advice from the brief and the assessed data, always with the reason (FR-6).

The facts are rows of `advice.yaml`; here they are only looked up. A condition over something that is not known yet does
not hold, and the advice says what would have to be known to decide better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from assay.errors import UsageError
from assay.ledger.evidence import Evidence
from assay.metrics.expression import answer

Kind = Literal["table", "text", "image"]
TOPICS = ("metric", "model", "tuning", "deployment", "gpu", "inference", "llm")
WHOLE = ("inference",)  # topics whose rows are options beside each other, not choices between each other
FOR_GENERATION = "; for generation"  # how advice.yaml marks options that only text generators have


@dataclass(frozen=True, slots=True)
class Facts:
    """What advice is given from; None is what nobody knows yet.

    Attributes:
        task: Of the brief.
        latency: Of the brief.
        kind: What the rows hold.
        rows: Labelled rows.
        rarest_class: Rows of the rarest class.
        positive_share: Share of the rarest of two classes.
        classes: Distinct labels of a classification.
        columns: Inputs of the model.
        categories_most: Distinct values of the column that has most.
        users: People that are recommended to.
        hyperparameters: That are to be tuned.
        model_mb: Size of the newest version.
        parameters_b: Parameters of a language model, in billions.
        job: What a GPU is wanted for.
        llm_task: What a language model is wanted for.
    """

    task: str
    latency: str = ""
    kind: Kind = "table"
    rows: int | None = None
    rarest_class: int | None = None
    positive_share: float | None = None
    classes: int | None = None
    columns: int | None = None
    categories_most: int | None = None
    users: int | None = None
    hyperparameters: int | None = None
    model_mb: float | None = None
    parameters_b: float | None = None
    job: Literal["fine-tune", "serve", "pre-train"] | None = None
    llm_task: str | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """One choice.

    Attributes:
        topic: What it is about.
        choose: What to do; empty where nothing fits.
        because: Why, with the figures that decided.
        further: What else the row says: `called`, `scale`, `avoid`, `speed`, `cost`.
        unknown: Facts that would decide better if they were known.
    """

    topic: str
    choose: str
    because: str
    further: Mapping[str, str]
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        called = self.further.get("called")
        also = [f"{name}: {text}" for name, text in self.further.items() if name != "called"]
        known = [f"not known yet: {', '.join(self.unknown)}"] if self.unknown else []
        return "; ".join([f"{called or self.choose}: {self.because}", *also, *known])


def advise(facts: Facts, *, topics: Sequence[str] = TOPICS) -> list[Advice]:
    """What to choose in each topic that the facts speak to.

    Raises:
        UsageError: There is no such topic.
    """
    unknown = [topic for topic in topics if topic not in TOPICS]
    if unknown:
        raise UsageError(f"there is no advice on {unknown[0]!r}. Ask for {', '.join(TOPICS)}.")
    given = {name: value for name, value in asdict(facts).items() if value is not None}
    return [one for topic in topics for one in _on(topic, given)]


def evidence(advice: Sequence[Advice], facts: Facts, *, project: str, parents: Sequence[str] = ()) -> Evidence:
    """The advice as a record, with what it was given from."""
    first = {one.topic: one.further.get("called", one.choose) for one in reversed(advice)}
    shown = "; ".join(
        f"{topic}: {choice}" for topic, choice in first.items() if topic in ("metric", "model", "deployment")
    )
    figures = {"facts": asdict(facts), "advice": [asdict(one) for one in advice]}
    return Evidence("framing.advice", f"brief:{project}", "info", shown or "no advice fits", figures, tuple(parents))


def _on(topic: str, given: Mapping[str, Any]) -> list[Advice]:
    rows = _tables()[topic]
    if topic in WHOLE:
        kept = [row for row in rows if given["task"] == "generation" or FOR_GENERATION not in row["because"]]
        return [_advice(topic, row, ()) for row in kept]
    missing: dict[str, None] = {}
    for row in rows:
        found = answer(row.get("when", "1 == 1"), given)
        if found.truth:
            return [_advice(topic, row, tuple(missing))]
        if found.truth is None:
            missing.update(dict.fromkeys(name for name, value in found.figures.items() if value is None))
    return []


def _advice(topic: str, row: Mapping[str, str], unknown: tuple[str, ...]) -> Advice:
    because = row["because"].removesuffix(FOR_GENERATION)
    further = {name: text for name, text in row.items() if name not in ("when", "choose", "because")}
    return Advice(topic, row["choose"], because, further, unknown)


@cache
def _tables() -> dict[str, list[dict[str, str]]]:
    import yaml

    text = resources.files("assay.framing").joinpath("advice.yaml").read_text(encoding="utf-8")
    tables: dict[str, list[dict[str, str]]] = yaml.safe_load(text)
    return tables
