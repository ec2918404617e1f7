"""What the page carries: gzipped JSON in base64, in blocks that the browser unpacks when it needs them."""

from __future__ import annotations

import base64
import json
import tempfile
import zlib
from collections.abc import Iterator
from typing import IO

LEVEL = 6
CHUNK_BYTES = 256 << 10
CHUNK_ROWS = 512
"""Bounds of one block of rows: opening a row unpacks one of them."""


def pack(data: bytes) -> bytes:
    """Gzipped, the same for the same data, and in base64, which holds no character that HTML knows.

    >>> pack(b"x")[:4]
    b'H4sI'
    """
    squeezer = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
    squeezed = squeezer.compress(data) + squeezer.flush()
    # zlib writes which system made it; pages must not differ by that
    return base64.b64encode(squeezed[:9] + b"\xff" + squeezed[10:])


def pack_json(value: object) -> bytes:
    """The same of a JSON value."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return pack(text.encode("utf-8", "replace"))


class Blocks:
    """Rows in packed blocks, kept in a temporary file until the page is written."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._sizes: list[int] = []
        self._held: list[bytes] = []
        self._weight = 0
        self.first: list[int] = []
        """Number of the first row of each block."""
        self.rows = 0
        self.raw_bytes = 0
        """Size of the rows as they came."""
        self.bytes = 0
        """Size of the finished blocks."""

    def add(self, row: bytes) -> None:
        """One row, as strict JSON."""
        self._held.append(row)
        self._weight += len(row)
        self.rows += 1
        if self._weight >= CHUNK_BYTES or len(self._held) >= CHUNK_ROWS:
            self.flush()

    def flush(self) -> None:
        """Finish the block under way."""
        if not self._held:
            return
        self.first.append(self.rows - len(self._held))
        packed = pack(b"[" + b",\n".join(self._held) + b"]")
        self._file.write(packed)
        self._sizes.append(len(packed))
        self.raw_bytes += self._weight
        self.bytes += len(packed)
        self._held, self._weight = [], 0

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        for size in self._sizes:
            yield self._file.read(size)

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()
