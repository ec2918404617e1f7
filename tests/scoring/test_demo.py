"""The demo's own command, as Makefile and README have it, runs twice."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from r1_reward.cli import main

ROOT = Path(__file__).resolve().parents[2]


def commands() -> dict[str, list[str]]:
    made = re.search(
        r"^demo:.*\n\t\$\(\w+\)(?:/bin)?/r1-reward ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    match = re.search(
        r"^r1-reward (score examples/rollouts\.jsonl .*)$", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert made is not None
    assert match is not None
    return {"Makefile": shlex.split(made[1].replace("\\\n", " ")), "README": shlex.split(match[1])}


def test_makefile_and_readme_agree() -> None:
    assert commands()["Makefile"] == commands()["README"]


@pytest.mark.needs("userns")  # the examples hold programs
def test_the_demo_runs_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for _ in range(2):
        result = CliRunner().invoke(main, commands()["Makefile"])
        assert result.exit_code == 0, result.stderr
        assert len((tmp_path / "out" / "scored.jsonl").read_text(encoding="utf-8").splitlines()) == 220
