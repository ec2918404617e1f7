"""Rows inside one JSON document: a log's samples, a table as columns or as records, results under a usual name.

| document | rows |
| --- | --- |
| inspect's log: `eval`, `samples` | its samples |
| `{"0": {...}, "1": {...}}`, as OpenCompass writes | the values |
| `{"columns": [...], "data": [[...]]}`: tables of Weights & Biases, pandas' `split` | a row for each list |
| `{"prompt": {"0": ...}, "response": {"0": ...}}`, pandas' `columns` | a row for each key |
| `{"rows": [{"row": {...}}]}`, the datasets server | each `row` |
| `{"prompt": ["", ""], "response": ["", ""]}`, a batch as columns | a row for each place |
| `{"results": [{...}]}` and other usual names, also one in another | the objects of the list |
| `{"details": {"0": {...}}}`, OpenCompass' results | the values |
| `{"gsm8k-1": {...}, "gsm8k-2": {...}}`, rows by their id | the values, each with its key as `id` |
| `{"gsm8k-1": [{...}, ...], ...}`, lists of rows by problem or benchmark | the objects of them all, with `key` |

Under a name that is not usual an object is a row only if it has a response beside a gold or a prompt. A document that
has a response, a gold or a prompt of its own is a row, whatever else it holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .aliases import ALIASES, CONVERSATIONS, GOLDS

_HOLDERS: tuple[str, ...] = (
    *("rows", "results", "data", "samples", "examples", "records", "instances", "request_states", "predictions"),
    *("testCases", "test_cases", "details"),
)
"""Names under which a document keeps its rows."""
_OWN = frozenset((*ALIASES["response"], *ALIASES["prompt"], *GOLDS, *CONVERSATIONS, "choices"))
_SPOKEN = frozenset((*ALIASES["response"], *ALIASES["responses"], *CONVERSATIONS, "choices"))
_ASKED = frozenset((*GOLDS, *ALIASES["prompt"]))
_NAMES = frozenset(path.partition(".")[0] for paths in ALIASES.values() for path in paths) | _SPOKEN
"""What a column of a row is called, so that an object of that name is no row."""
_TEST = frozenset("input output testtype type fn_name id name explanation is_hidden is_public points".split())
"""What a test of a program has, which is no row with its response."""
_SINGLE = frozenset(name for name in ALIASES["response"] if not name.endswith("s"))
"""Names of columns that hold one response a row, so that a list there is several rows."""
BEGINNING = rb'\{\s*"(?:columns|features|rows|results|samples|records|request_states|index|schema)"\s*:\s*[\[{]'
"""How such a document begins where it is one line."""

Rows = list[Any]  # any: JSON values


def rows_of(document: Mapping[str, Any]) -> Rows | None:
    """The rows that a document holds; None where it is itself a row.

    >>> rows_of({"columns": ["response", "answer"], "data": [["4", 4]]})
    [{'response': '4', 'answer': 4}]
    >>> rows_of({"results": {"results": [{"response": "4"}]}}), rows_of({"response": "4", "results": [{}]})
    ([{'response': '4'}], None)
    """
    if isinstance(document.get("samples"), list) and "eval" in document:
        return list(document["samples"])
    if document and all(name.isdigit() and isinstance(item, dict) for name, item in document.items()):
        return list(document.values())
    columns, data = document.get("columns"), document.get("data")
    if isinstance(columns, list) and _all(columns, str) and isinstance(data, list) and _fit(data, columns):
        return [dict(zip(columns, row, strict=True)) for row in data]
    if _is_table(document):
        return _by_key(document)
    if _is_batch(document):
        return [dict(zip(document, row, strict=True)) for row in zip(*document.values(), strict=True)]
    if not _OWN.isdisjoint(document):
        return None
    held = _held(document)
    return held if held is not None else _keyed(document)


def _held(document: Mapping[str, Any], depth: int = 0) -> Rows | None:
    for name in _HOLDERS:
        value = document.get(name)
        if isinstance(value, dict) and (numbered := _numbered(value)):
            return numbered
        if isinstance(value, dict) and not depth:
            held = _held(value, 1)
            held = _keyed(value, 1) if held is None else held
            if held is not None:
                return held
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            return [item["row"] if isinstance(item.get("row"), dict) and "row_idx" in item else item for item in value]
    return None


def _keyed(document: Mapping[str, Any], depth: int = 0) -> Rows | None:
    """The rows that stand under their ids, or in lists under any names; beside them there may be words on them all.

    >>> _keyed({"a-1": {"response": "4", "answer": 4}}), _keyed({"model": "m", "good": [{"response": "4", "gold": 4}]})
    ([{'id': 'a-1', 'response': '4', 'answer': 4}], [{'key': 'good', 'response': '4', 'gold': 4}])
    """
    objects = {name: item for name, item in document.items() if isinstance(item, dict)}
    named = objects and len(objects) == len(document) and _NAMES.isdisjoint(objects)
    if named and all(map(_is_row, objects.values())):
        return [{"id": name, **row} for name, row in objects.items()]
    lists = {name: item for name, item in document.items() if isinstance(item, list) and item}
    if lists and all(isinstance(row, dict) and _is_row(row) for item in lists.values() for row in item):
        return [{"key": name, **row} for name, item in lists.items() for row in item]
    if depth == 0 and not lists:  # {"metadata": {...}, "by_problem": {"gsm8k-1": {...}}}
        inner = {name: rows for name, item in objects.items() if (rows := _keyed(item, 1)) is not None}
        if len(inner) == 1:
            return next(iter(inner.values()))
        if inner and len(inner) == len(document):
            return [{"key": name, **row} for name, rows in inner.items() for row in rows]
    return None


def _is_row(item: Mapping[str, Any]) -> bool:
    """Whether an object has a response beside a gold or a prompt, and is no test of a program.

    >>> _is_row({"input": "2+2?", "output": "4", "target": "4"}), _is_row({"input": "1 2", "output": "3"})
    (True, False)
    """
    return not item.keys() <= _TEST and not _SPOKEN.isdisjoint(item) and not _ASKED.isdisjoint(item)


def _numbered(value: Mapping[str, Any]) -> Rows:
    """The objects under numbers, beside which there may be a word about them all."""
    rows = [item for name, item in value.items() if name.isdigit()]
    others = [item for name, item in value.items() if not name.isdigit()]
    nested = any(isinstance(item, dict | list) for item in others)
    return rows if not nested and all(isinstance(row, dict) for row in rows) else []


def _is_batch(document: Mapping[str, Any]) -> bool:
    """Whether every column is a list of one length, and that of the responses one of texts."""
    columns = list(document.values())
    if len(columns) < 2 or not all(isinstance(column, list) and column for column in columns):
        return False
    texts = any(name in _SINGLE and _all(column, str) for name, column in document.items())
    return texts and len({len(column) for column in columns}) == 1


def _all(values: Any, kind: type) -> bool:  # any: a JSON value
    return isinstance(values, list) and bool(values) and all(isinstance(value, kind) for value in values)


def _fit(rows: Rows, columns: Sequence[str]) -> bool:
    return all(isinstance(row, list) and len(row) == len(columns) for row in rows)


def _is_table(document: Mapping[str, Any]) -> bool:
    """Whether every column is an object with the same numbers as keys."""
    columns = list(document.values())
    if len(columns) < 2 or not all(isinstance(column, dict) and column for column in columns):
        return False
    keys = columns[0].keys()
    return all(key.isdigit() for key in keys) and all(column.keys() == keys for column in columns)


def _by_key(document: Mapping[str, Mapping[str, Any]]) -> Rows:
    first = next(iter(document.values()))
    return [{name: column[key] for name, column in document.items()} for key in first]
