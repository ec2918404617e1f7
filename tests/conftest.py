"""What a test may need of the machine: `@pytest.mark.needs("data")` skips where it is not there, and says so."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A time limit per example would measure the machine, and examples that differ from run to run would make a run's
# outcome a matter of luck. To look for new ones: pytest --hypothesis-profile=search.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile("same")

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
"""Labelled development data, where a checkout has it beside itself."""


def _sandbox(name: str) -> Callable[[], bool]:
    """Whether programs can be run by that backend here."""

    def there() -> bool:
        from r1_reward.sandbox import SandboxError
        from r1_reward.sandbox.backends import backend

        try:
            made = backend(name)
        except SandboxError:
            return False
        try:
            made.open("python").kill()
        except SandboxError:
            return False
        finally:
            made.close()
        return True

    return there


def _namespaces_for_a_plain_user() -> bool:
    if os.geteuid():
        return _sandbox("local")()
    # Root's own interpreter may lie in a folder that is closed to others, so this takes the system's.
    recent = ["/usr/bin/python3", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    spaces = ["unshare", "-Urmpf", "true"]
    try:
        run = [subprocess.run(c, user=65534, group=65534, extra_groups=[], check=False) for c in (recent, spaces)]
    except FileNotFoundError:
        return False
    return all(each.returncode == 0 for each in run)


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def _command(*names: str) -> Callable[[], bool]:
    return lambda: all(map(shutil.which, names))


NEEDS: dict[str, Callable[[], bool]] = {
    "chromium": _command("chromium", "chromedriver"),
    "data": DATA.is_dir,
    "docker": _sandbox("docker"),
    "g++": _command("g++"),
    "gcc": _command("gcc"),
    "javac": _command("javac"),
    "node": _command("node"),
    "plain-user": _namespaces_for_a_plain_user,
    "pyarrow": _module("pyarrow"),
    "ray": _module("ray"),
    "runsc": _sandbox("runsc"),
    "peft": _module("peft"),
    "sklearn": _module("sklearn"),
    "tensorboard": _module("tensorboard"),
    "torch": _module("torch"),
    "userns": _sandbox("local"),
    "trl": _module("trl"),
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
