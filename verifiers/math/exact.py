"""Exact rational values of trees, within caps on the size of numbers."""

from __future__ import annotations

import math
from fractions import Fraction

from .tree import Node, TooBig

MAX_BITS = 1 << 16
"""Longest integer that is computed."""
MAX_FACTORIAL = 3_000
"""Largest argument of a factorial, and of the lower number of a binomial."""
MAX_RANGE = 2_000
"""Longest sum or product that is written out."""
MAX_MODULUS = 10**9
"""Largest modulus whose totient is worked out, for a power whose exponent is too large to be written out."""

Rational = int | Fraction


def rational(node: Node) -> Rational | None:
    """The exact value of a tree without names, roots and functions; None where there is none.

    Raises TooBig where it would take an integer of more than MAX_BITS bits.

    >>> from .grammar import Parser
    >>> rational(Parser(["3", "!", "/", "4"]).relation())
    Fraction(3, 2)
    """
    kind = node.kind
    if kind in ("num", "dec"):
        assert isinstance(node.value, int | Fraction)
        return node.value
    if kind in ("add", "mul"):
        return _fold(node)
    if kind == "pow":
        return _power(node)
    if kind == "pct":
        value = rational(node.args[0])
        return None if value is None else Fraction(value) / 100
    if kind == "fact":
        value = rational(node.args[0])
        return _factorial(value)
    if kind == "abs":
        value = rational(node.args[0])
        return None if value is None else -value if value < 0 else value
    if kind == "root":
        return _root(node)
    if kind == "fn":
        return _double_factorial(rational(node.args[0])) if node.value == "doublefactorial" else _function(node)
    if kind == "log":
        return _logarithm(node)
    if kind == "based":
        return based(node)
    return None


def based(node: Node) -> int | None:
    """The value of digits with a base."""
    digits, _, base = str(node.value).partition("_")
    if not 2 <= int(base) <= 36 or len(digits) > 2_000:
        return None
    try:
        return int(digits, int(base))
    except ValueError:
        return None


def _checked(value: Rational) -> Rational:
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise TooBig("a number is too long")
        return value
    if value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > MAX_BITS:
        raise TooBig("a number is too long")
    return value.numerator if value.denominator == 1 else value


def _fold(node: Node) -> Rational | None:
    total: Rational = 0 if node.kind == "add" else 1
    for arg in node.args:
        value = rational(arg)
        if value is None:
            return None
        total = _checked(total + value if node.kind == "add" else total * value)
    return total


def _power(node: Node) -> Rational | None:
    base, exponent = rational(node.args[0]), rational(node.args[1])
    if base is None or exponent is None:
        return None
    if isinstance(exponent, Fraction) and exponent.denominator != 1:
        if base < 0:
            return None
        root = perfect_root(base, exponent.denominator)
        return None if root is None else power(root, exponent.numerator)
    return power(base, int(exponent))


def power(base: Rational, exponent: int) -> Rational | None:
    """base ** exponent, within the caps; None for 0 to a negative power and for 0 to the 0."""
    if base == 0 and exponent <= 0:
        return None
    if base in (0, 1):
        return base
    if base == -1:
        return -1 if exponent % 2 else 1
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) * bits > MAX_BITS + bits:
        raise TooBig("a power is too large")
    return _checked(Fraction(base) ** exponent)


def _factorial(value: Rational | None) -> int | None:
    if not isinstance(value, int) or value < 0:
        return None
    if value > MAX_FACTORIAL:
        raise TooBig(f"a factorial of more than {MAX_FACTORIAL:,}")
    return math.factorial(value)


def _double_factorial(value: Rational | None) -> Rational | None:
    if not isinstance(value, int) or value < 0:
        return None
    if value > MAX_FACTORIAL:
        raise TooBig(f"a factorial of more than {MAX_FACTORIAL:,}")
    return math.prod(range(value, 0, -2))


def integer_root(value: int, degree: int) -> int:
    """The whole part of a root of a natural number."""
    if degree == 2:
        return math.isqrt(value)
    if value < 2:
        return value
    guess = 1 << -(-value.bit_length() // degree)
    while True:
        better = ((degree - 1) * guess + value // guess ** (degree - 1)) // degree
        if better >= guess:
            return guess
        guess = better


def perfect_root(value: Rational, degree: int) -> Rational | None:
    """The rational root of a number that is not negative, where it has one."""
    if degree > 64 or max(value.numerator.bit_length(), value.denominator.bit_length()) > 4_096:
        return None
    top, bottom = integer_root(value.numerator, degree), integer_root(value.denominator, degree)
    if top**degree != value.numerator or bottom**degree != value.denominator:
        return None
    return top if bottom == 1 else Fraction(top, bottom)


def _root(node: Node) -> Rational | None:
    value, degree = rational(node.args[0]), rational(node.args[1])
    if value is None or not isinstance(degree, int) or degree < 1:
        return None
    if value < 0:
        inner = perfect_root(-value, degree) if degree % 2 else None
        return None if inner is None else -inner
    return perfect_root(value, degree)


def _function(node: Node) -> Rational | None:
    if node.value == "mod" and len(node.args) == 2:
        modulus = rational(node.args[1])
        if isinstance(modulus, int) and modulus > 0:
            remainder = residue(node.args[0], modulus)
            if remainder is not None:
                return remainder
    values = []
    for arg in node.args:
        value = rational(arg)
        if value is None:
            return None
        values.append(value)
    name = node.value
    if len(values) == 1 and name in ("floor", "ceil", "sgn"):
        one = values[0]
        return math.floor(one) if name == "floor" else math.ceil(one) if name == "ceil" else (one > 0) - (one < 0)
    if name in ("max", "min") and values:
        return max(values) if name == "max" else min(values)
    if not all(isinstance(value, int) for value in values) or len(values) < 2:
        return None
    whole = [int(value) for value in values]
    if name in ("binom", "permutations") and len(whole) == 2:
        return choose(*whole, ordered=name == "permutations")
    if any(value.bit_length() > 4_096 for value in whole):
        raise TooBig("a divisor of very large numbers")
    if name == "gcd":
        return math.gcd(*whole)
    if name == "lcm":
        return _checked(math.lcm(*whole))
    if name == "mod" and len(whole) == 2 and whole[1]:
        return whole[0] % whole[1]
    return None


def residue(node: Node, modulus: int) -> int | None:
    """An integer expression modulo a natural number, without its value: powers are taken modulo it.

    None for what is no integer expression, or not within the caps.

    >>> from .grammar import Parser
    >>> tower = Parser(["3", "^", "{", "3", "^", "{", "3", "^", "3", "}", "}"]).relation()
    >>> residue(tower, 7)
    6
    """
    if modulus == 1:
        return 0
    if node.kind == "num":
        return node.value % modulus if isinstance(node.value, int) else None
    if node.kind in ("add", "mul"):
        total = int(node.kind == "mul")
        for arg in node.args:
            value = residue(arg, modulus)
            if value is None:
                return None
            total = (total + value if node.kind == "add" else total * value) % modulus
        return total
    if node.kind == "pow":
        base = residue(node.args[0], modulus)
        return None if base is None else _power_residue(base, node.args[1], modulus)
    try:
        exact = rational(node)
    except TooBig:
        return None
    return exact % modulus if isinstance(exact, int) else None


def _power_residue(base: int, exponent: Node, modulus: int) -> int | None:
    try:
        value = rational(exponent)
    except TooBig:
        return _tower_residue(base, exponent, modulus)
    if not isinstance(value, int) or (value <= 0 and base == 0) or (value < 0 and math.gcd(base, modulus) > 1):
        return None
    return pow(base, value, modulus)


def _tower_residue(base: int, exponent: Node, modulus: int) -> int | None:
    """Euler's theorem for any base: an exponent of at least log2(m) may be reduced modulo phi(m), plus phi(m)."""
    if modulus > MAX_MODULUS or not _grows(exponent):
        return None
    order = _totient(modulus)
    reduced = residue(exponent, order)
    return None if reduced is None else pow(base, reduced + order, modulus)


def _grows(node: Node) -> bool:
    """Whether a value is at least every value in it, so that one which is too large to write out is large."""
    if node.kind == "num":
        return isinstance(node.value, int) and node.value > 0
    if node.kind == "pow" and node.args[0].kind == "num" and node.args[0].value == 1:
        return False
    return node.kind in ("add", "mul", "pow") and all(map(_grows, node.args))


def _totient(value: int) -> int:
    total, factor = value, 2
    while factor * factor <= value:
        if value % factor == 0:
            total -= total // factor
            while value % factor == 0:
                value //= factor
        factor += 1
    return total - total // value if value > 1 else total


def choose(n: int, k: int, *, ordered: bool = False) -> int | None:
    """The number of choices of k out of n, within the caps."""
    if n < 0 or k < 0:
        return None
    small = k if ordered else min(k, abs(n - k))
    if k > n:
        return 0
    if small > MAX_FACTORIAL or small * n.bit_length() > 2 * MAX_BITS:
        raise TooBig("a binomial is too large")
    return math.perm(n, k) if ordered else math.comb(n, k)


def _logarithm(node: Node) -> Rational | None:
    """log_8 4 is 2/3: where both are powers of one number."""
    value, base = rational(node.args[0]), rational(node.args[1])
    if value is None or base is None or value <= 0 or base <= 0 or base == 1:
        return None
    if value == 1:
        return 0
    ratio = (math.log(value.numerator) - math.log(value.denominator)) / (
        math.log(base.numerator) - math.log(base.denominator)
    )
    guess = Fraction(ratio).limit_denominator(64)
    if abs(guess) > 4_096 or abs(float(guess) - ratio) > 1e-9:
        return None
    try:
        same = power(value, guess.denominator) == power(base, guess.numerator)
    except TooBig:
        return None
    return (guess.numerator if guess.denominator == 1 else guess) if same else None
