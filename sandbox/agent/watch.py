"""One command under way: its pipes, its bounds, what ended it; runs inside the isolation, as a part of the agent.

Output is read as it comes and never held beyond its bound. The limit on time is on processor time of all that was
started, as the kernel counts it. Wall time has a bound of its own, which is wider: a program that neither computes nor
waits for a processor for most of the first is out of time as soon as its wall time is as long (it sleeps, or hangs);
at the second it is out of time, too, unless the kernel reports that it waited for a processor for most of what it
lacks: then the machine was busy, which says nothing about the program. Memory and disk are looked at every `TICK`
seconds, so a quick program can overshoot for that long; behind it stand the kernel's bounds: resource limits, the size
of a tmpfs, cgroups where a backend has them.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import select
import sys
import time

from . import jail
from .child import Start
from .codec import MAX_BYTES
from .linux import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol

    class Agent(Protocol):
        """What a command needs of the agent (serve.py)."""

        jail: jail.Jail
        host: int
        deaths: int
        null: int
        environment: dict[str, str]
        program_folder: str
        run_folder: str

        def command(
            self, argv: Sequence[str] | None, *, harness: bool, fork: bool
        ) -> tuple[list[str], list[str] | None]: ...

        def bounds(self, limits: dict[str, Any]) -> Sequence[tuple[int, tuple[int, int]]]: ...

        def send(self, header: dict[str, Any], blobs: Sequence[bytes] = ()) -> None: ...

        def goes_on(self, report: dict[str, Any], blobs: Sequence[bytes]) -> bool: ...


TICK = 0.02
"""Seconds between two looks at memory and disk."""
_ERR_TIMES = 16
"""A program is ended where it writes so many times more to standard error than it may to standard output."""
_PROCESSORS = os.cpu_count() or 1
_CLOCK = 0.02
"""Seconds by which two clocks of the kernel differ."""
_PIPE = 65536
_NONCE = 16
_MIB = 1 << 20


class GoneError(Exception):
    """The host closed our input."""


class WatchedCommand:
    """What is known of a command while it runs; `ended` is empty until something has ended it."""

    shares = False
    """Whether what it starts serves several calls."""

    def __init__(self, agent: Agent, header: dict[str, Any], blobs: list[bytes]) -> None:
        self.agent, self.header, self.limits = agent, header, header["limits"]
        self.stdin, self.call, self.test, self.secret = blobs[:4]
        self.usage = jail.Usage()
        self.processes: list[jail.Process] = []
        self.out: list[bytes] = []
        self.err: list[bytes] = []
        self.room: int = self.limits["output_bytes"]
        self.err_room = _ERR_TIMES * self.room  # what is beyond the bound itself is read and dropped
        self.cut = self.loaded = False
        self.ended = ""
        self.status = self.peak = 0
        self.value: bytes | None = None
        self.seconds = self.waited = 0.0
        self._began = 0.0
        self._cpu_before = 0.0
        self._answer = bytearray()
        self._owned: set[int] = set()  # descriptors to close, whatever happens
        self._then: dict[int, Callable[[], bool]] = {}  # what to do when one is ready; True where there may be more
        self._poll = select.poll()
        self._disk_before = agent.jail.used_disk()

    def go(self) -> bool:
        """Start it, follow it to its end, end what is left; whether everything of it is gone."""
        self._began = time.monotonic()
        self.agent.jail.mark(self.usage)
        try:
            self._start()
            self._follow()
        finally:
            clean = self._finish()
            self.seconds = time.monotonic() - self._began
        self._judge_bounds()
        return clean

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._owned.update(ends)
        return ends

    def _socketpair(self) -> tuple[int, int]:
        near, far = _socket.socketpair()
        ends = near.detach(), far.detach()
        self._owned.update(ends)
        return ends

    def _close(self, descriptor: int) -> None:
        if self._then.pop(descriptor, None):
            self._poll.unregister(descriptor)
        self._owned.remove(descriptor)
        os.close(descriptor)

    def _watch(self, descriptor: int, then: Callable[[], bool], events: int = select.POLLIN) -> None:
        os.set_blocking(descriptor, False)
        self._then[descriptor] = then
        self._poll.register(descriptor, events)

    def _start(self) -> None:
        out, out_end = self._pipe()
        err, err_end = self._pipe()
        stdin_end, stdin = self._pipe()
        pipes = stdin_end, out_end, err_end
        for end in pipes:
            # The program is another user, and may open its own ends again by name: /dev/stdin is a usual way to read.
            try:
                os.fchmod(end, 0o666)
            except PermissionError:  # gVisor: there, those names stay shut
                pass
        self._watch(out, lambda: self._read(out))
        self._watch(err, lambda: self._read_errors(err))
        if not self.call:
            self._spawn(self.header["argv"], pipes, -1, self._secret_end())
        else:
            self._start_harness(pipes)
        for end in pipes:
            self._close(end)
        self._feed(stdin)

    def _start_harness(self, pipes: tuple[int, int, int]) -> None:
        nonce = os.urandom(_NONCE)
        result, result_end = self._pipe()
        self._watch(result, lambda: self._listen(result, nonce))
        near, far = self._socketpair()
        self._spawn(self.header["argv"], pipes, far)
        if not self.test:
            self._converse(near, self.call, nonce, [result_end])
            return
        # Two processes: the program, which answers calls, and the test process, which alone can give the result.
        link, far_link = self._socketpair()
        self._converse(near, self.call, os.urandom(_NONCE), [link])
        null = self.agent.null
        near, far = self._socketpair()
        self._spawn(None, (null, null, null), far)
        self._converse(near, self.test, nonce, [result_end, far_link])

    def _secret_end(self) -> int:
        """The end of a pipe in which the secret lies, where there is one."""
        if not self.secret:
            return -1
        end, entry = self._pipe()
        os.write(entry, self.secret)  # a few bytes, which a pipe takes at once
        self._close(entry)
        try:
            os.fchmod(end, 0o444)
        except PermissionError:  # gVisor
            pass
        return end

    def _spawn(self, argv: Sequence[str] | None, pipes: tuple[int, int, int], control: int, secret: int = -1) -> None:
        """The command, or the test process where `argv` is None."""
        what = Start()
        agent = self.agent
        what.argv, what.inside = agent.command(argv, harness=bool(self.call), fork=self.header["fork"])
        what.environment = agent.environment
        what.stdin, what.stdout, what.stderr = pipes
        what.control, what.secret = control, secret
        what.build = self.header["build"]
        what.share = self.shares
        what.folder = agent.program_folder if what.build else agent.run_folder
        what.limits = agent.bounds(self.limits)
        what.disk = int(self.limits["disk_mb"] * _MIB)
        self.processes.append(agent.jail.start(what))
        for end in (control, secret):
            if end >= 0:
                self._close(end)

    def _feed(self, descriptor: int) -> None:
        """Give it its input: at once where that fits, else as it reads."""
        view = memoryview(self.stdin)
        if len(view) > _PIPE:
            try:
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, min(len(view) + 1, _MIB))
            except OSError:  # it will take a few turns more
                pass

        def more() -> bool:
            nonlocal view
            try:
                while view:
                    view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                return True
            except BrokenPipeError:  # it does not want to read it all
                pass
            self._close(descriptor)
            return False

        os.set_blocking(descriptor, False)
        if more():
            self._watch(descriptor, more, select.POLLOUT)

    def _read(self, descriptor: int) -> bool:
        try:
            data = os.read(descriptor, min(_PIPE, self.room + 1))
        except BlockingIOError:
            return False
        if not data:
            self._close(descriptor)
            return False
        if len(data) > self.room:
            data = data[: self.room]
            self.cut = True
            self.ended = self.ended or "output"
        self.room -= len(data)
        self.out.append(data)
        return not self.cut

    def _read_errors(self, descriptor: int) -> bool:
        """Standard error is no output: what is too much of it is dropped, and only very much ends the program."""
        try:
            data = os.read(descriptor, _PIPE)
        except BlockingIOError:
            return False
        if not data:
            self._close(descriptor)
            return False
        kept = max(0, self.err_room - (_ERR_TIMES - 1) * self.limits["output_bytes"])
        self.err_room -= len(data)
        if self.err_room < 0:
            self.ended = self.ended or "output"
            return False
        if kept:
            self.err.append(data[:kept])
        return True

    def _converse(self, control: int, request: bytes, nonce: bytes, ends: list[int]) -> None:
        """Send the request, and once the program is loaded the nonce and the descriptors, which are then not ours."""
        view = memoryview(len(request).to_bytes(4, "big") + request)
        program = len(self.processes) == 1

        def speak() -> bool:
            nonlocal view
            try:
                if view:
                    while view:
                        view = view[os.write(control, view) :]
                    self._poll.modify(control, select.POLLIN)
                said = os.read(control, 1)
            except BlockingIOError:
                return False
            except OSError:
                said = b""
            if said == b"L":
                self.loaded = self.loaded or program
                packed = b"".join(end.to_bytes(4, sys.byteorder) for end in ends)
                socket = _socket.socket(fileno=control)
                try:
                    socket.sendmsg([nonce], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])
                except OSError:  # it ended in between
                    pass
                socket.detach()
            for end in (*ends, control):
                self._close(end)
            return False

        self._watch(control, speak, select.POLLIN | select.POLLOUT)
        speak()

    def _listen(self, descriptor: int, nonce: bytes) -> bool:
        """Collect the answer; it counts when it is whole and begins with the nonce."""
        try:
            data = os.read(descriptor, _MIB)
        except BlockingIOError:
            return False
        answer, head = self._answer, _NONCE + 4
        answer += data
        if len(answer) >= head:
            size = int.from_bytes(answer[_NONCE:head], "big")
            if answer[:_NONCE] != nonce or size > MAX_BYTES + _PIPE:
                data = b""  # not from the harness: hear no more of it
            elif len(answer) >= head + size:
                self.value = bytes(answer[head : head + size])
                return False
        if not data:
            self._close(descriptor)
        return bool(data)

    def _follow(self) -> None:
        """Until it ends or a bound is reached."""
        agent = self.agent
        self._poll.register(agent.deaths, select.POLLIN)
        self._poll.register(agent.host, 0)  # its end shows without asking
        look = self._began + TICK
        self._next_check = self._began + self._soonest(0.0)
        while not self.ended and not self._complete():
            now = time.monotonic()
            if now >= self._next_check:
                self._check_time(now)
                continue
            if now >= look:
                self._look()
                look = time.monotonic() + TICK
                continue
            for descriptor, _ in self._poll.poll(max(0.0, min(self._next_check, look) - now) * 1000):
                if descriptor == agent.deaths:
                    os.read(agent.deaths, 512)
                    self._count_the_dead()
                elif descriptor == agent.host:
                    raise GoneError
                elif descriptor in self._then:
                    self._then[descriptor]()

    def _complete(self) -> bool:
        return self.value is not None

    def _soonest(self, used: float) -> float:
        """After how many seconds the limit on processor time may be reached, with all processors at work."""
        left: float = self.limits["time_s"] - used
        return max(left / _PROCESSORS, 0.002)

    def cpu(self) -> float:
        """Processor time so far, of all that was started."""
        return self.usage.cpu_seconds + self.agent.jail.cpu_seconds(self.processes)

    def _check_time(self, now: float) -> None:
        """Whether it is out of time; see above."""
        limit: float = self.limits["time_s"]
        elapsed, used = now - self._began, self.cpu() - self._cpu_before
        if used >= limit:
            self.ended = "time"
            return
        self._next_check = now + self._soonest(used)
        if elapsed < limit:
            self._next_check = min(self._next_check, self._began + limit)
            return
        waited, at_work = self.agent.jail.waits(self.processes)
        self.waited = max(self.waited, waited)
        self._count_the_dead()
        if self.ended:  # while we looked
            return
        if not at_work and used + self.waited < elapsed / 2:
            self.ended = "time"  # it sleeps, or hangs
        elif elapsed >= self.limits["wall_s"]:
            self.ended = "busy" if self.waited >= (elapsed - used) / 2 else "time"
        else:
            self._next_check = min(self._next_check, self._began + self.limits["wall_s"])

    def _count_the_dead(self) -> None:
        for index, process in enumerate(self.processes):
            status = self.agent.jail.ended(process, self.usage) if process.pid else None
            if status is None:
                continue
            signalled = os.WIFSIGNALED(status)
            if index == 0:
                self.status = os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status)
                # A separate test that has begun goes on without the program: its calls fail, and it says so.
                if self.test and self.loaded and self.processes[1].pid:
                    continue
            self.ended = self.ended or ("signal" if signalled else "exit")

    def _look(self) -> None:
        jailed = self.agent.jail
        limit = self.limits["memory_mb"] * _MIB
        self.peak = max(self.peak, jailed.memory(self.processes, limit, jailed.used_disk() - self._disk_before))
        if self.peak > limit:
            self.ended = "memory"
        elif self._disk_over():
            self.ended = "disk"

    def _disk_over(self) -> bool:
        bound: float = self.limits["disk_mb"] * _MIB
        return self.agent.jail.used_disk() - self._disk_before > bound

    def _finish(self) -> bool:
        clean = self.agent.jail.finish(self.processes, self.usage)
        for descriptor, then in list(self._then.items()):
            while descriptor in self._then and not self._complete() and then():
                pass  # what was written before the end is still in the pipe
        for descriptor in self._owned:
            os.close(descriptor)
        self._owned.clear()
        return clean

    def _used(self) -> float:
        """Processor time, when all has been waited for."""
        return self.usage.cpu_seconds

    def _judge_bounds(self) -> None:
        """Name the bound that ended it where the kernel was quicker than a look."""
        self.peak = max(self.usage.memory, self.peak)
        limit = self.limits["memory_mb"] * _MIB
        if self.value is not None and self.ended in ("", "exit", "signal"):
            self.ended, self.status = "exit", 0
            if self._used() > self.limits["time_s"] + _CLOCK:
                self.ended, self.value = "time", None
        elif self.ended in ("exit", "signal"):
            if self._used() > self.limits["time_s"] + _CLOCK:
                self.ended = "time"
                return
            killed = self.ended == "signal" and self.status == signal.SIGKILL
            if self.peak > limit or (killed and self.peak > limit * 0.7):
                self.ended = "memory"
            elif self._disk_over() or (self.ended == "signal" and self.status == signal.SIGXFSZ):
                self.ended = "disk"
