"""Which of two responses a row says is the better one, in words, numbers, ratings or votes of several people.

A number says it only where the columns of the responses carry numbers themselves (`response_0`, `response_1`), or where
the form of the data set says what it means.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..verifiers.errors import SampleError
from . import preference_forms as forms
from .paths import get
from .preference_forms import Form, annotators

_VERDICT = re.compile(r"\[*\s*([ab])\s*(>>|>|=|<|<<)\s*([ab])\s*\]*")
_NAMED = re.compile(r"(?:the )?(?:model|response|assistant|answer|output|option|completion|candidate|human ref)\s*")
_FIRST = frozenset(("a", "first", "left", "one"))
_SECOND = frozenset(("b", "second", "right", "two"))
_TIES = frozenset(
    "tie|ties|tied|tie (bothbad)|tie (both bad)|both|both bad|bothbad|both good|equal|same|neither|draw|equally good"
    "|equally bad|no preference".split("|")
)
_ENDS = re.compile(r"(\d)$")


class Choice(NamedTuple):
    """Which of two is better."""

    better: int | None
    """0 the first, 1 the second, None neither."""
    margin: float | None = None
    """By how much, where the data says."""


def number_of(value: object) -> float | None:
    """A number, also one that is written as text; None for anything else, NaN among it.

    >>> number_of(3), number_of("4.5"), number_of("N/A"), number_of(True)
    (3.0, 4.5, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d+(\.\d+)?\s*", value):
        return float(value)
    return None


def choice_of(
    row: Mapping[str, Any], form: Form, columns: tuple[str, str], texts: Sequence[str], named: Mapping[str, str | None]
) -> Choice:
    """Which of the responses in two columns is better. Raises SampleError where the row does not say it."""
    if (votes := _one_hot(row)) is not None:
        return votes
    if form.rating_first and form.rating_second:
        return _by_ratings(row, form.rating_first, form.rating_second)
    if form.preferred is not None:
        return _read(row, form.preferred, form, columns, texts)
    if "preferred" not in named:
        if people := annotators(row):
            return _majority([_read(row, name, form, columns, texts) for name in people if row[name] is not None])
        if (choice := _first_understood(row, form, columns, texts)) is not None:
            return choice
    for stem in forms.RATINGS:
        for one, other in _rating_columns(stem, columns):
            if number_of(row.get(one)) is not None and number_of(row.get(other)) is not None:
                return _by_ratings(row, one, other, margins=stem not in ("votes", "upvotes"))
    raise SampleError(
        "missing_field",
        f"nothing says which of {columns[0]!r} and {columns[1]!r} is preferred; --map preferred=COLUMN names what does",
    )


def _first_understood(
    row: Mapping[str, Any], form: Form, columns: tuple[str, str], texts: Sequence[str]
) -> Choice | None:
    error = None
    for name in forms.PREFERRED:
        if name in columns or not isinstance(row.get(name), str | int | float):
            continue
        try:
            return _read(row, name, form, columns, texts)
        except SampleError as unclear:
            error = error or unclear
    if error is not None and not any(
        row.get(one) is not None for stem in forms.RATINGS for one, _ in _rating_columns(stem, columns)
    ):
        raise error
    return None


def _read(row: Mapping[str, Any], column: str, form: Form, columns: tuple[str, str], texts: Sequence[str]) -> Choice:
    value = get(row, column)
    if value is None:
        raise SampleError("missing_field", f"column {column!r} is missing, which says what is preferred")
    number = number_of(value)
    if form.values:
        meant = form.values.get(int(number) if number is not None and number == int(number) else value)
        if meant is None:
            raise _unclear(column, value)
        return Choice(meant)
    if form.signed:
        if number is None:
            raise _unclear(column, value)
        return Choice(None) if number == 0 else Choice(0 if number < 0 else 1, abs(number))
    if isinstance(value, str) and number is None:
        return _of_word(row, value, column, columns, texts)
    if number is None:
        raise _unclear(column, value)
    return _of_number(number, value, column, columns)


def _of_word(row: Mapping[str, Any], value: str, column: str, columns: tuple[str, str], texts: Sequence[str]) -> Choice:
    if value in texts and texts[0] != texts[1]:
        return Choice(list(texts).index(value))
    for place, name in enumerate(columns):
        if value in (name, row.get(f"model_{name[-1]}"), row.get(f"model{name[-1]}")):
            return Choice(place)
    word = " ".join(value.strip().strip("[]").lower().replace("_", " ").split())
    if verdict := _VERDICT.fullmatch(word):
        left, sign, right = verdict.groups()
        if left != right:
            if sign == "=":
                return Choice(None)
            better = left if ">" in sign else right
            return Choice(0 if better == "a" else 1, float(len(sign)))
    word = _NAMED.sub("", word).strip()
    if word in _TIES:
        return Choice(None)
    if word in _FIRST or word in _SECOND:
        return Choice(0 if word in _FIRST else 1)
    if (number := number_of(word)) is not None:
        return _of_number(number, value, column, columns)
    raise _unclear(column, value)


def _of_number(number: float, value: object, column: str, columns: tuple[str, str]) -> Choice:
    """A number that names a column by the number in its name: 0 and 1, or 1 and 2."""
    ends = [_ENDS.search(name) for name in columns]
    if not all(ends):
        raise _unclear(column, value)
    one, other = (int(end[1]) for end in ends if end)
    if number in (one, other):
        return Choice(0 if number == one else 1)
    if one < number < other:  # AlpacaEval's mean of several judgements
        middle = (one + other) / 2
        return Choice(None) if number == middle else Choice(0 if number < middle else 1)
    if (number == 0 and one == 1) or number == -1:
        return Choice(None)
    raise _unclear(column, value)


def _by_ratings(row: Mapping[str, Any], first: str, second: str, *, margins: bool = True) -> Choice:
    one, other = number_of(get(row, first)), number_of(get(row, second))
    if one is None or other is None:
        column = first if one is None else second
        raise SampleError("wrong_type", f"column {column!r} must be a number, got {get(row, column)!r}")
    if one == other:
        return Choice(None)
    return Choice(0 if one > other else 1, abs(one - other) if margins else None)


def _rating_columns(stem: str, columns: tuple[str, str]) -> list[tuple[str, str]]:
    """What the ratings of two columns may be called: `score_0` and `response_0_score`."""
    ends = [re.sub(r"^.*?(_?[0-9A-Za-z]|_one|_two)$", r"\1", name) for name in columns]
    pairs = [(f"{stem}{ends[0]}", f"{stem}{ends[1]}"), (f"{stem}s{ends[0]}", f"{stem}s{ends[1]}")]
    return [*pairs, (f"{columns[0]}_{stem}", f"{columns[1]}_{stem}")]


def _one_hot(row: Mapping[str, Any]) -> Choice | None:
    """One of three columns that holds a 1."""
    for names in (("winner_model_a", "winner_model_b", "winner_tie"), ("winner_a", "winner_b", "winner_tie")):
        values = [number_of(row.get(name)) for name in names]
        if values[0] is not None and values[1] is not None:
            if sum(value or 0 for value in values) != 1 or not {*values} <= {0.0, 1.0, None}:
                raise SampleError("wrong_type", f"column {names[0]!r} and its like must hold a single 1")
            return Choice(None if values[2] else 0 if values[0] else 1)
    return None


def _majority(votes: Sequence[Choice]) -> Choice:
    """What most of several people prefer; nothing where as many prefer the other."""
    lead = sum({0: 1, 1: -1, None: 0}[vote.better] for vote in votes)
    return Choice(None if lead == 0 else 0 if lead > 0 else 1)


def _unclear(column: str, value: object) -> SampleError:
    return SampleError(
        "wrong_type",
        f"column {column!r} is {value!r}, which does not say which response is preferred; "
        "a word (a, b, tie) does, or a number where the responses' columns are numbered",
    )
