"""A file of training or test data, checked row by row.

What fails a file: rows that cannot be read, golds that do not earn the full score from their own verifier, programs
that pass when empty, a prompt twice, a prompt with two golds, a prompt that holds its answer, no prompt. A row that
could not be judged, as without a sandbox, fails it too: nothing is known of it. What is only worth a look is a warning.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...rows.decode import decode_row
from ...rows.files import Input, RawRow
from ...rows.reader import RowReader
from ...verifiers.errors import SampleError
from ...verifiers.registry import Options
from ...verifiers.sample import Sample
from .golds import Golds
from .prompts import Prompts, leaked

FAILURES = frozenset(
    "unreadable_row gold_not_verified gold_unreadable gold_missing empty_program_passes duplicate_prompt "
    "conflicting_golds leaked_answer empty_prompt not_judged unknown_kind".split()
)
"""Findings that fail the file; all others are warnings."""
MOST_FINDINGS = 10_000
PROFILED = 200
"""Prompts whose language is identified: the first of them by hash, so that they are spread over the file."""
AT_ONCE = 64
"""Rows whose golds are judged together."""
LONG = 20.0
"""A prompt longer than this many times the median is worth a look."""


class Finding(NamedTuple):
    """One thing to fix, or to look at."""

    row: str
    """The row's id, or its line."""
    line: int
    what: str
    detail: str

    @property
    def fails(self) -> bool:
        """Whether it fails the file."""
        return self.what in FAILURES


@dataclass(slots=True)
class Checked:
    """What was found in a file."""

    rows: int = 0
    findings: list[Finding] = field(default_factory=list)
    """The first 10,000, in order of the rows."""
    counts: Counter[str] = field(default_factory=Counter)
    """All, by what they are."""
    kinds: Counter[str] = field(default_factory=Counter)
    lengths: Mapping[str, int] = field(default_factory=dict)
    """Characters of the prompts: least, median, 95 %, most."""
    languages: Mapping[str, int] = field(default_factory=dict)
    """Languages of some prompts."""

    @property
    def failures(self) -> int:
        """Findings that fail the file; a file without a row fails too."""
        return sum(count for what, count in self.counts.items() if what in FAILURES) + (self.rows == 0)

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form."""
        return {
            "rows": self.rows,
            "failures": self.failures,
            "counts": dict(self.counts.most_common()),
            "kinds": dict(self.kinds.most_common()),
            "prompt_characters": dict(self.lengths),
            "prompt_languages": dict(self.languages),
            "findings": [{**finding._asdict(), "fails": finding.fails} for finding in self.findings],
        }


def check(
    files: Sequence[str],
    names: Mapping[str, str] | None = None,
    options: Mapping[str, Options] | None = None,
    *,
    languages: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Checked:
    """Check files of samples. A row needs no response; what it holds of the sort is not judged.

    `progress` is called with the number of rows that are done. Raises RunError for a file that is not there,
    ConfigError for options that a verifier does not have.
    """
    checked, reader = Checked(), RowReader(columns=dict(names or {}))
    golds, prompts = Golds(options), Prompts()
    lengths = array("I")
    some: list[tuple[int, int, str]] = []
    waiting: list[_Row] = []

    def settle() -> None:
        judged = iter(golds.check([row.sample for row in waiting if row.sample is not None]))
        for row in waiting:
            for what, detail in [*row.faults, *(next(judged) if row.sample is not None else ())]:
                checked.counts[what] += 1
                if len(checked.findings) < MOST_FINDINGS:
                    checked.findings.append(Finding(row.name, row.line, what, detail))
        waiting.clear()
        if progress is not None:
            progress(checked.rows)

    for raw in Input(files, 64 << 20):
        checked.rows += 1
        try:
            sample, answered = _sample(raw, reader)
        except SampleError as error:
            waiting.append(_Row(f"line {raw.line}", raw.line, None, [("unreadable_row", str(error))]))
            continue
        name = sample.id if sample.id is not None else f"line {raw.line}"
        checked.kinds[sample.kind_or_guess or "none"] += 1
        text = sample.prompt_text
        lengths.append(min(len(text), 2**32 - 1))
        faults = [] if text.strip() else [("empty_prompt", "the row has no prompt")]
        faults += filter(None, (prompts.add(f"{name} (line {raw.line})", sample, answered), leaked(sample)))
        waiting.append(_Row(name, raw.line, sample, faults))
        rank = (raw.line * 2654435761) & 0xFFFFFFFF  # Knuth's: spread over the file, the same each time
        entry = (-rank, raw.line, text[:2_000])
        if len(some) < PROFILED:
            heapq.heappush(some, entry)
        elif entry > some[0]:
            heapq.heapreplace(some, entry)
        if len(waiting) >= AT_ONCE:
            settle()
    settle()
    _lengths(checked, lengths)
    if languages:
        checked.languages = _languages([text for _, _, text in some if text.strip()])
    return checked


class _Row(NamedTuple):
    """A row whose gold waits to be judged."""

    name: str
    line: int
    sample: Sample | None
    """None where it could not be read."""
    faults: list[tuple[str, str]]
    """What is known already, as finding and detail."""


def _sample(raw: RawRow, reader: RowReader) -> tuple[Sample, bool]:
    """The row as a sample without its response, and whether it had one. Raises SampleError."""
    fields, _ = decode_row(raw)
    columns = [reader.columns.get(name) or name for name in ("response", "responses")]
    return reader.read_question(fields), any(fields.get(column) is not None for column in columns)


def _lengths(checked: Checked, lengths: array[int]) -> None:
    if not lengths:
        return
    ordered = sorted(lengths)
    last = len(ordered) - 1
    shares = (("least", 0.0), ("median", 0.5), ("95 %", 0.95), ("most", 1.0))
    checked.lengths = {name: ordered[int(share * last)] for name, share in shares}
    bound = LONG * max(1, checked.lengths["median"])
    long = sum(length > bound for length in ordered)
    if long:
        checked.counts["very_long_prompt"] += long


def _languages(texts: Sequence[str]) -> dict[str, int]:
    """The main language of each text, counted."""
    from ...verifiers.language import LanguageVerifier

    languages: Counter[str] = Counter()
    verdicts = LanguageVerifier(scope="all")([Sample(response=text, language="en") for text in texts])
    for verdict in verdicts:
        counts = verdict.evidence.get("counts", {})
        languages[max(counts, key=lambda code: counts[code]) if counts else "none"] += 1
    return dict(languages.most_common())
