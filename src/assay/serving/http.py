"""The HTTP application: a FastAPI app whose two busy endpoints are served before its routing, behind one guard.

The guard asks for keys, adds security headers, counts, and turns every refusal into a problem document. What an
endpoint does is in its own file.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version as installed_version
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assay.serving import keys, openapi
from assay.serving.feedback_endpoint import FeedbackEndpoint
from assay.serving.predict_endpoint import RETRY, PredictEndpoint
from assay.serving.problems import MEDIA_TYPE, Refusal
from assay.serving.requests import ClientGone, Message, Receive, Scope, Send
from assay.serving.service import Production, Service, watch

logger = logging.getLogger(__name__)

OPEN_DOORS = frozenset({"/health", "/ready", "/livez", "/readyz"})
"""Paths that orchestrators ask without a key; they say nothing of the data."""
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_JSON_HEADERS = [(b"content-type", b"application/json"), *SECURITY_HEADERS]
_PROBLEM_HEADERS = [(b"content-type", MEDIA_TYPE.encode()), *SECURITY_HEADERS]

Endpoint = Callable[[Scope, Receive], Awaitable[bytes]]


def create_app(service: Service, *, production: Production | None = None) -> FastAPI:
    """The application of one service.

    Args:
        service: Its log is closed when the application shuts down.
        production: Watched for changes of version while the application runs; None keeps the service's predictor.
    """
    busy: dict[str, Endpoint] = {"/predict": PredictEndpoint(service), "/feedback": FeedbackEndpoint(service)}
    app = GuardedApp(service, busy, lifespan=lambda _app: _lifespan(service, production))
    for path in busy:  # other methods than POST get 405 here; POST is served by the guard
        app.router.routes.append(Route(path, _never_reached, methods=["POST"]))
    for path, endpoint in _small_endpoints(service).items():
        app.router.routes.append(Route(path, endpoint))
    release = installed_version("assay")
    app.openapi = lambda: openapi.document(service, version=release)  # type: ignore[method-assign]
    app.add_exception_handler(HTTPException, _routing_problem)
    app.add_exception_handler(Refusal, _refusal_response)
    return app


class GuardedApp(FastAPI):
    """A FastAPI app with a guard before its own middleware, which costs as much as a prediction."""

    def __init__(self, service: Service, busy: Mapping[str, Endpoint], *, lifespan: Any) -> None:
        super().__init__(
            title="Assay",
            docs_url=None,  # its pages load scripts from elsewhere
            redoc_url=None,
            openapi_url="/openapi.json",
            lifespan=lifespan,
        )
        self._service = service
        self._busy = busy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        started = time.perf_counter()
        path = scope["path"]
        endpoint = self._busy.get(path) if scope["method"] == "POST" else None
        try:
            if self._service.api_keys and path not in OPEN_DOORS:
                self._ask_for_key(scope)
            if endpoint is not None:
                body = await endpoint(scope, receive)
                await _send(send, 200, _JSON_HEADERS, body)
                status = 200
            else:
                status, path = await self._pass_on(scope, receive, send)
        except ClientGone:
            return
        except Refusal as refusal:
            status = refusal.status
            await _refuse(send, refusal)
        except Exception:
            logger.exception("%s %s failed", scope["method"], path)
            status = 500
            await _refuse(send, Refusal(500, "the service failed; its log says why."))
        self._service.measures.request(path, status, time.perf_counter() - started)

    def _ask_for_key(self, scope: Scope) -> None:
        if not keys.is_accepted(scope["headers"], self._service.api_keys):
            raise Refusal(
                401,
                "no accepted API key. Send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
                headers=(("WWW-Authenticate", "Bearer"),),
            )

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> tuple[int, str]:
        """Let the router answer, with our headers; returns the status and the route, for the counts."""
        statuses: list[int] = []

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
            await send(message)

        try:
            await super().__call__(scope, receive, send_with_headers)
        except Exception:
            if not statuses:  # otherwise FastAPI has answered, and raises for our log
                raise
            logger.exception("%s %s failed", scope["method"], scope["path"])
        return statuses[0], scope["path"] if statuses[0] != 404 else "(none)"


def _small_endpoints(service: Service) -> dict[str, Callable[[Request], Awaitable[Response]]]:
    async def health(_request: Request) -> Response:
        return _json(_health(service))

    async def ready(_request: Request) -> Response:
        if service.predictor is None:
            raise Refusal(503, f"not ready: {service.problem}.", headers=RETRY)
        return _json({"status": "ready", "model": service.predictor.version})

    async def alive(_request: Request) -> Response:
        return _json({"status": "alive"})

    async def metrics(_request: Request) -> Response:
        return Response(service.measures.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def models(_request: Request) -> Response:
        return _json({"models": list(await asyncio.to_thread(service.models))})

    return {
        "/health": health,
        "/ready": ready,
        "/readyz": ready,
        "/livez": alive,
        "/metrics": metrics,
        "/models": models,
    }


def _health(service: Service) -> dict[str, Any]:
    log = service.log.predictions
    status = "starting" if service.predictor is None else "degraded" if service.problem else "ok"
    return {
        "status": status,
        "problem": service.problem,
        "model": service.predictor.version if service.predictor else None,
        "deployment": service.predictor.deployment if service.predictor else None,
        "log": {"appended": log.counts.appended, "waiting": log.waiting, "dropped": log.counts.dropped},
    }


@asynccontextmanager
async def _lifespan(service: Service, production: Production | None) -> AsyncIterator[None]:
    """Watch production while the application runs; afterwards flush and seal the log."""
    watching = asyncio.create_task(watch(service, production)) if production else None
    try:
        yield
    finally:
        if watching is not None:
            watching.cancel()
        await asyncio.to_thread(service.log.close)


async def _never_reached(_request: Request) -> Response:
    raise AssertionError("the guard answers POST on this path")


async def _refusal_response(_request: Request, refusal: Exception) -> Response:
    """What a small endpoint refuses."""
    assert isinstance(refusal, Refusal)
    return Response(refusal.body(), refusal.status, headers=dict(refusal.headers), media_type=MEDIA_TYPE)


async def _routing_problem(_request: Request, problem: Exception) -> Response:
    """404 and 405 of the router as problem documents."""
    assert isinstance(problem, HTTPException)
    reason = {404: "no such path. /openapi.json lists those there are.", 405: "this path takes other methods."}
    refusal = Refusal(problem.status_code, reason.get(problem.status_code, problem.detail))
    return Response(refusal.body(), problem.status_code, headers=problem.headers, media_type=MEDIA_TYPE)


def _json(content: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(content, option=orjson.OPT_UTC_Z), media_type="application/json")


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def _refuse(send: Send, refusal: Refusal) -> None:
    extra = [(name.lower().encode(), value.encode()) for name, value in refusal.headers]
    await _send(send, refusal.status, [*extra, *_PROBLEM_HEADERS], refusal.body())
