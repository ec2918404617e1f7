"""From a submission to its result, over one session.

Tests run one at a time. Only inputs go into the sandbox; what came out is compared here. The rules:

- A bound that was reached decides before anything else: TLE, MLE, OLE; too many processes or too much disk are RE.
- stdin tests: ended by a signal is RE; else standard output decides. The exit status does not: the test says what
  is to be written and nothing more, and honest programs return odd numbers from `main`. It is named in the detail.
- call tests: the value that came back with the right nonce decides. No value is RE, however the program ended.
- exam tests pass where their code ran to its end and said so with the right nonce; a failed assert is WA.
- program tests pass with exit status 0 and, where the language allows for it (`languages.Ending`), the nonce that
  only code after the test's end writes. JavaScript also fails on "Assertion failed" on standard error. Weak: the
  test code runs in the program's own process.

What the program's source looks like plays no part. Faults of the sandbox are SandboxError and never a result; a checker
that raises makes its submission INFRA, and no other.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import NamedTuple, TypeVar

from . import checkers
from .agent.codec import encode
from .answer import ask_call, ask_exam, read_answer
from .builds import Build, Builds, build
from .languages import COMPILE_LIMITS, LANGUAGES
from .limits import DEFAULT_LIMITS, Limits
from .outcome import Outcome, Result, TestOutcome, Trust
from .session import Command, Ran, Session
from .submission import AssertTest, CallTest, ProgramTest, StdinTest, Submission, Test

KEPT = 4_000
"""Bytes of standard output and of standard error that an outcome keeps."""
_DETAIL = 300
_PER_BYTE, _SPARE = 64, 1 << 20
"""A returned value is looked into where it is at most so many times as long as the expected one, and so many bytes
more: nothing that equals it is longer, and a program shall not decide how much work the host has."""
_AT_BOUND: Mapping[str, tuple[Outcome, str]] = {
    "time": (Outcome.TLE, "ran longer than {time_s:g} s"),
    "memory": (Outcome.MLE, "used more than {memory_mb:g} MiB"),
    "output": (Outcome.OLE, "wrote more than {output_bytes} bytes"),
    "disk": (Outcome.RE, "wrote more than {disk_mb:g} MiB to files"),
    "processes": (Outcome.RE, "started more than {processes} processes"),
}
_T = TypeVar("_T")


class JudgedSubmission(NamedTuple):
    """What a judge hands back."""

    result: Result
    """The finding."""
    clean: bool
    """Whether the program left nothing behind that had to be ended."""


def judge(
    submission: Submission, session: Session, *, backend: str = "", fork: bool = False, builds: Builds | None = None
) -> JudgedSubmission:
    """Judge a submission on a session. Raises SandboxError where that could not be done, ValueError for a submission
    without tests or in an unknown language.

    `fork` runs Python by forking the agent's own interpreter: faster, and weaker. `builds` keeps what compilers made.
    """
    if not submission.tests:
        raise ValueError("a submission without tests cannot be judged: everything would pass")
    if submission.language not in LANGUAGES:
        raise ValueError(f"unknown language {submission.language!r}; known: {', '.join(LANGUAGES)}")
    if submission.language != "python" and any(isinstance(test, CallTest | AssertTest) for test in submission.tests):
        raise ValueError(f"only Python programs can be called; this one is in {submission.language}")
    return _Judge(submission, session, backend, fork, builds or Builds(0)).judge()


class _Judge:
    def __init__(self, submission: Submission, session: Session, backend: str, fork: bool, builds: Builds) -> None:
        self._submission = submission
        self._session = session
        self._backend = backend
        self._builds = builds
        self._language = LANGUAGES[submission.language]
        self._fork = fork and self._language.name == "python"
        limits = submission.limits.over(DEFAULT_LIMITS)
        assert limits.time_s is not None
        assert limits.total_s is not None
        self._limits = replace(limits, time_s=limits.time_s * self._language.time_factor)
        self._total = limits.total_s
        self._deadline = 0.0
        self._loaded: bytes | None = None
        self._complaint: TestOutcome | None = None
        self._clean = True
        self._checker_failed = False

    def judge(self) -> JudgedSubmission:
        start = time.monotonic()
        self._deadline = start + self._total
        outcomes: list[TestOutcome] = []
        decided = False
        for test in self._submission.tests:
            if decided:
                outcomes.append(TestOutcome(outcome=Outcome.SKIPPED, detail="an earlier test decided"))
                continue
            found = self._test(test)
            outcomes.append(found)
            if self._checker_failed:
                return self._unjudged(found, start)
            decided = found.outcome is not Outcome.AC and (self._submission.stop_at_failure or self._left() <= 0)
        failed = next((index for index, found in enumerate(outcomes) if found.outcome is not Outcome.AC), None)
        result = Result(
            outcome=Outcome.AC if failed is None else outcomes[failed].outcome,
            tests=outcomes,
            detail=_sentence(outcomes, failed),
            seconds=time.monotonic() - start,
            backend=self._backend,
        )
        return JudgedSubmission(result, self._clean)

    def _unjudged(self, found: TestOutcome, start: float) -> JudgedSubmission:
        """Another attempt would end in the same way, and other submissions shall not pay for it."""
        result = Result(
            outcome=Outcome.INFRA,
            tests=[found] * len(self._submission.tests),
            detail=found.detail,
            seconds=time.monotonic() - start,
            backend=self._backend,
            checker_failed=True,
        )
        return JudgedSubmission(result, self._clean)

    def _test(self, test: Test) -> TestOutcome:
        if self._left() <= 0:
            return TestOutcome(outcome=Outcome.TLE, detail=f"all tests together took more than {self._total:g} s")
        code = test.code if isinstance(test, ProgramTest) else None
        built = build(self._language, self._submission.source, self._limits, code)
        complaint = self._load(built)
        if complaint is not None:
            return complaint
        limits = replace(self._limits, time_s=max(0.001, min(self._limits.time_s or 0.0, self._left())))
        trust: Trust = "strong"
        if isinstance(test, StdinTest):
            stdin = test.input.encode("utf-8", "replace")
            ran = self._run(Command(argv=built.run, limits=limits, stdin=stdin, fork=self._fork))
            outcome, detail = self._bound(ran) or self._compared(_stdin, test, ran)
        elif isinstance(test, ProgramTest):
            trust = "weak"
            ran = self._run(Command(argv=built.run, limits=limits))
            outcome, detail = self._bound(ran) or self._program(ran, built.nonce)
        else:
            trust = "strong" if isinstance(test, CallTest) or test.names is not None else "weak"
            ran = self._run(self._ask(test, limits))
            if isinstance(test, AssertTest) and trust == "strong" and _is_unfit(ran):
                # The exam alone said so, in a process without the program: it has to be held in the program's.
                test, trust = replace(test, names=None), "weak"
                ran = self._run(self._ask(test, limits))
            outcome, detail = self._bound(ran) or self._compared(_answer, test, ran)
        return _outcome(ran, outcome, detail, trust, built.nonce)

    def _compared(self, rule: Callable[[_T, Ran], tuple[Outcome, str]], test: _T, ran: Ran) -> tuple[Outcome, str]:
        try:
            return rule(test, ran)
        except Exception as error:  # noqa: BLE001 - the boundary: a checker may be anybody's, and what it compares is
            self._checker_failed = True
            return Outcome.INFRA, f"the checker failed: {type(error).__name__}: {error}"

    def _ask(self, test: CallTest | AssertTest, limits: Limits) -> Command:
        if isinstance(test, CallTest):
            call, exam = ask_call(test.entry, test.args, auto_imports=test.auto_imports), None
        else:
            call, exam = ask_exam(test.code, test.names)
        # What is forked shares the agent's memory, where an exam passes through.
        fork = self._fork and exam is None
        return Command(argv=self._language.call, limits=limits, call=call, exam=exam, fork=fork)

    def _run(self, command: Command) -> Ran:
        ran = self._session.run(command)
        self._clean = self._clean and ran.clean and not ran.stray
        return ran

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _bound(self, ran: Ran) -> tuple[Outcome, str] | None:
        if ran.ended not in _AT_BOUND:
            return None
        outcome, sentence = _AT_BOUND[ran.ended]
        return outcome, sentence.format_map({f.name: getattr(self._limits, f.name) for f in fields(self._limits)})

    def _program(self, ran: Ran, nonce: bytes | None) -> tuple[Outcome, str]:
        if ran.ended == "signal":
            return Outcome.RE, _ending(ran)
        if self._language.name == "javascript" and b"Assertion failed" in ran.stderr:
            return Outcome.WA, "an assertion failed"
        if ran.status:
            return Outcome.RE, _ending(ran)
        if nonce is not None and nonce not in ran.stderr:
            return Outcome.RE, "the program ended before the test code did"
        return Outcome.AC, ""

    def _load(self, built: Build) -> TestOutcome | None:
        """Bring a program in and compile it, unless it is there; the outcome where it does not compile."""
        if self._loaded == built.key:
            return self._complaint
        self._loaded = self._complaint = None
        products = self._builds.get(built.key) if built.compile else None
        if built.compile is None or products is not None:
            self._session.load(products or built.files, None)
        else:
            limits = replace(COMPILE_LIMITS, time_s=min(COMPILE_LIMITS.time_s or 0.0, self._left()))
            ran = self._session.load(built.files, Command(argv=built.compile, limits=limits))
            assert ran is not None
            self._clean = self._clean and ran.clean and not ran.stray
            if ran.ended != "exit" or ran.status:
                self._complaint = _outcome(ran, Outcome.CE, _complaint(ran), "strong", built.nonce)
            elif self._builds.keeps:
                self._builds.put(built.key, self._session.products())
        self._loaded = built.key
        return self._complaint


def _stdin(test: StdinTest, ran: Ran) -> tuple[Outcome, str]:
    if ran.ended == "signal":
        return Outcome.RE, _ending(ran)
    difference = test.checker(test.output, ran.stdout.decode("utf-8", "surrogateescape"))
    if difference is None:
        return Outcome.AC, _ending(ran) if ran.status else ""
    return (Outcome.RE, _ending(ran)) if ran.status else (Outcome.WA, difference)


def _is_unfit(ran: Ran) -> bool:
    return ran.value is not None and read_answer(ran.value).kind == "unfit"


class _Opaque:
    """Stands for a value that is not plain: equal to nothing, and as true as its program says."""

    def __init__(self, truth: bool) -> None:
        self._truth = truth

    def __bool__(self) -> bool:
        return self._truth


_ANY_OBJECT = (checkers.truthy, checkers.unequal, checkers.not_identical)
"""Checkers that a value need not be plain for: `assert f(x)`, `f(x) != 1`, `f(x) is not None`."""


def _answer(test: CallTest | AssertTest, ran: Ran) -> tuple[Outcome, str]:
    """What the harness answered. It shares a process with the program, so all but the value of a call can only do harm
    to the program itself."""
    if ran.value is None:
        return Outcome.RE, f"{_ending(ran)}, before it answered"
    if isinstance(test, CallTest) and len(ran.value) > _PER_BYTE * len(encode(test.expected)) + _SPARE:
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
        case "unplain":
            return Outcome.WA, f"returned what is no plain value: {_last(answer.text)}"
        case "raised" | "entry" | "arguments":
            return Outcome.RE, _last(answer.text)
    return Outcome.RE, "the program answered out of turn"


def _outcome(ran: Ran, outcome: Outcome, detail: str, trust: Trust, nonce: bytes | None) -> TestOutcome:
    stderr = ran.stderr.replace(b"\n" + nonce + b"\n", b"") if nonce else ran.stderr
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


def _ending(ran: Ran) -> str:
    if ran.ended == "signal":
        try:
            how = f"ended by {signal.Signals(ran.status).name}"
        except ValueError:
            how = f"ended by signal {ran.status}"
    else:
        how = f"ended with status {ran.status}"
    last = _last_line(ran.stderr)
    return f"{how}: {last}" if last else how


def _complaint(ran: Ran) -> str:
    """What a compiler said: its first line that names an error, else how it ended."""
    if ran.ended in _AT_BOUND:
        return f"compiling reached its bound on {ran.ended}"
    lines = (ran.stderr + b"\n" + ran.stdout)[: 64 << 10].decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in lines if "error" in line), _ending(ran))


def _last_line(data: bytes) -> str:
    return _last(data[-2_000:].decode("utf-8", "replace"))


def _last(text: str) -> str:
    lines = text[-2_000:].rstrip().splitlines()
    return "".join(c if c.isprintable() else "\ufffd" for c in lines[-1].strip()[:200]) if lines else ""


def _sentence(outcomes: Sequence[TestOutcome], failed: int | None) -> str:
    if failed is None:
        return f"passed {len(outcomes)} of {len(outcomes)} tests"
    first = outcomes[failed]
    passed = sum(found.outcome is Outcome.AC for found in outcomes)
    if first.outcome is Outcome.CE:
        return f"does not compile: {first.detail}"
    return f"passed {passed} of {len(outcomes)} tests; test {failed + 1}: {first.outcome.value}, {first.detail}"
