"""README and docs/ are true: their commands and Python blocks are run, in a folder that holds the files they name.

A fence says what it is: `console` (run line by line, must succeed), `python` (run), `toml` and `json` (parsed), `text`
(a synopsis, or after a `console` block what that prints: compared, times and versions aside). What cannot be run is
marked `<!-- not run: why -->` on the line above.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[^>]*) -->\n)?^(?P<indent> *)```(?P<language>\S*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S
)
LANGUAGES = ("console", "json", "mermaid", "python", "text", "toml")
VARIES = (
    (r"\d[\d,.]* (s|ms|MB)\b", "# unit"),
    (r"sha256 [0-9a-f]{12}|options [0-9a-f]{16}", "hash"),
    (r"r1-reward \d\S*( \([0-9a-f]{12}\+?\))?,", "version"),
    (r"slowest rows: .*", "slowest rows"),
    (r"\s+", " "),
)
"""What differs from run to run, and what stands for it."""


@dataclass(frozen=True)
class Block:
    """One fence of one page."""

    page: Path
    line: int
    language: str
    text: str
    mark: str
    """The comment above it."""
    prints: str | None = None
    """The `text` block that follows within a few lines, which is what it prints."""

    @property
    def programs(self) -> bool:
        """Whether it scores the example rows, some of which hold programs."""
        return self.language == "console" and "examples/rollouts.jsonl" in self.text

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def _blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    blocks: list[Block] = []
    end = 0
    for fence in FENCE.finditer(text):
        block = Block(
            page, text[: fence.start("language")].count("\n") + 1, fence["language"], fence["text"], fence["mark"] or ""
        )
        between = text[end : fence.start()]
        if (
            blocks
            and blocks[-1].language in ("console", "python")
            and block.language == "text"
            and between.count("\n") <= 5
        ):
            blocks[-1] = replace(blocks[-1], prints=block.text)
        blocks.append(block)
        end = fence.end()
    return blocks


BLOCKS = [block for page in PAGES for block in _blocks(page)]
TUTORIALS = [page for page in PAGES if page.parent.name == "tutorials"]
MINUTES = ("reward_model", "r1_zero")
"""Tutorials that train: the first is slow, the second runs as a notebook (`test_notebooks.py`)."""
RUN = [block for block in BLOCKS if not block.mark.startswith("not run: ") and block.page not in TUTORIALS]


def _like(text: str) -> str:
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    return text.strip()


def _run(command: str | list[str], folder: Path) -> str:
    run = subprocess.run(
        command,
        shell=isinstance(command, str),
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert run.returncode == 0, f"{command}\n{run.stdout}{run.stderr}"
    return run.stdout + run.stderr


def _environment(folder: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "COLUMNS": "120", "NO_COLOR": "1", "OMP_NUM_THREADS": "1", "HOME": str(folder)}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages name, without what scoring makes of them."""
    import zstandard
    from pyarrow import Table, parquet

    folder = tmp_path_factory.mktemp("docs")
    rows = [json.loads(line) for line in (ROOT / "examples" / "rollouts.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row.get("kind", "math") == "math"][:16]
    foreign = [{"completion": row["response"], "answer": row["reference"]} for row in rows]
    train = [{"prompt": row["prompt"], "reference": row["reference"]} for row in rows[::8]]
    for name, held in {"rollouts": rows, "train": train, "logs": foreign}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in held), encoding="utf-8")
    (folder / "logs.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress((folder / "logs.jsonl").read_bytes()))
    parquet.write_table(Table.from_pylist(foreign), folder / "dump.parquet")
    return folder


@pytest.fixture(scope="session")
def scored_files(files: Path) -> Path:
    """The same folder with scored files."""
    folder = files
    for name, extraction in (("before", "strict"), ("after", "lenient"), ("scored", "lenient")):
        _run(f"r1-reward score rollouts.jsonl -o {name}.jsonl --set math.extraction={extraction}", folder)
    for name, same in (("base", "before"), ("tuned", "after")):
        shutil.copy(folder / f"{same}.jsonl", folder / f"{name}.jsonl")
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with those of a checkout that pages read."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    return tmp_path


@pytest.fixture
def folder(files: Path, checkout: Path, request: pytest.FixtureRequest) -> Path:
    """The same with files of the reader's."""
    if re.search(r"(?<![/\w])(before|after|scored|base|tuned)\.jsonl", request.node.callspec.params["block"].text):
        request.getfixturevalue("scored_files")
    shutil.copytree(files, checkout, dirs_exist_ok=True)
    return checkout


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_fence_says_what_it_is(block: Block) -> None:
    assert block.language in LANGUAGES
    if block.mark:
        assert re.fullmatch(r"not run: .{10,}", block.mark), "say why in a sentence"
        assert block.language in ("console", "python")


@pytest.mark.needs("pyarrow")
@pytest.mark.parametrize(
    "block", [block for block in RUN if block.language == "console" and not block.programs], ids=str
)
def test_commands_run_as_they_stand(block: Block, folder: Path) -> None:
    output = ""
    for line in block.text.replace("\\\n", " ").splitlines():
        made = re.search(r"^r1-reward score .* -o (\S+)", line)
        if made and "--resume" not in line:
            (folder / made[1]).unlink(missing_ok=True)
        output += _run(line, folder)
    if block.prints is not None:
        assert _like(block.prints) in _like(output)


@pytest.mark.needs("userns")
@pytest.mark.parametrize("block", [block for block in RUN if block.programs], ids=str)
def test_commands_that_run_programs_run_as_they_stand(block: Block, folder: Path) -> None:
    test_commands_run_as_they_stand(block, folder)


@pytest.mark.parametrize("block", [block for block in RUN if block.language == "python"], ids=str)
def test_python_runs_as_it_stands(block: Block, folder: Path) -> None:
    output = _run([sys.executable, "-c", block.text], folder)
    if block.prints is not None:
        assert _like(block.prints) in _like(output)


@pytest.mark.parametrize("block", [block for block in RUN if block.language in ("json", "toml")], ids=str)
def test_data_is_of_the_form_it_names(block: Block) -> None:
    parse: Callable[[str], object] = tomllib.loads if block.language == "toml" else json.loads
    parse(block.text)


def _run_tutorial(page: Path, folder: Path) -> None:
    """Runs a page's blocks one after the other, as a reader would; a `text` block is what the block above it prints.

    A block that begins with the name of a file is saved there, too.
    """
    for block in _blocks(page):
        output = ""
        if named := re.match(r"# (\w+\.py)\b", block.text):
            (folder / named[1]).write_text(block.text, encoding="utf-8")
        if block.mark.startswith("not run: "):
            continue
        if block.language == "console":
            output = _run(["bash", "-ec", block.text], folder)
        elif block.language == "python":
            output = _run([sys.executable, "-c", block.text], folder)
        if block.prints is not None:
            assert _like(block.prints) in _like(output), f"{block} prints\n{output}"


@pytest.mark.parametrize("page", [page for page in TUTORIALS if page.stem not in MINUTES], ids=lambda page: page.stem)
def test_tutorials_run_from_start_to_end(page: Path, checkout: Path) -> None:
    _run_tutorial(page, checkout)


@pytest.mark.slow
def test_tutorial_about_reward_models_runs_from_start_to_end(checkout: Path) -> None:
    _run_tutorial(ROOT / "docs" / "tutorials" / f"{MINUTES[0]}.md", checkout)


def _anchors(page: Path) -> set[str]:
    """Those of a page's headings, as both GitHub and MkDocs make them."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip()) for title in titles}


def test_links_lead_to_files_and_headings_that_are_there() -> None:
    for page in [*PAGES, ROOT / "CHANGELOG.md", ROOT / "NOTICES.md"]:
        for link in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)", page.read_text(encoding="utf-8")):
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            assert target.exists(), f"{page.name}: {link}"
            assert not anchor or anchor in _anchors(target), f"{page.name}: {link}"


def test_pages_name_files_of_the_repository_that_are_there() -> None:
    """Those outside docs/ stand as code: the site has no page to link to."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for named in re.findall(r"`((?:benchmarks|examples|recipes|locks)/[\w./-]+\.\w+)`", text):
            assert (ROOT / named).exists(), f"{page.name}: {named}"


def test_the_package_names_pages_that_are_there() -> None:
    for room in (ROOT / "src" / "r1_reward").iterdir():
        for path in room.resolve().rglob("*.py") if room.is_dir() else [room]:
            for page in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8")):
                assert (ROOT / page).exists(), f"{path}: {page}"


def test_walks_name_files_that_are_there() -> None:
    page = (ROOT / "docs" / "explanation" / "walks.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+(?:/\w+)*/[\w.]+)`", page))
    assert "scoring/run.py" in named
    missing = {name for name in named if "NAME" not in name and not (ROOT / name).is_file()}
    assert not missing
