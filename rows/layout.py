"""What the names of a row's columns say, before its values are looked at; worked out once for rows of one shape.

| names | examples |
| --- | --- |
| of the table (`aliases.py`), by tool and in general, in any spelling | `completion`, `Ground Truth` |
| whose words say what they hold | `llm_output`, `gpt4_response`, `decoded_output`; `true_answer`, `expected_result` |
| one response a column, by number | `response_1`, `response_2` |
| inside an object that holds the row of the data set | `doc.answer`, `sample.question`, `metadata.gold` |

What it does not do: read a name that may be either, such as `text` or `actual_answer`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from ..verifiers.sample import SAMPLE_FIELDS
from . import capabilities
from .aliases import ALIASES, BY_NAME, CONVERSATIONS, SHORT, TOOLS, Tool, folded
from .cases.forms import FORM_COLUMNS
from .options import OPTION_COLUMNS, OPTION_MARKS
from .paths import parse_path

MAPPABLE = (*SAMPLE_FIELDS, "responses")
"""Fields that may be found under another name."""

_WRITER = (
    r"(?:model|llm|lm|agent|assistant|ai|bot|policy|student|generated|gen|full|final|decoded|rollout|sampled|greedy|vllm"
    r"|(?:gpt|claude|llama|qwen|deepseek|gemini|gemma|mistral|phi|r1|o1|o3|o4)[a-z\d.]{0,12}?)"
)
_RESPONSE = re.compile(
    rf"{_WRITER}(?:response|output|completion|generation|reply)(?:text|raw|str|string)?|(?:model|llm|generated)prediction"
    rf"|{_WRITER}(?<!full)(?<!final)(?:solution|attempt)"
)
_RESPONSES = re.compile(rf"{_WRITER}(?:responses|outputs|completions|generations|rollouts|attempts)")
_GOLD = re.compile(
    r"(?:gold|golden|true|correct|right|expected|target|reference|ref|standard|std|official|groundtruth|gt|ideal)"
    r"(?:final|numeric|numerical)?(?:answer|solution|result|label)"
    r"|(?:gold|golden|correct|expected|target|ideal)(?:response|completion)"  # `reference_response`: a model's
    r"|(?:gold|true|correct|groundtruth)value|(?:numeric|numerical|exact)answer"
)
"""Names without spaces and underscores, in lower case. A `full` or `final` solution may be the gold's."""
_NUMBERED = re.compile(r"(response|output|completion|generation|rollout|attempt)s?[ _-]?(\d{1,3})", re.IGNORECASE)
_INPUTS = re.compile(r"(?:input|in)s?[ _-]?\d{1,3}", re.IGNORECASE)

_WITH_RESPONSES = ("row", "sample", "item", "example", "record", "data", "fields", "entry")
"""Objects that may hold the row of a data set, with a response."""
_OF_ROWS = (
    *(*_WITH_RESPONSES, "doc", "instance", "task", "problem", "question", "input", "inputs", "inputs.example"),
    *("datum", "task_data"),
)
"""Objects that may hold one with its gold."""
_OF_MORE = ("metadata", "meta", "extra_info", "info", "extra", "extra_fields", "additional_info")
"""Objects that may hold anything."""
_SURE = (
    *("answer", "ground_truth", "gold", "gold_answer", "golden_answer", "expected_answer", "correct_answer"),
    *("reference_answer", "final_answer", "gt", "gt_answer", "solution"),
)
"""Names of a gold that say nothing else in an object."""
_HOLDERS = frozenset(path.partition(".")[0] for path in (*_OF_ROWS, *_OF_MORE))


class RowColumns(NamedTuple):
    """What the names of a row's fields say, before its values are looked at."""

    plain: bool
    """Whether it has our own names alone."""
    tests: bool
    """Whether it has a column in which tests may be."""
    paths: Mapping[str, tuple[str, ...]]
    """Where each field may stand: paths whose first step is there."""
    inner: Mapping[str, tuple[str, ...]]
    """Where it may stand in an object that holds a row, if it stands nowhere else."""
    numbered: tuple[str, ...]
    """Columns of one response each, by number."""
    tools: tuple[Tool, ...]
    """Tools that it may be from."""


_EXACT = frozenset(path for name, paths in ALIASES.items() for path in (name, *paths))
_SPELLINGS: Mapping[str, frozenset[str]] = {
    name: frozenset(folded(path) for path in (name, *ALIASES[name]) if "." not in path)
    for name in ("response", "responses", "prompt", "reference")
}
"""Usual names without case, spaces, hyphens and underscores, under which others may be spelt."""
_PATTERNS = {"response": _RESPONSE, "responses": _RESPONSES, "reference": _GOLD}


@lru_cache(maxsize=512)
def layout_of(keys: tuple[str, ...], columns: tuple[tuple[str, str | None], ...], tool: str) -> RowColumns:
    """The layout of rows with these columns, as a user's map and a tool read them.

    >>> layout_of(("gpt4_response", "true_answer"), (), "auto").paths["reference"]
    ('true_answer',)
    """
    there = frozenset(keys)
    paths = {name: _there((name, *ALIASES.get(name, ())), there) for name in MAPPABLE}
    for name, spellings in _SPELLINGS.items():
        paths[name] += tuple(key for key in keys if key not in _EXACT and folded(key) in spellings)
    for name, pattern in _PATTERNS.items():
        paths[name] += tuple(
            key for key in keys if key not in _EXACT and key not in paths[name] and pattern.fullmatch(folded(key))
        )
    paths["response"] = tuple(sorted(paths["response"], key=lambda path: path in SHORT))
    tools = tuple(t for t in TOOLS if needs_of(t, there))
    tools = tools if tool == "auto" else (BY_NAME[tool],)
    own = all(path in ((), (name,)) for name, path in paths.items() if name != "responses")
    # A response that is text has nothing in it by which a tool is known.
    known = [
        t for t in tools if any(not any(path.startswith("response.") for path in need) for need in needs_of(t, there))
    ]
    tests = not there.isdisjoint(FORM_COLUMNS)
    whole = "response" in there and (tests or not there.isdisjoint(("reference", "tests")))
    inner = {} if whole else _inner(there)
    plain_row = own and not columns and not known and tool == "auto" and "response" in there and not inner
    plain_row = plain_row and there.isdisjoint(CONVERSATIONS) and there.isdisjoint(OPTION_COLUMNS)
    plain_row = plain_row and there.isdisjoint(capabilities.MARKERS) and there.isdisjoint(OPTION_MARKS)
    return RowColumns(plain_row, tests, paths, inner, _numbered(keys), tools)


def needs_of(tool: Tool, there: frozenset[str]) -> list[tuple[str, ...]]:
    """The sets of fields by which rows with these columns may be a tool's."""
    return [need for need in tool.needs if all(_starts(path) in there for path in need)]


def _there(paths: Iterable[str], keys: frozenset[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for path in paths if path in keys or _starts(path) in keys))


@lru_cache(maxsize=1_024)
def _starts(path: str) -> str:
    return str(parse_path(path)[0])


def _inner(there: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Paths into the objects that may hold a row, of those that are there."""
    if there.isdisjoint(_HOLDERS):
        return {}
    rows = [path for path in _OF_ROWS if path.partition(".")[0] in there]
    spoken = [holder for holder in rows if holder in _WITH_RESPONSES]
    golds = [(holder, name) for holder in spoken for name in ("reference", "answerKey")]
    golds += [(holder, name) for holder in (*rows, *_OF_MORE) if _starts(holder) in there for name in _SURE]
    return {
        "reference": tuple(f"{holder}.{name}" for holder, name in golds),
        "prompt": tuple(f"{holder}.{name}" for holder in rows for name in ALIASES["prompt"] if "." not in name),
        "response": tuple(
            f"{holder}.{name}"
            for holder in spoken
            for name in ALIASES["response"]
            if "." not in name and name not in SHORT
        ),
    }


def _numbered(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Columns called alike but for their numbers, which follow one another from 0 or 1; at least two.

    >>> _numbered(("prompt", "output_0", "output_1")), _numbered(("output_0", "output_2")), _numbered(("sample_1",))
    (('output_0', 'output_1'), (), ())
    """
    matches = [(key, match) for key in keys if (match := _NUMBERED.fullmatch(key))]
    stems = {match[1].casefold() for _, match in matches}
    numbers = sorted(int(match[2]) for _, match in matches)
    if len(stems) != 1 or len(numbers) < 2 or numbers[0] > 1 or numbers != list(range(numbers[0], numbers[-1] + 1)):
        return ()
    if any(map(_INPUTS.fullmatch, keys)):  # tests: input_1, output_1
        return ()
    return tuple(key for key, _ in sorted(matches, key=lambda pair: int(pair[1][2])))
