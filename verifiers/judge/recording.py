"""What a judge replied, kept in a file: what is there is not asked, or paid, again.

A file of JSON lines, one for each reply that was paid for and each question without an answer: `judge` (the model
and how it sampled), `asked` (hash of that and of the question), `number` (which of several samples of one question),
`reply`, `failed`, `tokens` and `cost`. Several processes may write to one file; each sees what the others have
written. A line that an end of the machine has torn is passed over.

What it does not hold: keys, addresses, and the question itself.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigError, WriteError

_BEGINS = b'{"judge": '


class Recorded(NamedTuple):
    """One line of a recording."""

    reply: str | None
    """What the judge wrote."""
    failed: tuple[str, str] | None = None
    """Why nothing came of it: a word and a sentence."""
    tokens: tuple[int, int] = (0, 0)
    """Read and written."""
    cost: float = 0.0
    """What it cost, by the prices of the run."""


def question_key(settings: list[object], text: str) -> str:
    """The hash by which a recording knows a question to a judge.

    >>> question_key(["a-model", 0.0], "Is it right?") != question_key(["a-model", 0.7], "Is it right?")
    True
    """
    content = json.dumps([settings, text], sort_keys=True, default=repr)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


class Recording:
    """The replies in a file, or in memory only. May be used from many threads and processes."""

    def __init__(self, path: str | Path | None) -> None:
        """Read what is there. Raises ConfigError for a file that is no recording."""
        self._path = Path(path) if path is not None else None
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, int], Recorded] = {}
        self._offset = 0
        self.judges: list[list[object]] = []
        """Those whose replies are in it."""
        self.cost: float = 0.0
        """What all the replies in it cost, those of other processes as of the last line written here."""
        if self._path is not None and self._path.exists():
            with self._lock, io.FileIO(self._path) as file:
                self._read_on(file)

    def get(self, asked: str, number: int) -> Recorded | None:
        """What came of a question: a reply that was of use, if there was one; and what all tries took."""
        return self._rows.get((asked, number))

    def add(self, judge: list[object], asked: str, number: int, row: Recorded) -> None:
        """Keep one. Raises WriteError where it cannot be written."""
        fields = {"judge": judge, "asked": asked, "number": number, **row._asdict()}
        line = json.dumps(fields, default=repr).encode() + b"\n"
        with self._lock:
            if self._path is None:
                self._take(line)
                return
            try:
                with self._open() as file:
                    # One write, which the system does not mix with another's; a torn line is ended first.
                    file.write(b"\n" * self._is_torn(file) + line)
                    self._read_on(file)
            except OSError as error:
                raise WriteError(f"cannot write {self._path}: {error.strerror or error}") from error

    def _open(self) -> io.FileIO:
        assert self._path is not None
        try:
            return io.FileIO(self._path, "a+")
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return io.FileIO(self._path, "a+")

    def _is_torn(self, file: io.FileIO) -> bool:
        end = file.seek(0, os.SEEK_END)
        if end in (0, self._offset):  # all up to there was whole lines
            return False
        file.seek(end - 1)
        return file.read(1) != b"\n"

    def _read_on(self, file: io.FileIO) -> None:
        """Take in the whole lines that were written since the last time, whoever wrote them."""
        file.seek(self._offset)
        data = file.readall()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            row = json.loads(line)
        except ValueError:
            if not (line.startswith(_BEGINS) or _BEGINS.startswith(line)):  # as a torn line does
                raise ConfigError(f"{self._path} holds what is no recording of a judge; name another file") from None
            return
        try:
            key, failed = (str(row["asked"]), int(row["number"])), row["failed"]
            read, written = row["tokens"]
            row_read = Recorded(row["reply"], tuple(failed) if failed else None, (read, written), float(row["cost"]))
            if row["judge"] not in self.judges:
                self.judges.append(list(row["judge"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ConfigError(f"{self._path} holds what is no recording of a judge; name another file") from None
        self.cost += row_read.cost
        held = self._rows.get(key)
        kept = row_read if held is None or held.failed is not None or row_read.failed is None else held
        if held is not None and held.reply is not None:  # else it had been given up, and was asked anew
            read, written = held.tokens[0] + row_read.tokens[0], held.tokens[1] + row_read.tokens[1]
            kept = kept._replace(tokens=(read, written), cost=held.cost + row_read.cost)
        self._rows[key] = kept
