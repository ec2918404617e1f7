"""Where a run of stages keeps each of them: `OUTPUT/STAGE/`, with their order and titles in `OUTPUT/stages.json`.

A folder's name does not depend on which other stages there are. Before 0.2.0 it was `OUTPUT/NN_STAGE/`, numbered by
the stage's place among all; such folders are read, and go on, as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ...verifiers.files import read_json, write_json

_FILE = "stages.json"
_NUMBERED = re.compile(r"\d\d_(\w+)")


class FolderEntry(NamedTuple):
    """A stage as a reader of the run sees it."""

    name: str
    """Its name."""
    title: str = ""
    """What the paper calls its checkpoint."""
    model: str = "base"
    """Which model it trains: `base` or `small`."""


def stage_folder(output: Path, name: str) -> Path:
    """A stage's folder: by its name, unless only one with a number is there."""
    path = output / name
    numbered = [] if path.exists() else [each for each in output.glob(f"??_{name}") if _NUMBERED.fullmatch(each.name)]
    return numbered[0] if numbered else path


def write_stages(output: Path, entries: Sequence[FolderEntry]) -> None:
    """Note which stages a run has, in order; those of an earlier version that are no more stay, last."""
    known = {entry.name for entry in entries}
    kept = [*entries, *(entry for entry in read_stages(output) if entry.name not in known)]
    write_json(output / _FILE, {"stages": [entry._asdict() for entry in kept]})


def read_stages(output: Path) -> list[FolderEntry]:
    """The stages that a run has noted, in order; of one that noted none, those whose folders are numbered."""
    rows = read_json(output / _FILE).get("stages")
    if not isinstance(rows, list):
        numbered = filter(None, (_NUMBERED.fullmatch(path.name) for path in sorted(output.glob("??_*"))))
        return [FolderEntry(match[1]) for match in numbered]
    named = (row for row in rows if isinstance(row, Mapping) and re.fullmatch(r"\w+", str(row.get("name"))))
    return [FolderEntry(**{field: str(row[field]) for field in FolderEntry._fields if field in row}) for row in named]
