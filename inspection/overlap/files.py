"""Training files held against tests, a row at a time: what each contaminated row shares with which test, and the rest.

Rows that are kept are written as they came. Beside them stand those that were dropped, each with why. A row that cannot
be read cannot be shown to be clean, so that it is dropped too.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from ...rows.convert import kind_of
from ...rows.decode import decode_row
from ...rows.files import Input, RawRow
from ...verifiers.errors import ConfigError, SampleError
from ...verifiers.files import write_whole
from .held_out import HeldOut, Overlap
from .texts import MAX_LINE, Texts

MOST_KEPT = 10_000
"""Dropped rows that a result lists; the file of dropped rows has all."""
_PASSAGES = 100_000


class Dropped(NamedTuple):
    """A training row that is not to be learned from."""

    file: str
    line: int
    id: str | None
    overlap: Overlap | None
    """What it shares with a test; None for a row that cannot be read, or holds no text."""
    fault: str = ""
    """Why it cannot be."""

    @property
    def reason(self) -> str:
        """In a word: `same`, `ngram`, `contained`, `near` or `unreadable`."""
        return self.overlap.kind if self.overlap is not None else "unreadable"

    @property
    def detail(self) -> str:
        """In a sentence."""
        return str(self.overlap) if self.overlap is not None else self.fault

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form."""
        plain = {"file": self.file, "line": self.line, "id": self.id, "reason": self.reason, "detail": self.detail}
        return plain if self.overlap is None else {**plain, "overlap": self.overlap.to_dict()}


@dataclass(slots=True)
class Contamination:
    """What training files share with tests."""

    rows: int = 0
    tests: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Dropped rows by reason."""
    by_file: Counter[str] = field(default_factory=Counter)
    """Contaminated rows by the test's file."""
    passages: Counter[str] = field(default_factory=Counter)
    """Contaminated rows by the passage they share; of the first 100,000 passages."""
    dropped: list[Dropped] = field(default_factory=list)
    """The first 10,000, in order."""
    wrapping: list[str] = field(default_factory=list)
    """N-grams that are no evidence, as many tests of one file have them."""

    @property
    def kept(self) -> int:
        """Rows that share nothing with a test."""
        return self.rows - sum(self.counts.values())

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form."""
        return {
            "rows": self.rows,
            "kept": self.kept,
            "tests": self.tests,
            "counts": dict(self.counts.most_common()),
            "by_file": dict(self.by_file.most_common()),
            "passages": dict(self.passages.most_common(20)),
            "wrapping": self.wrapping[:100],
            "wrapping_count": len(self.wrapping),
            "dropped": [one.to_dict() for one in self.dropped],
        }


def check_against(
    files: Sequence[str],
    held: HeldOut,
    names: dict[str, str | None] | None = None,
    *,
    output: str | None = None,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Contamination:
    """Hold training files against tests.

    Args:
        files: Files, folders or patterns of rows; `-` is standard input.
        held: The tests.
        names: Which path holds `prompt` or `id`, where that is not its usual name.
        output: JSONL file for the rows that are kept; `dropped_path` says where the others go.
        overwrite: Whether files that are there may be replaced.
        progress: Gets the number of rows that are done.

    Raises:
        ConfigError: A file that is to be written is there, or is one of those that are read.
        RunError: A file cannot be read.
        WriteError: One cannot be written.
    """
    result = Contamination(tests=held.rows, wrapping=sorted(held.wrapping.values()))
    rows = Input(files, MAX_LINE)
    if output is None:
        for _ in _each(rows, held, Texts(names), result, progress):
            pass
        return result
    if kind_of(output) is not None:
        raise ConfigError(f"{output} cannot be written as it is called: clean rows are written as plain JSONL")
    target, beside = Path(output), dropped_path(output)
    for path in (target, beside):
        if any(Path(name).exists() and path.exists() and path.samefile(name) for name in rows.files):
            raise ConfigError(f"{path} is read and written; write to another file")
        if path.exists() and not overwrite:
            raise ConfigError(f"{path} is there already; --overwrite replaces it")

    def write(clean: IO[bytes], dropped: IO[bytes]) -> None:
        for raw, why in _each(rows, held, Texts(names), result, progress):
            if why is None:
                clean.write(raw.data + b"\n")
            else:
                dropped.write(_line(raw, why))

    write_whole(target, lambda clean: write_whole(beside, lambda dropped: write(clean, dropped)))
    return result


def dropped_path(output: str) -> Path:
    """Where the rows go that are not kept.

    >>> dropped_path("out/clean.jsonl").name
    'clean.dropped.jsonl'
    """
    path = Path(output)
    return path.with_name(f"{path.name.removesuffix('.jsonl')}.dropped.jsonl")


def _each(
    rows: Input, held: HeldOut, texts: Texts, result: Contamination, progress: Callable[[int], None] | None
) -> Iterator[tuple[RawRow, Dropped | None]]:
    for raw in rows:
        result.rows += 1
        why = _why(raw, rows.files[raw.file], held, texts)
        if why is not None:
            result.counts[why.reason] += 1
            if why.overlap is not None:
                result.by_file[why.overlap.test.file] += 1
                if len(result.passages) < _PASSAGES or why.overlap.passage in result.passages:
                    result.passages[why.overlap.passage] += 1
            if len(result.dropped) < MOST_KEPT:
                result.dropped.append(why)
        if progress is not None and result.rows % 1_000 == 0:
            progress(result.rows)
        yield raw, why


def _why(raw: RawRow, file: str, held: HeldOut, texts: Texts) -> Dropped | None:
    try:
        question, name, others = texts.training(decode_row(raw)[0])
    except SampleError as error:
        return Dropped(file, raw.line, None, None, str(error))
    if not question.strip() and not any(text.strip() for _, text in others):
        return Dropped(file, raw.line, name, None, "the row holds no text")
    overlap = held.match(question, others)
    return None if overlap is None else Dropped(file, raw.line, name, overlap)


def _line(raw: RawRow, why: Dropped) -> bytes:
    line: dict[str, Any] = why.to_dict()  # any: a JSON object
    with contextlib.suppress(SampleError):
        line["row"] = decode_row(raw)[0]
    return json.dumps(line, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n"
