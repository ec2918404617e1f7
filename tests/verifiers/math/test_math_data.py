"""Floors on labelled data that nobody here wrote; a little below what was measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from r1_reward.verifiers import MathVerifier, Sample
from r1_reward.verifiers.verdict import Verdict

pytestmark = pytest.mark.needs("data")

Rows = list[dict[str, Any]]
# group: sources, least accuracy, most false positives
FLOORS: dict[str, tuple[tuple[str, ...], float, int]] = {
    "all": ((), 0.990, 1),
    "hardverify": (("hardverify-math",), 0.91, 0),
    "natural": (("gsm8k-model-solutions", "tora-gsm8k", "qwen-math-cot"), 0.998, 0),
    "mutated": (("gold-mutated",), 0.999, 0),
    "same": (("gold-rewrite", "gold-reflexive"), 0.999, 0),
    "mathverify": (("mathverify-tests",), 0.97, 0),
    "issues": (("github-issues", "mario-eval-tests"), 0.96, 0),
}


@pytest.fixture(scope="module")
def judged(dev_rows: Callable[[str], Rows]) -> list[tuple[dict[str, Any], Verdict]]:
    rows = dev_rows("math_dev.jsonl")
    samples = [Sample(response=row["response"], reference=row["gold"]) for row in rows]
    return list(zip(rows, MathVerifier(extraction="lenient")(samples), strict=True))


@pytest.mark.parametrize("group", FLOORS)
def test_accuracy_and_false_positives(group: str, judged: list[tuple[dict[str, Any], Verdict]]) -> None:
    sources, floor, most = FLOORS[group]
    chosen = [(row, verdict) for row, verdict in judged if not sources or row["source"] in sources]
    right = [(verdict.score == 1.0) == row["label"] for row, verdict in chosen]
    false = [row for row, verdict in chosen if verdict.score == 1.0 and not row["label"]]
    assert sum(right) / len(right) >= floor
    assert len(false) <= most, false


def test_recall_and_undecided_share(judged: list[tuple[dict[str, Any], Verdict]]) -> None:
    found = [verdict.score == 1.0 for row, verdict in judged if row["label"]]
    open_ones = [verdict for _, verdict in judged if verdict.reason.value in ("undecided", "reference_unparseable")]
    assert sum(found) / len(found) >= 0.985
    assert len(open_ones) / len(judged) <= 0.006
    assert not [verdict for _, verdict in judged if verdict.reason.value == "grader_crashed"]


def test_strict_extraction_on_rows_with_a_box(dev_rows: Callable[[str], Rows]) -> None:
    rows = [row for row in dev_rows("math_dev.jsonl") if "\\boxed" in row["response"]]
    verdicts = MathVerifier()([Sample(response=row["response"], reference=row["gold"]) for row in rows])
    right = [(verdict.score == 1.0) == row["label"] for row, verdict in zip(rows, verdicts, strict=True)]
    assert sum(right) / len(right) >= 0.99


def test_whole_rollouts(dev_rows: Callable[[str], Rows]) -> None:
    rows = [row for row in dev_rows("rollouts_dev.jsonl") if row["kind"] == "math"]
    samples = [Sample(response=row["response"], prompt=row["prompt"], reference=row["reference"]) for row in rows]
    verdicts = MathVerifier(extraction="lenient")(samples)
    right = [(verdict.score == 1.0) == bool(row["label"]) for row, verdict in zip(rows, verdicts, strict=True)]
    assert sum(right) / len(right) >= 0.99


def test_speed_leaves_room(dev_rows: Callable[[str], Rows]) -> None:
    """A loose floor, for slow machines; the benchmark measures."""
    rows = dev_rows("math_dev.jsonl")
    samples = [Sample(response=row["response"], reference=row["gold"]) for row in rows]
    start = time.process_time()
    MathVerifier(extraction="lenient")(samples)
    assert len(rows) / (time.process_time() - start) > 200
