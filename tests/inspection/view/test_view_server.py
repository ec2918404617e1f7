"""`r1-reward view` as a process: who may ask, what is answered, and that the folder stays as it was."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.inspection.view.conftest import View
from tests.inspection.view.test_view_index import scored, write

from r1_reward.cli import main
from r1_reward.inspection.view import query
from r1_reward.inspection.view.following import Follower
from r1_reward.inspection.view.index import database_of, open_index

Start = Callable[[Path], View]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_answers_those_who_know_the_address_and_changes_nothing(tmp_path: Path, view: Start) -> None:
    folder = tmp_path / "runs"
    path = write(folder / "a.jsonl", [scored(n, right=n % 2 == 0) for n in range(10)])
    write(folder / "run/metrics.jsonl", [{"step": n, "reward": n / 10} for n in range(5)])
    write(tmp_path / "outside.jsonl", [scored(1)])
    before = contents(folder)
    server = view(folder)
    status, headers, body = server.ask("")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert b"http://" not in body.replace(b"http://www.w3.org/", b"")
    status, _, body = server.ask("rows?name=a.jsonl&outcome=wrong&sort=-chars")
    assert status == 200
    assert json.loads(body)["total"] == 5
    status, headers, body = server.ask("row?name=a.jsonl&entry=3")
    assert (status, headers["x-part"], json.loads(body)["id"]) == (200, "0", "r3")
    assert json.loads(server.ask("charts?name=run")[2])["steps"] == 5
    assert json.loads(server.ask("charts?name=a.jsonl")[2]) is None
    assert len(json.loads(server.ask("siblings?name=a.jsonl&entry=3")[2])["rows"]) == 4
    listed = json.loads(server.ask("list")[2])["entries"]
    assert {entry["name"] for entry in listed} == {"a.jsonl", "run"}
    # Rows that are written now are there a moment later.
    with path.open("a") as file:
        file.write(json.dumps(scored(10)) + "\n")
    while json.loads(server.ask("figures?name=a.jsonl")[2])["entries"] != 11:
        pass
    before["a.jsonl"] = path.read_bytes()
    for asked, status in (
        ("rows?name=../outside.jsonl", 404),
        ("row?name=a.jsonl&entry=99", 404),
        ("row?name=a.jsonl&entry=-1", 400),
        ("row?name=a.jsonl&entry=1e9999", 400),
        ("rows?name=a.jsonl&first=many", 400),
        ("rows?name=a.jsonl&where=[1]", 400),
        ("rows?name=a.jsonl&sort=nothing", 400),
        ("rows?name=run", 404),
        ("charts?name=" + "%00" * 20, 404),
        ("nothing", 404),
        ("/", 404),
        ("/favicon.ico", 404),
        ("/wrong-secret/list", 404),
    ):
        answer = server.ask(asked)
        assert answer[0] == status, (asked, answer)
        assert json.loads(answer[2])["error"], asked
    assert server.ask("list", host="evil.example")[0] == 403, "a name that leads here is not this server"
    assert server.ask("list", "POST")[0] == 501
    assert server.ask("", "HEAD")[2] == b""
    assert server.end() == (0, ""), "nothing is said of requests"
    assert contents(folder) == before


def test_interrupt_is_130(tmp_path: Path, view: Start) -> None:
    assert view(tmp_path).end(signal.SIGINT) == (130, "")


def test_a_folder_becomes_static_pages(tmp_path: Path) -> None:
    folder, out = tmp_path / "runs", tmp_path / "site"
    write(folder / "deep/a.jsonl", [scored(n) for n in range(4)])
    write(folder / "run/metrics.jsonl", [{"step": n, "reward": n / 10} for n in range(5)])
    (folder / "torn").mkdir()
    (folder / "torn/metrics.jsonl").write_text("no step\n")
    run = CliRunner().invoke(main, ["view", str(folder), "--write", str(out)])
    assert run.exit_code == 0, run.output
    assert "3 pages" in run.output
    assert "left out: torn: " in run.output
    assert "holds no step" in run.output
    pages = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.html"))
    assert len(pages) == 3
    assert pages[0] == "index.html"
    assert (out / "index.html").read_text().count("<script") == 3


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nowhere"], "nowhere is no folder"),
        (["runs", "--write", "runs/site"], "only read"),
        (["runs", "--write", "site"], "holds no scored file"),
        (["runs", "--index", "file/index"], "cannot keep indexes"),
    ],
)
def test_what_cannot_be_shown_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "file").touch()
    run = CliRunner().invoke(main, ["view", *args])
    assert run.exit_code == 2
    assert words in run.output


def test_a_process_that_was_killed_is_started_anew(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", [scored(n) for n in range(3)])
    second = write(tmp_path / "b.jsonl", [scored(n) for n in range(4)])
    with Follower(tmp_path / "index") as follower:
        follower.follow(first, first=True)
        assert entries_of(first, tmp_path / "index") == 3
        assert follower.process is not None
        os.kill(follower.process, signal.SIGKILL)
        os.waitid(os.P_PID, follower.process, os.WEXITED | os.WNOWAIT)
        follower.follow(second, first=True)
        assert entries_of(second, tmp_path / "index") == 4
        # It goes on with what was followed before.
        write(first, [scored(3)], "a")
        while entries_of(first, tmp_path / "index") != 4:
            pass


def entries_of(path: Path, folder: Path) -> int:
    """Rows in the index, once there are any."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with suppress(sqlite3.Error), open_index(database_of(path, folder)) as database:
            if count := int(query.figures(database)["entries"]):
                return count
        time.sleep(0.01)
    raise AssertionError(f"{path} was not indexed")


def test_a_file_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    good = write(tmp_path / "good.jsonl", [scored(1)])
    with Follower(tmp_path / "index") as follower:
        follower.follow(tmp_path / "gone.jsonl", first=True)
        follower.follow(good, first=False)
        assert entries_of(good, tmp_path / "index") == 1
