r"""What a file's first rows say of golds that are words and of MedMCQA's numbers, and answers without a response."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from r1_reward.rows.files import RawRow
from r1_reward.rows.hints import suggestion
from r1_reward.rows.reader import RowReader
from r1_reward.rows.settled import Settled, settle
from r1_reward.verifiers import SampleError
from r1_reward.verifiers.spec import RewardSpec


def settled(rows: Iterable[Mapping[str, Any]], *, words: bool = True) -> Settled:
    raws = (RawRow(0, line, json.dumps(row).encode()) for line, row in enumerate(rows, 1))
    return settle(raws, RowReader(), words=words)


def rewards(rows: list[dict[str, Any]]) -> list[float | None]:
    reader = settled(rows).reader
    return [verdict.score for verdict in RewardSpec().build()([reader.read_row(row).samples[0] for row in rows])]


def pairs(response: str, reference: str, *values: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [{"question": "?", response: said, reference: gold} for said, gold in values]


WORDS = (("Lima", "Lima"), ("The answer is Quito.", "Lima"), ("1911", "1911"), ("Zinc", "Tin"), ("tin", "Tin"))


@pytest.mark.parametrize(
    ("response", "reference"),
    [("outputs", "ground_truth"), ("response", "reference"), ("prediction", "gold_label"), ("pred", "answer")],
)
def test_golds_that_are_words_are_short_answers(response: str, reference: str) -> None:
    rows = pairs(response, reference, *WORDS)
    assert rewards(rows) == [1, 0, 1, 0, 1]
    assert any("short answers" in note for note in settled(rows).notes)


def test_booleans_that_are_answered_by_yes_and_no_are_short_answers() -> None:
    rows = pairs("output", "answer", ("Yes", True), ("Yes.", False), ("No", False), ("false", True))
    assert rewards(rows) == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (pairs("output", "answer", ("7", "7"), ("Lima", "Lima")), "as many numbers as words"),
        (pairs("output", "answer", ("Lima", "Lima"), ("Oslo", "Oslo"), ("x^2", "x^2")), "a formula"),
        (pairs("output", "answer", ("Lima", "Lima"), ("Oslo", "Oslo"), ("B", "B")), "a letter"),
        (pairs("output", "answer", (r"\boxed{Monday}", "Monday"), ("Friday", "Friday")), "a box"),
        (pairs("output", "answer", ("It is so", True), ("Yes", True)), "booleans that no response answers"),
        ([{**row, "kind": "math"} for row in pairs("response", "reference", *WORDS)], "a kind of their own"),
    ],
)
def test_other_files_stay_as_they_are(rows: list[dict[str, Any]], why: str) -> None:
    assert not settled(rows).reader.words, why


def test_words_are_left_alone_where_mathematics_was_asked_for() -> None:
    assert not settled(pairs("response", "reference", *WORDS), words=False).reader.words


@pytest.mark.parametrize(("numbers", "letters"), [((1, 0, 3), "BAD"), ((1, 4, 2), "ADB")])
def test_medmcqa_counts_from_0_or_from_1(numbers: tuple[int, ...], letters: str) -> None:
    options = {"opa": "Iron", "opb": "Zinc", "opc": "Tin", "opd": "Lead", "response": "B"}
    rows = [{**options, "cop": number} for number in numbers]
    reader = settled(rows).reader
    samples = [reader.read_row(row).samples[0] for row in rows]
    assert [(sample.kind, sample.reference) for sample in samples] == [("choice", letter) for letter in letters]
    with pytest.raises(SampleError, match="from 0 at Hugging Face and from 1"):
        settled(rows[:1]).reader.read_row(rows[0])


def test_options_end_before_the_place_of_the_answer() -> None:
    asked = "Q: Which?\nOptions:\n(A) Iron\n(B) Zinc\nA: Let's think step by step.\n"
    row = {"doc_id": 0, "target": "(B)", "arguments": [[asked]], "resps": [["So the answer is (B)."]]}
    (sample,) = RowReader().read_row(row).samples
    assert (sample.kind, sample.reference) == ("choice", "B")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"gold": 72, "pred": 71, "text": "In all 71."}, "--map response=text --set math.extraction=lenient"),
        ({"gold": 72, "pred": 71}, "--map response=pred --set math.extraction=lenient"),
        ({"answer": "72", "pred": "72"}, "--map response=pred --set math.extraction=lenient"),
        ({"doc_id": 0, "target": 1, "resps": [[["-1.2", "False"]], [["-2.2", "True"]]]}, "log-likelihood"),
    ],
)
def test_an_answer_without_its_response_names_what_reads_it(row: dict[str, Any], words: str) -> None:
    with pytest.raises(SampleError, match=words):
        RowReader().read_row(row)


def test_a_number_that_the_user_named_is_the_response() -> None:
    reader = RowReader(columns={"response": "pred"})
    assert reader.read_row({"gold": 72, "pred": 71}).samples[0].response == "71"


def test_no_passage_and_no_offset_is_suggested() -> None:
    row = {"context": "Long ago in Lima.", "answers": {"answer_start": [12]}, "said_text": "Lima", "my_gold": "12"}
    assert suggestion(RowReader(), row, ("response", "reference")) == (
        "--map response=said_text,reference=my_gold --set math.extraction=lenient"
    )


def test_squads_prediction_is_the_response() -> None:
    row = {"context": "Lima.", "answers": {"text": ["Lima"], "answer_start": [0]}, "prediction_text": "Lima"}
    (sample,) = RowReader().read_row(row).samples
    assert (sample.kind, sample.response, sample.references) == ("answer", "Lima", ("Lima",))
