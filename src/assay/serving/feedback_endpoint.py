"""POST /feedback as a bare ASGI endpoint: the truth by prediction id, on disk before it is acknowledged.

Sending the same label again changes nothing; a corrected one counts from then on, and the log keeps both.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import orjson

from assay.serving.group_commit import LogUnavailable
from assay.serving.problems import Fault, Refusal, echo, invalid
from assay.serving.requests import Receive, Scope, read_json, refuse_duplicates
from assay.serving.rows import LARGEST_NUMBER, parse_time
from assay.serving.service import Service

MOST_LABELS = 10_000
LONGEST_ID = 64
FIELDS = frozenset({"id", "value", "time"})

Label = tuple[str, float, datetime, datetime]


class FeedbackEndpoint:
    """Takes labels for one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive) -> bytes:
        """The body of a 200 answer: how many were accepted, and which ids are unknown.

        Raises:
            Refusal: Anything else.
        """
        service = self._service
        document, body = await read_json(scope, receive, service.limits)
        now = service.clock()
        labels, keys = _checked(document, now=now)
        if service.predictor is not None and service.predictor.model.signature.task == "classification":
            _refuse_other_classes(labels)
        refuse_duplicates(body, keys=keys)
        known = await asyncio.to_thread(service.log.known, [label[0] for label in labels])
        accepted = [label for label in labels if label[0] in known]
        unknown = [label[0] for label in labels if label[0] not in known]
        await self._log(accepted)
        service.measures.labels["accepted"] += len(accepted)
        service.measures.labels["unknown"] += len(unknown)
        refused = [{"id": one, "reason": "no such prediction is in the log"} for one in unknown]
        return orjson.dumps({"accepted": len(accepted), "refused": refused})

    async def _log(self, labels: list[Label]) -> None:
        if not labels:
            return
        try:
            written = self._service.log.append_labels(labels)
            if written is not None:
                async with asyncio.timeout(self._service.limits.deadline_seconds):
                    await written
        except (LogUnavailable, TimeoutError) as problem:
            raise Refusal(
                503, f"the labels cannot be kept now: {problem}. Send them again.", headers=(("Retry-After", "1"),)
            ) from problem


def _checked(document: Any, *, now: datetime) -> tuple[list[Label], int]:
    """The labels, and how many keys the document has.

    Raises:
        Refusal: 422 with every fault.
    """
    if type(document) is not dict or document.keys() != {"labels"} or type(document["labels"]) is not list:
        raise invalid([Fault("labels", 'is required: {"labels": [{"id": …, "value": …, "time": …}]}')])
    given = document["labels"]
    if not 1 <= len(given) <= MOST_LABELS:
        raise invalid([Fault("labels", f"must hold 1 to {MOST_LABELS:,} labels, not {len(given):,}")])
    labels, faults, keys = [], list[Fault](), 1
    for index, one in enumerate(given):
        found = _faults(one, f"labels[{index}]")
        faults += found
        if not found:
            moment = parse_time(one["time"]) if one.get("time") is not None else now
            labels.append((one["id"], float(one["value"]), moment, now))
            keys += len(one)
    if faults:
        raise invalid(faults)
    return labels, keys


def _refuse_other_classes(labels: list[Label]) -> None:
    """A classification's truth is 0 or 1; one stray label would make its performance undefined.

    Raises:
        Refusal: 422 with every fault.
    """
    faults = [
        Fault(f"labels[{index}].value", f"must be 0 or 1, the classes of this model, not {value:g}")
        for index, (_, value, _, _) in enumerate(labels)
        if value not in (0.0, 1.0)
    ]
    if faults:
        raise invalid(faults)


def _faults(one: Any, where: str) -> list[Fault]:
    if type(one) is not dict:
        return [Fault(where, f"must be an object, not {echo(one)}")]
    faults = [Fault(f"{where}.{name[:80]}", "is not known; known are id, value, time") for name in one.keys() - FIELDS]
    identity, value, moment = one.get("id"), one.get("value"), one.get("time")
    if type(identity) is not str or not 1 <= len(identity) <= LONGEST_ID:
        faults.append(Fault(f"{where}.id", f"must be the id of a prediction, not {echo(identity)}"))
    if not isinstance(value, int | float) or abs(value) > LARGEST_NUMBER:
        faults.append(Fault(f"{where}.value", f"must be a number, true or false, not {echo(value)}"))
    if moment is not None:
        try:
            parse_time(moment)
        except (TypeError, ValueError):
            faults.append(Fault(f"{where}.time", f"must be a time with its offset, not {echo(moment)}"))
    return faults
