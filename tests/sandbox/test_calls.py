"""Calls that share a start: what one leaves, the next does not find; what cannot be shared is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from r1_reward.sandbox import CallTest, Outcome, Pool, Result, Submission, checkers

pytestmark = pytest.mark.needs("userns")


@pytest.fixture(scope="module", params=["exec", "fork"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with Pool(backend="local", size=1, mode=request.param) as made:
        yield made


def _run(pool: Pool, source: str, *expected: object) -> Result:
    tests = [
        CallTest(entry="f", args=f"({n},)", expected=value, checker=checkers.equal) for n, value in enumerate(expected)
    ]
    return pool.run(Submission(language="python", source=source, tests=tests, stop_at_failure=False))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("n = 0\ndef f(x):\n    global n\n    n += 1\n    return n", "a variable"),
        ("import mmap\nm = mmap.mmap(-1, 10)\ndef f(x):\n    m[0] += 1\n    return m[0]", "shared memory"),
        (
            "import os\nr, w = os.pipe()\nos.write(w, b'abc')\ndef f(x): return os.read(r, 1).decode().count('a')",
            "a pipe",
        ),
        ("import os\ndef f(x):\n    open('n', 'a').write('x')\n    return os.path.getsize('n')", "a file"),
        ("import os\nopen('n', 'w').write('x')\ndef f(x): return os.path.getsize('n')", "a file made at the start"),
        (
            "import os\ndef f(x):\n    open('/tmp/n', 'a').write('x')\n    return os.path.getsize('/tmp/n')",
            "another file",
        ),
        (
            "import random\nrandom.seed(1)\na = random.Random(1).random()\ndef f(x): return int(random.random() == a)",
            "seeds",
        ),
    ],
)
def test_each_call_finds_the_program_as_it_was_loaded(pool: Pool, source: str, why: str) -> None:
    result = _run(pool, source, 1, 1, 1)
    assert [test.outcome for test in result.tests] == [Outcome.AC] * 3, (why, result)


def test_a_program_whose_threads_run_on_is_started_for_each_call(pool: Pool) -> None:
    source = (
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\npool.submit(int).result()\n"
        "def f(x): return pool.submit(lambda: x).result()"
    )
    assert _run(pool, source, 0, 1, 2).outcome is Outcome.AC


def test_one_call_that_ends_the_program_leaves_the_others_theirs(pool: Pool) -> None:
    result = _run(pool, "import os\ndef f(x):\n    if x == 1: os._exit(4)\n    return x", 0, 1, 2)
    assert [test.outcome.value for test in result.tests] == ["AC", "RE", "AC"]
    assert "status 4" in result.tests[1].detail


def test_outputs_are_kept_apart(pool: Pool) -> None:
    result = _run(pool, "def f(x):\n    print('call', x)\n    return -1", 0, 1)
    assert [test.stdout for test in result.tests] == ["call 0\n", "call 1\n"]


def test_a_program_that_does_not_load_fails_every_call(pool: Pool) -> None:
    result = _run(pool, "def f(x", 0, 1)
    assert [test.outcome for test in result.tests] == [Outcome.RE] * 2
    assert "SyntaxError" in result.detail
