"""A real `r1-reward view` in a process of its own, on a free port of 127.0.0.1."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest


class View:
    """A server that runs."""

    def __init__(self, folder: Path, index: Path) -> None:
        code = "from r1_reward.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "view", str(folder), "--port", "0", "--index", str(index)],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        address = re.search(r"http://\S+", line)
        assert address, line + self.process.stderr.read()
        self.address = address[0]

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; a path that begins with `/` is not below the secret."""
        parts = urlsplit(self.address)
        connection = http.client.HTTPConnection("127.0.0.1", parts.port or 0, timeout=60)
        try:
            connection.request(method, path if path.startswith("/") else parts.path + path, headers=headers)
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Its exit status and what else it said."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said

    def close(self) -> None:
        """End it whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def view(tmp_path: Path) -> Iterator[Callable[[Path], View]]:
    """Starts servers, and ends them with the test."""
    started: list[View] = []

    def start(folder: Path) -> View:
        started.append(View(folder, tmp_path / "index"))
        return started[-1]

    yield start
    for server in started:
        server.close()
