"""Forks of a clean interpreter: what a program finds there, and what it does not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from r1_reward.sandbox import CallTest, Outcome, Submission, checkers
from r1_reward.sandbox.pool import Pool

pytestmark = pytest.mark.needs("userns")

SECRET = "zygote-secret"
SEARCH = """
import re
def f(_):
    found = 0
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            if "r" not in line.split()[1] or "[v" in line:
                continue
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except OSError:
                continue
            found += len(re.findall(b"zygote[-]secret", data))
    return found
"""
LOOK = """
import os, signal, sys, threading
def f(_):
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    seen = []
    def other():
        signal.pthread_kill(threading.main_thread().ident, 0)
        seen.append(True)
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    names = [name for name in sys.modules if "r1agent" in name]
    held = {status[name].strip() for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")}
    fds = sorted(set(map(int, os.listdir("/proc/self/fd"))) - {0, 1, 2, 3})
    users = set(status["Uid"].split())
    return [held == {"0" * 16}, status["NoNewPrivs"].strip(), status["Seccomp"].strip(), seen, names, len(users),
            "0" in users, len(fds) < 3]
"""


def _row(source: str, expected: object, calls: int = 1) -> Submission:
    test = CallTest(entry="f", args="(0,)", expected=expected, checker=checkers.equal)
    return Submission(language="python", source=source, tests=[test] * calls)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(backend="local", size=1) as pool:
        for _ in range(2):  # the second call of an agent starts its zygote
            assert pool.run(_row(f"x = {SECRET!r}\ndef f(_): return len(x)", len(SECRET))).outcome is Outcome.AC
        assert len(_zygotes()) == 1
        yield pool


def _zygotes() -> list[int]:
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if b"zygote.pyc" in _command(pid) and _is_ours(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _is_ours(pid: int) -> bool:
    while pid > 1 and pid != os.getpid():
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return pid == os.getpid()


def test_a_fork_has_nothing_of_another_submission_in_memory(pool: Pool) -> None:
    assert pool.run(_row(f"x = {SECRET!r}\n{SEARCH}", 0)).outcome is Outcome.WA  # its own is found
    assert pool.run(_row(SEARCH, 0)).outcome is Outcome.AC


def test_a_fork_has_given_everything_up(pool: Pool) -> None:
    result = pool.run(_row(LOOK, [True, "1", "2", [True], [], 1, False, True]))
    assert result.outcome is Outcome.AC, result.detail


def test_calls_that_are_the_same_are_all_made(pool: Pool) -> None:
    result = pool.run(_row("n = 0\ndef f(_):\n    global n\n    n += 1\n    return n", 1, calls=3))
    assert [test.outcome for test in result.tests] == [Outcome.AC] * 3


def test_a_program_is_judged_after_the_zygote_has_died(pool: Pool) -> None:
    (zygote,) = _zygotes()
    os.kill(zygote, signal.SIGKILL)
    for _ in range(2):
        assert pool.run(_row("def f(_): return 7", 7)).outcome is Outcome.AC
    (another,) = _zygotes()
    assert another != zygote
