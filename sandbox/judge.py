"""From a submission to its result, over one session.

Tests run one at a time. Only inputs go into the sandbox; what came out is compared here (rules.py). The rules:

- A bound that was reached decides before anything else: TLE, MLE, OLE; too many processes or too much disk are RE.
  Where the program waited for a processor instead, the machine was busy: `MachineBusyError`, and never a result.
- stdin tests: ended by a signal is RE; else standard output decides, or a checker program that is run on it. The exit
  status alone does not: honest programs return odd numbers from `main`. What crashed after the right output, with the
  message of an error that nothing caught, is RE all the same, unless the submission says otherwise.
- call tests: the value that came back with the right nonce decides. No value is RE, however the program ended. Calls
  that follow each other share one start of the program, in forks of it.
- assert tests pass where their code ran to its end and said so with the right nonce; a failed assert is WA. One that
  neither called nor asserted anything makes the submission INFRA.
- program tests pass with exit status 0 and, where the language allows for it (`languages.Ending`), a secret that only
  code after the test's end writes. JavaScript also fails on "Assertion failed" on standard error. Weak: the test code
  runs in the program's own process.

Faults of the sandbox are SandboxError and never a result; a checker that raises makes its submission INFRA, and no
other.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from . import rules
from .answer import ask_call, ask_calls, ask_test
from .builds import Build, Builds, build
from .errors import MachineBusyError, RefusedError
from .golang import missing_package
from .languages import COMPILE_LIMITS, LANGUAGES
from .limits import DEFAULT_LIMITS, Limits
from .outcome import Fault, Outcome, Result, TestOutcome, Trust
from .session import Command, Ran, Session
from .submission import AssertTest, CallTest, ProgramTest, StdinTest, Submission, Test
from .testlib import with_testlib

_WALL = 5
"""How many times longer than its processor time a whole submission may take."""
_CHECK_LIMITS = Limits(time_s=20, memory_mb=1024, processes=32, output_bytes=1 << 20, disk_mb=16)
"""What a checker program may use."""
_SLOW_IMPORTS = ("numpy", "pandas", "scipy", "sklearn", "sympy", "networkx", "matplotlib")
_IMPORT_S = 0.75
"""Processor time that importing one of these may take; it is not the program's."""
_SLOW_COMPILE_S = 5.0
"""A program whose compiling took longer and failed is not tried by another standard."""
_NO_COMMAND = 127
"""The status of a shell that has not found what it was to start."""
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

    `fork` runs Python scripts in forks of a clean interpreter: faster, with one seed of hashes. `builds` keeps what
    compilers made.
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
        self._limits = submission.limits.over(DEFAULT_LIMITS)
        assert self._limits.total_s is not None
        self._total: float = self._limits.total_s
        self._start = time.monotonic()
        self._used = self._waited = 0.0
        self._loaded: bytes | None = None
        self._complaint: TestOutcome | None = None
        self._clean = True
        self._fault: Fault | None = None
        self._spare = _IMPORT_S * sum(
            f"import {name}" in submission.source or f"from {name}" in submission.source for name in _SLOW_IMPORTS
        )
        self._really_missing: dict[str, bool] = {}

    def judge(self) -> JudgedSubmission:
        outcomes: list[TestOutcome] = []
        tests = self._submission.tests
        for test in self._outcomes():
            outcomes.append(test)
            if self._fault is not None:
                return self._unjudged(test)
            if test.outcome is not Outcome.AC and (self._submission.stop_at_failure or self._out_of_time()):
                break
        skipped = TestOutcome(outcome=Outcome.SKIPPED, detail="an earlier test decided")
        outcomes += [skipped] * (len(tests) - len(outcomes))
        failed = next((index for index, outcome in enumerate(outcomes) if outcome.outcome is not Outcome.AC), None)
        outcome = Outcome.AC if failed is None else outcomes[failed].outcome
        return self._result(outcome, outcomes, rules.sentence(outcomes, failed))

    def _result(self, outcome: Outcome, outcomes: Sequence[TestOutcome], detail: str) -> JudgedSubmission:
        environment = self._session.environment
        result = Result(
            outcome=outcome,
            tests=outcomes,
            detail=detail,
            seconds=time.monotonic() - self._start,
            backend=self._backend,
            environment=environment.name,
            modules=environment.modules,
            fault=self._fault,
        )
        return JudgedSubmission(result, self._clean)

    def _unjudged(self, outcome: TestOutcome) -> JudgedSubmission:
        """Another attempt would end in the same way, and other submissions shall not pay for it."""
        return self._result(Outcome.INFRA, [outcome] * len(self._submission.tests), outcome.detail)

    def _outcomes(self) -> Iterator[TestOutcome]:
        """One for each test, as they are asked for."""
        for key, group in itertools.groupby(self._submission.tests, _batch):
            if key is None:
                for test in group:
                    yield self._out_of_time() or self._test(test)
            else:
                yield from self._calls([test for test in group if isinstance(test, CallTest)], key)

    def _calls(self, tests: Sequence[CallTest], auto_imports: bool) -> Iterator[TestOutcome]:
        """Calls that share a start, as far as none of them ends the program."""
        done = 0
        while done < len(tests):
            late = self._out_of_time()
            if late is not None:
                yield late
                done += 1
                continue
            built = build(self._language, self._submission.source, self._limits)
            self._load(built)
            command = Command(
                argv=self._language.call,
                limits=self._bounds(),
                call=ask_calls(auto_imports=auto_imports),
                calls=[
                    ask_call(test.entry, test.args, last=number == len(tests))
                    for number, test in enumerate(tests[done:], done + 1)
                ],
                fork=self._fork,
            )
            calls = self._session.run_calls(command)
            try:
                for ran in calls:
                    self._count(ran)
                    test = tests[done]
                    outcome, detail = rules.at_bound(ran, self._limits) or self._compared(rules.judge_answer, test, ran)
                    done += 1
                    if rules.missing_module(ran):  # which is looked into with the same session
                        calls.close()  # type: ignore[attr-defined]  # a generator
                    yield self._rated(ran, outcome, detail)
                    if self._out_of_time():
                        break
            finally:
                calls.close()  # type: ignore[attr-defined]  # a generator
                self._clean = self._clean and not self._session.left_behind

    def _test(self, test: Test) -> TestOutcome:
        code = test.code if isinstance(test, ProgramTest) else None
        built = build(self._language, self._submission.source, self._limits, code, self._submission.standard)
        complaint = self._load(built)
        if complaint is not None:
            package = missing_package(complaint.stderr, code or "")
            if package:
                self._fault = Fault.SANDBOX
                why = f"the tests import {package}, which is not here"
                return replace(complaint, outcome=Outcome.INFRA, detail=why)
            return complaint
        if isinstance(test, StdinTest):
            return self._stdin(test, built)
        if isinstance(test, ProgramTest):
            secret = rules.nonce().encode() if built.shows_end else b""
            ran = self._run(Command(argv=built.run, limits=self._bounds(), secret=secret))
            outcome, detail = rules.at_bound(ran, self._limits) or self._program(ran, secret)
            return self._rated(ran, outcome, detail, "weak", secret)
        assert isinstance(test, AssertTest)
        trust: Trust = "strong" if test.names is not None and not test.weak else "weak"
        ran = self._run(self._ask(test))
        if test.names is not None and rules.is_unfit(ran):
            # The test alone said so, in a process without the program: it has to be held in the program's.
            test, trust = replace(test, names=None), "weak"
            ran = self._run(self._ask(test))
        outcome, detail = rules.at_bound(ran, self._limits) or self._compared(rules.judge_answer, test, ran)
        if outcome is Outcome.INFRA and self._fault is None:
            if test.names is None and not self._checks_nothing(test):
                outcome, detail = Outcome.RE, "the program kept the test from running"
            else:
                self._fault = Fault.CHECKED_NOTHING
        return self._rated(ran, outcome, detail, trust)

    def _checks_nothing(self, test: AssertTest) -> bool:
        """Whether a test says so without a program, too: in the program's process that may be the program's word."""
        self._loaded = None
        self._session.load({"main.py": b""}, None)
        ran = self._run(self._ask(test))
        return rules.judge_answer(test, ran)[0] is Outcome.INFRA

    def _stdin(self, test: StdinTest, built: Build) -> TestOutcome:
        expected = len(test.output.encode("utf-8", "replace"))
        bounds = self._bounds()
        # What is expected may always be written.
        bounds = replace(bounds, output_bytes=max(bounds.output_bytes or 0, 2 * expected + (1 << 16)))
        stdin, argv = test.input.encode("utf-8", "replace"), built.run
        if test.input_file or test.output_file:
            argv = _with_files(argv, test)
            if test.input_file:
                self._session.load({**built.files, **self._products, f"r1_input/{test.input_file}": stdin}, None)
                self._loaded = None
        ran = self._run(Command(argv=argv, limits=bounds, stdin=stdin, fork=self._fork and argv is built.run))
        decided = rules.at_bound(ran, replace(self._limits, output_bytes=bounds.output_bytes))
        if decided is None and test.checker_program is not None:
            decided = self._checked(test, ran)
        crashes_fail = self._submission.exit_status
        if decided is None:
            decided = self._compared(lambda t, r: rules.judge_stdin(t, r, crashes_fail=crashes_fail), test, ran)
        return self._rated(ran, *decided)

    def _checked(self, test: StdinTest, ran: Ran) -> tuple[Outcome, str]:
        """Ask a checker program, in a run of its own from which nothing of the submission can be seen."""
        assert test.checker_program is not None
        if ran.ended == "signal":
            return Outcome.RE, rules.ending(ran)
        checker = test.checker_program
        language = LANGUAGES[checker.language]
        source = with_testlib(checker.source) if checker.testlib else checker.source
        built = build(language, source, DEFAULT_LIMITS)
        files = {"input.txt": test.input, "expected.txt": test.output}
        data = {name: text.encode("utf-8", "replace") for name, text in files.items()} | {"output.txt": ran.stdout}
        self._loaded = None
        if built.compile:
            made = self._builds.get(built.key)
            if made is None:
                compiled = self._compile(built)
                if compiled is not None:
                    self._fault = Fault.CHECKER
                    return Outcome.INFRA, f"the checker program does not compile: {rules.complaint(compiled)}"
                made = self._session.products() or None
                if made is None:
                    self._fault = Fault.CHECKER
                    return Outcome.INFRA, "the checker program is too large"
                self._builds.put(built.key, made)
            data |= made
        else:
            data |= built.files
        self._session.load(data, None)
        order = (
            ("input.txt", "output.txt", "expected.txt")
            if checker.testlib
            else ("input.txt", "expected.txt", "output.txt")
        )
        argv = [*built.run, *(f"{{work}}/{name}" for name in order)]
        checked = self._session.run(Command(argv=argv, limits=language.bounds(_CHECK_LIMITS.over(DEFAULT_LIMITS))))
        return self._verdict_of_checker(checker.testlib, checked, ran)

    def _verdict_of_checker(self, testlib: bool, checked: Ran, ran: Ran) -> tuple[Outcome, str]:
        said = checked.stdout.decode("utf-8", "replace").strip()
        right: bool | None = None
        if checked.ended == "exit" and testlib and checked.status in (0, 1, 2, 7):
            right = checked.status == 0
        elif checked.ended == "exit" and not testlib and checked.status == 0:
            word = said.split()[0].lower() if said else ""
            right = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}.get(word)
            if right is None:
                right = _share_of_one(word)
        if right is None:
            self._fault = Fault.CHECKER
            return Outcome.INFRA, f"the checker program gave no answer: {rules.ending(checked)}"
        difference = None if right else f"the checker program says no{': ' + said[:100] if said else ''}"
        return rules.with_ending(ran, difference, crashes_fail=self._submission.exit_status)

    def _compared(self, rule: Callable[[_T, Ran], tuple[Outcome, str]], test: _T, ran: Ran) -> tuple[Outcome, str]:
        try:
            return rule(test, ran)
        except Exception as error:  # noqa: BLE001 - the boundary: a checker may be anybody's, and what it compares is
            self._fault = Fault.CHECKER
            return Outcome.INFRA, f"the checker failed: {type(error).__name__}: {error}"

    def _ask(self, test: AssertTest) -> Command:
        call, test_program = ask_test(test.code, test.names, test.runner)
        return Command(argv=self._language.call, limits=self._bounds(), call=call, test=test_program, fork=self._fork)

    def _run(self, command: Command) -> Ran:
        ran = self._session.run(command)
        self._clean = self._clean and ran.clean and not ran.stray
        self._count(ran)
        return ran

    def _count(self, ran: Ran) -> None:
        """Raises MachineBusyError where the run says nothing about the program."""
        self._used += ran.cpu_seconds
        self._waited += ran.waited
        if ran.ended == "busy":
            raise MachineBusyError(
                f"the program had {ran.cpu_seconds:.1f} s of a processor in {ran.seconds:.1f} s, and waited for one "
                f"for {ran.waited:.1f} s"
            )

    def _rated(
        self, ran: Ran, outcome: Outcome, detail: str, trust: Trust = "strong", secret: bytes = b""
    ) -> TestOutcome:
        judged = rules.outcome_of(ran, outcome, detail, trust, secret)
        name = rules.missing_module(ran) if outcome in (Outcome.RE, Outcome.WA) else ""
        return replace(judged, missing_module=name) if name and self._is_missing(name) else judged

    def _is_missing(self, name: str) -> bool:
        """Whether a module cannot be imported here: a program can write anything."""
        if self._language.name != "python" or not name.isidentifier():
            return False
        if name not in self._really_missing:
            self._loaded = None
            self._session.load({"main.py": f"import {name}\n".encode()}, None)
            ran = self._session.run(Command(argv=self._language.run, limits=self._bounds()))
            self._really_missing[name] = (
                ran.ended == "exit" and ran.status != 0 and b"ModuleNotFoundError" in ran.stderr
            )
        return self._really_missing[name]

    def _bounds(self) -> Limits:
        """What a run may use."""
        left = max(0.001, min(self._limits.time_s or 0.0, self._total - self._used))
        bounds = self._language.bounds(replace(self._limits, time_s=left))
        return replace(bounds, time_s=(bounds.time_s or 0) + self._spare, wall_s=self._limits.wall_s)

    def _out_of_time(self) -> TestOutcome | None:
        elapsed = time.monotonic() - self._start
        if self._used < self._total and elapsed < _WALL * self._total:
            return None
        if self._used < self._total and self._waited >= (elapsed - self._used) / 2:
            raise MachineBusyError(f"the tests had {self._used:.1f} s of a processor in {elapsed:.1f} s")
        return TestOutcome(outcome=Outcome.TLE, detail=f"all tests together took more than {self._total:g} s")

    def _program(self, ran: Ran, secret: bytes) -> tuple[Outcome, str]:
        if ran.ended == "signal":
            return Outcome.RE, rules.ending(ran)
        if self._language.name == "javascript" and b"Assertion failed" in ran.stderr:
            return Outcome.WA, "an assertion failed"
        if ran.status:
            return Outcome.RE, rules.ending(ran)
        if secret and secret not in ran.stderr:
            return Outcome.RE, "the program ended before the test code did"
        return Outcome.AC, ""

    def _load(self, built: Build) -> TestOutcome | None:
        """Bring a program in and compile it, unless it is there; the outcome where it does not compile."""
        if self._loaded == built.key:
            return self._complaint
        self._loaded = self._complaint = None
        self._products = {}
        products = self._builds.get(built.key) if built.compile else None
        if not built.compile or products is not None:
            self._session.load(products or built.files, None)
            self._products = dict(products or {})
        else:
            failed = self._compile(built)
            if failed is not None:
                self._complaint = rules.outcome_of(failed, Outcome.CE, rules.complaint(failed))
            elif self._builds.keeps:
                self._products = dict(self._session.products())
                if self._products:
                    self._builds.put(built.key, self._products)
        self._loaded = built.key
        return self._complaint

    _products: dict[str, bytes]

    def _compile(self, built: Build) -> Ran | None:
        """Try the commands in turn; what the first said where none of them worked."""
        first: Ran | None = None
        for command in built.compile:
            left = max(0.001, min(COMPILE_LIMITS.time_s or 0.0, self._total - self._used))
            limits = replace(COMPILE_LIMITS, time_s=left)
            ran = self._session.load(built.files, Command(argv=command, limits=limits))
            assert ran is not None
            self._clean = self._clean and ran.clean and not ran.stray
            self._count(ran)
            if ran.ended == "exit" and not ran.status:
                return None
            if ran.ended == "exit" and ran.status == _NO_COMMAND:
                raise RefusedError(f"no compiler for {self._language.name} in this image: {rules.ending(ran)}")
            first = first or ran
            if ran.ended != "exit" or ran.cpu_seconds > _SLOW_COMPILE_S:
                break
        return first


def _batch(test: Test) -> bool | None:
    """Calls with the same answer share a start; None: a start of its own."""
    return test.auto_imports if isinstance(test, CallTest) else None


def _share_of_one(word: str) -> bool | None:
    """A checker may give a share; only all of it is right."""
    try:
        return float(word) >= 1
    except ValueError:
        return None


def _with_files(argv: Sequence[str], test: StdinTest) -> tuple[str, ...]:
    """The command, with its input where the program finds it as a file, and what it wrote to one as its output."""
    steps = []
    if test.input_file:
        steps.append('cp -- "$R" "$I"')
    run = '"$@"'
    if test.output_file:
        steps += [f"{run} >/dev/null", "status=$?", 'cat -- "$O" 2>/dev/null', "exit $status"]
    else:
        steps.append(f"exec {run}")
    text = "; ".join(steps)
    names = (
        ("$R", f"{{work}}/r1_input/{test.input_file}"),
        ("$I", test.input_file or ""),
        ("$O", test.output_file or ""),
    )
    for variable, value in names:
        text = text.replace(f'"{variable}"', f"'{value}'")
    return ("/bin/sh", "-c", text, "sh", *argv)
