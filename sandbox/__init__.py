"""Programs in, outcomes out; knows nothing of rewards and imports nothing else of this package.

`Pool` and `checkers` are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import SandboxError, SandboxUnavailableError
from .limits import DEFAULT_LIMITS, Limits
from .outcome import Fault, Outcome, Result, TestOutcome
from .submission import AssertTest, CallTest, CheckerProgram, ProgramTest, StdinTest, Submission

if TYPE_CHECKING:
    from . import checkers
    from .pool import Pool

__all__ = [
    "DEFAULT_LIMITS",
    "AssertTest",
    "CallTest",
    "CheckerProgram",
    "Fault",
    "Limits",
    "Outcome",
    "Pool",
    "ProgramTest",
    "Result",
    "SandboxError",
    "SandboxUnavailableError",
    "StdinTest",
    "Submission",
    "TestOutcome",
    "checkers",
]


def __getattr__(name: str) -> Any:  # any: the type is that of the name asked for
    if name == "Pool":
        return import_module(".pool", __name__).Pool
    if name == "checkers":
        return import_module(".checkers", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
