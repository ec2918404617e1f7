"""What became of a program: one word per test, with what it used and wrote.

Faults of the program and faults of the sandbox have different names: `INFRA` alone is the sandbox's, and never stands
for right or wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

Trust = Literal["strong", "weak"]
"""`strong`: the outcome was decided by code that the program cannot touch. `weak`: test code ran in the program's own
process, so a program that is out to cheat could have had a hand in it."""


class Outcome(StrEnum):
    """How a test ended, in the words of programming contests."""

    AC = "AC"
    """Accepted: the test passed."""
    WA = "WA"
    """Wrong answer."""
    TLE = "TLE"
    """Out of time."""
    MLE = "MLE"
    """Out of memory."""
    OLE = "OLE"
    """Wrote more than it may."""
    RE = "RE"
    """Ended by an exception, a signal or a status that says failure."""
    CE = "CE"
    """Did not compile."""
    SKIPPED = "SKIPPED"
    """Not run, since an earlier test decided."""
    INFRA = "INFRA"
    """The sandbox failed; says nothing about the program."""


class Fault(StrEnum):
    """Why a result is INFRA."""

    SANDBOX = "sandbox"
    """A sandbox failed, or there is none."""
    MACHINE_BUSY = "machine_busy"
    """The program waited for a processor until its wall time was over, time after time."""
    CHECKER = "checker"
    """The programs were run, and it was a checker that failed."""
    CHECKED_NOTHING = "checked_nothing"
    """A test ran to its end without having called or asserted anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestOutcome:
    """What became of one test."""

    __test__: ClassVar[bool] = False  # pytest takes classes called Test* for its own

    outcome: Outcome
    """How it ended."""
    detail: str = ""
    """A sentence for a person."""
    seconds: float = 0.0
    """Wall time."""
    cpu_seconds: float = 0.0
    """Processor time of all its processes."""
    memory_mb: float = 0.0
    """Greatest memory, MiB, as far as the backend can tell."""
    stdout: str = ""
    """The start of what it wrote, with a mark where it was cut."""
    stderr: str = ""
    """The same for standard error."""
    trust: Trust = "strong"
    """Who decided."""
    missing_module: str = ""
    """The module that was asked for and that the sandbox does not have, where that ended the test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a submission."""

    outcome: Outcome
    """AC where every test passed, else the first other outcome; INFRA where any test could not be run."""
    tests: Sequence[TestOutcome]
    """One per test, in order."""
    detail: str = ""
    """A sentence for a person: the compiler's complaint, the first failure."""
    seconds: float = 0.0
    """Wall time of it all, waiting for a free place not included."""
    backend: str = ""
    """Which backend ran it."""
    environment: str = ""
    """What it ran in: the hash of the image and the version of Python, or the version alone."""
    modules: frozenset[str] = frozenset()
    """Python modules that this environment brings besides the standard library's; empty where that is not known."""
    fault: Fault | None = None
    """With INFRA: whose."""
