"""Equations: the same up to a constant factor, solved for a name, or with a bound name renamed."""

from __future__ import annotations

from fractions import Fraction

from .scalar import is_scalar, same_scalar
from .tree import ONE, TWO, ZERO, Node, mul, names, neg, num, sub, substitute

_PERIODS = frozenset("knmltNZKM")
_CONSTANTS = frozenset({"c", "C", "k", "K", "c_1", "C_1", "c_0", "C_0", "A", "const"})


def residual(node: Node) -> Node:
    """Left side minus right side."""
    return sub(node.args[0], node.args[1])


def same_equation(gold: Node, answer: Node) -> bool | None:
    """Whether two equations with the same names are multiples of each other by a constant that is not nought."""
    a, b = residual(gold), residual(answer)
    variables = sorted(names(a) | names(b))
    if names(a) != names(b) or not is_scalar(a) or not is_scalar(b):
        return False
    if not variables:
        return _both(same_scalar(gold.args[0], answer.args[0])[0], same_scalar(gold.args[1], answer.args[1])[0])
    for sign in (a, neg(a)):
        if same_scalar(sign, b)[0]:
            return True if same_scalar(a, ZERO)[0] is False else None
    for shift in range(3):
        point_a, point_b = a, b
        for index, name in enumerate(variables):
            value = num(Fraction(2 * index + 3 + shift, index + 2))
            point_a, point_b = substitute(point_a, name, value), substitute(point_b, name, value)
        if same_scalar(point_a, ZERO)[0] is not False or same_scalar(point_b, ZERO)[0] is not False:
            continue
        return same_scalar(mul(a, point_b), mul(b, point_a))[0]
    return False


def _both(x: bool | None, y: bool | None) -> bool | None:
    if x is False or y is False:
        return False
    return True if x and y else None


def solves(gold: Node, answer: Node) -> bool:
    """Whether an expression is what a linear equation gives for one of its names: 6/x for xy = 6."""
    left = residual(gold)
    if not is_scalar(left) or not is_scalar(answer) or len(names(left)) < 2:
        return False
    for name in sorted(names(left) - names(answer)):
        if not names(answer) <= names(left):
            return False
        zero, one, two = (substitute(left, name, num(x)) for x in (0, 1, 2))
        slope = sub(one, zero)
        linear = same_scalar(sub(two, one), slope)[0] and same_scalar(slope, ZERO)[0] is False
        if linear and same_scalar(substitute(left, name, answer), ZERO)[0]:
            return True
    return False


def renamed(gold: Node, answer: Node) -> Node | None:
    """The answer with its one free parameter named as the gold's: C for c, or n for k in x = kπ.

    None where the names are the same already, or differ by more than that.
    """
    mine, other = names(gold) - names(answer), names(answer) - names(gold)
    if len(mine) == len(other) > 1:  # c_1, c_2 for C_1, C_2
        pairs = list(zip(sorted(mine), sorted(other), strict=True))
        if not all(x.lower() == y.lower() and x[:2] in ("c_", "C_") for x, y in pairs):
            return None
        for x, y in pairs:
            answer = substitute(answer, y, Node("var", (), x))
        return answer
    if len(mine) != 1 or len(other) != 1:
        return None
    (new,), (old,) = mine, other
    by = Node("var", (), new)
    if new.lower() == old.lower() and new.lower()[:2] in ("c", "c_") and len(names(gold)) > 1:
        return substitute(answer, old, by)
    if new in _PERIODS and old in _PERIODS and _periodic(gold, new) and _periodic(answer, old):
        return substitute(answer, old, by)
    if new in _CONSTANTS and old in _CONSTANTS and _additive(gold, new) and _additive(answer, old):
        return substitute(answer, old, by)
    return None


def _periodic(node: Node, name: str) -> bool:
    """Whether a name stands in a multiple of π or of a number of degrees, added to the rest."""
    terms = node.args if node.kind == "add" else (node,)
    holding = [term for term in terms if name in names(term)]
    if len(holding) != 1 or names(node) != {name}:
        return False
    term = holding[0]
    pi = any(part.kind == "const" and part.value == "pi" for part in (term, *term.args))
    linear = same_scalar(substitute(term, name, TWO), mul(TWO, substitute(term, name, ONE)))[0]
    return bool((pi or term.kind == "deg") and linear)


def _additive(node: Node, name: str) -> bool:
    """Whether a name stands alone as the last term of a sum: the constant of an integral."""
    if node.kind != "add" or node.args[-1] != Node("var", (), name):
        return False
    return not any(name in names(term) for term in node.args[:-1]) and bool(names(node) - {name})
