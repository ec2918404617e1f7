"""Responses that are no text, columns beside them, and documents on one line: read as what they are, or refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from r1_reward.rows.decode import decode_row
from r1_reward.rows.files import Input
from r1_reward.rows.reader import RowReader
from r1_reward.verifiers import SampleError

BOX = r"So \boxed{4}."
OTHER = r"So \boxed{5}."
SAID = {"role": "assistant", "content": BOX}
GOLD = {"question": "2 + 2?", "answer": "4"}
ROWS = [{"question": "2 + 2?", "answer": "4", "response": text} for text in (BOX, OTHER)]


def texts(row: dict[str, Any], **columns: str) -> list[str]:
    return [sample.response for sample in RowReader(columns=columns).read_row(row).samples]


@pytest.mark.parametrize(
    ("columns", "responses"),
    [
        ({"model_output": [{"continuation": BOX, "model_answer": "4"}]}, [BOX]),
        ({"completion": {"object": "chat.completion", "choices": [{"index": 0, "message": SAID}]}}, [BOX]),
        ({"choices": [{"message": SAID}, {"message": {**SAID, "content": OTHER}}]}, [BOX, OTHER]),
        ({"samples": [{"text": BOX, "logprob": -1}, {"text": OTHER, "logprob": -2}]}, [BOX, OTHER]),
        ({"responses": json.dumps([BOX, OTHER])}, [BOX, OTHER]),
        ({"outputs": BOX}, [BOX]),
        ({"response": {"output": BOX, "tokenUsage": {}}, "prompt": {"raw": "2 + 2?", "label": "p"}}, [BOX]),
        ({"actualOutput": BOX}, [BOX]),
        ({"origin_prediction": BOX, "predictions": "4"}, [BOX]),
        ({"prediction": "4", "raw_response": BOX}, [BOX]),
        ({"response": [{"role": "assistant", "text": BOX}]}, [BOX]),
        ({"response": [{"type": "thinking", "thinking": "We add."}, {"type": "text", "text": BOX}]}, [
            f"<think>We add.</think>{BOX}"
        ]),
        ({"content": BOX, "reasoning_content": "We add."}, [f"<think>We add.</think>{BOX}"]),
        ({"model_output": [BOX]}, [BOX]),
        ({"response": [BOX, OTHER]}, [BOX, OTHER]),
        ({"response_2": OTHER, "response_1": BOX}, [BOX, OTHER]),
        ({"attempts": [{"response": BOX, "extracted": "4"}, {"response": OTHER, "extracted": "5"}]}, [BOX, OTHER]),
        ({"attempt": 3, "gpt4o_response": BOX}, [BOX]),
        ({"gen": {"temperature": 1}, "decoded_output": BOX}, [BOX]),
        ({"prediction": "4", "full_output": BOX}, [BOX]),
        ({"predictions": [], "data": {"response": BOX}}, [BOX]),
        ({"trajectory": [{"role": "user", "content": "2 + 2?"}, SAID]}, [BOX]),
    ],
)  # fmt: skip
def test_what_a_structure_says_is_the_response(columns: dict[str, Any], responses: list[str]) -> None:
    assert texts({**GOLD, **columns}) == responses


@pytest.mark.parametrize(
    ("columns", "reason", "words"),
    [
        ({"model_output": [{"tokens": 3, "model_answer": "4"}]}, "wrong_type", "--map response=model_output[0].model"),
        ({"model_output": [{"continuation": " A"}, {"continuation": " B"}]}, "wrong_type",
         "--map responses=model_output[*].continuation"),
        ({"output": {"text": BOX, "generated_text": OTHER}}, "ambiguous_response", "output.text and output.generated"),
        ({"prediction": "5", "raw_response": BOX}, "ambiguous_response", "prediction and raw_response both"),
        ({"response": [{"role": "assistant", "spoken": BOX}]}, "wrong_type", "the fields role, spoken"),
        ({"llama_output": BOX, "qwen_output": OTHER}, "ambiguous_response", "llama_output and qwen_output both"),
        ({"input_1": "1", "output_1": "2", "output_2": "3"}, "missing_field", "no field 'response'"),
        ({"doc": {"instruction": "2 + 2?", "output": BOX}}, "missing_field", "no field 'response'"),
        ({"attempts": 3, "samples": 8}, "missing_field", "no field 'response'"),
    ],
)  # fmt: skip
def test_what_may_be_no_response_is_refused(columns: dict[str, Any], reason: str, words: str) -> None:
    with pytest.raises(SampleError) as raised:
        texts({**GOLD, **columns})
    assert raised.value.reason == reason
    assert words in raised.value.message


@pytest.mark.parametrize(
    ("columns", "foreign"),
    [
        ({"tests": "passed"}, "tests='passed'"),
        ({"tests": "3/3"}, "tests='3/3'"),
        ({"kind": "limit", "limits": "x -> 0"}, "kind='limit'"),
        ({"kind": "Differential Equations"}, "kind='Differential Equations'"),
    ],
)
def test_columns_of_others_are_left_alone(columns: dict[str, Any], foreign: str) -> None:
    read = RowReader().read_row({**GOLD, "response": BOX, **columns})
    assert read.samples[0].kind_or_guess == "math"
    assert read.reading is not None
    assert foreign in read.reading.foreign


def test_tests_that_are_a_program_are_no_outcome() -> None:
    row = {"response": "def f(): return 1", "tests": "assert f() == 1"}
    with pytest.raises(SampleError, match="tests is a text that is not JSON"):
        RowReader().read_row(row)


def test_options_without_an_order_have_no_letters() -> None:
    row = {"Question": "Who?", "Correct Answer": "4", "Incorrect Answer 1": "5", "response": BOX}
    assert RowReader().read_row(row).samples[0].reference == "4"
    for said in (r"So \boxed{B}.", r"\boxed{\text{(C)}}", "The answer is (D).", "Answer: A"):
        with pytest.raises(SampleError, match="options in no order"):
            RowReader().read_row({**row, "response": said})


def test_the_only_choice_of_lighteval_is_the_gold() -> None:
    doc = {"id": "1", "query": "2 + 2?", "choices": ["4"], "gold_index": [0]}
    read = RowReader().read_row({"doc": doc, "model_response": {"text": [BOX]}})
    assert read.samples[0].reference == "4"
    several = RowReader().read_row({"doc": {**doc, "choices": ["4", "5"]}, "model_response": {"text": [BOX]}})
    assert (several.samples[0].reference, several.samples[0].kind) == ("4", "choice")
    two = RowReader().read_row(
        {"doc": {**doc, "choices": ["4", "5"], "gold_index": [0, 1]}, "model_response": {"text": [BOX]}}
    )
    assert not two.samples[0].references


def test_the_letter_that_helm_showed_is_the_gold() -> None:
    options = [{"output": {"text": "Lyon"}, "tags": []}, {"output": {"text": "Paris"}, "tags": ["correct"]}]
    row = {"instance": {"references": options, "id": "i"}, "result": {"completions": [{"text": " B"}]}}
    sample = RowReader().read_row({**row, "output_mapping": {"A": "Lyon", "B": "Paris"}}).samples[0]
    assert (sample.kind, sample.reference) == ("choice", "B")
    for mapping in ({"A": "Paris", "B": "Paris"}, {"A": "Lyon", "C": "Paris"}, None):
        with pytest.raises(SampleError, match="2 options"):
            RowReader().read_row({**row, "output_mapping": mapping})


def test_reviews_of_evalscope() -> None:
    row = {"index": 0, "input": "2 + 2?", "target": "4", "sample_score": {"score": {"prediction": BOX}}}
    read = RowReader().read_row(row)
    assert (read.samples[0].response, read.samples[0].reference) == (BOX, "4")


# -- documents on one line --------------------------------------------------------------------------------------------

COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
DOCUMENTS: dict[str, Any] = {
    "batch": COLUMNS,
    "columns": {name: {str(at): value for at, value in enumerate(column)} for name, column in COLUMNS.items()},
    "index": {str(at): row for at, row in enumerate(ROWS)},
    "log": {"version": 2, "eval": {"task": "t"}, "samples": ROWS},
    "state": {"adapter_spec": {}, "request_states": ROWS},
    "run": {"testCases": ROWS, "testPassed": 1},
    "details": {"accuracy": 50.0, "details": {"type": "GEN", **{str(at): row for at, row in enumerate(ROWS)}}},
    "inner": {"evalId": "e", "results": {"version": 3, "results": ROWS}},
}
KEYED: list[tuple[Any, list[dict[str, str]]]] = [
    ({"a-1": ROWS[0], "a-2": ROWS[1]}, [{"id": "a-1"}, {"id": "a-2"}]),
    ({"model": {"name": "m"}, "by_id": {"a-1": ROWS[0], "a-2": ROWS[1]}}, [{"id": "a-1"}, {"id": "a-2"}]),
    ({"accuracy": 0.5, "graded": ROWS}, [{"key": "graded"}, {"key": "graded"}]),
    ({"a": [ROWS[0]], "b": [ROWS[1]]}, [{"key": "a"}, {"key": "b"}]),
    ({"m": {"a-1": ROWS[0]}, "n": {"a-1": ROWS[1]}}, [{"key": "m", "id": "a-1"}, {"key": "n", "id": "a-1"}]),
]
"""Documents whose rows stand under names of their own, and what is added to each row."""


def rows(path: Path) -> list[dict[str, Any]]:
    source = Input([str(path)], 1 << 20)
    read = [decode_row(raw)[0] for raw in source]
    assert source.sha256 == [hashlib.sha256(path.read_bytes()).hexdigest()]
    return read


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("end", ["", "\n\n"])
def test_a_document_is_read_alike_on_one_line_and_on_many(
    tmp_path: Path, name: str, indent: int | None, end: str
) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(DOCUMENTS[name], indent=indent) + end)
    assert rows(path) == ROWS


@pytest.mark.parametrize(("document", "added"), KEYED)
@pytest.mark.parametrize("indent", [None, 2])
def test_rows_under_their_ids_are_rows(
    tmp_path: Path, document: Any, added: list[dict[str, str]], indent: int | None
) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(document, indent=indent))
    assert rows(path) == [{**more, **row} for more, row in zip(added, ROWS, strict=True)]


def test_a_line_of_several_and_a_row_with_lists_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for lines in (
        [{**GOLD, "samples": [{"text": BOX}]}],
        [{"question": "?", "choices": [{"index": 0, "text": "4"}]}],
        [{"data": [{"a": 1}]}, {"data": [{"a": 2}]}],
        [{"responses": [BOX, OTHER], "answers": ["4", "5"]}],
        [{"request": {"prompt": "?"}, "response": {"text": BOX, "prompt": "?"}}],
        [{"config": {"model": "m"}, "metrics": {"accuracy": 1.0}}],
    ):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        assert rows(path) == lines


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pipes.csv", "question|answer|response\n"),
        ("semicolons.csv", "sep=;\nquestion;answer;response\n"),
        ("tabs.csv", "question\tanswer\tresponse\n"),
        ("mark.csv", "\ufeffsep=,\r\nquestion,answer,response\r\n"),
        ("pipes.txt", "question|answer|response\n"),
    ],
)
def test_what_stands_between_cells(tmp_path: Path, name: str, text: str) -> None:
    between = next(by for by in "|;\t," if by in text.splitlines()[-1])
    path = tmp_path / name
    path.write_text(text + "".join(between.join(row.values()) + "\n" for row in ROWS))
    assert rows(path) == ROWS


def test_the_hash_of_a_table_that_cannot_be_read_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("question,answer\na,b,c\n")
    source = Input([str(path)], 1 << 20)
    assert [raw.reason for raw in source] == ["wrong_type"]
    assert source.sha256 == [hashlib.sha256(path.read_bytes()).hexdigest()]
