"""A channel to an agent that is a child process of ours, over a pair of pipes."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence

from ..errors import SandboxError

_READ = 1 << 20


class ProcessChannel:
    """Speaks to a child; its end is the end of the channel. One thread speaks at a time; any may kill it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], patience: float = 0) -> None:
        """Start the child, in a session of its own, with nothing of our environment. Raises SandboxError.

        A child that has something to put away is asked to end, and killed only after `patience` seconds.
        """
        self._patience = patience
        try:
            self._child = subprocess.Popen(  # noqa: S603 - the command is ours
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                bufsize=0,
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            raise SandboxError(f"the agent could not be started: {error}") from error
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._in, self._out = self._child.stdin.fileno(), self._child.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._writable, self._readable = select.poll(), select.poll()
        self._writable.register(self._in, select.POLLOUT)
        self._readable.register(self._out, select.POLLIN)
        self._held = bytearray()
        self._in_use = threading.Lock()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    def send(self, data: bytes, deadline: float) -> None:
        """Send it all before `deadline` (time.monotonic()). Raises SandboxError where the agent is gone or deaf."""
        view = memoryview(data)
        with self._in_use:
            while view:
                try:
                    view = view[os.write(self._in, view) :]
                except BlockingIOError:
                    self._wait(self._writable, deadline)
                except OSError as error:
                    raise SandboxError(f"the agent is gone: {error}") from error

    def receive(self, size: int, deadline: float) -> bytes:
        """Exactly `size` bytes. Raises SandboxError where the agent is gone, or at the deadline."""
        held = self._held
        with self._in_use:
            while len(held) < size:
                self._wait(self._readable, deadline)
                try:
                    part = os.read(self._out, _READ)
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise SandboxError(f"the agent is gone: {error}") from error
                if not part:
                    raise SandboxError("the agent is gone")
                held += part
        data = bytes(held[:size])
        del held[:size]
        return data

    @staticmethod
    def _wait(poll: select.poll, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise SandboxError("the agent did not answer in time")

    def kill(self) -> None:
        """End the agent and everything behind its isolation, and wait until it is gone; never raises."""
        if self._child.poll() is None and self._patience:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(self._patience)
        if self._child.returncode is None:
            try:
                os.killpg(self._child.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self._child.kill()
            self._child.wait()
        # A thread that speaks on it now sees its end; only then may the numbers of these descriptors be used anew.
        with self._in_use:
            for stream in (self._child.stdin, self._child.stdout):
                if stream is not None:
                    stream.close()
            self._in = self._out = -1
