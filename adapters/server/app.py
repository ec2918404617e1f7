"""The application: who may ask, how much, in which form, and with which status it is answered.

| status | meaning |
| --- | --- |
| 400, 422 | the body cannot be read, or a row is not one that can be judged; the sentence says what to mend |
| 401 | the token is missing or wrong |
| 404, 405, 415 | no such path, method or kind of body; or another reward is served than the one asked for |
| 408, 413 | the body came too slowly, or is too large, or holds too many rows |
| 429 | there is no room now; Retry-After says when to come back |
| 503 | could not be judged: the instrument's fault or the deadline; Retry-After |

Every error is `{"error": {"reason", "detail"}}`. Nothing here looks at what a model wrote, and nothing of it is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ...scoring.schemas import SCHEMA_VERSION
from ...scoring.work import Done, dump
from ...verifiers.errors import InstrumentDown, RunError
from ...verifiers.verdict import Reason, Status
from ..breaker import Breaker, JudgingOutcome
from . import metrics as prometheus
from .batching import Batcher, BusyError
from .clients import Clients
from .forms import FORMS, Form, Refusal, Served
from .model_forms import MODEL_FORMS
from .openapi import document, page
from .record import Recorded
from .traces import Around

_log = logging.getLogger(__name__)
QUICK = 0.5
"""Seconds that a request is waited for before anything looks whether its client is still there."""
HEAR_OUT = 2.0
"""Seconds that a client whose request is refused may go on sending it."""
RETRY_AFTER = 5
"""Seconds after which an instrument that failed may be asked again."""


class ServerLimits:
    """What requests may take together and one by one."""

    def __init__(self, *, max_body: int, max_held: int, max_rows: int, read_timeout: float) -> None:
        self.max_body = max_body
        self.max_held = max_held
        self.max_rows = max_rows
        self.read_timeout = read_timeout
        self.held = 0
        """Bytes of bodies held now."""


class GoneError(Exception):
    """The client hung up; there is nobody to answer."""


def make_app(
    batcher: Batcher,
    metrics: prometheus.Metrics,
    limits: ServerLimits,
    *,
    served: Served,
    version: str,
    clients: Clients,
    stopping: Callable[[], bool],
    breaker: Breaker | None = None,
    around: Around = lambda app, _: app,
) -> ASGIApp:
    """The server's application, to be run on the loop that the batcher was made on.

    Args:
        batcher: Judges rows.
        metrics: What is counted.
        limits: What requests may take.
        served: What is judged by.
        version: Of the package.
        clients: Who may ask.
        stopping: Whether the server is ending, and takes no more rows.
        breaker: Ends the zeros for rows that could not be judged: they are refused again.
        around: Puts something around the application, given the paths that are known.
    """
    about = dump({"status": "ok", "reward": served.reward, "version": version, "schema_version": SCHEMA_VERSION})

    async def healthz(_: Request) -> Response:
        return _json(about)

    async def readyz(_: Request) -> Response:
        if stopping():
            return _error(503, "stopping", "the server is ending and takes no more rows", retry_after=RETRY_AFTER)
        return _json(about)

    async def described(_: Request) -> Response:
        return _json(dump(described_as))

    async def docs(_: Request) -> Response:
        policy = {"content-security-policy": "default-src 'none'"}
        return Response(page(described_as), headers=policy, media_type="text/html")

    async def scrape(_: Request) -> Response:
        return Response(metrics.text(), media_type=prometheus.CONTENT_TYPE)

    async def seed_session(_: Request) -> Response:
        # NeMo-Gym's agents open a session before they ask; there is nothing to remember here.
        return _json(b"{}")

    # Starlette tries them in turn: first those that rollouts are sent to.
    routes = [
        Route(path, _Asked(form, batcher, metrics, limits, served, breaker), methods=["POST"])
        for path, form in {**FORMS, **MODEL_FORMS}.items()
    ]
    routes += [
        *(Route(path, healthz, methods=["GET"]) for path in ("/healthz", "/health")),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/openapi.json", described, methods=["GET"]),
        Route("/docs", docs, methods=["GET"]),
        Route("/metrics", scrape, methods=["GET"]),
        Route("/seed_session", seed_session, methods=["POST"]),
    ]
    paths = frozenset(route.path for route in routes)
    described_as = document(version, paths=paths, guarded=bool(clients.known))
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_error, Refusal: _refused})
    app.router.redirect_slashes = False  # a redirect would repeat the Host that the client claims
    failed = _error(500, "internal", "the server failed at this request")
    return Recorded(around(_Guarded(app, clients), paths), metrics, paths, failed)


class _Asked:
    """Answers one form."""

    def __init__(
        self,
        form: Form,
        batcher: Batcher,
        metrics: prometheus.Metrics,
        limits: ServerLimits,
        served: Served,
        breaker: Breaker | None,
    ) -> None:
        self._breaker = breaker
        self._form = form
        self._batcher = batcher
        self._metrics = metrics
        self._limits = limits
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            raise HTTPException(405, headers={"allow": "POST"})
        whole = False

        async def listen() -> MutableMapping[str, Any]:  # any: an ASGI message
            nonlocal whole
            message = await receive()
            whole = not message.get("more_body", False)
            return message

        try:
            response = await self._answer(scope, listen)
        except GoneError:
            return
        except Refusal:
            if not whole:
                await _hear_out(receive)
            raise
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            # Which also keeps web pages out: a browser asks first before it sends this type across sites.
            raise Refusal(415, "wrong_type", "send JSON, with the header content-type: application/json")
        packed = headers.get(b"content-encoding", b"identity").strip().lower()
        if packed not in (b"identity", b"gzip", b"x-gzip"):
            raise Refusal(415, "wrong_type", "send the body as it is, or with content-encoding: gzip")
        if scope["query_string"]:
            self._check_reward(scope["query_string"])
        limits = self._limits
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > limits.max_body:
            raise _too_large(limits.max_body)
        held = 0
        try:
            message = await _receive(receive, limits.read_timeout)
            body: bytes = message.get("body", b"")
            held = len(body)
            limits.held += held
            if message.get("more_body", False) or held > limits.max_body or limits.held > limits.max_held:
                chunks = [body]
                until = time.monotonic() + limits.read_timeout
                while True:
                    if held > limits.max_body:
                        raise _too_large(limits.max_body)
                    if limits.held > limits.max_held:
                        raise Refusal(429, "busy", "too many bytes are being held for other requests; come back later")
                    if not message.get("more_body", False):
                        break
                    message = await _receive(receive, until - time.monotonic())
                    chunk = message.get("body", b"")
                    held += len(chunk)
                    limits.held += len(chunk)
                    chunks.append(chunk)
                body = b"".join(chunks)
            if packed != b"identity":
                body = _unpacked(body, limits.max_body)
                limits.held += len(body)
                held += len(body)
            return await self._judge(scope, body, receive)
        finally:
            limits.held -= held

    async def _judge(self, scope: Scope, body: bytes, receive: Receive) -> Response:
        question = self._form(body, self._served)
        scope["rows"] = len(question.rows)
        if len(question.rows) > min(self._limits.max_rows, self._batcher.max_queue):
            most = min((self._limits.max_rows, "--max-rows"), (self._batcher.max_queue, "--max-queue"))
            message = f"{len(question.rows):,} rows in one request; the limit is {most[0]:,} ({most[1]})"
            raise Refusal(413, "too_many_rows", message)
        try:
            asked = self._batcher.judge(question.rows)
        except BusyError as busy:
            return _error(429, "busy", str(busy), retry_after=busy.after)
        try:
            with scope.get("judging", contextlib.nullcontext)():
                await asyncio.wait((asked,), timeout=QUICK)
                if not asked.done():
                    await _until_gone_or(asked, receive)
                finished = asked.result()
        except TimeoutError:
            return _error(503, "deadline", "judging takes too long at the moment", retry_after=RETRY_AFTER)
        except RunError as error:
            _log.error("no row can be judged: %s", error)
            return _error(503, "grader_crashed", str(error), retry_after=RETRY_AFTER)
        finally:
            asked.cancel()
        self._count(finished)
        if self._breaker is not None:
            try:
                self._breaker.count([_outcome(done) for done in finished])
            except InstrumentDown as down:
                _log.error("%s", down)
                return _error(503, "instrument_down", str(down), retry_after=RETRY_AFTER)
        return _json(question.answer(finished))

    def _count(self, judged: list[Done]) -> None:
        for done in judged:
            if done.error:
                self._metrics.unreadable(done.error).inc()
            for response in done.responses:
                for name, status, reason, _ in response.verdicts:
                    self._metrics.verdicts(name, status, reason).inc()

    def _check_reward(self, query: bytes) -> None:
        """`?reward=NAME` asks that this server judges by that reward and no other."""
        names = parse_qs(query.decode("ascii", "replace"), keep_blank_values=True).get("reward", [])
        for name in names:
            if _terms_in(name) != _terms_in(self._served.reward):
                message = f"unknown reward {name[:100]!r}: this server judges by {self._served.reward}"
                raise Refusal(404, "unknown_reward", message)


class _Guarded:
    """Lets a request pass that carries a known token, while its client has room. What says that the server lives is
    open to all."""

    OPEN = frozenset({"/healthz", "/health", "/readyz"})

    def __init__(self, app: ASGIApp, clients: Clients) -> None:
        self._app = app
        self._clients = clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        clients = self._clients
        if scope["type"] != "http" or not clients.known or scope["path"] in self.OPEN:
            await self._app(scope, receive, send)
            return
        client = clients.find(scope["headers"])
        if client is None:
            response = _error(
                401, "unauthorized", "send the token: Authorization: Bearer TOKEN, or as the URL's password"
            )
            response.headers["www-authenticate"] = "Bearer"
            response.headers["connection"] = "close"
            await _hear_out(receive)
            await response(scope, receive, send)
            return
        scope["client_name"] = client.name
        if not clients.has_room(client):
            message = f"{client.name} has as many requests under way as it may"
            await _hear_out(receive)
            await _error(429, "busy", message, retry_after=1)(scope, receive, send)
            return
        clients.under_way[client.name] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            clients.under_way[client.name] -= 1


def _terms_in(reward: str) -> Counter[str]:
    """The terms of a reward's name, in whichever order and however they are joined."""
    return Counter(reward.replace(",", " ").replace("+", " ").split())


def _unpacked(body: bytes, most: int) -> bytes:
    """A gzipped body. Raises Refusal where it is none, or would be larger than it may."""
    unpack = zlib.decompressobj(31)
    try:
        text = unpack.decompress(body, most + 1)
    except zlib.error:
        raise Refusal(400, "not_gzip", "the body is not gzip, as its content-encoding says") from None
    if len(text) > most:
        raise _too_large(most)
    if not unpack.eof or unpack.unused_data:
        raise Refusal(400, "not_gzip", "the gzipped body is cut off, or something follows it")
    return text


async def _receive(receive: Receive, seconds: float) -> Mapping[str, Any]:  # any: an ASGI message
    try:
        async with asyncio.timeout(seconds):
            message = await receive()
    except TimeoutError:
        raise Refusal(408, "too_slow", "the body did not come in time") from None
    if message["type"] == "http.disconnect":
        raise GoneError
    return message


async def _hear_out(receive: Receive) -> None:
    """Pass over the rest of a body for a while: a client that is still sending would not read its answer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HEAR_OUT):
            while (await receive()).get("more_body", False):
                pass


async def _until_gone_or(asked: asyncio.Future[Any], receive: Receive) -> None:  # any: findings
    """Wait for the findings, or raise GoneError when the client hangs up before."""
    while not asked.done():
        heard = asyncio.ensure_future(receive())
        try:
            await asyncio.wait((asked, heard), return_when=asyncio.FIRST_COMPLETED)
        finally:
            heard.cancel()
        if not asked.done() and heard.done() and heard.result()["type"] == "http.disconnect":
            raise GoneError


def _outcome(done: Done) -> JudgingOutcome:
    if not done.responses:
        return JudgingOutcome(Status.ERROR, done.error or Reason.GRADER_CRASHED, f"{done.name}: {done.error}")
    response = done.responses[0]
    guilty = next((f"{name}: {reason}" for name, status, reason, _ in response.verdicts if status == Status.ERROR), "")
    return JudgingOutcome(response.status, guilty.rpartition(" ")[2], guilty)


def _too_large(most: int) -> Refusal:
    return Refusal(413, "too_large", f"the body is larger than {most / (1 << 20):g} MiB (--max-body-mb)")


_SCHEMA = {"r1-reward-schema": str(SCHEMA_VERSION)}
"""The forms are those of trainers, so that the version of what is in them stands beside."""


def _json(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, {**(headers or {}), **_SCHEMA}, "application/json")


def _error(
    status: int,
    reason: str,
    detail: str,
    body: Mapping[str, Any] | None = None,  # any: a JSON object
    *,
    retry_after: float | None = None,
) -> Response:
    headers = {} if retry_after is None else {"retry-after": str(min(60, max(1, math.ceil(retry_after))))}
    if status in (408, 413, 429):
        headers["connection"] = "close"  # what is left of the body is not worth the reading
    return _json(dump({**(body or {}), "error": {"reason": reason, "detail": detail}}), status, headers)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    after = RETRY_AFTER if error.status in (429, 503) else None
    return _error(error.status, error.reason, error.detail, error.body, retry_after=after)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _error(
            404,
            "not_found",
            f"no such path; known: {', '.join([*FORMS, *MODEL_FORMS, '/healthz', '/readyz', '/metrics', '/docs'])}",
        )
    response = _error(error.status_code, "not_allowed", f"{request.method} is not how this path is asked")
    response.headers.update(error.headers or {})
    return response
