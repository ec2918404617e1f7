"""The notebooks are those of their pages, and run from the first cell to the last."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("rollouts", "r1_zero")
RUN = """
import subprocess, sys
for code in {cells!r}:
    if code.startswith("%%bash\\n"):
        subprocess.run(["bash", "-ec", code.partition("\\n")[2]], check=True)
    else:
        exec(compile(code, "<cell>", "exec"), globals())
"""


def _generator() -> Any:  # any: a module that is no part of the package
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / ".ci" / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _cells(name: str) -> list[str]:
    held = json.loads((ROOT / "docs" / "tutorials" / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert (held["nbformat"], held["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in held["cells"]}) == len(held["cells"])
    return ["".join(cell["source"]) for cell in held["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_are_those_of_their_pages(name: str) -> None:
    generator = _generator()
    assert generator.NAMES == NAMES
    assert (generator.FOLDER / f"{name}.ipynb").read_text(encoding="utf-8") == generator.written(name)


def test_a_changed_page_is_noticed() -> None:
    make = _generator().notebook
    page = "# A\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n\n```console\nls\n```\n"
    cells = make(page, "a")["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "markdown", "code", "code"]
    assert cells[-1]["source"] == ["%%bash\n", "ls"]
    assert make(page.replace("print(1)", "print(2)"), "a") != make(page, "a")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_notebooks_run(name: str, tmp_path: Path) -> None:
    for folder in ("examples", "recipes"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    cells = _cells(name)
    assert len(cells) >= 4
    run = subprocess.run(
        [sys.executable, "-c", RUN.format(cells=cells)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=3_000, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert {"rollouts": "proof None error", "r1_zero": "zero: pass@1 0.9"}[name] in run.stdout
