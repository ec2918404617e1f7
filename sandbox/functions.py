"""Functions of one's own, called in a sandbox with data that nobody trusts: foreign scorers, queries, parsers.

The source is trusted and the arguments are not: what they make of the function stays behind the isolation, and its
value comes back as plain data. Calls share one load of the source, in forks of it, so that none sees what another did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .limits import Limits
from .outcome import Fault, Outcome, Result, TestOutcome
from .pool import Pool
from .submission import CallTest, Submission

_MOST = 256
"""Calls in one submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one call came to."""

    value: object = None
    """What the function returned, of plain types."""
    outcome: Outcome = Outcome.AC
    """AC where it returned; else the bound that it reached, RE where it raised, INFRA where the sandbox failed."""
    detail: str = ""
    """A sentence about what went wrong."""
    fault: Fault | None = None
    """With INFRA: whose."""
    missing_module: str = ""
    """The module that the source wants and the sandbox does not have."""
    cpu_seconds: float = 0.0
    backend: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True)
class _Keeper:
    """Keeps the value that comes back; a checker that has nothing to compare."""

    values: list[object] = field(default_factory=list)

    def __call__(self, _: object, value: object) -> None:
        self.values.append(value)


def call_function(
    pool: Pool, source: str, entry: str, arguments: Sequence[tuple[object, ...]], *, limits: Limits, reply_mb: int = 1
) -> list[Reply]:
    """Call a function of a Python source with each of some arguments, of plain types; one reply each, in order.

    Raises SandboxUnavailableError where this machine has no isolation. `reply_mb` bounds what one call may return.

    >>> with Pool() as pool:  # doctest: +SKIP
    ...     call_function(pool, "def double(x): return 2 * x", "double", [(2,)], limits=Limits(time_s=1))[0].value
    4
    """
    replies: list[Reply] = []
    size = "x" * ((reply_mb << 20) // 64)  # a returned value may be 64 times as long as what is expected
    for start in range(0, len(arguments), _MOST):
        part = arguments[start : start + _MOST]
        keepers = [_Keeper() for _ in part]
        tests = [
            CallTest(entry=entry, args=repr(given), expected=size, checker=keeper)
            for given, keeper in zip(part, keepers, strict=True)
        ]
        limited = Limits(total_s=(limits.time_s or 10) * (len(part) + 1)).over(limits)
        result = pool.run(
            Submission(language="python", source=source, tests=tests, limits=limited, stop_at_failure=False)
        )
        replies += [_reply(test, keeper, result) for test, keeper in zip(result.tests, keepers, strict=True)]
    return replies


def _reply(test: TestOutcome, keeper: _Keeper, result: Result) -> Reply:
    answered = test.outcome is Outcome.AC and bool(keeper.values)
    outcome = test.outcome if answered or test.outcome is not Outcome.AC else Outcome.RE
    return Reply(
        value=keeper.values[-1] if answered else None,
        outcome=outcome,
        detail=test.detail or test.stderr[-300:],
        fault=result.fault if outcome is Outcome.INFRA else None,
        missing_module=test.missing_module,
        cpu_seconds=test.cpu_seconds,
        backend=result.backend,
        environment=result.environment,
    )
