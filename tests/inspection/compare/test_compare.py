"""`r1-reward compare`: systems on the same problems, paired by problem."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.cli import main
from r1_reward.inspection.compare import Comparison, System
from r1_reward.inspection.compare.paired import student_t


def row(problem: str, right: bool | None, **more: Any) -> dict[str, Any]:
    score = None if right is None else float(right)
    word = {None: "grader_crashed", True: "correct", False: "wrong"}[right]
    told = {"status": "error" if right is None else "scored", "score": score, "reason": word, "answer": None}
    made = {"prompt": f"question {problem}", "response": "a", "reward": score}
    return {**made, "verdicts": {"math": {**told, "detail": "", "seconds": 0.1}}, **more}


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["compare", *arguments])


def test_models_are_paired_by_problem_whatever_their_order(tmp_path: Path) -> None:
    base = write(tmp_path / "base.jsonl", [row(str(n), n < 4) for n in range(10)])
    tuned = write(tmp_path / "tuned.jsonl", [row(str(n), n != 0 and n < 9) for n in reversed(range(12))])
    found = json.loads(run(base, tuned, "--json").stdout)
    assert found["shared_problems"] == 10
    assert [system["name"] for system in found["systems"]] == ["base", "tuned"]
    (pair,) = found["pairs"]
    assert (pair["problems"], pair["better"], pair["worse"]) == (10, 5, 1)
    assert pair["mean"] == pytest.approx(0.4)
    assert pair["mcnemar"] == pytest.approx(2 * (1 + 6) / 2**6)
    differences = [-1] + [0] * 3 + [1] * 5 + [0]
    half = 2.262157 * stdev(differences) / math.sqrt(10)
    assert pair["interval"] == pytest.approx([0.4 - half, 0.4 + half], abs=1e-5)
    assert found["differing"] == 6
    assert found["rows"][0] == {"problem": "question 0", "values": [1.0, 0.0]}
    shown = run(base, tuned).stdout
    assert "+0.4000" in shown
    assert "question 8" in shown


def test_systems_by_a_field_and_verifiers_of_one_file(tmp_path: Path) -> None:
    rows = [
        row(str(n % 5), (n + step) % 3 > 0, step=step, meta={"temperature": step / 10})
        for step in (1, 2, 3)
        for n in range(10)
    ]
    for one in rows:
        one["verdicts"]["other"] = {**one["verdicts"]["math"], "reason": "correct", "score": 1.0}
    path = write(tmp_path / "scored.jsonl", rows)
    found = json.loads(run(path, "--by", "step", "--json").stdout)
    assert [system["name"] for system in found["systems"]] == ["1", "2", "3"]
    assert len(found["pairs"]) == 3
    assert all(pair["mcnemar"] is None for pair in found["pairs"])  # two responses a problem
    assert json.loads(run(path, "--by", "meta.temperature", "--json").stdout)["pairs"][0]["first"] == "0.1"
    by_verifier = json.loads(run(path, "--by", "verifier", "--json").stdout)
    assert [system["name"] for system in by_verifier["systems"]] == ["math", "other"]
    reward = json.loads(run(path, "--by", "step", "--metric", "reward", "--json").stdout)
    assert reward["systems"][0]["mean"] == found["systems"][0]["mean"]


def test_what_could_not_be_judged_is_in_no_figure(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", [row("a", True), row("b", None), row("c", False)])
    two = write(tmp_path / "two.jsonl", [row("a", True), row("b", True), row("c", True)])
    found = json.loads(run(one, two, "--json").stdout)
    assert [system["unjudged"] for system in found["systems"]] == [1, 0]
    assert found["shared_problems"] == found["pairs"][0]["problems"] == 2


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["one.jsonl"], "needs two systems"),
        (["one.jsonl", "one.jsonl"], "twice"),
        (["one.jsonl", "missing.jsonl"], "no such file"),
        (["one.jsonl", "bare.jsonl"], "needs two systems"),
        (["one.jsonl", "--by", "verifier", "--metric", "reward"], "--metric does not go"),
        (["many.jsonl", "--by", "seed"], "more than 40"),
        (["one.jsonl", "two.jsonl", "--metric", "nothing"], "needs two systems"),
    ],
)
def test_what_is_no_comparison_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("one.jsonl"), [row("a", True)])
    write(Path("two.jsonl"), [row("a", False)])
    write(Path("bare.jsonl"), [{"response": "x", "prompt": "p"}])
    write(Path("many.jsonl"), [row("a", True, seed=n) for n in range(60)])
    result = run(*arguments)
    assert result.exit_code == 2
    assert why in result.stderr


def test_the_page_groups_the_responses_of_a_problem_by_system(tmp_path: Path) -> None:
    base = write(tmp_path / "base.jsonl", [row(str(n), n < 4) for n in range(6)])
    tuned = write(tmp_path / "tuned.jsonl", [row(str(n), n < 5) for n in range(6)])
    result = run(base, tuned, "--report", str(tmp_path / "page.html"))
    assert result.exit_code == 0, result.output
    assert "warning" not in result.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Comparison, paired by problem" in page
    assert "+0.1667" in page
    assert "Two scorings are mixed" not in page


def test_three_systems_have_a_matrix_of_differences(tmp_path: Path) -> None:
    shares = {"a": 2, "b": 3, "c<": 20}
    files = [
        write(tmp_path / f"{name}.jsonl", [row(str(n), n < share) for n in range(20)]) for name, share in shares.items()
    ]
    shown = run(*files, "--report", str(tmp_path / "page.html"))
    lines = shown.stdout.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("row less column"))
    assert lines[start].split()[-3:] == ["a", "b", "c<"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[start + 1 : start + 4]}
    assert rows == {"a": ["-0.0500", "-0.9000*"], "b": ["+0.0500", "-0.8500*"], "c<": ["+0.9000*", "+0.8500*"]}
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    (matrix,) = re.findall(r"<h2>Row less column.*?</table>", page, re.DOTALL)
    assert re.findall(r"<td>(.*?)</td>", matrix)[1:] == [
        *("", "-0.0500", "-0.9000*"), *("+0.0500", "", "-0.8500*"), *("+0.9000*", "+0.8500*", ""),
    ]  # fmt: skip
    assert "c&lt;" in matrix
    assert "row less column" not in run(*files[:2]).stdout


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_exchanging_the_systems_turns_the_sign(values: list[tuple[float, float]]) -> None:
    systems = [System("a"), System("b")]
    for number, pair in enumerate(values):
        for system, value in zip(systems, pair, strict=True):
            system.add(b"%d" % number, "", value)
    there, back = Comparison(systems).pair(0, 1), Comparison(systems[::-1]).pair(0, 1)
    assert there.mean == pytest.approx(-(back.mean or 0.0), abs=1e-12)
    assert there.mean == pytest.approx(fmean(two - one for one, two in values), abs=1e-12)
    assert (there.better, there.worse) == (back.worse, back.better)
    assert there.interval is not None
    assert back.interval is not None
    assert there.interval == pytest.approx((-back.interval[1], -back.interval[0]), abs=1e-9)
    assert there.interval[0] <= (there.mean or 0.0) <= there.interval[1]


@pytest.mark.parametrize(("freedom", "quantile"), [(1, 12.7062), (2, 4.30265), (10, 2.22814), (100, 1.98397)])
def test_students_t_is_that_of_the_tables(freedom: int, quantile: float) -> None:
    assert student_t(freedom) == pytest.approx(quantile, rel=1e-5)
