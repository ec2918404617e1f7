"""From what a command did to the outcome of a test; on the host, out of the program's reach (see judge.py)."""

from __future__ import annotations

import re
import secrets
import signal
from collections.abc import Sequence
from dataclasses import fields

from . import checkers
from .agent.codec import encode
from .answer import read_answer
from .limits import Limits
from .outcome import Outcome, TestOutcome, Trust
from .session import Ran
from .submission import AssertTest, CallTest, StdinTest

KEPT = 4_000
"""Bytes of standard output and of standard error that an outcome keeps."""
_DETAIL = 300
_PER_BYTE, _SPARE = 64, 1 << 20
"""A returned value is looked into where it is at most so many times as long as the expected one, and so many bytes
more: nothing that equals it is longer, and a program shall not decide how much work the host has."""
_AT_BOUND = {
    "time": (Outcome.TLE, "ran longer than {time_s:g} s"),
    "memory": (Outcome.MLE, "used more than {memory_mb:g} MiB"),
    "output": (Outcome.OLE, "wrote more than {output_bytes} bytes"),
    "disk": (Outcome.RE, "wrote more than {disk_mb:g} MiB to files"),
    "processes": (Outcome.RE, "started more than {processes} processes"),
}
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")


def at_bound(ran: Ran, limits: Limits) -> tuple[Outcome, str] | None:
    """The outcome where a bound was reached."""
    if ran.ended not in _AT_BOUND:
        return None
    outcome, sentence = _AT_BOUND[ran.ended]
    return outcome, sentence.format_map({f.name: getattr(limits, f.name) for f in fields(limits)})


def missing_module(ran: Ran) -> str:
    """The module that a Python program or its test says it did not find; its own word, which has to be looked into."""
    text = ran.stderr[-2_000:].decode("utf-8", "replace")
    if ran.value is not None:
        answer = read_answer(ran.value)
        text = answer.text if answer.error == "ModuleNotFoundError" else ""
    elif not ran.status:
        return ""
    modules = _MISSING.findall(text)
    return modules[-1].partition(".")[0] if modules else ""


_NOTHING = "the test ran to its end without having called or asserted anything"


def nonce() -> str:
    """A word that no program can know beforehand."""
    return secrets.token_hex(16)


def judge_stdin(test: StdinTest, ran: Ran, *, crashes_fail: bool) -> tuple[Outcome, str]:
    """Standard output decides, unless the program crashed; with a wrong output and a status other than 0, RE."""
    if ran.ended == "signal":
        return Outcome.RE, ending(ran)
    difference = test.checker(test.output, ran.stdout.decode("utf-8", "surrogateescape"))
    return with_ending(ran, difference, crashes_fail=crashes_fail)


def with_ending(ran: Ran, difference: str | None, *, crashes_fail: bool) -> tuple[Outcome, str]:
    """The outcome of an output that is right (None) or differs, with how its program ended."""
    if difference is None:
        if crashes_fail and ran.status and _CRASH.search(ran.stderr[-8_000:]):
            return Outcome.RE, f"the output is right, but the program crashed: {ending(ran)}"
        return Outcome.AC, ending(ran) if ran.status else ""
    return (Outcome.RE, ending(ran)) if ran.status else (Outcome.WA, difference)


_CRASH = re.compile(
    rb"Traceback \(most recent call last\)|Exception in thread |^terminate called|panicked at |^panic: |^goroutine \d"
    rb"|^\s+at [^\n]*:\d+:\d+\)?$|Segmentation fault|Assertion [^\n]*failed",
    re.MULTILINE,
)
"""What the runtimes of languages write where nothing caught an error."""


def is_unfit(ran: Ran) -> bool:
    """Whether the test process found that it hands the program what no message can carry."""
    return ran.value is not None and read_answer(ran.value).kind == "unfit"


class _Opaque:
    """Stands for a value that is not plain: equal to nothing, and as true as its program says."""

    def __init__(self, truth: bool) -> None:
        self._truth = truth

    def __bool__(self) -> bool:
        return self._truth


_ANY_OBJECT = (checkers.truthy, checkers.unequal, checkers.not_identical)
"""Checkers that a value need not be plain for: `assert f(x)`, `f(x) != 1`, `f(x) is not None`."""


def judge_answer(test: CallTest | AssertTest, ran: Ran) -> tuple[Outcome, str]:
    """What the harness answered. It shares a process with the program, so all but the value of a call can only do harm
    to the program itself."""
    if ran.value is None:
        return Outcome.RE, f"{ending(ran)}, before it answered"
    large = isinstance(test, CallTest) and len(ran.value) > _SPARE
    if large and len(ran.value) > _PER_BYTE * len(encode(test.expected)) + _SPARE:  # type: ignore[union-attr]
        return Outcome.WA, f"returned a value of {len(ran.value)} bytes, far larger than the one expected"
    answer = read_answer(ran.value)
    match answer.kind:
        case "value" if isinstance(test, CallTest):
            difference = test.checker(test.expected, answer.value)
            return (Outcome.AC, "") if difference is None else (Outcome.WA, difference)
        case "passed" if isinstance(test, AssertTest):
            return Outcome.AC, ""
        case "raised" if isinstance(test, AssertTest) and answer.error == "AssertionError":
            return Outcome.WA, f"an assertion failed: {_last(answer.text)}"
        case "unplain" if isinstance(test, CallTest) and test.checker in _ANY_OBJECT:
            difference = test.checker(test.expected, _Opaque(answer.value is True))
            return (Outcome.AC, "") if difference is None else (Outcome.WA, difference)
        case "nothing" if isinstance(test, AssertTest):
            return Outcome.INFRA, _NOTHING
        case "unplain":
            return Outcome.WA, f"returned what is no plain value: {_last(answer.text)}"
        case "raised" | "entry" | "arguments":
            return Outcome.RE, _last(answer.text)
    return Outcome.RE, "the program answered out of turn"


def outcome_of(ran: Ran, outcome: Outcome, detail: str, trust: Trust = "strong", secret: bytes = b"") -> TestOutcome:
    """What is kept of a run."""
    stderr = ran.stderr.replace(b"\n" + secret + b"\n", b"") if secret else ran.stderr
    return TestOutcome(
        outcome=outcome,
        detail=detail[:_DETAIL],
        seconds=ran.seconds,
        cpu_seconds=ran.cpu_seconds,
        memory_mb=ran.memory_mb,
        stdout=_kept(ran.stdout, ran.cut),
        stderr=_kept(stderr, ran.cut),
        trust=trust,
    )


def _kept(data: bytes, cut: bool) -> str:
    text = data[:KEPT].decode("utf-8", "replace")
    if len(data) > KEPT:
        return f"{text}… [{len(data) - KEPT} more bytes]"
    return f"{text}… [cut]" if cut and len(data) == KEPT else text


def ending(ran: Ran) -> str:
    """How a run ended, with the last line that it wrote to standard error."""
    if ran.ended == "signal":
        try:
            how = f"ended by {signal.Signals(ran.status).name}"
        except ValueError:
            how = f"ended by signal {ran.status}"
    else:
        how = f"ended with status {ran.status}"
    last = _last_line(ran.stderr)
    return f"{how}: {last}" if last else how


def complaint(ran: Ran) -> str:
    """What a compiler said: its first line that names an error, else how it ended."""
    if ran.ended in _AT_BOUND:
        return f"compiling reached its bound on {ran.ended}"
    lines = (ran.stderr + b"\n" + ran.stdout)[: 64 << 10].decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in lines if "error" in line), ending(ran))


def _last_line(data: bytes) -> str:
    return _last(data[-2_000:].decode("utf-8", "replace"))


def _last(text: str) -> str:
    lines = text[-2_000:].rstrip().splitlines()
    return "".join(c if c.isprintable() else "\ufffd" for c in lines[-1].strip()[:200]) if lines else ""


def sentence(outcomes: Sequence[TestOutcome], failed: int | None) -> str:
    if failed is None:
        return f"passed {len(outcomes)} of {len(outcomes)} tests"
    first = outcomes[failed]
    passed = sum(outcome.outcome is Outcome.AC for outcome in outcomes)
    if first.outcome is Outcome.CE:
        return f"does not compile: {first.detail}"
    return f"passed {passed} of {len(outcomes)} tests; test {failed + 1}: {first.outcome.value}, {first.detail}"
