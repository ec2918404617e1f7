"""What people have judged: responses labelled right or wrong, and pairs of which one was preferred.

Of a pair the preferred response is shown first and second by turns, so that no judge can agree with people by always
preferring the same place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...rows.decode import decode_row
from ...rows.files import Input
from ...rows.golds import verdict_label
from ...rows.reader import RowReader
from ...verifiers.errors import ConfigError, RunError, SampleError
from ...verifiers.sample import Sample

_PAIR = ("chosen", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One response and what people say of it."""

    name: str
    """Its row."""
    sample: Sample
    """Of a pair the reference is the other response."""
    label: bool
    """Right, or of a pair preferred to the other."""
    pair: bool = False
    """Whether it is one of a pair."""


def read_labelled(files: Sequence[str], names: Mapping[str, str] | None = None) -> list[Labelled]:
    """The labelled responses of files.

    Args:
        files: JSONL, Parquet and what else `score` reads. Rows have `prompt`, `chosen` and `rejected`; or a response
            with a column of labels (`label`, `correct`, ...).
        names: Which field of a row holds which field of a Sample.

    Returns:
        One for each row; of pairs the chosen and the rejected response take turns at being the first.

    Raises:
        RunError: A row cannot be read, has no label, or is a pair among others that are none.
    """
    reader, labelled, pairs = RowReader(columns=dict(names or {})), list[Labelled](), None
    for raw in Input(files, 64 << 20):
        try:
            fields, _ = decode_row(raw)
            is_pair = all(isinstance(fields.get(name), str | list) for name in _PAIR)
            pairs = is_pair if pairs is None else pairs
            if is_pair != pairs:
                raise SampleError("wrong_type", "it has no chosen and rejected" if pairs else "it is a pair")
            rows = _pair(reader, fields, len(labelled)) if pairs else _single(reader, fields)
            labelled += [Labelled(name=raw.place, sample=sample, label=label, pair=pairs) for sample, label in rows]
        except SampleError as error:
            raise RunError(f"{raw.place} cannot be used to check a judge: {error}") from error
    if not labelled:
        raise ConfigError(f"{', '.join(files)}: there is no row")
    return labelled


def _single(reader: RowReader, fields: Mapping[str, Any]) -> Iterator[tuple[Sample, bool]]:  # any: JSON values
    samples, plural, reading = reader.read_row(fields)
    used = [path for path in reader.columns.values() if path]
    used += [path for _, path in reading.fields] if reading else []
    for part, sample in enumerate(samples):
        label = verdict_label(fields, part if plural else None, used)
        if label is None:
            raise SampleError("missing_field", "no column says whether its response is right (label, correct, ...)")
        yield sample, label


def _pair(reader: RowReader, fields: Mapping[str, Any], number: int) -> Iterator[tuple[Sample, bool]]:  # any: as above
    rest = {key: value for key, value in fields.items() if key not in _PAIR}
    chosen, rejected = (_last(fields[name]) for name in _PAIR)
    if "prompt" not in rest and isinstance(fields["chosen"], list):
        rest["prompt"] = fields["chosen"][:-1]
    label = number % 2 == 0
    one, other = (chosen, rejected) if label else (rejected, chosen)
    columns = {name: path for name, path in reader.columns.items() if path is not None}
    sample = Sample.from_dict({**rest, "response": "", "reference": None, "tests": None}, columns)
    yield replace(sample, response=one, reference=other, kind="general"), label


def _last(content: object) -> str:
    """A response as text, or as the last message of a conversation."""
    if isinstance(content, list):
        content = content[-1].get("content") if content and isinstance(content[-1], Mapping) else None
    if not isinstance(content, str) or not content.strip():
        raise SampleError("wrong_type", "chosen and rejected must be texts, or conversations that end in one")
    return content
