"""The note of a run in which many prompts show no language while the others show one: tried on the first rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..rows.decode import decode_row
from ..rows.files import RawRow
from ..rows.reader import RowReader
from ..verifiers.errors import SampleError
from ..verifiers.registry import make
from ..verifiers.sample import Sample
from .options import ScoreOptions
from .summary import Tally

SAMPLED = 200
"""Rows whose prompts are looked at."""
_SKIPPED = 0.01
"""Share of responses without a target from which on they are."""
_LEAST = 20
"""Prompts that must show a language."""
_ALIKE = 0.98
"""Share of them that must show the same."""


def language_note(options: ScoreOptions, tally: Tally, rows: Sequence[RawRow]) -> str | None:
    """A sentence with the language that nearly all other prompts show; None where they show none, or it is set."""
    counts = tally.by_verifier.get("language")
    settings = dict(options.set.get("language", {}))
    if counts is None or settings.get("default") is not None:
        return None
    statuses = counts[0]
    skipped, total = statuses.get("skipped", 0), sum(statuses.values())
    if skipped <= _SKIPPED * total:
        return None
    samples = [sample for row in rows for sample in _samples(row, options.reader)]
    names = [verdict.evidence.get("target") for verdict in make("language", settings)(samples)]
    targets = Counter(target for target in names if isinstance(target, str))
    if not targets:
        return None
    (language, most), shown = targets.most_common(1)[0], sum(targets.values())
    if shown < _LEAST or most < _ALIKE * shown:
        return None
    return (
        f"language was not judged for {skipped:,} of {total:,} responses, whose prompts show none; of the first rows "
        f"{most} of {shown} others are in {language}: --set language.default={language} takes it for all"
    )


def _samples(row: RawRow, reader: RowReader) -> list[Sample]:
    try:
        return reader.read_row(decode_row(row)[0]).samples[:1]
    except SampleError:
        return []
