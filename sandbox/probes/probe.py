"""What a probe is, and what it works with."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..limits import Limits
from ..session import AgentSession, Backend, Command, Ran

LIMITS = Limits(time_s=20, memory_mb=256, processes=32, output_bytes=1 << 20, disk_mb=16, total_s=120)
"""What a probe may use where it does not say; none needs a second on an idle machine unless it is out for time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One attempt."""

    area: str
    """What it is after: `network`, `files`, ..."""
    name: str
    """What it tries, in a few words."""
    attempt: Callable[[Bench], str | None]
    """None where the sandbox held, else what got through."""
    harmless: bool = True
    """Whether it does no damage where there is no isolation at all, so that it can be shown to fail there."""


class Bench:
    """A backend under test: sessions that are opened when they are asked for, and closed together."""

    def __init__(self, backend: Backend, image: str = "python") -> None:
        self.backend, self.image = backend, image
        self._sessions: dict[str, AgentSession] = {}

    def session(self, name: str = "one") -> AgentSession:
        """The session of that name."""
        if name not in self._sessions:
            self._sessions[name] = AgentSession(self.backend.open(self.image), self.backend.settings)
        return self._sessions[name]

    def drop(self) -> None:
        """Close the sessions; the next probe gets fresh ones. Needed after a fault."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            with contextlib.suppress(Exception):  # a session that is broken must not keep the others open
                session.close()

    def run(
        self, code: str, *, limits: Limits | None = None, stdin: bytes = b"", where: str = "one", load: bool = True
    ) -> Ran:
        """Run a Python program; with `load` false, the one that was loaded last."""
        session = self.session(where)
        if load:
            session.load({"main.py": textwrap.dedent(code).encode()}, None)
        bounds = LIMITS if limits is None else limits.over(LIMITS)
        return session.run(Command(argv=("python3", "-I", "{work}/main.py"), limits=bounds, stdin=stdin))

    def holes(self, code: str, *, stdin: bytes = b"", where: str = "one") -> str | None:
        """Run a program that prints the holes it finds, then `tried`."""
        return read(self.run(code, stdin=stdin, where=where))

    def alive(self) -> str | None:
        """None where an honest program still gets its answer from the same agent."""
        ran = self.run("print(6 * 7)")
        return None if ran.stdout == b"42\n" else f"the next program did not get its answer: {ending_of(ran)}"


def read(ran: Ran) -> str | None:
    """What a program that prints holes, then `tried`, has found."""
    lines = ran.stdout.decode("utf-8", "replace").splitlines()
    if not lines or lines[-1] != "tried":
        return f"the probe did not get to its end: {ending_of(ran)}"
    return "; ".join(lines[:-1][:4]) or None


def ending_of(ran: Ran) -> str:
    """A run in a few words."""
    last = ran.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    return f"{ran.ended} {ran.status} after {ran.seconds:.1f} s {' '.join(last)[:160]}".strip()


def first(findings: Sequence[str | None]) -> str | None:
    """The first that is not None."""
    return next((each for each in findings if each is not None), None)
