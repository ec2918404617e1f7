"""Go: programs that are functions or whole files, tests for `testing`, and programs that end before these do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from r1_reward.sandbox import Fault, Outcome, Pool, ProgramTest, Result, Submission
from r1_reward.sandbox.golang import join, missing_package

TESTS = """func TestTwice(t *testing.T) {
\tfor i, x := range []int{1, 5} {
\t\tt.Run(fmt.Sprintf("%d", i), func(t *testing.T) {
\t\t\tif Twice(x) != 2*x {
\t\t\t\tt.Errorf("got %d", Twice(x))
\t\t\t}
\t\t})
\t}
}
"""
ASSERTS = """package main

import (
\t"testing"
\t"github.com/stretchr/testify/assert"
)

func TestTwice(t *testing.T) {
\tassert := assert.New(t)
\tassert.Equal(4, Twice(2))
\tassert.Equal([]int{2}, []int{Twice(1)})
}
"""
MAIN = "func main() {\n\tif Twice(2) != 4 {\n\t\tpanic(1)\n\t}\n}\n"
RIGHT = "func Twice(x int) int { return x + x }"
HEAD = 'package twice_test\n\nimport (\n\t"testing"\n\t"fmt"\n)\n'


def test_a_function_gets_the_imports_that_it_uses() -> None:
    program, files = join("func F(x float64) string { return strconv.Itoa(int(math.Sqrt(x))) } // sort.Ints", TESTS)
    assert program.startswith("package main\n")
    assert [name in program for name in ('"math"', '"strconv"', '"sort"', '"testing"')] == [True, True, False, False]
    assert '"testing"' in files["r1_reward_tests.go"]
    assert 'Name: "TestTwice", F: TestTwice' in files["r1_reward_end.go"]


def test_a_whole_file_keeps_its_imports_and_gives_up_its_main() -> None:
    program, _ = join(f'{HEAD}{RIGHT}\nfunc main() {{ fmt.Println("x") }}\n', TESTS)
    assert program.startswith("package main\n")
    assert program.count('"fmt"') == 1
    assert "func main()" not in program
    assert "var _ = testing.Main" in program


def test_a_package_that_only_the_program_imports_is_its_fault() -> None:
    said = 'r1_reward_tests.go:5:2: cannot find package "{}" in any of:'
    assert missing_package(said.format("github.com/a/b"), 'import "github.com/a/b"') == "github.com/a/b"
    assert missing_package(said.format("github.com/a/b"), ASSERTS) == ""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(backend="local", size=1) as made:
        yield made


def _run(pool: Pool, source: str, code: str) -> Result:
    return pool.run(Submission(language="go", source=source, tests=[ProgramTest(code=code)]))


@pytest.mark.needs("go")
@pytest.mark.parametrize(
    ("source", "code"),
    [(RIGHT, TESTS), (HEAD + RIGHT, TESTS), (RIGHT, ASSERTS), (RIGHT, MAIN), (f"{RIGHT}\nfunc main() {{}}\n", TESTS)],
)
def test_right_programs_pass(pool: Pool, source: str, code: str) -> None:
    result = _run(pool, source, code)
    assert result.outcome is Outcome.AC, result


WRONG = "func Twice(x int) int { return x + 1 }\n"
EARLY = {
    "is wrong": WRONG,
    "leaves in init": f'import "os"\n{WRONG}func init() {{ println("PASS"); os.Exit(0) }}',
    "leaves in the test": 'import "os"\nfunc Twice(x int) int { println("ok"); os.Exit(0); return 0 }',
    "asks for other tests": f'import "os"\n{WRONG}func init() {{ os.Args = append(os.Args, "-test.run=None") }}',
    "asks for no tests": f'import "os"\n{WRONG}func init() {{ os.Args = append(os.Args, "-test.count=0") }}',
    "defines the test": f"{WRONG}func TestTwice(t int) {{}}",
    "hides the test": f"{WRONG}/*",
    "ends its goroutine": 'import "runtime"\nfunc Twice(x int) int { runtime.Goexit(); return 0 }',
}


@pytest.mark.needs("go")
@pytest.mark.parametrize("source", EARLY.values(), ids=EARLY)
@pytest.mark.parametrize("code", [TESTS, MAIN], ids=["testing", "main"])
def test_wrong_programs_fail_however_they_end(pool: Pool, source: str, code: str) -> None:
    result = _run(pool, f"package main\n{source}", code)
    assert result.outcome in (Outcome.WA, Outcome.RE, Outcome.CE), result


@pytest.mark.needs("userns")
def test_without_the_compiler_or_a_package_nothing_is_judged(pool: Pool) -> None:
    result = _run(pool, RIGHT, 'import "github.com/nobody/nothing"\nfunc TestA(t *testing.T) { nothing.Do(Twice(1)) }')
    assert (result.outcome, result.fault) == (Outcome.INFRA, Fault.SANDBOX), result
