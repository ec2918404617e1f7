"""What `r1-reward score` costs, and that it holds what it promises. Prints a table; `--json FILE` writes it too.

Rows are made by repeating labelled pairs (`--data`, default: the development set beside the checkout, else the
example rollouts). CPU-seconds are those of the whole process tree, from the operating system's own accounting.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import platform
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1_reward import __version__

ROOT = Path(__file__).resolve().parents[1]
DEV = ROOT.parent / "shared" / "data" / "math_dev.jsonl"
EXAMPLE = ROOT / "examples" / "rollouts.jsonl"
COMMAND = [sys.executable, "-c", "from r1_reward.cli import main; main()"]
REWARDS = ["--reward", "math,format", "--set", "math.extraction=lenient"]


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEV if DEV.exists() else EXAMPLE)
    parser.add_argument("--rows", type=int, default=100_000, help="rows for speed (default 100,000)")
    parser.add_argument(
        "--large", type=int, default=1_000_000, help="rows for memory (default 1,000,000; 0: leave out)"
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    by_name: dict[str, Any] = {
        "version": __version__,
        "python": platform.python_version(),
        "processors": len(os.sched_getaffinity(0)),
        "date": time.strftime("%Y-%m-%d"),
        "data": args.data.name,
        "flags": " ".join(REWARDS),
    }
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        here = Path(folder)
        by_name.update(start_up())
        by_name.update(speed(args.data, args.rows, here))
        by_name.update(memory(args.data, args.large, here))
        by_name.update(kills(args.data, args.kills, here))
    for name, value in by_name.items():
        print(f"{name:44} {value}")
    if args.json:
        args.json.write_text(json.dumps(by_name, indent=2) + "\n", encoding="utf-8")


def rows_of(path: Path) -> Iterator[bytes]:
    """The data as rows of samples, for ever."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        row["reference"] = row.pop("gold", row.get("reference"))
        row.setdefault("problem", row["id"])
        lines.append(json.dumps({k: v for k, v in row.items() if k != "kind"}, ensure_ascii=False).encode() + b"\n")
    return itertools.cycle(lines)


def write(data: Path, count: int, path: Path) -> Path:
    """A file of that many rows."""
    with path.open("wb") as file:
        file.writelines(itertools.islice(rows_of(data), count))
    return path


def run(*args: object) -> dict[str, float]:
    """Run the command to its end: CPU-seconds and peak memory of it and its workers, wall seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    peak = 0
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen([*COMMAND, "score", *map(str, args)], stderr=errors)
        while process.poll() is None:
            peak = max(peak, sum(map(resident, tree(process.pid))))
            time.sleep(0.05)
        errors.seek(0)
        if process.returncode not in (0, 1):
            raise SystemExit(f"the run ended with {process.returncode}: {errors.read().decode()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, "wall": time.monotonic() - start, "peak_mb": peak / 1e6}


def tree(pid: int) -> list[int]:
    """A process and its children."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        threads = Path(f"/proc/{pid}/task").iterdir()
        for thread in threads:
            with contextlib.suppress(OSError):
                children += (thread / "children").read_text().split()
        return [pid, *{int(child) for child in children}]
    return [pid]


def resident(pid: int) -> int:
    """Resident bytes of a process, its share of shared pages included."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def without_seconds(path: Path) -> bytes:
    """A hash-sized stand-in for an output with its timings taken out."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for line in file:
            digest.update(re.sub(rb'"(?:seconds|memory_mb)": [0-9.e+-]+', b"", line))
    return digest.digest()


def start_up() -> dict[str, Any]:
    """CPU-seconds of importing and of --help, medians of five, and what they load."""
    by_name: dict[str, Any] = {}
    heavy = ("sympy", "mpmath", "torch", "docker", "numpy", "transformers")
    for name, code in (("import r1_reward", "import r1_reward"), ("r1-reward --help", None)):
        seconds = []
        for _ in range(5):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [*COMMAND, "--help"] if code is None else [sys.executable, "-c", code]
            subprocess.run(command, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        by_name[f"{name}, CPU-s"] = round(sorted(seconds)[2], 3)
    probe = (
        "import atexit, sys; atexit.register(lambda: print(*(m for m in %r if m in sys.modules)));"
        "import r1_reward; from r1_reward.cli import main; main(['--help'])"
    )
    out = subprocess.run([sys.executable, "-c", probe % (heavy,)], check=True, capture_output=True, text=True).stdout
    by_name["heavy modules loaded by --help"] = out.splitlines()[-1] or "none"
    return by_name


def speed(data: Path, count: int, here: Path) -> dict[str, Any]:
    """Rows per CPU-second with one worker, and whether two write the same."""
    source = write(data, count, here / "in.jsonl")
    one = run(source, "-o", here / "one.jsonl", "--workers", 1, *REWARDS)
    two = run(source, "-o", here / "two.jsonl", "--workers", 2, *REWARDS)
    floor = _floor(source)
    by_name = {
        f"rows per CPU-second ({count:,} rows, 1 worker)": round(count / one["cpu"]),
        "rows per second of wall time, 1 worker": round(count / one["wall"]),
        "rows per second of wall time, 2 workers": round(count / two["wall"]),
        "CPU over the floor of reading and writing JSON": round(one["cpu"] / floor, 1),
        "output of 1 and 2 workers identical": without_seconds(here / "one.jsonl")
        == without_seconds(here / "two.jsonl"),
    }
    for name in ("in.jsonl", "one.jsonl", "two.jsonl"):
        (here / name).unlink()
    return by_name


def _floor(source: Path) -> float:
    """CPU-seconds of parsing every line and writing it back with the standard library, and nothing else."""
    start = time.process_time()
    with source.open("rb") as file, Path(os.devnull).open("wb") as out:
        for line in file:
            out.write(json.dumps(json.loads(line), ensure_ascii=False).encode())
    return time.process_time() - start


def memory(data: Path, large: int, here: Path) -> dict[str, Any]:
    """Peak resident memory of the run and its one worker, small and large."""
    by_name = {}
    for count in filter(None, (10_000, large)):
        source = write(data, count, here / "in.jsonl")
        peak = run(source, "-o", here / "out.jsonl", "--overwrite", "--workers", 1, *REWARDS)["peak_mb"]
        by_name[f"peak resident MB, parent and worker, {count:,} rows"] = round(peak)
        for name in ("in.jsonl", "out.jsonl"):
            (here / name).unlink()
    return by_name


def kills(data: Path, count: int, here: Path) -> dict[str, Any]:
    """Kill a run at random moments; resume; compare with the run that nobody killed."""
    random_ = random.Random(0)
    source = write(data, 20_000, here / "in.jsonl")
    wall = run(source, "-o", here / "whole.jsonl", *REWARDS)["wall"]
    whole = without_seconds(here / "whole.jsonl")
    out = here / "killed.jsonl"
    same = partial = 0
    for _ in range(count):
        for path in (out, out.with_name("killed.jsonl.run.json")):
            path.unlink(missing_ok=True)
        process = subprocess.Popen([*COMMAND, "score", source, "-o", out, *REWARDS], stderr=subprocess.DEVNULL)
        time.sleep(random_.uniform(0.05, wall))
        process.kill()
        process.wait()
        partial += 0 < (out.stat().st_size if out.exists() else 0) < (here / "whole.jsonl").stat().st_size
        run(source, "-o", out, "--resume", *REWARDS)
        same += without_seconds(out) == whole
    return {
        "kill -9 at a random moment, then --resume: same file": f"{same} of {count}",
        "of these, killed with some rows written": partial,
    }


if __name__ == "__main__":
    main()
