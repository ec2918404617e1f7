"""Programs that are out to do harm, against the local backend: each ends in time, and the next one finds all clean."""

from __future__ import annotations

import os
import runpy
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from r1_reward.sandbox.backends.local import LocalBackend
from r1_reward.sandbox.limits import DEFAULT_LIMITS, Limits
from r1_reward.sandbox.session import AgentSession, Command

pytestmark = pytest.mark.needs("userns")

_TABLE = runpy.run_path(str(Path(__file__).with_name("traps.py")))
TRAPS: dict[str, tuple[str, tuple[str, ...]]] = _TABLE["TRAPS"]
QUIET: dict[str, str] = _TABLE["QUIET"]
LIMITS = Limits(time_s=1, memory_mb=192, processes=24, output_bytes=1 << 16, disk_mb=32).over(DEFAULT_LIMITS)
PYTHON = ("python3", "-I", "-S", "{work}/main.py")


@pytest.fixture(scope="module")
def session() -> Iterator[AgentSession]:
    """One agent for all: what one program does to it, the next would notice."""
    os.environ["R1_CANARY"] = "CANARY"
    backend = LocalBackend()
    session = AgentSession(backend.open("python"), backend.settings)
    del os.environ["R1_CANARY"]
    yield session
    session.close()
    backend.close()


def _honest(session: AgentSession) -> None:
    session.load(
        {"main.py": b"import os\nprint(sum(map(int, input().split())), os.listdir('.'), os.listdir('/tmp'))"}, None
    )
    ran = session.run(Command(argv=PYTHON, limits=LIMITS, stdin=b"1 2 3\n"))
    assert (ran.ended, ran.status, ran.stdout, ran.stray) == ("exit", 0, b"6 [] []\n", 0)


@pytest.mark.parametrize("fork", [False, True], ids=["exec", "fork"])
@pytest.mark.parametrize("name", TRAPS)
def test_trap_ends_in_time_and_leaves_nothing(session: AgentSession, name: str, fork: bool) -> None:
    source, ways = TRAPS[name]
    session.load({"main.py": source.encode()}, None)
    seconds = 0.4 if "time" in ways else 20
    begun = time.monotonic()
    ran = session.run(Command(argv=PYTHON, limits=Limits(time_s=seconds).over(LIMITS), fork=fork))
    # Half a second is what is promised; benchmarks measure that, on a machine that is not busy with other things.
    assert time.monotonic() - begun < seconds + 5
    assert ran.ended in ways, ran
    assert ran.clean
    assert len(ran.stdout) + len(ran.stderr) <= 1 << 16
    assert b"late" not in ran.stdout
    assert (name == "leaves daemons") <= (ran.stray > 0)
    _honest(session)


@pytest.mark.parametrize("name", QUIET)
def test_program_gets_away_with_nothing(session: AgentSession, name: str) -> None:
    session.load({"main.py": QUIET[name].encode()}, None)
    ran = session.run(Command(argv=PYTHON, limits=LIMITS))
    assert (ran.ended, ran.status, ran.stdout.decode(), ran.stderr.decode()) == ("exit", 0, "", "")
    _honest(session)
