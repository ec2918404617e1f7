"""How what a program did becomes an outcome, on a real agent behind the local backend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from r1_reward.sandbox import (
    AssertTest,
    CallTest,
    Limits,
    Outcome,
    Pool,
    ProgramTest,
    Result,
    StdinTest,
    Submission,
    checkers,
)
from r1_reward.sandbox.submission import Test

pytestmark = pytest.mark.needs("userns")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(backend="local", size=1) as made:
        yield made


def stdin(input: str = "2 3\n", output: str = "5\n") -> StdinTest:  # noqa: A002 - as the test's own field
    return StdinTest(input=input, output=output, checker=checkers.tokens)


def call(args: str = "(2, 3)", expected: object = 5, entry: str = "add") -> CallTest:
    return CallTest(entry=entry, args=args, expected=expected, checker=checkers.equal)


def run(pool: Pool, source: str, *tests: Test, language: str = "python", stop: bool = True, **limits: float) -> Result:
    bounds = Limits(**{"time_s": 5.0, **limits})  # type: ignore[arg-type]  # numbers, all of them
    return pool.run(Submission(language=language, source=source, tests=tests, limits=bounds, stop_at_failure=stop))


ADD = "print(sum(map(int, input().split())))\n"
STDIN = [
    (ADD, "AC", "right"),
    (ADD + "import os, sys; sys.stdout.flush(); os._exit(0)", "AC", "leaves without ceremony"),
    (ADD + "raise SystemExit(3)", "AC", "the test says what is to be written, not how to end"),
    ("import atexit\natexit.register(print, 5)", "AC", "writes at the end"),
    ("print(sum(map(int, open(0).read().split())))", "AC", "reads by descriptor"),
    ("print(sum(map(int, open('/dev/stdin').read().split())))", "AC", "reads by name"),
    ("print(5, file=open('/dev/stdout', 'w'))", "AC", "writes by name"),
    ("print(5); exit()", "AC", "the interactive helpers are there"),
    ("import inspect\nexit and inspect\nprint(5 if __file__ else 6)", "AC", "so is what a script knows of itself"),
    ("names = [n for n in globals() if n[0] != '_']\nprint(5 if not names else names)", "AC", "and nothing else"),
    ("if __name__ == '__main__': print(5)", "AC", "a program is the main module"),
    (ADD + "[][0]", "RE", "an error that nothing caught, as judges have it"),
    (ADD + "import os; os.kill(os.getpid(), 11)", "RE", "a crash"),
    ("import sys\nprint('much ' * 2_000_000, file=sys.stderr)\nprint(5)", "AC", "standard error is no output"),
    ("print(6)", "WA", "wrong"),
    ("", "WA", "writes nothing"),
    ("import sys; sys.stderr.write('5')", "WA", "standard error is not looked at"),
    ("1/0", "RE", "raises"),
    ("print(5, flush=True)\nimport os\nos.abort()", "RE", "crashes after the answer"),
    ("def f(:", "RE", "does not parse"),
    ("print(6)\nraise SystemExit(1)", "RE", "wrong, and says that it failed"),
]


@pytest.mark.parametrize(("source", "outcome", "why"), STDIN)
def test_stdin(pool: Pool, source: str, outcome: str, why: str) -> None:
    assert run(pool, source, stdin()).outcome == outcome, why


CALLS = [
    ("def add(a, b): return a + b", "AC", "right"),
    ("add = lambda a, b: a + b", "AC", "a lambda"),
    ("def add(a, b): print('noise'); return a + b", "AC", "what is printed is not what is asked"),
    ("import sys\ndef add(a, b): return a + b\nsys.exit", "AC", "nothing"),
    ("def add(a, b):\n    try: exit()\n    except SystemExit: return a + b", "AC", "the interactive helpers are there"),
    ("def add(a, b): return 6", "WA", "wrong"),
    ("def add(a, b): return '5'", "WA", "of another type"),
    ("def add(a, b): return lambda: 5", "WA", "no plain value"),
    ("class S(int):\n    __eq__ = lambda s, o: True\ndef add(a, b): return S(1)", "WA", "equal to everything"),
    ("import sys\ndef add(a, b): sys.exit(0)", "RE", "exits"),
    ("import os\nos._exit(0)", "RE", "exits while it is loaded"),
    ("def add(a, b): raise ValueError('no')", "RE", "raises"),
    ("x = 1", "RE", "has no such function"),
    ("def add(a, b): return b'x' * (4 << 20)", "WA", "far larger than what is expected"),
]


@pytest.mark.parametrize(("source", "outcome", "why"), CALLS)
@pytest.mark.parametrize(
    "test", [call(), AssertTest(code="assert add(2, 3) == 5", names=["add"])], ids=["call", "separate"]
)
def test_calls(pool: Pool, source: str, outcome: str, why: str, test: CallTest | AssertTest) -> None:
    result = run(pool, source, test)
    wrong = {"WA", "RE"}
    assert result.outcome == outcome or (isinstance(test, AssertTest) and {outcome, result.outcome} <= wrong), why
    assert result.tests[0].trust == "strong"


def test_separate_test_in_the_programs_process_is_weak(pool: Pool) -> None:
    (right,) = run(pool, "x = [1]", AssertTest(code="assert x == [1]")).tests
    (wrong,) = run(pool, "x = [2]", AssertTest(code="assert x == [1]")).tests
    assert (right.outcome, right.trust) == ("AC", "weak")
    assert (wrong.outcome, wrong.trust) == ("WA", "weak")


def test_bounds_have_outcomes_of_their_own(pool: Pool) -> None:
    assert run(pool, "while True: pass", stdin(), time_s=0.5).outcome == Outcome.TLE
    assert run(pool, "import time; time.sleep(60)", stdin(), time_s=0.5).outcome == Outcome.TLE
    assert run(pool, "while True: print('x' * 1000)", stdin(), output_bytes=100_000).outcome == Outcome.OLE
    assert run(pool, "x = bytearray(600 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1", stdin()).outcome in (
        Outcome.MLE,
        Outcome.RE,
    )


def test_tests_after_the_first_failure_are_skipped_on_request(pool: Pool) -> None:
    tests = stdin("1 1", "2"), stdin("1 2", "9"), stdin("2 2", "4")
    assert [test.outcome for test in run(pool, ADD, *tests).tests] == ["AC", "WA", "SKIPPED"]
    every = run(pool, ADD, *tests, stop=False)
    assert [test.outcome for test in every.tests] == ["AC", "WA", "AC"]
    assert every.outcome == Outcome.WA
    assert every.detail.startswith("passed 2 of 3 tests; test 2: WA")


def test_all_tests_together_have_a_bound(pool: Pool) -> None:
    tests = [stdin()] * 50
    result = run(pool, "import time; time.sleep(0.2)\n" + ADD, *tests, stop=False, total_s=0.3)
    words = [test.outcome for test in result.tests]
    assert result.outcome == Outcome.TLE
    assert words[-1] == "SKIPPED"


def test_what_is_kept_of_the_output_is_cut_visibly(pool: Pool) -> None:
    (result,) = run(pool, "print('x' * 50_000)", stdin()).tests
    assert len(result.stdout) < 5_000
    assert "more bytes]" in result.stdout


def test_a_submission_without_tests_or_in_no_language_is_refused(pool: Pool) -> None:
    with pytest.raises(ValueError, match="without tests"):
        run(pool, ADD)
    with pytest.raises(ValueError, match="unknown language"):
        run(pool, ADD, stdin(), language="cobol")
    with pytest.raises(ValueError, match="only Python"):
        run(pool, ADD, call(), language="bash")


JS = "const add = (a, b) => a + b;"
PROGRAMS = [
    # language, program, test, right?, why
    ("cpp", "int f() { return 3; }", "#include <cassert>\nint main() { assert(f() == 3); }", True, "right"),
    ("cpp", "int f() { return 4; }", "#include <cassert>\nint main() { assert(f() == 3); }", False, "wrong"),
    (
        "cpp",
        "#include <cstdlib>\nstruct S { S() { std::_Exit(0); } } s;\nint f();",
        "#include <cassert>\nint main() { assert(f() == 3); }\nint f() { return 4; }",
        False,
        "a constructor that exits",
    ),
    (
        "cpp",
        "#include <cstdlib>\nint f() { std::exit(0); }",
        "#include <cassert>\nint main() { assert(f() == 3); }",
        False,
        "exits with 0 when called",
    ),
    (
        "cpp",
        "int f();\nint main() { return 0; }\n#define main other",
        "#include <cassert>\nint main() { assert(f() == 3); }",
        False,
        "renames the test's main",
    ),
    ("cpp", "int f() { return 3 }", "int main() { return f() != 3; }", False, "does not compile"),
    ("c", "int f(void) { return 3; }", "#include <assert.h>\nint main(void) { assert(f() == 3); }", True, "right"),
    (
        "c",
        "#include <unistd.h>\nint f(void) { _exit(0); }",
        "#include <assert.h>\nint main(void) { assert(f() == 3); }",
        False,
        "exits",
    ),
    ("javascript", JS, "console.assert(add(1, 2) === 3)", True, "right"),
    ("javascript", JS, "console.assert(add(1, 2) === 4)", False, "wrong"),
    ("javascript", JS + "process.exit(0)", "console.assert(add(1, 2) === 4)", False, "exits"),
    ("javascript", "const add = () => process.exit(0)", "console.assert(add(1, 2) === 4)", False, "exits when called"),
    (
        "java",
        "class Solution { int f() { return 3; } }",
        "public class Main { public static void main(String[] a) { if (new Solution().f() != 3) throw new Error(); } }",
        True,
        "right",
    ),
    (
        "java",
        "class Solution { int f() { System.exit(0); return 4; } }",
        "public class Main { public static void main(String[] a) { if (new Solution().f() != 3) throw new Error(); } }",
        False,
        "exits",
    ),
    ("bash", "f() { echo 3; }", '[ "$(f)" = 3 ]', True, "right"),
    ("bash", "f() { echo 4; }", '[ "$(f)" = 3 ]', False, "wrong"),
    ("bash", "f() { echo 4; }; exit 0", '[ "$(f)" = 3 ]', False, "exits"),
    ("python", "def f(): return 3", "assert f() == 3", True, "right"),
    ("python", "def f(): raise SystemExit", "assert f() == 3", False, "exits"),
]
NEEDED = {"cpp": "g++", "c": "gcc", "javascript": "node", "java": "javac"}


@pytest.mark.parametrize(
    ("language", "source", "code", "right", "why"),
    [
        pytest.param(*row, marks=pytest.mark.needs(NEEDED[row[0]]) if row[0] in NEEDED else (), id=f"{row[0]}-{row[4]}")
        for row in PROGRAMS
    ],
)
def test_programs(pool: Pool, language: str, source: str, code: str, right: bool, why: str) -> None:
    result = run(pool, source, ProgramTest(code=code), language=language)
    assert (result.outcome == Outcome.AC) is right, result
    assert "compile" not in why or result.outcome == Outcome.CE
    assert result.outcome != Outcome.INFRA
    assert result.tests[0].trust == "weak" or result.outcome == Outcome.CE


SUMS = {
    "c": '#include <stdio.h>\nint main(void) { int a, b; scanf("%d %d", &a, &b); printf("%d", a + b); return 7; }',
    "cpp": "#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << a + b; }",
    "javascript": "const [a, b] = require('fs').readFileSync('/dev/stdin', 'utf8').split(' ').map(Number);"
    "console.log(a + b);",
    "java": "import java.util.*;\npublic class Sum { public static void main(String[] x) { "
    "Scanner s = new Scanner(System.in); System.out.println(s.nextInt() + s.nextInt()); } }",
    "bash": "read a b; echo $((a + b))",
    "python": ADD,
}


@pytest.mark.parametrize(
    "language",
    [pytest.param(name, marks=pytest.mark.needs(NEEDED[name]) if name in NEEDED else ()) for name in SUMS],
)
def test_languages_read_and_write(pool: Pool, language: str) -> None:
    result = run(pool, SUMS[language], stdin(), stdin("10 20", "30"), language=language)
    assert result.outcome == Outcome.AC, result
    # The second time it comes out of what the first compilation made.
    assert run(pool, SUMS[language], stdin(), language=language).outcome == Outcome.AC
    assert run(pool, SUMS[language], stdin("1 1", "3"), language=language).outcome in (Outcome.WA, Outcome.RE)
