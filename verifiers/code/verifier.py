"""The accuracy verifier for code: a response's program against its tests, behind an isolation."""

from __future__ import annotations

import ast
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ...sandbox import (
    CallTest,
    ExamTest,
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
from ...sandbox.submission import Checker, Test
from ..cases import TestCase
from ..errors import ConfigError
from ..reasoning import Prefilled
from ..sample import Sample
from ..settings import check, check_option
from ..verdict import Reason, Verdict
from ..verifier import failure
from .asserts import take_apart
from .constants import fold_text
from .program import complete, find_program

_REASONS: Mapping[Outcome, Reason] = {
    Outcome.AC: Reason.CORRECT,
    Outcome.WA: Reason.WRONG,
    Outcome.TLE: Reason.TIMEOUT,
    Outcome.MLE: Reason.MEMORY_LIMIT,
    Outcome.OLE: Reason.OUTPUT_LIMIT,
    Outcome.RE: Reason.RUNTIME_ERROR,
    Outcome.CE: Reason.COMPILE_ERROR,
}
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
    """1 if the response's program passes every test, else 0; with `score="fraction"` the share that it passes.

    The program is the last fitting code block after the thinking. Tests are the sample's. Nothing runs outside the
    isolation that `backend` names; where it cannot be had, the verdict is `error: sandbox_unavailable` and no number.

    Evidence: `tests`, one `{outcome, seconds, memory_mb, detail}` each, the first failures with the `stdout` and
    `stderr` that they wrote, `trust` (`weak` where test code had to run in the program's own process), `language`,
    `backend`. Parts: `passed`, the share of tests.

    >>> CodeVerifier(score="fraction").name
    'code'
    """

    backend: str = "auto"
    """`docker`, `runsc`, `local`, `unsafe`, or `auto`: docker where an engine answers, else local."""
    isolation: Literal["reuse", "per_submission"] = "reuse"
    """Whether a sandbox serves many programs, one after the other, or one."""
    mode: Literal["exec", "fork"] = "exec"
    """`fork` runs Python in forks of a warm interpreter: faster, and weaker."""
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
    """Seconds a test may take; here and below, a sample's own limits win."""
    memory_mb: float | None = None
    """Memory of a test, MiB."""
    processes: int | None = None
    """Processes and threads at once."""
    output_bytes: int | None = None
    """Standard output and standard error together, bytes."""
    disk_mb: float | None = None
    """Files written by a test, MiB."""
    total_s: float | None = None
    """Seconds for all tests of a program and compiling it."""
    slots: int | None = None
    """Programs that run at once; None means one per processor."""
    checkers: Mapping[str, Checker] = field(default_factory=dict, hash=False)
    """Checkers of your own, by the names that tests call them; from Python only."""

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
    def name(self) -> str:
        """`code`."""
        return "code"

    @property
    def limits(self) -> Limits:
        """What programs may use where a sample says nothing."""
        return Limits(
            time_s=self.time_s,
            memory_mb=self.memory_mb,
            processes=self.processes,
            output_bytes=self.output_bytes,
            disk_mb=self.disk_mb,
            total_s=self.total_s,
        ).over(DEFAULT_LIMITS)

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample; their programs run at once as far as there are slots."""
        prepared = [self._prepare(sample) for sample in samples]
        results = iter(self._run([found for found in prepared if isinstance(found, Submission)]))
        return [found if isinstance(found, Verdict) else self._verdict(found, next(results)) for found in prepared]

    def _prepare(self, sample: Sample) -> Submission | Verdict:
        start = time.perf_counter()
        try:
            return self._submission(sample)
        except _Verdict as found:
            return found.verdict.timed(time.perf_counter() - start)
        except Exception as error:  # noqa: BLE001 - the boundary: our own failure is recorded as such
            return Verdict.error(Reason.GRADER_CRASHED, failure(error)).timed(time.perf_counter() - start)

    def _submission(self, sample: Sample) -> Submission:
        """What a sample's response and tests come to. Raises _Verdict where there is nothing to run."""
        if not sample.tests:
            raise _Verdict(Verdict.error(Reason.TESTS_MISSING, "the sample has no tests"))
        wanted = named_language(sample) or self.language
        known = language(wanted) if wanted else None
        if wanted and known is None:
            raise _Verdict(Verdict.error(Reason.TESTS_MISSING, f"no sandbox knows the language {wanted!r}"))
        python = any(test.type in ("function", "assert") for test in sample.tests)
        if python and known is not None and known.name != "python":
            told = f"function and assert tests are Python's, the program's language is {known.name}"
            raise _Verdict(Verdict.error(Reason.TESTS_MISSING, told))
        try:
            tests = [made for test in sample.tests for made in self._tests(test)]
        except (SyntaxError, ValueError) as error:
            raise _Verdict(Verdict.error(Reason.REFERENCE_UNPARSEABLE, f"a test cannot be read: {error}")) from error
        program = find_program(
            sample.response,
            sample.prompt,
            wanted="python" if python else known.name if known else None,
            prefilled=self.prefilled,
            bare=self.extraction == "lenient",
            names=_called(sample, tests),
        )
        if program is None:
            raise _Verdict(Verdict.scored(0.0, Reason.NO_ANSWER, "the response holds no program"))
        entry = sample.meta.get("entry_point")
        source = complete(program.source, sample.prompt_text, entry) if isinstance(entry, str) else program.source
        if len(source) > _LONGEST:
            told = f"the program has {len(source)} characters; {_LONGEST} are run"
            raise _Verdict(Verdict.scored(0.0, Reason.COMPILE_ERROR, told, answer=source[:_ANSWER]))
        return Submission(
            language=program.language,
            source=source,
            tests=tests,
            limits=(sample.limits or Limits()).over(self.limits),
            stop_at_failure=self.stop_at_failure and self.score == "all",
        )

    def _tests(self, test: TestCase) -> Sequence[Test]:
        """The sandbox's tests that one of ours comes to. Raises SyntaxError or ValueError."""
        if test.type == "stdin":
            assert test.input is not None
            assert test.output is not None
            checker = self.checkers.get(test.checker) or checkers.checker(test.checker)
            return [StdinTest(input=test.input, output=test.output, checker=checker)]
        if test.type == "function":
            assert test.entry is not None
            assert test.args is not None
            ast.parse(test.args, mode="eval")
            name = "equal" if test.checker == "tokens" else test.checker
            checker = self.checkers.get(name) or checkers.value_checker(name)
            expected = fold_text(test.expected or "")
            usual = name in ("json", "json_wrapped")  # the shapes of LiveCodeBench and its like
            entry = _entry(test.entry)
            return [CallTest(entry=entry, args=test.args, expected=expected, checker=checker, usual=usual)]
        assert test.code is not None
        return [ProgramTest(code=test.code)] if test.type == "program" else take_apart(test.code)

    def _run(self, submissions: Sequence[Submission]) -> list[Result]:
        from ...sandbox.pool import Pool, shared

        pool = shared(Pool(backend=self.backend, size=self.slots, isolation=self.isolation, mode=self.mode))
        return pool.run_all(submissions)

    def _verdict(self, submission: Submission, result: Result) -> Verdict:
        answer = submission.source[:_ANSWER]
        evidence: dict[str, Any] = {  # any: JSON values
            "tests": _told(result.tests),
            "trust": "weak" if any(test.trust == "weak" for test in result.tests) else "strong",
            "language": submission.language,
            "backend": result.backend,
        }
        if result.outcome is Outcome.INFRA:
            told = result.detail[:1000]
            reason = Reason.GRADER_CRASHED if result.checker_failed else Reason.SANDBOX_UNAVAILABLE
            error = Verdict.error(reason, told, answer=answer, evidence=evidence)
            return error.timed(result.seconds)
        share = sum(test.outcome is Outcome.AC for test in result.tests) / len(result.tests)
        passed = result.outcome is Outcome.AC
        reason = _REASONS[result.outcome]
        score = float(passed)
        if self.score == "fraction":
            score = share
            reason = Reason.PARTIAL if 0 < share < 1 else reason
        verdict = Verdict.scored(
            score, reason, result.detail, answer=answer, parts={"passed": share}, evidence=evidence
        )
        return verdict.timed(result.seconds)


def _told(outcomes: Sequence[TestOutcome]) -> list[dict[str, Any]]:  # any: JSON values
    """What became of each test, and what the first failures wrote."""
    told = []
    failures = 0
    for test in outcomes:
        one: dict[str, Any] = {  # any: JSON values
            "outcome": test.outcome.value,
            "seconds": round(test.seconds, 4),
            "memory_mb": round(test.memory_mb, 1),
            "detail": test.detail,
        }
        if test.outcome not in (Outcome.AC, Outcome.SKIPPED):
            failures += 1
            if failures <= _WITH_OUTPUT:
                written = {"stdout": _ends(test.stdout), "stderr": _ends(test.stderr)}
                one |= {name: text for name, text in written.items() if text}
        told.append(one)
    return told


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
    return None


def _called(sample: Sample, tests: Sequence[Test]) -> set[str]:
    """Names that the tests want the program to define."""
    names = {test.entry or "" for test in sample.tests if test.type == "function"}
    names |= {"Solution"} if names else set()
    names |= {test.entry for test in tests if isinstance(test, CallTest)}
    for test in tests:
        names |= set(test.names or ()) if isinstance(test, ExamTest) else set()
    entry = sample.meta.get("entry_point")
    return {name for name in (*names, entry) if isinstance(name, str) and name.isidentifier()}


def _entry(name: str) -> str:
    """A function by its name, or where there is none of that name, the method of LeetCode's `Solution`."""
    if not name.isidentifier():
        return name
    return f"({name} if {name!r} in globals() else Solution().{name})"
