"""What trainers hand over, in every shape that was seen, becomes one Sample."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping, MutableSequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.adapters.trl import reward
from r1_reward.rows.labels import label_row
from r1_reward.rows.messages import prefilled_by, response_text
from r1_reward.rows.reader import RowReader
from r1_reward.rows.values import plain
from r1_reward.verifiers import Message, Sample, SampleError


def read(row: Mapping[str, object], completion: object = "x", prompt: object = "", **fields: Any) -> Sample:
    record = RowReader(**fields).read(completion, prompt, row)
    assert isinstance(record, Sample), record
    return record


THINKING = {"role": "assistant", "content": "It is 4.", "reasoning_content": "2 + 2"}
COMPLETIONS: list[tuple[object, str, str]] = [
    ("It is 4.", "It is 4.", "a string"),
    ("", "", "nothing"),
    (None, "", "None"),
    ([{"role": "assistant", "content": "It is 4."}], "It is 4.", "TRL: one message"),
    ({"role": "assistant", "content": "It is 4."}, "It is 4.", "a message by itself"),
    ([{"role": "assistant", "content": None}], "", "content None"),
    ([{"role": "assistant"}], "", "no content at all"),
    ([{"role": "assistant", "content": ""}], "", "empty content"),
    ([], "", "no messages"),
    ([{"role": "tool", "content": "4"}], "", "no assistant turn: the tool did not answer for the model"),
    (
        [
            {"role": "assistant", "content": "5"},
            {"role": "tool", "content": "7"},
            {"role": "assistant", "content": "4"},
        ],
        "4",
        "TRL with tools: the last assistant turn",
    ),
    (
        [{"role": "assistant", "content": "4"}, {"role": "assistant", "content": None, "tool_calls": [{}]}],
        "",
        "a call that was never answered is no answer",
    ),
    ([{"role": "assistant", "content": "4"}, {"role": "user", "content": "sure?"}], "4", "a user's turn after it"),
    (
        [{"role": "assistant", "content": [{"type": "text", "text": "It "}, {"type": "text", "text": "is"}]}],
        "It is",
        "",
    ),
    ([{"role": "assistant", "content": [{"type": "image"}, {"type": "text", "text": "4"}]}], "4", "an image block"),
    ([{"role": "assistant", "content": [{"type": "text", "text": None}]}], "", "a block of nothing"),
    ([{"role": "assistant", "content": ["a", "b"]}], "ab", "blocks that are strings"),
    ([{"role": "assistant", "content": {"type": "text", "text": "4"}}], "4", "one block by itself"),
    (({"role": "assistant", "content": "4"},), "4", "a tuple"),
    ([THINKING], "<think>2 + 2</think>It is 4.", "thinking that was parsed off"),
    ([{"role": "assistant", "content": "<think>a</think>b", "reasoning_content": "a"}], "<think>a</think>b", "twice"),
    (
        [{"role": "assistant", "content": [{"type": "thinking", "thinking": "2 + 2"}, {"type": "text", "text": "4"}]}],
        "<think>2 + 2</think>4",
        "a block of thinking",
    ),
]


@pytest.mark.parametrize(("completion", "text", "why"), COMPLETIONS)
def test_response_is_the_last_assistant_turn(completion: object, text: str, why: str) -> None:
    assert read({}, completion).response == text, why


def test_thinking_is_put_back_without_an_opening_tag_that_the_prompt_gave() -> None:
    assert read({}, [THINKING], "2 + 2?<think>\n").response == "2 + 2</think>It is 4."
    assert read({}, [THINKING], "2 + 2?", prefilled=True).response == "2 + 2</think>It is 4."
    assert read({}, [THINKING], "2 + 2?<think>\n", prefilled=False).response == "<think>2 + 2</think>It is 4."


@pytest.mark.parametrize("completion", [4, [4], object(), [{"role": "assistant", "content": 4}], True])
def test_what_is_no_text_is_told(completion: object) -> None:
    assert isinstance(RowReader().read(completion, "", {}), SampleError)


REFERENCES: list[tuple[dict[str, object], object, str]] = [
    ({"reference": "4"}, "4", ""),
    ({"answer": "4"}, "4", ""),
    ({"ground_truth": "4"}, "4", ""),
    ({"solution": r"so \boxed{4}"}, r"so \boxed{4}", ""),
    ({"solution": "Add two and two.", "answer": "4"}, "4", "the answer before the whole solution"),
    ({"answer": None, "solution": "4"}, "4", "a column that is empty in this row"),
    ({"answer": float("nan"), "solution": "4"}, "4", "what pandas makes of an empty cell"),
    ({"answer": 4}, "4", "a number"),
    ({"answer": 0.5}, "0.5", ""),
    ({"answer": ["4", 4.0]}, ["4", "4.0"], "any of several"),
    ({"answer": ["4", None]}, ["4"], ""),
    ({"answer": []}, None, ""),
    ({"answer": [None]}, None, ""),
    ({}, None, ""),
]


@pytest.mark.parametrize(("row", "reference", "why"), REFERENCES)
def test_reference_is_found_under_its_usual_names(row: dict[str, object], reference: object, why: str) -> None:
    assert read(row).reference == reference, why


def test_columns_name_a_field_and_none_leaves_it_out() -> None:
    assert read({"gold": "4", "answer": "5"}, columns={"reference": "gold"}).reference == "4"
    sample = read({"kind": "algebra", "answer": "4"}, columns={"kind": None})
    assert (sample.kind, sample.kind_or_guess) == (None, "math")
    assert read({"kind": "algebra", "answer": "4"}).kind is None  # another data set's column
    assert isinstance(RowReader(columns={"kind": "kind"}).read("x", "", {"kind": "algebra"}), SampleError)


TEST = {"type": "stdin", "input": "1 2", "output": "3"}


@pytest.mark.parametrize(
    "tests",
    [
        [TEST],
        (TEST,),
        json.dumps([TEST]),
        [{**TEST, "entry": None, "args": None, "code": None}],
        {"type": ["stdin"], "input": ["1 2"], "output": ["3"]},
        {"inputs": ["1 2"], "outputs": ["3"]},
        json.dumps({"inputs": ["1 2"], "outputs": ["3"]}),
    ],
)
def test_test_cases_arrive_in_every_form_that_tables_keep_them_in(tests: object) -> None:
    sample = read({"tests": tests, "limits": '{"time_s": 2}'})
    (test,) = sample.tests
    assert (test.type, test.input, test.output) == ("stdin", "1 2", "3")
    assert sample.kind_or_guess == "code"
    assert sample.limits is not None
    assert sample.limits.time_s == 2


@pytest.mark.parametrize("tests", ["assert f(1) == 2", {"inputs": ["a"], "outputs": []}, {"inputs": "a"}, [["a"]], "3"])
def test_tests_that_are_none_are_told(tests: object) -> None:
    assert isinstance(RowReader().read("x", "", {"tests": tests}), SampleError)


def test_other_columns_reach_the_verifiers_and_odd_ids_lose_no_row() -> None:
    row = {
        "numbers": (1, 2),
        "target": 3,
        "id": ["a"],
        "problem": {"x": 1},
        "response": "of the dataset",
        "language": "en",
    }
    sample = read(row, "of the model")
    assert dict(sample.meta) == {"numbers": [1, 2], "target": 3}
    assert (sample.response, sample.id, sample.problem, sample.language) == ("of the model", None, None, "en")


def test_prompt_is_the_trainers_else_a_column() -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "2?"}]}]
    assert read({}, prompt=turns).prompt == [
        Message(role="system", content="Be brief."),
        Message(role="user", content="2?"),
    ]
    assert read({"question": "2 + 2?"}, prompt=None).prompt == "2 + 2?"
    assert read({"prompt": "a", "question": "b"}, prompt=[]).prompt == "a"


class ListConfig(MutableSequence[Any]):
    """Shape of omegaconf.ListConfig 2.3: a MutableSequence that is no list."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __setitem__(self, index: Any, value: Any) -> None: ...
    def __delitem__(self, index: Any) -> None: ...
    def insert(self, index: int, value: Any) -> None: ...


class DictConfig(MutableMapping[str, Any]):
    """Shape of omegaconf.DictConfig 2.3: a MutableMapping that is no dict."""

    def __init__(self, items: dict[str, Any]) -> None:
        self.items_ = items

    def __getitem__(self, key: str) -> Any:
        return self.items_[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.items_)

    def __len__(self) -> int:
        return len(self.items_)

    def __setitem__(self, key: str, value: Any) -> None: ...
    def __delitem__(self, key: str) -> None: ...


def test_containers_of_omegaconf_become_plain() -> None:
    made = plain(DictConfig({"a": ListConfig([1, DictConfig({"b": float("inf")})])}))
    assert made == {"a": [1, {"b": None}]}
    assert type(made) is dict
    assert type(made["a"]) is list


@pytest.mark.needs("torch")
def test_arrays_and_tensors_become_plain() -> None:
    import numpy
    import torch

    assert read({"answer": numpy.array(["4", "5"], dtype=object)}).reference == ["4", "5"]
    assert read({"answer": numpy.str_("4")}).reference == "4"
    assert read({"answer": numpy.int64(4)}).reference == "4"
    assert read({"answer": numpy.float32(0.5)}).reference == "0.5"
    assert read({"answer": numpy.float64("nan"), "solution": "7"}).reference == "7"
    assert read({"answer": torch.tensor(4)}).reference == "4"
    assert read({"answer": torch.tensor([4, 5])}).reference == ["4", "5"]
    assert read({"tests": numpy.array([TEST], dtype=object)}).tests[0].output == "3"
    assert read({}, prompt=numpy.array([{"role": "user", "content": "2?"}], dtype=object)).prompt_text == "2?"
    assert read({}, numpy.array([{"role": "assistant", "content": "4"}], dtype=object)).response == "4"
    for kind in (numpy.float32, numpy.float16):
        assert read({"answer": kind(0.1)}).reference == "0.1"  # not 0.10000000149011612, which no right answer is
        assert read({"answer": kind("nan"), "solution": "7"}).reference == "7"
    largest = numpy.finfo(numpy.float32).max
    assert numpy.float32(read({"answer": largest}).references[0]) == largest
    assert read({"answer": torch.tensor([0.1, 2.5, -1 / 3])}).reference == ["0.1", "2.5", "-0.33333334"]
    large = torch.zeros(100, 1000)
    assert read({"pixels": large}).meta["pixels"] is large  # an image is no reference, and not worth a list
    assert isinstance(RowReader().read("x", "", {"answer": numpy.bool_(True)}), SampleError)


def test_a_label_is_a_reference_or_a_row() -> None:
    assert label_row("72") == {"reference": "72"}
    assert label_row(None) == {"reference": None}
    assert label_row({"target": 24, "numbers": (1, 2)}) == {"reference": {"target": 24, "numbers": [1, 2]}}
    assert read(label_row({"target": 24, "numbers": (1, 2)})).kind == "puzzle"
    assert label_row('{"tests": []}') == {"tests": []}
    assert label_row('{"a": 1}') == {"reference": '{"a": 1}'}  # a JSON answer is an answer
    assert label_row("{1, 2}") == {"reference": "{1, 2}"}


def test_nothing_of_the_row_is_kept() -> None:
    extra: dict[str, Any] = {"answer": ["4"], "tags": ["a"], "nested": {"k": [1]}}
    sample = read(extra)
    extra["answer"].append("5")
    extra["tags"].clear()
    extra["nested"]["k"].append(2)
    assert (sample.reference, sample.meta["tags"], sample.meta["nested"]) == (["4"], ["a"], {"k": [1]})


class Tokenizer:
    """Shape of transformers 5 `PreTrainedTokenizerBase.apply_chat_template(conversation, tokenize=, ...)`."""

    def __init__(self, opening: str) -> None:
        self.opening = opening

    def apply_chat_template(
        self, conversation: list[dict[str, str]], tokenize: bool, add_generation_prompt: bool, **kwargs: Any
    ) -> str:
        assert not tokenize
        assert add_generation_prompt
        opening = self.opening if kwargs.get("enable_thinking", True) else "<think>\n\n</think>\n\n"
        return f"<|user|>{conversation[0]['content']}<|assistant|>{opening}"


def test_a_chat_template_tells_whether_it_opens_the_thinking() -> None:
    assert prefilled_by(Tokenizer("<think>\n"))
    assert not prefilled_by(Tokenizer(""))
    assert not prefilled_by(Tokenizer("<think>\n"), enable_thinking=False)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["reference", "answer", "tests", "limits", "kind", "language", "problem", "id", "meta", "response", "x", "prompt"]
)


@given(values, values, st.dictionaries(names, values, max_size=5))
def test_anything_is_a_sample_or_told(completion: object, prompt: object, row: dict[str, object]) -> None:
    assert isinstance(RowReader().read(completion, prompt, row), Sample | SampleError)


def test_response_text_says_what_it_was_given() -> None:
    with pytest.raises(SampleError, match="a completion must be text or messages, got int"):
        response_text(4)


class Loop:
    def tolist(self) -> Loop:
        return self


class Broken:
    def tolist(self) -> None:
        raise RuntimeError("no luck")


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE


@pytest.mark.parametrize(
    "odd",
    [CYCLE, nested(5000), Loop(), Broken(), "[" * 100_000, 10**5000],
    ids=["cycle", "deep", "loop", "broken", "json", "int"],
)
@pytest.mark.parametrize("column", ["answer", "tests", "limits"])
def test_odd_values_cost_their_row(odd: object, column: str) -> None:
    made = reward("math")
    rows: dict[str, Any] = {"reference": ["4", None], column: [None, odd], "kind": ["math", "math"]}
    first, second = made(completions=[r"\boxed{4}"] * 2, **rows)
    assert first == 1.0
    assert second in (None, 0.0)
    assert label_row(odd)["reference"] is not None
