"""POST /predict as a bare ASGI endpoint: check, predict, log, answer, each within the request's deadline."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import orjson

from assay.errors import DataError, ServiceUnreachable
from assay.serving.group_commit import LogUnavailable
from assay.serving.predictor import EntityMissing, Prediction, Predictor
from assay.serving.problems import Fault, Refusal, echo, invalid
from assay.serving.requests import Receive, Scope, read_json, refuse_duplicates
from assay.serving.service import Guard, Service

INLINE_SECONDS = 0.005
"""Expected work up to this is done on the event loop; more goes to a thread, so that other requests are not held up."""
PACE_REQUESTS = 9
THREADS = 2
MOST_WAITING = 64
"""Requests in threads, running or waiting, beyond which further ones are told to come back."""
FIELDS = frozenset({"rows", "explain", "key"})
LONGEST_KEY = 256
RETRY = (("Retry-After", "1"),)
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY

Row = Mapping[str, Any]


class PredictEndpoint:
    """Answers prediction requests for one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="predict")
        self._in_threads = 0
        self._recent = deque[float](maxlen=PACE_REQUESTS)
        self._seconds_per_row = 0.0

    async def __call__(self, scope: Scope, receive: Receive) -> bytes:
        """The body of a 200 answer.

        Raises:
            Refusal: Anything else.
        """
        service = self._service
        document, body = await read_json(scope, receive, service.limits)
        started = time.perf_counter()
        predictor = service.predictor
        if predictor is None:
            raise Refusal(503, f"not ready: {service.problem}.", headers=RETRY)
        rows, explain = _checked(document, body, predictor, max_rows=service.limits.max_rows)
        broken = None if service.guard is None else _held(service, service.guard, rows)
        predictions = await self._predict(predictor, rows, explain=explain, started=started)
        now = service.clock()
        records = _records(predictor, rows, predictions, now=now, latency_ms=(time.perf_counter() - started) * 1_000)
        for index, titles in (broken or {}).items():
            records[index]["broken"] = titles
        await self._log(predictor, records, started=started)
        service.measures.predicted(predictor.version, [one.states for one in predictions])
        return _answer(records, predictions, now)

    async def _predict(
        self, predictor: Predictor, rows: Sequence[Row], *, explain: bool, started: float
    ) -> list[Prediction]:
        try:
            if self._seconds_per_row * len(rows) <= INLINE_SECONDS:
                predictions = self._timed(predictor, rows, explain=explain)
            else:
                predictions = await self._in_thread(predictor, rows, explain=explain, started=started)
        except EntityMissing as problem:
            raise invalid([Fault(f"rows[{problem.row}].{problem.field}", str(problem))]) from problem
        except DataError as problem:
            raise invalid([Fault("rows", str(problem))]) from problem
        except ServiceUnreachable as problem:
            raise Refusal(503, f"no features can be looked up: {problem}", headers=RETRY) from problem
        if time.perf_counter() - started > self._service.limits.deadline_seconds:
            raise self._late()
        return predictions

    def _timed(self, predictor: Predictor, rows: Sequence[Row], *, explain: bool) -> list[Prediction]:
        """Predict, and follow the pace by the median of the last requests, so that one stall counts for nothing."""
        began = time.perf_counter()
        predictions = predictor.predict(rows, explain=explain)
        self._recent.append((time.perf_counter() - began) / len(rows))
        self._seconds_per_row = sorted(self._recent)[len(self._recent) // 2]
        return predictions

    async def _in_thread(
        self, predictor: Predictor, rows: Sequence[Row], *, explain: bool, started: float
    ) -> list[Prediction]:
        if self._in_threads >= MOST_WAITING:
            raise Refusal(503, f"{self._in_threads} slow requests are being worked on; come back.", headers=RETRY)
        self._in_threads += 1
        work = asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: self._timed(predictor, rows, explain=explain)
        )
        work.add_done_callback(self._leave_thread)
        predictions: list[Prediction] = await self._in_time(asyncio.shield(work), started)
        return predictions

    def _leave_thread(self, work: asyncio.Future[list[Prediction]]) -> None:
        self._in_threads -= 1
        if not work.cancelled():
            work.exception()  # a late failure has nobody left to be told to

    async def _log(self, predictor: Predictor, records: list[dict[str, Any]], *, started: float) -> None:
        try:
            written = self._service.log.append(records, columns=predictor.log_columns, deployment=predictor.deployment)
            if written is not None:
                await self._in_time(written, started)
        except LogUnavailable as problem:
            raise Refusal(503, f"the prediction cannot be logged, so it is not given: {problem}", headers=RETRY) from (
                problem
            )

    async def _in_time(self, work: asyncio.Future[Any], started: float) -> Any:
        """Wait for work until the deadline; the timer costs less than a task."""
        loop = asyncio.get_running_loop()
        remaining = self._service.limits.deadline_seconds - (time.perf_counter() - started)
        timer = loop.call_later(max(remaining, 0), _give_up, work)
        try:
            return await work
        except asyncio.CancelledError:
            if work.cancelled() and not _is_cancelling():
                raise self._late() from None
            raise
        finally:
            timer.cancel()

    def _late(self) -> Refusal:
        limit = self._service.limits.deadline_seconds
        return Refusal(504, f"no answer within {limit:g} s. Send fewer rows at a time, or come back.", headers=RETRY)


def _give_up(work: asyncio.Future[Any]) -> None:
    if not work.done():
        work.cancel()


def _is_cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _checked(document: Any, body: bytes, predictor: Predictor, *, max_rows: int) -> tuple[list[Row], bool]:
    """The rows and the wish for explanations.

    Raises:
        Refusal: 422 with every fault, or 400 where a key is given twice.
    """
    if type(document) is not dict:
        raise invalid([Fault("", f"the body must be an object with rows, not {echo(document)}")])
    faults = _envelope_faults(document, predictor, max_rows)
    if faults:
        raise invalid(faults)
    rows: list[Row] = document["rows"]
    check, keys = predictor.schema.check, len(document)
    for index, row in enumerate(rows):
        found = check(row, index=index)
        if found:
            faults += found
        else:
            keys += len(row)
    if faults:
        raise invalid(faults)
    refuse_duplicates(body, keys=keys)
    return rows, document.get("explain", False)


def _held(service: Service, guard: Guard, rows: Sequence[Row]) -> dict[int, str]:
    """What each row breaks of the declared rules, for the log; nearly always nothing.

    Raises:
        Refusal: 422 with column and rule, where a rule of severity error is broken and the service enforces it.
    """
    found = {index: broken for index, row in enumerate(rows) if (broken := guard.broken(row))}
    if not found:
        return {}
    faults = [
        Fault(f"rows[{index}].{rule.column}", f"breaks what is declared of it: {rule.title}")
        for index, broken in found.items()
        for rule in broken
        if rule.severity == "error"
    ]
    refused = bool(faults) and service.enforces
    for broken in found.values():
        for rule in broken:
            is_refused = refused and rule.severity == "error"
            outcome = "refused" if is_refused else "counted"
            service.measures.broken[rule.column, rule.rule, rule.severity, outcome] += 1
    if refused:
        raise invalid(faults)
    return {index: "; ".join(rule.title for rule in broken) for index, broken in found.items()}


def _envelope_faults(document: Mapping[str, Any], predictor: Predictor, max_rows: int) -> list[Fault]:
    faults = [Fault(name[:80], "is not known; known are rows, explain, key") for name in document.keys() - FIELDS]
    rows = document.get("rows")
    if type(rows) is not list:
        faults.append(Fault("rows", "is required" if "rows" not in document else f"must be a list, not {echo(rows)}"))
    elif not 1 <= len(rows) <= max_rows:
        faults.append(Fault("rows", f"must hold 1 to {max_rows:,} rows, not {len(rows):,}"))
    if len(document) > 1:
        explain, key = document.get("explain", False), document.get("key")
        if type(explain) is not bool:
            faults.append(Fault("explain", f"must be true or false, not {echo(explain)}"))
        elif explain and predictor.explain is None:
            faults.append(Fault("explain", f"{predictor.version} cannot explain its predictions yet; leave it out"))
        if key is not None and (type(key) is not str or len(key) > LONGEST_KEY):
            faults.append(Fault("key", f"must be text of at most {LONGEST_KEY} characters"))
    return faults


def _records(
    predictor: Predictor, rows: Sequence[Row], predictions: Sequence[Prediction], *, now: datetime, latency_ms: float
) -> list[dict[str, Any]]:
    """What is logged of each prediction; the log gives the ids."""
    version, deployment, inputs_of = predictor.version, predictor.deployment, predictor.inputs_of
    return [
        {
            "id": "",
            "time": now,
            "model": version,
            "variant": "production",
            "source": "model",
            "value": one.value,
            "probability": one.probability,
            "latency_ms": round(latency_ms, 4),
            "deployment": deployment,
            "inputs": inputs_of(row),
            "features": one.features,
            **({"states": states_text(one.states)} if one.states else {}),
        }
        for row, one in zip(rows, predictions, strict=True)
    ]


def states_text(states: Mapping[str, str]) -> str:
    """States as the log keeps them: `customer.visits=stale plan.prices=missing`."""
    return " ".join(f"{place}={state}" for place, state in states.items())


def _answer(records: Sequence[Mapping[str, Any]], predictions: Sequence[Prediction], now: datetime) -> bytes:
    answers = []
    for record, prediction in zip(records, predictions, strict=True):
        answer = {
            "id": record["id"],
            "value": prediction.value,
            "model": record["model"],
            "variant": record["variant"],
            "source": record["source"],
        }
        if prediction.probability is not None:
            answer["probability"] = prediction.probability
        if prediction.states:
            answer["states"] = prediction.states
        if prediction.contributions is not None:
            answer["explanation"] = prediction.contributions
        answers.append(answer)
    return orjson.dumps({"predictions": answers, "time": now}, option=_OPTIONS)
