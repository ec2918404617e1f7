r"""What a label says: an answer, several, tests, or numbers of a puzzle; decided from the label itself, or refused.

| label | becomes |
| --- | --- |
| text, a number | the reference |
| a list of them, as a list, as JSON text or as Python prints it | references, of which any one will do |
| inputs and outputs, asserts, test cases, also as JSON text | tests |
| `numbers` with a `target` | a puzzle |
| an object with a gold under a usual name | that gold, with the object's other fields |
| a letter, or an option's text, in a row with options | a choice |

An object of another shape raises SampleError, naming its fields. Text that only looks like a list, such as the
interval `[0, 1)`, the set `{1, 2}` or the vector `[1, 2]`, is an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..verifiers.errors import SampleError
from ..verifiers.references import is_data
from ..verifiers.sample import SAMPLE_FIELDS
from . import capabilities
from .aliases import GOLDS
from .cases import find_tests, read_tests
from .golds import answer_of
from .prose import may_be_prose, prose
from .values import plain, read_text

Fields = dict[str, Any]  # any: fields of a Sample, and of its meta
_ASSERT = re.compile(r"^\s*assert\b.*[=<>(]", re.MULTILINE)
HARMLESS = frozenset("0123456789\\$-+.(abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") - frozenset("adfic")
"""How no list, no object and no test begins."""
_WORD = re.compile(r"(?<![\\\w])[^\W\d_]{2,}")
_LETTERS = "ABCDEFGHIJ"
_GOLDS = tuple(name for name in GOLDS if "." not in name)
_PROSE = 5
"""Words from which on a solution is prose, and no answer such as `4 apples`."""
_WHOLE = ("puzzle", "schema", "general", "safety")
"""Kinds whose reference may be any JSON."""


def label_fields(value: object, name: str, row: Mapping[str, Any], kind: str | None) -> Fields:
    """The fields of a Sample that a label stands for; `kind` is what the row says it is. Raises SampleError.

    >>> label_fields('["4", "5"]', "answer", {}, None), label_fields("[1, 2]", "answer", {}, None)
    ({'reference': ['4', '5']}, {'reference': '[1, 2]'})
    >>> label_fields({"target": 24, "numbers": [1, 2]}, "ground_truth", {}, None)
    {'kind': 'puzzle', 'reference': '{"target": 24, "numbers": [1, 2]}'}
    """
    if kind in capabilities.WHOLE and value is not None and not isinstance(value, str):
        return {"reference": json.dumps(value, ensure_ascii=False)}
    if isinstance(value, str):
        return {"reference": value} if not value or value[0] in HARMLESS else _of_text(value, name, row, kind)
    if isinstance(value, list):
        return _of_list(value, value, name, row, kind)
    if isinstance(value, Mapping):
        return _of_object(value, name, row, kind)
    return {"reference": value}


def label_row(label: object) -> Mapping[str, object]:
    """The columns that a single label stands for: an object's own fields, or itself as the reference.

    A blank one is what trainers put where there is no label: no reference, so that reward models judge the row.

    >>> label_row("72"), label_row('{"reference": "72", "kind": "math"}'), label_row("")
    ({'reference': '72'}, {'reference': '72', 'kind': 'math'}, {'reference': None})
    """
    try:
        parsed = plain(label)
    except SampleError as error:
        return {"reference": error}  # which no Sample takes for a reference, so that the row is an error with its words
    if isinstance(parsed, str):
        if not parsed.strip():
            return {"reference": None}
        read = read_text(parsed) if parsed.lstrip().startswith("{") else None
        if isinstance(read, dict) and ("tests" in read or "reference" in read):
            return read
    elif isinstance(parsed, dict) and any(parsed.get(key) is not None for key in SAMPLE_FIELDS):
        return parsed
    return {"reference": parsed}


def _of_text(text: str, name: str, row: Mapping[str, Any], kind: str | None) -> Fields:
    if kind in _WHOLE or kind in capabilities.WHOLE:
        return {"reference": text}
    parsed = read_text(text)
    if parsed is None and text.lstrip().startswith('"') and is_data([text]):
        parsed = read_text(_unquoted(text))  # JSON in JSON
    if parsed is None:
        if kind in (None, "code") and is_data([text]) and _ASSERT.search(text):
            return _read([text], name, row)
        if kind in (None, "code") and is_data([text]) and isinstance(row.get("entry_point"), str):
            parsed = {"test": text, "entry_point": row["entry_point"]}
            return parsed if find_tests(parsed, sure=False) else {"reference": text}
        return {"reference": text}
    if isinstance(parsed, dict):
        try:
            return _of_object(parsed, name, row, kind)
        except SampleError:
            if is_data([text]):
                raise
            return {"reference": text}
    # [1, 2] and [[1, 0], [0, 1]] are vectors and matrices; a list of texts is a list of answers.
    if parsed and all(isinstance(item, str) for item in parsed):
        return _of_list(parsed, text, name, row, kind)
    if any(isinstance(item, dict) for item in parsed):
        return _of_list(parsed, text, name, row, kind)
    return {"reference": text}


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except (ValueError, RecursionError):
        return text


def _of_list(items: list[Any], whole: object, name: str, row: Mapping[str, Any], kind: str | None) -> Fields:
    items = [item for item in items if item is not None]
    if items and all(isinstance(item, Mapping) and "tags" in item and "output" in item for item in items):
        return _of_helm(items, name, row, kind)
    if kind in _WHOLE or not items:
        return {"reference": (whole if isinstance(whole, str) else items) if items else None}
    if kind in (None, "code"):
        if all(isinstance(item, str) and (_ASSERT.search(item) or _is_case(item)) for item in items):
            return _read(items, name, row)
        if all(isinstance(item, Mapping) for item in items) and all(
            ("input" in item and "output" in item) or "type" in item for item in items
        ):
            return _read(items, name, row)
    if len(items) == 1 and isinstance(items[0], Mapping | list):
        return label_fields(items[0], f"{name}[0]", row, kind)
    if any(isinstance(item, Mapping | list) for item in items):
        raise SampleError(
            "wrong_type", f"{name} is a list of {_types(items)}, which is no label that is known{_way(items)}"
        )
    return {"reference": items}


def _of_helm(items: list[Any], name: str, row: Mapping[str, Any], kind: str | None) -> Fields:
    """HELM's references, of which those that are tagged are right; several untagged ones are options."""
    right = [item for item in items if "correct" in (item["tags"] or ())]
    if len(right) != len(items):
        return _of_mapping(items, right, name, row)
    texts = [_helm_text(item) for item in right]
    return _of_list(texts, texts, name, row, kind)


def _of_mapping(items: list[Any], right: list[Any], name: str, row: Mapping[str, Any]) -> Fields:
    """The letter under which HELM showed the right one of several options."""
    letters = row.get("output_mapping")
    if isinstance(letters, Mapping) and sorted(letters) == list(_LETTERS[: len(letters)]) and len(right) == 1:
        fitting = [letter for letter, text in letters.items() if text == _helm_text(right[0])]
        if len(fitting) == 1:
            return {"reference": fitting[0], "options": [letters[at] for at in sorted(letters)], "kind": "choice"}
    raise SampleError("ambiguous_label", f"{name} holds {len(items)} options, which responses name by letters")


def _helm_text(item: Mapping[str, Any]) -> Any:  # any: a JSON value
    output = item["output"]
    return output.get("text") if isinstance(output, Mapping) else output


def _is_case(text: str) -> bool:
    parsed = read_text(text) if text.lstrip().startswith("{") else None
    return isinstance(parsed, dict) and "input" in parsed and "output" in parsed


def _of_object(value: Mapping[str, Any], name: str, row: Mapping[str, Any], kind: str | None) -> Fields:
    if kind in _WHOLE:
        return {"reference": json.dumps(value, ensure_ascii=False)}
    if value.get("reference") is not None or value.get("tests") is not None:
        inner = {key: item for key, item in value.items() if item is not None}
        if inner.get("tests") is None:
            inner |= label_fields(
                inner.pop("reference"), f"{name}.reference", {**row, **value}, inner.get("kind", kind)
            )
        return inner
    if isinstance(value.get("numbers") or value.get("nums"), list) and kind is None:
        return {"kind": "puzzle", "reference": json.dumps(value, ensure_ascii=False)}
    if kind in (None, "code"):
        tests = _tests_of(value, name, row)
        if tests:
            return tests
    inner_name = next((gold for gold in (*_GOLDS, "value", "text") if value.get(gold) not in (None, "", [], {})), None)
    if inner_name is not None:
        others = {key: item for key, item in value.items() if key != inner_name and key in ("kind", "language")}
        return others | label_fields(value[inner_name], f"{name}.{inner_name}", row, others.get("kind", kind))
    shown = ", ".join(map(str, list(value)[:8])) or "none"
    raise SampleError(
        "wrong_type", f"{name} is an object with the fields {shown}, which is no label that is known{_way(value, name)}"
    )


def _tests_of(value: Mapping[str, Any], name: str, row: Mapping[str, Any]) -> Fields:
    """The tests that an object holds, as they stand there; empty where it holds none."""
    if isinstance(value.get("inputs"), list) and "outputs" in value:
        return _read(value, name, row)
    if "input" in value and "output" in value:
        return _read([value], name, row)
    if find_tests({**row, **value}, sure=False):
        return {key: item for key, item in value.items() if key not in SAMPLE_FIELDS}
    asserts = value.get("assert_case") or value.get("asserts")
    asserts = [asserts] if isinstance(asserts, str) else asserts
    if isinstance(asserts, list) and asserts and all(isinstance(item, str) for item in asserts):
        return _read(asserts, name, row)
    return _read(value, name, row) if isinstance(value.get("functional"), str) else {}


def _read(tests: Any, name: str, row: Mapping[str, Any]) -> Fields:  # any: JSON values
    """Tests as they came, once they can be read. Raises SampleError."""
    read_tests(tests, name, row)
    return {"tests": tests}


def _types(items: Sequence[object]) -> str:
    return " and ".join(
        sorted(
            {
                "objects" if isinstance(item, Mapping) else "lists" if isinstance(item, list) else "text"
                for item in items
            }
        )
    )


def _way(value: object, name: str = "") -> str:
    if isinstance(value, Mapping) and value:
        return f"; --map reference={name}.{next(iter(value))} reads one of them"
    return ""


def check_solution(fields: Fields, name: str) -> Fields:
    r"""The fields with the answer of a gold in prose in its place. Raises SampleError where a solution or a sentence
    without a box, `####` or "the answer is" would be taken for the answer.

    >>> check_solution({"reference": "6*7=42. The answer is 42."}, "answer")
    {'reference': '42'}
    >>> check_solution({"reference": r"We add them. So it is \boxed{4}."}, "solution") is not None
    True
    """
    golds = fields.get("reference")
    if fields.get("kind") not in (None, "math") or fields.get("tests"):
        return fields
    texts = [golds] if isinstance(golds, str) else golds if isinstance(golds, list) else []
    said = [prose(one) if isinstance(one, str) and may_be_prose(one) and not is_data([one]) else None for one in texts]
    whys = [one.why for one in said if one is not None and one.answer is None]
    if whys and len(whys) == len(texts):
        raise SampleError(
            "ambiguous_label",
            f"{name} is a text that {whys[0]}, by a box, #### or 'the answer is': --map reference={name} takes it as "
            "it is",
        )
    if any(one is not None and one.answer is not None for one in said):
        read = [
            text if one is None or one.answer is None else one.answer for text, one in zip(texts, said, strict=True)
        ]
        return {**fields, "reference": read[0] if isinstance(golds, str) else read}
    if "olution" not in name.lower() or not isinstance(golds, str) or fields.get("kind") is not None:
        return fields
    if answer_of(golds, name) is None and len(_WORD.findall(golds)) >= _PROSE and not is_data([golds]):
        raise SampleError(
            "ambiguous_label",
            f"{name} is a text that marks no answer, by a box or ####; --map reference={name} takes it as it is",
        )
    return fields
