"""The benchmarks run, on a few rows and without their peer."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
BENCHMARK = BENCHMARKS / "math_verifier.py"


def test_the_benchmark_prints_its_table_and_writes_json(tmp_path: Path) -> None:
    rows = [
        {"gold": "1/2", "response": r"\boxed{0.5}", "label": True, "source": "gold-rewrite"},
        {"gold": "1/2", "response": r"\boxed{0.6}", "label": False, "source": "gold-mutated"},
    ]
    data, out = tmp_path / "rows.jsonl", tmp_path / "figures.json"
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    command = [sys.executable, str(BENCHMARK), str(data), "--peer-limit", "0", "--errors", "--json", str(out)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "pairs per CPU-second" in ran.stdout
    figures = json.loads(out.read_text(encoding="utf-8"))["runs"]["r1-reward (lenient)"]["groups"]["all rows"]
    assert (figures["accuracy"], figures["false_positives"]) == (1.0, 0)


def test_mutations_are_rejected_and_respellings_accepted(tmp_path: Path) -> None:
    golds = [
        r"\frac{3}{4}",
        "x^2-5x+6",
        "(2,-3)",
        "2e^{-t}",
        "x=1, y=2",
        r"5\text{ cm}",
        "[0,1)",
        r"3\sqrt{2}",
        "1.25",
    ]
    data, out = tmp_path / "rows.jsonl", tmp_path / "figures.json"
    data.write_text("\n".join(json.dumps({"gold": gold}) for gold in golds), encoding="utf-8")
    command = [sys.executable, str(BENCHMARKS / "math_mutations.py"), str(data), "--json", str(out)]
    subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(out.read_text(encoding="utf-8"))
    assert (figures["golds"], figures["false_accepts"], figures["rejected"]) == (9, 0, 0)
    assert figures["rows"]["wrong: sign"]["pairs"] >= 5


@pytest.mark.needs("data")
def test_no_mutation_of_the_labelled_golds_is_accepted(dev_rows: Callable[[str], list[dict[str, Any]]]) -> None:
    spec = importlib.util.spec_from_file_location("math_mutations", BENCHMARKS / "math_mutations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    golds = list(
        dict.fromkeys(row["gold"] for row in dev_rows("math_dev.jsonl") if not re.search(r"[$\n]|boxed", row["gold"]))
    )[::4]
    pairs = [pair for gold in golds for pair in module.pairs_of(gold) if len(gold) < 300]
    verdicts = list(zip(pairs, module.judge(pairs), strict=True))
    assert not [pair for pair, verdict in verdicts if verdict == "correct" and not pair.right]
    rejected = [pair for pair, verdict in verdicts if verdict != "correct" and pair.right]
    assert len(rejected) <= 0.005 * sum(pair.right for pair in pairs), rejected
