"""Input rows, one at a time and in order, from files of every kind that data comes in, and from standard input.

| kind | known by |
| --- | --- |
| JSONL, a JSON array or documents | its first character; a document on one line is the only line |
| CSV, also with tabs, `;` or `|` | the suffix `.csv` or `.tsv`, or a first line of column names or `sep=;` |
| Parquet, Arrow (file and stream) | its first bytes |
| a log of inspect (`.eval`, `.json`) | a ZIP archive with `samples/`, a document with `samples` |
| gz, zst, bz2, xz of any of the first two | its first bytes, whatever it is called |
| UTF-8 with or without a byte order mark, UTF-16 | its first bytes |
| a folder, a pattern | the files in it, in order of their names |
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

from ..verifiers.errors import RunError, SampleError
from .documents import BEGINNING, rows_of
from .packed import FOREIGN, unpacked
from .tables import SEPARATOR, arrow_rows, as_json, csv_rows, eval_rows, json_rows, without_nan

__all__ = ["Input", "RawRow", "may_run_program", "without_nan"]

_BOM = b"\xef\xbb\xbf"
_SUFFIXES = re.compile(r".*\.(jsonl|ndjson|json|csv|tsv|parquet|arrow|eval)(\.(gz|zst|bz2|xz))?")
"""Files that a folder is searched for."""
_ASIDE = re.compile(r"\..*|.*\.run\.json|state\.json|dataset_infos?\.json|dataset_dict\.json")
"""Files of a folder that hold no rows, though they are called as if."""
_HEADER = re.compile(rb"[A-Za-z_][\w .-]{0,60}(?P<by>[,\t;|])[A-Za-z_][\w .-]{0,60}(?:(?P=by)[\w .-]{0,60})*\r?")


class RawRow(NamedTuple):
    """One input row as it came, or why it could not be read."""

    file: int
    """Index of its file among the inputs."""
    line: int
    """Its line in the file, from 1; of a table or an array its row."""
    data: bytes
    """The line without its end; empty where it could not be read."""
    reason: str | None = None
    """`line_too_long`, `unreadable_input` or another word of why it could not be read."""
    detail: str = ""
    source: str = ""
    """The name of its file where there are several."""
    joined: bytes | None = None
    """The row of another file that goes with it."""

    @property
    def place(self) -> str:
        """How to find it."""
        return f"{self.source}:{self.line}" if self.source else f"line {self.line}"


_PROGRAM = re.compile(rb'"(?:[a-z_]*tests?(?:_[a-z]+)?|input_output|code)"')


def may_run_program(row: RawRow) -> bool:
    """Whether it looks as if a program was to be run for it, which can take minutes: those wait apart from others.

    >>> may_run_program(RawRow(0, 1, b'{"tests": []}')), may_run_program(RawRow(0, 1, b'{"reference": "4"}'))
    (True, False)
    """
    return _PROGRAM.search(row.data) is not None or (row.joined is not None and _PROGRAM.search(row.joined) is not None)


class Input:
    """All input files as one sequence of rows, with a hash of every byte read.

    Iterate once. Blank lines are no rows. A line above `max_line` bytes is passed over without being held in memory
    and becomes a row with a reason; a compressed file that breaks off ends in one.
    """

    def __init__(self, files: Sequence[str], max_line: int) -> None:
        """Open the files, so that a missing one is reported at once. Raises RunError."""
        self.files = [name for pattern in files for name in _expanded(pattern)]
        self.rows = 0
        self._max_line = max_line
        self._hashes = [hashlib.sha256() for _ in self.files]
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
            elif not os.access(path, os.R_OK):
                raise RunError(f"{name} may not be read by this user")
            elif path.is_file():
                _check_content(path)
                self.bytes = None if self.bytes is None else self.bytes + path.stat().st_size
            else:
                self.bytes = None

    def __iter__(self) -> Iterator[RawRow]:
        several = len(self.files) > 1
        for index, name in enumerate(self.files):
            for row in self._rows(index, name):
                self.rows += 1
                yield row._replace(source=name) if several else row
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

    def _rows(self, index: int, name: str) -> Iterator[RawRow]:
        kind = _kind_of(name)
        if kind in ("parquet", "arrow", "stream"):
            yield from self._table(index, arrow_rows(name, kind))
        elif kind == "zip":
            yield from self._table(index, eval_rows(name, self._max_line))
        else:
            yield from self._text(index, name)

    def _table(self, index: int, rows: Iterator[bytes | SampleError], digest: bool = True) -> Iterator[RawRow]:
        for line, record in enumerate(rows, 1):
            if isinstance(record, SampleError):
                yield RawRow(index, line, b"", record.reason, record.message)
                continue
            if digest:
                self._hashes[index].update(record + b"\n")
            yield RawRow(index, line, record)

    def _text(self, index: int, name: str) -> Iterator[RawRow]:
        line = 0
        try:
            with ExitStack() as opened:
                file = unpacked(self._open(name, opened), opened)
                head = file.peek(1 << 16)[: 1 << 16]
                form = _form_of(name, head)
                if form == "lines":
                    for row in self._lines(index, file):
                        line = row.line
                        yield row
                    return
                longest = self._max_line
                hashed = _Hashed(file, self._hashes[index])
                rows = json_rows(hashed, longest) if form == "json" else csv_rows(hashed, longest, form)
                for row in self._table(index, rows, digest=False):
                    line = row.line
                    yield row
                while hashed.read(1 << 20):
                    pass
        except (OSError, EOFError, zlib.error) as error:
            self._position = lambda: 0
            yield RawRow(index, line + 1, b"", "unreadable_input", f"{name} broke off: {error}")

    def _lines(self, index: int, file: io.BufferedReader) -> Iterator[RawRow]:
        digest = self._hashes[index]
        line, first = 0, True
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
            if not data:
                continue
            if first and (rows := self._only_document(data, file, digest)):
                yield from self._table(index, map(as_json, rows), digest=False)
                return
            first = False
            yield RawRow(index, line, data)

    def _only_document(self, data: bytes, file: io.BufferedReader, digest: Any) -> list[Any]:  # any: JSON values
        """The rows of a document that is the only line of a file; none where it is a row."""
        if not data.startswith(b"{"):
            return []
        try:
            document = json.loads(data, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            return []
        rows = rows_of(document)
        if not rows:
            return []
        while (head := file.peek(1)[: 1 << 16]) and not head.strip():
            digest.update(file.read(len(head)))
        return [] if head else rows

    def _open(self, name: str, opened: ExitStack) -> IO[bytes]:
        if name == "-":
            stream: IO[bytes] = sys.stdin.buffer
            return stream if hasattr(stream, "peek") else io.BufferedReader(stream)  # type: ignore[type-var]
        raw = opened.enter_context(Path(name).open("rb", buffering=1 << 20))  # noqa: SIM115 - on the stack
        self._position = raw.tell if raw.seekable() else lambda: 0
        return raw


class _Hashed:
    """A stream of which every byte that is read goes into a hash."""

    def __init__(self, file: io.BufferedReader, digest: Any) -> None:  # any: hashlib names no type for it
        self._file = file
        self._digest = digest

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data

    def readline(self, size: int) -> bytes:
        data = self._file.readline(size)
        self._digest.update(data)
        return data


def _expanded(name: str) -> list[str]:
    """The files that a name stands for: itself, those in a folder, those of a pattern. Raises RunError."""
    if name == "-":
        return [name]
    path = Path(name)
    if path.is_dir():
        paths = sorted(
            str(each) for each in path.rglob("*")
            if each.is_file() and _SUFFIXES.fullmatch(each.name) and not _ASIDE.fullmatch(each.name)
        )  # fmt: skip
        if not paths:
            raise RunError(f"{name} is a folder without a file of rows (JSONL, JSON, CSV, Parquet, Arrow)")
        return paths
    if not path.exists() and any(char in name for char in "*?["):
        base = Path(path.anchor) if path.is_absolute() else Path()
        paths = sorted(map(str, base.glob(str(path.relative_to(path.anchor) if path.is_absolute() else path))))
        if not paths:
            raise RunError(f"no file fits the pattern {name}")
        return [each for one in paths for each in _expanded(one)]
    return [name]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def _check_content(path: Path) -> None:
    """Raise RunError, naming what it is, for a file that cannot hold rows."""
    head = _head(path)
    for begin, what in FOREIGN:
        if head.startswith(begin):
            raise RunError(f"{path} is {what}; rows are read from JSONL, JSON, CSV, Parquet, Arrow and .eval files")


def _kind_of(name: str) -> str:
    """The kind of a file that is read as a whole, by its first bytes; `text` for all others."""
    if name == "-" or not Path(name).is_file():
        return "text"
    head = _head(Path(name))
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"ARROW1"):
        return "arrow"
    if head.startswith(b"\xff\xff\xff\xff") or (head[:4] and name.endswith(".arrow")):
        return "stream"
    return "zip" if head.startswith(b"PK\x03\x04") else "parquet" if name.endswith(".parquet") else "text"


def _form_of(name: str, head: bytes) -> str:
    """How text holds rows: `lines` of JSON, one `json` document, or what stands between the cells of CSV."""
    text = head.removeprefix(_BOM).lstrip()
    suffix = re.sub(r"\.(gz|zst|zstd|bz2|xz|gzip)$", "", name).rpartition(".")[2]
    first, end, _ = text.partition(b"\n")
    if separator := SEPARATOR.fullmatch(first):
        return separator[1].decode()
    if suffix == "csv":  # spreadsheets write a semicolon where a comma is in numbers
        return next((by for by in ",;\t|" if by.encode() in first), ",")
    if suffix == "tsv":
        return "\t"
    if text.startswith(b"["):
        # A line that is a whole array is a row of JSONL, and an error; an array of objects is a file of them.
        return "json" if re.match(rb"\[\s*(\{|\Z)", text[:200]) or first.strip() == b"[" else "lines"
    if text.startswith(b"{"):
        if re.match(BEGINNING, text):
            return "json"
        opened = first.strip()
        return (
            "json" if end and (opened == b"{" or re.fullmatch(rb'\{\s*"[^"]{1,80}"\s*:\s*[\[{]?', opened)) else "lines"
        )
    header = _HEADER.fullmatch(first)
    if header and end:
        return str(header["by"].decode())
    return "lines"
