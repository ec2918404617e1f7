"""Rows as the tools of the field write them, and neighbours of theirs that must not be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from r1_reward.rows.reader import Read, RowReader
from r1_reward.verifiers import SampleError

BOX = r"So \boxed{4}."
CHAT = [{"role": "user", "content": "2 + 2?"}]
SAID = [{"role": "assistant", "content": BOX}]


def read(row: Mapping[str, Any], tool: str = "auto", **columns: str) -> Read:
    return RowReader(columns=columns, tool=tool).read_row(row)


SHAPES: list[tuple[str, str | None, dict[str, Any]]] = [
    ("TRL, text", "trl", {"step": 1, "prompt": "2 + 2?", "completion": BOX, "advantage": 0.5, "solution": "4"}),
    ("TRL, messages", "trl", {"step": 1, "prompt": CHAT, "completion": SAID, "advantage": 0.5, "answer": "4"}),
    (
        "verl, rollouts: verl 0.9 trainer/ppo/ray_trainer.py::_dump_generations",
        "verl",
        {"input": "2 + 2?", "output": BOX, "gts": "4", "score": 1.0, "step": 3},
    ),
    (
        "verl, its data set with what a model answered",
        "verl",
        {
            "data_source": "openai/gsm8k",
            "prompt": CHAT,
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": "4"},
            "extra_info": {"split": "test", "index": 0},
            "responses": [BOX],
        },
    ),
    ("OpenRLHF", "openrlhf", {"input": "2 + 2?", "output": BOX, "label": "4"}),
    (
        "verifiers 0.1-0.3, results.jsonl",
        "verifiers",
        {"example_id": 0, "prompt": CHAT, "completion": SAID, "answer": "4", "task": "gsm8k", "reward": 1.0},
    ),
    (
        "lm-eval 0.4, --log_samples",
        "lm-eval",
        {
            "doc_id": 0,
            "doc": {"question": "2 + 2?", "answer": "2 + 2 = <<2+2=4>>4\n#### 4"},
            "target": "2 + 2 = <<2+2=4>>4\n#### 4",
            "arguments": {"gen_args_0": {"arg_0": "2 + 2?", "arg_1": {"until": ["Q:"]}}},
            "resps": [[BOX]],
            "filtered_resps": ["4"],
            "filter": "strict-match",
            "metrics": ["exact_match"],
            "exact_match": 1.0,
        },
    ),
    (
        "lighteval 0.9, details",
        "lighteval",
        {
            "doc": {"query": "2 + 2?", "choices": ["4"], "gold_index": 0, "golds": ["4"], "id": "0"},
            "model_response": {"text": [BOX], "input": "2 + 2?"},
            "metric": {"em": 1.0},
        },
    ),
    (
        "inspect 0.3, a sample of a log",
        "inspect",
        {
            "id": 1,
            "epoch": 1,
            "input": "2 + 2?",
            "target": "4",
            "output": {"model": "m", "choices": [{"message": SAID[0], "stop_reason": "stop"}], "completion": BOX},
        },
    ),
    (
        "OpenAI, batch output with the gold beside it",
        "openai",
        {
            "id": "batch_req_1",
            "custom_id": "q1",
            "answer": "4",
            "response": {
                "status_code": 200,
                "request_id": "r",
                "body": {"object": "chat.completion", "choices": [{"index": 0, "message": SAID[0]}]},
            },
            "error": None,
        },
    ),
    (
        "OpenAI, Responses in a batch",
        "openai",
        {
            "custom_id": "q1",
            "answer": "4",
            "response": {
                "status_code": 200,
                "body": {
                    "output": [
                        {"type": "reasoning", "summary": []},
                        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": BOX}]},
                    ]
                },
            },
        },
    ),
    ("OpenAI, chat", None, {"messages": [*CHAT, *SAID], "answer": "4"}),
    (
        "ShareGPT",
        None,
        {"conversations": [{"from": "human", "value": "2 + 2?"}, {"from": "gpt", "value": BOX}], "gt": 4},
    ),
    (
        "vLLM, RequestOutput",
        "vllm",
        {"request_id": "0", "prompt": "2 + 2?", "outputs": [{"index": 0, "text": BOX}], "answer": "4"},
    ),
    (
        "Gemini, batch",
        "gemini",
        {
            "key": "q",
            "prompt": "2 + 2?",
            "answer": "4",
            "response": {
                "candidates": [
                    {"content": {"parts": [{"text": BOX}], "role": "model"}, "finishReason": "STOP", "index": 0}
                ],
                "usageMetadata": {"promptTokenCount": 4},
            },
        },
    ),
    (
        "Bedrock, batch",
        "bedrock",
        {
            "recordId": "q",
            "answer": "4",
            "modelInput": {"messages": CHAT},
            "modelOutput": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": BOX}]},
        },
    ),
    ("Ollama", "ollama", {"model": "m", "message": SAID[0], "done": True, "prompt": "2 + 2?", "answer": "4"}),
    (
        "llama.cpp's server",
        "llama.cpp",
        {"content": BOX, "stop": True, "prompt": "2 + 2?", "generation_settings": {}, "answer": "4"},
    ),
    (
        "SGLang",
        "sglang",
        {"text": BOX, "meta_info": {"id": "a", "finish_reason": {"type": "stop"}}, "prompt": "2 + 2?", "answer": "4"},
    ),
    (
        "EvalScope, predictions",
        "evalscope",
        {
            "index": 0,
            "model": "m",
            "model_output": {"choices": [{"message": SAID[0]}]},
            "messages": CHAT,
            "target": "4",
        },
    ),
    (
        "HELM, request states",
        "helm",
        {
            "instance": {
                "input": {"text": "2 + 2?"},
                "references": [{"output": {"text": "4"}, "tags": ["correct"]}],
                "id": "i",
            },
            "request": {"prompt": "2 + 2?"},
            "result": {"success": True, "completions": [{"text": BOX}]},
        },
    ),
    (
        "OpenAI, Evals API",
        "openai-evals",
        {"item": {"question": "2 + 2?", "answer": "4"}, "sample": {"output_text": BOX, "model": "m"}},
    ),
    (
        "LangSmith",
        "langsmith",
        {"inputs": {"question": "2 + 2?"}, "outputs": {"output": BOX}, "reference_outputs": {"answer": "4"}},
    ),
    ("Langfuse", None, {"id": "t", "input": "2 + 2?", "output": BOX, "expectedOutput": "4"}),
    (
        "ART, trajectories",
        "art",
        {"messages_and_choices": [*CHAT, {"index": 0, "message": SAID[0]}], "prompt": "2 + 2?", "answer": "4"},
    ),
    (
        "ms-swift, infer",
        None,
        {"response": BOX, "labels": "4", "logprobs": None, "messages": [*CHAT, *SAID]},
    ),
    (
        "NeMo-Skills",
        None,
        {"problem": "2 + 2?", "expected_answer": "4", "generation": BOX, "predicted_answer": "4", "is_correct": True},
    ),
    ("blocks of one message", None, {"response": [{"type": "text", "text": BOX}], "answer": "4"}),
    ("HF, nested", None, {"question": "2 + 2?", "generation": BOX, "reward_spec": {"ground_truth": "4"}}),
]


@pytest.mark.parametrize(("why", "tool", "row"), SHAPES, ids=[why for why, _, _ in SHAPES])
def test_a_tools_row_is_read_without_a_flag(why: str, tool: str | None, row: dict[str, Any]) -> None:
    record = read(row)
    assert [sample.response for sample in record.samples] == [BOX]
    assert record.samples[0].kind_or_guess == "math"
    assert record.samples[0].references == ("4",)
    assert (record.reading.tool if record.reading else None) == tool
    if tool not in ("openai", "lighteval"):
        assert "2 + 2?" in record.samples[0].prompt_text or tool is None


def test_evalplus_samples_are_programs_for_the_tests_of_their_problem() -> None:
    test = "def check(candidate):\n    assert candidate(1) == 1\n"
    row = {"task_id": "HumanEval/0", "solution": "def f(x):\n    return x\n", "entry_point": "f", "test": test}
    (sample,) = read(row).samples
    assert (sample.response, sample.kind_or_guess, len(sample.tests)) == (row["solution"], "code", 1)
    assert sample.reference is None


def test_paths_reach_into_rows() -> None:
    row = {"a": {"b": [{"text": "no"}, {"text": BOX}]}, "gold": {"x": '{"y": 4}'}}
    (sample,) = read(row, response="a.b[-1].text", reference="gold.x.y").samples
    assert (sample.response, sample.reference) == (BOX, "4")


def test_numbered_responses_are_several() -> None:
    said = {"0": {"content": BOX, "correctness": True}, "1": {"content": "5", "correctness": False}}
    record = read({"prompt": "2 + 2?", "answer": "4", "responses": said})
    assert ([sample.response for sample in record.samples], record.plural) == ([BOX, "5"], True)


def test_thought_parts_are_thinking() -> None:
    parts = [{"text": "two and two", "thought": True}, {"text": BOX}]
    row = {"key": "q", "response": {"candidates": [{"content": {"parts": parts, "role": "model"}}]}, "answer": "4"}
    assert read(row).samples[0].response == f"<think>two and two</think>{BOX}"


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"response": BOX, "answer": "4", "solution": "5"}, "conflicting_golds", "two golds"),
    ({"response": BOX, "answer": "4", "solution": r"so \boxed{5}"}, "conflicting_golds", "a solution's box"),
    ({"response": BOX, "label": 1}, "ambiguous_label", "a verdict or an answer"),
    ({"response": BOX, "solution": "We add two and two and have four."}, "ambiguous_label", "a solution in prose"),
    ({"response": BOX, "choices": ["a", "b"], "answer": 7}, "ambiguous_label", "no place of an option"),
    ({"response": BOX, "options": ["a", "b"], "answer": 1}, "ambiguous_label", "from 0 or from 1"),
    ({"response": BOX, "answer": {"alpha": 1, "beta": 2}}, "wrong_type", "an object that is no label"),
    ({"response": BOX, "answer": [{"alpha": 1}, {"beta": 2}]}, "wrong_type", "objects that are none"),
    ({"response": "B", "ctx": "c", "endings": ["x", "y"], "label": "1"}, "ambiguous_label", "HellaSwag's places"),
    (
        {"response": "B", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"},
        "ambiguous_label",
        "options by number",
    ),
    (
        {
            "instance": {
                "references": [{"output": {"text": t}, "tags": c} for t, c in (("x", []), ("y", ["correct"]))]
            },
            "result": {"completions": [{"text": "B"}]},
        },
        "ambiguous_label",
        "HELM's options",
    ),
    ({"completion": "4", "output": "5", "answer": "4"}, "ambiguous_response", "two responses"),
    ({"responses": [BOX, None], "reference": "3"}, "wrong_type", "null among responses"),
    ({"messages": CHAT, "answer": "4"}, "missing_field", "nobody answered"),
    ({"doc_id": 0, "resps": [[[-1.5, False]]], "filtered_resps": [[-1.5, False]], "target": 0}, "wrong_type", "ranks"),
    ({"custom_id": "q", "response": {"status_code": 500, "body": {}}, "answer": "4"}, "missing_field", "a failed call"),
    (
        {"id": 1, "epoch": 1, "input": "?", "target": "4", "output": {"model": "m", "choices": [], "completion": ""}},
        "missing_field",
        "a model that was not reached",
    ),
    ({"text": BOX, "answer": "4"}, "missing_field", "no response by any usual name"),
    ({"response": BOX, "answer": True}, "wrong_type", "a boolean is no answer"),
]


@pytest.mark.parametrize(("row", "reason", "why"), REFUSED, ids=[why for _, _, why in REFUSED])
def test_what_is_not_clear_is_refused_with_its_fields(row: dict[str, Any], reason: str, why: str) -> None:
    with pytest.raises(SampleError) as refused:
        read(row)
    assert refused.value.reason == reason, refused.value.message


AGREEING = [
    ({"answer": "72", "solution": "48 + 24 = 72\n#### 72"}, ("72",)),
    ({"answer": r"\frac{1}{2}", "ground_truth": "0.5"}, (r"\frac{1}{2}",)),
    ({"answer": "4", "label": 1}, ("4",)),
    ({"answer": "4", "label": False}, ("4",)),
    ({"answer": "4", "expected": "pass"}, ("4",)),
    ({"answer": "4", "solution": "We add two and two, and have the result."}, ("4",)),
    ({"solution": "4 apples"}, ("4 apples",)),
]


@pytest.mark.parametrize(("row", "references"), AGREEING)
def test_golds_that_agree_are_one(row: dict[str, Any], references: tuple[str, ...]) -> None:
    assert read({"response": BOX, **row}).samples[0].references == references


LABELS: list[tuple[object, str | None, str]] = [
    ("4", "math", "text"),
    (4, "math", "a number"),
    (["4", "5"], "math", "a list"),
    ('["4", "5"]', "math", "a list as JSON text"),
    ("['4']", "math", "a list as Python prints it"),
    ("[1, 2]", "math", "a vector"),
    ("[0, 1)", "math", "an interval"),
    ("{1, 2}", "math", "a set"),
    ({"target": 3, "numbers": [1, 2]}, "puzzle", "countdown"),
    ('{"target": 3, "numbers": [1, 2]}', "puzzle", "countdown as text"),
    ({"inputs": ["1\n"], "outputs": ["2\n"]}, "code", "inputs and outputs"),
    ('{"inputs": ["1\\n"], "outputs": ["2\\n"]}', "code", "the same as text"),
    ('{"fn_name": "add", "inputs": [[1, 2]], "outputs": [3]}', "code", "a function"),
    ('[{"input": "1\\n", "output": "2\\n", "testtype": "stdin"}]', "code", "LiveCodeBench"),
    (["assert add(1,2)==3"], "code", "asserts"),
    ('["assert add(1,2)==3"]', "code", "asserts as text"),
    ('{"test_list": ["assert add(1,2)==3"]}', "code", "MBPP"),
    ("assert add(1,2)==3", "code", "one assert"),
    ({"style": "rule", "ground_truth": "4"}, "math", "an object with a gold"),
    (r'["\\frac{1}{2}"]', "math", "Skywork"),
]


@pytest.mark.parametrize(("label", "kind", "why"), LABELS, ids=[why for _, _, why in LABELS])
def test_the_label_decides_the_kind(label: object, kind: str, why: str) -> None:
    assert read({"response": BOX, "ground_truth": label}).samples[0].kind_or_guess == kind


def test_columns_of_another_meaning_are_left_alone_and_named() -> None:
    row = {"response": BOX, "reference": "4", "kind": "algebra", "language": "formal", "tests": 12, "limits": "1 s"}
    record = read(row)
    (sample,) = record.samples
    assert (sample.kind, sample.language, sample.tests, sample.limits) == (None, None, (), None)
    assert record.reading is not None
    assert sorted(record.reading.foreign) == ["kind='algebra'", "language='formal'", "limits='1 s'", "tests=12"]
    (sample,) = read({**row, "kind": "Math", "language": "English"}).samples
    assert (sample.kind, sample.language) == ("math", "en")
    (sample,) = read({"response": "x", "language": "C++", "tests": ["assert f()"]}).samples
    assert (sample.language, sample.meta["code_language"]) == (None, "C++")


def test_mathematics_in_a_list_keeps_its_backslashes() -> None:
    for text in (r"['\frac{1}{2}']", r'["\frac{1}{2}"]', r'["\\frac{1}{2}"]'):
        assert read({"response": BOX, "answer": text}).samples[0].reference == [r"\frac{1}{2}"], text
    for text in (r"['\theta']", r'["2\times 3"]', r"['\neq']", r"['\alpha']", r"['\beta']"):
        assert "\\" in str(read({"response": BOX, "answer": text}).samples[0].reference), text
    assert read({"response": BOX, "answer": r'["a\nb"]'}).samples[0].reference == ["a\nb"]


def test_options_make_a_choice() -> None:
    assert read({"response": "B", "choices": ["x", "y"], "answer": 1}).samples[0].reference == "B"
    assert read({"response": "B", "options": ["x", "y"], "answer": "B"}).samples[0].kind == "choice"
    assert read({"response": "B", "options": ["x", "y"], "answer": "y"}).samples[0].kind == "choice"
    assert read({"response": "B", "options": "['x', 'y']", "answer": "B"}).samples[0].kind == "choice"
    assert read({"response": "4", "options": "[]", "answer": "4"}).samples[0].kind_or_guess == "math"


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("3*8=24. The answer is 24.", "24"),
        ("3*8\n= 24\nAnswer: 24", "24"),
        ("He has 3*8=24.\n#### 24\nThe answer is: 24", "24"),
        ("Halve it twice. The answer is -1/4.", "-1/4"),
        ("Ann walks home with 24 pears in two bags.", None),
        ("Therefore, Ann has 24 pears.", None),
        ("(a) The answer is 3. (b) The answer is 5.", None),
        ("The answer is 24. If n is odd it is 25.", None),
        ("He has 3*8=24.\n#### 24\nThe answer is: 25", None),
        ("all real numbers except 2 and 3", "all real numbers except 2 and 3"),
        ("x = 2 and y = 3 or x = 4 and y = 5", "x = 2 and y = 3 or x = 4 and y = 5"),
        ("Yes. It has a unique solution.", "Yes. It has a unique solution."),
    ],
)
@pytest.mark.parametrize("column", ["answer", "reference"])
def test_a_gold_in_prose_is_read_by_its_cue_or_refused(column: str, gold: str, answer: str | None) -> None:
    row = {"response": BOX, column: gold}
    if answer is not None:
        assert read(row).samples[0].reference == answer
        return
    with pytest.raises(SampleError, match=f"{column} is a text that .*--map reference={column}"):
        read(row)
    assert read(row, reference=column).samples[0].reference == gold


@pytest.mark.parametrize(
    ("gold", "letter"),
    [("b", "B"), ("B", "B"), ("Paris", "B"), ("(b)", "B"), ("Rom", None), ("e", None), ("paris", None)],
)
def test_a_gold_is_an_option_of_the_prompt_by_letter_or_text(gold: str, letter: str | None) -> None:
    asked = "Capital of France?\nA. Rome\nB. Paris\nC. Oslo"
    (sample,) = read({"response": BOX, "prompt": asked, "answer": gold}).samples
    assert (sample.kind, sample.reference) == (("choice", letter) if letter else (None, gold))


def test_two_conversations_with_other_last_turns_are_two_responses() -> None:
    row = {"messages": [*CHAT, {"role": "assistant", "content": "5"}], "conversations": [*CHAT, *SAID], "answer": "4"}
    with pytest.raises(SampleError, match="messages and conversations both may hold the response"):
        read(row)
    assert read(row, response="conversations").samples[0].response == BOX
    assert read({**row, "messages": [*CHAT, *SAID]}).samples[0].response == BOX


@pytest.mark.parametrize(
    "gold", [{"answer": None, "answer_number": 4}, {"task": {"question": "2 + 2?", "ground_truth": "4"}}]
)
def test_golds_of_mgsm_and_of_a_nested_task(gold: dict[str, Any]) -> None:
    assert str(read({"response": BOX, **gold}).samples[0].reference) == "4"
