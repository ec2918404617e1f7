"""Files scored by a model that judges: shared among processes, stopped at a ceiling, groups kept whole."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.verifiers.judge.scripted import Asked, ScriptedServer, Told, verdict

import r1_reward
from r1_reward.cli import main
from r1_reward.scoring.judging import SplitGroupError
from r1_reward.verifiers.errors import RunError


def right(asked: Asked) -> Told:
    return verdict(asked, verdict="correct" if asked.shown("response") == asked.shown("reference") else "incorrect")


def longer(asked: Asked) -> Told:
    a, b = len(asked.shown("response A")), len(asked.shown("response B"))
    return verdict(asked, verdict="A" if a > b else "B" if b > a else "tie")


def rows(count: int) -> list[dict[str, Any]]:
    return [{"id": n, "prompt": f"{n}?", "response": str(n), "reference": str(n - n % 2)} for n in range(count)]


def score(folder: Path, url: str, *args: str, code: int = 0) -> Result:
    source = folder / "in.jsonl"
    options = [f"--set=judge.url={url}", "--set=judge.model=m"]
    command = ["score", str(source), "-o", str(folder / "out.jsonl"), "--reward", "judge", *options, *args]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == code, result.output + str(result.exception)
    return result


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


def put(folder: Path, data: list[dict[str, Any]]) -> None:
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data))


def test_processes_share_what_may_be_under_way_and_say_what_it_took(tmp_path: Path) -> None:
    put(tmp_path, rows(60))
    with ScriptedServer(lambda asked: Told(right(asked).text, after=0.05)) as server:
        price = "--set=judge.price=[1.0, 10.0]"
        result = score(tmp_path, server.url, "--workers", "2", "--set=judge.concurrency=10", price)
    assert [row["reward"] for row in written(tmp_path)] == [1.0, 0.0] * 30
    assert 5 <= server.counted()["most"] <= 10
    values = re.sub(r"\s+", " ", result.stderr)
    assert "judging took 6,000 tokens read and 600 written, cost 0.012" in values


def test_the_ceiling_stops_a_run_that_goes_on_where_it_was(tmp_path: Path) -> None:
    put(tmp_path, rows(200))
    record = f"--set=judge.record={tmp_path / 'record.jsonl'}"
    options = [record, "--set=judge.price=[1.0, 1.0]", "--set=judge.max_tokens=10", "--workers", "1"]
    with ScriptedServer(right) as server:
        result = score(tmp_path, server.url, *options, "--set=judge.max_cost=0.012", code=1)
        there = written(tmp_path)
        assert "the ceiling of cost is reached" in result.output
        assert 50 < len(there) < 150
        assert [row["reward"] for row in there] == ([1.0, 0.0] * 100)[: len(there)]
        asked = len(server.asked)
        score(tmp_path, server.url, *options, "--set=judge.max_cost=1.0", "--resume")
        assert len(server.asked) == 200
        assert asked >= len(there)
    assert [row["reward"] for row in written(tmp_path)] == [1.0, 0.0] * 100


def test_groups_are_compared_whole_whatever_the_number_of_processes(tmp_path: Path) -> None:
    data = [{"prompt": f"{group}?", "response": "x" * length} for group in range(30) for length in (1, 3, 2)]
    put(tmp_path, data)
    options = ["--set=judge.mode=pairwise", "--set=judge.concurrency=2", "--overwrite"]
    with ScriptedServer(longer) as server:
        for workers in ("1", "2"):
            score(tmp_path, server.url, *options, "--workers", workers)
            assert [row["reward"] for row in written(tmp_path)] == [0.0, 1.0, 0.5] * 30
        by_name: dict[str, Any] = {"judge": {"url": server.url, "model": "m", "mode": "pairwise"}}
        with pytest.raises(SplitGroupError, match="other rows stand between"):
            r1_reward.score([*data[:4], data[1]], reward="judge", options=by_name, workers=1)
        together = [{"prompt": "a", "responses": ["x", "xxx"]}, {"prompt": "b", "responses": ["xx", "x"]}]
        scored = r1_reward.score(together, reward="judge", options=by_name, workers=1)
    assert [row["rewards"] for row in scored.rows] == [[0.0, 1.0], [1.0, 0.0]]


def test_a_run_is_not_resumed_within_a_group(tmp_path: Path) -> None:
    put(tmp_path, [{"prompt": "a", "response": "x" * n} for n in range(1, 5)])
    with ScriptedServer(longer) as server:
        score(tmp_path, server.url, "--set=judge.mode=pairwise")
        kept = (tmp_path / "out.jsonl").read_bytes().splitlines(keepends=True)[:2]
        (tmp_path / "out.jsonl").write_bytes(b"".join(kept))
        result = score(tmp_path, server.url, "--set=judge.mode=pairwise", "--resume", code=2)
    assert "ends within a group" in result.output
    assert issubclass(SplitGroupError, RunError)


def test_a_judge_that_fails_is_no_zero_in_the_summary(tmp_path: Path) -> None:
    put(tmp_path, rows(30))
    with ScriptedServer(lambda asked: Told("?") if asked.shown("prompt") in ("3?", "4?") else right(asked)) as server:
        result = score(tmp_path, server.url, "--workers", "1", code=1)
    assert "judge_unclear" in result.output
    results = [row["reward"] for row in written(tmp_path)]
    assert results == [None if n in (3, 4) else float(n % 2 == 0) for n in range(30)]


def test_a_key_that_is_refused_is_said_at_once(tmp_path: Path) -> None:
    put(tmp_path, rows(30))
    with ScriptedServer(lambda _: Told(raw=b'{"error": {"message": "Incorrect API key"}}', status=401)) as server:
        result = score(tmp_path, server.url, "--workers", "1", code=1)
    said = re.sub(r"\s+", " ", result.stderr)
    assert "fail alike: judge unavailable: http" in said
    assert "status 401" in said
    assert "Incorrect API key" in said
    assert "columns that came" not in said
