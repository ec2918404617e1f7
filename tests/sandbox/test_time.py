"""Time: that of a processor bounds a program, a machine that was busy is no fault of it, and sleep is no excuse."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from r1_reward.sandbox import CallTest, Fault, Limits, Outcome, Pool, Result, StdinTest, Submission, checkers

pytestmark = pytest.mark.needs("userns")
BURN = "import time\nwhile time.process_time() < {seconds}: pass\nprint('done')\n"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(backend="local", size=1) as made:
        made.run(_submission("print('done')", Limits()))
        yield made


@pytest.fixture
def busy() -> Iterator[Pool]:
    """A pool with one processor of this machine, which six others want as well."""
    all_of_them = os.sched_getaffinity(0)
    burners: list[subprocess.Popen[bytes]] = []
    os.sched_setaffinity(0, {min(all_of_them)})  # of this thread, and of what it starts
    try:
        with Pool(backend="local", size=1) as made:
            made.run(_submission("print('done')", Limits()))
            burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(6)]
            os.sched_setaffinity(0, all_of_them)
            yield made
    finally:
        os.sched_setaffinity(0, all_of_them)
        for burner in burners:
            burner.kill()
            burner.wait()


def _submission(source: str, limits: Limits) -> Submission:
    test = StdinTest(input="", output="done", checker=checkers.tokens)
    return Submission(language="python", source=source, tests=[test], limits=limits)


def _run(pool: Pool, source: str, **limits: float) -> Result:
    return pool.run(_submission(source, Limits(**limits)))  # type: ignore[arg-type]  # numbers, all of them


def test_processor_time_is_what_is_bounded(pool: Pool) -> None:
    assert _run(pool, BURN.format(seconds=0.3), time_s=1).outcome is Outcome.AC
    result = _run(pool, BURN.format(seconds=3), time_s=0.5)
    assert result.outcome is Outcome.TLE
    assert 0.5 <= result.tests[0].cpu_seconds < 1


def test_processor_time_of_children_counts(pool: Pool) -> None:
    source = "import os\nfor _ in range(2):\n    if not os.fork():\n        while True: pass\nos.wait()"
    result = _run(pool, source, time_s=0.5)
    assert result.outcome is Outcome.TLE


def test_who_sleeps_is_out_of_time_as_soon_as_it_could_have_been(pool: Pool) -> None:
    start = time.monotonic()
    result = _run(pool, "import time\ntime.sleep(60)", time_s=0.5)
    assert result.outcome is Outcome.TLE
    assert time.monotonic() - start < 4  # and not after the bound on wall time


def test_a_right_program_on_a_busy_machine_passes(busy: Pool) -> None:
    result = _run(busy, BURN.format(seconds=0.2), time_s=0.4, wall_s=60)
    assert result.outcome is Outcome.AC, result


def test_a_machine_that_stays_busy_is_told_and_never_judged(busy: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r1_reward.sandbox.pool.PAUSES", (0.0, 0.1))
    result = _run(busy, BURN.format(seconds=0.5), time_s=0.6, wall_s=0.6)
    assert (result.outcome, result.fault) == (Outcome.INFRA, Fault.MACHINE_BUSY), result
    assert "waited for one" in result.detail


def test_calls_have_the_whole_limit_each(pool: Pool) -> None:
    source = "import time\ndef f(x):\n    end = time.process_time() + 0.3\n"
    source += "    while time.process_time() < end: pass\n    return x"
    tests = [CallTest(entry="f", args=f"({n},)", expected=n, checker=checkers.equal) for n in range(4)]
    result = pool.run(Submission(language="python", source=source, tests=tests, limits=Limits(time_s=0.7)))
    assert result.outcome is Outcome.AC, result
    assert all(0.2 < test.cpu_seconds < 0.7 for test in result.tests), result


def test_a_slow_start_is_paid_once_for_all_calls(pool: Pool) -> None:
    tests = [CallTest(entry="f", args=f"({n},)", expected=n, checker=checkers.equal) for n in range(20)]
    start = time.monotonic()
    source = "import time\ntime.sleep(0.5)\ndef f(x): return x"
    assert pool.run(Submission(language="python", source=source, tests=tests)).outcome is Outcome.AC
    assert time.monotonic() - start < 5
