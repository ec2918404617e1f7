"""Constant expressions of test code, worked out on the host with bounds.

Only plain values and what Python's own operators and a few of its functions make of them; nothing is looked up, nothing
is called that could take long or much memory.
"""

from __future__ import annotations

import ast
import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

_LONG = 100_000
"""Characters of a literal that is first read as JSON."""
_BITS = 1 << 14
_ITEMS = 1 << 16
"""Bounds of the values of constants."""


class NotConstantError(Exception):
    """An expression that is no constant, or one that is too large to work out."""


# any: operators take what they take, and raise TypeError for the rest
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: Mapping[str, Callable[..., object]] = {
    function.__name__: function
    for function in (
        *(set, frozenset, list, tuple, dict, str, int, float, bool),
        *(sorted, len, abs, round, sum, min, max),
    )
}


def fold(node: ast.expr, names: Mapping[str, object]) -> object:
    """The value of a constant expression over plain values, with bounds. Raises NotConstantError for anything else.

    >>> fold(ast.parse("[3 * 5, -2 ** 4, sorted({2, 1})]", mode="eval").body, {})
    [15, -16, [1, 2]]
    """
    try:
        return _bounded(_fold(node, names))
    except (TypeError, ValueError, ArithmeticError, RecursionError, LookupError):
        raise NotConstantError from None


def _bounded(value: object) -> object:
    if isinstance(value, int) and value.bit_length() > _BITS:
        raise NotConstantError
    if isinstance(value, str | bytes | list | tuple | set | frozenset | dict | range) and len(value) > _ITEMS:
        raise NotConstantError
    return value


def _fold(node: ast.expr, names: Mapping[str, object]) -> object:
    match node:
        case ast.Constant(value=value):
            if value is Ellipsis:
                raise NotConstantError
            return value
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.List(elts=items):
            return [fold(item, names) for item in items]
        case ast.Tuple(elts=items):
            return tuple([fold(item, names) for item in items])
        case ast.Set(elts=items):
            return {fold(item, names) for item in items}
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {fold(key, names): fold(value, names) for key, value in zip(keys, values, strict=True) if key}
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -fold(operand, names)  # type: ignore[operator]  # raises TypeError for what has no sign
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return +fold(operand, names)  # type: ignore[operator]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not fold(operand, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _binary(op, fold(left, names), fold(right, names))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            return _COMPARE[type(op)](fold(left, names), fold(right, names))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS and name not in names:
            return _FUNCTIONS[name](*[fold(arg, names) for arg in args])
        case ast.Subscript(value=value, slice=index) if not isinstance(index, ast.Slice):
            return fold(value, names)[fold(index, names)]  # type: ignore[index]  # raises TypeError
    raise NotConstantError


def _binary(op: ast.operator, left: object, right: object) -> object:
    if isinstance(left, str | bytes) and isinstance(op, ast.Mod):
        raise NotConstantError  # a width in a format can ask for any amount of memory
    if isinstance(op, ast.Pow):
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise NotConstantError
        if isinstance(left, int) and isinstance(right, int) and left.bit_length() * max(right, 0) > _BITS:
            raise NotConstantError
    if isinstance(op, ast.Mult):
        for many, times in ((left, right), (right, left)):
            if isinstance(many, str | bytes | list | tuple) and isinstance(times, int) and len(many) * times > _ITEMS:
                raise NotConstantError
    return _BINARY[type(op)](left, right)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no Python")


def fold_text(text: str) -> object:
    """The value of a Python literal or constant expression. Raises ValueError or SyntaxError for anything else.

    >>> fold_text("[1, (2.5, None)]")
    [1, (2.5, None)]
    """
    if len(text) > _LONG:
        try:
            return json.loads(text, parse_constant=_no_constant)  # the same value where it is JSON as well, much sooner
        except (ValueError, RecursionError):
            pass
    try:
        node = ast.parse(text.strip(), mode="eval").body
        try:
            return fold(node, {})
        except NotConstantError:
            return ast.literal_eval(node)  # a literal may be larger than the value of an expression may be
    except (RecursionError, MemoryError, TypeError) as error:
        raise ValueError(f"{type(error).__name__} in {text[:60]!r}") from error
