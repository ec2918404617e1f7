"""Over-thinking: tokens by difficulty and by right and wrong, second thoughts by kind, each against its definition."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.cli import main
from r1_reward.rows.files import RawRow
from r1_reward.scoring.measure import measure
from r1_reward.scoring.scored import ScoredFiles
from r1_reward.scoring.thinking import BANDS, KINDS, Thought, Thoughts, band_of, reflections, thought_of, values_of

SAID = [
    ("Wait. Hold on, hmm, on second thought no.", None, {"doubt": 4}),
    ("Let me check. Then verify it: a double-check.", None, {"check": 3}),
    ("Oops, that’s wrong: a mistake.", None, {"error": 3}),
    ("Alternatively, let me try another approach.", None, {"turn": 3}),
    ("Waiter, checkmate, mistaken.", None, {}),
    ("等等，我检查一下。不对，换一种方法。", "zh", {"doubt": 1, "check": 1, "error": 1, "turn": 1}),
    ("Moment, das stimmt nicht; ich überprüfe es noch einmal.", "de", {"doubt": 1, "check": 1, "error": 1, "turn": 1}),
    ("In that moment, halt!", "en", {}),
    ("Attends, vérifions : c'est faux, réessayons.", "fr", {"doubt": 1, "check": 1, "error": 1, "turn": 1}),
    ("Espera, comprobemos: me equivoqué. De nuevo.", "es", {"doubt": 1, "check": 1, "error": 1, "turn": 1}),
    ("Подождите, проверим: неверно. Попробуем иначе.", "en", {"doubt": 1, "check": 1, "error": 1, "turn": 2}),
    ("待って、検算する。間違いだ。もう一度。", None, {"doubt": 1, "check": 1, "error": 1, "turn": 1}),
    ("잠깐, 다시 계산하자. 틀렸다. 다른 방법.", "ko", {"doubt": 1, "check": 1, "error": 1, "turn": 1}),
]


@pytest.mark.parametrize(("text", "language", "counts"), SAID)
def test_second_thoughts_by_kind_in_several_languages(text: str, language: str | None, counts: dict[str, int]) -> None:
    assert reflections(text, language) == dict.fromkeys(KINDS, 0) | counts


def row(problem: str, text: str, tokens: int | None, right: bool | None) -> bytes:
    verdict = {"status": "scored", "score": float(bool(right)), "reason": "correct" if right else "wrong", "detail": ""}
    verdicts = {"math": verdict} if right is not None else {"format": {**verdict, "reason": "measured"}}
    line = {"problem": problem, "prompt": problem, "reference": "1", "kind": "math", "response": text, "reward": 1.0}
    return json.dumps({**line, "verdicts": verdicts, "tokens": tokens, "finish_reason": "stop"}).encode()


LINES = [
    row("easy", "<think>Wait, wait.</think>1", 10, True),
    row("easy", "1", 30, True),
    row("half", "<think>so</think>1", 20, True),
    row("half", "<think>Hmm, oops</think>2", 60, False),
    row("hard", "2", 100, False),
    row("hard", "2", 200, False),
]


def test_an_evaluation_has_tokens_by_difficulty_and_by_right_and_wrong() -> None:
    rows = (ScoredFiles([]).read(RawRow(0, 0, line)) for line in LINES)
    evaluation = measure(rows, 2, {}, about={}, level="level", words=["wait"])
    assert list(evaluation.bands) == ["0 %", "up to 50 %", "100 %"]
    plain = evaluation.to_dict()["pass_rates"]
    assert {band: one["length"]["value"] for band, one in plain.items()} == {"0 %": 150, "up to 50 %": 40, "100 %": 20}
    assert plain["up to 50 %"]["length/right"]["value"] == 20
    assert plain["up to 50 %"]["length/wrong"]["value"] == 60
    assert plain["up to 50 %"]["length/wrong_minus_right"]["value"] == 40
    assert "length/right" not in plain["0 %"]
    assert evaluation.metrics["length/right"].value == 20  # of the two problems that have one
    assert evaluation.metrics["length/right"].n == 2
    assert evaluation.metrics["reflection/doubt"].value == pytest.approx((2 + 1) / 6)
    assert evaluation.metrics["reflection/error"].value == pytest.approx(1 / 6)
    thinking = (10 * len("Wait, wait.") / len("<think>Wait, wait.</think>1")) / 2
    assert plain["100 %"]["length/thinking"]["value"] == pytest.approx(thinking)


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_a_question_is_in_the_band_of_its_pass_rate(marks: list[bool]) -> None:
    band = band_of([Thought(mark, 1.0, 0.0, (0, 0, 0, 0)) for mark in marks])
    rate = sum(marks) / len(marks)
    bounds = {"0 %": (0, 0), "100 %": (1, 1), "up to 25 %": (0, 0.25), "up to 50 %": (0.25, 0.5)}
    low, high = {**bounds, "up to 75 %": (0.5, 0.75), "below 100 %": (0.75, 1)}[str(band)]
    assert low <= rate <= high
    assert (rate in (0, 1)) == (band in (BANDS[0], BANDS[-1]))


def test_questions_in_any_order_have_the_values_of_their_own() -> None:
    thoughts = Thoughts()
    for place, right in enumerate([True, False, True, None]):
        thoughts.add(b"%d" % (place % 2), Thought(right, float(place), 0.5, (place, 0, 0, 0)))
    assert [[one.tokens for one in some] for some in thoughts.questions()] == [[0.0, 2.0], [1.0, 3.0]]
    assert [[one.correct for one in some] for some in thoughts.questions()] == [[True, True], [False, None]]
    thoughts.close()
    assert values_of([]) == {}


def test_a_row_that_does_not_say_its_tokens_has_no_thought() -> None:
    for tokens in (None, True, "12", -1):
        scored = ScoredFiles([]).read(RawRow(0, 0, row("a", "1", tokens, True)))  # type: ignore[arg-type]  # on purpose
        assert thought_of(scored, scored.responses[0]) is None


def test_the_page_has_the_table_where_rows_say_their_tokens(tmp_path: Path) -> None:
    for name, lines in (("with", LINES), ("without", [row("a", "1", None, True)])):
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
        page = tmp_path / f"{name}.html"
        done = CliRunner().invoke(main, ["report", str(tmp_path / f"{name}.jsonl"), "-o", str(page)])
        assert done.exit_code == 0, done.output
        assert ("Tokens by difficulty" in page.read_text()) is (name == "with")
    text = (tmp_path / "with.html").read_text()
    assert "On the 1 problem with both, wrong responses are 40 tokens longer." in text
