"""A chat server that does as it is told: replies, errors, cut streams, hanging; and that counts how busy it was kept.

In a thread of the tests, or as a process of its own: `python scripted.py SECONDS` prints its port, replies after so
many seconds with a right verdict, and answers GET with what it counted.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request."""

    text: str
    """The last message."""
    body: dict[str, Any]
    headers: dict[str, str]
    number: int
    """How many came before it."""

    @property
    def code(self) -> str:
        """The code that a verdict must repeat."""
        found = re.search(r'\{"code": "([0-9a-f]+)"', self.text)
        return found[1] if found else ""

    def shown(self, name: str) -> str:
        """What stands between the markers of that name."""
        found = re.search(rf"<<<{self.code} {name}>>>\n(.*?)\n<<<{self.code} end of {name}>>>", self.text, re.DOTALL)
        return found[1] if found else ""


@dataclass(frozen=True)
class Told:
    """One response: `text` as a chat completion, unless `raw` is given."""

    text: str | None = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0
    finish: str = "stop"
    raw: bytes | None = None
    cut: bool = False
    """Close the connection in the middle of the body."""
    tokens: tuple[int, int] | None = (100, 10)
    refusal: str | None = None


def verdict(asked: Asked, **values: object) -> Told:
    """A reply with the code of its question."""
    return Told(json.dumps({"code": asked.code, "reasons": "so", **values}))


class ScriptedServer:
    """Runs in a thread of its own; `with` ends it."""

    def __init__(self, script: Callable[[Asked], Told]) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.most = self.under_way = 0
        self.area, self.first, self.last = 0.0, 0.0, 0.0
        self._started = threading.Event()

    def __enter__(self) -> ScriptedServer:
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._end.wait()
        server.close()

    def mark(self, change: int) -> None:
        """Count how many requests are under way, over time."""
        now = time.perf_counter()
        self.first = self.first or now
        self.area += self.under_way * (now - (self.last or now))
        self.last = now
        self.under_way += change
        self.most = max(self.most, self.under_way)

    def counted(self) -> dict[str, float]:
        """Requests, those under way at most and on average."""
        return {"asked": len(self.asked), "most": self.most, "mean": self.area / ((self.last - self.first) or 1)}


class _Connection(asyncio.Protocol):
    def __init__(self, server: ScriptedServer) -> None:
        self._server, self._data = server, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while b"\r\n\r\n" in self._data:
            head, _, rest = self._data.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self._data = rest[length:]
            if lines[0].startswith("GET"):
                self._write(Told(raw=json.dumps(self._server.counted()).encode()))
                continue
            body = json.loads(rest[:length])
            text = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
            asked = Asked(text, body, headers, len(self._server.asked))
            self._server.asked.append(asked)
            self._server.mark(1)
            told = self._server.script(asked)
            asyncio.get_running_loop().call_later(told.after, self._answer, told)

    def _answer(self, told: Told) -> None:
        self._server.mark(-1)
        self._write(told)

    def _write(self, told: Told) -> None:
        if self._transport.is_closing():
            return
        message = {"role": "assistant", "content": told.text, "refusal": told.refusal}
        payload: dict[str, Any] = {"choices": [{"message": message, "finish_reason": told.finish}]}
        if told.tokens is not None:
            payload["usage"] = {"prompt_tokens": told.tokens[0], "completion_tokens": told.tokens[1]}
        body = told.raw if told.raw is not None else json.dumps(payload).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **told.headers}
        lines = [f"HTTP/1.1 {told.status} X", *(f"{name}: {value}" for name, value in headers.items())]
        self._transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        self._transport.write(body[: len(body) // 2] if told.cut else body)
        if told.cut:
            self._transport.close()


async def _alone(seconds: float) -> None:
    def script(asked: Asked) -> Told:
        told = verdict(asked, verdict="correct")
        return Told(told.text, after=seconds)

    server = ScriptedServer(script)
    serving = asyncio.create_task(server.serve())
    while not hasattr(server, "port"):
        await asyncio.sleep(0.01)
    print(server.port, flush=True)  # noqa: T201 - the parent reads it
    await serving


if __name__ == "__main__":
    asyncio.run(_alone(float(sys.argv[1])))
