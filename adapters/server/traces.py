"""Traces of requests by OpenTelemetry (extra `otel`), sent to a collector by OTLP over HTTP.

A span a request, a child of the one that the client's `traceparent` names, and one below it for the judging. They hold
method, known path, status, rows, the request's id and the name of its token; nothing of a body, a query or a header.
A collector that is gone holds nothing up: spans wait in a bounded queue and are dropped beyond it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...verifiers.errors import ConfigError, RunError, missing_extra

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class Traces:
    """Sends spans until it is closed."""

    def __init__(self, collector: str, version: str) -> None:
        """`collector` is the address of one, such as `http://127.0.0.1:4318`.

        Raises ConfigError for what is none, and RunError where the extra is not installed.
        """
        if not collector.startswith(("http://", "https://")):
            raise ConfigError(f"traces is {collector!r}; it must be the address of a collector: http://HOST:4318")
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise RunError(missing_extra("traces", error.name, "otel")) from None
        about = Resource.create({"service.name": "r1-reward", "service.version": version})
        self._provider = TracerProvider(resource=about)
        exporter = OTLPSpanExporter(endpoint=f"{collector.rstrip('/')}/v1/traces", timeout=5)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("r1_reward.serve", version)

    def close(self) -> None:
        """Send what waits, for a few seconds at most."""
        self._provider.force_flush(3_000)
        self._provider.shutdown()

    def around(self, app: ASGIApp, paths: frozenset[str]) -> ASGIApp:
        """The application with a span around each request."""
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        propagator = TraceContextTextMapPropagator()

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            names = (b"traceparent", b"tracestate")
            carrier = {k.decode(): v.decode("latin-1") for k, v in scope["headers"] if k in names}
            path = scope["path"] if scope["path"] in paths else "other"
            parent = propagator.extract(carrier)
            method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "_OTHER"
            status = 499
            with self._tracer.start_as_current_span(f"{method} {path}", parent, SpanKind.SERVER) as span:
                scope["judging"] = lambda: self._tracer.start_as_current_span("judge", set_span_in_context(span))

                async def noted(message: Any) -> None:  # any: an ASGI message
                    nonlocal status
                    if message["type"] == "http.response.start":
                        status = message["status"]
                    await send(message)

                try:
                    await app(scope, receive, noted)
                finally:
                    span.set_attribute("http.request.method", method)
                    span.set_attribute("url.path", path)
                    span.set_attribute("http.response.status_code", status)
                    for name, value in (
                        ("r1_reward.rows", scope.get("rows")),
                        ("r1_reward.client", scope.get("client_name")),
                        ("r1_reward.request_id", scope.get("request_id")),
                    ):
                        if value is not None:
                            span.set_attribute(name, value)
                    if status >= 500:
                        span.set_status(Status(StatusCode.ERROR))

        return traced


Around = Callable[["ASGIApp", frozenset[str]], "ASGIApp"]
"""Puts something around an application, given the paths that are known."""
