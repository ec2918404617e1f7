"""Task cards: rows as the data sets hold them become questions whose right answer is right, and files are checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.inspection.evaluation.served_model import choice, reply
from tests.verifiers.judge.scripted import Asked, ScriptedServer, Told, verdict

from r1_reward.cli import main
from r1_reward.inspection.evaluation.cards import TaskCard, card_names, card_of, ready_card
from r1_reward.inspection.evaluation.questions import read_questions
from r1_reward.verifiers import Sample
from r1_reward.verifiers.errors import ConfigError
from r1_reward.verifiers.judge import asking

Row = Mapping[str, Any]
CASES = '[{"input": "1 2", "output": "3", "testtype": "stdin"}]'
CALLS = '[{"input": "1\\n2", "output": "3", "testtype": "functional"}]'
_EMPTY = {"day": "", "month": "", "year": ""}
ADD = "class Solution:\n    def add(self, a, b):\n        return a + b\n"

ROWS: Sequence[tuple[str, Row, str, str, Row | None]] = (
    # card, row as the hub holds it, a right response, a wrong one, the row that goes with it
    ("aime_2024", {"id": 60, "problem": "1+1?", "solution": "\\boxed{2}", "answer": "2", "url": "u", "year": "2024"},
     "So \\boxed{002}.", "So \\boxed{3}.", None),
    ("math_500", {"problem": "1/2?", "solution": "\\boxed{\\frac12}", "answer": "\\frac{1}{2}", "subject": "Algebra",
                  "level": 2, "unique_id": "test/algebra/1.json"}, "\\boxed{0.5}", "\\boxed{2}", None),
    ("cnmo_2024", {"question": "1+1?", "answer": "$2$"}, "\\boxed{2}", "\\boxed{1}", None),
    ("mmlu", {"question": "2+2?", "subject": "algebra", "choices": ["3", "4", "5", "6"], "answer": 1},
     "Answer: B", "Answer: A", None),
    ("mmlu_redux", {"question": "2+2?", "choices": ["3", "4", "5", "6"], "answer": 1, "error_type": "ok",
                    "source": None, "correct_answer": None, "potential_reason": None}, "Answer: B", "Answer: C", None),
    ("mmlu_pro", {"question_id": 70, "question": "Which?", "options": list("klmnopqrst"), "answer": "I",
                  "answer_index": 8, "cot_content": "", "category": "law", "src": "x"}, "Answer: I", "Answer: J", None),
    ("c_eval", {"id": 0, "question": "2+2=____", "A": "3", "B": "4", "C": "5", "D": "6", "answer": "B",
                "explanation": ""}, "答案：B", "答案：D", None),
    ("drop", {"section_id": "s", "query_id": "q", "passage": "Ann ran 3 yards.", "question": "How many yards?",
              "answer": {"number": "3", "date": _EMPTY, "spans": [], "worker_id": "", "hit_id": ""},
              "validated_answers": {"number": [""], "date": [_EMPTY], "spans": [["three"]], "worker_id": [""],
                                    "hit_id": [""]}}, "Answer: 3", "Answer: 4", None),
    ("drop", {"query_id": "q", "passage": "Ann and Bob ran.", "question": "Who?",
              "answers_spans": {"spans": ["Ann", "Bob"], "types": ["span", "span"]}}, 'Answer: ["Bob", "Ann"]',
     'Answer: ["Cy", "Di"]', None),
    ("ifeval", {"key": 1000, "prompt": "Say it.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
     "Yes and no.", "Yes, no.", None),
    ("livecodebench", {"question_title": "t", "question_content": "Add.", "platform": "atcoder", "question_id": "abc",
                       "contest_id": "c", "contest_date": "2024-09-01", "starter_code": "", "difficulty": "easy",
                       "public_test_cases": CASES, "private_test_cases": CASES, "metadata": "{}"},
     "```python\nprint(sum(map(int, input().split())))\n```", "```python\nprint(4)\n```", None),
    ("livecodebench", {"question_title": "t", "question_content": "Add.", "platform": "leetcode", "question_id": "l",
                       "contest_id": "c", "contest_date": "2024-09-01", "starter_code": ADD.splitlines()[1],
                       "difficulty": "easy", "public_test_cases": CALLS, "private_test_cases": "[]",
                       "metadata": '{"func_name": "add"}'}, f"```python\n{ADD}```", "```python\nx = 1\n```", None),
    ("codeforces", {"id": "1/A", "contest_id": "1", "contest_name": "n", "index": "A", "time_limit": 1.0,
                    "memory_limit": 256.0, "title": "T", "description": "Add.", "input_format": "a b",
                    "output_format": None, "interaction_format": None, "note": None, "rating": 800, "points": 500.0,
                    "official_tests": [{"input": "1 2\n", "output": "3\n"}], "official_tests_complete": True,
                    "input_mode": "stdio", "generated_checker": None},
     "```python\nprint(sum(map(int, input().split())))\n```", "```python\nprint(4)\n```",
     {"contest_id": "1", "standings": [[1500, 500]]}),
)  # fmt: skip
"""One row of each card that no model judges."""
JUDGED: Sequence[tuple[str, Row, Row | None]] = (
    ("frames", {"Unnamed: 0": 0, "Prompt": "Who?", "Answer": "Jane", "reasoning_types": "Tabular"}, None),
    ("simpleqa", {"metadata": "{'topic': 'x'}", "problem": "Who?", "answer": "Jane"}, None),
    ("c_simpleqa", {"id": "1", "primary_category": "x", "question": "Who?", "answer": "Jane", "urls": []}, None),
    ("alpaca_eval", {"dataset": "d", "instruction": "Who?", "output": "Jane", "generator": "g"}, None),
    ("arena_hard", {"question_id": "a", "category": "c", "cluster": "c", "turns": [{"content": "Who?"}]},
     {"question_id": "a", "model_id": "g", "choices": [{"index": 0, "turns": [{"content": "Jane"}]}]}),
)  # fmt: skip


def _write(path: Path, rows: Sequence[Row]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def _ask(tmp_path: Path, name: str, rows: Sequence[Row], partner: Row | None = None, **options: Any) -> list[Sample]:
    join = None if partner is None else _write(tmp_path / "join.jsonl", [partner])
    files = [_write(tmp_path / "rows.jsonl", rows)]
    return read_questions(ready_card(name), files, join=join, partial=True, **options).questions


def _scores(card: TaskCard, question: Sample, responses: Sequence[str]) -> list[float | None]:
    return [v.score for v in card.reward().build()([replace(question, response=said) for said in responses])]


def test_every_card_reads_and_has_a_row_of_the_papers_table() -> None:
    assert {name for name, *_ in (*ROWS, *JUDGED)} | {"gpqa_diamond"} == set(card_names())
    for name in card_names():
        card = ready_card(name)
        assert card.name == name
        assert card.paper is not None
        assert list(card.paper.values) == ["R1-Zero", "R1 Dev1", "R1 Dev2", "R1 Dev3", "R1"]
        assert (card.temperature, card.top_p, card.max_tokens) == (0.6, 0.95, 32_768)
        assert card_of(json.loads(json.dumps(card.to_dict()))) == card
        assert card.source.url
        assert card.source.licence
    assert {ready_card(name).k for name in ("aime_2024", "gpqa_diamond")} == {64}
    assert {ready_card(name).k for name in ("math_500", "codeforces")} == {16}
    assert ready_card("livecodebench").k == 8


@pytest.mark.parametrize(("name", "row", "right", "wrong", "partner"), ROWS)
def test_rows_as_the_hub_holds_them_are_asked_and_judged(
    tmp_path: Path, name: str, row: Row, right: str, wrong: str, partner: Row | None
) -> None:
    (question,) = _ask(tmp_path, name, [row], partner)
    assert question.response == ""
    assert len(question.prompt_text) > 5
    assert "{" not in question.prompt_text.replace("\\boxed{}", "")
    assert _scores(ready_card(name), question, [right, wrong]) == [1.0, 0.0]


@pytest.mark.parametrize(("name", "row", "partner"), JUDGED)
def test_rows_that_a_model_judges_have_their_reference(
    tmp_path: Path, name: str, row: Row, partner: Row | None
) -> None:
    (question,) = _ask(tmp_path, name, [row], partner)
    assert (question.prompt, question.reference) == ("Who?", "Jane")
    card = ready_card(name)
    assert card.judged_by_model
    assert card.reward({"judge": {"url": "http://127.0.0.1:1/v1", "model": "m"}}).options["judge"]["rubric"]


def test_options_are_drawn_by_the_seed_and_the_gold_goes_with_them(tmp_path: Path) -> None:
    wrong = {f"Incorrect Answer {n}": f"no {n}" for n in (1, 2, 3)}
    rows = [{"Question": f"Q{n}?", "Correct Answer": "yes", "Record ID": f"r{n}", **wrong} for n in range(80)]
    questions = _ask(tmp_path, "gpqa_diamond", rows)
    assert questions == _ask(tmp_path, "gpqa_diamond", rows)
    assert questions != _ask(tmp_path, "gpqa_diamond", rows, seed=1)
    golds = [str(question.reference) for question in questions]
    assert {letter: 10 < golds.count(letter) < 32 for letter in "ABCD"} == dict.fromkeys("ABCD", True)
    for question, gold in zip(questions, golds, strict=True):
        assert f"{gold}. yes" in question.prompt_text
        assert sorted(question.meta["options"]) == ["no 1", "no 2", "no 3", "yes"]
    assert _scores(ready_card("gpqa_diamond"), questions[0], [f"Answer: {golds[0]}", "Answer: E"]) == [1.0, 0.0]


def test_rows_that_a_card_leaves_out_are_not_asked(tmp_path: Path) -> None:
    row = {"question": "2+2?", "choices": ["3", "4"], "answer": 1}
    rows = [{**row, "error_type": summary} for summary in ("ok", "wrong_groundtruth", "bad_question_clarity", "ok")]
    assert len(_ask(tmp_path, "mmlu_redux", rows)) == 2
    assert len(_ask(tmp_path, "mmlu_redux", rows, limit=1)) == 1
    with pytest.raises(ConfigError, match="there are no questions"):
        _ask(tmp_path, "mmlu_redux", rows[1:3])


def test_files_that_are_not_the_cards_are_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "rows.jsonl", [{"problem": "1+1?", "answer": "2"}])
    card = ready_card("aime_2024")
    with pytest.raises(ConfigError, match=r"1 rows, and the card aime_2024 says 30.*--partial"):
        read_questions(card, [path])
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    known = replace(card, source=replace(card.source, sha256=(digest,), rows=1))
    assert read_questions(known, [path]).files == [{"path": path, "sha256": digest}]
    with pytest.raises(ConfigError, match=r"rows\.jsonl: the SHA-256 is none of those of the card"):
        read_questions(replace(card, source=replace(card.source, sha256=("0" * 64,))), [path], partial=True)
    with pytest.raises(ConfigError, match="takes no --join"):
        read_questions(card, [path], join=path, partial=True)
    with pytest.raises(ConfigError, match="needs --join"):
        read_questions(ready_card("arena_hard"), [path], partial=True)


def test_a_row_that_cannot_be_asked_names_its_line(tmp_path: Path) -> None:
    for name, row, said in (
        ("aime_2024", {"problem": "1+1?"}, "line 1: the row has no reference"),
        ("aime_2024", {"answer": "2"}, "line 1: the row has no prompt"),
        ("c_eval", {"question": "?", "A": "1", "B": "2", "C": "3", "answer": "B"}, "line 1: the row has no 'D'"),
        ("drop", {"question": "?", "answers_spans": {"spans": ["1"]}}, "line 1: the row has no 'passage'"),
    ):
        with pytest.raises(ConfigError, match=said):
            _ask(tmp_path, name, [row])
    (mapped,) = _ask(tmp_path, "aime_2024", [{"q": "1+1?", "a": "2"}], names={"prompt": "q", "reference": "a"})
    assert mapped.reference == "2"


def test_a_card_of_ones_own_is_a_file_and_a_slip_in_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = 'name = "mine"\ntitle = "Mine"\ngroup = "Math"\nverifier = "math"\n[source]\nurl = "here"\n'
    path.write_text(text, encoding="utf-8")
    assert ready_card(str(path)).title == "Mine"
    for slip, said in (
        ("kk = 3\n", "unknown key 'kk'"),
        ("k = 0\n", "k is 0; it must be at least 1"),
        ('metric = "elo"\n', "metric is 'elo'"),
    ):
        path.write_text(slip + text, encoding="utf-8")
        with pytest.raises(ConfigError, match=said):
            ready_card(str(path))
    path.write_text(text.replace('"math"', '"maths"'), encoding="utf-8")
    with pytest.raises(ConfigError, match="verifier is 'maths'"):
        ready_card(str(path))


def test_the_command_evaluates_by_a_card(tmp_path: Path) -> None:
    rows = [{"question": f"{n}+2?", "choices": [str(n + m) for m in range(4)], "answer": 2, "subject": "sums"}
            for n in range(6)]  # fmt: skip
    path, out = _write(tmp_path / "test.jsonl", rows), tmp_path / "mmlu.jsonl"
    with ScriptedServer(lambda asked: reply([choice(asked, "It is clear.\nAnswer: C")])) as server:
        asked = ["eval", path, "--card", "mmlu", "--server", server.url, "--model", "m", "-o", str(out), "--partial"]
        run = CliRunner().invoke(main, asked, catch_exceptions=False)
        assert run.exit_code == 0, run.output
        body = server.asked[0].body
        assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.6, 0.95, 32_768)
        frames = CliRunner().invoke(main, ["eval", path, "--card", "frames", *asked[4:]])
        assert "is judged by a model: --set judge.url" in " ".join(frames.output.split())
    summary = json.loads(run.stdout)
    assert summary["metrics"]["pass_at_1"]["value"] == 1.0
    assert list(summary["levels"]) == ["sums"]
    assert "R1 in the paper: 90.8" in run.stderr
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()  # the card has none to check it by
    assert f"  {digest}  {path}" in run.stderr.splitlines()
    note = json.loads(Path(f"{out}.run.json").read_text(encoding="utf-8"))
    assert note["options"]["files"] == [{"path": path, "sha256": digest}]
    row = json.loads(out.read_text(encoding="utf-8").splitlines()[0])
    assert (row["benchmark"], row["problem"], row["reference"]) == ("mmlu", "mmlu 1", "C")


def test_verdicts_that_no_judge_gave_are_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_PAUSE", 0.001)
    rows = [{"problem": f"Who is {n}?", "answer": "Jane"} for n in range(4)]
    path, out = _write(tmp_path / "rows.jsonl", rows), tmp_path / "out.jsonl"
    away = True

    def judge(asked: Asked) -> Told:
        return Told(status=503) if away and "Who is 2" in asked.text else verdict(asked, verdict="correct")

    with ScriptedServer(lambda asked: reply([choice(asked, "It is Jane.")])) as model, ScriptedServer(judge) as judging:
        asked = ["eval", path, "--card", "simpleqa", "--partial", "--server", model.url, "--model", "m", "-o", str(out)]
        asked += ["--set", f"judge.url={judging.url}", "--set", "judge.model=j", "--set", "judge.retries=0"]
        run = CliRunner().invoke(main, asked, catch_exceptions=False)
        figures = json.loads(run.stdout)["metrics"]
        assert (figures["pass_at_1"]["n"], figures["unjudged"]["value"]) == (3, 0.25)
        away = False
        run = CliRunner().invoke(main, [*asked, "--resume"], catch_exceptions=False)
        figures = json.loads(run.stdout)["metrics"]
        assert (figures["pass_at_1"]["n"], figures["unjudged"]["value"]) == (4, 0.0)
        assert len(model.asked) == 4  # nothing was asked of the model again
