"""What a folder holds to look at: scored files, and training runs with their metrics and samples.

Links are not followed, so that nothing outside the folder is shown. A file counts as scored by its first row, or by the
`OUT.run.json` beside it, which `score` writes before the first row.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...rows.packed import unpacked
from ...scoring.scored import options_of
from ...verifiers.errors import RunError

DEEPEST = 8
"""Folders below the one that is viewed."""
MOST_ENTRIES = 5_000
"""Files and runs that are listed."""
MOST_FILES = 200_000
"""Names that are looked at."""
HEAD_BYTES = 1 << 20
"""A file's beginning, by which it is known; a scored row is hardly ever longer."""
_SUFFIX = re.compile(r".*\.(jsonl|ndjson)(\.(gz|zst))?")
METRICS, SAMPLES = "metrics.jsonl", "samples.jsonl"


class RunEntry(NamedTuple):
    """One scored file or training run."""

    name: str
    """Its path below the folder, with `/`."""
    kind: Literal["scored", "run"]
    bytes: int
    """Of the file, or of the run's metrics."""
    modified: float
    """Seconds since 1970."""
    reward: str
    """What it was scored by, where `score` noted it."""
    samples: bool = False
    """Of a run, whether it has a table of samples."""


class NoEntryError(RunError):
    """The folder holds nothing by that name."""


def find_entries(folder: str | Path) -> list[RunEntry]:
    """Scored files and training runs below a folder, the latest first. Raises RunError where it is none."""
    return Runs(folder).find()


class Runs:
    """The entries of a folder, looked for again and again; what a file is, is looked up once."""

    def __init__(self, folder: str | Path) -> None:
        """Raises RunError where `folder` is none."""
        if not Path(folder).is_dir():
            raise RunError(f"{folder} is no folder; view shows the scored files and training runs of one")
        self.root = Path(folder).resolve()
        self._known: dict[Path, tuple[bool, int]] = {}

    def find(self) -> list[RunEntry]:
        """The entries as they are now, the latest first."""
        entries: list[RunEntry] = []
        for path in _files(self.root):
            entry = self._entry(path)
            if entry is not None:
                entries.append(entry)
                if len(entries) >= MOST_ENTRIES:
                    break
        return sorted(entries, key=lambda entry: (-entry.modified, entry.name))

    def path(self, name: str) -> Path:
        """The file of an entry, or the folder of a run. Raises NoEntryError for what is not below the folder."""
        path = self.root / name
        try:
            resolved = path.resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            raise NoEntryError(f"nothing is called {name[:200]!r} here") from None
        # A link may lead outside, and a name with `..` too; a file that is no entry is nobody's to see.
        inside = resolved == path and resolved.is_relative_to(self.root)
        is_run = resolved.is_dir() and (resolved / METRICS).is_file()
        if not inside or not (is_run or self._entry(resolved) is not None):
            raise NoEntryError(f"nothing is called {name[:200]!r} here")
        return resolved

    def _entry(self, path: Path) -> RunEntry | None:
        try:
            if path.is_symlink() or not path.is_file():
                return None
            stat = path.stat()
            if path.name == METRICS:
                name = path.parent.relative_to(self.root).as_posix()
                return RunEntry(name, "run", stat.st_size, stat.st_mtime, "", (path.parent / SAMPLES).is_file())
            if path.name == SAMPLES and (path.parent / METRICS).is_file():
                return None  # a part of its run
            noted = options_of([str(path)])
            # A file that was none is looked at again when it has grown.
            scored, size = self._known.get(path, (False, -1))
            if not scored and size != stat.st_size:
                scored = bool(noted) or _is_scored(path)
                self._known[path] = scored, stat.st_size
        except OSError:
            return None
        if not scored:
            return None
        return RunEntry(path.relative_to(self.root).as_posix(), "scored", stat.st_size, stat.st_mtime, _reward(noted))


def _files(root: Path) -> Iterator[Path]:
    seen = 0
    for folder, folders, names in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        hidden = [name for name in folders if name.startswith(".")]
        folders[:] = sorted(set(folders) - set(hidden)) if depth < DEEPEST else []
        for name in sorted(names):
            seen += 1
            if seen > MOST_FILES:
                return
            if _SUFFIX.fullmatch(name) and not name.startswith("."):
                yield Path(folder) / name


def _is_scored(path: Path) -> bool:
    try:
        with path.open("rb", buffering=1 << 20) as raw, ExitStack() as opened:
            line = unpacked(raw, opened).readline(HEAD_BYTES)
        row = json.loads(line) if b'"verdicts"' in line or b'"error"' in line else None
    except (OSError, EOFError, ValueError, RecursionError):
        return False
    return isinstance(row, dict) and ("reward" in row or "rewards" in row) and ("verdicts" in row or "error" in row)


def _reward(noted: dict[str, Any]) -> str:  # any: JSON values
    rewards = noted.get("preset") or noted.get("rewards") or ""
    return rewards if isinstance(rewards, str) else ", ".join(map(str, rewards))[:200]
