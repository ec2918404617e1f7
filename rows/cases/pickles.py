"""LiveCodeBench's private tests: a text, pickled, compressed, in base64.

A pickle can run anything, so it is read by an unpickler that knows no class at all: of all that a pickle can hold,
texts, numbers and plain containers remain, and LiveCodeBench's hold one text.
"""

from __future__ import annotations

import base64
import binascii
import io
import pickle
import zlib
from typing import NoReturn

from .unknown import unknown_form

_MOST = 1 << 30
"""Bytes that a text may unpack to."""


class _NoClasses(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: object) -> NoReturn:
        raise pickle.UnpicklingError(f"it asks for the object {pid!r}")


def unpack(text: str, name: str) -> str:
    """The text in a packed one. Raises SampleError for anything else.

    >>> unpack(base64.b64encode(zlib.compress(pickle.dumps('[]'))).decode(), "private_test_cases")
    '[]'
    """
    try:
        opened = zlib.decompressobj()
        data = opened.decompress(base64.b64decode(text.encode(), validate=True), _MOST)
        if opened.unconsumed_tail:
            raise unknown_form(f"{name} unpacks to more than {_MOST} bytes")
        read = _NoClasses(io.BytesIO(data)).load()
    except (binascii.Error, zlib.error, pickle.UnpicklingError, ValueError, EOFError, IndexError, KeyError) as error:
        raise unknown_form(f"{name} is neither JSON nor a packed text: {error}") from None
    except Exception as error:  # noqa: BLE001 - broken pickles raise anything
        raise unknown_form(f"{name} is a broken pickle: {type(error).__name__}") from None
    if not isinstance(read, str):
        raise unknown_form(f"{name} is a pickle of a {type(read).__name__}, and not of a text")
    return read
