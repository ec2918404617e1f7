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
_GOLD_LETTERS = ("correct", "correct_option", "correct_choice", "answer_key", "answer_letter", "answer_idx", "cop")
"""Columns that name the right option by its letter, and say something else in other rows."""
_LETTERED = re.compile(r"(?:^|,)\s*([a-e])\s\)\s")
_LISTED = re.compile(r"(?<![A-Za-z0-9])(?:[(\[（]([A-J])[)\]）]|([A-J])\s?[.):：、])\s{0,4}\S")


_LONGEST = 200
"""Longest gold that is looked for among the options of a prompt, in characters."""


class Options(NamedTuple):
    """The options of a row."""

    column: str
    """Where they stand."""
    texts: Mapping[str, str]
    """By letter, in their order."""
    numbered: bool = False
    """Whether the row gives each a name of its own that is no letter."""
    as_is: bool = False
    """Whether the verifier reads them where they stand."""


def options_of(row: Mapping[str, Any]) -> Options | None:
    """The options that a row holds; None where it holds none.

    >>> options_of({"A": "4", "B": "5", "D": "6"}).texts, options_of({"A": "4", "B": "5"})
    ({'A': '4', 'B': '5', 'D': '6'}, None)
    """
    column = next((name for name in OPTION_COLUMNS if row.get(name)), None)
    if column is not None:
        read = _read(row[column], column)
        seen = column == "options" or (column == "choices" and row.get("options") is None)
        return read if read is None or seen else read._replace(as_is=False)
    asked = row.get("question")
    if isinstance(asked, Mapping) and asked.get("choices"):
        return _read(asked["choices"], "question.choices")
    for family in () if OPTION_MARKS.isdisjoint(row) else _FAMILIES:
        if row.get(family[1]) is None or row.get(family[0]) is None:
            continue
        there = {letter: row[name] for letter, name in zip(_LETTERS, family, strict=False) if row.get(name) is not None}
        bare = family[0] == "A" or family[0].startswith("an")  # of two such columns each may be a response
        if all(isinstance(value, str | int | float) for value in there.values()) and len(there) >= (3 if bare else 2):
            return Options(f"{family[0]}, {family[1]}", {letter: str(value) for letter, value in there.items()})
    return None


def _read(options: Any, column: str) -> Options | None:  # any: a JSON value
    as_is = not column.startswith("question")
    names: Any = None  # any: JSON values
    if isinstance(options, str):
        marks = list(_LETTERED.finditer(options))
        if "".join(mark[1] for mark in marks) == "abcde"[: len(marks)] and len(marks) > 1:
            ends = [*(mark.start() for mark in marks[1:]), len(options)]
            said = [options[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
            return Options(column, dict(zip(_LETTERS, said, strict=False)))
        options, as_is = read_text(options), False
    if isinstance(options, list) and options and all(isinstance(option, Mapping) for option in options):
        # [{"label": "A", "text": "4"}, ...]
        keys = {"text": ("text", "content", "value", "option"), "label": ("label", "key", "id", "letter")}
        options = {
            name: [next((option[key] for key in among if key in option), None) for option in options]
            for name, among in keys.items()
        }
    if isinstance(options, Mapping) and isinstance(options.get("text"), list):
        names, options, as_is = options.get("label"), options["text"], False  # ARC: {"text": [...], "label": [...]}
    elif isinstance(options, Mapping):
        names, options = list(options), list(options.values())
    if (
        not isinstance(options, list)
        or not 2 <= len(options) <= len(_LETTERS)
        or not all(isinstance(text, str) for text in options)
    ):
        return None
    named = isinstance(names, list) and len(names) == len(options) and any(name is not None for name in names)
    letters = [str(name).strip().upper() for name in names] if named else list(_LETTERS[: len(options)])
    if not set(letters) <= set(_LETTERS) or len(set(letters)) < len(letters):
        return Options(column, dict(zip(_LETTERS, options, strict=False)), numbered=True, as_is=as_is)
    return Options(column, dict(zip(letters, options, strict=True)), as_is=as_is)


def letter_gold(row: Mapping[str, Any], cop: int | None = None) -> list[tuple[str, Any]]:
    """The gold that stands as a letter in a column whose name says something else in rows without options; `cop` is
    the number of the first option in MedMCQA's column of that name. Raises SampleError where that is not known.

    >>> letter_gold({"correct": "b", "options": ["4", "5"]}), letter_gold({"correct": "b"})
    ([('correct', 'b')], [])
    >>> letter_gold({"opa": "4", "opb": "5", "cop": 1}, 0), letter_gold({"opa": "4", "opb": "5", "cop": 1}, 1)
    ([('cop', 'B')], [('cop', 'A')])
    """
    for name in _GOLD_LETTERS:
        value = row.get(name)
        if isinstance(value, str) and re.fullmatch(r"\s*\(?[A-Ja-j]\)?\s*", value) and options_of(row) is not None:
            return [(name, value.strip())]
    number = cop_of(row)
    if number is None or (number == -1 and cop == 0):  # the test set holds no answers
        return []
    if cop is None:
        raise SampleError(
            "ambiguous_label",
            f"cop is {number}: MedMCQA counts its options from 0 at Hugging Face and from 1 in its own files, and no "
            "row of the first says which, by a 0 or a 4; say the letter with --map reference=COLUMN",
        )
    return [("cop", _LETTERS[number - cop])] if 0 <= number - cop < 4 else []


def cop_of(row: Mapping[str, Any]) -> int | None:
    """The number of the right option in a row of MedMCQA; None for another row.

    >>> cop_of({"opa": "4", "opb": "5", "cop": 1}), cop_of({"cop": 1})
    (1, None)
    """
    number = row.get("cop")
    return number if type(number) is int and "opa" in row and "opb" in row else None


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
    if isinstance(gold, list) and len(gold) == 1:
        gold = gold[0]
    if gold is None or (options := options_of(row)) is None:
        return {**fields, **_in_prompt(gold, row)} if isinstance(gold, str) else fields
    column, texts = options.column, list(options.texts.values())
    if isinstance(gold, list):
        if all(isinstance(one, str) and one.strip("() ") in options.texts for one in gold):
            raise SampleError(
                "ambiguous_label", f"the gold lists {', '.join(gold)}: any of them, or all? 'A, C' as one text says all"
            )
        return fields
    if isinstance(gold, int) and not isinstance(gold, bool):
        if column == "choices" and 0 <= gold < len(texts) and str(gold) not in [text.strip() for text in texts]:
            return _chosen(fields, options, list(options.texts)[gold])
        raise SampleError(
            "ambiguous_label", f"the gold is the number {gold}, and {column} has {len(texts)} texts: say its letter"
        )
    letter = gold.strip().strip("().") if isinstance(gold, str) else ""
    at_place = column == "endings" or options.numbered or (letter.isdecimal() and int(letter) <= len(texts))
    if letter.isdigit() and gold not in texts and at_place:
        raise SampleError(
            "ambiguous_label", f"the gold {gold!r} may be the place of one of {len(texts)} {column}: say its letter"
        )
    if letter in options.texts:
        other = next(
            (at for at, text in options.texts.items() if text.strip().upper() == letter and at != letter), None
        )
        if other is not None:
            raise SampleError(
                "ambiguous_label", f"the gold {gold!r} is a letter, and the text of another of the {column}: {other}"
            )
        return _chosen(fields, options, gold)
    if gold in texts:
        return _chosen(fields, options, gold)
    if letter.isalpha() and letter.upper() in options.texts:
        return _chosen(fields, options, letter.upper())
    several = re.sub(r"[\s,;，、]+", "", letter)
    if len(several) > 1 and set(several) <= options.texts.keys() and list(several) == sorted(set(several)):
        return _chosen(fields, options, ", ".join(several))
    return fields


def _chosen(fields: Fields, options: Options, gold: Any) -> Fields:  # any: a gold
    texts = {} if options.as_is else {"options": dict(options.texts)}
    return {**fields, **texts, "reference": gold, "kind": "choice"}


def _in_prompt(gold: str, row: Mapping[str, Any]) -> Fields:
    """What makes the row a choice where a gold is one of the letters from A on that a prompt gives its options, or the
    words of one of them; empty where it is neither. A number stays mathematics.

    >>> row = {"prompt": "Which?\\nA. Rome\\nB. Paris"}
    >>> _in_prompt("b", row), _in_prompt("c", row)
    ({'kind': 'choice', 'reference': 'B'}, {})
    >>> _in_prompt("Paris", row)
    {'kind': 'choice', 'reference': 'B'}
    """
    letter = gold.strip().strip("()").upper()
    if len(letter) == 1 and letter in _LETTERS:
        return {"kind": "choice", "reference": letter} if letter in prompt_options(row) else {}
    if len(gold) > _LONGEST or any(char.isdigit() for char in gold):
        return {}
    fitting = [name for name, text in prompt_options(row).items() if text and text == gold.strip()]
    return {"kind": "choice", "reference": fitting[0]} if len(fitting) == 1 else {}


def prompt_options(row: Mapping[str, Any]) -> dict[str, str]:
    """The last options from A on in a row's prompt, by letter; empty where there are none.

    >>> prompt_options({"prompt": "How many? (A) 12 (B) 13"})
    {'A': '12', 'B': '13'}
    """
    marks = [(m[1] or m[2], m.end() - 1, m.start(), text) for text in _asked(row) for m in _LISTED.finditer(text)]
    # `A:` behind the options is where the answer goes.
    while len(marks) > 2 and marks[-1][0] == "A" and marks[-1][3][marks[-1][2] :].startswith(("A:", "A：")):
        marks.pop()
    names = [name for name, *_ in marks]
    last = marks[len(names) - names[::-1].index("A") - 1 :] if "A" in names else []
    names = [name for name, *_ in last]
    if len(last) < 2 or names != list(_LETTERS[: len(last)]):
        return {}
    ends = [start for _, _, start, _ in last[1:]] + [len(last[-1][3])]
    return {name: text[at:end].split("\n")[0].strip(" ,;") for (name, at, _, text), end in zip(last, ends, strict=True)}


def _asked(row: Mapping[str, Any]) -> Iterator[str]:
    for name in ("prompt", "origin_prompt"):
        asked = row.get(name)
        for turn in asked if isinstance(asked, list) else [asked]:
            text = (turn.get("content") or turn.get("prompt")) if isinstance(turn, Mapping) else turn
            if isinstance(text, str):
                yield text
