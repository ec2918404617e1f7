r"""Numbers with what they carry: units, percent and degree marks, bases, ratios, and decimals that round.

Policies:

* A unit may be dropped on either side; where both have one, they must agree (`1 m` is `100 cm`, not `1 cm`).
* `28 %` is 28/100. A reference with a percent sign also takes the bare number (`28`); an answer with a percent sign
  also matches a reference that is the bare number, if that is more than 1.
* `30°` is π/6. A bare number is taken for degrees.
* Bases must agree where both are written; digits alone match a reference with the same digits; an answer with a base
  matches a bare reference of that value.
* `5:8` is 5/8, and ratios may be scaled; `20:34` is `20:34:00`.
* A sum, product, integral or limit is no answer where the reference has worked it out: it may be the question.
* Two decimals are compared exactly. A decimal reference of two or more places takes an exact answer that rounds to
  it. An exact reference takes a decimal only if it has ten or more right digits.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from .exact import based as value_of_based
from .exact import rational
from .numeric import NoValue, NumericContext, evaluate
from .scalar import is_scalar, same_scalar
from .tree import MINUS_ONE, Node, TooBig, Unreadable, kinds, mul, names, num
from .units import conversion, unit

MIN_PLACES = 2
"""Places after the point that a reference needs to take an exact answer that rounds to it."""
MIN_DIGITS = 10
"""Significant digits that a decimal answer needs for an exact reference."""


class JudgedQuantity(NamedTuple):
    """Whether two quantities are the same, and by which rule."""

    same: bool | None
    rule: str


def same_quantity(gold: Node, answer: Node) -> JudgedQuantity:
    """Whether two numbers with their marks are the same quantity.

    >>> from .reading import read
    >>> same_quantity(read("1.5 km").node, read("1500 meters").node).same
    True
    >>> same_quantity(read("0.33").node, read("1/3").node), same_quantity(read("1/3").node, read("0.33").node).same
    (JudgedQuantity(same=True, rule='rounded'), False)
    """
    if gold.kind == "unit" or answer.kind == "unit":
        return _units(gold, answer)
    if gold.kind == "pct" or answer.kind == "pct":
        return _percents(gold, answer)
    if gold.kind == "deg" or answer.kind == "deg":
        return _degrees(gold, answer)
    if gold.kind == "ratio" or answer.kind == "ratio":
        return _ratios(gold, answer)
    if gold.kind == "based" or answer.kind == "based":
        return _bases(gold, answer)
    return same_number(gold, answer)


def same_number(gold: Node, answer: Node) -> JudgedQuantity:
    """Two expressions without marks, with the policy for decimals."""
    if gold.kind == answer.kind == "mul" and all(str(arg.value).startswith("mathbb{Z_") for arg in gold.args):
        return JudgedQuantity(
            sorted(gold.args) == sorted(answer.args), "structure"
        )  # groups: their product has no order
    if not is_scalar(gold) or not is_scalar(answer):
        return JudgedQuantity(False if is_scalar(gold) != is_scalar(answer) else None, "structure")
    if "big" in kinds(answer) and "big" not in kinds(gold):
        return JudgedQuantity(False, "unevaluated")
    if (gold.args and _keeps_order(gold)) or (answer.args and _keeps_order(answer)):
        return JudgedQuantity(True if gold == answer else None, "structure")
    same, rule = same_scalar(gold, answer)
    if same:
        mine = _capitals(gold)
        other = _capitals(answer) if mine else {}
        reordered = any(other.get(letters, orders) != orders for letters, orders in mine.items())
        return JudgedQuantity(None if reordered else True, str(rule))
    places_gold, places_answer = _decimal(gold), _decimal(answer)
    if (places_gold is None) != (places_answer is None) and _rounds(gold, answer, places_gold, places_answer):
        return JudgedQuantity(True, "rounded")
    if not same and _left_open(gold):
        return JudgedQuantity(None, str(rule))  # an integral that nobody worked out may have any value
    return JudgedQuantity(same, str(rule))


def _keeps_order(node: Node) -> bool:
    """Whether letters are shown to be operators: AB - BA, a^\\dagger a. Their factors cannot be exchanged."""
    if node.kind == "add" and any(len(orders) > 1 for orders in _capitals(node).values()):
        return True
    if node.kind == "var":
        return node.value in ("dagger", "ldots")
    return node.kind in ("add", "mul", "pow") and any(map(_keeps_order, node.args))


def _capitals(node: Node) -> dict[frozenset[str], set[tuple[str, ...]]]:
    """The terms that are products of two or three capitals and nothing else, by their letters: AB may be a segment, a
    ray or a product of matrices, and only who knows which may read it as BA."""
    orders: dict[frozenset[str], set[tuple[str, ...]]] = {}
    for term in node.args if node.kind == "add" else (node,):
        factors = term.args[1:] if term.kind == "mul" and term.args[0] == MINUS_ONE else term.args
        if term.kind == "mul" and 1 < len(factors) < 4 and all(factor.kind == "var" for factor in factors):
            letters = tuple(str(factor.value) for factor in factors)
            key = frozenset(letters)
            capital = all(len(letter) == 1 and letter.isupper() for letter in letters)
            if capital and len(key) == len(letters) and key not in _NUMBERS:
                orders.setdefault(key, set()).add(letters)
    return orders


_NUMBERS = frozenset(map(frozenset, "LW LH WH LWH BH IR PV RT NRT CV QV RC LC GM PRT IL BIL NI".split()))
"""Capitals that stand for numbers, side by side: length and width, current and resistance."""


def _left_open(node: Node) -> bool:
    """Whether an expression holds an integral, a limit or a sum whose bounds are no whole numbers."""
    if "big" not in kinds(node):
        return False
    if node.kind == "big":
        lower, upper, _ = node.args
        bounds = lower.args[-1] if lower.kind == "rel" else lower, upper
        return node.value not in ("sum", "prod") or not all(bound.kind == "num" for bound in bounds)
    return any(map(_left_open, node.args))


def _decimal(node: Node) -> int | None:
    """The number of places of a decimal literal, with its sign or percent mark; None for anything else."""
    if node.kind == "dec":
        return node.decimals
    if node.kind == "pct":
        inner = _decimal(node.args[0])
        return None if inner is None or not inner else inner + 2
    if node.kind == "mul" and len(node.args) == 2:
        if node.args[0] == MINUS_ONE:
            return _decimal(node.args[1])
        return _scientific(node)
    return None


def _scientific(node: Node) -> int | None:
    """1.5 × 10^{-3} has four places."""
    head, tail = node.args
    if head.kind != "dec" or tail.kind != "pow" or tail.args[0].value != 10 or not isinstance(tail.args[1].value, int):
        return None
    return head.decimals - tail.args[1].value


def _rounds(gold: Node, answer: Node, places_gold: int | None, places_answer: int | None) -> bool:
    if names(gold) or names(answer):
        return False
    decimal, exact = (gold, answer) if places_gold is not None else (answer, gold)
    decimals = places_gold if places_gold is not None else places_answer
    assert decimals is not None
    value = rational(decimal)
    if value is None or not _is_exact(exact):
        return False
    if places_gold is not None:
        if decimals < MIN_PLACES:
            return False
    elif _digits(value) < MIN_DIGITS:
        return False
    difference = _difference(exact, Fraction(value))
    return difference is not None and abs(difference) <= Fraction(1, 2) * Fraction(10) ** -decimals * (
        1 + Fraction(1, 10**9)
    )


def _is_exact(node: Node) -> bool:
    """Whether a number is written exactly: nothing in it is a rounded decimal."""
    return ("dec" not in kinds(node) and node.kind not in ("num",)) or isinstance(node.value, Fraction)


def _digits(value: int | Fraction) -> int:
    """Significant digits of a terminating decimal, trailing zeros not counted."""
    top, bottom = abs(value.numerator), value.denominator
    text = format(Decimal(top) / Decimal(bottom), "f") if bottom < 10**25 else str(top)
    return len(text.replace(".", "").strip("0")) if "." in text else len(text.rstrip("0"))


def _difference(exact: Node, value: Fraction) -> Fraction | None:
    try:
        known = rational(exact)
        if known is not None:
            return Fraction(known) - value
        number = complex(evaluate(exact, {}, NumericContext()))
    except (TooBig, NoValue, Unreadable, OverflowError, ValueError, ZeroDivisionError):
        return None
    if abs(number.imag) > 1e-12 * max(1.0, abs(number)) or abs(number) > 1e15 or number != number:
        return None
    return Fraction(number.real) - value


# marks


_MARKED = frozenset({"deg", "pct"})


def _bare(node: Node) -> Node:
    return node.args[0] if node.kind in ("unit", "deg", "pct") else node


def _units(gold: Node, answer: Node) -> JudgedQuantity:
    mine = str(gold.value) if gold.kind == "unit" else ""
    other = str(answer.value) if answer.kind == "unit" else ""
    factor = conversion(mine, other)
    if factor is None:
        return JudgedQuantity(False, "unit")
    value = _bare(answer) if answer.kind == "unit" else answer
    inner = _bare(gold) if gold.kind == "unit" else gold
    if inner.kind == "unit" or value.kind == "unit":
        return JudgedQuantity(None, "unit")
    if gold.kind == "deg":  # degrees of an angle are none of temperature
        angle = unit(other).powers == (("angle", 1),)
        return same_number(gold, value) if angle else JudgedQuantity(False, "unit")
    carried = (mine and other) or gold.kind in _MARKED or answer.kind in _MARKED
    if carried and inner.kind != value.kind and {inner.kind, value.kind} & _MARKED:
        void = unit(mine).says_nothing and unit(other).says_nothing  # 5 percent of them
        if not void and (unit(mine).powers, answer.kind) != ((("celsius", 1),), "deg"):
            return JudgedQuantity(False, "unit")
    if factor != 1 and unit(mine).powers:
        value = mul(value, num(factor))
    return same_quantity(inner, value)


def _percents(gold: Node, answer: Node) -> JudgedQuantity:
    if gold.kind == answer.kind == "pct":
        return same_number(gold.args[0], answer.args[0])
    judged = same_number(gold, answer)
    if judged.same:
        return judged
    if gold.kind == "pct":
        return same_number(gold.args[0], answer)
    bare = rational(gold) if is_scalar(gold) else None
    return same_number(gold, answer.args[0]) if bare is not None and not -1 <= bare <= 1 else judged


_RADIANS = frozenset({"pi", "arcsin", "arccos", "arctan", "arccot", "arcsec", "arccsc"})
"""What shows that a bare number is an angle in radians."""


def _degrees(gold: Node, answer: Node) -> JudgedQuantity:
    if gold.kind == answer.kind == "deg":
        return same_number(gold.args[0], answer.args[0])
    bare = answer if gold.kind == "deg" else gold
    marked = gold if gold.kind == "deg" else answer
    if bare.kind not in ("pct", "unit", "ratio", "based") and not kinds(bare) & _RADIANS:
        pair = (marked.args[0], bare) if gold.kind == "deg" else (bare, marked.args[0])
        return same_quantity(*pair)
    return same_number(gold, answer) if is_scalar(bare) else JudgedQuantity(False, "unit")


def _bases(gold: Node, answer: Node) -> JudgedQuantity:
    if gold.kind == answer.kind == "based":
        return JudgedQuantity(gold.value == answer.value, "base")
    based, bare = (gold, answer) if gold.kind == "based" else (answer, gold)
    if answer.kind == "based":
        return JudgedQuantity(bare.kind == "num" and value_of_based(based) == bare.value, "base")
    digits = str(based.value).partition("_")[0]
    return JudgedQuantity(bare.kind == "num" and str(bare.value) == digits, "base")


def _ratios(gold: Node, answer: Node) -> JudgedQuantity:
    mine = gold.args if gold.kind == "ratio" else (gold,)
    other = answer.args if answer.kind == "ratio" else (answer,)
    if len(mine) == 1 or len(other) == 1:
        if len(mine) + len(other) != 3:
            return JudgedQuantity(False, "ratio")
        over, under, *_ = mine + other if len(mine) == 2 else other + mine
        quotient = mul(over, Node("pow", (under, MINUS_ONE)))
        return same_number(quotient, other[0]) if len(mine) == 2 else same_number(mine[0], quotient)
    if len(mine) != len(other):
        longer, shorter = (mine, other) if len(mine) > len(other) else (other, mine)
        clock = len(longer) == 3 and longer[2].value == 0 and all(part.kind == "num" for part in (*longer, *shorter))
        return JudgedQuantity(clock and longer[:2] == shorter, "ratio")
    if gold.value == answer.value == "clock" or any(part.value == 0 for part in (*mine, *other)):
        return JudgedQuantity(mine == other, "ratio")
    for x, y in zip(mine[1:], other[1:], strict=True):
        judged = same_number(mul(mine[0], y), mul(other[0], x))
        if not judged.same:
            return JudgedQuantity(judged.same, "ratio")
    return JudgedQuantity(True, "ratio")


def approximates(exact: Node, rounded: Node) -> bool:
    """Whether what stands behind an ≈ may round what stands before it: a number that rounds it, or of one kind."""
    exact, rounded = _bare(exact), _bare(rounded)
    if names(exact) or names(rounded) or not is_scalar(exact) or not is_scalar(rounded):
        return exact.kind != "rel" and (exact.kind == rounded.kind or names(exact) == names(rounded) != frozenset())
    value = rational(rounded)
    if value is None:
        return True
    difference = _difference(exact, Fraction(value))
    decimals = _decimal(rounded) or 0
    return difference is None or abs(difference) <= max(
        Fraction(51, 100) * Fraction(10) ** -decimals, abs(Fraction(value)) / 100
    )


def same_time(gold: Node, answer: Node) -> bool:
    """Two times of the day: with am or pm on both sides, or one of them by the 24 hours."""
    mine, other = _seconds(gold), _seconds(answer)
    return mine is not None and mine == other


def _seconds(node: Node) -> int | None:
    if node.kind == "time" and isinstance(node.value, int):
        return node.value
    if node.kind != "ratio" or node.value != "clock":
        return None
    hour, minute, second = (*(part.value for part in node.args), 0, 0)[:3]
    assert isinstance(hour, int)
    assert isinstance(minute, int)
    assert isinstance(second, int)
    return hour * 3600 + minute * 60 + second if hour > 12 or hour == 0 else None
