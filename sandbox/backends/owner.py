"""Who owns a container: a process of this host, named so that nobody else can be mistaken for it.

A process id alone is used again sooner or later, and means nothing on another host or in another pid namespace. So an
owner is boot, pid namespace, process id and start time together; whoever cannot see the owner's namespace says that
it may be alive, and leaves its containers alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, now or in the past."""

    host: str
    """This boot of this machine, and the pid namespace."""
    pid: int
    """Its process id in that namespace."""
    start: str
    """When it started, in the kernel's clock ticks; empty where the system does not tell."""

    @classmethod
    def me(cls) -> Owner:
        """The calling process.

        >>> Owner.me().gone()
        False
        """
        return cls(_host(), os.getpid(), _start(os.getpid()) or "")

    @classmethod
    def read(cls, text: str) -> Owner | None:
        """The owner that `str` wrote; None where it is something else.

        >>> Owner.read(str(Owner.me())) == Owner.me(), Owner.read("someone")
        (True, None)
        """
        host, _, rest = text.partition(" ")
        pid, _, start = rest.partition(" ")
        return cls(host, int(pid), start) if pid.isdecimal() else None

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.start}"

    def gone(self) -> bool:
        """Whether it is known to have ended; False where this host cannot tell."""
        if self.host != _host():
            return False
        if not self.start:
            return not _exists(self.pid)
        return _start(self.pid) != self.start


def _host() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"  # noqa: PTH116 - follows a link that is no path
    except OSError:
        return f"{os.uname().nodename}/0"


def _start(pid: int) -> str | None:
    """Start time of a process that runs; a zombie has ended."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = line.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    return None if fields[0] in ("Z", "X") else fields[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
