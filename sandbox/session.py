"""The host's side of one agent: load a program, run commands on it, get back what they did.

A backend starts an agent behind its isolation and hands over a `Channel`; a `Session` speaks the protocol over it. One
session runs one thing at a time.
"""

from __future__ import annotations

import dataclasses
import json
import marshal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from .boot import AGENT, MAGIC_BYTES, learn, pack, starters
from .errors import RefusedError, SandboxError
from .limits import Limits

_START_S = 60.0
_GRACE_S = 15.0
_MAX_HEADER = 1 << 20
_MAX_BLOB = 160 << 20


class Channel(Protocol):
    """Bytes to and from an agent that runs behind some isolation."""

    def send(self, data: bytes, deadline: float) -> None:
        """Send it all before `deadline` (time.monotonic()). Raises SandboxError where the agent is gone or deaf."""
        ...

    def receive(self, size: int, deadline: float) -> bytes:
        """Exactly `size` bytes. Raises SandboxError where the agent is gone, or at the deadline."""
        ...

    def kill(self) -> None:
        """End the agent and everything behind its isolation, and wait until it is gone; never raises."""
        ...


class Backend(Protocol):
    """A kind of isolation."""

    @property
    def name(self) -> str:
        """`docker`, `local`, ..."""
        ...

    @property
    def promises(self) -> Sequence[str]:
        """What it holds to, a sentence each."""
        ...

    @property
    def caveats(self) -> Sequence[str]:
        """What it does not, a sentence each."""
        ...

    @property
    def settings(self) -> AgentSettings:
        """How an agent behind it is to be run."""
        ...

    def open(self, image: str) -> Channel:
        """A fresh interpreter in an image (a name of `languages.py`), started by `boot.BOOT`; `AgentSession` makes an
        agent of it. Raises SandboxError, saying the way out."""
        ...

    def sweep(self) -> int:
        """Remove what dead owners left behind; how much that was."""
        ...

    def close(self) -> None:
        """Let go of what the backend itself holds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing to run in the folder of the loaded program."""

    argv: Sequence[str]
    """The command; `{work}` stands for the folder."""
    limits: Limits
    """Every bound set."""
    stdin: bytes = b""
    """What it reads."""
    call: bytes | None = None
    """Python only: what the harness is asked (see harness.py); sent after the program has been loaded."""
    calls: Sequence[bytes] = ()
    """Python only: several things to ask of the harness, one after the other (`Session.run_calls`)."""
    secret: bytes = b""
    """What test code finds on descriptor 3; never with a call."""
    test: bytes | None = None
    """Python only: test code for a second process that reaches the program by message."""
    fork: bool = False
    """Python only: fork a clean interpreter (agent/zygote.py) in place of starting one, as for `call` in any case.
    Faster; the seeds of hashes repeat."""


Ended = Literal["exit", "signal", "time", "busy", "memory", "output", "disk", "processes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command did, as the agent saw it; not yet a verdict."""

    ended: Ended
    """By itself (`exit`, `signal`), or at which bound it was ended; `busy` is the bound on wall time, where it had
    waited for a processor for most of what it lacked."""
    status: int
    """Exit status, or number of the signal."""
    seconds: float
    """Wall time."""
    cpu_seconds: float
    """Processor time of it and its children."""
    waited: float = 0.0
    """Seconds that it waited for a processor, as far as that was looked at."""
    memory_mb: float
    """Greatest memory, MiB."""
    stdout: bytes
    """What it wrote, up to the bound."""
    stderr: bytes
    """The same."""
    cut: bool = False
    """Whether more was written than is here."""
    value: bytes | None = None
    """What the harness sent with the right nonce (see answer.py); None where it did not get so far."""
    last: bool = True
    """Of several calls: whether the program was ended with this one."""
    stray: int = 0
    """Processes that it left behind, since killed."""
    clean: bool = True
    """Whether nothing of it is left; where something is, the session must not be used again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What programs run in."""

    name: str
    """The hash of the image that `sandbox build` made; where it is another, the version of its Python."""
    modules: frozenset[str] = frozenset()
    """The modules that it brings besides the standard library's; empty where that is not known."""

    @classmethod
    def read(cls, described: bytes, python: str) -> Environment:
        """What the file in an image says (images/tree.py).

        >>> Environment.read(b"", "3.11.2").name
        'python 3.11.2'
        """
        try:
            read = json.loads(described)
            return cls(name=f"{read['hash']}, python {python}", modules=frozenset(map(str, read["modules"])))
        except (ValueError, KeyError, TypeError):
            return cls(name=f"python {python}")


class Session(Protocol):
    """A loaded agent."""

    @property
    def environment(self) -> Environment:
        """What programs run in."""
        ...

    @property
    def left_behind(self) -> bool:
        """Whether the program of the last `run_calls` left something that had to be ended."""
        ...

    def load(self, files: Mapping[str, bytes], compile: Command | None) -> Ran | None:  # noqa: A002 - the word for it
        """Begin a new program: a clean folder with `files`, then the compiler, whose products stay."""
        ...

    def run(self, command: Command) -> Ran:
        """Run one command, in a clean work folder, as a user of its own; nothing of it is left afterwards."""
        ...

    def run_calls(self, command: Command) -> Iterator[Ran]:
        """Load the program once and make `command.calls`, one after the other as they are asked for; to ask for no
        more is to close the iterator. It ends early where a call ended the program."""
        ...

    def products(self) -> Mapping[str, bytes]:
        """The files of the loaded program, compiled ones among them; loading them again needs no compiler, and there
        may be none."""
        ...

    def close(self) -> None:
        """End the agent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """How an agent is to be run; a backend says so."""

    mode: Literal["auto", "uid", "pidns", "plain"] = "auto"
    """How processes are kept apart (see jail.py); `auto`: by user id where the agent may, else plainly."""
    work: str = "/box"
    """A folder of the agent's own, of which it makes the program's and the runs' folders; must allow execution."""
    scratch: Sequence[str] = ("/tmp", "/dev/shm")  # noqa: S108 - inside the isolation
    """Other folders that a program may write to; emptied after every run. The first is TMPDIR."""
    path: str = "/usr/local/bin:/usr/bin:/bin"
    """PATH."""
    first_uid: int = 20000
    """The first of the user ids that runs take in turn; agents of one kernel that share ids share process limits."""
    uids: int = 1000
    """How many."""
    idle_s: float = 3600
    """The agent ends when nothing was asked of it for so long."""


class AgentSession:
    """A `Session` over a channel; every fault of the other side is a SandboxError, after which it is dead."""

    def __init__(self, channel: Channel, settings: AgentSettings) -> None:
        """Make the interpreter behind the channel an agent."""
        self._channel = channel
        self._dead = False
        self._loading: Mapping[str, bytes] | None = None
        self.left_behind = False
        deadline = time.monotonic() + _START_S
        try:
            magic = channel.receive(MAGIC_BYTES, deadline)
        except BaseException:
            self.close()
            raise
        packed = pack(AGENT, dataclasses.asdict(settings) | starters(magic), magic)
        header, (described, compiled) = self._ask(packed, deadline)
        learn(magic, compiled)
        self.mode: str = str(header["mode"])
        """How processes are kept apart."""
        self.filtered: bool = bool(header["filtered"])
        """Whether system calls are filtered by us (a container engine may have a filter of its own)."""
        self.python: str = str(header["python"])
        """The version of the interpreter inside."""
        self.environment = Environment.read(described, self.python)
        """What the image is made of."""

    def load(self, files: Mapping[str, bytes], compile: Command | None) -> Ran | None:  # noqa: A002 - as in Session
        """Begin a new program: a clean folder with `files`, then the compiler, whose products stay."""
        if self._dead:
            raise SandboxError("this session has ended")
        self._loading = files  # they travel with the first command, whose answer is waited for anyway
        return None if compile is None else self._run(compile, build=True)

    def run(self, command: Command) -> Ran:
        """Run one command, in a clean work folder, as a user of its own; nothing of it is left afterwards."""
        return self._run(command, build=False)

    def products(self) -> Mapping[str, bytes]:
        """The files of the loaded program, compiled ones among them; loading them again needs no compiler."""
        header, files = self._files()
        _, (names, *blobs) = self._ask(_frame({"op": "fetch", **header}, files), time.monotonic() + _GRACE_S)
        return dict(zip(names.decode().split("\0") if blobs else [], blobs, strict=True))

    def close(self) -> None:
        """End the agent."""
        self._dead = True
        self._channel.kill()

    def _files(self) -> tuple[dict[str, object], list[bytes]]:
        """What has been loaded and not yet sent."""
        files, self._loading = self._loading, None
        return ({}, []) if files is None else ({"files": list(files)}, list(files.values()))

    def _run(self, command: Command, *, build: bool) -> Ran:
        report, blobs = self._ask(self._request(command, build), self._deadline(command))
        return _ran(report, blobs)

    def run_calls(self, command: Command) -> Iterator[Ran]:
        """Load the program once and make `command.calls`, one after the other as they are asked for."""
        frame = self._request(command, build=False)
        go_on = True
        while True:
            report, blobs = self._ask(frame, self._deadline(command))
            if report["closing"]:
                self.left_behind = bool(report["stray"]) or not report["clean"]
                return
            if go_on:
                try:
                    yield _ran(report, blobs)
                except GeneratorExit:
                    go_on = False
            frame = b"" if report["last"] else b"+" if go_on else b"-"

    @staticmethod
    def _deadline(command: Command) -> float:
        # The agent keeps the time; this is for an agent that does not.
        return time.monotonic() + command.limits.wall + _GRACE_S

    def _request(self, command: Command, build: bool) -> bytes:
        limits = command.limits
        loading, files = self._files()
        header = {
            "op": "run",
            **loading,
            "argv": list(command.argv),
            "fork": command.fork,
            "build": build,
            "limits": {
                "time_s": limits.time_s,
                "wall_s": limits.wall,
                "memory_mb": limits.memory_mb,
                "processes": limits.processes,
                "output_bytes": limits.output_bytes,
                "disk_mb": limits.disk_mb,
            },
        }
        call = command.call or b""
        return _frame(header, [command.stdin, call, command.test or b"", command.secret, *command.calls, *files])

    def _ask(self, frame: bytes, deadline: float) -> tuple[dict[str, Any], list[bytes]]:  # Any: what JSON holds
        if self._dead:
            raise SandboxError("this session has ended")
        try:
            if frame:
                self._channel.send(frame, deadline)
            header, blobs = self._receive(deadline)
        except BaseException:  # whatever it was, what comes next on this channel has no meaning any more
            self.close()
            raise
        if "error" in header:
            self.close()
            raise RefusedError(f"the agent could not do it: {b''.join(blobs).decode('utf-8', 'replace')}")
        return header, blobs

    def _receive(self, deadline: float) -> tuple[dict[str, Any], list[bytes]]:
        size = int.from_bytes(self._channel.receive(4, deadline), "big")
        if size > _MAX_HEADER:
            raise SandboxError(f"the agent sent a header of {size} bytes")
        try:
            header = json.loads(self._channel.receive(size, deadline))
            sizes = [int(size) for size in header["blobs"]]
        except (ValueError, KeyError, TypeError) as error:
            raise SandboxError(f"the agent sent no header: {error}") from error
        if sum(sizes) > _MAX_BLOB or min(sizes, default=0) < 0:
            raise SandboxError(f"the agent wants to send {sum(sizes)} bytes")
        return header, [self._channel.receive(size, deadline) if size else b"" for size in sizes]


def _ran(report: Mapping[str, Any], blobs: Sequence[bytes]) -> Ran:  # any: what JSON holds
    stdout, stderr, value = blobs
    return Ran(
        ended=cast(Ended, report["ended"]),
        status=int(report["status"]),
        seconds=float(report["seconds"]),
        cpu_seconds=float(report["cpu_seconds"]),
        waited=float(report["waited"]),
        memory_mb=round(report["memory"] / (1 << 20), 1),
        stdout=stdout,
        stderr=stderr,
        cut=bool(report["cut"]),
        value=value if report["answered"] else None,
        last=bool(report.get("last", True)),
        stray=int(report["stray"]),
        clean=bool(report["clean"]),
    )


def _frame(header: Mapping[str, object], blobs: Sequence[bytes]) -> bytes:
    text = marshal.dumps({**header, "blobs": [len(blob) for blob in blobs]}, 2)
    return b"".join((len(text).to_bytes(4, "big"), text, *blobs))
