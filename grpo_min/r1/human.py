"""A person's word on what is learned from, between two stages (B.3): rows out, marks in.

The stage writes what passed its filters to `to_check.jsonl` of its folder, and ends until each row has a mark in the
file that the recipe names. A mark is a row with the same `check` and `accept`, or `label` as the page of
`r1-reward report` saves it: true or false. Rows that a person has rejected are left out and counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...rows.decode import decode_row
from ...rows.files import Input
from ...training.distributed import processes
from ...verifiers import Sample
from ...verifiers.errors import ConfigError, RunError, SampleError
from ...verifiers.files import write_rows

TO_CHECK = "to_check.jsonl"
_MARKS: dict[object, bool] = {
    **dict.fromkeys((True, "accept", "accepted", "right", "yes"), True),
    **dict.fromkeys((False, "reject", "rejected", "wrong", "no"), False),
}


class HandChecked(NamedTuple):
    """What a person has left."""

    samples: list[Sample]
    rejected: int
    """How many were not accepted."""


def check_by_hand(samples: Sequence[Sample], folder: Path, marks: str, stage: str) -> HandChecked:
    """The samples that a person has accepted.

    Args:
        samples: What passed the stage's filters.
        folder: The stage's, for `to_check.jsonl`.
        marks: The file of marks; empty: nobody looks, and all are accepted.
        stage: Its name.

    Raises:
        RunError: Samples have no mark yet; the message says where they are.
        ConfigError: A mark is none, or two of one row differ.
    """
    if not marks:
        return HandChecked(list(samples), 0)
    keys = [_key(sample) for sample in samples]
    together = processes()
    if together.rank == 0:
        rows = ({"check": key, **sample.to_dict()} for key, sample in zip(keys, samples, strict=True))
        write_rows(folder / TO_CHECK, rows)
    together.all_gather_object(None)
    decided = read_marks(marks) if Path(marks).exists() else {}
    missing = sum(key not in decided for key in keys)
    if missing:
        raise RunError(
            f"{stage} waits for a person: {missing} of {len(keys)} rows of {folder / TO_CHECK} have no mark in {marks};"
            " copy them there with `accept` true or false, and run again"
        )
    kept = [sample for key, sample in zip(keys, samples, strict=True) if decided[key]]
    return HandChecked(kept, len(samples) - len(kept))


def read_marks(path: str) -> dict[str, bool]:
    """What a person has said of each row, by its `check`. Raises ConfigError, naming the line."""
    decided: dict[str, tuple[bool, int]] = {}
    for raw in Input([path], 64 << 20):
        try:
            row = decode_row(raw)[0]
        except SampleError as error:
            raise ConfigError(f"{path}, line {raw.line}: {error}") from None
        key, mark = row.get("check"), row.get("accept", row.get("label"))
        if isinstance(mark, str):
            mark = mark.strip().lower()
        if mark is None:
            continue  # a copy of the row that nobody has marked
        if not isinstance(key, str) or not isinstance(mark, str | bool) or mark not in _MARKS:
            raise ConfigError(f"{path}, line {raw.line}: a mark needs `check` and `accept`, true or false")
        before = decided.setdefault(key, (_MARKS[mark], raw.line))
        if before[0] is not _MARKS[mark]:
            raise ConfigError(f"{path}: lines {before[1]} and {raw.line} say the opposite of one row, {key}")
    return {key: accepted for key, (accepted, _) in decided.items()}


def _key(sample: Sample) -> str:
    """A row's name: the same for the same prompt and response."""
    text = json.dumps([sample.prompt_text, sample.response])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
