"""The figures by which benchmarks are known, against their formulas, and the table made of records."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.cli import main
from r1_reward.inspection.evaluation.benchmarks import figures
from r1_reward.inspection.evaluation.cards import ready_card
from r1_reward.inspection.evaluation.codeforces import (
    Contest,
    expected_place,
    percentile_of,
    rating_of,
    read_contest,
)
from r1_reward.inspection.evaluation.questions import read_questions
from r1_reward.inspection.evaluation.table import read_table
from r1_reward.inspection.judging.benchmarks import arena_hard_score, length_controlled
from r1_reward.rows.files import RawRow
from r1_reward.scoring.scored import ScoredFiles, ScoredRow
from r1_reward.verifiers.errors import ConfigError, RunError


def _scored(rows: Sequence[Mapping[str, Any]]) -> list[ScoredRow]:
    return [ScoredFiles([]).read(RawRow(0, n, json.dumps(row).encode())) for n, row in enumerate(rows, 1)]


def _row(problem: str, name: str, score: float | None, evidence: object = None, **fields: object) -> dict[str, Any]:
    status = "error" if score is None else "scored"
    reason = {None: "judge_unclear", 1.0: "correct", 0.0: "wrong"}.get(score, "measured")
    verdict: dict[str, object] = {
        "score": score,
        "status": status,
        "reason": reason,
        "answer": None,
        "detail": "",
        "seconds": 0.0,
    }
    if evidence is not None:
        verdict |= {"evidence": evidence, "reason": reason if score is None else "measured"}
    asked = {"prompt": "?", "reference": "x", "problem": problem, "response": "said", "tokens": 3}
    return {**asked, "finish_reason": "stop", **fields, "reward": score, "verdicts": {name: verdict}}


# -- Codeforces -------------------------------------------------------------------------------------------------------


@given(st.integers(1, 400), st.floats(300, 3_500), st.data())
def test_a_rating_among_equals_is_the_closed_form(size: int, rating: float, data: st.DataObject) -> None:
    place = data.draw(st.floats(0.01, size * 0.999))
    expected = rating + 400 * math.log10(size / place - 1)
    result = rating_of(place, [rating] * size)
    assert result == pytest.approx(min(max(expected, 0.0), rating + 100), abs=1e-6)


@given(st.lists(st.floats(300, 3_500), min_size=2, max_size=60), st.data())
def test_a_rating_expects_its_place_and_a_better_place_has_a_higher_one(
    ratings: list[float], data: st.DataObject
) -> None:
    places = sorted(data.draw(st.lists(st.integers(1, len(ratings) + 1), min_size=2, max_size=2)))
    better, worse = (rating_of(place, ratings) for place in places)
    assert better >= worse
    for place, rating in zip(places, (better, worse), strict=True):
        if 0 < rating < max(ratings) + 100:
            assert expected_place(rating, ratings) == pytest.approx(place, abs=1e-6)


def test_a_rating_is_the_mean_over_participations_and_contests() -> None:
    contests = [
        Contest(name="1", ratings=(1200.0, 1500.0, 1900.0), points=(0.0, 500.0, 1500.0)),
        Contest(name="2", ratings=(1300.0, 1600.0), points=(1.0, 2.0)),
    ]
    solved = {("1", "A", 500.0): (1, 1), ("1", "B", 1000.0): (1, 0), ("2", "A", None): (0, 1)}
    rows = [
        _row(f"{contest}/{index}", "code", float(right), contest_id=contest, index=index, points=points)
        for (contest, index, points), payload in solved.items()
        for right in payload
    ]
    result = figures(ready_card("codeforces"), _scored(rows), contests)
    # In contest 1 the samples have 1,500 and 500 points, in contest 2 0 and 1 of problems that count alike.
    first = [rating_of(place, contests[0].ratings) for place in (1, 2)]
    second = [rating_of(place, contests[1].ratings) for place in (3, 2)]
    expected = (sum(first) / 2 + sum(second) / 2) / 2
    assert result.estimates["rating"].value == pytest.approx(expected)
    assert result.estimates["percentile"].value == percentile_of(expected, contests)
    assert result.estimates["rating"].n == 2
    assert not result.questions  # a place is of no single question


def test_a_participation_that_was_not_judged_whole_has_no_place() -> None:
    contest = Contest(name="1", ratings=(1200.0, 1500.0), points=(0.0, 500.0))
    rows = [_row(f"1/{index}", "code", score, contest_id="1", index=index, points=500.0)
            for index, scores in (("A", (1.0, 1.0)), ("B", (None, 0.0))) for score in scores]  # fmt: skip
    result = figures(ready_card("codeforces"), _scored(rows), [contest])
    assert result.estimates["rating"].value == pytest.approx(rating_of(1, contest.ratings))
    with pytest.raises(RunError, match="no participation"):
        figures(ready_card("codeforces"), _scored(rows[:3:2]), [contest])
    with pytest.raises(ConfigError, match="no standings of the contest 1"):
        figures(ready_card("codeforces"), _scored(rows), [])
    for standings in (None, [], [[1500]], [["x", 1]]):
        with pytest.raises(ConfigError, match="has no standings"):
            read_contest("1", {"standings": standings})


# -- by a judge -----------------------------------------------------------------------------------------------------


def test_arena_hard_and_the_length_controlled_rate_are_those_of_judging() -> None:
    games = [(0.75, 4.0, [90, 80]), (0.0, 6.0, [40, 95]), (1.0, 2.0, [70, 60]), (0.5, 2.0, [50, 50])] * 6
    rows = [_row(f"q{n}", "judge", score, {"weight": weight, "lengths": lengths, "games": []}, prompt=f"q{n}?")
            for n, (score, weight, lengths) in enumerate(games)]  # fmt: skip
    rows.append(_row("q99", "judge", None, prompt="q99?"))
    arena = figures(ready_card("arena_hard"), _scored(rows)).estimates["arena_hard"]
    assert arena.value == pytest.approx(arena_hard_score(rows))
    assert arena.ci95 is not None
    assert arena.ci95[0] < arena.value < arena.ci95[1]
    alpaca = figures(ready_card("alpaca_eval"), _scored(rows))
    expected = length_controlled(rows, instruction="problem")
    assert alpaca.estimates["length_controlled"].value == pytest.approx(expected.length_controlled)
    assert alpaca.estimates["win_rate"].value == pytest.approx(expected.raw)
    bounds = alpaca.estimates["length_controlled"].ci95
    assert bounds is not None
    assert bounds[0] < expected.length_controlled < bounds[1]
    assert len(alpaca.questions) == 24
    for n, row in enumerate(rows):
        row["difficulty"] = n / 10
    harder = figures(ready_card("alpaca_eval"), _scored(rows)).estimates["length_controlled"].value
    difficulties = {str(row["problem"]): float(row["difficulty"]) for row in rows}
    known = length_controlled(rows, difficulties=difficulties, instruction="problem")
    assert harder != pytest.approx(expected.length_controlled)
    assert known.length_controlled == pytest.approx(harder)


def test_drop_is_the_mean_of_f1_and_simpleqa_the_share_that_is_correct() -> None:
    drop = [_row("a", "answer", 1.0), _row("b", "answer", 0.5), _row("c", "answer", 0.0), _row("d", "answer", None)]
    result = figures(ready_card("drop"), _scored(drop)).estimates["score"]
    assert (result.value, result.n) == (0.5, 3)
    simple = [_row("a", "judge", 1.0), _row("b", "judge", 0.0), _row("c", "judge", None)]
    result = figures(ready_card("simpleqa"), _scored(simple)).estimates["pass_at_1"]
    assert (result.value, result.n) == (0.5, 2)
    with pytest.raises(RunError, match="no sample of SimpleQA could be judged"):
        figures(ready_card("simpleqa"), _scored(simple[2:]))


GRADES = ("CORRECT", "INCORRECT", "NOT_ATTEMPTED")
"""Of the published graders; FRAMES has the first two."""


@pytest.mark.parametrize("name", ["simpleqa", "c_simpleqa", "frames"])
def test_each_grade_of_200_judged_rows_counts_as_published(tmp_path: Path, name: str) -> None:
    card, draw = ready_card(name), random.Random(5)
    grades = [draw.choice((*GRADES[: 2 if name == "frames" else 3], "UNSURE")) for _ in range(200)]
    ask, answer = (card.map.get("prompt", "prompt"), card.map.get("reference", "reference"))
    rows = [{ask: f"Question {n}?", answer: f"Name {n}"} for n in range(200)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    questions = read_questions(card, [str(path)], partial=True).questions

    def judge(text: str) -> str:
        number, code = re.findall(r"Question (\d+)\?", text)[0], re.findall(r'\{"code": "([0-9a-f]+)"', text)[-1]
        return json.dumps({"code": code, "reasons": "so", "verdict": grades[int(number)]})

    judging = card.reward({"judge": {"ask": judge, "retries": 0}}).build()
    samples = [replace(one, response=f"It is {n}.") for n, one in enumerate(questions)]
    verdicts = [judged.verdicts["judge"] for judged in judging.judge(samples)]
    by_grade = {"CORRECT": (1.0, "correct"), "INCORRECT": (0.0, "wrong"), "NOT_ATTEMPTED": (0.0, "no_answer")}
    for grade, one in zip(grades, verdicts, strict=True):
        score, reason = by_grade.get(grade, (None, "judge_unclear"))
        assert (one.score, one.reason.value) == (score, reason), grade
    record = [_row(str(n), "judge", one.score) for n, one in enumerate(verdicts)]
    for row, one in zip(record, verdicts, strict=True):
        row["verdicts"]["judge"]["reason"] = one.reason.value
    estimates = figures(card, _scored(record)).estimates
    # The rule of simple-evals, over the rows that have a grade.
    judged = [grade for grade in grades if grade in GRADES]
    correct, incorrect, not_attempted = (judged.count(grade) / len(judged) for grade in GRADES)
    assert estimates["pass_at_1"].value == pytest.approx(correct)
    if name == "frames":
        assert set(estimates) == {"pass_at_1"}
        return
    right_given = correct / (correct + incorrect)
    assert estimates["not_attempted"].value == pytest.approx(not_attempted)
    assert estimates["correct_given_attempted"].value == pytest.approx(right_given)
    assert estimates["f_score"].value == pytest.approx(2 * right_given * correct / (right_given + correct))
    for estimate in estimates.values():
        assert estimate.ci95 is not None
        assert estimate.ci95[0] < estimate.value < estimate.ci95[1]


def test_short_answers_of_which_none_is_attempted_have_no_share_of_those() -> None:
    rows = [_row(problem, "judge", 0.0) for problem in "aabb"]
    for row in rows:
        row["verdicts"]["judge"]["reason"] = "no_answer"
    estimates = figures(ready_card("simpleqa"), _scored(rows)).estimates
    assert (estimates["not_attempted"].value, estimates["f_score"].value) == (1.0, 0.0)
    assert "correct_given_attempted" not in estimates


# -- the table ------------------------------------------------------------------------------------------------------


def _record(folder: Path, card: str, model: str, rights: Sequence[Sequence[int]], **options: object) -> Path:
    """A record with the samples' verdicts, by question."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{card}.jsonl"
    name = ready_card(card).verifier
    rows = [_row(f"q{n}", name, float(right)) for n, samples in enumerate(rights) for right in samples]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    payload = {"model": model, "card": ready_card(card).to_dict(), "k": len(rights[0]), "files": [], **options}
    note = {"schema_version": 1, "fingerprint": "0", "options": payload}
    Path(f"{path}.run.json").write_text(json.dumps(note), encoding="utf-8")
    return path


def test_the_table_has_the_papers_layout_and_pairs_by_question(tmp_path: Path) -> None:
    zero, last = tmp_path / "zero", tmp_path / "last"
    before, after = [[1, 0], [0, 0], [1, 1], [0, 0]], [[1, 1], [1, 0], [1, 1], [0, 0]]
    for folder, rights in ((zero, before), (last, after)):
        _record(folder, "aime_2024", folder.name, rights)
        _record(folder, "c_eval", folder.name, [[1], [0]])
    _record(last, "gpqa_diamond", "last", after)
    table = read_table([str(zero), f"R1={last}"])
    assert list(table.columns) == ["zero", "R1"]
    rows = table.rows(["R1-Zero"])
    assert [(group, label) for group, label, _ in rows] == [
        ("English", "GPQA Diamond (Pass@1)"), ("Math", "AIME 2024 (Pass@1)"), ("Chinese", "C-Eval (EM)"),
    ]  # fmt: skip
    assert rows[0][2][0] == ""  # the first has no such record
    assert [text.split(" ")[0] for text in rows[1][2]] == ["37.5", "62.5", "77.9"]
    (aime,) = [pair for card, *_, pair in table.pairs() if card.name == "aime_2024"]
    assert (aime.problems, aime.mean, aime.better, aime.worse) == (4, 0.25, 2, 0)
    assert aime.interval is not None

    run = CliRunner().invoke(
        main, ["eval", "--table", str(zero), f"R1={last}", "--paper", "R1"], catch_exceptions=False
    )
    assert run.exit_code == 0, run.output
    lines = run.stdout.splitlines()
    assert next(line for line in lines if "AIME" in line).split()[-1] == "79.8"
    assert any("+0.2500" in line for line in lines)
    payload = json.loads(CliRunner().invoke(main, ["eval", "--table", str(zero), f"R1={last}", "--json"]).stdout)
    assert payload["columns"]["R1"]["aime_2024"]["pass_at_1"]["value"] == 0.625
    assert payload["pairs"][0]["interval"] is not None
    wrong = CliRunner().invoke(main, ["eval", "--table", str(zero), "--paper", "R2"])
    assert (wrong.exit_code, "it has R1-Zero" in " ".join(wrong.output.split())) == (2, True)


def test_records_of_one_model_share_a_column_and_differences_in_making_are_said(tmp_path: Path) -> None:
    one = _record(tmp_path / "a", "aime_2024", "m", [[1], [0]], sampling={"temperature": 0.6})
    two = _record(tmp_path / "b", "math_500", "m", [[1], [1]])
    other = _record(tmp_path / "c", "aime_2024", "n", [[1, 1], [0, 1]], sampling={"temperature": 0.0})
    table = read_table([str(one), str(two), str(other)])
    assert {name: sorted(column) for name, column in table.columns.items()} == {
        "m": ["aime_2024", "math_500"], "n": ["aime_2024"],
    }  # fmt: skip
    assert table.notes() == [
        "AIME 2024: the columns differ in their samples a question", "AIME 2024: the columns differ in their sampling",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="both AIME 2024 of m"):
        read_table([str(one), f"m={other}"])
    plain = tmp_path / "plain.jsonl"
    plain.write_text("{}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no record of a task card"):
        read_table([str(plain)])
