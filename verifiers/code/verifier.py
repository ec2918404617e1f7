"""The accuracy verifier for code: a response's program against its tests, behind an isolation."""

from __future__ import annotations

import ast
import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from ...sandbox import (
    AssertTest,
    CallTest,
    CheckerProgram,
    Fault,
    Limits,
    Outcome,
    ProgramTest,
    Result,
    StdinTest,
    Submission,
    TestOutcome,
    checkers,
)
from ...sandbox.languages import language
from ...sandbox.limits import DEFAULT_LIMITS
from ...sandbox.submission import Checker, Runner, Test
from ...sandbox.testlib import uses_testlib
from ..cases import OWN, TestCase
from ..errors import ConfigError
from ..reasoning import Prefilled
from ..sample import Sample
from ..settings import check, check_option
from ..verdict import Reason, Verdict
from ..verifier import check_samples, failure
from .asserts import ChecksNothingError, split_asserts
from .constants import fold_text
from .contest import limits_of_row
from .joining import complete, complete_other, fit_program_tests, only_defines
from .modules import needs_module
from .program import Program, find_program, foreign_language
from .subtasks import share_of_points, subtask_points

_REASONS: Mapping[Outcome, Reason] = {
    Outcome.AC: Reason.CORRECT,
    Outcome.WA: Reason.WRONG,
    Outcome.TLE: Reason.TIMEOUT,
    Outcome.MLE: Reason.MEMORY_LIMIT,
    Outcome.OLE: Reason.OUTPUT_LIMIT,
    Outcome.RE: Reason.RUNTIME_ERROR,
    Outcome.CE: Reason.COMPILE_ERROR,
}
_FAULTS: Mapping[Fault, Reason] = {
    Fault.SANDBOX: Reason.SANDBOX_UNAVAILABLE,
    Fault.MACHINE_BUSY: Reason.MACHINE_BUSY,
    Fault.CHECKER: Reason.GRADER_CRASHED,
    Fault.CHECKED_NOTHING: Reason.TEST_CHECKED_NOTHING,
}
_SOLUTION = "__r1_solution__"
"""Stands in a test for the text of the program."""
_PYTHON_TIMES = 3
_LEAST_MB = 128
"""A limit on memory of a row's columns is at least this: interpreters take some for themselves."""
_NAMED_LANGUAGE = ("program_language", "programming_language", "lang", "code_language")
"""Fields of a row that may name the language of the program; `language` is that of the chain of thought."""
_LONGEST = 1 << 20
"""Characters of a program that is run."""
_ANSWER = 20_000
"""Characters of it that a verdict shows."""
_OUTPUT = 1_000
"""Characters of what a failed test wrote, of each stream."""
_WITH_OUTPUT = 3
"""Failed tests of a program whose output a verdict holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeVerifier:
    """1 if the response's program passes every test, else 0; with `score="fraction"` the share that it passes, of
    tests with subtasks the share of their points.

    The program is the last fitting code block after the thinking. Tests are the sample's. Nothing runs outside the
    isolation that `backend` names; where it is not available, the verdict is `error: sandbox_unavailable`.

    Evidence: `tests`, one `{outcome, seconds, cpu_seconds, memory_mb, detail}` each, the first failures with the
    `stdout` and `stderr` that they wrote; `trust` (`weak` where test code had to run in the program's own process);
    `form`, the data set's form that the tests were read from; `subtasks`, their points and what the program got of
    them; `language`, `backend`, `environment` and `cpu_seconds`.
    Parts: `passed`, the share of tests.

    >>> CodeVerifier(score="fraction").name
    'code'
    """

    name = "code"
    """The key of its verdicts."""
    backend: str = "auto"
    """`docker`, `runsc`, `local`, `unsafe`, or `auto`: docker where an engine answers, else local."""
    isolation: Literal["reuse", "per_submission"] = "reuse"
    """Whether a sandbox serves many programs, one after the other, or one."""
    mode: Literal["exec", "fork"] = "exec"
    """`fork` runs Python scripts, too, in forks of a clean interpreter: faster; they share the seed of hashes."""
    score: Literal["all", "fraction"] = "all"
    """All tests or none, as in R1; or the share of tests passed, which runs them all."""
    stop_at_failure: bool = True
    """Leave the tests out that follow the first failure; not with `score="fraction"`."""
    language: str | None = None
    """Language of programs where the row names none; None takes it from the block's tag, else Python."""
    extraction: Literal["strict", "lenient"] = "lenient"
    """Whether a response without a code block may be a program itself."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""
    time_s: float | None = None
    """Seconds of processor time that a test may take; here and below, a sample's own limits win."""
    memory_mb: float | None = None
    """Memory of a test, MiB."""
    processes: int | None = None
    """Processes and threads at once."""
    output_bytes: int | None = None
    """Standard output, bytes."""
    disk_mb: float | None = None
    """Files written by a test, MiB."""
    total_s: float | None = None
    """Seconds of processor time for all tests of a program and compiling it."""
    wall_s: float | None = None
    """Wall time of a test, seconds; None: five times its processor time, and 2 s."""
    crashes: Literal["fail", "ignore"] = "fail"
    """Whether a program fails that has written the right output and then ends with an error that nothing caught."""
    trust: Literal["any", "strong"] = "any"
    """`strong`: tests that can only be held in the program's own process are not held, and the sample is unjudged."""
    slots: int | None = None
    """Programs that run at once; None means one per processor."""
    checkers: Mapping[str, Checker] = field(default_factory=dict, hash=False)
    """Checkers of your own by name; a test asks for one as `own:NAME`. From Python only."""

    def __post_init__(self) -> None:
        from ...sandbox.backends import BACKENDS

        check_option("code.backend", self.backend, ("auto", *BACKENDS))
        check(self, self.name)
        try:
            _ = self.limits
        except ValueError as error:
            raise ConfigError(f"code.{error}") from error
        slots = self.slots
        if slots is not None and (isinstance(slots, bool) or not isinstance(slots, int) or slots < 1):
            raise ConfigError(f"code.slots is {slots!r}; it must be a whole number from 1")
        if not isinstance(self.checkers, Mapping) or not all(map(callable, self.checkers.values())):
            raise ConfigError("code.checkers must map names to functions, which only Python can give it")
        if self.language is not None and language(self.language) is None:
            raise ConfigError(f"code.language is {self.language!r}, which no sandbox knows")

    @property
    def limits(self) -> Limits:
        """What programs may use where a sample says nothing."""
        return Limits(
            time_s=self.time_s,
            wall_s=self.wall_s,
            memory_mb=self.memory_mb,
            processes=self.processes,
            output_bytes=self.output_bytes,
            disk_mb=self.disk_mb,
            total_s=self.total_s,
        ).over(DEFAULT_LIMITS)

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample; their programs run at once as far as there are slots."""
        check_samples(samples)
        prepared = [self._prepare(sample) for sample in samples]
        results = iter(self._run([one for one in prepared if isinstance(one, Submission)]))
        return [
            one if isinstance(one, Verdict) else self._verdict(sample, one, next(results))
            for sample, one in zip(samples, prepared, strict=True)
        ]

    def _prepare(self, sample: Sample) -> Submission | Verdict:
        start = time.perf_counter()
        try:
            return self._submission(sample)
        except _Verdict as raised:
            return raised.verdict.timed(time.perf_counter() - start, accuracy=True)
        except Exception as error:  # noqa: BLE001 - the boundary: our own failure is recorded as such
            return Verdict.error(Reason.GRADER_CRASHED, failure(error)).timed(time.perf_counter() - start)

    def _submission(self, sample: Sample) -> Submission:
        """A sample's response and tests as a submission. Raises _Verdict where there is nothing to run."""
        if not sample.tests:
            raise _Verdict(Verdict.error(Reason.TESTS_MISSING, "the sample has no tests"))
        named = named_language(sample) or self.language
        known = language(named) if named else None
        if named and known is None:
            raise _Verdict(Verdict.error(Reason.LANGUAGE_UNKNOWN, f"no sandbox knows the language {named!r}"))
        python = any(test.type in ("function", "assert") for test in sample.tests)
        if python and known is not None and known.name != "python":
            message = f"function and assert tests are Python's, the program's language is {known.name}"
            raise _Verdict(Verdict.error(Reason.TESTS_MISSING, message))
        try:
            tests = [made for test in sample.tests for made in self._tests(test)]
        except ChecksNothingError as error:
            raise _Verdict(Verdict.error(Reason.TEST_CHECKED_NOTHING, str(error))) from error
        except (SyntaxError, ValueError) as error:
            raise _Verdict(Verdict.error(Reason.REFERENCE_UNPARSEABLE, f"a test cannot be read: {error}")) from error
        if self.trust == "strong" and (weak := _why_weak(tests)):
            raise _Verdict(Verdict.error(Reason.TESTS_UNKNOWN_FORM, f"code.trust is strong, and {weak}"))
        program = find_program(
            sample.response,
            sample.prompt,
            required="python" if python else known.name if known else None,
            prefilled=self.prefilled,
            bare=self.extraction == "lenient",
            names=_called(sample, tests),
        )
        if program is None:
            foreign = None if python or known else foreign_language(sample.response, sample.prompt, self.prefilled)
            if foreign:
                raise _Verdict(Verdict.error(Reason.LANGUAGE_UNKNOWN, f"no sandbox knows the language {foreign!r}"))
            raise _Verdict(Verdict.scored(0.0, Reason.NO_ANSWER, "the response holds no program"))
        source = self._source(sample, program)
        if len(source) > _LONGEST:
            message = f"the program has {len(source)} characters; {_LONGEST} are run"
            raise _Verdict(Verdict.scored(0.0, Reason.COMPILE_ERROR, message, answer=source[:_ANSWER]))
        if any(_SOLUTION in test.code for test in tests if isinstance(test, AssertTest)):
            # DS-1000's tests run the text of the program themselves.
            tests = [
                dataclasses.replace(test, code=f"{_SOLUTION} = {source!r}\n{test.code}", names=None, weak=True)
                if isinstance(test, AssertTest)
                else test
                for test in tests
            ]
            source = "pass\n"
        elif program.language != "python":
            tests, source = fit_program_tests(tests, source, program.language)
        return Submission(
            language=program.language,
            source=source,
            tests=tests,
            limits=self._limits_of(sample, program),
            stop_at_failure=self.stop_at_failure and self.score == "all",
            exit_status=self.crashes == "fail",
            standard=f"{named or ''} {program.standard}",
        )

    @staticmethod
    def _source(sample: Sample, program: Program) -> str:
        entry = sample.meta.get("entry_point")
        before = next((test.before for test in sample.tests if test.before), None)
        if before and program.language == "python":
            return f"{before}\n\n{program.source}" if only_defines(before) else program.source
        if isinstance(entry, str) and program.language == "python":
            return complete(program.source, sample.prompt_text, entry)
        if any(test.type == "program" and test.form for test in sample.tests):
            return complete_other(program.source, sample.prompt_text, sample.meta)
        return program.source

    def _limits_of(self, sample: Sample, program: Program) -> Limits:
        """The sample's own limits, else what its row's columns say, else the options."""
        if sample.limits is None and any(test.form for test in sample.tests):
            limits = limits_of_row(sample.meta)
            if limits is not None:
                if limits.time_s and program.language == "python":
                    # Contests set limits for compiled programs.
                    limits = dataclasses.replace(limits, time_s=_PYTHON_TIMES * limits.time_s)
                if limits.memory_mb:
                    limits = dataclasses.replace(limits, memory_mb=max(limits.memory_mb, _LEAST_MB))
                return limits.over(self.limits)
        return (sample.limits or Limits()).over(self.limits)

    def _tests(self, test: TestCase) -> Sequence[Test]:
        """The sandbox's tests for one of ours. Raises SyntaxError or ValueError."""
        if test.type == "stdin":
            assert test.input is not None
            assert test.output is not None
            checker = self._own(test.checker) or checkers.checker(test.checker)
            deciding = _checker_program(test.checker_program) if test.checker_program else None
            return [
                StdinTest(
                    input=test.input,
                    output=test.output,
                    checker=checker,
                    checker_program=deciding,
                    input_file=test.input_file,
                    output_file=test.output_file,
                )
            ]
        if test.type == "function":
            assert test.entry is not None
            assert test.args is not None
            if len(test.args) < _LONGEST:
                ast.parse(test.args, mode="eval")
            name = "equal" if test.checker == "tokens" else test.checker
            checker = self._own(name) or checkers.value_checker(name)
            expected = fold_text(test.expected or "")
            auto_imports = name in (
                "json",
                "json_near",
                "json_unordered",
                "json_wrapped",
            )  # the shapes of LiveCodeBench and its like
            entry = _entry(test.entry)
            return [
                CallTest(entry=entry, args=test.args, expected=expected, checker=checker, auto_imports=auto_imports)
            ]
        assert test.code is not None
        if test.type == "program":
            return [ProgramTest(code=test.code)]
        runner = cast(Runner, test.runner or "")
        return split_asserts(test.code, runner=runner, before=test.before or "")

    def _own(self, name: str) -> Checker | None:
        """The checker of the user's that a test names, if it does. Raises ValueError for one that was not given."""
        if not name.startswith(OWN):
            return None
        checker = self.checkers.get(name.removeprefix(OWN))
        if checker is None:
            raise ValueError(f"the checker {name!r} is not among code.checkers: {', '.join(self.checkers) or 'none'}")
        return checker

    def _run(self, submissions: Sequence[Submission]) -> list[Result]:
        from ...sandbox.pool import Pool, shared

        pool = shared(Pool(backend=self.backend, size=self.slots, isolation=self.isolation, mode=self.mode))
        return pool.run_all(submissions)

    def _verdict(self, sample: Sample, submission: Submission, result: Result) -> Verdict:
        answer = submission.source[:_ANSWER]
        evidence: dict[str, Any] = {  # any: JSON values
            "tests": _test_entries(result.tests),
            "trust": "weak" if any(test.trust == "weak" for test in result.tests) else "strong",
            "language": submission.language,
            "backend": result.backend,
            "environment": result.environment,
            "cpu_seconds": round(sum(test.cpu_seconds for test in result.tests), 3),
        }
        form = next((test.form for test in sample.tests if test.form), None)
        if form:
            evidence["form"] = form
        points = subtask_points(sample.tests, result.tests)
        if points:
            evidence["subtasks"] = points
        if result.outcome is Outcome.INFRA:
            reason = _FAULTS[result.fault or Fault.SANDBOX]
            error = Verdict.error(reason, result.detail[:1000], answer=answer, evidence=evidence)
            return error.timed(result.seconds)
        missing = next((test.missing_module for test in result.tests if test.missing_module), "")
        if missing:
            evidence["missing_module"] = missing
        if missing and (needs_module(sample, missing) or missing in result.modules):
            message = f"the sandbox has no module {missing!r}, which the tests need; {_way_out(missing)}"
            return Verdict.error(Reason.MISSING_MODULE, message, answer=answer, evidence=evidence).timed(result.seconds)
        share = sum(test.outcome is Outcome.AC for test in result.tests) / len(result.tests)
        passed = result.outcome is Outcome.AC
        reason = Reason.MISSING_MODULE if missing else _REASONS[result.outcome]
        detail = f"{result.detail}; {_way_out(missing)}" if missing else result.detail
        score = float(passed)
        if self.score == "fraction":
            score = share_of_points(points, share) if points else share
            reason = Reason.PARTIAL if 0 < score < 1 else reason
        verdict = Verdict.scored(score, reason, detail, answer=answer, parts={"passed": share}, evidence=evidence)
        return verdict.timed(result.seconds, accuracy=True)


def _checker_program(source: str) -> CheckerProgram:
    """A checker in C++ for testlib.h, or one in Python."""
    testlib = uses_testlib(source)
    return CheckerProgram(source=source, language="cpp" if testlib else "python", testlib=testlib)


def _way_out(module: str) -> str:
    return f"to have it, run `r1-reward sandbox build --packages` with {module} among them"


def _why_weak(tests: Sequence[Test]) -> str:
    if any(isinstance(test, ProgramTest) for test in tests):
        return "test code that is appended to the program runs in its process"
    if any(isinstance(test, AssertTest) and (test.names is None or test.weak) for test in tests):
        return "this test cannot be held apart from the program"
    return ""


def _test_entries(outcomes: Sequence[TestOutcome]) -> list[dict[str, Any]]:  # any: JSON values
    """What became of each test, and what the first failures wrote."""
    entries = []
    failures = 0
    for test in outcomes:
        one: dict[str, Any] = {  # any: JSON values
            "outcome": test.outcome.value,
            "seconds": round(test.seconds, 4),
            "cpu_seconds": round(test.cpu_seconds, 4),
            "memory_mb": round(test.memory_mb, 1),
            "detail": test.detail,
        }
        if test.outcome not in (Outcome.AC, Outcome.SKIPPED):
            failures += 1
            if failures <= _WITH_OUTPUT:
                written = {"stdout": _ends(test.stdout), "stderr": _ends(test.stderr)}
                one |= {name: text for name, text in written.items() if text}
        entries.append(one)
    return entries


def _ends(text: str) -> str:
    """A text, or where it is long its beginning and its end: a traceback says at its end what went wrong."""
    half = _OUTPUT // 2
    return (
        text if len(text) <= _OUTPUT else f"{text[:half]}\n… [{len(text) - 2 * half} more characters]\n{text[-half:]}"
    )


class _Verdict(Exception):  # noqa: N818 - no error: the verdict is known before anything runs
    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        self.verdict = verdict


def named_language(sample: Sample) -> str | None:
    """The language that a row's other fields name for its program.

    >>> named_language(Sample(response="", meta={"lang": "cpp"}))
    'cpp'
    """
    for name in _NAMED_LANGUAGE:
        value = sample.meta.get(name)
        if isinstance(value, str) and value:
            return value
    forms = {test.form for test in sample.tests}
    if "humaneval_x" in forms:
        return str(sample.meta.get("task_id")).partition("/")[0]
    if "multipl_e" in forms and sample.language:
        return _MULTIPL_E.get(sample.language, sample.language)
    return None


_MULTIPL_E = {"go_test.go": "go", "d": "dlang"}
"""What MultiPL-E calls languages, where no one else does."""


def _called(sample: Sample, tests: Sequence[Test]) -> set[str]:
    """Names that the tests want the program to define."""
    names = {test.entry or "" for test in sample.tests if test.type == "function"}
    names |= {"Solution"} if names else set()
    names |= {test.entry for test in tests if isinstance(test, CallTest)}
    for test in tests:
        names |= set(test.names or ()) if isinstance(test, AssertTest) else set()
    entry = sample.meta.get("entry_point")
    return {name for name in (*names, entry) if isinstance(name, str) and name.isidentifier()}


def _entry(name: str) -> str:
    """A function by its name, or where there is none of that name, the method of LeetCode's `Solution`."""
    if not name.isidentifier():
        return name
    return f"({name} if {name!r} in globals() else Solution().{name})"
