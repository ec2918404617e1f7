"""What an evaluation reads and writes: its questions, and a file of samples that any kind of end leaves usable.

Beside OUT stands OUT.run.json, which says what OUT was made with; going on with anything else is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ..rows.decode import decode_row
from ..rows.files import Input, RawRow
from ..rows.reader import RowReader
from ..verifiers.errors import ConfigError, RunError, SampleError, WriteError
from ..verifiers.files import read_json, write_json
from ..verifiers.sample import Sample
from .schemas import SCHEMA_VERSION
from .scored import ScoredFiles, ScoredRow

MAX_LINE = 64 << 20
"""Longest line of a benchmark, in bytes."""
_PROBE = 1 << 20
"""Bytes that are read at either end of a file of weights; training changes them all."""


def read_samples(
    files: Sequence[str] | Input, names: Mapping[str, str] | None = None, *, responses: bool = False
) -> list[Sample]:
    """Samples from files that `score` reads; ConfigError, naming the line, for a row that is none.

    `names` says which field of a row holds which field of a Sample. Without `responses` they are questions: the
    response of each is empty, whatever its row holds.
    """
    return [sample for _, sample in _samples(files, names, responses=responses)]


def read_benchmark(files: Sequence[str] | Input, names: Mapping[str, str] | None = None) -> list[Sample]:
    """Questions, as `read_samples` has them, of which each must have a prompt, and a reference or the like."""
    samples = []
    for place, sample in _samples(files, names, responses=False):
        if not sample.prompt_text or sample.kind_or_guess is None:
            lacking = "reference" if sample.prompt_text else "prompt"
            raise ConfigError(f"{place}: the row has no {lacking}; --map {lacking}=FIELD says where it is")
        samples.append(sample)
    return samples


def _samples(
    files: Sequence[str] | Input, names: Mapping[str, str] | None, *, responses: bool
) -> Iterator[tuple[str, Sample]]:
    """Samples, each with the file and line that it is from."""
    try:
        rows = files if isinstance(files, Input) else Input(files, MAX_LINE)
    except RunError as error:
        raise ConfigError(str(error)) from error
    reader = RowReader(columns=dict(names or {}))
    for row in rows:
        place = f"{rows.files[row.file]}, line {row.line}"
        try:
            read = reader.read_row(decode_row(row)[0], question=not responses)
            for sample in read.samples:
                yield place, sample
        except SampleError as error:
            raise ConfigError(f"{place}: {error}") from error


class SampleFile:
    """The samples of questions, k lines a question; in memory where it has no path."""

    def __init__(
        self,
        path: str | Path | None,
        k: int,
        made_by: str | None,
        options: Mapping[str, Any],  # any: JSON values
        *,
        resume: bool,
        overwrite: bool = True,
        usable: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        """Open it; ConfigError where it cannot be written, or was made by something else than `made_by`.

        With `resume` the questions before the first line that is not `usable` are kept. Without it, and without
        `overwrite`, a file that is there is a ConfigError.
        """
        self.questions = 0
        self._k, self._memory, self._path = k, list[bytes](), Path(path) if path else None
        if self._path is None:
            return
        record, start = self._path.with_name(self._path.name + ".run.json"), 0
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if resume and self._path.exists():
                _check(record, made_by)
                self.questions, start = _whole(self._path, k, usable)
            elif not (resume or overwrite) and self._path.exists():
                raise ConfigError(f"{self._path} is there; go on with it (resume), or name another file")
            self._file = self._path.open("ab")
            self._file.truncate(start)
            note = {"schema_version": SCHEMA_VERSION, "fingerprint": made_by, "options": {**options, "k": k}}
            write_json(record, note)
        except (OSError, WriteError) as error:
            raise ConfigError(f"{self._path} cannot be written: {error}") from error

    def __enter__(self) -> SampleFile:
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

    def rows(self) -> Iterator[ScoredRow]:
        """The samples that the lines hold."""
        return (ScoredFiles([]).read(RawRow(0, 0, line)) for line in self.lines())


def fingerprint(
    folder: str | Path | None,
    options: Mapping[str, Any],  # any: JSON values
    questions: Sequence[Sample],
) -> str:
    """A hash of a checkpoint, of what it is asked, and how; without a folder the options name the model.

    Of a large file of weights its size and either end count. A model named on a hub counts by its name only.
    """
    digest = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode())
    for path in sorted(each for each in Path(folder).glob("*") if each.is_file()) if folder else ():
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
    theirs = read_json(record).get("fingerprint")
    if made_by is None or theirs != made_by:
        raise ConfigError(
            f"{record.with_suffix('').with_suffix('')} was made with another model, other questions or options (or "
            "nothing says with which); start anew without resume, or write to another file"
        )


def _whole(path: Path, k: int, usable: Callable[[bytes], bool]) -> tuple[int, int]:
    """How many questions are there with all their samples, and the length of the file up to there."""
    ends = [0]
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n") or not usable(line):
                break
            ends.append(ends[-1] + len(line))
    whole = (len(ends) - 1) // k
    return whole, ends[whole * k]
