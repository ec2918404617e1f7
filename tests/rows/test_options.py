"""Options of multiple-choice rows, wherever data sets keep them, and what must not be read as such."""

from __future__ import annotations

from typing import Any

import pytest

from r1_reward.rows.reader import RowReader
from r1_reward.verifiers.choice import ChoiceVerifier
from r1_reward.verifiers.errors import SampleError


def read(row: dict[str, Any]) -> tuple[str | None, object]:
    sample = RowReader().read_row({"response": "Answer: C", **row}).samples[0]
    return sample.kind, sample.reference


LISTED = "Which river?\nA. Nile\nB. Rhine\nC. Po\nAnswer:"
RIVERS = [{"label": "A", "text": "Nile"}, {"label": "B", "text": "Rhine"}, {"label": "C", "text": "Po"}]
ASKED = {"stem": "Which river?", "choices": RIVERS}


@pytest.mark.parametrize(
    "row",
    [
        {"question": "?", "A": "Nil", "B": "Rhein", "C": "Po", "D": "Main", "answer": "C"},
        {"question": "?", "opa": "Nile", "opb": "Rhine", "opc": "Po", "answer": "c"},
        {"Question": "?", "Option A": "Nile", "Option B": "Rhine", "Option C": "Po", "Correct Answer": "C"},
        {"question": ASKED, "answerKey": "C"},
        {"choices": {"label": ["A", "B", "C"], "text": ["Nile", "Rhine", "Po"]}, "answerKey": "C"},
        {"options": ["Nile", "Rhine", "Po"], "label": "c"},
        {"options": ["Nile", "Rhine", "Po"], "correct": "C"},
        {"Problem": "?", "options": "a ) rs . 1,000 , b ) 27.5 , c ) 30", "correct": "c"},
        {"prompt": LISTED, "answer": "C"},
        {"prompt": [{"role": "user", "content": LISTED}], "answer": "C"},
        {"prompt": "How many? (A) 12 (B) 13 (C) 14", "answer": "(C)"},
        {"origin_prompt": [{"role": "HUMAN", "prompt": LISTED}], "gold": "C"},
        {"doc_id": 0, "doc": {"choices": RIVERS}, "target": "C", "resps": [["Answer: C"]]},
    ],
)
def test_a_letter_is_the_gold_of_options_wherever_they_stand(row: dict[str, Any]) -> None:
    kind, gold = read(row)
    assert (kind, str(gold).strip("()")) == ("choice", "C")


def test_an_option_of_arc_may_be_named_by_its_text() -> None:
    labels = {"label": ["A", "B"], "text": ["the Nile", "the Po"]}
    mixed = {"label": ["B", "A"], "text": ["the Po", "the Nile"]}
    ending = {"answer_choices": ["the Nile", "the Po"]}
    for row in ({"choices": labels}, {"choices": mixed}, {"question": {"choices": labels}}, ending):
        for said, score in (("the Po", 1.0), ("B", 1.0), ("the Nile", 0.0), ("A", 0.0)):
            sample = RowReader().read_row({**row, "answerKey": "B", "response": f"The answer is {said}"}).samples[0]
            assert ChoiceVerifier()([sample])[0].score == score


def test_a_letter_beside_a_gold_that_is_the_number_of_an_option_in_the_prompt_is_refused() -> None:
    row = {"prompt": "How many? (A) 12 (B) 13", "answer": "13"}
    assert RowReader().read_row({**row, "response": r"\boxed{13}"}).samples[0].reference == "13"
    with pytest.raises(SampleError, match="names a letter of the prompt's options"):
        RowReader().read_row({**row, "response": r"\boxed{B}"})


@pytest.mark.parametrize("gold", ["AC", "A,C", "A, C"])
def test_of_several_letters_all_are_right(gold: str) -> None:
    for said, score in (("A and C", 1.0), ("A", 0.0), ("A, B and C", 0.0)):
        row = {"A": "Nile", "B": "Po", "C": "Main", "answer": gold, "response": f"The answer is {said}"}
        assert ChoiceVerifier()(RowReader().read_row(row).samples)[0].score == score


@pytest.mark.parametrize(
    "row",
    [
        {"question": "Triangle", "A": 3, "B": 4, "C": 5, "answer": "12"},
        {"prompt": "Let A. and C. be points. Which is larger?", "answer": "C"},
        {"prompt": "How many? (A) 12 (B) 13", "answer": "13"},
        {"prompt": "How many? (A) 12 (B) 13", "answer": "C"},
        {"question": "?", "A": "one text", "B": "another", "answer": "B"},
    ],
)
def test_columns_and_prompts_of_another_meaning_make_no_choice(row: dict[str, Any]) -> None:
    assert read(row)[0] != "choice"


@pytest.mark.parametrize(
    "row",
    [
        {"question": "Blood?", "options": ["O", "A", "B", "AB"], "answer": "B"},
        {"sentence": "_", "option1": "the Nile", "option2": "the Po", "answer": "2"},
        {"completions": ["4", "5"], "references": ["5", "4"]},
        {"question": "?", "answer": "4", "pred_answer": "4"},
        {"question": "?", "options": ["Nile", "Po", "Main"], "answer": ["A", "C"]},
        {"question": "?", "Response": "4", "Model Output": "5", "answer": "4"},
        {"question": "?", "Response": "4", "Answer": "4", "Ground Truth": "5"},
    ],
)
def test_what_may_mean_two_things_is_an_error(row: dict[str, Any]) -> None:
    row = row if {"completions", "Response", "pred_answer"} & row.keys() else {**row, "response": "Answer: B"}
    with pytest.raises(SampleError) as error:
        RowReader().read_row(row)
    assert error.value.reason in ("ambiguous_label", "ambiguous_response", "conflicting_golds")


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("Ground Truth", "Model Output"),
        ("groundTruth", "modelOutput"),
        ("GROUND-TRUTH", "RESPONSE"),
        (" answer", "response "),
        ("CorrectAnswer", "ModelResponse"),
        ("standard_answer", "model_answer"),
        ("env_extras", "output_response"),
    ],
)
def test_names_in_any_spelling(gold: str, response: str) -> None:
    value = {"reward_spec": {"ground_truth": "4"}} if gold == "env_extras" else "4"
    row = {"Question": "2 + 2?", gold: value, response: "It is \\boxed{4}.", "Label": 1}
    sample = RowReader().read_row(row).samples[0]
    assert (sample.response, sample.reference) == ("It is \\boxed{4}.", "4")


def test_an_answer_taken_out_of_a_response_is_not_it() -> None:
    row = {"response": "It is \\boxed{4}.", "pred_answer": "5", "answer": "4"}
    assert RowReader().read_row(row).samples[0].response == row["response"]
    ragas = {"question": "2 + 2?", "answer": "It is \\boxed{5}.", "contexts": ["4"], "ground_truth": "4"}
    sample = RowReader().read_row(ragas).samples[0]
    assert (sample.response, sample.reference) == (ragas["answer"], "4")
