"""Values of the standard library that can be written as their parts, for tests that are held apart from the program.

Ranges, dates, times, paths, UUIDs, NumPy's arrays and numbers, deques, the kinds of dict in `collections`, types of
Python, `...`, NotImplemented. Only exact types: what a subclass adds could not be told. Reading one makes a fresh value
out of plain parts.
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
    if kind is type:
        known = getattr(builtins, value.__name__, None) is value
        return ("type", (value.__name__,)) if known else None
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


def put_together(name: str, parts: tuple[Any, ...]) -> object:
    """The value again. Raises ValueError, TypeError and their like for parts that make none."""
    if name == "range":
        return range(*parts)
    if name == "...":
        return ...
    if name == "NotImplemented":
        return NotImplemented
    if name == "type":
        found = getattr(builtins, parts[0])
        if not isinstance(found, type):
            raise TypeError(f"{parts[0]} is no type")
        return found
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
