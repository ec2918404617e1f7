"""Files written whole or not at all, JSON among them; small JSON read where there may be none; hashes of both."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from .errors import WriteError


def write_whole(path: Path, content: bytes | Callable[[IO[bytes]], object]) -> None:
    """Write a file so that at any moment, and after any crash, the old one or the new one is there whole.

    It is written under another name, flushed, and renamed. A link is followed; a pipe or a device is written to as it
    is. `content` may be a function that writes to the open file. What it does not promise: that a disk which lies about
    flushing is held to its word.

    Raises:
        WriteError: It cannot be written; what was there before is as it was.
    """
    special = path.exists() and not path.is_file()
    target = path if special else Path(os.path.realpath(path))
    beside = path if special else target.with_name(target.name + ".new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            if not special:
                os.fsync(file.fileno())
        if not special:
            beside.replace(target)
            flush_folder(target.parent)
    except (OSError, RuntimeError) as error:
        # torch reports a full disk as a RuntimeError of its own writer.
        reason = error.strerror if isinstance(error, OSError) else str(error).partition("\n")[0]
        raise WriteError(f"cannot write {path}: {reason or error}") from error
    finally:
        if not special:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """See to it that what was made or renamed in a folder is so on the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: str | Path | None, payload: Mapping[str, Any]) -> None:  # any: JSON values
    """Write an object to a file, as `write_whole` does, or to standard output where none is named."""
    text = json.dumps(payload, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if path is None:
        sys.stdout.write(text)
    else:
        write_whole(Path(path), _encoded(text))


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:  # any: as above
    """Write objects, a line each, as `write_whole` does."""
    text = "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    write_whole(path, _encoded(text))


def _encoded(text: str) -> bytes:
    """JSON in UTF-8; half a surrogate pair, which has no bytes there, as its escape."""
    return text.encode("utf-8", "backslashreplace")


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
