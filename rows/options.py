"""The options of a multiple-choice row, and which of them its gold is.

| where they stand | data sets |
| --- | --- |
| `choices` and the like: a list, also of objects, an object by letter, `{"text": [...], "label": [...]}` | most |
| `question: {"stem": "...", "choices": [...]}` | ARC and CommonsenseQA as published |
| columns: `A` to `D`, `opa` to `opd`, `option_a`, `option1`, `choice1` and the like | C-Eval, MedMCQA, WinoGrande |
| one text: `a ) 38 , b ) 27.675` | MathQA |
| the prompt alone, each with its letter | logs that keep no row of the data set |

A number that may be the place of an option, and a letter that is also the text of another option, are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..verifiers.errors import SampleError
from .values import read_text

Fields = dict[str, Any]  # any: fields of a Sample, and of its meta
_LETTERS = "ABCDEFGHIJ"
OPTION_COLUMNS = ("choices", "options", "endings", "answer_choices", "candidates")
"""Where the options of a question may stand as one value."""
_STEMS = ("op", "option_", "option", "Option ", "choice_", "choice", "answer_", "ans_")
_FAMILIES: tuple[tuple[str, ...], ...] = (
    tuple(_LETTERS),
    *(tuple(f"{stem}{letter}" for letter in "abcde") for stem in _STEMS),
    *(tuple(f"{stem}{letter}" for letter in "ABCDE") for stem in _STEMS[1:]),
    *(tuple(f"{stem}{number}" for number in range(1, 6)) for stem in _STEMS[1:6]),
)
"""Columns that hold one option each."""
OPTION_MARKS = frozenset(family[1] for family in _FAMILIES)
"""A row without any of these has no such columns."""
_GOLD_LETTERS = ("correct", "correct_option", "correct_choice", "answer_key", "answer_letter", "answer_idx")
"""Columns that name the right option by its letter, and say something else in other rows."""
_LETTERED = re.compile(r"(?:^|,)\s*([a-e])\s\)\s")
_LISTED = re.compile(r"(?<![A-Za-z0-9])(?:[(\[（]([A-J])[)\]）]|([A-J])\s?[.):：、])\s{0,4}\S")


class Options(NamedTuple):
    """The options of a row."""

    column: str
    """Where they stand."""
    texts: list[str]
    """In their order."""
    named: bool
    """Whether the row gives each a name of its own."""
    as_is: bool
    """Whether the verifier reads them where they stand."""


def options_of(row: Mapping[str, Any]) -> Options | None:
    """The options that a row holds; None where it holds none.

    >>> options_of({"A": "4", "B": "5", "C": "6"}).texts, options_of({"A": "4", "B": "5"})
    (['4', '5', '6'], None)
    """
    column = next((name for name in OPTION_COLUMNS if row.get(name)), None)
    if column is not None:
        return _read(row[column], column)
    asked = row.get("question")
    if isinstance(asked, Mapping) and asked.get("choices"):
        return _read(asked["choices"], "question.choices")
    for family in () if OPTION_MARKS.isdisjoint(row) else _FAMILIES:
        if row.get(family[1]) is None or row.get(family[0]) is None:
            continue
        values = [row[name] for name in family if row.get(name) is not None]
        bare = family[0] == "A" or family[0].startswith(("answer", "ans"))  # of two such columns each may be a response
        if all(isinstance(value, str | int | float) for value in values) and len(values) >= (3 if bare else 2):
            return Options(", ".join(family[: len(values)]), [str(value) for value in values], False, False)
    return None


def _read(options: Any, column: str) -> Options | None:  # any: a JSON value
    as_is = isinstance(options, list) or column == "question.choices"
    if isinstance(options, str):
        marks = list(_LETTERED.finditer(options))
        if "".join(mark[1] for mark in marks) == "abcde"[: len(marks)] and len(marks) > 1:
            ends = [*(mark.start() for mark in marks[1:]), len(options)]
            texts = [options[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
            return Options(column, texts, True, False)
        options = read_text(options)
    if isinstance(options, list) and options and all(isinstance(option, Mapping) for option in options):
        # [{"label": "A", "text": "4"}, ...]
        as_is = False
        keys = {"text": ("text", "content", "value", "option"), "label": ("label", "key", "id", "letter")}
        options = {
            name: [next((option[key] for key in among if key in option), None) for option in options]
            for name, among in keys.items()
        }
    names = options.get("label") if isinstance(options, Mapping) else None
    if isinstance(options, Mapping) and isinstance(options.get("text"), list):
        options = options["text"]  # ARC: {"text": [...], "label": [...]}
    elif isinstance(options, Mapping):
        as_is = column != "question.choices"
    texts = list(options.values()) if isinstance(options, Mapping) else options
    if (
        not isinstance(texts, list)
        or not 2 <= len(texts) <= len(_LETTERS)
        or not all(isinstance(t, str) for t in texts)
    ):
        return None
    return Options(column, texts, bool(names), as_is)


def letter_gold(row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The gold that stands as a letter in a column whose name says something else in rows without options.

    >>> letter_gold({"correct": "b", "options": ["4", "5"]}), letter_gold({"correct": "b"})
    ([('correct', 'b')], [])
    """
    for name in _GOLD_LETTERS:
        value = row.get(name)
        if isinstance(value, str) and re.fullmatch(r"\s*\(?[A-Ja-j]\)?\s*", value) and options_of(row) is not None:
            return [(name, value.strip())]
    return []


def choice_fields(fields: Fields, row: Mapping[str, Any]) -> Fields:
    """The same with the kind `choice` where the row has options and its gold is one of them. Raises SampleError for a
    number that may be the place of an option, and for a letter that is the text of another one.

    >>> choice_fields({"reference": "B"}, {"options": ["4", "5"]})["kind"]
    'choice'
    >>> options = [{"label": "A", "text": "4"}, {"label": "B", "text": "5"}]
    >>> choice_fields({"reference": "B"}, {"choices": options})["kind"]
    'choice'
    >>> choice_fields({"reference": "B"}, {"prompt": "2 + 3?\\nA. 4\\nB. 5"})["kind"]
    'choice'
    """
    gold = fields.get("reference")
    if gold is None or isinstance(gold, list):
        return fields
    options = options_of(row)
    if options is None:
        return {**fields, "kind": "choice"} if isinstance(gold, str) and _in_prompt(gold, row) else fields
    column, texts = options.column, options.texts
    if isinstance(gold, int) and not isinstance(gold, bool):
        if column == "choices" and 0 <= gold < len(texts) and str(gold) not in [text.strip() for text in texts]:
            return _chosen(fields, options, _LETTERS[gold])
        raise SampleError(
            "ambiguous_label", f"the gold is the number {gold}, and {column} has {len(texts)} texts: say its letter"
        )
    letter = gold.strip().strip("().") if isinstance(gold, str) else ""
    if letter.isdigit() and gold not in texts and (column == "endings" or options.named or int(letter) <= len(texts)):
        raise SampleError(
            "ambiguous_label", f"the gold {gold!r} may be the place of one of {len(texts)} {column}: say its letter"
        )
    if len(letter) == 1 and letter in _LETTERS[: len(texts)]:
        other = next((at for at, text in enumerate(texts) if text.strip().upper() == letter), None)
        if other is not None and other != _LETTERS.index(letter):
            raise SampleError(
                "ambiguous_label",
                f"the gold {gold!r} is a letter, and the text of another of {len(texts)} {column}: {_LETTERS[other]}",
            )
        return _chosen(fields, options, gold)
    if gold in texts:
        return _chosen(fields, options, gold)
    if len(letter) == 1 and letter.upper() in _LETTERS[: len(texts)] and letter.isalpha():
        return _chosen(fields, options, letter.upper())
    return fields


def _chosen(fields: Fields, options: Options, gold: Any) -> Fields:  # any: a gold
    texts = {} if options.as_is else {"options": options.texts}
    return {**fields, **texts, "reference": gold, "kind": "choice"}


def _in_prompt(gold: str, row: Mapping[str, Any]) -> bool:
    """Whether a gold is one of the letters from A on that a prompt gives its options."""
    letter = gold.strip().strip("()")
    if len(letter) != 1 or letter not in _LETTERS:
        return False
    marks = [m[1] or m[2] for text in _asked(row) for m in _LISTED.finditer(text)]
    last = marks[len(marks) - marks[::-1].index("A") - 1 :] if "A" in marks else []
    return len(last) > 1 and last == list(_LETTERS[: len(last)]) and letter in last


def _asked(row: Mapping[str, Any]) -> Iterator[str]:
    for name in ("prompt", "origin_prompt"):
        asked = row.get(name)
        for turn in asked if isinstance(asked, list) else [asked]:
            text = (turn.get("content") or turn.get("prompt")) if isinstance(turn, Mapping) else turn
            if isinstance(text, str):
                yield text
