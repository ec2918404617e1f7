"""A finished file of JSONL as another kind, by its suffix: gz, zst, bz2, xz, CSV, TSV, Parquet, Arrow.

The same rows give the same bytes. Memory stays flat. In tables a column of texts, numbers or booleans has that type;
any other holds JSON as text.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from ..verifiers.errors import RunError, missing_extra

_KIND = re.compile(r"\.(?:(csv|tsv|parquet|arrow)|(?:(jsonl|ndjson)\.)?(gz|zst|bz2|xz))$")
_BATCH = 1_000
_GROUP = 24 << 20
"""Characters of the rows that are written to a table at once."""


def kind_of(path: str | Path) -> str | None:
    """The kind that a file is written as, by its suffix; None for plain JSONL. Raises RunError for one that is not.

    >>> kind_of("a.jsonl.zst"), kind_of("a.parquet"), kind_of("a.jsonl")
    ('zst', 'parquet', None)
    """
    name = Path(path).name
    match = _KIND.search(name)
    if match is None:
        return None
    if match[1] is None and match[2] is None and re.search(r"\.(json|csv|tsv|parquet|arrow)\.\w+$", name):
        raise RunError(f"{path} would hold packed JSONL; name it .jsonl.{match[3]}")
    kind = match[1] or match[3]
    if kind in ("parquet", "arrow"):
        try:
            import pyarrow  # noqa: F401 - only to know that it is there before the run
        except ImportError:
            raise RunError(missing_extra(str(path), "pyarrow", "parquet")) from None
    return kind


def convert(source: Path, target: Path, kind: str) -> None:
    """Write the rows of a file of JSONL as another kind. Raises OSError."""
    beside = target.with_name(target.name + ".new")
    if kind in ("csv", "tsv"):
        _to_csv(source, beside, "," if kind == "csv" else "\t")
    elif kind in ("parquet", "arrow"):
        _to_table(source, beside, kind)
    else:
        with source.open("rb") as rows, beside.open("wb") as raw, _packing(kind, raw) as file:
            shutil.copyfileobj(rows, file, 1 << 20)
    beside.replace(target)


def _packing(kind: str, raw: IO[bytes]) -> IO[bytes]:
    if kind == "gz":
        import gzip

        return cast(IO[bytes], gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0))
    if kind == "zst":
        import zstandard

        return cast(IO[bytes], zstandard.ZstdCompressor().stream_writer(raw))
    if kind == "bz2":
        import bz2

        return cast(IO[bytes], bz2.BZ2File(raw, "wb"))
    import lzma

    return cast(IO[bytes], lzma.LZMAFile(raw, "wb"))


def _rows(source: Path) -> Iterator[dict[str, Any]]:  # any: JSON values
    with source.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _to_csv(source: Path, target: Path, delimiter: str) -> None:
    names = list(dict.fromkeys(name for row in _rows(source) for name in row))
    with target.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerow(names)
        for row in _rows(source):
            writer.writerow([_cell(row.get(name)) for name in names])


def _cell(value: Any) -> str:  # any: a JSON value
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _to_table(source: Path, target: Path, kind: str) -> None:
    import pyarrow
    from pyarrow import ipc, parquet

    kinds: dict[str, str] = {}
    for row in _rows(source):
        for name, value in row.items():
            kinds[name] = _joint(kinds.get(name), value)
    types = {"bool": pyarrow.bool_(), "int": pyarrow.int64(), "float": pyarrow.float64()}
    schema = pyarrow.schema([(name, types.get(type_name, pyarrow.string())) for name, type_name in kinds.items()])
    values: dict[str, Callable[[Any], Any]] = {
        name: (lambda value: value) if type_name in (*types, "text") else _as_text for name, type_name in kinds.items()
    }
    with target.open("wb") as file:
        made: Any = parquet.ParquetWriter(file, schema) if kind == "parquet" else ipc.new_file(file, schema)
        with made as writer:
            batch: list[dict[str, Any]] = []
            tables: list[Any] = []
            weight = 0  # of the rows that wait: few large groups, since what is known of each is kept to the end
            for row in _rows(source):
                batch.append({name: values[name](row.get(name)) for name in kinds})
                weight += sum(len(value) for value in batch[-1].values() if isinstance(value, str))
                if len(batch) >= _BATCH or weight >= _GROUP:
                    tables.append(pyarrow.Table.from_pylist(batch, schema))
                    batch = []
                if weight >= _GROUP:
                    writer.write_table(pyarrow.concat_tables(tables))
                    tables, weight = [], 0
            if batch:
                tables.append(pyarrow.Table.from_pylist(batch, schema))
            if tables:
                writer.write_table(pyarrow.concat_tables(tables))


def _joint(before: str | None, value: Any) -> str:  # any: a JSON value
    """The type of a column that had one type so far and now holds a value."""
    if value is None:
        return before or ""
    now = {bool: "bool", int: "int", float: "float", str: "text"}.get(type(value), "json")
    if now == "int" and not -(2**63) <= value < 2**63:
        now = "json"
    if now == "text" and not value.isascii() and any(0xD800 <= ord(char) < 0xE000 for char in value):
        now = "json"  # half a letter, which no text can hold
    if not before or before == now:
        return now
    return "float" if {before, now} == {"int", "float"} else "json"


def _as_text(value: Any) -> str | None:  # any: a JSON value
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()
