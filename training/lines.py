"""A file of JSON lines that a run appends to, and that a resumed run cuts back to where its checkpoint was.

So no step is in it twice or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..verifiers.errors import WriteError


class Lines:
    """The file, open for no longer than it takes to append."""

    def __init__(self, path: Path, size: int = 0) -> None:
        """`size` is its length at the checkpoint; what is past that is cut off. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        if path.stat().st_size > size:
            os.truncate(path, size)
        self.path = path

    def read(self) -> list[dict[str, Any]]:  # any: JSON values
        """All lines."""
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:  # any: as above
        """Append some; WriteError where they cannot be written."""
        text = "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise WriteError(f"{self.path} cannot be written, the run goes on from its checkpoint: {error}") from error

    def size(self) -> int:
        """How long it is, all of it on the disk."""
        with self.path.open("ab") as file:
            os.fsync(file.fileno())
            return file.tell()
