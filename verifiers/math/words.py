"""Answers in words: yes, infinitely many, the names of people and places.

A text is words only where nothing else stands in it: a sign, a digit or a bracket makes it a phrase, whose parts are
read and compared one by one. The case of a word counts where it may mean something: CO is not Co, AA is not Aa.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from .vocabulary import sizes, spellings, word_set

_VOID = word_set("void in words")
_SAME = spellings("same words")
_PHRASES = spellings("phrases")
_SHORT = frozenset("no if is it of or up to in on at ok so we be by do go he me my us".split())
_PUNCTUATION = frozenset({".", ",", ";", ":", "!", "'", '"', "-", "`", "{", "}", "(", ")", "$", "''"})
_PAIRS = re.compile(r"(?:([a-z])\1)+")


def words_of(tokens: Sequence[str]) -> str:
    """The words among tokens that are words and punctuation only; empty where anything else stands among them.

    >>> words_of(['"The', '"answer', '"is', '"Even', "."]), words_of(['"rise', '"of', "-", "5"])
    ('even', '')
    """
    kept: list[str] = []
    for at, sign in enumerate(tokens):
        if sign[0] == '"':
            kept.append(sign[1:])
        elif sign == "-" and kept and at + 1 < len(tokens) and tokens[at + 1][0] == '"' and tokens[at - 1][0] == '"':
            continue
        elif sign not in _PUNCTUATION or sign == "-":
            return ""
    return plain(" ".join(kept)) if kept else ""


def plain(text: str) -> str:
    """One spelling for each word, void ones left out unless nothing else is there.

    >>> plain("the Even"), plain("CO"), plain("Aa")
    ('even', 'CO', 'Aa')
    """
    folded = [_folded(word) for word in text.split()]
    words = [_SAME.get(word, word) if len(word) > 1 or len(folded) == 1 else word for word in folded]
    kept = [word for word in words if word not in _VOID] or words
    phrase = " ".join(kept)
    return _PHRASES.get(phrase, phrase)


_SMALL = sizes("numbers")
_SCALES = sizes("scales")
_SHARES = sizes("shares")
NUMBER_WORDS = (*_SMALL, "hundred", *_SCALES)
"""Words that numbers are made of."""


def spelled_number(text: str) -> Fraction | None:
    """A number in English words; None for anything else.

    >>> spelled_number("two thirds"), spelled_number("3 hundred twenty five"), spelled_number("two apples")
    (Fraction(2, 3), Fraction(325, 1), None)
    """
    words = text.replace("-", " ").split()
    if not words or len(words) > 12:
        return None
    if len(words) > 1 and words[-1] in _SHARES:
        top = spelled_number(" ".join(words[:-1]))
        return None if top is None else top / _SHARES[words[-1]]
    total, group, last = 0, 0, 1000
    for word in words:
        value = _SMALL.get(word, int(word) if word.isdigit() and len(word) < 4 else None)
        if value is not None:
            if last <= value or (last < 20 and last):
                return None
            group, last = group + value, value
        elif word == "hundred" and (
            0 < group < 10 or (not total and 10 < group < 100 and group % 10)
        ):  # nineteen hundred
            group, last = group * 100, 100
        elif word in _SCALES and group:
            total, group, last = total + group * _SCALES[word], 0, 1000
        elif word != "and":
            return None
    return Fraction(total + group) if total + group or words == ["zero"] or words == ["0"] else None


def label_of(words: Sequence[str]) -> str:
    """Words before a colon or "is" as the name of what follows; empty where they only lead up to it.

    >>> label_of(["The", "answer"]), label_of(["Maximum", "value"])
    ('', 'maximum value')
    """
    label = plain(" ".join(words))
    label = " ".join([label, *(word for word in words[1:] if word in ("A", "I", "Y", "N"))])  # tr A: no article
    return "" if all(word in _VOID or word in _LEADS for word in label.split()) else label


def same_label(gold: str, answer: str) -> bool:
    """Whether two labels name the same: one may be longer or cut short, as in max and maximum value.

    >>> same_label("max", "maximum value"), same_label("mass", "weight"), same_label("min x", "max x")
    (True, False, False)
    """
    if "(" in gold and "(" in answer:  # Var(2X) is not Var(X)
        mine, other = (label.replace(" ", "").partition("(") for label in (gold, answer))
        return mine[0].lower() == other[0].lower() and mine[2] == other[2]
    few, many = sorted((gold.translate(_NO_BRACKETS).split(), answer.translate(_NO_BRACKETS).split()), key=len)
    letters = {word for word in few if len(word) == 1} ^ {word for word in many if len(word) == 1}
    if any(not any(word[0] == letter.lower() for word in (*few, *many) if len(word) > 1) for letter in letters):
        return False  # pH i; but A may be the area
    return all(any(_begins_alike(word, other) for other in many) for word in few)


_NO_BRACKETS = str.maketrans("()", "  ")


def _begins_alike(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    return word == other or (
        len(short) > 2
        and long.startswith(short)
        and (long[len(short) :] in ("s", "es") or short in _SHORTENED or long in _LONG)
    )


_SHORTENED = frozenset("max min prob vol temp avg dist perim circ ang len wid num tot freq".split())
_LONG = frozenset("maximum minimum".split())


_LEADS = frozenset({"result", "solution", "value", "answers", "therefore", "thus", "hence", "so", "then", "答案", "值"})


def _folded(word: str) -> str:
    """A word in lower case, unless its case may say something: short ones, mixed ones, and pairs as in AABB."""
    low = word.lower()
    if word == low:
        return word
    if len(word) == 1:
        return low if low in "aiyn" else word
    if len(word) == 2:
        return low if low in _SHORT else word
    if word == word.capitalize() or (word.isupper() and not _PAIRS.fullmatch(low)):
        return low
    return word


def same_words(gold: str, answer: str) -> bool:
    """Whether two texts, both from `words_of` or `plain`, say the same; "yes" answers "yes, it is a subspace".

    >>> same_words("yes subspace", "yes"), same_words("not closed", "closed")
    (True, False)
    """
    if gold == answer or gold.replace(" ", "") == answer.replace(" ", ""):
        return True
    head, _, rest = gold.partition(" ")
    if rest and answer == head and head in ("yes", "no"):
        return True
    return _without_category(gold) == _without_category(answer)


def _without_category(text: str) -> str:
    """An adjective without the thing that it describes: even function, isosceles triangle, 必要不充分条件."""
    if (condition := _CONDITION.fullmatch(text)) is not None:
        return condition[1].translate(_AND_NOT).replace("充要", "充分必要")
    head, _, last = text.rpartition(" ")
    return head if head and " " not in head and last in _CATEGORIES else text


_AND_NOT = str.maketrans("也", "又", "而 ")
_CONDITION = re.compile("([充分必要不而非既也又 ]*[分要充])的?(?:条件)?")
_CATEGORIES = word_set("categories")
