"""A real server in a process of its own, on a free port of 127.0.0.1."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

TOUCHY = """
import os, signal, time
from r1_reward.verifiers import Reason, Verdict

class Touchy:
    '''Does to its own process what the response says.'''
    name = "touchy"

    def __call__(self, samples):
        for sample in samples:
            word, _, rest = sample.response.partition(" ")
            if word == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if word == "hang":
                time.sleep(600)
            if word == "sleep":
                time.sleep(float(rest))
            if word == "broken":
                return [Verdict.error(Reason.SANDBOX_UNAVAILABLE, "no sandbox") for _ in samples]
        return [Verdict.scored(0.5, Reason.MEASURED) for _ in samples]
"""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body, parse_constant=pytest.fail)

    @property
    def reason(self) -> str:
        """The word of an error, whose sentence must be there too."""
        assert self.json["error"]["detail"]
        return str(self.json["error"]["reason"])


class Server:
    """A server that runs."""

    def __init__(self, folder: Path, *args: str, environment: dict[str, str] | None = None) -> None:
        code = "import sys; sys.path.insert(0, '.'); from r1_reward.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "serve", "--port", "0", *args],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.said: list[str] = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if match := re.search(r"https?://127\.0\.0\.1:(\d+)", line):
                self.port = int(match[1])
                break
        else:
            raise AssertionError("".join(self.said))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(self.process.stderr)

    def ask(self, path: str, value: object = None, method: str = "POST", **headers: str) -> Answer:
        """Ask once, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        kind = {"content-type": "application/json"} if value is not None else {}
        argument = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, {**kind, **argument})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """A connection to write into by hand."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Stop it as a system would, and tell its exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        status = self.process.wait(120)
        self._reader.join(10)
        return status

    def close(self) -> None:
        """End it whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()


Serve = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers, and ends them with the test."""
    (tmp_path / "touchy_rewards.py").write_text(TOUCHY, encoding="utf-8")
    started: list[Server] = []

    def start(*args: str, **value: Any) -> Server:
        started.append(Server(tmp_path, *args, **value))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a module that leave it as it was; it must have survived them all."""
    folder = tmp_path_factory.mktemp("server")
    running = Server(folder, "--reward", "math,format", "--workers", "2", "--max-body-mb", "1", "--max-rows", "64")
    yield running
    assert running.ask("/healthz", method="GET").status == 200
    assert running.end() == 0
    assert not [line for line in running.said if "Traceback" in line or "Error" in line], running.said
    running.close()
