"""What 512 completions cost in each adapter, beside TRL's own reward in the same run.

Run in the environment of `make test-peers`. The mathematical rows of the example rollouts, over and over, are judged by
`math,format` through every adapter in the shape of its trainer's calls (one by one, or as a batch), interleaved with
TRL's `accuracy_reward` (math-verify) and `think_format_reward`; CPU-seconds of this process, medians of the runs. Then
programs through the `local` sandbox (3.2 tests a row), in CPU and wall time a row.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "rollouts.jsonl"
SUM = ("math", "format")


def read(kind: str, count: int, run: int = 0) -> list[dict[str, Any]]:
    """So many rows of a kind, each with a word of its own, so that no cache knows two of them."""
    rows = [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row.get("kind") == kind and (row.get("reference") or row.get("tests"))]
    results = []
    for at in range(count):
        row = rows[at % len(rows)]
        text, word = row["response"], f"{run}.{at}"
        if kind == "code":
            text = text.replace("```python\n", f"```python\n# {word}\n")
        elif "<think>" in text:
            text = text.replace("<think>", f"<think>{word} ", 1)
        else:
            text = f"{word} {text}"
        results.append({**row, "response": text})
    return results


def calls(rows: list[dict[str, Any]]) -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    from trl.rewards import accuracy_reward, think_format_reward

    from r1_reward.adapters import (
        areal,
        atropos,
        nemo,
        open_instruct,
        openenv,
        openrlhf,
        rllm,
        skyrl,
        slime,
        swift,
        trinity,
        trl,
        verifiers_hub,
        verl,
    )

    texts, golds = [row["response"] for row in rows], [str(row["reference"]) for row in rows]
    pairs = list(zip(texts, golds, strict=True))
    said = [[{"role": "assistant", "content": text}] for text in texts]
    orm, env, gym = swift.orm(*SUM)(), skyrl.environment(*SUM), nemo.gym_verify(*SUM)
    one, group, areals, rlhf = slime.reward(*SUM), slime.reward(*SUM), areal.reward(*SUM), openrlhf.reward(*SUM)
    hub, trinities, evaluator = verifiers_hub.reward(*SUM), trinity.reward(*SUM)(), rllm.reward(*SUM)
    verifier, rubric, atropoi = open_instruct.verifier(*SUM)(), openenv.rubric(*SUM)(), atropos.reward(*SUM)()
    trls, nemos = trl.reward(*SUM), nemo.environment(*SUM)()

    def sample(text: str, gold: str) -> Any:
        return SimpleNamespace(prompt="?", response=text, label=gold, metadata=None, remove_sample=False)

    def gym_body(text: str, gold: str) -> dict[str, Any]:
        output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}]
        return {"responses_create_params": {"input": "?"}, "response": {"output": output}, "expected_answer": gold}

    def judged(function: Any, each: Callable[[str, str], Any]) -> Callable[[], object]:
        async def all_of_them() -> list[Any]:
            return [await function(each(*pair)) for pair in pairs]

        return lambda: asyncio.run(all_of_them())

    args = SimpleNamespace(reward_key=None)
    return {
        "TRL's accuracy_reward": lambda: accuracy_reward(said, golds),
        "TRL's think_format_reward": lambda: think_format_reward(said),
        "trl": lambda: trls(completions=texts, answer=golds),
        "ms-swift": lambda: orm(texts, solution=golds),
        "verl": lambda: [verl.compute_score("x", *pair, rewards=SUM) for pair in pairs],
        "verl, batch": lambda: verl.compute_scores(["x"] * len(texts), texts, golds, rewards=SUM),
        "OpenRLHF": lambda: [rlhf(["?" + text], ["?"], [gold]) for text, gold in pairs],
        "SkyRL": lambda: [env(extras={"reward_spec": {"ground_truth": gold}}).step(text) for text, gold in pairs],
        "AReaL": lambda: [areals("?", text, answer=gold) for text, gold in pairs],
        "slime": judged(lambda row: one(args, row), sample),
        "slime, --group-rm": lambda: asyncio.run(group(args, [sample(*pair) for pair in pairs])),
        "verifiers": judged(
            lambda pair: hub(
                task={"answer": pair[1]}, trace=SimpleNamespace(assistant_messages=[], last_reply=pair[0])
            ),
            lambda *pair: pair,
        ),
        "NeMo-RL": lambda: nemos.step(said, [{"ground_truth": gold} for gold in golds]),
        "NeMo-Gym": lambda: [gym(gym_body(*pair)) for pair in pairs],
        "Trinity-RFT": lambda: [trinities(response=text, truth=gold) for text, gold in pairs],
        "rLLM": lambda: [
            evaluator.evaluate({"ground_truth": gold}, SimpleNamespace(artifacts={"answer": text}, trajectories=[]))
            for text, gold in pairs
        ],
        "open-instruct": lambda: [verifier([], text, gold, "?") for text, gold in pairs],
        "OpenEnv": lambda: [rubric.forward({"message": text}, {"metadata": {"answer": gold}}) for text, gold in pairs],
        "atropos": lambda: atropoi(texts, answer=golds),
    }


def run_programs(count: int, mode: str) -> float:
    """Judge so many programs in one batch; the seconds that it took."""
    from r1_reward.adapters import trl

    rows = read("code", count)
    reward = trl.reward("code", options={"code": {"backend": "local", "mode": mode}}, breaker=None)
    columns: dict[str, Any] = {key: [row.get(key) for row in rows] for key in ("tests", "limits", "prompt", "kind")}
    start = time.monotonic()
    result = reward(completions=[row["response"] for row in rows], **columns)
    assert None not in result
    return time.monotonic() - start


def code(count: int, mode: str) -> dict[str, float]:
    """Wall and CPU time a row of a batch of programs, over that of a batch of 16, which starts everything."""
    seconds, cpu = [], []
    for rows in (16, count + 16):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, __file__, "--programs", str(rows), "--mode", mode]
        seconds.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {name: 1000 * (one[1] - one[0]) / count for name, one in (("wall_ms", seconds), ("cpu_ms", cpu))}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--completions", type=int, default=512)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-code", action="store_true")
    parser.add_argument("--programs", type=int, help="judge so many programs, print the seconds, and end")
    parser.add_argument("--mode", default="exec", choices=["exec", "fork"])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.programs:
        print(run_programs(args.programs, args.mode))
        return
    seconds: dict[str, list[float]] = defaultdict(list)
    for run in range(args.runs + 1):  # the first loads and compiles
        for name, call in calls(read("math", args.completions, run)).items():
            start = time.process_time()
            call()
            if run:
                seconds[name].append(time.process_time() - start)
    milliseconds = {name: 1000 * statistics.median(one) for name, one in seconds.items()}
    by_name: dict[str, Any] = {
        "completions": args.completions,
        "trl": version("trl"),
        "math-verify": version("math-verify"),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "cpu_ms": milliseconds,
        "code": {} if args.no_code else {mode: code(args.completions, mode) for mode in ("exec", "fork")},
    }
    print(f"CPU-ms for {args.completions} completions, median of {args.runs}")
    for name, value in milliseconds.items():
        print(f"{name:28} {value:9.1f}")
    for mode, each in by_name["code"].items():
        print(f"code, mode={mode}: a row {each['cpu_ms']:.1f} CPU-ms, {each['wall_ms']:.1f} ms of wall time")
    if args.json:
        args.json.write_text(json.dumps(by_name, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
