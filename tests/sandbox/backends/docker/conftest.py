"""What the tests of the docker backend share: an engine that can be made to hang, and a look at what is left."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from r1_reward.sandbox.backends.docker_engine import engine
from r1_reward.sandbox.backends.leaks import LABEL


class Proxy:
    """Stands before the real engine and passes bytes on, until it is told to hang or to break off."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hanging = threading.Event()
        self._ended = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []

    def up(self) -> None:
        """Answer."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._spawn(self._accept, self._listener)

    def down(self) -> None:
        """Break every connection off and answer no more, as an engine does that is stopped."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
            self.path.unlink()
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        self.hanging.clear()
        self._ended.set()
        self.down()
        for thread in self._threads:
            thread.join(10)

    def _spawn(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect("/var/run/docker.sock")
            self._open |= {near, far}
            self._spawn(self._relay, near, far)

    def _relay(self, near: socket.socket, far: socket.socket) -> None:
        with near, far, contextlib.suppress(OSError):
            while not self._ended.is_set():
                for ready in select.select([near, far], [], [], 0.1)[0]:
                    while self.hanging.is_set():
                        time.sleep(0.01)
                    data = ready.recv(65536)
                    if not data:
                        return
                    (far if ready is near else near).sendall(data)
        self._open -= {near, far}


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The engine, by way of something that can fail."""
    made = Proxy(tmp_path / "engine.sock")
    made.up()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{made.path}")
    yield made
    monkeypatch.undo()
    made.end()


@pytest.fixture
def containers() -> Callable[[int], list[str]]:
    """The containers of the process with that id."""

    def of(pid: int) -> list[str]:
        with engine() as client:
            result = client.containers(all=True, filters={"label": LABEL})
        return [each["Id"] for each in result if each["Labels"][LABEL].split()[1] == str(pid)]

    return of
