"""A number token as a node: repeating digits, exponents, places after the point."""

from __future__ import annotations

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
