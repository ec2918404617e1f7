"""Comparing what a test expects with what came back, on the host.

Two kinds of things are compared: texts, which a program wrote, and plain values, which a function returned. A checker
takes (expected, got) and gives None where they agree, else a sentence. None of them evaluates anything, calls a method
of the program's making or depends on its output being honest; all take time about linear in the output.

NaN equals nothing, itself included. Digits are the ten of ASCII. White space is that of ASCII.
"""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from .submission import Checker

_SHOWN = 60
"""Characters of a value that a sentence shows."""
_DEPTH = 200
"""Nesting of values that is looked into; deeper ones are never equal."""


class _Short(reprlib.Repr):
    """Looks at no more of a value than what is shown of it."""

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002 - as the base class calls it
        return repr(x) if x.bit_length() <= 200 else f"an int of {x.bit_length()} bits"


_REPR = _Short()
_REPR.maxlevel = 12
_REPR.maxlist = _REPR.maxtuple = _REPR.maxdict = _REPR.maxset = _REPR.maxfrozenset = _SHOWN
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = _SHOWN + 4
_NUMBER = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_Number = int | float | complex | Fraction
_LONGEST_NUMBER = 400
"""Digits of a number that is compared with a tolerance; longer ones are compared as text."""


def show(value: object) -> str:
    """A value in a sentence: shortened, on one line.

    >>> show("a" * 100) == "'" + "a" * 59 + "…"
    True
    """
    if isinstance(value, str | bytes):
        value = value[: _SHOWN + 1]
    elif isinstance(value, list | tuple | set | frozenset | dict) and len(value) > _SHOWN:
        return f"a {type(value).__name__} of {len(value)}"
    try:
        text = repr(value) if isinstance(value, str | bytes) else _REPR.repr(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"this checker compares texts, not a {type(text).__name__}")
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def exact(expected: object, got: object) -> str | None:
    """The same text, every byte.

    >>> exact("6", "6\\n")
    "wrote '6\\\\n' where '6' was expected"
    """
    return None if _bytes(expected) == _bytes(got) else f"wrote {show(got)} where {show(expected)} was expected"


def tokens(expected: object, got: object) -> str | None:
    """The same words, however much white space is between them.

    >>> tokens("1 2\\n3", "1  2 3\\n"), tokens("1 2", "1 3")
    (None, "word 2 is '3' where '2' was expected")
    """
    return _differ(_bytes(expected).split(), _bytes(got).split(), "word", lambda one, other: one == other)


def lines(expected: object, got: object) -> str | None:
    """The same lines, white space at the ends of lines and empty lines at the end aside.

    >>> lines("a b\\nc", "a b \\nc\\n\\n"), lines("a b", "a  b")
    (None, "line 1 is 'a  b' where 'a b' was expected")
    """
    return _differ(_lines(expected), _lines(got), "line", lambda one, other: one == other)


def unordered(expected: object, got: object) -> str | None:
    """The same lines in any order, each with the same words.

    >>> unordered("1 2\\n3", "3\\n1  2\\n"), unordered("1\\n1\\n2", "1\\n2\\n2")
    (None, "the line '1' is written 1 times where 2 were expected")
    """
    return _same_counts(*(Counter(b" ".join(line.split()) for line in _lines(text)) for text in (expected, got)))


def floats(absolute: float = 1e-6, relative: float = 1e-6) -> Checker:
    """The same words, where numbers may differ a little: absolutely, or relative to the expected one.

    >>> floats(1e-3)("x 0.5", "x 0.5001"), floats()("nan", "nan")
    (None, "word 1 is 'nan' where 'nan' was expected")
    """
    if not (math.isfinite(absolute) and math.isfinite(relative) and absolute >= 0 and relative >= 0):
        raise ValueError(f"tolerances must be finite and not negative, got {absolute} and {relative}")
    slack, share = Decimal(absolute), Decimal(relative)

    def close(one: bytes, other: bytes) -> bool:
        if len(one) > _LONGEST_NUMBER or len(other) > _LONGEST_NUMBER:
            return one == other
        if not (_NUMBER.fullmatch(one) and _NUMBER.fullmatch(other)):
            return one == other and one.lower().lstrip(b"+-") != b"nan"
        try:
            expected, actual = Decimal(one.decode()), Decimal(other.decode())
            return abs(expected - actual) <= max(slack, share * abs(expected))
        except (InvalidOperation, ArithmeticError):
            return False

    def check(expected: object, got: object) -> str | None:
        return _differ(_bytes(expected).split(), _bytes(got).split(), "word", close)

    return check


def judged(expected: object, got: object) -> str | None:
    """The same words, as the graders of APPS, TACO and PRIME have it: numbers with a fraction may differ a little.

    A number that is expected whole is to be that number, however it is written.

    >>> judged("0.25", "0.25000"), judged("0.333333", "0.3333333333"), judged("6", "6.0")
    (None, None, None)
    >>> judged("1000000", "1000001")
    "word 1 is '1000001' where '1000000' was expected"
    """
    return _differ(_bytes(expected).split(), _bytes(got).split(), "word", lambda one, other: _judged(one, other))


def contest(expected: object, got: object) -> str | None:
    """As `judged`, and YES and NO in any case, as contests have it.

    >>> contest("YES\\n1.5", "Yes 1.50000001"), contest("Alice", "ALICE")
    (None, "word 1 is 'ALICE' where 'Alice' was expected")
    """

    def same(one: bytes, other: bytes) -> bool:
        return _judged(one, other) or (one.lower() in (b"yes", b"no") and one.lower() == other.lower())

    return _differ(_bytes(expected).split(), _bytes(got).split(), "word", same)


_NEAR = (Decimal("1e-6"), Decimal("1e-5"))
"""Absolute and relative tolerance: what contests allow, and numpy.allclose, which graders ask."""


def _judged(one: bytes, other: bytes) -> bool:
    if one == other:
        return True
    if len(one) > _LONGEST_NUMBER or len(other) > _LONGEST_NUMBER:
        return False
    if not (_NUMBER.fullmatch(one) and _NUMBER.fullmatch(other)):
        return False
    try:
        expected, actual = Decimal(one.decode()), Decimal(other.decode())
        if expected == actual:
            return True
        is_whole = not any(mark in one for mark in b".eE")
        return not is_whole and abs(expected - actual) <= _NEAR[0] + _NEAR[1] * abs(expected)
    except (InvalidOperation, ArithmeticError):
        return False


def _lines(text: object) -> list[bytes]:
    cut = [line.rstrip() for line in _bytes(text).split(b"\n")]
    while cut and not cut[-1]:
        cut.pop()
    return cut


def _differ(expected: list[bytes], got: list[bytes], unit: str, same: Callable[[bytes, bytes], bool]) -> str | None:
    for index, (one, other) in enumerate(zip(expected, got, strict=False), 1):
        if not same(one, other):
            return f"{unit} {index} is {show(_text(other))} where {show(_text(one))} was expected"
    if len(expected) != len(got):
        return f"{len(got)} {unit}s where {len(expected)} were expected"
    return None


def _same_counts(expected: Counter[bytes], got: Counter[bytes]) -> str | None:
    for line, count in expected.items():
        if got[line] != count:
            return f"the line {show(_text(line))} is written {got[line]} times where {count} were expected"
    if got.total() != expected.total():
        return f"{got.total()} lines where {expected.total()} were expected"
    return None


def equal(expected: object, got: object) -> str | None:
    """Equal as Python has it, for values of its built-in types: 1 == 1.0 == True, and a tuple is no list.

    >>> equal([1, (2, "x")], [True, (2.0, "x")]), equal((1, 2), [1, 2])
    (None, 'returned [1, 2] where (1, 2) was expected')
    >>> equal(float("nan"), float("nan")) is None
    False
    """
    return _unlike(expected, got, _same(expected, got, None, 0))


def same(expected: object, got: object) -> bool:
    """Whether `equal` has nothing to say.

    >>> same(1, True), same([1], (1,))
    (True, False)
    """
    return _same(expected, got, None, 0)


def unequal(expected: object, got: object) -> str | None:
    """Anything but this value.

    >>> unequal(1, 2), unequal(1, True)
    (None, 'returned True, which it should not')
    """
    return None if not _same(expected, got, None, 0) else f"returned {show(got)}, which it should not"


def identical(expected: object, got: object) -> str | None:
    """Equal and of the same type, as `is` has it for None, True and False.

    >>> identical(True, True), identical(True, 1)
    (None, 'returned 1 where True was expected')
    """
    return _unlike(expected, got, type(expected) is type(got) and _same(expected, got, None, 0))


def not_identical(expected: object, got: object) -> str | None:
    """Anything but this value of this type, as `is not` has it for None, True and False.

    >>> not_identical(None, 0), not_identical(None, None)
    (None, 'returned None, which it should not')
    """
    return f"returned {show(got)}, which it should not" if identical(expected, got) is None else None


def truthy(expected: object, got: object) -> str | None:
    """As true as expected, by Python's rule: empty and zero are false.

    >>> truthy(True, [0]), truthy(False, [0])
    (None, 'returned [0], which is true')
    """
    if bool(got) is bool(expected):
        return None
    return f"returned {show(got)}, which is {'true' if got else 'false'}"


def close(absolute: float = 0.0, relative: float = 1e-9, *, strict: bool = False) -> Checker:
    """Equal but for numbers that differ a little, at any depth; `strict` asks for less than the tolerance.

    >>> close(0.01)([1.0, "x"], [1.001, "x"]), close(0.5, 0, strict=True)(1, 1.5)
    (None, 'returned 1.5 where 1 was expected')
    """

    def near(one: Any, other: Any) -> bool:  # any: numbers of these kinds, which Python compares among each other
        try:
            gap = abs(one - other)
            bound = max(absolute, relative * max(abs(one), abs(other)))
            finite = math.isfinite(gap)
        except OverflowError:
            return bool(one == other)
        if not finite:
            return bool(one == other)
        return bool(gap < bound if strict else gap <= bound)

    return lambda expected, got: _unlike(expected, got, _same(expected, got, near, 0))


def json_equal(expected: object, got: object) -> str | None:
    """Equal as JSON has it: a tuple is a list, a number that is a key is a text.

    >>> json_equal([1, [2]], (1, (2,))), json_equal({"1": 2}, {1: 2})
    (None, None)
    """
    try:
        same = _same(_as_json(expected, 0), _as_json(got, 0), None, 0)
    except RecursionError:
        same = False
    return _unlike(expected, got, same)


def json_wrapped(expected: object, got: object) -> str | None:
    """Equal as JSON, or equal to the only item of the list that is expected, as APPS writes it.

    >>> json_wrapped([5], 5), json_wrapped([5], [5]), json_wrapped([5], [[5]])
    (None, None, 'returned [[5]] where [5] was expected')
    """
    if isinstance(expected, list) and len(expected) == 1 and json_equal(expected[0], got) is None:
        return None
    return json_equal(expected, got)


def json_near(expected: object, got: object) -> str | None:
    """Equal as JSON, or to the only item of the list that is expected; numbers with a fraction may differ a little.

    >>> json_near([0.3], [0.1 + 0.2]), json_near([5], 5), json_near(5, 5.1)
    (None, None, 'returned 5.1 where 5 was expected')
    """
    difference = json_wrapped(expected, got)
    if difference is None:
        return None
    wrapped = isinstance(expected, list) and len(expected) == 1
    for candidate in (expected, expected[0]) if wrapped else (expected,):  # type: ignore[index]  # a list, then
        try:
            if _same(_as_json(candidate, 0), _as_json(got, 0), _near_fraction, 0):
                return None
        except RecursionError:
            pass
    return difference


def json_unordered(expected: object, got: object) -> str | None:
    """As `json_near`, but the items of a list may stand in any order; theirs in turn may not.

    >>> json_unordered([[1], [2, 3]], [[2, 3], [1]]), json_unordered([[1, 2]], [[2, 1]])
    (None, 'returned [[2, 1]] where [[1, 2]] was expected')
    """
    difference = json_near(expected, got)
    if difference is None:
        return None
    wrapped = isinstance(expected, list) and len(expected) == 1
    for candidate in (expected, expected[0]) if wrapped else (expected,):  # type: ignore[index]  # a list, then
        if isinstance(candidate, list) and isinstance(got, list | tuple) and len(candidate) == len(got):
            try:
                one, other = (
                    sorted(json.dumps(_as_json(item, 0), sort_keys=True, allow_nan=False) for item in side)
                    for side in (candidate, got)
                )
            except (TypeError, ValueError, RecursionError):
                continue
            if one == other:
                return None
    return difference


def _near_fraction(one: Any, other: Any) -> bool:  # any: numbers
    if isinstance(one, float) and isinstance(other, float | int) and not isinstance(other, bool):
        try:
            return one == other or abs(one - other) <= max(1e-6, 1e-6 * abs(one))
        except OverflowError:
            return False
    return bool(one == other)


def _as_json(value: object, depth: int) -> object:
    if depth > _DEPTH:
        raise RecursionError("too deep")
    if isinstance(value, list | tuple):
        return [_as_json(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_json_key(key): _as_json(item, depth + 1) for key, item in value.items()}
    return value


def _json_key(key: object) -> object:
    # More digits than Python writes, unless it was told to take its time: no key of a JSON text has so many.
    return str(key) if type(key) is int and key.bit_length() < 10_000 else key


def unordered_values(expected: object, got: object) -> str | None:
    """The same items in any order, for a list or a tuple.

    >>> unordered_values([1, [2], 2], [2, 1, [2]]), unordered_values([1, 1], [1])
    (None, 'returned [1] where [1, 1] was expected')
    """
    if not (isinstance(expected, list | tuple) and type(expected) is type(got)):
        return equal(expected, got)
    assert isinstance(got, list | tuple)
    same = len(expected) == len(got)
    if same:
        try:
            same = _all_in(Counter(_key(item, 0) for item in expected), got)
        except RecursionError:
            same = False
    return _unlike(expected, got, same)


def _all_in(remaining: Counter[object], got: Iterable[object]) -> bool:
    """Whether these are the wanted items, of which there are as many. They are looked up and never stored: a program
    can return thousands that share a hash, of which no table could be made."""
    for item in got:
        key = _key(item, 0)
        if remaining.get(key, 0) < 1:
            return False
        remaining[key] -= 1
    return True


def _unlike(expected: object, got: object, same: bool) -> str | None:
    return None if same else f"returned {show(got)} where {show(expected)} was expected"


_Near = Callable[[Any, Any], bool]


def _same(one: object, other: object, near: _Near | None, depth: int) -> bool:
    if depth > _DEPTH:
        return False
    if isinstance(one, list | tuple):
        return (
            isinstance(other, list | tuple)
            and isinstance(one, list) == isinstance(other, list)
            and len(one) == len(other)
            and all(_same(a, b, near, depth + 1) for a, b in zip(one, other, strict=True))
        )
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and len(one) == len(other)
            and all(key in other and _same(value, other[key], near, depth + 1) for key, value in one.items())
        )
    if isinstance(one, set | frozenset):
        return isinstance(other, set | frozenset) and len(one) == len(other) and _all_in(_keys(one), other)
    if near is not None and isinstance(one, _Number) and isinstance(other, _Number):
        return near(one, other)
    if isinstance(other, list | tuple | dict | set | frozenset):
        return False
    return bool(one == other)


def _keys(values: set[object] | frozenset[object]) -> Counter[object]:
    return Counter(_key(value, 0) for value in values)


def _key(value: object, depth: int) -> object:
    """Something hashable that is equal for equal values; NaN is equal to nothing."""
    if depth > _DEPTH:
        raise RecursionError("too deep")
    if isinstance(value, float | complex) and value != value:  # NaN alone is not itself
        return object()
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple, tuple(_key(item, depth + 1) for item in value))
    if isinstance(value, set | frozenset):
        return (set, frozenset(_key(item, depth + 1) for item in value))
    if isinstance(value, dict):
        return (dict, frozenset((_key(key, depth + 1), _key(item, depth + 1)) for key, item in value.items()))
    return value


VALUE_CHECKERS: Mapping[str, Checker] = {
    "equal": equal,
    "json": json_equal,
    "json_near": json_near,
    "json_unordered": json_unordered,
    "json_wrapped": json_wrapped,
    "unordered": unordered_values,
}
"""Checkers of values by name."""
CHECKERS: Mapping[str, Checker] = {
    "contest": contest,
    "exact": exact,
    "floats": floats(),
    "judged": judged,
    "lines": lines,
    "tokens": tokens,
    "unordered": unordered,
}
"""Checkers of texts by name."""


def value_checker(name: str) -> Checker:
    """A checker of values by its name, with tolerances as for texts. Raises ValueError for any other.

    >>> value_checker("floats:0.1")([1], [1.05]) is None
    True
    """
    return _by_name(name, VALUE_CHECKERS, close)


def checker(name: str) -> Checker:
    """A checker of texts by its name; `floats:1e-4` gives one tolerance for both, `floats:1e-9:0` absolute, relative.

    Raises ValueError for any other.

    >>> checker("floats:0.1")("1", "1.05") is None
    True
    """
    return _by_name(name, CHECKERS, floats)


def _by_name(name: str, known: Mapping[str, Checker], within: Callable[[float, float], Checker]) -> Checker:
    if name in known:
        return known[name]
    tolerances = _tolerances(name)
    if tolerances is None:
        raise ValueError(f"unknown checker {name!r}; known: {', '.join(known)}, floats:TOLERANCE")
    return within(*tolerances)


def _tolerances(name: str) -> tuple[float, float] | None:
    kind, *numbers = name.split(":")
    if kind != "floats" or len(numbers) not in (1, 2):
        return None
    return float(numbers[0]), float(numbers[-1])
