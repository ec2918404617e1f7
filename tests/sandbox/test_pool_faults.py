"""The pool when sandboxes fail: nothing is scored, everything is tried again, nothing is left."""

from __future__ import annotations

import os
import pickle
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from r1_reward.sandbox import (
    Outcome,
    Pool,
    SandboxError,
    SandboxUnavailableError,
    StdinTest,
    Submission,
    checkers,
)
from r1_reward.sandbox import pool as pool_module
from r1_reward.sandbox.backends.leaks import Watcher
from r1_reward.sandbox.backends.local import LocalBackend
from r1_reward.sandbox.session import Command, Environment, Ran

ONE = Submission(
    language="python",
    source="print(1)",
    tests=[StdinTest(input="", output="1", checker=checkers.tokens)] * 3,
)
JAVA = Submission(language="java", source="class Main {}", tests=ONE.tests)


class Faulty:
    """A session that answers 1 to everything, until it is told to fail."""

    def __init__(self, fails: Callable[[], bool], stray: int = 0) -> None:
        self.fails, self.stray = fails, stray
        self.closed = self.left_behind = False
        self.environment = Environment(name="scripted")

    def load(self, files: Mapping[str, bytes], compile: Command | None) -> None:  # noqa: A002 - as in Session
        return None

    def run(self, command: Command) -> Ran:
        if self.fails():
            raise SandboxError("the agent is gone")
        return Ran(
            ended="exit",
            status=0,
            seconds=0,
            cpu_seconds=0,
            memory_mb=0,
            stdout=b"1\n",
            stderr=b"",
            stray=self.stray,
        )

    def run_calls(self, command: Command) -> Iterator[Ran]:
        raise NotImplementedError

    def products(self) -> Mapping[str, bytes]:
        return {}

    def close(self) -> None:
        self.closed = True


class Named:
    name = "scripted"

    def close(self) -> None:
        pass


class Scripted:
    """Stands where sandboxes are started: hands out sessions that fail as it is told, and remembers them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failures: list[bool] = []
        self.starts: list[type[SandboxError] | None] = []
        self.stray = 0
        self.sessions: list[Faulty] = []
        self.missing: set[str] = set()
        monkeypatch.setattr(pool_module, "start", self.start)
        monkeypatch.setattr(pool_module, "PAUSES", (0.0, 0.0, 0.0, 0.0))

    def start(self, name: str, image: str, made: object, chosen: object) -> tuple[Faulty, Named]:
        if image in self.missing:
            raise SandboxUnavailableError(f"no image {image}; build it")
        fault = self.starts.pop(0) if self.starts else None
        if fault is not None:
            raise fault("the engine is away")
        session = Faulty(lambda: bool(self.failures) and self.failures.pop(0), self.stray)
        self.sessions.append(session)
        return session, Named()


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    return Scripted(monkeypatch)


def test_a_fault_is_tried_again_from_the_start_on_a_fresh_sandbox(scripted: Scripted) -> None:
    scripted.failures = [False, True]  # in the second test of the first attempt
    with Pool(size=1) as pool:
        result = pool.run(ONE)
    assert result.outcome == Outcome.AC
    assert [test.outcome for test in result.tests] == ["AC"] * 3
    assert len(scripted.sessions) == 2
    assert all(session.closed for session in scripted.sessions)


def test_a_fault_that_stays_is_no_number(scripted: Scripted) -> None:
    scripted.failures = [True] * 100
    with Pool(size=1) as pool:
        result = pool.run(ONE)
        assert result.outcome == Outcome.INFRA
        assert {test.outcome for test in result.tests} == {Outcome.INFRA}
        assert "the agent is gone" in result.detail
        scripted.failures = []
        assert pool.run(ONE).outcome == Outcome.AC


@pytest.mark.needs("userns")
@pytest.mark.parametrize(("failures", "outcome"), [(2, "AC"), (99, "INFRA")])
def test_a_machine_out_of_processes_is_tried_again_and_no_number(
    monkeypatch: pytest.MonkeyPatch, failures: int, outcome: str
) -> None:
    start, left = subprocess.Popen, iter(range(failures))

    def scarce(*args: Any, **settings: Any) -> Any:
        if next(left, None) is not None:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return start(*args, **settings)

    monkeypatch.setattr("r1_reward.sandbox.backends.process_channel.subprocess.Popen", scarce)
    monkeypatch.setattr(pool_module, "PAUSES", (0.0, 0.0, 0.0, 0.0))
    with Pool(backend="local", size=1) as pool:
        result = pool.run(ONE)
    assert result.outcome == outcome
    assert outcome == "AC" or "Resource temporarily unavailable" in result.detail


@pytest.mark.parametrize("left", [0, 1])
def test_a_machine_out_of_threads_runs_programs_in_the_callers(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """So does a Python that is ending, in which no pool of threads takes anything on."""
    begin = threading.Thread.start
    begun: list[threading.Thread] = []

    def scarce(thread: threading.Thread) -> None:
        if len(begun) == left:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        begin(thread)

    slow = replace(ONE, tests=list(ONE.tests) * 20)
    with Pool(size=4) as pool:
        monkeypatch.setattr(threading.Thread, "start", scarce)
        results = pool.run_all([slow] * 6)
    assert [result.outcome for result in results] == ["AC"] * 6


def test_a_watcher_that_cannot_be_started_is_a_sandbox_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def scarce(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("r1_reward.sandbox.backends.leaks.subprocess.Popen", scarce)
    with pytest.raises(SandboxError, match=r"the watcher could not be started: .*temporarily unavailable"):
        Watcher().start()


def test_an_engine_that_was_there_may_go_and_come_back(scripted: Scripted) -> None:
    with Pool(size=1, isolation="reuse", recycle=1) as pool:
        assert pool.run(ONE).outcome == Outcome.AC
        scripted.starts = [SandboxUnavailableError, SandboxError]
        assert pool.run(ONE).outcome == Outcome.AC
        scripted.starts = [SandboxUnavailableError] * 10
        assert pool.run(ONE).outcome == Outcome.INFRA


def test_a_program_that_ends_every_sandbox_has_failed(monkeypatch: pytest.MonkeyPatch, scripted: Scripted) -> None:
    def run(self: Faulty, command: Command) -> Ran:
        control = "42" in str(command.argv)
        if not control:
            raise SandboxError("the agent is gone")
        return Ran(ended="exit", status=0, seconds=0, cpu_seconds=0, memory_mb=0, stdout=b"42\n", stderr=b"")

    monkeypatch.setattr(Faulty, "run", run)
    with Pool(size=1) as pool:
        result = pool.run(ONE)
    assert (result.outcome, result.fault) == (Outcome.RE, None)
    assert "ended its sandbox 4 times" in result.detail


def test_isolation_that_cannot_be_had_is_said_at_once(scripted: Scripted) -> None:
    scripted.missing = {"java"}
    with Pool(size=2) as pool:
        with pytest.raises(SandboxUnavailableError, match="build it"):
            pool.run(JAVA)
        # In a batch it costs the others nothing.
        outcomes = [result.outcome for result in pool.run_all([JAVA, ONE, JAVA, ONE])]
    assert outcomes == ["INFRA", "AC", "INFRA", "AC"]


def test_a_sandbox_is_kept_until_it_has_served_its_time(scripted: Scripted) -> None:
    with Pool(size=1, recycle=3) as pool:
        for _ in range(7):
            assert pool.run(ONE).outcome == Outcome.AC
        assert len(scripted.sessions) == 3
        assert [session.closed for session in scripted.sessions] == [True, True, False]
    assert scripted.sessions[-1].closed


def test_a_program_that_leaves_something_behind_costs_its_sandbox(scripted: Scripted) -> None:
    scripted.stray = 1
    with Pool(size=1) as pool:
        pool.run(ONE)
        pool.run(ONE)
    assert len(scripted.sessions) == 2


def test_per_submission_gives_each_a_sandbox_of_its_own(scripted: Scripted) -> None:
    before = threading.active_count()
    with Pool(size=2, isolation="per_submission") as pool:
        results = pool.run_all([ONE] * 6)
    assert [result.outcome for result in results] == ["AC"] * 6
    assert len(scripted.sessions) >= 6
    assert all(session.closed for session in scripted.sessions)
    assert threading.active_count() == before


def test_no_more_run_at_once_than_there_are_places(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def slow(self: Faulty, command: Command) -> Ran:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return Ran(ended="exit", status=0, seconds=0, cpu_seconds=0, memory_mb=0, stdout=b"1", stderr=b"")

    monkeypatch.setattr(Faulty, "run", slow)
    with Pool(size=3) as pool:
        threads = [threading.Thread(target=pool.run_all, args=([ONE] * 4,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert 1 < most <= 3
    assert len(scripted.sessions) <= 3


def test_a_pool_can_be_pickled_and_takes_nothing_along(scripted: Scripted) -> None:
    with Pool(size=1) as pool:
        pool.run(ONE)
        copy = pickle.loads(pickle.dumps(pool))
        assert copy == pool
        copy.run(ONE)
        assert len(scripted.sessions) == 2
        copy.close()
        assert [session.closed for session in scripted.sessions] == [False, True]


def test_a_forked_process_leaves_its_parents_sandboxes_alone(scripted: Scripted) -> None:
    with Pool(size=1) as pool:
        pool.run(ONE)
        child = os.fork()
        if child == 0:
            pool.run(ONE)
            pool.close()
            mine, parents = scripted.sessions[-1].closed, scripted.sessions[0].closed
            os._exit(0 if len(scripted.sessions) == 2 and mine and not parents else 1)
        _, status = os.waitpid(child, 0)
        assert status == 0
        assert not scripted.sessions[0].closed


def test_a_closed_pool_starts_anew(scripted: Scripted) -> None:
    pool = Pool(size=1)
    for _ in range(2):
        assert pool.run(ONE).outcome == Outcome.AC
        pool.close()
    assert len(scripted.sessions) == 2


@pytest.mark.parametrize(
    "options", [{"backend": "podman"}, {"isolation": "none"}, {"mode": "thread"}, {"size": 0}, {"recycle": 0}]
)
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Pool(**options)  # type: ignore[arg-type]  # that is the point


@pytest.mark.needs("userns")
def test_an_agent_that_is_killed_costs_no_verdict() -> None:
    with Pool(backend="local", size=1) as pool:
        assert pool.run(ONE).outcome == Outcome.AC
        (state,) = pool._states.values()
        for slot in state.slots.values():
            slot.session._channel.kill()  # type: ignore[attr-defined]  # from under the session
        assert pool.run(ONE).outcome == Outcome.AC


@pytest.mark.needs("userns")
def test_a_work_folder_without_room_is_no_fault_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r1_reward.sandbox.pool.PAUSES", (0.0, 0.1))
    with Pool(backend="local", size=1) as pool:
        state = pool._state()
        state.backends["local"] = LocalBackend(scratch_mb=1)
        large = replace(ONE, source="print(1)\n" + "#" * (2 << 20))
        assert pool.run(large).outcome == Outcome.INFRA
        assert pool.run(ONE).outcome == Outcome.AC


@pytest.mark.needs("userns")
def test_threads_that_start_at_once_share_one_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    class Slow(LocalBackend):
        def __init__(self) -> None:
            made.append(self)
            time.sleep(0.1)
            super().__init__()

    monkeypatch.setattr("r1_reward.sandbox.backends.local.LocalBackend", Slow)
    with Pool(backend="local", size=2) as pool:
        assert {result.outcome for result in pool.run_all([ONE] * 4)} == {Outcome.AC}
    assert len(made) == 1
