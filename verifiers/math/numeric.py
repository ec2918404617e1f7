"""Values of trees at points: complex floats to tell answers apart, fifty digits to call them the same.

A name gets a value from its spelling and the number of the point, so that the same name has the same value on both
sides and every run decides alike. Points 0-2 are positive, 3 negative, 4 of mixed sign, 5 and 6 complex. Functions
that nobody defined (f(x), an integral) are given one arbitrary smooth value for their parts: what holds for it holds
for any.

Floats only ever refute. Equality is confirmed by mpmath, loaded on first need, with the number of digits raised where
a sum holds a term so small that fifty digits would not see it.
"""

from __future__ import annotations

import cmath
import math
import threading
import zlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from .exact import MAX_RANGE, Rational, based, rational
from .tree import INF, Node, TooBig, Unreadable, names

Value = Any  # any: complex or mpmath's mpc, which share their arithmetic

REAL_POINTS = 5
"""Points 0 to 4 are real."""
POINTS = 7
STEP_POINTS = 24
"""More real points, of all sizes, for answers with floors, maxima and the like."""
SMALL_POINTS = 8
"""More real points between -1 and 1."""
DIGITS = 50
MAX_DIGITS = 400
_LARGEST_ANGLE = 1e60
_TINY_TERM = 1e-18
_CANCELLED = 1e-6
"""Ratio of a sum to its largest term below which what is left has lost digits that have to be allowed for."""
_TAIL = 5
"""Terms by which the rest of an infinite sum is told apart."""
MAX_WORK = 16_000
"""Most nodes evaluated for one pair of answers; one at high precision counts ten times."""


_budget = threading.local()


def fresh_budget() -> None:
    """Begin a new pair of answers in this thread."""
    _budget.left = MAX_WORK


def spend(cost: int) -> None:
    """Count work; raises TooBig when a pair of answers has had its share."""
    left = getattr(_budget, "left", MAX_WORK) - cost
    _budget.left = left
    if left < 0:
        raise TooBig("too much to evaluate")


class NoValue(Exception):  # noqa: N818 - control flow: the expression has no finite value at the point
    """Outside the domain, or infinite."""


@lru_cache(maxsize=4096)
def point(name: str, index: int) -> complex:
    """The value of a name at a point."""
    u = (zlib.crc32(f"{index}.{name}.r1".encode()) + 0.5) / 2**32
    v = (zlib.crc32(f"{name}/{index}".encode()) + 0.5) / 2**32
    if index < 3:
        return complex((0.15 + 0.8 * u, 1.1 + 2 * u, 2.5 + 5 * u)[index])
    if index == 3:
        return complex(-0.2 - 2.5 * u)
    if index == 4:
        return complex((0.4 + 2 * u) * (1 if v > 0.5 else -1))
    if index == 5:
        return complex(0.6 + 1.5 * u, 0.1 + 0.3 * v)
    if index == 6:
        return complex(-0.5 + 1.5 * u, 0.7 + v)
    size = 10.0 ** (-2 + 14 * ((index * 7 % STEP_POINTS) / STEP_POINTS) ** 2)
    return complex(size * (1 + u) * (1 if (v * 8 + index) % 2 > 0.9 else -1))


@lru_cache(maxsize=1024)
def small_point(name: str, index: int) -> complex:
    """The value of a name at a point between -1 and 1."""
    u = (zlib.crc32(f"{name}<1/{index}".encode()) + 0.5) / 2**32
    return complex((0.04 + 0.9 * u) * (-1 if index % 2 else 1))


@lru_cache(maxsize=1024)
def integer_point(name: str, index: int) -> complex:
    """The value of a name at a point of whole numbers."""
    u = zlib.crc32(f"{index}:{name}".encode())
    return complex((1 + u % 7) if index < 8 else (6 + u % 40) if index < 16 else 30 + u % 500)


class NumericReading(NamedTuple):
    """What a formula leaves open."""

    log_base: int = 0
    r"""The base of a `\log` without one; 0 is e."""
    from_first: bool = False
    """Whether the tail of an infinite sum begins some terms after its first, and not at an index of its own."""


PRINCIPAL_READING = NumericReading()


class NumericContext:
    """Arithmetic that a tree is evaluated with: complex floats, or mpmath's at some number of digits."""

    def __init__(
        self, mp: Any = None, *, reading: NumericReading = PRINCIPAL_READING
    ) -> None:  # any: mpmath ships no types
        self.mp = mp
        self.reading = reading
        self.cost = 1 if mp is None else 10
        self.smallest = 1.0
        """Smallest ratio of a term to the sum that it is in."""
        self.left_reals = False
        """Whether an even root, or a logarithm, of a negative number was taken."""
        self.cancelled: Value = 0
        """Largest term of a sum that is next to nothing: what is left may be noise of its size."""
        lib: Any = mp or cmath
        self.exp, self.sqrt, self.log = lib.exp, lib.sqrt, lib.log
        self.pi: Value = mp.pi if mp else math.pi
        self.e: Value = mp.e if mp else math.e
        self.i: Value = mp.mpc(0, 1) if mp else 1j
        self.lib = lib

    def note(self, ratio: Value) -> None:
        """Remember that something so small beside the rest has to be seen."""
        self.smallest = min(self.smallest, float(max(ratio, self.mp.mpf("1e-300"))))

    def rational(self, value: Rational) -> Value:
        """A rational number in this arithmetic."""
        if self.mp is not None:
            return self.mp.mpf(value.numerator) / value.denominator
        try:
            return complex(value.numerator / value.denominator)
        except OverflowError:
            raise TooBig("past the floats") from None

    def number(self, value: complex) -> Value:
        """A point's value in this arithmetic."""
        return self.mp.mpc(value) if self.mp is not None else value


_ONE_ARGUMENT: Mapping[str, Callable[[Any, Value], Value]] = {
    "sin": lambda m, x: m.sin(x),
    "cos": lambda m, x: m.cos(x),
    "tan": lambda m, x: m.tan(x),
    "cot": lambda m, x: 1 / m.tan(x),
    "sec": lambda m, x: 1 / m.cos(x),
    "csc": lambda m, x: 1 / m.sin(x),
    "sinh": lambda m, x: m.sinh(x),
    "cosh": lambda m, x: m.cosh(x),
    "tanh": lambda m, x: m.tanh(x),
    "coth": lambda m, x: 1 / m.tanh(x),
    "sech": lambda m, x: 1 / m.cosh(x),
    "csch": lambda m, x: 1 / m.sinh(x),
    "arcsin": lambda m, x: m.asin(x),
    "arccos": lambda m, x: m.acos(x),
    "arctan": lambda m, x: m.atan(x),
    "arccot": lambda m, x: m.atan(1 / x) if x.real >= 0 else m.atan(1 / x) + m.acos(-1),
    "arcsec": lambda m, x: m.acos(1 / x),
    "arccsc": lambda m, x: m.asin(1 / x),
    "arcsinh": lambda m, x: m.asinh(x),
    "arccosh": lambda m, x: m.acosh(x),
    "arctanh": lambda m, x: m.atanh(x),
    "ln": lambda m, x: m.log(x),
}


def evaluate(node: Node, env: Mapping[str, complex], context: NumericContext) -> Value:
    """The value of a tree. Raises NoValue, TooBig, or Unreadable for what has no value by its nature."""
    spend(context.cost)
    kind = node.kind
    args = node.args
    if kind in ("num", "dec"):
        assert isinstance(node.value, int | Fraction)
        return context.rational(node.value)
    if kind == "var":
        return context.number(env[str(node.value)])
    if kind == "add":
        return _add([evaluate(arg, env, context) for arg in args], context)
    if kind == "mul":
        product = evaluate(args[0], env, context)
        for arg in args[1:]:
            product = product * evaluate(arg, env, context)
        return product
    if kind == "pow":
        return _power(node, env, context)
    if kind == "root":
        return _root(evaluate(args[0], env, context), rational(args[1]), args[1], env, context)
    if kind == "const":
        return _constant(str(node.value), context)
    if kind == "abs":
        return context.number(1) * abs(evaluate(args[0], env, context))
    if kind == "deg":
        return evaluate(args[0], env, context) * context.pi / 180
    if kind == "pct":
        return evaluate(args[0], env, context) / 100
    if kind == "log":
        return context.log(_nonzero(evaluate(args[0], env, context))) / context.log(
            _nonzero(evaluate(args[1], env, context))
        )
    if kind == "fact":
        return _gamma(evaluate(args[0], env, context) + 1, context)
    if kind == "fn":
        return _function(node, env, context)
    if kind == "big":
        return _big(node, env, context)
    if kind == "call":
        return _unknown(str(node.value), [evaluate(arg, env, context) for arg in args], context)
    if kind == "based":
        return context.rational(based(node) or 0)
    raise Unreadable(f"{kind} has no value")


def _nonzero(value: Value) -> Value:
    if not value:
        raise NoValue
    return value


def _constant(name: str, context: NumericContext) -> Value:
    if name == "inf":
        raise NoValue
    return (
        context.pi * context.number(1) if name == "pi" else context.e * context.number(1) if name == "e" else context.i
    )


def _add(values: list[Value], context: NumericContext) -> Value:
    total = values[0]
    for value in values[1:]:
        total = total + value
    if context.mp is not None:
        largest = max(abs(value) for value in values)
        if abs(total) < largest * _CANCELLED:
            context.cancelled = max(context.cancelled, largest)
        for value in values:
            if value and abs(value) < _TINY_TERM * largest:
                context.note(abs(value) / largest)
    return total


def _power(node: Node, env: Mapping[str, complex], context: NumericContext) -> Value:
    base_node, exponent_node = node.args
    exponent = rational(exponent_node) if not names(exponent_node) else None
    if base_node.kind == "const" and base_node.value == "e":
        power_of_e = evaluate(exponent_node, env, context)
        return context.exp(_bounded(power_of_e, context))
    base = evaluate(base_node, env, context)
    if exponent is not None:
        if exponent.denominator == 1:
            if not base and exponent <= 0:
                raise NoValue
            _bounded(context.log(base) * exponent.numerator if base else context.number(0), context)
            return base**exponent.numerator
        if exponent.denominator % 2 and not base.imag and base.real < 0 and exponent.denominator < 100:
            # An odd root of a negative number is taken to be the real one.
            real = context.exp(context.log(-base) * context.rational(exponent))
            return -real if exponent.numerator % 2 else real
        context.left_reals |= base.real < 0
        return context.exp(context.log(base) * context.rational(exponent)) if base else _zero_power(exponent, context)
    value = evaluate(exponent_node, env, context)
    if not base:
        if value.real > 0:
            return context.number(0)
        raise NoValue
    return context.exp(_bounded(context.log(base) * value, context))


def _bounded(log: Value, context: NumericContext) -> Value:
    """A logarithm of a size that can be raised to again."""
    size = abs(log)
    if not size < (1e15 if context.mp is not None else 690):
        raise TooBig("past the floats")
    if context.mp is not None and size and size < _TINY_TERM:
        context.note(size)
    return log


def _zero_power(exponent: Rational, context: NumericContext) -> Value:
    if exponent > 0:
        return context.number(0)
    raise NoValue


def _root(
    value: Value, degree: Rational | None, node: Node, env: Mapping[str, complex], context: NumericContext
) -> Value:
    if not value:
        return value
    if degree == 2:
        context.left_reals |= value.real < 0
        return context.sqrt(value)
    if isinstance(degree, int) and degree > 0:
        if degree % 2 and not value.imag and value.real < 0:
            return -context.exp(context.log(-value) / degree)
        return context.exp(context.log(value) / degree)
    return context.exp(context.log(value) / _nonzero(evaluate(node, env, context)))


def _gamma(value: Value, context: NumericContext) -> Value:
    """Gamma, for factorials of what is no small number."""
    if context.mp is not None:
        if abs(value) > 1e6 or (not value.imag and value.real <= 0 and value.real == int(value.real)):
            raise NoValue
        return context.mp.gamma(value)
    if value.imag or value.real > 165:
        raise TooBig("a factorial past the floats")
    try:
        return complex(math.gamma(value.real))
    except (ValueError, OverflowError):
        raise NoValue from None


def _function(node: Node, env: Mapping[str, complex], context: NumericContext) -> Value:
    name = str(node.value)
    simple = _ONE_ARGUMENT.get(name)
    if name == "det" and len(node.args) == 1:
        return _determinant(node.args[0], env, context)
    if any(arg.kind in ("matrix", "set", "tuple", "list") for arg in node.args):
        return _unknown(name, [evaluate(part, env, context) for arg in node.args for part in _parts(arg)], context)
    values = [evaluate(arg, env, context) for arg in node.args]
    if simple is not None and len(values) == 1:
        if name == "ln":
            context.left_reals |= values[0].real < 0
        if name in ("ln", "arccot", "cot", "arcsec", "arccsc", "csc", "coth", "csch"):
            _nonzero(values[0])
        if abs(values[0].imag) > 600:
            raise NoValue
        if name != "ln" and abs(values[0]) > _LARGEST_ANGLE:
            raise TooBig("an angle past what can be reduced")
        value = simple(context.lib, values[0])
        if context.mp is not None:
            _note_flat(name, abs(values[0]), context)
            if name in ("sin", "cos", "tan") and abs(value) < _TINY_TERM:
                context.cancelled = max(context.cancelled, 1)  # sin π: the digits are those of π
        return value
    one = values[0]
    if name == "log" and len(values) == 1:
        natural = context.log(_nonzero(one))
        base = context.reading.log_base
        return natural / context.log(context.number(base)) if base else natural
    if name in ("floor", "ceil", "sgn", "max", "min", "mod"):
        return _step(name, values, context)
    if name == "Re":
        return context.number(1) * one.real
    if name == "Im":
        return context.number(1) * one.imag
    if name in ("binom", "permutations") and len(values) == 2:
        k = values[1]
        top = _gamma(one + 1, context) / _nonzero(_gamma(one - k + 1, context))
        return top if name == "permutations" else top / _nonzero(_gamma(k + 1, context))
    return _unknown(name, values, context)


def _note_flat(name: str, size: Value, context: NumericContext) -> None:
    """Where a function is so flat that what goes in hardly shows: cos near 0, tanh and arctan far out."""
    if size and size < _TINY_TERM:
        context.note(size * size)
    elif size > 1 / _TINY_TERM:
        context.note(1 / size)
    if name in ("tanh", "coth") and size > 20:
        context.note(context.exp(-2 * size))


def _parts(node: Node) -> list[Node]:
    if node.kind in ("matrix", "row", "set", "tuple", "list"):
        return [part for arg in node.args for part in _parts(arg)]
    return [node]


def _step(name: str, values: list[Value], context: NumericContext) -> Value:
    """Functions of real numbers that jump or bend."""
    if any(abs(value.imag) > 1e-12 * (1 + abs(value)) for value in values):
        raise NoValue
    reals = [value.real for value in values]
    one = reals[0]
    if name in ("floor", "ceil", "mod") and abs(one) > (
        1e15 if context.mp is None else 10.0 ** min(300, context.mp.dps)
    ):
        raise TooBig(f"a {name} past the digits")  # and mpmath would write such a number out before it divides
    if name in ("floor", "ceil"):
        near = round(float(one)) if abs(one) < 1e15 else one
        if abs(one - near) < 1e-9 * max(1.0, abs(float(one))):  # a float just beside a whole number
            return context.number(1) * near
        return context.number(1) * (context.mp.floor if context.mp else math.floor)(one) + (1 if name == "ceil" else 0)
    if name == "sgn":
        return context.number((one > 0) - (one < 0))
    if name == "mod":
        if len(reals) != 2 or not reals[1]:
            raise NoValue
        return context.number(1) * (one % reals[1])
    return context.number(1) * (max(reals) if name == "max" else min(reals))


def _unknown(name: str, values: list[Value], context: NumericContext) -> Value:
    """One arbitrary smooth function for a name that nobody defined."""
    h = (zlib.crc32(name.encode()) % 997 + 3) / 1009
    total = context.number(h)
    for position, value in enumerate(values):
        if abs(value.imag) > 100 or abs(value) > _LARGEST_ANGLE:
            raise NoValue
        total = total + context.lib.sin(value * (h + position + 1) / 3) * (position + 1) + value * h
    return total


def _determinant(matrix: Node, env: Mapping[str, complex], context: NumericContext) -> Value:
    if matrix.kind != "matrix":
        return _unknown("det", [evaluate(matrix, env, context)], context)
    rows = [[evaluate(cell, env, context) for cell in row.args] for row in matrix.args]
    if len(rows) > 8 or any(len(row) != len(rows) for row in rows):
        raise Unreadable("a determinant of what is not square")

    def minor(left: list[list[Value]]) -> Value:
        if len(left) == 1:
            return left[0][0]
        total = context.number(0)
        for column, head in enumerate(left[0]):
            spend(context.cost * len(left))
            rest = [row[:column] + row[column + 1 :] for row in left[1:]]
            total = total + head * minor(rest) * (-1 if column % 2 else 1)
        return total

    return minor(rows)


def _big(node: Node, env: Mapping[str, complex], context: NumericContext) -> Value:
    """A sum or product over a small range is worked out; the others are unknown functions of their parts."""
    lower, upper, body = node.args
    name = str(node.value)
    if name in ("sum", "prod") and lower.kind == "rel" and lower.value == "=" and lower.args[0].kind == "var":
        first, last = rational(lower.args[1]), rational(upper)
        if last is None and names(upper) and names(upper) <= env.keys():
            end = complex(evaluate(upper, env, NumericContext()))  # at a point where n is a whole number
            last = round(end.real) if end == round(end.real) else None
        variable = str(lower.args[0].value)
        listed = any("_" in one and variable in one for one in names(body))  # a_n is no function of n that we know
        if name == "sum" and isinstance(first, int) and upper == INF and not listed:
            return _series(body, variable, first, env, context)
        if isinstance(first, int) and isinstance(last, int):
            if last - first > MAX_RANGE:
                raise TooBig("a sum over too many numbers")
            values = [evaluate(body, {**env, variable: complex(index)}, context) for index in range(first, last + 1)]
            if name == "sum":
                return _add(values, context) if values else context.number(0)
            total: Value = context.number(1)
            for value in values:
                total = total * value
            return total
    if lower.kind == "rel":
        name += str(lower.value)
    parts = [part for side in (lower, upper) for part in (side.args if side.kind == "rel" else (side,))]
    values = []
    for part in (*parts, body):
        if part.kind == "text":
            values.append(context.number(0.37))
        elif part.kind == "const" and part.value == "inf":
            values.append(context.number(7.3))
        else:
            values.append(evaluate(part, env, context))
    return _unknown(name, values, context)


def _series(body: Node, variable: str, first: int, env: Mapping[str, complex], context: NumericContext) -> Value:
    """An infinite sum: its first terms, and for the others some of them with weights that stand for no sum in
    particular. It is linear in its terms, as the sum is, so constants, factors and terms may go in and out of it."""
    begin = first + 3 if context.reading.from_first or first > 3 else 3
    total = context.number(0)
    for index in range(first, begin + _TAIL):
        weight = 1.0 if index < begin else (zlib.crc32(f"tail {index - begin}".encode()) + 0.5) / 2**32
        total = total + evaluate(body, {**env, variable: complex(index)}, context) * context.number(complex(weight))
    return total
