"""The samples of an evaluation: a file that can be gone on with after any kind of end, or lines in memory.

Beside OUT stands OUT.run.json, which says what OUT was made with; going on with anything else is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ..verifiers import Sample
from ..verifiers.errors import ConfigError

_PROBE = 1 << 20
"""Bytes that are read at either end of a file of weights; training changes them all."""


class Output:
    """The samples of each question, k lines a question."""

    def __init__(
        self,
        path: str | Path | None,
        k: int,
        made_by: str | None,
        options: Mapping[str, Any],  # any: JSON values
        *,
        resume: bool,
    ) -> None:
        """Open it; ConfigError where it cannot be written, or was made by something else than `made_by`."""
        self.questions = 0
        self._k, self._memory, self._path = k, list[bytes](), Path(path) if path else None
        if self._path is None:
            return
        record, start = self._path.with_name(self._path.name + ".run.json"), 0
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if resume and self._path.exists():
                _check(record, made_by)
                self.questions, start = _whole(self._path, k)
            self._file = self._path.open("ab")
            self._file.truncate(start)
            beside = record.with_name(record.name + ".new")
            told = {"fingerprint": made_by, "options": {**options, "k": k}}
            beside.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
            beside.replace(record)
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be written: {error}") from error

    def __enter__(self) -> Output:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._path:
            self._file.close()

    def write(self, lines: Sequence[bytes]) -> None:
        """Add the samples of some questions."""
        if self._path:
            self._file.write(b"".join(line + b"\n" for line in lines))
            self._file.flush()
        else:
            self._memory += lines
        self.questions += len(lines) // self._k

    def lines(self) -> Iterator[bytes]:
        """All lines, those of an earlier run first."""
        if self._path is None:
            yield from self._memory
            return
        with self._path.open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")


def fingerprint(folder: str | Path, options: Mapping[str, Any], questions: Sequence[Sample]) -> str:  # any: JSON values
    """A hash of a checkpoint, of what it is asked, and how.

    Of a large file of weights its size and either end count. A model named on a hub counts by its name only.
    """
    digest = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode())
    for path in sorted(each for each in Path(folder).glob("*") if each.is_file()):
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest.update(f"{path.name} {size}".encode())
            for place in {0, max(0, size - _PROBE)}:
                file.seek(place)
                digest.update(file.read(_PROBE))
    for sample in questions:
        digest.update(json.dumps(sample.to_dict(), sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]


def _check(record: Path, made_by: str | None) -> None:
    try:
        theirs = json.loads(record.read_text(encoding="utf-8"))["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        theirs = None
    if made_by is None or theirs != made_by:
        raise ConfigError(
            f"{record.with_suffix('').with_suffix('')} was made with another model, other questions or options (or "
            "nothing tells with which); start anew without resume, or write to another file"
        )


def _whole(path: Path, k: int) -> tuple[int, int]:
    """How many questions are there with all their samples, and the length of the file up to there."""
    ends = [0]
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                ends.append(ends[-1] + len(line))
    whole = (len(ends) - 1) // k
    return whole, ends[whole * k]
