"""All stages of R1 at the toy's scale over several seeds.

    python benchmarks/pipeline.py [--seeds 0,1,2] [--parts headline,stages,...] [--output out/pipeline]

headline: recipes/zero_toy.toml; stages: recipes/r1_toy.toml with its experiments; sensitivity, self_correction, mixing,
preference, hacking and harm: see pipeline_afterwards.py, on the checkpoints of `stages`. One torch thread; CPU-seconds
are of this process. Figures are means over seeds with the least and the greatest in brackets; intervals over questions
are in each stage's report.json. What was done stays done: run again, it goes on, and its cost is that of the first
time. That a killed run ends the same is a test: pytest -m slow tests/grpo_min/r1/test_stages.py.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from pipeline_afterwards import hacking, harm, mixing, preference, self_correction, sensitivity

from r1_reward.grpo_min.r1.folders import stage_folder
from r1_reward.grpo_min.r1.page import read_pipeline
from r1_reward.grpo_min.r1.page.shape import findings
from r1_reward.grpo_min.r1.pipeline import Report
from r1_reward.grpo_min.r1.recipe import Recipe, read_stages
from r1_reward.grpo_min.r1.stages import run_recipe

ROOT = Path(__file__).parents[1]
RECIPES = {"headline": "zero_toy", "stages": "r1_toy"}
LOOKS = (sensitivity, self_correction, mixing, preference, hacking, harm)
AFTERWARDS = {look.__name__: look for look in LOOKS}
SHOWN = ("pass_at_1", "cons_at_4", "cons_at_16", "language", "format", "length", "reflective")


def main() -> None:
    """Measure, print tables, and write pipeline.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--parts", default=",".join((*RECIPES, *AFTERWARDS)))
    parser.add_argument("--output", type=Path, default=Path("out/pipeline"))
    asked = parser.parse_args()
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    torch.set_num_threads(1)
    by_name: dict[str, Any] = {"torch": torch.__version__, "date": time.strftime("%Y-%m-%d")}
    for part in asked.parts.split(","):
        name = RECIPES.get(part, "r1_toy")
        whole = read_stages(ROOT / "recipes" / f"{name}.toml")
        recipes = [replace(whole, seed=seed, output=str(asked.output / name / str(seed))) for seed in seeds]
        by_name[part] = [AFTERWARDS[part](recipe) if part in AFTERWARDS else _run(recipe) for recipe in recipes]
        result = (
            _table(part, by_name[part]) if part in RECIPES else json.dumps(by_name[part], indent=1, ensure_ascii=False)
        )
        print(result, flush=True)
        if part == "stages":
            print(_shape(recipes), flush=True)
    asked.output.mkdir(parents=True, exist_ok=True)
    (asked.output / "pipeline.json").write_text(json.dumps(by_name, indent=2, ensure_ascii=False) + "\n")


def _run(recipe: Recipe) -> dict[str, Report]:
    """The reports of a run by stage, with what each cost and how its training began and ended."""
    by_name = {}
    for name, report in run_recipe(recipe):
        folder = stage_folder(Path(recipe.output), name)
        cost = json.loads((folder / "cost.json").read_text())
        by_name[name] = {**report, "cost": cost, "curve": _curve(folder / "metrics.jsonl")}
        print(f"seed {recipe.seed}: {name}, {cost['cpu_seconds']:.0f} CPU-s", file=sys.stderr, flush=True)
    return by_name


def _curve(path: Path) -> dict[str, list[float]]:
    """Means of the first and the last tenth of the steps, of what training measured."""
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    tenth = max(1, len(lines) // 10)
    keys = ("accuracy", "length", "reflective", "reward/helpful", "reward/safety", "reward/language")
    return {
        key: [sum(part) / len(part) for part in (values[:tenth], values[-tenth:])]
        for key in keys
        if (values := [line[key] for line in lines if key in line])
    }


def _table(part: str, runs: Sequence[dict[str, Report]]) -> str:
    """Figures of each stage's checkpoint, and of its training; least and greatest over seeds in brackets."""
    lines = [
        f"## {part}, {len(runs)} seeds",
        "| stage | " + " | ".join(SHOWN) + " | CPU-s |",
        "| --- " * (len(SHOWN) + 2) + "|",
    ]
    for name in runs[0]:
        metrics = [run[name].get("evaluation", {}).get("metrics", {}) for run in runs]
        cells = [_spread([one[key]["value"] for one in metrics if key in one]) for key in SHOWN]
        lines.append(f"| {name} | {' | '.join(cells)} | {_spread([sum(_cpu(run[name])) for run in runs], 0)} |")
    total = _spread([sum(sum(_cpu(report)) for report in run.values()) for run in runs], 0)
    lines += [f"all: {total} CPU-s", "| stage | in training | first tenth | last tenth | times |", "| --- " * 5 + "|"]
    for name in runs[0]:
        for key in runs[0][name]["curve"]:
            first, last = ([run[name]["curve"][key][end] for run in runs] for end in (0, 1))
            times = [after / before for before, after in zip(first, last, strict=True) if before > 0]
            lines.append(f"| {name} | {key} | {_spread(first)} | {_spread(last)} | {_spread(times)} |")
    for name in ("rl2", "hacking"):
        results = [len(run[name]["alarms"]) for run in runs if name in run]
        lines += [f"alarms in {name}, by seed: {results}"] if results else []
    return "\n".join(lines)


def _shape(recipes: Sequence[Recipe]) -> str:
    """What the report says of the paper's statements, seed by seed."""
    results = [findings(read_pipeline(recipe.output)) for recipe in recipes]
    lines = ["| the paper's statement |" + "".join(f" seed {recipe.seed} |" for recipe in recipes)]
    lines.append("| --- " * (len(recipes) + 1) + "|")
    for same in zip(*results, strict=True):
        result = (f" {one.verdict}: {one.here} |" for one in same)
        lines.append(f"| {same[0].what} |{''.join(result)}")
    return "\n".join(lines)


def _cpu(report: Report) -> list[float]:
    return [report["cost"].get("cpu_seconds", 0.0), report["cost"].get("evaluation_cpu_seconds", 0.0)]


def _spread(values: Sequence[float], digits: int = 3) -> str:
    if not values:
        return ""
    mean = sum(values) / len(values)
    least = f" ({min(values):.{digits}f} to {max(values):.{digits}f})" if len(values) > 1 else ""
    return f"{mean:.{digits}f}{least}"


if __name__ == "__main__":
    main()
