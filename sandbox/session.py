"""The host's side of one agent: load a program, run commands on it, get back what they did.

A backend starts an agent behind its isolation and hands over a `Channel`; a `Session` speaks the protocol over it. One
session runs one thing at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from .limits import Limits


class Channel(Protocol):
    """Bytes to and from an agent that runs behind some isolation."""

    def send(self, data: bytes, deadline: float) -> None:
        """Send it all before `deadline` (time.monotonic()). Raises SandboxError where the agent is gone or deaf."""

    def receive(self, size: int, deadline: float) -> bytes:
        """Exactly `size` bytes. Raises SandboxError where the agent is gone, or at the deadline."""

    def kill(self) -> None:
        """End the agent and everything behind its isolation, and wait until it is gone; never raises."""


class Backend(Protocol):
    """A kind of isolation."""

    name: str
    """`docker`, `local`, ..."""
    promises: Sequence[str]
    """What it holds to, a sentence each."""
    caveats: Sequence[str]
    """What it does not, a sentence each."""

    def open(self, image: str) -> Channel:
        """A fresh agent in an image (a name of `languages.py`). Raises SandboxError, saying the way out."""

    def sweep(self) -> int:
        """Remove what dead owners left behind; how much that was."""

    def close(self) -> None:
        """Let go of what the backend itself holds."""


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
    exam: bytes | None = None
    """Python only: test code for a second process that reaches the program by message."""
    fork: bool = False
    """Fork the agent's own interpreter in place of starting one: faster, and weaker."""


Ended = Literal["exit", "signal", "time", "memory", "output", "disk", "processes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command did, as the agent saw it; not yet a verdict."""

    ended: Ended
    """By itself (`exit`, `signal`), or at which bound it was ended."""
    status: int
    """Exit status, or number of the signal."""
    seconds: float
    """Wall time."""
    cpu_seconds: float
    """Processor time of it and its children."""
    memory_mb: float
    """Greatest memory, MiB."""
    stdout: bytes
    """What it wrote, up to the bound."""
    stderr: bytes
    """The same."""
    cut: bool = False
    """Whether more was written than is here."""
    value: bytes | None = None
    """What the harness sent with the right nonce; None where it did not get so far."""
    stray: int = 0
    """Processes that it left behind, since killed."""


class Session(Protocol):
    """A loaded agent."""

    def load(self, files: Mapping[str, bytes], compile: Command | None) -> Ran | None:
        """Begin a new program: a clean folder with `files`, then the compiler, whose products stay."""

    def run(self, command: Command) -> Ran:
        """Run one command, in a clean work folder, as a user of its own; nothing of it is left afterwards."""

    def close(self) -> None:
        """End the agent."""
