"""Instructions, answers, tools and queries through the commands, a trainer's adapter and the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from r1_reward.adapters.trl import reward
from r1_reward.cli import main

TOOL = {"name": "area", "parameters": {"properties": {"base": {"type": "integer"}}, "required": ["base"]}}
ROWS: list[dict[str, Any]] = [
    {
        "id": "i",
        "prompt": "Say yes.",
        "instruction_id_list": ["punctuation:no_comma"],
        "kwargs": [{}],
        "response": "yes, no",
    },
    {"id": "r", "prompt": "Say no.", "ground_truth": '{"func_name": "validate_no_commas"}', "response": "no"},
    {"id": "a", "question": "Where?", "answers": {"text": ["Paris"], "answer_start": [1]}, "response": "Paris"},
    {
        "id": "t",
        "prompt": "Area?",
        "function": [TOOL],
        "ground_truth": [{"area": {"base": [10]}}],
        "response": "[area(base=10)]",
    },
]
SCORES = {"i": 0.0, "r": 1.0, "a": 1.0, "t": 1.0}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def run(*args: object, code: int = 0) -> str:
    ran = CliRunner().invoke(main, [str(arg) for arg in args])
    assert ran.exit_code == code, ran.output
    return ran.output


def test_score_explain_check_and_report(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    run("score", rows, "-o", out, "--workers", 1)
    scored = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["id"]: row["reward"] for row in scored} == SCORES
    assert "punctuation:no_comma" in run("explain", "--from", rows, "--row", "i")
    content = json.loads(run("check", rows, "--json", "--no-languages"))
    assert not content["findings"], content["findings"]
    run("report", out, "-o", tmp_path / "page.html")


def test_a_trainer_asks_them() -> None:
    judge = reward()
    for row in ROWS:
        columns: dict[str, Any] = {
            name: [value] for name, value in row.items() if name not in ("response", "prompt", "question")
        }
        (score,) = judge(prompts=[row.get("prompt", row.get("question"))], completions=[row["response"]], **columns)
        assert score == SCORES[row["id"]], row
