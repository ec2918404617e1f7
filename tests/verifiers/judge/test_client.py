"""The client of OpenAI-compatible endpoints: what it sends, and that no server can hold it past its deadline."""

from __future__ import annotations

import asyncio
import http.server
import json
import pickle
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from r1_reward.verifiers import ConfigError
from r1_reward.verifiers.judge import ChatClient, EndpointError


class _Endpoint(http.server.BaseHTTPRequestHandler):
    """Answers as the name of the model asks; a reply is the request's headers and body."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        mode = asked["model"]
        if mode in ("drips the body", "drips the head"):
            if mode == "drips the body":
                self.send_response(200)
                self.end_headers()
            try:
                self.wfile.write(b"HTTP/1.0 200 OK\r\nX: " if mode == "drips the head" else b"")
                for _ in range(600):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    time.sleep(0.05)
            except OSError:
                return
            return
        if mode == "broken":
            self.send_error(503)
            return
        held = {"path": self.path, "key": self.headers.get("Authorization"), **asked}
        content = None if mode == "refuses" else json.dumps(held)
        body = b"[]" if mode == "odd" else json.dumps({"choices": [{"message": {"content": content}}]}).encode()
        if mode == "floods":
            body = b" " * (5 << 20)
        self.send_response(302 if mode == "sends away" else 200)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_asks_as_openai_has_it(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("THE_KEY", "secret")
    extra = {"top_p": 0.5}
    made = ChatClient(url=endpoint + "/", model="m", key_env="THE_KEY", max_tokens=7, extra=extra)
    assert b"secret" not in pickle.dumps(made)
    client = pickle.loads(pickle.dumps(made))
    asked: dict[str, Any] = json.loads(client("half a pair: \ud800"))
    assert asked.pop("messages") == [{"role": "user", "content": "half a pair: \ud800"}]
    # The server saw the key and repeats it, and the client takes it out of the reply.
    assert asked == {
        "path": "/v1/chat/completions", "key": "Bearer ***", "model": "m", "temperature": 0.0, "max_tokens": 7,
        "top_p": 0.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("broken", "status 503"),
        ("sends away", "status 302"),
        ("odd", "no chat completion"),
        ("refuses", "no text"),
        ("floods", "more than"),
    ],
)
def test_a_server_that_misbehaves_is_an_error(endpoint: str, mode: str, message: str) -> None:
    with pytest.raises(EndpointError, match=message):
        ChatClient(url=endpoint, model=mode)("a question")


@pytest.mark.parametrize("mode", ["drips the head", "drips the body"])
def test_a_server_that_drips_does_not_outlast_the_deadline(endpoint: str, mode: str) -> None:
    start = time.monotonic()
    with pytest.raises(EndpointError, match="no whole reply within 1 s"):
        ChatClient(url=endpoint, model=mode, timeout=1.0)("a question")
    assert time.monotonic() - start < 15  # the server would drip for half a minute


def test_it_may_be_called_where_a_loop_runs_and_be_awaited(endpoint: str) -> None:
    client = ChatClient(url=endpoint, model="m")

    async def ask() -> list[str]:
        messages = [{"role": "user", "content": "a"}]
        both = await asyncio.gather(client.acomplete(messages), client.acomplete(messages))
        return [client("a"), *(reply.text for reply in both)]

    assert len(set(asyncio.run(ask()))) == 1


def test_what_is_no_endpoint_is_refused() -> None:
    for url in ("localhost:1", "http://x:port/v1", "http://[::1/v1", "http://" + "x" * 64 + "/v1"):
        with pytest.raises(ConfigError, match="no http address"):
            ChatClient(url=url, model="x")
    with pytest.raises(ConfigError, match="holds a user or password") as raised:
        ChatClient(url="http://me:hush@x/v1", model="x")
    assert "hush" not in str(raised.value)
    with pytest.raises(ConfigError, match="no NOT_THERE"):
        ChatClient(url="http://x", model="x", key_env="NOT_THERE")
    with pytest.raises(ConfigError, match="timeout is nan"):
        ChatClient(url="http://x", model="x", timeout=float("nan"))
    with pytest.raises(EndpointError, match="no reply"):
        ChatClient(url="http://127.0.0.1:9/v1", model="x", timeout=5)("a question")


def test_a_connection_is_kept_and_opened_anew_where_the_server_closes_it() -> None:
    ports, targets = [], []
    answer = json.dumps({"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (answer[:9], answer[9:])) + b"0\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.append(writer.get_extra_info("peername")[1])
        for _ in range(2):  # then it closes, without a word
            head = await reader.readuntil(b"\r\n\r\n")
            targets.append(head.split(b" ", 2)[1])
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")
            )
            await reader.readexactly(length)
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        writer.close()

    async def ask() -> list[str]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a b/?version=1"
        async with server, ChatClient(url=url, model="m").connection() as connection:
            texts = []
            for _ in range(4):
                texts.append((await connection.complete([{"role": "user", "content": "2+2?"}])).text)
                await asyncio.sleep(0.01)  # the loop sees that it was closed
            return texts

    assert asyncio.run(ask()) == ["4"] * 4
    assert len(ports) == 2
    assert set(targets) == {b"/a%20b/chat/completions?version=1"}
