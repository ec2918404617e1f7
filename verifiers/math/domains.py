r"""What stands beside an answer and is read apart from it: the numbers that a name runs through, and spans of numbers.

`2\pi n, n \in \mathbb{Z}` is `2\pi n` for whoever leaves the integers out, but not for whoever says the naturals.
"""

from __future__ import annotations

import re

_SETS = {
    "Z": "integer", "N": "integer natural", "Z^+": "integer natural", "Z_+": "integer natural",
    "N^+": "integer natural", "N^*": "integer natural", "N_+": "integer natural", "Z^*": "integer nonzero",
    "N_0": "integer nonnegative", "Q": "rational", "R": "real", "R^+": "real positive", "R_+": "real positive",
    "R^*": "real nonzero", "C": "complex", "C^*": "complex nonzero",
}  # fmt: skip
_WORDS = {
    "whole": "integer", "natural": "integer natural", "positive": "positive", "negative": "negative",
    "non-negative": "nonnegative", "nonnegative": "nonnegative", "nonzero": "nonzero", "real": "real",
    "rational": "rational", "complex": "complex", "integer": "integer", "even": "even", "odd": "odd", "prime": "prime",
}  # fmt: skip
_MEMBER = re.compile(r"\\(?:in|notin) \\mathbb\{([^ ]+)\}(?= |$)")
_WORD = re.compile(r'"([a-z-]+)')
_UNITS = r'((?: (?:"\w+|%|\\%))*)'
_SPAN = re.compile(rf"(\d+(?:\.\d+)?) - (\d+(?:\.\d+)?){_UNITS}")
_SPELLED = re.compile(rf'(?:"from |"between )?(\d+(?:\.\d+)?) (?:-|"to|"and) (\d+(?:\.\d+)?){_UNITS}')


def clash_of_domains(gold: str, answer: str) -> bool:
    r"""Whether both texts say what their names run through, and say different things.

    >>> clash_of_domains(r"2 n , n \\in \\mathbb{Z}", r"2 n , n \\in \\mathbb{N}")
    True
    """
    mine = _domain(gold)
    return bool(mine) and bool(other := _domain(answer)) and mine != other


def _domain(text: str) -> frozenset[str]:
    if "\\mathbb" not in text and '"' not in text:
        return frozenset()
    found = {word for name in _MEMBER.findall(text) for word in _SETS.get(name, name).split()}
    words = {word.removesuffix("s") for word in _WORD.findall(text.lower())}
    for word in words & _WORDS.keys():
        found.update(_WORDS[word].split())
    if {"integer", "positive"} <= found:
        found = found - {"positive"} | {"natural"}
    return frozenset(found)


def span_of(text: str, *, spelled: bool = False) -> tuple[str, ...] | None:
    """The ends of 10-15, a span of numbers and no difference, with its unit; None for anything else.

    >>> span_of("10 - 15"), span_of('10 "to 15', spelled=True), span_of("15 + 10")
    (('10', '15', ''), ('10', '15', ''), None)
    """
    found = (_SPELLED if spelled else _SPAN).fullmatch(text)
    return None if found is None else found.groups()
