"""Reference solutions and empty programs of code rows, one faithful row of each form that data sets hold them in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from r1_reward.inspection.check import golds as golds_module
from r1_reward.inspection.check.data import check
from r1_reward.rows.solutions import reference_solutions
from r1_reward.verifiers import Sample, TestCase

PAIRS = {"inputs": ["2 3", "4 5"], "outputs": ["5", "9"]}
READ, MISREAD = "print(sum(map(int, input().split())))", "print(5)"
ADD, MISADD = "def add(a, b):\n    return a + b\n", "def add(a, b):\n    return a - b\n"
BODY, MISBODY = "    return a + b\n", "    return a - b\n"
PROMPT = "def add(a, b):\n"
CHECK = "def check(candidate):\n    assert candidate(1, 2) == 3\n"
UNITTEST = (
    "import unittest\nclass TestCases(unittest.TestCase):\n"
    "    def test_a(self):\n        self.assertEqual(task_func(1, 2), 3)\n"
)
PYTEST = "from solution import add\n\ndef test_a():\n    assert add(1, 2) == 3\n"
STUB = "import math\ndef task_func(a, b):\n"
CPP = "#include<assert.h>\nint main(){\n    assert (add(1, 2) == 3);\n}\n"
FORMS = Path(__file__).parents[2] / "verifiers" / "code" / "forms.jsonl"


def held(name: str) -> dict[str, Any]:
    """A row of the table of forms, without its response."""
    rows = map(json.loads, FORMS.read_text(encoding="utf-8").splitlines())
    row = next(row["row"] for row in rows if row["name"] == name)
    return {"prompt": name, **{key: value for key, value in row.items() if key != "response"}}


def contests(program: str) -> dict[str, Any]:
    """CodeContests' columns: number 1 is Python 2, 3 is Python 3."""
    return {"language": [1, 3], "solution": ["print 5", program]}


ROWS: dict[str, tuple[dict[str, Any], str, Any, Any]] = {
    "apps": ({"input_output": json.dumps(PAIRS)}, "solutions", json.dumps([READ]), json.dumps([MISREAD])),
    "taco": (
        {"input_output": json.dumps(PAIRS), "time_limit": "2.0 seconds"},
        "solutions",
        json.dumps([READ, READ + "\n"]),
        json.dumps([READ, MISREAD]),
    ),
    "deepcoder": (
        {"tests": json.dumps(PAIRS)},
        "solutions",
        [f"```python\n{READ}\n```"],
        [f"```python\n{MISREAD}\n```"],
    ),
    "code_contests": (
        {"public_tests": {"input": ["2 3", "4 5"], "output": ["5", "9"]}},
        "solutions",
        contests(READ),
        contests(MISREAD),
    ),
    "verl": (
        {"data_source": "taco", "reward_model": {"style": "rule", "ground_truth": json.dumps(PAIRS)}},
        "extra_info",
        {"solution": READ},
        {"solution": MISREAD},
    ),
    "synthetic": (
        {"verification_info": json.dumps({"test_cases": json.dumps(PAIRS), "fn_name": None})},
        "gold_standard_solution",
        f"```python\n{READ}\n```",
        f"```python\n{MISREAD}\n```",
    ),
    "codeforces": (
        {"official_tests": [{"input": "2 3", "output": "5"}, {"input": "4 5", "output": "9"}]},
        "solution",
        READ,
        MISREAD,
    ),
    "humaneval": (
        {"task_id": "HumanEval/0", "prompt": PROMPT, "entry_point": "add", "test": CHECK},
        "canonical_solution",
        BODY,
        MISBODY,
    ),
    "leetcode": (
        held("leet_plain/right"),
        "completion",
        "class Solution:\n    def f(self, nums: List[int]) -> int:\n        return sum(nums)\n",
        "class Solution:\n    def f(self, nums: List[int]) -> int:\n        return 0\n",
    ),
    "mbpp": ({"text": "Add.", "test_list": ["assert add(1, 2) == 3"], "test_setup_code": ""}, "code", ADD, MISADD),
    "mbppplus": (held("mbppplus/right"), "code", ADD, MISADD),
    "kodcode": ({"question": "Add.", "test": PYTEST}, "solution", ADD, MISADD),
    "bigcodebench": (
        {
            "task_id": "BigCodeBench/0",
            "instruct_prompt": "Add.",
            "code_prompt": STUB,
            "entry_point": "task_func",
            "test": UNITTEST,
        },
        "canonical_solution",
        "    return math.floor(a + b)\n",
        MISBODY,
    ),
    "humaneval_x": (
        {"task_id": "CPP/0", "prompt": "Add.", "declaration": "int add(int a, int b){\n", "test": CPP},
        "canonical_solution",
        "    return a + b;\n}\n",
        "    return a - b;\n}\n",
    ),
    "ds1000": (held("ds1000/right"), "reference_code", "result = df['a'].sum()", "result = 0"),
}


def findings(tmp_path: Path, rows: list[dict[str, Any]], **options: Any) -> list[tuple[str, str, str]]:
    path = tmp_path / "data.jsonl"
    lines = ({"prompt": f"Question {number}", **row} for number, row in enumerate(rows))
    path.write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
    checked = check([str(path)], options={"code": {"backend": "local", **options}}, languages=False)
    unlike = ("duplicate_prompt", "conflicting_golds", "empty_prompt", "leaked_answer")
    return [(one.row, one.what, one.detail) for one in checked.findings if one.what not in unlike]


@pytest.mark.needs("tree")
def test_solutions_of_each_form_are_run(tmp_path: Path) -> None:
    rows = []
    for form, (row, column, right, wrong) in ROWS.items():
        rows += [{**row, "id": form, column: right}, {**row, "id": f"{form}/wrong", column: wrong}]
    found = findings(tmp_path, rows)
    assert [(row, what) for row, what, _ in found] == [(f"{form}/wrong", "gold_not_verified") for form in ROWS]
    details = {row: detail for row, _, detail in found}
    assert details["taco/wrong"].startswith("solution 2 in `solutions` fails: wrong: ")
    assert details["mbpp/wrong"].startswith("the reference solution fails: wrong: ")


@pytest.mark.needs("tree")
def test_an_empty_program_that_passes_is_found_in_each_form(tmp_path: Path) -> None:
    nothing = {"inputs": ["2 3"], "outputs": [""]}
    pair = {"input": "2 3", "output": ""}
    rows: list[dict[str, Any]] = [
        {"id": "apps", "input_output": json.dumps(nothing)},
        {"id": "pairs", "tests": json.dumps(nothing)},
        {"id": "livecodebench", "public_test_cases": json.dumps([{**pair, "testtype": "stdin"}])},
        {"id": "code_contests", "public_tests": {"input": ["2 3"], "output": [""]}},
        {"id": "codeforces", "official_tests": [pair]},
        {"id": "synthetic", "verification_info": json.dumps({"test_cases": json.dumps(nothing)})},
        {"id": "verl", "data_source": "taco", "reward_model": {"ground_truth": json.dumps(nothing)}},
        {"id": "humaneval_x", **ROWS["humaneval_x"][0], "test": "int main(){}\n"},
        {
            "id": "multipl_e",
            "name": "HumanEval_0",
            "stop_tokens": ["\n}"],
            "language": "js",
            "prompt": "function add(a, b){\n",
            "tests": "function test() {}\ntest();",
        },
    ]
    found = findings(tmp_path, rows)
    assert [row for row, what, _ in found if what == "empty_program_passes"] == [row["id"] for row in rows]
    assert {what for _, what, _ in found} == {"empty_program_passes", "not_checked"}


@pytest.mark.needs("tree")
def test_what_cannot_be_run_is_not_judged_and_says_why(tmp_path: Path) -> None:
    apps, mbpp = ROWS["apps"][0], ROWS["mbpp"][0]
    rows = [
        {**apps, "id": "module", "solutions": json.dumps([f"import no_such_thing\n{READ}"])},
        {**ROWS["code_contests"][0], "id": "python2", "solutions": {"language": [1], "solution": ["print 5"]}},
        {**mbpp, "id": "nothing", "test_list": ["assert 1 == 1"], "code": ADD},
        {**apps, "id": "klingon", "lang": "klingon", "solutions": json.dumps([READ])},
    ]
    found = findings(tmp_path, rows)
    assert [(row, what) for row, what, _ in found] == [(row["id"], "not_judged") for row in rows]
    details = [detail for *_, detail in found]
    assert "sandbox build --packages" in details[0]
    assert details[1] == "the solutions are in languages that no sandbox knows: python2"
    assert "klingon" in details[3]


def test_python_goes_first_and_no_more_than_three_are_run() -> None:
    held = {"language": [2, 1, 3, 4, 3], "solution": ["int main(){}", "print 1", "a", "class A{}", "b"]}
    sample = Sample(response="", tests=[TestCase(type="stdin", input="", output="1")], meta={"solutions": held})
    assert [one.language for one in reference_solutions(sample)] == ["cpp", "python2", "python", "java", "python"]
    assert [one.program for one in golds_module._solutions(sample).solutions] == ["a", "b", "int main(){}"]
