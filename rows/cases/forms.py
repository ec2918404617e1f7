"""The forms in which data sets hold the tests of a row, told apart by its columns.

What is recognised is named (`TestCase.form`, in the evidence of a verdict); a row that has tests in a form that is not
known raises `tests_unknown_form` and is never read as another form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ...sandbox.testlib import uses_testlib
from ...verifiers.cases import TestCase
from ...verifiers.errors import SampleError
from ...verifiers.sample import Sample
from ..values import Row
from .ioi import is_ioi, read_ioi
from .pickles import unpack
from .shapes import are_asserts, plain, python_tests, read_shape
from .unknown import unknown_form

_INTERACTIVE = "the problem is interactive: it needs its own grader, which is not run here"


def read_sample(row: Row) -> Sample:
    """The Sample of a row with our own names whose tests may be in the form of a data set.

    Args:
        row: Fields of a Sample by name, with JSON values; others go into `meta`.

    Returns:
        The sample, with its tests as `TestCase`s.

    Raises:
        SampleError: A field is missing or of another type, or the tests are in an unknown form.

    >>> read_sample({"response": "...", "kind": "code", "test_list": ["assert f(1) == 2"]}).tests[0].form
    'mbpp'
    """
    kind, tests = row.get("kind"), row.get("tests")
    if tests is not None and tests == tests:  # NaN is null
        return Sample.from_dict({**row, "tests": read_tests(tests, "tests", row)})
    if kind in (None, "code"):
        cases = () if FORM_COLUMNS.isdisjoint(row) else find_tests(row, sure=kind == "code")
        if cases:
            return Sample.from_dict({**row, "tests": cases})
        if kind == "code" and holds_tests(row.get("reference")):
            return Sample.from_dict({**row, "tests": read_tests(row["reference"], "reference", row), "reference": None})
    return Sample.from_dict(row)


def read_tests(value: object, name: str = "tests", row: Row | None = None) -> Sequence[TestCase]:
    """Tests as they stand in one field; `row` is where they stood, for what belongs to them.

    Raises SampleError, naming the field, for anything that is not known.

    >>> read_tests({"inputs": ["2 3", ["4", "5"]], "outputs": ["5", "9"]})[1].input
    '4\\n5'
    >>> read_tests('{"fn_name": "add", "inputs": [[2, 3]], "outputs": [5]}')[0].args
    '(2, 3)'
    """
    row = row or {}
    if isinstance(value, str) and _is_multipl_e(row, value):
        return _multipl_e({**row, "tests": value})
    tests = read_shape(value, name, row, "pairs", None)
    return _in_any_order(_with_checker(tests, row), row)


def holds_tests(value: object) -> bool:
    """Whether a field that else holds an answer holds inputs and outputs, as verl's rows of code do.

    >>> holds_tests('{"inputs": ["1"], "outputs": ["2"]}'), holds_tests("{1, 2}")
    (True, False)
    """
    if isinstance(value, str):
        if not value.lstrip().startswith(("{", "[")) or not any(word in value for word in _HELD):
            return False
        try:
            value = plain(value, "reference")
        except SampleError:
            return False
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, Mapping) and {"input", "output"} <= item.keys() for item in value)
    if isinstance(value, Mapping) and python_tests(value, {}, ""):
        return True
    return isinstance(value, Mapping) and {"inputs", "outputs"} <= value.keys()


_HELD = ('"inputs"', '"input"', '"functional"', '"assert_case"', '"test_code"')


def find_tests(row: Row, *, sure: bool) -> Sequence[TestCase]:
    """The tests of a row that has them under a name of some data set; empty where it has none.

    `sure` says that the row is about code: then a field of such a name that cannot be read raises SampleError.

    >>> tests = find_tests({"test_list": ["assert f(1) == 2"], "test_setup_code": "import math"}, sure=False)
    >>> len(tests), tests[0].form
    (1, 'mbpp')
    """
    try:
        for form in _FORMS:
            if form.has(row):
                tests = form.read(row)
                if tests:
                    return [
                        replace(test, form=test.form if test.form in _OWN_NAMES else form.name)
                        for test in _in_any_order(tests, row)
                    ]
        for name in _COLUMNS:
            if row.get(name) not in (None, "", [], {}):
                if sure:
                    raise unknown_form(
                        f"{name} holds tests in no form that is known; docs/reference/code.md lists those that are"
                    )
                break
    except SampleError:
        if sure:
            raise
    return ()


_COLUMNS = (
    *("test", "tests", "test_cases", "test_list", "input_output", "public_test_cases", "private_test_cases"),
    *("public_tests", "private_tests", "generated_tests", "official_tests", "verification_info", "code_context"),
    "unit_tests",
    "test_names",
)
"""Where data sets keep tests, for a row that is about code and in none of the forms."""


FORM_COLUMNS = frozenset((*_COLUMNS, "reward_model", "ground_truth", "subtasks"))
"""A row without any of them holds no tests."""


_OWN_NAMES = ("rllm", "skywork")
"""Forms that are told apart by what stands in a column, and not by the column."""


class _Form(NamedTuple):
    name: str
    has: Callable[[Row], bool]
    read: Callable[[Row], Sequence[TestCase]]


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _with_checker(tests: Sequence[TestCase], row: Row) -> list[TestCase]:
    """What Codeforces' rows say of all their tests: a program that checks, files for input and output."""
    if str(row.get("input_mode") or "").lower() == "interactive" or row.get("interaction_format"):
        raise unknown_form(_INTERACTIVE)
    program = row.get("generated_checker") or row.get("checker_code")
    if not program and uses_testlib(_text(row, "checker")):
        program = row["checker"]
    changes: dict[str, str] = {}
    if isinstance(program, str) and program.strip():
        if "#include" in program and not uses_testlib(program):
            raise unknown_form("the checker is a program in C++ that does not use testlib.h")
        changes["checker_program"] = program
    names = row.get("input_file"), row.get("output_file")
    if str(row.get("input_mode") or "").lower() == "file":
        names = names[0] or "input.txt", names[1] or "output.txt"
    streams = ("", "stdin", "stdout", "standard input", "standard output")
    named = zip(("input_file", "output_file"), names, strict=True)
    changes |= {name: file for name, file in named if isinstance(file, str) and file not in streams}
    if not changes:
        return list(tests)
    return [replace(test, **changes) if test.type == "stdin" else test for test in tests]  # type: ignore[arg-type]


_ANY_ORDER = re.compile(r"\b(?:return|output)\b[^.\n]{0,80}\bin any order\b", re.IGNORECASE)
_STATEMENTS = ("prompt", "question", "problem", "question_content", "description", "content", "problem_description")


def _in_any_order(tests: Sequence[TestCase], row: Row) -> Sequence[TestCase]:
    """The same, with lists compared in any order where the problem says that they may be returned so, as LeetCode's
    do."""
    near = [test.type == "function" and test.checker == "json_near" for test in tests]
    if not any(near) or not any(_ANY_ORDER.search(text) for name in _STATEMENTS for text in _texts(row.get(name))):
        return tests
    return [replace(test, checker="json_unordered") if one else test for test, one in zip(tests, near, strict=True)]


def _texts(value: object) -> list[str]:
    """A statement as text; of messages their contents."""
    if isinstance(value, str):
        return [value]
    turns = value if isinstance(value, list) else []
    return [text for turn in turns if isinstance(turn, Mapping) and isinstance(text := turn.get("content"), str)]


# Inputs and outputs


def _apps(row: Row) -> Sequence[TestCase]:
    return read_shape(row["input_output"], "input_output", row, "apps", None)


def _livecodebench(row: Row) -> Sequence[TestCase]:
    tests: list[TestCase] = []
    for name in ("public_test_cases", "private_test_cases"):
        value = row.get(name)
        if value in (None, "", []):
            continue
        if isinstance(value, str) and not value.lstrip().startswith(("[", "{")):
            value = unpack(value, name)
        tests += read_shape(value, name, row, "livecodebench", None)
    return tests


def _code_contests(row: Row) -> Sequence[TestCase]:
    tests: list[TestCase] = []
    for name in ("public_tests", "private_tests", "generated_tests"):
        if row.get(name):
            tests += read_shape(row[name], name, row, "code_contests", "contest")
    return _with_checker(tests, row)


def _codeforces(row: Row) -> Sequence[TestCase]:
    tests = read_shape(row["official_tests"], "official_tests", row, "open_r1_codeforces", "contest")
    return _with_checker(tests, row)


def _synthetic(row: Row) -> Sequence[TestCase]:
    held = plain(row["verification_info"], "verification_info")
    if not isinstance(held, Mapping):
        raise unknown_form("verification_info is no object")
    cases = held.get("test_cases", held.get("ground_truth"))
    if cases is None:
        raise unknown_form("verification_info has no `test_cases`")
    return read_shape(cases, "verification_info.test_cases", {**row, **held}, "synthetic", None)


def _test_cases(row: Row) -> Sequence[TestCase]:
    return _with_checker(read_shape(row["test_cases"], "test_cases", row, "pairs", None), row)


def _ground_truth(row: Row) -> object:
    """Where verl's rows hold what a response is judged by, tests as well as answers."""
    held = row.get("reward_model")
    if isinstance(held, Mapping):
        return held.get("ground_truth")
    return row.get("ground_truth") if "data_source" in row else None


def _asserts(row: Row) -> list[str]:
    """Skywork's rows of LeetCode keep a list of asserts where others keep an answer."""
    held = _ground_truth(row)
    if isinstance(held, str):
        if not held.lstrip().startswith("[") or "assert" not in held:
            return []
        try:
            held = plain(held, "ground_truth")
        except SampleError:
            return []
    return held if isinstance(held, list) and are_asserts(held) else []


def _skywork(row: Row) -> Sequence[TestCase]:
    return read_shape(_asserts(row), "ground_truth", row, "skywork", None)


def _verl(row: Row) -> Sequence[TestCase]:
    return _with_checker(read_shape(_ground_truth(row), "ground_truth", row, "verl", None), row)


# Python code that tests


def _human_eval(row: Row) -> Sequence[TestCase]:
    entry = row["entry_point"]
    before = _text(row, "prompt") if "." in entry else None  # LeetCode's imports and helpers stand there
    code = f"{row['test']}\n\ncheck({entry})\n"
    return [TestCase(type="assert", code=code, before=before or None)]


def _big_code_bench(row: Row) -> Sequence[TestCase]:
    return [TestCase(type="assert", code=row["test"], runner="unittest")]


def _kod_code(row: Row) -> Sequence[TestCase]:
    return [TestCase(type="assert", code=row["test"], runner="pytest")]


def _mbpp_plus(row: Row) -> Sequence[TestCase]:
    return [TestCase(type="assert", code=row["test"])]


def _mbpp(row: Row) -> Sequence[TestCase]:
    return read_shape(row["test_list"], "test_list", row, "mbpp", None)


def _ds1000(row: Row) -> Sequence[TestCase]:
    context = row["code_context"]
    more = "\ntest_string(__r1_solution__)\n" if "def test_string(" in context else "\n"
    return [TestCase(type="assert", code=f"{context}\ntest_execution(__r1_solution__){more}")]


# Programs with test code, in any language


def _is_multipl_e(row: Row, tests: object) -> bool:
    return isinstance(tests, str) and bool(row.get("stop_tokens") or row.get("doctests") or row.get("original"))


def _multipl_e(row: Row) -> Sequence[TestCase]:
    return [TestCase(type="program", code=row["tests"], form="multipl_e")]


def _human_eval_x(row: Row) -> Sequence[TestCase]:
    if str(row["task_id"]).startswith("Python/"):
        return [TestCase(type="assert", code=row["test"])]
    return [TestCase(type="program", code=f"{_text(row, 'test_setup')}\n{row['test']}")]  # Go's: package and imports


_TESTS_OF_PYTEST = re.compile(r"^(?:async )?def test_?\w*\(|^class Test", re.MULTILINE)
_IMPORTS_PROGRAM = re.compile(r"^\s*(?:from|import) solution\b", re.MULTILINE)
_HUMAN_EVAL_X = re.compile(r"(?:Python|CPP|Java|JavaScript|Go|Rust)/\d+$")


def _has_check(row: Row) -> bool:
    return bool(_text(row, "entry_point")) and "def check(" in _text(row, "test")


_FORMS = (
    _Form("ds1000", lambda row: "def test_execution(" in _text(row, "code_context"), _ds1000),
    _Form(
        "livecodebench", lambda row: bool(row.get("public_test_cases") or row.get("private_test_cases")), _livecodebench
    ),
    _Form("open_r1_ioi", is_ioi, read_ioi),
    _Form("open_r1_codeforces", lambda row: bool(row.get("official_tests")), _codeforces),
    _Form(
        "code_contests",
        lambda row: any(isinstance(row.get(f"{name}_tests"), Mapping) for name in ("public", "private", "generated")),
        _code_contests,
    ),
    _Form("apps", lambda row: bool(row.get("input_output")), _apps),
    _Form("synthetic", lambda row: bool(row.get("verification_info")), _synthetic),
    _Form("multipl_e", lambda row: _is_multipl_e(row, row.get("tests")), _multipl_e),
    _Form(
        "humaneval_x",
        lambda row: (
            bool(_HUMAN_EVAL_X.match(_text(row, "task_id"))) and bool(_text(row, "test")) and not row.get("entry_point")
        ),
        _human_eval_x,
    ),
    _Form("leetcode", lambda row: _has_check(row) and "." in row["entry_point"], _human_eval),
    _Form("humaneval", _has_check, _human_eval),
    _Form("bigcodebench", lambda row: "unittest.TestCase" in _text(row, "test"), _big_code_bench),
    _Form(
        "kodcode",
        lambda row: bool(_IMPORTS_PROGRAM.search(_text(row, "test")) and _TESTS_OF_PYTEST.search(_text(row, "test"))),
        _kod_code,
    ),
    _Form("mbppplus", lambda row: bool(row.get("test_list")) and "assert" in _text(row, "test"), _mbpp_plus),
    _Form("mbpp", lambda row: bool(row.get("test_list")), _mbpp),
    _Form("pairs", lambda row: bool(row.get("test_cases")), _test_cases),
    _Form("skywork", lambda row: bool(_asserts(row)), _skywork),
    _Form("verl", lambda row: holds_tests(_ground_truth(row)), _verl),
)
