"""The benchmark runs, on a few rows and without its peer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parents[3] / "benchmarks" / "math_verifier.py"


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
