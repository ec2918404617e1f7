"""What `r1-reward score` reads: kinds of files, damaged files, lines of every sort."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.scoring.score_cli import RIGHT, WRONG, pack, rows_of, score, write

from r1_reward.cli import main
from r1_reward.inspection.check import check
from r1_reward.scoring.samples import read_benchmark
from r1_reward.verifiers import Sample


def test_standard_input_is_read_and_data_alone_stands_on_standard_output(here: Path) -> None:
    result = score("-", data=json.dumps(RIGHT) + "\n")
    assert len(rows_of(result.stdout)) == 1
    assert "1 rows" in result.stderr
    assert rows_of(score(data=json.dumps(RIGHT)).stdout)[0]["reward"] == 1.0


@pytest.mark.parametrize("end", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_compressed_files_read_like_plain_ones(here: Path, end: str) -> None:
    data = "".join(json.dumps({**RIGHT, "n": n}) + "\n" for n in range(500)).encode()
    (here / f"in{end}").write_bytes(pack(data, end))
    score(f"in{end}", "-o", "out.jsonl")
    assert [row["n"] for row in rows_of(here / "out.jsonl")] == list(range(500))


@pytest.mark.parametrize("end", [".jsonl.gz", ".jsonl.zst"])
def test_compressed_file_that_breaks_off_says_so(here: Path, end: str) -> None:
    data = b"".join(json.dumps({**RIGHT, "n": n * 7919}).encode() + b"\n" for n in range(5000))
    packed = pack(data, end)
    (here / f"in{end}").write_bytes(packed[: len(packed) // 2])
    result = score(f"in{end}", "-o", "out.jsonl", "--max-errors", "0", code=1)
    assert rows_of(here / "out.jsonl")[-1]["error"]["reason"] == "unreadable_input"
    assert "unreadable_input" in result.stderr


def test_several_zstandard_frames_are_one_file(here: Path) -> None:
    line = json.dumps(RIGHT).encode() + b"\n"
    (here / "in.zst").write_bytes(pack(line * 2, ".zst") + pack(line * 3, ".zst"))
    assert len(rows_of(score("in.zst").stdout)) == 5


@pytest.mark.needs("pyarrow")
def test_parquet_reads_like_jsonl(here: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = [{**RIGHT, "n": 1, "p": 0.5}, {**WRONG, "n": 2, "p": float("nan")}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), here / "in.parquet")
    out = rows_of(score("in.parquet").stdout)
    assert [(row["reward"], row["n"], row["p"]) for row in out] == [(1.0, 1, 0.5), (0.0, 2, None)]


def test_several_files_are_read_in_order(here: Path) -> None:
    write(here / "a.jsonl", [{**RIGHT, "n": 0}])
    write(here / "b.jsonl", [{**RIGHT, "n": 1}])
    assert [row["n"] for row in rows_of(score("b.jsonl", "a.jsonl").stdout)] == [1, 0]


BAD = [
    ("{", "not_json"),
    ("nonsense", "not_json"),
    ('{"response": "x", "reference": "4"', "not_json"),
    ("[" * 100_000, "not_json"),
    ('{"a": ' + "9" * 5000 + "}", "not_json"),
    ("[1, 2]", "not_an_object"),
    ("4", "not_an_object"),
    ("null", "not_an_object"),
    ("{}", "missing_field"),
    ('{"reference": "4"}', "missing_field"),
    ('{"response": 4, "reference": "4"}', "wrong_type"),
    ('{"responses": ["a", 4], "reference": "4"}', "wrong_type"),
    ('{"response": NaN, "reference": "4"}', "missing_field"),
]


def test_bad_line_becomes_a_row_and_the_run_goes_on(here: Path) -> None:
    good = json.dumps(RIGHT)
    (here / "in.jsonl").write_text("".join(f"{good}\n\n{line}\n{good}\n" for line, _ in BAD), encoding="utf-8")
    result = score("in.jsonl", "-o", "out.jsonl", code=1)
    out = rows_of(here / "out.jsonl")
    assert [row["reward"] for row in out] == [1.0, None, 1.0] * len(BAD)
    bad = [(row["verdicts"], row["error"]["line"], row["error"]["reason"]) for row in out[1::3]]
    assert bad == [({}, 4 * n + 3, reason) for n, (_, reason) in enumerate(BAD)]
    assert all(row["error"]["detail"] for row in out[1::3])
    assert all(reason in result.stderr for _, reason in BAD)
    assert "33.33%" in result.stderr


def test_fields_of_a_row_with_nan_are_kept_as_null(here: Path) -> None:
    (here / "in.jsonl").write_text('{"response": "x", "p": [NaN, 1]}\n', encoding="utf-8")
    (row,) = rows_of(score("in.jsonl", code=1).stdout)
    assert (row["response"], row["p"]) == ("x", [None, 1])


def test_nan_is_null_in_every_command(here: Path) -> None:
    """One rule: in a field that is not needed it does no harm, in one that is needed it is missing."""
    lines = [
        f'{{"prompt": "2 + 2?", "response": "\\\\boxed{{4}}", "reference": "4", "x": {number}, "id": {number}}}'
        for number in ("NaN", "Infinity", "-Infinity")
    ]
    (here / "in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert [(row["reward"], row["x"]) for row in rows_of(score("in.jsonl").stdout)] == [(1.0, None)] * 3
    assert check(["in.jsonl"], languages=False).failures == 0
    run = CliRunner().invoke(main, ["explain", "--from", "in.jsonl", "--json"])
    assert json.loads(run.stdout)["verdict"]["score"] == 1.0
    assert read_benchmark(["in.jsonl"])[0].reference == "4"
    assert Sample.from_dict({"response": "x", "reference": "4", "id": float("nan")}).id is None
    missing = [re.sub(r'"4"(.*"id": (.*)})', r"\2\1", line) for line in lines]
    (here / "in.jsonl").write_text("\n".join(missing) + "\n", encoding="utf-8")
    rows = rows_of(score("in.jsonl", code=1).stdout)
    assert [verdict["reason"] for row in rows for verdict in row["verdicts"].values()] == ["reference_missing"] * 3
    assert [finding.what for finding in check(["in.jsonl"], languages=False).findings] == ["gold_missing"] * 3


def test_line_that_is_not_utf8_says_where(here: Path) -> None:
    (here / "in.jsonl").write_bytes(b'{"response": "\xff"}\n')
    (row,) = rows_of(score("in.jsonl", code=1).stdout)
    assert row["error"]["reason"] == "not_utf8"
    assert "byte 15" in row["error"]["detail"]


def test_torn_last_line_is_a_row_too(here: Path) -> None:
    (here / "in.jsonl").write_text(json.dumps(RIGHT) + "\n" + json.dumps(RIGHT)[:20], encoding="utf-8")
    assert [row["reward"] for row in rows_of(score("in.jsonl", code=1).stdout)] == [1.0, None]


def test_byte_order_mark_and_windows_line_ends_are_no_fault(here: Path) -> None:
    (here / "in.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(RIGHT).encode() + b"\r\n")
    assert rows_of(score("in.jsonl").stdout)[0]["reward"] == 1.0


@pytest.mark.parametrize("content", ["", "\n", "\n  \n\n"])
def test_empty_file_gives_an_empty_file(here: Path, content: str) -> None:
    (here / "in.jsonl").write_text(content, encoding="utf-8")
    result = score("in.jsonl", "-o", "out.jsonl", "--summary", "s.json")
    assert (here / "out.jsonl").read_bytes() == b""
    assert json.loads((here / "s.json").read_text())["rows"] == 0
    assert "0 rows" in result.stderr


def test_a_fifty_megabyte_line_is_judged_or_told_by_limit(here: Path) -> None:
    long = json.dumps({"response": "word " * 10_000_000 + r"\boxed{4}", "reference": "4"})
    (here / "in.jsonl").write_text(f"{long}\n{json.dumps(RIGHT)}\n", encoding="utf-8")
    score("in.jsonl", "-o", "out.jsonl")
    assert [row["reward"] for row in rows_of(here / "out.jsonl")] == [1.0, 1.0]
    score("in.jsonl", "-o", "out.jsonl", "--max-line-mb", "1", "--overwrite", code=1)
    first, second = rows_of(here / "out.jsonl")
    assert (first["error"]["reason"], first["error"]["line"], second["reward"]) == ("line_too_long", 1, 1.0)
    assert "--max-line-mb" in first["error"]["detail"]


def test_duplicate_ids_are_rows_like_any_other(here: Path) -> None:
    write(here / "in.jsonl", [{**RIGHT, "id": "a"}, {**WRONG, "id": "a"}])
    assert [row["reward"] for row in rows_of(score("in.jsonl").stdout)] == [1.0, 0.0]


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.binary(max_size=60) | st.sampled_from([json.dumps(RIGHT).encode(), b"{}", b'{"response":""}']), max_size=24
    )
)
def test_any_bytes_give_one_valid_row_a_line(here: Path, lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    first, *rest = (line.strip(b" \t\r\n") for line in data.split(b"\n"))
    expected = sum(map(bool, [first.removeprefix(b"\xef\xbb\xbf"), *rest]))  # a byte order mark alone is a blank line
    result = score("-", "--max-errors", "1", data=data)
    assert len(rows_of(result.stdout)) == expected


HOSTILE_LINES = [
    '{"response":"x","a":NaN,"b":',
    '{"response":"x","a":NaN,"b":' + "9" * 5000 + "}",
    '{"response":"x","a":NaN,"b":' + "[" * 5000 + "}",
    '{"response":"x","reference":"1","x":1e999,"reward":1}',
    '{"response":"x","reference":"1","x":NaN,"y":1e999}',
    '{"response":"x","tests":[{"type":["a"]}]}',
    '{"response":"x","kind":["math"]}',
    '{"response":"x","reference":1e999}',
]


def test_hostile_line_costs_its_own_row(here: Path) -> None:
    good = json.dumps(RIGHT)
    (here / "in.jsonl").write_text("".join(f"{good}\n{line}\n" for line in HOSTILE_LINES), encoding="utf-8")
    score("in.jsonl", "-o", "out.jsonl", "--max-errors", "1")
    out = rows_of(here / "out.jsonl")
    assert [row["reward"] for row in out[::2]] == [1.0] * len(HOSTILE_LINES)
    assert {row["reward"] for row in out[1::2]} <= {None, 0.0}


def test_numbers_as_references_are_read_as_they_stand(here: Path) -> None:
    from decimal import Decimal

    numbers = [4, 4.5, 0.00001, 1e22, -0.25]
    write(here / "in.jsonl", [{"response": f"\\boxed{{{Decimal(repr(n)):f}}}", "reference": n} for n in numbers])
    assert [row["reward"] for row in rows_of(score("in.jsonl").stdout)] == [1.0] * len(numbers)


def test_an_input_that_breaks_off_fails_the_run_whatever_is_allowed(here: Path) -> None:
    packed = gzip.compress(b"".join(json.dumps({**RIGHT, "n": n * 7919}).encode() + b"\n" for n in range(5000)))
    (here / "in.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    result = score("in.jsonl.gz", "-o", "out.jsonl", "--max-errors", "1", code=1)
    assert "an input broke off" in result.stderr


def test_a_zstandard_bomb_is_read_in_bounded_memory(here: Path) -> None:
    blanks = b" " * (1 << 20)
    packed = zstandard.ZstdCompressor().compressobj()
    data = b"".join(packed.compress(blanks) for _ in range(300)) + packed.compress(b"\n" + json.dumps(RIGHT).encode())
    (here / "in.zst").write_bytes(data + packed.flush())
    # Told by itself: what a process's parent reads of it holds the memory of the parent that it was forked from.
    script = """
import atexit, pathlib, re, resource
from r1_reward.cli import main
own = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
atexit.register(lambda: print(max(own(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)))
main()
"""
    command = [sys.executable, "-c", script, "score", "in.zst", "-o", "out.jsonl", "--max-errors", "1"]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    assert rows_of(here / "out.jsonl")[-1]["reward"] == 1.0
    assert int(ran.stdout) < 700_000


@pytest.mark.needs("pyarrow")
def test_parquet_with_values_that_json_lacks_is_read(here: Path) -> None:
    import datetime

    import pyarrow
    from pyarrow import parquet

    rows = [{"response": rb"\boxed{4}", "reference": "4", "when": datetime.datetime(2026, 1, 1), "m": [float("inf")]}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), here / "in.parquet")
    (row,) = rows_of(score("in.parquet").stdout)
    assert (row["reward"], row["when"], row["m"]) == (1.0, "2026-01-01 00:00:00", [None])
