"""Tests as they stand in one field: lists and objects of inputs and outputs, asserts, JSON or Python in a text.

| shape | becomes |
| --- | --- |
| `[{"type": ...}, ...]` with our own types | our own |
| `["assert f(1) == 2", ...]` | assert tests |
| `{"inputs", "outputs"}`, `{"input", "output"}` with lists | stdin tests |
| the same with `fn_name` | function tests, compared as JSON |
| `[{"input", "output", "testtype" or "type"}, ...]` | stdin or function tests |
| `{"functional"}`, `{"assert_case"}`, `{"test_code", "entry_point"}` | assert tests |

Texts that a data set's own grader compares are compared as it does (checker `judged`).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from ...verifiers.cases import TEST_NEEDS, TestCase, type_name
from ...verifiers.errors import SampleError
from .unknown import unknown_form

_ASSERT = re.compile(r"^[ \t]*+assert\b", re.MULTILINE)
_CALLS = ("functional", "function_call", "call", "call_based", "function")
_STREAMS = ("stdin", "stdin_stdout", "stdio", "standard_input", "std", "input_output")


def read_shape(value: object, name: str, row: Mapping[str, Any], form: str, checker: str | None) -> list[TestCase]:
    """Tests in any of the shapes above; `row` is where they stood, for what belongs to them.

    Raises SampleError, naming the field, for anything else.
    """
    value = plain(value, name)
    if isinstance(value, Mapping):
        for first, second in (("inputs", "outputs"), ("input", "output")):
            if isinstance(value.get(first), list) and isinstance(value.get(second), list):
                return _pairs(value, value[first], value[second], name, row, form, checker)
        code = python_tests(value, row, form)
        if code:
            return code
        if "test_cases" in value or "tests" in value:
            inner = value.get("test_cases", value.get("tests"))
            return read_shape(inner, f"{name}.test_cases", {**row, **value}, form, checker)
        held = ", ".join(map(repr, list(value)[:6])) or "nothing"
        raise unknown_form(f"{name} must be a list of tests, or an object with the lists `inputs` and `outputs`; "
                           f"it holds {held}")  # fmt: skip
    if not isinstance(value, list):
        raise SampleError("wrong_type", f"{name} must be a list or an object, got {type_name(value)}")
    return [_test(_plain_item(item), f"{name}[{index}]", row, form, checker) for index, item in enumerate(value)]


def python_tests(value: Mapping[str, Any], row: Mapping[str, Any], form: str) -> list[TestCase]:
    """Tests that an object holds as Python; empty where it holds none.

    rLLM keeps LeetCode's under `functional`, Skywork as `check` under `test_code`, verl lists under `assert_case`.
    """
    if isinstance(value.get("functional"), str) and value["functional"].strip():
        return [TestCase(type="assert", code=value["functional"], form="rllm")]
    code, entry, before = value.get("test_code"), value.get("entry_point"), value.get("import_prefix") or ""
    if isinstance(code, str) and isinstance(entry, str) and isinstance(before, str) and "def check(" in code:
        code = f"{code}\n\ncheck({entry})\n"
        if "." in entry:
            return [TestCase(type="assert", code=code, before=before or None, form="skywork")]
        return [TestCase(type="assert", code=f"{before}\n{code}", form="skywork")]
    listed = value.get("assert_case") or value.get("asserts")
    if isinstance(listed, list) and are_asserts(listed):
        return [_test(item, "assert_case", row, form, None) for item in listed]
    return []


def are_asserts(value: object) -> TypeGuard[list[str]]:
    """Whether a list holds asserts, each a text.

    >>> are_asserts(["assert f(1) == 2"]), are_asserts(["1/2"])
    (True, False)
    """
    return isinstance(value, list) and bool(value) and all(isinstance(x, str) and _ASSERT.search(x) for x in value)


def plain(value: object, name: str) -> object:
    """Look through JSON in texts, and through Python literals, which some data sets hold in its place."""
    for _ in range(3):  # some data sets wrap it twice
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            try:
                value = ast.literal_eval(str(value).strip())
            except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
                raise unknown_form(f"{name} is a text that is not JSON") from None
    return value


def _plain_item(item: object) -> object:
    if isinstance(item, str) and item.lstrip().startswith("{"):
        try:
            return json.loads(item)
        except (ValueError, RecursionError):
            return item
    return item


def _test(value: object, name: str, row: Mapping[str, Any], form: str, checker: str | None) -> TestCase:
    if isinstance(value, str):
        before = [row.get("test_setup_code") or "", *_lines(row.get("test_imports"))]
        code = "\n".join([*filter(None, map(str, before)), value])
        return TestCase(type="assert", code=code, form=form)
    if not isinstance(value, Mapping):
        raise SampleError("wrong_type", f"{name} must be an object, got {type_name(value)}")
    kind = value.get("testtype", value.get("type"))
    ours = isinstance(kind, str) and kind in TEST_NEEDS and all(value.get(n) is not None for n in TEST_NEEDS[kind])
    if "testtype" not in value and (ours or not ("input" in value and "output" in value)):
        if isinstance(kind, str) and kind not in TEST_NEEDS and kind not in (*_CALLS, *_STREAMS):
            raise unknown_form(f"{name} has the type {kind!r}; known: {', '.join((*TEST_NEEDS, *_CALLS, *_STREAMS))}")
        return TestCase.from_dict(value, name)
    if kind is not None and kind not in (*_CALLS, *_STREAMS):
        raise unknown_form(f"{name} has the type {kind!r}; known: {', '.join((*_CALLS, *_STREAMS))}")
    function = _function(value, row, needed=kind in _CALLS)
    if kind in _STREAMS:
        function = None
    named = value.get("checker", checker)
    return _pair(value["input"], value["output"], function, name, named, form)


def _pairs(
    value: Mapping[str, Any], inputs: list[Any], outputs: list[Any], name: str, row: Mapping[str, Any], form: str,
    checker: str | None,
) -> list[TestCase]:  # any: JSON values  # fmt: skip
    if len(inputs) != len(outputs):
        raise SampleError("wrong_type", f"{name} has {len(inputs)} inputs and {len(outputs)} outputs")
    function = value.get("fn_name") or value.get("func_name") or row.get("fn_name")
    if function is not None and not isinstance(function, str):
        raise SampleError("wrong_type", f"{name}.fn_name must be a string, got {type_name(function)}")
    checker = value.get("checker", checker)
    together = zip(inputs, outputs, strict=True)
    return [
        _pair(one, other, function, f"{name}[{index}]", checker, form) for index, (one, other) in enumerate(together)
    ]


def _pair(arguments: object, expected: object, function: str | None, name: str, checker: object, form: str) -> TestCase:
    if not function:
        chosen = checker if isinstance(checker, str) else "judged"
        return TestCase(
            type="stdin", input=_stream(arguments, name), output=_stream(expected, name), checker=chosen, form=form
        )
    if isinstance(arguments, str):  # one argument a line, each as JSON
        arguments = [_json(line, name) for line in arguments.splitlines() if line.strip()]
    elif isinstance(arguments, Mapping):
        keywords = {str(key): item for key, item in arguments.items()}
        entry = f"(lambda _k: {_entry(function)}(**_k))"
        return TestCase(
            type="function", entry=entry, args=repr((keywords,)), expected=repr(_json_or_text(expected)),
            checker=_value_checker(checker), form=form,
        )  # fmt: skip
    if not isinstance(arguments, list):
        raise SampleError("wrong_type", f"{name}: the arguments must be a list, got {type_name(arguments)}")
    expected = _json_or_text(expected)
    # JSON has no keys but texts; what was a number before comes back as one, as APPS's own grader has it.
    arguments = [_with_number_keys(argument) for argument in arguments]
    return TestCase(
        type="function", entry=function, args=repr(tuple(arguments)), expected=repr(expected),
        checker=_value_checker(checker), form=form,
    )  # fmt: skip


def _value_checker(checker: object) -> str:
    """As JSON; APPS and TACO wrap what is returned in a list, but not always."""
    return checker if isinstance(checker, str) and checker not in ("judged", "contest") else "json_near"


def _entry(name: str) -> str:
    return f"({name} if {name!r} in globals() else Solution().{name})" if name.isidentifier() else name


def _with_number_keys(value: object) -> object:
    if isinstance(value, dict) and value and all(isinstance(key, str) and _is_whole(key) for key in value):
        return {int(key): item for key, item in value.items()}
    return value


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii() and str(int(text)) == text


def _function(value: Mapping[str, Any], row: Mapping[str, Any], *, needed: bool) -> str | None:
    """The function that a test calls, which LiveCodeBench names in another column."""
    metadata = row.get("metadata")
    own = value.get("metadata")
    for held in (value, _object(own), _object(metadata), row):
        for key in ("fn_name", "func_name"):
            if isinstance(held.get(key), str) and held[key]:
                return str(held[key])
    if needed:
        raise SampleError("missing_field", "a functional test needs `func_name` in `metadata`")
    return None


def _object(value: object) -> Mapping[str, Any]:
    try:
        value = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}


def _stream(value: object, name: str) -> str:
    """A text, or what stands for one: a number, or a list of lines, each a text or a list of words."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        lines = []
        for line in value:
            if isinstance(line, list):
                if not all(isinstance(word, str | int | float) for word in line):
                    raise SampleError("wrong_type", f"{name}: a line is a list of {type_name(line[0])}")
                lines.append(" ".join(str(word).rstrip("\n") for word in line))
            elif isinstance(line, str | int | float):
                lines.append(str(line).rstrip("\n"))
            else:
                raise SampleError("wrong_type", f"{name}: a line is a {type_name(line)}")
        return "\n".join(lines)
    raise SampleError("wrong_type", f"{name}: text or a list of lines is wanted, got {type_name(value)}")


def _json(text: str, name: str) -> Any:  # any: a JSON value
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        try:
            return ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            raise SampleError("wrong_type", f"{name}: the argument {text[:60]!r} is not JSON") from None


def _json_or_text(value: object) -> Any:  # any: a JSON value
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _lines(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value] if value else []
