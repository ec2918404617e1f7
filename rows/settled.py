"""What one row cannot say of its columns: decided from the first rows of a file, for all of them.

| column | is |
| --- | --- |
| `answer` beside a `ground_truth` from which it differs in some rows, always what the response says | the model's |
| `correct_answer` that holds 0 and 1 alone | a verdict |
| golds that are words, beside responses without a box | short answers, where the kind is left open (`words.py`) |
| MedMCQA's `cop` | the place of an option, from 0 where there is a 0, from 1 where there is a 4 |

One row cannot say it: there such a column is a second gold, and where both differ the row is an error. Were it one in
wrong responses only, what is left would look better than the model is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

from ..verifiers.errors import SampleError
from ..verifiers.sample import Sample
from .aliases import folded
from .decode import decode_row, parse_row
from .files import RawRow
from .golds import Gold, answer_of, is_sure, same_answer
from .options import cop_of
from .paths import get
from .reader import RowReader
from .words import are_words

FIRST = 20
"""Rows by which columns are judged."""
_BYTES = 8 << 20
"""Rows that are waited for hold no more than this, but for the last."""
_LONGEST = 200_000
"""Longest response that is looked into, in characters."""


_EITHER = ("answer", "finalanswer")
"""Names of a gold that are also what people call a model's answer, without underscores."""


class Settled(NamedTuple):
    """How the rows of a file are read, once the first were seen."""

    reader: RowReader
    notes: list[str]
    """What was found out, in sentences."""
    rows: Iterator[RawRow]
    """All rows, those that were looked at included."""


def settle(source: Iterable[RawRow], reader: RowReader, *, words: bool = False) -> Settled:
    """The reader for the rows of a file, by the first of them; `words` says that their kind is open, so that golds
    which are words may make them short answers."""
    rows = iter(source)
    first: list[RawRow] = []
    weight = 0
    for raw in rows:
        first.append(raw)
        weight += len(raw.data)
        if len(first) >= FIRST or weight >= _BYTES:
            break
    fields = [_fields(raw) for raw in first]
    aside = {} if "reference" in reader.columns else _aside(fields, reader)
    if aside:
        reader = replace(reader, aside=tuple(sorted((name, sure) for name, (sure, _) in aside.items())))
    notes = [note for _, (_, note) in sorted(aside.items())]
    numbers = {number for row in fields if (number := cop_of(row)) is not None}
    if numbers and (0 in numbers) != (4 in numbers):
        reader = replace(reader, cop=0 if 0 in numbers else 1)
        notes.append(f"cop is read as the number of the right option, from {reader.cop}")
    if words and "kind" not in reader.columns and _words(fields, reader):
        reader = replace(reader, words=True)
        notes.append(
            "the golds of the first rows are words and no response has a box: rows are judged as short answers "
            "(--reward math judges them as mathematics)"
        )
    return Settled(reader, notes, chain(first, rows))


def _words(rows: Sequence[Mapping[str, Any]], reader: RowReader) -> bool:  # any: JSON values
    """Whether what the rows would be as short answers is what they are, and they are none as they stand."""
    samples: list[Sample] = []
    booleans = changed = 0
    for row in rows:
        there = _read(row, replace(reader, words=True))
        if not there:
            continue
        before = _read(row, reader)
        changed += not before or before[0].kind is None
        booleans += len(there) * _is_boolean(row, reader)
        samples += there
    return changed > 0 and are_words(samples, booleans)


def _read(row: Mapping[str, Any], reader: RowReader) -> list[Sample]:  # any: JSON values
    try:
        return reader.read_row(row).samples if row else []
    except Exception:  # noqa: BLE001 - the boundary: such a row becomes an error of its own when it is read
        return []


def _is_boolean(row: Mapping[str, Any], reader: RowReader) -> bool:  # any: JSON values
    """Whether the only gold of a row is a boolean."""
    if "reference" in reader.columns:
        return isinstance(get(row, str(reader.columns["reference"])), bool)
    golds = [row["reference"]] if "reference" in row else [value for _, value in _candidates(row, reader)[1]]
    return bool(golds) and all(isinstance(value, bool) for value in golds)


def _fields(raw: RawRow) -> Mapping[str, Any]:  # any: JSON values
    try:
        row = decode_row(raw)[0]
        return {**(parse_row(raw.joined) if raw.joined else {}), **row}
    except (SampleError, ValueError):
        return {}


def _aside(rows: Sequence[Mapping[str, Any]], reader: RowReader) -> dict[str, tuple[str, str]]:  # any: JSON values
    """The columns that are no golds, each with the one that is, where there is one, and a sentence about it."""
    seen = [(response, golds) for row in rows for response, golds in [_candidates(row, reader)] if golds]
    aside: dict[str, tuple[str, str]] = {}
    values: dict[str, list[tuple[object, list[Gold]]]] = defaultdict(list)
    for _, golds in seen:
        for name, value in golds:
            values[name].append((value, [gold for gold in golds if gold[0] != name]))
    for name, rows_of in values.items():
        flags = all(_is_flag(value) for value, _ in rows_of)
        answers = [value for _, beside in rows_of for _, value in beside]
        apart = not answers or not all(map(_is_flag, answers))
        if folded(name).startswith(("correct", "right")) and len(rows_of) > 1 and flags and apart:
            aside[name] = "", f"{name} holds 0 and 1 alone in the first rows: it is read as a verdict, not as the gold"
    for name in [name for name in values if folded(name) in _EITHER and name not in aside]:
        others = [gold for _, beside in values[name] for gold in beside if gold[0] not in aside]
        others = [gold for gold in others if is_sure(gold[0]) or (name != "answer" and gold[0] == "answer")]
        if others and _is_the_models(name, others[0][0], seen):
            sure = others[0][0]
            note = (
                f"{name} is what the responses say in the first rows, where it differs from {sure}, too: it is read as "
            )
            note += f"the model's answer and {sure} as the gold (--map reference={name} if not)"
            aside[name] = sure, note
    return aside


def _candidates(row: Mapping[str, Any], reader: RowReader) -> tuple[str | None, list[Gold]]:  # any: JSON values
    try:
        return reader.candidates(row) if row else (None, [])
    except Exception:  # noqa: BLE001 - the boundary: such a row becomes an error of its own when it is read
        return None, []


def _is_the_models(name: str, sure: str, seen: Sequence[tuple[str | None, list[Gold]]]) -> bool:
    """Whether a column is always what the response says, and the other one sometimes another answer."""
    alike = differ = 0
    for response, golds in seen:
        held = dict(golds)
        mine, other = answer_of(held.get(name), name), answer_of(held.get(sure), sure)
        if mine is None or other is None:
            continue
        said = None if response is None else _said(response)
        if said is None:
            continue
        if not same_answer(said.strip("()."), mine.strip("().")):
            return False
        if same_answer(mine, other):
            alike += 1
        else:
            differ += 1
    return alike > 0 and differ > 0


def _said(response: str) -> str | None:
    """The answer that a response ends with."""
    from ..verifiers.math.lenient import lenient

    return lenient(response[-_LONGEST:].rpartition("</think>")[2]).answer


def _is_flag(value: object) -> bool:
    return isinstance(value, bool | int | float) and value in (0, 1)
