"""Programs on a Ray: judged as here, and nothing of their sandboxes is left when the run is over."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from r1_reward.rows.files import RawRow
from r1_reward.rows.reader import RowReader
from r1_reward.sandbox.backends.owner import Owner
from r1_reward.scoring import ScoreOptions, score
from r1_reward.scoring.ray_pool import RayPool, connected
from r1_reward.verifiers.spec import RewardSpec

pytestmark = pytest.mark.needs("ray")

SLEEPER = "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)\nprint(4)"
PROGRAMS = ["print(2 + 2)", "print(5)", "print(1 / 0)", "while True: pass", SLEEPER, "import os; os._exit(3)"] * 2


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Ray with two processors, shut down by the tests that started it."""
    with connected("local", 2):
        import ray

        yield ray


def descendants() -> set[tuple[int, str]]:
    """Process ids and start times of all that this process and its children started."""
    parents: dict[int, tuple[int, str]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1]), fields[19]
    me, result = Owner.me().pid, set()
    for pid, (parent, start) in parents.items():
        while parent in parents and parent != me:
            parent = parents[parent][0]
        if parent == me:
            result.add((pid, start))
    return result


class Family:
    """Every descendant of this process that was seen since it was made, found again by process id and start time."""

    def __init__(self) -> None:
        self.seen: dict[tuple[int, str], str] = {}
        self._before = descendants()  # of other tests
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Family:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            for pid, start in descendants() - self._before:
                with contextlib.suppress(OSError):
                    result = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    self.seen[pid, start] = result or self.seen.get(
                        (pid, start), ""
                    )  # new ones are soon something else

    def left(self) -> dict[tuple[int, str], str]:
        """Those that still run, without Ray's own, which its cluster keeps, and without what ended uncollected."""
        by_name = {}
        for (pid, start), one in self.seen.items():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                known = command.strip() or one  # one that is ending has its memory, and so its name, no more
                if fields[19] == start and fields[0] != "Z" and not re.search(r"ray[:/_]|raylet|gcs_server", known):
                    by_name[pid, start] = f"{one} now {command}"
        return by_name


def containers_of(pids: set[int]) -> list[str]:
    from r1_reward.sandbox.backends.docker_engine import engine
    from r1_reward.sandbox.backends.leaks import _containers

    with engine() as client:
        return [name for name, owner in _containers(client) if owner.pid in pids]


def rows(path: Path) -> Path:
    tests = [{"type": "stdin", "input": "", "output": "4"}]
    results = [{"response": f"```python\n{p}\n```", "tests": tests, "limits": {"time_s": 2}} for p in PROGRAMS]
    path.write_text("".join(json.dumps(row) + "\n" for row in results), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param("local", marks=pytest.mark.needs("userns")),
        pytest.param("docker", marks=pytest.mark.needs("docker")),
    ],
)
def test_programs_leave_neither_process_nor_container(backend: str, cluster: Any, tmp_path: Path) -> None:
    source, output = rows(tmp_path / "in.jsonl"), tmp_path / "out.jsonl"
    with Family() as family:
        score(
            ScoreOptions(
                files=[str(source)],
                output=str(output),
                rewards=["code"],
                set={"code": {"backend": backend}},
                workers=2,
                ray="auto",
            )
        )
        until = time.monotonic() + 60
        while (left := family.left()) and time.monotonic() < until:
            time.sleep(0.1)
    assert not left
    workers = {pid for (pid, _), one in family.seen.items() if "scoring.worker" in one}
    assert len(workers) >= 2
    if backend == "local":
        assert any("worker" not in one for one in family.seen.values())  # the sandbox's own were seen too
    else:
        assert containers_of({pid for pid, _ in family.seen}) == []
    one = [json.loads(line) for line in output.read_text().splitlines()]
    reasons = [row["verdicts"]["code"]["reason"] for row in one]
    expected = ["correct", "wrong", "runtime_error", "timeout", "correct", "runtime_error"]
    # On a busy machine an endless program may wait for a processor, which is no fault of its own.
    reasons = ["timeout" if reason == "machine_busy" else reason for reason in reasons]
    assert [reason for reason, was in zip(reasons, expected * 2, strict=True) if was != "correct"] == [
        was for was in expected * 2 if was != "correct"
    ]
    assert reasons[0] == "correct"


@pytest.mark.needs("userns")
def test_finishing_lets_every_worker_end_by_itself(cluster: Any) -> None:
    spec = RewardSpec(rewards=("code",), options={"code": {"backend": "local"}})
    pool = RayPool(spec, spec.build(), RowReader(), workers=1, row_timeout=60.0)
    with Family() as family:
        pool.start()
        row = json.dumps({"response": "print(4)", "tests": [{"type": "stdin", "input": "", "output": "4"}]})
        result = pool.run([RawRow(0, 1, row.encode())])
        assert isinstance(result, list)
        (done,) = result
        assert done.responses[0].reward == 1.0
        assert family.left()
        pool.finish()
        until = time.monotonic() + 60
        while family.left() and time.monotonic() < until:
            time.sleep(0.1)
        assert not family.left()  # though the actor lives, what it held is gone
        (actor,) = pool._all
        cluster.get(actor.finish.remote())  # which tells what failed, where finish itself would not
        pool.close()
