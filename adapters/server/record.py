"""Every request counted, named and logged: its id in the answer and in each line about it, one JSON object a line.

A line holds who asked (the name of its token), what (a path that is known), the answer's status, seconds and rows.
Nothing of a body, a query or a header is ever in it, but the id that a client gave its request.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from .metrics import Metrics

access_log = logging.getLogger("r1_reward.access")
_log = logging.getLogger(__name__)
_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that is being answered."""


class Recorded:
    """Gives every request an id, counts it with its status and time, and answers what nobody foresaw by `failed`."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str], failed: ASGIApp) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = paths
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        begun = time.perf_counter()
        status = 0
        name = _id_of(scope)
        header = (b"x-request-id", name.encode())
        request_id.set(name)
        scope["request_id"] = name

        async def recorded(message: Any) -> None:  # any: an ASGI message
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], header]
            await send(message)

        try:
            await self._app(scope, receive, recorded)
        except Exception:  # noqa: BLE001 - the boundary: one request is lost, the server goes on
            _log.exception("a request failed")
            if not status:
                await self._failed(scope, receive, recorded)
        path = scope["path"] if scope["path"] in self._paths else "other"
        seconds = time.perf_counter() - begun
        self._metrics.answered(path, status or 499, seconds)
        if access_log.isEnabledFor(logging.INFO):
            about = {"client": scope.get("client_name"), "method": scope["method"][:16], "path": path}
            about |= {"status": status or 499, "seconds": round(seconds, 6), "rows": scope.get("rows")}
            access_log.info("request", extra={"about": {k: v for k, v in about.items() if v is not None}})


def _id_of(scope: Scope) -> str:
    """The id that the client gave its request, where it is fit to be logged, else one of ours."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value):
            return str(value.decode())
    return secrets.token_hex(8)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, event, id of the request, and what the record is about."""
        made = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if name := request_id.get():
            made["request_id"] = name
        made.update(getattr(record, "about", {}))
        if record.exc_info:
            made["traceback"] = self.formatException(record.exc_info)
        return json.dumps(made, ensure_ascii=True)


def log_to_stderr(level: str) -> Callable[[], None]:
    """Write records of the package from `level` up to standard error; what is returned ends it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("r1_reward")
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False

    def end() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]

    return end
