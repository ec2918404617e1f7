"""`r1_reward.score`: rows in memory come back as rows of a file do."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import r1_reward as r1
from r1_reward.scoring import ScoreOptions, score

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "rollouts.jsonl"
RIGHT = {"response": r"\boxed{4}", "reference": "4"}
WRONG = {"response": r"\boxed{5}", "reference": "4"}


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_seconds(item) for key, item in value.items() if key not in ("seconds", "slowest")}
    return [without_seconds(item) for item in value] if isinstance(value, list) else value


def test_rows_path_and_file_agree(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in EXAMPLE.read_text("utf-8").splitlines()]
    rows = [row for row in rows if "tests" not in row][:40]
    rows += [{"responses": [r"\boxed{4}", "x"], "reference": 4}, {"a": 1}, {**RIGHT, "reward": 3}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    output = tmp_path / "out.jsonl"
    summary = score(ScoreOptions(files=[str(tmp_path / "in.jsonl")], output=str(output), rewards=["math", "format"]))
    target = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    before = sorted(tmp_path.iterdir())
    for one in (rows, tuple(rows), iter(rows), tmp_path / "in.jsonl", str(tmp_path / "in.jsonl")):
        scored = r1.score(one, reward="math,format", workers=2)
        assert without_seconds(scored.rows) == without_seconds(target)
        result, expected = scored.summary.to_dict(), summary.to_dict()
        assert without_seconds({**result, "inputs": []}) == without_seconds({**expected, "inputs": []})
        assert scored.summary.inputs == (summary.inputs if isinstance(one, str | Path) else [])
    assert sorted(tmp_path.iterdir()) == before


def test_samples_keep_their_fields_and_their_tests() -> None:
    tests = [r1.TestCase(type="stdin", input="", output="5")]
    samples = [
        r1.Sample(response=r"\boxed{4}", reference="4", id="a", meta={"level": 3}),
        r1.Sample(response="x", tests=tests, kind="code", prompt=[r1.Message(role="user", content="Print 5.")]),
    ]
    first, second = r1.score(samples, reward="format", workers=1).rows
    assert (first["id"], first["level"], first["reference"]) == ("a", 3, "4")
    assert second["tests"] == [{"type": "stdin", "input": "", "output": "5", "checker": "tokens"}]
    (same,) = r1.score([{"response": "x", "tests": tests}], reward="format", workers=1).rows
    assert same["tests"] == second["tests"]


def test_what_json_has_no_word_for_comes_back_as_what_it_stands_for() -> None:
    row = {**RIGHT, "array": np.arange(2), "nan": float("nan"), "path": Path("a"), "price": Decimal("1.5")}
    loop: dict[str, Any] = {**RIGHT}
    loop["self"] = loop
    first, second, third = r1.score([row, loop, WRONG], reward="math", workers=1).rows
    assert [first[key] for key in ("array", "nan", "path", "price", "reward")] == [[0, 1], None, "a", "1.5", 1.0]
    assert (second["reward"], second["error"]["reason"], second["error"]["line"]) == (None, "wrong_type", 2)
    assert third["reward"] == 0.0


def test_options_reach_the_verifiers() -> None:
    rows = [{"text": "4", "reference": "4", "q": 1}, {"text": "5", "reference": "4", "q": 1}]
    scored = r1.score(
        rows, reward="math", options={"math": {"extraction": "lenient"}}, names={"response": "text"}, group_by="q",
        prefix="r1_", workers=1,
    )  # fmt: skip
    assert [row["r1_reward"] for row in scored.rows] == [1.0, 0.0]
    assert scored.summary.problems.problems == 1
    assert r1.score([RIGHT], preset="r1_zero", workers=1).rows[0]["reward"] == 1.0
    # `answer` is what the responses say, as the first rows show, and so no second gold.
    rows = [{"response": rf"\boxed{{{said}}}", "answer": said, "gold": "4"} for said in ("4", "5")]
    scored = r1.score(rows, reward=["math"], workers=1)
    assert [row["reward"] for row in scored.rows] == [1.0, 0.0]
    assert "answer is what the responses say" in scored.summary.notes[0]
    assert r1.score([], workers=1).rows == []


def test_it_works_in_a_thread() -> None:
    results: list[r1.Scored] = []
    thread = threading.Thread(target=lambda: results.append(r1.score([RIGHT], workers=1)))
    thread.start()
    thread.join(120)
    assert results[0].rows[0]["reward"] == 1.0


@pytest.mark.parametrize(
    ("rows", "value", "error", "said"),
    [
        (RIGHT, {}, TypeError, r"rows is a dict; give a list of rows: score\(\[row\]\)"),
        (r1.Sample(response="4"), {}, TypeError, "rows is a Sample; give a list"),
        (4, {}, TypeError, "rows is a int"),
        ([RIGHT, "x"], {"reward": "math"}, TypeError, r"rows\[1\] is a str; rows are dicts or Samples"),
        ([RIGHT], {"reward": r1.r1_zero()}, TypeError, "reward is a Reward; name it"),
        ([RIGHT], {"reward": "moth"}, r1.UnknownRewardError, "unknown reward 'moth'"),
        ([RIGHT], {"preset": "r9"}, r1.UnknownRewardError, "unknown preset 'r9'"),
        ([RIGHT], {"workers": 0}, r1.ConfigError, "workers is 0"),
        ("none.jsonl", {}, r1.RunError, "no such file"),
    ],
)
def test_mistakes_are_told_in_a_sentence(rows: Any, value: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        r1.score(rows, **{"workers": 1, **value})
