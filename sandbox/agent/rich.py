"""Values of the standard library that can be written as their parts, for tests that are held apart from the program.

Ranges, dates, times, paths, UUIDs, NumPy's arrays and numbers, deques, the kinds of dict in `collections`, types of
Python, `...`, NotImplemented, Decimals and bytearrays, which are more than what they are equal to. Only exact types:
what a subclass adds could not be known. A dataclass of the program becomes a record: its fields, and how records of its
class compare; its methods stay behind. Reading a value makes a fresh one out of plain parts.
"""

from __future__ import annotations

import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FACTORIES = ("int", "float", "str", "list", "dict", "set", "tuple", "bool")


def parts_of(value: Any) -> tuple[str, tuple[object, ...]] | None:
    """The name of a kind, and the parts that make its value; None for any other value."""
    kind = type(value)
    name = kind.__name__
    if kind is range:
        return "range", (value.start, value.stop, value.step)
    if value is ...:
        return "...", ()
    if value is NotImplemented:
        return "NotImplemented", ()
    if kind is bytearray:
        return "bytearray", (bytes(value),)
    if kind is type:
        known = getattr(builtins, value.__name__, None) is value
        return ("type", (value.__name__,)) if known else None
    if "__dataclass_params__" in kind.__dict__:
        try:
            return _record_of(value)
        except Exception:  # noqa: BLE001 - what a class of the program's own making answers
            return None
    module = sys.modules.get(kind.__module__)
    if module is None or getattr(module, name, None) is not kind:
        return None
    if kind.__module__ == "numpy":
        if name == "ndarray" or hasattr(value, "dtype"):
            shape = value.shape if name == "ndarray" else None
            return ("numpy", (value.dtype.str, shape, value.tobytes())) if value.dtype.kind in "biufcSU" else None
        return None
    if kind.__module__ == "datetime":
        if name == "timedelta":
            return name, (value.days, value.seconds, value.microseconds)
        if name == "date":
            return name, (value.year, value.month, value.day)
        if name == "timezone":
            return name, (value.utcoffset(None),)
        if name in ("datetime", "time"):
            day = (value.year, value.month, value.day) if name == "datetime" else ()
            return name, (*day, value.hour, value.minute, value.second, value.microsecond, value.tzinfo)
    if kind.__module__ == "decimal" and name == "Decimal":
        return name, (str(value),)
    if kind.__module__ in ("pathlib", "pathlib._local") and name in ("PosixPath", "PurePosixPath"):
        return name, (str(value),)
    if kind.__module__ == "uuid" and name == "UUID":
        return name, (value.int,)
    if kind.__module__ == "collections":
        if name == "deque":
            return name, (list(value), value.maxlen)
        if name in ("OrderedDict", "Counter"):
            return name, (list(value.items()),)
        if name == "defaultdict":
            made = value.default_factory
            if made is None or (made.__name__ in _FACTORIES and getattr(builtins, made.__name__) is made):
                return name, (made and made.__name__, list(value.items()))
    return None


def _record_of(value: Any) -> tuple[str, tuple[object, ...]] | None:
    """The parts of a dataclass whose comparisons are those that `dataclass` wrote; None for any other."""
    kind = type(value)
    params = kind.__dataclass_params__
    fields = [name for name, field in kind.__dataclass_fields__.items() if field._field_type.name == "_FIELD"]
    compared = [name for name in fields if kind.__dataclass_fields__[name].compare]
    held = vars(value) if hasattr(value, "__dict__") else {name: getattr(value, name) for name in fields}
    if kind.__mro__[1:] != (object,) or compared != fields or list(held) != fields:
        return None
    for name in ("__eq__", "__hash__", "__repr__", "__lt__"):
        written = kind.__dict__.get(name)
        if written is not None and not _is_written(written):
            return None
    return "record", (kind.__name__, params.eq, params.order, params.frozen, fields, [held[name] for name in fields])


def _record(name: str, eq: bool, order: bool, frozen: bool, fields: list[str], values: list[object]) -> object:
    import dataclasses

    key = (name, eq, order, frozen, tuple(fields))
    if key not in _RECORDS:
        if not all(isinstance(text, str) and text.isidentifier() for text in (name, *fields)) or len(_RECORDS) > 100:
            raise ValueError("no record")
        _RECORDS[key] = dataclasses.make_dataclass(name, fields, eq=eq, order=order, frozen=frozen)
    return _RECORDS[key](*values)


_RECORDS: dict[tuple[object, ...], type] = {}
"""Classes of records by all that they are made of, so that two of one class can be equal."""


def _is_written(method: Any) -> bool:
    """Whether `dataclass` made a method."""
    place = getattr(getattr(method, "__code__", None), "co_filename", "")
    return place == "<string>" or place.rpartition("/")[2] in ("dataclasses.py", "reprlib.py")


def put_together(name: str, parts: tuple[Any, ...]) -> object:
    """The value again. Raises ValueError, TypeError and their like for parts that make none."""
    if name == "range":
        return range(*parts)
    if name == "...":
        return ...
    if name == "NotImplemented":
        return NotImplemented
    if name == "bytearray":
        return bytearray(parts[0])
    if name == "record":
        return _record(*parts)
    if name == "Decimal":
        import decimal

        return decimal.Decimal(parts[0])
    if name == "type":
        kind = getattr(builtins, parts[0])
        if not isinstance(kind, type):
            raise TypeError(f"{parts[0]} is no type")
        return kind
    if name == "numpy":
        import numpy

        dtype, shape, data = parts
        read = numpy.frombuffer(data, numpy.dtype(dtype))
        return read[0] if shape is None else read.reshape(shape).copy()
    if name in ("timedelta", "date", "timezone", "datetime", "time"):
        import datetime

        return getattr(datetime, name)(*parts)
    if name in ("PosixPath", "PurePosixPath"):
        import pathlib

        return getattr(pathlib, name)(*parts)
    if name == "UUID":
        import uuid

        return uuid.UUID(int=parts[0])
    import collections

    if name == "deque":
        return collections.deque(*parts)
    if name in ("OrderedDict", "Counter"):
        return getattr(collections, name)(dict(parts[0]))
    if name == "defaultdict":
        factory = getattr(builtins, parts[0]) if parts[0] in _FACTORIES else None
        return collections.defaultdict(factory, parts[1])
    raise ValueError(f"no kind of value: {name}")
