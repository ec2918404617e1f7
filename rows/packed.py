"""Bytes of a file as text holds them: unpacked (gz, zst, bz2, xz) and in UTF-8, both found by content, not by name.

Memory stays flat whatever a file unpacks to. One that is damaged, breaks off or unpacks to far more than rows would
raises OSError or EOFError.
"""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Callable
from contextlib import ExitStack
from typing import IO, Any, cast

_AT_ONCE = 1 << 10
"""Bytes that are unpacked at a time: a block of Zstandard may grow thirty thousand times, so few are taken."""
_MOST_TIMES = 500
"""How many times its size a file may unpack to, beyond the first `_UNBOUNDED` bytes; rows reach some fifty."""
_UNBOUNDED = 1 << 30
_XZ_MEMORY = 256 << 20
"""Most memory that unpacking xz may take."""

FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"GGUF", "weights of a model (GGUF)"),
    (b"<!DOCTYPE", "an HTML page"),
    (b"<!doctype", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML document"),
    (b"version https://git-lfs", "a Git LFS pointer; git lfs pull fetches the file"),
)
"""How files begin that hold no rows, and what they are."""


def unpacked(raw: IO[bytes], opened: ExitStack) -> io.BufferedReader:
    """A buffered reader of what a file holds, unpacked and in UTF-8. `raw` is buffered."""
    buffered = cast(io.BufferedReader, raw)
    head = buffered.peek(6)
    stream: Any = None  # any: readers share no typed class
    if head.startswith(b"\x1f\x8b"):
        stream = opened.enter_context(gzip.GzipFile(fileobj=raw))
    elif head.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        stream = _Unpacking(raw, zstandard.ZstdDecompressor().decompressobj, zstandard.ZstdError, "Zstandard")
    elif head.startswith(b"BZh"):
        import bz2

        stream = _Unpacking(raw, bz2.BZ2Decompressor, OSError, "bzip2")
    elif head.startswith(b"\xfd7zXZ\x00"):
        import lzma

        stream = _Unpacking(raw, lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY), lzma.LZMAError, "xz")
    bounded: Any = _Bounded(stream, raw)  # any: as above
    reader = buffered if stream is None else io.BufferedReader(bounded, 1 << 20)
    coding = _coding(reader.peek(4)[:4])
    return io.BufferedReader(_Transcoding(reader, coding), 1 << 20) if coding else reader


def _coding(head: bytes) -> str | None:
    """UTF-16 by its mark, or by the zero byte of its first letter."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if len(head) == 4 and head[1] == head[3] == 0 and head[0] and head[2]:
        return "utf-16-le"
    return "utf-16-be" if len(head) == 4 and head[0] == head[2] == 0 and head[1] and head[3] else None


class _Unpacking(io.RawIOBase):
    """Unpacks a file of frames. Raises OSError or EOFError where it is damaged or breaks off."""

    def __init__(
        self, raw: IO[bytes], make: Callable[[], Any], error: type[Exception], name: str
    ) -> None:  # any: decompressors
        self._raw = raw
        self._make = make
        self._error = error
        self._name = name
        self._frame = make()
        self._waiting = memoryview(b"")
        self._whole = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # any: a writable buffer, which typeshed calls by a private name
        while not self._waiting:
            data = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame, self._whole = self._make(), True
            data = data or self._raw.read(_AT_ONCE)
            if not data:
                if not self._whole:
                    raise EOFError(f"the last {self._name} frame is not complete")
                return 0
            try:
                self._waiting = memoryview(self._frame.decompress(data))
            except self._error as error:
                raise OSError(str(error)) from error
            self._whole = self._frame.eof
        size = min(len(buffer), len(self._waiting))
        buffer[:size], self._waiting = self._waiting[:size], self._waiting[size:]
        return size


class _Bounded(io.RawIOBase):
    """What a packed file holds, as far as rows could fill it. Raises OSError beyond."""

    def __init__(self, unpacking: Any, raw: IO[bytes]) -> None:  # any: readers share no typed class
        self._unpacking = unpacking
        self._taken = raw.tell if raw.seekable() else None
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # any: as above
        size: int = self._unpacking.readinto(buffer)
        self._size += size
        if self._size > _UNBOUNDED and self._taken is not None and self._size > _MOST_TIMES * self._taken():
            raise OSError(
                f"it unpacks to more than {_MOST_TIMES} times its size, as no rows do; if it is meant, unpack it first"
            )
        return size


class _Transcoding(io.RawIOBase):
    """UTF-16 as UTF-8; what is none becomes U+FFFD, so that it costs its own row."""

    def __init__(self, raw: IO[bytes], coding: str) -> None:
        self._raw = raw
        self._decoder = codecs.getincrementaldecoder(coding)("replace")
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # any: as above
        while not self._waiting:
            data = self._raw.read(1 << 16)
            self._waiting = self._decoder.decode(data, final=not data).encode()
            if not data:
                break
        size = min(len(buffer), len(self._waiting))
        buffer[:size], self._waiting = self._waiting[:size], self._waiting[size:]
        return size
