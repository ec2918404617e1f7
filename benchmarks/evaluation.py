"""How busy `r1-reward eval --server` keeps a server, with recording and judging.

A scripted server in a process of its own answers each request after so many seconds. 64 requests are under way at once;
every answer is judged by `math` and recorded, as in any evaluation. Busy is the mean number of requests that the server
had, over the time from the first to the last, as a share of 64. CPU-seconds are those of the process that evaluates,
from the first request to the last line of the record; the server has its own, on the same processors. Prints a table;
`--json FILE` writes it too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.verifiers.judge.scripted import Asked, ScriptedServer, Told  # noqa: E402

from r1_reward import Sample, __version__  # noqa: E402 - the tests' server stands beside the package
from r1_reward.inspection.evaluation.client import ModelClient  # noqa: E402
from r1_reward.inspection.evaluation.served import Serving, evaluate_served  # noqa: E402
from r1_reward.verifiers.spec import RewardSpec  # noqa: E402

AT_ONCE = 64
REPLY = json.dumps(
    {
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "So it is \\boxed{7}.", "reasoning_content": "add " * 500},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 500},
    }
).encode()


def main() -> None:
    """Measure several times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.05, help="of a reply (default 0.05)")
    parser.add_argument("--questions", type=int, default=400, help="each asked 16 times (default 400)")
    parser.add_argument("--times", type=int, default=3, help="of which the best is printed (default 3)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve is not None:
        asyncio.run(serve(args.serve))
        return
    questions = [Sample(response="", prompt=f"{n}+{7 - n}?", reference="7") for n in range(args.questions)]
    results = [measure(questions, args.seconds) for _ in range(args.times)]
    best = max(results, key=lambda one: one["busy"])
    load = os.getloadavg()[0]
    print(f"r1-reward {__version__}, Python {platform.python_version()}, load average {load:.1f}")
    count = f"{16 * args.questions:,} requests, {AT_ONCE} at once"
    print(f"{count}, replies after {args.seconds:g} s; best of {args.times}")
    print(f"busy {best['busy']:.1%}  {best['cpu_ms']:.2f} CPU-ms a sample  {best['wall_s']:.1f} s")
    if args.json:
        args.json.write_text(json.dumps({"best": best, "all": results, "load": load}, indent=2) + "\n")


def measure(questions: list[Sample], seconds: float) -> dict[str, float]:
    """One evaluation with a server of its own."""
    with server(seconds) as url, tempfile.TemporaryDirectory() as folder:
        client = ModelClient(url=url, model="m", temperature=0.6, max_tokens=1024)
        times: list[tuple[float, float]] = []
        evaluation = evaluate_served(
            client, questions, RewardSpec(rewards=("math",)), k=16, output=Path(folder) / "out.jsonl",
            serving=Serving(concurrency=AT_ONCE),
            progress=lambda _: times.append((time.perf_counter(), time.process_time())),
        )  # fmt: skip
        wall, cpu = (last - first for first, last in zip(times[0], times[-1], strict=True))
        counted = json.loads(urllib.request.urlopen(url).read())
    assert evaluation.metrics["pass_at_1"].value == 1.0
    return {"busy": counted["mean"] / AT_ONCE, "wall_s": wall, "cpu_ms": 1000 * cpu / counted["asked"]}


@contextmanager
def server(seconds: float) -> Iterator[str]:
    """The scripted server's address."""
    command = [sys.executable, __file__, "--serve", str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def serve(seconds: float) -> None:
    """Answer every request after so many seconds, until the process is ended."""
    answer = Told(raw=REPLY, after=seconds)

    def script(_: Asked) -> Told:
        return answer

    scripted = ScriptedServer(script)
    serving = asyncio.create_task(scripted.serve())
    while not hasattr(scripted, "port"):
        await asyncio.sleep(0.01)
    print(scripted.port, flush=True)
    await serving


if __name__ == "__main__":
    main()
