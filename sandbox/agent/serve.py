"""The agent: runs inside an isolation, does what the host's session asks, one request at a time.

It is sent over its own standard input (see session.py), so an image needs nothing but python3 (3.9 or newer) and the
agent is always of the host's version. A frame is a length in four bytes, a JSON header that names the lengths of the
blobs, the blobs. The agent ends at the end of its input, and when nothing was asked of it for too long. It cannot be
read or traced by what it runs, holds no expected output, and reports only what it saw; it decides nothing.

Its parts: watch.py follows one command, jail.py starts and ends processes, of Python programs mostly as forks of
zygote.py, harness.py runs inside those, child.py and seccomp.py take away what they have no need of.
"""

from __future__ import annotations

import _frozen_importlib_external as _importlib
import errno
import fcntl
import gc
import marshal
import mmap
import os
import resource
import select
import stat
import sys

from . import jail, linux, script, seccomp
from .calls import WatchedCalls
from .linux import signal
from .watch import GoneError, WatchedCommand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    Header = dict[str, Any]  # plain values, at the edge where they are read

CAPABILITIES = ("DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID")
"""What the agent needs, as user 0 of its isolation, to give every process a user id of its own; of no use to those."""
_CAPABILITY_BITS = 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7
ENVIRONMENT = "etc/r1-reward-environment.json"
_FETCH_BYTES = 64 << 20
_STACK = 64 << 20
"""The least that a stack may grow to; the bound is that of memory."""
_MIB = 1 << 20
_INBOX = 1 << 20


class Inbox:
    """What the host sends, read into memory that no forked process has: programs of others pass through here."""

    def __init__(self, host: int) -> None:
        self._host = host
        self._memory = mmap.mmap(-1, _INBOX)
        try:
            self._memory.madvise(mmap.MADV_DONTFORK)
        except (AttributeError, OSError):  # a kernel or a sandbox that does not know it
            pass
        self._view = memoryview(self._memory)
        self._from = self._to = 0

    def empty(self) -> bool:
        """Whether all that was read has been used."""
        return self._from == self._to

    def _some(self, most: int) -> memoryview:
        """What is there of the next bytes, at least one."""
        if self._from == self._to:
            size = os.readv(self._host, [self._view])
            if not size:
                raise GoneError
            self._from, self._to = 0, size
        part = self._view[self._from : min(self._to, self._from + most)]
        self._from += len(part)
        return part

    def take(self, size: int) -> bytes:
        """The next bytes."""
        parts = []
        while size:
            part = bytes(self._some(size))
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def pour(self, size: int, file: int) -> None:
        """Write the next bytes to a file, without a copy of ours."""
        while size:
            part = self._some(size)
            size -= len(part)
            while part:
                part = part[os.write(file, part) :]


class Agent:
    """What lasts from one request to the next."""

    def __init__(self, config: Header, host: int, answers: int) -> None:
        self.host, self._answers, self._idle = host, answers, float(config["idle_s"])
        self._inbox = Inbox(host)
        work: str = config["work"]
        scratch: list[str] = config["scratch"]
        self.program_folder, self.run_folder = f"{work}/prog", f"{work}/run"
        self.environment = {
            "PATH": config["path"],
            "HOME": self.run_folder,
            "TMPDIR": scratch[0] if scratch else self.run_folder,
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            # One thread for linear algebra: programs are bounded by processor time.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.null = os.open("/dev/null", os.O_RDWR)
        self._commands: dict[str, str] = {}
        self._bounds: dict[tuple[float, ...], Sequence[tuple[int, tuple[int, int]]]] = {}
        mode: str = config["mode"]
        if mode == "auto":
            mode = "uid" if linux.capabilities() & _CAPABILITY_BITS == _CAPABILITY_BITS else "plain"
        self.jail = jail.Jail(mode, work, scratch, (config["first_uid"], config["uids"]))
        os.umask(0o022)
        # The sticky bit also keeps others from leaving attributes on the folder.
        for folder, bits in ((work, 0o755), (self.program_folder, 0o755), (self.run_folder, 0o1777)):
            os.makedirs(folder, exist_ok=True)
            os.chmod(folder, bits)
        self.made: dict[str, bytes] = {}
        self._harness, self._script = f"{work}/harness.pyc", f"{work}/start.pyc"
        for name, starter in (("harness", script.HARNESS), ("start", script.START), ("zygote", script.ZYGOTE)):
            made = config[name]
            if not isinstance(made, bytes):
                parts = dict(sys.modules["r1agent"].parts)
                made = script.file(starter, [(each, parts[each]) for each in made], _importlib.MAGIC_NUMBER)
                self.made[name] = made
            _write(f"{work}/{name}.pyc", made)
        python = [sys.executable, "-I", "-S", "-X", "int_max_str_digits=0"]
        self._test_process, self._zygote = [*python, self._harness, "separate"], [*python, f"{work}/zygote.pyc"]
        self._could_fork = False
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        self.filtered = self._take_away(mode)
        # The death of a child wakes the loop: kernels and sandboxes without pidfds can do this too.
        self.deaths, wake = os.pipe()
        os.set_blocking(self.deaths, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def compiled(self) -> bytes:
        """What was compiled here, for the host to send to the next of our kind; nothing where it came compiled."""
        package = sys.modules["r1agent"]
        if not package.fresh:
            return b""
        return marshal.dumps((list(package.parts), list(self.made.items())), 2)

    def _take_away(self, mode: str) -> bool:
        """Give up what neither the agent nor its children need; whether a filter of system calls is on."""
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if mode == "pidns":
            return True  # there each child puts it on, since the agent itself still mounts
        if mode == "uid":
            os.setgroups([])
        try:
            seccomp.install()
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EINVAL):
                raise
            return False
        return True

    def command(self, argv: Sequence[str] | None, *, harness: bool, fork: bool) -> tuple[list[str], list[str] | None]:
        """The command with its places filled in, the harness before a script where something is to be called, and what
        a fork of the zygote does in its place; None where the command is to be executed in any case.

        An `argv` of None stands for the test process.
        """
        if argv is None:
            return self._test_process, ["harness", "separate"]
        fillings = (("{work}", self.program_folder), ("{start}", self._script))
        words = list(argv)
        for name, place in fillings:
            words = [word.replace(name, place) for word in words]
        script = next((i for i, word in enumerate(words) if word.endswith(".py")), -1)
        if script < 0 and (harness or fork):
            raise ValueError(f"no Python script in {words}")
        inside = ["harness", words[script]] if harness else ["script", *words[script:]] if fork else None
        if harness:
            words.insert(script, self._harness)
        if words[0] not in self._commands:
            self._commands[words[0]] = _which(words[0], self.environment["PATH"])
        words[0] = self._commands[words[0]]
        return words, inside

    def bounds(self, limits: Header) -> Sequence[tuple[int, tuple[int, int]]]:
        """Resource limits: back-stops to what is watched, and what only the kernel can bound."""
        key = tuple(limits.values())
        if key not in self._bounds:
            processes: int = limits["processes"]
            memory = int(limits["memory_mb"] * _MIB)
            stack = max(_STACK, memory)
            bounds = [
                # Not the address space: JavaScript and Java reserve far more of that than they use.
                (resource.RLIMIT_DATA, memory + (1 << 30) + stack * processes),
                (resource.RLIMIT_FSIZE, int(limits["disk_mb"] * _MIB)),
                (resource.RLIMIT_CPU, (int(limits["time_s"]) + 2) * (os.cpu_count() or 1)),
                (resource.RLIMIT_NOFILE, 256),
                (resource.RLIMIT_STACK, stack),
                (resource.RLIMIT_MEMLOCK, _MIB),
                (resource.RLIMIT_MSGQUEUE, 0),
            ]
            if self.jail.mode != "plain":
                # Where one user id is all there is, the agent and its first processes count too.
                # The process that has loaded the program and forks for each call is one more.
                bounds.append((resource.RLIMIT_NPROC, processes + (5 if self.jail.mode == "pidns" else 1)))
            hard = {name: resource.getrlimit(name)[1] for name, _ in bounds if _settable(name)}
            bound = {
                name: value if hard[name] < 0 else min(value, hard[name]) for name, value in bounds if name in hard
            }
            # A program may give itself a larger stack, as many do that recurse; what it puts there is memory.
            hardest = {**bound, resource.RLIMIT_STACK: hard.get(resource.RLIMIT_STACK, 0)}
            if len(self._bounds) > 100:
                self._bounds.clear()
            self._bounds[key] = [(name, (value, hardest[name])) for name, value in bound.items()]
        return self._bounds[key]

    def load(self, names: list[str], sizes: list[int]) -> None:
        """Begin a new program, whose files are what comes next."""
        fault: Exception | None = None
        if not self.jail.wipe_program():  # the other folders were emptied after the last run
            fault = RuntimeError("the folder of the program before could not be emptied")
        for name, size in zip(names, sizes):  # noqa: B905 - Python 3.9 cannot be strict
            path = os.path.normpath(f"{self.program_folder}/{name}")
            if not path.startswith(f"{self.program_folder}/"):
                fault = fault or ValueError(f"a file outside the folder: {name!r}")
                path = "/dev/null"
            else:
                os.makedirs(os.path.dirname(path), exist_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o755)
            try:
                self._inbox.pour(size, file)
            finally:
                os.close(file)
            if path != "/dev/null":
                os.chmod(path, 0o755)
        if fault is not None:
            raise fault

    def run(self, header: Header, blobs: list[bytes]) -> None:
        """Run a command and report."""
        if header["fork"] or (blobs[1] and self._could_fork):
            self.jail.have_zygote(self._zygote, self.environment)
        # The first of an agent does not wait for one: it may be the only one.
        self._could_fork = self._could_fork or bool(blobs[1])
        calls = len(blobs) > 4
        run = WatchedCalls(self, header, blobs) if calls else WatchedCommand(self, header, blobs)
        if header["build"]:
            os.chmod(self.program_folder, 0o1777)
        try:
            clean = run.go()
        finally:
            if header["build"]:
                _seal(self.program_folder)
        clean = self.jail.wipe() and clean
        if isinstance(run, WatchedCalls):
            run.report_last()
        report = {
            "ended": run.ended,
            "status": run.status,
            "seconds": run.seconds,
            "cpu_seconds": run.usage.cpu_seconds,
            "waited": run.waited,
            "memory": run.peak,
            "cut": run.cut,
            "stray": run.usage.stray,
            "answered": run.value is not None,
            "clean": clean,
            "closing": calls,
        }
        self.send(report, [] if calls else [b"".join(run.out), b"".join(run.err), run.value or b""])

    def goes_on(self, report: Header, blobs: Sequence[bytes]) -> bool:
        """Report a call of several; whether the host wants the next."""
        self.send(report, blobs)
        return self._inbox.take(1) == b"+"

    def fetch(self) -> None:
        """Send the files of the program's folder, as a compiler left them."""
        names, blobs, room = [], [], _FETCH_BYTES
        for folder, _, files in os.walk(self.program_folder):
            for name in files:
                path = f"{folder}/{name}"
                if not stat.S_ISREG(os.lstat(path).st_mode):
                    continue
                with open(path, "rb") as file:
                    blobs.append(file.read(room + 1))
                names.append(path[len(self.program_folder) + 1 :])
                room -= len(blobs[-1])
                if room < 0:  # nothing to keep: it stays here, for this program
                    self.send({}, [])
                    return
        self.send({}, ["\0".join(names).encode("utf-8", "surrogateescape"), *blobs])

    def serve(self) -> NoReturn:
        """Do what the host asks until it has gone."""
        idle = select.poll()
        idle.register(self.host, select.POLLIN)
        while True:
            if self._inbox.empty() and not idle.poll(self._idle * 1000):
                raise GoneError
            head = self._inbox.take(int.from_bytes(self._inbox.take(4), "big"))
            header: Header = marshal.loads(head)  # noqa: S302 - from the host, which we trust as it does not us
            names: list[str] | None = header.get("files")
            first = len(header["blobs"]) - len(names or ())
            blobs = [self._inbox.take(size) for size in header["blobs"][:first]]
            try:
                if names is not None:
                    self.load(names, header["blobs"][first:])
                if header["op"] == "run":
                    self.run(header, blobs)
                else:
                    self.fetch()
            except (OSError, ValueError, RuntimeError) as error:
                self.send({"error": True}, [f"{type(error).__name__}: {error}".encode("utf-8", "replace")])

    def send(self, header: Header, blobs: Sequence[bytes] = ()) -> None:
        """One frame to the host."""
        header["blobs"] = [len(blob) for blob in blobs]
        text = b"{" + ", ".join([f'"{name}": {_json(value)}' for name, value in header.items()]).encode() + b"}"
        view = memoryview(b"".join((len(text).to_bytes(4, "big"), text, *blobs)))
        while view:
            view = view[os.write(self._answers, view) :]


def _json(value: object) -> str:
    """As JSON what a header holds: words of our own, numbers, lists of numbers.

    The host takes nothing richer from us, and Python's module for it takes memory that every fork pays for.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _settable(name: int) -> bool:
    """gVisor knows limits that nobody may set, as it has not got what they bound."""
    try:
        resource.setrlimit(name, resource.getrlimit(name))
    except (OSError, ValueError):
        return False
    return True


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o755)


def _which(program: str, path: str) -> str:
    candidates = [program] if "/" in program else [f"{folder}/{program}" for folder in path.split(":")]
    for place in candidates:
        if os.access(place, os.X_OK):
            # An interpreter looks for its library beside itself, the sooner the fewer links lie between.
            return os.path.realpath(place) if program.startswith("python") else place
    raise FileNotFoundError(f"no {program} in this image")


def _seal(folder: str) -> None:
    """Make what a compiler left unchangeable for the runs to come."""
    os.chmod(folder, 0o755)
    for inside, folders, files in os.walk(folder):
        for name in (*folders, *files):
            mode = os.lstat(f"{inside}/{name}").st_mode
            if not stat.S_ISLNK(mode) and mode & 0o022:
                os.chmod(f"{inside}/{name}", stat.S_IMODE(mode) & ~0o022)


def _environment() -> bytes:
    """What the image says of itself (images/tree.py); nothing where it is none of ours."""
    try:
        with open(f"/{ENVIRONMENT}", "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""


def main(config: Header, _: object) -> NoReturn:
    """Take over standard input and output, and serve."""
    host, answers = (fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3) for number in (0, 1))
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # as the programs that are not forked from here have it
    try:
        agent = Agent(config, host, answers)
        version = ".".join(map(str, sys.version_info[:3]))
        agent.send(
            {"mode": agent.jail.mode, "filtered": agent.filtered, "python": version}, [_environment(), agent.compiled()]
        )
        gc.collect()
        gc.freeze()  # children share these pages for longer
        agent.serve()
    except GoneError:
        os._exit(0)
    except BrokenPipeError:
        os._exit(0)
