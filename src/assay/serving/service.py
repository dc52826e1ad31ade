"""The state that the endpoints share, and the watch that swaps the predictor when production changes.

The swap is one assignment: a request that began with the old version ends with it, and none is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from assay.errors import AssayError
from assay.serving.measures import Measures
from assay.serving.prediction_log import PredictionLog, utc_now
from assay.serving.predictor import Predictor

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What a request may ask for.

    Attributes:
        max_rows: Rows of one request.
        max_body_bytes: Bytes of its body, counted while they arrive.
        deadline_seconds: From the whole request being here to its answer.
        body_seconds: For the body to arrive.
    """

    max_rows: int = 1_000
    max_body_bytes: int = 4_000_000
    deadline_seconds: float = 2.0
    body_seconds: float = 10.0


class BrokenRule(Protocol):
    """What is declared of a column, and does not hold for a row."""

    @property
    def column(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def severity(self) -> Literal["error", "warning"]: ...
    @property
    def title(self) -> str: ...


class Guard(Protocol):
    """Holds a checked row against what is declared of its columns; the rules that it breaks, none where it is sound."""

    def broken(self, row: Mapping[str, Any], /) -> Sequence[BrokenRule]: ...


@dataclass(frozen=True, slots=True)
class Production:
    """Where the service learns which version should answer.

    Attributes:
        head: A cheap token that changes whenever the answer may have changed: the ledger's head.
        current: The version in production and the evidence of its deployment; None where there is none.
        load: Makes the predictor of such a pair; verifies the bundle, so it may raise IntegrityError.
    """

    head: Callable[[], object]
    current: Callable[[], tuple[str, str] | None]
    load: Callable[[str, str], Predictor]


@dataclass(slots=True)
class Service:
    """What answers, and everything it needs to.

    Attributes:
        log: Where every answer goes before it is given.
        limits: Of requests.
        api_keys: SHA-256 digests of accepted keys; empty: nobody is asked, and only loopback may be listened on.
        models: The registry's versions, for `/models`.
        guard: Looks at each row before it is answered; None where nobody does.
        enforces: Whether a row that breaks a rule of severity error is refused; it is counted in any case.
        predictor: What answers now; None until one is loaded and warm.
        problem: Why nothing answers, or why a change of version failed; empty where all is well.
    """

    log: PredictionLog
    limits: RequestLimits = RequestLimits()
    api_keys: frozenset[str] = frozenset()
    models: Callable[[], Sequence[Mapping[str, Any]]] = tuple
    clock: Callable[[], datetime] = utc_now
    guard: Guard | None = None
    enforces: bool = True
    measures: Measures = field(default_factory=Measures)
    predictor: Predictor | None = None
    problem: str = "no version has been loaded yet"

    def __post_init__(self) -> None:
        log = self.log.predictions
        self.measures.gauge("assay_log_waiting_records", "Log records in memory.", lambda: log.waiting)
        self.measures.gauge("assay_log_appended_records", "Log records taken.", lambda: log.counts.appended)
        self.measures.gauge("assay_log_dropped_records", "Log records lost.", lambda: log.counts.dropped)
        self.measures.gauge("assay_log_flushes", "Writes to the log's disk.", lambda: log.counts.flushes)

    def swap(self, predictor: Predictor | None, *, problem: str = "") -> None:
        """Answer with another predictor from the next request on."""
        self.predictor = predictor
        self.problem = problem
        self.measures.serves(predictor.version if predictor else "")


def warm(predictor: Predictor) -> float:
    """Ask with everything missing, so that the first client does not pay for it; returns seconds of the second ask."""
    nothing = dict.fromkeys(predictor.names)
    predictor.model.predict_one(nothing)
    started = time.perf_counter()
    predictor.model.predict_one(nothing)
    return time.perf_counter() - started


async def watch(service: Service, production: Production, *, poll_seconds: float = POLL_SECONDS) -> None:
    """Keep the predictor the one of production, until cancelled. A version that cannot be loaded changes nothing."""
    seen: object = None
    while True:
        try:
            head = await asyncio.to_thread(production.head)
            if seen is None or head != seen:
                await refresh(service, production)
                seen = head
            pause = poll_seconds
        except Exception as problem:
            pause = RETRY_SECONDS if poll_seconds >= POLL_SECONDS else poll_seconds
            _note_failure(service, problem)
        await asyncio.sleep(pause)


async def refresh(service: Service, production: Production) -> None:
    """Load the version in production if it is not the one that answers.

    Raises:
        AssayError: It cannot be loaded; what answered before still does.
    """
    current = await asyncio.to_thread(production.current)
    answering = service.predictor
    if current is None:
        service.swap(None, problem="nothing is in production; promote a version first")
        return
    reference, deployment = current
    if answering is not None and (answering.version, answering.deployment) == current:
        service.problem = ""
        return
    predictor = await asyncio.to_thread(production.load, reference, deployment)
    await asyncio.to_thread(warm, predictor)
    service.swap(predictor)
    service.measures.swaps["done"] += 1
    logger.info("%s answers now (%s)", reference, deployment)


def _note_failure(service: Service, problem: Exception) -> None:
    service.measures.swaps["failed"] += 1
    service.problem = str(problem)
    if isinstance(problem, AssayError):
        logger.error("the version that answers was not changed: %s", problem)
    else:
        logger.exception("the version that answers was not changed")
