"""Problems of the IOI as open-r1 holds them: a row for each subtask, its tests by name.

A subtask is worth its points where all its tests pass, and nothing else; a problem is worth what its subtasks are. Most
problems come with a grader that the program is compiled with, which is not run here: those are not judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...verifiers.cases import TestCase
from ...verifiers.errors import SampleError
from ..values import Row
from .unknown import unknown_form

_INPUTS, _OUTPUTS = ("input", "test_input"), ("output", "test_output")


def is_ioi(row: Row) -> bool:
    """Whether a row is a subtask, or a problem with its `subtasks`."""
    held = row.get("subtasks")
    if row.get("test_names") and "subtask" in row:
        return True
    return (
        isinstance(held, list)
        and bool(held)
        and all(isinstance(one, Mapping) for one in held)
        and "test_names" in held[0]
    )


def read_ioi(row: Row) -> list[TestCase]:
    """The tests of a row, each with its subtasks. Raises SampleError for a problem that needs its own grader.

    >>> row = {"subtask": "1", "score": 6, "test_names": ["1-01"], "test_cases": [["2", "4"]]}
    >>> read_ioi(row)[0].subtasks
    '1=6'
    """
    if any(_content(file) for file in row.get("grader_files") or ()):
        raise unknown_form("the problem needs its own grader (grader_files), which is not run here")
    kind = row.get("task_type")
    if isinstance(kind, str) and kind and kind.lower() != "batch":
        raise unknown_form(f"the problem is of the type {kind!r}, which needs its own grader, which is not run here")
    subtasks = row.get("subtasks") or [row]
    names = list(dict.fromkeys(name for one in subtasks for name in one["test_names"]))
    cases = row.get("test_cases")
    if isinstance(cases, list) and len(cases) == len(names):
        cases = dict(zip(names, cases, strict=True))
    if not isinstance(cases, Mapping) or not cases.keys() >= set(names):
        raise SampleError(
            "missing_field", "the row names its tests in test_names; test_cases must hold as many, or hold them by name"
        )
    return [_test(name, cases[name], subtasks) for name in names]


def _content(file: Any) -> bool:  # any: a JSON value
    """Whether a file, a pair of a name and a text or an object of them, holds anything."""
    parts = list(file.values()) if isinstance(file, Mapping) else file
    return bool(parts[-1]) if isinstance(parts, list | tuple) and parts else bool(parts)


def _test(name: str, case: Any, subtasks: list[Mapping[str, Any]]) -> TestCase:  # any: JSON values
    worth = [f"{_name(one)}={_points(one)}" for one in subtasks if name in one["test_names"]]
    if isinstance(case, Mapping):
        case = [next((case[key] for key in keys if key in case), None) for keys in (_INPUTS, _OUTPUTS)]
    if not isinstance(case, list | tuple) or len(case) != 2 or not all(isinstance(text, str) for text in case):
        raise SampleError("wrong_type", f"test_cases[{name!r}] must be a pair of texts, input and output")
    return TestCase(type="stdin", input=case[0], output=case[1], subtasks=",".join(worth))


def _name(subtask: Mapping[str, Any]) -> str:  # any: JSON values
    name = str(subtask.get("subtask", subtask.get("name")))
    return name.replace("=", "-").replace(",", "-")


def _points(subtask: Mapping[str, Any]) -> float:  # any: JSON values
    points = subtask.get("score", subtask.get("points"))
    if isinstance(points, bool) or not isinstance(points, int | float) or not points >= 0:
        raise SampleError("wrong_type", f"the subtask {_name(subtask)} must have a score from 0, got {points!r}")
    return points
