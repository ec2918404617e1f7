r"""Sets of real numbers: intervals, inequalities in one name, finite sets, and what is made of them.

`x \le 2 \text{ or } x = 5`, `(-\infty, 2] \cup \{5\}` and `\{x \mid x \le 2\} \cup \{5\}` all come to the same list of
pieces. Ends may be any constants; two ends are one where they are confirmed to be equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from .numeric import NoValue, NumericContext, evaluate
from .scalar import is_scalar, same_scalar
from .tree import INF, Node, TooBig, Unreadable, inverse, kinds, mul, names, neg, num, sub, substitute

MAX_PIECES = 60


class End(NamedTuple):
    """An end of a piece."""

    value: float
    node: Node


class Piece(NamedTuple):
    """An interval; a single number where both ends are one."""

    low: End
    high: End
    low_in: bool
    high_in: bool


RealSet = tuple[Piece, ...]
_LOW, _HIGH = End(-math.inf, neg(INF)), End(math.inf, INF)
EVERYTHING: RealSet = (Piece(_LOW, _HIGH, False, False),)
_ALL = frozenset({"mathbb{R}", "all reals"})


def is_region(node: Node) -> bool:
    """Whether a tree can only mean a set of real numbers: not a tuple, which may mean a point."""
    if node.kind in ("interval", "union", "inter", "minus", "builder"):
        return True
    if node.kind == "rel":
        signs = str(node.value).split()
        if signs[-1:] == ["\\in"]:
            return is_region(node.args[-1])
        return any(sign in ("<", ">", "<=", ">=", "!=") for sign in signs)
    if node.kind == "list":
        return any(is_region(arg) for arg in node.args)
    return node.kind == "text" and node.value in _ALL


def variable_of(node: Node) -> str | None:
    """The name that inequalities are about, where there is one."""
    variables = names(node)
    return next(iter(variables)) if len(variables) == 1 else None


def real_set(node: Node) -> RealSet | None:
    """The set that a tree means, or None where it is not one with constant ends."""
    try:
        return _real_set(node)
    except (NoValue, TooBig, Unreadable, OverflowError, ValueError, ZeroDivisionError):
        return None


def whole_numbers(node: Node) -> Node | None:
    """The members of [1, 5] ∩ Z and {x in Z: 0 < x < 6}, where they are few; None for anything else."""
    if node.kind == "builder" and node.args[0].kind == "rel" and node.args[0].value == "\\in":
        numbers, conditions = node.args[0].args[1], node.args[1:]
    elif node.kind == "inter":
        numbers, conditions = node.args[1], node.args[:1]
    else:
        return None
    low = {"mathbb{Z}": -math.inf, "mathbb{N}": 1.0}.get(str(numbers.value))
    sets = [real_set(one) for one in conditions]
    if low is None or len(sets) != 1 or sets[0] is None:
        return None
    integers: list[int] = []
    for piece in sets[0]:
        first, last = max(piece.low.value, low), piece.high.value
        if math.isinf(first) or math.isinf(last) or last - first > MAX_PIECES:
            return None
        span = range(math.ceil(first), math.floor(last) + 1)
        integers += [n for n in span if (piece.low_in or n > first or first == low) and (piece.high_in or n < last)]
    return Node("set", tuple(map(num, integers)))


def same_set(a: RealSet, b: RealSet) -> bool:
    """Whether two sets are the same."""
    return len(a) == len(b) and all(
        x.low_in == y.low_in and x.high_in == y.high_in and _same_end(x.low, y.low) and _same_end(x.high, y.high)
        for x, y in zip(a, b, strict=True)
    )


def _same_end(a: End, b: End) -> bool:
    if math.isinf(a.value) or math.isinf(b.value):
        return a.value == b.value
    if abs(a.value - b.value) > 1e-6 * max(1.0, abs(a.value), abs(b.value)):
        return False
    return same_scalar(a.node, b.node)[0] is True


def _end(node: Node) -> End:
    if node.kind == "const" and node.value == "inf":
        return _HIGH
    if node == neg(INF):
        return _LOW
    if names(node):
        raise Unreadable("an end that is no constant")
    value = complex(evaluate(node, {}, NumericContext()))
    if abs(value.imag) > 1e-9 * max(1.0, abs(value)) or math.isnan(value.real) or math.isinf(value.real):
        raise NoValue
    return End(value.real, node)


def _interval(low: Node, high: Node, low_in: bool, high_in: bool) -> RealSet:
    a, b = _end(low), _end(high)
    if a.value > b.value:
        raise Unreadable("the ends are the wrong way round")
    if (low_in and math.isinf(a.value)) or (high_in and math.isinf(b.value)):
        raise Unreadable("an interval that is closed at infinity")
    return (Piece(a, b, low_in, high_in),)


def _points(nodes: tuple[Node, ...]) -> RealSet:
    points: RealSet = ()
    for node in nodes:
        end = _end(node)
        if math.isinf(end.value):
            raise Unreadable("infinity is no number")
        points = combine(points, (Piece(end, end, True, True),), lambda x, y: x or y)
    return points


def _real_set(node: Node) -> RealSet:
    kind, args = node.kind, node.args
    if kind == "interval":
        return _interval(args[0], args[1], str(node.value)[0] == "[", str(node.value)[1] == "]")
    if kind in ("tuple", "brackets") and len(args) == 2:
        return _interval(args[0], args[1], kind == "brackets", kind == "brackets")
    if kind == "union":
        return combine(_real_set(args[0]), _real_set(args[1]), lambda x, y: x or y)
    if kind == "inter":
        return combine(_real_set(args[0]), _real_set(args[1]), lambda x, y: x and y)
    if kind == "minus":
        return combine(_real_set(args[0]), _real_set(args[1]), lambda x, y: x and not y)
    if kind == "set":
        return _points(args)
    if kind == "builder":
        result = EVERYTHING
        for arg in args[1:] if args[0].kind == "var" else args:
            result = combine(result, _real_set(arg), lambda x, y: x and y)
        if args[0].kind == "rel":
            result = combine(result, EVERYTHING, lambda x, y: x and y)
        return result
    if kind == "rel":
        return _relation(_with_value_named(node))
    if kind == "text" and node.value in _ALL:
        return EVERYTHING
    if kind == "list":
        return _listed(node)
    raise Unreadable("no set of real numbers")


def _with_value_named(node: Node) -> Node:
    """0 < f(x) < 1 as inequalities about the one value f(x)."""
    calls = [side for side in node.args if side.kind == "call"]
    if calls and not str(calls[0].value)[0].isalpha():
        raise Unreadable("a name with a mark")
    if len(calls) != 1 or any(names(side) for side in node.args if side.kind != "call"):
        return node
    return node._replace(args=tuple(Node("var", (), "y") if side.kind == "call" else side for side in node.args))


def _listed(node: Node) -> RealSet:
    r"""`x < 1 or x > 5` is a union; `x > 1 and x < 5` an intersection; `x \ne 1, 2` excludes both."""
    first = node.args[0]
    if first.kind == "rel" and first.value == "!=" and all(is_scalar(arg) for arg in node.args[1:]):
        spread = (Node("rel", (first.args[0], arg), "!=") for arg in node.args[1:])
        node = node._replace(args=(first, *spread))
    sets = [_real_set(arg) for arg in node.args]
    if len({variable_of(arg) for arg in node.args} - {None}) > 1:
        raise Unreadable("inequalities about several names")
    if node.value == "or":
        return _joined(sets, any)
    ordered = any(arg.kind == "rel" and set(str(arg.value).split()) & _ORDERS for arg in node.args)
    both = _joined(sets, all) if node.value == "and" or ordered else ()
    return both if both or node.value == "and" else _joined(sets, any)  # x > 1, x < 5 but x < 1, x > 5


def _joined(sets: list[RealSet], rule: Callable[[tuple[bool, bool]], bool]) -> RealSet:
    result = sets[0]
    for other in sets[1:]:
        result = combine(result, other, lambda x, y: rule((x, y)))
    return result


_ORDERS = frozenset({"<", ">", "<=", ">=", "!="})


def _relation(node: Node) -> RealSet:
    signs = str(node.value).split()
    sides = node.args
    if signs == ["\\in"] and sides[0].kind == "var":
        return _real_set(sides[1])
    if signs == ["!="] and sides[1].kind == "pm":  # x is neither 1 nor -1
        inner = sides[1].args[0]
        first, second = (_relation(node._replace(args=(sides[0], one))) for one in (inner, neg(inner)))
        return combine(first, second, lambda x, y: x and y)
    name = variable_of(node)
    if name is None:
        raise Unreadable("not about one name")
    result = EVERYTHING
    for left, sign, right in zip(sides, signs, sides[1:], strict=False):
        if sign not in ("<", ">", "<=", ">=", "=", "!="):
            raise Unreadable("no inequality")
        result = combine(result, _half_line(left, sign, right, name), lambda x, y: x and y)
    return result


def _half_line(left: Node, sign: str, right: Node, name: str) -> RealSet:
    """Where a linear relation holds."""
    if left.kind == "abs" and name not in names(right) and sign[0] in "<>":
        inner, inside = left.args[0], sign[0] == "<"
        upper = _half_line(inner, sign, right, name)
        lower = (
            _half_line(neg(right), sign, inner, name) if inside else _half_line(inner, "<" + sign[1:], neg(right), name)
        )
        return combine(upper, lower, (lambda x, y: x and y) if inside else (lambda x, y: x or y))
    if left.kind == "var" and name not in names(right):
        bound, falling = right, False
    elif right.kind == "var" and name not in names(left):
        bound, falling = left, True
    else:
        bound, falling = _solved(sub(left, right), name)
    if sign == "=":
        return _points((bound,))
    if sign == "!=":
        return combine(EVERYTHING, _points((bound,)), lambda x, y: x and not y)
    less = (sign[0] == "<") != falling
    closed = len(sign) == 2
    return _interval(neg(INF), bound, False, closed) if less else _interval(bound, INF, closed, False)


def _solved(node: Node, name: str) -> tuple[Node, bool]:
    """The root of a linear function of one name, and whether the function falls."""
    if kinds(node) & {"floor", "ceil", "abs", "max", "min", "mod", "sgn"}:
        raise Unreadable("not linear")
    at = [substitute(node, name, num(x)) for x in (0, 1, 2, -7, 40)]
    base, one, two, seven, forty = (complex(evaluate(value, {}, NumericContext())).real for value in at)
    rate = one - base
    scale = 1e-9 * max(abs(base), abs(one), abs(forty), 1.0)
    if abs(rate) <= scale or any(
        abs(value - base - x * rate) > scale * 10 for value, x in ((two, 2), (seven, -7), (forty, 40))
    ):
        raise Unreadable("not linear")
    return mul(neg(at[0]), inverse(sub(at[1], at[0]))), rate < 0


def combine(a: RealSet, b: RealSet, keep: Callable[[bool, bool], bool]) -> RealSet:
    """The numbers for which `keep(in a, in b)` holds, as the fewest pieces."""
    if len(a) + len(b) > MAX_PIECES:
        raise TooBig("too many pieces")
    ends: list[End] = []
    for end in sorted({end for piece in (*a, *b) for end in (piece.low, piece.high)}, key=lambda end: end.value):
        if not math.isinf(end.value) and not (ends and _same_end(ends[-1], end)):
            ends.append(end)
    # Alternately the gaps between the ends and the ends themselves, each in or out.
    inside: list[bool] = []
    for index in range(len(ends) + 1):
        low = ends[index - 1].value if index else -math.inf
        high = ends[index].value if index < len(ends) else math.inf
        inside.append(keep(_covers(a, low, high), _covers(b, low, high)))
        if index < len(ends):
            inside.append(keep(_holds(a, ends[index]), _holds(b, ends[index])))
    return _pieces(ends, inside)


def _covers(pieces: RealSet, low: float, high: float) -> bool:
    middle = (low + high) / 2 if not math.isinf(low) and not math.isinf(high) else 0.0
    if math.isinf(low) or math.isinf(high):
        middle = high - 1 - abs(high) if not math.isinf(high) else low + 1 + abs(low) if not math.isinf(low) else 0.0
    return any(piece.low.value < middle < piece.high.value for piece in pieces)


def _holds(pieces: RealSet, end: End) -> bool:
    for piece in pieces:
        if _same_end(piece.low, end):
            if piece.low_in:
                return True
        elif _same_end(piece.high, end):
            if piece.high_in:
                return True
        elif piece.low.value < end.value < piece.high.value:
            return True
    return False


def _pieces(ends: list[End], inside: list[bool]) -> RealSet:
    pieces: list[Piece] = []
    index = 0
    while index < len(inside):
        if not inside[index]:
            index += 1
            continue
        first = index
        while index + 1 < len(inside) and inside[index + 1]:
            index += 1
        low_in, high_in = first % 2 == 1, index % 2 == 1
        low = ends[(first - 1) // 2] if first else _LOW
        high = ends[index // 2] if index // 2 < len(ends) else _HIGH
        pieces.append(Piece(low, high, low_in, high_in))
        index += 1
    return tuple(pieces)
