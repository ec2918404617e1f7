"""What goes wrong with an engine is never a verdict, never a hang, and over when the engine is back."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from r1_reward.sandbox import (
    DEFAULT_LIMITS,
    Limits,
    Outcome,
    SandboxError,
    SandboxUnavailableError,
    StdinTest,
    Submission,
    checkers,
)
from r1_reward.sandbox.backends.docker import DockerBackend
from r1_reward.sandbox.backends.docker_engine import answers, engine
from r1_reward.sandbox.backends.leaks import remove
from r1_reward.sandbox.images import REPOSITORY, tag
from r1_reward.sandbox.pool import Pool
from r1_reward.sandbox.session import AgentSession, Command

pytestmark = pytest.mark.needs("docker")
Containers = Callable[[int], list[str]]

SLOW = "import time; time.sleep(1.5); print(sum(map(int, input().split())))"


def _sum(source: str = "print(sum(map(int, input().split())))") -> Submission:
    test = StdinTest(input="2 3", output="5", checker=checkers.tokens)
    return Submission(language="python", source=source, tests=[test])


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool(backend="docker", size=1) as made:
        assert made.run(_sum()).outcome is Outcome.AC
        yield made


def _during(pool: Pool, fault: Callable[[], object]) -> Any:  # any: a Result
    timer = threading.Timer(0.5, fault)
    timer.start()
    try:
        return pool.run(_sum(SLOW))
    finally:
        timer.join()


def test_a_removed_container_costs_a_second_try_and_no_verdict(pool: Pool, containers: Containers) -> None:
    assert _during(pool, lambda: remove(containers(os.getpid())[0])).outcome is Outcome.AC


def test_a_killed_agent_costs_a_second_try_and_no_verdict(pool: Pool, containers: Containers) -> None:
    def kill() -> None:
        with engine() as client:
            client.kill(containers(os.getpid())[0])

    assert _during(pool, kill).outcome is Outcome.AC


def test_a_paused_container_is_a_fault_at_its_deadline(containers: Containers, monkeypatch: pytest.MonkeyPatch) -> None:
    from r1_reward.sandbox import session as module

    monkeypatch.setattr(module, "_GRACE_S", 1.0)
    backend = DockerBackend()
    others = set(containers(os.getpid()))
    session = AgentSession(backend.open("python"), backend.settings)
    with engine() as client:
        client.pause((set(containers(os.getpid())) - others).pop())
    start = time.monotonic()
    with pytest.raises(SandboxError):
        session.run(Command(argv=("python3",), limits=Limits(time_s=1, wall_s=1).over(DEFAULT_LIMITS)))
    assert time.monotonic() - start < 60
    session.close()
    backend.close()
    assert set(containers(os.getpid())) <= others


def test_an_image_that_is_gone_is_infra_until_it_is_back(
    pool: Pool, containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("r1_reward.sandbox.backends.docker.tag", lambda _: f"{REPOSITORY}:vanishing")
    monkeypatch.setattr("r1_reward.sandbox.pool.PAUSES", (0.0, 0.1))
    remove(containers(os.getpid())[0])
    lost = pool.run(_sum())
    assert lost.outcome is Outcome.INFRA
    assert "r1-reward sandbox build python" in lost.detail
    with engine() as client:
        client.tag(tag("python"), REPOSITORY, "vanishing")
        try:
            assert pool.run(_sum()).outcome is Outcome.AC
        finally:
            client.remove_image(f"{REPOSITORY}:vanishing", noprune=True)


def test_an_engine_that_stops_is_infra_until_it_is_back(proxy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r1_reward.sandbox.pool.PAUSES", (0.0, 0.1))
    with Pool(backend="docker", size=1) as pool:
        assert pool.run(_sum()).outcome is Outcome.AC
        lost = _during(pool, proxy.down)
        assert lost.outcome is Outcome.INFRA
        assert pool.run(_sum()).outcome is Outcome.INFRA
        proxy.up()
        assert pool.run(_sum()).outcome is Outcome.AC


def test_an_engine_that_comes_back_in_time_costs_no_verdict(proxy: Any) -> None:
    def restart() -> None:
        proxy.down()
        time.sleep(0.3)
        proxy.up()

    with Pool(backend="docker", size=1) as pool:
        assert pool.run(_sum()).outcome is Outcome.AC
        assert _during(pool, restart).outcome is Outcome.AC


def test_an_engine_that_hangs_is_a_fault_and_not_a_hang(proxy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r1_reward.sandbox.backends.docker.CALL_SECONDS", 1.0)
    monkeypatch.setattr("r1_reward.sandbox.backends.leaks.REMOVE_SECONDS", 1.0)
    monkeypatch.setattr("r1_reward.sandbox.session._GRACE_S", 1.0)
    monkeypatch.setattr("r1_reward.sandbox.pool.PAUSES", (0.0, 0.1))
    quick = replace(_sum(), limits=replace(DEFAULT_LIMITS, time_s=1.0, wall_s=2.0))
    with Pool(backend="docker", size=1) as pool:
        assert pool.run(_sum()).outcome is Outcome.AC
        proxy.hanging.set()
        start = time.monotonic()
        lost = pool.run(quick)
        assert lost.outcome is Outcome.INFRA
        assert "did not answer within 1 s" in lost.detail
        assert time.monotonic() - start < 90
        proxy.hanging.clear()
        assert pool.run(_sum()).outcome is Outcome.AC


def test_no_engine_at_all_says_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such/engine.sock")
    assert "doctor" in str(answers())
    with Pool(backend="docker", size=1) as pool, pytest.raises(SandboxUnavailableError, match="r1-reward doctor"):
        pool.run(_sum())
