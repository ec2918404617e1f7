"""Traces: what a collector gets of requests, and that nothing of their text is in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from r1_reward.cli import main

from .conftest import Serve

pytestmark = pytest.mark.needs("opentelemetry")
SECRET = "open-sesame"


class Collector(ThreadingHTTPServer):
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def spans(self) -> list[Any]:  # any: spans of OpenTelemetry
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [s for r in requests for one in r.resource_spans for scope in one.scope_spans for s in scope.spans]


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        self.server.bodies.append(body)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_span_a_request_and_one_for_the_judging(serve: Serve, collector: Collector, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("trainer a-token-of-sixteen-letters\n")
    address = f"http://127.0.0.1:{collector.server_address[1]}"
    server = serve("--reward", "math", "--workers", "1", "--traces", address, "--token-file", "tokens")
    token = "Bearer a-token-of-sixteen-letters"
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    row = {"response": f"\\boxed{{{SECRET}}}", "reference": SECRET, SECRET: SECRET}
    answer = server.ask("/score", row, authorization=token, traceparent=parent, x_request_id="mine-1")
    assert answer.status == 200
    assert server.ask(f"/{SECRET}?{SECRET}", row, authorization=token).status == 404
    assert server.ask("/score", row, authorization=SECRET).status == 401
    assert server.end() == 0, "what waits is sent before it ends"
    spans = {span.name: span for span in collector.spans if span.name != "POST /score"}
    scored = [span for span in collector.spans if span.name == "POST /score"]
    assert set(spans) == {"POST other", "judge"}
    attributes = [{a.key: a.value.string_value or a.value.int_value for a in span.attributes} for span in scored]
    first = attributes.index(next(one for one in attributes if one["http.response.status_code"] == 200))
    assert attributes[first] == {
        "http.request.method": "POST",
        "url.path": "/score",
        "http.response.status_code": 200,
        "r1_reward.rows": 1,
        "r1_reward.client": "trainer",
        "r1_reward.request_id": "mine-1",
    }
    assert attributes[1 - first]["http.response.status_code"] == 401
    assert scored[first].trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert scored[first].parent_span_id.hex() == "b7ad6b7169203331"
    assert (spans["judge"].trace_id, spans["judge"].parent_span_id) == (scored[first].trace_id, scored[first].span_id)
    assert SECRET.encode() not in b"".join(collector.bodies)


def test_a_collector_that_is_gone_holds_nothing_up(serve: Serve, collector: Collector) -> None:
    port = collector.server_address[1]
    collector.server_close()
    server = serve("--reward", "math", "--workers", "1", "--traces", f"http://127.0.0.1:{port}")
    assert server.ask("/score", {"response": "\\boxed{4}", "reference": "4"}).json["reward"] == 1.0
    began = time.monotonic()
    assert server.end() == 0
    assert time.monotonic() - began < 30


def test_an_address_that_is_none_is_refused() -> None:
    run = CliRunner().invoke(main, ["serve", "--reward", "math", "--traces", "collector:4317"])
    assert run.exit_code == 2
    assert "must be the address of a collector" in run.output
