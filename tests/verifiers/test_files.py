"""Files are written whole or not at all, wherever they are written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO

import pytest

from r1_reward.verifiers.errors import WriteError
from r1_reward.verifiers.files import write_json, write_rows, write_whole


def test_a_write_that_fails_midway_leaves_the_old_file_and_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_whole(path, b"old")

    def half(file: IO[bytes]) -> None:
        file.write(b"ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(WriteError, match=r"cannot write .*page\.html: No space left"):
        write_whole(path, half)
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_what_cannot_be_json_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [{"n": 1}])
    with pytest.raises(ValueError, match="Out of range"):
        write_rows(path, [{"n": float("nan")}])
    assert path.read_text() == '{"n": 1}\n'


def test_half_a_surrogate_pair_is_written_as_its_escape(tmp_path: Path) -> None:
    write_json(tmp_path / "row.json", {"text": "à \ud800"})
    assert json.loads((tmp_path / "row.json").read_bytes()) == {"text": "à \ud800"}


def test_a_link_is_followed_and_a_device_is_written_to(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    write_whole(Path(os.devnull), b"gone")
    assert not Path(os.devnull).is_file()


def test_a_place_that_is_a_folder_or_lies_in_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "inside"):
        with pytest.raises(WriteError, match=str(path)):
            write_whole(path, b"x")
