"""What a test may need of the machine: `@pytest.mark.needs("data")` skips where it is not there, and says so."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A time limit per example would measure the machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
"""Labelled development data, where a checkout has it beside itself."""


def _docker_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


NEEDS: dict[str, Callable[[], bool]] = {
    "data": DATA.is_dir,
    "docker": _docker_answers,
    "pyarrow": _module("pyarrow"),
    "peft": _module("peft"),
    "sklearn": _module("sklearn"),
    "torch": _module("torch"),
}
_found: dict[str, bool] = {}


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        what: str = marker.args[0]
        if what not in _found:
            _found[what] = NEEDS[what]()
        if not _found[what]:
            pytest.skip(f"needs {what}")


@pytest.fixture(scope="session")
def dev_rows() -> Callable[[str], list[dict[str, Any]]]:
    """Reads a file of the labelled data; use with `needs("data")`."""

    def read(name: str) -> list[dict[str, Any]]:
        with (DATA / name).open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    return read
