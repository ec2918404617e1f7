r"""Answers that are many at once: antiderivatives, general solutions, solutions with a period, classes of remainders.

A constant that the reference leaves open may be written otherwise: `+C` takes up any constant difference, `C_1` and
`C_2` may be named or ordered otherwise, `\frac{\pi}{4} + k\pi` begins at any of its members.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

from .exact import rational
from .scalar import is_scalar, same_scalar
from .tree import ONE, ZERO, Node, add, kinds, mul, names, neg, num, sub, substitute

_PERIODS = frozenset("knmltNZKM")
_CONSTANTS = frozenset({"c", "C", "k", "K", "c_1", "C_1", "c_0", "C_0", "A", "const"})
_NUMBERED = frozenset(f"{letter}_{index}" for letter in "cCkKAB" for index in range(1, 6))
_OPEN = _NUMBERED | frozenset("ABCDK")
_FREE = _PERIODS | _CONSTANTS | _OPEN
"""Names that an answer may leave open."""
_MOST_OPEN = 3
_SAMPLES = (Fraction(3, 2), Fraction(1, 3), Fraction(5), Fraction(-2, 3))


def same_family(gold: Node, answer: Node) -> bool:
    """Whether two expressions stand for the same set of functions or numbers, though they differ as they are."""
    if not names(gold) & _FREE or not is_scalar(gold) or not is_scalar(answer):
        return False
    twin = renamed(gold, answer)
    if twin is not None and (
        same_scalar(gold, twin)[0] or _same_up_to_constant(gold, twin) or _same_period(gold, twin)
    ):
        return True
    if _same_up_to_constant(gold, answer) or _same_period(gold, answer):
        return True
    return any(same_scalar(gold, other)[0] for other in _renamings(gold, answer))


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
    if {new, old} <= _CONSTANTS and _is_free(gold, new) and _is_free(answer, old):
        return substitute(answer, old, by)
    if new in _PERIODS and old in _PERIODS:
        for parity in (False, True):
            periods = _period(gold, new, parity=parity), _period(answer, old, parity=parity)
            if None not in periods:
                return substitute(answer, old, by)
    if new in _CONSTANTS and old in _CONSTANTS and _additive(gold, new) and _additive(answer, old):
        return substitute(answer, old, by)
    return None


def with_parameter_renamed(gold: Node, answer: Node) -> list[tuple[Node, Node]]:
    r"""Two answers in parts, of which one says `2^k` for `k \ge 2` and the other `2^m` for `m \ge 2`, with one name.

    The name has to stand in a value and in a condition, and be given no value: what is asked for keeps its name.
    """
    mine, other = names(gold) - names(answer), names(answer) - names(gold)
    if len(mine) != 1 or len(other) != 1 or not mine | other <= _PERIODS:
        return []
    (new,), (old,) = mine, other
    if not (_is_parameter(gold, new) and _is_parameter(answer, old)):
        return []
    return [(gold, substitute(answer, old, Node("var", (), new)))]


def _is_parameter(node: Node, name: str) -> bool:
    var = Node("var", (), name)
    about = [part for part in node.args if name in names(part)]
    bounds = [part for part in about if part.kind == "rel" and var in part.args and "=" not in str(part.value).split()]
    values = [part for part in about if part.kind != "rel" or part.value == "="]
    return bool(bounds and values) and not any(part.kind == "rel" and part.args[0] == var for part in values)


def _period(node: Node, name: str, *, parity: bool = False) -> Node | None:
    """What an angle moves by from one whole number to the next: π in π/4 + kπ; None where it is no such family.

    By `parity`, from one to the next but one, as in (-1)^k π/6 + kπ.
    """
    if names(node) != {name} or not kinds(node) & {"pi", "deg"} or (parity and "pow" not in kinds(node)):
        return None
    at = [substitute(node, name, num(index)) for index in ((0, 2, 4, 1, 3) if parity else (0, 1, 2))]
    period = sub(at[1], at[0])
    if same_scalar(period, ZERO)[0] is not False:
        return None
    steps = [sub(at[2], at[1]), *([sub(at[4], at[3])] if parity else [])]
    return period if all(same_scalar(step, period)[0] for step in steps) else None


def _same_period(gold: Node, answer: Node) -> bool:
    """π/4 + kπ against 9π/4 + kπ, or π/4 - kπ."""
    if names(gold) != names(answer) or len(names(gold)) != 1:
        return False
    (name,) = names(gold)
    if name not in _PERIODS:
        return False
    period, other = _period(gold, name), _period(answer, name)
    if period is None or other is None or not (same_scalar(period, other)[0] or same_scalar(period, neg(other))[0]):
        return False
    offset = sub(substitute(gold, name, ZERO), substitute(answer, name, ZERO))
    return any(same_scalar(offset, mul(num(steps), period))[0] for steps in range(-12, 13))


def _is_free(node: Node, name: str) -> bool:
    """Whether a name can only be a constant that is left open: a factor beside functions of one other name, as in
    Ce^x. In mc^2 and rc it is a quantity."""
    others = names(node) - {name}
    if len(others) != 1 or not others <= _VARIABLES or not _is_linear(node, [name], once=name not in "cC"):
        return False
    return name in "cC" or bool(kinds(node) & _OF_A_FUNCTION)


_VARIABLES = frozenset({*"xyztn", "theta"})
_OF_A_FUNCTION = frozenset({"sin", "cos", "sinh", "cosh", "ln", "e"})


def _additive(node: Node, name: str) -> bool:
    """Whether a name stands alone as a term of a sum: the constant of an integral."""
    if node.kind != "add" or Node("var", (), name) not in node.args:
        return False
    return sum(name in names(term) for term in node.args) == 1 and bool(names(node) - {name})


def _same_up_to_constant(gold: Node, answer: Node) -> bool:
    """x² + C against x² + 1 + C, where the reference has the constant: their difference is one number everywhere."""
    name = next((name for name in ("C", "c", "K", "k") if _additive(gold, name) and _additive(answer, name)), None)
    if name is None:
        return False
    variables = sorted((names(gold) | names(answer)) - {name})
    if len(variables) != 1:
        return False
    difference = sub(substitute(gold, name, ZERO), substitute(answer, name, ZERO))
    for sample in _SAMPLES:
        value = substitute(difference, variables[0], num(sample))
        if same_scalar(value, value)[0] and same_scalar(difference, value)[0]:
            return True
    return False


def _renamings(gold: Node, answer: Node) -> Iterator[Node]:
    """The answer with its open constants under the gold's names, in every order."""
    mine, other = _open_constants(gold), _open_constants(answer)
    if not mine or len(mine) != len(other) or len(mine) > _MOST_OPEN or not names(gold) - set(mine):
        return
    if names(gold) - set(mine) != names(answer) - set(other):
        return
    if not any(name in _NUMBERED for name in (*mine, *other)) or not (
        _is_linear(gold, mine) and _is_linear(answer, other)
    ):
        return
    for order in itertools.permutations(mine):
        moved = answer
        for index, old in enumerate(other):
            moved = substitute(moved, old, Node("var", (), f"open:{index}"))
        for index, new in enumerate(order):
            moved = substitute(moved, f"open:{index}", Node("var", (), new))
        yield moved


def _open_constants(node: Node) -> list[str]:
    """The names in an answer that can only be constants that it leaves open."""
    return sorted(name for name in names(node) if name in _OPEN)


def _is_linear(node: Node, constants: list[str], *, once: bool = True) -> bool:
    """Whether each of the constants stands in a formula (once), and in no function or exponent."""
    seen: list[str] = []
    stack = [node]
    while stack:
        here = stack.pop()
        if here.kind == "var" and here.value in constants:
            seen.append(str(here.value))
        elif here.kind in ("add", "mul"):
            stack.extend(here.args)
        elif names(here) & set(constants):
            return False
    return sorted(seen if once else set(seen)) == sorted(constants)


def congruence(node: Node) -> tuple[Node | None, Fraction, Fraction] | None:
    r"""x ≡ 3 (mod 7) as the name, the remainder and the modulus; None for anything else."""
    if node.kind != "rel":
        return None
    signs = str(node.value).split()
    if signs == ["="] and node.args[0].kind == "var":
        return _progression(node)
    if signs[-1:] != ["mod"] or len(node.args) not in (2, 3):
        return None
    remainder, modulus = rational(node.args[-2]), rational(node.args[-1])
    if remainder is None or modulus is None or modulus <= 0:
        return None
    name = node.args[0] if len(node.args) == 3 else None
    return name, Fraction(remainder) % Fraction(modulus), Fraction(modulus)


def _progression(node: Node) -> tuple[Node | None, Fraction, Fraction] | None:
    """n = 5k + 2 as the class of 2 modulo 5."""
    name, value = node.args
    inside = names(value)
    if len(inside) != 1 or not inside <= _PERIODS or name.value in inside or not is_scalar(value):
        return None
    (counter,) = inside
    at = [rational(substitute(value, counter, num(index))) for index in (0, 1, 2)]
    if any(one is None or one.denominator != 1 for one in at):
        return None
    first, second, third = (Fraction(one) for one in at if one is not None)
    step = second - first
    return (name, first % abs(step), abs(step)) if step and third - second == step else None


def components(node: Node) -> tuple[Node, ...] | None:
    r"""2\mathbf{i} + 3\mathbf{j} as (2, 3); None where it is no sum of multiples of unit vectors."""
    if not any(name.startswith("hat:") for name in names(node)):
        return None
    terms = node.args if node.kind == "add" else (node,)
    by_axis: dict[str, Node] = {}
    for term in terms:
        factors = list(term.args if term.kind == "mul" else (term,))
        units = [factor for factor in factors if factor.kind == "var" and factor.value in ("hat:i", "hat:j", "hat:k")]
        if len(units) != 1:
            return None
        factors.remove(units[0])
        axis = str(units[0].value)
        value = mul(*factors) if factors else ONE
        by_axis[axis] = add(by_axis[axis], value) if axis in by_axis else value
    axes = ("hat:i", "hat:j", "hat:k") if "hat:k" in by_axis else ("hat:i", "hat:j")
    return tuple(by_axis.get(axis, ZERO) for axis in axes)
