"""Where finished rows go: a file that can be resumed after any kind of end, or standard output.

Beside OUT stands OUT.run.json with the options that OUT was made with; it is what a resumed run is checked against.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from ..rows.convert import convert, kind_of
from ..verifiers.errors import RunError, WriteError
from ..verifiers.files import write_json
from .options import ScoreOptions
from .schemas import SCHEMA_VERSION

try:
    import fcntl
except ImportError:  # not a Unix; two runs on one file are then not told apart
    fcntl = None  # type: ignore[assignment]  # a module or nothing


_STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


class Output:
    """The output of one run. Rows are written a chunk at a time, so that a kill tears at most the last line."""

    def __init__(self, options: ScoreOptions) -> None:
        """Open it, locked against a second run. Raises RunError, saying why and the way out."""
        self._path = None if options.output in _STANDARD_OUTPUT else Path(options.output)
        self._options = options
        self._earlier = 0
        self._stream = True
        if self._path is None:
            if sys.stdout is None:
                raise RunError("standard output is closed; name an output file with -o")
            self._file: IO[bytes] = sys.stdout.buffer
            return
        self._record = self._path.with_name(self._path.name + ".run.json")
        self._target, self._kind = self._path, kind_of(self._path)
        _check_paths(options, [self._path, self._record])
        if self._kind is not None and (not self._path.exists() or self._path.is_file()):
            # Rows are kept as JSONL until the last is there, so that a run can be resumed after any kind of end.
            self._path = self._path.with_name(self._path.name + ".part.jsonl")
            self._check_target(options)
        else:
            self._kind = None
        new = not self._path.exists()
        self._stream = self._path.exists() and not self._path.is_file() and not self._path.is_dir()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("wb" if self._stream else "x+b" if new else "r+b")
        except OSError as error:
            raise RunError(f"cannot write {self._path}: {error.strerror}") from error
        if self._stream:  # a pipe or a device: nothing to lock, to resume or to note
            return
        try:
            self._lock()
            if options.resume:
                self._earlier = self._check(options)
            elif not options.overwrite:
                self._refuse_to_overwrite()
        except BaseException:
            self._file.close()
            if new:
                self._path.unlink()
            raise
        finally:
            self._new = new

    def rows(self) -> int | None:
        """How many rows it holds; None of a pipe, whose rows cannot be counted."""
        if self._path is None or self._stream or self._file.closed:
            return None
        place = self._file.tell()
        count = _count_lines(self._file)
        self._file.seek(place)
        return count

    def finish(self) -> None:
        """Close it, with every row there: now it becomes the kind of file that was asked for. Raises WriteError."""
        self.close()
        if self._path is not None and self._kind is not None:
            try:
                convert(self._path, self._target, self._kind)
                self._path.unlink()
            except OSError as error:
                raise WriteError(f"writing {self._target} failed: {error.strerror or error}") from error

    def _check_target(self, options: ScoreOptions) -> None:
        """Raise RunError where the finished file is there and is to be kept."""
        assert self._path is not None
        if not self._target.exists() or not self._target.stat().st_size or options.overwrite:
            return
        if options.resume and self._path.exists():
            return  # ended between the two
        way = "nothing is left to resume; " if options.resume and _noted(self._record) else ""
        raise RunError(f"{self._target} is there; {way}--overwrite replaces it, or write to another file")

    def begin(self) -> None:
        """Note the options and let go of what is not to be kept: the last thing before rows are written. Raises
        RunError, with the file as it was."""
        if self._stream:
            return
        self._note(self._options)
        self._file.truncate(self._earlier)
        self._file.seek(self._earlier)
        self._new = False

    @property
    def resumed(self) -> bool:
        """Whether an earlier run left rows to take over."""
        return self._earlier > 0

    def earlier(self) -> Iterator[bytes]:
        """The rows that an earlier run finished, without their line ends."""
        if self._path is None or not self._earlier:
            return
        with self._path.open("rb", buffering=1 << 20) as file:
            while file.tell() < self._earlier:
                yield file.readline().rstrip(b"\n")

    def write(self, lines: Sequence[bytes]) -> None:
        """Write finished rows and let go of them. Raises OSError."""
        if lines:
            self._file.write(b"\n".join(lines) + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Close it; the lock goes with it. A file made for a run that never began goes too."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._file.close()
                if not self._stream and self._new:
                    self._path.unlink()

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(f"another run is writing {self._path}") from None

    def _refuse_to_overwrite(self) -> None:
        """Raise RunError where the output, or its record, holds anything."""
        assert self._path is not None
        size = self._file.seek(0, os.SEEK_END)
        if size:
            rows = _count_lines(self._file)
            ours = _noted(self._record)
            held = f"{rows:,} row{'s' * (rows != 1)}" if ours else f"{rows:,} lines ({size:,} bytes) of something else"
            way = "--resume goes on with them, " if ours else ""
            raise RunError(
                f"{self._path} is there and holds {held}; {way}--overwrite replaces it, or write to another file"
            )
        if self._record.exists() and not _noted(self._record):
            raise RunError(
                f"{self._record} is there and is no record of a run; --overwrite replaces it, or write to another file"
            )

    def _check(self, options: ScoreOptions) -> int:
        """Length of the whole lines that are there. Raises RunError where other options made them."""
        length = _whole_lines(self._file)
        if length == 0 and (_noted(self._record) or _is_torn(self._file)):
            return 0
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            theirs, their_options = record["fingerprint"], dict(record["options"])
        except (OSError, ValueError, KeyError, TypeError):
            raise RunError(
                f"{self._path} cannot be resumed: {self._record} is missing or damaged, so nothing says with which "
                "options it was made; start anew without --resume"
            ) from None
        if theirs != options.fingerprint:
            mine = _effective(options)
            differing = [key for key in {**mine, **their_options} if mine.get(key) != their_options.get(key)]
            raise RunError(
                f"{self._path} was made with other options: its fingerprint is {theirs}, this run's is "
                f"{options.fingerprint}; they differ in "
                + "; ".join(f"{key}: {their_options.get(key)!r} then, {mine.get(key)!r} now" for key in differing)
            )
        return length

    def _note(self, options: ScoreOptions) -> None:
        record = {"schema_version": SCHEMA_VERSION, "fingerprint": options.fingerprint, "options": _effective(options)}
        write_json(self._record, record)


def _check_paths(options: ScoreOptions, written: list[Path]) -> None:
    """Raise RunError where a file that is written is also read, or written twice."""
    for what, name in (("summary", options.summary), ("report", options.report)):
        if name is None:
            continue
        for path in written:
            if _same(path, Path(name)):
                raise RunError(f"{name} cannot hold both the {what} and the rows, their record or the summary")
        written = [*written, Path(name)]
    for name in options.files:
        for path in written:
            if _is_standard_input(path) if name == "-" else _same(path, Path(name)):
                raise RunError(f"{path} is both input and output; write to another file")


def _is_standard_input(path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stdin.fileno()), path.stat())
    except (OSError, ValueError, AttributeError):
        return False


def _effective(options: ScoreOptions) -> dict[str, Any]:  # any: a JSON object
    from .._version import __version__

    return {"version": __version__, **options.to_dict()}


def _same(a: Path, b: Path) -> bool:
    try:
        return a.samefile(b)
    except OSError:
        return a.resolve() == b.resolve()


def _noted(record: Path) -> bool:
    """Whether a file is the record of a run."""
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "fingerprint" in content


def _is_torn(file: IO[bytes]) -> bool:
    """Whether a file without a line end holds nothing, or the beginning of a row and no whole JSON."""
    file.seek(0)
    text = file.read(1 << 20)
    if not text.startswith(b"{"):
        return not text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _count_lines(file: IO[bytes]) -> int:
    """How many lines a file holds, the last one with or without its end."""
    file.seek(0)
    count, last = 0, b"\n"
    while block := file.read(1 << 20):
        count += block.count(b"\n")
        last = block[-1:]
    return count + (last != b"\n")


def _whole_lines(file: IO[bytes]) -> int:
    """Length of a file up to its last line end, found from behind."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - (1 << 20))
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0
