"""Whatever becomes of the owner: no container, no process, no folder stays behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from r1_reward.sandbox.backends.docker import DockerBackend
from r1_reward.sandbox.backends.docker_engine import engine
from r1_reward.sandbox.backends.leaks import LABEL, sweep
from r1_reward.sandbox.backends.owner import Owner
from r1_reward.sandbox.images import tag

pytestmark = pytest.mark.needs("docker")
Containers = Callable[[int], list[str]]

CLIENT = """
import sys
sys.path[:] = {path!r}
from r1_reward.sandbox import StdinTest, Submission, checkers
from r1_reward.sandbox.pool import Pool
test = StdinTest(input="2 3", output="5", checker=checkers.tokens)
honest = Submission(language="python", source="print(sum(map(int, input().split())))", tests=[test])
lasting = Submission(language="python", source="import time; time.sleep(60)", tests=[test])
with Pool(backend="docker", size=2) as pool:
    print("started", flush=True)
    pool.run_all([honest, honest])
    print("warm", flush=True)
    pool.run_all([lasting, honest, honest, lasting])
"""


def _gone(pid: int, containers: Containers) -> bool:
    """No container, no process that names the owner, within a time that is long for a busy machine."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        if not containers(pid) and not _watchers(pid):
            return True
        time.sleep(0.1)
    return False


def _watchers(pid: int) -> list[int]:
    results = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if entry.name.isdigit() and str(pid).encode() in words and b"-P" in words:
            results.append(int(entry.name))
    return results


def _start() -> subprocess.Popen[str]:
    code = CLIENT.format(path=sys.path)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def _folders() -> set[str]:
    names = (path.name for path in Path(tempfile.gettempdir()).iterdir())
    return {name for name in names if "r1" in name and "pytest" not in name}


def test_kill_of_a_working_client_leaves_nothing(containers: Containers) -> None:
    before = _folders()
    with _start() as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "started\n"
        assert client.stdout.readline() == "warm\n"
        assert containers(client.pid)
        assert _watchers(client.pid)
        time.sleep(0.3)
        client.kill()
    assert _gone(client.pid, containers)
    assert _folders() <= before


@pytest.mark.parametrize("moment", [pytest.param(n, marks=[pytest.mark.slow] if n > 2 else []) for n in range(20)])
def test_kill_at_a_random_moment_leaves_nothing(moment: int, containers: Containers) -> None:
    pause = random.Random(moment).uniform(0.0, 0.8)
    with _start() as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "started\n"
        time.sleep(pause)
        client.kill()
    assert _gone(client.pid, containers)


def test_a_killed_client_whose_child_lives_on_leaves_nothing(containers: Containers) -> None:
    # The child holds copies of every descriptor, so that neither the engine nor the watcher sees an end of input.
    code = CLIENT.format(path=sys.path).replace(
        'print("warm", flush=True)',
        "import os, time\n    if os.fork() == 0:\n        time.sleep(60)\n        os._exit(0)\n"
        '    print("warm", flush=True)',
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as client:
        assert client.stdout is not None
        assert [client.stdout.readline() for _ in range(2)] == ["started\n", "warm\n"]
        client.kill()
        client.stdout.close()
        client.wait()
        try:
            assert _gone(client.pid, containers)
        finally:
            os.killpg(client.pid, 9)


def _leave(owner: str) -> str:
    """A container that was made and never started, as one whose client and watcher were both killed."""
    with engine() as client:
        made = client.create_container(tag("python"), ["true"], labels={LABEL: owner}, network_disabled=True)
    return str(made["Id"])


def test_a_sweep_takes_what_dead_owners_left_and_nothing_else(containers: Containers) -> None:
    me = Owner.me()
    dead = Owner(me.host, me.pid, "1")  # our process id, but another start: used again
    elsewhere = Owner("another-boot/1", me.pid, "1")
    left, kept, mine = _leave(str(dead)), _leave(str(elsewhere)), _leave(str(me))
    backend = DockerBackend()
    try:
        there = left in containers(me.pid)  # unless another process has swept since
        assert sweep() >= there
        assert backend.sweep() == 0
        result = containers(me.pid)
        assert left not in result
        assert {kept, mine} <= set(result)
    finally:
        with engine() as client:
            for name in (kept, mine):
                client.remove_container(name, force=True)
        backend.close()
