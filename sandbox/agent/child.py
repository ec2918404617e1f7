"""What a new process does before it runs a program: gives up everything, in the right order; runs inside the isolation.

A process begins as a copy of the agent, which then executes the command, or as a copy of the zygote (zygote.py), which
already is the interpreter that the program is to run in.
"""

from __future__ import annotations

import _socket
import os
import resource
import sys

from . import landlock, linux, meters, seccomp
from .linux import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

CONTROL = 3
"""The descriptor of the harness's control socket, where there is one."""
SECRET = 3
"""The descriptor on which test code finds what only it shall know; never together with a control socket."""
_SCRATCH_INODES = 16384
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class Start:
    """What to start, and as whom."""

    __slots__ = (
        "argv",
        "build",
        "control",
        "disk",
        "environment",
        "folder",
        "inside",
        "limits",
        "report",
        "scratch",
        "secret",
        "share",
        "stderr",
        "stdin",
        "stdout",
        "uid",
        "work",
    )

    argv: list[str]
    environment: dict[str, str]
    folder: str
    stdin: int
    stdout: int
    stderr: int
    control: int
    secret: int
    report: int  # where the first process of a namespace reports; -1 where the process has none of its own
    limits: Sequence[tuple[int, tuple[int, int]]]
    inside: list[str] | None  # `harness SCRIPT` or `script SCRIPT ...`: what a copy of the zygote does instead
    build: bool
    share: bool
    disk: int
    uid: int
    work: str
    scratch: Sequence[str]


def execute(what: Start) -> NoReturn:
    """Become the program."""
    try:
        if what.report >= 0:
            _first_process(what)
        become(what)
        # The interpreter ignores these two, and what it starts would inherit that.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execve(what.argv[0], what.argv, what.environment)  # noqa: S606 - no shell is wanted
    except BaseException as error:  # noqa: BLE001 - a child must never go on as a second agent
        os.write(2, f"could not start: {error}\n".encode())
    finally:
        os._exit(126)
    raise AssertionError("not reached")


def take_over(what: Start) -> None:
    """Be ready to run a program in this interpreter; returns in the process that is to run it, and nowhere else."""
    try:
        if what.report >= 0:
            _first_process(what)
        become(what)
        linux.close_from(CONTROL + (what.control >= 0 or what.secret >= 0))
        linux.prctl(linux.PR_SET_DUMPABLE, 1)  # as after an exec: its own /proc/self is open to it, and to us
    except BaseException as error:  # noqa: BLE001 - a child must never go on as a second zygote
        os.write(2, f"could not start: {error}\n".encode())
        os._exit(126)


def become(what: Start) -> None:
    """Take the descriptors, bounds and user of the program. The order matters: what is given up last is needed until
    then."""
    os.setsid()
    os.dup2(what.stdin, 0)
    os.dup2(what.stdout, 1)
    os.dup2(what.stderr, 2)
    if what.control >= 0:
        os.dup2(what.control, CONTROL)
    elif what.secret >= 0:
        os.dup2(what.secret, SECRET)
    _first_to_be_killed()
    for name, bounds in what.limits:
        resource.setrlimit(name, bounds)
    if what.uid >= 0:
        os.setresgid(what.uid, what.uid, what.uid)
        os.setresuid(what.uid, what.uid, what.uid)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.chdir(what.folder)


def _first_to_be_killed() -> None:
    """Where the kernel runs out of memory it shall end a program, and not the agent."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
    except OSError:  # a sandbox without such a file
        pass


def _first_process(what: Start) -> None:
    """Process 1 of a namespace: make it ready, start the program's process, in which this returns, tell how that ended,
    and end it all."""
    try:
        linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
        if what.build:  # a mount of its own, which stays writable
            program = f"{what.work}/prog"
            linux.mount(program, program, None, linux.MS_BIND)
        flags = linux.MS_BIND | linux.MS_REMOUNT | linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV
        linux.mount(what.work, what.work, None, flags)
        size = f"mode=1777,size={what.disk},nr_inodes={_SCRATCH_INODES}"
        for place in (f"{what.work}/run", *what.scratch):
            linux.mount("scratch", place, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, size)
        if what.share:  # the agent is to empty between calls what it cannot see
            _send_folders(what.report, (f"{what.work}/run", *what.scratch))
        writable = [f"{what.work}/run", *what.scratch, *([f"{what.work}/prog"] if what.build else [])]
        landlock.restrict(writable, list(_DEVICES))
        linux.keep_capabilities(0)
        seccomp.install()
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        pid = os.fork()
        if not pid:
            return
    except BaseException:  # noqa: BLE001 - a child must never go on as a second agent
        os._exit(127)
    try:
        for number in range(3):
            os.dup2(os.open("/dev/null", os.O_RDWR), number)
        keep = os.dup2(what.report, 3)
        linux.close_from(4)
        while True:
            ended, status, used = os.wait4(-1, 0)
            if ended == pid:
                break
        alive = [pid for name in os.listdir("/proc") if name.isdigit() and (pid := int(name)) > 1]
        orphans = resource.getrusage(resource.RUSAGE_CHILDREN)  # the program is one of those that were waited for
        seconds = orphans.ru_utime + orphans.ru_stime + meters.cpu_seconds(alive)
        os.write(keep, f"{status} {seconds} {used.ru_maxrss} {len(alive)}".encode())
    finally:
        os._exit(127)


def _send_folders(descriptor: int, paths: Sequence[str]) -> None:
    """Hand folders of our own mount namespace to the agent, which has not got them."""
    folders = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in paths]
    packed = b"".join(folder.to_bytes(4, sys.byteorder) for folder in folders)
    socket = _socket.socket(fileno=descriptor)
    socket.sendmsg([b"f"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])
    socket.detach()
    for folder in folders:
        os.close(folder)
