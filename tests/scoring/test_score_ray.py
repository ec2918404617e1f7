"""Scoring on a real Ray, started here: the same rows as a local run, whatever happens to an actor.

Programs are judged there as here, and nothing of their sandboxes is left when the run is over.
"""

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
from click.testing import CliRunner

from r1_reward.cli import main
from r1_reward.rows.files import RawRow
from r1_reward.rows.reader import RowReader
from r1_reward.sandbox.backends.owner import Owner
from r1_reward.scoring import ScoreOptions, score
from r1_reward.scoring.ray_pool import RayPool, connected
from r1_reward.verifiers import ConfigError, RunError
from r1_reward.verifiers.spec import RewardSpec

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "rollouts.jsonl"
VERIFIERS = """
import os, signal, time
from r1_reward.verifiers import Reason, Verdict

class Paced:
    '''Takes its time, and ends its process where the response says so.'''
    name = "paced"

    def __call__(self, samples):
        for sample in samples:
            time.sleep(0.02)
            if sample.response == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if sample.response == "hang":
                time.sleep(600)
        return [Verdict.scored(1.0, Reason.CORRECT, answer=sample.response) for sample in samples]
"""
SLEEPER = "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)\nprint(4)"
PROGRAMS = ["print(2 + 2)", "print(5)", "print(1 / 0)", "while True: pass", SLEEPER, "import os; os._exit(3)"]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with verifiers of the user's own, importable here and by what is started from here."""
    folder = tmp_path_factory.mktemp("ray")
    (folder / "paced_rewards.py").write_text(VERIFIERS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder


@pytest.fixture(scope="module")
def cluster(here: Path) -> Iterator[Any]:
    """Ray with two processors, without dashboard, shut down by the tests that started it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")  # at Ray's 15 an actor starts when no other test wants a processor
        with connected("local", 2):
            import ray

            yield ray
    assert not ray.is_initialized()


def without_seconds(path: Path) -> bytes:
    return re.sub(rb'"seconds": [0-9.e+-]+', b"", path.read_bytes())


def _pool(reward: str, **value: Any) -> RayPool:
    spec = RewardSpec(rewards=(reward,))
    return RayPool(spec, spec.build(), RowReader(), **{"workers": 2, "row_timeout": 60.0, **value})


def test_an_address_that_is_a_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="name the files before --ray"):
        ScoreOptions(ray="rollouts.jsonl")
    result = CliRunner().invoke(main, ["score", "--ray", str(EXAMPLE)])
    assert result.exit_code == 2
    assert "is not the address of a Ray cluster" in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.needs("ray")
def test_rows_judged_on_ray_are_those_judged_here_and_resume(here: Path, cluster: Any) -> None:
    lines = EXAMPLE.read_bytes().splitlines(keepends=True)
    lines[7] = b"{broken\n"
    source = here / "in.jsonl"
    source.write_bytes(b"".join(lines))
    value: dict[str, Any] = {"files": [str(source)], "rewards": ["math", "format"], "workers": 2}
    local = score(ScoreOptions(output=str(here / "local.jsonl"), **value))
    remote = score(ScoreOptions(output=str(here / "ray.jsonl"), ray="auto", **value))
    assert without_seconds(here / "ray.jsonl") == without_seconds(here / "local.jsonl")
    assert (remote.problems, remote.fingerprint) == (local.problems, local.fingerprint)
    # What a run on Ray left off, one here finishes, and the other way round.
    whole = (here / "ray.jsonl").read_bytes()
    (here / "ray.jsonl").write_bytes(whole[: len(whole) // 2])
    score(ScoreOptions(output=str(here / "ray.jsonl"), ray="auto", resume=True, **value))
    assert without_seconds(here / "ray.jsonl") == without_seconds(here / "local.jsonl")
    assert (here / "ray.jsonl").read_bytes().startswith(whole[: len(whole) // 3])


@pytest.mark.needs("ray")
def test_actors_killed_in_mid_run_lose_no_row(here: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = here / "paced.jsonl"
    responses = ["fine"] * 150
    responses[70] = "die"
    source.write_text("".join(json.dumps({"response": r, "n": n}) + "\n" for n, r in enumerate(responses)), "utf-8")
    pools: list[RayPool] = []
    begun = RayPool.start

    def start(pool: RayPool) -> None:
        pools.append(pool)
        begun(pool)

    monkeypatch.setattr(RayPool, "start", start)
    killed: list[object] = []
    done = threading.Event()
    output = here / "paced.out"

    def kill() -> None:
        while not done.wait(0.5) and len(killed) < 2:
            if output.exists() and output.stat().st_size:
                actor = next(iter(pools[0]._all))
                cluster.kill(actor)
                killed.append(actor)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        score(
            ScoreOptions(
                files=[str(source)],
                output=str(output),
                rewards=["paced_rewards:Paced"],
                workers=2,
                ray="auto",
                max_errors=1.0,
            )
        )
    finally:
        done.set()
        killer.join()
    assert killed
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["n"] for row in rows] == list(range(150))
    assert [row["reward"] for row in rows] == [None if r == "die" else 1.0 for r in responses]
    assert rows[70]["verdicts"]["paced"]["reason"] == "grader_crashed"


@pytest.mark.slow
@pytest.mark.needs("ray")
def test_a_row_that_hangs_on_a_node_costs_itself_alone(here: Path, cluster: Any) -> None:
    pool = _pool("paced_rewards:Paced", workers=1, row_timeout=2.0)
    pool.start()
    begun = time.monotonic()
    try:
        rows = [RawRow(0, n, json.dumps({"response": r}).encode()) for n, r in enumerate(["a", "hang", "b"])]
        result = pool.run(rows)
    finally:
        pool.close()
    assert isinstance(result, list)
    assert [done.responses[0].reward for done in result] == [1.0, None, 1.0]
    assert b"grader_timeout" in result[1].output
    assert time.monotonic() - begun < 60


@pytest.mark.slow
@pytest.mark.needs("ray")
def test_actors_that_cannot_start_end_the_run_with_a_sentence(cluster: Any) -> None:
    pool = _pool("math")
    pool._made_of = ("0.0.0", *pool._made_of[1:])
    with pytest.raises(RunError, match=r"no actor could start: .*this node has r1-reward"):
        pool.start()
    pool.close()


@pytest.mark.needs("ray")
def test_closing_ends_what_is_being_judged(here: Path, cluster: Any) -> None:
    pool = _pool("paced_rewards:Paced", workers=1)
    pool.start()
    results: list[BaseException] = []

    def judge() -> None:
        try:
            pool.run([RawRow(0, 1, b'{"response": "hang"}')])
        except RunError as error:
            results.append(error)

    judging = threading.Thread(target=judge)
    judging.start()
    time.sleep(0.5)
    pool.close()
    judging.join(30)
    assert not judging.is_alive()
    assert "the run was ended" in str(results[0])


@pytest.mark.slow
@pytest.mark.needs("ray")
def test_the_command_starts_and_ends_a_ray_of_its_own(tmp_path: Path) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-c", "from r1_reward.cli import main; main()", "score", str(EXAMPLE), "--ray", "local"]
    run = subprocess.run([*command, "--workers", "2"], capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(rows) == 220
    assert "Traceback" not in run.stderr


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
        while not self._over.wait(0.1):
            self._look()

    def _look(self) -> None:
        for pid, start in descendants() - self._before:
            with contextlib.suppress(OSError):
                result = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                self.seen[pid, start] = result or self.seen.get((pid, start), "")  # new ones are soon something else

    def left(self) -> dict[tuple[int, str], str]:
        """Those that still run, without Ray's own, which its cluster keeps, and without what ended uncollected."""
        self._look()
        by_name = {}
        for (pid, start), one in list(self.seen.items()):
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


def program_rows(path: Path) -> Path:
    tests = [{"type": "stdin", "input": "", "output": "4"}]
    results = [{"response": f"```python\n{p}\n```", "tests": tests, "limits": {"time_s": 1}} for p in PROGRAMS]
    path.write_text("".join(json.dumps(row) + "\n" for row in results), encoding="utf-8")
    return path


@pytest.mark.needs("ray")
@pytest.mark.parametrize(
    "backend",
    [
        pytest.param("local", marks=pytest.mark.needs("userns")),
        pytest.param("docker", marks=pytest.mark.needs("docker")),
    ],
)
def test_programs_leave_neither_process_nor_container(backend: str, cluster: Any, tmp_path: Path) -> None:
    source, output = program_rows(tmp_path / "in.jsonl"), tmp_path / "out.jsonl"
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
    assert [reason for reason, was in zip(reasons, expected, strict=True) if was != "correct"] == [
        was for was in expected if was != "correct"
    ]
    assert reasons[0] == "correct"


@pytest.mark.needs("ray")
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
