"""Input rows, one at a time and in order, from JSONL (plain, .gz, .zst, standard input) and Parquet."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from ..verifiers.errors import RunError, missing_extra

_ZSTD_INPUT = 1 << 10
"""Bytes that are decompressed at a time: a block of Zstandard may grow thirty thousand times, so few are taken."""
_BOM = b"\xef\xbb\xbf"


class RawRow(NamedTuple):
    """One input row as it came, or why it could not be read."""

    file: int
    """Index of its file among the inputs."""
    line: int
    """Its line in the file, from 1; for Parquet its row."""
    data: bytes
    """The line without its end; empty where it could not be read."""
    reason: str | None = None
    """`line_too_long` or `unreadable_input`."""
    detail: str = ""


_PROGRAM = re.compile(rb'"(?:[a-z_]*tests?(?:_[a-z]+)?|input_output|code)"')


def may_run_program(row: RawRow) -> bool:
    """Whether it looks as if a program was to be run for it, which can take minutes: those wait apart from others.

    >>> may_run_program(RawRow(0, 1, b'{"tests": []}')), may_run_program(RawRow(0, 1, b'{"reference": "4"}'))
    (True, False)
    """
    return _PROGRAM.search(row.data) is not None


class Input:
    """All input files as one sequence of rows, with a hash of every byte read.

    Iterate once. Blank lines are no rows. A line above `max_line` bytes is passed over without being held in memory
    and becomes a row with a reason; a compressed file that breaks off ends in one.
    """

    def __init__(self, files: Sequence[str], max_line: int) -> None:
        """Open the files, so that a missing one is told at once. Raises RunError."""
        self.files = list(files)
        self.rows = 0
        self._max_line = max_line
        self._hashes = [hashlib.sha256() for _ in files]
        self._position: Callable[[], int] = lambda: 0
        self._done = 0
        if self.files.count("-") > 1:
            raise RunError("standard input was named more than once")
        self.bytes: int | None = 0
        for name in self.files:
            path = Path(name)
            if name == "-":
                self.bytes = None
                if sys.stdin is None:
                    raise RunError("standard input is closed; name an input file")
            elif not path.exists():
                raise RunError(f"no such file: {name}")
            elif path.is_dir():
                raise RunError(f"{name} is a folder; name the files in it")
            elif not os.access(path, os.R_OK):
                raise RunError(f"{name} may not be read by this user")
            elif self.bytes is not None:
                self.bytes = self.bytes + path.stat().st_size if path.is_file() else None

    def __iter__(self) -> Iterator[RawRow]:
        for index, name in enumerate(self.files):
            read = self._parquet if name.endswith(".parquet") else self._lines
            for row in read(index, name):
                self.rows += 1
                yield row
            self._position = lambda: 0
            self._done += Path(name).stat().st_size if name != "-" else 0

    @property
    def bytes_read(self) -> int:
        """How far the reading is, in bytes of the files as they lie on disk."""
        return self._done + self._position()

    @property
    def sha256(self) -> list[str]:
        """Per file, the hash of what was read (decompressed); of a whole plain file what `sha256sum` prints."""
        return [digest.hexdigest() for digest in self._hashes]

    def _lines(self, index: int, name: str) -> Iterator[RawRow]:
        digest = self._hashes[index]
        line = 0
        try:
            with ExitStack() as opened:
                file = self._open(name, opened)
                while data := file.readline(self._max_line + 1):
                    line += 1
                    digest.update(data)
                    if len(data) > self._max_line and not data.endswith(b"\n"):
                        length = len(data)
                        while rest := file.readline(1 << 20):
                            digest.update(rest)
                            length += len(rest)
                            if rest.endswith(b"\n"):
                                break
                        detail = f"the line has {length:,} bytes, the limit is {self._max_line:,} (--max-line-mb)"
                        yield RawRow(index, line, b"", "line_too_long", detail)
                        continue
                    data = data.strip(b" \t\r\n")
                    if line == 1 and data.startswith(_BOM):
                        data = data[len(_BOM) :]
                    if data:
                        yield RawRow(index, line, data)
        except (OSError, EOFError, zlib.error) as error:
            self._position = lambda: 0
            yield RawRow(index, line + 1, b"", "unreadable_input", f"{name} broke off: {error}")

    def _open(self, name: str, opened: ExitStack) -> IO[bytes]:
        if name == "-":
            return sys.stdin.buffer
        raw = opened.enter_context(Path(name).open("rb", buffering=1 << 20))  # noqa: SIM115 - on the stack
        self._position = raw.tell if raw.seekable() else lambda: 0
        if name.endswith((".gz", ".gzip")):
            return cast(IO[bytes], opened.enter_context(gzip.GzipFile(fileobj=raw)))
        if name.endswith((".zst", ".zstd")):
            return cast(IO[bytes], io.BufferedReader(_Zstd(raw), 1 << 20))
        return raw

    def _parquet(self, index: int, name: str) -> Iterator[RawRow]:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            raise RunError(missing_extra(name, "pyarrow", "parquet")) from None
        digest = self._hashes[index]
        line = 0
        try:
            with parquet.ParquetFile(name) as file:
                for batch in file.iter_batches(batch_size=256):
                    for data in _batch_as_json(batch):
                        line += 1
                        if isinstance(data, Exception):
                            detail = f"row {line} of {name} cannot be read: {type(data).__name__}: {data}"
                            yield RawRow(index, line, b"", "wrong_type", detail)
                            continue
                        digest.update(data + b"\n")
                        yield RawRow(index, line, data)
        except (OSError, pyarrow.ArrowException) as error:
            yield RawRow(index, line + 1, b"", "unreadable_input", f"{name} broke off: {error}")


def _batch_as_json(batch: Any) -> list[bytes | Exception]:  # any: a pyarrow batch
    """Every row, or why it cannot be read: pyarrow raises many kinds for values that Python lacks."""
    try:
        return [_as_json(row) for row in batch.to_pylist()]
    except Exception as error:  # noqa: BLE001 - the boundary to another library
        if batch.num_rows == 1:
            return [error]
        return [found for at in range(batch.num_rows) for found in _batch_as_json(batch.slice(at, 1))]


def _as_json(row: dict[str, Any]) -> bytes:  # any: what Parquet holds
    try:
        text = json.dumps(row, ensure_ascii=False, default=_as_text, allow_nan=False)
    except ValueError:
        text = json.dumps(without_nan(row), ensure_ascii=False, default=_as_text)
    return text.encode()


def without_nan(value: Any) -> Any:  # any: what Parquet holds
    """The value with null for what JSON cannot write: NaN and infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    return [without_nan(item) for item in value] if isinstance(value, list | tuple) else value


def _as_text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class _Zstd(io.RawIOBase):
    """Decompresses a file of Zstandard frames. Raises OSError or EOFError where it is damaged or breaks off, which
    zstandard's own stream reader passes over."""

    def __init__(self, raw: IO[bytes]) -> None:
        import zstandard

        self._raw = raw
        self._make = zstandard.ZstdDecompressor().decompressobj
        self._error = zstandard.ZstdError
        self._frame = self._make()
        self._waiting = memoryview(b"")
        self._whole = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # any: a writable buffer, which typeshed calls by a private name
        while not self._waiting:
            data = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame, self._whole = self._make(), True
            data = data or self._raw.read(_ZSTD_INPUT)
            if not data:
                if not self._whole:
                    raise EOFError("the last Zstandard frame is not complete")
                return 0
            try:
                self._waiting = memoryview(self._frame.decompress(data))
            except self._error as error:
                raise OSError(str(error)) from error
            self._whole = self._frame.eof
        size = min(len(buffer), len(self._waiting))
        buffer[:size], self._waiting = self._waiting[:size], self._waiting[size:]
        return size
