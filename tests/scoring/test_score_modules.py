"""What the summary says of modules that the sandbox lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from r1_reward.cli import main
from r1_reward.sandbox.images import DEFAULT_PACKAGES, locked
from r1_reward.scoring.modules import modules_note
from r1_reward.scoring.summary import Tally

ADD = "def f(): return 1"
DEFAULT = "numpy,scipy,pandas,sympy,networkx,sortedcontainers,more-itertools,pytest"


def row(program: str, test: str = "assert f() == 1") -> dict[str, object]:
    return {"response": f"```python\n{program}\n```", "tests": [test]}


@pytest.mark.needs("userns")
def test_the_summary_names_missing_modules_and_the_command_that_adds_them(tmp_path: Path) -> None:
    rows = [
        row(f"import no_such_thing\n{ADD}"),
        row(f"import no_such_thing.inner\n{ADD}"),
        row(ADD, "import nor_this\nassert f() == 1"),
        row(ADD),
        row("def f(): return 2"),
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    options = [
        "-o",
        str(tmp_path / "out.jsonl"),
        "--summary",
        str(tmp_path / "summary.json"),
        "--workers",
        "1",
        "--max-errors",
        "100%",
    ]
    options += ["--reward", "code", "--set", "code.backend=local", str(tmp_path / "in.jsonl")]
    result = CliRunner().invoke(main, ["score", *options])
    assert result.exit_code == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("missing_module in ")]
    text = (
        "missing_module in 3 of 5 programs (60.0%): no_such_thing 2, nor_this 1; if these are the packages you mean: "
    )
    command = f"r1-reward sandbox build --packages {DEFAULT},no_such_thing,nor_this"
    assert lines == [text + command]
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["notes"] == lines
    again = CliRunner().invoke(main, ["score", *options, "--resume"])
    assert text + command in again.stderr.splitlines()


def test_no_note_where_no_module_is_missing() -> None:
    assert modules_note(Tally([])) is None


def test_packages_are_named_as_a_registry_has_them() -> None:
    tally = Tally([])
    tally.missing_modules.update({"sklearn": 2, "numpy": 1, "a; b": 1})
    note = modules_note(tally)
    assert note is not None
    assert note.endswith(f" --packages {DEFAULT},scikit-learn")


def test_the_default_packages_are_in_the_default_set() -> None:
    assert set(DEFAULT_PACKAGES) <= {requirement.partition("==")[0] for requirement in locked()}
