"""Whether two expressions are the same number or the same function: exactly, by form, then at points.

Points refute at once and never prove: sameness is confirmed at fifty digits or more. Two expressions are the same
when they agree wherever both are real, at points of every sign (so |x| and √(x²) are not x, but √x² is), or, where
that domain is too thin or `i` occurs, at complex points too.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from .exact import rational
from .normal import kept_form
from .numeric import (
    DIGITS,
    MAX_DIGITS,
    POINTS,
    PRINCIPAL_READING,
    REAL_POINTS,
    SMALL_POINTS,
    STEP_POINTS,
    NoValue,
    NumericContext,
    NumericReading,
    evaluate,
    integer_point,
    point,
    small_point,
)
from .tree import INF, Kind, Node, TooBig, Unreadable, kinds, names, neg

Env = dict[str, complex]

SCALAR: frozenset[Kind] = frozenset({
    "num", "dec", "var", "const", "add", "mul", "pow", "root", "fact", "abs", "fn", "call", "log", "deg", "pct",
    "based", "big",
})  # fmt: skip
"""What may stand in an expression that has a value."""
_JUMPS = frozenset({"floor", "ceil", "max", "min", "sgn", "mod"})
_NON_SMOOTH = _JUMPS | {"abs", "root", "big", "cases"}
_INTEGER_NAMES = frozenset("nmkNMK")
"""Names of whole numbers. t, p, q, r, l and j are as often real."""
_COMPLEX = frozenset({"i", "Re", "Im", "arg"})
_INFINITE = frozenset({"const", "mul"})
_MAX_VARIABLES = 24
_local = threading.local()


class Rule(StrEnum):
    """How a comparison of expressions was decided."""

    STRING = "string"
    EXACT = "exact"
    STRUCTURE = "structure"
    NUMERIC = "numeric"
    NONE = "none"


def is_scalar(node: Node) -> bool:
    """Whether a tree is an expression that may have a value at a point."""
    stack = [node]
    while stack:
        here = stack.pop()
        if here.kind not in SCALAR:
            return False
        if here.kind not in ("big", "fn"):
            stack.extend(here.args)
    return True


def same_scalar(a: Node, b: Node) -> tuple[bool | None, Rule]:
    """Whether two expressions are the same, and the rule that says so; None where no decision was reached.

    >>> from .reading import read
    >>> same_scalar(read(r"\\tan^2 y + 1").node, read(r"\\sec^2 y").node)
    (True, <Rule.NUMERIC: 'numeric'>)
    """
    if a == b:
        return True, Rule.STRUCTURE
    try:
        x, y = rational(a), rational(b)
        if x is not None and y is not None:
            return x == y, Rule.EXACT
    except TooBig:
        pass
    kinds_a, kinds_b = kinds(a), kinds(b)
    try:
        if kept_form(a) == kept_form(b):
            return True, Rule.STRUCTURE
    except TooBig:
        pass
    if ("inf" in kinds_a) != ("inf" in kinds_b) and "big" not in kinds_a | kinds_b:
        return False, Rule.STRUCTURE
    if a.kind in _INFINITE and b.kind in _INFINITE and _is_infinity(a) and _is_infinity(b):
        return False, Rule.STRUCTURE  # of different signs, or their forms would be the same
    try:
        return _numeric(a, b, kinds_a, kinds_b), Rule.NUMERIC
    except (TooBig, Unreadable, NoValue, OverflowError, ValueError):
        return None, Rule.NONE


def _is_infinity(node: Node) -> bool:
    return node == INF or node == neg(INF)


def _numeric(a: Node, b: Node, kinds_a: frozenset[str], kinds_b: frozenset[str]) -> bool | None:
    variables = sorted(names(a) | names(b))
    if not variables:
        return _same_constant(a, b)
    if len(variables) > _MAX_VARIABLES:
        return None
    present = kinds_a | kinds_b
    verdict: bool | None = None
    for reading in _readings(present):
        verdict = _same_function(a, b, variables, present, reading)
        if verdict is not False:
            break
    whole = all(name.split("_")[0] in _INTEGER_NAMES or "#" in name for name in variables)
    if whole and "big" in present and verdict is False:
        return _same_on_integers(a, b, variables, sums=True) or None
    if verdict is None and whole:
        return _same_on_integers(a, b, variables) or None
    if verdict and bool(kinds_a & _JUMPS) != bool(kinds_b & _JUMPS):
        return None  # a jump may lie between the points
    if verdict is False and whole:
        return _same_on_integers(a, b, variables)
    return verdict


# numbers


def _readings(present: frozenset[str]) -> Iterator[NumericReading]:
    r"""`\log` as the natural one or that of ten; the tails of infinite sums by their index or from their first term."""
    for log_base in (0, 10) if "log" in present else (0,):
        for from_first in (False, True) if {"big", "inf"} <= present else (False,):
            yield NumericReading(log_base, from_first)


def _same_constant(a: Node, b: Node) -> bool | None:
    verdict: bool | None = None
    for reading in _readings(kinds(a) | kinds(b)):
        verdict = _same_value(a, b, {}, reading)
        if verdict is not False:
            break
    return verdict


def _same_value(a: Node, b: Node, env: Env, reading: NumericReading) -> bool | None:
    """Whether two expressions have the same value at one point, confirmed at high precision."""
    try:
        close = _close(_float(a, env, reading), _float(b, env, reading), 1e-3)
    except TooBig:
        close = True  # past the floats: mpmath's exponents are unbounded
    return close and _confirmed(a, b, env, reading)


def _float(node: Node, env: Env, reading: NumericReading, context: NumericContext | None = None) -> complex:
    try:
        value = complex(evaluate(node, env, context or NumericContext(reading=reading)))
    except OverflowError:
        raise TooBig("past the floats") from None
    except (ValueError, ZeroDivisionError):
        raise NoValue from None
    size = abs(value)
    if size != size or size == float("inf"):
        raise NoValue
    if 0 < size < 1e-250 or (not size and not env):
        raise TooBig("below the floats")
    return value


def _close(x: complex, y: complex, tolerance: float) -> bool:
    return abs(x - y) <= tolerance * max(abs(x), abs(y))


def _context(digits: int) -> Any:  # any: mpmath ships no types
    """An mpmath context of this thread's own: the module's global one is shared by all threads."""
    context = getattr(_local, "context", None)
    if context is None:
        from mpmath.ctx_mp import MPContext

        context = _local.context = MPContext()
    context.dps = digits
    return context


def _confirmed(a: Node, b: Node, env: Env, reading: NumericReading = PRINCIPAL_READING) -> bool | None:
    """Whether two values agree to all but the last ten digits; None past the digits that we can pay for."""
    digits = DIGITS
    while True:
        context = NumericContext(_context(digits), reading=reading)
        try:
            x, y = evaluate(a, env, context), evaluate(b, env, context)
        except (ZeroDivisionError, ValueError):
            raise NoValue from None
        scale = max(abs(x), abs(y))
        if context.mp.isnan(scale) or context.mp.isinf(scale):
            raise NoValue
        if abs(x - y) > context.mp.mpf(10) ** (10 - digits) * max(scale, context.cancelled):
            return False
        if context.smallest > 10.0 ** (-digits / 3):
            return True
        digits *= 3
        if digits > MAX_DIGITS:
            return None


# functions


def _environments(variables: list[str], *, wide: bool, whole: bool) -> Iterator[tuple[Env, bool]]:
    """Real points: positive, negative, mixed, each name negative by itself, whole, and of all sizes (True)."""
    if whole:  # where floors and ceilings jump
        for index in range(4):
            yield {name: integer_point(name, index) * (1 if index < 2 else -1) for name in variables}, False
    for index in range(REAL_POINTS):
        yield {name: point(name, index) for name in variables}, False
    if len(variables) > 1:
        for flipped in variables[:8]:
            yield {name: point(name, 1) * (-1 if name == flipped else 1) for name in variables}, False
    if wide:
        for index in range(POINTS, POINTS + STEP_POINTS):
            yield {name: point(name, index) for name in variables}, True


def _same_function(
    a: Node, b: Node, variables: list[str], present: frozenset[str], reading: NumericReading
) -> bool | None:
    complex_values = bool(present & _COMPLEX)
    agreed: list[Env] = []
    outside: list[Env] = []
    non_smooth = (
        bool(present & _NON_SMOOTH) and not {"big", "inf"} <= present
    )  # a series is tried where its terms are small
    for env, wide in _environments(variables, wide=non_smooth, whole=bool(present & _JUMPS)):
        contexts = NumericContext(reading=reading), NumericContext(reading=reading)
        try:
            x, y = _float(a, env, reading, contexts[0]), _float(b, env, reading, contexts[1])
        except NoValue:
            continue
        except TooBig:
            if wide:
                continue
            x = y = complex(1)  # past the floats: left to the confirmation
        if not complex_values:
            real_x, real_y = (
                abs(v.imag) <= 1e-9 * abs(v) + 1e-300 and not context.left_reals
                for v, context in zip((x, y), contexts, strict=True)
            )
            if not (real_x and real_y):
                if not (real_x or real_y):
                    outside.append(env)
                continue
        if not _close(x, y, 1e-7):
            if not wide and abs(x - y) > 1e-9 and not _close(x, y, 1e-3):
                return False
            try:  # the difference may be the floats' own
                confirmed = _confirmed(a, b, env, reading)
            except (NoValue, TooBig):
                continue
            if not confirmed:
                return confirmed
        agreed.append(env)
    if not complex_values and len(agreed) < 4:
        near = _agree_near_zero(a, b, variables, reading)
        if near is None:
            return False
        agreed += near
    if complex_values or len(agreed) < 3:
        extra = _complex_points(variables)
        for env in (*outside, *extra):
            try:
                x, y = _float(a, env, reading), _float(b, env, reading)
            except (NoValue, TooBig):
                continue
            if not _close(x, y, 1e-7):
                return False
            agreed.append(env)
    if len(agreed) < 4:
        return None
    proofs = 0
    for env in (agreed[0], agreed[-1], agreed[len(agreed) // 2], agreed[1]):
        try:
            confirmed = _confirmed(a, b, env, reading)
        except NoValue:
            continue
        if not confirmed:
            return confirmed
        proofs += 1
    return True if proofs > 1 else None


def _agree_near_zero(a: Node, b: Node, variables: list[str], reading: NumericReading) -> list[Env] | None:
    """Points between -1 and 1 where both are real and agree, as artanh and ln(1 - x) want; None where they differ."""
    agreed: list[Env] = []
    for index in range(SMALL_POINTS):
        env = {name: small_point(name, index) for name in variables}
        contexts = NumericContext(reading=reading), NumericContext(reading=reading)
        try:
            x, y = _float(a, env, reading, contexts[0]), _float(b, env, reading, contexts[1])
        except (NoValue, TooBig):
            continue
        if any(abs(value.imag) > 1e-9 * abs(value) + 1e-300 for value in (x, y)) or any(c.left_reals for c in contexts):
            continue
        if not _close(x, y, 1e-7) and not _confirmed(a, b, env, reading):
            return None
        agreed.append(env)
    return agreed


def _complex_points(variables: list[str]) -> Iterator[Env]:
    for index in range(REAL_POINTS, POINTS):
        yield {name: point(name, index) for name in variables}
    for shift in range(3):
        yield {name: point(name, REAL_POINTS) * (1 + 0.31j * shift) + 0.2 * shift for name in variables}


# functions of whole numbers


def _is_parity(node: Node) -> bool:
    """Whether a tree holds what makes sense for whole numbers: floors, (-1)^n, factorials."""
    stack = [node]
    while stack:
        here = stack.pop()
        if here.kind == "pow" and here.args[0].value == -1:
            return True
        if here.kind == "fact" or (here.kind == "fn" and here.value in ("floor", "ceil", "mod", "binom")):
            return True
        stack.extend(here.args)
    return False


def _is_sign(node: Node) -> bool:
    """Whether a tree holds a sine or cosine of a multiple of π and a name: cos nπ is (-1)^n."""
    stack = [node]
    while stack:
        here = stack.pop()
        if here.kind == "fn" and here.value in ("sin", "cos") and "pi" in kinds(here) and names(here):
            return True
        stack.extend(here.args)
    return False


def _same_on_integers(a: Node, b: Node, variables: list[str], *, sums: bool = False) -> bool | None:
    """Two formulas of whole numbers that differ between them: floor((n+1)/2) and ceil(n/2); sums up to n."""
    if not sums and not (_is_parity(a) and (_is_parity(b) or _is_sign(b))) and not (_is_parity(b) and _is_sign(a)):
        return False
    agreed: list[Env] = []
    for index in range(24):
        env = {name: integer_point(name, index) + (index if len(variables) == 1 else 0) for name in variables}
        try:
            x, y = _float(a, env, PRINCIPAL_READING), _float(b, env, PRINCIPAL_READING)
        except (NoValue, TooBig):
            continue
        if not _close(x, y, 1e-7) and (abs(x - y) > 1e-6 or not _confirmed(a, b, env)):
            return False
        agreed.append(env)
    if len(agreed) < 10:
        return None
    return all(_confirmed(a, b, env) for env in (agreed[0], agreed[1], agreed[-1]))
