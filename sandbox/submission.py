"""A program and what it is tried on.

What a test expects stays on the host: only inputs go into a sandbox.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .limits import Limits

Runner = Literal["", "unittest", "pytest"]
Checker = Callable[[object, object], str | None]
"""Compares (expected, got): None where they agree, else a sentence that says how they differ."""


def _check_checker(checker: object, maker: str) -> None:
    """Raise TypeError for the name of a checker in place of the checker, which would fail once programs have run."""
    if isinstance(checker, str):
        raise TypeError(f"checker is the name {checker!r}; write checker=checkers.{maker}({checker!r})")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckerProgram:
    """A program that says whether an output is right: run with three files, input, expected output and output.

    `testlib` ones take them as INPUT OUTPUT EXPECTED and exit with 0 where it is right, others as INPUT EXPECTED OUTPUT
    and print 1 or a share of 1.
    """

    source: str
    """The program."""
    language: str = "python"
    """A name in `languages.LANGUAGES`."""
    testlib: bool = False
    """Whether it speaks as testlib's checkers do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StdinTest:
    """Feeds standard input and looks at standard output."""

    input: str
    """What the program reads."""
    output: str
    """What it should write; stays on the host."""
    checker: Checker
    """Compares texts; not asked where a checker program decides."""
    checker_program: CheckerProgram | None = None
    """Decides instead, in a run of its own."""
    input_file: str | None = None
    """Where the program finds its input besides, in the folder where it runs."""
    output_file: str | None = None
    """Where it writes its output instead of to standard output."""

    def __post_init__(self) -> None:
        _check_checker(self.checker, "checker")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTest:
    """Calls a function of a Python program and looks at what it returns; strong, since the value is judged outside."""

    entry: str
    """What to call; a dotted name such as `Solution().add` is evaluated after the program has run."""
    args: str
    """Python source of a tuple, evaluated in the sandbox, before the program runs."""
    expected: object
    """The value it should return, of plain types; stays on the host."""
    checker: Checker
    """Compares values."""
    auto_imports: bool = False
    """Whether names such as `List` and `Counter` are there without an import, as LeetCode has it."""

    def __post_init__(self) -> None:
        _check_checker(self.checker, "value_checker")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertTest:
    """Python test code that calls the program; strong where the code only calls functions with plain values."""

    code: str
    """The test; it passes where it runs to its end."""
    weak: bool = False
    """Whether the test's own process runs what the program wrote: its word is worth no more than the program's."""
    runner: Runner = ""
    """What runs the tests that the code defines: none, `unittest` or `pytest`."""
    names: Sequence[str] | None = None
    """Functions of the program that the code calls, and that it alone uses of it: the code is then run in a process of
    its own, which reaches those functions by message (strong). None: it runs in the program's process (weak)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTest:
    """Test code appended to the program, in any language; passes with exit status 0 (weak)."""

    code: str
    """The code."""


Test = StdinTest | CallTest | AssertTest | ProgramTest


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One program with its tests."""

    language: str
    """A name in `languages.LANGUAGES`."""
    source: str
    """The program."""
    tests: Sequence[Test]
    """What it is tried on, in order."""
    limits: Limits = field(default_factory=Limits)
    """What it may use; unset bounds are the sandbox's own."""
    stop_at_failure: bool = True
    """Leave out the tests after the first that fails."""
    exit_status: bool = True
    """Whether a program whose output is right fails where it ends with a status other than 0, as judges have it."""
    standard: str = ""
    """C and C++: which standard its author named (`c++20`); the newest where empty."""
