"""Programs in, outcomes out; knows nothing of rewards and imports nothing else of this package."""

from .errors import SandboxError, SandboxUnavailableError
from .limits import DEFAULT_LIMITS, Limits
from .outcome import Outcome, Result, TestOutcome
from .submission import CallTest, ExamTest, ProgramTest, StdinTest, Submission

__all__ = [
    "DEFAULT_LIMITS",
    "CallTest",
    "ExamTest",
    "Limits",
    "Outcome",
    "ProgramTest",
    "Result",
    "SandboxError",
    "SandboxUnavailableError",
    "StdinTest",
    "Submission",
    "TestOutcome",
]
