"""The mathematics verifier against math-verify on labelled pairs: accuracy, false positives, recall, speed, import.

Both judge the same rows in the same run, with lenient extraction (math-verify's default; some rows are plain text of
base models without boxes). Ours is measured once more with strict extraction, on the rows that hold a box. Times are
CPU-seconds of one process; machines are noisy, so compare the ratio, and the time of a plain loop that is printed
with it.

    python benchmarks/math_verifier.py ROWS.jsonl --json out/math_verifier.json
    python benchmarks/math_verifier.py ROWS.jsonl --peer-limit 0     # ours alone
    python benchmarks/math_verifier.py ROWS.jsonl --peer-limit 500   # math-verify on an even sample of 500 rows

math-verify gets the reference as it stands where it has delimiters of its own, else between dollar signs, which is
what it asks for.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from r1_reward.verifiers import MathVerifier, Sample
from r1_reward.verifiers.math.compare import forget

GROUPS: dict[str, tuple[str, ...]] = {
    "all rows": (),
    "hardverify-math": ("hardverify-math",),
    "natural responses": ("gsm8k-model-solutions", "tora-gsm8k", "qwen-math-cot"),
    "gold-mutated": ("gold-mutated",),
    "gold-rewrite + reflexive": ("gold-rewrite", "gold-reflexive"),
    "mathverify-tests": ("mathverify-tests",),
    "github-issues + mario": ("github-issues", "mario-eval-tests"),
    "other verifiers' tests": (
        "nemo-skills-tests", "nemo-gym-tests", "open-instruct-tests", "areal-tests", "slime-tests",
    ),
}  # fmt: skip


class Outcome(NamedTuple):
    """What one verifier made of one row."""

    correct: bool
    undecided: bool
    seconds: float
    """CPU time."""


class Run(NamedTuple):
    """One verifier on some rows."""

    name: str
    rows: list[dict[str, Any]]
    outcomes: list[Outcome]


def ours(rows: Sequence[dict[str, Any]], extraction: Any) -> Run:
    """Our verifier, row by row, with nothing kept from before, but with mpmath loaded: that happens once."""
    verifier = MathVerifier(extraction=extraction)
    verifier([Sample(response=r"\boxed{\frac{\sqrt6}{\sqrt2}}", reference=r"\sqrt3")])
    forget()
    gc.collect()
    gc.freeze()  # the rows are not the verifier's: no pair pays for a collection that looks through them
    outcomes = []
    for row in rows:
        sample = Sample(response=row["response"], reference=row["gold"])
        start = time.process_time()
        (verdict,) = verifier([sample])
        seconds = time.process_time() - start
        undecided = verdict.reason.value in ("undecided", "reference_unparseable")
        outcomes.append(Outcome(verdict.score == 1.0, undecided, seconds))
    return Run(f"r1-reward ({extraction})", list(rows), outcomes)


def peer(rows: Sequence[dict[str, Any]]) -> Run:
    """math-verify with its defaults."""
    from math_verify import parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    outcomes = []
    for row in rows:
        gold = row["gold"]
        if not any(mark in gold for mark in ("$", "\\(", "\\[", "\\boxed")):
            gold = f"${gold}$"
        start = time.process_time()
        try:
            correct = bool(verify(parse(gold), parse(row["response"])))
        except Exception:  # noqa: BLE001 - a peer's failure counts as its verdict "wrong"
            correct = False
        outcomes.append(Outcome(correct, False, time.process_time() - start))
    return Run("math-verify", list(rows), outcomes)


def figures(run: Run, sources: Sequence[str]) -> dict[str, float] | None:
    """Accuracy, false positives, recall and undecided share on the rows of some sources."""
    pairs = [
        (row["label"], outcome)
        for row, outcome in zip(run.rows, run.outcomes, strict=True)
        if not sources or row["source"] in sources
    ]
    if not pairs:
        return None
    right = [outcome.correct for label, outcome in pairs if label]
    return {
        "rows": len(pairs),
        "accuracy": sum(label == outcome.correct for label, outcome in pairs) / len(pairs),
        "false_positives": sum(outcome.correct and not label for label, outcome in pairs),
        "recall": sum(right) / len(right) if right else float("nan"),
        "undecided": sum(outcome.undecided for _, outcome in pairs) / len(pairs),
    }


def speed(run: Run) -> dict[str, float]:
    """Pairs per CPU-second and the spread of one pair."""
    seconds = sorted(outcome.seconds for outcome in run.outcomes)
    return {
        "cpu_seconds": sum(seconds),
        "pairs_per_cpu_second": len(seconds) / sum(seconds),
        "median_ms": 1e3 * seconds[len(seconds) // 2],
        "p99_ms": 1e3 * seconds[int(len(seconds) * 0.99)],
        "max_ms": 1e3 * seconds[-1],
    }


def import_seconds(statement: str) -> float:
    """CPU time of an import in a new interpreter, less that of an empty one, with compiled bytecode; median of five."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = cache

        def once(code: str) -> float:
            program = f"import time\n{code}\nprint(time.process_time())"
            ran = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
            )
            return float(ran.stdout)

        once(statement)
        return sorted(once(statement) - once("pass") for _ in range(5))[2]


def loaded_by_import() -> list[str]:
    """Which heavy modules importing our verifier loads."""
    code = "import sys; from r1_reward.verifiers import MathVerifier; print(*{'sympy', 'mpmath'} & set(sys.modules))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def loop_seconds() -> float:
    """CPU time of a million additions: what this machine is worth at this moment."""
    start = time.process_time()
    total = 0
    for number in range(1_000_000):
        total += number
    return time.process_time() - start


def table(runs: Sequence[Run], say: Callable[[str], None]) -> dict[str, Any]:
    """Print the table and return it as data."""
    by_name: dict[str, Any] = {}
    for run in runs:
        say(f"\n{run.name}: {len(run.rows):,} rows")
        say(f"  {'':26}{'rows':>6}{'accuracy':>10}{'false +':>9}{'recall':>8}{'undecided':>11}")
        by_name[run.name] = {"groups": {}, "speed": speed(run)}
        for group, sources in GROUPS.items():
            line = figures(run, sources)
            if line is None:
                continue
            by_name[run.name]["groups"][group] = line
            say(
                f"  {group:26}{line['rows']:6.0f}{line['accuracy']:10.4f}{line['false_positives']:9.0f}"
                f"{line['recall']:8.4f}{line['undecided']:11.4f}"
            )
        rate = by_name[run.name]["speed"]
        say(
            f"  {rate['pairs_per_cpu_second']:,.0f} pairs per CPU-second; one pair: median {rate['median_ms']:.3f} ms, "
            f"p99 {rate['p99_ms']:.2f} ms, longest {rate['max_ms']:.1f} ms"
        )
    return by_name


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, help="JSONL with gold, response, label, source")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--peer-limit", type=int, default=-1, help="rows for math-verify; -1 all, 0 none")
    parser.add_argument("--errors", action="store_true", help="list the rows that our lenient run gets wrong")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.rows.read_text(encoding="utf-8").splitlines()]
    step = max(1, len(rows) // options.peer_limit) if options.peer_limit > 0 else 1
    sampled = rows[::step] if options.peer_limit else []
    settings = {
        "rows": str(options.rows.name),
        "extraction": "lenient on both sides; strict on the rows with a box",
        "peer": "math-verify, parse and verify with their defaults",
        "peer_rows": len(sampled),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "loop_seconds": round(loop_seconds(), 4),
    }
    runs = [ours(rows, "lenient"), ours([row for row in rows if "\\boxed" in row["response"]], "strict")]
    if sampled:
        import math_verify  # noqa: F401

        runs.append(peer(sampled))
    for key, value in settings.items():
        print(f"{key}: {value}")
    by_name: dict[str, Any] = {"settings": settings, "runs": table(runs, print)}
    by_name["import"] = {
        "r1_reward_cpu_seconds": import_seconds("from r1_reward.verifiers import MathVerifier"),
        "loads": loaded_by_import(),
    }
    print(f"\nimport: {by_name['import']['r1_reward_cpu_seconds']:.3f} CPU-s, loads of sympy and mpmath:", end=" ")
    print(", ".join(by_name["import"]["loads"]) or "none")
    if sampled:
        by_name["import"]["math_verify_cpu_seconds"] = import_seconds("import math_verify")
        print(f"import of math-verify: {by_name['import']['math_verify_cpu_seconds']:.3f} CPU-s")
        same = ours(sampled, "lenient")
        by_name["ratio"] = speed(same)["pairs_per_cpu_second"] / speed(runs[-1])["pairs_per_cpu_second"]
        print(f"pairs per CPU-second, ours over math-verify, same {len(sampled):,} rows: {by_name['ratio']:,.0f}")
    if options.errors:
        for row, outcome in zip(rows, runs[0].outcomes, strict=True):
            if outcome.correct != row["label"]:
                kind = "false +" if outcome.correct else "missed"
                tail = row["response"][-120:].replace("\n", " ")
                print(f"{kind} | {row['source']} | {row['gold'][:100]} | {tail}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(by_name, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
