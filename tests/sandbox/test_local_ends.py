"""What remains of the local backend when something dies: the client, the agent, a thread; what it holds meanwhile."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from r1_reward.sandbox.backends.local import LocalBackend, delegated
from r1_reward.sandbox.backends.process_channel import ProcessChannel
from r1_reward.sandbox.errors import SandboxError, SandboxUnavailableError
from r1_reward.sandbox.limits import DEFAULT_LIMITS, Limits
from r1_reward.sandbox.session import AgentSession, Command

pytestmark = pytest.mark.needs("userns")

PYTHON = ("python3", "-I", "-S", "{work}/main.py")
_CLIENT = """
import sys, threading
from r1_reward.sandbox.limits import DEFAULT_LIMITS
from r1_reward.sandbox.backends.local import LocalBackend, delegated
from r1_reward.sandbox.session import AgentSession, Command

def work():
    while True:
        session = AgentSession(backend.open("python"), backend.settings)
        session.load({"main.py": b"import os, time\\nos.fork()\\ntime.sleep(0.3)"}, None)
        session.run(Command(argv=("python3", "-I", "-S", "{work}/main.py"), limits=DEFAULT_LIMITS))
        session.close()

backend = LocalBackend()
threading.Thread(target=work).start()
print("begun", flush=True)
work()
"""


def _descendants(pid: int) -> list[int]:
    results = []
    todo = [pid]
    while todo:
        parent = todo.pop()
        for path in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                children = [int(word) for word in path.read_text().split()]
            except OSError:
                continue
            results += children
            todo += children
    return results


def _alive(pids: list[int]) -> list[int]:
    def lives(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False

    return [pid for pid in pids if lives(pid)]


def _orphans(since: float) -> list[int]:
    """Our interpreters whose parent is gone, begun since then; other people's sandboxes have living parents."""
    results = []
    for folder in Path("/proc").iterdir():
        try:
            if b"r1agent" in (folder / "cmdline").read_bytes() and folder.stat().st_ctime >= since:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == 1 and folder.name != "1":
                    results.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return _alive(results)


def _wait_until_gone(pids: list[int], since: float) -> None:
    deadline = time.monotonic() + 25
    while (_alive(pids) or _orphans(since)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(pids)
    assert not _orphans(since)


def _groups(pid: int) -> list[Path]:
    """The cgroups that a client has made."""
    return [path for path in Path("/sys/fs/cgroup").rglob(f"r1-reward-{pid}-*") if path.is_dir()]


@pytest.mark.parametrize("seed", range(4))
def test_kill_of_the_client_leaves_nothing(seed: int) -> None:
    since = time.time() - 1
    with subprocess.Popen([sys.executable, "-c", _CLIENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        assert client.stdout is not None
        client.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, 0.8))
        pids = _descendants(client.pid)
        client.kill()
        client.wait()
        _wait_until_gone(pids, since)
    assert not _groups(client.pid)


@pytest.fixture
def backend() -> Iterator[LocalBackend]:
    backend = LocalBackend()
    yield backend
    backend.close()


def test_agent_that_is_killed_is_the_sandbox_s_fault(backend: LocalBackend) -> None:
    channel = backend.open("python")
    assert isinstance(channel, ProcessChannel)
    session = AgentSession(channel, backend.settings)
    session.load({"main.py": b"import time\ntime.sleep(60)"}, None)
    pids = [channel.pid, *_descendants(channel.pid)]
    threading.Timer(0.3, os.kill, (pids[1], signal.SIGKILL)).start()
    begun = time.monotonic()
    with pytest.raises(SandboxError, match="gone"):
        session.run(Command(argv=PYTHON, limits=DEFAULT_LIMITS))
    assert time.monotonic() - begun < 8
    assert not _alive(pids)


def test_close_ends_every_process(backend: LocalBackend) -> None:
    others = set(_groups(os.getpid()))
    channel = backend.open("python")
    assert isinstance(channel, ProcessChannel)
    session = AgentSession(channel, backend.settings)
    pids = [channel.pid, *_descendants(channel.pid)]
    session.close()
    session.close()
    _wait_until_gone(pids, time.time())
    assert set(_groups(os.getpid())) <= others


def test_sweep_removes_what_dead_owners_left(backend: LocalBackend) -> None:
    channel = backend.open("python")
    ours = _groups(os.getpid())
    if not ours:
        channel.kill()
        return  # no cgroups can be made here, so none can be left
    left = ours[0].with_name("r1-reward-999999999-1-0")
    left.mkdir()
    assert backend.sweep() >= 1
    assert not left.exists()
    assert _groups(os.getpid()) == ours
    channel.kill()


def test_close_from_another_thread_ends_a_run(backend: LocalBackend) -> None:
    session = AgentSession(backend.open("python"), backend.settings)
    session.load({"main.py": b"import time\ntime.sleep(60)"}, None)
    threading.Timer(0.3, session.close).start()
    begun = time.monotonic()
    with pytest.raises(SandboxError):
        session.run(Command(argv=PYTHON, limits=Limits(time_s=60).over(DEFAULT_LIMITS)))
    assert time.monotonic() - begun < 20


def test_session_outlives_the_thread_that_opened_it(backend: LocalBackend) -> None:
    opened: list[AgentSession] = []
    thread = threading.Thread(target=lambda: opened.append(AgentSession(backend.open("python"), backend.settings)))
    thread.start()
    thread.join()
    time.sleep(0.2)
    (session,) = opened
    session.load({"main.py": b"print(1)"}, None)
    assert session.run(Command(argv=PYTHON, limits=DEFAULT_LIMITS)).stdout == b"1\n"
    session.close()


def test_agent_ends_when_nothing_is_asked_of_it() -> None:
    backend = LocalBackend(idle_s=0.3)
    channel = backend.open("python")
    assert isinstance(channel, ProcessChannel)
    AgentSession(channel, backend.settings)
    deadline = time.monotonic() + 20
    while _alive([channel.pid]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive([channel.pid])
    channel.kill()


def test_neighbours_do_not_disturb_each_other(backend: LocalBackend) -> None:
    hostile, honest = (AgentSession(backend.open("python"), backend.settings) for _ in range(2))
    hostile.load({"main.py": b"import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"}, None)
    honest.load({"main.py": b"import os\nif os.fork() == 0: os._exit(0)\nos.wait()\nprint(1)"}, None)
    limits = Limits(time_s=2, processes=32).over(DEFAULT_LIMITS)
    thread = threading.Thread(target=lambda: hostile.run(Command(argv=PYTHON, limits=limits)))
    thread.start()
    time.sleep(0.3)
    ran = honest.run(Command(argv=PYTHON, limits=DEFAULT_LIMITS))
    thread.join()
    hostile.close()
    honest.close()
    assert (ran.ended, ran.status, ran.stdout) == ("exit", 0, b"1\n")


def test_descriptors_and_processes_stay_flat(backend: LocalBackend) -> None:
    session = AgentSession(backend.open("python"), backend.settings)
    sources = (
        b"print(1)",
        b"1/0",
        b"import os\nos.fork()\nos.fork()",
        b"while True: print('x' * 100)",
        b"import os\nos.abort()",
    )
    limits = Limits(time_s=1, output_bytes=1000).over(DEFAULT_LIMITS)

    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    for number in range(60):
        session.load({"main.py": sources[number % len(sources)]}, None)
        session.run(Command(argv=PYTHON, limits=limits, fork=number % 3 == 0))
    assert descriptors() == before
    session.load({"main.py": b"import os\nprint(len(os.listdir('/proc/self/fd')), os.getpid())"}, None)
    ran = session.run(Command(argv=PYTHON, limits=limits))
    assert ran.stdout.split()[0] == b"4"
    session.close()
    assert descriptors() < before


_WITHOUT = """
from r1_reward.sandbox import SandboxUnavailableError
from r1_reward.sandbox.agent import seccomp
from r1_reward.sandbox.backends.local import LocalBackend, delegated
seccomp.install()  # among other things, no more namespaces
try:
    LocalBackend().open("python")
except SandboxUnavailableError as error:
    print(error)
"""


def test_machine_without_namespaces_is_told_the_way_out() -> None:
    run = subprocess.run([sys.executable, "-c", _WITHOUT], capture_output=True, text=True, check=True)
    assert "unshare" in run.stdout
    assert "docker" in run.stdout


def test_wrong_settings_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="no-such-folder"):
        LocalBackend(folders=("/no-such-folder",))
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxUnavailableError, match="Linux"):
        LocalBackend()


def test_a_control_group_is_made_below_the_nearest_that_hands_its_controllers_on(tmp_path: Path) -> None:
    group = tmp_path / "user.slice/app.slice/session.scope"
    group.mkdir(parents=True)
    for place, enabled in ((tmp_path, "memory pids"), (group.parent, "cpu memory pids"), (group, "")):
        (place / "cgroup.subtree_control").write_text(enabled)
        (place / "cgroup.procs").write_text("")
    path = str(group.relative_to(tmp_path))
    assert delegated(tmp_path, path) == (group.parent, ["memory", "pids"])
    (group.parent / "cgroup.procs").unlink()  # not ours to move processes in
    assert delegated(tmp_path, path)[1] == []
    (tmp_path / "user.slice/cgroup.subtree_control").write_text("pids")
    (tmp_path / "user.slice/cgroup.procs").write_text("")
    assert delegated(tmp_path, path) == (tmp_path / "user.slice", ["pids"])
