"""Rows of instructions, answers, tools, SQL and procedural tasks, as public data sets hold them."""

# ruff: noqa: PT018 - a row, one a line

from __future__ import annotations

import json
from typing import Any

import pytest

from r1_reward.rows.reader import RowReader
from r1_reward.verifiers.reward import auto

IDS = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{"num_words": None}]}
MULTI = [{"instruction_id": ["punctuation:no_comma"], "kwargs": [None]}]
FUNC = json.dumps({"func_name": "validate_no_commas", "N": None})
TOOL = {
    "name": "area",
    "parameters": {"type": "dict", "properties": {"base": {"type": "integer"}}, "required": ["base"]},
}
CALL = {"name": "area", "arguments": {"base": 10}}
OPENAI = {"type": "function", "function": {"name": "area", "arguments": '{"base": 10}'}}
BFCL = {"id": "simple_0", "question": [[{"role": "user", "content": "Area?"}]], "function": [TOOL]}
WRONG = "<tool_call>" + json.dumps({**CALL, "arguments": {"base": 11}}) + "</tool_call>"
USER = [{"role": "user", "content": "Do it."}]

ROWS: list[tuple[str, str, dict[str, Any], Any, Any]] = [
    ("IFEval", "instructions", {"key": 1, "prompt": "Do.", **IDS}, "yes no", "yes, no"),
    (
        "IFEval of lm-eval",
        "instructions",
        {"doc_id": 0, "doc": {"prompt": "Do.", **IDS}, "target": "", "arguments": [["Do."]], "filtered_resps": ["x"]},
        "yes no",
        "yes, no",
    ),
    (
        "IFEval of verifiers",
        "instructions",
        {"example_id": 0, "prompt": USER, "answer": "", "info": IDS},
        "yes no",
        "yes, no",
    ),
    (
        "Multi-IF",
        "instructions",
        {"prompt": "Do.", "instruction_id_list": json.dumps(IDS["instruction_id_list"]), "kwargs": ["{}"]},
        "yes no",
        "yes, no",
    ),
    (
        "IF-RLVR",
        "instructions",
        {"messages": USER, "ground_truth": str(MULTI), "dataset": "ifeval", "constraint": "No commas."},
        "yes no",
        "yes, no",
    ),
    (
        "IF-RLVR, a list",
        "instructions",
        {"messages": USER, "ground_truth": [json.dumps(MULTI)], "dataset": ["ifeval"]},
        "yes no",
        "yes, no",
    ),
    ("RLVR-IFeval", "instructions", {"messages": USER, "ground_truth": FUNC, "dataset": "ifeval"}, "yes no", "yes, no"),
    (
        "IF of verl",
        "instructions",
        {"data_source": "ifeval", "prompt": USER, "reward_model": {"style": "rule", "ground_truth": json.dumps(MULTI)}},
        "yes no",
        "yes, no",
    ),
    (
        "SQuAD",
        "answer",
        {
            "id": "1",
            "context": "It is Paris.",
            "question": "Where?",
            "answers": {"text": ["Paris"], "answer_start": [6]},
        },
        "Paris",
        "Rome",
    ),
    (
        "SQuAD 2, no answer",
        "answer",
        {"id": "1", "context": "It.", "question": "Where?", "answers": {"text": [], "answer_start": []}},
        "unanswerable",
        "Rome",
    ),
    (
        "DROP",
        "answer",
        {
            "query_id": "1",
            "passage": "…",
            "question": "Who?",
            "answers_spans": {"spans": ["Brady", "Moss"], "types": ["span", "span"]},
        },
        "Moss and Brady",
        "Brady",
    ),
    (
        "DROP, original",
        "answer",
        {
            "question": "When?",
            "answer": {"number": "", "date": {"day": "4", "month": "July", "year": "1776"}, "spans": []},
            "passage": "…",
        },
        "July 4, 1776",
        "July 5, 1776",
    ),
    (
        "DROP, a number",
        "answer",
        {
            "question": "How many?",
            "answer": {"number": "5", "date": {}, "spans": []},
            "validated_answers": {"number": ["6"], "date": [{}], "spans": [[]]},
        },
        "6",
        "7",
    ),
    (
        "TriviaQA",
        "answer",
        {
            "question": "Who?",
            "answer": {
                "value": "Sinatra",
                "aliases": ["Frank Sinatra"],
                "normalized_aliases": ["frank sinatra"],
                "type": "WikipediaEntity",
            },
        },
        "Frank Sinatra",
        "Dean",
    ),
    (
        "TriviaQA of llm-foundry",
        "answer",
        {"context": "Who?", "answer": "Ted Turner", "aliases": ["R.E. Turner"]},
        "R.E. Turner",
        "Tina",
    ),
    (
        "HotpotQA",
        "answer",
        {
            "id": "a",
            "question": "Who?",
            "answer": "Chief of Protocol",
            "supporting_facts": {"title": [], "sent_id": []},
            "level": "hard",
            "type": "bridge",
        },
        "chief of protocol",
        "chief",
    ),
    (
        "our own",
        "answer",
        {"kind": "answer", "prompt": "Who?", "reference": ["gold", "silver"], "match": "ordered"},
        "gold, silver",
        "silver, gold",
    ),
    (
        "BFCL",
        "tools",
        {**BFCL, "ground_truth": [{"area": {"base": [10], "unit": ["", "m"]}}]},
        "[area(base=10)]",
        "[area(base=11)]",
    ),
    ("BFCL, irrelevance", "tools", {**BFCL, "id": "irrelevance_0"}, "There is no tool for it.", "[area(base=10)]"),
    (
        "xLAM",
        "tools",
        {"query": "Area?", "tools": json.dumps([TOOL]), "answers": json.dumps([CALL])},
        json.dumps([CALL]),
        WRONG,
    ),
    (
        "OpenAI",
        "tools",
        {"prompt": USER, "tools": [{"type": "function", "function": TOOL}], "expected_tool_calls": [OPENAI]},
        [{"role": "assistant", "content": None, "tool_calls": [OPENAI]}],
        WRONG,
    ),
    (
        "NeMo-Gym",
        "tools",
        {
            "prompt": USER,
            "tools": [TOOL],
            "expected_action": {"type": "function_call", "name": "area", "arguments": '{"base": 10}'},
        },
        WRONG.replace("11", "10"),
        WRONG,
    ),
    (
        "tools of our own",
        "tools",
        {"kind": "tools", "prompt": "Area?", "tools": [TOOL], "reference": [CALL]},
        WRONG.replace("11", "10"),
        "none",
    ),
]


@pytest.mark.parametrize(("name", "kind", "row", "right", "wrong"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_is_read_as_its_data_set_holds_it(
    name: str, kind: str, row: dict[str, Any], right: Any, wrong: Any
) -> None:
    judge = auto()
    for response, correct in ((right, True), (wrong, False)):
        field = "resps" if "filtered_resps" in row else "completion" if "example_id" in row else "response"
        value = (
            [[response]]
            if field == "resps"
            else [{"role": "assistant", "content": response}]
            if field == "completion"
            else response
        )
        (sample,) = RowReader().read_row({**row, field: value}).samples
        assert sample.kind == kind, sample
        assert judge([sample])[0].correct is correct, judge([sample])
    argument = RowReader().read(right, row.get("prompt", "?"), row)
    assert not isinstance(argument, Exception) and argument.kind == kind, argument


SQL = [
    {"db_id": "cats", "question": "Who?", "query": "SELECT name FROM cats", "response": "SELECT 1"},
    {
        "db_id": "cats",
        "question": "Who?",
        "SQL": "SELECT name FROM cats",
        "evidence": "",
        "difficulty": "simple",
        "response": "SELECT 1",
    },
    {
        "sql_prompt": "Who?",
        "sql_context": "CREATE TABLE cats (name)",
        "sql": "SELECT name FROM cats",
        "response": "SELECT 1",
    },
    {
        "question": "Who?",
        "context": "CREATE TABLE cats (name)",
        "answer": "SELECT name FROM cats",
        "response": "SELECT 1",
    },
]


@pytest.mark.parametrize("row", SQL, ids=["Spider", "BIRD", "gretel", "sql-create-context"])
def test_rows_of_sql(row: dict[str, Any]) -> None:
    (sample,) = RowReader().read_row(row).samples
    assert (sample.kind, sample.reference, sample.prompt_text) == ("sql", "SELECT name FROM cats", "Who?")


def test_rows_of_reasoning_gym() -> None:
    entry = {"question": "1 + 1?", "answer": "2", "metadata": {"source_dataset": "chain_sum", "source_index": 0}}
    for row in (
        entry,
        {**entry, "metadata": json.dumps(entry["metadata"])},
        {"prompt": USER, "extra_info": {"entry": entry}},
    ):
        (sample,) = RowReader().read_row({**row, "response": "2"}).samples
        assert (sample.kind, sample.reference) == ("procedural", "2")
        assert sample.meta["metadata"]["source_dataset"] == "chain_sum"


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"kind": "answer", "gold": "4", "response": r"\boxed{4}"}, "math"),
        ({"question": "2 + 2?", "answer": "4", "metadata": {"source": "x"}, "response": "4"}, "math"),
        ({"question": "2 + 2?", "answers": ["4"], "response": "4"}, "math"),
        ({"question": "2 + 2?", "tools": ["calculator"], "answer": "4", "response": "4"}, "math"),
        ({"prompt": "f", "function": "f", "answer": "4", "response": "4"}, "math"),
        ({"kind": "math", **IDS, "reference": "4", "response": "4"}, "math"),
        ({"query": "SELECT the best", "answer": "4", "response": "4"}, "math"),
    ],
)
def test_what_only_looks_like_them_is_left_alone(row: dict[str, Any], kind: str) -> None:
    (sample,) = RowReader().read_row(row).samples
    assert sample.kind_or_guess == kind


AREA = [{"name": "area", "arguments": {"base": 3}}]
USED = {"type": "tool_use", "name": "area"}


@pytest.mark.parametrize(
    ("response", "reference", "right"),
    [
        (
            {"role": "assistant", "content": [{"type": "text", "text": "ok"}, {**USED, "input": {"base": 3}}]},
            AREA,
            True,
        ),
        ([{"type": "text", "text": "ok"}, {**USED, "input": {"base": 4}}], AREA, False),
        (
            {"role": "assistant", "content": "", "tool_calls": [{"name": "area", "args": {"base": 3}, "id": "1"}]},
            AREA,
            True,
        ),
        ("No tool is needed.", [], True),
        ([{**USED, "input": {"base": 3}}], [], False),
    ],
)
def test_messages_of_anthropic_and_langchain(response: Any, reference: Any, right: bool) -> None:
    row = {"kind": "tools", "prompt": "How large?", "tools": [TOOL], "response": response, "reference": reference}
    (sample,) = RowReader().read_row(row).samples
    assert auto()([sample])[0].correct is right


def test_a_trajectory_counts_its_calls_together() -> None:
    other = {"type": "function", "function": {"name": "area", "arguments": {"base": 3}}}
    turns = [
        {"role": "assistant", "content": "First.", "tool_calls": [OPENAI]},
        {"role": "tool", "content": "Error: busy"},
        {"role": "assistant", "content": "", "tool_calls": [OPENAI]},
        {"role": "tool", "content": "50"},
        {"role": "assistant", "content": "Then.", "tool_calls": [other]},
        {"role": "tool", "content": "15"},
        {"role": "assistant", "content": "The answer is 65."},
    ]
    row = {
        "tools": [TOOL],
        "kind": "tools",
        "reference": [CALL, {"name": "area", "arguments": {"base": 3}}],
        "final_answer": "65",
    }
    (sample,) = RowReader().read_row({**row, "response": turns}).samples
    assert auto()([sample])[0].correct is True
    turns[3] = {"role": "tool", "content": "15"}
    turns[2] = {"role": "assistant", "content": "", "tool_calls": [OPENAI, OPENAI, other]}
    (sample,) = RowReader().read_row({**row, "response": turns}).samples
    assert auto()([sample])[0].correct is False
