r"""Which column holds the gold: of one row, and of a file whose first rows show what a column is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from r1_reward import verify
from r1_reward.rows.files import RawRow
from r1_reward.rows.reader import RowReader
from r1_reward.rows.settled import FIRST, Settled, settle
from r1_reward.verifiers import MathVerifier, SampleError


def box(answer: object) -> str:
    return f"So it is \\boxed{{{answer}}}."


def settled(rows: Iterable[Mapping[str, Any]]) -> Settled:
    return settle((RawRow(0, line, json.dumps(row).encode()) for line, row in enumerate(rows, 1)), RowReader())


def rewards(*rows: dict[str, Any]) -> list[float | None]:
    """What each row scores in one file; None for one in error, or without a gold."""
    reader = settled(rows).reader
    scores: list[float | None] = []
    for row in rows:
        try:
            (sample,) = reader.read_row(row).samples
        except SampleError:
            scores.append(None)
            continue
        (verdict,) = MathVerifier()([sample])
        scores.append(verdict.score)
    return scores


ROWS: list[tuple[dict[str, Any], object, str]] = [
    ({"response": box(4), "ground_truth": "5", "final_answer": "4"}, "5", "a model's final answer"),
    ({"response": box(4), "gold": "5", "finalAnswer": ["4"]}, "5", "in another spelling"),
    ({"response": box(4), "answer": "5", "correct_answer": True}, "5", "a verdict by a boolean"),
    ({"response": box(4), "answer": "5", "gold_label": 1}, "5", "a verdict by a number"),
    ({"response": box(4), "answer": "5", "solution": "1 + 4 = 5. We are done."}, "5", "working that marks no answer"),
    ({"response": box(4), "answer": "5", "solution": "..."}, "5", "what stands for a solution"),
    ({"response": "B", "choices": ["4", "5"], "correct_answer": "5", "gold_letter": "B"}, "B", "a letter and its text"),
    ({"response": box(4), "true_answer": "5"}, "5", "words that say it"),
    ({"response": box(4), "Expected Result": 5}, 5, "the same in another spelling"),
    ({"response": box(4), "doc": {"question": "?", "answer": "5"}}, "5", "in the row of the data set"),
    ({"response": box(4), "metadata": {"gold": "5", "label": "algebra"}}, "5", "in an object of anything"),
    ({"response": box(4), "ground_truth": "6-1=5. The answer is 5."}, "5", "prose where there may be tests"),
    ({"response": box(4), "reward_model": {"ground_truth": "6-1=5. The answer is 5."}}, "5", "prose as verl keeps it"),
]


@pytest.mark.parametrize(("row", "gold", "why"), ROWS, ids=[why for *_, why in ROWS])
def test_a_gold_is_found_beside_what_is_called_alike(row: dict[str, Any], gold: object, why: str) -> None:
    assert RowReader().read_row(row).samples[0].references == (str(gold),)


NONE: list[tuple[dict[str, Any], str]] = [
    ({"reference_response": box(5)}, "what the reference model wrote"),
    ({"expected_value": 0.5}, "a critic's number"),
    ({"metadata": {"label": "algebra", "target": "short", "reference": "Ann 2010"}}, "words about the row"),
    ({"doc": {"question": "?", "label": 2}}, "a label in an object"),
]


@pytest.mark.parametrize(("columns", "why"), NONE, ids=[why for _, why in NONE])
def test_what_only_looks_like_a_gold_is_none(columns: dict[str, Any], why: str) -> None:
    assert RowReader().read_row({"prompt": "?", "response": box(4), **columns}).samples[0].reference is None


def test_a_metric_alone_is_no_gold() -> None:
    with pytest.raises(SampleError, match=r"correct_answer is 1\.0: a metric or an answer"):
        RowReader().read_row({"response": box(4), "correct_answer": 1.0})


def test_a_column_that_says_what_the_responses_say_is_the_models() -> None:
    pairs = [("3", 3), ("4", 5), ("6", 6), ("8", -8)]
    rows = [{"ground_truth": gold, "answer": str(said), "response": box(said)} for gold, said in pairs]
    assert rewards(*rows) == [1, 0, 1, 0]
    (note,) = settled(rows).notes
    assert note.startswith("answer is what the responses say in the first rows, where it differs from ground_truth")


@pytest.mark.parametrize(
    ("rows", "right", "why"),
    [
        ([("72", "71", 72), ("72", "71", 144)], [None, None], "a response that says neither"),
        ([("72", "B", 72), ("3", "A", 3)], [None, None], "never the same answer"),
        ([("5", "5", 4), ("5", "5", 5), ("5", "6", 5)], [0, 1, None], "one that a response differs from"),
    ],
)
def test_two_golds_stay_two(rows: list[tuple[str, str, int]], right: list[float | None], why: str) -> None:
    made = [{"answer": one, "ground_truth": other, "response": box(said)} for one, other, said in rows]
    assert rewards(*made) == right


def test_what_a_response_leaves_open_decides_nothing() -> None:
    rows = [("5", box(5)), (None, "We go on and"), ("4", box(4))]
    assert rewards(*({"gold": "5", "answer": said, "response": text} for said, text in rows)) == [1, 0, 0]


def test_a_column_of_zeros_and_ones_is_a_verdict() -> None:
    rows = [{"answer": "5", "correct_answer": right, "response": box(said)} for right, said in ((1.0, 5), (0.0, 4))]
    assert rewards(*rows) == [1, 0]
    assert rewards(*({**row, "answer": None} for row in rows)) == [None, None]


def test_golds_that_happen_to_be_one_are_golds() -> None:
    rows = [
        {"answer": str(said), "correct_answer": gold, "response": box(said)} for gold, said in ((1, 1), (7, 0), (2, 2))
    ]
    assert rewards(*rows) == [1, 0, 1]


def test_every_row_is_still_there_once_the_first_were_looked_at() -> None:
    raws = [RawRow(0, line, json.dumps({"response": box(4), "gold": "4"}).encode()) for line in range(FIRST + 5)]
    result = settle(iter(raws), RowReader())
    assert (list(result.rows), result.notes, result.reader) == (raws, [], RowReader())


def test_a_path_that_the_user_names_decides() -> None:
    rows = [{"ground_truth": gold, "answer": said, "response": box(said)} for gold, said in (("5", "5"), ("5", "4"))]
    raws = [RawRow(0, line, json.dumps(row).encode()) for line, row in enumerate(rows)]
    reader = RowReader(columns={"reference": "answer"})
    assert settle(raws, reader).reader is reader


@pytest.mark.parametrize(
    ("gold", "correct"),
    [("6*7=42. The answer is 42.", True), ("6*7=41. The answer is 41.", False), (["The sum is 40", "42"], True)],
)
def test_verify_reads_a_gold_in_prose_as_score_does(gold: Any, correct: bool) -> None:
    assert verify(box(42), gold).correct is correct
    assert rewards({"response": box(42), "reference": gold}) == [float(correct)]


def test_verify_judges_by_no_prose_that_marks_no_answer() -> None:
    verdict = verify(box(42), "Tom ends up with 42 apples in his bags.")
    assert (verdict.correct, verdict.reason.value) == (None, "reference_unusable")
    assert verdict.detail == "reference is a text that marks no answer, by a box, #### or 'the answer is'"


def test_a_column_that_was_set_aside_is_the_gold_where_the_other_is_missing() -> None:
    rows = [{"gold": "5", "answer": said, "response": box(said)} for said in ("5", "4")]
    assert rewards(*rows, {"answer": "6", "response": box(6)}) == [1, 0, 1]
