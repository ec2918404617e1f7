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
_MEMBER = re.compile(r"((?:[A-Za-z] , )*)(\S+) \\(?:in|notin) \\mathbb\{([^ ]+)\}(?= |$)")
_WORD = re.compile(r'"([a-z-]+)')
_SOME = re.compile(r'"some(?: "\w+)*(?: ([A-Za-z]))?')
_ALL = frozenset({"all", "any", "every", "each"})
_ORDERS = frozenset({"<", ">", "<=", ">="})
_COUNTERS = frozenset("nmklijpqrstNMK")
_CONSTANTS = frozenset("cCkKmabABD")
_UNITS = r'((?: (?:"\w+|%|\\%))*)'
_SPAN = re.compile(rf"(\d+(?:\.\d+)?) - (\d+(?:\.\d+)?){_UNITS}")
_SPELLED = re.compile(rf'(?:"from |"between )?(\d+(?:\.\d+)?) (?:-|"to|"and) (\d+(?:\.\d+)?){_UNITS}')


def clash_of_domains(gold: str, answer: str) -> bool:
    r"""Whether an answer says of its names what the reference does not: for some and for all, other numbers, numbers
    that are fewer. Integers for a name that counts, and reals, go without saying.

    >>> clash_of_domains(r"2 n , n \in \mathbb{Z}", r"2 n , n \in \mathbb{N}")
    True
    >>> clash_of_domains(r"2 n", r"2 n , n \in \mathbb{Z}"), clash_of_domains("x > 2", r"x > 2 , x \in \mathbb{Z}")
    (False, True)
    """
    if "\\mathbb" not in answer and '"' not in answer:
        return False
    words = set(_WORD.findall(gold.lower())), set(_WORD.findall(answer.lower()))
    members = _MEMBER.findall(gold), _MEMBER.findall(answer)
    domains = [_domain(*said) for said in zip(members, words, strict=True)]
    some = _SOME.search(answer)
    if ("some" in words[0] and words[1] & _ALL) or (some and words[0] & _ALL):
        return True
    if some and "some" not in words[0] and not domains[1] and some[1] not in _CONSTANTS and "constant" not in answer:
        return True
    if len(answer.split()) == 3:
        return False  # x in R is the answer itself
    for before, name, numbers in members[1]:
        if answer.split().count(name) < 2 and not before:
            return True
        said = set((_SETS.get(numbers) or numbers).split())
        if f"( {name} )" in answer:
            continue  # the argument of a function
        if (
            not domains[0]
            and said != {"real"}
            and ("integer" not in said or name not in _COUNTERS or _ORDERS & {*answer.split()})
        ):
            return True
    return bool(domains[0] and domains[1]) and domains[0] != domains[1]


def _domain(members: list[tuple[str, str, str]], words: set[str]) -> set[str]:
    numbers_named = {word for _, _, numbers in members for word in _SETS.get(numbers, numbers).split()}
    for word in {word.removesuffix("s") for word in words} & _WORDS.keys():
        numbers_named.update(_WORDS[word].split())
    if {"integer", "positive"} <= numbers_named:
        numbers_named = numbers_named - {"positive"} | {"natural"}
    return numbers_named


def span_of(text: str, *, spelled: bool = False) -> tuple[str, ...] | None:
    """The ends of 10-15, a span of numbers and no difference, with its unit; None for anything else.

    >>> span_of("10 - 15"), span_of('10 "to 15', spelled=True), span_of("15 + 10")
    (('10', '15', ''), ('10', '15', ''), None)
    """
    match = (_SPELLED if spelled else _SPAN).fullmatch(text)
    return None if match is None else match.groups()
