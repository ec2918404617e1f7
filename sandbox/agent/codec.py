"""Plain values as bytes, for the way out of a process that is not trusted.

The format knows None, bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset and fractions, and
nothing else: no classes, no references, no hooks. A value of a subclass (Counter, a named tuple, an IntEnum, a str that
lies about being equal) is written by its base value, read with the base type's own methods, which were fetched before
any program ran. What Python holds for equal to a plain value is written as that: a Decimal or a Fraction as a ratio, a
bytearray as bytes, the keys of a dict as a set, what has `__index__` (NumPy's integers) as an int.
Long lists of small whole numbers or of floats are written at once. Shared parts are written each time; what is nested
without end or larger than `MAX_BYTES` is refused.

The same file runs on the host and inside the isolation, so it uses nothing but the standard library. The reader trusts
nothing: it neither recurses nor allocates by what the bytes promise.

    CodecError
      NotPlainError     the value has a part of another type, or is too large or too deep
      MalformedError    these are not the bytes of a value
"""

from __future__ import annotations

import sys
from _struct import Struct, pack, unpack_from  # what struct imports, found sooner: every function test pays for it
from _struct import error as struct_error  # type: ignore[attr-defined]  # typeshed leaves it out

from .rich import parts_of, put_together

TYPE_CHECKING = False  # typing takes longer to load than all else here
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_BYTES = 64 << 20
"""The longest value, encoded."""
MAX_DEPTH = 200
"""The deepest nesting."""
_MAX_INT_BYTES = 1 << 20
_MAX_RATIO_BYTES = 4096  # of each half, since a common divisor is looked for
_MAX_EQUAL_HASHES = 64  # many keys of one hash would make building a dict quadratic


class CodecError(ValueError):
    """A value that cannot be written, or bytes that cannot be read."""


class NotPlainError(CodecError):
    """The value is not made of plain types alone."""


class MalformedError(CodecError):
    """The bytes hold no value."""


_float, _complex = Struct(">d"), Struct(">dd")
_mro: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_type_name: Callable[[type], str] = type.__dict__["__name__"].__get__
_type, _len, _list, _iter_set, _iter_frozenset = type, len, list, set.__iter__, frozenset.__iter__
_items, _whole = dict.items, slice(None)
_get_list, _get_tuple, _get_bytes = list.__getitem__, tuple.__getitem__, bytes.__getitem__
_plus_int, _plus_float, _plus_complex, _plain_str = int.__pos__, float.__pos__, complex.__pos__, str.__str__
_encode_str, _int_bytes, _int_bits = str.encode, int.to_bytes, int.bit_length
_pack, _StructError = pack, struct_error
_FEW = 16
_join, _NotPlain = b"".join, NotPlainError
_true, _int, _float_type, _complex_type, _str, _bytes = True, int, float, complex, str, bytes
_list_type, _tuple, _dict, _set, _frozenset = list, tuple, dict, set, frozenset
_modules, _bytearray, _memoryview = sys.modules, bytearray, memoryview
_views: tuple[type, ...] = (type({}.keys()), type({}.items()))
_PLAIN = frozenset({int, float, complex, str, bytes, list, tuple, dict, set, frozenset})


def _length(number: int) -> bytes:
    return _int_bytes(number, 4, "big")


def _equal_plain(item: Any, kind: type) -> tuple[object, bytes]:
    """A plain value that Python holds for equal to one that is not plain, or the bytes of a ratio."""
    bases = _mro(kind)
    try:
        if _bytearray in bases or _memoryview in bases:
            return _bytes(item), b""
        if bases[0] in _views:
            return _set(item), b""
        for module, name in (("fractions", "Fraction"), ("decimal", "Decimal")):
            if module in _modules and _modules[module].__dict__[name] in bases:
                top, bottom = _plus_int(item.as_integer_ratio()[0]), _plus_int(item.as_integer_ratio()[1])
                if bottom == 1:
                    return top, b""
                parts = []
                for number in (top, bottom):
                    width = _int_bits(number) // 8 + 1
                    if width > _MAX_RATIO_BYTES:
                        raise _NotPlain("a ratio of very large numbers")
                    parts += [_length(width), _int_bytes(number, width, "big", signed=True)]
                return None, _join([b"Q", *parts])
        for base in bases:
            if "__index__" in base.__dict__:
                return _plus_int(base.__dict__["__index__"](item)), b""
    except _NotPlain:
        raise
    except BaseException:  # noqa: BLE001, S110 - the program's own methods, which may do anything
        pass
    raise _NotPlain(f"a value of type {_type_name(kind)}")


def encode(value: object, *, exact: bool = False, rich: bool = False) -> bytes:
    """The bytes of a plain value. Raises NotPlainError, naming what is in the way; with `exact` also for subclasses and
    all else that would come out as another type; with `rich` the values of rich.py can be written as well.

    >>> decode(encode({"a": (1, 2.5, {None})}))
    {'a': (1, 2.5, {None})}
    """
    parts: list[bytes] = []
    size = 0
    # Each level is what remains of a container; a level is a list, used from its end.
    levels: list[list[object]] = [[value]]
    while levels:
        level = levels[-1]
        if not level:
            levels.pop()
            continue
        item: Any = level.pop()  # Any: what follows looks at its type
        kind = _type(item)
        part = b""
        if item is None:
            part = b"N"
        elif kind is bool:
            part = b"T" if item is _true else b"F"
        else:
            taken = parts_of(item) if rich and kind not in _PLAIN else None
            if taken is not None:
                label = _encode_str(taken[0], "ascii")
                part = b"X" + _length(_len(label)) + label
                levels.append([taken[1]])
            elif kind not in _PLAIN:
                if exact:
                    raise _NotPlain(f"a value of type {_type_name(kind)}")
                for base in _mro(kind):
                    if base in _PLAIN:
                        kind = base
                        break
                else:
                    item, part = _equal_plain(item, kind)
                    kind = _type(item)
            inner: list[object] = []
            if part:
                pass  # a ratio, or the label of what follows
            elif kind is _int:
                number: int = _plus_int(item)
                width = _int_bits(number) // 8 + 1
                if width > _MAX_INT_BYTES:
                    raise _NotPlain("an integer of more than a million bytes")
                part = b"I" + _length(width) + _int_bytes(number, width, "big", signed=True)
            elif kind is _str:
                text = _encode_str(_plain_str(item), "utf-8", "surrogatepass")
                part = b"S" + _length(_len(text)) + text
            elif kind is _float_type:
                part = b"D" + _float.pack(_plus_float(item))
            elif kind is _list_type:
                inner = _get_list(item, _whole)
                part = _packed(inner) if _len(inner) > _FEW else b""
                if part:
                    inner = []
                else:
                    part = b"L" + _length(_len(inner))
            elif kind is _tuple:
                inner = _list(_get_tuple(item, _whole))
                part = b"U" + _length(_len(inner))
            elif kind is _dict:
                pairs: list[tuple[object, object]] = _list(_items(item))
                inner = [half for pair in pairs for half in pair]
                part = b"M" + _length(_len(pairs))
            elif kind is _set:
                inner = _list(_iter_set(item))
                part = b"E" + _length(_len(inner))
            elif kind is _frozenset:
                inner = _list(_iter_frozenset(item))
                part = b"Z" + _length(_len(inner))
            elif kind is _bytes:
                data = _get_bytes(item, _whole)
                part = b"B" + _length(_len(data)) + data
            else:
                number_pair = _plus_complex(item)
                part = b"C" + _complex.pack(number_pair.real, number_pair.imag)
            if inner:
                if _len(levels) > MAX_DEPTH:
                    raise _NotPlain(f"a value nested more than {MAX_DEPTH} deep")
                inner.reverse()
                levels.append(inner)
        size += _len(part)
        if size > MAX_BYTES:
            raise _NotPlain(f"a value of more than {MAX_BYTES} bytes")
        parts.append(part)
    return _join(parts)


def _built(tag: bytes, items: list[object]) -> object:
    if tag == b"L":
        return items
    if tag == b"U":
        return tuple(items)
    if tag[:1] == b"X":
        parts = items[0]
        if not isinstance(parts, tuple):
            raise MalformedError("parts that are no tuple")
        try:
            return put_together(tag[1:].decode("ascii", "replace"), parts)
        except Exception as error:
            raise MalformedError(f"no value: {type(error).__name__}") from error
    keys = items[::2] if tag == b"M" else items
    try:
        hashes = [hash(key) for key in keys]
    except TypeError as error:
        raise MalformedError(f"a key that cannot be one: {error}") from error
    if len(hashes) > _MAX_EQUAL_HASHES:
        hashes.sort()
        step = _MAX_EQUAL_HASHES
        if any(hashes[i] == hashes[i + step] for i in range(len(hashes) - step)):
            raise MalformedError(f"more than {step} keys of one hash")
    made: dict[object, object] | set[object] | frozenset[object]
    made = set(keys) if tag == b"E" else frozenset(keys)
    if tag == b"M":
        made = dict(zip(keys, items[1::2], strict=True))
    if len(made) != len(keys):
        raise MalformedError("a key that stands twice")
    return made


def _packed(items: list[object]) -> bytes:
    """A list of small whole numbers alone, or of floats alone, all at once; nothing where it holds others."""
    kinds = _frozenset(map(_type, items))
    try:
        if kinds == {_int}:
            return b"i" + _length(_len(items)) + _pack(f">{_len(items)}q", *items)
        if kinds == {_float_type}:
            return b"f" + _length(_len(items)) + _pack(f">{_len(items)}d", *items)
    except _StructError:  # a number that is too large
        pass
    return b""


def decode(data: bytes, *, rich: bool = False) -> object:
    """The value that these bytes stand for, exact types and nothing after it. Raises MalformedError.

    Those of rich.py only with `rich`, which takes more trust in where they come from.

    >>> decode(b"L\\xff\\xff\\xff\\xff")
    Traceback (most recent call last):
        ...
    r1_reward.sandbox.agent.codec.MalformedError: cut short
    """
    if len(data) > MAX_BYTES:
        raise MalformedError(f"more than {MAX_BYTES} bytes")
    place = 0
    # Containers under way: their tag, how many items are still to come, the items so far.
    open_: list[tuple[bytes, int, list[object]]] = []
    while True:
        tag = data[place : place + 1]
        place += 1
        item: object
        if tag == b"N":
            item = None
        elif tag in (b"T", b"F"):
            item = tag == b"T"
        elif tag in (b"D", b"C"):
            shape = _float if tag == b"D" else _complex
            if place + shape.size > len(data):
                raise MalformedError("cut short")
            numbers = shape.unpack_from(data, place)
            item = numbers[0] if tag == b"D" else complex(*numbers)
            place += shape.size
        elif tag == b"Q":
            item, place = _ratio(data, place)
        elif tag in (b"i", b"f"):
            length = int.from_bytes(data[place : place + 4], "big")
            place += 4
            if place + 8 * length > len(data):
                raise MalformedError("cut short")
            item = list(unpack_from(f">{length}{'q' if tag == b'i' else 'd'}", data, place))
            place += 8 * length
        elif tag == b"X" and rich:
            length = int.from_bytes(data[place : place + 4], "big")
            place += 4 + length
            if length > 40 or place > len(data) or len(open_) > MAX_DEPTH:
                raise MalformedError("cut short, or too deep")
            open_.append((b"X" + data[place - length : place], 1, []))
            continue
        elif tag and tag in b"ISBLUMEZ":
            length = int.from_bytes(data[place : place + 4], "big")
            place += 4
            # Every item takes a byte at least, so a length can never promise more than is there.
            if place + length * (2 if tag == b"M" else 1) > len(data):
                raise MalformedError("cut short")
            if tag in b"LUMEZ" and length:
                if len(open_) > MAX_DEPTH:
                    raise MalformedError(f"nested more than {MAX_DEPTH} deep")
                open_.append((tag, length * (2 if tag == b"M" else 1), []))
                continue
            if tag in b"ISB":
                raw = data[place : place + length]
                place += length
                item = raw if tag == b"B" else _number(raw) if tag == b"I" else _text(raw)
            else:
                item = _built(tag, [])
        else:
            raise MalformedError(f"no kind of value: {tag!r}" if tag else "cut short")
        while open_:
            kind, size, items = open_[-1]
            items.append(item)
            if len(items) < size:
                break
            open_.pop()
            item = _built(kind, items)
        else:
            if place != len(data):
                raise MalformedError("something follows the value")
            return item


def _ratio(data: bytes, place: int) -> tuple[object, int]:
    from fractions import Fraction

    terms = []
    for _ in range(2):
        length = int.from_bytes(data[place : place + 4], "big")
        place += 4 + length
        if length > _MAX_RATIO_BYTES or place > len(data):
            raise MalformedError("a ratio that is cut short or too long")
        terms.append(_number(data[place - length : place]))
    if terms[1] <= 1:
        raise MalformedError("a ratio with no denominator")
    return Fraction(*terms), place


def _number(raw: bytes) -> int:
    if not 0 < len(raw) <= _MAX_INT_BYTES:
        raise MalformedError(f"an integer of {len(raw)} bytes")
    return int.from_bytes(raw, "big", signed=True)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise MalformedError("a text that is not UTF-8") from error
