"""The attached standard input and output of a container, as a channel.

The engine carries standard output and standard error over one connection, in frames of eight bytes of heading (stream,
three zeros, big-endian length) and a payload. Frames and messages do not line up: one may hold half a message or
several. Standard error is kept for the message when the agent dies, and is never part of the protocol.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from ..errors import SandboxError

_STDOUT, _STDERR = 1, 2
_HEADING = 8
_KEPT = 2000
"""Bytes of standard error that are kept, the last ones."""
_CHUNK = 1 << 16


class AttachedChannel:
    """A channel (session.py) over the connection that attaching to a container gave.

    `end` closes the connection (the agent's end of input), removes the container and waits until it is gone; it must
    not raise.
    """

    def __init__(self, connection: socket.socket, end: Callable[[], None], name: str) -> None:
        self._connection = connection
        self._end = end
        self._name = name
        self._raw = bytearray()
        self._out = bytearray()
        self._err = bytearray()
        self._left = 0  # bytes of the current frame still to come
        self._stream = _STDOUT
        self._killed = False

    def send(self, data: bytes, deadline: float) -> None:
        """Send it all before `deadline` (time.monotonic()). Raises SandboxError where the agent is gone or deaf."""
        try:
            self._connection.settimeout(_left(deadline))
            self._connection.sendall(data)
        except TimeoutError:
            raise SandboxError(f"{self._name}: the agent did not take its input in time") from None
        except OSError as error:
            raise SandboxError(f"{self._name}: the agent is gone ({error}){self._last_words()}") from error

    def receive(self, size: int, deadline: float) -> bytes:
        """Exactly `size` bytes. Raises SandboxError where the agent is gone, or at the deadline."""
        while len(self._out) < size:
            try:
                self._connection.settimeout(_left(deadline))
                chunk = self._connection.recv(_CHUNK)
            except TimeoutError:
                raise SandboxError(f"{self._name}: the agent did not answer in time{self._last_words()}") from None
            except OSError as error:
                raise SandboxError(f"{self._name}: the agent is gone ({error}){self._last_words()}") from error
            if not chunk:
                raise SandboxError(f"{self._name}: the agent is gone{self._last_words()}")
            self._raw += chunk
            self._unframe()
        taken = bytes(self._out[:size])
        del self._out[:size]
        return taken

    def kill(self) -> None:
        """End the agent and everything behind its isolation, and wait until it is gone; never raises."""
        if self._killed:
            return
        self._killed = True
        self._end()

    def _unframe(self) -> None:
        """Move what has come from the raw bytes to the stream it belongs to."""
        at, end = 0, len(self._raw)
        view = memoryview(self._raw)
        try:
            while True:
                if not self._left:
                    if end - at < _HEADING:
                        break
                    self._stream = view[at]
                    self._left = int.from_bytes(view[at + 4 : at + _HEADING], "big")
                    at += _HEADING
                taken = min(self._left, end - at)
                if not taken and self._left:
                    break
                if self._stream == _STDOUT:
                    self._out += view[at : at + taken]
                elif self._stream == _STDERR:
                    self._err += view[at : at + taken]
                else:
                    raise SandboxError(f"{self._name}: the engine sent a frame of stream {self._stream}")
                at += taken
                self._left -= taken
        finally:
            view.release()
            del self._raw[:at]
            del self._err[:-_KEPT]

    def _last_words(self) -> str:
        text = self._err.decode("utf-8", "replace").strip()
        return f"; it said: {text}" if text else ""


def _left(deadline: float) -> float:
    """Seconds until then; never zero, which would mean something else to a socket."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
