"""Reference solutions of a code row, in the columns in which data sets hold them.

| columns | data sets |
| --- | --- |
| `solutions`: a list of programs, also as JSON in a string | APPS, TACO, DeepCoder |
| `solutions`: `{"language": [...], "solution": [...]}`, or a list of such pairs | CodeContests |
| `canonical_solution` | HumanEval, HumanEval+, EvoEval, BigCodeBench, HumanEval-X |
| `code` | MBPP, MBPP+ |
| `solution` | KodCode, our own rows |
| `gold_standard_solution` | SYNTHETIC-1 |
| `reference_code` | DS-1000 |
| `completion` | LeetCodeDataset |

It does not say whether a solution is right: `r1-reward check` runs them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..verifiers.code.modules import SOLUTION_COLUMNS
from ..verifiers.sample import Sample

_OF_FORMS = {"leetcode": "completion"}
"""Columns that hold a solution in one form, and a model's response elsewhere."""
_CODE_CONTESTS = {0: "unknown", 1: "python2", 2: "cpp", 3: "python", 4: "java"}
"""CodeContests' numbers for languages."""
_PROGRAM_KEYS = ("solution", "code", "program", "source")


class Solution(NamedTuple):
    """A program that should pass the tests of its row."""

    program: str
    language: str | None
    """As its data set names it; None where it does not."""
    column: str
    """Where it stands."""


def reference_solutions(sample: Sample) -> list[Solution]:
    """The solutions that a row holds, in its order; its reference where no column holds any.

    >>> [s.program for s in reference_solutions(Sample(response="", meta={"solutions": '["print(1)", "print(2)"]'}))]
    ['print(1)', 'print(2)']
    """
    form = next((test.form for test in sample.tests if test.form), None)
    columns = (*SOLUTION_COLUMNS, _OF_FORMS[form]) if form in _OF_FORMS else SOLUTION_COLUMNS
    extra = sample.meta.get("extra_info")
    for row in (sample.meta, extra if isinstance(extra, Mapping) else {}):
        for column in columns:
            solutions = [Solution(*pair, column) for pair in _programs(row.get(column)) if pair[0].strip()]
            if solutions:
                return solutions
    return [Solution(text, None, "reference") for text in sample.references if text.strip()]


def _programs(value: Any) -> Iterator[tuple[str, str | None]]:  # any: a JSON value
    if isinstance(value, str):
        listed = _listed(value)
        if listed is None:
            yield value, None
        else:
            yield from _programs(listed)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, str):
                yield item, None
            elif isinstance(item, Mapping):
                yield from _one(item)
    elif isinstance(value, Mapping):
        languages, programs = value.get("language"), value.get("solution")
        if isinstance(languages, list) and isinstance(programs, list):
            for language, program in zip(languages, programs, strict=False):
                yield from _one({"language": language, "solution": program})
        else:
            yield from _one(value)


def _listed(text: str) -> list[Any] | None:  # any: JSON values
    """A list of strings that stands as JSON in a text."""
    if not text.lstrip().startswith("["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) and all(isinstance(item, str | dict) for item in value) else None


def _one(item: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:  # any: JSON values
    program = next((item[key] for key in _PROGRAM_KEYS if isinstance(item.get(key), str)), None)
    if program is not None:
        named = item.get("language", item.get("lang"))
        if isinstance(named, int):
            named = _CODE_CONTESTS.get(named, "unknown")
        yield program, named.lower() if isinstance(named, str) and named else None
