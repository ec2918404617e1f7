"""Whether what a data set wrote imports a module, so that a program is not to blame for its absence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..sample import Sample

SOLUTION_COLUMNS = (
    *("canonical_solution", "reference_solution", "gold_standard_solution", "correct_solution", "solution"),
    *("reference_code", "solution_code", "code", "solutions", "correct_solutions", "accepted_solutions"),
)
"""Columns that may hold reference solutions."""
_PROMPTS = ("code_prompt", "complete_prompt")
"""Columns in which rows hold the beginning of a solution."""
_ESCAPED = str.maketrans({'"': "\n"})


def needs_module(sample: Sample, module: str) -> bool:
    """Whether the tests, the prompt or a reference solution of a row import a module."""
    pattern = re.compile(rf"^[ \t>]*(?:import|from)[ \t]+(?:[\w.]+[ \t]*,[ \t]*)*{re.escape(module)}\b", re.MULTILINE)
    return any(pattern.search(text) for text in _texts(sample))


def _texts(sample: Sample) -> Iterator[str]:
    for test in sample.tests:
        yield from (test.code or "", test.before or "")
    yield from (sample.prompt_text, *sample.references)
    extra = sample.meta.get("extra_info")
    columns = (*SOLUTION_COLUMNS, "completion") if _is_leetcode(sample) else SOLUTION_COLUMNS
    for row in (sample.meta, extra if isinstance(extra, Mapping) else {}):
        for name in (*_PROMPTS, *columns):
            # A column such as `code` may be the one that the response was taken from.
            yield from (text for text in _strings(row.get(name)) if text != sample.response)


def _is_leetcode(sample: Sample) -> bool:
    """A form that holds its solution where others hold a response."""
    return any(test.form == "leetcode" for test in sample.tests)


def _strings(value: object, depth: int = 0) -> Iterator[str]:
    """The texts in a column; of JSON in a text its lines."""
    if isinstance(value, str):
        yield value.replace("\\n", "\n").translate(_ESCAPED) if value.lstrip().startswith(("[", "{")) else value
    elif isinstance(value, list | Mapping) and depth < 4:
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(item, depth + 1)
