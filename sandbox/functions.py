"""Functions of one's own, called in a sandbox with data that nobody trusts: foreign scorers, queries, parsers.

The source is trusted and the arguments are not: what they make of the function stays behind the isolation, and its
value comes back as plain data. Calls share one load of the source, in forks of it, so that none sees what another did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .limits import Limits
from .outcome import Fault, Outcome, Result, TestOutcome
from .pool import ENDED, Pool
from .submission import CallTest, Submission

_MOST = 256
"""Calls in one submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReply:
    """The outcome of one call."""

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
) -> list[CallReply]:
    """Call a function of a Python source in the sandbox.

    Args:
        pool: Where it runs.
        source: Trusted code that defines the function.
        entry: The function's name.
        arguments: The arguments of each call, of plain types.
        limits: Bounds of one call; `time_s` is 10 where it is not set.
        reply_mb: Most MiB that one call may return.

    Returns:
        One reply each, in order: the value, or why there is none. INFRA where this machine has no isolation.

    >>> from r1_reward.sandbox import Pool
    >>> with Pool() as pool:  # doctest: +SKIP
    ...     call_function(pool, "def double(x): return 2 * x", "double", [(2,)], limits=Limits(time_s=1))[0].value
    4
    """
    replies: list[CallReply] = []
    limits = Limits(total_s=(limits.time_s or 10) * (_MOST + 1)).over(limits)
    for start in range(0, len(arguments), _MOST):
        replies += _call(pool, source, entry, arguments[start : start + _MOST], limits, reply_mb)
    return replies


def _call(
    pool: Pool, source: str, entry: str, arguments: Sequence[tuple[object, ...]], limits: Limits, reply_mb: int
) -> list[CallReply]:
    """The same for one submission; halved where a call ends every sandbox that it is given, so that it alone pays."""
    keepers = [_Keeper() for _ in arguments]
    size = "x" * ((reply_mb << 20) // 64)  # a returned value may be 64 times as long as what is expected
    tests = [
        CallTest(entry=entry, args=repr(argument), expected=size, checker=keeper)
        for argument, keeper in zip(arguments, keepers, strict=True)
    ]
    submission = Submission(language="python", source=source, tests=tests, limits=limits, stop_at_failure=False)
    (result,) = pool.run_all([submission])
    if len(arguments) > 1 and result.detail.startswith(ENDED):
        half = len(arguments) // 2
        parts = (arguments[:half], arguments[half:])
        return [reply for part in parts for reply in _call(pool, source, entry, part, limits, reply_mb)]
    return [_reply(test, keeper, result) for test, keeper in zip(result.tests, keepers, strict=True)]


def _reply(test: TestOutcome, keeper: _Keeper, result: Result) -> CallReply:
    answered = test.outcome is Outcome.AC and bool(keeper.values)
    outcome = test.outcome if answered or test.outcome is not Outcome.AC else Outcome.RE
    return CallReply(
        value=keeper.values[-1] if answered else None,
        outcome=outcome,
        detail=test.detail or test.stderr[-300:],
        fault=result.fault if outcome is Outcome.INFRA else None,
        missing_module=test.missing_module,
        cpu_seconds=test.cpu_seconds,
        backend=result.backend,
        environment=result.environment,
    )
