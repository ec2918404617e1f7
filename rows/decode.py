"""From the bytes of a row to its fields: the one place where JSON of the world is read."""

from __future__ import annotations

import json
from typing import Any

from ..verifiers.errors import SampleError
from .files import RawRow


class _ConstantError(ValueError):
    """NaN or Infinity, which is not JSON."""


def _no_constant(name: str) -> None:
    raise _ConstantError(name)


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def parse_row(text: str | bytes) -> Any:  # any: a JSON value
    """JSON as every command reads it: NaN and Infinity, which are none, are null. Raises ValueError, RecursionError.

    >>> parse_row('{"reference": "4", "x": NaN}')
    {'reference': '4', 'x': None}
    """
    return json.loads(text, parse_constant=lambda _: None)


def decode_row(raw: RawRow) -> tuple[dict[str, Any], bool]:  # any: JSON values
    """The fields of a row, with null for NaN and Infinity, and whether its bytes are JSON without them.

    Raises SampleError, with the reason that the row has already or with one of its own.

    >>> decode_row(RawRow(0, 1, b'{"reference": NaN}'))
    ({'reference': None}, False)
    """
    if raw.reason:
        raise SampleError(raw.reason, raw.detail)
    strict = True
    try:
        text = raw.data.decode()
    except UnicodeDecodeError as error:
        raise SampleError(
            "not_utf8", f"the row is not UTF-8: byte {error.start + 1} is {raw.data[error.start]:#x}"
        ) from None
    try:
        try:
            fields = _DECODER.decode(text)
        except _ConstantError:
            strict = False
            fields = parse_row(text)
    except json.JSONDecodeError as error:
        raise SampleError("not_json", f"the row is not JSON: {error.msg} at character {error.pos + 1}") from None
    except (ValueError, RecursionError) as error:
        raise SampleError("not_json", f"the row cannot be read as JSON: {str(error)[:100]}") from None
    if not isinstance(fields, dict):
        raise SampleError("not_an_object", f"the row is a JSON {type(fields).__name__}, not an object")
    return fields, strict
