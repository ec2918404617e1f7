"""Several calls of one program that is loaded once; runs inside the isolation, as a part of the agent.

The process that has loaded the program forks for each call, so that what one leaves in the program's variables is gone
before the next, and reports how the fork ended. Each call has the whole limit on time, the first with the loading. What
a call wrote and answered is reported at once; the host then asks for the next, or for no more.

A program that cannot be forked (its threads run on, it holds open files, it has written some) gets one call and is then
spent; the host starts it anew for the others.
"""

from __future__ import annotations

import _socket
import os
import select
import sys
import time

from .watch import WatchedCommand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NONCE = 16
_SHORT = 0.005
"""Seconds of a call that is not looked into: it can have used no more than that."""
_ENDED = 5
"""Bytes of a report: `E`, then the wait status."""


class WatchedCalls(WatchedCommand):
    """A command whose harness is asked to call functions, one after the other."""

    shares = True

    def __init__(self, agent: Any, header: dict[str, Any], blobs: list[bytes]) -> None:
        # any: the agent, and words and numbers of the host
        super().__init__(agent, header, blobs)
        self._requests = blobs[4:]
        self._index = 0
        self._stop = self._spent = False
        self._said = bytearray()
        self._unsent = memoryview(b"")
        self._control = -1
        self._nonce = b""
        self._result_ends: list[int] = []

    def _start_harness(self, pipes: tuple[int, int, int]) -> None:
        self._nonce = os.urandom(_NONCE)
        result, result_end = self._pipe()
        self._result = result
        self._watch(result, lambda: self._listen(result, self._nonce))
        near, far = self._socketpair()
        self._spawn(self.header["argv"], pipes, far)
        self._control = near
        self._result_ends = [result_end]
        self._say(self.call)
        self._watch(near, self._hear, select.POLLIN | select.POLLOUT)

    def _say(self, data: bytes) -> None:
        self._unsent = memoryview(bytes(self._unsent) + len(data).to_bytes(4, "big") + data)

    def _hear(self) -> bool:
        control = self._control
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(control, self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent = memoryview(b"")
        try:
            self._poll.modify(control, select.POLLIN | (select.POLLOUT if self._unsent else 0))
            said = os.read(control, 4096)
        except BlockingIOError:
            return False
        except OSError:
            said = b""
        if not said:
            self._close(control)
            return False
        self._said += said
        if not self.loaded and bytes(self._said[:1]) in (b"L", b"T"):
            self.loaded = True
            self._spent = self._said[:1] == b"T" or not self.agent.jail.can_share(self.processes[0])
            del self._said[:1]
            self._hand_over(control)
            self._say(self._requests[0])
            self._poll.modify(control, select.POLLIN | select.POLLOUT)
        if self.loaded and len(self._said) >= _ENDED and self._said[:1] == b"E":
            status = int.from_bytes(self._said[1:_ENDED], "big")
            del self._said[:_ENDED]
            self._end_call(status)
        return False

    def _hand_over(self, control: int) -> None:
        packed = b"".join(end.to_bytes(4, sys.byteorder) for end in self._result_ends)
        socket = _socket.socket(fileno=control)
        try:
            socket.sendmsg([self._nonce], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])
        except OSError:  # it ended in between
            pass
        socket.detach()
        for end in self._result_ends:
            self._close(end)
        self._result_ends = []

    def _complete(self) -> bool:
        return self._stop

    def _end_call(self, status: int) -> None:
        """A fork has ended: report its call, and begin the next."""
        for descriptor, then in list(self._then.items()):
            if descriptor != self._control:
                while descriptor in self._then and not self.ended and then():
                    pass  # what was written before the end is still in the pipe
        signalled = os.WIFSIGNALED(status)
        self.status = os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status)
        if time.monotonic() - self._began > _SHORT:
            self._look()
            if self.ended:
                return
        if self._index + 1 == len(self._requests) or self._spent:
            # The last is reported when all is cleared away.
            self.ended = "signal" if signalled and self.value is None else "exit"
            self._stop = True
            return
        report = self._report("signal" if signalled else "exit")
        if not self.agent.goes_on(report, self._blobs()):
            self._stop, self.ended = True, "exit"
            self._index = -1
            return
        self.agent.jail.wipe_between(self.processes[0])  # what a call writes is gone before the next, too
        self._index += 1
        self.value = None
        self._answer.clear()
        self.out.clear()
        self.err.clear()
        self.cut = False
        self.room = self.limits["output_bytes"]
        self.err_room = 16 * self.room
        self._began = time.monotonic()
        self.waited = 0.0
        self._cpu_before += report["cpu_seconds"]
        self._next_check = self._began + self._soonest(0.0)
        self._say(self._requests[self._index])
        self._poll.modify(self._control, select.POLLIN | select.POLLOUT)

    def _report(self, ended: str) -> dict[str, Any]:
        seconds = time.monotonic() - self._began
        if self.value is not None and ended == "signal":
            ended = "exit"
        return {
            "ended": ended,
            "status": self.status if self.value is None else 0,
            "seconds": seconds,
            "cpu_seconds": max(0.0, self.cpu() - self._cpu_before) if seconds > _SHORT else seconds,
            "waited": self.waited,
            "memory": self.peak,
            "cut": self.cut,
            "stray": 0,
            "answered": self.value is not None,
            "clean": True,
            "closing": False,
            "last": False,
        }

    def _used(self) -> float:
        return self.usage.cpu_seconds - self._cpu_before

    def _blobs(self) -> list[bytes]:
        return [b"".join(self.out), b"".join(self.err), self.value or b""]

    def report_last(self) -> None:
        """Report the call that was under way when it all ended, unless the host wanted no more."""
        if self._index < 0:
            return
        report = self._report(self.ended)
        report["last"] = True
        if self.ended not in ("exit", "signal"):
            report["answered"] = False
        self.agent.send(report, self._blobs())
