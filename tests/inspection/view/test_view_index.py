"""The index of a scored file: what it answers, and that it follows its file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from r1_reward.inspection.report import ReportOptions, write_report
from r1_reward.inspection.view import Index, find_entries, query
from r1_reward.inspection.view.index import open_index, read_row
from r1_reward.inspection.view.runs import NoEntryError, Runs
from r1_reward.scoring.scored import ScoredFiles
from r1_reward.verifiers.errors import RunError

JUDGED = {"answer": "2", "detail": "", "seconds": 0.0}


def scored(number: int, *, right: bool = True, **fields: Any) -> dict[str, Any]:
    """A row as `score` writes it."""
    math = {"status": "scored", "score": float(right), "reason": "correct" if right else "wrong", **JUDGED}
    form = {"status": "scored", "score": 0.5, "reason": "partial", **JUDGED, "answer": None}
    row: dict[str, Any] = {"id": f"r{number}", "problem": f"p{number // 4}", "prompt": f"What is {number // 4} + 1?"}
    row |= {"reference": str(number // 4 + 1), "response": "x" * (number % 7), "level": number % 3}
    return row | {"reward": right + 0.5, "verdicts": {"math": math, "format": form}, **fields}


def write(path: Path, rows: list[Any], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open(mode, encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def fill(path: Path, folder: Path) -> Path:
    with Index(path, folder) as index:
        assert index.catch_up()
        return index.database


def ids(database: Path, **asked: Any) -> list[str]:
    with open_index(database) as connection:
        return [row["id"] for row in query.rows(connection, query.Question(**asked))["rows"]]


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    made = [scored(n, right=n % 5 != 0, meta={"source": "ab"[n % 2]}) for n in range(40)]
    made[7] = {"id": "r7", "reward": None, "error": {"line": 8, "reason": "missing_field", "detail": "no response"}}
    return made


def test_it_answers_what_a_reader_of_all_rows_would(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    database = fill(write(tmp_path / "a.jsonl", rows), tmp_path / "cache")
    right = {row["id"]: row["verdicts"]["math"]["score"] for row in rows if "verdicts" in row}
    wanted: list[tuple[dict[str, Any], Callable[[dict[str, Any]], object]]] = [
        ({}, bool),
        ({"outcome": "wrong"}, lambda row: right.get(row["id"]) == 0),
        ({"outcome": "error"}, lambda row: "error" in row),
        ({"reasons": ("math:wrong", "format:partial")}, lambda row: right.get(row["id"]) == 0),
        ({"where": [("level", "=", "2")]}, lambda row: row.get("level") == 2),
        ({"where": [("level", "!=", "2")]}, lambda row: row.get("level") != 2),
        ({"where": [("level", ">", "0")]}, lambda row: row.get("level", 0) > 0),
        ({"where": [("meta.source", "~", "A")]}, lambda row: row.get("meta", {}).get("source") == "a"),
        ({"where": [("level", "has", "")]}, lambda row: "level" in row),
        ({"text": "what is 3 +"}, lambda row: row.get("problem") == "p3"),
        ({"text": "R12"}, lambda row: row["id"] == "r12"),
    ]
    for asked, fits in wanted:
        assert ids(database, **asked) == [row["id"] for row in rows if fits(row)], asked
        with open_index(database) as connection:
            assert query.rows(connection, query.Question(**asked))["total"] == sum(map(bool, map(fits, rows)))
    by_length = ids(database, sort="-chars", limit=6)
    assert [rows[int(name[1:])]["response"] for name in by_length] == ["xxxxxx"] * 5 + ["xxxxx"]
    assert ids(database, sort="reward", limit=8) == ["r0", "r5", "r10", "r15", "r20", "r25", "r30", "r35"]
    assert ids(database, sort="verifier math", limit=200)[-1] == "r7", "what has no value comes last"
    assert ids(database, first=38) == ["r38", "r39"]


def test_a_damaged_index_is_made_anew(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    source = write(tmp_path / "a.jsonl", rows)
    database = fill(source, tmp_path / "cache")
    database.write_bytes(b"no database" * 1_000)
    assert fill(source, tmp_path / "cache") == database
    assert ids(database) == [row["id"] for row in rows]


def test_figures_are_those_of_the_report(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    path = write(tmp_path / "a.jsonl", rows)
    with open_index(fill(path, tmp_path / "cache")) as connection:
        known = query.figures(connection)
    written = write_report(ReportOptions(sources=(str(path),), output=str(tmp_path / "page.html")))
    assert written.summary is not None
    problems = written.summary.problems
    assert known["figures"]["reward"] == [problems.reward.mean, list(problems.reward.bounded_interval or ())]
    assert known["figures"]["accuracy"] == [problems.accuracy.mean, list(problems.accuracy.share_interval or ())]
    assert known["figures"]["problems"] == 10
    assert known["verifiers"]["math"] == {"correct": 31, "wrong": 8}
    assert known["outcomes"] == {"right": 31, "wrong": 8, "open": 0, "error": 1}
    assert (known["entries"], known["done"]) == (40, 1)


@pytest.mark.parametrize("packed", [False, True])
def test_rows_come_back_as_they_stand(tmp_path: Path, rows: list[dict[str, Any]], packed: bool) -> None:
    rows[3]["big"] = 123456789012345678901234567890
    rows[4] |= {"responses": ["a", "b"], "rewards": [1.5, 1.5], "verdicts": [rows[4]["verdicts"]] * 2}
    del rows[4]["response"], rows[4]["reward"]
    path = write(tmp_path / "a.jsonl", rows)
    if packed:
        path = Path(f"{path}.gz")
        path.write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    database = fill(path, tmp_path / "cache")
    whole = [row.data for row in ScoredFiles([str(path)])]
    with open_index(database) as connection:
        back = [read_row(path, connection, entry) for entry in range(42)]
    expected = [(data, 0) for data in whole]
    expected.insert(5, (whole[4], 1))
    assert back == [*expected, None]


def test_it_follows_a_file_that_grows_and_reads_a_replaced_one_anew(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    path = write(tmp_path / "a.jsonl", rows[:10])
    with path.open("a") as file:
        file.write('{"id": "half')
    with Index(path, tmp_path / "cache") as index:
        assert index.catch_up()
        assert ids(index.database) == [f"r{n}" for n in range(10)], "a line that is being written waits"
        with path.open("a") as file:
            file.write('", "response": "", "reference": "1", "reward": null, "verdicts": {}}\n')
        write(path, rows[10:20], "a")
        assert index.catch_up()
        assert ids(index.database, first=9) == ["r9", "half", *(f"r{n}" for n in range(10, 20))]
        path.unlink()
        write(path, [scored(99)])
        assert index.catch_up()
        assert ids(index.database) == ["r99"]
    # A second writer goes on where the first ended.
    write(path, [scored(100)], "a")
    assert ids(fill(path, tmp_path / "cache")) == ["r99", "r100"]


def test_a_batch_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [scored(n) for n in range(500)])
    with Index(path, tmp_path / "cache") as index:
        assert not index.catch_up(0)
        first = ids(index.database, limit=200)
        assert first == [f"r{n}" for n in range(200)], "the first rows are soon there"
        assert index.catch_up()
        with open_index(index.database) as connection:
            assert query.figures(connection)["entries"] == 500


def test_a_question_that_takes_too_long_says_so(
    tmp_path: Path, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = fill(write(tmp_path / "a.jsonl", [scored(n) for n in range(2000)]), tmp_path / "cache")
    monkeypatch.setattr(query, "DEADLINE", -1.0)
    monkeypatch.setattr(query, "_STEPS", 1)
    with open_index(database) as connection, pytest.raises(query.SlowQueryError, match="ask for less"):
        query.rows(connection, query.Question(text="nowhere"))


@pytest.mark.parametrize(
    "asked",
    [
        {"outcome": "odd"},
        {"reasons": ("nobody:wrong",)},
        {"where": [("nothing", "=", "1")]},
        {"where": [("level", "; DROP", "1")]},
        {"where": [("level", "<", "much")]},
        {"sort": "level; DROP TABLE rows"},
    ],
)
def test_a_question_about_nothing_is_refused(tmp_path: Path, rows: list[Any], asked: dict[str, Any]) -> None:
    database = fill(write(tmp_path / "a.jsonl", rows), tmp_path / "cache")
    with open_index(database) as connection, pytest.raises(RunError):
        query.rows(connection, query.Question(**asked))


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no finding
@given(lines=st.lists(st.binary(max_size=40).map(lambda text: text.replace(b"\n", b" ")), max_size=30))
def test_no_line_ends_the_index(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    folder = tmp_path_factory.mktemp("odd")
    path = folder / "a.jsonl"
    path.write_bytes(json.dumps(scored(1)).encode() + b"\n" + b"".join(line + b"\n" for line in lines))
    with open_index(fill(path, folder)) as connection:
        held = [line for line in lines if line.strip(b" \t\r\n")]
        assert query.figures(connection)["entries"] == 1 + len(held)


def test_a_folder_lists_what_can_be_looked_at(tmp_path: Path, rows: list[Any]) -> None:
    write(tmp_path / "deep/scored.jsonl", rows)
    write(tmp_path / "unscored.jsonl", [{"response": "1", "reference": "1"}])
    write(tmp_path / "run/metrics.jsonl", [{"step": 0, "reward": 1.0}])
    write(tmp_path / "run/samples.jsonl", rows)
    write(tmp_path / ".hidden/scored.jsonl", rows)
    (tmp_path / "noted.jsonl").touch()
    noted = {"options": {"preset": "r1_zero", "map": {}}, "fingerprint": "f"}
    (tmp_path / "noted.jsonl.run.json").write_text(json.dumps(noted), encoding="utf-8")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "deep/scored.jsonl")
    assert {(entry.name, entry.kind, entry.reward) for entry in find_entries(tmp_path)} == {
        ("deep/scored.jsonl", "scored", ""),
        ("run", "run", ""),
        ("noted.jsonl", "scored", "r1_zero"),
    }
    with pytest.raises(RunError, match="no folder"):
        find_entries(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name", ["../outside.jsonl", "/etc/passwd", "link.jsonl", "unscored.jsonl", "a\0b", "deep", "", "x" * 5000]
)
def test_nothing_but_entries_has_a_path(tmp_path: Path, rows: list[Any], name: str) -> None:
    write(tmp_path / "outside.jsonl", rows)
    folder = tmp_path / "folder"
    write(folder / "deep/scored.jsonl", rows)
    write(folder / "unscored.jsonl", [{"response": "1"}])
    (folder / "link.jsonl").symlink_to(tmp_path / "outside.jsonl")
    with pytest.raises(NoEntryError):
        Runs(folder).path(name)
    assert Runs(folder).path("deep/scored.jsonl") == (folder / "deep/scored.jsonl").resolve()
