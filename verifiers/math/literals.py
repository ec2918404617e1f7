"""A number token as a node: repeating digits, exponents, places after the point."""

from __future__ import annotations

import re
from fractions import Fraction

from .tree import Node, TooBig, Unreadable, num


def number_node(literal: str) -> Node:
    """The node of a number token, with `r` before repeating digits and `e` before an exponent."""
    if literal.isdigit():
        return Node("num", (), int(literal))
    if not literal or literal[0] not in "0123456789.":
        raise Unreadable(f"{literal!r} is no number")
    head, repeats, cycle = literal.partition("r")
    if repeats:
        whole, _, after = head.partition(".")
        shift = 10 ** len(after)
        value = Fraction(int(whole + after or "0"), shift) + Fraction(int(cycle), shift * (10 ** len(cycle) - 1))
        return num(value)
    head, exponents, exponent = head.partition("e")
    whole, _, after = head.partition(".")
    value = Fraction(int((whole + after) or "0"), 10 ** len(after))
    if exponents:
        if abs(int(exponent)) > 2_000:
            raise TooBig("a number with an exponent past 2,000")
        value *= Fraction(10) ** int(exponent)
        if not after and value.denominator == 1:
            return num(value)
        return Node("dec", (), value, max(0, len(after) - int(exponent)))
    return Node("dec", (), value, len(after)) if after else num(value)


def index_in_order(index: str) -> str:
    """An index that is a sum with its names in front, as a_{n+1} for a_{1+n}."""
    if "+" not in index and "-" not in index[1:]:
        return index
    if _INDEX_SUM.fullmatch(index) is None:
        return index
    terms = _INDEX_TERM.findall(index if index[0] == "-" else f"+{index}")
    return "".join(sorted(terms, key=lambda term: (term[1].isdigit(), term[1:], term))).removeprefix("+")


_INDEX_SUM = re.compile(r"-?[a-z0-9#]+(?:[+-][a-z0-9#]+)+")
_INDEX_TERM = re.compile(r"[+-][a-z0-9#]+")
