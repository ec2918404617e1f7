"""Values as trainers and files hold them, copied into plain Python, and texts that hold JSON or a Python literal."""

from __future__ import annotations

import ast
import json
import math
import re
import struct
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from ..verifiers.errors import SampleError

Row = Mapping[str, Any]  # any: JSON values
"""A row of a file or of a data set: a JSON object."""

_ARRAY_BYTES = 1 << 16
"""Larger arrays are no references but images or activations, and are handed on as they are."""
_SHORT_BYTES = 1 << 8
_PACKED = {"float32": ("f", 6), "float16": ("e", 3)}
"""How numbers of fewer bits than Python's are packed, and how many digits each of them keeps."""
_DEEPEST = 64
_LITERAL = 1 << 20
"""Longest text that is read as a Python literal, in characters."""


_SINGLE = re.compile(r"(?<!\\)\\(?![\\\"'/])")
_UNESCAPED = re.compile(
    r"(?<!\\)\\(?:[bf][a-z]|a[lrnps][a-z]|v[ae]|(?:theta|times|text|tan|tau|tri|to\b|neq?\b|nabla|nu\b|not\b|rho|right|rangle))"
)
"""Commands of LaTeX after one backslash, which JSON and Python would take for escapes."""


def plain(value: Any, depth: int = 0) -> Any:  # any: whatever a trainer holds, and JSON-like values where it can be
    """A copy in plain Python: numpy, torch, tuples and OmegaConf become lists, dicts and numbers, NaN becomes None.

    Raises SampleError for what is nested deeper than 64 levels, or in itself, or cannot be listed.
    """
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth > _DEEPEST:
        raise SampleError("wrong_type", f"a value is nested deeper than {_DEEPEST} levels")
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if callable(getattr(value, "tolist", None)):
        if getattr(value, "nbytes", 0) > _ARRAY_BYTES:
            return value
        try:
            listed = value.tolist()
        except Exception as error:
            raise SampleError("wrong_type", f"{type(value).__name__} cannot be read: {error}") from error
        kind = str(getattr(value, "dtype", "")).rpartition(".")[2]
        if kind in _PACKED and getattr(value, "nbytes", 0) <= _SHORT_BYTES:
            listed = _shortest(listed, *_PACKED[kind])
        return plain(listed, depth + 1)
    return [plain(item, depth + 1) for item in value] if isinstance(value, Sequence) else value


def _shortest(value: Any, code: str, digits: int) -> Any:  # any: what `tolist` gives
    """Numbers as they were written before they were rounded to fewer bits: 0.1, not 0.10000000149011612."""
    if isinstance(value, list):
        return [_shortest(item, code, digits) for item in value]
    if not math.isfinite(value):
        return value
    for more in range(4):
        near = float(f"{value:.{digits + more}g}")
        try:
            if struct.pack(code, near) == struct.pack(code, value):
                return near
        except OverflowError:  # rounded up beyond the largest
            continue
    return value


def read_text(text: str) -> Any:  # any: a JSON value
    """The list or object that a text holds, as JSON or as Python prints it; None where it holds none.

    >>> read_text('{"inputs": ["1"]}'), read_text("['4', '5']"), read_text("{1, 2}"), read_text("[0, 1)")
    ({'inputs': ['1']}, ['4', '5'], None, None)
    """
    text = text.strip()
    if "\\" in text and _UNESCAPED.search(text):
        # Mathematics that was written into a list as it is: `['\frac{1}{2}']`, whose `\f` is no form feed.
        text = _SINGLE.sub(r"\\\\", text)
    if text[:1] not in ("{", "[") or text[-1:] not in ("}", "]"):
        return None
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        pass
    if len(text) > _LITERAL:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes such as \frac in what is no Python
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None
    try:
        return plain(value) if isinstance(value, dict | list) else None
    except SampleError:
        return None
