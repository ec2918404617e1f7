"""Rows of files that are no lines of JSON: JSON arrays and documents, CSV, Parquet, Arrow, and logs of inspect.

Each function yields a row's JSON as bytes, or a SampleError in its place where it cannot be read.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..verifiers.errors import RunError, SampleError, missing_extra
from .aliases import ALIASES, CONVERSATIONS
from .documents import rows_of
from .messages import is_conversation
from .values import read_text

TableRecord = bytes | SampleError
SEPARATOR = re.compile(rb"sep=([,;\t|])\r?")
"""The first line by which spreadsheets say what stands between the cells."""
_SPACE = re.compile(r"[\s,]*")
_ZSTD = 93
"""Zstandard as a ZIP archive's method, in which inspect packs and which zipfile knows from Python 3.14 on only."""
_MOST_COLUMNS = 16_384
_ORDER = re.compile(r"\d+|\D+")


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


def as_json(row: Any) -> bytes:  # any: what a table holds
    """A row on one line, with null for NaN and infinity."""
    try:
        text = json.dumps(row, ensure_ascii=False, default=_as_text, allow_nan=False)
    except ValueError:
        text = json.dumps(without_nan(row), ensure_ascii=False, default=_as_text)
    return text.encode("utf-8", "backslashreplace")


def without_nan(value: Any) -> Any:  # any: what a table holds
    """The value with null for what JSON cannot write: NaN and infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    return [without_nan(item) for item in value] if isinstance(value, list | tuple) else value


def _as_text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def json_rows(stream: Stream, longest: int) -> Iterator[TableRecord]:
    """The items of a JSON array, or of JSON documents one after another; of a log of inspect its samples."""
    text = codecs.getincrementaldecoder("utf-8-sig")("replace")
    decoder = json.JSONDecoder()
    held, ended, size = "", False, 1 << 16
    array: bool | None = None
    while True:
        at = _SPACE.match(held).end()  # type: ignore[union-attr]  # it matches nothing, too
        held = held[at:]
        if held and array is None:
            array = held[0] == "["
            held = held[1:] if array else held
            continue
        if held.startswith("]") and array:
            return
        if held:
            try:
                value, end = decoder.raw_decode(held)
            except (ValueError, RecursionError) as error:
                if ended or isinstance(error, RecursionError):
                    yield SampleError("not_json", f"the document is not JSON: {str(error)[:100]}")
                    return
            else:
                if ended or end < len(held):  # a number may go on
                    line = held[:end].encode("utf-8", "replace")
                    held, size = held[end:], 1 << 16
                    rows = rows_of(value) if isinstance(value, dict) and not array else None
                    if rows is not None:
                        yield from map(as_json, rows)
                    else:
                        yield as_json(value) if b"\n" in line else line
                    continue
        if ended:
            if array:
                yield SampleError("unreadable_input", "the JSON array breaks off")
            return
        if len(held) > longest:
            yield SampleError("line_too_long", f"an item has more than {longest:,} characters (--max-line-mb)")
            return
        data = stream.read(size)
        size = min(size * 2, 1 << 24)
        held, ended = held + text.decode(data, final=not data), not data


def csv_rows(stream: Stream, longest: int, delimiter: str) -> Iterator[TableRecord]:
    """The records of CSV with a header. Raises RunError where two columns have one name."""
    csv.field_size_limit(max(csv.field_size_limit(), longest))
    size = 0

    def lines() -> Iterator[str]:
        nonlocal size
        first = True
        while data := stream.readline(longest + 1):
            if first and data.count(delimiter.encode()) >= _MOST_COLUMNS:
                raise csv.Error(f"it has more than {_MOST_COLUMNS:,} columns, so it holds no responses")
            if first and SEPARATOR.fullmatch(data.removeprefix(codecs.BOM_UTF8).rstrip(b"\n")):
                continue
            size += len(data)
            if size > longest:
                raise OverflowError
            yield data.decode("utf-8-sig" if first else "utf-8", "replace").replace("\0", "\ufffd")
            first = False

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        twice = [name for name, count in Counter(header).items() if count > 1]
        if twice:
            raise RunError(f"the CSV has the column {twice[0]!r} twice; rename one")
        size = 0
        for record in reader:
            size = 0
            if not record:
                continue
            if len(record) != len(header):
                yield SampleError("wrong_type", f"the record has {len(record):,} cells, the header {len(header):,}")
                continue
            yield as_json({name: _cell(name, cell) for name, cell in zip(header, record, strict=True)})
    except OverflowError:
        yield SampleError("line_too_long", f"a record has more than {longest:,} bytes (--max-line-mb)")
    except csv.Error as error:
        yield SampleError("unreadable_input", f"the CSV cannot be read on: {error}")


def _cell(name: str, cell: str) -> Any:  # any: a JSON value
    if not cell:
        return None
    if cell[0] in "[{" and name in (*ALIASES["responses"], *ALIASES["response"], *CONVERSATIONS):
        parsed = read_text(cell)
        if isinstance(parsed, list) and (name in ALIASES["responses"] or is_conversation(parsed)):
            return parsed
    return cell


def arrow_rows(path: str, kind: str) -> Iterator[TableRecord]:
    """The rows of a Parquet or Arrow file. Raises RunError without pyarrow, or where two columns have one name."""
    try:
        import pyarrow
        from pyarrow import ipc, parquet
    except ImportError:
        raise RunError(missing_extra(path, "pyarrow", "parquet")) from None
    line = 0
    try:
        with Path(path).open("rb") as file:
            if kind == "parquet":
                table = parquet.ParquetFile(file)
                _check_columns(path, table.schema_arrow.names)
                batches = table.iter_batches(batch_size=256)
            else:
                reader = ipc.open_file(file) if kind == "arrow" else ipc.open_stream(file)
                _check_columns(path, reader.schema.names)
                whole = (reader.get_batch(at) for at in range(reader.num_record_batches)) if kind == "arrow" else reader
                batches = (batch.slice(at, 256) for batch in whole for at in range(0, batch.num_rows, 256))
            for batch in batches:
                for record in _batch_as_json(batch):
                    line += 1
                    if isinstance(record, Exception):
                        detail = f"row {line} of {path} cannot be read: {type(record).__name__}: {record}"
                        yield SampleError("wrong_type", detail)
                    else:
                        yield record
    except (OSError, pyarrow.ArrowException) as error:
        yield SampleError("unreadable_input", f"{path} broke off: {error}")


def _check_columns(path: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise RunError(f"{path} has the column {twice[0]!r} twice, of which one would be lost; rename one")


def _batch_as_json(batch: Any) -> list[bytes | Exception]:  # any: a pyarrow batch
    """Every row, or why it cannot be read: pyarrow raises many kinds for values that Python lacks."""
    try:
        return [as_json(row) for row in batch.to_pylist()]
    except Exception as error:  # noqa: BLE001 - the boundary to another library
        if batch.num_rows == 1:
            return [error]
        return [record for at in range(batch.num_rows) for record in _batch_as_json(batch.slice(at, 1))]


def _member(archive: zipfile.ZipFile, name: str, longest: int) -> bytes:
    info = archive.getinfo(name)
    if info.compress_type != _ZSTD:
        with archive.open(info) as file:
            return file.read(longest + 1)
    import zstandard

    raw = archive.fp
    assert raw is not None
    raw.seek(info.header_offset)
    head = raw.read(30)
    raw.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
    packed = io.BytesIO(raw.read(info.compress_size))
    try:
        with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
            return stream.read(longest + 1)
    except zstandard.ZstdError as error:
        raise OSError(f"{name}: {error}") from error


def _archive(names: Sequence[str]) -> str:
    """What a ZIP archive is that is no log of inspect, and the way out."""
    if "xl/workbook.xml" in names:
        return "an Excel workbook; save its sheet as CSV"
    if any(name.endswith("/data.pkl") for name in names):
        return "a file of torch.save, which may run code when it is read; write its rows as JSONL with torch.load"
    if any(name.endswith(".npy") for name in names):
        return "an archive of NumPy arrays; write its rows as JSONL"
    return "a ZIP archive and no log of inspect; unpack it and name the files in it"


def eval_rows(path: str, longest: int) -> Iterator[TableRecord]:
    """The samples of an `.eval` log of inspect, which is a ZIP archive. Raises RunError for another archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.startswith("samples/") and name.endswith(".json")]
            if not names and "header.json" not in archive.namelist():
                raise RunError(f"{path} is {_archive(archive.namelist())}")
            for name in sorted(names, key=lambda n: [p.zfill(12) if p.isdigit() else p for p in _ORDER.findall(n)]):
                if archive.getinfo(name).file_size > longest:
                    yield SampleError("line_too_long", f"{name} has more than {longest:,} bytes (--max-line-mb)")
                    continue
                data = _member(archive, name, longest)
                try:
                    yield as_json(json.loads(data))
                except (ValueError, RecursionError) as error:
                    yield SampleError("not_json", f"{name} is not JSON: {str(error)[:100]}")
    except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        yield SampleError("unreadable_input", f"{path} cannot be read on: {error}")
