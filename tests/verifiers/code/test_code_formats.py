"""Reading tests from the shapes in which data sets hold them."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from r1_reward.rows import read_sample
from r1_reward.rows.reader import RowReader
from r1_reward.sandbox import Outcome, TestOutcome
from r1_reward.verifiers import TestCase
from r1_reward.verifiers.code.subtasks import share_of_points, subtask_points
from r1_reward.verifiers.errors import SampleError

PAIRS = {"inputs": ["1 2\n", ["3 4", "5"]], "outputs": ["3\n", ["7"]]}
CALLS = {"fn_name": "add", "inputs": [[1, 2]], "outputs": [[3]]}
LIVE = [{"input": "1\n[2]", "output": "[3]", "testtype": "functional"}]
FUNCTIONAL = "def check(candidate):\n    assert candidate(1) == 2\n\ncheck(Solution().f)\n"
IOI = {"kind": "code", "subtask": "1", "score": 6, "task_type": "Batch", "grader_files": []}
IOI |= {"test_names": ["1-01", "1-02"], "test_cases": [["1", "1"], {"test_input": "2", "test_output": "4"}]}
EVAL = {"test": "def check(candidate):\n    assert candidate(1) == 2\n", "entry_point": "inc"}


def _stdin(form: str) -> list[TestCase]:
    return [
        TestCase(type="stdin", input="1 2\n", output="3\n", checker="judged", form=form),
        TestCase(type="stdin", input="3 4\n5", output="7", checker="judged", form=form),
    ]


ADD = TestCase(type="function", entry="add", args="(1, 2)", expected="[3]", checker="json_near", form="apps")
LIVE_CALL = TestCase(
    type="function", entry="f", args="(1, [2])", expected="[3]", checker="json_near", form="livecodebench"
)
LIVE_STDIN = TestCase(type="stdin", input="1", output="2", checker="judged", form="livecodebench")
ASSERT = TestCase(type="assert", code="import math\nimport re\nassert f(1) == 2", form="mbpp")
SHAPES: list[tuple[dict[str, Any], list[TestCase], str]] = [
    (
        {"tests": [{"type": "stdin", "input": "1", "output": "2"}]},
        [TestCase(type="stdin", input="1", output="2")],
        "own",
    ),
    ({"tests": json.dumps([{"type": "assert", "code": "x"}])}, [TestCase(type="assert", code="x")], "own, as text"),
    ({"tests": PAIRS}, _stdin("pairs"), "pairs"),
    ({"tests": json.dumps(PAIRS)}, _stdin("pairs"), "pairs, as text"),
    ({"input_output": json.dumps(PAIRS)}, _stdin("apps"), "APPS"),
    ({"input_output": CALLS}, [ADD], "APPS, with a function"),
    (
        {"input_output": CALLS, "question": "Add them. You may return the answer in any order."},
        [dataclasses.replace(ADD, checker="json_unordered")],
        "a problem whose answer may be in any order",
    ),
    (
        {"input_output": CALLS, "question": "The numbers are given in any order. Return the answer."},
        [ADD],
        "what is in any order is not the answer",
    ),
    (
        {"public_test_cases": json.dumps(LIVE), "metadata": json.dumps({"func_name": "f"})},
        [LIVE_CALL],
        "LiveCodeBench, with a function",
    ),
    (
        {"public_test_cases": [{"input": "1", "output": "2", "testtype": "stdin"}]},
        [LIVE_STDIN],
        "LiveCodeBench",
    ),
    (
        {"test_list": ["assert f(1) == 2"], "test_setup_code": "import math", "test_imports": ["import re"]},
        [ASSERT],
        "MBPP",
    ),
    (EVAL, [TestCase(type="assert", code=EVAL["test"] + "\n\ncheck(inc)\n", form="humaneval")], "HumanEval"),
    ({"tests": {"functional": FUNCTIONAL}}, [TestCase(type="assert", code=FUNCTIONAL, form="rllm")], "rLLM"),
    (
        {"data_source": "leetcode", "reward_model": {"ground_truth": json.dumps(["assert f(1) == 2"])}},
        [TestCase(type="assert", code="assert f(1) == 2", form="skywork")],
        "Skywork",
    ),
    (
        {"data_source": "x", "ground_truth": {"assert_case": ["assert f(1) == 2"], "fn_name": "f"}},
        [TestCase(type="assert", code="assert f(1) == 2", form="verl")],
        "verl, with asserts",
    ),
    (
        IOI,
        [
            TestCase(type="stdin", input="1", output="1", subtasks="1=6", form="open_r1_ioi"),
            TestCase(type="stdin", input="2", output="4", subtasks="1=6", form="open_r1_ioi"),
        ],
        "IOI",
    ),
    ({"data_source": "math", "reward_model": {"ground_truth": '["1/2"]'}}, [], "a list of answers"),
    ({"test": "a string", "input_output": "prose", "reference": "4"}, [], "fields that only look like it"),
    ({"test_list": ["assert f(1) == 2"], "kind": "math"}, [], "a row that is no code"),
]


@pytest.mark.parametrize(("row", "tests", "why"), SHAPES)
def test_shapes(row: dict[str, Any], tests: list[TestCase], why: str) -> None:
    sample = read_sample({"response": "x", **row})
    assert list(sample.tests) == tests, why
    assert (sample.kind_or_guess == "code") is bool(tests)
    again = read_sample(sample.to_dict())
    assert list(again.tests) == tests


def test_a_field_of_another_name_is_read_on_request() -> None:
    sample = RowReader(columns={"tests": "cases"}).read_row({"response": "x", "cases": PAIRS}).samples[0]
    assert list(sample.tests) == _stdin("pairs")


@pytest.mark.parametrize(
    ("row", "reason", "message"),
    [
        ({"tests": "prose"}, "tests_unknown_form", "tests is a text that is not JSON"),
        ({"tests": {"inputs": ["1"], "outputs": []}}, "wrong_type", "1 inputs and 0 outputs"),
        ({"tests": {"inputs": [{}], "outputs": ["1"]}}, "wrong_type", "text or a list of lines"),
        ({"tests": {"cases": []}}, "tests_unknown_form", "it holds 'cases'"),
        ({"tests": [{"input": "1", "output": "1", "type": "interactive"}]}, "tests_unknown_form", "'interactive'"),
        ({"official_tests": [], "unit_tests": "?", "kind": "code"}, "tests_unknown_form", "unit_tests"),
        ({"tests": [3]}, "wrong_type", "tests[0] must be an object"),
        ({"tests": [{"type": "stdin", "input": 1, "output": "1"}]}, "wrong_type", "tests[0].input must be a string"),
        ({"input_output": "prose", "kind": "code"}, "tests_unknown_form", "input_output"),
        ({"tests": [{"input": "x", "output": "1", "testtype": "functional"}]}, "missing_field", "func_name"),
        ({**IOI, "grader_files": [["grader.cpp", "int main() {}"]]}, "tests_unknown_form", "its own grader"),
        ({**IOI, "task_type": "OutputOnly"}, "tests_unknown_form", "'OutputOnly', which needs its own grader"),
        ({**IOI, "test_cases": {"1-01": ["1", "1"]}}, "missing_field", "test_cases must hold as many"),
        ({**IOI, "test_cases": [["1"], ["2", "4"]]}, "wrong_type", "test_cases['1-01'] must be a pair of texts"),
        ({**IOI, "score": None}, "wrong_type", "the subtask 1 must have a score from 0"),
    ],
)
def test_what_cannot_be_read_is_told_by_field(row: dict[str, Any], reason: str, message: str) -> None:
    with pytest.raises(SampleError) as caught:
        read_sample({"response": "x", **row})
    assert caught.value.reason == reason
    assert message in str(caught.value)


def test_points_of_subtasks_are_those_of_the_ones_whose_tests_all_pass() -> None:
    subtasks = [
        {"subtask": "small", "score": 40, "test_names": ["1", "2"]},
        {"subtask": "whole", "score": 60, "test_names": ["2", "3"]},
        {"subtask": "example", "score": 0, "test_names": ["1"]},
    ]
    cases = {"1": ["1", "1"], "2": ["2", "4"], "3": ["100", "10000"]}
    tests = read_sample({"response": "x", "kind": "code", "subtasks": subtasks, "test_cases": cases}).tests

    def points(*outcomes: Outcome) -> tuple[list[float | None], float]:
        made = subtask_points(tests, [TestOutcome(outcome=outcome) for outcome in outcomes])
        passed = outcomes.count(Outcome.AC) / len(outcomes)
        return [one["score"] for one in made.values()], share_of_points(made, passed)

    right, wrong, left_out = Outcome.AC, Outcome.WA, Outcome.SKIPPED
    assert points(right, right, right) == ([40.0, 0.0, 60.0], 1.0)
    assert points(right, right, wrong) == ([40.0, 0.0, 0.0], 0.4)
    assert points(wrong, right, right) == ([0.0, 0.0, 60.0], 0.6)
    assert points(right, wrong, left_out) == ([0.0, 0.0, 0.0], 0.0)
    assert points(right, left_out, left_out) == ([None, 0.0, None], 0.0)
    example = subtask_points([dataclasses.replace(tests[0], subtasks="example=0")], [TestOutcome(outcome=right)])
    assert share_of_points(example, 1.0) == 1.0
