"""What the sandbox costs, and that it holds what it promises. Prints a line per figure; `--json FILE` writes them too.

    python benchmarks/sandbox.py --parts throughput --backends docker,local
    python benchmarks/sandbox.py --parts soak --backends local --soak 10000 --seconds 0
    python benchmarks/sandbox.py --parts agreement --data ../shared/data

Parts: throughput (against a bare subprocess, `docker run` and `docker exec`, interleaved in one run), cpu (processor
time of one execution, which a busy machine distorts less), first (the first verdict of a process), late (time-limit
verdicts), kills (`kill -9` of a client), faults (agents killed and containers removed under way; with
`--engine-pidfile` the engine stopped for a while as well), soak, agreement (labelled programs). Each can be run by
itself. Throughput and soak stop after `--seconds` (per backend), and say how far they got. Hostile programs run in
sandboxes only. Also: asserts (rows of one and three calls against a bare fork and exec), busy (right programs judged
beside eight busy processes).
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from r1_reward import __version__
from r1_reward.rows import read_sample
from r1_reward.sandbox import CallTest, Limits, Outcome, Result, StdinTest, Submission, checkers
from r1_reward.sandbox.pool import Pool
from r1_reward.verifiers.code import CodeVerifier

PROGRAM = "print(sum(map(int, input().split())))"
TEST = StdinTest(input="2 3", output="5", checker=checkers.tokens)
HONEST = Submission(language="python", source=PROGRAM, tests=[TEST])
CALLS = [CallTest(entry="f", args=f"({n},)", expected=n * n, checker=checkers.equal) for n in range(3)]
HONEST_CALLS = Submission(language="python", source="def f(x): return x * x", tests=CALLS)
RUN = ["--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
RUN += ["--memory", "512m", "--memory-swap", "512m", "--pids-limit", "64", "--user", "65534:65534"]
IMAGE = "r1-reward-sandbox:python"


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="throughput,cpu,first,late,kills,faults,soak")
    parser.add_argument("--backends", default="docker,local")
    parser.add_argument("--rounds", type=int, default=60, help="interleaved rounds of throughput")
    parser.add_argument("--tests", type=int, default=8, help="tests per arm and round")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--soak", type=int, default=10_000, help="submissions")
    parser.add_argument("--seconds", type=float, default=150, help="for a part and backend, about; 0 for no bound")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--rows", type=int, default=0, help="at most so many rows of code_dev (0: all)")
    parser.add_argument("--engine-pidfile", type=Path, help="stop this engine (SIGSTOP) for a while in `faults`")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--client", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.client:
        client(args.client)
        return
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # orphans of what we start become our children, so that none goes unseen
    by_name: dict[str, Any] = {
        "version": __version__,
        "python": platform.python_version(),
        "processors": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d"),
    }
    parts = {"cpu": cpu, "first": first, "late": late, "kills": kills, "faults": faults, "soak": soak}
    parts |= {"agreement": agreement, "asserts": asserts, "busy": busy}
    print(json.dumps(by_name))
    for part in args.parts.split(","):
        for backend in [""] if part == "throughput" else args.backends.split(","):
            start = time.monotonic()
            name = f"{part}.{backend}" if backend else part
            by_name[name] = parts[part](backend, args) if backend else throughput(args)
            seconds = round(time.monotonic() - start)
            print(
                f"{name} ({seconds} s, load {os.getloadavg()[0]:.1f})", json.dumps(by_name[name], indent=2), flush=True
            )
    if args.json:
        args.json.write_text(json.dumps(by_name, indent=2) + "\n", encoding="utf-8")


def throughput(args: argparse.Namespace) -> dict[str, Any]:
    """One-test Python submissions a second, warm, each arm against the bare subprocess of the same round."""
    python = str(Path(sys.executable).resolve())  # not a link to it or a script that looks for it, which are slower
    backends = args.backends.split(",")
    arms: dict[str, Callable[[int], float]] = {}
    with contextlib.ExitStack() as stack:
        for width in (1, 2):
            arms[f"bare.{width}"] = partial(
                _rate, width=width, once=partial(_bare, [python, "-I", "-S", "-c", PROGRAM])
            )
            # Programs run without -S, so that they find installed packages; on some machines that costs much.
            with_site = partial(_bare, [python, "-I", "-c", PROGRAM])
            arms[f"bare with site.{width}"] = partial(_rate, width=width, once=with_site, fewer=4)
            for backend in backends:
                for mode in ("exec", "fork"):
                    pool = stack.enter_context(Pool(backend=backend, size=width, mode=mode))
                    pool.run_all([HONEST] * width * 4)
                    arms[f"{backend}.{mode}.{width}"] = partial(_rate, width=width, once=partial(_honest, pool))
        if "docker" in backends:
            box = subprocess.run(
                ["docker", "run", "-d", "-i", "--rm", *RUN, IMAGE, "python3", "-c", "input()"],
                capture_output=True, text=True, check=True,
            ).stdout.strip()  # fmt: skip
            stack.callback(subprocess.run, ["docker", "rm", "-f", box], stdout=subprocess.DEVNULL)
            inside = ["python3", "-I", "-S", "-c", PROGRAM]
            run = partial(_bare, ["docker", "run", "--rm", "-i", *RUN, IMAGE, *inside])
            again = partial(_bare, ["docker", "exec", "-i", box, *inside])
            arms["docker run.1"] = partial(_rate, width=1, once=run, fewer=8)
            arms["docker exec.1"] = partial(_rate, width=1, once=again, fewer=4)
        rounds: list[dict[str, float]] = []
        end = time.monotonic() + (args.seconds or 1e9)
        while len(rounds) < args.rounds and (not rounds or time.monotonic() < end):
            rounds.append({name: arm(args.tests) for name, arm in arms.items()})
    median = {name: statistics.median(one[name] for one in rounds) for name in arms}
    by_name: dict[str, Any] = {
        "rounds": len(rounds),
        "per_second": {name: round(value, 1) for name, value in median.items()},
    }

    def ratio(name: str, base: str) -> float:
        return round(statistics.median(one[name] / one[base] for one in rounds), 3)

    for backend in backends:
        by_name[f"{backend}.to_bare"] = {
            f"{mode}.{width}": ratio(f"{backend}.{mode}.{width}", f"bare.{width}")
            for mode in ("exec", "fork")
            for width in (1, 2)
        }
        by_name[f"{backend}.to_bare_with_site"] = {
            f"exec.{width}": ratio(f"{backend}.exec.{width}", f"bare with site.{width}") for width in (1, 2)
        }
    if "docker" in backends:
        by_name["docker.to_run"] = ratio("docker.exec.1", "docker run.1")
        by_name["docker.to_exec"] = ratio("docker.exec.1", "docker exec.1")
    return by_name


def _rate(count: int, *, width: int, once: Callable[[], object], fewer: int = 1) -> float:
    """How often a second; what is slow is done `fewer` times less."""
    count = max(width, count // fewer)
    start = time.perf_counter()
    if width == 1:
        for _ in range(count):
            once()
    else:
        with ThreadPoolExecutor(width) as threads:
            for done in [threads.submit(once) for _ in range(count)]:
                done.result()
    return count / (time.perf_counter() - start)


def _bare(command: Sequence[str]) -> None:
    run = subprocess.run(command, input=b"2 3", capture_output=True, check=True, timeout=120)
    assert run.stdout.split() == [b"5"]


def _honest(pool: Pool) -> None:
    result = pool.run(HONEST)
    assert result.outcome is Outcome.AC, result


def cpu(backend: str, args: argparse.Namespace) -> dict[str, float]:
    """Milliseconds of processor time of one execution, ours and bare in turns: this process and the programs', with the
    agent; of docker the engine's own share (about 0.4 ms) is not seen."""
    del args
    python = str(Path(sys.executable).resolve())
    ours: list[float] = []
    bare: list[float] = []
    with Pool(backend=backend, size=1) as pool:
        pool.run_all([HONEST] * 5)
        for _ in range(9):
            for one, once in (
                (bare, partial(_bare, [python, "-I", "-S", "-c", PROGRAM])),
                (ours, partial(_honest, pool)),
            ):
                before = _spent(backend)
                for _ in range(40):
                    once()
                one.append((_spent(backend) - before) / 40 * 1000)
    return {
        "ours_ms": round(statistics.median(ours), 2),
        "bare_ms": round(statistics.median(bare), 2),
        "bare_to_ours": round(statistics.median(b / o for b, o in zip(bare, ours, strict=True)), 3),
    }


def _spent(backend: str) -> float:
    """Processor time of this process, of all that it started, and of its containers."""
    times = os.times()
    spent = times.user + times.system + times.children_user + times.children_system
    for pid in _descendants():
        with contextlib.suppress(OSError):
            spent += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15])) / _TICKS
    if backend != "docker":
        return spent
    import docker

    engine = docker.APIClient(version="1.41")
    try:
        used = [engine.stats(name, stream=False, one_shot=True) for name in _containers(os.getpid())]
    finally:
        engine.close()
    return spent + float(sum(each["cpu_stats"]["cpu_usage"]["total_usage"] for each in used)) / 1e9


_TICKS = os.sysconf("SC_CLK_TCK")


def first(backend: str, args: argparse.Namespace) -> dict[str, float]:
    """Seconds to the first verdict, in a process that has done nothing else: from before our first import, and from
    after it. Modules have been compiled before, as they are where a package is installed."""
    del args
    code = (
        f"import sys, time\nsys.path[:] = {sys.path!r}\nstart = time.perf_counter()\n"
        "from r1_reward.sandbox import StdinTest, Submission, checkers\nfrom r1_reward.sandbox.pool import Pool\n"
        "imported = time.perf_counter()\n"
        "test = StdinTest(input='2 3', output='5', checker=checkers.tokens)\n"
        f"with Pool(backend={backend!r}, size=1) as pool:\n"
        f"    result = pool.run(Submission(language='python', source={PROGRAM!r}, tests=[test]))\n"
        "    end = time.perf_counter()\n"
        "print(end - start, end - imported, time.process_time(), result.outcome)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    results = []
    for _ in range(10):
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        *seconds, outcome = run.stdout.split()
        assert outcome == "AC"
        results.append([float(each) for each in seconds])
    whole, imported, spent = zip(*results[1:], strict=True)  # without the one that compiled
    return {
        "median": round(statistics.median(whole), 3),
        "worst": round(max(whole), 3),
        "best": round(min(whole), 3),
        "median once imported": round(statistics.median(imported), 3),
        "processor time of the process": round(statistics.median(spent), 3),
    }


def asserts(backend: str, args: argparse.Namespace) -> dict[str, float]:
    """Milliseconds of processor time of a row of three calls, and of one call, beside one bare fork and exec of Python,
    in turns, as in `cpu`; and by the clock."""
    del args
    python = str(Path(sys.executable).resolve())
    spent: dict[str, list[float]] = {"bare": [], "one": [], "row": []}
    clock: dict[str, list[float]] = {"bare": [], "one": [], "row": []}
    with Pool(backend=backend, size=1) as pool:

        def judged(count: int) -> None:
            row = Submission(language="python", source="def f(x): return x * x", tests=CALLS[:count])
            assert pool.run(row).outcome is Outcome.AC

        arms = {"bare": partial(_bare, [python, "-I", "-S", "-c", PROGRAM]), "one": partial(judged, 1)}
        arms["row"] = partial(judged, 3)
        for _ in range(5):
            judged(3)
        for _ in range(9):
            for name, once in arms.items():
                before, start = _spent(backend), time.perf_counter()
                for _ in range(40):
                    once()
                clock[name].append((time.perf_counter() - start) / 40 * 1000)
                spent[name].append((_spent(backend) - before) / 40 * 1000)
    result = {f"{name}_cpu_ms": round(statistics.median(each), 2) for name, each in spent.items()}
    result |= {f"{name}_ms": round(statistics.median(each), 2) for name, each in clock.items()}
    for name in ("one", "row"):
        ratios = [ours / bare for ours, bare in zip(spent[name], spent["bare"], strict=True)]
        result[f"{name}_to_bare"] = round(statistics.median(ratios), 3)
    return result


def busy(backend: str, args: argparse.Namespace) -> dict[str, Any]:
    """200 right programs of half a second, under a limit of one and two at a time, beside eight busy processes."""
    del args
    source = "import time\nwhile time.process_time() < 0.5: pass\nprint(sum(map(int, input().split())))"
    rows = [Submission(language="python", source=source, tests=[TEST], limits=Limits(time_s=1))] * 200
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
    try:
        with Pool(backend=backend, size=2) as pool:
            results = Counter(result.outcome.value for result in pool.run_all(rows))
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    return {"outcomes": dict(results)}


LATE = {
    "loop": "while True: pass",
    "SIGTERM ignored": "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nwhile True: time.sleep(9)",
    "SIGSTOP": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "C code": "import re\nre.match('(a+)+$', 'a' * 64 + 'b')",
}


def late(backend: str, args: argparse.Namespace) -> dict[str, float]:
    """Seconds from a submission to its time-limit verdict, above the limit of one second; the worst of three."""
    del args
    by_name = {}
    with Pool(backend=backend, size=1) as pool:
        pool.run(HONEST)
        for name, source in LATE.items():
            worst = 0.0
            for _ in range(3):
                start = time.perf_counter()
                result = pool.run(Submission(language="python", source=source, tests=[TEST], limits=Limits(time_s=1)))
                worst = max(worst, time.perf_counter() - start - 1)
                assert result.outcome is Outcome.TLE, result
            by_name[name] = round(worst, 3)
    return by_name


def client(backend: str) -> None:
    """What is killed: judges without end, two at a time, long and short programs mixed."""
    lasting = Submission(language="python", source="import time; time.sleep(30)", tests=[TEST])
    print("started", flush=True)
    with Pool(backend=backend, size=2) as pool:
        while True:
            pool.run_all([HONEST, HONEST, HONEST, lasting] if random.random() < 0.5 else [HONEST] * 8)


def kills(backend: str, args: argparse.Namespace) -> dict[str, Any]:
    """What is there five seconds after `kill -9` of four clients, each at a moment between its first import and busy
    work."""
    left: Counter[str] = Counter()
    folders = _folders()
    command = [sys.executable, __file__, "--client", backend]
    for start in range(0, args.kills, 4):
        before = _descendants()
        killed = []
        for number in range(start, min(start + 4, args.kills)):
            with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                process.stdout.readline()
                time.sleep(random.Random(number).uniform(0, 1.5))
                process.kill()
            killed.append(process.pid)
        time.sleep(5)
        left["containers"] += sum(len(_containers(pid)) for pid in killed)
        left["processes"] += len(_descendants() - before)
    left["folders"] = len(_folders() - folders)
    return {"kills": args.kills, **{name: left[name] for name in ("containers", "processes", "folders")}}


def _folders() -> set[Path]:
    folders = [Path("/tmp"), Path("/dev/shm"), Path("/var/tmp")]
    return {path for place in folders for path in place.iterdir() if path.name.startswith(("r1-", "r1_"))}


def _descendants() -> set[int]:
    """Processes below this one, collecting those that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    result = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in result} - result:
        result |= more
    return result - {os.getpid()}


def _containers(pid: int) -> list[str]:
    if shutil.which("docker") is None:
        return []
    command = [
        "docker",
        "ps",
        "-a",
        "--filter",
        "label=r1-reward.owner",
        "--format",
        '{{.ID}} {{.Label "r1-reward.owner"}}',
    ]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    return [line.split()[0] for line in lines if line.split()[2] == str(pid)]


def faults(backend: str, args: argparse.Namespace) -> dict[str, Any]:
    """Honest and wrong programs while sandboxes are killed under them: no outcome may be other than without faults."""
    wrong = Submission(language="python", source="print(6)", tests=[TEST])
    slow = Submission(language="python", source=f"import time; time.sleep(0.2); {PROGRAM}", tests=[TEST])
    work = [HONEST, wrong, slow] * 60
    expected = [Outcome.AC, Outcome.WA, Outcome.AC] * 60
    ended = threading.Event()
    done = Counter[str]()

    def disturb() -> None:
        dice = random.Random(1)
        while not ended.wait(0.7):
            if args.engine_pidfile and backend == "docker" and done["engine stopped"] < 2 and dice.random() < 0.3:
                engine = int(args.engine_pidfile.read_text())
                os.kill(engine, signal.SIGSTOP)
                time.sleep(3)
                os.kill(engine, signal.SIGCONT)
                done["engine stopped"] += 1
            elif backend == "docker":
                for name in _containers(os.getpid())[:1]:
                    how = dice.choice(["kill", "rm -f"])
                    subprocess.run(["docker", *how.split(), name], capture_output=True, check=False)
                    done[how] += 1
            else:
                for pid in sorted(_descendants())[:1]:
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
                        done["agent killed"] += 1

    with Pool(backend=backend, size=2) as pool:
        thread = threading.Thread(target=disturb)
        thread.start()
        try:
            results = pool.run_all(work)
        finally:
            ended.set()
            thread.join()
        after = pool.run(HONEST).outcome
    outcomes = [result.outcome for result in results]
    other = sum(got not in (want, Outcome.INFRA) for got, want in zip(outcomes, expected, strict=True))
    return {"faults": dict(done), "submissions": len(work), "falsely judged": other,
            "infra": outcomes.count(Outcome.INFRA), "goes on": after is Outcome.AC}  # fmt: skip


HOSTILE = (
    "while True: pass",
    "b = []\nwhile True: b.append(bytearray(b'x') * (8 << 20))",
    "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "import os\nwhile True: os.write(1, b'x' * 65536)",
    "import os\nos.kill(-1, 9)",
    "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\nprint(6)",
    "i = 0\nwhile True:\n    open(f'/tmp/f{i}', 'w').close(); i += 1",
    "with open('/dev/shm/fill', 'wb') as f:\n    while True: f.write(bytes(1 << 20))",
    "import os\nos._exit(0)",
)


def soak(backend: str, args: argparse.Namespace) -> dict[str, Any]:
    """One submission in ten is hostile, half of all are called; what this process and its sandboxes hold is looked at
    on the way."""
    dice = random.Random(0)
    limits = Limits(time_s=0.5, memory_mb=128, processes=16, output_bytes=1 << 20, disk_mb=8)
    seen: list[dict[str, float]] = []
    honest: Counter[str] = Counter()
    hostile: Counter[str] = Counter()
    end = time.monotonic() + (args.seconds or 1e9)
    with Pool(backend=backend, size=2) as pool:
        for start in range(0, args.soak, 200):
            if time.monotonic() > end:
                break
            bad = [dice.random() < 0.1 for _ in range(min(200, args.soak - start))]
            work = [_soaked(dice, limits if is_bad else None) for is_bad in bad]
            for is_bad, result in zip(bad, pool.run_all(work), strict=True):
                (hostile if is_bad else honest)[result.outcome.value] += 1
            seen.append(_held(backend))
    early, final = seen[len(seen) // 10], seen[-1]
    done = honest.total() + hostile.total()
    return {"submissions": done, "honest": dict(honest), "hostile": dict(hostile), "early": early, "end": final}


def _soaked(dice: random.Random, hostile: Limits | None) -> Submission:
    """A script, or a function that is called in a fork of the zygote."""
    called = dice.random() < 0.5
    if hostile is None:
        return HONEST_CALLS if called else HONEST
    source, tests = dice.choice(HOSTILE), [CALLS[1]] if called else [TEST]
    if called:
        source = f"def f(x): exec({source!r}, {{}})"
    return Submission(language="python", source=source, tests=tests, limits=hostile)


def _held(backend: str) -> dict[str, float]:
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    held = {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "resident_mb": round(resident, 1),
        "processes": len(_descendants()),
    }
    names = _containers(os.getpid()) if backend == "docker" else []
    if names:
        results = ["docker", "stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", *names]
        lines = subprocess.run(results, capture_output=True, text=True, check=False).stdout.splitlines()
        held |= {"containers": len(names), "inside_processes": sum(int(line.split()[-1]) for line in lines)}
        held["inside"] = " ".join(line.split()[0] for line in lines)  # type: ignore[assignment]
    held["folders"] = len(_folders())
    return held


def agreement(backend: str, args: argparse.Namespace) -> dict[str, Any]:
    """Verdicts against labels; for the hostile ones also what must hold of this machine afterwards."""
    os.environ["R1_CANARY"] = canary = random.Random().randbytes(12).hex()
    by_name: dict[str, Any] = {}
    with Pool(backend=backend, size=2) as pool:
        rows = list(_rows(args.data / "code_dev.jsonl"))
        rows = rows[: args.rows] if args.rows else rows
        results = pool.run_all([_submission(row) for row in rows])
        wrong = [
            f"{row['id']}: {result.outcome.value} {result.detail[:80]}"
            for row, result in zip(rows, results, strict=True)
            if (result.outcome is Outcome.AC) != (row["expected"] == "pass") or result.outcome is Outcome.INFRA
        ]
        by_name["code_dev"] = {"rows": len(rows), "agree": len(rows) - len(wrong), "differ": wrong}
        rows = list(_rows(args.data / "code_adversarial_dev.jsonl"))
        wrong, false_passes, broken, checked = [], 0, [], 0
        for row in rows:
            result, actual = _attack(pool, row, canary)
            checked += len(row["host_checks"])
            broken += [f"{row['id']}: {each}" for each in actual]
            false_passes += row["expected"] == "fail" and result.outcome is Outcome.AC
            if result.outcome.value not in row["verdicts"]:
                wrong.append(f"{row['id']}: {result.outcome.value} not in {row['verdicts']}: {result.detail[:80]}")
        by_name["adversarial"] = {
            "rows": len(rows), "agree": len(rows) - len(wrong), "differ": wrong, "false passes": false_passes,
            "host checks": checked, "broken": broken,
        }  # fmt: skip
    return by_name


def _attack(pool: Pool, row: dict[str, Any], canary: str) -> tuple[Result, list[str]]:
    """Run one hostile row with an honest neighbour beside it, then look at the machine."""
    pool.run_all([HONEST] * 4)
    before, pattern = _descendants(), Path("/proc/sys/kernel/core_pattern").read_text()
    free, resident = shutil.disk_usage("/").free, _held("")["resident_mb"]
    attack = _submission(row)
    result, *neighbours = pool.run_all([attack, *[HONEST] * 6])
    text = "".join(test.stdout + test.stderr + test.detail for test in result.tests) + result.detail
    compiling = 30.0 if row["language"] in ("cpp", "java") else 0.0
    slowest = max(test.seconds for test in result.tests)
    time.sleep(0.2)
    inside = [_inside(name) for name in _containers(os.getpid())]
    holds = {
        "neighbour_ok": all(each.outcome is Outcome.AC for each in neighbours),
        "runner_alive": pool.run(HONEST).outcome is Outcome.AC,
        "next_submission_clean": all(each.outcome is Outcome.AC for each in pool.run_all([HONEST] * 4)),
        "wall<=limit+2": slowest <= row["limits"]["time_s"] + 2 + compiling,
        "no_process_left": all(count == 1 for count in inside) and len(_descendants()) <= len(before) + 4,
        "canary_not_in_output": canary not in text,
        "runner_memory_kept": _held("")["resident_mb"] < resident + 100,
        "disk_kept": shutil.disk_usage("/").free > free - (1 << 30),
        "no_host_file_changed": Path("/proc/sys/kernel/core_pattern").read_text() == pattern,
        "no_network": result.outcome is not Outcome.AC,
    }
    asked = {"neighbour_ok", *row["host_checks"]}
    return result, sorted(asked - holds.keys()) + sorted(name for name in asked & holds.keys() if not holds[name])


def _inside(name: str) -> int:
    command = ["docker", "top", name, "-eo", "pid,args"]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    return len([line for line in lines[1:] if "zygote.pyc" not in line])


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _submission(row: dict[str, Any]) -> Submission:
    """As the code verifier makes it of a response that holds the program in one block."""
    sample = read_sample({
        "response": f"```{row['language']}\n{row['solution']}\n```",
        "tests": row["tests"], "limits": row.get("limits"), "kind": "code",
    })  # fmt: skip
    made = CodeVerifier()._prepare(sample)
    assert isinstance(made, Submission), made
    return made


if __name__ == "__main__":
    main()
