"""Small files: JSON written whole or not at all, read where there may be none, and hashes of both."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .errors import ConfigError


def write_whole(path: Path, text: str) -> None:
    """Write a file, whole or not at all; ConfigError where it cannot be."""
    beside = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error


def write_json(path: str | Path | None, told: Mapping[str, Any]) -> None:  # any: JSON values
    """Write an object to a file, as `write_whole` does, or to standard output where none is named."""
    text = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if path is None:
        sys.stdout.write(text)
    else:
        write_whole(Path(path), text)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:  # any: as above
    """Write objects, a line each, as `write_whole` does."""
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))


def read_json(path: Path) -> dict[str, Any]:  # any: as above
    """The object in a file; an empty one where there is none, or half of one."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def hash_of(value: Any) -> str:  # any: as above
    """A short hash of a JSON value, the same for any order of keys.

    >>> hash_of({"a": 1, "b": [2]}) == hash_of({"b": [2], "a": 1}) != hash_of({"a": 1})
    True
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def hash_file(path: str | Path) -> str:
    """The SHA-256 of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
