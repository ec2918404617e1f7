"""Equations: the same up to a constant factor, or solved for a name."""

from __future__ import annotations

from fractions import Fraction

from .items import JOINED_SETS, is_name
from .scalar import is_scalar, same_scalar
from .tree import MINUS_ONE, ZERO, Node, kinds, mul, names, neg, num, sub, substitute


def residual(node: Node) -> Node:
    """Left side minus right side."""
    return sub(node.args[0], node.args[1])


def _cleared(node: Node) -> Node:
    """Left side minus right side, times the names and sums that it is divided by: ad - bc for a/b = c/d."""
    left = residual(node)
    bottoms: dict[Node, None] = {}
    for term in left.args if left.kind == "add" else (left,):
        factors = [term]
        while factors:
            factor = factors.pop()
            if factor.kind == "mul":
                factors.extend(factor.args)
            elif factor.kind == "pow" and factor.args[1] == MINUS_ONE and names(factor):
                bottoms[factor.args[0]] = None
    return mul(left, *bottoms) if bottoms else left


def same_equation(gold: Node, answer: Node) -> bool | None:
    """Whether two equations with the same names are multiples of each other by a constant that is not zero."""
    a, b = _cleared(gold), _cleared(answer)
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
        if names(answer) != names(left) - {name}:
            continue
        below, zero, one, two = (substitute(left, name, num(x)) for x in (-1, 0, 1, 2))
        difference = sub(one, zero)
        linear = all(same_scalar(step, difference)[0] for step in (sub(two, one), sub(zero, below)))
        linear = linear and same_scalar(difference, ZERO)[0] is False
        if linear and same_scalar(substitute(left, name, answer), ZERO)[0]:
            return True
    return False


def end_of_chain(node: Node) -> Node | None:
    """The last side of an equation whose sides are all the same thing."""
    last = node.args[-1]
    if all(side == last for side in node.args):
        return None  # 1 = 1 says nothing
    for side in node.args[:-1]:
        if is_name(side):
            if side.kind in JOINED_SETS and last.kind == "var":
                return None  # A ∩ B = A says something of both
            if (side.kind == "var" and side.value in names(last)) or (
                side.kind == "const" and side.value in kinds(last)
            ):
                return None  # x = x + 1 gives x no value
            continue
        if not is_scalar(side) or not is_scalar(last) or same_scalar(side, last)[0] is not True:
            return None
    return last


def value_of_chain(gold: Node, answer: Node) -> Node:
    r"""An equation without the formulas that it worked out, where it ends in a value: S = 24 for S = bh/2 = 24.

    Beside a bare number, m + n = 601 is 601: a formula of several names is what was asked for. One of a single name,
    x^2 = 9 or 2x = 10, is as likely to be a step on the way to it, and stays an equation.
    """
    if answer.kind == "named" and answer.args[0].kind == "rel":  # area = lw = 12
        value = value_of_chain(gold, answer.args[0])
        return answer if value is answer.args[0] else answer._replace(args=(value,))
    if answer.kind != "rel":
        return answer
    first, *steps, last = answer.args
    values = [side for side in steps if not names(side)]
    if set(str(answer.value).split()) != {"="} or names(last) or not all(map(_is_value, (*steps, last))):
        return answer
    if any(names(step) & names(first) for step in steps if is_name(first)):
        return answer
    if any(same_scalar(value, last)[0] is not True for value in values):
        return answer
    if is_name(first):
        sides = (first, *filter(is_name, steps), last)  # x = y = 5 names two
        formulas = len(sides) - 2 + len(values) < len(steps)
        return Node("rel", sides, " ".join("=" for _ in sides[1:])) if formulas else answer
    asked = _may_be_asked(first, last) and is_scalar(first) and _is_value(gold) and not names(gold)
    return last if asked else answer


def _may_be_asked(formula: Node, value: Node) -> bool:
    """Whether a formula may be what a question asked for; 2x + 3y - 6 = 0 and x/2 + y/3 = 1 are curves."""
    if len(_unknowns(formula)) < 2 or value == ZERO or (value.value == 1 and {"x", "y"} <= names(formula)):
        return False
    if names(formula) <= {"x", "y", "z"} and _is_raised(formula):
        return False  # a circle, and no value of x^2 + y^2
    terms = formula.args if formula.kind == "add" else ()
    if any(not _unknowns(term) for term in terms):
        return False  # x + y + 1 = 7
    parts = formula.args if formula.kind == "mul" else (formula,)
    open_parts = [part for part in parts if _unknowns(part)]
    inverse = len(open_parts) == 1 and open_parts[0].kind == "pow" and _is_negative(open_parts[0].args[1])
    return not inverse and not any(map(_is_negative, parts))  # -(x + y) = 6 and 1/(x + y) = 6 give x + y


def _is_raised(node: Node) -> bool:
    """Whether a formula holds a square or a higher power of a name."""
    if node.kind == "pow" and node.args[1] != MINUS_ONE and names(node.args[0]):
        return True
    return any(map(_is_raised, node.args))


def _is_negative(node: Node) -> bool:
    return isinstance(node.value, (int, Fraction)) and node.value < 0


def _is_value(node: Node) -> bool:
    return is_scalar(node.args[0] if node.kind in ("unit", "pct", "deg") else node)


def _unknowns(node: Node) -> frozenset[Node]:
    """The names and the values of functions in a formula: both of f(1) + f(2)."""
    if node.kind in ("call", "var"):
        return frozenset({node})
    return frozenset().union(*map(_unknowns, node.args))


def turned_upward(node: Node) -> Node:
    """A chain of > turned round to <."""
    signs = str(node.value).split()
    if all(sign in _TURNED for sign in signs):
        return Node("rel", tuple(reversed(node.args)), " ".join(_TURNED[sign] for sign in reversed(signs)))
    return node


_TURNED = {">": "<", ">=": "<=", "\\supset": "\\subset", "\\supseteq": "\\subseteq", "\\ni": "\\in"}


def same_inequality(gold: Node, answer: Node) -> bool | None:
    a, b = residual(gold), residual(answer)
    if names(a) != names(b) or not is_scalar(a) or not is_scalar(b):
        return False
    for scale in _ratios(a, b):
        return same_scalar(mul(a, num(scale)), b)[0]
    return False


def _ratios(a: Node, b: Node) -> list[Fraction]:
    """The rational factor between two expressions at one point, where it is positive."""
    from .exact import rational

    for shift in range(3):
        x, y = a, b
        for index, name in enumerate(sorted(names(a))):
            value = num(Fraction(2 * index + 3 + shift, index + 2))
            x, y = substitute(x, name, value), substitute(y, name, value)
        u, v = rational(x), rational(y)
        if u and v:
            return [Fraction(v) / u] if (u > 0) == (v > 0) else []
    return []
