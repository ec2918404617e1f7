"""What `r1-reward serve` and `r1-reward score --ray` cost, and what honest clients notice of hostile ones.

Prints a table; `--json FILE` writes it too. Parts can be named (`speed`, `memory`, `flood`, `ray`); each ends within
three minutes. Needs wrk (Debian: `apt install wrk`) for the server, Ray for Ray. All of it talks to 127.0.0.1, on the
processors that the server itself uses. CPU-seconds are those of the server and its workers, from /proc; the load
generator's are not among them.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.client
import itertools
import json
import os
import platform
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from r1_reward import __version__

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "rollouts.jsonl"
COMMAND = [sys.executable, "-c", "from r1_reward.cli import main; main()"]
REWARDS = ["--reward", "math,format", "--set", "math.extraction=lenient"]
CLIENTS = 64
PARTS = ("speed", "memory", "flood", "ray")
LONGEST = 150
"""Seconds of load for flat memory, unless `--longest` says otherwise."""


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--seconds", type=int, default=15, help="of load, each of three times (default 15)")
    parser.add_argument("--requests", type=int, default=200_000, help="for flat memory (default 200,000)")
    parser.add_argument("--longest", type=int, default=LONGEST, help="seconds for flat memory at most (default 150)")
    parser.add_argument("--image", help="run the server from this image of deployment/build, on the host's network")
    parser.add_argument("--connections", type=int, default=10_000, help="of the flood (default 10,000)")
    parser.add_argument("--rows", type=int, default=40_000, help="for Ray (default 40,000)")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    for part in args.parts:
        if part not in PARTS:
            parser.error(f"no part {part!r}; there are {', '.join(PARTS)}")
    parts = args.parts or PARTS
    start = server if args.image is None else functools.partial(container, args.image)
    by_name: dict[str, Any] = {
        "version": __version__,
        "python": platform.python_version(),
        "processors": len(os.sched_getaffinity(0)),
        "load average at the start": round(os.getloadavg()[0], 2),
        "date": time.strftime("%Y-%m-%d"),
        "flags": " ".join(REWARDS),
        "run as": "a process" if args.image is None else f"the image {args.image}, read-only, host network",
    }
    if shutil.which("wrk") is None and set(parts) != {"ray"}:
        raise SystemExit("wrk is not installed: apt install wrk")
    if "speed" in parts:
        by_name.update(speed(start, args.seconds))
    if "memory" in parts:
        by_name.update(memory(start, args.requests, args.longest))
    if "flood" in parts:
        by_name.update(flood(args.connections, args.seconds))
    if "ray" in parts:
        by_name.update(on_ray(args.rows))
    by_name["load average at the end"] = round(os.getloadavg()[0], 2)
    for name, value in by_name.items():
        print(f"{name:66} {value}")
    if args.json:
        args.json.write_text(json.dumps(by_name, indent=2) + "\n", encoding="utf-8")


Start = Callable[[], AbstractContextManager[tuple[int, int]]]
"""Starts a server and ends it, as its port and process."""


@contextlib.contextmanager
def server(*args: str) -> Iterator[tuple[int, int]]:
    """A server that runs, as its port and process."""
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *REWARDS, *args], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        port = re.search(r":(\d+),", line)
        if port is None:
            raise SystemExit(f"the server did not start: {line}{process.stderr.read()}")
        try:
            yield int(port[1]), process.pid
        finally:
            process.terminate()
            if process.wait(120) != 0:
                print(f"the server ended with {process.returncode}", file=sys.stderr)


def load(port: int, seconds: int, clients: int = CLIENTS) -> dict[str, float]:
    """Batches of one from so many clients at once, by wrk."""
    command = [
        "wrk",
        "-t1",
        f"-c{clients}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
        "-s",
        str(ROOT / "benchmarks/serving.lua"),
    ]
    run = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/score"],
        env={**os.environ, "ROWS": str(EXAMPLE)},
        capture_output=True,
        text=True,
        check=True,
    )
    names = ("requests", "micros", "refused", "broken", "p50", "p95", "p99", "max")
    match = re.search(r"^RESULT (.*)$", run.stdout, re.MULTILINE)
    if match is None:
        raise SystemExit(f"wrk said: {run.stdout}{run.stderr}")
    return dict(zip(names, map(float, match[1].split()), strict=True))


@contextlib.contextmanager
def container(image: str) -> Iterator[tuple[int, int]]:
    """The same from an image, as its port and process."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port = made.getsockname()[1]
    name = f"r1-reward-bench-{os.getpid()}"
    command = ["docker", "run", "-d", "--rm", "--name", name, "--network", "host", "--read-only", "--tmpfs", "/tmp"]
    command += ["--cap-drop", "ALL", image, "--host", "127.0.0.1", "--port", str(port), *REWARDS]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    break
            time.sleep(0.1)
        said = subprocess.run(["docker", "inspect", "-f", "{{.State.Pid}}", name], check=True, capture_output=True)
        yield port, int(said.stdout)
    finally:
        subprocess.run(["docker", "stop", "-t", "60", name], check=False, stdout=subprocess.DEVNULL)


def processes(pid: int) -> list[int]:
    """A process and its children."""
    children: set[int] = set()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
            children.update(map(int, (thread / "children").read_text().split()))
    return [pid, *sorted(children)]


def cpu(pid: int) -> float:
    """CPU-seconds that a process has taken, its waited-for children left out."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Resident MB of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def speed(start: Start, seconds: int) -> dict[str, Any]:
    """Requests per second, latency and CPU per request: medians of three runs on one server."""
    runs = []
    with start() as (port, pid):
        load(port, 2)
        for _ in range(3):
            before = [cpu(process) for process in processes(pid)]
            run = load(port, seconds)
            front, *workers = [after - begun for after, begun in zip(map(cpu, processes(pid)), before, strict=True)]
            run["front"], run["workers"] = front / run["requests"] * 1e6, sum(workers) / run["requests"] * 1e6
            run["rate"] = run["requests"] / run["micros"] * 1e6
            runs.append(run)
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return {
        f"requests per second, {CLIENTS} clients, batches of one": round(middle["rate"]),
        "  the three runs": ", ".join(str(round(run["rate"])) for run in runs),
        "latency, ms: p50, p95, p99, max": ", ".join(
            f"{middle[name] / 1e3:.1f}" for name in ("p50", "p95", "p99", "max")
        ),
        "CPU per request, microseconds: HTTP, judging": f"{middle['front']:.0f}, {middle['workers']:.0f}",
        "answers other than 200, broken connections": f"{sum(run['refused'] for run in runs):.0f}, "
        f"{sum(run['broken'] for run in runs):.0f}",
    }


def memory(start: Start, requests: int, longest: int) -> dict[str, Any]:
    """Resident memory after a tenth of the requests and after all of them, and in between."""
    marks: list[tuple[float, float]] = []
    done = 0.0
    until = time.monotonic() + longest
    with start() as (port, pid):
        while done < requests and (time.monotonic() < until or len(marks) < 2):
            done += load(port, 5)["requests"]
            marks.append((done, sum(map(resident, processes(pid)))))
    first, early = next((count, mb) for count, mb in marks if count >= done / 10)
    tenths = [next(mark for mark in marks if mark[0] >= done * tenth / 10) for tenth in range(1, 11)]
    return {
        f"resident MB, server and workers: after {first:,.0f} requests": round(early, 1),
        f"  after {marks[-1][0]:,.0f}": round(marks[-1][1], 1),
        "  by tenths, thousands of requests: MB": ", ".join(f"{count / 1e3:.0f}: {mb:.1f}" for count, mb in tenths),
    }


def flood(connections: int, seconds: int) -> dict[str, Any]:
    """Honest clients beside silent connections, slow heads and bodies of 1 MB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    stop = threading.Event()
    sent = itertools.count()
    opened: list[socket.socket] = []
    with server() as (port, pid):
        quiet = load(port, 5, 8)
        for at in range(min(connections, hard - 500)):
            with contextlib.suppress(OSError):
                opened.append(socket.create_connection(("127.0.0.1", port), timeout=10))
                if at % 2:
                    opened[-1].sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nX-slow: ")
        body = json.dumps({"response": "\\boxed{" * 142_000, "reference": "4"}).encode()

        def large() -> None:
            while not stop.is_set():
                with contextlib.suppress(OSError, http.client.HTTPException):
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                    connection.request("POST", "/score", body, {"content-type": "application/json"})
                    connection.getresponse().read()
                    connection.close()
                    next(sent)

        hostile = [threading.Thread(target=large) for _ in range(8)]
        for thread in hostile:
            thread.start()
        time.sleep(1)
        honest = load(port, seconds, 8)
        memory = sum(map(resident, processes(pid)))
        stop.set()
        for thread in hostile:
            thread.join()
        for connection in opened:
            connection.close()
        after = load(port, 5, 8)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def rate(run: dict[str, float]) -> int:
        return round(run["requests"] / run["micros"] * 1e6)

    return {
        "8 honest clients alone: requests per second, p99 ms": f"{rate(quiet)}, {quiet['p99'] / 1e3:.1f}",
        f"  beside {len(opened):,} idle or slow connections and 8 senders of 1 MB": f"{rate(honest)}, "
        f"{honest['p99'] / 1e3:.1f}",
        "  their answers other than 200, broken connections": f"{honest['refused']:.0f}, {honest['broken']:.0f}",
        "  bodies of 1 MB answered meanwhile; resident MB": f"{next(sent)}, {memory:.0f}",
        "  and when the flood is over": f"{rate(after)}, {after['p99'] / 1e3:.1f}",
    }


def on_ray(count: int) -> dict[str, Any]:
    """The same rows by two local workers and by two actors of a Ray started beforehand, interleaved."""
    import ray

    from r1_reward.scoring import ScoreOptions, score
    from r1_reward.scoring.ray_pool import connected

    times: dict[str, list[float]] = {"local": [], "ray": []}
    starts: dict[str, list[float]] = {"local": [], "ray": []}
    lines = EXAMPLE.read_bytes().splitlines(keepends=True)
    few = len(lines)
    with tempfile.TemporaryDirectory() as folder:
        sources = {size: Path(folder) / f"{size}.jsonl" for size in (few, count)}
        for size, source in sources.items():
            source.write_bytes(b"".join(itertools.islice(itertools.cycle(lines), size)))

        def run(kind: str, size: int) -> float:
            begun = time.monotonic()
            score(
                ScoreOptions(
                    files=[str(sources[size])],
                    output=str(Path(folder) / f"{kind}.jsonl"),
                    rewards=["math", "format"],
                    workers=2,
                    ray="auto" if kind == "ray" else None,
                )
            )
            return time.monotonic() - begun

        begun = time.monotonic()
        with connected("local", 2):
            start_up = time.monotonic() - begun
            for _ in range(3):
                for kind in times:
                    starts[kind].append(run(kind, few))
                    times[kind].append(run(kind, count))
        outputs = [
            re.sub(rb'"seconds": [0-9.e+-]+', b"", (Path(folder) / f"{kind}.jsonl").read_bytes()) for kind in times
        ]
    whole = {kind: statistics.median(one) for kind, one in times.items()}
    begin = {kind: statistics.median(one) for kind, one in starts.items()}
    rate = {kind: (count - few) / (whole[kind] - begin[kind]) for kind in times}
    return {
        f"rows per second once begun, 2 workers: local, Ray {ray.__version__}": ", ".join(
            f"{rate[kind]:.0f}" for kind in rate
        ),
        "  Ray over local": round(rate["ray"] / rate["local"], 2),
        f"  Ray over local, whole runs of {count:,} rows": round(whole["local"] / whole["ray"], 2),
        f"  seconds of a run of {few} rows: local, Ray": f"{begin['local']:.1f}, {begin['ray']:.1f}",
        "  seconds to start a cluster": round(start_up, 1),
        "  output identical": outputs[0] == outputs[1],
    }


if __name__ == "__main__":
    main()
