"""`r1-reward judge-check`: a judge measured against people, and what is called usable."""

from __future__ import annotations

import json
import math
import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.verifiers.judge.scripted import Asked, ScriptedServer, Told, verdict

from r1_reward.cli import main
from r1_reward.inspection.judging import WinRate, arena_hard_score, check_judge, length_controlled, read_labelled
from r1_reward.verifiers import JudgeVerifier
from r1_reward.verifiers.errors import RunError


def put(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def singles(count: int, wrong_labels: int = 0) -> list[dict[str, Any]]:
    """Half right, half wrong; some labelled the other way round."""
    return [
        {
            "prompt": f"{n}?",
            "response": str(n if n % 2 else -n - 1),
            "reference": str(n),
            "label": bool(n % 2) != (n < wrong_labels),
        }
        for n in range(count)
    ]


def pairs(count: int) -> list[dict[str, Any]]:
    return [{"prompt": f"{n}?", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(count)]


def right(asked: Asked) -> Told:
    return verdict(asked, verdict="correct" if asked.shown("response") == asked.shown("reference") else "incorrect")


def good(asked: Asked) -> Told:
    return verdict(asked, verdict="A" if "good" in asked.shown("response A") else "B")


def run(url: str, *args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["judge-check", f"--set=judge.url={url}", "--set=judge.model=m", *args])
    assert result.exit_code == code, result.output + str(result.exception)
    return result


def test_figures_and_the_bound_are_what_they_say(tmp_path: Path) -> None:
    path = put(tmp_path / "labelled.jsonl", singles(200, wrong_labels=10))
    with ScriptedServer(right) as server:
        told = json.loads(run(server.url, path, "--json").stdout)
        assert len(server.asked) == 400  # everything a second time, for self-agreement
        text = run(server.url, path, "--once", "--min-kappa", "0.95", code=1).stdout
    assert told["accuracy"]["value"] == 0.95
    assert told["kappa"]["value"] == pytest.approx(0.9)
    low, high = told["kappa"]["ci95"]
    assert 0.8 < low < 0.9 < high <= 1
    assert (told["self_agreement"]["value"], told["refusal_rate"]["value"], told["usable"]) == (1.0, 0.0, True)
    assert told["position_bias"]["value"] is None
    assert told["confusion"]["label_right"] == {"judged_right": 95, "judged_wrong": 5}
    assert "not usable: the interval of kappa begins at 0.8" in text


def test_pairs_tell_a_favourite_place(tmp_path: Path) -> None:
    path = put(tmp_path / "pairs.jsonl", pairs(60))
    with ScriptedServer(good) as server:
        fine = json.loads(run(server.url, path, "--once", "--json").stdout)
        assert len(server.asked) == 120  # in both orders
        server.script = lambda asked: verdict(asked, verdict="A")
        biased = json.loads(run(server.url, path, "--once", "--json", code=1).stdout)
    assert (fine["accuracy"]["value"], fine["kappa"]["value"], fine["position_bias"]["value"]) == (1.0, 1.0, 0.0)
    assert (biased["position_bias"]["value"], biased["ties"], biased["accuracy"]["value"]) == (1.0, 60, 0.5)
    assert any("position bias is +1.00" in fault for fault in biased["faults"])


def test_a_judge_that_changes_its_mind_or_refuses_is_found_out(tmp_path: Path) -> None:
    path = put(tmp_path / "labelled.jsonl", singles(120))
    seen: dict[str, int] = {}

    def moody(asked: Asked) -> Told:
        if asked.shown("prompt")[-2] in "37":
            return Told("I would rather not.")
        seen[asked.text] = seen.get(asked.text, 0) + 1
        flips = zlib.crc32(f"{asked.text}{seen[asked.text]}".encode()) % 3 == 0
        return right(asked) if not flips else verdict(asked, verdict="incorrect")

    with ScriptedServer(moody) as server:
        told = json.loads(run(server.url, path, "--json", "--set=judge.retries=0", code=1).stdout)
    assert 0.5 < told["self_agreement"]["value"] < 1
    assert told["refusal_rate"]["value"] == pytest.approx(0.2)
    assert told["refusals"] == {"judge_unclear": 24}
    assert any("20.0% have no verdict" in fault for fault in told["faults"])


def test_a_terminal_shows_what_was_spent_and_the_ceiling_is_no_refusal(tmp_path: Path) -> None:
    path = put(tmp_path / "labelled.jsonl", singles(60))
    price = ["--set=judge.price=[1.0, 10.0]", "--set=judge.max_tokens=20"]
    with ScriptedServer(right) as server:
        command = ["judge-check", f"--set=judge.url={server.url}", "--set=judge.model=m", path, *price]
        result = CliRunner().invoke(main, command, env={"FORCE_COLOR": "1", "COLUMNS": "80"})
        assert result.exit_code == 0, result.output
        shown = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", result.stderr)
        assert "120/120 120 calls, 12.0k + 1.2k tokens, cost 0.024" in shown
        assert not run(server.url, path, *price).stderr
        record = f"--set=judge.record={tmp_path / 'record.jsonl'}"
        stopped = run(server.url, path, *price, record, "--set=judge.max_cost=0.01", code=1)
    assert "the ceiling of cost is reached" in stopped.output
    assert "not usable" not in stopped.output


def test_few_labels_or_all_alike_call_nobody_usable(tmp_path: Path) -> None:
    judge = JudgeVerifier(ask=lambda text: right(Asked(text, {}, {}, 0)).text)
    few = check_judge(judge, read_labelled([put(tmp_path / "few.jsonl", singles(10))]))
    alike = check_judge(judge, read_labelled([put(tmp_path / "a.jsonl", [r for r in singles(120) if r["label"]])]))
    assert "10 labelled responses have a verdict; 50 are needed to say" in few.faults
    assert alike.faults == ("kappa is not defined: labels or verdicts are all alike",)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"prompt": "a", "response": "b", "reference": "b"}], "no column says whether its response is right"),
        ([*singles(1), *pairs(1)], "line 2 cannot be used to check a judge: it is a pair"),
        ([{"prompt": "a", "chosen": "b", "rejected": ""}], "must be texts"),
        ([], "there is no row"),
    ],
)
def test_rows_that_say_nothing_are_refused(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    result = run("http://127.0.0.1:9/v1", put(tmp_path / "x.jsonl", rows), code=2)
    assert said in " ".join(result.output.split())


# --- Benchmarks against a baseline


def scored(score: float | None, lengths: tuple[int, int] = (10, 10), weight: float = 2.0) -> dict[str, Any]:
    evidence = {"lengths": list(lengths), "weight": weight}
    return {"verdicts": {"judge": {"score": score, "evidence": {} if score is None else evidence}}}


def test_arena_hard_counts_games_by_weight() -> None:
    assert arena_hard_score([scored(1.0, weight=6), scored(0.0, weight=2), scored(None)]) == 0.75
    with pytest.raises(RunError, match="no row has a verdict"):
        arena_hard_score([scored(None)])


def test_a_win_rate_that_only_length_explains_is_a_half_where_lengths_are_equal() -> None:
    lengths = [(100 + 10 * n, 200) for n in range(41)]
    rows = [scored(1 / (1 + math.exp(-2 * math.tanh((a - b) / 118.3))), (a, b)) for a, b in lengths]
    found = length_controlled([*rows, scored(None)])
    assert found.raw > 0.6
    assert found.length_controlled == pytest.approx(0.5, abs=0.01)
    assert found.length_coefficient == pytest.approx(2, abs=0.1)
    assert (found.n, found.unjudged) == (41, 1)
    fair = length_controlled([scored(0.75, (100 + n % 7, 100)) for n in range(70)])
    assert fair.length_controlled == pytest.approx(0.75, abs=0.01)
    separated = length_controlled([scored(float(a > b), (a, b)) for a, b in lengths])
    assert isinstance(separated, WinRate)
    assert math.isfinite(separated.length_coefficient)
