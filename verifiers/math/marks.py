"""Marks behind a term: primes, and degrees with their minutes and seconds."""

from __future__ import annotations

from .descent import Descent
from .literals import number_node
from .tree import Node, Unreadable, add, div, num


def prime(parser: Descent, base: Node) -> Node:
    """A derivative's marks on a name; minutes or seconds of an angle on a number."""
    marks = 0
    while parser.head in ("\\prime", "'", "''"):
        marks += 2 if parser.head == "''" else 1
        parser.at += 1
    if base.kind == "var":
        return base._replace(value=f"{base.value}" + "'" * marks)
    if base.kind in ("num", "dec"):
        return Node("deg", (div(base, num(60**marks)),))
    raise Unreadable("a prime on what is no name")


def degrees(parser: Descent, base: Node) -> Node:
    """A number of degrees, with minutes and seconds where they follow."""
    if base.kind == "var":
        return base._replace(value=f"{base.value}°")  # a standard state, an interior
    total = base
    for mark, part in (("'", 60), ("''", 3600)):
        if not (parser.head[:1].isdigit()):
            break
        after = parser.tokens[parser.at + 1 : parser.at + 5]
        spelled = ["^", "{", *["\\prime"] * len(mark), "}"]
        if after[:1] == [mark]:
            taken = 2
        elif parser.tokens[parser.at + 1 : parser.at + 1 + len(spelled)] == spelled:
            taken = 1 + len(spelled)
        else:
            break
        total = add(total, div(number_node(parser.head), num(part)))
        parser.at += taken
    return Node("deg", (total,))
