"""A clean interpreter that programs are forked from, so that none has to start one; runs inside the isolation.

It is started by the agent, and holds the harness, what programs import most often, and nothing else: it is sent user
ids, bounds and descriptors, and never a program, an input or a test, so a fork can find nothing of another submission
in its memory. Each fork is a child of the agent as if that had forked (CLONE_PARENT), gives up what it must not have
(child.py), and runs one program. What forks of one zygote share is where things lie in memory and the seed of hashes.

Where anything of this does not work (a sandbox's own kernel may know no CLONE_PARENT) the agent executes interpreters.
"""

from __future__ import annotations

import _socket
import gc
import marshal
import os
import resource
import sys

from . import harness, linux
from .child import CONTROL, Start, take_over
from .linux import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PRELOADED = (
    *("bisect", "collections", "collections.abc", "functools", "heapq", "itertools", "json", "math", "operator", "re"),
    *("string", "typing"),
)
"""What programs import most often. Not `random`, which is seeded where it is imported."""
_HIGH = 64
"""A descriptor above all that a fork uses."""
_STACK = 16 << 30
"""Room that is left for the stacks of forks, whose bounds are lower and are not known when the layout is decided."""
_PATIENCE = 10.0
_TRY, _TRY_SPACES, _TRIED = b"?", b"?spaces", 7
_SPACES = linux.CLONE_NEWPID | linux.CLONE_NEWNS


class ZygoteError(Exception):
    """There is no zygote, or none any more."""


class Zygote:
    """The agent's side of it."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], *, spaces: bool) -> None:
        """Start one, and see whether its forks become our children, with `spaces` in namespaces of their own. Raises
        ZygoteError."""
        near, far = (end.detach() for end in _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET))
        reads, writes = os.pipe()
        try:
            self.pid = os.fork()
            if not self.pid:
                _execute(argv, environment, (reads, writes, writes, far), spaces)
        except OSError as error:
            os.close(near)
            raise ZygoteError(str(error)) from error
        finally:
            for end in (far, reads, writes):
                os.close(end)
        self._socket = _socket.socket(fileno=near)
        self._socket.settimeout(_PATIENCE)
        self._children = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
        try:
            forked = self._ask(_TRY_SPACES if spaces else _TRY, ())
            if os.waitpid(forked, 0)[1] != _TRIED << 8 or not self.is_only_child():
                raise ZygoteError("its forks are not our children")
        except (OSError, ZygoteError) as error:
            self.end()
            raise ZygoteError(str(error)) from error

    def fork(self, what: Start) -> int:
        """Have it fork for a start with `inside`; the process id of our new child. Raises ZygoteError."""
        ends = [what.stdin, what.stdout, what.stderr]
        ends += [end for end in (what.control, what.secret, what.report) if end >= 0]
        has = [end >= 0 for end in (what.control, what.secret, what.report)]
        order = [what.inside, what.folder, list(what.limits), what.build, what.share, what.disk, what.uid, what.work]
        return self._ask(marshal.dumps([*order, list(what.scratch), has]), ends)

    def _ask(self, order: bytes, ends: Sequence[int]) -> int:
        packed = b"".join(end.to_bytes(4, sys.byteorder) for end in ends)
        try:
            self._socket.sendmsg([order], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)] if ends else [])
            answer = self._socket.recv(200)
        except OSError as error:
            raise ZygoteError(str(error)) from error
        if not answer.isdigit():
            raise ZygoteError(answer.decode("utf-8", "replace") or "it has ended")
        return int(answer)

    def is_only_child(self) -> bool:
        """Whether we have no other child. Children are only ever added to this list until we have waited for them."""
        with open(self._children, "rb", buffering=0) as file:
            return file.read(64).split() == [b"%d" % self.pid]

    def end(self) -> None:
        """End it, where it has not ended, and wait for that."""
        self._socket.close()
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def _execute(argv: Sequence[str], environment: Mapping[str, str], ends: Sequence[int], spaces: bool) -> None:
    try:
        os.setsid()
        for number, end in enumerate(ends):
            os.dup2(end, number)
        hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
        resource.setrlimit(resource.RLIMIT_STACK, (_STACK if hard < 0 else min(_STACK, hard), hard))
        os.setresuid(os.geteuid(), -1, -1)  # see jail.py: not that of the agent
        if spaces:
            linux.keep_over_exec(linux.capabilities())
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.execve(argv[0], list(argv), environment)  # noqa: S606 - no shell is wanted
    finally:
        os._exit(126)


def serve() -> Callable[[], object]:
    """Fork whenever the agent asks, until it is gone; returns in the forks, with what they are to do."""
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    os.dup2(CONTROL, _HIGH, inheritable=False)
    os.close(CONTROL)
    socket = _socket.socket(fileno=_HIGH)
    for name in PRELOADED:
        __import__(name)
    gc.collect()
    gc.freeze()  # forks share these pages for longer
    while True:
        order, ancillary, _, _ = socket.recvmsg(1 << 16, _socket.CMSG_SPACE(64))
        if not order:
            os._exit(0)
        packed = b"".join(data for _, _, data in ancillary)
        ends = [int.from_bytes(packed[i : i + 4], sys.byteorder) for i in range(0, len(packed), 4)]
        what = None if order in (_TRY, _TRY_SPACES) else _read(order, ends)
        try:
            spaces = _SPACES if order == _TRY_SPACES or (what is not None and what.report >= 0) else 0
            pid = linux.fork_into(linux.CLONE_PARENT | spaces)
        except OSError as error:
            socket.send(f"no fork: {error}".encode())
        else:
            if not pid:
                socket.detach()
                break
            socket.send(str(pid).encode())
        for end in ends:
            os.close(end)
    if what is None:
        os._exit(_TRIED)
    take_over(what)
    assert what.inside  # jail.py asks a zygote only for such
    kind, *words = what.inside
    if kind == "script":
        return lambda: harness.run_script(words)
    sys.argv[1:] = words
    return harness.main


def _read(order: bytes, ends: list[int]) -> Start:
    what = Start()
    what.inside, what.folder, what.limits, what.build, what.share, what.disk, what.uid, what.work, what.scratch, has = (
        marshal.loads(order)  # noqa: S302 - from the agent that started us
    )
    what.stdin, what.stdout, what.stderr, *rest = ends
    what.control, what.secret, what.report = (rest.pop(0) if one else -1 for one in has)
    return what
