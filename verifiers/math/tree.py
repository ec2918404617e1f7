"""The expression tree that answers are read into: small, immutable, hashable.

One node type for everything: its kind says what it is, `args` are its parts and `value` is what is not a node (a
number, a name). The kinds:

    num dec        an exact number; a decimal literal with its number of places
    var const text a name; pi, e, i or inf; words
    add mul pow root fact abs fn call log     arithmetic; `fn` is a known function, `call` an unknown one
    pm mp          plus-or-minus, minus-or-plus
    deg pct unit based ratio    a number with a degree mark, percent sign, unit, base, or several by proportion
    rel            a chain of relations; `value` holds the signs, separated by spaces
    tuple brackets interval set builder list  (a, b); [a, b]; half-open; {a, b}; {x | …}; a, b without brackets
    union inter minus           of sets
    matrix row cases named big  the rest; `big` is a sum, product, integral, … with its bounds
    approx phrase choice time   a value and its approximation; words and mathematics in turn; an option's letter with
                                what it stands for; a time of the day in minutes
    notation                    a chemical formula, a permutation: what is compared as one line
    bad                         what could not be read
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

Kind = Literal[
    "num", "dec", "var", "const", "text", "add", "mul", "pow", "root", "fact", "abs", "fn", "call", "log", "pm", "mp",
    "deg", "pct", "unit", "based", "ratio", "rel", "tuple", "brackets", "interval", "set", "builder", "list", "union",
    "inter", "minus", "matrix", "row", "cases", "named", "big", "approx", "phrase", "choice", "time", "notation", "bad",
]  # fmt: skip


class Unreadable(Exception):  # noqa: N818 - control flow inside this package, never seen outside
    """The text is not in the grammar."""


class TooBig(Exception):  # noqa: N818 - as above
    """A cap was passed: the answer stays undecided instead of costing time or memory."""


class Node(NamedTuple):
    """One node of the tree."""

    kind: Kind
    """What it is; see the list above."""
    args: tuple[Node, ...] = ()
    """Its parts."""
    value: int | Fraction | str | None = None
    """What is not a node."""
    decimals: int = 0
    """dec: digits after the point."""


def num(value: int | Fraction) -> Node:
    """A number.

    >>> num(Fraction(4, 2)).value
    2
    """
    if isinstance(value, Fraction) and value.denominator == 1:
        value = value.numerator
    return Node("num", (), value)


ZERO, ONE, TWO, HALF, MINUS_ONE = num(0), num(1), num(2), num(Fraction(1, 2)), num(-1)
PI, E, IMAGINARY, INF = (Node("const", (), name) for name in ("pi", "e", "i", "inf"))


def neg(node: Node) -> Node:
    """The negative; of a number at once, so that -2 is a number and not a product."""
    if node.kind in ("num", "dec"):
        assert isinstance(node.value, int | Fraction)
        return node._replace(value=-node.value)
    if node.kind in ("deg", "pct", "unit"):
        return node._replace(args=(neg(node.args[0]),))
    return Node("mul", (MINUS_ONE, node))


def add(*terms: Node) -> Node:
    """A sum, flat."""
    flat: list[Node] = []
    for term in terms:
        flat.extend(term.args if term.kind == "add" else (term,))
    return flat[0] if len(flat) == 1 else Node("add", tuple(flat))


def mul(*factors: Node) -> Node:
    """A product, flat."""
    flat: list[Node] = []
    for factor in factors:
        flat.extend(factor.args if factor.kind == "mul" else (factor,))
    return flat[0] if len(flat) == 1 else Node("mul", tuple(flat))


def inverse(node: Node) -> Node:
    """One over it."""
    return Node("pow", (node, MINUS_ONE))


def div(top: Node, bottom: Node) -> Node:
    """A quotient; of two integers at once a number."""
    if top.kind == bottom.kind == "num" and bottom.value:
        assert isinstance(top.value, int | Fraction)
        assert isinstance(bottom.value, int | Fraction)
        return num(Fraction(top.value) / bottom.value)
    return mul(top, inverse(bottom))


def sub(a: Node, b: Node) -> Node:
    """A difference."""
    return add(a, neg(b))


@lru_cache(maxsize=2048)
def names(node: Node) -> frozenset[str]:
    """The variables in a tree, bound ones too.

    >>> sorted(names(add(Node("var", (), "x"), Node("var", (), "y"))))
    ['x', 'y']
    """
    result: set[str] = set()
    stack = [node]
    while stack:
        here = stack.pop()
        if here.kind == "var":
            result.add(str(here.value))
        stack.extend(here.args)
    return frozenset(result)


@lru_cache(maxsize=2048)
def kinds(node: Node) -> frozenset[str]:
    """The kinds of node in a tree; a known function counts by its name, a constant too."""
    result: set[str] = set()
    stack = [node]
    while stack:
        here = stack.pop()
        result.add(str(here.value) if here.kind in ("fn", "const") else here.kind)
        stack.extend(here.args)
    return frozenset(result)


def substitute(node: Node, name: str, by: Node) -> Node:
    """The tree with a variable replaced."""
    if node.kind == "var":
        return by if node.value == name else node
    if not node.args:
        return node
    return node._replace(args=tuple(substitute(arg, name, by) for arg in node.args))


def size(node: Node) -> int:
    """How many nodes a tree has."""
    count, stack = 0, [node]
    while stack:
        here = stack.pop()
        count += 1
        stack.extend(here.args)
    return count
