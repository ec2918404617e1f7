"""Files of every kind hold the same rows, and those that hold none are named for what they are."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from r1_reward.rows import packed
from r1_reward.rows.decode import decode_row
from r1_reward.rows.files import Input, RawRow
from r1_reward.verifiers import RunError

ROWS = [{"id": str(n), "response": f"\\boxed{{{n}}}", "answer": "1", "prompt": 'a, "b"\nü'} for n in range(5)]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)


def table(delimiter: str = ",") -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, ROWS[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return file.getvalue()


def zst(data: bytes) -> bytes:
    import zstandard

    return zstandard.compress(data)


KINDS: list[tuple[str, bytes]] = [
    ("a.jsonl", LINES.encode()),
    ("bom.jsonl", b"\xef\xbb\xbf" + LINES.encode()),
    ("utf16.jsonl", LINES.encode("utf-16")),
    ("utf16le.jsonl", LINES.encode("utf-16-le")),
    ("utf16be.jsonl", LINES.encode("utf-16-be")),
    ("gz.txt", gzip.compress(LINES.encode())),
    ("bz2", bz2.compress(LINES.encode())),
    ("xz.jsonl", lzma.compress(LINES.encode())),
    ("zst", zst(LINES.encode())),
    ("two.jsonl.gz", gzip.compress(LINES[:100].encode()) + gzip.compress(LINES[100:].encode())),
    ("array.json", json.dumps(ROWS).encode()),
    ("pretty.json", json.dumps(ROWS, indent=2).encode()),
    ("documents.json", "\n".join(json.dumps(row, indent=1) for row in ROWS).encode()),
    ("array.json.gz", gzip.compress(json.dumps(ROWS).encode())),
    ("wandb.table.json", json.dumps({"columns": list(ROWS[0]), "data": [list(row.values()) for row in ROWS]}).encode()),
    (
        "columns.json",
        json.dumps({k: {str(n): row[k] for n, row in enumerate(ROWS)} for k in ROWS[0]}, indent=1).encode(),
    ),
    ("server.json", json.dumps({"features": [], "rows": [{"row_idx": 0, "row": row} for row in ROWS]}).encode()),
    ("results.json", json.dumps({"config": {"n": 1}, "results": {"results": ROWS}}, indent=1).encode()),
    ("table.csv", table().encode()),
    ("spreadsheet.csv", table(";").encode()),
    ("table.csv.gz", gzip.compress(table().encode())),
    ("utf16.csv", table().encode("utf-16")),
    ("bom.csv", b"\xef\xbb\xbf" + table().encode()),
    ("table.tsv", table("\t").encode()),
    ("no_suffix", table("\t").encode()),
]


def read(path: Path, longest: int = 1 << 20) -> list[RawRow]:
    return list(Input([str(path)], longest))


def fields(rows: list[RawRow]) -> list[dict[str, Any]]:
    return [decode_row(row)[0] for row in rows]


@pytest.mark.parametrize(("name", "data"), KINDS, ids=[name for name, _ in KINDS])
def test_rows_are_the_same_in_every_kind_of_file(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert fields(read(tmp_path / name)) == ROWS


@pytest.mark.needs("pyarrow")
def test_tables_of_arrow_are_told_by_their_content(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import ipc, parquet

    made = pyarrow.Table.from_pylist(ROWS)
    parquet.write_table(made, tmp_path / "a.dat")
    with ipc.new_file(tmp_path / "b", made.schema) as file:
        file.write_table(made)
    with ipc.new_stream(tmp_path / "c.arrow", made.schema) as file:
        file.write_table(made)
    for name in ("a.dat", "b", "c.arrow"):
        assert fields(read(tmp_path / name)) == ROWS, name
    twice = pyarrow.table([pyarrow.array(["x"]), pyarrow.array(["y"])], names=["a", "a"])
    parquet.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(RunError, match="the column 'a' twice"):
        read(tmp_path / "twice.parquet")


def test_a_log_of_inspect_is_its_samples(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "log.eval", "w") as archive:
        archive.writestr("header.json", "{}")
        for n, row in enumerate(ROWS):
            archive.writestr(f"samples/{n}_epoch_1.json", json.dumps(row))
    assert fields(read(tmp_path / "log.eval")) == ROWS
    (tmp_path / "log.json").write_text(json.dumps({"eval": {"task": "t"}, "samples": ROWS}, indent=1))
    assert fields(read(tmp_path / "log.json")) == ROWS


@pytest.mark.parametrize(
    ("member", "what"),
    [("a.txt", "ZIP archive and no log"), ("xl/workbook.xml", "Excel workbook"), ("m/data.pkl", "torch.save")],
)
def test_an_archive_without_rows_is_named_for_what_it_is(tmp_path: Path, member: str, what: str) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr(member, "x")
    with pytest.raises(RunError, match=what):
        read(tmp_path / "other.zip")


def test_a_folder_and_a_pattern_are_the_files_in_them(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl", "sub/c.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps({"response": name}) + "\n")
    (tmp_path / "a.jsonl.run.json").write_text("{}")
    (tmp_path / "note.txt").write_text("no rows")
    rows = read(tmp_path)
    assert [row["response"] for row in fields(rows)] == ["a.jsonl", "b.jsonl", "sub/c.json"]
    assert rows[0].place == f"{tmp_path}/a.jsonl:1"
    assert len(list(Input([f"{tmp_path}/*.jsonl"], 1 << 20))) == 2
    with pytest.raises(RunError, match="no file fits"):
        Input([f"{tmp_path}/*.xyz"], 1 << 20)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="folder without a file of rows"):
        Input([str(tmp_path / "empty")], 1 << 20)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x89PNG\r\n", "a PNG image"),
        (b"%PDF-1.7", "a PDF document"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"\x80\x05\x95", "a Python pickle"),
        (b"<!DOCTYPE html>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    ],
)
def test_a_file_that_holds_no_rows_is_named_for_what_it_is(tmp_path: Path, data: bytes, what: str) -> None:
    (tmp_path / "x.jsonl").write_bytes(data)
    with pytest.raises(RunError, match=what):
        Input([str(tmp_path / "x.jsonl")], 1 << 20)


HOSTILE: list[tuple[str, bytes, str]] = [
    ("line.jsonl", b'{"a": "' + b"x" * 3_000_000 + b'"}\n', "line_too_long"),
    ("item.json", b'[{"a": "' + b"x" * 3_000_000 + b'"}]', "line_too_long"),
    ("cell.csv", b"a,b\n" + b"x" * 3_000_000 + b",1\n", "line_too_long"),
    ("wide.csv", b"a," * 2_000_000 + b"b\n", "unreadable_input"),
    ("quote.csv", b'a,b\n"' + b"x\n" * 2_000_000, "line_too_long"),
    ("ragged.csv", b"a,b\n1,2,3\n", "wrong_type"),
    ("deep.json", b"[" + b'{"a":' * 100_000, "not_json"),
    ("open.json", b'[{"a": 1}, ', "unreadable_input"),
    ("cut.gz", gzip.compress(LINES.encode() * 50)[:-20], "unreadable_input"),
    ("cut.bz2", bz2.compress(LINES.encode() * 50)[:-20], "unreadable_input"),
    ("cut.xz", lzma.compress(LINES.encode() * 50)[:-20], "unreadable_input"),
    ("bomb.gz", gzip.compress(b"x" * 30_000_000), "line_too_long"),
    ("bomb.xz", lzma.compress(b"x" * 30_000_000), "line_too_long"),
    ("bomb.bz2", bz2.compress(b"x" * 30_000_000), "line_too_long"),
    ("bomb.zst", zst(b"x" * 30_000_000), "line_too_long"),
]


@pytest.mark.parametrize(("name", "data", "reason"), HOSTILE, ids=[name for name, _, _ in HOSTILE])
def test_a_hostile_file_costs_a_row_with_a_sentence(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    rows = read(tmp_path / name)
    assert rows[-1].reason == reason
    assert rows[-1].detail


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zst])
def test_what_unpacks_to_more_than_rows_would_is_not_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(packed, "_UNBOUNDED", 1 << 20)
    (tmp_path / "blank").write_bytes(pack(LINES.encode() + b"\n" * 20_000_000))
    rows = read(tmp_path / "blank")
    assert len(rows) == len(ROWS) + 1
    assert rows[-1].reason == "unreadable_input"
    assert "more than 500 times its size" in rows[-1].detail
