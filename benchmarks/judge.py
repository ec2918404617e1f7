"""How busy a judge's server is kept, and what a question costs here.

A scripted server in a process of its own (`tests/verifiers/judge/scripted.py`) replies after so many seconds; the
verifier has 64 questions under way. Busy is the mean number of requests that the server had, over the time from the
first to the last, as a share of 64. CPU-seconds are those of the process that asks; the server has its own, on the same
processors. Prints a table; `--json FILE` writes it too. Beside it, the same questions through one `httpx.AsyncClient`
that all share, which is how the library is usually used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from r1_reward import JudgeVerifier, Sample, __version__

SCRIPTED = Path(__file__).resolve().parents[1] / "tests" / "verifiers" / "judge" / "scripted.py"
AT_ONCE = 64


def main() -> None:
    """Measure both ways, several times in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.05, help="of a reply (default 0.05)")
    parser.add_argument("--questions", type=int, default=4_000, help="each time (default 4,000)")
    parser.add_argument("--times", type=int, default=3, help="of which the best is told (default 3)")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    samples = [
        Sample(prompt=f"{n}?", response="Paris, on the Seine.", reference="Paris") for n in range(args.questions)
    ]
    by_name: dict[str, list[dict[str, float]]] = {"judge": [], "one shared AsyncClient": []}
    for _ in range(args.times):
        for name, results in by_name.items():
            with server(args.seconds) as url:
                begun, cpu = time.perf_counter(), time.process_time()
                if name == "judge":
                    verdicts = JudgeVerifier(url=url, model="m", concurrency=AT_ONCE)(samples)
                    assert all(verdict.score == 1.0 for verdict in verdicts)
                else:
                    asyncio.run(shared(url, args.questions))
                wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
                content = json.loads(urllib.request.urlopen(url).read())
            results.append({"busy": content["mean"] / AT_ONCE, "wall_s": wall, "cpu_ms": 1000 * cpu / args.questions})
    best = {name: max(results, key=lambda one: one["busy"]) for name, results in by_name.items()}
    load = os.getloadavg()[0]
    print(f"r1-reward {__version__}, httpx {httpx.__version__}, Python {platform.python_version()}, load {load:.1f}")
    print(f"{args.questions:,} questions, {AT_ONCE} at once, replies after {args.seconds:g} s; best of {args.times}")
    for name, one in best.items():
        print(f"{name:24} busy {one['busy']:6.1%}  {one['cpu_ms']:.2f} CPU-ms a question  {one['wall_s']:.1f} s")
    if args.json:
        args.json.write_text(json.dumps({"best": best, "all": by_name, "load": load}, indent=2) + "\n")


@contextmanager
def server(seconds: float) -> Iterator[str]:
    """The scripted server's address."""
    process = subprocess.Popen([sys.executable, SCRIPTED, str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def shared(url: str, questions: int) -> None:
    """The same number of requests through one client."""
    left = iter(range(questions))
    body = {"model": "m", "messages": [{"role": "user", "content": "x" * 2000}]}
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=AT_ONCE), timeout=60, trust_env=False) as client:

        async def work() -> None:
            for _ in left:
                (await client.post(f"{url}/chat/completions", json=body)).json()

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


if __name__ == "__main__":
    main()
