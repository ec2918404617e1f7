"""Rows gathered for one page: counted all, kept all or a sample, in one pass where they fit and two where not."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ...scoring.scored import ScoredFiles, ScoredRow
from ...scoring.summary import Tally
from ...verifiers.errors import RunError
from ...verifiers.registry import is_accuracy
from .options import ReportOptions
from .pack import Blocks
from .survey import Survey
from .table import Columns

MOST_PLACES = 500_000
"""Responses that are remembered to see whether another file holds them too."""


@dataclass(slots=True)
class Gathered:
    """What the page shows of its rows."""

    survey: Survey
    """Of all rows."""
    columns: Columns
    """Of the rows kept."""
    blocks: Blocks
    files: ScoredFiles
    sampled: str | None
    """How the rows were chosen, in words for a person; None where all are there."""
    repeated: int = 0
    """Responses that stand in more than one of the files, under the same id."""


class _Kept:
    """The rows of a page, until there are too many."""

    def __init__(self, options: ReportOptions) -> None:
        self._flips = options.flips
        self.columns, self.blocks = Columns(options.systems, options.flips), Blocks()

    def add(self, row: ScoredRow) -> None:
        if self._flips and not any(response.name in self._flips[row.file] for response in row.responses):
            return
        self.columns.add(self.blocks.rows, row)
        self.blocks.add(row.data)


def gather(options: ReportOptions, sources: Sequence[str], names: dict[str, str]) -> Gathered:
    """Read the sources. Raises RunError where a source cannot be read, or cannot be read twice and must be."""
    with ExitStack() as opened:
        gathered = _gather(options, sources, names, opened)
        opened.pop_all()  # they are the caller's to close now
        return gathered


def _gather(options: ReportOptions, sources: Sequence[str], names: dict[str, str], opened: ExitStack) -> Gathered:
    survey, files = Survey(Tally([], by=options.by)), ScoredFiles(sources, names, options.group_by)
    opened.callback(survey.tally.groups.close)
    all_of_them = _Kept(options)
    opened.callback(all_of_them.blocks.close)
    kept: _Kept | None = all_of_them
    ranks, sizes, parts = array("Q"), array("I"), array("I")
    rows_seen = _SeenRows() if len(sources) > 1 else None
    most = options.max_mb * 1e6
    packed = raw = 1
    for row in files:
        survey.add(row)
        if rows_seen is not None:
            rows_seen.add(row)
        ranks.append(_rank(row, options.seed))
        sizes.append(min(len(row.data), 2**32 - 1))
        parts.append(max(1, len(row.responses)))
        if kept is not None:
            kept.add(row)
            if kept.columns.size > options.max_rows or kept.blocks.bytes > most:
                packed, raw = max(1, kept.blocks.bytes), max(1, kept.blocks.raw_bytes)
                kept.blocks.close()
                kept = None
    if kept is not None:
        kept.blocks.flush()
        sampled = None
        if options.flips:
            sampled = f"The table holds the {kept.columns.size:,} responses whose verdicts flipped, before and after."
        return Gathered(survey, kept.columns, kept.blocks, files, sampled, rows_seen.repeated if rows_seen else 0)
    if "-" in sources:
        raise RunError(
            f"standard input holds more than fits a page ({options.max_rows:,} responses, {options.max_mb:g} MB); "
            "write it to a file, of which a sample can be taken"
        )
    chosen = _choose(ranks, sizes, parts, options.max_rows, most * raw / packed)
    kept = _Kept(options)
    opened.callback(kept.blocks.close)
    for number, row in enumerate(ScoredFiles(sources, names, options.group_by)):
        if number < len(chosen) and chosen[number]:
            kept.add(row)
    kept.blocks.flush()
    shown, total = kept.columns.size, sum(parts)
    note = (
        f"The table holds {shown:,} of {total:,} responses: whole problems, chosen by a hash of the problem and the "
        f"seed {options.seed}, as many as fit {options.max_rows:,} responses and {options.max_mb:g} MB. "
        "Every figure of the summary is of all rows."
    )
    return Gathered(survey, kept.columns, kept.blocks, files, note, rows_seen.repeated if rows_seen else 0)


class _SeenRows:
    """In which file a response was met first, of the first MOST_PLACES."""

    def __init__(self) -> None:
        self.repeated = 0
        self._file: dict[int, int] = {}

    def add(self, row: ScoredRow) -> None:
        for response in row.responses:
            key = hash((row.sample.id if row.sample else None, response.text))
            if len(self._file) < MOST_PLACES:
                self._file.setdefault(key, row.file)
            self.repeated += self._file.get(key, row.file) != row.file


def _rank(row: ScoredRow, seed: int) -> int:
    key = row.responses[0].scored.problem if row.responses else b"%d:%d" % (row.file, row.line)
    return int.from_bytes(hashlib.blake2b(key, digest_size=8, salt=seed.to_bytes(8, "big", signed=True)).digest())


def _choose(
    ranks: Sequence[int], sizes: Sequence[int], parts: Sequence[int], most_parts: int, most_bytes: float
) -> bytearray:
    """Which rows to keep: those of the problems that rank first, as long as they fit; of one problem that does not
    fit alone, its first rows.

    >>> list(_choose([7, 3, 7, 5], [1, 1, 1, 1], [1, 1, 1, 1], 3, 100))
    [0, 1, 0, 1]
    """
    order = sorted(range(len(ranks)), key=lambda number: (ranks[number], number))
    chosen = bytearray(len(ranks))
    count, weight = 0, 0.0
    for group in _runs(order, ranks):
        more, bytes_more = sum(parts[n] for n in group), sum(sizes[n] for n in group)
        if count + more <= most_parts and weight + bytes_more <= most_bytes:
            for number in group:
                chosen[number] = 1
            count, weight = count + more, weight + bytes_more
        elif count:
            break
        else:
            for number in group:
                if count + parts[number] > most_parts or weight + sizes[number] > most_bytes:
                    break
                chosen[number] = 1
                count, weight = count + parts[number], weight + sizes[number]
            break
    return chosen


def _runs(order: Sequence[int], ranks: Sequence[int]) -> Iterator[list[int]]:
    """Numbers in order, grouped by equal rank."""
    group: list[int] = []
    for number in order:
        if group and ranks[group[0]] != ranks[number]:
            yield group
            group = []
        group.append(number)
    if group:
        yield group


def index_of(gathered: Gathered) -> dict[str, Any]:  # any: a JSON object
    """The index that the page reads first."""
    columns = gathered.columns.to_dict()
    deciders = [name for name in columns["verdicts"] if is_accuracy(name)]
    return {**columns, "blocks": gathered.blocks.first, "deciders": deciders}
