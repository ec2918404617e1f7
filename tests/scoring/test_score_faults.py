"""What a run survives: workers that die or hang, kills at any moment, a full disk, a second run on the same file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from r1_reward.cli import main
from r1_reward.rows.files import RawRow
from r1_reward.rows.reader import RowReader
from r1_reward.sandbox.limits import processors
from r1_reward.scoring import ScoreOptions, score
from r1_reward.scoring.pool import Watchdog, WorkerPool
from r1_reward.verifiers import RunError
from r1_reward.verifiers.spec import RewardSpec

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "rollouts.jsonl"
PLAIN = [line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if '"tests"' not in line]
"""The examples without those that hold programs, which take seconds."""

VERIFIERS = """
import os, signal, sys, time
from r1_reward.verifiers import Reason, Verdict

class Touchy:
    '''Does to its own process what the response says.'''
    name = "touchy"

    def __call__(self, samples):
        for sample in samples:
            word, _, path = sample.response.partition(" ")
            if word == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if word == "exit":
                os._exit(3)
            if word == "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            if word == "hang":
                time.sleep(600)
            if word == "raise":
                raise RuntimeError("no luck")
            if word == "print":
                print("noise on standard output", flush=True)
                os.write(1, b"more noise\\n")
            if word == "once" and not os.path.exists(path):
                open(path, "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
        return [Verdict.scored(1.0, Reason.MEASURED) for _ in samples]

class Forks:
    '''Leaves a process behind that holds every descriptor, and comes back on both sides.'''
    name = "forks"

    def __call__(self, samples):
        for sample in samples:
            if sample.response == "fork and die":
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
                os.kill(os.getpid(), signal.SIGKILL)
            if sample.response == "fork and hang":
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
                time.sleep(600)
            if sample.response == "both sides":
                os.fork()
        return [Verdict.scored(1.0, Reason.MEASURED) for _ in samples]

class Sloppy:
    '''Breaks its contract in the way that the response names.'''
    name = "[red]"

    def __call__(self, samples):
        good = Verdict.scored(1.0, Reason.MEASURED)
        word = samples[0].response if len(samples) == 1 else ""
        if len(samples) > 1 and any(sample.response != "fine" for sample in samples):
            raise ValueError("one by one, please")
        if word == "none":
            return [None]
        if word == "too many":
            return [good, good]
        if word == "evidence":
            return [Verdict.scored(1.0, Reason.MEASURED, evidence={"x": object()})]
        if word == "nan evidence":
            return [Verdict.scored(1.0, Reason.MEASURED, evidence={"x": float("nan")})]
        if word == "answer":
            return [Verdict.scored(1.0, Reason.MEASURED, answer=5)]
        if word == "mute":
            raise Mute()
        return [good for _ in samples]

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("nothing to say")

class Unmakeable:
    name = "unmakeable"

    def __init__(self):
        if "pytest" not in sys.modules:
            os._exit(7)

    def __call__(self, samples):
        return []

class Heavy:
    '''Tells whether its process prepared it, and with how many threads it may compute.'''
    name = "heavy"
    prepared = None

    def prepare(self):
        Heavy.prepared = os.getpid()

    def __call__(self, samples):
        told = f"{Heavy.prepared == os.getpid()} {os.environ['OMP_NUM_THREADS']}"
        return [Verdict.scored(1.0, Reason.CORRECT, answer=told) for sample in samples]

class Slow:
    name = "slow"

    def __call__(self, samples):
        time.sleep(0.02 * len(samples))
        return [Verdict.scored(1.0, Reason.CORRECT, answer=sample.response) for sample in samples]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "touchy_rewards.py").write_text(VERIFIERS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def write(path: Path, responses: list[str]) -> None:
    path.write_text("".join(json.dumps({"response": r, "n": n}) + "\n" for n, r in enumerate(responses)), "utf-8")


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def without_seconds(path: Path) -> list[dict[str, Any]]:
    rows = rows_of(path)
    for row in rows:
        for verdict in row["verdicts"].values():
            del verdict["seconds"]
    return rows


def options(**value: Any) -> ScoreOptions:
    base: dict[str, Any] = {"files": ["in.jsonl"], "output": "out.jsonl", "workers": 2}
    return ScoreOptions(**{**base, "rewards": ["touchy_rewards:Touchy"], **value})


def test_a_row_that_breaks_its_worker_costs_itself_alone(here: Path) -> None:
    ways = {
        "die": ("grader_crashed", "SIGKILL"),
        "segfault": ("grader_crashed", "SIGSEGV"),
        "exit": ("grader_crashed", "status 3"),
        "raise": ("grader_crashed", "RuntimeError: no luck"),
        "hang": ("grader_timeout", "more than 1.5 s"),
    }
    responses = ["fine"] * 60
    responses[5:50:10] = ways
    responses[41] = "die"
    write(here / "in.jsonl", responses)
    summary = score(options(row_timeout=1.5))
    rows = rows_of(here / "out.jsonl")
    assert [row["n"] for row in rows] == list(range(60))
    assert [row["reward"] for row in rows] == [None if r in ways else 1.0 for r in responses]
    for n, (reason, message) in zip(range(5, 50, 10), ways.values(), strict=True):
        verdict = rows[n]["verdicts"]["touchy"]
        assert (verdict["status"], verdict["score"], verdict["reason"]) == ("error", None, reason)
        assert message in verdict["detail"]
    assert summary.verdict_errors == {"grader_crashed": 5, "grader_timeout": 1}


def test_a_worker_killed_from_outside_costs_nothing(here: Path) -> None:
    write(here / "in.jsonl", ["fine"] * 30 + [f"once {here}/mark"] + ["fine"] * 30)
    score(options())
    assert all(row["reward"] == 1.0 for row in rows_of(here / "out.jsonl"))


def test_what_a_verifier_prints_does_not_spoil_the_results(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(here / "in.jsonl", ["print"] * 3)
    score(options())
    assert all(row["reward"] == 1.0 for row in rows_of(here / "out.jsonl"))
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "noise" in captured.err


@pytest.mark.parametrize("word", ["fork and die", "fork and hang", "both sides"])
def test_a_verifier_that_forks_neither_hangs_nor_mixes_rows(here: Path, word: str) -> None:
    responses = ["fine"] * 30
    responses[11] = word
    write(here / "in.jsonl", responses)
    start = time.monotonic()
    score(options(rewards=["touchy_rewards:Forks"], row_timeout=1.5, workers=1))
    assert time.monotonic() - start < 120
    rows = rows_of(here / "out.jsonl")
    assert [row["n"] for row in rows] == list(range(30))
    assert all(row["reward"] == 1.0 for row in rows if row["n"] != 11)
    assert rows[11]["reward"] == (1.0 if word == "both sides" else None)


@pytest.mark.parametrize("word", ["none", "too many", "evidence", "nan evidence", "answer", "mute"])
def test_a_verifier_that_breaks_its_contract_costs_its_row(here: Path, word: str) -> None:
    write(here / "in.jsonl", ["fine", word, "fine"])
    summary = score(options(rewards=["touchy_rewards:Sloppy"]))
    rows = rows_of(here / "out.jsonl")
    assert [row["reward"] for row in rows] == [1.0, None, 1.0]
    assert rows[1]["verdicts"]["[red]"]["reason"] == "grader_crashed"
    from r1_reward.scoring.show import print_summary

    print_summary(summary, "out.jsonl")


def test_modules_in_the_current_folder_do_not_shadow_the_workers_own(here: Path) -> None:
    (here / "json.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    write(here / "in.jsonl", ["x"])
    command = [sys.executable, "-P", "-c", "from r1_reward.cli import main; main()"]
    command += ["score", "in.jsonl", "--max-errors", "1"]
    run = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_workers_that_cannot_start_end_the_run_with_a_sentence(here: Path) -> None:
    write(here / "in.jsonl", ["fine"] * 3)
    with pytest.raises(RunError, match=r"a worker could not start: .*status 7"):
        score(options(rewards=["touchy_rewards:Unmakeable"]))


@pytest.mark.parametrize("failures", [1, 99])
def test_a_machine_out_of_processes_is_asked_again_and_then_told(
    here: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    write(here / "in.jsonl", ["fine"] * 3)
    start, left = subprocess.Popen, iter(range(failures))

    def scarce(*args: Any, **settings: Any) -> Any:
        if next(left, None) is not None:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return start(*args, **settings)

    monkeypatch.setattr("r1_reward.scoring.pool.subprocess.Popen", scarce)
    if failures == 1:
        assert score(options()).rows == 3
    else:
        with pytest.raises(RunError, match=r"a worker could not start: .*Resource temporarily unavailable"):
            score(options())


def test_workers_prepare_before_their_first_row_and_share_the_processors(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here / "in.jsonl", ["x"] * 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    score(options(rewards=["touchy_rewards:Heavy"], workers=2))
    answers = {row["verdicts"]["heavy"]["answer"] for row in rows_of(here / "out.jsonl")}
    assert answers == {f"True {max(1, processors() // 2)}"}
    monkeypatch.setenv("OMP_NUM_THREADS", "3")  # who set it knows better
    score(options(rewards=["touchy_rewards:Heavy"], workers=2, overwrite=True))
    assert {row["verdicts"]["heavy"]["answer"] for row in rows_of(here / "out.jsonl")} == {"True 3"}


def test_workers_outlive_the_threads_that_had_them_started() -> None:
    """Linux ends a process with the thread that made it, where it asked to die with its parent."""
    spec = RewardSpec(rewards=("math",))
    pool = WorkerPool(spec, spec.build(), RowReader(), workers=2, row_timeout=60)
    row = RawRow(0, 1, rb'{"response": "\\boxed{4}", "reference": "4"}')
    try:
        starting = threading.Thread(target=pool.start, args=(2,))
        starting.start()
        starting.join()
        before = set(pool._all)
        asking = threading.Thread(target=pool.run, args=([row],))
        asking.start()
        asking.join()
        time.sleep(0.2)  # which the kernel may need
        assert [worker._process.poll() for worker in before] == [None, None]
        (done,) = pool.judge_together([row])
        assert (done.responses[0].reward, set(pool._all)) == (1.0, before)
        assert not pool.deaths
    finally:
        pool.close()
    with pytest.raises(RunError, match="the run was ended"):
        pool.run([row])


def test_one_thread_watches_every_task_and_ends_with_its_pool() -> None:
    watchdog, late = Watchdog(), threading.Event()

    def never() -> None:
        raise AssertionError("it was done in time")

    def watchdogs() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "watchdog"]

    before = watchdogs()
    with watchdog.within(60, never):
        with watchdog.within(0.01, late.set):  # sooner than what it waits for
            assert late.wait(10)
        for _ in range(100):
            with watchdog.within(60, never):
                pass
        (thread,) = [one for one in watchdogs() if one not in before]
        watchdog.close()  # what is under way is still watched
        late.clear()
        with watchdog.within(0.01, late.set):
            assert late.wait(10)
        assert thread.is_alive()
    thread.join(10)
    assert not thread.is_alive()


def test_a_run_works_in_any_thread(here: Path) -> None:
    write(here / "in.jsonl", ["fine"] * 20)
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(score(options(output=f"{n}.jsonl")).rows)) for n in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [20, 20]


def test_two_runs_on_one_output_do_not_mix(here: Path) -> None:
    write(here / "in.jsonl", ["x"] * 400)
    with subprocess.Popen(
        _command("in.jsonl", "--reward", "touchy_rewards:Slow"), cwd=here, stderr=subprocess.PIPE
    ) as run:
        _wait_for_rows(here / "out.jsonl", 1)
        with pytest.raises(RunError, match="another run is writing"):
            score(options())
        run.kill()


def _command(*args: str) -> list[str]:
    code = "import sys; sys.path.insert(0, '.'); from r1_reward.cli import main; main()"
    return [sys.executable, "-c", code, "score", *args, "-o", "out.jsonl", "--workers", "2"]


def _wait_for_rows(path: Path, rows: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and path.read_bytes().count(b"\n") >= rows:
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} did not reach {rows} rows in {seconds} s")


def _children(pid: int) -> list[int]:
    results = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                results.append(int(entry.name))
        except OSError:
            continue
    return results


def _alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_killed_runs_resume_to_the_same_file_and_leave_no_process(here: Path) -> None:
    lines = [*PLAIN[:3], "{broken", *PLAIN[3:]] * 10
    (here / "in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    args = ["in.jsonl", "--reward", "math,format", "--max-errors", "1", "--summary", "s.json"]
    subprocess.run(_command(*args), cwd=here, check=True, capture_output=True)
    whole, result = without_seconds(here / "out.jsonl"), json.loads((here / "s.json").read_text())
    for name in ("out.jsonl", "out.jsonl.run.json"):
        (here / name).unlink()
    for share in (0.0, 0.15, 0.6):
        with subprocess.Popen(_command(*args, "--resume"), cwd=here, stderr=subprocess.DEVNULL) as run:
            if share:
                _wait_for_rows(here / "out.jsonl", int(share * len(lines)))
            else:
                time.sleep(0.4)  # while it starts
            children = _children(run.pid)
            run.kill()
        deadline = time.monotonic() + 30
        while any(map(_alive, children)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(map(_alive, children))
        with (here / "out.jsonl").open("ab") as file:
            file.write(b'{"torn": "li')
    subprocess.run(_command(*args, "--resume"), cwd=here, check=True, capture_output=True)
    assert without_seconds(here / "out.jsonl") == whole
    again = json.loads((here / "s.json").read_text())
    for summary in (result, again):
        del summary["seconds"], summary["slowest"]
    assert again == result


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_worker_that_never_comes_back_dies_with_its_parent(here: Path) -> None:
    write(here / "in.jsonl", ["hang"] * 4)
    args = _command("in.jsonl", "--reward", "touchy_rewards:Touchy")
    with subprocess.Popen(args, cwd=here, stderr=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + 60
        while not (children := _children(run.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        run.kill()
    assert children
    deadline = time.monotonic() + 30
    while any(map(_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_alive, children))


def test_ctrl_c_leaves_a_file_that_resumes(here: Path) -> None:
    write(here / "in.jsonl", ["x"] * 200)
    args = ["in.jsonl", "--reward", "touchy_rewards:Slow"]
    with subprocess.Popen(_command(*args), cwd=here, stderr=subprocess.PIPE, text=True) as run:
        _wait_for_rows(here / "out.jsonl", 5)
        run.send_signal(signal.SIGINT)
        assert run.stderr is not None
        errors = run.stderr.read()
        assert run.wait(30) == 130
    assert "run again with --resume" in errors
    assert "Traceback" not in errors
    done = rows_of(here / "out.jsonl")
    assert 0 < len(done) < 200
    assert subprocess.run(_command(*args, "--resume"), cwd=here, capture_output=True, check=False).returncode == 0
    assert [row["n"] for row in rows_of(here / "out.jsonl")] == list(range(200))
    assert rows_of(here / "out.jsonl")[: len(done)] == done


def _resume(*args: str) -> tuple[int, str]:
    command = ["score", "in.jsonl", "-o", "out.jsonl", "--workers", "1", "--resume", *args]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    return result.exit_code, " ".join(result.stderr.replace("│", " ").split())


def test_resume_of_a_finished_or_absent_output_just_works(here: Path) -> None:
    (here / "in.jsonl").write_text("\n".join(PLAIN), encoding="utf-8")
    assert _resume()[0] == 0
    before = (here / "out.jsonl").read_bytes()
    assert _resume()[0] == 0
    assert (here / "out.jsonl").read_bytes() == before


def test_resume_with_other_options_is_refused_with_both_fingerprints(here: Path) -> None:
    (here / "in.jsonl").write_text("\n".join(PLAIN), encoding="utf-8")
    assert _resume()[0] == 0
    before = (here / "out.jsonl").read_bytes()
    theirs = json.loads((here / "out.jsonl.run.json").read_text())["fingerprint"]
    code, result = _resume("--reward", "math,format")
    ours = ScoreOptions(rewards=["math", "format"]).fingerprint
    assert code == 2
    assert theirs in result
    assert ours in result
    assert "['auto'] then, ['math', 'format'] now" in result
    assert (here / "out.jsonl").read_bytes() == before
    assert _resume("--workers", "2", "--summary", "s.json")[0] == 0


def test_resume_on_other_input_is_refused(here: Path) -> None:
    lines = list(PLAIN)
    (here / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert _resume()[0] == 0
    lines[20], lines[21] = lines[21], lines[20]
    (here / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    code, result = _resume()
    assert (code, "row for line 21 was not made from that line" in result) == (2, True), result
    (here / "in.jsonl").write_text("\n".join(lines[:10]), encoding="utf-8")
    code, result = _resume()
    assert (code, "more rows than the input" in result) == (2, True), result


def test_resume_without_its_record_is_refused(here: Path) -> None:
    (here / "in.jsonl").write_text("\n".join(PLAIN), encoding="utf-8")
    assert _resume()[0] == 0
    (here / "out.jsonl.run.json").unlink()
    code, result = _resume()
    assert (code, "missing or damaged" in result) == (2, True), result
    (here / "out.jsonl").write_bytes(b"")
    assert _resume()[0] == 0


def test_full_disk_is_an_error_with_a_sentence(here: Path) -> None:
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "from r1_reward.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "score", str(EXAMPLE), "-o", "out.jsonl"]
    run = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "writing out.jsonl failed" in run.stderr
    assert "Traceback" not in run.stderr
