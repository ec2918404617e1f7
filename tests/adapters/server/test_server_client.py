"""`r1_reward.Client` and `AsyncClient` against the real server, its faults, and answers that no server should give."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import r1_reward as r1
from r1_reward.adapters.client import RowLike, ServedScore

from .conftest import Serve, Server

Ask = Callable[..., list[ServedScore]]
RIGHT = {"response": "<think>2 + 2</think><answer>\\boxed{4}</answer>", "reference": "4", "id": "a"}
WRONG = {"response": "\\boxed{5}", "reference": "4"}


def _sync(url: str, rows: Sequence[RowLike], **options: Any) -> list[ServedScore]:
    with r1.Client(url, **options) as client:
        return client.score(rows)


def _async(url: str, rows: Sequence[RowLike], **options: Any) -> list[ServedScore]:
    async def run() -> list[ServedScore]:
        async with r1.AsyncClient(url, **options) as client:
            return await client.score(rows)

    return asyncio.run(run())


@pytest.fixture(params=[_sync, _async])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Either client."""
    client: Ask = request.param
    return client


def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


def test_rows_come_back_in_order_and_what_has_no_number_gives_none(server: Server, ask: Ask) -> None:
    rows = [
        RIGHT,
        WRONG,
        {"response": "x"},
        r1.Sample(response="\\boxed{4}", reference="4"),
        {"response": "1", "prompt": 5},
    ]
    right, wrong, unjudged, sample, unreadable = ask(url(server), rows)
    assert (right.reward, right.correct, float(right)) == (2.0, True, 2.0)
    assert right.verdicts["math"] == r1.Verdict.from_dict(right.verdicts["math"].to_dict())
    assert right.verdicts["math"].reason is r1.Reason.CORRECT
    assert (wrong.reward, wrong.correct) == (0.0, False)
    assert (unjudged.reward, unjudged.correct) == (None, None)
    assert sample.reward == 1.0
    assert (unreadable.reward, unreadable.reason) == (None, "wrong_type")
    for one in (unjudged, unreadable):
        with pytest.raises(r1.NotScoredError):
            float(one)
    with pytest.raises(TypeError, match=r"\.reward"):
        bool(wrong)


def test_many_rows_are_sent_in_several_requests(server: Server, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r1_reward.adapters.client.MOST_ROWS", 40)
    rows = [{"response": f"\\boxed{{{n}}}", "reference": str(n - n % 3)} for n in range(100)]
    assert [one.correct for one in ask(url(server), rows)] == [n % 3 == 0 for n in range(100)]
    assert ask(url(server), []) == []


@pytest.mark.parametrize("rows", [RIGHT, "text", [{}], [{"response": 5}], [{"responses": ["a"]}], [None]])
def test_what_is_no_row_is_a_type_error_and_nothing_is_sent(ask: Ask, rows: Any) -> None:
    with pytest.raises(TypeError):
        ask("http://127.0.0.1:1", rows)


def test_faults_of_a_server_are_errors_or_waited_for_and_never_numbers(serve: Serve) -> None:
    touchy = ("--reward", "touchy_rewards:Touchy", "--workers", "1", "--row-timeout", "2", "--max-queue", "1")
    server = serve(*touchy)
    port = server.port
    for ask in (_sync, _async):
        assert ask(url(server), [{"response": "fine"}])[0].reward == 0.5
        for word in ("broken", "die", "hang"):
            (one,) = ask(url(server), [{"response": word}])
            assert one.reward is None
            assert one.correct is None
            assert one.reason or [verdict.status for verdict in one.verdicts.values()] == [r1.Status.ERROR]
        # A full server is asked again.
        held = threading.Thread(target=server.ask, args=("/score", [{"response": "sleep 1"}]))
        held.start()
        while b"r1_reward_queue_rows 1" not in server.ask("/metrics", method="GET").body:
            pass
        assert ask(url(server), [{"response": "fine"}], tries=100)[0].reward == 0.5
        held.join()
    assert server.end() == 0
    for ask in (_sync, _async):
        with pytest.raises(r1.ServerError) as refused:
            ask(f"http://127.0.0.1:{port}", [RIGHT], tries=1)
        assert (refused.value.status, refused.value.reason) == (0, "unreachable")
    # A restart is waited for.
    restart = threading.Timer(0.3, serve, (*touchy, "--port", str(port)))
    restart.start()
    assert _sync(f"http://127.0.0.1:{port}", [RIGHT], tries=100, max_wait=1)[0].reward == 0.5
    restart.join()


def test_what_cannot_succeed_is_not_tried_again(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-of-sixteen-letters\n")
    server = serve("--reward", "math", "--workers", "1", "--token-file", "token", "--max-body-mb", "0.01")
    for ask in (_sync, _async):
        for token in (None, "another-token-of-some-length"):
            with pytest.raises(r1.ServerError) as refused:
                ask(url(server), [RIGHT], token=token)
            assert (refused.value.status, refused.value.reason) == (401, "unauthorized")
            assert "another-token" not in str(refused.value)
        with pytest.raises(r1.ServerError) as refused:
            ask(url(server), [{**RIGHT, "prompt": "x" * 20_000}], token="a-token-of-sixteen-letters")
        assert (refused.value.status, refused.value.reason) == (413, "too_large")
        assert ask(url(server), [RIGHT], token="a-token-of-sixteen-letters")[0].reward == 1.0
    with r1.Client(url(server)) as client:
        assert client.state() == type(client.state())(ready=True, reward="math", version=r1.__version__)
    # Six requests were refused, none of them twice.
    counted = re.findall(
        rb'requests_total\{[^}]*status="(\d+)"[^}]*\} (\d+)',
        server.ask("/metrics", method="GET", authorization="Bearer a-token-of-sixteen-letters").body,
    )
    assert {status: int(count) for status, count in counted if status in (b"401", b"413")} == {b"401": 4, b"413": 2}


class Scripted:
    """Answers of no server of ours, one after another; the last stays."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes] | None) -> None:
        self.answers = list(answers)
        self.times: list[float] = []


@contextmanager
def scripted(script: Scripted) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            script.times.append(time.monotonic())
            answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            if answer is None:  # hangs up in the middle
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(answer[0])
            for name, value in {**answer[1], "content-length": str(len(answer[2]))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer[2])

        def log_message(self, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


FINE: tuple[int, dict[str, str], bytes] = (200, {}, json.dumps([{"reward": 1.0, "verdicts": {}}]).encode())


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_a_status_that_says_later_is_tried_again(ask: Ask, status: int) -> None:
    script = Scripted((status, {"retry-after": "0"}, b""), None, (status, {"retry-after": formatdate(0)}, b""), FINE)
    with scripted(script) as address:
        assert ask(address, [RIGHT], max_wait=0.01)[0].reward == 1.0
    assert len(script.times) == 4


def test_retry_after_is_waited_for_and_too_long_a_wait_is_told(ask: Ask) -> None:
    script = Scripted((429, {"retry-after": "1"}, b""), FINE)
    with scripted(script) as address:
        assert ask(address, [RIGHT])[0].reward == 1.0
    assert script.times[1] - script.times[0] >= 1.0
    busy = json.dumps({"error": {"reason": "busy", "detail": "later"}}).encode()
    with scripted(Scripted((503, {"retry-after": "3600"}, busy))) as address, pytest.raises(r1.ServerError) as refused:
        ask(address, [RIGHT])
    assert str(refused.value) == "busy: later (status 503)"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"reward": 1.0}',
        b'[{"reward": NaN, "verdicts": {}}]',
        b'[{"reward": 1e999, "verdicts": {}}]',
        b'[{"reward": true, "verdicts": {}}]',
        b'[{"reward": "1", "verdicts": {}}]',
        b'[{"reward": 1.0}]',
        b'[{"reward": 0.0, "error": {"reason": "a", "detail": "b"}}]',
        b'[{"reward": 1.0, "verdicts": {"math": {"status": "error", "reason": "correct", "score": 1.0}}}]',
        b"[" * 100_000,
    ],
)
def test_what_is_no_answer_is_never_a_number(ask: Ask, body: bytes) -> None:
    with scripted(Scripted((200, {}, body))) as address, pytest.raises(r1.ServerError) as refused:
        ask(address, [RIGHT])
    assert refused.value.reason == "no_answer"


@pytest.mark.parametrize("options", [{"timeout": 0}, {"tries": 0}, {"max_wait": -1}])
def test_options_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    for kind in (r1.Client, r1.AsyncClient):
        with pytest.raises(r1.ConfigError):
            kind("http://127.0.0.1:1", **options)


def test_one_client_serves_many_threads_and_tasks(server: Server) -> None:
    with r1.Client(url(server)) as client:
        results: list[float | None] = []
        threads = [
            threading.Thread(target=lambda: results.extend(s.reward for s in client.score([RIGHT]))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [2.0] * 8

    async def many() -> list[list[ServedScore]]:
        async with r1.AsyncClient(url(server), concurrency=3) as client:
            asked: list[Awaitable[list[ServedScore]]] = [client.score([RIGHT]) for _ in range(8)]
            return await asyncio.gather(*asked)

    assert [one.reward for (one,) in asyncio.run(many())] == [2.0] * 8
