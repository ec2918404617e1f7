"""Test cases, and reading them from the shapes in which data sets hold them.

| shape | where | becomes |
| --- | --- | --- |
| `[{"type": ...}, ...]` | `tests` | our own |
| `["assert f(1) == 2", ...]` | `tests`, MBPP's `test_list` (`test_setup_code`, `test_imports` before) | assert tests |
| `{"inputs", "outputs"}` | `tests`, `input_output` of APPS and TACO | stdin tests |
| the same with `fn_name` | the same | function tests, compared as JSON |
| `[{"input", "output", "testtype"}, ...]` | `tests`, LiveCodeBench's `public_test_cases` | stdin or function tests |
| a text that defines `check`, with `entry_point` | HumanEval's `test` | one assert test |

Any of them may be JSON in a string. What is not read: pickles, such as LiveCodeBench's `private_test_cases`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from .errors import SampleError


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCase:
    """One test of a program.

    `function` calls `entry(*args)` and compares with `expected`; `stdin` feeds `input` and compares standard
    output with `output`; `assert` runs `code` after the program; `program` appends `code` and asks for exit 0.

    >>> TestCase(type="stdin", input="2 3", output="5").checker
    'tokens'
    """

    __test__: ClassVar[bool] = False  # pytest takes classes called Test* for its own

    type: Literal["function", "stdin", "assert", "program"]
    """How the test is run."""
    entry: str | None = None
    """function: the name to call."""
    args: str | None = None
    """function: a Python tuple literal."""
    expected: str | None = None
    """function: a Python literal."""
    input: str | None = None
    """stdin: what the program reads."""
    output: str | None = None
    """stdin: what it should write."""
    checker: str = "tokens"
    """stdin: how outputs are compared; function: equal as in Python, or with `json`
    as JSON, where a tuple is a list (`json_wrapped`: or equal to the only item of a list); `own:NAME` is one of
    `CodeVerifier.checkers`."""
    code: str | None = None
    """assert, program: the code that tests."""

    def __post_init__(self) -> None:
        if not isinstance(self.type, str) or self.type not in _TEST_NEEDS:
            raise SampleError("wrong_type", f"type {self.type!r} is none of {', '.join(_TEST_NEEDS)}")
        for need in _TEST_NEEDS[self.type]:
            if getattr(self, need) is None:
                raise SampleError("missing_field", f"type {self.type!r} needs {need!r}")
        for name in _TEST_FIELDS:
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise SampleError("wrong_type", f"{name} must be a string, got {_type(value)}")
        if self.checker != "tokens":
            _check_checker(self.type, self.checker)


def _check_checker(kind: str, name: str) -> None:
    """Raise SampleError for a checker that no verifier would know."""
    from ..sandbox import checkers  # most tests name none, and need none of what it imports

    try:
        if kind == "stdin" and not name.startswith(OWN):
            checkers.checker(name)
        elif kind == "function" and not name.startswith(OWN):
            checkers.value_checker(name)
    except ValueError as error:
        raise SampleError("wrong_type", f"{error}, or {OWN}NAME for one of CodeVerifier(checkers=...)") from error


OWN = "own:"
"""Begins the name of a checker that is given to the verifier, not one of the sandbox's."""
_TEST_NEEDS = {
    "function": ("entry", "args", "expected"),
    "stdin": ("input", "output"),
    "assert": ("code",),
    "program": ("code",),
}
_TEST_FIELDS = tuple(f.name for f in dataclasses.fields(TestCase))


def read_tests(value: object, name: str = "tests", row: Mapping[str, Any] | None = None) -> Sequence[TestCase]:
    """Tests in any of the shapes above; `row` is where they stood, for what belongs to them.

    Raises SampleError, naming the field, for anything else.

    >>> read_tests({"inputs": ["2 3", ["4", "5"]], "outputs": ["5", "9"]})[1].input
    '4\\n5'
    >>> read_tests('{"fn_name": "add", "inputs": [[2, 3]], "outputs": [5]}')[0].args
    '(2, 3)'
    """
    row = row or {}
    value = _plain(value, name)
    if isinstance(value, Mapping):
        return _pairs(value, name)
    if not isinstance(value, list):
        raise SampleError("wrong_type", f"{name} must be a list or an object, got {_type(value)}")
    return [_test(_plain_item(item), f"{name}[{index}]", row) for index, item in enumerate(value)]


def find_tests(row: Mapping[str, Any], *, sure: bool) -> Sequence[TestCase]:
    """The tests of a row that has them under a name of some data set; empty where it has none.

    `sure` says that the row is about code: then a field of such a name that cannot be read raises SampleError.

    >>> len(find_tests({"test_list": ["assert f(1) == 2"], "test_setup_code": "import math"}, sure=False))
    1
    """
    try:
        if isinstance(row.get("test"), str) and isinstance(row.get("entry_point"), str) and "check" in row["test"]:
            return [TestCase(type="assert", code=f"{row['test']}\n\ncheck({row['entry_point']})\n")]
        for name in ("test_list", "input_output", "public_test_cases"):
            if row.get(name):
                return read_tests(row[name], name, row)
    except SampleError:
        if sure:
            raise
    return ()


def _plain(value: object, name: str) -> object:
    """Look through JSON in strings."""
    for _ in range(2):  # some data sets wrap it twice
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise SampleError("wrong_type", f"{name} is a text that is not JSON") from None
    return value


def _plain_item(item: object) -> object:
    if isinstance(item, str) and item.lstrip().startswith("{"):
        try:
            return json.loads(item)
        except (ValueError, RecursionError):
            return item
    return item


def _test(value: object, name: str, row: Mapping[str, Any]) -> TestCase:
    if isinstance(value, str):
        before = [row.get("test_setup_code") or "", *_lines(row.get("test_imports"))]
        return TestCase(type="assert", code="\n".join([*filter(None, map(str, before)), value]))
    if not isinstance(value, Mapping):
        raise SampleError("wrong_type", f"{name} must be an object, got {_type(value)}")
    if "type" not in value and "input" in value and "output" in value:
        return _pair(value["input"], value["output"], _function(value, row), name, value.get("checker"))
    told = {key: value[key] for key in _TEST_FIELDS if value.get(key) is not None}
    try:
        return TestCase(**{"type": None, **told})
    except SampleError as error:
        raise SampleError(error.reason, f"{name}.{error}") from error


def _pairs(value: Mapping[str, Any], name: str) -> Sequence[TestCase]:
    inputs, outputs = value.get("inputs"), value.get("outputs")
    if not isinstance(inputs, list) or not isinstance(outputs, list):
        told = f"{name} must be a list of tests, or an object with the lists `inputs` and `outputs`"
        raise SampleError("wrong_type", told)
    if len(inputs) != len(outputs):
        raise SampleError("wrong_type", f"{name} has {len(inputs)} inputs and {len(outputs)} outputs")
    function = value.get("fn_name")
    if function is not None and not isinstance(function, str):
        raise SampleError("wrong_type", f"{name}.fn_name must be a string, got {_type(function)}")
    checker = value.get("checker")
    together = zip(inputs, outputs, strict=True)
    return [_pair(one, other, function, f"{name}[{index}]", checker) for index, (one, other) in enumerate(together)]


def _pair(given: object, wanted: object, function: str | None, name: str, checker: object) -> TestCase:
    if function is None:
        chosen = checker if isinstance(checker, str) else "tokens"
        return TestCase(type="stdin", input=_stream(given, name), output=_stream(wanted, name), checker=chosen)
    if isinstance(given, str):  # LiveCodeBench: one argument a line, each as JSON
        given = [_json(line, name) for line in given.splitlines() if line.strip()]
    if not isinstance(given, list):
        raise SampleError("wrong_type", f"{name}: the arguments must be a list, got {_type(given)}")
    if checker is None:
        # APPS and TACO wrap what is returned in a list, but not always.
        wrapped = isinstance(wanted, list) and len(wanted) == 1
        checker = "json_wrapped" if wrapped else "json"
    wanted = _json_or_text(wanted) if isinstance(wanted, str) else wanted
    args, expected = repr(tuple(given)), repr(wanted)
    return TestCase(type="function", entry=function, args=args, expected=expected, checker=str(checker))


def _function(value: Mapping[str, Any], row: Mapping[str, Any]) -> str | None:
    """The function that LiveCodeBench names in another column, for tests that call one."""
    if value.get("testtype") != "functional":
        return None
    metadata = row.get("metadata")
    try:
        metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
    except (ValueError, RecursionError):
        metadata = None
    for held in (value, metadata, row):
        for key in ("fn_name", "func_name"):
            if isinstance(held, Mapping) and isinstance(held.get(key), str):
                return str(held[key])
    raise SampleError("missing_field", "a functional test needs `func_name` in `metadata`")


def _stream(value: object, name: str) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(line.rstrip("\n") for line in value)
    if not isinstance(value, str):
        raise SampleError("wrong_type", f"{name}: text or a list of lines is wanted, got {_type(value)}")
    return value


def _json(text: str, name: str) -> Any:  # any: a JSON value
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise SampleError("wrong_type", f"{name}: the argument {text[:60]!r} is not JSON") from None


def _json_or_text(text: str) -> Any:  # any: a JSON value
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _lines(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value] if value else []


def _type(value: object) -> str:
    return "null" if value is None else type(value).__name__
